"""What the eye of a VisionEncoderDecoderModel hands to its words. Knows no words."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def look_at(model: Any, pixel_values: "torch.Tensor") -> Any:
    """(n, channels, side, side) → `encoder_outputs` for `forward` and `generate`: (n, places, width).

    The model takes encoders that answer with a line of places, with their attention; a convolutional one answers with a map
    (n, width, rows, columns) and has no attention to give.
    """
    from transformers.modeling_outputs import BaseModelOutput

    seen = model.encoder(pixel_values=pixel_values).last_hidden_state
    return BaseModelOutput(last_hidden_state=seen.flatten(2).transpose(1, 2).contiguous() if seen.dim() == 4 else seen)
