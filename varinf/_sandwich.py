"""Sandwich: one quantity between a lower and an upper estimate."""

from dataclasses import dataclass, replace
from functools import partial

from varinf._aggregate import influence_of_both, pooled_degrees
from varinf._arrays import namespace
from varinf.estimate import Direction, Estimate, Interval, check_level


@dataclass(frozen=True, eq=False, repr=False)
class Sandwich:
    """A lower and an upper estimate of one quantity, and what they rest on.

    Parameters
    ----------
    lower, upper : Estimate
        Of the same quantity, in the same units and batch shape, from independent draws.
    assumptions : tuple of str
        What must hold for the two to enclose the quantity.
    objective : str
        The name under which `varinf.lens` finds the page's five answers.

    See Also
    --------
    sandwich : The one of log p(x), for a model and a q.
    Estimate : What each side is.
    iwelbo : The usual lower side.
    eubo : The usual upper side.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)
    >>> lower = vi.iwelbo(rng.normal(-0.125, 0.5, size=10_000))  # log w at draws from q, where log p(x) = 0
    >>> upper = vi.eubo(rng.normal(0.125, 0.5, size=10_000))  # and at draws from the posterior
    >>> b = vi.Sandwich(lower, upper, ("the upper side's draws are exact",))
    >>> low, high, _ = b.interval(0.95)
    >>> bool(low < 0 < high), round(float(b.gap.value), 1)
    (True, 0.1)
    """

    lower: Estimate
    upper: Estimate
    assumptions: tuple = ()
    objective: str = "sandwich"

    @property
    def gap(self):
        """What is left open: upper - lower, as an Estimate; it may fall below 0 by noise alone.

        Its bias is that of the two sides together, against the difference of their estimands; its degrees of freedom
        are Welch and Satterthwaite's; each side's caveats are its own too, and say whose they are.
        """
        lower, upper = self.lower, self.upper
        xp = namespace(upper.value)
        squares = xp.stack([upper.stderr**2, lower.stderr**2], axis=0)
        kept = upper.influence is not None and lower.influence is not None
        return Estimate(
            upper.value - lower.value,
            xp.sqrt(xp.sum(squares, axis=0)),
            quantity=f"the width of the bracket on {lower.quantity}",
            estimand=f"{upper.estimand} minus {lower.estimand}",
            direction=Direction.EXACT,
            bias=_bias_of_difference(upper.bias, lower.bias),
            draws=min((side.draws for side in (lower, upper) if side.draws is not None), default=None),
            degrees=pooled_degrees(squares, (upper.degrees, lower.degrees)),
            units=lower.units,
            shared_draws=upper.shared_draws or lower.shared_draws,
            influence=(lambda: influence_of_both(upper.influence(), lower.influence())) if kept else None,
            rules=(*_rules_of("lower", lower), *_rules_of("upper", upper)),
        )

    @property
    def caveats(self):
        """The caveats of both sides, each once: a tuple of sentences."""
        return tuple(dict.fromkeys(self.lower.caveats + self.upper.caveats))

    def interval(self, level=0.95, kind="t", groups=16):
        """Interval for the quantity from two one-sided limits, each failing with probability (1 - level)/2 at most.

        Parameters
        ----------
        level : float
            Confidence level of the two together, between 0 and 1.
        kind : {"t", "markov"}
            "t": each side's t limit. "markov" assumes nothing about the tails: P(log p_hat > log p + log 1/d) <= d
            (Grosse, Ghahramani, Adams 2015, section 4.1), with independent groups of draws on each side.
        groups : int
            Number of groups for "markov"; choose it before looking at the draws.

        Returns
        -------
        Interval
            The lower side's `low` and the upper side's `high`, float or array (*batch), in the units of the sides.
        """
        # A side's two-sided interval at `level` has one-sided limits at (1 + level)/2; Markov limits are one-sided.
        check_level(level)
        side = (1 + level) / 2 if kind == "markov" else level
        low = self.lower.interval(side, kind, groups).low
        return Interval(low, self.upper.interval(side, kind, groups).high, level)

    def to(self, units):
        """The same sandwich in other units.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show both sides in.

        Returns
        -------
        Sandwich
            With both sides converted.
        """
        return self._with(lambda side: side.to(units))

    # Batches ---------------------------------------------------------------------------------------------------------

    @property
    def shape(self):
        """Shape of the batch, a tuple: () for a single quantity."""
        return self.lower.shape

    def __len__(self):
        if not self.shape:
            raise TypeError("this Sandwich is about a single number and has no len()")
        return self.shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        raise ValueError("a Sandwich holds two numbers, so its truth is ambiguous: take that of .lower, .upper or .gap")

    def __getitem__(self, index):
        if not self.shape:
            raise TypeError("this Sandwich is about a single number and cannot be indexed")
        return self._with(lambda side: side[index])

    def mean(self, over="dataset"):
        """Mean over the batch, as one Sandwich.

        Parameters
        ----------
        over : {"dataset", "population"}
            Which error the sides take; see `Estimate.mean`. With "population" both sides hold the error of the same
            data, which cancels in their difference: take the gap from ``gap.mean(over)`` then.

        Returns
        -------
        Sandwich
            Of "the mean of" the quantity, without a batch.
        """
        return self._with(lambda side: side.mean(over))

    def _with(self, change):
        """This sandwich with both sides changed alike."""
        return replace(self, lower=change(self.lower), upper=change(self.upper))

    def __str__(self):
        from varinf._text import describe_sandwich

        return describe_sandwich(self)

    def __repr__(self):
        from varinf._text import describe_sandwich

        return describe_sandwich(self, "<Sandwich: ", ">")


def _bias_of_difference(upper, lower):
    """The bias of upper - lower: a lower side that is low widens the gap; against each other they are unknown."""
    leanings = {upper, {"low": "high", "high": "low"}.get(lower, lower)} - {"none"}
    return leanings.pop() if len(leanings) == 1 else "unknown" if leanings else "none"


def _rules_of(side, estimate):
    """The estimate's rules, as rules of the gap: they look at the side that they are about."""

    def of_side(rule, gap):
        text = rule(estimate)
        return text and f"{side} side: {text}"

    return tuple(partial(of_side, rule) for rule in estimate.rules)
