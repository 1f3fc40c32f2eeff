"""Lines about jobs, models and results, in both languages."""

from dataclasses import replace
from typing import get_args

from pipelines.loading.memory.forecast import Form
from pipelines.provenance import recipe
from pipelines.types.events import Loading, Plan
from pipelines.types.model import ModelSpec
from pipelines.types.text import TextResult
from studio.jobs.job import JobEvent, Place
from studio.ui.facts import (
    doing_line,
    duration,
    facts_line,
    has_chinese,
    jobs_line,
    language_notice,
    model_label,
    place_line,
    result_of,
    size,
    stage_line,
)  # fmt: skip
from studio.ui.stream import Live, fold
from studio.ui.words import WORDS, language_of

RESULT = TextResult(
    text="x", model="smol", seed=42, finish_reason="stop", prompt_tokens=90, new_tokens=212, seconds_prefill=0.1,
    seconds_decode=1.3,
)  # fmt: skip
SMOL = ModelSpec(
    "smol", "SmolLM2", "openvino_text", ("chat",), "starter", "smol", size_bytes=98_000_000, languages=("en",)
)
QWEN = replace(SMOL, id="qwen", name="Qwen3", source="hub", size_bytes=1_500_000_000, languages=("en", "zh"))
LARGE = replace(QWEN, id="large", name="Large", size_bytes=9_000_000_000)


def test_facts_say_what_is_known() -> None:
    assert (
        facts_line(RESULT, "Smol", "en") == "Smol · 162 tokens/s · prefill 900 tokens/s · 212 tokens · seed 42 · 1.4 s"
    )
    cut = replace(RESULT, finish_reason="length", seconds_load=2.0)
    assert facts_line(cut, "Smol", "en").endswith("1.4 s · loaded in 2.0 s · ended at max new tokens")


def test_facts_leave_out_rates_that_are_none() -> None:
    one = replace(RESULT, new_tokens=1, seconds_decode=0.0, seconds_prefill=0.0)
    assert facts_line(one, "Smol", "en") == "Smol · 1 tokens · seed 42 · 0.0 s"


def test_a_settled_answer_gives_its_figures_back() -> None:
    assert result_of(recipe.facts(RESULT)) == replace(RESULT, text="")
    assert result_of({"seed": "x"}) is None
    assert result_of(None) is None


def test_sizes_and_times() -> None:
    assert [size(n) for n in (500, 98_362_432, 1_503_000_000)] == ["1 kB", "98 MB", "1.5 GB"]
    assert [duration(s, "en") for s in (1.42, 48.2, 200)] == ["1.4 s", "48 s", "3 min"]


def test_place_and_stage() -> None:
    assert place_line(Place(0, None), "en") == "Next in turn"
    assert place_line(Place(3, 30.0), "en") == "3 ahead of you · about 30 s"
    assert place_line(Place(3, None), "zh") == "前面还有 3 个"
    assert stage_line(Loading("download", "smol", 43_000_000, 93_000_000), "en") == "Downloading smol · 43 MB / 93 MB"
    assert stage_line(Loading("weights", "smol", 2, 9), "en") == "Reading weights of smol · 22 %"
    assert doing_line(Live(waits=Place(1, None)), "en") == "1 ahead of you"
    assert doing_line(Live(text="a"), "en") == "Writing"


def test_what_is_done_so_that_a_model_fits_is_said_before() -> None:
    parks = Plan("SDXL", "parks", "SmolLM2", 1_500_000_000, 1.0)
    assert stage_line(parks, "en") == "Parks SmolLM2 in RAM, about 1.0 s"
    assert stage_line(replace(parks, action="drops", size_bytes=400_000_000), "zh") == "移出 SmolLM2 以腾出空间，400 MB"
    actions = [replace(parks, action=action) for action in ("drops", "waits", "asks")]
    shrinks = [Plan("SDXL", "shrinks", form, 10**9) for form in get_args(Form)]
    lines = [[stage_line(plan, language) for plan in actions + shrinks] for language in ("en", "zh")]
    assert len(set(lines[0] + lines[1])) == 2 * (3 + len(get_args(Form)))
    live = fold(Live(waits=Place(1, None)), JobEvent("plan", 1.0, parks))
    assert doing_line(live, "en") == "Parks SmolLM2 in RAM, about 1.0 s"


def test_models_in_a_picker() -> None:
    assert model_label(SMOL, is_loaded=True, is_on_disk=True, language="en") == "● SmolLM2 · starter · 98 MB"
    assert model_label(QWEN, is_loaded=False, is_on_disk=False, language="en") == "↓ Qwen3 · 1.5 GB"


def test_chinese_asked_of_a_model_that_does_not_know_it_names_the_smallest_that_does() -> None:
    rows = [SMOL, LARGE, QWEN]
    assert "Qwen3" in language_notice("天空为什么是蓝色的?", SMOL, rows, "en")
    assert "Qwen3" in language_notice("天空", SMOL, rows, "zh")
    assert language_notice("天空", QWEN, rows, "en") == ""
    assert language_notice("the sky", SMOL, rows, "en") == ""
    assert language_notice("天空", replace(SMOL, languages=()), rows, "en") == ""
    assert "SmolLM2" in language_notice("天空", SMOL, [SMOL], "en")
    assert has_chinese("a 天") and not has_chinese("aé")


def test_the_chip_of_jobs() -> None:
    assert jobs_line(0, 0, "en") == "No jobs running"
    assert jobs_line(1, 2, "en") == "1 running · 2 waiting"


def test_every_word_is_there_in_both_languages_with_the_same_gaps() -> None:
    import string

    def gaps(words: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(words) if name}

    for key, (english, chinese) in WORDS.items():
        assert english and chinese and gaps(english) == gaps(chinese), key


def test_language_is_what_the_page_shows_else_what_the_browser_asks_for() -> None:
    assert language_of({"accept-language": "zh-CN,zh;q=0.9"}) == "zh"
    assert language_of({"accept-language": "en-US,zh;q=0.5"}) == "en"
    assert language_of({"accept-language": "zh-CN", "cookie": "a=b; studio_language=en"}) == "en"
    assert language_of({"accept-language": "en", "cookie": "studio_language=zh-CN"}) == "zh"
    assert language_of({}) == "en"
