"""The card of a model that was trained here: README.md in its folder, out of what model.json says.

Its head is what the Hugging Face hub reads of a card; below stand what it is, where it comes from (data, base, run), how it did
and every setting. English, as cards are.
"""

import json
import re
from pathlib import Path
from typing import Any

from pipelines.training.files import make_durable, write_whole

REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
# What the hub knows by name; any other stands beside "other": https://huggingface.co/docs/hub/repositories-licenses
HUB_LICENCES = frozenset(
    [
        "apache-2.0",
        "mit",
        "openrail",
        "creativeml-openrail-m",
        "bigscience-openrail-m",
        "bsd-2-clause",
        "bsd-3-clause",
        "cc",
        "cc0-1.0",
        "cc-by-4.0",
        "cc-by-3.0",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "cc-by-nc-4.0",
        "cc-by-nc-sa-4.0",
        "cc-by-nc-nd-4.0",
        "gpl-3.0",
        "lgpl-3.0",
        "agpl-3.0",
        "mpl-2.0",
        "isc",
        "unlicense",
        "wtfpl",
        "gemma",
        "llama2",
        "llama3",
        "llama3.1",
        "llama3.2",
        "llama3.3",
    ]
)


def write_facts(model: Path, facts: dict[str, Any]) -> None:
    """Card and model.json into the folder of a model; model.json is its last file, and what stands before it is durable."""
    write_whole(model / "README.md", card_of(facts))
    for file in model.rglob("*"):
        make_durable(file)
    write_whole(model / "model.json", json.dumps(facts, indent=1, ensure_ascii=False))


def card_of(facts: dict[str, Any]) -> str:
    """`facts` as model.json has them."""
    name = facts["name"] or f"{facts['trainer']} · {facts['dataset']}"
    parts = [
        f"---\n{_head(facts)}---\n",
        f"# {_line(name)}\n",
        f"{_what(facts)} Trained in AIGC Studio {facts['version']} on {facts['created'][:10]}.\n",
        "## Where it comes from\n",
        _lineage(facts),
        "## How it did\n",
        _measured(facts),
        "## Settings\n",
        "".join(f"- `{key}`: {_code(value)}\n" for key, value in sorted(facts["settings"].items())),
    ]
    return "\n".join(parts)


def _head(facts: dict[str, Any]) -> str:
    """YAML, each value as JSON, which YAML reads: nothing that a person typed can become another field."""
    head: dict[str, Any] = {"language": facts["languages"], "tags": ["aigc-studio", facts["trainer"]]}
    if facts["licence"]:
        named = str(facts["licence"]).lower().replace(" ", "-")
        head |= {"license": named} if named in HUB_LICENCES else {"license": "other", "license_name": facts["licence"]}
    if REPOSITORY.fullmatch(str(facts["base"])):  # else it is none of the hub's, and the hub would link to nothing
        head["base_model"] = facts["base"]
    if facts.get("is_adapter"):
        head["library_name"] = "peft"
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in head.items() if value)


def _what(facts: dict[str, Any]) -> str:
    if merged := facts.get("merged_from"):
        return f"{_code(facts['base'])} with the adapter {_code(merged)} merged into its weights."
    if facts.get("is_adapter"):
        return f"An adapter for {_code(facts['base'])}, made by the trainer `{facts['trainer']}`; it needs that model."
    return f"A model made by the trainer `{facts['trainer']}`."


def _lineage(facts: dict[str, Any]) -> str:
    rows = [
        ("Data", facts["dataset"], [facts["source"], facts["data_licence"], facts["attribution"]]),
        ("Base", facts["base"] or "none: from random weights", [facts["licence"]] if facts["base"] else []),
        ("Run", facts["run"], [f"{facts['steps']:,} steps", f"{facts['seconds']:,.0f} s of work", _batches(facts)]),
    ]
    return "".join(
        f"- {key}: {', '.join([_code(value), *(_line(one) for one in more if one)])}\n" for key, value, more in rows
    )


def _batches(facts: dict[str, Any]) -> str:
    """How many batches made a step, where the settings do not say it: several processes drew them."""
    count = facts.get("batches", 1)
    return f"{count} batches a step" if count > facts["settings"].get("plan.accumulation", 1) else ""


def _measured(facts: dict[str, Any]) -> str:
    """On held-out data; what it is judged by first."""
    rows = sorted(facts["metrics"].items(), key=lambda row: (row[0] != facts["metric"], row[0]))
    lines = "".join(f"| {key.replace('_', ' ')} | {value:.4g} |\n" for key, value in rows)
    return f"| on held-out data | |\n|---|---|\n{lines}"


def _line(text: object) -> str:
    """In one line, nothing of it read as Markdown or HTML."""
    words = " ".join(str(text).split())
    return "".join(f"\\{one}" if one in "\\`*_[]<>#|" else one for one in words)


def _code(text: object) -> str:
    return f"`{' '.join(str(text).split()).replace('`', chr(39))}`"
