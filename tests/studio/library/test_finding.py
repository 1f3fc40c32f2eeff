"""The index follows the library: new things by their words at once, by meaning when their vectors come; each sees their own."""

import sqlite3
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy
import pytest
import soundfile

from pipelines.errors.access import NotFound
from pipelines.errors.storage import DiskFull
from pipelines.loading.starter import Starter, StarterStore
from pipelines.sound.files import to_bytes
from pipelines.types.search import EYES, SENTENCES, TOGETHER, Vectors, packed
from pipelines.types.sound import Wave
from studio.library.creations import Creations
from studio.library.finding import TEXT_CHARACTERS, Finding, models_of
from studio.library.ranking import Query

ANN, BEN = "visitor:ann", "login:ben"
NORTH, EAST = numpy.array([1, 0], numpy.float32), numpy.array([0, 1], numpy.float32)


@pytest.fixture
def creations(tmp_path: Path) -> Iterator[Creations]:
    library = Creations(tmp_path / "library", tmp_path / "studio.db")
    yield library
    library.close()


@pytest.fixture
def open_finding(creations: Creations, tmp_path: Path) -> Iterator[Callable[..., Finding]]:
    opened = []

    def open_finding(made_by: str = "models 1") -> Finding:
        opened.append(Finding(creations, tmp_path / "studio.db", made_by))
        return opened[-1]

    yield open_finding
    for one in opened:
        one.close()


def save(creations: Creations, text: str, owner: str = ANN) -> str:
    return creations.index(owner, creations.save(owner, "text", text, {}, text[:20], "0" * 32)).id


def found(finding: Finding, owner: str, text: str = "", **vectors: numpy.ndarray) -> list[str]:
    return [hit.id for hit in finding.find(owner, Query(text, vectors))]


def test_new_things_are_found_by_their_words_and_deleted_ones_no_more(creations, open_finding):
    finding = open_finding()
    assert found(finding, ANN, "river") == []
    river = save(creations, "The river runs to the sea.")
    assert found(finding, ANN, "river") == [river]
    assert finding.text(ANN, river) == "The river runs to the sea."
    creations.delete(ANN, river)
    assert found(finding, ANN, "river") == []
    with pytest.raises(NotFound):
        finding.text(ANN, river)


def test_vectors_stay_over_a_restart_and_are_made_again_for_other_models(creations, open_finding):
    finding, cat, dog = open_finding(), save(creations, "cat"), save(creations, "dog")
    assert sorted(finding.missing(ANN)) == sorted([cat, dog])
    finding.put(ANN, cat, Vectors(sentence=packed(NORTH)))
    finding.put(ANN, dog, Vectors(sentence=packed(EAST)))
    assert finding.counts(ANN) == (2, 2) and found(finding, ANN, sentence=NORTH) == [cat]
    again = open_finding()
    assert again.owners() == [ANN] and again.missing(ANN) == []
    assert found(again, ANN, sentence=EAST) == [dog]
    other = open_finding("models 2")
    assert sorted(other.missing(ANN)) == sorted([cat, dog]) and found(other, ANN, sentence=NORTH) == []


def test_each_sees_their_own(creations, open_finding):
    finding, mine, hers = open_finding(), save(creations, "a secret"), save(creations, "a secret", BEN)
    for owner, own in ((ANN, mine), (BEN, hers)):
        finding.find(owner, Query("secret"))
        finding.put(owner, own, Vectors(sentence=packed(NORTH)))
        assert found(finding, owner, "secret", sentence=NORTH) == [own]
    with pytest.raises(NotFound):
        finding.content(ANN, hers)
    finding.put(ANN, hers, Vectors(sentence=packed(EAST)))
    assert found(finding, BEN, sentence=EAST) == []


def test_vectors_of_what_was_deleted_meanwhile_are_not_kept(creations, open_finding):
    finding, cat = open_finding(), save(creations, "cat")
    assert finding.missing(ANN) == [cat]
    creations.delete(ANN, cat)
    finding.put(ANN, cat, Vectors(sentence=packed(NORTH)))
    assert finding.owners() == [ANN] and finding.counts(ANN) == (0, 0)
    assert found(finding, ANN, sentence=NORTH) == []


