"""Training: what can be wrong with a run that was asked for, or on its way."""

from pipelines.errors.base import StudioError


class TrainingError(StudioError):
    """A run cannot start, or cannot go on."""


class UnknownTrainer(TrainingError):
    en = "There is no trainer “{trainer}”. Choose one of: {known}."
    zh = "没有名为“{trainer}”的训练器。请选择其中之一：{known}。"


class UnknownDataset(TrainingError):
    en = "There is no data set “{dataset}”. Choose one of: {known}."
    zh = "没有名为“{dataset}”的数据集。请选择其中之一：{known}。"


class WrongData(TrainingError):
    en = "“{trainer}” does not learn from “{dataset}”. Choose one of: {known}."
    zh = "“{trainer}”不能用“{dataset}”训练。请选择其中之一：{known}。"


class DatasetUnavailable(TrainingError):
    en = "The data in the package {package} could not be fetched: {reason}. Check the network, then start again."
    zh = "无法获取软件包 {package} 中的数据：{reason}。请检查网络后重新开始。"


class UnknownSetting(TrainingError):
    en = "“{trainer}” has no setting “{setting}”. It has: {known}."
    zh = "“{trainer}”没有名为“{setting}”的设置。它的设置有：{known}。"


class SettingsNotJson(TrainingError):
    en = 'The settings are no JSON. Write them like {{"steps": 600, "batch": 32}}, then start again.'
    zh = '设置不是有效的 JSON。请写成 {{"steps": 600, "batch": 32}} 这样的形式，然后重新开始。'


class WrongSetting(TrainingError):
    en = "The setting “{setting}” is {value}; it must be {wanted}. Change it and start again."
    zh = "设置“{setting}”的值是 {value}，应为{wanted}。请修改后重新开始。"


class NoBaseModel(TrainingError):
    en = "“{trainer}” goes on from a model that is there already. Choose a base model, then start again."
    zh = "“{trainer}”需要在已有模型的基础上训练。请选择基础模型后重新开始。"


class BaseNotTrainable(TrainingError):
    en = "“{model}” cannot be trained on: {reason}. Choose another base model."
    zh = "无法以“{model}”为基础训练：{reason}。请选择其他基础模型。"


class RunAtWork(TrainingError):
    en = "This run is being worked on already. Wait for it, or stop it first."
    zh = "该训练正在进行中。请等待它结束，或先停止它。"


class Diverged(TrainingError):
    en = (
        "The loss was no longer a number after {step:,} steps. "
        "Start again with a lower learning rate; the last checkpoint stays."
    )
    zh = "训练到第 {step:,} 步时损失值已不是有效数字。请降低学习率后重新开始；最后的检查点仍然保留。"


class NetworkTooLarge(TrainingError):
    en = (
        "To train this network takes more than {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB are free. "
        "Choose a smaller width or fewer layers, or close other programs, and start again."
    )
    zh = "训练这个网络需要超过 {needed_gb:.1f} GB 内存，而空闲内存为 {free_gb:.1f} GB。请减小宽度或层数，或关闭其他程序后重新开始。"


class TrainingTooLarge(TrainingError):
    en = (
        "This training takes about {needed_gb:,.1f} GB of memory, and {most_gb:.1f} GB is the most that one may have here. With all "
        "else as it is, one of these would fit: {fitting}. Change it and start again."
    )
    zh = (
        "这次训练约需 {needed_gb:,.1f} GB 内存，而这里最多可用 {most_gb:.1f} GB。其他设置不变时，改成以下任意一项即可放下：{fitting}。"
        "请修改后重新开始。"
    )

    def say(self, language: str) -> str:
        """`fitting` is "width 640, batch 8"; in Chinese each setting is called as the page calls it, too."""
        if not language.lower().startswith("zh"):
            return super().say(language)
        pairs = [one.rpartition(" ") for one in str(self.details["fitting"]).split(", ")]
        words = "，".join(f"{_SETTINGS_ZH.get(name, '')} {name} {value}".strip() for name, _, value in pairs)
        return self.zh.format(**{**self.details, "fitting": words})


_SETTINGS_ZH = {
    "width": "宽度",
    "layers": "层数",
    "batch": "批大小",
    "context": "上下文长度",
    "side": "边长",
    "latent": "潜变量个数",
    "blocks": "残差块数",
    "stages": "阶段数",
    "vocabulary": "词表大小",
}


class HeadsDoNotFit(TrainingError):
    en = "A width of {width} cannot be shared among {heads} heads. Choose a width that is a multiple of them."
    zh = "宽度 {width} 无法由 {heads} 个注意力头平分。请选择头数的整数倍。"


