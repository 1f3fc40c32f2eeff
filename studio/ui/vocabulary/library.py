"""The Library tab. English, Chinese."""

WORDS: dict[str, tuple[str, str]] = {
    "library_search": ("Search", "搜索"),
    "library_search_hint": ("Words of a title or text", "标题或内容中的词"),
    "kind": ("Kind", "种类"),
    "kind_all": ("All", "全部"),
    "kind_text": ("Texts", "文本"),
    "kind_image": ("Pictures", "图片"),
    "kind_sound": ("Sounds", "声音"),
    "kind_conversation": ("Conversations", "对话"),
    "only_starred": ("Only starred", "仅星标"),
    "library_empty": (
        "<h3>Everything you make stands here</h3><p>Texts, conversations, pictures and sounds, each with the settings that made it. "
        "Go to Text, run a task or send a message, and come back.</p>",
        "<h3>你创作的一切都会出现在这里</h3><p>文本、对话、图片和声音，连同生成它们的设置。请到“文本”运行一个任务或发送一条消息，再回来看看。</p>",
    ),
    "library_none": ("Nothing here has these words.", "没有找到包含这些词的内容。"),
    "library_drop": (
        "Drop a file here to get its settings back",
        "把导出的文件拖到这里，找回它的设置",
    ),
    "first_text": ("Make a first text", "写第一段文本"),
    "page": ("Page {k} of {n}", "第 {k} / {n} 页"),
    "newer": ("Newer", "较新"),
    "older": ("Older", "较早"),
    "delete_creation_sure": ("Delete this for good?", "永久删除？"),
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
}
