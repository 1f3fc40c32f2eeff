"""The server never loads a model library: that is what makes the first page quick and the server small."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODEL_LIBRARIES = ("torch", "transformers", "diffusers", "librosa", "openvino", "openvino_genai", "peft", "accelerate")
SERVER_MODULES = ("studio.ui.page", "studio.services", "studio.api.door", "pipelines.text")


def loaded_by(module: str) -> set[str]:
    """The top-level packages in sys.modules after `import module` in a fresh process."""
    ask = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(
        subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.mark.parametrize("module", SERVER_MODULES)
def test_the_server_loads_no_model_library(module: str) -> None:
    loaded = loaded_by(module)
    assert module.partition(".")[0] in loaded
    assert not loaded.intersection(MODEL_LIBRARIES)


@pytest.mark.parametrize("module", ["studio.api.door", "pipelines.text", "studio.jobs.worker"])
def test_only_the_page_loads_gradio(module: str) -> None:
    assert "gradio" not in loaded_by(module)
