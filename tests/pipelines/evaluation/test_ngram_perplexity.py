"""N-grams: numbers that can be done by hand, and what must hold for any text."""

import pytest

from pipelines.evaluation.ngram_perplexity import NgramModel


def test_one_symbol_is_as_likely_as_witten_and_bell_say():
    model = NgramModel(["aab"], order=1, vocabulary=4)
    assert model.probability("", "a") == pytest.approx((2 + 2 / 4) / 5)
    assert model.probability("", "z") == pytest.approx((0 + 2 / 4) / 5)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("context", ["", "a", "ba", "zz", "abra"])
def test_probabilities_sum_to_one(order, context):
    model = NgramModel(["abracadabra", "cab"], order, vocabulary=26)
    assert sum(model.probability(context, symbol) for symbol in "abcdefghijklmnopqrstuvwxyz") == pytest.approx(1)


def test_text_without_order_costs_its_vocabulary_and_a_known_one_little():
    assert NgramModel([], order=3, vocabulary=50).perplexity(["anything"]) == pytest.approx(50)
    song = "la la la la la la "
    seen = [NgramModel([song], order, vocabulary=50).perplexity([song]) for order in (1, 2, 3)]
    assert seen[0] > seen[1] > seen[2] and seen[2] < 1.5
