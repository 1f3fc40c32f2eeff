"""Families that put pictures into words: tiny models of the real classes, with random weights, through the pipeline."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from pipelines.errors.models import AdapterMismatch, ModelDamaged, WrongTask
from pipelines.errors.requests import EmptyPrompt, PromptTooLong, SettingOutOfRange, UnreadablePicture
from pipelines.errors.seeing import (
    AnswersNoQuestions,
    NeedsPackage,
    NothingToLookAt,
    NothingWritten,
    ReadsNothing,
    RemembersNothing,
    TalkFillsModel,
    TalkTooLong,
)
from pipelines.families import image_text_to_text, line_reader
from pipelines.multimodal import MultimodalPipeline
from pipelines.seeing.lines import lines_of
from pipelines.types.adapter import Adapter
from pipelines.types.caption import CaptionRequest, Exchange
from pipelines.types.events import Progress, Token, ignore
from tests.pipelines.tiny_eyes import save_blip, save_captioner, save_llava, save_reader


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eyes") / "models"
    save_captioner(folder / "namer", languages=["en", "zh"], room=1.2, least_probability=2.0)
    save_captioner(folder / "foreign")
    save_llava(folder / "llava")
    save_blip(folder / "blip")
    save_reader(folder / "reader")
    return folder


@pytest.fixture(scope="module")
def eyes(models: Path) -> MultimodalPipeline:
    return MultimodalPipeline.on_this_machine(models, cache_folder=models.parent / "cache", device="cpu")


@pytest.fixture(autouse=True)
def a_short_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_reader, "MOST_TOKENS", 8)
    monkeypatch.setattr(image_text_to_text, "MOST_TOKENS", 24)  # random weights find no end


@pytest.fixture
def picture(tmp_path: Path) -> str:
    drawn = Image.new("RGB", (90, 40), "white")
    ImageDraw.Draw(drawn).ellipse((50, 5, 80, 35), fill="red")
    drawn.save(tmp_path / "ball.png")
    return str(tmp_path / "ball.png")


def test_names_come_with_their_probabilities_the_likeliest_first(eyes, picture):
    result = eyes.generate(CaptionRequest("foreign", picture, count=3))
    chances = [name.probability for name in result.names]
    assert 1 <= len(chances) <= 3 and chances == sorted(chances, reverse=True) and all(0 < one <= 1 for one in chances)
    assert result.is_known and result.text == result.names[0].texts[""]
    assert eyes.generate(CaptionRequest("foreign", picture, count=3)).names == result.names


def test_what_is_less_likely_than_the_model_trusts_is_no_name(eyes, picture):
    result = eyes.generate(CaptionRequest("namer", picture))
    assert not result.is_known and result.text == "" and result.names
    assert set(result.names[0].texts) <= {"en", "zh"}


@pytest.mark.parametrize("model", ["llava", "blip"])
def test_a_vision_language_model_answers_word_by_word_and_describes_unasked(eyes, picture, model):
    told: list[Token] = []
    asked = CaptionRequest(model, picture, question="what is red?")
    result = eyes.generate(asked, lambda event: told.append(event) if isinstance(event, Token) else None)
    assert "".join(token.text for token in told).strip() == result.text and len(told) > 1
    assert not result.names and result.finish_reason in ("stop", "length")
    assert "what is red" not in result.text
    unasked = eyes.generate(CaptionRequest(model, picture))
    assert unasked.text


def test_the_picture_is_looked_at(eyes, picture, tmp_path):
    Image.effect_noise((64, 64), 90).convert("RGB").save(tmp_path / "noise.png")
    one, other = (
        eyes.generate(CaptionRequest("llava", path, "a?")).text for path in (picture, str(tmp_path / "noise.png"))
    )
    assert one != other


def test_a_talk_about_a_picture_is_told_to_the_model_from_its_beginning(eyes, picture):
    before = (Exchange("", "A ball."), Exchange("which colour?", "It is red."))
    turns = image_text_to_text.talk("picture", "how large?", before, "en")
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    parts = [part for turn in turns for part in turn["content"]]
    assert parts[0] == {"type": "image", "image": "picture"} and sum(part["type"] == "image" for part in parts) == 1
    said = [part["text"] for part in parts[1:]]
    assert said == [image_text_to_text.DESCRIBE["en"], "A ball.", "which colour?", "It is red.", "how large?"]

    with eyes.lease(eyes.catalog.find("llava"), (), ignore) as model:
        ids = model._inputs(Image.open(picture), "how large?", before, "en")["input_ids"][0]
        heard = model._processor.tokenizer.decode(ids)
    places = [heard.index(words) for words in ("<image>", *said)]
    assert places == sorted(places) and heard.endswith("assistant: ")
    assert eyes.generate(CaptionRequest("llava", picture, "how large?", earlier=before)).text[0].isalpha()
    with pytest.raises(RemembersNothing, match="one question at a time"):
        eyes.generate(CaptionRequest("blip", picture, "how large?", earlier=before))
    with pytest.raises(AnswersNoQuestions):
        eyes.generate(CaptionRequest("namer", picture, "how large?", earlier=before))
    with pytest.raises(EmptyPrompt):
        eyes.generate(CaptionRequest("llava", picture, earlier=before))
    with pytest.raises(TalkTooLong, match="Begin a new one"):
        eyes.generate(CaptionRequest("llava", picture, "how large?", earlier=(Exchange("x", "y" * 16_000),)))
    with pytest.raises(TalkFillsModel, match=r"can have 2,048 in mind"):  # characters of the tiny model are tokens
        eyes.generate(CaptionRequest("llava", picture, "how large?", earlier=(Exchange("x", "y z " * 2_000),)))


def test_stop_ends_an_answer_early(eyes, picture):
    told: list[str] = []
    result = eyes.generate(
        CaptionRequest("llava", picture, "why?"),
        lambda event: told.append(event.text) if isinstance(event, Token) else None,
        lambda: len(told) >= 2,
    )
    assert result.finish_reason == "cancelled" and len(told) < 20


def test_what_cannot_be_asked_is_refused_in_words(eyes, picture, tmp_path):
    with pytest.raises(AnswersNoQuestions, match="answers no questions"):
        eyes.generate(CaptionRequest("namer", picture, question="who?"))
    with pytest.raises(NothingToLookAt):
        eyes.generate(CaptionRequest("namer"))
    with pytest.raises(PromptTooLong):
        eyes.generate(CaptionRequest("llava", picture, question="x" * 5000))
    with pytest.raises(SettingOutOfRange):
        eyes.generate(CaptionRequest("namer", picture, count=0))
    with pytest.raises(WrongTask):
        eyes.generate(CaptionRequest("tang-poems", picture))
    (tmp_path / "no.png").write_bytes(b"no picture")
    with pytest.raises(UnreadablePicture):
        eyes.generate(CaptionRequest("namer", str(tmp_path / "no.png")))


@pytest.mark.skipif(bool(find_spec("torchvision")), reason="torchvision is here: nothing is missing")
def test_a_package_that_is_missing_is_named(eyes, models, picture):
    folder = save_llava(models / "films")
    settings = json.loads((folder / "processor_config.json").read_text())
    (folder / "processor_config.json").write_text(json.dumps({**settings, "processor_class": "Qwen2VLProcessor"}))
    (folder / "video_preprocessor_config.json").write_text('{"video_processor_type": "Qwen2VLVideoProcessor"}')
    with pytest.raises(NeedsPackage, match="pip install torchvision"):
        eyes.generate(CaptionRequest("films", picture))


def test_a_model_that_is_damaged_or_given_an_adapter_is_refused(eyes, models, picture):
    save_captioner(models / "torn")
    config = json.loads((models / "torn" / "config.json").read_text())
    config["decoder"]["n_layer"] = 2
    (models / "torn" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelDamaged):
        eyes.generate(CaptionRequest("torn", picture))
    for model in ("namer", "llava"):
        with pytest.raises(AdapterMismatch), eyes.lease(eyes.catalog.find(model), (Adapter("x/y"),), ignore):
            pass


def page(path: Path) -> str:
    """Three lines of writing on grey."""
    drawn = Image.new("RGB", (240, 120), (210, 210, 210))
    pen = ImageDraw.Draw(drawn)
    for number, words in enumerate(("First line", "A second one", "Third, and last")):
        pen.text((20, 12 + 36 * number), words, fill="black", font=ImageFont.load_default(16))
    drawn.save(path)
    return str(path)


def test_writing_is_read_line_by_line(eyes, tmp_path):
    events: list = []
    result = eyes.generate(CaptionRequest("reader", page(tmp_path / "page.png"), reads=True), events.append)
    assert result.finish_reason == "stop" and result.is_known and not result.names
    lines = [(one.done, one.total) for one in events if isinstance(one, Progress) and one.unit == "lines"]
    assert lines == [(0, 3), (1, 3), (2, 3)]
    assert "".join(one.text for one in events if isinstance(one, Token)).strip() == result.text
    stopped = eyes.generate(CaptionRequest("reader", str(tmp_path / "page.png"), reads=True), ignore, lambda: True)
    assert stopped.finish_reason == "cancelled"


def test_a_model_that_talks_reads_too_and_one_that_names_says_what_can(eyes, picture, tmp_path):
    assert eyes.generate(CaptionRequest("llava", picture, reads=True)).finish_reason == "length"
    with pytest.raises(ReadsNothing, match="TrOCR"):
        eyes.generate(CaptionRequest("namer", picture, reads=True))
    with pytest.raises(WrongTask):  # and one that reads says nothing else
        eyes.generate(CaptionRequest("reader", picture))
    Image.new("RGB", (50, 50), "white").save(tmp_path / "white.png")
    with pytest.raises(NothingWritten):
        eyes.generate(CaptionRequest("reader", str(tmp_path / "white.png"), reads=True))


def test_lines_are_cut_out_whole_and_in_order(tmp_path):
    lines = lines_of(Image.open(page(tmp_path / "page.png")))
    assert len(lines) == 3
    assert all(12 <= line.height <= 40 for line in lines)
    assert lines[0].width < lines[1].width < lines[2].width
    assert lines_of(Image.new("RGB", (10, 1), "white")) == []
