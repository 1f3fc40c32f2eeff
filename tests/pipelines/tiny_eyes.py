"""Tiny models that put pictures into words, of the real transformers classes, as `save_pretrained` writes them.

Random weights: what they say means nothing, and is the same every time.
"""

from pathlib import Path

from tests.pipelines.tiny_texts import byte_bpe

SIDE = 32
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def save_captioner(target: Path, **facts: object) -> Path:
    """A VisionEncoderDecoderModel, ViT and GPT-2; `facts` go into its config.json."""
    import torch
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        VisionEncoderDecoderModel,
        ViTConfig,
        ViTImageProcessorPil,
        ViTModel,
    )

    tokenizer = byte_bpe(None)
    tokenizer.save_pretrained(target)
    torch.manual_seed(0)
    eye = ViTModel(_vit(ViTConfig))
    end = tokenizer.eos_token_id
    words = GPT2Config(
        vocab_size=len(tokenizer), n_positions=64, n_embd=32, n_layer=1, n_head=2, add_cross_attention=True,
        is_decoder=True, bos_token_id=end, eos_token_id=end,
    )  # fmt: skip
    model = VisionEncoderDecoderModel(encoder=eye, decoder=GPT2LMHeadModel(words))
    model.config.update(facts)
    settings = model.generation_config
    settings.decoder_start_token_id = settings.pad_token_id = settings.eos_token_id = end
    settings.max_length = 12
    model.save_pretrained(target)
    ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(target)
    return target


def save_reader(target: Path) -> Path:
    """A TrOCR: a VisionEncoderDecoderModel of a DeiT and a TrOCR decoder."""
    import torch
    from transformers import (
        DeiTConfig,
        DeiTImageProcessorPil,
        DeiTModel,
        TrOCRConfig,
        TrOCRForCausalLM,
        VisionEncoderDecoderModel,
    )

    tokenizer = byte_bpe(None)
    tokenizer.save_pretrained(target)
    torch.manual_seed(0)
    end = tokenizer.eos_token_id
    words = TrOCRConfig(
        vocab_size=len(tokenizer), d_model=32, decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=64,
        max_position_embeddings=64, pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=end,
    )  # fmt: skip
    model = VisionEncoderDecoderModel(encoder=DeiTModel(_vit(DeiTConfig)), decoder=TrOCRForCausalLM(words))
    settings = model.generation_config
    settings.decoder_start_token_id = settings.pad_token_id = settings.eos_token_id = end
    model.save_pretrained(target)
    size = {"height": SIDE, "width": SIDE}
    DeiTImageProcessorPil(size=size, crop_size=size, do_center_crop=False).save_pretrained(target)
    return target


def save_llava(target: Path) -> Path:
    """A LlavaForConditionalGeneration, CLIP and Llama, with a chat template. It says words, and finds no end."""
    import torch
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = byte_bpe(None)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    torch.manual_seed(0)
    words = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=_vit(CLIPVisionConfig),
        text_config=words,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(SIDE // 8) ** 2,
        vision_feature_layer=-1,
    )
    model = LlavaForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    vocabulary = tokenizer.get_vocab().items()
    others = [one for word, one in vocabulary if not (word[0] == "Ġ" and word[1:].isascii() and word[1:].isalpha())]
    model.generation_config.suppress_tokens = others
    model.save_pretrained(target)
    LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        chat_template=CHAT_TEMPLATE,
        num_additional_image_tokens=1,
    ).save_pretrained(target)
    return target


def save_blip(target: Path) -> Path:
    """A BlipForConditionalGeneration: a processor without a chat template."""
    import torch
    from transformers import (
        BertTokenizerFast,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessorPil,
        BlipProcessor,
        BlipTextConfig,
        BlipVisionConfig,
    )

    letters = [*"abcdefghijklmnopqrstuvwxyz?."]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    tokenizer = BertTokenizerFast(vocab={piece: place for place, piece in enumerate(pieces)})
    torch.manual_seed(0)
    words = BlipTextConfig(
        vocab_size=len(pieces), hidden_size=32, encoder_hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=512, bos_token_id=2, sep_token_id=3, eos_token_id=3, pad_token_id=0,
    )  # fmt: skip
    model = BlipForConditionalGeneration(BlipConfig(text_config=words, vision_config=_vit(BlipVisionConfig)))
    model.save_pretrained(target)
    processor = BlipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    BlipProcessor(processor, tokenizer).save_pretrained(target)
    return target


def _vit(config_class):
    return config_class(
        image_size=SIDE, patch_size=8, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2
    )
