"""The card of a trained model: where it comes from, and nothing that a person wrote can be read as anything else."""

import json

import pytest

from pipelines.training.card import card_of, write_facts

FACTS = {
    "version": "1.0",
    "created": "2026-01-02T03:04:05+00:00",
    "name": "Pirate",
    "trainer": "causal_lm",
    "dataset": "own_0123456789abcdef",
    "source": "",
    "licence": "Apache-2.0",
    "data_licence": "",
    "attribution": "",
    "languages": ["en"],
    "base": "owner/smollm2-135m",
    "run": "0" * 32,
    "steps": 1200,
    "seconds": 71.5,
    "metric": "perplexity",
    "metrics": {"held_out_loss": 0.2, "perplexity": 1.25},
    "settings": {"plan.steps": 1200, "method": "lora"},
    "is_adapter": True,
}


def test_data_base_and_run_stand_in_it():
    card = card_of(FACTS)
    head = dict(line.split(": ", 1) for line in card.split("---")[1].strip().splitlines())
    assert json.loads(head["base_model"]) == "owner/smollm2-135m"
    assert json.loads(head["license"]) == "apache-2.0"
    assert json.loads(head["library_name"]) == "peft"
    assert "- Data: `own_0123456789abcdef`" in card
    assert "- Base: `owner/smollm2-135m`, Apache-2.0" in card
    for nowhere in ("pirate", "/home/jane/pirate", ""):
        assert "base_model" not in card_of({**FACTS, "base": nowhere}).split("---")[1]
    assert f"- Run: `{'0' * 32}`, 1,200 steps" in card
    assert card.index("| perplexity | 1.25 |") < card.index("| held out loss | 0.2 |")
    assert "An adapter for" in card


@pytest.mark.parametrize("words", ["a\n---\nlicense: evil", "<script>alert(1)</script>", "`x` | y", '"\n- key: 1'])
def test_hostile_words_stay_words(words):
    card = card_of({**FACTS, "name": words, "base": words, "attribution": words})
    assert card.count("\n---\n") == 1
    assert "\n<script>" not in card
    assert "# <script>" not in card
    head = card.split("---\n")[1]
    assert all(json.loads(line.split(": ", 1)[1]) for line in head.strip().splitlines())


def test_it_lies_beside_the_facts(tmp_path):
    write_facts(tmp_path, FACTS)
    assert json.loads((tmp_path / "model.json").read_text()) == FACTS
    assert (tmp_path / "README.md").read_text().startswith("---\n")
