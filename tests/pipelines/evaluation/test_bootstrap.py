"""Intervals of means and of differences: against what theory says of them, and the same every time."""

import math

import numpy as np
import pytest

from pipelines.evaluation.bootstrap import of_difference, of_mean


def test_the_interval_of_a_mean_is_the_one_of_theory() -> None:
    """1.96 standard errors to each side, where there are many examples."""
    scores = np.random.default_rng(3).normal(5.0, 2.0, 400)
    found, error = of_mean(scores), scores.std() / math.sqrt(400)
    assert found.value == pytest.approx(scores.mean())
    assert found.low == pytest.approx(scores.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(scores.mean() + 1.96 * error, abs=0.15 * error)
    assert of_mean(scores) == found, "seeded"


def test_it_holds_the_truth_about_as_often_as_it_says() -> None:
    chance = np.random.default_rng(5)
    drawn = [of_mean((chance.random(60) < 0.7).astype(float)) for _ in range(100)]
    assert 88 <= sum(one.low <= 0.7 <= one.high for one in drawn) <= 100


def test_of_the_same_examples_a_small_difference_is_seen_and_of_others_it_is_not() -> None:
    hard = np.random.default_rng(7).normal(0.0, 1.0, 200)  # what all models find hard
    one, other = hard + 0.05, hard + np.random.default_rng(8).normal(0.0, 0.05, 200)
    assert not of_difference(one, other, is_paired=True).may_be_zero
    assert of_difference(one, other).may_be_zero
    with pytest.raises(ValueError, match="not of the same examples"):
        of_difference(one, other[:-1], is_paired=True)


def test_perplexities_are_made_of_their_logarithms() -> None:
    found = of_mean([0.0, math.log(4.0)] * 50, is_log=True)
    assert found.value == pytest.approx(2.0) and 1.0 < found.low < 2.0 < found.high < 4.0
    difference = of_difference([math.log(4.0)] * 9, [0.0] * 9, is_log=True)
    assert (difference.value, difference.low, difference.high) == pytest.approx((3.0, 3.0, 3.0))
    assert difference.turned().value == pytest.approx(-3.0)


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="no scores"):
        of_mean([])
