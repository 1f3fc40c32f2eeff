"""A job's own end."""

from pipelines.errors.base import StudioError


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
