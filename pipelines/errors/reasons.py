"""Reasons with a name or a number in them, in Chinese: "model.onnx is no whole ONNX file". Knows no error class.

A template is the English one with each value named in braces; the value itself stays as it is.
"""

import re
from functools import cache

TEMPLATES = {
    "no name of a data set: {name}": "这不是数据集的名称：{name}",
    "no name of a trainer or a data set: {name}": "这不是训练器或数据集的名称：{name}",
    "a language is one of {names}": "语言只能是 {names} 之一",
    "one to {n} things at once": "一次只能有 1 到 {n} 项",
    "a study is of 1 to {n} different trainers": "一次搜索包含 1 到 {n} 个不同的训练器",
    "a method is one of {names}": "方法只能是 {names} 之一",
    "{file} is only a Git LFS pointer": "{file} 只是一个 Git LFS 指针",
    "{file} is no safetensors or GGUF file": "{file} 不是 safetensors 或 GGUF 文件",
    "{file} is no whole ONNX file": "{file} 不是完整的 ONNX 文件",
    "{file} is no table of voices": "{file} 不是声音表",
    "{file} is too large": "{file} 太大",
    "the settings in {file} are not JSON": "{file} 中的设置不是 JSON",
    "{file} is not JSON": "{file} 不是 JSON",
    "{file} is not a table": "{file} 不是键值表",
    "{file} ends in the middle": "{file} 不完整",
    "{file} names an absurd size": "{file} 写明的大小不合理",
    "{file} holds no weights": "{file} 中没有权重",
    "{file} has {size} bytes and should have {wanted}": "{file} 有 {size} 字节，而应有 {wanted} 字节",
    "{folder} is missing from this copy of the studio": "这份工作室中缺少 {folder}",
    "{file} is missing": "缺少 {file}",
    "(a single file called {name})": "（名为 {name} 的单个文件）",
    "OpenVINO: {error}": "OpenVINO 报告：{error}",
    "adapter type {name}": "适配器类型 {name}",
    "{n} weights are missing ({name})": "缺少 {n} 个权重（{name}）",
    "{n} weights of its {part} are missing ({name})": "它的 {part} 缺少 {n} 个权重（{name}）",
    "its settings name code to import ({field})": "它的设置要求导入代码（{field}）",
    "its sampling rate is above {n} kHz": "采样率高于 {n} kHz",
    "it is longer than {n} minutes": "时长超过 {n} 分钟",
    "it is more than {n} minutes of stereo at 48 kHz": "数据量超过 {n} 分钟的 48 kHz 立体声",
    "its chat template says: {error}": "它的对话模板报告：{error}",
    "its weights are of another network ({name})": "它的权重属于另一种网络（{name}）",
    "its format is {format}": "它是 {format} 格式",
    "its autoencoder is a {kind}, and {known} is known here": "它的自编码器是 {kind}，而这里只支持 {known}",
    "its noise is that of {kind}": "它使用 {kind} 的噪声",
    "it has only {n} examples": "它只有 {n} 个样本",
    "it was not trained here over {model}": "它不是在这里基于 {model} 训练的",
    "the file is larger than {n} MB": "文件超过 {n} MB",
}


def in_chinese(reason: str) -> str:
    """`reason` by the template that it was made of; as it is where there is none."""
    for pattern, chinese in _patterns():
        found = pattern.fullmatch(reason)
        if found is not None:
            return chinese.format(**found.groupdict())
    return reason


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """The longest first: "… are missing (…)" before "… is missing"."""
    ordered = sorted(TEMPLATES.items(), key=lambda row: -len(row[0]))
    return [(re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(en)), re.DOTALL), zh) for en, zh in ordered]
