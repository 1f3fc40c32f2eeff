"""Keys by name, and the key of a melody."""

import pytest

from pipelines.errors.requests import NoSuchKey
from pipelines.sound.keys import MODES, TONICS, Key, find_key, read_key


@pytest.mark.parametrize(
    "name, key",
    [("C", (0, "major")), ("F# minor", (6, "minor")), ("Ebm", (3, "minor")), ("a dorian", (9, "dorian")),
     ("D Mixolydian", (2, "mixolydian")), (" b♭ Major ", (10, "major")), ("Cb", (11, "major")), ("GM", (7, "major"))],
)  # fmt: skip
def test_a_key_is_read(name, key):
    assert read_key(name) == Key(*key)


@pytest.mark.parametrize("name", ["", "H", "C##", "C locrian", "C major minor", "440", "Cmx", "🎵"])
def test_what_is_no_key_is_refused(name):
    with pytest.raises(NoSuchKey):
        read_key(name)


def test_every_key_reads_its_own_name_and_holds_its_own_scale():
    for tonic in range(12):
        for mode, scale in MODES.items():
            key = Key(tonic, mode)
            assert read_key(str(key)) == key
            assert [pitch % 12 for pitch in range(60, 72) if key.holds(pitch)] == sorted(
                (tonic + s) % 12 for s in scale
            )


@pytest.mark.parametrize("tonic", range(12))
def test_the_key_of_a_melody_is_found(tonic):
    major = [60 + tonic + step for step in (0, 4, 7, 12, 11, 9, 7, 5, 4, 2, 0)]
    minor = [60 + tonic + step for step in (0, 3, 7, 12, 10, 8, 7, 5, 3, 2, 0)]
    assert find_key(major, [1.0] * 11) == Key(tonic, "major"), TONICS[tonic]
    assert find_key(minor, [1.0] * 11) == Key(tonic, "minor"), TONICS[tonic]


def test_one_note_has_a_key_too():
    assert find_key([62], [1.0]).tonic == 2
