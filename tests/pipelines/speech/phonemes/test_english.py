"""How English is read: figures as words, words as Kokoro's phonemes."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.speech.phonemes.english import PUNCTUATION, English, _tokens
from pipelines.speech.phonemes.english_words import _RULES, in_words

ENGLISH = English()
KNOWN_SIGNS = set("AIOQTWYabdefhijklmnopstuvwzæðŋɐɑɔəɚɛɜɡɪɹʃʊʌʒʤʧθᵊᵻˈˌ " + PUNCTUATION)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It is -5°C or 41 °F.", "It is minus five degrees Celsius or forty-one degrees Fahrenheit."),
        ("50% of €5.99 is £3.", "fifty percent of five euros and ninety-nine cents is three pounds."),
        ("$1.2 million, ¥500, $1, $0.50", "one point two million dollars, five hundred yuan, one dollar, fifty cents"),
        ("in the 1990s, the '80s", "in the nineteen nineties, the eighties"),
        ("the 21st of May.", "the twenty-first of May."),
        ("at 10am, 9:05 a.m. or 14:30", "at ten A M, nine oh five A M or fourteen thirty"),
        ("at 5:00 sharp", "at five o'clock sharp"),
        ("on 2024-05-17", "on May seventeenth, twenty twenty-four"),
        ("on 3/4/2025", "on March fourth, twenty twenty-five"),
        ("on March 5, 2025, at noon", "on March fifth, twenty twenty-five, at noon"),
        ("on 5 March 2008", "on the fifth of March two thousand eight"),
        ("born in 1805, 1900, 2000", "born in eighteen oh five, nineteen hundred, two thousand"),
        ("1,000,000 people, 10,500 dogs", "one million people, ten thousand five hundred dogs"),
        ("3.14159 and 1/2 and 3/4", "three point one four one five nine and one half and three quarters"),
        ("call 555-1234 now", "call five five five, one two three four now"),
        ("it rose 3-4 times from 1914-1918", "it rose three to four times from nineteen fourteen to nineteen eighteen"),
        ("World War II and Henry VIII", "World War two and Henry the eighth"),
        ("Dr. Lee vs. Mrs. Bo on 12 St. James St.", "Doctor Lee versus Missus Bo on twelve Saint James Street"),
        ("70 km/h over 3.5km", "seventy kilometers per hour over three point five kilometers"),
        ("AT&T, a@b.com", "AT and T, a at b dot com"),
        ("No. 5 and #7", "number five and number seven"),
        ("room 007, 12345678", "room zero zero seven, one two three four five six seven eight"),
        ("I May go. He can march 12 times.", "I May go. He can march twelve times."),
        ("9" * 300, " ".join(["nine"] * 300)),
        ("", ""),
    ],
)
def test_figures_as_words(written, said):
    assert in_words(written) == said


@pytest.fixture(scope="module")
def english() -> English:
    return English()


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        # as misaki, with which Kokoro was trained, writes it: hexgrad/Kokoro-82M, SAMPLES.md
        ("The sky above the port was the color of television.", "ðə skˈI əbˈʌv ðə pˈɔɹt wʌz ðə kˈʌləɹ ʌv tˈɛləvˌɪʒən."),
        ("the end, the start", "ði ˈɛnd, ðə stˈɑɹt"),
        ("I read it; I will read it.", "ˈI ɹˈɛd ɪt; ˈI wɪl ɹˈid ɪt."),
        ("He stopped, waited and hurried.", "hi stˈɑpt, wˈATᵻd ænd hˈɜɹid."),
        ("Alice's boxes", "ˈælɪsᵻz bˈɑksᵻz"),
        ("the FBI", "ði ˌɛfbˌiˈI"),
        ("in the U.S.", "ɪn ðə jˌuˈɛs."),
        ("café", "kæfˈA"),
        ("A boat with vitamin A.", "ɐ bˈOt wɪð vˈITəmən ˈA."),
        ("flibbertigibbet", "flˌɪbəɹTiʤˈɪbət"),
        ("日本 😀 Привет", ""),
        ("...", ""),
    ],
)
def test_words_as_phonemes(english, text, phonemes):
    assert english.to_phonemes(text) == phonemes


def test_a_word_in_no_lexicon_is_guessed(english):
    guessed = english.to_phonemes("Zorvexian")
    assert guessed.startswith("z") and "ˈ" in guessed and len(guessed) >= 7


def test_every_phoneme_is_known_to_the_model(english, kokoro_folder):
    vocabulary = json.loads((kokoro_folder / "config.json").read_text())["vocab"]
    text = "Jogging, vexed quizzes: thirteen azure measures! Oh boy, how now... (church judge) “yes” — three whirls."
    phonemes = english.to_phonemes(text)
    assert len(phonemes) > 60 and set(phonemes) <= set(vocabulary)


@given(st.text(alphabet=st.sampled_from("aZ 019.,:;-/$€%#'()!?\n—…“é字ж😀°½½"), max_size=40))
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_can_be_read(text):
    in_words(text)
    assert set(ENGLISH.to_phonemes(text)) <= KNOWN_SIGNS


@pytest.mark.parametrize("sign", [" ", "1-", "1,", "a-", "a.", "a@", ".", ",000", "A'"])
def test_a_long_run_of_anything_is_read_in_a_moment(sign):
    began = time.perf_counter()
    for pattern, _ in _RULES:
        pattern.sub("", sign * 20_000 + "x")
    _tokens(("a." * 2000) + "x")
    assert time.perf_counter() - began < 4
