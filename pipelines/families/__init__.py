"""One file per model family. Each has the same shape and none knows another.

    TASKS: frozenset[Task]          what its models can do
    DEVICES: frozenset[str]         where they run: "cpu", "cuda", "mps"
    BATCHES: bool                   several requests at once on one model are faster than one after the other
    ADAPTERS: bool                  LoRA adapters can be laid over its models
    serves(architectures, file_format) -> bool
    forecast(weights, place) -> Forecast    bytes that the model will hold at `place`, and those it works with
    forms(weights) -> tuple[Form, ...]  in which smaller forms it can be loaded where it does not fit, the best first
    load(spec, weights, place, adapters, on_event) -> the model

A family whose models need another repository beside their own names it: COMPANION, see `pipelines/loading/companions.py`.

To add a family, add a file: `pipelines/base.py` finds it. Where two serve the same model, the one made for fewer devices
is taken on those devices.
"""
