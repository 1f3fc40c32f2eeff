"""The Text tab. English, Chinese."""

WORDS: dict[str, tuple[str, str]] = {
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
}
