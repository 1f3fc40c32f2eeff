"""The flow that captions the pictures of a data set by a model: a part for each picture, its words written as they come.

What a person wrote stays, also what is written meanwhile, unless it was asked to be overwritten. Stopped, what is written stays.
"""

from pipelines.training.uploads.captions import BY_PERSON
from pipelines.types.caption import CaptionRequest, CaptionResult
from pipelines.types.dataset import CaptionDataRequest, CaptionDataResult
from pipelines.types.events import Progress
from studio.jobs.flows import Flow, Stopped
from studio.library.datasets import Datasets, Said


class Captioning:
    """Called with a flow whose request is a CaptionDataRequest."""

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets

    async def __call__(self, flow: Flow) -> CaptionDataResult:
        """Raises NotFound, and what a part ended with."""
        asked = flow.request
        assert isinstance(asked, CaptionDataRequest)
        written = unknown = kept = 0
        pictures = [one for one in self._datasets.said(flow.owner, asked.dataset) if one.media.endswith(".png")]
        try:
            for number, one in enumerate(pictures):
                flow.tell(Progress(number, len(pictures), "pictures"))
                # 1 Is it to be captioned?
                if not self._may_write(flow.owner, asked, one):
                    kept += 1
                    continue

                # 2 What the model says of it
                content = self._datasets.media(flow.owner, asked.dataset, one.media).read_bytes()
                part = CaptionRequest(asked.model, language=asked.language, count=1)
                said = (await flow.part(part, files={"image": content})).result
                assert isinstance(said, CaptionResult)
                if not said.text:
                    unknown += 1

                # 3 Written, where nobody was faster
                elif self._may_write(flow.owner, asked, self._now(flow.owner, asked.dataset, one)):
                    self._datasets.say(flow.owner, asked.dataset, one.number, said.text, by=said.model)
                    written += 1
        except Stopped:
            return CaptionDataResult(asked.dataset, written, unknown, kept, "cancelled", asked.model)
        return CaptionDataResult(asked.dataset, written, unknown, kept, "stop", asked.model)

    def _may_write(self, owner: str, asked: CaptionDataRequest, one: Said) -> bool:
        """What was brought with it a person wrote, too."""
        return asked.overwrite or not one.caption or one.by not in ("", BY_PERSON)

    def _now(self, owner: str, dataset: str, one: Said) -> Said:
        return next(now for now in self._datasets.said(owner, dataset) if now.number == one.number)
