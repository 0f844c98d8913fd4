"""What a state says at one moment stays as it is, and joins with others."""

import numpy as np

import varinf as vi
from varinf.evidence.reading import Reading


def weights(draws, batch):
    return np.random.default_rng(0).normal(-100, 3, size=(draws, *batch))


def assert_same(got, want):
    for name in ("value", "stderr", "k_hat"):
        np.testing.assert_allclose(getattr(got, name), getattr(want, name), rtol=1e-12)


def test_estimates_are_snapshots():
    x = weights(2000, (2,))
    state = vi.LogWeights().update(x[:1000])
    before = state.elbo()
    state.update(x[1000:] + 500)
    assert_same(before, vi.elbo(x[:1000]))


def test_readings_join_along_the_data():
    x = weights(103, (5,))
    parts = [vi.LogWeights(k=10).update(x[:, i:j]).read().settled() for i, j in [(0, 2), (2, 3), (3, 5)]]
    parts.append(vi.LogWeights(k=10).update(x[:, 4]).read().settled())  # a single datum, without an axis
    whole, x = Reading.concatenate(parts), x[:, [0, 1, 2, 3, 4, 4]]
    assert_same(whole.elbo(), vi.elbo(x))
    assert_same(whole.iwelbo(), vi.iwelbo(x))
    assert_same(whole.iwelbo(10), vi.LogWeights(k=10).update(x).iwelbo(10))
    np.testing.assert_allclose(whole.effective_sample_size(), vi.effective_sample_size(x))


def test_readings_take_another_shape():
    x = weights(100, (6,))
    flat = vi.LogWeights(k=10).update(x).read()
    for order in "CF":
        shaped = x.reshape(100, 2, 3) if order == "C" else x.reshape(100, 3, 2).transpose(0, 2, 1)
        got = flat.reshaped((2, 3), order)
        assert_same(got.elbo(), vi.elbo(shaped))
        assert_same(got.iwelbo(10), vi.iwelbo(shaped, 10))
    one = vi.LogWeights().update(x[:, :1]).read().reshaped(())
    assert_same(one.elbo(), vi.elbo(x[:, 0]))
    assert isinstance(float(one.elbo()), float)
