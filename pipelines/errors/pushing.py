"""What is in the way of pushing a finished model to the hub."""

from pipelines.errors.base import StudioError


class PushError(StudioError):
    """The model is on this machine as before; on the hub there is nothing of it, or a repository that is still empty."""


class WrongRepositoryName(PushError):
    en = "“{name}” is no name for a repository. Use letters, digits, “-”, “_” and “.”, as name or owner/name, 96 characters at most."
    zh = "“{name}”不能作为仓库名。请使用字母、数字、“-”、“_”和“.”，写成“名称”或“所有者/名称”，最多 96 个字符。"


class PushTokenRefused(PushError):
    en = "The hub does not take this token. Make one with write access in your account there (Settings, Access Tokens) and paste it whole."
    zh = "hub 不接受这个令牌。请在 hub 账号的设置（Access Tokens）中新建一个有写入权限的令牌，并完整粘贴。"


class MayNotPush(PushError):
    en = (
        "This token may not write to {repository}. Make one with write access, or choose a name under your own account."
    )
    zh = "这个令牌无权写入 {repository}。请新建有写入权限的令牌，或改用自己账号下的名称。"


class RepositoryTaken(PushError):
    en = "There is a repository {repository} already, and it is not empty or not as private as asked. Nothing of it was changed: choose another name."
    zh = "仓库 {repository} 已存在，且不是空的，或公开程度与所选不符。没有改动它：请换一个名称。"


class PushFailed(PushError):
    en = "The model did not get to the hub: {reason}. It is here as before; try again later."
    zh = "模型没有传到 hub：{reason}。本机的模型没有变化，请稍后再试。"


class NothingToPush(PushError):
    en = "There are no files of this model that could be pushed: weights must be safetensors."
    zh = "这个模型没有可以推送的文件：权重必须是 safetensors 格式。"
