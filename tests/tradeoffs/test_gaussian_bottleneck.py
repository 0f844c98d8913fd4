"""The Gaussian bottleneck: known values, a numerical minimum over projections, its laws, and singular covariances."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from varinf.information.gaussian_mutual_information import gaussian_mutual_information
from varinf.tradeoffs.gaussian_bottleneck import gaussian_bottleneck, gaussian_bottleneck_curve

DIAGONAL = (np.eye(3), np.diag([0.9, 0.6, 0.3]), np.eye(3))


def blocks(rng, p, q, noise=0.5):
    """Covariance of p and q features that share min(p, q) factors."""
    load = rng.normal(size=(p + q, min(p, q)))
    joint = load @ load.T + noise * np.diag(rng.uniform(0.5, 2.0, p + q))
    return joint[:p, :p], joint[:p, p:], joint[p:, p:]


def log_det(matrix):
    return np.linalg.slogdet(matrix)[1]


def keeps(A, Sigma_x, Sigma_xy, Sigma_y):
    """(I(T;X), I(T;Y)) of T = A X + N(0, I), from determinants."""
    given_y = Sigma_x - Sigma_xy @ np.linalg.solve(Sigma_y, Sigma_xy.T)
    noise = np.eye(len(A))
    marginal = log_det(A @ Sigma_x @ A.T + noise) / 2
    return marginal, marginal - log_det(A @ given_y @ A.T + noise) / 2


@pytest.mark.parametrize(
    ("beta", "I_TX", "I_TY", "directions"),
    [(3.0, 1.1304701959, 0.6480440466, 2), (12.0, 2.8773484599, 0.9701474290, 3), (1.2, 0.0, 0.0, 0)],
)
def test_known_values(beta, I_TX, I_TY, directions):
    result = gaussian_bottleneck(*DIAGONAL, beta)
    np.testing.assert_allclose([result.I_TX, result.I_TY], [I_TX, I_TY], rtol=0, atol=1e-9)
    assert result.projection.shape == (directions, 3)
    np.testing.assert_allclose(result.critical_betas, [1.2345679012, 2.7777777778, 11.1111111111], atol=1e-9)
    np.testing.assert_allclose(result.correlations, [0.9, 0.6, 0.3], rtol=1e-14)


@pytest.mark.parametrize(("p", "q"), [(1, 1), (3, 2), (2, 4), (4, 4)])
def test_no_projection_does_better(p, q):
    """The Lagrangian minimised over all A (P, P) by quasi-Newton steps from random starts."""
    rng = np.random.default_rng(p * 10 + q)
    covariances = blocks(rng, p, q)
    for beta in (1.5, 4.0):
        result = gaussian_bottleneck(*covariances, beta)

        def lagrangian(flat, beta=beta):
            I_TX, I_TY = keeps(flat.reshape(p, p), *covariances)
            return I_TX - beta * I_TY

        best = min((minimize(lagrangian, rng.normal(size=p * p), method="BFGS") for _ in range(4)), key=lambda b: b.fun)
        # Its gradients are differences, good to 1e-6 or so: the least is good to the square of that.
        assert result.I_TX - beta * result.I_TY == pytest.approx(best.fun, abs=1e-8)
        assert result.I_TX - beta * result.I_TY <= best.fun + 1e-12


@pytest.mark.parametrize(("p", "q"), [(1, 3), (3, 2), (5, 5)])
def test_the_projection_has_the_information_it_claims(p, q):
    Sigma_x, Sigma_xy, Sigma_y = blocks(np.random.default_rng(q), p, q)
    result = gaussian_bottleneck(Sigma_x, Sigma_xy, Sigma_y, 5.0)
    A = result.projection
    Sigma_t = A @ Sigma_x @ A.T + np.eye(len(A))
    assert gaussian_mutual_information(Sigma_t, A @ Sigma_x, Sigma_x) == pytest.approx(result.I_TX, rel=1e-10)
    assert gaussian_mutual_information(Sigma_t, A @ Sigma_xy, Sigma_y) == pytest.approx(result.I_TY, rel=1e-10)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 5), st.floats(0.05, 5.0))
def test_laws_of_the_curve(seed, p, q, noise):
    covariances = blocks(np.random.default_rng(seed), p, q, noise)
    betas = np.concatenate([[0.0, 1.0], np.geomspace(1.001, 1e4, 60)])
    curve = gaussian_bottleneck_curve(*covariances, betas)
    limit = float(gaussian_mutual_information(*covariances))
    assert curve.limit == pytest.approx(limit, rel=1e-8)
    assert np.all(np.minimum(curve.I_TX, limit) - curve.I_TY >= -1e-12)  # data processing, twice
    assert np.all(np.diff(curve.I_TX) >= -1e-12) and np.all(np.diff(curve.I_TY) >= -1e-12)
    assert np.all(np.diff(curve.directions) >= 0)
    assert curve.I_TX[:2].tolist() == curve.I_TY[:2].tolist() == [0.0, 0.0]  # beta 1 and below: nothing
    # Concave, of slope 1/beta: chords lie between the slopes of their ends.
    run, rise = np.diff(curve.I_TX), np.diff(curve.I_TY)
    assert np.all(rise >= run / betas[1:] - 1e-12)
    assert np.all(rise <= run / np.maximum(betas[:-1], 1.0) + 1e-12)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4), st.floats(1.05, 50.0))
def test_invertible_maps_change_nothing(seed, p, q, beta):
    rng = np.random.default_rng(seed)
    Sigma_x, Sigma_xy, Sigma_y = blocks(rng, p, q)
    a = gaussian_bottleneck(Sigma_x, Sigma_xy, Sigma_y, beta)
    D, E = np.diag(10 ** rng.uniform(-6, 6, p)), np.diag(10 ** rng.uniform(-6, 6, q))
    b = gaussian_bottleneck(D @ Sigma_x @ D, D @ Sigma_xy @ E, E @ Sigma_y @ E, beta)
    mild = rng.normal(size=(p, p)) + 3 * np.eye(p)
    c = gaussian_bottleneck(mild @ Sigma_x @ mild.T, mild @ Sigma_xy, Sigma_y, beta)
    for other, precision in ((b, 1e-9), (c, 1e-6)):  # units cost nothing; a mixing map costs its condition number
        np.testing.assert_allclose([other.I_TX, other.I_TY], [a.I_TX, a.I_TY], rtol=precision, atol=precision)
    # Of the projection what does not depend on signs: for x in other units, A changes by their inverse.
    A = b.projection @ D
    np.testing.assert_allclose(A.T @ A, a.projection.T @ a.projection, rtol=1e-6, atol=1e-6)


def test_directions_without_variance_are_left_out():
    rng = np.random.default_rng(7)
    Sigma_x, Sigma_xy, Sigma_y = blocks(rng, 3, 2)
    lift = np.concatenate([np.eye(3), [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]])  # a sum, and a constant
    a = gaussian_bottleneck(Sigma_x, Sigma_xy, Sigma_y, 6.0)
    b = gaussian_bottleneck(lift @ Sigma_x @ lift.T, lift @ Sigma_xy, Sigma_y, 6.0)
    np.testing.assert_allclose([b.I_TX, b.I_TY], [a.I_TX, a.I_TY], rtol=1e-8)
    np.testing.assert_allclose(np.abs(b.projection @ lift), np.abs(a.projection), rtol=1e-6)
    twice = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
    c = gaussian_bottleneck(Sigma_x, Sigma_xy @ twice.T, twice @ Sigma_y @ twice.T, 6.0)
    np.testing.assert_allclose([c.I_TX, c.I_TY], [a.I_TX, a.I_TY], rtol=1e-8)


def test_independence():
    result = gaussian_bottleneck(np.eye(2), np.zeros((2, 3)), np.eye(3), 100.0)
    assert (result.I_TX, result.I_TY, result.projection.shape) == (0.0, 0.0, (0, 2))
    assert result.critical_betas.tolist() == [math.inf, math.inf]
    curve = gaussian_bottleneck_curve(np.eye(2), np.zeros((2, 3)), np.eye(3))
    assert curve.beta.tolist() == [1.0] and curve.I_TY.tolist() == [0.0] and curve.limit == 0.0


def test_weak_directions_keep_their_digits():
    """Just above the critical beta a² is small, and I_TX = a² / 2 to first order."""
    beta = (1 + 1e-10) / 0.36
    result = gaussian_bottleneck([[1.0]], [[0.6]], [[1.0]], beta)
    np.testing.assert_allclose(result.I_TX, (beta * 0.36 - 1) / 0.64 / 2, rtol=1e-5)


def test_the_encoder():
    rng = np.random.default_rng(8)
    Sigma_x, Sigma_xy, Sigma_y = blocks(rng, 3, 2)
    result = gaussian_bottleneck(Sigma_x, Sigma_xy, Sigma_y, 10.0)
    X = rng.normal(size=(5, 3))
    q = result.encode(X)
    np.testing.assert_allclose(q.loc, X @ result.projection.T)
    assert np.all(q.scale == 1) and q.loc.shape == (5, len(result.projection))
    with pytest.raises(ValueError, match=r"X has shape \(5, 2\): give data \(N, 3\)"):
        result.encode(X[:, :2])
    with pytest.raises(ValueError, match="beta=1 keeps no direction"):
        gaussian_bottleneck(Sigma_x, Sigma_xy, Sigma_y, 1.0).encode(X)


def test_default_betas_span_the_curve():
    curve = gaussian_bottleneck_curve(*DIAGONAL)
    assert curve.beta[0] == pytest.approx(1 / 0.81) and np.all(np.diff(curve.beta) > 0)
    assert curve.I_TY[0] <= 1e-12 and curve.limit * 0.998 < curve.I_TY[-1] < curve.limit
    assert {1, 2, 3} <= set(curve.directions.tolist())
    for beta, I_TX in zip(curve.beta[::20], curve.I_TX[::20], strict=True):
        np.testing.assert_allclose(gaussian_bottleneck(*DIAGONAL, float(beta)).I_TX, I_TX, rtol=0, atol=1e-12)


def test_bits():
    result, curve = gaussian_bottleneck(*DIAGONAL, 3.0), gaussian_bottleneck_curve(*DIAGONAL, [3.0, 2.0])
    assert curve.beta.tolist() == [3.0, 2.0]
    for nats, names in ((result, ("I_TX", "I_TY")), (curve, ("I_TX", "I_TY", "limit"))):
        bits = nats.to("bits")
        for name in names:
            np.testing.assert_allclose(getattr(bits, name), getattr(nats, name) / math.log(2), rtol=1e-14)
        assert bits.beta is nats.beta and "bits" in repr(bits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.eye(2), np.eye(3), np.eye(3), 2.0), r"Sigma_x has shape \(2, 2\), but Sigma_xy \(3, 3\) needs \(3, 3\)"),
        ((np.eye(3), np.eye(3), np.eye(2), 2.0), r"Sigma_y has shape \(2, 2\)"),
        ((np.eye(1), [1.0], np.eye(1), 2.0), r"Sigma_xy has shape \(1,\): give a matrix"),
        (([[math.nan]], [[0.5]], [[1.0]], 2.0), "Sigma_x has 1 values that are nan or infinite"),
        (([[1.0, 0.5], [0.0, 1.0]], np.zeros((2, 1)), [[1.0]], 2.0), "Sigma_x - its transpose"),
        (([[-1.0]], [[0.0]], [[1.0]], 2.0), "the diagonal of Sigma_x has 1 values below 0"),
        (([[1.0, 2.0], [2.0, 1.0]], np.zeros((2, 1)), [[1.0]], 2.0), "the spectrum of Sigma_x has 1 values below 0"),
        (([[1.0]], [[1.5]], [[1.0]], 2.0), "a canonical correlation would be 1.5, above 1"),
        (([[1.0]], [[2.0]], [[4.0]], 2.0), "a canonical correlation is 1 to rounding"),
        (([[1.0, 0.0], [0.0, 0.0]], [[0.5], [0.5]], [[1.0]], 2.0), "Sigma_xy has covariance in directions in which"),
        (([[1.0]], [[0.5]], [[1.0]], -1.0), "beta=-1: use 0 or more"),
        (([[1.0]], [[0.5]], [[1.0]], math.inf), "beta=inf: use a finite number"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        gaussian_bottleneck(*arguments)


def test_refusals_of_the_curve():
    with pytest.raises(ValueError, match=r"betas has shape \(0,\)"):
        gaussian_bottleneck_curve(*DIAGONAL, [])
    with pytest.raises(ValueError, match="betas has 1 values below 0"):
        gaussian_bottleneck_curve(*DIAGONAL, [-1.0])
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"Sigma_x is a torch.Tensor; give a NumPy array"):
        gaussian_bottleneck(torch.eye(1), [[0.5]], [[1.0]], 2.0)
