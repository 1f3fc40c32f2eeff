"""The studio without its page, for tests that kill it: starts in a second, takes prompts on standard input.

{"submit": "prompt", "seed": 1}   →  {"job": id}        after the job is acknowledged
{"train": settings}               →  {"job": id}        a run of the digits
{"study": settings, "trials": 1}  →  {"job": id}        a search for the batch of the digits
{"states": true}                  →  {id: state, …}     of every job
"""

import json
import sys
from pathlib import Path

from pipelines.types.study import StudyRequest
from pipelines.types.text import Message, Sampling, TextRequest
from pipelines.types.training import TrainRequest
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
            job_id = chat(services, command) if command.get("chat") else write(services, command)
            print(json.dumps({"job": job_id}), flush=True)
        elif "train" in command:
            job = services.runs.start(OWNER, TrainRequest("cnn", "digits", command["train"], "cpu"))
            print(json.dumps({"job": job.id}), flush=True)
        elif "study" in command:
            asked = StudyRequest(
                ("cnn",), "digits", command["study"], "cpu", vary=("batch",), trials=command.get("trials", 1)
            )
            print(json.dumps({"job": services.studies.start(OWNER, asked).id}), flush=True)
        else:
            print(json.dumps(look(services)), flush=True)
    services.close()


def write(services: Services, command: dict) -> str:
    sampling = Sampling(max_new_tokens=60, seed=command["seed"])
    return services.jobs.submit(OWNER, TextRequest(MODEL, "write", text=command["submit"], sampling=sampling)).id


def chat(services: Services, command: dict) -> str:
    conversation = services.conversations.new(OWNER)
    asked = services.conversations.add_user(OWNER, conversation.id, None, command["submit"])
    job_id = services.jobs.new_job_id()
    place = (conversation.id, services.conversations.add_answer(OWNER, conversation.id, asked, job_id))
    sampling = Sampling(max_new_tokens=60, seed=command["seed"])
    request = TextRequest(MODEL, messages=(Message("user", command["submit"]),), sampling=sampling)
    return services.jobs.submit(OWNER, request, conversation=place, job_id=job_id).id


def look(services: Services) -> dict:
    jobs = services.jobs.recent(OWNER, limit=10_000)
    answers = [job for job in jobs if job.state == "done" and job.conversation_id and job.node_id]
    unsettled = [
        job.id for job in answers if services.conversations.get(OWNER, job.conversation_id).node(job.node_id).is_waiting
    ]
    states = {job.id: job.state for job in jobs}
    return {"states": states, "unsettled": unsettled, "worker": services.jobs.worker_pid}


if __name__ == "__main__":
    main()
