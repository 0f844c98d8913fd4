"""The gap of Theorem 3 against quadrature, and the theorem on the data set."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp
from theorem3 import GAP, INFORMATION, RATE, channel, densities_by_hand, posteriors

from varinf.families.diagonal_normal import DiagonalNormal
from varinf.information.aggregate import log_aggregate
from varinf.information.aggregate_kl import aggregate_kl
from varinf.information.index_information import index_information
from varinf.information.rate import rate


def test_theorem_3_on_the_channel_by_quadrature():
    """Rate from the closed form; the gap and the information from two integrals that share no intermediate with it."""
    q, r = channel()
    grid = np.linspace(-14, 14, 2801)[:, None]
    step = grid[1, 0] - grid[0, 0]
    log_q = log_aggregate(q, grid)
    gap = np.sum(np.exp(log_q) * (log_q - r.log_prob(grid))) * step
    conditional = densities_by_hand(q, grid)
    information = np.sum(np.exp(conditional) * (conditional - logsumexp(conditional, axis=1, keepdims=True))) * step / 2
    information += math.log(2)
    assert gap == pytest.approx(GAP, abs=1e-10)
    assert information == pytest.approx(INFORMATION, abs=1e-10)
    assert float(rate(q, r, over="dataset")) == pytest.approx(information + gap, rel=1e-10)
    assert float(rate(q, r, over="dataset")) == pytest.approx(RATE, abs=1e-10)


@pytest.mark.parametrize("kind", ["diagonal", "full", "shared"])
def test_estimate_against_quadrature(kind):
    """Pooled over seeds, and able to see a lost log N or a scale for a variance."""
    q, r = posteriors(25, 1, kind), DiagonalNormal([0.3], [1.4])
    grid = np.linspace(-25, 25, 5001)[:, None]
    log_q = logsumexp(densities_by_hand(q, grid), axis=1) - math.log(25)
    exact = np.sum(np.exp(log_q) * (log_q - r.log_prob(grid))) * (grid[1, 0] - grid[0, 0])
    runs = [aggregate_kl(q, r, draws=20, rng=seed) for seed in range(10)]
    scores = [(float(run) - exact) / float(run.stderr) for run in runs]
    assert abs(np.sum(scores)) / math.sqrt(10) < 5
    assert max(float(run.stderr) for run in runs) < 0.05


def test_rate_is_information_plus_gap():
    q, r = posteriors(40, 3), DiagonalNormal([0.0, 0.5, 0.0], [1.2, 1.0, 2.0])
    gap, information = aggregate_kl(q, r, draws=400, rng=0), index_information(q, draws=400, rng=1)
    residual = float(rate(q, r, over="dataset")) - float(gap) - float(information)
    assert abs(residual) < 5 * math.hypot(float(gap.stderr), float(information.stderr)) < 0.1


def test_zero_when_the_reference_is_the_aggregate():
    q = DiagonalNormal(np.tile([0.5, -1.0], (6, 1)), np.tile([0.7, 2.0], (6, 1)))
    gap = aggregate_kl(q, DiagonalNormal([0.5, -1.0], [0.7, 2.0]), draws=3, rng=0)
    assert abs(float(gap)) < 1e-14 and (str(gap.direction), gap.bias, gap.is_bound) == ("exact", "none", False)


def test_is_reproducible_and_counts_its_draws():
    q = posteriors(9, 2)
    a, b = aggregate_kl(q, rng=3), aggregate_kl(q, rng=3)
    assert float(a) == float(b) and a.draws == 9 and aggregate_kl(q, draws=5, rng=3).draws == 45
    assert a.quantity == "KL(q(z) || r(z))" and a.objective == "aggregate_kl"


def test_one_draw_of_one_datum_leaves_no_error():
    one = aggregate_kl(posteriors(1, 2), rng=0)
    assert math.isnan(one.stderr) and "leaves no standard error" in one.caveats[0]
    assert aggregate_kl(posteriors(1, 2), draws=2, rng=0).caveats == ()


def test_refusals():
    with pytest.raises(ValueError, match=r"reference has batch shape \(4,\)"):
        aggregate_kl(posteriors(4, 2), posteriors(4, 2))
    with pytest.raises(ValueError, match="draws=0: use a positive integer"):
        aggregate_kl(posteriors(4, 2), draws=0)
    with pytest.raises(ValueError, match="one distribution per datum"):
        aggregate_kl(DiagonalNormal.standard(2))


def test_torch_parameters_are_told_what_to_do():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"give NumPy arrays, such as q.loc.detach\(\)"):
        aggregate_kl(DiagonalNormal(torch.zeros(3, 2), torch.ones(3, 2)))
