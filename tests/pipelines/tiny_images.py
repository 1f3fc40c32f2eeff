"""Tiny image models of the real diffusers classes, written to disk as their own `save_pretrained` writes them.

    folder = sd(target)      →  a model_index.json that DiffusionPipeline.from_pretrained opens

Random weights: they draw noise, and the same noise for the same seed.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

WORDS = ["a", "the", "red", "blue", "cat", "dog", "apple", "on", "mat", "with", "of"]


def seeded(build: Callable[..., None]) -> Callable[..., Path]:
    @wraps(build)
    def save(target: Path, **settings: Any) -> Path:
        import torch

        torch.manual_seed(0)
        build(target, **settings)
        return target

    return save


def clip_tokenizer() -> Any:
    """A CLIP tokenizer that knows a dozen words and every letter."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    entries = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    return CLIPTokenizer(vocab={entry: number for number, entry in enumerate(entries)}, merges=[], model_max_length=16)


def clip_text(*, projection: int | None = None, hidden: int = 16) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=len(clip_tokenizer()), hidden_size=hidden, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=16, bos_token_id=0, eos_token_id=1, pad_token_id=1,
        projection_dim=projection or hidden,
    )  # fmt: skip
    return CLIPTextModelWithProjection(config) if projection else CLIPTextModel(config)


def t5_tokenizer() -> Any:
    """A T5 tokenizer (unigram) of letters and a few words."""
    from transformers import T5TokenizerFast

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(f"▁{word}", -3.0) for word in WORDS]
    pieces += [(chr(code), -5.0) for code in range(33, 127)]
    return T5TokenizerFast(vocab=pieces, extra_ids=0, model_max_length=16)


