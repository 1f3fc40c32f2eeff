"""What does not fit."""

from pipelines.errors.models import ModelError


class OutOfMemory(ModelError):
    en = (
        "{model} does not fit into the memory that is free on {device}. Close other programs or choose a smaller model."
    )
    zh = "{device} 的可用内存放不下 {model}。请关闭其他程序，或选择更小的模型。"


class ModelTooLarge(OutOfMemory):
    en = (
        "{model} needs about {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB are free. "
        "Close other programs or choose a smaller model."
    )
    zh = "{model} 约需 {needed_gb:.1f} GB 内存，而目前只有 {free_gb:.1f} GB 可用。请关闭其他程序，或选择更小的模型。"


class SmallerModelFits(ModelTooLarge):
    en = (
        "{model} needs about {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB can be had here. "
        "Choose “{smaller}” for this instead, or close other programs."
    )
    zh = "{model} 约需 {needed_gb:.1f} GB 内存，而这里最多有 {free_gb:.1f} GB。请改用“{smaller}”，或关闭其他程序。"


class MemoryPinned(ModelTooLarge):
    en = (
        "{model} needs about {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB are free while “{pinned}” is pinned. "
        "Unpin or unload it in the Models tab, then run again."
    )
    zh = "{model} 约需 {needed_gb:.1f} GB 内存；“{pinned}”被固定在内存中，只剩 {free_gb:.1f} GB。请在“模型”页取消固定或卸载它，再运行。"


class MemoryReserved(ModelTooLarge):
    en = (
        "{model} needs about {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB are free while {holder} uses the rest. "
        "Wait for it to end or stop it, then run again."
    )
    zh = "{model} 约需 {needed_gb:.1f} GB 内存；{holder}占用了其余部分，只剩 {free_gb:.1f} GB。请等它结束或停止它，再运行。"


class SmallerAfterAll(OutOfMemory):
    en = (
        "Memory ran out on {device} while {model} was loaded, although it should have fitted. Choose “{smaller}” for this "
        "instead, or close other programs."
    )
    zh = "在{device}上加载 {model} 时内存用尽，尽管预计放得下。请改用“{smaller}”，或关闭其他程序。"


class SmallerBesidePinned(MemoryPinned):
    en = (
        "{model} needs about {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB are free while “{pinned}” is pinned. "
        "Unpin or unload that in the Models tab, or choose “{smaller}” for this instead."
    )
    zh = (
        "{model} 约需 {needed_gb:.1f} GB 内存；“{pinned}”被固定在内存中，只剩 {free_gb:.1f} GB。"
        "请在“模型”页取消固定或卸载它，或改用“{smaller}”。"
    )


class SmallerBesideReserved(MemoryReserved):
    en = (
        "{model} needs about {needed_gb:.1f} GB of memory, and {free_gb:.1f} GB are free while {holder} uses the rest. "
        "Wait for it to end or stop it, or choose “{smaller}” for this instead."
    )
    zh = (
        "{model} 约需 {needed_gb:.1f} GB 内存；{holder}占用了其余部分，只剩 {free_gb:.1f} GB。"
        "请等它结束或停止它，或改用“{smaller}”。"
    )
