"""Active units: which ones the data move."""

import numpy as np
import pytest

import varinf as vi


def test_variance_of_the_means_over_data_decides():
    rng = np.random.default_rng(0)
    loc = rng.normal(size=(200, 5)) * np.array([1.0, 0.3, 0.11, 0.05, 0.0])
    variance = loc.var(axis=0)
    q = vi.DiagonalNormal(loc, np.full((200, 5), 3.0))
    np.testing.assert_array_equal(vi.active_units(q), variance > 0.01)
    np.testing.assert_array_equal(vi.active_units(q, threshold=0.5), variance > 0.5)
    full = vi.FullNormal(loc, covariance=np.broadcast_to(np.eye(5), (200, 5, 5)))
    np.testing.assert_array_equal(vi.active_units(full), vi.active_units(q))
    assert vi.active_units(q).sum() == 3 and not vi.active_units(q[:1]).any()


def test_torch():
    torch = pytest.importorskip("torch")
    q = vi.DiagonalNormal(torch.tensor([[0.0, 1.0], [1.0, 1.0]]), torch.ones(2, 2))
    assert vi.active_units(q).tolist() == [True, False]


def test_what_is_refused():
    q = vi.DiagonalNormal(np.zeros((3, 2)), np.ones((3, 2)))
    for wrong in (-0.1, np.nan):
        with pytest.raises(ValueError, match="threshold"):
            vi.active_units(q, threshold=wrong)
    with pytest.raises(ValueError, match="batch shape"):
        vi.active_units(vi.DiagonalNormal(np.zeros(2), np.ones(2)))
