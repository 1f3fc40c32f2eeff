"""Studies: what cannot be searched for."""

from pipelines.errors.requests import InvalidRequest


class NothingToVary(InvalidRequest):
    en = "There is nothing to vary in “{trainer}”. Choose a setting that is a number or a choice, and that is not fixed already."
    zh = "“{trainer}”没有可以变动的设置。请选择取值为数字或选项、且没有固定的设置。"


class NotComparable(InvalidRequest):
    en = "“{first}” is judged by {metric}, “{second}” by {other}: which is better cannot be said. Choose trainers with one measure."
    zh = "“{first}”以 {metric} 评价，“{second}”以 {other} 评价，无法比较优劣。请选择评价指标相同的训练器。"


class StudyAtWork(InvalidRequest):
    en = "A search for settings of yours is at work already. Wait for it, or stop it first."
    zh = "你已有一个参数搜索正在进行。请等待它结束，或先停止它。"