class TextTooShort(TrainingError):
    en = "The text has {tokens:,} tokens to learn from or to measure on, too few for a context of {context:,}. Choose a smaller context."
    zh = "可供学习或评估的文本只有 {tokens:,} 个词元，不足以支持 {context:,} 的上下文。请选择更小的上下文。"


class DataChanged(TrainingError):
    en = "“{dataset}” is no longer the data that this run began with, so it cannot go on. Press “Start again”."
    zh = "“{dataset}”已不是这次训练开始时的数据，无法继续。请点“重新开始”。"


class TookTooLong(TrainingError):
    en = (
        "Reading the data took more than {seconds:.0f} s. Try again when the machine has less to do, or with less data."
    )
    zh = "读取数据超过 {seconds:.0f} 秒。请在机器较空闲时重试，或减少数据量。"


class DataTooLarge(TrainingError):
    en = "To examine these files takes more memory than there is. Bring fewer or smaller ones."
    zh = "检查这些文件所需的内存超过了可用内存。请减少文件数量或大小。"


class DataInUse(TrainingError):
    en = "The run “{run}” still needs this data set. Let it finish, or delete it first."
    zh = "训练“{run}”仍需要该数据集。请等它完成，或先删除该训练。"


class BaseChanged(TrainingError):
    en = "The base model “{model}” is no longer the one that this run began with, so it cannot go on. Press “Start again”."
    zh = "基础模型“{model}”已不是这次训练开始时的模型，无法继续。请点“重新开始”。"


class CannotBeSplit(TrainingError):
    en = "“{dataset}” cannot be split like this: {reason}. Set the shares and the folds to 0, and it is split as it comes."
    zh = "无法这样划分“{dataset}”：{reason}。请把各比例和折数设为 0，按其原有划分训练。"


class NoSuchFold(TrainingError):
    en = "There is no fold {fold} of {folds}. Folds are 2 at least, and counted from 0."
    zh = "没有第 {fold} 折（共 {folds} 折）。折数至少为 2，从 0 开始编号。"


class NoDataFiles(TrainingError):
    en = "“{dataset}” has no file that can be read here: Parquet, JSON Lines, JSON, CSV, TSV or text of at most {megabytes} MB."
    zh = "“{dataset}”中没有可读取的文件：需要不超过 {megabytes} MB 的 Parquet、JSON Lines、JSON、CSV、TSV 或文本。"


class UnknownHubData(TrainingError):
    en = (
        "The hub has no data set “{dataset}”, or not at “{revision}”. Check the name: owner/name, as its page shows it."
    )
    zh = "模型库中没有数据集“{dataset}”，或没有版本“{revision}”。请核对名称：所有者/名称，与其页面一致。"


class HubDataUnavailable(TrainingError):
    en = "The data set “{dataset}” could not be fetched: {reason}. Check the network, then try again."
    zh = "无法获取数据集“{dataset}”：{reason}。请检查网络后重试。"


class NothingInLibrary(TrainingError):
    en = "There are only {count} such things in your library; it takes at least {least}. Make or star some more, then try again."
    zh = "你的作品库中只有 {count} 件符合条件的作品，至少需要 {least} 件。请多创作或多收藏一些后重试。"


class CannotMerge(TrainingError):
    en = "The adapter “{adapter}” cannot be merged: {reason}. It still works under its base."
    zh = "无法合并适配器“{adapter}”：{reason}。它仍可在其基础模型上使用。"


class CannotAccumulate(TrainingError):
    en = "“{trainer}” cannot accumulate gradients: its networks take turns within a step. Set accumulation to 1, and start again."
    zh = "“{trainer}”不支持梯度累积：它的网络在一步之内轮流训练。请把累积设为 1 后重新开始。"


class RankLost(TrainingError):
    en = "Another process of this run is gone or cannot be reached; the log says more. The last checkpoint stands: go on from there."
    zh = "本次训练的另一个进程已退出或无法连接，详情见日志。最后一个检查点仍然有效：可从那里继续训练。"


class OtherProcesses(TrainingError):
    en = "A step of this run has {batches} batches, which {processes} processes cannot share out. Go on with as many processes as it began with."
    zh = "本次训练每步有 {batches} 个批次，无法由 {processes} 个进程平分。请用开始时的进程数继续训练。"


class PicturesTooMany(TrainingError):
    en = (
        "{count:,} pictures at this size take {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB are free. "
        "Bring fewer pictures or smaller ones."
    )
    zh = "{count:,} 张图片在这个尺寸下需要 {needed_gb:.1f} GB 内存，而空闲内存为 {free_gb:.1f} GB。请减少图片数量或缩小图片。"
