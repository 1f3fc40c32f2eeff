"""python -m pipelines.training.importance: how much of the differences between trials each setting explains.

Reads {"is_higher_better": bool, "trials": [{"params": {name: value}, "value": x} …]} from standard input and writes
{name: share} to standard output, together 1: fANOVA (Hutter et al. 2014, ICML) by Optuna. A process of its own, because it brings
scikit-learn along, which a server does not need.
"""

import json
import sys
from typing import Any

SEED = 0


def importance(trials: list[dict[str, Any]], *, is_higher_better: bool) -> dict[str, float]:
    """The share of each parameter that all trials have; {} where they do not differ."""
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = [name for name in trials[0]["params"] if all(name in one["params"] for one in trials)]
    values = {name: [one["params"][name] for one in trials] for name in names}
    varied = [name for name in names if len(set(values[name])) > 1]
    if not varied or len({one["value"] for one in trials}) < 2:
        return {}
    distributions: dict[str, Any] = {}
    for name in varied:
        is_number = all(isinstance(value, float) for value in values[name])
        distributions[name] = (
            FloatDistribution(min(values[name]), max(values[name]))
            if is_number
            else CategoricalDistribution(tuple(sorted(set(values[name]), key=str)))
        )
    study = optuna.create_study(direction="maximize" if is_higher_better else "minimize")
    for one in trials:
        params = {name: one["params"][name] for name in varied}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=float(one["value"]))
        )
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=SEED), params=varied)
    return {name: float(share) for name, share in found.items()}


def main() -> None:
    asked = json.load(sys.stdin)
    print(json.dumps(importance(asked["trials"], is_higher_better=asked["is_higher_better"])))  # noqa: T201


if __name__ == "__main__":
    main()
