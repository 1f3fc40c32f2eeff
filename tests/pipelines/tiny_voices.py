"""Speech models of the real classes with random weights, each a few thousand numbers: CSM, Dia, Bark, SpeechT5."""

import io
from pathlib import Path
from typing import Any

import torch


def save_csm(folder: Path) -> Path:
    """Bytes as tokens, a conversation as template; its codec has 24 kHz, because the processor counts frames for that."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        CsmConfig,
        CsmForConditionalGeneration,
        CsmProcessor,
        EncodecFeatureExtractor,
        GenerationConfig,
        MimiConfig,
        PreTrainedTokenizerFast,
    )

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|AUDIO|>", "<|audio_eos|>"]
    made = Tokenizer(models.BPE(vocab={sign: number for number, sign in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.add_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=special[0], eos_token=special[1], pad_token=special[1]
    )
    template = (
        "{% for turn in messages %}<|begin_of_text|>[{{ turn['role'] }}]{% for part in turn['content'] %}"
        "{% if part['type'] == 'text' %}{{ part['text'] }}<|end_of_text|>{% else %}<|AUDIO|><|audio_eos|>{% endif %}"
        "{% endfor %}{% endfor %}"
    )
    extractor = EncodecFeatureExtractor(sampling_rate=24_000)
    CsmProcessor(extractor, tokenizer, chat_template=template).save_pretrained(folder)
    number = made.token_to_id
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}  # fmt: skip
    codec = MimiConfig(
        num_filters=2, hidden_size=8, codebook_size=32, codebook_dim=8, num_quantizers=4, num_semantic_quantizers=1,
        vector_quantization_hidden_dimension=8, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        head_dim=4, intermediate_size=8, upsample_groups=8, sampling_rate=24_000,
    )  # fmt: skip
    torch.manual_seed(0)
    model = CsmForConditionalGeneration(
        CsmConfig(
            **small, num_codebooks=4, vocab_size=35, text_vocab_size=made.get_vocab_size(), pad_token_id=number(special[2]),
            codebook_pad_token_id=34, codebook_eos_token_id=0, bos_token_id=number(special[0]), eos_token_id=None,
            audio_token_id=number(special[2]), audio_eos_token_id=number(special[3]), max_position_embeddings=512,
            depth_decoder_config={**small, "num_codebooks": 4, "vocab_size": 35, "backbone_hidden_size": 16, "max_position_embeddings": 5},
            codec_config=codec.to_dict(),
        )
    )  # fmt: skip
    for name, codes in model.codec_model.named_buffers():
        if name.endswith("embed_sum"):  # zeros before training, by which everything would sound the same
            codes.normal_()
    for weight in model.backbone_model.parameters():  # large, so that an example makes a difference
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.5)
    torch.nn.init.normal_(model.lm_head.weight, std=1.0)
    unknown = [32, 33, 34]  # what is trained writes no codes that its codec lacks
    model.depth_decoder.generation_config.update(do_sample=True, suppress_tokens=unknown)
    model.generation_config = GenerationConfig(do_sample=True, suppress_tokens=unknown, pad_token_id=34)
    model.save_pretrained(folder)
    return folder


def save_dia(folder: Path) -> Path:
    """Bytes as tokens, three codebooks, and its codec in a folder inside."""
    from transformers import (
        DacConfig,
        DacModel,
        DiaConfig,
        DiaDecoderConfig,
        DiaEncoderConfig,
        DiaFeatureExtractor,
        DiaForConditionalGeneration,
        DiaTokenizer,
    )

    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8}  # fmt: skip
    ends = {"pad_token_id": 17, "eos_token_id": 16, "bos_token_id": 18}
    decoder = DiaDecoderConfig(
        **small, **ends, vocab_size=19, num_channels=3, cross_num_attention_heads=2, cross_num_key_value_heads=2,
        cross_head_dim=8, cross_hidden_size=16,
    )  # fmt: skip
    torch.manual_seed(0)
    config = DiaConfig(encoder_config=DiaEncoderConfig(**small), decoder_config=decoder, delay_pattern=[0, 1, 2])
    model = DiaForConditionalGeneration(config)
    model.generation_config.update(
        do_sample=True, guidance_scale=3.0, temperature=1.8, top_k=15, min_new_tokens=12, **ends
    )
    model.save_pretrained(folder)
    DiaTokenizer().save_pretrained(folder)
    DiaFeatureExtractor(sampling_rate=8000, hop_length=64).save_pretrained(folder)
    DacModel(
        DacConfig(
            encoder_hidden_size=4, decoder_hidden_size=16, downsampling_ratios=[8, 8], n_codebooks=3, codebook_size=16,
            codebook_dim=4, sampling_rate=8000,
        )
    ).save_pretrained(folder / "dac_44khz")  # fmt: skip
    return folder


def save_bark(folder: Path) -> Path:
    """Three networks of one layer, a codec, and tables of codes for one voice."""
    import json

    import numpy
    from transformers import (
        BarkCoarseConfig,
        BarkConfig,
        BarkFineConfig,
        BarkModel,
        BarkSemanticConfig,
        EncodecConfig,
        GenerationConfig,
    )

    _words().save_pretrained(folder)
    small = {"block_size": 128, "hidden_size": 8, "num_layers": 1, "num_heads": 2}
    codec = EncodecConfig(
        sampling_rate=1600, num_filters=4, upsampling_ratios=[10, 8], hidden_size=8, codebook_size=16, codebook_dim=8,
        num_lstm_layers=1, target_bandwidths=[0.32],
    )  # fmt: skip
    torch.manual_seed(0)
    model = BarkModel(
        BarkConfig(
            semantic_config=BarkSemanticConfig(**small, input_vocab_size=64, output_vocab_size=64).to_dict(),
            coarse_acoustics_config=BarkCoarseConfig(**small, input_vocab_size=64, output_vocab_size=64).to_dict(),
            fine_acoustics_config=BarkFineConfig(
                **small, input_vocab_size=18, output_vocab_size=18, n_codes_total=4, n_codes_given=1
            ).to_dict(),
            codec_config=codec.to_dict(),
        )
    )  # fmt: skip
    for name, codes in model.codec_model.named_buffers():
        if name.endswith("embed"):
            codes.normal_()
    model.generation_config = GenerationConfig(
        codebook_size=16,
        semantic_config={
            "eos_token_id": 20, "min_new_tokens": 6, "max_new_tokens": 12, "do_sample": True, "semantic_vocab_size": 20,
            "semantic_pad_token": 20, "text_encoding_offset": 22, "text_pad_token": 60, "semantic_infer_token": 61,
            "semantic_rate_hz": 49.9, "max_input_semantic_length": 16,
        },
        coarse_acoustics_config={
            "do_sample": True, "coarse_rate_hz": 75, "n_coarse_codebooks": 2, "max_coarse_input_length": 16,
            "max_coarse_history": 20, "sliding_window_len": 10, "coarse_semantic_pad_token": 60, "coarse_infer_token": 61,
        },
        fine_acoustics_config={
            "temperature": 0.5, "max_fine_history_length": 32, "max_fine_input_length": 64, "n_fine_codebooks": 4,
        },
    )  # fmt: skip
    model.save_pretrained(folder)
    chance = numpy.random.default_rng(0)
    (folder / "speaker_embeddings").mkdir()
    shapes = {"semantic_prompt": (20,), "coarse_prompt": (2, 30), "fine_prompt": (4, 30)}
    tables = {name: f"speaker_embeddings/ann_{name}.npy" for name in shapes}
    for name, shape in shapes.items():
        numpy.save(folder / tables[name], chance.integers(0, 16, shape))
    (folder / "speaker_embeddings_path.json").write_text(json.dumps({"repo_or_path": "elsewhere", "ann": tables}))
    return folder


def save_speecht5(folder: Path) -> Path:
    """A tokenizer of letters by SentencePiece, a vocoder in a folder inside, and two voices."""
    from safetensors.torch import save_file
    from sentencepiece import SentencePieceTrainer
    from transformers import (
        SpeechT5Config,
        SpeechT5ForTextToSpeech,
        SpeechT5HifiGan,
        SpeechT5HifiGanConfig,
        SpeechT5Tokenizer,
    )

    folder.mkdir(parents=True)
    letters = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(["the quick brown fox jumps over a lazy dog."]), model_writer=letters, model_type="char",
        vocab_size=40, hard_vocab_limit=False, minloglevel=2, bos_id=0, pad_id=1, eos_id=2, unk_id=3,
    )  # fmt: skip
    (folder / "spm_char.model").write_bytes(letters.getvalue())
    tokenizer = SpeechT5Tokenizer(str(folder / "spm_char.model"))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = SpeechT5Config(
        vocab_size=len(tokenizer), hidden_size=8, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=8,
        decoder_layers=1, decoder_ffn_dim=8, decoder_attention_heads=2, num_mel_bins=8, speech_decoder_prenet_units=8,
        speech_decoder_postnet_units=8, speech_decoder_postnet_layers=2, speaker_embedding_dim=8, pad_token_id=1,
        bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    model = SpeechT5ForTextToSpeech(config)
    torch.nn.init.constant_(model.speech_decoder_postnet.prob_out.bias, -3.0)  # it speaks until it may no longer
    torch.nn.init.normal_(model.speech_decoder_postnet.feat_out.weight)
    model.save_pretrained(folder)
    vocoder = SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=8, sampling_rate=1600, upsample_initial_channel=8, upsample_rates=[4, 4],
            upsample_kernel_sizes=[8, 8], resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]],
        )
    )  # fmt: skip
    for weight in vocoder.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.3)
    vocoder.save_pretrained(folder / "speecht5_hifigan")
    save_file({"ann": torch.randn(8), "bob": torch.randn(8)}, folder / "speakers.safetensors")
    return folder


def _words() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", "the", "dog", "barks", "."])}
    made = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
