"""workers= changes the time and nothing else: the same bits for any number, in every function that has it."""

import numpy as np
import pytest

import varinf as vi
from varinf import _kernels, _pool

RNG = np.random.default_rng(0)
LOC, SCALE = RNG.normal(size=(997, 9)), RNG.gamma(2, size=(997, 9))
FACTOR = np.tril(RNG.normal(size=(997, 9, 9))) / 9 + np.eye(9)
DIAGONAL, OTHER = vi.DiagonalNormal(LOC, SCALE), vi.DiagonalNormal(0.5 * LOC, SCALE + 0.1)
FULL = vi.FullNormal(LOC, scale_tril=FACTOR)
ONE = vi.FullNormal(LOC[0], scale_tril=FACTOR[1])
STANDARD = vi.DiagonalNormal.standard(9)
FLOATS = vi.DiagonalNormal(LOC.astype(np.float32), SCALE.astype(np.float32))

LOG_W = RNG.normal(-30, 3, size=(130, 517))
LOG_W[3, 5:9] = -np.inf
TAILS = RNG.normal(-30, 3, size=(460, 517))
CUBE = RNG.normal(size=(9, 40, 70)).astype(np.float32)

CALLS = {
    "elbo": lambda workers: vi.elbo(LOG_W, workers=workers).stderr,
    "elbo along the last axis": lambda workers: vi.elbo(LOG_W, axis=-1, workers=workers).stderr,
    "elbo in Fortran's order": lambda workers: vi.elbo(np.asfortranarray(LOG_W), workers=workers).stderr,
    "elbo of float32": lambda workers: vi.elbo(CUBE, axis=1, workers=workers).stderr,
    "iwelbo": lambda workers: vi.iwelbo(LOG_W, workers=workers).stderr,
    "iwelbo in groups": lambda workers: vi.iwelbo(LOG_W, k=13, workers=workers).stderr,
    "renyi_bound": lambda workers: vi.renyi_bound(LOG_W, 0.5, workers=workers).value,
    "cubo": lambda workers: vi.cubo(LOG_W, on_heavy_tail="ignore", workers=workers).value,
    "jackknife_evidence": lambda workers: vi.jackknife_evidence(LOG_W, workers=workers).value,
    "log_mean_exp": lambda workers: vi.log_mean_exp(LOG_W, workers=workers),
    "importance_weights": lambda workers: vi.importance_weights(LOG_W, workers=workers),
    "importance_weights of float32": lambda workers: vi.importance_weights(CUBE, axis=1, workers=workers),
    "importance_weights into out": lambda workers: vi.importance_weights(
        LOG_W, out=np.empty_like(LOG_W), workers=workers
    ),
    "psis": lambda workers: vi.psis(TAILS, workers=workers).k_hat,
    "psis along the last axis": lambda workers: vi.psis(TAILS, axis=1, workers=workers).k_hat,
    "psis of a cube": lambda workers: vi.psis(CUBE, axis=1, workers=workers).k_hat,
    "psis, smoothed": lambda workers: vi.psis(TAILS, workers=workers).log_weights,
    "psis, smoothed along the last axis": lambda workers: vi.psis(TAILS, axis=1, workers=workers).log_weights,
    "k_hat": lambda workers: vi.elbo(TAILS, workers=workers).k_hat,
    "eubo": lambda workers: vi.eubo(TAILS, workers=workers).stderr,
    "eubo of chains": lambda workers: vi.eubo(TAILS.reshape(20, 23, 517), chain_axis=1, workers=workers).value,
    "k_hat of 1/w": lambda workers: vi.eubo(TAILS, workers=workers).k_hat,
    "thermodynamic": lambda workers: vi.thermodynamic(TAILS, TAILS + 3, workers=workers).log_evidence.stderr,
    "thermodynamic, its curve": lambda workers: vi.thermodynamic(TAILS, TAILS + 3, workers=workers).curve.stderr,
    "effective_sample_size": lambda workers: vi.effective_sample_size(LOG_W, axis=1, workers=workers),
    "summarize": lambda workers: vi.summarize(LOG_W[:, 10:], workers=workers)["jackknife"].value,
    "draws": lambda workers: vi.iwelbo(vi.draws(LOG_W, workers=workers)).value,
    "kl to standard": lambda workers: vi.kl(DIAGONAL, STANDARD, workers=workers),
    "kl of float32": lambda workers: vi.kl(FLOATS, STANDARD, workers=workers),
    "kl of pairs": lambda workers: vi.kl(DIAGONAL, OTHER, workers=workers),
    "kl to one": lambda workers: vi.kl(DIAGONAL, OTHER[3], workers=workers),
    "kl of log variances": lambda workers: vi.kl(vi.DiagonalNormal.from_log_variance(LOC, LOC), OTHER, workers=workers),
    "kl of full": lambda workers: vi.kl(FULL, vi.FullNormal(0 * LOC, scale_tril=FACTOR[::-1]), workers=workers),
    "kl of full to one": lambda workers: vi.kl(FULL, ONE, workers=workers),
    "gaussian_kl": lambda workers: vi.gaussian_kl(
        LOC, FULL.covariance, 0 * LOC, FULL.covariance[::-1], workers=workers
    ),
    "gaussian_kl to one": lambda workers: vi.gaussian_kl(
        LOC, FULL.covariance, ONE.loc, ONE.covariance, workers=workers
    ),
    "kl by draws": lambda workers: vi.kl(DIAGONAL, OTHER, method="monte_carlo", draws=50, rng=0, workers=workers).value,
    "kl and gradient": lambda workers: vi.kl_and_gradient(DIAGONAL, OTHER, workers=workers).gradient.scale,
    "kl and gradient of full": lambda workers: vi.kl_and_gradient(FULL, ONE, workers=workers).gradient.scale_tril,
    "sample": lambda workers: DIAGONAL.sample(20, rng=1, workers=workers),
    "sample into": lambda workers: DIAGONAL.sample(20, rng=1, workers=workers, out=np.empty((20, *LOC.shape))),
    "sample of float32": lambda workers: FLOATS.sample(20, rng=1, workers=workers),
    "sample and log density": lambda workers: DIAGONAL.sample_and_log_prob(20, rng=1, workers=workers)[1],
    "density of a mixture": lambda workers: vi.Mixture(None, DIAGONAL).log_prob(LOC, workers=workers),
    "aggregate_kl": lambda workers: vi.aggregate_kl(DIAGONAL, rng=2, workers=workers).value,
    "index_information": lambda workers: vi.index_information(DIAGONAL, rng=2, workers=workers).value,
}


