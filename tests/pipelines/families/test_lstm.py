"""Language models of LSTM layers: what they write depends on the text, the settings and the seed, and on nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipelines.errors.models import ModelDamaged
from pipelines.networks import recurrent
from pipelines.networks.recurrent import LstmConfig
from pipelines.text import TextPipeline
from pipelines.types.text import Sampling, TextRequest
from tests.pipelines.tiny_texts import byte_bpe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    target = tmp_path / "models" / "tiny"
    target.mkdir(parents=True)
    tokenizer = byte_bpe(None)
    config = LstmConfig(len(tokenizer), width=16, layers=2)
    recurrent.write(recurrent.build(config), config, target)
    tokenizer.save_pretrained(target)
    return target


@pytest.fixture
def pipeline(tmp_path: Path) -> TextPipeline:
    return TextPipeline.on_this_machine(tmp_path / "models", cache_folder=tmp_path / "cache", device="cpu")


def asked(**sampling) -> TextRequest:
    return TextRequest("tiny", "continue", text="the river", sampling=Sampling(**{"max_new_tokens": 20, **sampling}))


def test_the_seed_decides_and_greedy_needs_none(folder, pipeline):
    one, same, other = (pipeline.generate(asked(seed=seed)).text for seed in (1, 1, 2))
    assert one == same != other
    greedy = {pipeline.generate(asked(seed=seed, temperature=0.0)).text for seed in (1, 2)}
    assert len(greedy) == 1


def test_a_text_is_read_the_same_in_parts(folder):
    network = recurrent.read(folder)
    tokens = torch.randint(50, (1, 40))
    whole, _ = recurrent.read_on(network, tokens)
    first, state = recurrent.read_on(network, tokens[:, :25])
    rest, _ = recurrent.read_on(network, tokens[:, 25:], state)
    assert torch.allclose(whole, torch.cat([first, rest], dim=1), atol=1e-5)


def test_stop_ends_it_between_two_tokens(folder, pipeline):
    left = iter(range(5))
    result = pipeline.generate(asked(seed=1, max_new_tokens=500), is_cancelled=lambda: next(left, None) is None)
    assert result.finish_reason == "cancelled"
    assert result.new_tokens < 10


def test_it_counts_what_it_wrote(folder, pipeline):
    result = pipeline.generate(asked(seed=5, max_new_tokens=7))
    assert result.new_tokens == 7 or result.finish_reason == "stop"
    assert result.prompt_tokens > 1


@pytest.mark.parametrize("change", [{"width": 17}, {"layers": 0}, {"layers": 3}, {"vocabulary": "many"}])
def test_a_config_that_makes_no_network_is_refused(folder, pipeline, change):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelDamaged):
        pipeline.generate(replace(asked(seed=1)))
