import mpmath
import numpy as np
import pytest
import scipy.special
import scipy.stats

from varinf.divergences.kl import kl, kl_and_gradient
from varinf.divergences.renyi import renyi_divergence
from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.families.low_rank_normal import LowRankNormal
from varinf.families.mixture import Mixture
from varinf.families.student_t import StudentT


def normals(rng, batch, dim):
    """One normal of each kind."""
    loc, scale = rng.normal(size=(6, *batch, dim)), rng.uniform(0.4, 2, (6, *batch, dim))
    tril = np.tril(rng.normal(size=(*batch, dim, dim)), k=-1) + np.eye(dim) * scale[0][..., None]
    return [
        DiagonalNormal(loc[0], scale[1]),
        DiagonalNormal.from_log_scale(loc[1], np.log(scale[2])),
        DiagonalNormal.from_log_variance(loc[2], np.log(scale[3])),
        FullNormal(loc[3], tril),
        LowRankNormal(loc[4], rng.normal(size=(*batch, dim, 2)), scale[4]),
    ]


def textbook(q, p):
    """(tr(Sp^-1 Sq) + d' Sp^-1 d - D + log|Sp| - log|Sq|) / 2, by general solves and determinants."""
    difference = p.loc - q.loc
    inner = np.trace(np.linalg.solve(p.covariance, q.covariance)) + difference @ np.linalg.solve(
        p.covariance, difference
    )
    return (inner - q.dim + np.linalg.slogdet(p.covariance)[1] - np.linalg.slogdet(q.covariance)[1]) / 2


def test_every_pair_of_normals():
    rng = np.random.default_rng(0)
    qs, ps, singles = normals(rng, (2, 3), 4), normals(rng, (2, 3), 4), normals(rng, (), 4)
    for q in qs:
        for p in [*ps, *singles, DiagonalNormal.standard(4)]:
            value = kl(q, p)
            assert value.shape == (2, 3) and np.all(value > 0)
            for i in np.ndindex(2, 3):
                each = p[i[0]][i[1]] if p.batch_shape else p
                assert value[i] == pytest.approx(textbook(q[i[0]][i[1]], each), rel=1e-11), (q, p)
    for q in singles:
        for p in singles:
            value = kl(q, p)
            assert value.shape == () and value == pytest.approx(textbook(q, p), rel=1e-11)
            assert kl(q, q) == pytest.approx(0, abs=1e-13)


def test_against_quadrature():
    """E_q[log q - log p] from the densities alone, by trapezoids; a sign or a swap of q and p would show."""
    q, p = DiagonalNormal([0.5], [0.7]), DiagonalNormal.from_log_variance([-1.0], [0.9])
    z, step = np.linspace(-12, 12, 4001, retstep=True)
    log_q, log_p = q.log_prob(z[:, None]), p.log_prob(z[:, None])
    expected = (np.exp(log_q) * (log_q - log_p)).sum() * step
    assert kl(q, p) == pytest.approx(expected, rel=1e-12)
    assert abs(kl(q, p) - kl(p, q)) > 0.1


def test_categoricals():
    rng = np.random.default_rng(1)
    q, p = rng.dirichlet(np.ones(5), size=(2, 3)), rng.dirichlet(np.ones(5), size=(2, 3))
    expected = scipy.special.rel_entr(q, p).sum(-1)
    np.testing.assert_allclose(kl(Categorical(probs=q), Categorical(logits=np.log(p))), expected, rtol=1e-12)
    q, p = Categorical(probs=[0.5, 0.5, 0.0]), Categorical(probs=[0.25, 0.75, 0.0])
    assert kl(q, p) == pytest.approx(np.log(2) / 2 + np.log(2 / 3) / 2, rel=1e-14)  # 0 log (0/0) = 0
    assert kl(Categorical(logits=[0.0, -np.inf, 0.0]), Categorical(probs=[0.5, 0.5, 0.0])) == np.inf
    assert kl(Categorical(probs=[1.0, 0.0, 0.0]), q) == pytest.approx(np.log(2))


