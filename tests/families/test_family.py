"""What every family promises: shapes, batches, moments, draws, immutability."""

import pickle

import numpy as np
import pytest

from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal


@pytest.mark.parametrize("batch", [(), (2,), (2, 5), (0,)])
def test_shapes(make, batch):
    q = make(batch)
    event = () if isinstance(q, Categorical) else (3,)
    z, log_q = q.sample_and_log_prob(7, rng=0)
    assert z.shape == (7, *batch, *event) and log_q.shape == (7, *batch)
    assert q.sample(7, rng=0).shape == z.shape
    assert q.log_prob(z).shape == (7, *batch)
    assert q.log_prob(z[None]).shape == (1, 7, *batch)
    assert q.log_prob(z[0]).shape == batch
    assert q.batch_shape == batch and q.dim == 3
    assert q.mean.shape == q.variance.shape == (*batch, 3)
    np.testing.assert_allclose(q.log_prob(z), log_q, rtol=1e-11, atol=1e-11)
    assert f"batch_shape={batch}" in repr(q) and "dim=3" in repr(q)


def test_draws_of_another_shape_are_refused(make):
    q = make((2, 5))
    event = () if isinstance(q, Categorical) else (3,)
    # Each of these would broadcast.
    for shape in [(2, 1, *event), (1, 5, *event), (5, *event), (7, 5, 2, *event), event]:
        with pytest.raises(ValueError, match=r"z has shape .* needs") as error:
            q.log_prob(np.zeros(shape))
        assert str(shape) in str(error.value) and "2, 5" in str(error.value)
    if event:
        with pytest.raises(ValueError, match="z has shape"):
            make().log_prob(np.zeros((4, 1)))
        with pytest.raises(ValueError, match="z has shape"):
            make().log_prob(0.0)


def test_batches_index_like_arrays(make):
    q = make((5, 2))
    z = q.sample(3, rng=0)
    whole = q.log_prob(z)
    for index in [3, -1, slice(1, 4), slice(None, None, 2), [4, 0, 0], np.array([2, 3]), np.arange(5) > 2]:
        np.testing.assert_allclose(q[index].log_prob(z[:, index]), whole[:, index], rtol=1e-13)
        np.testing.assert_array_equal(q[index].mean, q.mean[index])
    assert len(q) == 5 and q[1:3].batch_shape == (2, 2) and q[[]].batch_shape == (0, 2)
    assert [each.batch_shape for each in q] == [(2,)] * 5
    for wrong in (5, -6):
        with pytest.raises(IndexError, match="outside"):
            q[wrong]
    for wrong in ((0, 1), None, ...):
        with pytest.raises(TypeError, match="first batch axis"):
            q[wrong]
    with pytest.raises(TypeError, match="single distribution"):
        len(make())
    with pytest.raises(TypeError, match="single distribution"):
        make()[0]


def test_nothing_changes_a_family(make):
    q = make((2,))
    with pytest.raises(AttributeError, match="does not change"):
        q.loc = 1.0
    for name in q._parameters:
        with pytest.raises(ValueError, match="read-only"):
            getattr(q, name)[...] = 0.0
        with pytest.raises(ValueError, match="read-only"):
            getattr(q[[0, 0]], name)[...] = 0.0
    again = pickle.loads(pickle.dumps(q))
    np.testing.assert_array_equal(again.mean, q.mean)
    loc = np.zeros(2)
    q = DiagonalNormal(loc, np.ones(2))
    loc += 1  # an optimiser's step in place
    assert q.loc.tolist() == [0, 0]


