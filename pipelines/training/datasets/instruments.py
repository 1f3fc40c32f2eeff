"""400 single notes of the eight instruments of this studio's own synthesiser, each instrument a class. Nobody's recordings.

The same notes at every load: pitch, length, strength and where in the sound they begin are drawn by a seed.
"""

from pathlib import Path

from pipelines.training.data import HELD_OUT_EVERY, Kind, Sounds

DATA: Kind = "labelled sounds"
LICENCE = "Apache-2.0"
SOURCE = "the synthesiser of this studio (pipelines/music/synthesis)"
ATTRIBUTION = ""
LANGUAGES: tuple[str, ...] = ("en",)
SAMPLING_RATE = 16_000  # Hz
NOTES = 50  # of each
LOWEST, HIGHEST = 48, 84  # MIDI pitches: three octaves that all of them have
SHORTEST, LONGEST = 0.3, 0.9  # seconds
SECONDS = 1.0


def load(packages: Path) -> Sounds:
    """Needs no download; takes seconds."""
    return play(NOTES)


def play(notes: int) -> Sounds:
    """So many of each instrument."""
    import numpy
    import torch

    from pipelines.music.synthesis.instruments import INSTRUMENTS

    chance = numpy.random.default_rng(0)
    sounds: list[torch.Tensor] = []
    labels: list[int] = []
    for _ in range(notes):
        for label, player in enumerate(INSTRUMENTS.values()):
            pitch, strength = int(chance.integers(LOWEST, HIGHEST)), float(chance.uniform(0.4, 1.0))
            frames = round(chance.uniform(SHORTEST, LONGEST) * SAMPLING_RATE)
            note = player.play(440 * 2 ** ((pitch - 69) / 12), frames, strength, SAMPLING_RATE)
            note = note * numpy.minimum(1.0, numpy.arange(frames, 0, -1) / 400)  # it ends without a click
            whole = numpy.zeros(round(SECONDS * SAMPLING_RATE), numpy.float32)
            start = int(chance.integers(0, len(whole) - frames))
            whole[start : start + frames] = note / max(float(numpy.abs(note).max()), 1e-6) * strength
            sounds.append(torch.from_numpy(whole))
            labels.append(label)
    is_held_out = [place // len(INSTRUMENTS) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1 for place in range(len(sounds))]

    def part(values: list, wanted: bool) -> tuple:
        return tuple(value for value, held_out in zip(values, is_held_out, strict=True) if held_out is wanted)

    captions = [""] * len(sounds)
    return Sounds(
        part(sounds, False), part(sounds, True), part(labels, False), part(labels, True), tuple(INSTRUMENTS),
        part(captions, False), part(captions, True), SAMPLING_RATE,
    )  # fmt: skip
