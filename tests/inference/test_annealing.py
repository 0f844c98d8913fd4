"""The path and its moves: reversible, invariant, and frozen before the chains that they are used on."""

import math

import numpy as np
import pytest

import varinf as vi
from varinf.families.low_rank_normal import LowRankNormal
from varinf.inference.annealing import Kernels, Path, forward, ladder, leapfrog, move, reverse, tune

TRIL = np.array([[1.0, 0.0, 0.0], [0.5, 0.8, 0.0], [-0.3, 0.4, 1.5]])
FAMILIES = {
    "diagonal": vi.DiagonalNormal([0.3, -0.2, 1.0], [0.7, 1.2, 2.0]),
    "full": vi.FullNormal([0.3, -0.2, 1.0], scale_tril=TRIL),
    "low_rank": LowRankNormal([0.3, -0.2, 1.0], [[1.0], [-0.5], [2.0]], [0.7, 1.2, 0.4]),
    "student_t": vi.StudentT(5.0, [0.3, -0.2, 1.0], [0.7, 1.2, 2.0]),
}


def student(dim=3, df=5.0):
    """An independent Student t in each coordinate, without its constant, with its gradient."""

    def log_prob(z):
        return -(df + 1) / 2 * np.sum(np.log1p(z * z / df), axis=1)

    return vi.Target(log_prob, dim, gradient=lambda z: -(df + 1) * z / (df + z * z))


def log_normaliser(df=5.0):
    """Of one coordinate of `student`."""
    return math.lgamma(df / 2) - math.lgamma((df + 1) / 2) + 0.5 * math.log(df * math.pi)


@pytest.mark.parametrize("q", FAMILIES.values(), ids=FAMILIES)
def test_a_state_holds_both_densities_and_their_slopes(q):
    target, z = student(), np.random.default_rng(0).normal(size=(6, 3))
    path = Path(target, q)
    state = path.state(path.inverse(z))
    np.testing.assert_allclose(path.of(state.u), z, atol=1e-12)
    np.testing.assert_allclose(state.log_p, target.log_prob(z), rtol=1e-12)
    np.testing.assert_allclose(state.log_q, q.log_prob(z), rtol=1e-12)
    for log_density, slope in [("log_p", state.slope_p), ("log_q", state.slope_q)]:
        for i in range(3):  # central differences of the densities in u, of error h² and 1e-16/h: 1e-9 or so
            step = 1e-5 * np.eye(3)[i]
            above, below = (getattr(path.state(state.u + sign * step), log_density) for sign in (1, -1))
            np.testing.assert_allclose(slope[:, i], (above - below) / 2e-5, atol=1e-8)


@pytest.mark.parametrize("q", FAMILIES.values(), ids=FAMILIES)
def test_leapfrog_goes_back_where_it_came_from_and_keeps_volume(q):
    path, rng = Path(student(), q), np.random.default_rng(1)
    u, momentum = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    step = rng.uniform(0.1, 0.5, size=(5, 1))
    there, ended, lost = leapfrog(path, path.state(u), momentum, 0.6, step, 7)
    back, began, _ = leapfrog(path, there, -ended, 0.6, step, 7)
    assert not lost.any()
    assert np.abs(there.u - u).min() > 1e-3  # it went somewhere
    np.testing.assert_allclose(back.u, u, atol=1e-7)  # the slopes of the Student t are differences, right to 1e-9
    np.testing.assert_allclose(began, -momentum, atol=1e-7)

    def flow(x):
        state, momentum, _ = leapfrog(path, path.state(x[:, :3]), x[:, 3:], 0.6, 0.3, 5)
        return np.concatenate([state.u, momentum], axis=1)

    x, h = np.concatenate([u[:1], momentum[:1]], axis=1), 1e-4
    jacobian = (flow(x + h * np.eye(6)) - flow(x - h * np.eye(6))) / (2 * h)
    assert abs(np.linalg.det(jacobian) - 1) < 1e-5  # differences of differences, for the Student t


