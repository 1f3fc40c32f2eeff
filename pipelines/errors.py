"""The errors a person may see: each says what happened and what to do next, in English and Chinese.

    StudioError
    ├── InvalidRequest      EmptyPrompt · PromptTooLong · ContextOverflow · SettingOutOfRange · NoMask
    │                       · UnreadableDocument (NoRecipe) · TooManyFiles · MalformedRequest
    ├── ModelError          UnknownModel · WrongTask · UnsupportedModel (UnsupportedFormat) · UnsafeModel
    │                       · ModelNotHere · ModelGated · ModelDamaged · NotAModel · StarterUnavailable
    │                       · OutOfMemory (ModelTooLarge) · ConversationTooLarge · TemplateRefused · AdapterMismatch
    ├── QueueFull · QuotaReached
    ├── NotFound · NotAllowed (ShareNeedsLogin · WrongAddress · ForeignPage · ClosedRoute · TokenNeeded)
    ├── StorageError        DiskFull · ReadOnlyHome · HomeInUse · HomeTooNew · HomeDamaged
    │                       · PortInUse · PortForbidden · NoSuchAddress
    └── JobError            WorkerDied · EngineBroken · ShuttingDown · Interrupted · InternalError

Nothing else is shown to a person. An error crosses processes as `{"code": class name, "details": {...}}`, so that
a reader can say it in the language of whoever looks. This file knows no language but the two it holds.
"""


class StudioError(Exception):
    """Base of everything a person may be told. `details` fills the templates `en` and `zh`."""

    en = "Something went wrong."
    zh = "出现了问题。"

    def __init__(self, **details: object) -> None:
        self.details = details
        super().__init__(self.say("en"))

    def say(self, language: str) -> str:
        """The message in `language`: "zh" (or "zh-CN", …) is Chinese, anything else English."""
        if not language.lower().startswith("zh"):
            return self.en.format(**self.details)
        words = {
            name: _ZH_WORDS.get(value, value) if isinstance(value, str) else value
            for name, value in self.details.items()
        }
        return self.zh.format(**words)

    def to_json(self) -> dict:
        return {"code": type(self).__name__, "details": self.details}

    @staticmethod
    def from_json(data: dict) -> "StudioError":
        """Rebuild an error that another process wrote down; whatever is not one becomes an InternalError."""
        known = {cls.__name__: cls for cls in _descendants(StudioError)}
        fields = data if isinstance(data, dict) else {}
        code = str(fields.get("code", "?"))
        try:
            error = known.get(code, InternalError)(**fields.get("details", {}))
            error.say("zh")
        except (LookupError, TypeError, ValueError, ArithmeticError):  # details that do not fill the templates
            return InternalError(where=code[:100])
        return error


def _descendants(cls: type[StudioError]) -> list[type[StudioError]]:
    return [cls] + [d for child in cls.__subclasses__() for d in _descendants(child)]


# ── what was asked ────────────────────────────────────────────────────────────────────────────────────────────────────


class InvalidRequest(StudioError):
    """The person can mend it by asking differently."""


class EmptyPrompt(InvalidRequest):
    en = "There is nothing to work on yet. Write something in the box, then run again."
    zh = "还没有内容。请先在输入框里写点什么，再运行。"


class PromptTooLong(InvalidRequest):
    en = "The text has {length:,} characters; the limit is {limit:,}. Shorten it or split it into parts."
    zh = "文本有 {length:,} 个字符，上限是 {limit:,}。请缩短或分成几段。"


class ContextOverflow(InvalidRequest):
    en = (
        "The conversation takes {tokens:,} tokens, but {model} reads at most {limit:,}. "
        "Start a new conversation, delete earlier messages, or choose a model with a longer context."
    )
    zh = "对话共 {tokens:,} 个词元，而 {model} 最多能读 {limit:,} 个。请新建对话、删除较早的消息，或换用上下文更长的模型。"


class SettingOutOfRange(InvalidRequest):
    en = "“{setting}” is {value}; it must lie between {low} and {high}. Change it and run again."
    zh = "“{setting}”的值是 {value}，必须在 {low} 到 {high} 之间。请修改后再运行。"


class NoMask(InvalidRequest):
    en = "The sentence has no gap. Put [MASK] where the missing word is, for example: Paris is the [MASK] of France."
    zh = "句子里没有空位。请在缺词处写上 [MASK]，例如：巴黎是法国的[MASK]。"


class MalformedRequest(InvalidRequest):
    en = "The request could not be read: {reason}. Look up what this endpoint takes under “Use via API”, and send it again."
    zh = "无法读取请求：{reason}。请在“通过 API 使用”中查看该接口的参数后重新发送。"


