"""What a person can mend by asking differently."""

from pipelines.errors.base import StudioError


class InvalidRequest(StudioError):
    """The person can mend it by asking differently."""


class EmptyPrompt(InvalidRequest):
    en = "There is nothing to work on yet. Write something in the box, then run again."
    zh = "还没有内容。请先在输入框里写点什么，再运行。"


class EmptyName(InvalidRequest):
    en = "The box is empty. Paste a name into it, then press the button again."
    zh = "输入框是空的。请粘贴名称后再点按钮。"


class NoRevision(InvalidRequest):
    en = "“{revision}” cannot be a revision of a model. Name a branch, a tag or a commit as the hub shows it, and try again."
    zh = "“{revision}”不能作为模型的版本。请填写 hub 上显示的分支、标签或提交，再重试。"


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


class MissingSound(InvalidRequest):
    en = "A recording is missing. Add a sound file or record one, and run again."
    zh = "缺少录音。请添加音频文件或录一段，然后再运行。"


class UnreadableSound(InvalidRequest):
    en = "{name} cannot be read as sound: {reason}. WAV, FLAC, MP3 and OGG can."
    zh = "无法将 {name} 作为音频读取：{reason}。支持 WAV、FLAC、MP3 和 OGG。"


class SoundTooLong(InvalidRequest):
    en = (
        "That would come to {minutes:.0f} minutes of stereo at 48 kHz; the limit is {limit}. "
        "Trim the sound, or change speed and pitch less, and run again."
    )
    zh = (
        "这相当于 {minutes:.0f} 分钟的 48 kHz 立体声，上限是 {limit} 分钟。请裁短声音，或减小速度和音高的改动，再运行。"
    )


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


class NoSuchForm(InvalidRequest):
    en = "“{form}” is no form of verse that is known here. Choose one of {forms}."
    zh = "这里没有“{form}”这种诗体。请选择：{forms}。"


class WrongTitle(InvalidRequest):
    en = "The title of a poem has at most {length} Chinese characters and nothing else. Change it, or leave it empty."
    zh = "题目最多 {length} 个汉字，不含标点和字母。请修改，或留空。"


class WrongFirstLine(InvalidRequest):
    en = "The first line of a {form} has {length} Chinese characters and no punctuation. Change it, or leave it empty."
    zh = "{form}的首句应为 {length} 个汉字，不带标点。请修改，或留空。"


class WrongHeads(InvalidRequest):
    en = "A {form} has {lines} lines: give at most {lines} Chinese characters for them to begin with, and nothing else."
    zh = "{form}有 {lines} 句：藏头最多 {lines} 个汉字，不带其他内容。"


class NothingToSay(InvalidRequest):
    en = "The text holds no word that can be read aloud. Write some words, then run again."
    zh = "文本中没有可以朗读的词语。请写一些文字后再运行。"


class NoSuchVoice(InvalidRequest):
    en = "{model} has no voice “{voice}”. Choose one of {known}, or mix two: “{example}”."
    zh = "{model} 没有“{voice}”这个音色。请选择：{known}，或混合两个，例如“{example}”。"


class NoSuchLanguage(InvalidRequest):
    en = "{model} knows no language “{language}”. Choose one of {known}, or leave it to be found out."
    zh = "{model} 不支持语言“{language}”。请选择：{known}，或留空由系统判断。"


class NoVoiceTaken(InvalidRequest):
    en = "{model} cannot speak in the voice of a recording. Take the recording out, or choose a model that can."
    zh = "{model} 不能用录音中的声音说话。请移除录音，或选择支持该功能的模型。"


class NoRightToVoice(InvalidRequest):
    en = "A voice is taken over only with the right to it. Tick that it is yours or used with permission, or take the recording out."
    zh = "只有拥有权利才能使用他人的声音。请勾选“本人声音或已获许可”，或移除录音。"


class RightWithoutVoice(InvalidRequest):
    en = "The right to a voice is stated, but there is no recording of one. Put the recording in, or do not state the right."
    zh = "声明了声音的使用权，但没有录音。请放入录音，或取消该声明。"


class WordsOfVoiceMissing(InvalidRequest):
    en = "To take a voice over, the model must know what it says. Write the words of the recording into the box beside it."
    zh = "要使用录音中的声音，模型需要知道录音里说了什么。请把录音的文字写进旁边的输入框。"


class VoiceTooLong(InvalidRequest):
    en = "The recording of the voice has {seconds} seconds; at most {limit} can be listened to. Trim it in the Workbench."
    zh = "声音样本长 {seconds} 秒，最多 {limit} 秒。请先在工作台中剪短。"


class MadeAtOnce(InvalidRequest):
    en = "{model} makes a sound as a whole and cannot go on from another. Take the melody out, or choose a model that can."
    zh = "{model} 一次生成整段声音，无法接续已有的声音。请移除旋律，或选择支持该功能的模型。"


class LongerThanModel(InvalidRequest):
    en = "{model} makes at most {seconds} seconds. Ask for a shorter sound, or choose a model that makes longer ones."
    zh = "{model} 最多生成 {seconds} 秒。请缩短时长，或选择能生成更长声音的模型。"


class NoSuchKey(InvalidRequest):
    en = "“{key}” is no key that is known here. Choose one of {known}."
    zh = "这里没有“{key}”这个调。请选择：{known}。"


class NoSuchMetre(InvalidRequest):
    en = "“{metre}” is no metre that this model composes in. Choose one of {known}."
    zh = "这个模型不支持“{metre}”拍。请选择：{known}。"


class NoSuchInstrument(InvalidRequest):
    en = "There is no instrument “{instrument}”. Choose one of {known}."
    zh = "没有“{instrument}”这种乐器。请选择：{known}。"


class NoMelody(InvalidRequest):
    en = "No melody was found in {name}: {reason}. Give a MIDI file with notes, or hum a few clear ones."
    zh = "在 {name} 中没有找到旋律：{reason}。请提供含有音符的 MIDI 文件，或清楚地哼几个音。"
