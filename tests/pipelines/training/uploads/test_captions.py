"""Captions that were changed since: the newest counts, a crash costs at most one, and each is examined."""

from pathlib import Path

import torch

from pipelines.training.data import Pictures, Sounds
from pipelines.training.uploads import captions
from pipelines.training.uploads.captions import BY_PERSON, Caption
from pipelines.training.uploads.own import OwnData
from tests.pipelines.training.uploads.seeded import heard, packed, said, split_pictures
from tests.pipelines.training.uploads.test_own import OWN, kept


def test_the_newest_of_a_row_counts_and_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    captions.add(tmp_path, [Caption(0, "one", "a model"), Caption(1, "two", "a model")])
    captions.add(tmp_path, [Caption(0, "first\nof all", BY_PERSON)])
    with (tmp_path / captions.FILE).open("ab") as file:
        file.write(b'{"row": 1, "capt')
    odd = "三\u2028四\x85五\r六\u2029"
    captions.add(tmp_path, [Caption(2, odd, BY_PERSON)])
    found = captions.read(tmp_path)
    assert [found[row].caption for row in (0, 1, 2)] == ["first\nof all", "two", odd] and found[1].by == "a model"


def test_pictures_become_captioned_and_the_words_reach_the_trainer(tmp_path: Path) -> None:
    data = kept(tmp_path, split_pictures())
    assert data.DATA == "pictures" and data.load(tmp_path).captions == ()
    folder = tmp_path / "datasets" / OWN
    captions.add(folder, [Caption(row, f"picture {row}", BY_PERSON) for row in range(6)])
    again = OwnData(folder)
    loaded = again.load(tmp_path)
    assert again.DATA == "captioned pictures" and isinstance(loaded, Pictures)
    assert {*loaded.words(), *loaded.words(of_held_out=True)} == {"", *(f"picture {row}" for row in range(6))}


def test_the_name_of_a_class_stands_for_a_caption(tmp_path: Path) -> None:
    data = kept(tmp_path, packed()).load(tmp_path)
    assert isinstance(data, Pictures) and set(data.words()) == {"cat", "dog"}


def test_what_is_changed_is_examined_again(tmp_path: Path) -> None:
    data = kept(tmp_path, heard(("clips/13.wav", b"no sound"), captions=said()))
    assert [one.kind for one in data.defects] == ["corrupt_sound"]
    folder = tmp_path / "datasets" / OWN
    file = data.rows()[2]["file"]
    captions.add(folder, [Caption(2, "<script>alert(1)</script>", BY_PERSON), Caption(3, " ", BY_PERSON)])
    found = {(one.kind, one.file) for one in OwnData(folder).defects}
    assert found == {("corrupt_sound", "clips/13.wav"), ("markup", file), ("no_caption", data.rows()[3]["file"])}
    captions.add(folder, [Caption(2, "a tone", BY_PERSON), Caption(3, "another", BY_PERSON)])
    assert [one.kind for one in OwnData(folder).defects] == ["corrupt_sound"]


def test_sounds_reach_the_trainer_with_their_words_and_classes(tmp_path: Path) -> None:
    data = kept(tmp_path / "a", heard(captions=said())).load(tmp_path)
    assert isinstance(data, Sounds) and data.sampling_rate == 24_000 and data.names == ()
    assert sorted({*data.captions, *data.held_out_captions}) == sorted(f"tone number {n}" for n in range(12))
    assert all(one.dtype == torch.float32 and 11_900 < len(one) < 12_300 for one in (*data.sounds, *data.held_out))
    labelled = kept(tmp_path / "b", heard()).load(tmp_path)
    assert isinstance(labelled, Sounds) and labelled.names == ("bark", "meow") and len(labelled.labels) == 8