class TooManyFiles(InvalidRequest):
    en = "A message takes at most {files} files of together {megabytes} MB. Attach fewer, or send them one after the other."
    zh = "一条消息最多附 {files} 个文件，合计 {megabytes} MB。请减少附件，或分几条消息发送。"


class UnreadableDocument(InvalidRequest):
    en = "“{name}” could not be read: {reason}. Attach a text or PDF file with selectable text."
    zh = "无法读取“{name}”：{reason}。请附上文本文件或可选中文字的 PDF。"


class NoRecipe(UnreadableDocument):
    en = "“{name}” gives no settings back: {reason}. Drop a file that was saved or exported by a studio like this one."
    zh = "无法从“{name}”恢复设置：{reason}。请拖入由本工作室保存或导出的文件。"


# ── models ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class ModelError(StudioError):
    """The model cannot be had or cannot run; the request may be fine with another one."""


class UnknownModel(ModelError):
    en = "There is no model called “{model}”. Choose one from the list, or paste a hub id (owner/name) or a folder."
    zh = "没有名为“{model}”的模型。请从列表中选择，或粘贴 hub id（作者/名称）或文件夹路径。"


class WrongTask(ModelError):
    en = "“{model}” cannot do this task ({task}). Choose a model that is listed for it."
    zh = "“{model}”不能完成这项任务({task})。请选择适用于该任务的模型。"


class UnsupportedModel(ModelError):
    en = "“{model}” needs the class {architecture}, which no family here serves. Choose a model of another kind."
    zh = "“{model}”需要 {architecture} 类，目前没有模型家族支持它。请选择其他类型的模型。"


class UnsupportedFormat(UnsupportedModel):
    en = "“{model}” is in the {file_format} format, which is not opened here. Look for a copy in safetensors or GGUF."
    zh = "“{model}”是 {file_format} 格式，这里无法打开。请找 safetensors 或 GGUF 格式的版本。"


class UnsafeModel(ModelError):
    en = (
        "“{model}” is not loaded because {reason}. Only safetensors, GGUF and OpenVINO weights without their own code "
        "are opened; look for a converted copy."
    )
    zh = "没有加载“{model}”，因为{reason}。这里只打开不带自有代码的 safetensors、GGUF 和 OpenVINO 权重；请找转换过的版本。"


class ModelNotHere(ModelError):
    en = "“{model}” is not on this machine and could not be downloaded: {reason}. Check the network or choose a model marked ● or ○."
    zh = "“{model}”不在本机，也无法下载：{reason}。请检查网络，或选择标有 ● 或 ○ 的模型。"


class ModelGated(ModelError):
    en = "“{model}” asks for its licence to be accepted. Accept it at {link}, set HF_TOKEN to your hub token, and start again."
    zh = "“{model}”需要先接受许可协议。请在 {link} 接受，设置环境变量 HF_TOKEN 为你的令牌后重新启动。"


class ModelDamaged(ModelError):
    en = "The files of “{model}” are damaged: {reason}. Fetch or copy the model again; its files are in {path}."
    zh = "“{model}”的文件已损坏：{reason}。请重新获取或复制该模型；它的文件在 {path}。"


class NotAModel(ModelError):
    en = (
        "“{model}” is no model that can be loaded: {reason}. "
        "Choose a folder with config.json and safetensors weights, or a .gguf file."
    )
    zh = "“{model}”不是可以加载的模型：{reason}。请选择含 config.json 和 safetensors 权重的文件夹，或一个 .gguf 文件。"


class StarterUnavailable(ModelError):
    en = "The starter model {model} could not be fetched: {reason}. Check the network and run “make setup” again."
    zh = "无法获取入门模型 {model}:{reason}。请检查网络后再次运行“make setup”。"


class OutOfMemory(ModelError):
    en = (
        "{model} does not fit into the memory that is free on {device}. Close other programs or choose a smaller model."
    )
    zh = "{device} 的可用内存放不下 {model}。请关闭其他程序，或选择更小的模型。"


class ModelTooLarge(OutOfMemory):
    en = (
        "{model} needs about {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB are free. "
        "Close other programs or choose a smaller model."
    )
    zh = "{model} 约需 {needed_gb:.1f} GB 内存，而目前只有 {free_gb:.1f} GB 可用。请关闭其他程序，或选择更小的模型。"


class ConversationTooLarge(ModelError):
    en = (
        "“{model}” ran out of working memory after {tokens:,} tokens of conversation. "
        "Ask for a shorter answer, or start a new conversation."
    )
    zh = "“{model}”在对话达到 {tokens:,} 个词元后用完了工作内存。请缩短回答长度，或新建对话。"


