"""How safe jobs are: many rounds of killing server, worker or both at random times. `make prove`."""

import argparse
import tempfile
from pathlib import Path

from tests.bench.record import record
from tests.studio.jobs.kills import kill_rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = kill_rounds(Path(folder) / "home", options.rounds, options.seed)
    figures = {
        "kills": tally.kills.total(),
        **{f"kills of {victim}": count for victim, count in sorted(tally.kills.items())},
        "jobs acknowledged": tally.acknowledged,
        **{f"jobs that ended {state}": count for state, count in sorted(tally.states.items())},
        "jobs lost": tally.lost,
        "jobs done without their result": tally.done_without_result,
        "answers missing from their conversation": tally.answers_missing,
        "folders nobody lists": tally.unlisted_folders,
        "damaged indexes": tally.damaged_indexes,
    }
    print(record("kills", figures))


if __name__ == "__main__":
    main()
