"""Estimate: a number that knows what it bounds, in which direction, how exactly, and what to beware of."""

import enum
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from varinf._aggregate import aggregate
from varinf._arrays import namespace, to_numpy
from varinf._pytree import register_with_jax

NATS_PER_BIT = math.log(2)


class Direction(enum.StrEnum):
    """How an estimand stands to its quantity: below it, above it, equal to it, or none of these.

    A StrEnum: its members equal the strings that they stand for.

    See Also
    --------
    Estimate : What has a direction; its `is_bound` says whether its bias agrees with it.
    lens : The direction of an objective in words.

    Examples
    --------
    >>> import varinf as vi
    >>> vi.elbo([-2.0, -1.0, -3.0, -2.0]).direction == "lower"
    True
    >>> vi.Direction("upper") is vi.Direction.UPPER
    True
    """

    LOWER = "lower"  #: The estimand is at most the quantity.
    UPPER = "upper"  #: The estimand is at least the quantity.
    EXACT = "exact"  #: The estimand is the quantity.
    NEITHER = "neither"  #: Where the estimand lies is not known.


class Interval(NamedTuple):
    """Limits of a confidence interval; one-sided ones have an infinite side.

    Parameters
    ----------
    low, high : float or array (*batch)
        The limits, in the units of the estimate; -inf or +inf where a side is open.
    level : float
        Confidence level, between 0 and 1.

    See Also
    --------
    Estimate.interval : Limits for an estimand, or one-sided for its quantity.
    Sandwich.interval : Limits for the quantity that two estimates enclose.

    Examples
    --------
    >>> import varinf as vi
    >>> low, high, level = vi.elbo([-2.0, -1.0, -3.0, -2.0]).interval(0.9)
    >>> round(float(low), 2), round(float(high), 2), level
    (-2.96, -1.04, 0.9)
    """

    low: Any  #: Lower limit.
    high: Any  #: Upper limit.
    level: float  #: Confidence level.


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Estimate:
    """A value with its standard error, and what they are about.

    Parameters
    ----------
    value, stderr : float or array (*batch)
        The estimate and the standard error due to its draws, in `units`. The error is nan where one draw (or one
        group) leaves nothing to measure it by.
    quantity : str
        What is bounded, such as "log p(x)".
    estimand : str
        What value ± stderr is about, such as "IWELBO of 50 draws".
    direction : Direction
        How the estimand stands to the quantity: "lower", "upper", "exact" or "neither".
    bias : {"none", "low", "high", "unknown"}
        How the estimator stands to its estimand, in expectation.
    draws : int, optional
        Draws behind each value; None where a closed form drew nothing.
    degrees : float
        Degrees of freedom of the Student t interval.
    units : {"nats", "bits"}
        Of the value, its error and its bias; `to` converts.
    bias_estimate : float or array (*batch), optional
        Estimated distance of the estimator's mean from the quantity where theory gives one, else None.
    objective : str
        The name under which `varinf.lens` finds the page's five answers.
    shared_draws : bool or "first axis"
        The values of a batch come from common draws, so that their errors are dependent; "first axis": those along
        the first axis do, as places on one curve, until an integer picks one of them.
    k_hat_of : str
        What `k_hat` is the tail index of: "w", the weights, unless another function of them decides.
    tail : callable () -> float or array (*batch), optional
        Computes `k_hat` from the draws. This one and the next two are None where no draws were kept.
    influence : callable () -> array (draws, *batch), optional
        Computes each draw's influence on the value, which joint errors of shared draws are made of.
    markov : callable (level, groups) -> (low, high), optional
        Computes limits on the quantity, in nats, by Markov's inequality; for ``interval(kind="markov")``.
    rules : tuple of callable (Estimate) -> str or None
        What `caveats` asks in turn.
    ceiling : float, optional
        The most that the value can be, in `units`, whatever the quantity is: log N for information from N data. None
        where there is no such limit.

    See Also
    --------
    Direction : The four ways to stand to a quantity.
    Sandwich : A lower and an upper estimate of one quantity.
    Interval : What `interval` returns.
    lens : What an estimate bounds, and how, in words with its numbers.

    Notes
    -----
    `k_hat` and `caveats` are computed on first access, from the draws. Under ``jax.jit`` an Estimate is a pytree of
    value, stderr and bias_estimate; what comes out of the transformed function has no draws, hence no `k_hat`.
    Differentiate `value`. There is no arithmetic on estimates: a bound is never negated by accident. A pickled one, as
    a pool of processes returns it, keeps its `k_hat` and `caveats`, computed before it goes; the draws stay behind, so
    that Markov limits, and joint errors of shared draws, are to be taken there.

    Examples
    --------
    >>> import varinf as vi
    >>> b = vi.elbo([-2.0, -1.0, -3.0, -2.0])
    >>> print(b)
    -2.0 ± 0.4 nats, lower bound on log p(x) (4 draws)
    >>> b.is_bound, bool(b.interval(0.95).low < b.value)
    (True, True)
    """

    value: Any
    stderr: Any
    quantity: str
    estimand: str
    direction: Direction
    bias: str = "none"
    draws: int | None = None
    degrees: float = math.inf
    units: str = "nats"
    bias_estimate: Any = None
    objective: str = ""
    shared_draws: bool | str = False
    k_hat_of: str = "w"
    # How to compute, on demand and from the draws: k_hat; each draw's influence on the value, (draws, *batch); and the
    # (low, high) limits on the quantity by Markov's inequality for a level and a number of groups.
    tail: Callable | None = None
    influence: Callable | None = None
    markov: Callable | None = None
    rules: tuple = ()  # each a function of the estimate that returns a caveat or None
    ceiling: float | None = None

    _leaves = ("value", "stderr", "bias_estimate")  # of the pytree that JAX sees

    def __init__(
        self,
        value,
        stderr,
        quantity,
        estimand,
        direction,
        bias=bias,
        draws=draws,
        degrees=degrees,
        units=units,
        bias_estimate=bias_estimate,
        objective=objective,
        shared_draws=shared_draws,
        k_hat_of=k_hat_of,
        tail=tail,
        influence=influence,
        markov=markov,
        rules=rules,
        ceiling=ceiling,
    ):
        if type(direction) is not Direction:
            direction = Direction(direction)
        if bias not in ("none", "low", "high", "unknown"):
            raise ValueError(f"bias={bias!r}: use none, low, high or unknown")
        if isinstance(stderr, float) and stderr < 0:  # arrays are ours, and a pass over them is not free
            raise ValueError(f"stderr={stderr}: a standard error is never negative; use nan where it is not known")
        own = self.__dict__  # past the __setattr__ of a frozen class, which would take longer than a small kernel
        own["value"] = value
        own["stderr"] = stderr
        own["quantity"] = quantity
        own["estimand"] = estimand
        own["direction"] = direction
        own["bias"] = bias
        own["draws"] = draws
        own["degrees"] = degrees
        own["units"] = units
        own["bias_estimate"] = bias_estimate
        own["objective"] = objective
        own["shared_draws"] = shared_draws
        own["k_hat_of"] = k_hat_of
        own["tail"] = tail
        own["influence"] = influence
        own["markov"] = markov
        own["rules"] = rules
        own["ceiling"] = ceiling
        if isinstance(value, (float, np.ndarray)):
            return
        jax = sys.modules.get("jax")
        if jax is not None and isinstance(value, jax.Array):  # tracers too
            register_with_jax(type(self), leaves=type(self)._leaves, dropped=("tail", "influence", "markov"))

    # What the draws say ----------------------------------------------------------------------------------------------

    @property
    def is_bound(self):
        """True when the direction of the estimand and the bias of the estimator agree: a bound in expectation."""
        agreeing = {Direction.LOWER: ("none", "low"), Direction.UPPER: ("none", "high")}
        return self.bias in agreeing.get(self.direction, ())

    @cached_property
    def k_hat(self):
        """Pareto tail index of what is averaged, float or (*batch), large is heavy; None where no draws were kept."""
        return None if self.tail is None else self.tail()

    @cached_property
    def caveats(self):
        """What to beware of in this estimate: a tuple of sentences, empty when there is nothing to say."""
        return tuple(text for rule in self.rules if (text := rule(self)))

    def interval(self, level=0.95, kind="t", groups=16):
        """Confidence limits for the estimand, or a one-sided limit for the quantity itself.

        Parameters
        ----------
        level : float
            Confidence level, between 0 and 1.
        kind : {"t", "markov"}
            "t": two-sided limits for the estimand, value ± t · stderr. "markov": a one-sided limit for the *quantity*
            that holds whatever the tail of the weights, from Markov's inequality over independent groups of draws.
        groups : int
            Number of groups for "markov", one a draw at most; choose it before looking at the draws.

        Returns
        -------
        Interval
            Limits `low` and `high`, float or array (*batch), in `units`, and the `level`; the open side of a Markov
            limit is infinite.

        Raises
        ------
        ValueError
            For a level outside of (0, 1), an unknown kind, or "markov" of an estimate whose mean weight is not
            unbiased.
        """
        check_level(level)
        if kind == "markov":
            if self.markov is None:
                raise ValueError(
                    "kind='markov' needs independent draws whose mean weight is unbiased; "
                    f"{self.estimand} has none: use iwelbo(log_weights), or eubo at exact posterior draws"
                )
            low, high = self.markov(level, groups)
            scale = 1.0 if self.units == "nats" else NATS_PER_BIT
            return Interval(low / scale, high / scale, level)
        if kind != "t":
            raise ValueError(f"kind={kind!r}: use 't' or 'markov'")
        from scipy.special import ndtri, stdtrit

        upper = (1 + level) / 2
        if self.degrees < 1:
            half = math.nan
        else:
            half = float(ndtri(upper) if math.isinf(self.degrees) else stdtrit(self.degrees, upper))
        reach = half * self.stderr
        # An infinite error leaves both sides open, whatever the value: -inf + inf would be nan.
        centre = namespace(self.value).where(reach == math.inf, 0.0, self.value)
        return Interval(centre - reach, centre + reach, level)

    def to(self, units):
        """The same estimate in other units.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show it in; a bit is log 2 nats.

        Returns
        -------
        Estimate
            With value, stderr, bias_estimate and the draws' influence converted.
        """
        if units not in ("nats", "bits"):
            raise ValueError(f"units={units!r}: use 'nats' or 'bits'")
        factor = {("nats", "bits"): 1 / NATS_PER_BIT, ("bits", "nats"): NATS_PER_BIT}.get((self.units, units), 1.0)
        influence = None if self.influence is None else lambda: self.influence() * factor
        ceiling = None if self.ceiling is None else self.ceiling * factor
        return self._with(lambda x: x * factor, units=units, influence=influence, ceiling=ceiling)

    # Batches ---------------------------------------------------------------------------------------------------------

    @property
    def shape(self):
        """Shape of the batch, a tuple: () for a single number."""
        return tuple(getattr(self.value, "shape", ()))

    def __len__(self):
        if not self.shape:
            raise TypeError("this Estimate is a single number and has no len()")
        return self.shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index):
        if not self.shape:
            raise TypeError("this Estimate is a single number and cannot be indexed")
        keys = index if isinstance(index, tuple) else (index,)
        picked = isinstance(keys[0] if keys else None, int | np.integer)
        return self._with(
            lambda x: x[index],
            shared_draws=False if picked and self.shared_draws == "first axis" else self.shared_draws,
            tail=None if self.tail is None else lambda: self.k_hat[index],
            influence=None if self.influence is None else lambda: self.influence()[(slice(None), *keys)],
            markov=None
            if self.markov is None
            else lambda *how: tuple(np.asarray(limit)[index] for limit in self.markov(*how)),
        )

    def _with(self, change, **fields_):
        """This estimate with value, stderr and bias_estimate changed alike."""
        bias_estimate = None if self.bias_estimate is None else change(self.bias_estimate)
        return replace(
            self, value=change(self.value), stderr=change(self.stderr), bias_estimate=bias_estimate, **fields_
        )

    def __reduce__(self):
        """What leaves the process: every field, with what follows from the draws computed, as they stay behind."""
        values = {field.name: getattr(self, field.name) for field in fields(self)} | {"influence": None, "markov": None}
        values["tail"] = None if self.tail is None else partial(_known, self.k_hat)
        values["rules"] = tuple(partial(_known, text) for text in self.caveats)
        return partial(type(self), **values), ()

    def __copy__(self):
        return replace(self)

    def __array__(self, dtype=None, copy=None):
        return np.array(to_numpy(self.value), dtype=dtype, copy=copy)

    def __float__(self):
        if self.shape:
            raise TypeError(f"this Estimate holds a batch of shape {self.shape}: index it, or take .mean() or .sum()")
        value = to_numpy(self.value)  # which leaves a graph of torch's in peace
        return float(self.value if value is None else value)

    def __bool__(self):
        """As NumPy has it: whether a single number is other than 0."""
        if self.shape:
            raise ValueError(
                f"the truth of a batch of shape {self.shape} is ambiguous: compare .value, or take its .any() or .all()"
            )
        return bool(self.value)

    def mean(self, over="dataset"):
        """Mean over the batch, as one Estimate.

        Parameters
        ----------
        over : {"dataset", "population"}
            "dataset": these data are all there is; the error is that of the draws, sqrt(Σ stderr²)/N, or, with
            `shared_draws`, that of the draws taken jointly. "population": the data are a sample too; the error is
            sd(values)/sqrt(N), which holds the draws' error as well where each datum has draws of its own. With
            `shared_draws` it is sqrt(joint² + sd²/N), joint the error over the dataset: what the draws do to all data
            alike shows in the first term only, what data do in the second. What a draw does to one datum alone is in
            both: the error is never too small, and too large by a factor between 1, where either the data or the
            common noise rules, and sqrt(2), where neither does.

        Returns
        -------
        Estimate
            Of "the mean of" the quantity, without a batch; direction and bias stay, and `k_hat` is the worst of the
            batch.

        Raises
        ------
        TypeError
            For a single number.
        ValueError
            For an empty batch, an unknown `over`, or shared draws that were not kept.
        """
        return aggregate(self, over, total=False)

    def sum(self):
        """Sum over the batch, as one Estimate; the error is that of the draws.

        Returns
        -------
        Estimate
            Of "the sum of" the quantity, without a batch; see `mean` over the "dataset".
        """
        return aggregate(self, "dataset", total=True)

    # How it reads ----------------------------------------------------------------------------------------------------

    def __str__(self):
        from varinf._text import describe

        return describe(self)

    def __repr__(self):
        from varinf._text import describe

        return describe(self, "<Estimate: ", ">")


def _known(value, *_):
    """What was once to be computed, at the top of the module, so that other processes find it."""
    return value


def check_level(level):
    if not isinstance(level, int | float | np.number) or not 0 < level < 1:
        raise ValueError(f"level={level!r}: use a number between 0 and 1, such as 0.95")