class TemplateRefused(ModelError):
    en = (
        "The chat template of “{model}” refuses this conversation: {reason}. "
        "Start a new conversation, or choose another model."
    )
    zh = "“{model}”的对话模板不接受这段对话：{reason}。请新建对话，或选择其他模型。"


class AdapterMismatch(ModelError):
    en = "The adapter “{adapter}” does not fit “{model}”: {reason}. Choose an adapter trained for this model, or none."
    zh = "适配器“{adapter}”与“{model}”不匹配：{reason}。请选择为该模型训练的适配器，或不使用适配器。"


# ── turns and ownership ───────────────────────────────────────────────────────────────────────────────────────────────


class QueueFull(StudioError):
    en = "{waiting} jobs are waiting, and no more are taken for now. Try again in about {retry_after_seconds} seconds."
    zh = "已有 {waiting} 个作业在排队，暂不接收新作业。请约 {retry_after_seconds} 秒后再试。"


class QuotaReached(StudioError):
    en = "You have {limit} jobs waiting or running, which is the limit for one person here. Wait for one to end, or stop one."
    zh = "你有 {limit} 个作业在等待或运行，已达到每人上限。请等其中一个结束，或停止一个。"


class NotFound(StudioError):
    en = "This {thing} does not exist any more, or it belongs to somebody else. Go back to your own list."
    zh = "该{thing}已不存在，或属于其他人。请回到你自己的列表。"


class NotAllowed(StudioError):
    en = "This studio does not allow that: {reason}. Ask the person who runs it, or run your own copy."
    zh = "本工作室不允许此操作：{reason}。请联系管理者，或运行你自己的副本。"


class WrongAddress(NotAllowed):
    en = "This studio answers only on the machine it runs on, under localhost. Open the address that it printed at its start."
    zh = "本工作室只在运行它的机器上以 localhost 提供服务。请打开启动时显示的地址。"


class ForeignPage(NotAllowed):
    en = "A page of another site asked for this, so nothing was done. Use the studio's own page."
    zh = "这个请求来自其他网站的页面，因此没有执行。请使用工作室自己的页面。"


class ClosedRoute(NotAllowed):
    en = "This studio does not fetch addresses for others. Download the file yourself and drop it on the page."
    zh = "本工作室不代为抓取网址。请自行下载文件，再拖到页面上。"


class TokenNeeded(NotAllowed):
    en = (
        "This studio asks for a token. Open the link with “?token=” that it printed at its start (each lets one browser "
        "in), or send an API token as “Authorization: Bearer …”."
    )
    zh = (
        "本工作室需要令牌。请打开启动时显示的带“?token=”的链接（每个链接供一个浏览器使用）,"
        "或以“Authorization: Bearer …”发送 API 令牌。"
    )


class ShareNeedsLogin(NotAllowed):
    en = "A share link opens the studio to the whole internet, so it needs a login. Start with --auth USER:PASSWORD --share."
    zh = "分享链接会向整个互联网开放工作室，因此需要登录。请用 --auth 用户名：密码 --share 启动。"


# ── the home folder and the start ─────────────────────────────────────────────────────────────────────────────────────


class StorageError(StudioError):
    """The home folder cannot hold what was asked of it."""


class DiskFull(StorageError):
    en = "The disk is full, so this could not be kept. Free some space in {path} and run again; nothing older was changed."
    zh = "磁盘已满，无法保存。请在 {path} 腾出空间后再运行；已有内容没有改变。"


class ReadOnlyHome(StorageError):
    en = "The home folder {path} cannot be written. Give this user write access, or start with --home and another folder."
    zh = "主文件夹 {path} 不可写。请授予写权限，或用 --home 指定其他文件夹启动。"


class HomeInUse(StorageError):
    en = "Another studio is already running on {path}. Use its page, stop it, or start this one with --home and another folder."
    zh = "{path} 上已有一个工作室在运行。请使用它的页面、停止它，或用 --home 指定其他文件夹启动。"


class HomeTooNew(StorageError):
    en = "{path} was written by a newer version (schema {found}; this one knows {known}). Update the studio, or use another --home."
    zh = "{path} 由更新的版本写入（结构版本 {found}，本版本支持到 {known}）。请更新工作室，或用 --home 指定其他文件夹。"


class HomeDamaged(StorageError):
    en = "{path} cannot be read. If you have a copy of that file, put it back; if not, delete it: nothing else is lost."
    zh = "无法读取 {path}。如有该文件的备份，请恢复；若没有，可删除它：其他内容不会丢失。"


