"""The tasks beside the chat: write, summarise, rewrite, translate, continue, fill the mask. One text in, one result out.

Run → job → `pulse` changes → watch: events of the job → result, facts, buttons. A newer watcher ends the one before it.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.types.text import Candidate, TextRequest, TextResult, TextTask
from studio.identity import GUEST
from studio.library.creations import Item
from studio.services import Services
from studio.ui import lists, safe, sending
from studio.ui.components import first_model, keep, model_choices, model_name, pressed, quietly
from studio.ui.facts import doing_line, error_line, facts_line, language_notice
from studio.ui.i18n import language, t
from studio.ui.stream import Live, follow
from studio.ui.text.chosen import PRESETS, SAMPLING_NAMES, Chosen
from studio.ui.text.task_layout import lay_out
from studio.ui.told import inform, told
from studio.ui.watchers import Updates, Watchers, pulse
from studio.ui.words import say

TONES = [("Formal", "正式"), ("Friendly", "友好"), ("Simple", "简单"), ("Shorter", "更短"), ("Persuasive", "有说服力")]
LANGUAGES = [
    ("English", "英语"), ("Chinese", "中文"), ("Spanish", "西班牙语"), ("French", "法语"), ("German", "德语"),
    ("Japanese", "日语"),
]  # fmt: skip
FORMS = [("Jueju, 4 × 5", "五绝"), ("Jueju, 4 × 7", "七绝"), ("Lüshi, 8 × 5", "五律"), ("Lüshi, 8 × 7", "七律")]
POEM_PRESET = "balanced"  # at a lower temperature every poem is the same
RECENT = 8


class Option(NamedTuple):
    """What the second box of a task asks for: (English, Chinese) names, the one that stands in a request, keys of words."""

    names: list[tuple[str, str]]
    asked_by: Literal[0, 1]
    label: str
    info: str

    def choices(self, lang: str) -> list[tuple[str, str]]:
        return [(names[1] if lang == "zh" else names[0], names[self.asked_by]) for names in self.names]


OPTIONS: dict[str, Option] = {
    "rewrite": Option(TONES, 0, "tone", "tone_help"),
    "translate": Option(LANGUAGES, 0, "target_language", "target_language_help"),
    "poem": Option(FORMS, 1, "verse_form", "verse_form_help"),
}


class Tasks:
    """The tasks of one page."""

    def __init__(self, services: Services, examples: dict[str, list[dict]]) -> None:
        self._services = services
        self._examples = examples
        self.panel, self.parts = lay_out(services)
        self.job = gr.State("")  # id of the job that is shown
        self.source = gr.State(("", ""))  # what was sent here: the creation and its text
        self.pulse = gr.State(("", ""))  # (job, when)
        self.watchers = gr.State(Watchers())
        # to be rendered outside the tab: gradio 6.31 reads nothing from the browser in a tab that was not opened yet
        self.saved = gr.BrowserState({}, storage_key="studio-tasks", secret="studio", render=False)
        self.saved_job = gr.BrowserState("", storage_key="studio-task", secret="studio", render=False)
        self._wire()

    # ── wiring ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wire(self) -> None:
        p, quiet = self.parts, quietly()
        result = [p.result, p.candidates, p.facts, p.actions, p.again, p.star, p.download, p.sending, p.stop, p.recent]
        seeing = [self.pulse, self.watchers]
        self.pulse.change(told(self.watch), seeing, result, trigger_mode="multiple", **quiet)
        outputs = [*result, p.notice, self.job, self.pulse, self.saved_job]
        settings: set[Any] = {
            p.kind,
            p.prompt,
            p.option,
            p.first_line,
            p.heads,
            self.source,
            *self.panel.components.values(),
        }
        p.run.click(told(self._run), settings, outputs, **quiet)
        p.again.click(told(self._run_again), [self.job], outputs, **quiet)
        p.stop.click(told(self._stop), [self.job], p.stop, **quiet)
        form = [p.prompt, p.option, p.verse, p.examples, self.panel.model]
        sampling = [getattr(self.panel, name) for name in ("preset", *SAMPLING_NAMES)]
        kinds = quietly(trigger_mode="always_last")
        p.kind.input(told(self._switch_kind), [p.kind, self.panel.model], [*form, *sampling], **kinds)
        p.examples.click(told(self._take_example), {p.kind, self.panel.model}, p.prompt, **quiet)
        p.star.click(told(self._star), [self.job], p.star, **quiet)
        self.form = [
            p.kind,
            *form,
            p.first_line,
            p.heads,
            *(part for part in self.panel.components.values() if part is not self.panel.model),
        ]
        p.use.click(told(self._use), [self.job], self.form, **quiet)
        self.show_outputs = list(dict.fromkeys([*self.form, *outputs, self.source]))
        kept = {"kind": p.kind, "prompt": p.prompt, "option": p.option, "first_line": p.first_line, "heads": p.heads}
        self.kept = {**kept, **self.panel.components}
        keep(self.kept, self.saved)

    # ── running ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self, values: Updates, request: gr.Request) -> Updates:
        p, chosen = self.parts, self.panel.read(values)
        task = _task(values[p.kind])
        text = str(values[p.prompt] or "")
        asked = TextRequest(
            chosen.model,
            task=task,
            text=text,
            option=str(values[p.option] or "") if task in OPTIONS else "",
            answer_prefix=str(values[p.first_line] or "").strip() if task == "poem" else "",
            heads=str(values[p.heads] or "").strip() if task == "poem" else "",
            adapters=chosen.adapters(),
            sampling=chosen.sampling(),
        )
        owner = self._services.identity.who(request)
        parents = self._parents(owner, text, values[self.source])
        job = self._services.jobs.submit(owner, asked, keep=not chosen.private, parents=parents)
        notice = self._language_notice(text, chosen.model, language(request))
        noticed = {p.notice: gr.update(value=safe.escape(notice), visible=bool(notice))}
        return {**self._started(job.id), **noticed, self.saved_job: job.id if job.keep else ""}

    def _parents(self, owner: str, text: str, source: tuple[str, str]) -> tuple[str, ...]:
        """The creation that was sent here, while its text still stands in the form."""
        try:
            return (self._services.creations.get(owner, source[0]).id,) if source[1] == text else ()
        except NotFound:
            return ()

    def with_text(self, text: str, source: str) -> Updates:
        """The form with a text of elsewhere in it."""
        return {self.parts.prompt: text, self.source: (source, text)}

    def _run_again(self, job_id: str, request: gr.Request) -> Updates:
        job = self._services.jobs.rerun(self._services.identity.who(request), job_id)
        return {**self._started(job.id), self.saved_job: job.id if job.keep else ""}

    def _started(self, job_id: str) -> Updates:
        return {**self._empty(), self.job: job_id, self.pulse: (job_id, pulse())}

    def _empty(self) -> Updates:
        """What a job begins with."""
        p = self.parts
        return {
            p.result: "",
            p.candidates: gr.update(value="", visible=False),
            p.actions: gr.update(visible=False),
            p.stop: gr.update(interactive=True),
        }

    def _stop(self, job_id: str, request: gr.Request) -> Any:
        if job_id:
            self._services.jobs.cancel(self._services.identity.who(request), job_id)
        return gr.update(interactive=False)

    async def watch(self, pulse: tuple[str, str], watchers: Watchers, request: gr.Request) -> AsyncIterator[Updates]:
        """Show a job up to its end, or until a newer watcher shows another."""
        (job_id, at), lang, owner = pulse, language(request), self._services.identity.who(request)
        nothing = {self.parts.result: gr.skip()}
        async for updates in watchers.watch(at, self._news(owner, job_id, lang), nothing):
            yield updates

    async def _news(self, owner: str, job_id: str, lang: str) -> AsyncGenerator[Updates, None]:
        if not job_id:
            yield {self.parts.result: gr.skip()}
            return
        is_verse = self._is_verse(owner, job_id)
        before = self._empty()  # over what an older watcher may still have shown
        async for live in follow(self._services.jobs, owner, job_id):
            if is_verse:
                live = replace(live, text=live.text.rstrip("\n").replace("\n", "  \n"))  # Markdown's break of a line
            now = self._ended(owner, job_id, live, lang) if live.end is not None else self._running(live, lang)
            yield {**before, **now}
            before = {}

    def _is_verse(self, owner: str, job_id: str) -> bool:
        try:
            request = self._services.jobs.get(owner, job_id).request
        except NotFound:
            return False
        return isinstance(request, TextRequest) and request.task == "poem"

    def _running(self, live: Live, lang: str) -> Updates:
        p = self.parts
        line = doing_line(live, lang)
        return {
            p.result: safe.markdown(live.text),
            p.facts: f'<span>{safe.escape(line)}</span><div class="bar" aria-hidden="true"></div>',
            p.stop: gr.update(interactive=True),
        }

    def _ended(self, owner: str, job_id: str, live: Live, lang: str) -> Updates:
        p, result = self.parts, live.result
        creation_id = next(iter(live.end.creation_ids), None) if live.end is not None else None
        text = safe.markdown(safe.split_thinking(live.text).answer)
        if live.has_failed:
            text = f"{text}\n\n{safe.markdown(error_line(live.error, lang))}".strip()
        elif not text:
            text = say(
                "stopped_empty" if result is None or result.finish_reason == "cancelled" else "empty_answer", lang
            )
        facts = safe.escape(facts_line(result, model_name(self._services, result.model), lang)) if result else ""
        return {
            p.result: text,
            p.candidates: gr.update(
                value=candidates_html(result.candidates if result else ()), visible=bool(result and result.candidates)
            ),
            p.facts: facts,
            p.actions: gr.update(visible=True),
            p.again: gr.update(visible=live.has_failed),
            p.star: gr.update(visible=creation_id is not None, value=t(self._star_word(owner, creation_id))),
            p.download: gr.update(visible=creation_id is not None, value=lists.download_link(creation_id or "", lang)),
            p.sending: sending.menu("text", creation_id, lang, but="write") if creation_id else "",
            p.stop: gr.update(interactive=False),
            p.recent: self._recent_html(owner, lang),
        }

    def _star_word(self, owner: str, creation_id: str | None) -> str:
        try:
            starred = creation_id is not None and self._services.creations.get(owner, creation_id).is_starred
        except NotFound:
            starred = False
        return "unstar" if starred else "star"

    # ── the form ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _switch_kind(self, kind: str, model: str, request: gr.Request) -> Updates:
        """Another task, with an option and a model that can do it."""
        form = self._form_of(_task(kind), model, language(request))
        if kind != "poem":
            return form
        chosen = {"preset": POEM_PRESET, **PRESETS[POEM_PRESET]}
        return form | {getattr(self.panel, name): value for name, value in chosen.items()}

    def _form_of(self, task: TextTask, model: str, lang: str, option: str = "") -> Updates:
        """The form of a task, with this option and this model where they are some."""
        form = self._offered(task, lang)
        known = [one for _, one in form[self.panel.model]["choices"]]
        can = model in known or (model and not self._is_row(model))
        form[self.panel.model]["value"] = model if can else first_model(self._services, task)
        form[self.parts.option]["value"] = option or _usual_option(task, lang)
        return form

    def _offered(self, task: TextTask, lang: str) -> Updates:
        """What a task is called and what can be chosen for it; what is chosen stays."""
        p = self.parts
        option = OPTIONS.get(task, OPTIONS["rewrite"])
        return {
            p.prompt: gr.update(label=t(f"prompt_{task}"), lines=1 if task == "poem" else 5),
            p.option: gr.update(
                choices=option.choices(lang), label=t(option.label), info=t(option.info), visible=task in OPTIONS
            ),
            p.verse: gr.update(visible=task == "poem"),
            p.examples: lists.example_chips(self._examples[task], lang),
            self.panel.model: gr.update(choices=model_choices(self._services, task, lang)),
        }  # fmt: skip

    def _is_row(self, model: str) -> bool:
        return any(spec.id == model for spec in self._services.catalog.rows())

    def _take_example(self, event: gr.EventData, values: Updates, request: gr.Request) -> str:
        examples = self._examples[_task(values[self.parts.kind])]
        place = pressed(event)[1]
        example = examples[int(place) % len(examples)] if place.isdecimal() else examples[0]
        knows = not self._language_notice(example["zh"], str(values[self.panel.model]), "en")
        return str(example["zh" if language(request) == "zh" and knows else "en"])

    def _language_notice(self, text: str, model: str, lang: str) -> str:
        try:
            spec = self._services.catalog.find(model)
        except StudioError:
            return ""
        return language_notice(text, spec, self._services.catalog.rows("write"), lang)

    # ── results ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _star(self, job_id: str, request: gr.Request) -> Any:
        owner = self._services.identity.who(request)
        creation_id = next(iter(self._services.jobs.get(owner, job_id).creation_ids), "")
        is_starred = not self._services.creations.get(owner, creation_id).is_starred
        self._services.creations.star(owner, creation_id, is_starred)
        return gr.update(value=t("unstar" if is_starred else "star"))

    def _use(self, job_id: str, request: gr.Request) -> Updates:
        job = self._services.jobs.get(self._services.identity.who(request), job_id)
        if not isinstance(job.request, TextRequest):
            raise NotFound(thing="job")
        inform("settings_taken", language(request))
        seed = job.result.seed if isinstance(job.result, TextResult) else None
        return self.filled(job.request, language(request), seed=seed)

    def filled(self, asked: TextRequest, lang: str, *, seed: int | None = None) -> Updates:
        """The form filled in with a request."""
        p, chosen = self.parts, Chosen.of_request(asked, seed=seed)
        task = _task(asked.task)
        updates = {part: update for part, update in self.panel.filled(chosen).items() if part is not self.panel.private}
        updates |= self._form_of(task, chosen.model, lang, asked.option)
        prompt = {**updates[p.prompt], "value": asked.text}
        verse = {p.first_line: asked.answer_prefix if task == "poem" else "", p.heads: asked.heads}
        return {**updates, **verse, p.kind: task, p.prompt: prompt}

    def load(self, saved: object, saved_job: object, request: gr.Request) -> Updates:
        """Fill the tasks when the page is opened with the result or the running job that this browser had."""
        task = _task(saved.get("kind") if isinstance(saved, dict) else None)
        lang, owner = language(request), self._services.identity.who(request)
        updates = {**self._offered(task, lang), self.parts.recent: self._recent_html(owner, lang)}
        return {**updates, **self.shown(owner, str(saved_job or ""))}

    def shown(self, owner: str, job_id: str) -> Updates:
        """Show a job, as far as it has come; nothing where it is gone."""
        try:
            job = self._services.jobs.get(owner, job_id) if job_id else None
        except NotFound:
            job = None
        if job is None or not isinstance(job.request, TextRequest) or job.request.task == "chat":
            return {self.job: ""}
        return {
            self.job: job.id,
            self.pulse: (job.id, pulse()),
            self.saved_job: job.id if job.keep else "",
        }

    def _recent_html(self, owner: str, lang: str) -> str:
        page = self._services.creations.list(owner, kind="text") if owner != GUEST else None
        written = [one for one in page.items if not is_heard(one)] if page else []
        return lists.recent_strip(written[:RECENT], lang)


def is_heard(item: Item) -> bool:
    """Whether a text was written down from a recording: that is shown in the Audio tab."""
    asked = item.creation.recipe.get("request")
    return isinstance(asked, dict) and asked.get("kind") == "transcribe"


def _task(kind: object) -> TextTask:
    return kind if kind in lists.TASKS else "write"  # type: ignore[return-value]


def _usual_option(task: TextTask, lang: str) -> str:
    return {"translate": "English" if lang == "zh" else "French", "poem": FORMS[0][1]}.get(task, TONES[0][0])


def candidates_html(candidates: tuple[Candidate, ...]) -> str:
    """Ways to fill the gap, each with a bar of its probability."""
    rows = [
        f'<li><span class="word">{safe.escape(one.word)}</span><span class="probability" aria-hidden="true">'
        f'<span style="width:{max(0.0, min(1.0, one.probability)):.1%}"></span></span>'
        f'<span class="mono">{one.probability:.1%}</span><span class="sentence">{safe.escape(one.sentence)}</span></li>'
        for one in candidates
    ]
    return f'<ol class="candidates">{"".join(rows)}</ol>' if rows else ""
