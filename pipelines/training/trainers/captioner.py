"""Trains a model that says what a drawing shows: a VisionEncoderDecoderModel of a ResNet (He et al. 2015, arXiv 1512.03385) for the
eye and a GPT-2 with cross-attention for the words (two such halves: Li et al. 2021, TrOCR, arXiv 2109.10282).

A caption is a thing's name in every language, a line each. Beside the captions the eye learns to tell the things apart by a
layer that is left behind: so it has something to say before the words have learnt to listen.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.families.captioner import Captioner
from pipelines.loading.placement.devices import Place
from pipelines.seeing.looking import look_at
from pipelines.seeing.naming import JUDGED
from pipelines.training.data import Kind, NamedPictures
from pipelines.training.estimate import USUAL_NAME_TOKENS, USUAL_THINGS, Size, resnet, transformer, words
from pipelines.training.pictures import sheet
from pipelines.training.plan import Plan, ranged
from pipelines.training.redrawing import Hand, clutter, redrawn
from pipelines.training.tokens import END, UNKNOWN, check_heads
from pipelines.training.trainer import Sample, adam, autocast, descend

if TYPE_CHECKING:
    import torch

DATA: Kind = "named pictures"
METRIC = "accuracy"
IS_BETTER = "higher"
NEEDS_MODEL = False

IGNORED = -100  # what no loss is computed of
LINE_DRAWING = 3  # of a thing's drawings, the one that has no colours
SMOOTHING = 0.1
CLUTTER_EVERY = (
    16  # one picture in so many shows nothing and is called anything, so that it learns to be sure of no name then
)
SHOWN = 24
MEASURED = 1000  # drawings
EVALUATED_AT_ONCE = 100
JUDGED_DRAWINGS, JUDGED_SIDE = 400, 192  # and their pixels
PASSING = 0.9  # of drawings that are named rightly, however roughly redrawn, so many are to be trusted
ROOM = 1.2  # a drawing fills a frame of so many times its size, as OpenMoji's do


@dataclass(frozen=True)
class Settings:
    """`side` in pixels is what the eye sees; each of its four stages doubles the channels, from `width` on, and halves the side.

    `vocabulary` is how many pieces the names are written in. All of a batch are told apart, with the weight `telling`, and the
    first `named` of it are put into words, which takes longer: a third of them while there is not yet much to be told, over the
    first `eye_first` share of the steps. Over the first `easy` share of the steps more and more of the
    drawings are changed as far as they ever will be.
    """

    plan: Plan
    side: int = ranged(32, 512, default=64)
    width: int = ranged(4, 256, default=24)
    blocks: int = ranged(1, 9, default=2)
    layers: int = ranged(1, 12, default=2)
    heads: int = ranged(1, 16, default=4)
    vocabulary: int = ranged(100, 50_000, default=2400)
    telling: float = ranged(0.0, 10.0, default=1.0)
    batch: int = ranged(1, 4096, default=64)
    named: int = ranged(1, 4096, default=48)
    eye_first: float = ranged(0.0, 1.0, default=0.4)
    easy: float = ranged(0.0, 1.0, default=0.3)


PRESETS = {
    "cpu": Settings(
        Plan(steps=800, learning_rate=0.002, warmup_steps=50, decay_steps=600, weight_decay=0.05, ema_decay=0.99, bf16=True),
    ),
    "gpu": Settings(
        Plan(steps=40_000, learning_rate=0.001, warmup_steps=1000, decay_steps=30_000, weight_decay=0.05, bf16=True),
        side=96, width=64, blocks=3, layers=4, heads=8, batch=256, named=256,
    ),
}  # fmt: skip


def baseline(data: NamedPictures, settings: Settings) -> dict[str, float]:
    """Always the same name."""
    return {METRIC: 1 / len(data.names)}


def size(settings: Settings) -> Size:
    width, tokens = 8 * settings.width, USUAL_NAME_TOKENS
    widths, depths = [settings.width * 2**stage for stage in range(4)], [1, settings.blocks, settings.blocks, 1]
    eye = resnet(settings.side, settings.width, widths, depths).times(settings.batch)
    layers = transformer(tokens, width, settings.layers, 4 * width, crossed=1)
    mouth = (layers + words(settings.vocabulary, tokens, width, tokens)).times(settings.named)
    return eye + mouth + Size(USUAL_THINGS * width, 0)


def start(settings: Settings, data: NamedPictures, device: str, base: None = None) -> "CaptionerCourse":
    return CaptionerCourse(settings, data, device)


class CaptionerCourse:
    def __init__(self, settings: Settings, data: NamedPictures, device: str) -> None:
        import torch

        self._settings, self._data, self._device = settings, data, device
        captions = ["\n".join(names) for names in data.names]
        self._tokenizer = _make_tokenizer(captions, settings.vocabulary)
        self._captions = [torch.tensor([*ids, self._tokenizer.eos_token_id]) for ids in self._ids(captions)]
        self._is_sided = torch.tensor(data.is_sided)
        self._network = _build(settings, self._tokenizer, max(map(len, self._captions))).to(device)
        self._teller = torch.nn.Linear(8 * settings.width, len(captions)).to(device)
        self.networks = {"captioner": self._network, "teller": self._teller}
        self.optimisers = {"both": adam(torch.nn.ModuleList(self.networks.values()), settings.plan)}

    def step(self, number: int) -> dict[str, float]:
        import torch

        # 1 A batch of things, each in some drawing, no picture twice the same
        task = self._settings
        things = torch.randint(len(self._data.names), (task.batch,))
        which = torch.randint(self._data.pictures.shape[1], (task.batch,))
        hand = Hand(task.side, strength=min(1.0, number / max(1, task.plan.steps * task.easy)))
        is_sided = self._is_sided[things]
        drawings = self._data.pictures[things, which]
        pictures = redrawn(drawings, is_sided, which == LINE_DRAWING, hand)
        pictures[::CLUTTER_EVERY] = clutter(drawings, len(pictures[::CLUTTER_EVERY]), task.side)
        pictures = pictures.to(self._device)

        # 2 How well it is named, and told from all others
        is_early = number < task.plan.steps * task.eye_first
        count = max(1, task.named // 3) if is_early else task.named
        with autocast(task.plan, self._device):
            seen = look_at(self._network, pictures)
            named = self._naming_loss(seen.last_hidden_state[:count], things[:count])
            scores = self._teller(seen.last_hidden_state.mean(1)).float()
            told = torch.nn.functional.cross_entropy(scores, things.to(self._device), label_smoothing=SMOOTHING)
        values = descend(named + task.telling * told, self.optimisers["both"], task.plan, number)
        return {**values, "naming_loss": named.item(), "telling_loss": told.item()}

    def evaluate(self) -> dict[str, float]:
        """Of held-out drawings, redrawn: how many are told rightly, and how well they are named."""
        import torch

        right, losses = [], []
        for things in self._held_out().split(EVALUATED_AT_ONCE):
            with autocast(self._settings.plan, self._device):
                seen = look_at(self._network, self._unseen(things))
                losses.append(self._naming_loss(seen.last_hidden_state, things))
                scores = self._teller(seen.last_hidden_state.mean(1)).float()
            right.append(scores.topk(min(5, scores.shape[1]), dim=1).indices.cpu() == things[:, None])
        hits = torch.cat(right).float()
        return {
            METRIC: hits[:, 0].mean().item(),
            "accuracy_of_five": hits.sum(1).mean().item(),
            "held_out_loss": torch.stack(losses).mean().item(),
        }

    def sample(self) -> Sample:
        """Held-out drawings from all over, and what it calls them."""
        things = self._held_out(SHOWN)
        pictures = self._unseen(things)
        made = self._network.generate(encoder_outputs=look_at(self._network, pictures), do_sample=False)
        said = [text.replace("\n", " · ") for text in self._tokenizer.batch_decode(made, skip_special_tokens=True)]
        lines = [
            f"{number}: {text}" + ("" if text == (right := " · ".join(self._data.names[thing])) else f"  ({right})")
            for number, (text, thing) in enumerate(zip(said, things.tolist(), strict=True), start=1)
        ]
        return Sample(sheet(pictures, columns=8), tuple(lines))

    def export(self, folder: Path) -> dict[str, Any]:
        """A folder that transformers reads as a VisionEncoderDecoderModel with its processor and tokenizer."""
        from transformers import ViTImageProcessorPil

        side = self._settings.side
        processor = ViTImageProcessorPil(
            size={"height": side, "width": side}, image_mean=[0.5] * 3, image_std=[0.5] * 3
        )
        self._network.config.update({"languages": list(self._data.languages), "room": ROOM})
        self._network.config.update({"least_probability": self._least_probability(processor)})
        self._network.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)
        processor.save_pretrained(folder)
        return {}

    def _least_probability(self, processor: Any) -> float:
        """What the likeliest names together come up to in all but a few held-out drawings whose right name is among them: drawn
        large, and looked at as files are.
        """
        import torch
        from PIL import Image

        torch.manual_seed(self._settings.plan.seed)
        captioner = Captioner(self._network, self._tokenizer, processor, Place(self._device, "float32", self._device))
        sums = []
        for thing in self._held_out(JUDGED_DRAWINGS).split(1):
            (picture,) = self._unseen(thing, JUDGED_SIDE).cpu()
            levels = ((picture + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
            found = captioner.names(Image.fromarray(levels), JUDGED)
            if self._data.names[int(thing)] in [tuple(name.texts.values()) for name in found]:
                sums.append(sum(name.probability for name in found))
        return round(torch.tensor(sums).quantile(1 - PASSING).item(), 3) if sums else 0.0

    # ── what the steps have in common ─────────────────────────────────────────────────────────────────────────────────

    def _ids(self, captions: list[str]) -> list[list[int]]:
        ids: list[list[int]] = self._tokenizer(captions, add_special_tokens=False)["input_ids"]
        return ids

    def _held_out(self, most: int = MEASURED) -> "torch.Tensor":
        """At most so many things, from all over."""
        import torch

        count = min(most, len(self._data.names))
        return torch.arange(count) * len(self._data.names) // count

    def _unseen(self, things: "torch.Tensor", side: int = 0) -> "torch.Tensor":
        """The held-out drawing of each, redrawn, `side` pixels high (0: as the eye sees it)."""
        drawings, is_sided = self._data.held_out[things], self._is_sided[things]
        return redrawn(drawings, is_sided, is_sided & False, Hand(side or self._settings.side)).to(self._device)

    def _naming_loss(self, seen: "torch.Tensor", things: "torch.Tensor") -> "torch.Tensor":
        """The mean over the pieces of all their names, when each is said after those before it."""
        losses, pieces = self._losses(seen, [self._captions[thing] for thing in things.tolist()])
        return losses.sum() / pieces

    def _losses(self, seen: "torch.Tensor", captions: "list[torch.Tensor]") -> "tuple[torch.Tensor, int]":
        """(n, pieces) of each piece the negative logarithm of its probability, 0 after the end; how many pieces there are."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        wanted = torch.nn.utils.rnn.pad_sequence(captions, batch_first=True, padding_value=IGNORED).to(self._device)
        given = BaseModelOutput(last_hidden_state=seen)
        said = self._network(encoder_outputs=given, decoder_input_ids=self._shifted(wanted), use_cache=False).logits
        losses = torch.nn.functional.cross_entropy(
            said.float().transpose(1, 2), wanted, ignore_index=IGNORED, reduction="none"
        )
        return losses, int((wanted != IGNORED).sum())

    def _shifted(self, wanted: "torch.Tensor") -> "torch.Tensor":
        """What the decoder has read when it is to say each of `wanted`."""
        import torch

        begin = torch.full_like(wanted[:, :1], self._tokenizer.eos_token_id)
        return torch.cat([begin, wanted[:, :-1].where(wanted[:, :-1] != IGNORED, begin)], dim=1)


