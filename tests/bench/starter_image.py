"""How well the starter image model draws what it is asked for, and how fast. `make prove`; the metric: pipelines/evaluation.

    python -m tests.bench.starter_image [--model DIR] [--packages DIR] [--sheet PNG]

The wordings stand in assets/recipes/starter-image-evaluation.json since before the denoiser was trained. A nearest-name
lookup with the model's own text encoder is reported beside it: what one would get without drawing anything.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from PIL import Image

from pipelines.evaluation.nearest_picture import NearestPicture, hits
from pipelines.loading.starter import default_cache_folder
from pipelines.training.datasets.openmoji import RECIPES, draw, read_entries
from pipelines.training.starter_image.recipe import read_recipe
from pipelines.training.starter_image.text_encoder import sentence_embedding
from tests.bench.record import record

SHOWN = 24
TIMED = 8
COMBINED = ("cat with sunglasses", "red car", "snowman with a crown", "戴帽子的狗")


def main() -> None:
    recipe = read_recipe(RECIPES / "starter-image.json")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=RECIPES.parent / "starters" / recipe.starter)
    parser.add_argument("--packages", type=Path, default=default_cache_folder() / "packages")
    parser.add_argument("--sheet", type=Path, help="also write some of the pictures as one PNG")
    parser.add_argument("--count", type=int, default=100, help="how many wordings of each list")
    options = parser.parse_args()

    # 1 The catalog that is searched, and the model
    entries = read_entries()
    pictures = draw(entries, recipe.autoencoder.size, options.packages)
    place = {entry.picture: number for number, entry in enumerate(entries)}
    search = NearestPicture(pictures)
    pipeline = DiffusionPipeline.from_pretrained(options.model)
    pipeline.set_progress_bar_config(disable=True)
    steps, guidance = recipe.defaults.steps, recipe.defaults.guidance_scale

    # 2 Both lists
    lists = json.loads((RECIPES / recipe.evaluation).read_text(encoding="utf-8"))
    figures: dict[str, float | int] = {"pictures in the catalog": len(entries)}
    sheet: list[Image.Image] = []
    for title, rows in (("names", lists["names"][: options.count]), ("held-out", lists["held_out"][: options.count])):
        wanted = [{place[picture] for picture in row["pictures"]} for row in rows]
        made = make(pipeline, [row["wording"] for row in rows], steps, guidance)
        found = [search.nearest(picture) for picture in made]
        by_name = look_up(pipeline, [row["wording"] for row in rows], [(entry.en, entry.zh) for entry in entries])
        figures[f"{title}, wordings"] = len(rows)
        figures[f"{title}, among the 5 nearest"] = hits(found, wanted)
        figures[f"{title}, the nearest"] = hits([row[:1] for row in found], wanted)
        figures[f"{title}, nearest-name lookup, 5"] = hits(by_name, wanted)
        figures[f"{title}, nearest-name lookup, 1"] = hits([row[:1] for row in by_name], wanted)
        for language in ("en", "zh"):
            chosen = [number for number, row in enumerate(rows) if row["language"] == language]
            count = hits([found[number] for number in chosen], [wanted[number] for number in chosen])
            figures[f"{title}, {language}, among the 5 nearest"] = count
            figures[f"{title}, {language}, wordings"] = len(chosen)
        sheet += made[:SHOWN]

    # 3 The best that is possible: the pictures through the autoencoder and back
    rebuilt = rebuild(pipeline, pictures[:: len(pictures) // 100][:100])
    figures["autoencoder, PSNR in dB"] = rebuilt

    # 4 Different seeds, and time
    figures["distance between two seeds, mean"] = seeds_differ(pipeline, steps, guidance)
    started = time.perf_counter()
    make(pipeline, ["red apple"] * TIMED, steps, guidance)
    figures[f"seconds for {TIMED} pictures"] = time.perf_counter() - started

    sheet += make(pipeline, list(COMBINED), steps, guidance)
    if options.sheet:
        tile(sheet).save(options.sheet)
    print(record("starter-image", figures))


def make(
    pipeline: DiffusionPipeline, wordings: list[str], steps: int, guidance: float, seed: int = 0
) -> list[Image.Image]:
    """One picture a wording; the seed is the wording's place in the list."""
    made: list[Image.Image] = []
    for start in range(0, len(wordings), 10):
        part = wordings[start : start + 10]
        generators = [torch.Generator().manual_seed(seed + start + number) for number in range(len(part))]
        made += pipeline(part, num_inference_steps=steps, guidance_scale=guidance, generator=generators).images
    return made


def look_up(pipeline: DiffusionPipeline, wordings: list[str], names: list[tuple[str, str]]) -> list[list[int]]:
    """The 5 pictures whose English or Chinese name is nearest to each wording."""

    def embed(texts: list[str]) -> torch.Tensor:
        tokens = pipeline.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            hidden = pipeline.text_encoder(tokens["input_ids"], attention_mask=tokens["attention_mask"])[0]
        return sentence_embedding(hidden, tokens["attention_mask"])

    asked = embed(wordings)
    nearness = torch.stack([asked @ embed([name[side] for name in names]).T for side in (0, 1)]).amax(0)
    return nearness.topk(5).indices.tolist()


def rebuild(pipeline: DiffusionPipeline, pictures: list[Image.Image]) -> float:
    """PSNR of pictures that went through the autoencoder, 8 bits a channel."""
    pixels = pipeline.image_processor.preprocess(pictures)
    with torch.no_grad():
        back = pipeline.vae.decode(pipeline.vae.encode(pixels).latent_dist.mode()).sample.clamp(-1, 1)
    return float(10 * torch.log10(4 / (back - pixels).pow(2).mean()))


def seeds_differ(pipeline: DiffusionPipeline, steps: int, guidance: float) -> float:
    """Mean absolute difference (0 … 255) of pictures of the same wording from two seeds."""
    wordings = ["red apple", "rocket", "猫", "house", "rose", "robot", "汽车", "crown"]
    one, other = (make(pipeline, wordings, steps, guidance, seed) for seed in (100, 200))
    pixels = [torch.stack([torch.tensor(list(picture.tobytes())) for picture in made]) for made in (one, other)]
    return float((pixels[0].float() - pixels[1].float()).abs().mean())


def tile(pictures: list[Image.Image], columns: int = 12) -> Image.Image:
    side = pictures[0].width
    sheet = Image.new("RGB", (columns * side, -(-len(pictures) // columns) * side), "white")
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % columns * side, number // columns * side))
    return sheet


if __name__ == "__main__":
    main()
