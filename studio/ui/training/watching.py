"""The right side of the Training tab: the run that is shown, what can be done with it, and the list of all runs."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.training.trainer import find_trainers
from pipelines.types.adapter import Adapter
from pipelines.types.crossing import to_json
from pipelines.types.image import ImageRequest
from pipelines.types.merge import MergeRequest
from pipelines.types.model import ModelSpec
from pipelines.types.text import TextRequest, TextTask
from pipelines.types.training import TrainResult
from studio.identity import GUEST
from studio.jobs.comparing import compare
from studio.jobs.runs import Run
from studio.services import Services
from studio.ui.facts import place_line
from studio.ui.safe import escape
from studio.ui.training import view
from studio.ui.training.comparison import comparison
from studio.ui.training.layout import Parts
from studio.ui.training.study_view import study_card
from studio.ui.training.view import TRIED, Scene
from studio.ui.wishes import Wish
from studio.ui.wishes import wish as make_wish

RUNS_LISTED = 30
COMPARISONS_KEPT = 16

Updates = dict[Any, Any]


class Watching:
    """Reads runs and shows them; knows what was shown already, so that only what changed is sent."""

    def __init__(self, services: Services, parts: Parts) -> None:
        self._services = services
        self._parts = parts
        self._trainers = find_trainers()
        self._compared: dict[tuple[object, ...], str] = {}  # by what was compared, and how far it was

    @property
    def shown(self) -> list[Any]:
        """The parts that `show` fills."""
        p = self._parts
        return [
            p.head,
            p.actions,
            p.model,
            p.curves,
            p.samples,
            p.log,
            p.runs,
            p.comparison,
            p.study,
            p.tried,
            p.tuned,
            p.pushable,
        ]

    def show(self, owner: str, current: str, sure: str, compared: Sequence[str], lang: str) -> tuple[str, Updates]:
        """Which run is shown, and everything of it: the one that was chosen, else the one at work, else the newest. Below it
        those that are `compared`, where they are two and more."""
        runs = self._services.runs.of_owner(owner)[:RUNS_LISTED] if owner != GUEST else []
        chosen = next((run for run in runs if run.id == current), None)
        chosen = chosen or next((run for run in runs if run.is_at_work), runs[0] if runs else None)
        p = self._parts
        study = study_card(self._services.studies.newest(owner), lang) if owner != GUEST else ""
        if chosen is None:
            nothing = dict.fromkeys(self.shown, "")
            return "", {**nothing, p.head: view.nothing_yet(lang), p.study: study}
        scene, spec, base = self._scene(chosen, sure == chosen.id, lang), self._model(chosen), self._base(chosen)
        rows = [scene if run.id == chosen.id else self._glance(run) for run in runs]
        return chosen.id, {
            p.head: view.head(scene, self._services.runs.log(chosen), lang),
            p.actions: view.actions(scene, lang),
            p.model: view.model_line(chosen, spec, lang, base),
            p.tried: spec.id if spec is not None and set(TRIED) & set(spec.tasks) else "",
            p.curves: view.curves(scene, self._trainers.get(chosen.request.trainer), lang),
            p.samples: view.samples(
                chosen, self._services.runs.samples(chosen), self._services.runs.said(chosen), lang
            ),
            p.log: view.log(self._services.runs.log(chosen)),
            p.runs: view.run_rows(rows, chosen.id, lang, compared),
            p.comparison: self._comparison(owner, [run.id for run in runs if run.id in compared], lang),
            p.study: study,
            p.pushable: chosen.id if _has_model(chosen) else "",
            p.tuned: chosen.id if _pair(chosen, spec, base) is not None else "",
        }

    def _comparison(self, owner: str, run_ids: list[str], lang: str) -> str:
        if len(run_ids) < 2:
            return ""
        runs = [self._services.runs.get(owner, run_id) for run_id in run_ids]
        points = [len(self._services.runs.curve(run)) for run in runs]
        key = (lang, *zip(run_ids, [run.state for run in runs], points, strict=True))
        if key not in self._compared:  # thousands of draws, and the page asks every second
            if len(self._compared) >= COMPARISONS_KEPT:
                self._compared.clear()
            try:
                self._compared[key] = comparison(compare(self._services.runs, owner, run_ids), lang)
            except StudioError as error:  # more than can be told apart
                self._compared[key] = f'<p class="run-error">{escape(error.say(lang))}</p>'
        return self._compared[key]

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

    def press_study(self, owner: str, action: str, job_id: str) -> str:
        """Do what a button of a search says; the run that is to be shown then, "" for none. Raises NotFound, RunAtWork."""
        match action:
            case "study-stop":
                self._services.jobs.cancel(owner, self._services.studies.get(owner, job_id).job.id)
            case "study-train":
                return self._services.runs.start(owner, self._services.studies.best_training(owner, job_id)).id
            case "study-delete":
                self._services.studies.remove(owner, job_id)
        return ""

    def wish_for_model(self, owner: str, run_id: str) -> Wish:
        """What opens the place of a finished model, with it chosen there. Raises NotFound."""
        run = self._services.runs.get(owner, run_id)
        result = run.job.result if run.job is not None else None
        spec, base = self._model(run), self._base(run)
        if spec is None and base is not None and isinstance(result, TrainResult) and result.model:
            kind = ImageRequest if view.place_of(base) == "image" else TextRequest
            return make_wish("recipe", _recipe(kind(base.id, adapters=(Adapter(result.model),))))
        place = view.place_of(spec) if spec is not None else ""
        if spec is None or not place:
            raise NotFound(thing="model")
        if place == "image":
            return make_wish("recipe", _recipe(ImageRequest(spec.id)))
        task = next(task for task in get_args(TextTask) if task in spec.tasks)
        return make_wish("recipe", _recipe(TextRequest(spec.id, task)))

    def merge(self, owner: str, run_id: str) -> None:
        """Begin to merge its adapter into its base, as a job. Raises NotFound, and what `submit` raises."""
        run = self._services.runs.get(owner, run_id)
        result = run.job.result if run.job is not None else None
        if not isinstance(result, TrainResult) or not result.model:
            raise NotFound(thing="model")
        self._services.jobs.submit(owner, MergeRequest(run.request.model, result.model), keep=False)

    def pair(self, owner: str, run_id: str) -> tuple[TextRequest, TextRequest] | None:
        """A question to the base of a run and one to what it has made of it, without words yet; None where it is no language
        model. Raises NotFound."""
        run = self._services.runs.get(owner, run_id)
        return _pair(run, self._model(run), self._base(run))

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
        total = self._services.runs.steps(run) or (int(curve[-1]["step"]) if curve else 0)
        return Scene(run, total, curve)

    def _base(self, run: Run) -> ModelSpec | None:
        """What it went on from, where that is still known here."""
        try:
            return self._services.catalog.find(run.request.model) if run.request.model else None
        except StudioError:
            return None

    def _model(self, run: Run) -> ModelSpec | None:
        """The finished model, where a tab runs it."""
        result = run.job.result if run.job is not None else None
        if not isinstance(result, TrainResult) or not result.model:
            return None
        try:
            return self._services.catalog.find(result.model)
        except StudioError:  # no family of ours serves it, or it was removed
            return None


def _has_model(run: Run) -> bool:
    result = run.job.result if run.job is not None else None
    return isinstance(result, TrainResult) and bool(result.model)


def _pair(run: Run, spec: ModelSpec | None, base: ModelSpec | None) -> tuple[TextRequest, TextRequest] | None:
    """See `pair`. `spec` is what came out, None of an adapter."""
    result = run.job.result if run.job is not None else None
    if base is None or not isinstance(result, TrainResult) or not result.model:
        return None
    task: TextTask | None = next((one for one in ("chat", "continue") if one in base.tasks), None)
    if task is None or (spec is not None and task not in spec.tasks):
        return None
    asked = TextRequest(base.id, task)
    tuned = replace(asked, adapters=(Adapter(result.model),)) if spec is None else replace(asked, model=spec.id)
    return asked, tuned


def _recipe(request: ImageRequest | TextRequest) -> str:
    """A recipe that only names a model: filled in, everything else suits it."""
    return json.dumps({"request": to_json(request)})
