"""A story in scenes by a small language model: one scene at a time, each going on from those before it. Knows no model.

A model of a hundred million parameters loses a story within a few sentences and likes to talk about the story instead. So it
sees two short stories as examples, and writes on from the story so far and the words with which such a scene begins
("But then,"): of what it writes the first two sentences are the scene.
"""

import re

from pipelines.errors.film import NoStoryLanguage
from pipelines.speech.sentences import HAS_WIDE, pieces
from pipelines.types.model import ModelSpec
from pipelines.types.text import Message, Sampling, TextRequest

SENTENCES = 2  # of a scene
LONGEST_CHARACTERS = 320  # of a scene
LONGEST_HERO = 150  # characters; behind a longer one a scene has no room
ASKED = {"en": "Tell a very short story for children about {theme}.", "zh": "讲一个很短的儿童故事，主题：{theme}。"}
OPENING = {"en": "Once upon a time, there was", "zh": "从前，"}
ENDING = {"en": "At last,", "zh": "最后，"}
TROUBLE = {"en": "But then,", "zh": "可是，"}
WAYS = {
    "en": ("One day,", "The next morning,", "After a while,", "So", "Soon,"),
    "zh": ("有一天，", "第二天，", "过了一会儿，", "于是，", "很快，"),
}
# "A fox who wants to visit the moon", "the lonely lighthouse"; not "a robot learns to cook": who knows where its verb is?
HERO = re.compile(r"(?:an?|the|some) [a-z][a-z'’ -]*? (?:who|that|which|with|without|and|in|on|from|of) [^.!?…]+|(?:an?|the) (?:[a-z'’-]+ )?[a-z'’-]+", re.IGNORECASE)  # fmt: skip
EXAMPLES = {
    "en": (
        (
            "a cat who wants to fly",
            "Once upon a time, there was a little cat named Mia. She sat in her garden and looked at the birds. One day, Mia "
            "climbed up a tall tree to fly like them. The birds laughed and the wind blew. But then, the branch broke and Mia "
            "fell into a pond. She was wet and very sad. At last, a kind duck gave Mia a ride over the lake. Mia felt as if "
            "she could fly, and she was happy.",
        ),
        (
            "the lost umbrella",
            "Once upon a time, there was a red umbrella in a big city. It stood in a corner of a shop and waited. One day, a "
            "girl bought the umbrella and took it to the park. They walked in the rain and jumped over the puddles. But then, "
            "a strong wind carried the umbrella away. It flew over the houses to the sea. At last, a fisherman found the "
            "umbrella in his boat and brought it home. The girl gave him a cake to thank him.",
        ),
    ),
    "zh": (
        (
            "一只想飞的猫",
            "从前，有一只小猫叫咪咪。它坐在花园里看小鸟。有一天，咪咪爬上一棵大树，想学小鸟飞。小鸟们都笑了，风也吹了起来。"
            "可是，树枝断了，咪咪掉进了池塘。它全身湿透，很难过。最后，一只好心的鸭子背着咪咪游过湖面。咪咪觉得自己飞起来了，非常开心。",
        ),
    ),
}


def language_of(theme: str) -> str:
    return "zh" if HAS_WIDE.search(theme) else "en"


def check_language(spec: ModelSpec, theme: str) -> None:
    """Raises NoStoryLanguage where the model does not know the theme's."""
    if spec.languages and language_of(theme) not in spec.languages:
        raise NoStoryLanguage(model=spec.name)


def beginnings(count: int, theme: str) -> list[str]:
    """How each of `count` scenes begins: an opening, some ways on, trouble, an end."""
    language = language_of(theme)
    if count == 1:
        return [_opening(theme)]
    ways = [WAYS[language][number % len(WAYS[language])] for number in range(count - 2)]
    if count > 3:
        ways[-1] = TROUBLE[language]
    return [_opening(theme), *ways, ENDING[language]]


def _opening(theme: str) -> str:
    """A theme that names its hero is the first sentence: a small model forgets who it is about otherwise."""
    words = " ".join(theme.split()).rstrip(".!?… ")
    if len(words) > LONGEST_HERO or HERO.fullmatch(words) is None:
        return OPENING[language_of(theme)]
    article, _, hero = words.partition(" ")
    article = "an" if hero[0].lower() in "aeiou" else "a" if article.lower() != "some" else "some"
    return f"{OPENING['en']} {article} {hero}."


def scene_request(model: str, theme: str, so_far: str, begins: str, seed: int) -> TextRequest:
    """What a model is asked for the next scene; its answer goes on behind `begins`."""
    language = language_of(theme)
    messages = []
    for about, story in EXAMPLES[language]:
        messages += [Message("user", ASKED[language].format(theme=about)), Message("assistant", story)]
    messages.append(Message("user", ASKED[language].format(theme=theme.strip().rstrip(".。"))))
    prefix = f"{so_far} {begins}".strip() if language == "en" else so_far + begins
    sampling = Sampling(max_new_tokens=72, temperature=0.6, repetition_penalty=1.1, seed=seed)
    return TextRequest(model, messages=tuple(messages), answer_prefix=prefix, sampling=sampling)


def scene_text(begins: str, written: str) -> str:
    """The first sentences, on one line; "" where nothing can be read aloud."""
    whole = begins + ("" if HAS_WIDE.search(begins) else " ") + written.strip()
    sentences: list[str] = []
    for piece in pieces(" ".join(whole.split())):
        if sentences and len(" ".join(sentences)) + len(piece.text) > LONGEST_CHARACTERS:
            break
        sentences.append(piece.text)
        if sum(one.endswith(tuple('.!?。！？…"”')) for one in sentences) == SENTENCES:
            break
    text = ("" if HAS_WIDE.search(whole) else " ").join(sentences)
    return "" if len(text) <= len(begins) + 2 else text
