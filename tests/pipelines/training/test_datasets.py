"""The packaged data sets: whole, split without overlap, and the same again in another process."""

import gzip
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from pipelines.training.data import find_datasets, fingerprint
from pipelines.training.datasets import digits, instruments, mnist5k, openmoji, python_docs
from pipelines.training.pictures import moved, resized, sheet, to_model, to_picture

ROOT = Path(__file__).parents[3]


def test_digits_are_ten_classes_of_which_every_tenth_picture_is_held_out():
    data = digits.load(Path("unused"))
    assert data.pictures.shape == (1618, 1, 8, 8) and data.held_out.shape == (179, 1, 8, 8)
    assert data.pictures.dtype == torch.uint8 and int(data.pictures.max()) == 255
    assert sorted(set(data.labels.tolist())) == list(range(10)) == sorted(set(data.held_out_labels.tolist()))
    assert len(data.names) == 10


def test_mnist_is_read_from_the_table_in_its_wheel(tmp_path, monkeypatch):
    rows = torch.arange(20 * 784).remainder(256).view(20, 784)
    table = "\n".join(",".join(map(str, [*row, number // 2])) for number, row in enumerate(rows.tolist()))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(mnist5k.MEMBER, gzip.compress(table.encode()))
    monkeypatch.setattr(mnist5k, "open_wheel", lambda wheel, packages: zipfile.ZipFile(held))
    data = mnist5k.load(tmp_path)
    assert data.pictures.shape == (18, 1, 28, 28) and data.held_out.shape == (2, 1, 28, 28)
    assert data.held_out_labels.tolist() == [4, 9]
    assert data.held_out[0].flatten().tolist() == rows[9].tolist()


def test_openmoji_is_drawn_once(tmp_path, monkeypatch):
    drawn = []

    def draw(entries, size, packages):
        """Stands in for the 31 MB wheel of pictures, the outermost edge."""
        drawn.append(len(entries))
        return [Image.new("RGB", (size, size), (number % 256, 0, 0)) for number in range(len(entries))]

    monkeypatch.setattr(openmoji, "draw", draw)
    first, again = openmoji.load(tmp_path), openmoji.load(tmp_path)
    assert drawn == [1550]
    assert first.pictures.shape == (1395, 3, 64, 64) and first.background == 255
    assert torch.equal(first.pictures, again.pictures)
    assert len(first.names) == len(set(first.names)) > 5
    assert list(tmp_path.glob("*.part")) == []


def test_english_comes_in_sections():
    data = python_docs.load(Path("unused"))
    characters = sum(map(len, data.texts))
    assert characters > 200_000
    assert 0.05 < sum(map(len, data.held_out)) / characters < 0.2
    assert all(len(text) < 20_000 for text in data.texts)


def test_no_paragraph_is_both_learnt_from_and_held_out():
    data = python_docs.load(Path("unused"))
    learnt, held_out = (
        {paragraph.strip() for text in part for paragraph in text.split("\n\n") if len(paragraph.strip()) >= 60}
        for part in (data.texts, data.held_out)
    )
    assert len(held_out) > 50
    assert not learnt & held_out


@pytest.mark.parametrize("vocabulary", [0, 300])
def test_a_tokenizer_is_the_same_in_another_process_and_loses_nothing(vocabulary):
    """A run that goes on makes its tokenizer again: another one would make noise of what was learnt."""
    code = (
        "from pipelines.training.datasets.python_docs import load\n"
        "from pipelines.training.tokens import make_tokenizer, make_word_pieces\n"
        "texts = load(None).texts[:20]\n"
        f"made = make_tokenizer(texts, {vocabulary}), make_word_pieces(texts, 300)\n"
        "print([sorted(one.get_vocab().items(), key=lambda row: row[1]) for one in made])\n"
    )
    said = {
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(said) == 1
    from pipelines.training.tokens import make_tokenizer

    texts = python_docs.load(Path("unused")).texts[:20]
    tokenizer = make_tokenizer(texts, vocabulary)
    assert tokenizer.decode(tokenizer(texts[3])["input_ids"]) == texts[3]


def test_looking_at_trainers_and_data_sets_loads_no_model_library():
    code = (
        "import sys\nfrom pipelines.training.trainer import find_trainers\nfrom pipelines.training.data import find_datasets\n"
        "find_trainers(), find_datasets()\n"
        "print({name.partition('.')[0] for name in sys.modules} & {'torch', 'transformers', 'diffusers', 'peft', 'sklearn'})"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
    assert {"digits", "mnist5k", "openmoji", "python_docs"} <= set(find_datasets())


def test_pictures_go_to_tensors_and_back():
    grey = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8) * 4
    assert to_picture(to_model(grey)[0]).tobytes() == bytes(grey.flatten().tolist())
    tiled = sheet(to_model(grey.expand(5, 3, 8, 8)), columns=3, least_pixels=24)
    assert (tiled.size, tiled.mode) == ((24, 16), "RGB")
    assert resized(to_model(grey), 16).shape == (1, 1, 16, 16)
    torch.manual_seed(0)
    black = torch.full((4, 1, 8, 8), -1.0)
    assert moved(black, 10, 0.1, 0.2, background=-1.0).max() == -1.0


def test_notes_of_instruments_are_the_same_at_every_load_and_within_bounds():
    one, other = instruments.play(10), instruments.play(10)
    assert fingerprint(one) == fingerprint(other) and len(one.names) == 8
    assert (len(one.sounds), len(one.held_out)) == (72, 8) and sorted(one.held_out_labels) == list(range(8))
    for sound in (*one.sounds, *one.held_out):
        assert sound.dtype == torch.float32 and len(sound) == one.sampling_rate and 0.2 < float(sound.abs().max()) <= 1
