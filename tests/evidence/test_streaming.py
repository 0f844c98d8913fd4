"""A stream is the whole: any chunking and any merging gives what arrays in memory give."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import varinf as vi
from varinf.diagnostics.psis import tail_length


def weights(draws, batch=(), seed=0, zeros=0.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(-100, 3, size=(draws, *batch)) + rng.normal(0, 50, size=batch)
    return np.where(rng.random(x.shape) < zeros, -np.inf, x)


def streamed(x, cuts, **options):
    state = vi.LogWeights(**options)
    for part in np.split(x, cuts):
        state.update(part)
    return state


def assert_same(got, want, rtol=1e-12):
    for name in ("value", "stderr"):
        np.testing.assert_allclose(getattr(got, name), getattr(want, name), rtol=rtol, atol=1e-13)
    np.testing.assert_array_equal(got.k_hat, want.k_hat)
    assert (got.estimand, got.direction, got.bias, got.draws, got.degrees) == (
        want.estimand,
        want.direction,
        want.bias,
        want.draws,
        want.degrees,
    )


sizes = st.integers(1, 400)
batches = st.sampled_from([(), (1,), (3,), (2, 2), (0,)])
seeds = st.integers(0, 1000)
zero_shares = st.sampled_from([0.0, 0.02, 1.0])


@settings(max_examples=60, deadline=None)
@given(draws=sizes, batch=batches, seed=seeds, zeros=zero_shares, data=st.data())
def test_any_chunking_is_the_whole(draws, batch, seed, zeros, data):
    x = weights(draws, batch, seed, zeros)
    cuts = sorted(data.draw(st.lists(st.integers(0, draws), max_size=6)))
    state = streamed(x, cuts)
    assert (state.draws, state.batch_shape) == (draws, batch)
    assert_same(state.elbo(), vi.elbo(x))
    assert_same(state.iwelbo(), vi.iwelbo(x))
    np.testing.assert_allclose(state.iwelbo().bias_estimate, vi.iwelbo(x).bias_estimate, rtol=1e-11)
    np.testing.assert_allclose(state.effective_sample_size(), vi.effective_sample_size(x), rtol=1e-12)
    for got, want in [(state.elbo(), vi.elbo(x)), (state.iwelbo(), vi.iwelbo(x))]:
        # Where one weight rules, bias = -1/2 and error = 1: rounding decides whether it is "more than half".
        assert {t for t in got.caveats if "half" not in t} == {t for t in want.caveats if "half" not in t}


@settings(max_examples=60, deadline=None)
@given(draws=st.integers(3, 400), batch=batches, seed=seeds, zeros=zero_shares, data=st.data())
def test_any_merging_is_the_whole(draws, batch, seed, zeros, data):
    x = weights(draws, batch, seed, zeros)
    cuts = sorted(data.draw(st.lists(st.integers(0, draws), min_size=1, max_size=6)))
    states = [vi.LogWeights().update(part) for part in np.split(x, cuts)]
    while len(states) > 1:  # any tree, any order
        a = states.pop(data.draw(st.integers(0, len(states) - 1)))
        b = states.pop(data.draw(st.integers(0, len(states) - 1)))
        states.append(a | b)
    assert_same(states[0].elbo(), vi.elbo(x))
    assert_same(states[0].iwelbo(), vi.iwelbo(x))


@settings(max_examples=40, deadline=None)
@given(draws=sizes, batch=batches, seed=seeds, zeros=zero_shares, k=st.integers(1, 60), data=st.data())
def test_groups_are_those_of_consecutive_draws(draws, batch, seed, zeros, k, data):
    x = weights(draws, batch, seed, zeros)
    cuts = sorted(data.draw(st.lists(st.integers(0, draws), max_size=6)))
    state = streamed(x, cuts, k=k)
    whole = draws - draws % k
    if not whole:
        with pytest.raises(ValueError, match="do not fill one group"):
            state.iwelbo(k)
        return
    got, want = state.iwelbo(k), vi.iwelbo(x[:whole], k)
    np.testing.assert_allclose(got.value, want.value, rtol=1e-12)
    np.testing.assert_allclose(got.stderr, want.stderr, rtol=1e-11, atol=1e-13)
    assert (got.estimand, got.degrees, got.draws) == (want.estimand, want.degrees, draws)
    assert any("left over" in text for text in got.caveats) == (draws % k > 0)


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=2, max_size=6), k=st.integers(1, 12))
def test_merged_states_join_their_incomplete_groups(sizes, k):
    x = weights(sum(sizes), (2,))
    first, *rest = (vi.LogWeights(k=k).update(part) for part in np.split(x, np.cumsum(sizes)[:-1]))
    for other in rest:
        first = first | other
    if sum(sizes) >= k:
        assert first.iwelbo(k).degrees == sum(sizes) // k - 1
    if k == 1:  # the groups are the draws, in whatever order
        np.testing.assert_allclose(first.iwelbo(1).value, vi.elbo(x).value, rtol=1e-12)


def test_merging_aligned_states_gives_the_same_groups():
    x = weights(600, (3,))
    a, b = vi.LogWeights(k=50).update(x[:250]), vi.LogWeights(k=50).update(x[250:])
    np.testing.assert_allclose((b | a).iwelbo(50).value, vi.iwelbo(x, 50).value, rtol=1e-13)


@pytest.mark.parametrize("draws", [24, 25, 1000, 5000])
def test_k_hat_is_exact_while_the_tail_holds_it(draws):
    x = weights(draws, (3,))
    need = tail_length(draws) + 1
    for chunk in (7, draws):
        state = streamed(x, range(chunk, draws, chunk), tail=need)
        np.testing.assert_array_equal(state.k_hat(), vi.psis(x).k_hat)
        assert not any("raise tail=" in text for text in state.elbo().caveats)


def test_a_short_tail_says_so():
    x = np.random.default_rng(1).exponential(0.6, size=100_000)
    state = streamed(x, range(1000, 100_000, 1000), tail=300)
    assert abs(state.k_hat() - 0.6) < 0.15
    for estimate in (state.elbo(), state.iwelbo()):
        assert any("raise tail=" in text for text in estimate.caveats)


def test_far_off_weights_lose_no_digits():
    x = weights(1000) - 1e6
    assert_same(streamed(x, range(1, 1000)).iwelbo(), vi.iwelbo(x), rtol=1e-9)  # 1e6 * 2^-52 is the data's own rounding
    np.testing.assert_allclose(streamed(x, [500]).elbo().stderr, vi.elbo(x).stderr, rtol=1e-12)


def test_axis_dtype_order_and_library_do_not_matter():
    x = weights(60, (4, 5)).astype(np.float32)
    want = vi.LogWeights(k=6).update(x.astype(np.float64)).iwelbo(6)
    for chunk, axis in [(np.moveaxis(x, 0, 1), 1), (np.moveaxis(x, 0, -1), -1), (np.asfortranarray(x), 0)]:
        got = vi.LogWeights(k=6).update(chunk, axis=axis).iwelbo(6)
        np.testing.assert_allclose(got.value, want.value, rtol=1e-14)
        assert got.value.dtype == np.float64
    array_api_strict = pytest.importorskip("array_api_strict")
    np.testing.assert_allclose(vi.LogWeights().update(array_api_strict.asarray(x)).elbo().value, vi.elbo(x).value)


def test_the_callers_array_may_be_reused():
    x = weights(30, (2,))
    state, buffer = vi.LogWeights(k=8), np.empty((5, 2))
    for part in np.split(x, 6):
        buffer[:] = part
        state.update(buffer)
    np.testing.assert_allclose(state.iwelbo(8).value, vi.iwelbo(x[:24], 8).value, rtol=1e-13)


def test_merging_changes_neither_part():
    x = weights(100)
    a, b = vi.LogWeights(k=7).update(x[:50]), vi.LogWeights(k=7).update(x[50:])
    _ = a | b
    assert_same(a.elbo(), vi.elbo(x[:50]))
    assert_same(b.elbo(), vi.elbo(x[50:]))
    assert a.iwelbo(7).degrees == b.iwelbo(7).degrees == 6
    empty = vi.LogWeights(k=7)
    assert_same((empty | a).elbo(), a.elbo())
    assert_same((a | empty).elbo(), a.elbo())
    assert (empty | empty).draws == 0


def test_data_concatenate():
    x = weights(103, (7,))
    parts = [vi.LogWeights(k=10).update(x[:, i:j]) for i, j in [(0, 3), (3, 4), (4, 7)]]
    parts[1] = vi.LogWeights(k=10).update(x[:, 3])  # a single datum, without an axis
    whole = vi.LogWeights.concatenate(parts)
    assert whole.batch_shape == (7,)
    assert_same(whole.elbo(), vi.elbo(x))
    whole.update(x[:7])
    assert whole.iwelbo(10).degrees == 10
    np.testing.assert_allclose(whole.iwelbo(10).value, vi.iwelbo(np.concatenate([x, x[:7]]), 10).value, rtol=1e-13)


def test_states_travel_between_processes():
    state = vi.LogWeights(k=10, tail=50).update(weights(105, (3,)))
    state.elbo()
    other = pickle.loads(pickle.dumps(state))
    assert_same(other.iwelbo(10), state.iwelbo(10))


def test_memory_does_not_grow_with_the_draws():
    state, chunk = vi.LogWeights(tail=200), weights(100, (50,))
    state.update(chunk).update(chunk).update(chunk)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(100):
        state.update(chunk)
    assert tracemalloc.get_traced_memory()[0] - before < 100_000
    tracemalloc.stop()


def test_repr_says_what_it_holds():
    assert repr(vi.LogWeights()) == "<LogWeights: 0 draws, tail=4096>"
    state = vi.LogWeights(k=5, tail=10).update(np.zeros((1, 3)))
    assert repr(state) == "<LogWeights: 1 draw of batch shape (3,), k=5, tail=10>"


# Bad input -----------------------------------------------------------------------------------------------------------


def nan_at(*index):
    x = np.zeros((10, 3))
    x[index] = np.nan
    return x


BAD_CHUNKS = {
    "nan": (lambda: nan_at(4, 2), {}, ValueError, r"1 values .*\(nan\) at draw 24 of datum 2"),
    "+inf": (lambda: np.where(np.isnan(nan_at(0, 1)), np.inf, 0), {}, ValueError, r"\(inf\) at draw 20 of datum 1"),
    "nan on axis 1": (lambda: nan_at(4, 2).T, {"axis": 1}, ValueError, "at draw 24 of datum 2"),
    "number": (lambda: 3.0, {}, ValueError, "single number"),
    "batch": (lambda: np.zeros((5, 4)), {}, ValueError, r"\(4,\).*\(3,\)"),
    "axis": (lambda: np.zeros((5, 3)), {"axis": 2}, ValueError, "axis=2"),
    "complex": (lambda: np.zeros((5, 3), complex), {}, TypeError, "complex128"),
    "half": (lambda: np.zeros((5, 3), np.float16), {}, TypeError, "float16"),
    "text": (lambda: ["a"], {}, TypeError, "chunk"),
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_bad_chunks_are_refused_and_change_nothing(name):
    make, options, error, text = BAD_CHUNKS[name]
    x = weights(20, (3,))
    state = vi.LogWeights(k=3).update(x)
    with pytest.raises(error, match=text):
        state.update(make(), **options)
    assert_same(state.elbo(), vi.elbo(x))
    assert state.iwelbo(3).degrees == 5


BAD_CALLS = {
    "k=0": (lambda: vi.LogWeights(k=0), ValueError, "k=0"),
    "k=2.5": (lambda: vi.LogWeights(k=2.5), TypeError, "k=2.5"),
    "tail=-1": (lambda: vi.LogWeights(tail=-1), ValueError, "tail=-1"),
    "unknown keyword": (lambda: vi.LogWeights(tial=3), TypeError, "tial"),
    "no draws": (lambda: vi.LogWeights().elbo(), ValueError, "no draws yet"),
    "only empty chunks": (lambda: vi.LogWeights().update(np.empty((0, 3))).iwelbo(), ValueError, "no draws yet"),
    "k not declared": (lambda: vi.LogWeights().update([0.0]).iwelbo(5), ValueError, r"declare it at first: .*k=5"),
    "another k": (lambda: vi.LogWeights(k=2).update([0.0]).iwelbo(5), ValueError, "declared with k=2"),
    "merge k": (lambda: vi.LogWeights(k=2) | vi.LogWeights(), ValueError, "k=2 and k=None"),
    "merge tail": (lambda: vi.LogWeights(tail=2) | vi.LogWeights(), ValueError, "tail=2 and tail=4096"),
    "merge batch": (
        lambda: vi.LogWeights().update(np.zeros((2, 3))) | vi.LogWeights().update(np.zeros((2, 4))),
        ValueError,
        r"\(3,\) and \(4,\)",
    ),
    "merge with an array": (lambda: vi.LogWeights() | np.zeros(3), TypeError, "unsupported|LogWeights"),
    "concatenate nothing": (lambda: vi.LogWeights.concatenate([]), ValueError, "at least one"),
    "concatenate draws": (
        lambda: vi.LogWeights.concatenate([vi.LogWeights().update([0.0]), vi.LogWeights().update([0.0, 1.0])]),
        ValueError,
        "parts differ",
    ),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_say_what_to_do(name):
    call, error, text = BAD_CALLS[name]
    with pytest.raises(error, match=text):
        call()


def test_a_path_that_cannot_be_written_is_named_as_it_was_given(tmp_path):
    (tmp_path / "file").touch()
    for path, error in [
        (tmp_path / "none" / "x.npz", FileNotFoundError),
        (tmp_path / "file" / "x", NotADirectoryError),
    ]:
        with pytest.raises(error) as caught:
            vi.LogWeights().save(path)
        assert caught.value.filename == str(path)
        assert f"'{path}'" in str(caught.value)


def test_states_say_that_data_share_draws(tmp_path):
    """The errors of common draws are dependent, and the draws are gone: a mean as of independent ones is refused."""
    x = np.random.default_rng(20).normal(size=(60, 1)) + np.random.default_rng(21).normal(size=3)
    halves = [vi.LogWeights(k=5, shared_draws=True).update(half) for half in (x[:30], x[30:])]
    whole = halves[0] | halves[1]
    whole.save(tmp_path / "state.npz")
    loaded = vi.LogWeights.load(tmp_path / "state.npz")
    beside = vi.LogWeights.concatenate([whole, loaded])
    empty = vi.LogWeights(k=5, shared_draws=True) | whole
    for state in (whole, loaded, beside, empty, pickle.loads(pickle.dumps(whole))):
        for estimate in (state.elbo(), state.iwelbo(), state.iwelbo(5)):
            for aggregate in (estimate.mean, estimate.sum, lambda e=estimate: e.mean(over="population")):
                with pytest.raises(ValueError, match=r"share draws.*not kept"):
                    aggregate()
        with pytest.raises(ValueError, match=r"share draws.*not kept"):
            vi.summarize(state)
    assert whole.elbo()[0].stderr == pytest.approx(vi.elbo(x).stderr[0], rel=1e-13)  # merged halves are rounded again
    one = vi.LogWeights(shared_draws=True).update(x[:, 0])
    assert str(vi.summarize(one)) == str(vi.summarize(vi.LogWeights().update(x[:, 0])))
    with pytest.raises(ValueError, match=r"shared_draws=True and shared_draws=False, and do not merge"):
        whole | vi.LogWeights(k=5).update(x)
    with pytest.raises(ValueError, match="parts differ"):
        vi.LogWeights.concatenate([whole, vi.LogWeights(k=5).update(x)])


def test_what_does_not_merge_says_how_it_would():
    def evaluated(draws, **how):
        model = vi.models.NormalNormal(0.0, 1.0, 1.0)
        x = np.array([[0.0], [1.0]])
        return vi.evaluate(model.log_joint, x, model.posterior, draws=draws, rng=draws, **how)

    with pytest.raises(ValueError, match=r"tail=21 and tail=41, and do not merge: .*evaluate.* one tail= for both"):
        evaluated(100) | evaluated(200)
    assert (evaluated(100, tail=41) | evaluated(200, tail=41)).draws == 300
    with pytest.raises(ValueError, match=r"k=5 and k=None.*one k= for both"):
        vi.LogWeights(k=5) | vi.LogWeights()


def test_draws_left_over_are_counted_in_grammar():
    state = vi.LogWeights(k=5).update(np.zeros(11))
    assert "1 draw left over from groups of 5 is not in the value" in state.iwelbo(5).caveats
    assert "2 draws left over from groups of 5 are not in the value" in state.update([0.0]).iwelbo(5).caveats
