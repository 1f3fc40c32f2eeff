"""The likeliest captions of a picture by a VisionEncoderDecoderModel, how likely each is, and whether they mean anything. Knows no family
and no pipeline."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipelines.seeing.looking import look_at
from pipelines.types.caption import Name

if TYPE_CHECKING:
    import torch

JUDGED = (
    5  # so many names together tell whether the picture shows anything that is known: one thing may have several names
)
MORE_BEAMS = 4  # than captions that are asked for, so that the last of them is not there by chance
MOST_TOKENS = 64


def is_known(names: Sequence[Name], least_probability: float) -> bool:
    """Whether a picture shows something that is known, by its JUDGED likeliest names, the likeliest first."""
    return bool(names) and sum(name.probability for name in names[:JUDGED]) >= least_probability


def likeliest(model: Any, tokenizer: Any, pixel_values: "torch.Tensor", count: int) -> list[tuple[str, float]]:
    """Of one picture (1, channels, side, side) `count` captions at most, the likeliest first, by beam search."""
    import torch

    # 1 A longer one is not taken for a likelier one
    longest = getattr(model.generation_config, "max_length", None) or MOST_TOKENS
    with torch.no_grad():
        made = model.generate(
            encoder_outputs=look_at(model, pixel_values),
            num_beams=count + MORE_BEAMS,
            num_return_sequences=count + MORE_BEAMS,
            length_penalty=0.0,
            do_sample=False,
            max_length=min(longest, MOST_TOKENS),
            output_scores=True,
            return_dict_in_generate=True,
        )

    # 2 The same words twice are one caption
    found: dict[str, float] = {}
    texts = tokenizer.batch_decode(made.sequences, skip_special_tokens=True)
    for text, score in zip(texts, made.sequences_scores.tolist(), strict=True):
        if text.strip():
            found[text.strip()] = found.get(text.strip(), 0.0) + math.exp(score)
    return sorted(found.items(), key=lambda pair: -pair[1])[:count]