def test_seeds(make):
    q = make((2,))
    first = q.sample(5, rng=3)
    for same in (3, np.random.default_rng(3), np.random.SeedSequence(3)):
        np.testing.assert_array_equal(q.sample(5, rng=same), first)
    assert not np.array_equal(q.sample(5, rng=4), first)
    generator = np.random.default_rng(3)
    assert not np.array_equal(q.sample(5, rng=generator), q.sample(5, rng=generator))
    with pytest.raises(ValueError, match="n=0"):
        q.sample(0)
    with pytest.raises(TypeError, match=r"n=2\.5"):
        q.sample(2.5)
    with pytest.raises(TypeError, match="rng="):
        q.sample(2, rng="seed")


@pytest.mark.parametrize("batch", [(), (2,), (2, 5)])
def test_draws_into_an_array(make, batch):
    q = make(batch)
    z = q.sample(7, rng=3)
    out = np.zeros(z.shape, z.dtype)
    assert q.sample(7, rng=3, out=out) is out
    np.testing.assert_array_equal(out, z)
    wrong = [z[:6].copy(), np.zeros((7, 4, *z.shape[1:]), z.dtype), z.astype(np.float32), z.tolist()]
    strided, locked = np.zeros((14, *z.shape[1:]), z.dtype)[::2], np.zeros(z.shape, z.dtype)
    locked.setflags(write=False)
    for out in (*wrong, strided, locked):
        with pytest.raises(ValueError, match=r"out has .* 7 draws of .* writable NumPy array of shape"):
            q.sample(7, rng=3, out=out)


def test_moments_by_simulation(make):
    """|z| < 5 at a fixed seed; 40,000 draws see an error of 1.5% in a standard deviation."""
    q, n = make((2,), seed=1), 40_000
    z = q.sample(n, rng=5)
    if isinstance(q, Categorical):
        z = np.eye(3)[z]
    standardised = (z - q.mean) / np.sqrt(q.variance)
    assert np.abs(standardised.mean(axis=0)).max() * np.sqrt(n) < 5
    squares = standardised**2
    assert (np.abs(squares.mean(axis=0) - 1) / squares.std(axis=0)).max() * np.sqrt(n) < 5


def test_entropy_by_simulation(make):
    q, n = make((2,), seed=2), 40_000
    _, log_q = q.sample_and_log_prob(n, rng=6)
    if "Mixture" in repr(q):
        with pytest.raises(NotImplementedError, match=r"log_prob.*monte_carlo"):
            q.entropy()
    else:
        assert np.abs((q.entropy() + log_q.mean(axis=0)) / log_q.std(axis=0)).max() * np.sqrt(n) < 5


def test_density_integrates_to_one(make):
    q = make(dim=2)
    if isinstance(q, Categorical):
        assert np.exp(q.log_prob([0, 1])).sum() == pytest.approx(1, rel=1e-14)
        return
    # Trapezoids in t with z = mean + sd sinh t: spectrally accurate, and out to 1,500 standard deviations.
    t, step = np.linspace(-8, 8, 601, retstep=True)
    axes = [m + s * np.sinh(t) for m, s in zip(q.mean, np.sqrt(q.variance), strict=True)]
    weights = [s * np.cosh(t) * step for s in np.sqrt(q.variance)]
    density = np.exp(q.log_prob(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)))
    assert weights[0] @ density @ weights[1] == pytest.approx(1, abs=1e-8)


def test_float32_stays_float32_and_sums_in_double(make):
    q = make((2,), dim=3)
    low = q._map(lambda x, own_axes: x.astype(np.float32))
    z, log_q = low.sample_and_log_prob(5, rng=0)
    assert log_q.dtype == np.float32 and low.log_prob(z).dtype == np.float32
    assert low.mean.dtype == low.variance.dtype == np.float32
    if not isinstance(q, Categorical):
        assert z.dtype == np.float32
    np.testing.assert_allclose(low.log_prob(z), q.log_prob(z.astype(float)), rtol=2e-5, atol=2e-5)
    if "Mixture" not in repr(q):
        assert low.entropy().dtype == np.float32
        np.testing.assert_allclose(low.entropy(), q.entropy(), rtol=1e-5, atol=1e-5)
