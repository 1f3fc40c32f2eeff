"""The tune of a sound without its sound: which of the twelve pitch classes is the strongest at every moment. Knows no model.

Source: the feature extractor of MusicGen Melody in transformers, here without torchaudio; Copet et al. 2023,
https://arxiv.org/abs/2306.05284, § 2.3.
"""

from typing import Any

LONGEST_WINDOW = 1 << 17  # frames
MOST_AT_ONCE = 16  # windows over one moment


class Chroma:
    """Windows of `fft_frames`, one every `hop_frames`, of sounds at `sampling_rate` Hz, in `classes` from C upwards."""

    def __init__(self, sampling_rate: int, fft_frames: int, hop_frames: int, classes: int) -> None:
        """Raises ValueError where no window can be made of the numbers."""
        import torch
        from transformers.audio_utils import chroma_filter_bank

        if not 0 < classes <= hop_frames <= fft_frames <= min(MOST_AT_ONCE * hop_frames, LONGEST_WINDOW):
            raise ValueError(f"windows of {fft_frames} frames, one every {hop_frames}, hold no music")
        filters = chroma_filter_bank(fft_frames, classes, sampling_rate)
        self._filters = torch.from_numpy(filters).float()
        self._window = torch.hann_window(fft_frames)
        self._fft_frames, self._hop_frames = fft_frames, hop_frames

    def strongest(self, samples: Any) -> Any:
        """(frames,) float32 at least as long as a window → torch float32 (1 + frames // hop, classes): a one in every row.

        The spectrogram is not normalised as the source's is: that changes no row's strongest. Silence is C, as in the source.
        """
        import torch

        spectrum = torch.stft(
            torch.from_numpy(samples), self._fft_frames, self._hop_frames, window=self._window, return_complex=True
        )
        strength = self._filters @ spectrum.abs().square()
        return torch.nn.functional.one_hot(strength.argmax(dim=0), len(strength)).float()