def t5_text(hidden: int = 16) -> Any:
    from transformers import T5Config, T5EncoderModel

    config = T5Config(vocab_size=128, d_model=hidden, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    return T5EncoderModel(config)


def autoencoder(channels: int = 4, **settings: Any) -> Any:
    """Four levels, so that a latent is 8 pixels wide, as in the models that people use."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8), norm_num_groups=4, latent_channels=channels, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, **settings,
    )  # fmt: skip


def unet(**settings: Any) -> Any:
    from diffusers import UNet2DConditionModel

    usual = {
        "sample_size": 8, "in_channels": 4, "out_channels": 4, "block_out_channels": (8, 16), "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "cross_attention_dim": 16,
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "norm_num_groups": 4, "attention_head_dim": 8,
    }  # fmt: skip
    return UNet2DConditionModel(**{**usual, **settings})


@seeded
def sd(target: Path, *, scheduler: str = "DDIMScheduler", words: int = 16, is_guarded: bool = False) -> None:
    """Stable Diffusion 1, or with another size of `words` 2. One that `is_guarded` withholds every picture."""
    import diffusers
    from transformers import CLIPImageProcessor

    noise = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "clip_sample": False}
    extra = {"set_alpha_to_one": False, "steps_offset": 1} if scheduler in ("DDIMScheduler", "PNDMScheduler") else {}
    diffusers.StableDiffusionPipeline(
        vae=autoencoder(), text_encoder=clip_text(hidden=words), tokenizer=clip_tokenizer(),
        unet=unet(cross_attention_dim=words),
        scheduler=getattr(diffusers, scheduler)(**(noise if scheduler != "LCMScheduler" else {}), **extra),
        safety_checker=strict_guard() if is_guarded else None, requires_safety_checker=is_guarded,
        feature_extractor=CLIPImageProcessor(crop_size=32, size=32) if is_guarded else None,
    ).save_pretrained(target)  # fmt: skip


def strict_guard() -> Any:
    """A safety checker to which everything is alike enough."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**small, "image_size": 32, "patch_size": 16, "projection_dim": 8}
    guard = StableDiffusionSafetyChecker(
        CLIPConfig(text_config={**small, "vocab_size": 10}, vision_config=vision, projection_dim=8)
    )
    guard.concept_embeds_weights.data.fill_(-2.0)
    guard.special_care_embeds_weights.data.fill_(-2.0)
    return guard


@seeded
def sd_bert(target: Path) -> None:
    """The kind of the starter model: Stable Diffusion with a BERT without a pooler, in float16, in shards."""
    import diffusers
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "红", "猫", "苹", "果"]
    words = BertConfig(
        vocab_size=len(tokens), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=16,
    )  # fmt: skip
    diffusers.StableDiffusionPipeline(
        vae=autoencoder(), text_encoder=BertModel(words, add_pooling_layer=False), unet=unet(),
        tokenizer=BertTokenizer(vocab={token: n for n, token in enumerate(tokens)}, model_max_length=16),
        scheduler=diffusers.DPMSolverMultistepScheduler(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    ).to(torch.float16).save_pretrained(target, max_shard_size="100KB")  # fmt: skip


@seeded
def lcm(target: Path) -> None:
    """A latent consistency model: few steps, guidance as a number that the denoiser is told."""
    import diffusers

    diffusers.LatentConsistencyModelPipeline(
        vae=autoencoder(), text_encoder=clip_text(), tokenizer=clip_tokenizer(), unet=unet(time_cond_proj_dim=16),
        scheduler=diffusers.LCMScheduler(beta_schedule="scaled_linear"), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(target)  # fmt: skip


@seeded
def sd_inpaint(target: Path) -> None:
    """Stable Diffusion that was trained to paint: nine input channels."""
    import diffusers

    diffusers.StableDiffusionInpaintPipeline(
        vae=autoencoder(), text_encoder=clip_text(), tokenizer=clip_tokenizer(), unet=unet(in_channels=9),
        scheduler=diffusers.DDIMScheduler(clip_sample=False, steps_offset=1), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(target)  # fmt: skip


@seeded
def pix2pix(target: Path) -> None:
    """Edits by instruction: eight input channels."""
    import diffusers

    diffusers.StableDiffusionInstructPix2PixPipeline(
        vae=autoencoder(), text_encoder=clip_text(), tokenizer=clip_tokenizer(), unet=unet(in_channels=8),
        scheduler=diffusers.EulerAncestralDiscreteScheduler(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(target)  # fmt: skip


@seeded
def upscaler(target: Path) -> None:
    """Stable Diffusion's upscaler: four times, the small picture beside the latents."""
    import diffusers

    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 8), norm_num_groups=4, latent_channels=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    )  # fmt: skip
    diffusers.StableDiffusionUpscalePipeline(
        vae=vae, text_encoder=clip_text(), tokenizer=clip_tokenizer(), unet=unet(in_channels=7, num_class_embeds=1000),
        low_res_scheduler=diffusers.DDPMScheduler(), scheduler=diffusers.DDIMScheduler(clip_sample=False),
        max_noise_level=350,
    ).save_pretrained(target)  # fmt: skip


@seeded
def sdxl(target: Path) -> None:
    import diffusers

    diffusers.StableDiffusionXLPipeline(
        vae=autoencoder(), text_encoder=clip_text(hidden=8), text_encoder_2=clip_text(hidden=8, projection=8),
        tokenizer=clip_tokenizer(), tokenizer_2=clip_tokenizer(),
        unet=unet(
            attention_head_dim=(2, 4), use_linear_projection=True, addition_embed_type="text_time",
            addition_time_embed_dim=8, transformer_layers_per_block=(1, 2), projection_class_embeddings_input_dim=56,
        ),
        scheduler=diffusers.EulerDiscreteScheduler(beta_schedule="scaled_linear", steps_offset=1),
    ).save_pretrained(target)  # fmt: skip


@seeded
def sd3(target: Path) -> None:
    import diffusers

    transformer = diffusers.SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=16, num_layers=1, attention_head_dim=8, num_attention_heads=4,
        joint_attention_dim=32, caption_projection_dim=32, pooled_projection_dim=32, out_channels=16,
    )  # fmt: skip
    diffusers.StableDiffusion3Pipeline(
        transformer=transformer, scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=autoencoder(16, shift_factor=0.06), text_encoder=clip_text(projection=16), tokenizer=clip_tokenizer(),
        text_encoder_2=clip_text(projection=16), tokenizer_2=clip_tokenizer(), text_encoder_3=t5_text(32),
        tokenizer_3=t5_tokenizer(),
    ).save_pretrained(target)  # fmt: skip


@seeded
def flux(target: Path) -> None:
    """FLUX.1 schnell: packed latents, no guidance of its own."""
    import diffusers

    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=16, pooled_projection_dim=16, axes_dims_rope=(4, 4, 8), guidance_embeds=False,
    )  # fmt: skip
    diffusers.FluxPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(), vae=autoencoder(shift_factor=0.06),
        text_encoder=clip_text(), tokenizer=clip_tokenizer(), text_encoder_2=t5_text(), tokenizer_2=t5_tokenizer(),
        transformer=transformer,
    ).save_pretrained(target)  # fmt: skip


