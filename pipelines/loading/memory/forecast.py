"""How much memory a model will take, told before it is loaded, and the smaller forms in which it would fit.

A family counts the weights and the working memory; `Learnt` corrects that by what the same model really took here before.
It loads nothing.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Literal

from pipelines.loading.placement.devices import Place, quantisations

Form = Literal["half", "int8", "int4", "offload"]

BYTES_OF = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
QUANTISED_BYTES = {"int8": 1.4, "int4": 0.8}  # with scales, and embeddings and norms that stay as they are
TRANSIENT_SHARE = 0.12  # of weights that lie on disk so much is in memory while it is used, such as the embedding
REMEMBERED_MODELS = 500
MOST_WRONG = 3  # a measure that says otherwise was of something else


@dataclass(frozen=True)
class Forecast:
    """`weights_bytes` stay for as long as the model is loaded, `working_bytes` come on top while it works."""

    weights_bytes: int
    working_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.working_bytes


def weights_bytes(parameters: int, place: Place) -> int:
    """What `parameters` numbers take in the memory of `place`."""
    each = QUANTISED_BYTES[place.quantisation] if place.quantisation else BYTES_OF[place.dtype]
    whole = int(parameters * each)
    if place.weights_in_memory_bytes is None or whole <= place.weights_in_memory_bytes:
        return whole
    return place.weights_in_memory_bytes + int(TRANSIENT_SHARE * whole)


def can_never_fit(size_bytes: int, most_bytes: int) -> bool:
    """Whether files of `size_bytes` are too much for any form of the model: known before they are fetched."""
    return TRANSIENT_SHARE * size_bytes > most_bytes


def in_forms(place: Place, forms: tuple[Form, ...], offload_folder: Path) -> Iterator[tuple[str, Place]]:
    """("", `place` as it is), then each smaller form that can be had there, in the family's order.

    "half" halves float32; "int8" and "int4" quantise the weights, where the device can; "offload" keeps none of them in
    the device's memory, or as many as the caller finds room for: slow, and always the last.
    """
    yield "", place
    for form in forms:
        if form == "half" and place.dtype == "float32":
            yield form, replace(place, dtype="bfloat16")
        elif form in ("int8", "int4") and form in quantisations(place.device):
            yield form, replace(place, quantisation=form)
        elif form == "offload":
            yield form, replace(place, weights_in_memory_bytes=0, offload_folder=offload_folder)


class Learnt:
    """What loads really took on this machine, by model and place, in a small JSON file that may be deleted or damaged."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` None: only for as long as this object lives."""
        self._path = path
        self._lock = Lock()
        self._rows = self._read()

    def corrected(self, model: str, place: Place, forecast: Forecast) -> Forecast:
        """`forecast` by the measure of the last loads of the same model in the same form; as it is where there were none."""
        with self._lock:
            row = self._rows.get(_key(model, place))
        if row is None or row["forecast"] != forecast.weights_bytes:  # other files, or another way to count
            return forecast
        most, least = MOST_WRONG * forecast.weights_bytes, forecast.weights_bytes / MOST_WRONG
        return replace(forecast, weights_bytes=int(min(max(row["took"], least), most)))

    def learn(self, model: str, place: Place, forecast: Forecast, took_bytes: int, seconds: float) -> None:
        """`forecast` is what the family said; `took_bytes` was measured. The newest counts half."""
        key = _key(model, place)
        with self._lock:
            row = self._rows.pop(key, None)
            if row is not None and row["forecast"] == forecast.weights_bytes:
                took_bytes, seconds = int((row["took"] + took_bytes) / 2), (row["seconds"] + seconds) / 2
            self._rows[key] = {"forecast": forecast.weights_bytes, "took": took_bytes, "seconds": round(seconds, 3)}
            for oldest in list(self._rows)[:-REMEMBERED_MODELS]:
                del self._rows[oldest]
            self._write()

    def seconds(self, model: str, place: Place) -> float:
        """How long it usually takes to load it from the disk, 0 where that is not known."""
        with self._lock:
            row = self._rows.get(_key(model, place))
        return float(row["seconds"]) if row else 0.0

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            rows = json.loads(self._path.read_bytes()) if self._path else {}
        except (OSError, ValueError, RecursionError):
            return {}
        return {key: row for key, row in rows.items() if _is_row(row)} if isinstance(rows, dict) else {}

    def _write(self) -> None:
        """By rename. What cannot be written is only known to this process: nothing is lost by that."""
        if self._path is None:
            return
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, prefix=".", delete=False) as file:
                file.write(json.dumps(self._rows, indent=0))
            Path(file.name).replace(self._path)


def _key(model: str, place: Place) -> str:
    where = "offloaded" if place.weights_in_memory_bytes is not None else place.device
    return "|".join((model, where, place.quantisation or place.dtype))


def _is_row(row: object) -> bool:
    names = ("forecast", "took", "seconds")
    return isinstance(row, dict) and all(
        type(row.get(name)) in (int, float) and 0 <= row[name] < 1e15 for name in names
    )
