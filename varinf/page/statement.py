"""What a statement of the page says, the numbers that show it, and whether they do."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from varinf.datasets import diabetes, digits
from varinf.models.linear_gaussian import LinearGaussian
from varinf.models.linear_regression import LinearRegression

RESIDUAL_LIMIT = 1e-10  # relative, of identities between closed forms in float64
Z_LIMIT = 5.0  # standard errors, of identities between Monte Carlo estimates


@dataclass(frozen=True)
class Check:
    """A claim with the number that decides it: it holds when |value| <= limit."""

    claim: str
    value: float
    limit: float
    measure: str  # "residual", "z" or "violations"

    @property
    def passed(self):
        return bool(abs(self.value) <= self.limit)  # a nan fails

    @property
    def evidence(self):
        """The deciding number beside its limit, in a few characters."""
        if self.measure == "violations":
            return f"{self.value:.0f} violations"
        relation = "<" if self.passed else ">"
        if self.measure == "z":
            return f"|z| {abs(self.value):.2f} {relation} {self.limit:g}"
        return f"{abs(self.value):.1e} {relation} {self.limit:.0e}"


def residual(claim, left, right, limit=RESIDUAL_LIMIT):
    """Largest |left - right| relative to the larger of |right| and 1."""
    left, right = np.asarray(left, float), np.asarray(right, float)
    return Check(claim, float(np.max(np.abs(left - right) / np.maximum(np.abs(right), 1.0))), limit, "residual")


def z_score(claim, estimate, truth):
    """How many standard errors an estimate lies from the truth."""
    return Check(claim, float((estimate.value - truth) / estimate.stderr), Z_LIMIT, "z")


def violations(claim, bad):
    """How often something that must never happen did."""
    return Check(claim, float(np.count_nonzero(bad)), 0.0, "violations")


@dataclass(frozen=True)
class Statement:
    """A statement of the page, shown on numbers.

    Attributes
    ----------
    slug, title, formula, reading : str
        Its name, heading, mathematics in plain characters, and what the numbers say, in a sentence.
    header, rows : tuples of str
        A table to print.
    checks : tuple of Check
    data : dict
        What its picture is drawn from (`varinf.plot`).
    """

    slug: str
    title: str
    formula: str
    reading: str
    header: tuple
    rows: tuple
    checks: tuple
    data: dict = field(default_factory=dict, repr=False)

    @property
    def passed(self):
        return all(check.passed for check in self.checks)


class Study:
    """The data and the models that the statements share, each made once."""

    def __init__(self, seed=0):
        self.seed = seed

    def rng(self, stream):
        """Random numbers of their own for each use, whatever else runs."""
        return np.random.default_rng([self.seed, stream])

    @cached_property
    def images(self):
        """The 1,797 digits, pixels 0 to 16; the first ten show 0 to 9."""
        return digits(raw=True)

    @cached_property
    def codes(self):
        """Probabilistic PCA with six latent dimensions, by maximum likelihood: its posterior is diagonal."""
        return LinearGaussian(6).fit(self.images)

    @cached_property
    def turned_codes(self):
        """The same model of images in a rotated basis of z: the posterior's features correlate, a diagonal q is off."""
        rotation, _ = np.linalg.qr(self.rng(0).normal(size=(6, 6)))
        model = self.codes
        return LinearGaussian.from_parameters(model.weights @ rotation, model.mean, model.noise_variance)

    @cached_property
    def regression(self):
        """Linear regression on the diabetes data, whose exact posterior is strongly correlated."""
        return LinearRegression(*diabetes(), noise_variance=0.5)
