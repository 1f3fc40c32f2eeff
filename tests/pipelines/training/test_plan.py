"""The learning rate is a function of the step."""

import pytest

from pipelines.training.plan import Plan

PLAN = Plan(steps=50, learning_rate=0.01, warmup_steps=5, decay_steps=20)


def test_the_learning_rate_warms_up_and_falls_to_zero():
    rates = [PLAN.learning_rate_at(step) for step in range(PLAN.steps)]
    assert rates[0] == pytest.approx(0.002)
    assert rates[10] == rates[29] == 0.01
    assert rates[30:] == sorted(rates[30:], reverse=True)
    assert 0 < rates[-1] < 0.0002
