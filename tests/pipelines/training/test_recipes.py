"""Recipes of the starters: each asks for what there is, goes on with its own run, and ends in half precision."""

import json
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from pipelines.training.__main__ import _request
from pipelines.training.half_precision import copy_in_half
from pipelines.training.order import order_of
from tests.pipelines.tiny_texts import save_causal

RECIPES = [
    path
    for path in sorted((Path(__file__).parents[3] / "assets" / "recipes").glob("*.json"))
    if "trainer" in json.loads(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_asks_for_what_there_is(path: Path) -> None:
    asked = _request(Namespace(trainer=str(path), run=""))
    order = order_of(asked)
    assert order.settings.plan.steps == asked.settings["plan.steps"]
    assert _request(Namespace(trainer=str(path), run="")).run == asked.run


def test_a_model_in_half_precision_loads_like_the_one_it_was(tmp_path: Path) -> None:
    whole, half = save_causal(tmp_path / "whole"), tmp_path / "half"
    (whole / "model.json").write_text("{}", encoding="utf-8")
    copy_in_half(whole, half)
    assert all(weight.dtype == torch.float16 for weight in load_file(half / "model.safetensors").values())
    assert not (half / "model.json").exists()
    assert AutoTokenizer.from_pretrained(half).encode("the cat") == AutoTokenizer.from_pretrained(whole).encode(
        "the cat"
    )
    tokens = torch.tensor([[5, 6, 7]])
    scores = [
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(tokens).logits for folder in (whole, half)
    ]
    torch.testing.assert_close(*scores, atol=1e-2, rtol=1e-2)
