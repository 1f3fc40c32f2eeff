"""Labels with bars of how likely or how near each is, as HTML. Knows no model."""

from collections.abc import Sequence

from pipelines.types.classification import Likelihood
from studio.ui.safe import escape


def bars(likelihoods: Sequence[Likelihood]) -> str:
    rows = "".join(
        f'<li><span class="word">{escape(one.label)}</span><span class="probability" aria-hidden="true">'
        f'<span style="width:{one.probability:.1%}"></span></span><span class="mono">{one.probability:.1%}</span></li>'
        for one in likelihoods
    )
    return f'<ol class="candidates">{rows}</ol>'