@seeded
def kontext(target: Path) -> None:
    """FLUX.1 Kontext: edits by instruction, the picture beside the latents."""
    import diffusers

    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=16, pooled_projection_dim=16, axes_dims_rope=(4, 4, 8), guidance_embeds=True,
    )  # fmt: skip
    diffusers.FluxKontextPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(), vae=autoencoder(shift_factor=0.06),
        text_encoder=clip_text(), tokenizer=clip_tokenizer(), text_encoder_2=t5_text(), tokenizer_2=t5_tokenizer(),
        transformer=transformer,
    ).save_pretrained(target)  # fmt: skip


@seeded
def flux2_klein(target: Path) -> None:
    """FLUX.2 klein: draws and edits, words by a causal language model."""
    import diffusers
    from transformers import Qwen3Config, Qwen3ForCausalLM

    words = Qwen3Config(
        hidden_size=16, intermediate_size=16, num_hidden_layers=27, num_attention_heads=2, num_key_value_heads=2,
        vocab_size=400, max_position_embeddings=512, head_dim=8,
    )  # fmt: skip
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    diffusers.Flux2KleinPipeline(
        transformer=diffusers.Flux2Transformer2DModel(
            patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16,
            num_attention_heads=2, joint_attention_dim=48, timestep_guidance_channels=32, axes_dims_rope=(4, 4, 4, 4),
        ),
        vae=diffusers.AutoencoderKLFlux2(
            block_out_channels=(8, 8, 8, 8), norm_num_groups=4, latent_channels=4, sample_size=64,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(), text_encoder=Qwen3ForCausalLM(words),
        tokenizer=tokenizer, is_distilled=True,
    ).save_pretrained(target)  # fmt: skip


@seeded
def pixart(target: Path) -> None:
    """A transformer over latents with no class for pictures: those are mixed in."""
    import diffusers

    transformer = diffusers.PixArtTransformer2DModel(
        sample_size=8, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=2, caption_channels=16,
        in_channels=4, cross_attention_dim=16, out_channels=8, use_additional_conditions=False,
    )  # fmt: skip
    diffusers.PixArtSigmaPipeline(
        transformer=transformer, vae=autoencoder(), scheduler=diffusers.DPMSolverMultistepScheduler(),
        text_encoder=t5_text(), tokenizer=t5_tokenizer(),
    ).save_pretrained(target)  # fmt: skip


@seeded
def sana(target: Path) -> None:
    """Linear attention over a deep compression autoencoder, words by Gemma 2."""
    import diffusers
    from transformers import Gemma2Config, Gemma2Model

    transformer = diffusers.SanaTransformer2DModel(
        patch_size=1, in_channels=4, out_channels=4, num_layers=1, num_attention_heads=2, attention_head_dim=4,
        num_cross_attention_heads=2, cross_attention_head_dim=4, cross_attention_dim=8, caption_channels=8,
        sample_size=32,
    )  # fmt: skip
    vae = diffusers.AutoencoderDC(
        in_channels=3, latent_channels=4, attention_head_dim=2, encoder_block_types=("ResBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "EfficientViTBlock"), encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8), encoder_qkv_multiscales=((), (5,)), decoder_qkv_multiscales=((), (5,)),
        encoder_layers_per_block=(1, 1), decoder_layers_per_block=[1, 1], downsample_block_type="conv",
        upsample_block_type="interpolate", decoder_norm_types="rms_norm", decoder_act_fns="silu", scaling_factor=0.41407,
    )  # fmt: skip
    words = Gemma2Config(
        head_dim=4, hidden_size=8, initializer_range=0.02, intermediate_size=64, max_position_embeddings=128,
        num_attention_heads=2, num_hidden_layers=1, num_key_value_heads=2, vocab_size=400, attn_implementation="eager",
    )  # fmt: skip
    diffusers.SanaPipeline(
        transformer=transformer, vae=vae, scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        text_encoder=Gemma2Model(words), tokenizer=byte_tokenizer(),
    ).save_pretrained(target)  # fmt: skip


@seeded
def z_image(target: Path) -> None:
    """Z-Image Turbo: one stream of words and latents, no guidance."""
    import diffusers
    from transformers import Qwen3Config, Qwen3Model

    transformer = diffusers.ZImageTransformer2DModel(
        all_patch_size=(2,), all_f_patch_size=(1,), in_channels=4, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2,
        n_kv_heads=2, qk_norm=True, cap_feat_dim=16, rope_theta=256.0, t_scale=1000.0, axes_dims=[8, 4, 4],
        axes_lens=[256, 32, 32],
    )  # fmt: skip
    words = Qwen3Config(
        hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
        vocab_size=400, max_position_embeddings=512, head_dim=8,
    )  # fmt: skip
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    diffusers.ZImagePipeline(
        transformer=transformer, vae=autoencoder(shift_factor=0.06), text_encoder=Qwen3Model(words),
        tokenizer=tokenizer, scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    ).save_pretrained(target)  # fmt: skip


@seeded
def qwen_image(target: Path) -> None:
    """Qwen-Image: an autoencoder of films, words by a vision-language model, guidance by a second pass."""
    import diffusers
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    words = Qwen2_5_VLConfig(
        text_config={
            "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
            "num_key_value_heads": 2, "vocab_size": 400, "max_position_embeddings": 2048,
            "rope_parameters": {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6},
        },
        vision_config={
            "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16,
        },
        hidden_size=16, vocab_size=400,
    )  # fmt: skip
    diffusers.QwenImagePipeline(
        transformer=diffusers.QwenImageTransformer2DModel(
            patch_size=2, in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=2,
            joint_attention_dim=16, guidance_embeds=False, axes_dims_rope=(8, 4, 4),
        ),
        vae=diffusers.AutoencoderKLQwenImage(
            base_dim=16, z_dim=4, dim_mult=[1, 2, 2, 2], num_res_blocks=1, temperal_downsample=[False, True, True],
            latents_mean=[0.1] * 4, latents_std=[1.5] * 4,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(), text_encoder=Qwen2_5_VLForConditionalGeneration(words),
        tokenizer=byte_tokenizer(),
    ).save_pretrained(target)  # fmt: skip


@seeded
def kandinsky(target: Path) -> None:
    """Kandinsky 2.2, prior and decoder in one folder."""
    import diffusers
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    prior = diffusers.PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, embedding_dim=16, num_layers=1, num_embeddings=16,
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=16, image_size=32, projection_dim=16, intermediate_size=16, num_attention_heads=2,
        num_hidden_layers=1, patch_size=16,
    )  # fmt: skip
    decoder = diffusers.UNet2DConditionModel(
        in_channels=4, out_channels=8, addition_embed_type="image", down_block_types=("ResnetDownsampleBlock2D",) * 2,
        up_block_types=("ResnetUpsampleBlock2D",) * 2, block_out_channels=(8, 16), layers_per_block=1,
        encoder_hid_dim=16, encoder_hid_dim_type="image_proj", cross_attention_dim=16, attention_head_dim=4,
        resnet_time_scale_shift="scale_shift", class_embed_type=None, norm_num_groups=4, sample_size=8,
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
    )  # fmt: skip
    movq = diffusers.VQModel(
        block_out_channels=(32, 32), down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"), in_channels=3,
        latent_channels=4, layers_per_block=1, norm_num_groups=4, norm_type="spatial", num_vq_embeddings=12,
        out_channels=3, up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"), vq_embed_dim=4,
    )  # fmt: skip
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    diffusers.KandinskyV22CombinedPipeline(
        unet=decoder, scheduler=diffusers.DDIMScheduler(clip_sample=False), movq=movq, prior_prior=prior,
        prior_image_encoder=CLIPVisionModelWithProjection(vision), prior_text_encoder=clip_text(projection=16),
        prior_tokenizer=clip_tokenizer(), prior_image_processor=processor,
        prior_scheduler=diffusers.UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="sample"),
    ).save_pretrained(target)  # fmt: skip


@seeded
def ddpm(target: Path, *, is_flat: bool = False) -> None:
    """A denoiser of pixels without words; `is_flat`: everything in one folder, as the first ones were published."""
    import diffusers

    denoiser = diffusers.UNet2DModel(
        sample_size=16, in_channels=3, out_channels=3, block_out_channels=(8, 16), layers_per_block=1,
        norm_num_groups=4, down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    diffusers.DDPMPipeline(unet=denoiser, scheduler=diffusers.DDPMScheduler()).save_pretrained(target)
    if is_flat:
        for file in [*(target / "unet").iterdir(), *(target / "scheduler").iterdir()]:
            file.rename(target / file.name)
        (target / "unet").rmdir()
        (target / "scheduler").rmdir()


@seeded
def swin2sr(target: Path, *, factor: int = 2) -> None:
    """Super-resolution by transformers."""
    from transformers import Swin2SRConfig, Swin2SRForImageSuperResolution

    config = Swin2SRConfig(
        image_size=16, patch_size=1, embed_dim=8, depths=[1], num_heads=[2], window_size=4, upscale=factor,
        upsampler="pixelshuffle",
    )  # fmt: skip
    Swin2SRForImageSuperResolution(config).save_pretrained(target)


def byte_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<bos>", "<eos>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={entry: n for n, entry in enumerate([*special, *alphabet])}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>")
