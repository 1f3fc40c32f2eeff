"""Reads the settings that A1111, Forge and their kin write into a picture, as far as they have a meaning here.

    a red apple <lora:fruit:0.8>
    Negative prompt: blurry
    Steps: 20, Sampler: Euler a, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 512x768, Model: dreamshaper_8, …

Source: the format as those programs write it; it has no specification. Comes from strangers: a number that is none, or
out of range, is left out. It knows text and requests, and no files.
"""

import re
from dataclasses import replace
from typing import Any

from pipelines.diffusion.schedulers import find_scheduler
from pipelines.types.adapter import Adapter
from pipelines.types.image import ImageRequest

NEGATIVE = "Negative prompt:"
SETTINGS = re.compile(r'\s*([\w][\w \-/.]{0,60}):\s*("(?:[^\\"]|\\.)*"|[^,]*)(?:,|$)')
LORA = re.compile(r"<lora:([^:<>]{1,200})(?::(-?[0-9.]{1,10}))?(?::[^<>]{0,40})?>")
LIMIT_ADAPTERS = 20
NUMBERS = {"Steps": "steps", "CFG scale": "guidance_scale", "Seed": "seed", "Denoising strength": "strength"}


def request_of(text: str) -> ImageRequest | None:
    """The request that `text` describes, or None where it describes none. The model's name is as it is there."""
    # 1 Prompt, negative prompt, and the line of settings
    lines = text.strip().splitlines()
    settings = dict(SETTINGS.findall(lines[-1])) if lines else {}
    if "Steps" not in settings:
        return None
    words, _, negative = ("\n" + "\n".join(lines[:-1])).partition(f"\n{NEGATIVE}")

    # 2 Adapters out of the prompt
    adapters = [Adapter(name.strip(), _weight(weight)) for name, weight in LORA.findall(words)]

    # 3 What maps, one setting at a time
    request = ImageRequest(
        model=settings.get("Model", "").strip(),
        prompt=LORA.sub("", words).strip(),
        negative_prompt=negative.strip(),
        adapters=tuple(adapters[:LIMIT_ADAPTERS]),
        scheduler=_scheduler(settings),
    )
    for theirs, ours in NUMBERS.items():
        request = _with(request, ours, settings.get(theirs, ""))
    width, _, height = settings.get("Size", "").partition("x")
    return _with(_with(request, "width", width), "height", height)


def _with(request: ImageRequest, setting: str, text: str) -> ImageRequest:
    """`request` with the number `text`, where it is one and within its range."""
    number, (low, high) = _number(text), request.RANGES[setting]
    if number is None or not low <= number <= high:
        return request
    value: Any = number if isinstance(low, float) else int(number)
    return replace(request, **{setting: value})


def _number(text: str) -> float | None:
    try:
        return float(text.strip()) if re.fullmatch(r"\s*-?[0-9]{1,12}(\.[0-9]{1,12})?\s*", text, re.ASCII) else None
    except ValueError:
        return None


def _weight(text: str) -> float:
    """1 where none is named; the most that has a meaning where more is."""
    number = _number(text)
    low, high = Adapter.RANGE
    return 1.0 if number is None else min(max(number, low), high)


def _scheduler(settings: dict[str, str]) -> str:
    """By the sampler with its kind of noise levels, else by the sampler alone; "" (the model's own) for an unknown one."""
    sampler, levels = settings.get("Sampler", "").strip(), settings.get("Schedule type", "").strip()
    found = find_scheduler(f"{sampler} {levels}") or find_scheduler(sampler)
    return found.name if found else ""