def test_gradients_against_differences():
    rng = np.random.default_rng(2)
    ps = [*normals(rng, (), 3), *normals(rng, (2,), 3), DiagonalNormal.standard(3)]
    makers = {
        "scale": DiagonalNormal,
        "log_scale": DiagonalNormal.from_log_scale,
        "log_variance": DiagonalNormal.from_log_variance,
        "scale_tril": FullNormal,
    }
    checked = 0
    for q in normals(rng, (2,), 3)[:4]:
        for p in ps:
            if isinstance(q, DiagonalNormal) and not isinstance(p, DiagonalNormal):
                continue
            value, gradient = kl_and_gradient(q, p)
            name = q.parameter_names[1]
            assert gradient._fields == q.parameter_names
            np.testing.assert_allclose(value, kl(q, p), rtol=1e-14)
            at = [np.array(q.loc), np.array(getattr(q, name))]
            for which, analytic in enumerate(gradient):
                direction = rng.normal(size=at[which].shape)
                if name == "scale_tril" and which == 1:
                    direction = np.tril(direction)
                    assert not np.any(np.triu(analytic, k=1))

                def moved(h, which=which, direction=direction, at=at, name=name):
                    return makers[name](*[x + h * direction if i == which else x for i, x in enumerate(at)])

                # Richardson: differences at h and h/2, error O(h^4).
                h = 1e-3
                coarse, fine = ((kl(moved(s), p) - kl(moved(-s), p)) / (2 * s) for s in (h, h / 2))
                numeric = (4 * fine - coarse) / 3
                own = tuple(range(1, analytic.ndim))
                np.testing.assert_allclose((analytic * direction).sum(own), numeric, rtol=1e-7, atol=1e-8)
                checked += 1
    assert checked == 2 * (3 * 7 + 11)


def test_log_variances_do_not_pass_through_scales():
    """exp(-1400) is no float64, its logarithm is."""
    q = DiagonalNormal.from_log_variance([0.0], [-1400.0])
    assert kl(q, DiagonalNormal.standard(1)) == pytest.approx(699.5, rel=1e-14)
    assert kl(q, DiagonalNormal.from_log_scale([0.0], [-300.0])) == pytest.approx(399.5, rel=1e-14)
    assert kl(q, DiagonalNormal.from_log_scale([1.0], [-400.0])) == np.inf  # the means lie exp(400) scales apart


def test_float32():
    low = DiagonalNormal(np.ones((2, 3), np.float32), np.full((2, 3), 0.5, np.float32))
    full = FullNormal(np.ones(3, np.float32), np.eye(3, dtype=np.float32))
    for q in (low, full):
        for p in (DiagonalNormal.standard(3), full):
            assert kl(q, p).dtype == np.float32
    assert kl(low, DiagonalNormal(np.zeros(3), np.ones(3))).dtype == np.float64


