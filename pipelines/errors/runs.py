"""How a go at a training run may end without its model, and what cannot be done with a run."""

from pipelines.errors.jobs import JobError
from pipelines.errors.requests import InvalidRequest


class NoCheckpoint(InvalidRequest):
    en = "This run has no whole checkpoint to go on from. Press “Start again”: its settings are kept."
    zh = "这次训练没有完整的检查点，无法继续。请点“重新开始”：它的设置仍然保留。"


class RunFinished(InvalidRequest):
    en = "This run has done all its steps, and its model stands. Press “Start again” for another run with its settings."
    zh = "这次训练已完成全部步数，模型已就绪。如需用同样的设置再训练一次，请点“重新开始”。"


class RunEnded(JobError):
    """The process that trained is gone, and the run is not finished."""


class RunKilled(RunEnded):
    en = "The training process was ended from outside. Press “Resume” where a checkpoint stands, or “Start again”. Its last words: {log}"
    zh = "训练进程被外部终止。有检查点时请点“继续训练”，否则点“重新开始”。日志末尾：{log}"


class RunStopped(RunEnded):
    en = "The process was asked to end and saved a checkpoint after step {step:,}. Press “Resume” to go on from there."
    zh = "进程收到终止请求，已在第 {step:,} 步保存检查点。点“继续训练”即可接着训练。"


class RunPaused(RunEnded):
    en = "The studio was stopped; a checkpoint stands after step {step:,}. The run goes on by itself when the studio starts again."
    zh = "工作室已停止，第 {step:,} 步的检查点已保存。工作室再次启动后会自动继续训练。"


class RunWentDown(RunEnded):
    en = "The machine or the container of this run went down. Where a checkpoint stands it goes on by itself; else press “Start again”."
    zh = "运行该训练的机器或容器曾停机。有检查点时会自动继续训练，否则请点“重新开始”。"


class RunOutOfMemory(RunEnded):
    en = "The memory ran out while training. Choose a smaller batch or a smaller model, or close other programs, and start again."
    zh = "训练时内存不足。请减小批大小或模型，或关闭其他程序后重新开始。"


class NothingToCompare(InvalidRequest):
    en = "Choose two runs or more to compare, {most} at most."
    zh = "请选择两次以上的训练进行比较，最多 {most} 次。"
