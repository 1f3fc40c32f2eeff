"""Tiny video models of the real diffusers classes, as their own `save_pretrained` writes them. Random weights: they film noise."""

from pathlib import Path

from tests.pipelines.tiny_images import autoencoder, clip_text, clip_tokenizer, seeded, t5_text, t5_tokenizer, unet


@seeded
def wan(target: Path) -> None:
    import diffusers
    from transformers import UMT5Config, UMT5EncoderModel

    words = UMT5Config(vocab_size=128, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    diffusers.WanPipeline(
        vae=diffusers.AutoencoderKLWan(base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]),
        scheduler=diffusers.UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        text_encoder=UMT5EncoderModel(words), tokenizer=t5_tokenizer(),
        transformer=diffusers.WanTransformer3DModel(
            patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16, text_dim=16,
            freq_dim=32, ffn_dim=16, num_layers=1, rope_max_seq_len=32,
        ),
    ).save_pretrained(target)  # fmt: skip


@seeded
def ltx(target: Path) -> None:
    """Its weights do both tasks."""
    import diffusers

    flags = {f"{name}spatio_temporal_scaling": (True, True, True, False) for name in ("", "decoder_")}
    diffusers.LTXPipeline(
        vae=diffusers.AutoencoderKLLTXVideo(
            latent_channels=8, block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8),
            layers_per_block=(1,) * 5, decoder_layers_per_block=(1,) * 5, decoder_inject_noise=(False,) * 5,
            upsample_residual=(False,) * 4, upsample_factor=(1,) * 4, **flags,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(), text_encoder=t5_text(), tokenizer=t5_tokenizer(),
        transformer=diffusers.LTXVideoTransformer3DModel(
            in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=8, cross_attention_dim=16, num_layers=1,
            caption_channels=16,
        ),
    ).save_pretrained(target)  # fmt: skip


def _cogvideox(image: bool, scheduler: str) -> dict:
    import diffusers

    return {
        "vae": diffusers.AutoencoderKLCogVideoX(
            down_block_types=("CogVideoXDownBlock3D",) * 4, up_block_types=("CogVideoXUpBlock3D",) * 4,
            block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1, norm_num_groups=2,
        ),
        "transformer": diffusers.CogVideoXTransformer3DModel(
            num_attention_heads=2, attention_head_dim=16, in_channels=8 if image else 4, out_channels=4, time_embed_dim=2,
            text_embed_dim=16, num_layers=1, sample_width=8, sample_height=4, sample_frames=9, max_text_seq_length=226,
            use_rotary_positional_embeddings=image,
        ),
        "scheduler": getattr(diffusers, scheduler)(), "text_encoder": t5_text(), "tokenizer": t5_tokenizer(),
    }  # fmt: skip


@seeded
def cogvideox(target: Path) -> None:
    import diffusers

    diffusers.CogVideoXPipeline(**_cogvideox(False, "CogVideoXDPMScheduler")).save_pretrained(target)


@seeded
def cogvideox_from_picture(target: Path) -> None:
    import diffusers

    diffusers.CogVideoXImageToVideoPipeline(**_cogvideox(True, "CogVideoXDDIMScheduler")).save_pretrained(target)


@seeded
def animatediff(target: Path) -> None:
    import diffusers

    diffusers.AnimateDiffPipeline(
        vae=autoencoder(), text_encoder=clip_text(), tokenizer=clip_tokenizer(), unet=unet(),
        motion_adapter=diffusers.MotionAdapter(
            block_out_channels=(8, 16), motion_layers_per_block=1, motion_norm_num_groups=2, motion_num_attention_heads=2
        ),
        scheduler=diffusers.DDIMScheduler(beta_schedule="linear", clip_sample=False), feature_extractor=None,
        image_encoder=None,
    ).save_pretrained(target)  # fmt: skip