def exact_low_rank(q, p):
    """(KL, Rényi 1/2) of two low-rank normals about 0, from their covariances in 80 digits."""
    with mpmath.workdps(80):
        covariances = []
        for each in (q, p):
            factor = mpmath.matrix(each.factor.astype(float).tolist())
            covariances.append(factor * factor.T + mpmath.diag([mpmath.mpf(float(s)) ** 2 for s in each.scale]))
        of_q, of_p = covariances
        ratio = mpmath.inverse(of_p) * of_q
        log_dets = [mpmath.log(mpmath.det(s)) for s in (of_q, of_p, (of_q + of_p) / 2)]
        trace = sum(ratio[i, i] for i in range(q.dim))
        return float((trace - q.dim - log_dets[0] + log_dets[1]) / 2), float(log_dets[2] - sum(log_dets[:2]) / 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ratio", [1, 1e3, 1e6, 1e8])
@pytest.mark.parametrize("rank", [1, 2])
def test_large_factors_beside_small_scales(dtype, ratio, rank):
    """The covariance, which squares the factors, has no scales left from 1e8 on, in float32 from 3e3 on."""
    rng = np.random.default_rng(5)
    factor, loc = (ratio * rng.normal(size=(4, rank))).astype(dtype), np.zeros(4, dtype)
    q = LowRankNormal(loc, factor, np.array([1, 0.5, 2, 1], dtype))
    p = LowRankNormal(loc, dtype(1.5) * factor, np.array([1.5, 1, 1, 2], dtype))
    expected = exact_low_rank(q, p)
    tolerance = 1e-6 if dtype == np.float32 else 1e-12
    for value, wanted in zip((kl(q, p), renyi_divergence(q, p, 0.5)), expected, strict=True):
        assert value.dtype == dtype and value == pytest.approx(wanted, rel=tolerance)
    full = FullNormal(loc, np.eye(4, dtype=dtype))
    value, gradient = kl_and_gradient(full, p)
    assert value.dtype == gradient.loc.dtype == gradient.scale_tril.dtype == dtype
    batch = LowRankNormal(np.zeros((3, 4), dtype), np.stack([factor] * 3), np.stack([q.scale] * 3))
    np.testing.assert_array_equal(kl(batch, p), [kl(q, p)] * 3)
    assert np.all(np.diagonal(q.scale_tril) > 0) and not np.any(np.triu(q.scale_tril, 1))
    np.testing.assert_allclose(q.scale_tril @ q.scale_tril.T, q.covariance, rtol=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("batch", [(), (3,)])
def test_monte_carlo_agrees_with_the_closed_form(batch):
    rng = np.random.default_rng(3)
    for q in normals(rng, batch, 2):
        for p in (normals(rng, (), 2)[3], DiagonalNormal.standard(2)):
            estimate = kl(q, p, method="monte_carlo", draws=4000, rng=4)
            assert estimate.value.shape == estimate.stderr.shape == batch
            assert np.all(np.abs(estimate.value - kl(q, p)) < 5 * estimate.stderr)
            assert np.all(estimate.stderr < 0.25 * (kl(q, p) + 0.1))  # it would see q and p swapped
    assert (estimate.direction, estimate.bias, estimate.is_bound) == ("exact", "none", False)
    assert (estimate.quantity, estimate.draws, estimate.degrees) == ("KL(q, p)", 4000, 3999)
    assert "estimate of KL(q, p)" in str(estimate)


def test_monte_carlo_where_no_closed_form_is():
    p = StudentT(3.0, np.zeros(2), np.ones(2))
    q = Mixture([0.5, 0.5], DiagonalNormal(np.zeros((2, 2)), np.ones((2, 2))))  # a standard normal in disguise
    z, step = np.linspace(-12, 12, 4001, retstep=True)
    normal, student = scipy.stats.norm.logpdf(z), scipy.stats.t.logpdf(z, 3)
    expected = 2 * (np.exp(normal) * (normal - student)).sum() * step
    for each in (q, DiagonalNormal.standard(2)):
        estimate = kl(each, p, method="monte_carlo", draws=40_000, rng=5)
        assert abs(estimate.value - expected) < 5 * estimate.stderr and estimate.stderr < 0.1 * expected
        with pytest.raises(NotImplementedError, match=r'Student.*use kl\(q, p, method="monte_carlo"\)'):
            kl(each, p)
    assert kl(q, p, method="monte_carlo", rng=0).draws == 10_000


def test_monte_carlo_at_its_edges():
    q, p = Categorical(probs=[[0.5, 0.5], [1.0, 0.0]]), Categorical(probs=[1.0, 0.0])
    estimate = kl(q, p, method="monte_carlo", draws=100, rng=0)
    np.testing.assert_array_equal(estimate.value, [np.inf, 0])
    np.testing.assert_array_equal(estimate.stderr, [np.nan, 0])
    assert "+inf" in estimate.caveats[0] and not estimate[1].caveats
    one = kl(DiagonalNormal([0.0], [2.0]), DiagonalNormal.standard(1), method="monte_carlo", draws=1, rng=0)
    assert np.isfinite(one.value) and np.isnan(one.stderr)


def test_what_is_refused():
    q = DiagonalNormal(np.zeros((3, 2)), np.ones((3, 2)))
    cases = [
        (lambda: kl(q, DiagonalNormal.standard(3)), ValueError, "q has dim 2 but p has dim 3"),
        (lambda: kl(q, q[:2]), ValueError, r"q has batch shape \(3,\) but p has \(2,\)"),
        (lambda: kl(q[0], q), ValueError, r"q has batch shape \(\) but p has \(3,\)"),
        (lambda: kl(q, Categorical(probs=[0.5, 0.5])), TypeError, "over categories"),
        (lambda: kl(q, np.zeros(2)), TypeError, "p is ndarray; give a family"),
        (lambda: kl(q, q, draws=100), ValueError, 'draws and rng are for method="monte_carlo"'),
        (lambda: kl(q, q, rng=0), ValueError, "draws and rng"),
        (lambda: kl(q, q, method="quadrature"), ValueError, "method='quadrature'"),
        (lambda: kl(q, q, method="monte_carlo", draws=0), ValueError, "draws=0"),
        (lambda: kl_and_gradient(q, FullNormal(np.zeros(2), np.eye(2))), NotImplementedError, "DiagonalNormal to Full"),
    ]
    for call, kind, sentence in cases:
        with pytest.raises(kind, match=sentence):
            call()


def test_one_draw_has_no_error_and_says_so():
    q = DiagonalNormal([0.0], [1.0])
    b = kl(q, DiagonalNormal.standard(1), method="monte_carlo", draws=1, rng=0)
    assert np.isnan(b.stderr)
    assert any("one draw" in text for text in b.caveats)
    assert not kl(q, q, method="monte_carlo", draws=2, rng=0).caveats
