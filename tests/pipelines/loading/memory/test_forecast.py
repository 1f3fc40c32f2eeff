"""Forecasts, what loads teach, and the smaller forms."""

import importlib.machinery
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.loading.memory.forecast import (
    REMEMBERED_MODELS,
    Forecast,
    Learnt,
    can_never_fit,
    in_forms,
    weights_bytes,
)
from pipelines.loading.placement.devices import CPU, Place

GPU = Place("cuda", "bfloat16", "auto")
SAID = Forecast(100, 20)


@pytest.mark.parametrize(("is_installed", "forms"), [(True, ["", "int8", "int4", "offload"]), (False, ["", "offload"])])
def test_a_gpu_quantises_where_bitsandbytes_is_installed(monkeypatch, is_installed, forms):
    found = importlib.machinery.ModuleSpec("bitsandbytes", None) if is_installed else None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found if name == "bitsandbytes" else pytest.fail(name))
    assert [form for form, _ in in_forms(GPU, ("half", "int8", "int4", "offload"), Path("/nowhere"))] == forms


def test_what_a_gpu_wants_beside_is_named_and_pinned():
    root = Path(__file__).parents[4]
    lines = (line.partition("#")[0].strip() for line in (root / "requirements-cuda.txt").read_text().splitlines())
    assert [line.split("==")[0] for line in lines if line] == ["bitsandbytes"]
    for name in ("README.md", "README.zh-CN.md"):
        assert "requirements-cuda.txt" in (root / name).read_text()


def test_smaller_forms_come_in_order_where_they_can_be_had():
    folder = Path("/nowhere")
    every = ("half", "int8", "int4", "offload")
    on_cpu = list(in_forms(CPU, every, folder))
    assert [form for form, _ in on_cpu] == ["", "half", "int8", "int4", "offload"]
    assert on_cpu[1][1].dtype == "bfloat16" and on_cpu[2][1].quantisation == "int8"
    assert on_cpu[3][1].quantisation == "int4" and on_cpu[4][1].offload_folder == folder
    assert list(in_forms(CPU, (), folder)) == [("", CPU)]
    sizes = [weights_bytes(1000, place) for _, place in on_cpu]
    assert sizes == sorted(sizes, reverse=True) and sizes[:2] == [4000, 2000]


def test_what_can_never_fit_is_known_by_its_files():
    assert not can_never_fit(8 * 10**9, 10**9)
    assert can_never_fit(9 * 10**9, 10**9)


def test_a_forecast_is_corrected_by_what_loads_took(tmp_path):
    learnt = Learnt(tmp_path / "cache" / "forecasts.json")
    assert learnt.corrected("m", CPU, SAID) == SAID and learnt.seconds("m", CPU) == 0
    learnt.learn("m", CPU, SAID, 140, 2.0)
    assert learnt.corrected("m", CPU, SAID) == Forecast(140, 20)
    learnt.learn("m", CPU, SAID, 120, 1.0)
    again = Learnt(tmp_path / "cache" / "forecasts.json")
    assert again.corrected("m", CPU, SAID) == Forecast(130, 20) and again.seconds("m", CPU) == 1.5
    assert again.corrected("m", replace(CPU, dtype="bfloat16"), SAID) == SAID  # another form
    assert again.corrected("m", CPU, Forecast(90)) == Forecast(90)  # other files


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"null", b'{"m|cpu|float32": 5}', b'{"m|cpu|float32": {"forecast": 100, "took": "x", "seconds": 1}}',
     b'{"m|cpu|float32": {"forecast": 100, "took": -5, "seconds": 1}}', b"\xff\xfe", b"[" * 100_000],
)  # fmt: skip
def test_a_damaged_file_is_as_good_as_none(tmp_path, damage):
    path = tmp_path / "forecasts.json"
    path.write_bytes(damage)
    learnt = Learnt(path)
    assert learnt.corrected("m", CPU, SAID) == SAID
    learnt.learn("m", CPU, SAID, 120, 1.0)
    assert json.loads(path.read_text())["m|cpu|float32"]["took"] == 120


def test_what_cannot_be_written_is_known_all_the_same(tmp_path):
    (tmp_path / "file").write_text("")
    learnt = Learnt(tmp_path / "file" / "forecasts.json")
    learnt.learn("m", CPU, SAID, 120, 1.0)
    assert learnt.corrected("m", CPU, SAID).weights_bytes == 120


def test_only_so_many_models_are_remembered():
    learnt = Learnt()
    for number in range(REMEMBERED_MODELS + 1):
        learnt.learn(str(number), CPU, SAID, 120, 1.0)
    assert learnt.corrected("0", CPU, SAID) == SAID and learnt.corrected("1", CPU, SAID).weights_bytes == 120


def test_one_absurd_measure_does_not_rule_the_next_load():
    learnt = Learnt()
    learnt.learn("m", CPU, SAID, 100_000, 1.0)
    assert learnt.corrected("m", CPU, SAID).weights_bytes == 300
