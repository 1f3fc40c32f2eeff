"""Every word of the page, in English and Chinese, and the choice between them. Knows no gradio.

Words that never change are put on the page by key and translated in the browser (`i18n.py`). Sentences with numbers or
names in them are said here, in the language that the person's browser shows.
"""

import re
from collections.abc import Mapping

_LANGUAGE_COOKIE = re.compile(r"(?:^|;\s*)studio_language=([A-Za-z-]{2,12})")


def language_of(headers: Mapping[str, str]) -> str:
    """ "zh" or "en": what the page is shown in (it leaves a cookie), else what the browser asks for first."""
    cookie = _LANGUAGE_COOKIE.search(headers.get("cookie") or "")
    asked = cookie[1] if cookie else (headers.get("accept-language") or "")
    return "zh" if asked.strip().lower().startswith("zh") else "en"


def say(key: str, language: str, **values: object) -> str:
    """The words of `key`, with `values` filled in."""
    return WORDS[key][1 if language == "zh" else 0].format(**values)


WORDS: dict[str, tuple[str, str]] = {
    # frame
    "text": ("Text", "文本"),
    "library": ("Library", "作品库"),
    "chat": ("Chat", "对话"),
    "tasks": ("Tasks", "任务"),
    "other_language": ("中文", "English"),
    "theme": ("Light / dark", "浅色 / 深色"),
    "jobs": ("Your jobs", "你的作业"),
    "jobs_none": ("No jobs running", "没有运行中的作业"),
    "jobs_running": ("{n} running", "{n} 个运行中"),
    "jobs_waiting": ("{n} waiting", "{n} 个等待中"),
    "jobs_empty": (
        "Nothing has been started yet. Every answer and every task stands here while it waits and runs, even after you "
        "close the page.",
        "还没有启动过作业。每个回答和任务在等待和运行时都会出现在这里，关闭页面也不会丢失。",
    ),
    "device_chip": ("{device} · {used} of {total}", "{device} · {used} / {total}"),
    "device_starting": ("{device} · starting", "{device} · 正在启动"),
    "state_queued": ("waiting", "等待中"),
    "state_running": ("running", "运行中"),
    "state_done": ("done", "完成"),
    "state_failed": ("failed", "失败"),
    "state_cancelled": ("stopped", "已停止"),
    "state_interrupted": ("interrupted", "已中断"),
    "guest": (
        "This browser sends no cookies, so nothing you make here can be listed or found again. Allow cookies for this "
        "address and reload.",
        "浏览器没有发送 Cookie，因此你在这里创作的内容无法列出或找回。请允许此地址使用 Cookie 后刷新页面。",
    ),
    # verbs
    "send": ("Send", "发送"),
    "stop": ("Stop", "停止"),
    "run": ("Run", "运行"),
    "run_again": ("Run again", "再次运行"),
    "regenerate": ("Regenerate", "重新生成"),
    "continue_answer": ("Continue", "续写"),
    "delete": ("Delete", "删除"),
    "delete_turn": ("Delete last turn", "删除最后一轮"),
    "rename": ("Rename", "重命名"),
    "save": ("Save", "保存"),
    "cancel": ("Cancel", "取消"),
    "export_md": ("Export .md", "导出 .md"),
    "export_json": ("Export .json", "导出 .json"),
    "use_settings": ("Use settings", "使用这些设置"),
    "send_to_chat": ("Send to chat", "发到对话"),
    "star": ("Star", "加星"),
    "unstar": ("Unstar", "取消星标"),
    "download": ("Download", "下载"),
    "open": ("Open", "打开"),
    "new_conversation": ("New conversation", "新对话"),
    "search_conversations": ("Search conversations", "搜索对话"),
    # chat
    "thinking": ("Thinking", "思考过程"),
    "composer": ("Write a message", "输入消息"),
    "chat_empty": (
        "<h3>Talk with a model on this machine</h3><p>Write below, attach a text or PDF file, or start from an example.</p>",
        "<h3>与本机上的模型对话</h3><p>在下方输入文字，附上文本或 PDF，或从一个例子开始。</p>",
    ),
    "conversations_empty": ("Conversations stand here. Send a first message.", "对话会列在这里。先发一条消息吧。"),
    "conversations_none": ("No conversation has these words.", "没有包含这些词的对话。"),
    "untitled": ("New conversation", "新对话"),
    "name": ("Name", "名称"),
    "delete_conversation_sure": (
        "Delete this conversation for good? Its answers go with it.",
        "永久删除这个对话？其中的回答也会一并删除。",
    ),
    "conversation_deleted": ("The conversation is deleted.", "对话已删除。"),
    "empty_answer": ("(The model ended without a word.)", "（模型没有写出任何内容。）"),
    "stopped_empty": ("(Stopped before the first word.)", "（在写出第一个词之前停止。）"),
    "nothing_to_regenerate": ("There is no answer yet. Send a message first.", "还没有回答。请先发送消息。"),
    "still_writing": ("An answer is being written. Stop it or wait for its end.", "正在写回答。请停止它，或等它写完。"),
    "only_beginning": ("(only its beginning)", "（仅开头部分）"),
    "versions_elsewhere": ("Press a message above to see its other versions", "点按上方的消息可查看其其他版本"),
    "attached": ("Attached: {names}", "附件：{names}"),
    # models
    "model": ("Model", "模型"),
    "model_help": (
        "● loaded · ○ on this machine · ↓ to be downloaded. You can also paste a hub id (owner/name) or a folder.",
        "● 已加载 · ○ 在本机 · ↓ 需下载。也可以粘贴 hub id（作者/名称）或文件夹路径。",
    ),
    "model_help_demo": ("● loaded · ○ on this machine · ↓ to be downloaded.", "● 已加载 · ○ 在本机 · ↓ 需下载。"),
    "starter": ("starter", "入门模型"),
    "gated": ("asks for a licence", "需接受许可"),
    "no_chinese": (
        "{model} does not know Chinese, so its answer will be poor. Ask in English, or paste the hub id of a model that knows it.",
        "{model} 不懂中文，回答会很差。请用英文提问，或粘贴一个懂中文的模型的 hub id。",
    ),
    "no_chinese_try": (
        "{model} does not know Chinese, so its answer will be poor. {other} knows it: choose it under “Model”, or ask in English.",
        "{model} 不懂中文，回答会很差。{other} 懂中文：请在“模型”中选择它，或改用英文提问。",
    ),
    # settings
    "settings": ("Settings", "设置"),
    "more_settings": ("More settings", "更多设置"),
    "system": ("System prompt", "系统提示词"),
    "system_help": (
        "Tells the model who it is and how to answer. Empty leaves it to the model.",
        "告诉模型它是谁、该怎样回答。留空则由模型自定。",
    ),
    "preset": ("Sampling", "采样"),
    "preset_help": (
        "Precise keeps to the likeliest words, for facts and code. Balanced suits most. Creative dares more, for stories. "
        "Own: your values under More settings.",
        "精确：只用最可能的词，适合事实和代码。均衡：适合大多数情况。创意：更大胆，适合故事。自定：用“更多设置”中的值。",
    ),
    "precise": ("Precise", "精确"),
    "balanced": ("Balanced", "均衡"),
    "creative": ("Creative", "创意"),
    "own": ("Own", "自定"),
    "max_new_tokens": ("Max new tokens", "最多生成词元数"),
    "max_new_tokens_help": (
        "The answer ends here at the latest. 100 tokens are about 75 English words.",
        "回答最多写到这里。100 个词元约合 75 个英文单词。",
    ),
    "temperature": ("Temperature", "温度"),
    "temperature_help": (
        "How evenly the next token is drawn. 0 always takes the likeliest; above 1 it grows wild.",
        "下一个词元抽取得多平均。0 总取最可能的；大于 1 会变得天马行空。",
    ),
    "top_p": ("Top p", "Top p"),
    "top_p_help": (
        "Draw only from the likeliest tokens that together have this probability.",
        "只从累计概率达到该值的最可能词元中抽取。",
    ),
    "top_k": ("Top k", "Top k"),
    "top_k_help": (
        "Draw only from this many likeliest tokens. 0 sets no limit.",
        "只从最可能的这么多个词元中抽取。0 表示不限。",
    ),
    "repetition_penalty": ("Repetition penalty", "重复惩罚"),
    "repetition_penalty_help": (
        "Above 1 makes words that were already used less likely. 1 does nothing.",
        "大于 1 会降低已用过的词的概率。1 表示不惩罚。",
    ),
    "seed": ("Seed", "随机种子"),
    "seed_help": (
        "A whole number. The same seed and settings give the same answer while nothing else runs; a prompt that was "
        "read before may change a word. Empty draws a new one, which is shown under the answer.",
        "整数。没有其他作业运行时，相同的种子和设置会得到相同的回答；提示词若曾被读过，个别词可能不同。留空则随机抽取，并显示在回答下方。",
    ),
    "adapter": ("LoRA adapter", "LoRA 适配器"),
    "adapter_help": (
        "A hub id or folder of a LoRA that was trained on this model. Empty uses the model as it is.",
        "在该模型上训练的 LoRA 的 hub id 或文件夹。留空则使用原模型。",
    ),
    "adapter_weight": ("Adapter weight", "适配器权重"),
    "adapter_weight_help": (
        "How strongly the adapter changes the model. 1 is as it was trained.",
        "适配器对模型的影响强度。1 为训练时的强度。",
    ),
    "private": ("Private: keep nothing", "私密：不保留任何内容"),
    "private_help": (
        "Nothing is listed or kept on the disk after the answer has ended.",
        "回答结束后不列出，也不在磁盘上保留任何内容。",
    ),
    # tasks
    "task": ("What to do", "要做什么"),
    "task_write": ("Write", "写作"),
    "task_summarise": ("Summarise", "摘要"),
    "task_rewrite": ("Rewrite", "改写"),
    "task_translate": ("Translate", "翻译"),
    "task_continue": ("Continue", "续写"),
    "task_fill-mask": ("Fill the mask", "完形填空"),
    "prompt": ("Your text", "你的文本"),
    "prompt_write": ("What should it write?", "要写什么?"),
    "prompt_summarise": ("Text to summarise", "要摘要的文本"),
    "prompt_rewrite": ("Text to rewrite", "要改写的文本"),
    "prompt_translate": ("Text to translate", "要翻译的文本"),
    "prompt_continue": ("How does it begin?", "开头是什么?"),
    "prompt_fill-mask": ("Sentence with [MASK] for the missing word", "句子（缺词处写 [MASK]）"),
    "tone": ("Tone", "语气"),
    "tone_help": ("How the new text should sound. You can write your own.", "新文本的语气。也可以自己填写。"),
    "target_language": ("Into", "译成"),
    "target_language_help": (
        "The language to translate into. You can write another.",
        "目标语言。也可以填写其他语言。",
    ),
    "examples": ("Examples", "例子"),
    "result_empty": ("The result appears here, word by word.", "结果会逐字出现在这里。"),
    "recent": ("Recent", "最近"),
    "recent_empty": ("Finished tasks stand here.", "完成的任务会列在这里。"),
    "settings_taken": ("The settings are filled in.", "设置已填入。"),
    # library
    "library_search": ("Search", "搜索"),
    "library_search_hint": ("Words of a title or text", "标题或内容中的词"),
    "kind": ("Kind", "种类"),
    "kind_all": ("All", "全部"),
    "kind_text": ("Texts", "文本"),
    "kind_conversation": ("Conversations", "对话"),
    "only_starred": ("Only starred", "仅星标"),
    "library_empty": (
        "<h3>Everything you make stands here</h3><p>Texts and conversations, each with the settings that made it. "
        "Go to Text, run a task or send a message, and come back.</p>",
        "<h3>你创作的一切都会出现在这里</h3><p>文本和对话，连同生成它们的设置。请到“文本”运行一个任务或发送一条消息，再回来看看。</p>",
    ),
    "library_none": ("Nothing here has these words.", "没有找到包含这些词的内容。"),
    "library_drop": (
        "Drop a file from the library here to get its settings back",
        "把导出的文件拖到这里，找回它的设置",
    ),
    "first_text": ("Make a first text", "写第一段文本"),
    "page": ("Page {k} of {n}", "第 {k} / {n} 页"),
    "newer": ("Newer", "较新"),
    "older": ("Older", "较早"),
    "delete_creation_sure": ("Delete this for good?", "永久删除?"),
    "deleted": ("Deleted.", "已删除。"),
    "elsewhere": ("Your library elsewhere", "在别处使用你的作品库"),
    "elsewhere_help": (
        "This browser's cookie is the key to what you made. Give a script a token, or open your library in one more browser.",
        "此浏览器的 cookie 就是你作品的钥匙。你可以给脚本一个令牌，或在另一个浏览器中打开你的作品库。",
    ),
    "make_token": ("Token for scripts", "脚本用令牌"),
    "make_link": ("One-time link", "一次性链接"),
    "token_help": (
        'Client(url, headers=dict(Authorization="Bearer …")). Whoever has it acts as you.',
        'Client(url, headers=dict(Authorization="Bearer …"))。持有者即可以你的身份操作。',
    ),
    "link_help": (
        "Open it in the other browser within {minutes} minutes. It works once.",
        "请在 {minutes} 分钟内在另一个浏览器中打开，仅可使用一次。",
    ),
    "ago_now": ("now", "刚刚"),
    "ago_min": ("{n} min", "{n} 分钟"),
    "ago_h": ("{n} h", "{n} 小时"),
    "ago_d": ("{n} d", "{n} 天"),
    "toast_done": ("Done", "完成"),
    # what a job does
    "place_next": ("Next in turn", "即将开始"),
    "place_ahead": ("{n} ahead of you", "前面还有 {n} 个"),
    "place_eta": ("about {n}", "约 {n}"),
    "starting": ("Starting", "正在开始"),
    "writing": ("Writing", "正在写"),
    "stage_download": ("Downloading {model}", "正在下载 {model}"),
    "stage_convert": ("Preparing {model}", "正在准备 {model}"),
    "stage_weights": ("Reading weights of {model}", "正在读取 {model} 的权重"),
    "stage_ready": ("{model} is ready", "{model} 已就绪"),
    "stage_progress": ("{done} / {total} {unit}", "{done} / {total} {unit}"),
    "seconds": ("{n} s", "{n} 秒"),
    "minutes": ("{n} min", "{n} 分钟"),
    "facts_decode": ("{n} tokens/s", "{n} 词元/秒"),
    "facts_prefill": ("prefill {n} tokens/s", "预填充 {n} 词元/秒"),
    "facts_tokens": ("{n} tokens", "{n} 词元"),
    "facts_seed": ("seed {n}", "种子 {n}"),
    "facts_load": ("loaded in {n}", "加载用时 {n}"),
    "finish_length": ("ended at max new tokens", "达到词元上限"),
    "finish_cancelled": ("stopped", "已停止"),
    "ended_unknown": (
        "The studio was stopped while it worked on this. Your input is kept: press “Run again”.",
        "处理过程中工作室被停止。你的输入已保留：请点“再次运行”。",
    ),
}
