"""The store of the largest values: exact whatever comes, and in bounded memory."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import varinf as vi
from varinf.diagnostics.psis import tail_length
from varinf.diagnostics.top import Top, is_cut


@settings(max_examples=60, deadline=None)
@given(
    keep=st.integers(1, 200),
    columns=st.integers(0, 4),
    sizes=st.lists(st.integers(0, 500), max_size=8),
    ties=st.integers(0, 1000),
)
def test_the_largest_are_kept_exactly(keep, columns, sizes, ties):
    rng = np.random.default_rng(ties)
    top, seen = Top(columns, keep), [np.empty((0, columns))]
    for n in sizes:
        x = rng.integers(-5, 5, size=(n, columns)).astype(float) if ties % 2 else rng.normal(size=(n, columns))
        x[rng.random(x.shape) < 0.1] = -np.inf
        top.add(x)
        seen.append(x)
    whole = np.sort(np.concatenate(seen), axis=0)
    for store in (top, top.copy(), pickle.loads(pickle.dumps(top))):
        np.testing.assert_array_equal(np.sort(store.kept(), axis=1), whole[-keep:].T)


def test_many_and_few_values_at_a_time_end_alike():
    x = np.random.default_rng(0).normal(size=(20_000, 3))
    one, many = Top(3, 100), Top(3, 100)
    one.add(x)
    for part in np.split(x, 400):
        many.add(part)
    np.testing.assert_array_equal(np.sort(one.kept()), np.sort(many.kept()))


def test_a_copy_is_its_own():
    top = Top(1, 2)
    top.add(np.array([[1.0], [2.0]]))
    twin = top.copy()
    twin.add(np.array([[3.0]]))
    assert sorted(top.kept()[0]) == [1.0, 2.0]
    assert sorted(twin.kept()[0]) == [2.0, 3.0]


@pytest.mark.parametrize("draws", [1, 24, 25, 900])
def test_k_hat_is_that_of_all_draws(draws):
    x = np.random.default_rng(draws).normal(size=(draws, 4))
    top = Top(4, tail_length(draws) + 1)
    top.add(x)
    np.testing.assert_array_equal(top.k_hat(draws), vi.psis(x).k_hat)


def test_when_the_tail_is_cut():
    assert not is_cut(3, 3)  # all draws are kept
    assert not is_cut(900, tail_length(900) + 1)
    assert is_cut(900, tail_length(900))


def test_no_columns():
    top = Top(0, 5)
    top.add(np.empty((1000, 0)))
    assert top.k_hat(1000).shape == (0,)
