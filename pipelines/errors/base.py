"""The root of everything a person may be told. Knows no language but the two it holds."""


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


# ── details that are words of ours ──

_ZH_WORDS = {
    "it counts film frames and not beats": "它按影片帧而不是按拍计时",
    "there are no notes in it": "其中没有音符",
    "no steady pitch is heard": "听不到稳定的音高",
    "voices.npz holds no voice": "voices.npz 中没有声音",
    "it has no chat template, and the data are dialogues": "它没有对话模板，而数据是对话",
    "conversation": "对话",
    "message": "消息",
    "creation": "作品",
    "job": "作业",
    "training run": "训练任务",
    "your browser keeps no cookies": "你的浏览器不保存 cookie",
    "file": "文件",
    "picture": "图片",
    "it is larger than 50 MB": "文件超过 50 MB",
    "it is no picture": "它不是图片",
    "it is larger than 2 GB": "文件超过 2 GB",
    "it is no sound, whatever its name says": "不管文件名怎么写，它都不是音频",
    "it holds no sound": "其中没有声音",
    "it is a film": "它是视频",
    "its sampling rate is above 192 kHz": "采样率高于 192 kHz",
    "it is more than 20 minutes of stereo at 48 kHz": "数据量超过 20 分钟的 48 kHz 立体声",
    "it is more than 60 minutes of stereo at 48 kHz": "数据量超过 60 分钟的 48 kHz 立体声",
    "it is longer than 20 minutes": "时长超过 20 分钟",
    "speed": "速度",
    "start": "起点",
    "end": "终点",
    "fade_in": "淡入",
    "fade_out": "淡出",
    "semitones": "半音",
    "other_at": "另一段声音的起点",
    "other_gain": "另一段声音的增益",
    "tempo": "速度（拍/分）",
    "seconds": "长度（秒）",
    "its header is damaged": "文件头已损坏",
    "it is longer than 120 minutes": "时长超过 120 分钟",
    "it is longer than 10 minutes": "时长超过 10 分钟",
    "width": "宽度",
    "height": "高度",
    "count": "张数",
    "steps": "步数",
    "guidance_scale": "引导系数",
    "strength": "重绘幅度",
    "factor": "放大倍数",
    "margins": "扩展的像素数",
    "take": "第几版画面",
    "no reason was given": "没有给出原因",
    "a thing has a text, an image and a sound, each of which may be empty": "每一项各有文本、图片和声音，均可为空",
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
    "result": "结果",
    "data set": "数据集",
    "model": "模型",
    "it is not text in UTF-8": "它不是 UTF-8 文本",
    "it holds no recipe": "文件中没有配方",
    "its recipe is damaged": "其中的配方已损坏",
    "its recipe was written by a newer version": "其中的配方来自更新的版本",
    "only the models of its list run here": "这里只运行列表中的模型",
    "models are not downloaded here": "这里不下载模型",
    "a preset is cpu or gpu": "预设只能是 cpu 或 gpu",
    "no trainer is named": "没有指定训练器",
    "no id of a run": "这不是训练任务的编号",
    "models are not trained here": "这里不训练模型",
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
    "a whole number": "整数",
    "a number": "数字",
    "true / false": "true 或 false",
    "text": "文本",
    "it has no weights": "它没有权重",
    "its format is openvino": "它是 OpenVINO 格式",
    "its format is diffusers": "它是 diffusers 格式",
    "its format is checkpoint": "它是单文件检查点",
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
    "the package's SHA-512 is another one": "软件包的 SHA-512 不符",
    "pip failed": "pip 未能完成",
    "the hub names a commit or a file by no hash": "Hub 给出的提交或文件没有合法的哈希值",
}
