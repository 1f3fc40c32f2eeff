"""Models for music and sounds of the real classes, with random weights: MusicGen, Stable Audio and AudioLDM 2."""

import json
from pathlib import Path
from typing import Any

import torch


def save_stable_audio(folder: Path) -> Path:
    """Eight seconds of stereo at 8 kHz at most."""
    from diffusers import (
        AutoencoderOobleck,
        CosineDPMSolverMultistepScheduler,
        StableAudioDiTModel,
        StableAudioPipeline,
        StableAudioProjectionModel,
    )

    torch.manual_seed(0)
    StableAudioPipeline(
        vae=AutoencoderOobleck(
            encoder_hidden_size=4, downsampling_ratios=[8, 16], decoder_channels=3, decoder_input_channels=3,
            audio_channels=2, channel_multiples=[2, 4], sampling_rate=8000,
        ),
        text_encoder=_t5(),
        projection_model=StableAudioProjectionModel(text_encoder_dim=8, conditioning_dim=8, min_value=0, max_value=32),
        tokenizer=_roberta(),
        transformer=StableAudioDiTModel(
            sample_size=500, in_channels=3, num_layers=1, attention_head_dim=4, num_key_value_attention_heads=2,
            out_channels=3, cross_attention_dim=8, time_proj_dim=8, global_states_input_dim=16,
            cross_attention_input_dim=8, num_attention_heads=2,
        ),
        scheduler=CosineDPMSolverMultistepScheduler(
            solver_order=2, prediction_type="v_prediction", sigma_data=1.0, sigma_schedule="exponential"
        ),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def save_audioldm2(folder: Path) -> Path:
    """Its two text encoders, a language model of one layer, and a vocoder of 1.6 kHz."""
    from diffusers import (
        AudioLDM2Pipeline,
        AudioLDM2ProjectionModel,
        AudioLDM2UNet2DConditionModel,
        AutoencoderKL,
        DDIMScheduler,
    )
    from transformers import (
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        GPT2Config,
        GPT2LMHeadModel,
        SpeechT5HifiGan,
        SpeechT5HifiGanConfig,
    )

    torch.manual_seed(0)
    words = {
        "vocab_size": 8, "hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1,
        "projection_dim": 8, "max_position_embeddings": 24,
    }  # fmt: skip
    sounds = {
        "spec_size": 64, "window_size": 4, "num_mel_bins": 64, "intermediate_size": 16, "depths": [1, 1],
        "num_attention_heads": [1, 1], "num_hidden_layers": 2, "hidden_size": 16, "patch_embeds_hidden_size": 4,
        "patch_size": 32, "patch_stride": [32, 32], "projection_dim": 8,
    }  # fmt: skip
    AudioLDM2Pipeline(
        vae=AutoencoderKL(
            block_out_channels=(8, 8), in_channels=1, out_channels=1, norm_num_groups=4, latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        ),
        text_encoder=ClapModel(ClapConfig(text_config=words, audio_config=sounds, projection_dim=8)),
        text_encoder_2=_t5(),
        projection_model=AudioLDM2ProjectionModel(text_encoder_dim=8, text_encoder_1_dim=8, langauge_model_dim=8),
        language_model=GPT2LMHeadModel(GPT2Config(n_embd=8, n_head=2, n_layer=1, vocab_size=20, n_positions=64)),
        tokenizer=_roberta(),
        tokenizer_2=_roberta(),
        feature_extractor=ClapFeatureExtractor(feature_size=64, sampling_rate=16_000, hop_length=480),
        unet=AudioLDM2UNet2DConditionModel(
            block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, sample_size=8, in_channels=4,
            out_channels=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=([None, 8, 8], [None, 8, 8]),
            attention_head_dim=4,
        ),
        scheduler=DDIMScheduler(clip_sample=False),
        vocoder=SpeechT5HifiGan(
            SpeechT5HifiGanConfig(
                model_in_dim=8, sampling_rate=1600, upsample_initial_channel=8, upsample_rates=[4, 4],
                upsample_kernel_sizes=[8, 8], resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]],
                normalize_before=False,
            )
        ),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def save_musicgen(folder: Path, channels: int = 1) -> Path:
    """Words, a decoder of four codebooks for each channel and a codec, all of two layers at most; 20 frames a second."""
    from transformers import MusicgenConfig, MusicgenDecoderConfig, MusicgenForConditionalGeneration

    torch.manual_seed(0)
    decoder = MusicgenDecoderConfig(**_codebooks(channels))
    config = MusicgenConfig(text_encoder=_words_encoder(), audio_encoder=_codec(), decoder=decoder.to_dict())
    return _save_composer(MusicgenForConditionalGeneration(config), folder)


def save_musicgen_melody(folder: Path, channels: int = 1) -> Path:
    """The same with twelve pitch classes, 26 times in four seconds."""
    from transformers import MusicgenMelodyConfig, MusicgenMelodyDecoderConfig, MusicgenMelodyForConditionalGeneration

    torch.manual_seed(0)
    decoder = MusicgenMelodyDecoderConfig(**_codebooks(channels))
    config = MusicgenMelodyConfig(
        text_encoder=_words_encoder(), audio_encoder=_codec(), decoder=decoder.to_dict(), chroma_length=26
    )
    model = MusicgenMelodyForConditionalGeneration(config)
    torch.nn.init.normal_(model.audio_enc_to_dec_proj.weight, std=0.5)
    _save_composer(model, folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"n_fft": 512, "hop_length": 256}))
    return folder


WORDS = ["<pad>", "</s>", "<unk>", "a", "slow", "waltz", ",", "in", "D"]


def _words_encoder() -> dict[str, Any]:
    from transformers import T5Config

    return T5Config(vocab_size=len(WORDS), d_model=8, d_ff=16, d_kv=4, num_layers=1, num_heads=2).to_dict()


def _codec() -> dict[str, Any]:
    from transformers import EncodecConfig

    return EncodecConfig(
        sampling_rate=1600, num_filters=4, upsampling_ratios=[10, 8], hidden_size=8, codebook_size=16, codebook_dim=8,
        num_lstm_layers=1, target_bandwidths=[0.32],
    ).to_dict()  # fmt: skip


def _codebooks(channels: int) -> dict[str, Any]:
    return {
        "vocab_size": 16, "num_hidden_layers": 1, "ffn_dim": 16, "num_attention_heads": 2, "hidden_size": 8,
        "num_codebooks": 4 * channels, "audio_channels": channels, "pad_token_id": 16, "bos_token_id": 16,
    }  # fmt: skip


def _save_composer(model: Any, folder: Path) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    tokenizer.save_pretrained(folder)
    for name, codes in model.audio_encoder.named_buffers():
        if name.endswith("embed"):  # zeros before training, by which every piece would sound the same
            codes.normal_()
    for part in (model.decoder, model.text_encoder):
        for weight in part.parameters():  # large, so that words make a difference
            torch.nn.init.normal_(weight, std=0.5)
    model.generation_config.update(
        decoder_start_token_id=16, pad_token_id=16, bos_token_id=16, guidance_scale=3.0, do_sample=True, max_length=600
    )
    model.save_pretrained(folder)
    return folder


def _t5() -> Any:
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(T5Config(vocab_size=8, d_model=8, d_ff=16, d_kv=4, num_layers=1, num_heads=2))


def _roberta() -> Any:
    from transformers import RobertaTokenizer

    signs = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "d", "g"]
    return RobertaTokenizer(vocab={sign: number for number, sign in enumerate(signs)}, merges=[], model_max_length=16)
