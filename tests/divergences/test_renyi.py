import numpy as np
import pytest

from varinf.divergences.kl import kl
from varinf.divergences.renyi import renyi_divergence
from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.families.low_rank_normal import LowRankNormal
from varinf.families.student_t import StudentT

ORDERS = (0.01, 0.3, 0.5, 0.999, 1.0, 1.001, 1.4, 2.0, 5.0)


@pytest.mark.parametrize("alpha", [0.3, 0.5, 0.9999, 1.3, 2.0, 3.0])
def test_against_quadrature(alpha):
    q, p = DiagonalNormal([0.5], [0.7]), DiagonalNormal.from_log_variance([-0.5], [0.3])
    z, step = np.linspace(-25, 25, 8001, retstep=True)
    log_q, log_p = q.log_prob(z[:, None]), p.log_prob(z[:, None])
    power = np.exp(alpha * log_q + (1 - alpha) * log_p).sum() * step
    expected = np.log(power) / (alpha - 1)
    assert renyi_divergence(q, p, alpha) == pytest.approx(expected, rel=1e-9)


def gil(q, p, alpha):
    """The formula of Gil, Alajaji and Linder as it stands, with determinants."""
    mixed = alpha * p.covariance + (1 - alpha) * q.covariance
    if np.linalg.eigvalsh(mixed).min() <= 0:
        return np.inf
    difference = q.loc - p.loc
    log_dets = [np.linalg.slogdet(s)[1] for s in (mixed, q.covariance, p.covariance)]
    ratio = log_dets[0] - (1 - alpha) * log_dets[1] - alpha * log_dets[2]
    return alpha / 2 * difference @ np.linalg.solve(mixed, difference) - ratio / (2 * (alpha - 1))


def test_normals():
    rng = np.random.default_rng(0)
    infinite = 0
    for _ in range(3):
        loc, scale = rng.normal(size=(4, 2, 3)), rng.uniform(0.6, 1.4, (3, 2, 3))
        tril = np.tril(0.3 * rng.normal(size=(2, 3, 3)), k=-1) + np.eye(3) * scale[0][..., None]
        kinds = [
            DiagonalNormal(loc[0], scale[1]),
            DiagonalNormal.from_log_variance(loc[1], np.log(scale[2])),
            FullNormal(loc[2], tril),
            LowRankNormal(loc[3], 0.4 * rng.normal(size=(2, 3, 1)), scale[0]),
        ]
        for q in kinds:
            for p in [*kinds, kinds[2][0], DiagonalNormal.standard(3)]:
                for alpha in (0.3, 0.5, 1.5, 3.0):
                    value = renyi_divergence(q, p, alpha)
                    assert value.shape == (2,)
                    expected = [gil(q[i], p[i] if p.batch_shape else p, alpha) for i in range(2)]
                    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)
                    infinite += np.isinf(expected).sum()
    assert infinite > 10  # the wide ones were met


def test_it_grows_with_alpha_and_passes_through_kl():
    q, p = DiagonalNormal([0.5, 1.0], [0.7, 0.9]), DiagonalNormal.standard(2)
    full_q, full_p = FullNormal(q.loc, q.scale_tril), FullNormal(np.zeros(2), np.eye(2))
    cat_q, cat_p = Categorical(probs=[0.2, 0.3, 0.5]), Categorical(probs=[0.6, 0.3, 0.1])
    for a, b in ((q, p), (full_q, full_p), (cat_q, cat_p)):
        values = [float(renyi_divergence(a, b, alpha)) for alpha in ORDERS]
        assert np.all(np.diff(values) > 0) and values[0] > 0
        assert values[ORDERS.index(1.0)] == float(kl(a, b))
        for alpha in (1 - 1e-9, 1 + 1e-9):  # log(...)/(alpha - 1) would have lost nine digits
            assert renyi_divergence(a, b, alpha) == pytest.approx(float(kl(a, b)), rel=1e-8)
        # Skew symmetry: (1 - alpha) D_alpha(q, p) = alpha D_{1-alpha}(p, q).
        assert 0.7 * renyi_divergence(a, b, 0.3) == pytest.approx(0.3 * float(renyi_divergence(b, a, 0.7)), rel=1e-11)
        assert renyi_divergence(a, a, 2.0) == pytest.approx(0, abs=1e-14)


def test_infinite_where_q_is_too_wide():
    q, p = DiagonalNormal([0.0], [2.0]), DiagonalNormal.standard(1)
    edge = 4 / 3  # alpha + (1 - alpha) 4 = 0
    assert np.isfinite(renyi_divergence(q, p, edge - 1e-9)) and renyi_divergence(q, p, edge + 1e-9) == np.inf
    full = FullNormal([0.0], [[2.0]])
    assert np.isfinite(renyi_divergence(full, p, edge - 1e-9)) and renyi_divergence(full, p, edge + 1e-9) == np.inf


def test_categoricals():
    rng = np.random.default_rng(1)
    q, p = rng.dirichlet(np.ones(5), size=3), rng.dirichlet(np.ones(5), size=3)
    for alpha in (0.2, 0.99, 1.01, 4.0, 60.0):
        expected = np.log((q**alpha * p ** (1 - alpha)).sum(-1)) / (alpha - 1)
        value = renyi_divergence(Categorical(probs=q), Categorical(logits=np.log(p)), alpha)
        np.testing.assert_allclose(value, expected, rtol=1e-11)
    some, other = Categorical(probs=[0.5, 0.5, 0.0]), Categorical(probs=[0.5, 0.0, 0.5])
    assert renyi_divergence(some, other, 0.5) == pytest.approx(np.log(2) * 2)
    assert renyi_divergence(some, other, 1.5) == np.inf
    assert renyi_divergence(Categorical(probs=[1.0, 0.0]), Categorical(probs=[0.0, 1.0]), 0.5) == np.inf
    assert renyi_divergence(Categorical(probs=[1.0, 0.0]), Categorical(probs=[0.5, 0.5]), 3.0) == pytest.approx(
        np.log(2)
    )


def test_what_is_refused():
    q = DiagonalNormal.standard(2)
    for alpha in (0.0, -1.0):
        with pytest.raises(ValueError, match="is positive"):
            renyi_divergence(q, q, alpha)
    with pytest.raises(ValueError, match="finite number"):
        renyi_divergence(q, q, np.inf)
    with pytest.raises(TypeError, match="use a number"):
        renyi_divergence(q, q, "2")
    with pytest.raises(NotImplementedError, match="StudentT"):
        renyi_divergence(q, StudentT(3, [0.0, 0.0], [1.0, 1.0]), 2.0)
    with pytest.raises(ValueError, match="dim"):
        renyi_divergence(q, DiagonalNormal.standard(3), 2.0)