def _make_tokenizer(captions: list[str], vocabulary: int) -> Any:
    """Byte pairs over the characters that occur: whole words of English, characters and common words of Chinese."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE(unk_token=UNKNOWN))
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Metaspace(prepend_scheme="never")]
    )
    raw.decoder = decoders.Metaspace(prepend_scheme="never")
    raw.train_from_iterator(
        captions, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=[UNKNOWN, END], show_progress=False)
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, unk_token=UNKNOWN, bos_token=END, eos_token=END, pad_token=END,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip


def _build(settings: Settings, tokenizer: Any, longest: int) -> Any:
    """Random weights; both halves are as wide as the eye's last stage, so nothing is needed between them."""
    from transformers import (
        AutoModel,
        GPT2Config,
        GPT2LMHeadModel,
        ResNetConfig,
        VisionEncoderDecoderModel,
    )

    width = 8 * settings.width
    check_heads(width, settings.heads)
    eye = ResNetConfig(
        embedding_size=settings.width,
        hidden_sizes=[settings.width * 2**stage for stage in range(4)],
        depths=[1, settings.blocks, settings.blocks, 1],
        layer_type="basic",
        hidden_size=width,
    )
    end = tokenizer.eos_token_id
    words = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=longest + 8,
        n_embd=width,
        n_layer=settings.layers,
        n_head=settings.heads,
        add_cross_attention=True,
        is_decoder=True,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=end,
        eos_token_id=end,
    )
    model = VisionEncoderDecoderModel(encoder=AutoModel.from_config(eye), decoder=GPT2LMHeadModel(words))
    model.config.decoder_start_token_id = model.generation_config.decoder_start_token_id = end
    model.config.eos_token_id = model.generation_config.eos_token_id = end
    model.config.pad_token_id = model.generation_config.pad_token_id = end
    model.generation_config.max_length = longest + 1
    return model
