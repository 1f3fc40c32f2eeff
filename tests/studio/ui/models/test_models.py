"""The rows of the Models tab and their HTML, without a page."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from pipelines.base import open_catalog
from pipelines.errors.memory import ModelTooLarge
from pipelines.errors.models import ModelGated, UnsafeModel
from pipelines.loading.catalog import Candidate
from pipelines.types.classification import ClassifyTask
from pipelines.types.events import Plan
from pipelines.types.model import ModelSpec
from studio.library.removal import Uses
from studio.ui.models import cards, rows
from studio.ui.models.layout import GROUPS
from studio.ui.models.rows import MemoryBar, ModelRow, Wanted
from studio.ui.words import say

EVIL = "<img src=x onerror=alert(1)>\"'"


def spec(name: str = "owner/name", **more) -> ModelSpec:
    fields = {
        "tasks": ("chat",),
        "source": "hub",
        "size_bytes": 2_000_000_000,
        "parameters": 1_000_000_000,
        "licence": "MIT",
    }
    return ModelSpec(id=name, name=name, family="f", location=name, **{**fields, **more})


def row(name: str = "owner/name", state: str = "away", **more) -> ModelRow:
    at = {key: more.pop(key)
          for key in ("done", "total", "job_id", "error", "memory_total", "is_own", "refusal", "plan")
          if key in more}  # fmt: skip
    return ModelRow(spec(name, **more), state, **at)  # type: ignore[arg-type]


ROWS = [
    row("qwen/small", size_bytes=500_000_000, languages=("en", "zh"), licence="Apache-2.0"),
    row("google/bert", tasks=("fill-mask",), note_zh="完形填空", licence="Apache-2.0"),
    row("meta/llama", licence="Llama 3.2 Community License", is_gated=True),
    row("big/one", size_bytes=60_000_000_000, parameters=30_000_000_000, memory_total=25_000_000_000),
    row("mine/here", "here"),
]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Wanted(), ["mine/here", "qwen/small", "google/bert", "meta/llama", "big/one"]),
        (Wanted("QWEN zh"), ["qwen/small"]),
        (Wanted("完形"), ["google/bert"]),
        (Wanted("nothing at all"), []),
        (Wanted(task="fill-mask"), ["google/bert"]),
        (Wanted(size="small"), ["qwen/small"]),
        (Wanted(size="huge"), ["big/one"]),
        (Wanted(licence="conditions"), ["meta/llama"]),
        (Wanted(licence="free", only_here=True), ["mine/here"]),
        (Wanted(only_fitting=True), ["mine/here", "qwen/small", "google/bert", "meta/llama"]),
        (Wanted(task="no such task", size="no such size"), []),
    ],
)
def test_the_list_is_narrowed(wanted, names):
    assert [one.spec.id for one in rows.matching(ROWS, wanted)] == names


def test_every_model_of_the_catalog_is_found_by_what_it_is_for():
    for spec in open_catalog().rows():
        assert set(spec.tasks) & set(GROUPS), f"{spec.id} stands under nothing"
    for task in set(GROUPS) - set(get_args(ClassifyTask)):  # those are trained here
        assert open_catalog().rows(task), f"nothing stands under {task}"
    for word in GROUPS.values():
        assert say(word, "en") != say(word, "zh")


def test_a_model_of_unknown_size_is_not_taken_for_a_small_one():
    some = [
        row("only/parameters", size_bytes=0, parameters=12_000_000_000),
        row("no/figure", size_bytes=0, parameters=0),
    ]
    sizes = {size: [one.spec.id for one in rows.matching(some, Wanted(size=size))] for size in rows.SIZES}
    assert sizes == {"small": [], "middle": [], "large": [], "huge": ["only/parameters"]}
    assert len(rows.matching(some, Wanted())) == 2


def test_the_speed_is_that_of_the_last_seconds():
    samples: rows.Samples = {}
    for second in range(20):
        samples = rows.sampled(samples, [row("a/b", "downloading", done=second * 1000), ROWS[0]], now=float(second))
    assert list(samples) == ["a/b"] and len(samples["a/b"]) <= 9
    assert rows.speed(samples["a/b"]) == 1000
    assert rows.speed(samples["a/b"][:1]) == 0
    assert rows.sampled(samples, [row("a/b", "paused")]) == {}


def test_memory_is_shared_out_to_the_last_byte():
    status = {
        "loaded_models": [{"device": "cpu", "measured_bytes": 3}, {"device": "cuda", "measured_bytes": 5}],
        "memory": {
            "ram": {"budget_bytes": 70, "total_bytes": 100, "others_bytes": 20, "processes": [
                {"who": "the engine", "size_bytes": 4}, {"who": "a training run", "size_bytes": 30},
                {"who": "a training run", "size_bytes": 5},
            ]},
            "cuda": {"budget_bytes": 24, "processes": [{"who": "the engine", "size_bytes": 9}]},
        },
    }  # fmt: skip
    ram, cuda = rows.memory_bars(status)
    assert ram == MemoryBar("ram", 100, 3, 1, 35, 41) and ram.others == 20
    assert cuda == MemoryBar("cuda", 24, 5, 4, 0, 15) and cuda.others == 0
    html = cards.memory_bars([ram, cuda], "en")
    assert html.count("memory-bar") == 2 and "training runs <b>" in html and "RAM · " in html and "GPU memory" in html
    assert "引擎" in cards.memory_bars([], "zh")


def test_what_training_holds_is_shown_while_the_engine_gives_its_models_back():
    """The engine's rows come a moment after its page of the ledger: until then they say more than it has."""
    told = {"budget_bytes": 70, "total_bytes": 100, "others_bytes": 20, "processes": [
        {"who": "the engine", "size_bytes": 0}, {"who": "a training run", "size_bytes": 30},
    ]}  # fmt: skip
    status = {"loaded_models": [{"device": "cpu", "measured_bytes": 40}], "memory": {"ram": told}}
    (bar,) = rows.memory_bars(status)
    assert (bar.training, bar.reserved) == (30, 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_that_others_named_is_markup(language):
    error, plan = ModelGated(model=EVIL, link=f"https://x/{EVIL}"), Plan(EVIL, "drops", EVIL, 5)
    evil = {"licence": EVIL, "licence_url": f"https://x/{EVIL}", "languages": (EVIL,), "note_en": EVIL, "note_zh": EVIL}
    some = [
        row(EVIL, state, done=1, total=2, error=error, refusal=error, plan=plan, is_own=True, **evil)
        for state in ("away", "here", "paused", "loaded")
    ]
    uses = Uses((EVIL,), (EVIL,), 0)
    found = Candidate(spec(EVIL, **evil), EVIL, (EVIL,), UnsafeModel(model=EVIL, reason=EVIL))
    resident = {"model": EVIL, "device": EVIL, "dtype": EVIL, "size_bytes": 1, "leases": 1, "leased_by": [EVIL, "x"], "idle_seconds": 0.0,
                "is_pinned": True, "is_parked": True}  # fmt: skip
    html = "".join(
        [
            cards.model_cards(some, language, asked=EVIL, uses=uses, hidden=3, is_managed=True),
            cards.model_cards(some, language, asked="", uses=Uses(), hidden=0, is_managed=True),
            cards.downloads(some, {EVIL: 5.0}, language),
            cards.look_card(
                found, language, is_here=True, is_listed=False, is_ours=True, tasks=[EVIL], forms=("half",), disk=(1, 2)
            ),
            cards.loaded_rows([resident], {EVIL: EVIL}, {EVIL: EVIL}, language, is_managed=True),
            cards.disk_lines([("models", EVIL, 1, 2)], language),
        ]
    )
    assert "<img" not in html and "&lt;img" in html
    assert not re.search(r'href="(?!https://)', html)


def test_a_licence_that_is_no_web_page_is_no_link():
    html = cards.model_cards(
        [row(licence_url="javascript:alert(1)")], "en", asked="", uses=Uses(), hidden=0, is_managed=True
    )
    assert "href" not in html and "MIT" in html


def test_a_download_shows_bytes_speed_and_time_left():
    html = cards.downloads([row("a/b", "downloading", done=25, total=100, job_id="1")], {"a/b": 15.0}, "en")
    assert 'aria-valuenow="25"' in html and "width:25.0%" in html and "5.0 s left" in html
    assert 'data-action="pause"' in html and 'data-action="cancel"' in html
    theirs = cards.downloads([row("a/b", "downloading", done=25, total=100)], {}, "en")
    assert "data-action" not in theirs, "somebody else's is not stopped"
    assert cards.downloads([], {}, "en") == ""


def test_a_failed_download_links_to_where_its_licence_is_accepted():
    error = ModelGated(model="a/b", link="https://huggingface.co/a/b")
    html = cards.downloads([row("a/b", "away", error=error)], {}, "zh")
    assert 'href="https://huggingface.co/a/b"' in html and "许可" in html and "重试" in html


def test_what_else_uses_it_is_told_and_what_is_at_work_stays():
    def asked(uses: Uses) -> str:
        return cards.model_cards([row(state="here")], "en", asked="owner/name", uses=uses, hidden=0, is_managed=True)

    told = asked(Uses(("Rivers", "Lakes"), ("my-lora",)))
    assert "2 of your conversations: “Rivers”, “Lakes”" in told and "my-lora" in told and 'data-action="remove"' in told
    assert 'data-action="remove"' not in asked(Uses(jobs=2))
    demo = cards.model_cards([row(state="here")], "en", asked="", uses=Uses(), hidden=0, is_managed=False)
    assert "data-action" not in demo


@pytest.mark.parametrize(
    ("language", "planned", "refused"),
    [("en", "Loads a/b in 4 bits", "a/b needs about 2.0 GB"), ("zh", "以 4 位加载 a/b", "a/b 约需 2.0 GB")],
)
def test_a_load_says_on_its_card_what_it_does_so_that_it_fits_and_why_it_failed(language, planned, refused):
    error = ModelTooLarge(model="a/b", needed_gb=2.0, free_gb=1.0)
    some = [row("a/b", "loading", plan=Plan("a/b", "shrinks", "int4", 7)), row("a/b", "here", refusal=error)]
    loading, here = (
        cards.model_cards([one], language, asked="", uses=Uses(), hidden=0, is_managed=True) for one in some
    )
    assert planned in loading and refused not in loading
    assert refused in here and planned not in here


def test_a_lease_is_named_to_its_own_person_only():
    resident = {"model": "a/b", "device": "cpu", "dtype": "int8", "size_bytes": 1, "leased_by": ["mine", "other", "third"],
                "idle_seconds": 0.0, "is_pinned": False, "is_parked": False}  # fmt: skip
    told = cards.loaded_rows([resident], {}, {"mine": "A fox", "gone": "A hen"}, "en", is_managed=True)
    assert "in use by “A fox” · in use by somebody else&#x27;s job (2)" in told and "hen" not in told
    assert "“A fox”正在使用" in cards.loaded_rows([resident], {}, {"mine": "A fox"}, "zh", is_managed=True)
    idle = cards.loaded_rows([{**resident, "leased_by": []}], {}, {}, "en", is_managed=True)
    assert "in use" not in idle and "just used" in idle


def test_a_model_that_does_not_fit_is_shown_with_the_reason():
    big = row(parameters=30_000_000_000, memory_total=25_000_000_000)

    def told(forms: tuple, language: str = "en", one: ModelRow = big) -> str:
        shown = replace(one, forms=forms)
        return cards.model_cards([shown], language, asked="", uses=Uses(), hidden=0, is_managed=True)

    html = told(("half", "int8", "offload"))
    assert "60.0 GB" in html and "this machine has 25.0 GB" in html and 'data-action="download"' in html
    assert "from the disk, slowly" in html and "int8 42.0 GB" in html and "int4" not in html
    assert "cannot be loaded in parts" in told(("half",)) and "分批" in told(("half",), "zh")
    middle = row(parameters=20_000_000_000, memory_total=25_000_000_000)
    assert "It fits in int4." in told(("half", "int8", "int4", "offload"), one=middle)


def test_a_row_tells_of_the_forms_that_its_family_has():
    catalog = open_catalog()
    assert catalog.forms(catalog.find("Qwen/Qwen3-0.6B")) == ("half", "int8", "int4", "offload")
    assert catalog.forms(catalog.find("stabilityai/sd-turbo")) == ("half", "int8", "int4", "offload")
    assert catalog.forms(catalog.find("facebook/musicgen-small")) == ("half",)
    assert catalog.forms(catalog.find("smollm2-135m-instruct")) == ()


def test_a_starter_is_not_told_by_formats_that_it_never_has():
    assert rows.forecasts(spec(source="starter")) == {}
    assert rows.forecasts(spec())["bfloat16"] == 2_000_000_000