class PortInUse(StorageError):
    en = "Port {port} is taken by another program. Stop it, or start with --port and another number."
    zh = "端口 {port} 已被其他程序占用。请停止它，或用 --port 指定其他端口启动。"


class PortForbidden(StorageError):
    en = "This user may not open port {port}. Start with --port and a number above 1023."
    zh = "当前用户无权打开端口 {port}。请用 --port 指定大于 1023 的端口启动。"


class NoSuchAddress(StorageError):
    en = "This machine has no address {host}. Start with --host 127.0.0.1 or 0.0.0.0."
    zh = "本机没有地址 {host}。请用 --host 127.0.0.1 或 0.0.0.0 启动。"


# ── a job's own end ───────────────────────────────────────────────────────────────────────────────────────────────────


class JobError(StudioError):
    """The job ended without its result and through no fault of the request."""


class WorkerDied(JobError):
    en = "The engine stopped while it worked on this and has been started again. Your input is kept: press “Run again”."
    zh = "引擎在处理时意外停止，现已重新启动。你的输入已保留：请点“再次运行”。"


class EngineBroken(JobError):
    en = "The engine stops at every start, so nothing can run for now. What it says stands in {path}; it is tried again by itself."
    zh = "引擎每次启动都会停止，暂时无法运行任何内容。原因见 {path}；系统会自动重试。"


class ShuttingDown(JobError):
    en = "The studio is being stopped and takes no new work. What you made is kept; come back when it runs again."
    zh = "工作室正在停止，不再接收新的作业。你的内容已保存，请在它再次运行后回来。"


class Interrupted(JobError):
    en = "The studio was stopped while it worked on this. Your input is kept: press “Run again”."
    zh = "处理过程中工作室被停止。你的输入已保留：请点“再次运行”。"


class InternalError(JobError):
    en = "The studio made a mistake ({where}). Your input is kept; the details are in the log. Try again or choose other settings."
    zh = "工作室出错({where})。你的输入已保留，详情见日志。请重试或更换设置。"


# ── details that are words of ours ────────────────────────────────────────────────────────────────────────────────────

_ZH_WORDS = {
    "conversation": "对话",
    "message": "消息",
    "creation": "作品",
    "job": "作业",
    "your browser keeps no cookies": "你的浏览器不保存 cookie",
    "file": "文件",
    "library": "作品库",
    "link": "链接",
    "it is empty": "文件是空的",
    "it is not text in UTF-8, UTF-16 or GB18030": "它不是 UTF-8、UTF-16 或 GB18030 编码的文本",
    "it is no longer there": "文件已不存在",
    "it is not a PDF although its name says so": "文件名是 PDF，内容却不是",
    "it is protected by a password": "它受密码保护",
    "its pages hold no selectable text, only images": "页面里只有图片，没有可选中的文字",
    "it is damaged": "文件已损坏",
    "it takes too long or too much memory to read": "读取所需的时间或内存太多",
    "it is larger than 100 MB": "文件超过 100 MB",
    "it is larger than 8 MB": "文件超过 8 MB",
    "it is not text in UTF-8": "它不是 UTF-8 文本",
    "it holds no recipe": "文件中没有配方",
    "its recipe is damaged": "其中的配方已损坏",
    "its recipe was written by a newer version": "其中的配方来自更新的版本",
    "only the models of its list run here": "这里只运行列表中的模型",
    "models are not downloaded here": "这里不下载模型",
    "adapters are not loaded here": "这里不加载适配器",
    "adapters need a safetensors model": "适配器需要 safetensors 格式的模型",
    "it fills gaps and takes none": "它用于填空，不接受适配器",
    "its weights are pickles, which can run code": "它的权重是 pickle 文件，其中可能带有可执行代码",
    "it holds no safetensors or GGUF weights": "其中没有 safetensors 或 GGUF 权重",
    "there are no weights in its folder": "它的文件夹中没有权重",
    "it holds no adapter_model.safetensors": "其中没有 adapter_model.safetensors",
    "its repository holds no safetensors or GGUF weights": "它的仓库中没有 safetensors 或 GGUF 权重",
    "it changed on the hub during the download; start again": "下载期间它在 hub 上有了改动，请重新开始",
    "the hub cannot be reached": "无法连接 hub",
    "(not named in its config.json)": "（config.json 中未写明）的",
    "this machine": "本机",
    "the CPU": "CPU",
    "the GPU": "GPU",
    "the Apple GPU": "Apple GPU",
    "OpenVINO was closed": "OpenVINO 已关闭",
}