def test_a_move_keeps_its_density():
    """Chains that start from f_b stay distributed so, at step sizes where a third of the moves is refused.

    Between q = N(m, s²) and the target N(0, 1), f_b is normal with precision b + (1 - b)/s².
    """
    target = vi.Target(lambda z: -np.sum(z * z, axis=1) / 2 + 7, 2, gradient=lambda z: -z)
    q, n = vi.DiagonalNormal([1.0, -1.0], [0.5, 2.0]), 40_000
    path, rng = Path(target, q), np.random.default_rng(2)
    for beta in (0.0, 0.4, 1.0):
        precision = beta + (1 - beta) / q.variance
        mean, sd = (1 - beta) * q.mean / q.variance / precision, precision**-0.5
        state = path.state(path.inverse(mean + sd * rng.standard_normal((n, 2))))
        refused = []
        for _ in range(3):
            state, accepted = move(path, state, beta, 1.7 * np.min(sd / q.scale), 3, rng)
            refused.append(1 - accepted)
        assert 0.02 < np.mean(refused) < 0.7  # without a Metropolis test the moments below would be others
        x = (path.of(state.u) - mean) / sd
        for power, exact, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
            z = (np.mean(x**power, axis=0) - exact) / math.sqrt(variance / n)
            assert np.abs(z).max() < 5, (beta, power, z)


def test_a_move_keeps_a_density_that_is_not_normal():
    target, rng, n = student(2), np.random.default_rng(3), 40_000
    path = Path(target, vi.DiagonalNormal([0.0, 0.0], [1.0, 1.0]))
    state = path.state(path.inverse(rng.standard_t(5.0, size=(n, 2))))
    for _ in range(4):
        state, accepted = move(path, state, 1.0, 1.5, 3, rng)
    assert accepted < 0.9
    from scipy.special import stdtr

    uniform = stdtr(5.0, path.of(state.u))  # exact quantiles: uniform on (0, 1)
    for power in (1, 2, 3, 4):
        exact, variance = 1 / (power + 1), 1 / (2 * power + 1) - 1 / (power + 1) ** 2
        assert np.abs((np.mean(uniform**power, axis=0) - exact) / math.sqrt(variance / n)).max() < 5


def test_the_mean_weight_is_the_normaliser_and_that_of_the_inverse_one_over_it():
    """Both ways, over few and coarse temperatures, with kernels of which a good part is refused."""
    target, n, dim = student(2), 40_000, 2
    path = Path(target, vi.StudentT(5.0, [1.5, -0.5], [1.0, 1.3]))  # weights bounded on both sides
    kernels = Kernels(np.array([0.0, 0.2, 0.5, 0.7, 1.0]), np.full(5, 1.1), 1, 3)
    log_z, accepted = dim * log_normaliser(), []
    log_w, _ = forward(path, kernels, n, np.random.default_rng(4), lambda *look: accepted.append(look[3]))
    assert np.nanmin(accepted) < 0.95
    w = np.exp(log_w - log_z)
    assert w.std() < 1.0  # five errors are then less than 2.5%
    assert abs(w.mean() - 1) < 5 * w.std() / math.sqrt(n)
    exact = np.random.default_rng(5).standard_t(5.0, size=(n, dim))
    inverse = np.exp(log_z - reverse(path, kernels, exact, np.random.default_rng(6)))
    assert inverse.std() < 1.0
    assert abs(inverse.mean() - 1) < 5 * inverse.std() / math.sqrt(n)


def test_weighted_ends_are_draws_of_the_target():
    target, n = student(1), 40_000
    path = Path(target, vi.DiagonalNormal([0.5], [1.0]))
    kernels = Kernels(np.linspace(0, 1, 5), np.full(5, 0.6), 1, 3)
    log_w, z = forward(path, kernels, n, np.random.default_rng(7))
    w = np.exp(log_w - log_w.max())
    w /= w.sum()
    for f, exact in [(z[:, 0], 0.0), (np.abs(z[:, 0]) < 1, 0.6367825)]:  # P(|t_5| < 1) = 2 stdtr(5, 1) - 1
        assert abs(np.sum(w * (f - exact))) < 5 * math.sqrt(np.sum((w * (f - exact)) ** 2))


