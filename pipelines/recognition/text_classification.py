"""Of which class a text is, by a model that knows classes, and which of its words spoke for that.

    pipeline = TextClassificationPipeline.on_this_machine()
    result = pipeline.generate(ClassifyTextRequest(model="my-letters", text="Dear Sir or Madam"))

It knows texts and probabilities, and no model family.
"""

import time
from collections.abc import Sequence
from typing import Protocol

from pipelines.base import Pipeline
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.networks.attribution import Spoke
from pipelines.types.classification import ClassifyTextRequest, ClassifyTextResult, Likelihood, Span
from pipelines.types.events import IsCancelled, OnEvent, ignore, never

SHOWN = 10


class TextClassifierModel(Protocol):
    """What a family gives for classes of texts."""

    labels: tuple[str, ...]

    def classify(self, text: str) -> tuple[list[float], list[Spoke]]:
        """The probability of each label, and what each token that was read did for the likeliest one, in order."""
        ...


class TextClassificationPipeline(Pipeline):
    """Safe to use from several threads at once."""

    def generate(
        self, request: ClassifyTextRequest, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never
    ) -> ClassifyTextResult:
        """Raises the errors of `pipelines.errors`."""
        # 1 What is asked
        request.check()
        spec = self.catalog.check(request)

        # 2 The model's answer
        try:
            with self.lease(spec, (), on_event, is_cancelled) as model:
                started = time.perf_counter()
                probabilities, spoke = model.classify(request.text)
                seconds = time.perf_counter() - started
        except LoadCancelled:
            return ClassifyTextResult(spec.id, (), 0.0, finish_reason="cancelled")

        # 3 The likeliest first, and the text in pieces
        pairs = sorted(zip(model.labels, probabilities, strict=True), key=lambda pair: -pair[1])[:SHOWN]
        likelihoods = tuple(Likelihood(label, probability) for label, probability in pairs)
        return ClassifyTextResult(spec.id, likelihoods, seconds, in_pieces(request.text, spoke))


def in_pieces(text: str, spoke: Sequence[Spoke]) -> tuple[Span, ...]:
    """All of `text`, what stands between the tokens and after them too."""
    spans, done = [], 0
    for one in spoke:
        start, end = max(one.start, done), max(one.end, done)
        if start > done:
            spans.append(Span(text[done:start], None))
        if end > start:
            spans.append(Span(text[start:end], one.weight))
        done = max(done, end)
    return (*spans, Span(text[done:], None)) if done < len(text) else tuple(spans)
