"""Trains a latent diffusion model from nothing (Rombach et al. 2022, arXiv 2112.10752): first an autoencoder, then on its latents a
denoiser, together with the text encoder that it listens to.

The networks and the noise are those of the starter (`starter_image`), only smaller, and what comes out is a Stable Diffusion
folder of real classes: AutoencoderKL, UNet2DConditionModel, BertModel. What is asked for are the captions of the data, else
the names of its classes. The autoencoder has the first share of the steps, and stays as it is then: what is in a latent must
not change under the denoiser.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING, Any

from pipelines.evaluation.frechet_distance import frechet_distance, shuffled
from pipelines.training.augmentation.pictures import PictureChanges, augmented
from pipelines.training.data import Kind, Pictures
from pipelines.training.estimate import Size
from pipelines.training.pictures import resized, sheet, to_model
from pipelines.training.plan import Plan, ranged
from pipelines.training.starter_image import autoencoder as autoencoders
from pipelines.training.starter_image import latent_diffusion as denoisers
from pipelines.training.starter_image.text_encoder import SPECIAL
from pipelines.training.trainer import Sample, adam, autocast, descend

if TYPE_CHECKING:
    import torch
    from diffusers import UNet2DConditionModel
    from transformers import BertModel, BertTokenizer

DATA: Kind = "pictures"
METRIC = "frechet_distance"
IS_BETTER = "lower"
NEEDS_MODEL = False

SIDES = ("16", "32", "64", "128")
CHANNELS = (12, 24, 48)  # of the autoencoder: three levels, so a latent is four pixels wide
LATENT_NOISE, EDGE_WEIGHT, SPREAD_WEIGHT = 0.05, 1.0, 0.1
ENCODED = 500  # pictures, by which the latents' spread is known
TOKENS = 16  # of a prompt
MOST_WORDS = 20_000
TEXT_WIDTH, TEXT_HEADS = 64, 4
GROUPS = 32  # the denoiser's channels are a multiple of it
NOISE_BIAS = 2.0  # see DenoiserRecipe
MEASURED = 100  # pictures
DRAWN_AT_ONCE = 100
STEPS = 6  # of drawing, for what is measured and shown
GUIDANCE = 2.0
USUAL_STEPS = 12  # of drawing in the Image tab
WORDS_KEPT = 100  # of what it was told, in model.json
SHOWN = 40
WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Settings:
    """`side` in pixels of what is made. `first` is the share of the steps that the autoencoder has; its latents have `latent`
    channels. `width` is the denoiser's at full size, a multiple of 32, and doubles below. `no_words` is the share of examples
    without a text, for guidance.
    """

    plan: Plan
    side: str = field(default="32", metadata={"choices": SIDES})
    first: float = ranged(0.05, 0.9, default=0.25)
    latent: int = ranged(3, 64, default=4)
    width: int = ranged(32, 1024, default=64)
    blocks: int = ranged(1, 4, default=1)
    no_words: float = ranged(0.0, 1.0, default=0.1)
    batch: int = ranged(2, 4096, default=32)
    augment: PictureChanges = field(default_factory=PictureChanges)


PRESETS = {
    "cpu": Settings(Plan(steps=600, learning_rate=0.002, warmup_steps=30, decay_steps=300, ema_decay=0.98)),
    "gpu": Settings(
        Plan(steps=60_000, learning_rate=3e-4, warmup_steps=500, decay_steps=20_000, bf16=True, ema_decay=0.9995),
        side="64", latent=8, width=128, blocks=2, batch=128,
    ),
}  # fmt: skip


def baseline(data: Pictures, settings: Settings) -> dict[str, float]:
    """Pictures with the right colour in every place and no shape."""
    made, real = (_pictures(part, settings) for part in (data.pictures, data.held_out))
    return {METRIC: frechet_distance(shuffled(made)[: len(real)], real)}


def size(settings: Settings) -> Size:
    """The denoiser, as counted at several widths; the autoencoder is small beside it, and keeps more of a picture."""
    width, side = settings.width, int(settings.side)
    weights = (550 + 450 * settings.blocks) * width**2 + 400_000 + MOST_WORDS // 10 * TEXT_WIDTH
    latents = (side >> (len(CHANNELS) - 1)) ** 2
    return Size(weights, max(latents * width * (120 + 80 * settings.blocks), 40 * CHANNELS[0] * side**2)).times(
        settings.batch
    )


def start(settings: Settings, data: Pictures, device: str, base: None = None) -> "LatentDiffusionCourse":
    return LatentDiffusionCourse(settings, data, device)


class LatentDiffusionCourse:
    def __init__(self, settings: Settings, data: Pictures, device: str) -> None:
        import torch

        # 1 Pictures and what is said of them
        self._settings, self._device, self._data = settings, device, data
        self._words, self._held_out_words = data.words(), data.words(of_held_out=True)
        self._pictures = _pictures(data.pictures, settings)
        self._held_out = _pictures(data.held_out, settings)
        self._tokenizer = _make_tokenizer(self._words)
        self._ids = dict(self._tokenized({"", *self._words, *self._held_out_words}))

        # 2 The networks
        plan, self._side = settings.plan, int(settings.side) >> (len(CHANNELS) - 1)
        self._first = self.judged_from = max(1, round(plan.steps * settings.first))
        self._autoencoder = autoencoders.build(CHANNELS, settings.latent, int(settings.side)).to(device)
        self._denoiser = _make_denoiser(settings, self._side).to(device)
        self._text_encoder = _make_text_encoder(len(self._tokenizer)).to(device)
        self._schedule = denoisers.noise_schedule()
        self.networks = {
            "autoencoder": self._autoencoder,
            "denoiser": self._denoiser,
            "text_encoder": self._text_encoder,
        }

        # 3 Each stage has a beginning and an end of its own
        self._plans = tuple(replace(plan, steps=steps) for steps in (self._first, max(1, plan.steps - self._first)))
        both = torch.nn.ModuleList([self._denoiser, self._text_encoder])
        self.optimisers = {"autoencoder": adam(self._autoencoder, plan), "denoiser": adam(both, plan)}

    # ── the steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    def step(self, number: int) -> dict[str, float]:
        if number < self._first:
            return self._step_of_autoencoder(number)
        if number == self._first:
            autoencoders.whiten(self._autoencoder, self._encode_some())
        return self._step_of_denoiser(number - self._first)

    def _step_of_autoencoder(self, number: int) -> dict[str, float]:
        """Pictures that come back, of latents whose channels already have about the mean 0 and the variance 1."""
        _, pictures = self._draw()
        with autocast(self._settings.plan, self._device):
            back, latents = autoencoders.restored(self._autoencoder, pictures, LATENT_NOISE)
            loss = autoencoders.difference(back, pictures, EDGE_WEIGHT)
        means, deviations = latents.float().mean((0, 2, 3)), latents.float().std((0, 2, 3))
        loss = loss + SPREAD_WEIGHT * (means.square() + (deviations - 1).square()).mean()
        return descend(loss, self.optimisers["autoencoder"], self._plans[0], number)

    def _step_of_denoiser(self, number: int) -> dict[str, float]:
        import torch

        # 1 Latents, and what is said of them
        task, last = self._settings, len(self._schedule.alphas_cumprod) - 1
        chosen, pictures = self._draw()
        with torch.no_grad():
            clean = self._autoencoder.encode(pictures).latent_dist.mode()
        is_bare = (torch.rand(task.batch) < task.no_words).tolist()
        texts = ["" if bare else self._words[place] for place, bare in zip(chosen.tolist(), is_bare, strict=True)]

        # 2 How noisy; the velocity between picture and noise
        steps = ((1 - torch.rand(task.batch) ** NOISE_BIAS) * (last + 1)).long().clamp(max=last).to(self._device)
        noise = torch.randn(clean.shape).to(self._device)
        noisy, wanted = self._schedule.add_noise(clean, noise, steps), self._schedule.get_velocity(clean, noise, steps)
        with autocast(task.plan, self._device):
            made = self._denoiser(noisy, steps, self._told(texts)).sample.float()
            loss = torch.nn.functional.mse_loss(made, wanted)
        return descend(loss, self.optimisers["denoiser"], self._plans[1], number)

    def _draw(self) -> "tuple[torch.Tensor, torch.Tensor]":
        """Which pictures, and these, moved as was asked for."""
        import torch

        chosen = torch.randint(len(self._pictures), (self._settings.batch,))
        background = self._data.background / 127.5 - 1
        return chosen, augmented(self._pictures[chosen], self._settings.augment, background).to(self._device)

    def _encode_some(self) -> "torch.Tensor":
        """Latents of pictures from all over."""
        some = self._pictures[:: max(1, len(self._pictures) // ENCODED)].to(self._device)
        return autoencoders.encode(self._autoencoder, some)

    def _told(self, texts: list[str]) -> "torch.Tensor":
        """(texts, tokens, width), as the pipeline hands it over."""
        import torch

        ids, masks = (torch.stack(parts).to(self._device) for parts in zip(*map(self._ids.get, texts), strict=True))
        return self._text_encoder(ids, attention_mask=masks).last_hidden_state

    def _tokenized(self, texts: set[str]) -> Any:
        every = sorted(texts)
        made = self._tokenizer(every, padding="max_length", truncation=True, return_tensors="pt")
        return zip(every, zip(made["input_ids"], made["attention_mask"], strict=True), strict=True)

    # ── what is seen ─────────────────────────────────────────────────────────────────────────────────────────────────

    def evaluate(self) -> dict[str, float]:
        """How far what is drawn of the held-out words is from the held-out pictures, and how well those come back."""
        real = self._held_out[:: max(1, len(self._held_out) // MEASURED)][:MEASURED]
        words = self._held_out_words[:: max(1, len(self._held_out) // MEASURED)][:MEASURED]
        back = self._decode(autoencoders.encode(self._autoencoder, real.to(self._device)))
        return {
            METRIC: frechet_distance(self._paint(list(words)), real),
            "reconstruction_error": ((back - real) / 2).square().mean().item(),
        }

    def sample(self) -> Sample:
        """Of words from all over, what is drawn of each, always from the same noise."""
        kinds = sorted(set(self._words))
        words = [kinds[number * len(kinds) // min(8, len(kinds))] for number in range(min(8, len(kinds)))]
        texts = [words[number % len(words)] for number in range(SHOWN // len(words) * len(words))]
        names = tuple(f"{number}: {word}" for number, word in enumerate(words, start=1) if word)
        return Sample(sheet(self._paint(texts), columns=len(words)), names)

    def _paint(self, texts: list[str]) -> "torch.Tensor":
        """A picture of each text, on the CPU, drawn as the exported pipeline draws."""
        import torch

        parts = [texts[place : place + DRAWN_AT_ONCE] for place in range(0, len(texts), DRAWN_AT_ONCE)]
        return torch.cat([self._paint_some(part) for part in parts])

    def _paint_some(self, texts: list[str]) -> "torch.Tensor":
        import torch
        from diffusers import DPMSolverMultistepScheduler

        scheduler = DPMSolverMultistepScheduler.from_config(self._schedule.config)
        scheduler.set_timesteps(STEPS)
        told = self._told([*([""] * len(texts)), *texts])
        latents = torch.randn(len(texts), self._settings.latent, self._side, self._side).to(self._device)
        for time in scheduler.timesteps:
            bare, asked = self._denoiser(torch.cat([latents] * 2), time, told).sample.float().chunk(2)
            latents = scheduler.step(bare + GUIDANCE * (asked - bare), time, latents).prev_sample
        return self._decode(latents)

    def _decode(self, latents: "torch.Tensor") -> "torch.Tensor":
        return self._autoencoder.decode(latents).sample.float().clamp(-1, 1).cpu()

    # ── what stays ───────────────────────────────────────────────────────────────────────────────────────────────────

    def export(self, folder: Path) -> dict[str, Any]:
        """A folder that StableDiffusionPipeline reads."""
        from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

        StableDiffusionPipeline(
            vae=self._autoencoder,
            text_encoder=self._text_encoder,
            tokenizer=self._tokenizer,
            unet=self._denoiser,
            scheduler=DPMSolverMultistepScheduler.from_config(self._schedule.config),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        ).save_pretrained(folder)
        return {
            "words": sorted(set(self._words))[:WORDS_KEPT],
            "drawing": {"steps": USUAL_STEPS, "guidance_scale": GUIDANCE},
        }


# ── the parts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _pictures(pictures: "torch.Tensor", settings: Settings) -> "torch.Tensor":
    """(n, 3, side, side) floats -1 … 1: pipelines decode in colour."""
    return resized(to_model(pictures), int(settings.side)).expand(-1, 3, -1, -1)


def _make_denoiser(settings: Settings, side: int) -> "UNet2DConditionModel":
    """Two levels; only the lower one looks at single words."""
    return denoisers.build(
        (settings.width // GROUPS * GROUPS, settings.width // GROUPS * 2 * GROUPS), (False, True), settings.blocks,
        4 * settings.width, latent_channels=settings.latent, side=side, text_width=TEXT_WIDTH,
    )  # fmt: skip


def _make_tokenizer(texts: Sequence[str]) -> "BertTokenizer":
    """Whole words of what is learnt from, the commonest first, and of all others their letters."""
    from transformers import BertTokenizer

    counts = Counter(word for text in texts for word in WORD.findall(text.lower()))
    letters = sorted({letter for word in (*counts, ascii_lowercase, digits) for letter in word})
    words = [word for word, _ in counts.most_common(MOST_WORDS) if len(word) > 1]
    pieces = dict.fromkeys([*SPECIAL, *letters, *(f"##{letter}" for letter in letters), *words])
    return BertTokenizer(vocab={piece: place for place, piece in enumerate(pieces)}, model_max_length=TOKENS)


def _make_text_encoder(vocabulary: int) -> "BertModel":
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=TEXT_WIDTH,
        num_hidden_layers=1,
        num_attention_heads=TEXT_HEADS,
        intermediate_size=4 * TEXT_WIDTH,
        max_position_embeddings=TOKENS,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.5 * TEXT_WIDTH**-0.5,
    )
    config.use_attention_mask = True  # so that StableDiffusionPipeline hands the mask over
    encoder = BertModel(config)
    encoder.pooler.requires_grad_(False)  # nobody reads it; it is there because loaders of BertModel expect one
    return encoder
