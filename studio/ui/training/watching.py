"""The right side of the Training tab: the run that is shown, what can be done with it, and the list of all runs."""

import json
from typing import Any, get_args

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.training.trainer import find_trainers
from pipelines.types.adapter import Adapter
from pipelines.types.crossing import to_json
from pipelines.types.image import ImageRequest
from pipelines.types.model import ModelSpec
from pipelines.types.text import TextRequest, TextTask
from pipelines.types.training import TrainResult
from studio.identity import GUEST
from studio.jobs.runs import Run
from studio.services import Services
from studio.ui.facts import place_line
from studio.ui.training import view
from studio.ui.training.layout import Parts
from studio.ui.training.view import Scene
from studio.ui.wishes import Wish
from studio.ui.wishes import wish as make_wish

RUNS_LISTED = 30

Updates = dict[Any, Any]


class Watching:
    """Reads runs and shows them; knows what was shown already, so that only what changed is sent."""

    def __init__(self, services: Services, parts: Parts) -> None:
        self._services = services
        self._parts = parts
        self._trainers = find_trainers()

    @property
    def shown(self) -> list[Any]:
        """The parts that `show` fills."""
        p = self._parts
        return [p.head, p.actions, p.model, p.curves, p.samples, p.log, p.runs, p.tried]

    def show(self, owner: str, current: str, sure: str, lang: str) -> tuple[str, Updates]:
        """Which run is shown, and everything of it: the one that was chosen, else the one at work, else the newest."""
        runs = self._services.runs.of_owner(owner)[:RUNS_LISTED] if owner != GUEST else []
        chosen = next((run for run in runs if run.id == current), None)
        chosen = chosen or next((run for run in runs if run.is_at_work), runs[0] if runs else None)
        p = self._parts
        if chosen is None:
            nothing = dict.fromkeys(self.shown, "")
            return "", {**nothing, p.head: view.nothing_yet(lang)}
        scene, spec = self._scene(chosen, sure == chosen.id, lang), self._model(chosen)
        rows = [scene if run.id == chosen.id else self._glance(run) for run in runs]
        return chosen.id, {
            p.head: view.head(scene, self._services.runs.log(chosen), lang),
            p.actions: view.actions(scene, lang),
            p.model: view.model_line(chosen, spec, lang),
            p.tried: spec.id if spec is not None and "classify" in spec.tasks else "",
            p.curves: view.curves(scene, self._trainers.get(chosen.request.trainer), lang),
            p.samples: view.samples(
                chosen, self._services.runs.samples(chosen), self._services.runs.said(chosen), lang
            ),
            p.log: view.log(self._services.runs.log(chosen)),
            p.runs: view.run_rows(rows, chosen.id, lang),
        }

    def press(self, owner: str, action: str, run_id: str) -> str:
        """Do what a button says; the run that is to be shown then. Raises NotFound, NoCheckpoint, RunAtWork."""
        runs = self._services.runs
        match action:
            case "stop" | "cancel":
                runs.stop(owner, run_id, save=action == "stop")
            case "checkpoint" | "sample":
                runs.ask(owner, run_id, action)
            case "resume":
                runs.resume(owner, run_id)
            case "again":
                return runs.again(owner, run_id).id
            case "delete":
                runs.remove(owner, run_id)
                return ""
            case "show":
                return runs.get(owner, run_id).id
        return run_id

    def wish_for_model(self, owner: str, run_id: str) -> Wish:
        """What opens the place of a finished model, with it chosen there. Raises NotFound."""
        run = self._services.runs.get(owner, run_id)
        result = run.job.result if run.job is not None else None
        if run.request.model and isinstance(result, TrainResult) and result.model:
            return make_wish("recipe", _recipe(TextRequest(run.request.model, adapters=(Adapter(result.model),))))
        spec = self._model(run)
        place = view.place_of(spec) if spec is not None else ""
        if spec is None or not place:
            raise NotFound(thing="model")
        if place == "image":
            return make_wish("recipe", _recipe(ImageRequest(spec.id)))
        task = next(task for task in get_args(TextTask) if task in spec.tasks)
        return make_wish("recipe", _recipe(TextRequest(spec.id, task)))

    # ── what there is to see ─────────────────────────────────────────────────────────────────────────────────────────

    def _scene(self, run: Run, is_sure: bool, lang: str) -> Scene:
        runs, jobs = self._services.runs, self._services.jobs
        place = jobs.place(run.job.id) if run.job is not None and run.state == "queued" else None
        glance = self._glance(run)
        return Scene(
            run,
            glance.total,
            glance.curve,
            place_line(place, lang) if place is not None else "",
            None if run.is_at_work else runs.checkpoint(run),
            runs.asked(run),
            is_sure,
        )

    def _glance(self, run: Run) -> Scene:
        """As much as the list needs."""
        curve = self._services.runs.curve(run)
        try:
            total = self._services.runs.order(run.owner, run.request).settings.plan.steps
        except StudioError:  # a trainer of another version
            total = int(curve[-1]["step"]) if curve else 0
        return Scene(run, total, curve)

    def _model(self, run: Run) -> ModelSpec | None:
        """The finished model, where a tab runs it."""
        result = run.job.result if run.job is not None else None
        if not isinstance(result, TrainResult) or not result.model:
            return None
        try:
            return self._services.catalog.find(result.model)
        except StudioError:  # no family of ours serves it, or it was removed
            return None


def _recipe(request: ImageRequest | TextRequest) -> str:
    """A recipe that only names a model: filled in, everything else suits it."""
    return json.dumps({"request": to_json(request)})
