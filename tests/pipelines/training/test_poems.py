"""Poems out of the package: only regular ones, once each, in simplified characters, and none that gives a held-out one away."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from pipelines.errors.training import DatasetUnavailable
from pipelines.training import poems
from pipelines.training.datasets import tang_poems
from pipelines.training.poems import Poem, read_poems
from pipelines.writing.poem import form_of

QUIET_NIGHT = {"title": "靜夜思", "paragraphs": ["床前明月光，疑是地上霜。", "舉頭望明月，低頭思故鄉。"]}
FREE = {"title": "將進酒", "paragraphs": ["君不見，黃河之水天上來，奔流到海不復回。"]}
TORN = {"title": "闕", "paragraphs": ["床前□月光，疑是地上霜。", "舉頭望明月，低頭思故鄉。"]}
LONG_TITLE = {
    "title": "至德二載甫自京金光門出間道歸鳳翔",
    "paragraphs": ["白日依山盡，黃河入海流。欲窮千里目，更上一層樓。"],
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch) -> Path:
    """A package of few poems in the place of the 85 MB one, the outermost edge."""

    def of(rows: list[dict]) -> Path:
        place = tmp_path / poems.PACKAGE
        with tarfile.open(place, "w:gz") as archive:
            for name in ("poet.tang.0.json", "poet.song.0.json"):
                data = json.dumps(rows if "tang" in name else [FREE]).encode()
                about = tarfile.TarInfo(f"package/dist/quantangshi/{name}")
                about.size = len(data)
                archive.addfile(about, io.BytesIO(data))
        monkeypatch.setattr(poems, "SHA512", poems._sha512(place))
        return tmp_path

    return of


def test_only_regular_poems_are_read_once_and_simplified(package):
    train, held_out = read_poems(package([QUIET_NIGHT, FREE, TORN, LONG_TITLE, QUIET_NIGHT]))
    found = sorted(train + held_out, key=lambda poem: poem.title)
    assert found == [
        Poem("五绝", "", ("白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼")),
        Poem("五绝", "静夜思", ("床前明月光", "疑是地上霜", "举头望明月", "低头思故乡")),
    ]


def test_no_couplet_of_a_held_out_poem_is_trained_on(package):
    rows = []
    for number in range(400):
        a, b = chr(0x4E00 + number), chr(0x5E00 + number // 2)  # two and two poems share their second couplet
        rows.append({"title": "", "paragraphs": [f"{a}前明月光，{a}是地上霜。{b}头望明月，{b}头思故乡。"]})
    train, held_out = read_poems(package(rows))
    assert 3 <= len(held_out) <= 25 and len(train) + len(held_out) < len(rows)
    known = {couplet for poem in held_out for couplet in poem.couplets}
    assert all(known.isdisjoint(poem.couplets) for poem in train)
    assert all(form_of(poem.lines) == poem.form for poem in train)


def test_the_training_text_says_what_a_poem_is(package):
    texts = tang_poems.load(package([QUIET_NIGHT]))
    (document,) = texts.texts + texts.held_out
    assert document == "五绝 静夜思 江阳\n床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n"


def test_a_package_with_another_hash_is_refused(package, monkeypatch):
    folder = package([QUIET_NIGHT])
    (folder / poems.PACKAGE).write_bytes(b"something else")
    monkeypatch.setattr(poems, "ADDRESS", (folder / poems.PACKAGE).as_uri())
    with pytest.raises(DatasetUnavailable):
        read_poems(folder)
    assert not list(folder.glob("*.part"))
