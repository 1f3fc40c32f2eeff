"""Vision-language models by transformers: any AutoModelForImageTextToText with its own processor. A picture and a question in,
an answer out: SmolVLM, Idefics, Qwen-VL, Gemma, LLaVA and their kin by their chat template; BLIP, which has none, writes a caption
or goes on from the words it is given. This file knows pixels and tokens and no pipeline.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipelines.errors.models import TemplateRefused
from pipelines.errors.seeing import NeedsPackage, TalkFillsModel
from pipelines.loading import pretrained
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement.devices import Place
from pipelines.loading.placement.networks import Networks
from pipelines.types.adapter import Adapter
from pipelines.types.caption import Exchange
from pipelines.types.events import IsCancelled, OnEvent
from pipelines.types.model import ModelSpec, Task

TASKS: frozenset[Task] = frozenset({"caption", "ask-picture", "read-picture"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = False

KINDS = (
    "Aria", "AyaVision", "Blip", "Blip2", "Cohere2Vision", "FastVlm", "Gemma3", "Gemma3n", "Gemma4", "Glm4v", "Glm4vMoe", "Idefics2",
    "Idefics3", "InstructBlip", "InternVL", "Lfm2Vl", "Llama4", "Llava", "LlavaNext", "LlavaOnevision", "Mistral3", "Mllama",
    "Ovis2", "PaliGemma", "Qwen2VL", "Qwen2_5_VL", "Qwen3VL", "Qwen3VLMoe", "Qwen3_5", "SmolVLM", "VipLlava",
)  # fmt: skip
ARCHITECTURES = frozenset(f"{kind}ForConditionalGeneration" for kind in KINDS)
WORKING_NUMBERS = 300_000_000  # a large picture in tiles, and the cache of what is said
MOST_TOKENS = 400
DESCRIBE = {"en": "Describe this picture in one or two sentences.", "zh": "请用一两句话描述这张图片。"}


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    return file_format == "safetensors" and bool(ARCHITECTURES & set(architectures))


def forecast(weights: Weights, place: Place) -> Forecast:
    return Forecast(weights_bytes(weights.parameters, place), int(WORKING_NUMBERS * BYTES_OF[place.dtype]))


def forms(weights: Weights) -> tuple[Form, ...]:
    return pretrained.forms_of(weights)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "VisionLanguageModel":
    """Raises NeedsPackage, ModelDamaged, UnsupportedModel, or what says that memory ran out."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    with pretrained.in_plain_words(
        spec, weights
    ):  # first: where a package is missing for it, nothing else need be loaded
        try:
            processor = AutoProcessor.from_pretrained(weights.path, local_files_only=True, trust_remote_code=False)
        except ImportError as error:
            if "torchvision" in str(error).lower():  # who reads films reads pictures by it, too
                raise NeedsPackage(model=spec.name, package="torchvision") from error
            raise
    model, _ = pretrained.load_pretrained(AutoModelForImageTextToText, spec, weights, place, on_event)
    return VisionLanguageModel(model, processor, spec.name, place)


def talk(picture: Any, question: str, earlier: Sequence[Exchange], language: str) -> list[dict[str, Any]]:
    """The turns as chat templates of transformers take them; the picture stands in the first one, once."""
    describe = DESCRIBE.get(language, DESCRIBE["en"])
    turns: list[dict[str, Any]] = []
    for one in earlier:
        turns.append({"role": "user", "content": [{"type": "text", "text": one.question or describe}]})
        turns.append({"role": "assistant", "content": [{"type": "text", "text": one.answer}]})
    turns.append({"role": "user", "content": [{"type": "text", "text": question or describe}]})
    turns[0]["content"].insert(0, {"type": "image", "image": picture})
    return turns


class VisionLanguageModel(Networks):
    """A loaded model. Its weights are only read, so `answer` may be called from several threads."""

    takes_questions = True

    def __init__(self, model: Any, processor: Any, name: str, place: Place) -> None:
        super().__init__(place, model)
        self._model, self._processor, self._name = model, processor, name

    def answer(
        self,
        picture: Any,
        question: str,
        earlier: Sequence[Exchange],
        language: str,
        on_text: Callable[[str], None],
        is_cancelled: IsCancelled,
    ) -> bool:
        """See `AnsweringModel` of pipelines/seeing/describing.py. Raises TemplateRefused or TalkFillsModel."""
        import torch
        from transformers import TextStreamer

        class Teller(TextStreamer):
            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
                if text:
                    on_text(text)

        def stop(token_ids: Any, scores: Any, **_: Any) -> Any:
            return torch.full((token_ids.shape[0],), is_cancelled(), dtype=torch.bool, device=token_ids.device)

        # 1 The picture and what is said about it as the model was taught to read them
        inputs = self._inputs(picture, question, earlier, language).to(self._model.device, self._model.dtype)

        limit = self._context_tokens
        if earlier and limit and (length := inputs["input_ids"].shape[1] + MOST_TOKENS) > limit:
            raise TalkFillsModel(length=length, limit=limit, model=self._name)

        # 2 The likeliest words, one after the other
        tokenizer = getattr(self._processor, "tokenizer", self._processor)
        with torch.no_grad():
            made = self._model.generate(
                **inputs,
                max_new_tokens=MOST_TOKENS,
                do_sample=False,
                streamer=Teller(tokenizer, skip_prompt=self._repeats_prompt, skip_special_tokens=True),
                stopping_criteria=[stop],
            )
        ends = self._model.generation_config.eos_token_id
        return not is_cancelled() and int(made[0, -1]) in (ends if isinstance(ends, list) else [ends])

    @property
    def remembers(self) -> bool:
        """Only a chat template has turns."""
        return bool(getattr(self._processor, "chat_template", None))

    @property
    def _context_tokens(self) -> int:
        """0 where its config.json does not say."""
        return int(getattr(self._model.config.get_text_config(), "max_position_embeddings", 0) or 0)

    @property
    def _repeats_prompt(self) -> bool:
        """Whether what it says begins with what it was asked: an encoder reads the question, where there is one."""
        return not self._model.config.is_encoder_decoder

    def _inputs(self, picture: Any, question: str, earlier: Sequence[Exchange], language: str) -> Any:
        from jinja2 import TemplateError

        if not self.remembers:
            return self._processor(images=picture, text=question or None, return_tensors="pt")
        turns = talk(picture, question, earlier, language)
        try:
            return self._processor.apply_chat_template(
                turns, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
            )
        except TemplateError as error:
            raise TemplateRefused(model=self._name, reason=str(error)[:160]) from error
