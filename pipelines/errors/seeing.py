"""Pictures that are to be put into words: what is missing, and what a model cannot say."""

from pipelines.errors.models import UnsupportedModel, WrongTask
from pipelines.errors.requests import InvalidRequest


class NothingToLookAt(InvalidRequest):
    en = "There is no picture to look at. Drop one, paste one, or send one from the library, then run again."
    zh = "还没有可看的图片。请拖入、粘贴一张，或从作品库发送一张，再运行。"


class NeedsPackage(UnsupportedModel):
    en = "“{model}” reads pictures with the package {package}, which is not installed. Run “pip install {package}” and start the studio again, or choose another model."
    zh = "“{model}”需要用软件包 {package} 读取图片，而它尚未安装。请运行“pip install {package}”并重启工作室，或换用其他模型。"


class ReadsNothing(WrongTask):
    en = "“{model}” reads no writing. Choose a model that does: TrOCR small for printed lines, SmolVLM 500M for short texts; they can be added on the Models tab."
    zh = "“{model}”不会读字。请换用会读字的模型：TrOCR small 读印刷文字，SmolVLM 500M 读短文字；可在“模型”页添加。"


class NothingWritten(InvalidRequest):
    en = "No line of writing was found on the picture. Cut it to where the writing is, or choose a model that sees whole pages, such as SmolVLM 500M."
    zh = "图片上没有找到成行的文字。请裁剪到有文字的部分，或换用能看整页的模型，例如 SmolVLM 500M。"


class TalkTooLong(InvalidRequest):
    en = "This talk about the picture has {length:,} characters; at most {limit:,} are told to a model. Begin a new one: put the picture on the left and ask there."
    zh = "关于这张图片的谈话已有 {length:,} 个字符，最多只能告诉模型 {limit:,} 个。请重新开始：把图片放到左边，在那里提问。"


class TalkFillsModel(InvalidRequest):
    en = "With the picture and the answer this talk comes to {length:,} tokens; “{model}” can have {limit:,} in mind. Begin a new one: put the picture on the left and ask there."
    zh = "连同图片和回答，这段谈话共 {length:,} 个 token，“{model}”最多能记住 {limit:,} 个。请重新开始：把图片放到左边，在那里提问。"


class RemembersNothing(WrongTask):
    en = "“{model}” answers one question at a time and cannot hear what was said before. Ask on the left, or choose a model that talks, such as SmolVLM 256M."
    zh = "“{model}”每次只回答一个问题，听不到之前说过的话。请在左边提问，或换用能对话的模型，例如 SmolVLM 256M。"


class AnswersNoQuestions(WrongTask):
    en = "“{model}” names what a picture shows and answers no questions. Take the question out, or choose a model that can answer, such as SmolVLM 256M."
    zh = "“{model}”只说出图片里是什么，不能回答问题。请去掉问题，或换用能回答的模型，例如 SmolVLM 256M。"
