"""Errors across processes, and in Chinese."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors.access import NotAllowed
from pipelines.errors.base import _ZH_WORDS, StudioError
from pipelines.errors.crossing import error_from_json
from pipelines.errors.jobs import InternalError
from pipelines.errors.memory import ModelTooLarge
from pipelines.errors.models import ModelDamaged
from pipelines.errors.reasons import in_chinese
from pipelines.errors.requests import PromptTooLong

ROOT = Path(__file__).parents[2]
SAID = ("reason", "device", "architecture", "where")


def test_an_error_comes_back_as_it_was():
    for error in (PromptTooLong(length=5, limit=4), ModelTooLarge(model="x", needed_gb=30.0, free_gb=2.5)):
        again = error_from_json(error.to_json())
        assert type(again) is type(error) and again.details == error.details


@pytest.mark.parametrize(
    "data",
    [
        {"code": "PromptTooLong", "details": {"length": "many", "limit": 4}},
        {"code": "PromptTooLong", "details": {"length": 5}},
        {"code": "PromptTooLong", "details": {"length": None, "limit": 4}},
        {"code": "ModelTooLarge", "details": {"model": "x", "needed_gb": 10**400, "free_gb": 1}},
        {"code": "EmptyPrompt", "details": [1]},
        {"code": "EmptyPrompt", "details": None},
        {"code": "EmptyPrompt", "details": {"self": 1}},
        {"code": ["EmptyPrompt"], "details": {}},
        {"code": "NoSuchError", "details": {"a": 1}},
        {},
        [],
        None,
        "EmptyPrompt",
    ],
)
def test_whatever_is_no_error_is_an_internal_one(data):
    error = error_from_json(data)
    assert isinstance(error, InternalError) and error.say("en") != error.say("zh")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("reason"), inner, max_size=3),
)
CODES = sorted({cls.__name__ for cls in (StudioError, PromptTooLong, ModelTooLarge, NotAllowed)})


@given(st.fixed_dictionaries({"code": st.sampled_from(CODES) | json_values, "details": json_values}) | json_values)
def test_reading_an_error_never_fails(data):
    error = error_from_json(data)
    assert error.say("en") and error.say("zh")


def fixed_reasons() -> list[str]:
    """Every reason that stands word for word where an error is made."""
    calls = [
        node
        for path in ROOT.glob("pipelines/**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[:1].isupper()
    ]
    values = [keyword.value for call in calls for keyword in call.keywords if keyword.arg in SAID]
    texts = {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}
    return sorted(text for text in texts if " " in text)


def test_every_fixed_reason_is_chinese_in_a_chinese_message():
    reasons = fixed_reasons()
    assert "models are not downloaded here" in reasons and len(reasons) > 15
    assert [reason for reason in reasons if reason not in _ZH_WORDS] == []
    assert "not downloaded" not in NotAllowed(reason="models are not downloaded here").say("zh")


def made_reasons() -> list[str]:
    """Every reason with values in it, as an example: "X1 is not JSON"."""
    calls = [
        node
        for folder in ("pipelines", "studio")
        for path in (ROOT / folder).glob("**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[:1].isupper()
    ]
    values = [keyword.value for call in calls for keyword in call.keywords if keyword.arg in SAID]
    made = [value.values for value in values if isinstance(value, ast.JoinedStr)]
    texts = ["".join(str(part.value) if isinstance(part, ast.Constant) else "X1" for part in parts) for parts in made]
    return sorted({text for text in texts if re.search("[a-z]{2}", text)})


def test_every_reason_with_a_value_in_it_is_chinese_in_a_chinese_message():
    reasons = made_reasons()
    assert "X1 is not JSON" in reasons and len(reasons) > 20
    chinese = {reason: in_chinese(reason) for reason in reasons}
    assert [reason for reason, said in chinese.items() if not re.search("[\u4e00-\u9fff]", said)] == []
    assert {reason for reason, said in chinese.items() if said.count("X1") != reason.count("X1")} == set()
    said = ModelDamaged(model="m", reason="2 weights are missing (a.b)", path="/x").say("zh")
    assert "缺少 2 个权重（a.b）" in said and "missing" not in said


def test_every_thing_that_is_not_found_is_chinese_in_a_chinese_message():
    sources = [path.read_text() for room in ("pipelines", "studio") for path in ROOT.glob(f"{room}/**/*.py")]
    things = {thing for source in sources for thing in re.findall(r'NotFound\(thing="([^"]+)"', source)}
    assert {"result", "creation"} <= things
    assert [thing for thing in sorted(things) if thing not in _ZH_WORDS] == []
