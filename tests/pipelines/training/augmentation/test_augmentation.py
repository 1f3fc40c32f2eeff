"""Examples changed: as was asked for, by the seed alone, and not at all where nothing was asked for."""

from typing import Any

import pytest
import torch

from pipelines.training.augmentation import pictures, sounds, texts
from pipelines.training.augmentation.pictures import PictureChanges
from pipelines.training.augmentation.sounds import SoundChanges
from pipelines.training.augmentation.texts import TextChanges
from pipelines.training.data import find_datasets
from pipelines.training.trainer import find_trainers, flat

pytestmark = pytest.mark.usefixtures("one_thread")
DRAWN = torch.rand(6, 3, 16, 24, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8
HEARD = torch.sin(torch.arange(12_000) * 0.05) * 0.3
SAID = ("The quick brown fox jumps over the lazy dog", "床前明月光，疑是地上霜")

KINDS: dict[str, tuple[Any, Any, list[Any]]] = {
    "pictures": (pictures.augmented, DRAWN, [PictureChanges(**{name: 0.5}) for name in flat(PictureChanges())]),
    "sounds": (sounds.augmented, HEARD, [SoundChanges(**{name: 0.3}) for name in flat(SoundChanges())]),
    "texts": (texts.augmented, SAID, [TextChanges(swap=0.5), TextChanges(delete=0.5)]),
}
CASES = [(kind, changes) for kind, (_, _, several) in KINDS.items() for changes in several]


def made(kind: str, changes: Any, seed: int) -> Any:
    augmented, example, _ = KINDS[kind]
    torch.manual_seed(seed)
    return augmented(example, changes)


def is_same(one: Any, other: Any) -> bool:
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else list(one) == list(other)


@pytest.mark.parametrize(("kind", "changes"), CASES, ids=str)
def test_each_change_changes_something_and_the_seed_tells_what(kind: str, changes: Any) -> None:
    example = KINDS[kind][1]
    first = made(kind, changes, 7)
    assert is_same(first, made(kind, changes, 7)) and not is_same(first, example)
    assert not all(is_same(first, made(kind, changes, seed)) for seed in (8, 9, 10))
    if isinstance(first, torch.Tensor):
        assert first.shape == example.shape and first.dtype == torch.float32 and float(first.abs().max()) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_asked_for_draws_nothing(kind: str) -> None:
    augmented, example, several = KINDS[kind]
    torch.manual_seed(5)
    assert is_same(augmented(example, type(several[0])()), example)
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1))


def test_a_mirrored_picture_is_mirrored_and_what_comes_in_is_background() -> None:
    assert torch.allclose(made("pictures", PictureChanges(flip=1.0), 1), DRAWN.flip(-1), atol=1e-4)
    black = torch.full((2, 1, 32, 32), -1.0)
    torch.manual_seed(2)
    turned = pictures.augmented(black, PictureChanges(rotate=45.0), background=1.0)
    assert float(turned[:, :, 0, 0].max()) > 0.9 and float(turned[:, :, 16, 16].max()) < -0.9


def test_grey_pictures_are_recoloured_too_and_a_gap_is_what_was_asked_for() -> None:
    torch.manual_seed(1)
    assert pictures.augmented(DRAWN[:, :1], PictureChanges(colour=1.0)).shape == (6, 1, 16, 24)
    torch.manual_seed(1)
    gaps = (pictures.augmented(DRAWN, PictureChanges(erase=1.0), background=1.0) == 1).all(1).float().mean((1, 2))
    assert float(gaps.min()) > 0.01 and float(gaps.max()) < 0.3


def test_words_are_the_same_ones_and_one_is_left() -> None:
    swapped = made("texts", TextChanges(swap=1.0), 3)
    assert sorted(swapped[0].split()) == sorted(SAID[0].split()) and sorted(swapped[1]) == sorted(SAID[1])
    torch.manual_seed(1)
    (alone,) = texts.augmented(["one two"], TextChanges(delete=0.9))
    assert alone in ("one", "two", "one two")
    assert texts.augmented([" \n "], TextChanges(delete=0.9)) == [" \n "]
    for seed in range(20):
        assert all(text for text in made("texts", TextChanges(delete=0.9), seed))


def test_every_trainer_of_pictures_or_classes_of_texts_has_the_setting() -> None:
    learning = {
        name: flat(trainer.PRESETS["cpu"])
        for name, trainer in find_trainers().items()
        if trainer.DATA in ("labelled pictures", "labelled texts")
        or name in ("vae", "dcgan", "wgan_gp", "image_lora", "image_full")
    }
    assert len(learning) >= 7
    assert [name for name, settings in learning.items() if not {"augment.flip", "augment.swap"} & set(settings)] == []
    assert find_datasets()