@pytest.mark.parametrize("name", CALLS)
def test_the_same_bits_for_any_number_of_workers(name, monkeypatch):
    monkeypatch.setattr(_pool, "_WORTH", 1)  # however little work there is, it is shared out
    pool, asked = _pool._threads, []
    monkeypatch.setattr(_pool, "_threads", lambda: asked.append(1) or pool())
    serial = CALLS[name](None)
    assert not asked
    for workers in (2, 3, 7):
        asked.clear()
        np.testing.assert_array_equal(CALLS[name](workers), serial)
        if _kernels.level != "reference":  # whose sums over draws depend on the layout: they are not shared out
            assert len(asked) >= workers - 1
    with pytest.raises((ValueError, TypeError), match="workers"):
        CALLS[name](0)


def test_little_work_is_not_shared_out():
    with _pool.working(8):
        assert _pool.shares(10, cost=100) == [slice(0, 10)]
        parts = _pool.shares(1_000_000, cost=1)
    assert [part.start for part in parts] == [0, 250_000, 500_000, 750_000] and parts[-1].stop == 1_000_000
    assert _pool.shares(1_000_000, cost=1) == [slice(0, 1_000_000)]


def test_what_an_outer_call_said_holds_inside():
    with _pool.working(3):
        with _pool.working(None):
            assert _pool.workers_here() == 3
        with _pool.working(2):
            assert _pool.workers_here() == 2
        assert _pool.workers_here() == 3
        assert _pool.run_all(lambda _: _pool.workers_here(), [0, 1], 2) == [1, 1]  # a worker shares nothing out
    assert _pool.workers_here() == 1
