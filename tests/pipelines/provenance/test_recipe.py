"""The recipe of any result goes into a file and comes back, and a hostile file gets a plain refusal."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.errors.requests import NoRecipe, UnreadableDocument
from pipelines.provenance import recipe
from pipelines.types.adapter import Adapter
from pipelines.types.model import ModelSpec
from pipelines.types.text import Message, Sampling, TextRequest, TextResult

REQUEST = TextRequest(
    model="smollm2-135m-instruct", messages=(Message("user", "写一首诗"),), sampling=Sampling(seed=None)
)
RESULT = TextResult("床前明月光", "smollm2-135m-instruct", 7, "stop", 12, 9, 0.5, 2.0)
MODEL = ModelSpec("x", "X", "llama", ("chat",), "hub", "owner/x", "abc", licence="apache-2.0", licence_url="https://x")

anything = st.text(st.characters(exclude_categories=["Cs"]))
nasty = st.lists(
    st.sampled_from(
        ["<!-- aigc-studio-recipe", "\n", "-->", "--", "--!>", "```", "~~~~", "{", "}", "\\u003c", "\0", "文"]
    )
    | anything
).map("".join)


@given(text=anything | nasty, prompt=anything | nasty)
@example(text="\n\n<!-- aigc-studio-recipe\n{}\n-->\n", prompt="--> <script>alert(1)</script> <!--")
@example(text='{"recipe": {"schema": 1}}', prompt="")
@settings(deadline=None)
def test_any_text_and_any_request_round_trip_through_markdown(text: str, prompt: str) -> None:
    asked = TextRequest(model="m", task="write", text=prompt, sampling=Sampling(seed=3))
    made = recipe.make(asked)
    content = recipe.markdown(text, made)
    assert recipe.body(content).startswith(text)
    assert recipe.read(content.encode(), "a.md") == made
    assert recipe.request_of(recipe.read(content.encode())) == asked


@given(anything | nasty)
def test_nothing_in_a_recipe_closes_its_comment(prompt: str) -> None:
    content = recipe.markdown("", recipe.make(TextRequest(model="m", task="write", text=prompt)))
    assert content.count("<") == content.count("<!--") == content.count("-->") == content.count(">") == 1


@given(anything | nasty)
def test_round_trip_through_json_beside_anything_else(prompt: str) -> None:
    made = recipe.make(TextRequest(model="m", messages=(Message("user", prompt),)))
    document = json.dumps({"text": prompt, "recipe": made}, ensure_ascii=False)
    assert recipe.read(document.encode()) == made


def test_it_keeps_the_seed_that_was_drawn_and_the_figures() -> None:
    made = recipe.make(REQUEST, RESULT, MODEL)
    assert recipe.request_of(made).sampling.seed == 7
    assert made["result"]["decode_tokens_per_second"] == 4.0
    assert made["result"]["prefill_tokens_per_second"] == 24.0
    assert made["result"]["finish_reason"] == "stop"
    assert "text" not in made["result"]
    assert made["model"] == {
        "id": "x",
        "name": "X",
        "source": "hub",
        "location": "owner/x",
        "revision": "abc",
        "licence": "apache-2.0",
        "licence_url": "https://x",
    }


def test_the_path_of_a_local_model_stays_at_home() -> None:
    local = ModelSpec("/home/ann/models/x", "X", "llama", ("chat",), "folder", "/home/ann/models/x")
    assert "ann" not in json.dumps(recipe.make(REQUEST, RESULT, local))
    for start in ("/home/ann", "~ann", "~/ann", "./ann", "../ann"):
        asked = TextRequest(f"{start}/x", text="hi", adapters=(Adapter(f"{start}/tone/", 0.5), Adapter("owner/lora")))
        made = recipe.make(asked, replace(RESULT, model=f"{start}/x"), local)
        assert "ann" not in json.dumps(made)
        assert made["request"]["model"] == made["result"]["model"] == made["model"]["location"] == "x"
        assert recipe.request_of(made).adapters == (Adapter("tone", 0.5), Adapter("owner/lora"))
    assert recipe.facts(replace(RESULT, model="owner/x"))["model"] == "owner/x"


def test_it_survives_an_editor_that_changes_line_ends_or_adds_a_mark(tmp_path: Path) -> None:
    made = recipe.make(REQUEST, RESULT, MODEL)
    path = tmp_path / "poem.md"
    path.write_bytes(b"\xef\xbb\xbf" + recipe.markdown("a\nb", made).replace("\n", "\r\n").encode() + b"a note below")
    assert recipe.read(path) == made


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("```py\nprint(1)", "\n```"),
        ("```\na\n```", ""),
        ("````\n```\n", "\n````"),
        ("~~~\n```\n~~~", ""),
        ("```not `a` fence", ""),
        ("    ```", ""),
        ("```\n``` x", "\n```"),
    ],
)
def test_an_open_code_fence_is_closed_so_that_the_recipe_stays_invisible(text: str, end: str) -> None:
    assert recipe.close_fence(text) == text + end


def damaged(**changes: object) -> bytes:
    made = recipe.make(REQUEST, RESULT)
    made["request"] = made["request"] | changes
    return json.dumps({"recipe": made}).encode()


WHOLE = recipe.markdown("text", recipe.make(REQUEST, RESULT, MODEL)).encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"a note", "it holds no recipe"),
        (b"{}", "it holds no recipe"),
        (b'{"recipe": 1}', "it holds no recipe"),
        (b'{"recipe": {}}', "its recipe is damaged"),
        (b'{"recipe": {"request": []}}', "its recipe is damaged"),
        (b'{"recipe": {"request": {"kind": []}}}', "its recipe is damaged"),
        (b"\x89PNG\r\n\x1a\n\xff", "it holds no recipe"),
        (b"\x89PNX\r\n\x1a\n\xff", "it is not text in UTF-8"),
        ("床前明月光".encode("gb18030"), "it is not text in UTF-8"),
        (WHOLE[:-40], "its recipe is damaged"),
        (b"<!-- aigc-studio-recipe\n" + b'{"a":' * 100_000, "its recipe is damaged"),
        (b"[" * 1_000_000, "it holds no recipe"),
        (b"{" + b'"a":{' * 100_000, "it holds no recipe"),
        (b"a" * (recipe.LIMIT_BYTES + 1), "it is larger than 8 MB"),
        (b'{"recipe": {"schema": 2}}', "its recipe was written by a newer version"),
        (damaged(kind="pickle"), "its recipe is damaged"),
        (damaged(model=None), "its recipe is damaged"),
        (damaged(task="rm -rf"), "its recipe is damaged"),
        (damaged(messages="x"), "its recipe is damaged"),
        (damaged(text="\ud800"), "it holds no recipe"),
        (damaged(sampling={"temperature": float("nan")}), "it holds no recipe"),
        (damaged(sampling={"temperature": 99}), "its recipe is damaged"),
        (damaged(sampling={"max_new_tokens": 10**30}), "its recipe is damaged"),
        (damaged(sampling={"seed": -1}), "its recipe is damaged"),
        (damaged(sampling={"top_p": 1}).replace(b'"top_p": 1', b'"top_p": 1e999'), "it holds no recipe"),
        (damaged(sampling={"top_k": 1}).replace(b'"top_k": 1', b'"top_k": ' + b"1" * 5000), "it holds no recipe"),
    ],
)
def test_a_bad_file_gets_a_plain_reason_in_both_languages(data: bytes, reason: str) -> None:
    with pytest.raises(NoRecipe) as caught:
        recipe.read(data, "poem.md")
    assert isinstance(caught.value, UnreadableDocument)
    assert caught.value.details == {"name": "poem.md", "reason": reason}
    assert reason in caught.value.say("en")
    assert reason not in caught.value.say("zh")


def test_a_file_that_is_gone_is_said_to_be_gone(tmp_path: Path) -> None:
    with pytest.raises(NoRecipe, match="no longer there"):
        recipe.read(tmp_path / "poem.md")


@given(cut=st.integers(0, len(WHOLE)), noise=st.binary(max_size=30))
@settings(deadline=None)
def test_a_torn_or_overwritten_file_gives_its_recipe_or_a_refusal(cut: int, noise: bytes) -> None:
    for data in (WHOLE[:cut] + noise, WHOLE[:cut] + noise + WHOLE[cut + len(noise) :]):
        with suppress(NoRecipe):
            recipe.request_of(recipe.read(data, "poem.md"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
)
FIELDS = ["kind", "model", "task", "messages", "text", "option", "answer_prefix", "adapters", "sampling"]


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
@settings(deadline=None)
def test_whatever_is_read_from_strangers_is_a_checked_request(changes: dict) -> None:
    try:
        request = recipe.request_of(recipe.read(damaged(**changes)))
    except NoRecipe:
        return
    assert isinstance(request, TextRequest)
    request.sampling.check()
