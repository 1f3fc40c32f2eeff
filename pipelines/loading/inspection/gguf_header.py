"""Reads the header of a GGUF file and proves that the file is whole, without a native library.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian). A native reader
trusts the counts and offsets in the header and dies on a file cut short; this one trusts nothing. It reads no weights.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAGIC = b"GGUF"
MAX_TENSORS = 65_536
MAX_KEYS = 65_536
MAX_ARRAY_ITEMS = 4_000_000
MAX_DEPTH = 4

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9

# ggml type → (values in a block, bytes of a block)
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18),
}  # fmt: skip


@dataclass(frozen=True)
class GgufHeader:
    """The scalar keys of the file (arrays such as the vocabulary are left out), its number of tensors and of weights."""

    keys: dict[str, object]
    tensor_count: int
    parameters: int

    @property
    def architecture(self) -> str:
        """ggml's name of the architecture: "llama", "qwen3", …; "" when the file does not say."""
        return str(self.keys.get("general.architecture", ""))

    @property
    def context_tokens(self) -> int:
        """How many tokens the model was made to read, 0 when the file does not say."""
        value = self.keys.get(f"{self.architecture}.context_length", 0)
        return value if isinstance(value, int) else 0


def read_header(path: Path) -> GgufHeader:
    """The header of the GGUF file at `path`. Raises ValueError when anything in it points outside the file."""
    with path.open("rb") as file:
        if path.stat().st_size < 24:
            raise ValueError("the file ends inside its header")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _Reader(data).header()
            except (struct.error, OverflowError):
                raise ValueError("the file ends inside its header") from None
            except UnicodeDecodeError:
                raise ValueError("a name in the header is not text") from None


class _Reader:
    """A cursor over the file that cannot leave it."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def header(self) -> GgufHeader:
        # 1 Magic, version, counts
        if self.data[:4] != MAGIC:
            raise ValueError("it does not begin like a GGUF file")
        self.at = 4
        version, tensor_count, key_count = self.scalar("<I"), self.scalar("<Q"), self.scalar("<Q")
        if version not in (2, 3):
            raise ValueError(f"GGUF version {version} is not known")
        if tensor_count > MAX_TENSORS or key_count > MAX_KEYS:
            raise ValueError(f"the header promises {tensor_count:,} tensors and {key_count:,} keys")

        # 2 Keys
        keys: dict[str, object] = {}
        for _ in range(key_count):
            name = self.text()
            value = self.value(self.scalar("<I"), MAX_DEPTH)
            if value is not None:
                keys[name] = value

        # 3 Tensors: every one must lie inside the file
        tensors = [self.tensor() for _ in range(tensor_count)]
        end = max((end for _, end in tensors), default=0)
        alignment = keys.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0:
            raise ValueError(f"an alignment of {alignment}")
        start = -(-self.at // alignment) * alignment
        if tensors and start + end > len(self.data):
            raise ValueError(f"the file has {len(self.data):,} bytes and should have {start + end:,}")
        return GgufHeader(keys, tensor_count, sum(values for values, _ in tensors))

    def scalar(self, code: str) -> Any:
        value = struct.unpack_from(code, self.data, self.at)[0]
        self.at += struct.calcsize(code)
        return value

    def skip(self, size: int) -> None:
        self.at += size
        if self.at > len(self.data):
            raise ValueError("the file ends inside its header")

    def text(self) -> str:
        size = self.scalar("<Q")
        start = self.at
        self.skip(size)
        return self.data[start : self.at].decode()

    def value(self, kind: int, depth: int) -> object:
        """A scalar or a text; None for an array, which is walked over."""
        if kind in _SCALARS:
            return self.scalar(_SCALARS[kind])
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY or depth == 0:
            raise ValueError(f"a value of unknown type {kind}")
        item_kind, count = self.scalar("<I"), self.scalar("<Q")
        if count > MAX_ARRAY_ITEMS:
            raise ValueError(f"a list of {count:,} items in the header")
        if item_kind in _SCALARS:
            self.skip(count * struct.calcsize(_SCALARS[item_kind]))
        elif item_kind == _STRING:
            self.skip_texts(count)
        else:
            for _ in range(count):
                self.value(item_kind, depth - 1)
        return None

    def skip_texts(self, count: int) -> None:
        """Walks over a list of texts: a vocabulary has a quarter of a million, so this loop is kept bare."""
        data, at, size_of = self.data, self.at, struct.Struct("<Q").unpack_from
        for _ in range(count):
            at += 8 + size_of(data, at)[0]
        self.at = at
        self.skip(0)

    def tensor(self) -> tuple[int, int]:
        """(how many values this tensor has, where it ends, counted from the start of the weights)."""
        self.text()
        dimensions = self.scalar("<I")
        if dimensions > 4:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        values = 1
        for _ in range(dimensions):
            values *= self.scalar("<Q")
        kind, offset = self.scalar("<I"), self.scalar("<Q")
        if kind not in _BLOCKS:
            raise ValueError(f"a tensor of unknown type {kind}")
        block_values, block_bytes = _BLOCKS[kind]
        return values, offset + -(-values // block_values) * block_bytes