def test_what_vectors_are_made_of(creations, open_finding):
    finding = open_finding()
    tone = numpy.zeros((48_000 * 40, 2), numpy.float32)
    recipe = {"request": {"prompt": "a red fox"}}
    picture = creations.save_file(ANN, "image", b"a picture", recipe, "a fox", "j", parts={"thumbnail": b"small"})
    sound = creations.save_file(ANN, "sound", to_bytes(Wave(tone, 48_000), "flac"), {}, "", "j")
    for one in (picture, sound):
        creations.index(ANN, one)
    seen, heard = finding.content(ANN, picture), finding.content(ANN, sound)
    assert (seen.text, seen.picture, seen.sound) == ("a fox\na red fox", b"small", b"")
    assert heard.text == "" and heard.picture == b""
    info = soundfile.info(BytesIO(heard.sound))
    assert (info.channels, info.duration) == (1, 30.0)


def test_who_never_looked_has_no_index(creations, open_finding):
    save(creations, "cat")
    assert open_finding().owners() == []


def rows(tmp_path: Path) -> list[str]:
    with sqlite3.connect(tmp_path / "studio.db") as database:
        return [row[0] for row in database.execute("SELECT id FROM vectors ORDER BY id")]


def test_what_was_deleted_while_nobody_looked_leaves_no_vectors(creations, open_finding, tmp_path):
    finding, diary, cat, hers = (
        open_finding(),
        save(creations, "diary"),
        save(creations, "cat"),
        save(creations, "x", BEN),
    )
    for owner, one in ((ANN, diary), (ANN, cat), (BEN, hers)):
        finding.find(owner, Query("x"))
        finding.put(owner, one, Vectors(seen="a secret"))
    creations.delete(ANN, diary)
    again = open_finding()
    assert found(again, ANN, "secret") == [cat] and rows(tmp_path) == sorted([cat, hers])
    creations.delete(ANN, cat)
    assert open_finding().counts(ANN) == (0, 0)
    assert open_finding().owners() == [BEN] and rows(tmp_path) == [hers]


def test_what_the_disk_did_not_let_go_goes_the_next_time(creations, open_finding, tmp_path, monkeypatch):
    finding, cat, dog = open_finding(), save(creations, "cat"), save(creations, "dog")
    for one in (cat, dog):
        finding.find(ANN, Query("x"))
        finding.put(ANN, one, Vectors())
    creations.delete(ANN, cat)

    def full() -> None:
        raise DiskFull(path=str(tmp_path))

    with monkeypatch.context() as patched:
        patched.setattr(finding, "_open", full)
        with pytest.raises(DiskFull):
            finding.find(ANN, Query("dog"))
    assert found(finding, ANN, "cat") == [] and rows(tmp_path) == [dog]


@pytest.mark.parametrize("damaged", ["no JSON", '{"other": 1}', '{"sentence": "x"}', "[]", b"\xff\xfe{"])
def test_vectors_that_cannot_be_read_are_made_again(creations, open_finding, tmp_path, damaged):
    finding, cat = open_finding(), save(creations, "cat")
    finding.find(ANN, Query("cat"))
    finding.put(ANN, cat, Vectors(sentence=packed(NORTH)))
    with sqlite3.connect(tmp_path / "studio.db") as database:
        database.execute("UPDATE vectors SET vectors = CAST(? AS TEXT)", (damaged,))
    again = open_finding()
    assert found(again, ANN, "cat") == [cat] and again.missing(ANN) == [cat]


def test_what_is_seen_is_found_under_the_longest_prompt_and_the_true_end_of_a_text(creations, open_finding):
    finding = open_finding()
    long = save(creations, ("word " * TEXT_CHARACTERS)[: TEXT_CHARACTERS - 12] + " lighthouse and afterwards nothing")
    finding.find(ANN, Query("x"))
    finding.put(ANN, long, Vectors(seen="fox · 狐狸"))
    assert found(finding, ANN, "lighthouse") == found(finding, ANN, "狐狸") == [long]
    assert found(finding, ANN, "afterwards") == []


def test_the_models_are_named_by_their_content_where_they_are_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.loading.starter.ASSETS", tmp_path)
    starters = StarterStore(tmp_path / "cache")
    for name in (TOGETHER, EYES):
        starters.starters[name] = Starter(name, "", "MIT", "", asset=name)
    alone = models_of(starters)
    assert SENTENCES in alone and TOGETHER not in alone and EYES not in alone
    (tmp_path / EYES).mkdir()
    assert models_of(starters) == alone
    for content in ("{}", '{"least_probability": 0.5}'):
        before = models_of(starters)
        (tmp_path / EYES / "config.json").write_text(content)
        (tmp_path / EYES / "model.safetensors").write_bytes(b"weights")
        assert EYES in models_of(starters) != before
