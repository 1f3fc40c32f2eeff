"""1,797 handwritten digits of 8 × 8 pixels, grey, as scikit-learn brings them along.

Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository 1998,
https://doi.org/10.24432/C50P49, CC BY 4.0.
"""

from pathlib import Path

from pipelines.training.data import Kind, Pictures, split_pictures

DATA: Kind = "labelled pictures"
LICENCE = "CC-BY-4.0"
SOURCE = "https://doi.org/10.24432/C50P49"
ATTRIBUTION = "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository"
LANGUAGES: tuple[str, ...] = ()


def load(packages: Path) -> Pictures:
    """Ten classes, white on black. Needs no download."""
    import torch
    from sklearn.datasets import load_digits

    digits = load_digits()
    pictures = torch.from_numpy(digits.images).mul(255 / 16).round().byte().unsqueeze(1)
    return split_pictures(pictures, torch.from_numpy(digits.target).long(), tuple("0123456789"), background=0)
