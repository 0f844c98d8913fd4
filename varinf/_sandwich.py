"""Sandwich: one quantity between a lower and an upper estimate."""

from dataclasses import dataclass, replace
from functools import partial

from varinf._aggregate import influence_of_both, pooled_degrees
from varinf._arrays import namespace
from varinf.estimate import Direction, Estimate, Interval, check_level


@dataclass(frozen=True, eq=False, repr=False)
class Sandwich:
    """A lower and an upper estimate of one quantity, and what they rest on.

    Attributes
    ----------
    lower, upper : Estimate
        From independent draws.
    assumptions : tuple of str
        What must hold for the two to enclose the quantity.
    """

    lower: Estimate
    upper: Estimate
    assumptions: tuple = ()

    @property
    def gap(self):
        """upper - lower as an Estimate: how much is left open; it may fall below 0 by noise alone.

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
            draws=min(lower.draws, upper.draws),
            degrees=pooled_degrees(squares, (upper.degrees, lower.degrees)),
            units=lower.units,
            shared_draws=upper.shared_draws or lower.shared_draws,
            influence=(lambda: influence_of_both(upper.influence(), lower.influence())) if kept else None,
            rules=(*_rules_of("lower", lower), *_rules_of("upper", upper)),
        )

    @property
    def caveats(self):
        """The caveats of both sides, each once."""
        return tuple(dict.fromkeys(self.lower.caveats + self.upper.caveats))

    def interval(self, level=0.95, kind="t", groups=16):
        """An interval for the quantity from two one-sided limits, each failing with probability (1 - level)/2 at most.

        kind="t" takes each side's t limit; kind="markov" assumes nothing about the tails: P(log p_hat > log p + log
        1/d) <= d (Grosse, Ghahramani, Adams 2015, section 4.1), with independent groups of draws on each side.
        """
        # A side's two-sided interval at `level` has one-sided limits at (1 + level)/2; Markov limits are one-sided.
        check_level(level)
        side = (1 + level) / 2 if kind == "markov" else level
        low = self.lower.interval(side, kind, groups).low
        return Interval(low, self.upper.interval(side, kind, groups).high, level)

    def to(self, units):
        """The same sandwich shown in "nats" or "bits"."""
        return self._with(lambda side: side.to(units))

    # Batches ---------------------------------------------------------------------------------------------------------

    @property
    def shape(self):
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
        """Mean over the batch, as one Sandwich; see `Estimate.mean`.

        With over="population" both sides hold the error of the same data, which cancels in their difference: take
        the gap from ``gap.mean(over)`` then.
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
