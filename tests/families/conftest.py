"""One small batch of every family, for the tests that all must pass."""

import numpy as np
import pytest

from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.families.low_rank_normal import LowRankNormal
from varinf.families.mixture import Mixture
from varinf.families.student_t import StudentT


def _tril(rng, batch, dim):
    return np.tril(rng.normal(size=(*batch, dim, dim)), k=-1) + np.eye(dim) * rng.uniform(0.5, 2, (*batch, 1, dim))


def _diagonal(rng, batch, dim):
    return DiagonalNormal(rng.normal(size=(*batch, dim)), rng.uniform(0.5, 2, (*batch, dim)))


def _from_log_variance(rng, batch, dim):
    return DiagonalNormal.from_log_variance(rng.normal(size=(*batch, dim)), rng.normal(size=(*batch, dim)))


def _full(rng, batch, dim):
    return FullNormal(rng.normal(size=(*batch, dim)), _tril(rng, batch, dim))


def _low_rank(rng, batch, dim):
    shape = (*batch, dim)
    return LowRankNormal(rng.normal(size=shape), rng.normal(size=(*shape, 2)), rng.uniform(0.5, 2, shape))


def _student(rng, batch, dim):
    # Fourth moments exist, so that the variance of a sample variance does.
    shape = (*batch, dim)
    return StudentT(rng.uniform(5, 9, shape), rng.normal(size=shape), rng.uniform(0.5, 2, shape))


def _categorical(rng, batch, dim):
    return Categorical(logits=rng.normal(size=(*batch, dim)))


def _mixture_of(make):
    def mixture(rng, batch, dim):
        return Mixture(rng.dirichlet(np.ones(4), size=batch), make(rng, (*batch, 4), dim))

    return mixture


def _aggregate(rng, batch, dim):
    return Mixture(None, _diagonal(rng, (*batch, 4), dim))


MAKERS = {
    "diagonal": _diagonal,
    "log_variance": _from_log_variance,
    "full": _full,
    "low_rank": _low_rank,
    "student": _student,
    "categorical": _categorical,
    "mixture_of_diagonal": _mixture_of(_diagonal),
    "mixture_of_full": _mixture_of(_full),
    "mixture_of_student": _mixture_of(_student),
    "aggregate": _aggregate,
}


@pytest.fixture(params=MAKERS)
def make(request):
    """make(batch, dim, seed=0): a family of that batch shape and dimension."""

    def build(batch=(), dim=3, seed=0):
        return MAKERS[request.param](np.random.default_rng(seed), batch, dim)

    return build
