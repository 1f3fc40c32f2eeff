"""What a person chose on the left side: model, sampling and the like, as one value. Knows no gradio.

It comes back from the browser's own storage and from recipes, so `read` takes nothing on trust.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pipelines.types.adapter import Adapter
from pipelines.types.text import Sampling, TextRequest

SAMPLING_NAMES = ("max_new_tokens", "temperature", "top_p", "top_k", "repetition_penalty")

PRESETS: dict[str, dict[str, float]] = {
    "precise": {"max_new_tokens": 512, "temperature": 0.3, "top_p": 0.9, "top_k": 40, "repetition_penalty": 1.1},
    "balanced": {"max_new_tokens": 512, "temperature": 0.7, "top_p": 0.9, "top_k": 40, "repetition_penalty": 1.1},
    "creative": {"max_new_tokens": 512, "temperature": 1.0, "top_p": 0.95, "top_k": 80, "repetition_penalty": 1.15},
}
OWN = "own"
DEFAULT_PRESET = (
    "precise"  # small models lose the thread at higher temperatures, and repeat themselves without a penalty
)


@dataclass(frozen=True)
class Chosen:
    """The settings of a text request as the page shows them. `seed` None draws one."""

    model: str = ""
    system: str = ""
    preset: str = DEFAULT_PRESET
    max_new_tokens: int = 512
    temperature: float = 0.3
    top_p: float = 0.9
    top_k: int = 40
    repetition_penalty: float = 1.1
    seed: int | None = None
    adapter: str = ""
    adapter_weight: float = 1.0
    private: bool = False

    @staticmethod
    def read(data: object) -> "Chosen":
        """What of `data` is usable; the rest has its default. Values out of range are left for the request to refuse."""
        if not isinstance(data, Mapping):
            return Chosen()
        taken: dict[str, Any] = {}
        for field in fields(Chosen):
            value: Any = data.get(field.name)
            default: Any = field.default
            if field.name == "seed":
                taken["seed"] = _seed(value)
            elif isinstance(default, bool | str):
                if isinstance(value, type(default)):
                    taken[field.name] = value
            elif _is_number(value):
                taken[field.name] = type(default)(value)
        if taken.get("preset") not in (*PRESETS, OWN):
            taken.pop("preset", None)
        return Chosen(**taken)

    @staticmethod
    def of_request(request: TextRequest, *, seed: int | None = None) -> "Chosen":
        """The settings that made a result, with the seed that was really used."""
        sampling = {name: getattr(request.sampling, name) for name in SAMPLING_NAMES}
        system = request.messages[0].text if request.messages and request.messages[0].role == "system" else ""
        adapter = request.adapters[0] if request.adapters else None
        return Chosen(
            model=request.model,
            system=system,
            preset=next((name for name, values in PRESETS.items() if values == sampling), OWN),
            seed=request.sampling.seed if seed is None else seed,
            adapter=adapter.source if adapter else "",
            adapter_weight=adapter.weight if adapter else 1.0,
            **sampling,
        )

    def sampling(self) -> Sampling:
        return Sampling(**{name: getattr(self, name) for name in SAMPLING_NAMES}, seed=self.seed)

    def adapters(self) -> tuple[Adapter, ...]:
        return (Adapter(self.adapter.strip(), self.adapter_weight),) if self.adapter.strip() else ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _seed(value: object) -> int | None:
    """Empty is none. What a person wrote and is no whole number becomes -1, which the request refuses with the range."""
    if isinstance(value, str) and (text := value.strip()):
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
    return int(value) if _is_number(value) and value >= 0 else None  # type: ignore[operator, call-overload]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value and abs(value) < 2**53
