"""What is wrong with a model, or with what it was asked to do."""

from pipelines.errors.base import StudioError


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


class NeedsProgram(UnsupportedModel):
    en = "“{model}” reads its text with the program {program}, which is no part of the studio. Choose another model."
    zh = "“{model}”需要用程序 {program} 读取文本，而本工作室不含该程序。请选择其他模型。"


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
