"""What can be wrong with a row of somebody's data. Knows no format; the words for people stand with the page."""

from dataclasses import dataclass
from typing import Literal

DefectKind = Literal[
    "unreadable_file",
    "wrong_encoding",
    "garbled",
    "broken_characters",
    "bad_json",
    "not_an_object",
    "wrong_columns",
    "missing_column",
    "wrong_type",
    "empty",
    "duplicate",
    "leak",
    "too_long",
    "wrong_roles",
    "no_label",
    "rare_class",
    "imbalance",
    "one_sided_class",
    "corrupt_picture",
    "tiny_picture",
    "no_picture",
    "corrupt_sound",
    "silent_sound",
    "short_sound",
    "long_sound",
    "no_sound",
    "no_caption",
    "markup",
    "unsafe_name",
    "too_large",
    "other_kind",
]
# Such a row is trained on all the same.
ONLY_TOLD = frozenset(
    {
        "wrong_encoding",
        "garbled",
        "too_long",
        "rare_class",
        "imbalance",
        "one_sided_class",
        "long_sound",
        "no_caption",
        "markup",
    }
)


@dataclass(frozen=True)
class Defect:
    """`row` counts from 1 in `file`, header and all; 0 is the file as a whole. `detail` is what was found there."""

    kind: DefectKind
    file: str
    row: int = 0
    detail: str = ""

    @property
    def is_left_out(self) -> bool:
        """Whether the row is not trained on."""
        return self.kind not in ONLY_TOLD
