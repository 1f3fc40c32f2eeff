"""What Whisper hears and how it walks through a recording."""

import numpy
import pytest

from pipelines.hearing.listening import listen
from pipelines.hearing.log_mel import SAMPLING_RATE, log_mel
from pipelines.types.events import never

FIRST = 1000  # the token that stands for 0.00 s


def at(seconds: float) -> int:
    return FIRST + round(seconds / 0.02)


class Script:
    """A listener that reads its tokens from a list, window by window, and keeps where the windows began."""

    first_timestamp = FIRST

    def __init__(self, *windows: list[int]) -> None:
        self._windows = list(windows)
        self.lengths: list[float] = []

    def detect(self, samples):
        return "en", 0.9

    def hear(self, samples, language, task, is_cancelled):
        self.lengths.append(len(samples) / SAMPLING_RATE)
        return self._windows.pop(0)

    def decode(self, token_ids):
        return "".join(f" {token}" for token in token_ids)


def noise(seconds: float) -> numpy.ndarray:
    return numpy.random.default_rng(0).uniform(-0.5, 0.5, int(seconds * SAMPLING_RATE)).astype(numpy.float32)


@pytest.mark.parametrize("mels", [80, 128])
def test_the_spectrogram_is_that_of_the_reference(mels):
    from transformers import WhisperFeatureExtractor

    samples = noise(3) * numpy.linspace(0, 1, 3 * SAMPLING_RATE, dtype=numpy.float32)
    reference = WhisperFeatureExtractor(feature_size=mels)(samples, sampling_rate=SAMPLING_RATE, return_tensors="np")
    ours = log_mel(samples, mels)
    assert ours.shape == (mels, 3000) and ours.dtype == numpy.float32
    numpy.testing.assert_allclose(ours, reference.input_features[0], atol=2e-3)


def test_sentences_between_timestamps():
    script = Script([at(0), 1, 2, at(1.5), at(1.5), 3, at(4)])
    (window,) = listen(noise(5), script, "", "transcribe", never)
    assert [(part.text, part.start_seconds, part.end_seconds) for part in window.segments] == [
        (" 1 2", 0.0, 1.5),
        (" 3", 1.5, 4.0),
    ]
    assert (window.done_seconds, window.language, window.language_probability) == (5.0, "en", 0.9)


def test_a_sentence_that_a_window_cuts_is_heard_again():
    script = Script([at(0), 1, at(20), at(20), 2], [at(0), 2, 3, at(12)])
    windows = list(listen(noise(33), script, "de", "transcribe", never))
    assert script.lengths == [30.0, 13.0]
    assert [(part.text, part.start_seconds) for window in windows for part in window.segments] == [
        (" 1", 0.0),
        (" 2 3", 20.0),
    ]
    assert windows[0].done_seconds == 20.0 and windows[1].done_seconds == 33.0
    assert windows[0].language == "de"


def test_text_without_timestamps_takes_the_whole_window():
    (window,) = listen(noise(2), Script([1, 2]), "en", "transcribe", never)
    assert [(part.text, part.end_seconds) for part in window.segments] == [(" 1 2", 2.0)]


def test_it_always_comes_to_an_end():
    script = Script(*[[at(0), 1, at(0.02), at(0.02), 2]] * 3)
    assert [window.done_seconds for window in listen(noise(70), script, "en", "transcribe", never)] == [
        30.0,
        60.0,
        70.0,
    ]


def test_nothing_is_asked_of_silence():
    script = Script([at(0), 1, at(1)])
    samples = numpy.concatenate([numpy.zeros(30 * SAMPLING_RATE, numpy.float32), noise(2)])
    first, second = listen(samples, script, "", "transcribe", never)
    assert (first.segments, first.language) == ((), "") and script.lengths == [2.0]
    assert second.segments[0].start_seconds == 30.0


def test_it_can_be_stopped():
    assert list(listen(noise(40), Script([1]), "en", "transcribe", lambda: True)) == []
