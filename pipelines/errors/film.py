"""Stories and films: what is missing for one, and what is too much."""

from pipelines.errors.base import StudioError
from pipelines.errors.requests import InvalidRequest


class NoScenes(InvalidRequest):
    en = "A film needs at least one scene, and there is none. Write a theme or a scene, then run again."
    zh = "影片至少需要一个场景，现在一个也没有。请填写主题或场景，再运行。"


class TooManyScenes(InvalidRequest):
    en = "There are {count} scenes; the limit is {limit}. Join some of them, or make two films."
    zh = "共有 {count} 个场景，上限是 {limit} 个。请合并一些场景，或分成两部影片。"


class EmptyScene(InvalidRequest):
    en = "Scene {number} has neither words nor a picture. Write what happens in it, or take it out."
    zh = "第 {number} 个场景既没有文字也没有图片。请写出内容，或删除该场景。"


class FilmTooLong(InvalidRequest):
    en = "The film would last {minutes:.0f} minutes; the limit is {limit:.0f}. Shorten the scenes, or make two films."
    zh = "影片将长达 {minutes:.0f} 分钟，上限是 {limit:.0f} 分钟。请缩短场景，或分成两部影片。"


class NoStoryLanguage(InvalidRequest):
    en = "{model} does not write in the language of this theme. Write the scenes yourself, or choose a model that knows it, such as Qwen3 0.6B."
    zh = "{model} 不会用该主题的语言写作。请自己写场景，或换用懂这种语言的模型，例如 Qwen3 0.6B。"


class NoStory(InvalidRequest):
    en = "{model} wrote nothing that could be a scene. Put the theme into other words, choose another model, or write the scenes yourself."
    zh = "{model} 没有写出可用的场景。请换一种说法描述主题、换用其他模型，或自己写场景。"


class NoFfmpeg(StudioError):
    en = "Films are written by the ffmpeg program, which is not on this machine. Run “pip install imageio-ffmpeg”, or install the package ffmpeg (apt, brew), and try again."
    zh = "影片由 ffmpeg 程序写出，而本机没有安装。请运行“pip install imageio-ffmpeg”，或用 apt、brew 安装 ffmpeg 软件包，再重试。"


class FfmpegFailed(StudioError):
    en = "The ffmpeg program could not write the film: {reason}. Try again, or install another version of ffmpeg."
    zh = "ffmpeg 程序未能写出影片：{reason}。请重试，或安装其他版本的 ffmpeg。"


class NoPictures(InvalidRequest):
    en = "There are no pictures to make a film of. Add one at least, from disk or from the library, then run again."
    zh = "还没有可制成影片的图片。请至少添加一张（来自磁盘或作品库），再运行。"


class TooManyPictures(InvalidRequest):
    en = "That would be {count} pictures; the limit is {limit}. Take fewer of them, or do it in parts."
    zh = "一共 {count} 张图片，上限是 {limit} 张。请减少数量，或分几次进行。"


class PicturesTooLarge(InvalidRequest):
    en = "The pictures come to {megabytes:.0f} MB together; the limit is {limit:.0f} MB. Take fewer or smaller ones."
    zh = "这些图片合计 {megabytes:.0f} MB，上限是 {limit:.0f} MB。请减少数量或换用较小的图片。"


class NoFilm(InvalidRequest):
    en = "There is no film to take pictures from. Drop one, or send one from the library, then run again."
    zh = "还没有可取图的影片。请拖入一部，或从作品库发送一部，再运行。"


class UnreadableFilm(InvalidRequest):
    en = "{name} cannot be read as a film: {reason}. MP4, MOV, WebM, MKV and AVI files are read."
    zh = "无法将 {name} 作为影片读取：{reason}。支持 MP4、MOV、WebM、MKV 和 AVI 文件。"


class FilmPicturesTooLarge(UnreadableFilm):
    en = "{name} cannot be read as a film: its pictures are {width} × {height} pixels, and the limit is 8K. Make it smaller, then try again."
    zh = "无法将 {name} 作为影片读取：画面为 {width} × {height} 像素，上限是 8K。请缩小后再试。"


class FilmTooLongToRead(UnreadableFilm):
    en = "{name} is {hours:.1f} hours long; pictures are taken from films of at most {limit:.0f} hours. Cut it, then try again."
    zh = "{name} 长达 {hours:.1f} 小时，最多能从 {limit:.0f} 小时的影片中取图。请剪短后再试。"
