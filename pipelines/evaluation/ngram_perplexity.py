"""How well counting alone predicts a text: the perplexity of an interpolated n-gram model, the yardstick for a network.

Each order is mixed with the one below by Witten and Bell's weight (1991, IEEE Trans. Inf. Theory 37(4), method C): the more
different symbols have followed a context, the less it is trusted. Below the single symbols stands the uniform distribution.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence


class NgramModel:
    """Counts of every context of up to `order` - 1 symbols."""

    def __init__(self, texts: Iterable[Sequence[Hashable]], order: int, vocabulary: int) -> None:
        """`vocabulary` is how many different symbols there may be, those never seen among them."""
        self.order = order
        self.vocabulary = vocabulary
        self._followers: defaultdict[tuple, Counter] = defaultdict(Counter)
        for text in texts:
            for place, symbol in enumerate(text):
                for length in range(min(order - 1, place) + 1):
                    self._followers[tuple(text[place - length : place])][symbol] += 1
        self._totals = {context: followers.total() for context, followers in self._followers.items()}

    def probability(self, context: Sequence[Hashable], symbol: Hashable) -> float:
        """Of `symbol` after `context`, of which the last `order` - 1 symbols count."""
        chance = 1 / self.vocabulary
        for length in range(min(self.order - 1, len(context)) + 1):
            followers = self._followers.get(tuple(context[len(context) - length :]))
            if followers is None:
                break
            kinds, total = len(followers), self._totals[tuple(context[len(context) - length :])]
            chance = (followers[symbol] + kinds * chance) / (total + kinds)
        return chance

    def perplexity(self, texts: Iterable[Sequence[Hashable]]) -> float:
        """exp of the mean negative log probability of a symbol, each predicted from those before it in its text."""
        logs = [math.log(self.probability(text[:place], text[place])) for text in texts for place in range(len(text))]
        return math.exp(-sum(logs) / len(logs))
