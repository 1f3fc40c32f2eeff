"""The schedulers a person can choose, by the names that people know. Torch-free.

A scheduler of the noise-predicting kind does not fit a model of the flow-matching kind, nor the other way round.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scheduler:
    """A class of diffusers with its settings, and what other studios call it (in lower case)."""

    name: str
    class_name: str
    settings: dict[str, object] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    is_flow: bool = False


SCHEDULERS = (
    Scheduler("DDIM", "DDIMScheduler"),
    Scheduler("DDPM", "DDPMScheduler"),
    Scheduler("PNDM", "PNDMScheduler", {"skip_prk_steps": True}, ("plms",)),
    Scheduler("LMS", "LMSDiscreteScheduler"),
    Scheduler("Euler", "EulerDiscreteScheduler", {}, ("euler simple", "euler normal")),
    Scheduler("Euler a", "EulerAncestralDiscreteScheduler", {}, ("euler ancestral", "euler_ancestral")),
    Scheduler("Heun", "HeunDiscreteScheduler"),
    Scheduler("DPM++ 2M", "DPMSolverMultistepScheduler", {}, ("dpmpp_2m",)),
    Scheduler("DPM++ 2M Karras", "DPMSolverMultistepScheduler", {"use_karras_sigmas": True}, ("dpmpp_2m_karras",)),
    Scheduler(
        "DPM++ 2M SDE Karras",
        "DPMSolverMultistepScheduler",
        {"use_karras_sigmas": True, "algorithm_type": "sde-dpmsolver++"},
        ("dpmpp_2m_sde_karras",),
    ),
    Scheduler("UniPC", "UniPCMultistepScheduler", {}, ("uni_pc",)),
    Scheduler("LCM", "LCMScheduler"),
    Scheduler("Flow Euler", "FlowMatchEulerDiscreteScheduler", {}, (), is_flow=True),
    Scheduler("Flow Heun", "FlowMatchHeunDiscreteScheduler", {}, (), is_flow=True),
)


def find_scheduler(name: str) -> Scheduler | None:
    """By any of its names, whatever the case."""
    wanted = name.strip().lower()
    for scheduler in SCHEDULERS:
        if wanted in (scheduler.name.lower(), scheduler.class_name.lower(), *scheduler.also):
            return scheduler
    return None
