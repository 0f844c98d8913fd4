"""What a stream of log weights says at one moment: the bounds, by the same code as for arrays in memory."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from varinf._arrays import positive_integer
from varinf.diagnostics import caveats
from varinf.diagnostics.draws import Moments
from varinf.evidence.elbo import elbo_of
from varinf.evidence.iwelbo import grouped_iwelbo_of, iwelbo_of


@dataclass(frozen=True, eq=False)
class Reading:
    """The moments of a stream, and k̂ on demand.

    `groups` are the moments of the log means of whole groups of `k` draws; `left_over` draws fill none.
    """

    stats: Moments
    tail: Callable
    tail_is_cut: bool
    k: int | None
    groups: Moments | None
    left_over: int
    shared_draws: bool = False

    xp = np

    def moments(self):
        return self.stats

    @cached_property
    def _k_hat(self):
        return self.tail()

    def k_hat(self):
        return self._k_hat

    def elbo(self):
        return elbo_of(self, self.shared_draws, self._rules)

    def iwelbo(self, k=None):
        if k is None:
            return iwelbo_of(self, self.shared_draws, self._rules)
        k = positive_integer(k, "k")
        if k != self.k:
            raise ValueError(f"k={k}: this state was declared with k={self.k}; declare it at first: LogWeights(k={k})")
        if self.groups is None:
            raise ValueError(f"k={k}: the {self.stats.draws:,} draws so far do not fill one group; give more draws")
        groups = replace(self, stats=self.groups)
        return grouped_iwelbo_of(self, groups, k, self.shared_draws, (*self._rules, self._incomplete))

    def effective_sample_size(self):
        return self.stats.draws * np.exp(-self.stats.log_inefficiency)

    @property
    def _rules(self):
        return (caveats.tail_cut,) if self.tail_is_cut else ()

    def _incomplete(self, estimate):
        if self.left_over:
            draws = f"{self.left_over:,} draw{'s' * (self.left_over != 1)}"
            verb = "is" if self.left_over == 1 else "are"
            return f"{draws} left over from groups of {self.k:,} {verb} not in the value"
        return None

    def settled(self):
        """The same with its k̂ computed, so that the weights behind it can go."""
        k_hat = self.k_hat()
        return replace(self, tail=lambda: k_hat)

    @staticmethod
    def concatenate(readings):
        """The readings of batches of data side by side; same draws and k."""
        k_hat = np.concatenate([np.atleast_1d(reading.k_hat()) for reading in readings])
        groups = [reading.groups for reading in readings]
        return replace(
            readings[0],
            stats=side_by_side([reading.stats for reading in readings]),
            groups=None if groups[0] is None else side_by_side(groups),
            tail=lambda: k_hat,
        )

    def reshaped(self, batch, order="C"):
        """The same data in another batch shape."""

        def arrange(x):
            return np.reshape(x, batch, order=order)[()]

        def moments(m):
            return None if m is None else Moments(m.draws, *map(arrange, m[1:]))

        return replace(self, stats=moments(self.stats), groups=moments(self.groups), tail=lambda: arrange(self.k_hat()))


def side_by_side(parts):
    """The moments of batches of data that have the same draws, joined along the first axis of the batch."""
    columns = zip(*(part[1:] for part in parts), strict=True)
    return Moments(parts[0].draws, *(np.concatenate([np.atleast_1d(x) for x in column]) for column in columns))
