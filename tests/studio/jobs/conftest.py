"""A studio without its page, with a real worker process and the starter model."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.types.text import Sampling, TextRequest
from studio.jobs.job import JobEvent
from studio.jobs.supervisor import Supervisor
from studio.services import Services
from studio.settings import Settings

ANN, BO = "visitor:" + "a" * 32, "visitor:" + "b" * 32
MODEL = "smollm2-135m-instruct"

Open = Callable[..., Services]


@pytest.fixture
def open_services(tmp_path: Path) -> Iterator[Open]:
    """`open_services(queue_limit=…)` opens the same home again each time; the last one is closed at the end."""
    opened: list[Services] = []

    def open_services(*, is_started: bool = True, **options: object) -> Services:
        settings = Settings(home=tmp_path / "home", cache=Settings.from_environment([]).cache, **options)  # type: ignore[arg-type]
        services = Services(settings)
        opened.append(services)
        if is_started:
            services.start()
        return services

    yield open_services
    opened[-1].close()


def story(seed: int = 1, max_new_tokens: int = 40, model: str = MODEL) -> TextRequest:
    sampling = Sampling(max_new_tokens=max_new_tokens, seed=seed)
    return TextRequest(model, task="write", text="A story about a river.", sampling=sampling)


def watch(jobs: Supervisor, owner: str, job_id: str, timeout_seconds: float = 60.0) -> list[JobEvent]:
    """Every event up to the end."""

    async def collect() -> list[JobEvent]:
        return [event async for event in jobs.watch(owner, job_id)]

    return asyncio.run(asyncio.wait_for(collect(), timeout_seconds))


def wait_for_first_token(jobs: Supervisor, owner: str, job_id: str) -> None:
    async def first_token() -> None:
        async for event in jobs.watch(owner, job_id):
            if event.kind == "token":
                return
        raise AssertionError("it ended before its first token")

    asyncio.run(asyncio.wait_for(first_token(), 60.0))
