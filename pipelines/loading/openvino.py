"""The one place that imports OpenVINO, so that its telemetry stays off.

`import openvino` reports the import to Google Analytics from a forked copy of the process, which in an offline place
also lives on and holds whatever the process had open, a job's lock included. Without the package `openvino_telemetry`
openvino takes a stub of its own; a None in `sys.modules` is Python's way to say that a package is not there.
"""

import sys
from types import ModuleType


def import_openvino_genai() -> ModuleType:
    """The package `openvino_genai`, imported without telemetry."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino_genai

    return openvino_genai
