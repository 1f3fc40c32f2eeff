"""The errors a person may see: each says what happened and what to do next, in English and Chinese.

    StudioError
    ├── InvalidRequest      EmptyPrompt · EmptyName · PromptTooLong · ContextOverflow · SettingOutOfRange · NoMask
    │                       · UnreadableDocument (NoRecipe) · TooManyFiles · MalformedRequest · MissingPicture
    │                       · UnreadablePicture (PictureTooLarge) · EmptyMask · NoMargins
    ├── ModelError          UnknownModel · WrongTask · UnsupportedModel (UnsupportedFormat · UnsupportedTask · IsAdapter)
    │                       · UnsafeModel (AsksForCode · IsPickle)
    │                       · ModelNotHere · ModelGated (NotGranted) · TokenRefused · WrongContent · ForeignRedirect
    │                       · DiskTooSmall · ModelInUse · ModelDamaged · NotAModel · StarterUnavailable
    │                       · OutOfMemory (ModelTooLarge (SmallerModelFits · MemoryPinned · MemoryReserved)) · ConversationTooLarge · TemplateRefused · AdapterMismatch
    │                       · SchedulerMismatch · DrawingRefused · TooLargeToUpscale · PictureWithheld
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


class EmptyName(InvalidRequest):
    en = "The box is empty. Paste a name into it, then press the button again."
    zh = "输入框是空的。请粘贴名称后再点按钮。"


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


class MissingPicture(InvalidRequest):
    en = "A {what} is missing. Add it in the Image tab and run again."
    zh = "缺少{what}。请在“图像”页添加后再运行。"


class UnreadablePicture(InvalidRequest):
    en = "“{name}” could not be opened as a picture: {reason}. Save it as PNG, JPEG or WebP and add it again."
    zh = "无法把“{name}”作为图片打开：{reason}。请另存为 PNG、JPEG 或 WebP 后重新添加。"


class PictureTooLarge(UnreadablePicture):
    en = (
        "“{name}” would have {width:,} × {height:,} pixels; the limit is {limit:,} megapixels. "
        "Make it smaller and run again."
    )
    zh = "“{name}”将有 {width:,} × {height:,} 像素，上限是 {limit:,} 百万像素。请缩小后再运行。"


class EmptyMask(InvalidRequest):
    en = "The mask is empty, so nothing would change. Paint over the part that shall be drawn anew, then run again."
    zh = "蒙版是空的，不会有任何改变。请涂抹要重画的部分，再运行。"


class NoMargins(InvalidRequest):
    en = "No side has a margin, so there is nothing to add. Set how many pixels each side shall grow, then run again."
    zh = "各边的扩展都是 0，没有可以补画的部分。请设置各边要扩展的像素数，再运行。"


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


class NoModelForTask(ModelError):
    en = "No model for this task ({task}) is on this machine yet. Name one: an id from list_models, a hub id or a folder."
    zh = "本机还没有可以完成这项任务({task})的模型。请指定一个：list_models 中的 id、hub id 或文件夹。"


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


class AsksForCode(UnsafeModel):
    en = (
        "“{model}” is not loaded because its {file} asks to run code of its own ({key}). Only safetensors, GGUF and OpenVINO "
        "weights without their own code are opened; look for a converted copy."
    )
    zh = "没有加载“{model}”，因为它的 {file} 要求运行自带的代码（{key}）。这里只打开不带自有代码的 safetensors、GGUF 和 OpenVINO 权重；请找转换过的版本。"


class IsPickle(UnsafeModel):
    en = (
        "“{model}” is not loaded because {file} is a pickle or an archive, which can run code. Only safetensors, GGUF and "
        "OpenVINO weights without their own code are opened; look for a converted copy."
    )
    zh = "没有加载“{model}”，因为 {file} 是 pickle 或压缩包，其中可能带有可执行代码。这里只打开不带自有代码的 safetensors、GGUF 和 OpenVINO 权重；请找转换过的版本。"


class ModelNotHere(ModelError):
    en = "“{model}” is not on this machine and could not be downloaded: {reason}. Check the network or choose a model marked ● or ○."
    zh = "“{model}”不在本机，也无法下载：{reason}。请检查网络，或选择标有 ● 或 ○ 的模型。"


class ModelGated(ModelError):
    en = (
        "“{model}” asks for its licence to be accepted. Accept it at {link}, then put your hub token into the Models tab "
        "(or HF_TOKEN) and try again."
    )
    zh = "“{model}”需要先接受许可协议。请在 {link} 接受，然后在“模型”页填入你的 hub 令牌（或设置 HF_TOKEN）再重试。"


class NotGranted(ModelGated):
    en = (
        "The hub token that is set has no access to “{model}”. Accept the licence at {link} with the account of that token, "
        "or wait until its makers grant it, then try again."
    )
    zh = "已设置的 hub 令牌无权访问“{model}”。请用该令牌的账号在 {link} 接受许可协议，或等待作者批准后再重试。"


class TokenRefused(ModelError):
    en = "The hub does not take the token that is set. Make a new one in your account there and put it into the Models tab."
    zh = "hub 不接受已设置的令牌。请在 hub 账号中新建一个令牌，再填入“模型”页。"


class WrongContent(ModelError):
    en = (
        "{file} came with other content than the hub lists for it, so it was deleted. Start the download again; if it "
        "happens again, the mirror or something on the way changes files."
    )
    zh = "{file} 的内容与 hub 上登记的不一致，已将其删除。请重新开始下载；若再次出现，说明镜像或网络途中有东西改动了文件。"


class ForeignRedirect(ModelError):
    en = (
        "The hub sent the download on to {host}, an address inside this machine's own network. Nothing was fetched from "
        "there. Check HF_ENDPOINT, or choose another model."
    )
    zh = "hub 把下载转到了 {host}，这是本机内部网络的地址，因此没有从那里获取任何内容。请检查 HF_ENDPOINT，或选择其他模型。"


class DiskTooSmall(ModelError):
    en = (
        "“{model}” needs {needed_gb:.2f} GB more on the disk, and {free_gb:.2f} GB are free in {path}. "
        "Remove models in the Models tab, or free some space, and try again; what is here already stays."
    )
    zh = "“{model}”还需要 {needed_gb:.2f} GB 磁盘空间，而 {path} 只剩 {free_gb:.2f} GB。请在“模型”页删除模型或腾出空间后重试；已下载的部分会保留。"


class ModelInUse(ModelError):
    en = "“{model}” is at work now, so it stays. Wait for its jobs to end, or stop them, and remove it then."
    zh = "“{model}”正在使用中，暂不删除。请等相关作业结束或停止它们后再删除。"


class IsAdapter(UnsupportedModel):
    en = "“{model}” is a LoRA adapter, not a model. Paste it under “LoRA adapter” where you choose the model it was made for."
    zh = "“{model}”是 LoRA 适配器，不是模型。请在选择其基础模型处，把它粘贴到“LoRA 适配器”中。"


class UnsupportedTask(UnsupportedModel):
    en = "“{model}” is made for {task}, which nothing here runs yet. Choose a model of another kind."
    zh = "“{model}”用于 {task}，目前这里还不能运行。请选择其他类型的模型。"


class ModelDamaged(ModelError):
    en = "The files of “{model}” are damaged: {reason}. Fetch or copy the model again; its files are in {path}."
    zh = "“{model}”的文件已损坏：{reason}。请重新获取或复制该模型；它的文件在 {path}。"


class NotAModel(ModelError):
    en = (
        "“{model}” is no model that can be loaded: {reason}. "
        "Choose a folder with config.json and safetensors weights, or a .gguf file."
    )
    zh = "“{model}”不是可以加载的模型：{reason}。请选择含 config.json 和 safetensors 权重的文件夹，或一个 .gguf 文件。"


class SettingsMissing(ModelError):
    en = (
        "“{model}” is a single file without settings, and those of {source} are not on this machine. "
        "Fetch {source} in the Models tab, then run again."
    )
    zh = "“{model}”是不含配置的单个文件，而本机没有 {source} 的配置。请先在“模型”页获取 {source}，再运行。"


class StarterUnavailable(ModelError):
    en = "The starter model {model} could not be fetched: {reason}. Check the network and run “make setup” again."
    zh = "无法获取入门模型 {model}：{reason}。请检查网络后再次运行“make setup”。"


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


class SmallerModelFits(ModelTooLarge):
    en = (
        "{model} needs about {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB can be had here. "
        "Choose “{smaller}” for this instead, or close other programs."
    )
    zh = "{model} 约需 {needed_gb:.1f} GB 内存，而这里最多有 {free_gb:.1f} GB。请改用“{smaller}”，或关闭其他程序。"


class MemoryPinned(ModelTooLarge):
    en = (
        "{model} needs about {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB are free while “{pinned}” is pinned. "
        "Unpin or unload it in the Models tab, then run again."
    )
    zh = "{model} 约需 {needed_gb:.1f} GB 内存；“{pinned}”被固定在内存中，只剩 {free_gb:.1f} GB。请在“模型”页取消固定或卸载它，再运行。"


class MemoryReserved(ModelTooLarge):
    en = (
        "{model} needs about {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB are free while {holder} uses the rest. "
        "Wait for it to end or stop it, then run again."
    )
    zh = "{model} 约需 {needed_gb:.1f} GB 内存；{holder}占用了其余部分，只剩 {free_gb:.1f} GB。请等它结束或停止它，再运行。"


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


class TooLargeToUpscale(ModelError):
    en = (
        "“{model}” enlarges pictures of up to about {side} × {side} pixels, and this one has {width} × {height}. "
        "Choose a super-resolution model or Lanczos for it."
    )
    zh = "“{model}”只能放大约 {side} × {side} 像素以内的图片，而这张有 {width} × {height}。请改用超分辨率模型或 Lanczos。"


class DrawingRefused(ModelError):
    en = "“{model}” does not draw this: {reason}. Choose another size or other settings, and run again."
    zh = "“{model}”无法绘制：{reason}。请选择其他尺寸或设置后再运行。"


class SchedulerMismatch(ModelError):
    en = "The scheduler “{scheduler}” does not work with “{model}”. Choose another, or leave it to the model."
    zh = "调度器“{scheduler}”不适用于“{model}”。请换一个，或使用模型自带的调度器。"


class PictureWithheld(ModelError):
    en = "The safety checker inside “{model}” withheld what was drawn. Change the prompt or the seed, and run again."
    zh = "“{model}”自带的安全检查扣下了生成的图片。请修改提示词或种子后再运行。"


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
    "picture": "图片",
    "it is larger than 50 MB": "文件超过 50 MB",
    "it is no picture": "它不是图片",
    "width": "宽度",
    "height": "高度",
    "count": "张数",
    "steps": "步数",
    "guidance_scale": "引导系数",
    "strength": "重绘幅度",
    "factor": "放大倍数",
    "margins": "扩展的像素数",
    "crop": "裁剪",
    "seed": "随机种子",
    "mask": "蒙版",
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
    "it is no picture, whatever its name says": "不管文件名怎么写，它都不是图片",
    "it is larger than 64 MB": "文件超过 64 MB",
    "it has more than 64 megapixels": "像素超过 6400 万",
    "the picture": "该图片",
    "the result": "结果",
    "it is not text in UTF-8": "它不是 UTF-8 文本",
    "it holds no recipe": "文件中没有配方",
    "its recipe is damaged": "其中的配方已损坏",
    "its recipe was written by a newer version": "其中的配方来自更新的版本",
    "only the models of its list run here": "这里只运行列表中的模型",
    "models are not downloaded here": "这里不下载模型",
    "models are not managed here": "这里不管理模型",
    "adapters are not loaded here": "这里不加载适配器",
    "adapters need a safetensors model": "适配器需要 safetensors 格式的模型",
    "it is of a kind that takes no adapters": "这类模型不接受适配器",
    "it fills gaps and takes none": "它用于填空，不接受适配器",
    "text-to-speech": "语音合成",
    "text-to-audio": "文字生成音频",
    "automatic-speech-recognition": "语音识别",
    "audio-classification": "音频分类",
    "image-text-to-text": "图文问答",
    "image-to-text": "图片描述",
    "text-to-video": "文字生成视频",
    "image-to-video": "图片生成视频",
    "feature-extraction": "特征提取",
    "sentence-similarity": "句子相似度",
    "its weights are pickles, which can run code": "它的权重是 pickle 文件，其中可能带有可执行代码",
    "it holds no safetensors or GGUF weights": "其中没有 safetensors 或 GGUF 权重",
    "there are no weights in its folder": "它的文件夹中没有权重",
    "it holds no adapter_model.safetensors": "其中没有 adapter_model.safetensors",
    "its repository holds no safetensors or GGUF weights": "它的仓库中没有 safetensors 或 GGUF 权重",
    "it changed on the hub during the download; start again": "下载期间它在 hub 上有了改动，请重新开始",
    "the hub cannot be reached": "无法连接 hub",
    "HF_HUB_OFFLINE forbids it": "HF_HUB_OFFLINE 禁止联网",
    "(not named in its config.json)": "（config.json 中未写明）的",
    "this machine": "本机",
    "the engine": "生成引擎",
    "a training run": "训练任务",
    "other programs": "其他程序",
    "the CPU": "CPU",
    "the GPU": "GPU",
    "the Apple GPU": "Apple GPU",
    "OpenVINO was closed": "OpenVINO 已关闭",
    "the download took too long": "下载用时过长",
    "the package's SHA-256 is another one": "软件包的 SHA-256 不符",
    "pip failed": "pip 未能完成",
    "the hub names a commit or a file by no hash": "Hub 给出的提交或文件没有合法的哈希值",
}
