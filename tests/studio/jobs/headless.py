"""The studio without its page, for tests that kill it: starts in a second, takes prompts on standard input.

{"submit": "prompt", "seed": 1}   →  {"job": id}        after the job is acknowledged
{"states": true}                  →  {id: state, …}     of every job
"""

import json
import sys
from pathlib import Path

from pipelines.types import Sampling, TextRequest
from studio.services import Services
from studio.settings import Settings

OWNER = "visitor:" + "a" * 32
MODEL = "smollm2-135m-instruct"


def main() -> None:
    home = Path(sys.argv[1])
    cache = Settings.from_environment([]).cache
    services = Services(Settings(home=home, cache=cache, person_limit=64))
    services.start()
    print(json.dumps({"worker": services.jobs.worker_pid}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if "submit" in command:
            sampling = Sampling(max_new_tokens=60, seed=command["seed"])
            request = TextRequest(MODEL, task="write", text=command["submit"], sampling=sampling)
            print(json.dumps({"job": services.jobs.submit(OWNER, request).id}), flush=True)
        else:
            jobs = services.jobs.recent(OWNER, limit=10_000)
            states = {job.id: job.state for job in jobs}
            print(json.dumps({"states": states, "worker": services.jobs.worker_pid}), flush=True)
    services.close()


if __name__ == "__main__":
    main()
