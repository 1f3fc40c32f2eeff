"""A short random walk over ten models with half of their memory. The full one is `make prove`."""

from tests.pipelines.walk import walk_in_a_process


def test_a_short_walk_keeps_its_budget_and_its_promises():
    figures = walk_in_a_process(steps=40, seed=1, size="short")
    assert figures.errors == [] and not figures.is_stuck
    assert figures.models == 10 and figures.loads >= 10 and figures.steps["use"] >= 15
    assert figures.leased_and_dropped == 0 and figures.refused_without_reason == 0
    assert figures.forecasts_within_15_percent >= 0.75 * figures.loads  # of models of 2 MB some is Python's own
    # what Python and three threads keep for themselves is large beside models of 10 MB
    assert figures.most_bytes <= 1.1 * figures.budget_bytes + 0.1 * figures.base_bytes
    assert figures.end_bytes <= 0.1 * figures.base_bytes
