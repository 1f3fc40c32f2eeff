"""Music as codes, frame after frame by a seed, as every class of MusicGen makes it. It knows no family and no request but its dials."""

from typing import Any

from pipelines.loading.seeding import seeded
from pipelines.types.events import IsCancelled, OnEvent, Progress
from pipelines.types.music import MusicRequest


def frame_by_frame(
    model: Any,
    inputs: dict[str, Any],
    heard: int,
    seconds: float,
    request: MusicRequest,
    on_event: OnEvent,
    is_cancelled: IsCancelled,
) -> Any:
    """What `model` generates from `inputs`, float32 (frames,) without the `heard` samples that it goes on from.

    None when it was cancelled. Reports Progress in seconds. Stereo becomes mono.
    """
    import torch

    # 1 How many frames; each codebook is one frame behind the one before
    codec, decoder = model.config.audio_encoder, model.config.decoder
    frames_per_second = float(codec.frame_rate)
    frames = max(1, round(seconds * frames_per_second))
    done = 0

    def watch(token_ids: Any, scores: Any, **_: Any) -> Any:
        nonlocal done
        done += 1
        on_event(Progress(int(done / frames_per_second), int(seconds), "seconds"))
        return torch.zeros(token_ids.shape[0], dtype=torch.bool, device=token_ids.device)

    # 2 By the seed
    def make() -> Any:
        return model.generate(
            **inputs,
            do_sample=True,
            temperature=request.temperature,
            max_new_tokens=frames + int(decoder.num_codebooks) // int(decoder.audio_channels) - 1,
            stopping_criteria=[watch],
        )

    made = seeded(request.seed, [model], is_cancelled, make)
    if made is None:
        return None

    # 3 Only what is new
    sound = made[0].float().mean(dim=0).cpu().numpy()
    return sound[heard:][: round(seconds * int(codec.sampling_rate))]
