"""How good the poems of the starter model are, beside real ones and beside counting. `make prove`.

    python -m tests.bench.starter_poems [--model ID] [--models DIR] [--packages DIR] [--show N]

200 poems under the headings of held-out ones, as the studio writes them, and again as the model writes by itself, with no
line drawn twice. A couplet is copied when it stands so in the training set.
"""

import argparse
import math
import random
import time
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from pipelines.evaluation.ngram_perplexity import NgramModel
from pipelines.evaluation.rhyme import does_rhyme
from pipelines.loading.starter import default_cache_folder
from pipelines.text import TextPipeline
from pipelines.training.datasets.tang_poems import document
from pipelines.training.poems import Poem, read_poems
from pipelines.types.events import ignore
from pipelines.types.text import Sampling, TextRequest
from pipelines.writing.poem import form_of, lines_of
from studio.ui.text.chosen import PRESETS
from studio.ui.text.tasks import POEM_PRESET
from tests.bench.record import record

COUNT = 200
SAMPLING = Sampling(**PRESETS[POEM_PRESET])  # type: ignore[arg-type]  # as the page asks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tang-poems", help="an id of the catalog, or of DIR")
    parser.add_argument("--models", type=Path, help="a folder of trained models: DIR")
    parser.add_argument("--packages", type=Path, default=default_cache_folder() / "packages")
    parser.add_argument("--show", type=int, default=4)
    options = parser.parse_args()
    poems, held_out = read_poems(options.packages)
    pipeline = TextPipeline.on_this_machine(options.models)
    folder = pipeline._fetch(pipeline.catalog.find(options.model), ignore)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    figures: dict[str, float | int] = {"parameters": model.num_parameters(), "poems trained on": len(poems)}

    # 1 Held-out perplexity of a character, beside a 3-gram model's on the same texts
    texts = [document(poem) for poem in held_out]
    figures["held-out poems"] = len(texts)
    figures["perplexity"] = perplexity(model, tokenizer, texts)
    known = len(set("".join(map(document, poems)))) + 2
    figures["perplexity of a 3-gram model"] = NgramModel(map(document, poems), 3, known).perplexity(texts)

    # 2 Poems under the titles of held-out ones
    chosen = random.Random(0).sample([poem for poem in held_out if poem.title], COUNT)
    real = {couplet for poem in poems for couplet in poem.couplets}
    figures["real held-out poems that rhyme, %"] = percent([does_rhyme(poem.lines) for poem in held_out])
    started = time.perf_counter()
    made = [by_the_studio(pipeline, options.model, poem, seed) for seed, poem in enumerate(chosen)]
    figures["seconds for a poem"] = (time.perf_counter() - started) / COUNT
    figures |= judged("", made, chosen, real)
    alone = [by_itself(model, tokenizer, poem, seed) for seed, poem in enumerate(chosen)]
    figures |= judged(", by itself", alone, chosen, real)

    print(record("starter-poems", figures))
    for poem, text in list(zip(chosen, made, strict=True))[: options.show]:
        print(f"{poem.form} {poem.title}\n{text}")


def judged(how: str, made: list[str], asked: list[Poem], real: set[str]) -> dict[str, float]:
    """Of `made`: how many have the form that was asked for, rhyme, and hold no couplet of the training set."""
    lines = [lines_of(text) for text in made]
    right = [form_of(these) == poem.form for these, poem in zip(lines, asked, strict=True)]
    couplets = [{a + b for a, b in zip(these[::2], these[1::2], strict=False)} for these in lines]
    return {
        f"in the right form{how}, %": percent(right),
        f"rhyming{how}, %": percent(
            [is_right and does_rhyme(these) for is_right, these in zip(right, lines, strict=True)]
        ),
        f"without a copied couplet{how}, %": percent([real.isdisjoint(these) for these in couplets]),
    }


def by_the_studio(pipeline: TextPipeline, model: str, poem: Poem, seed: int) -> str:
    asked = TextRequest(model, "poem", text=poem.title, option=poem.form, sampling=replace(SAMPLING, seed=seed))
    return pipeline.generate(asked).text


def by_itself(model: torch.nn.Module, tokenizer, poem: Poem, seed: int) -> str:
    """All that follows form and title, its rhyme too, in one go."""
    torch.manual_seed(seed)
    asked = tokenizer(f"{poem.form} {poem.title} ", return_tensors="pt")["input_ids"]
    made = model.generate(
        asked,
        attention_mask=torch.ones_like(asked),
        max_new_tokens=100,
        do_sample=True,
        temperature=SAMPLING.temperature,
        top_p=SAMPLING.top_p,
        top_k=SAMPLING.top_k,
    )
    return tokenizer.decode(made[0, asked.shape[1] :], skip_special_tokens=True).partition("\n")[2]


def perplexity(model: torch.nn.Module, tokenizer, texts: list[str]) -> float:
    """exp of the mean loss of a character, each text on its own, after the sign that ends a document."""
    total = count = 0.0
    with torch.no_grad():
        for text in texts:
            ids = torch.tensor([[tokenizer.eos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]])
            scores = model(input_ids=ids).logits[0, :-1]
            total += torch.nn.functional.cross_entropy(scores, ids[0, 1:], reduction="sum").item()
            count += ids.shape[1] - 1
    return math.exp(total / count)


def percent(facts: list[bool]) -> float:
    return 100 * sum(facts) / len(facts)


if __name__ == "__main__":
    main()