def test_kernels_are_tuned_by_other_draws_and_then_frozen():
    path = Path(student(), FAMILIES["diagonal"])
    one, other = (tune(path, ladder(10), 50, 1, 1, np.random.default_rng(seed)) for seed in (0, 1))
    assert np.all(one.step_sizes != other.step_sizes)
    np.testing.assert_array_equal(one.temperatures, other.temperatures)
    before = one.step_sizes.copy()
    runs = [forward(path, one, 20, np.random.default_rng(2))[0] for _ in range(2)]
    np.testing.assert_array_equal(*runs)
    np.testing.assert_array_equal(one.step_sizes, before)
    # One temperature moves nothing before its weight, so that kernels cannot matter: plain importance sampling.
    none, few = (k._replace(temperatures=np.array([0.0, 1.0])) for k in (one, other))
    np.testing.assert_array_equal(*(forward(path, k, 20, np.random.default_rng(3))[0] for k in (none, few)))


def test_a_pilot_finds_the_acceptance_it_wants():
    target = vi.Target(lambda z: -np.sum(z * z * [1.0, 400.0], axis=1) / 2, 2, gradient=lambda z: -z * [1.0, 400.0])
    path, accepted = Path(target, vi.DiagonalNormal.standard(2)), []  # a scale of 1/20 that q knows nothing of
    kernels = tune(path, ladder(60), 50, 1, 5, np.random.default_rng(0))
    forward(path, kernels, 400, np.random.default_rng(1), lambda *look: accepted.append(look[3]))
    assert np.nanmin(accepted) > 0.5
    assert 0.7 < np.mean(accepted[-20:]) < 0.9
    assert kernels.step_sizes[-1] < 0.15 < 0.3 < kernels.step_sizes[1]  # 2/20 is where leapfrog would break


def test_what_is_nowhere_or_not_a_number_is_refused():
    """A half normal whose other half is nan, -inf or raises the slope to nan: the weights know its mass exactly."""
    n = 20_000

    def log_prob(z):
        return np.where(z[:, 0] > 0, -(z[:, 0] ** 2) / 2, np.where(z[:, 0] < -1, np.nan, -np.inf))

    seen = []

    def gradient(z):
        seen.append(np.isfinite(z).all())
        return np.where(z > 0, -z, np.where(z < -2, np.inf, np.nan))

    path = Path(vi.Target(log_prob, 1, gradient=gradient), vi.DiagonalNormal([0.2], [1.0]))
    log_w, z = forward(path, Kernels(np.linspace(0, 1, 6), np.full(6, 0.5), 1, 3), n, np.random.default_rng(0))
    assert all(seen)
    assert np.isneginf(log_w).any() and not np.isnan(log_w).any()
    assert np.all(z[log_w > -np.inf] > 0)
    w = np.exp(log_w) / math.sqrt(math.pi / 2)
    assert abs(w.mean() - 1) < 5 * w.std() / math.sqrt(n)


def test_ladders():
    betas = ladder(10)
    assert betas[0] == 0 and betas[-1] == 1 and len(betas) == 11
    assert np.all(np.diff(betas) > 0)
    np.testing.assert_allclose(betas + betas[::-1], 1, atol=1e-15)
    np.testing.assert_array_equal(ladder([0, 0.5, 1]), [0, 0.5, 1])
    for wrong in ([0, 0.5], [0.1, 1], [0, 0.5, 0.5, 1], [1.0], [[0, 1]]):
        with pytest.raises(ValueError, match="increasing values from 0 to 1"):
            ladder(wrong)
    with pytest.raises(ValueError, match="temperatures=0"):
        ladder(0)
