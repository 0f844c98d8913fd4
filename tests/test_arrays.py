"""Every check of an input array, by the sentence that it raises; through the public functions where they lead there."""

import math

import numpy as np
import pytest

import varinf as vi
from varinf import _arrays

BOUNDS = {
    "elbo": vi.elbo,
    "iwelbo": vi.iwelbo,
    "renyi_bound": lambda x, **how: vi.renyi_bound(x, 0.5, **how),
    "cubo": lambda x, **how: vi.cubo(x, on_heavy_tail="ignore", **how),
    "eubo": vi.eubo,
    "jackknife_evidence": vi.jackknife_evidence,
}
every_bound = pytest.mark.parametrize("bound", BOUNDS.values(), ids=BOUNDS)


# What becomes of an input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        ([1, 2, 3], np.float64),
        ([1.5, 2], np.float64),
        (np.arange(3), np.float64),
        (np.arange(3, dtype=np.uint8), np.float64),
        (np.array([True, False]), np.float64),
        (np.arange(3, dtype=np.float32), np.float32),
        (np.arange(3, dtype=">f8"), np.float64),
        (np.arange(3, dtype=">f4"), np.float32),
        (np.ma.masked_array([1.0, 2.0]), np.float64),
        (2, np.float64),
    ],
    ids=str,
)
def test_as_array(given, dtype):
    x = _arrays.as_array(given, "x")
    assert type(x) is np.ndarray and x.dtype == dtype and x.dtype.isnative
    np.testing.assert_array_equal(x, np.asarray(given))


def test_a_mask_is_not_ignored():
    with pytest.raises(ValueError, match=r"^x is a masked array with 1 values masked: drop or fill them"):
        _arrays.as_array(np.ma.masked_greater([1.0, 2.0], 1.5), "x")


def test_native_arrays_are_not_copied():
    x = np.zeros((3, 2), order="F")[::2]
    assert _arrays.as_array(x, "x") is x


@pytest.mark.parametrize(
    "given",
    [
        np.zeros(3, np.float16),
        np.zeros(3, np.longdouble),
        np.zeros(3, complex),
        np.array(["a", "b"]),
        "abc",
        None,
        [None, 1.0],
        {"a": 1},
        np.zeros(3, "datetime64[s]"),
    ],
    ids=lambda given: getattr(getattr(given, "dtype", given), "name", str(given)),
)
@every_bound
def test_other_types_are_refused_by_name(bound, given):
    with pytest.raises(TypeError, match=r"log_weights.* has dtype .*(convert it|give an array)"):
        bound(given)


@every_bound
def test_ragged_lists(bound):
    with pytest.raises(ValueError, match=r"log_weights.* is not a rectangular array"):
        bound([[1.0, 2.0], [3.0]])


def test_array_api_strict_arrays_keep_their_library():
    strict = pytest.importorskip("array_api_strict")
    x = strict.asarray([0.0, 1.0, 2.0])
    value = vi.iwelbo(x).value
    assert type(value).__module__.startswith("array_api_strict")
    assert float(value) == pytest.approx(vi.iwelbo([0.0, 1.0, 2.0]).value)
    assert _arrays.as_array(strict.asarray([1, 2]), "x").dtype == strict.float64
    with pytest.raises(TypeError, match=r"x has dtype .*complex"):
        _arrays.as_array(strict.asarray([1j]), "x")


def test_as_arrays_follow_the_leader():
    a, b = _arrays.as_arrays(a=np.zeros(2, np.float32), b=np.zeros(3))
    assert a.dtype == b.dtype == np.float64
    a, b = _arrays.as_arrays(a=np.zeros(2, np.float32), b=np.zeros(3, np.float32))
    assert a.dtype == b.dtype == np.float32
    strict = pytest.importorskip("array_api_strict")
    a, b = _arrays.as_arrays(a=[1.0], b=strict.asarray([2.0], dtype=strict.float32))
    assert type(a) is type(b) and a.dtype == strict.float32


# Shapes --------------------------------------------------------------------------------------------------------------


@every_bound
def test_no_draws(bound):
    with pytest.raises(ValueError, match=r"log_weights.* has shape \(0,\): no draws on axis 0"):
        bound([])
    with pytest.raises(ValueError, match=r"has shape \(3, 0\): no draws on axis 1"):
        bound(np.zeros((3, 0)), axis=1)


@every_bound
def test_an_empty_batch_is_a_batch(bound):
    assert bound(np.zeros((3, 0))).shape == (0,)


@every_bound
def test_a_single_number(bound):
    with pytest.raises(
        ValueError, match=r"log_weights.* is a single number; give an array whose axis 0 holds the draws"
    ):
        bound(1.0)


@every_bound
@pytest.mark.parametrize("axis", [2, -3])
def test_axis_out_of_range(bound, axis):
    with pytest.raises(ValueError, match=rf"axis={axis}: log_weights.* has 2 dimensions"):
        bound(np.zeros((3, 2)), axis=axis)


@every_bound
@pytest.mark.parametrize("axis", [1.0, "0", None, True])
def test_axis_must_be_an_integer(bound, axis):
    with pytest.raises(TypeError, match=r"axis=.*use an integer"):
        bound(np.zeros((3, 2)), axis=axis)


@every_bound
def test_every_layout_gives_the_same(bound):
    x = np.random.default_rng(0).normal(size=(12, 4, 3))
    plain = bound(x)
    wide = np.empty((12, 8, 3))
    wide[:, ::2] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    layouts = {
        "fortran": (np.asfortranarray(x), 0),
        "last axis": (np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1),
        "middle axis": (np.ascontiguousarray(np.moveaxis(x, 0, 1)), 1),
        "fortran, middle axis": (np.asfortranarray(np.moveaxis(x, 0, 1)), np.int64(1)),
        "strided": (wide[:, ::2], 0),
        "reversed": (x[::-1][::-1], 0),
        "read-only": (frozen, 0),
        "swapped bytes": (x.astype(">f8"), 0),
    }
    for name, (y, axis) in layouts.items():
        before = y.copy()
        for field in ("value", "stderr", "k_hat"):
            got, want = getattr(bound(y, axis=axis), field), getattr(plain, field)
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13, err_msg=f"{name}: {field}")
        np.testing.assert_array_equal(y, before)


@every_bound
def test_single_precision_stays_outside(bound):
    x = np.random.default_rng(1).normal(-1000, 1, size=(500, 3))
    single, double = bound(x.astype(np.float32)), bound(x)
    assert single.value.dtype == np.float32 and single.stderr.dtype == np.float32
    # The draws themselves were rounded to 3e-5; sums of 500 in single precision would lose more.
    np.testing.assert_allclose(single.value, double.value, rtol=2e-7)


@every_bound
def test_unknown_keywords_raise(bound):
    with pytest.raises(TypeError):
        bound([0.0, 1.0], axes=0)


def test_same_shape():
    _arrays.same_shape(loc=np.zeros(3), scale=np.ones(3))
    with pytest.raises(ValueError, match=r"loc has shape \(3,\) but scale has shape \(3, 1\); they must agree"):
        _arrays.same_shape(loc=np.zeros(3), scale=np.ones((3, 1)))


# Values --------------------------------------------------------------------------------------------------------------


@every_bound
def test_nan_is_counted_and_placed(bound):
    x = np.zeros((1000, 3))
    x[[5, 900], [2, 0]] = np.nan
    with pytest.raises(
        ValueError, match=r"has 2 .*nan.* of 3,000, the first at index \(5, 2\) \(nan\); .*look at the model"
    ):
        bound(x)
    with pytest.raises(ValueError, match=r"the first at index \(0, 900\)"):
        bound(np.ascontiguousarray(x.T), axis=1)
    with pytest.raises(ValueError, match=r"the first at index 1 "):
        bound([0.0, np.nan])


@pytest.mark.parametrize(
    "bound", [b for name, b in BOUNDS.items() if name != "eubo"], ids=[n for n in BOUNDS if n != "eubo"]
)
def test_plus_infinity_is_an_error_for_draws_from_q(bound):
    with pytest.raises(
        ValueError, match=r"log_weights has 1 values that are nan or \+inf of 3, the first at index 2 \(inf\)"
    ):
        bound([0.0, -np.inf, np.inf])


@pytest.mark.parametrize(
    "bound", [b for name, b in BOUNDS.items() if name != "eubo"], ids=[n for n in BOUNDS if n != "eubo"]
)
def test_all_minus_infinity_is_minus_infinity(bound):
    assert np.all(bound(np.full((4, 2), -np.inf)).value == -np.inf)


@every_bound
def test_extreme_values(bound):
    for x in ([1e300, 1e300], [-1e300, -1e300], [5e-324, 0.0], [700.0, -700.0]):
        assert np.isfinite(bound(x).value)


def test_check_finite_and_positive():
    _arrays.check_finite(np.zeros(3), "loc")
    with pytest.raises(
        ValueError, match=r"loc has 1 values that are nan or infinite of 3, the first at index 1 \(inf\)"
    ):
        _arrays.check_finite(np.array([0.0, np.inf, 0.0]), "loc")
    _arrays.check_positive(np.ones(3), "scale")
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(
            ValueError, match=r"scale has 1 values that are not positive and finite of 2, the first at index 0"
        ):
            _arrays.check_positive(np.array([bad, 1.0]), "scale")
    with pytest.raises(ValueError, match=r"scale has 1 values.* of 1, the first \(-1.0\)"):
        _arrays.check_positive(np.array(-1.0), "scale")


@pytest.mark.parametrize("value", [0, -3])
def test_positive_integer_value(value):
    with pytest.raises(ValueError, match=f"draws={value}: use a positive integer"):
        _arrays.positive_integer(value, "draws")


@pytest.mark.parametrize("value", [1.0, "1", None, True, [1], np.array(1.0)])
def test_positive_integer_type(value):
    with pytest.raises(TypeError, match=r"draws=.*use a positive integer"):
        _arrays.positive_integer(value, "draws")


def test_numbers_become_python_numbers():
    assert type(_arrays.positive_integer(np.int32(3), "k")) is int
    assert type(_arrays.finite_number(np.float32(0.5), "alpha")) is float
    with pytest.raises(ValueError, match="alpha=nan: use a finite number"):
        _arrays.finite_number(np.nan, "alpha")
    with pytest.raises(TypeError, match="alpha=1j: use a number"):
        _arrays.finite_number(1j, "alpha")


# Random numbers ------------------------------------------------------------------------------------------------------


def test_generator_takes_what_numpy_takes():
    seeds = (7, np.random.SeedSequence(7), np.random.default_rng(7))
    draws = {float(_arrays.generator(seed).random()) for seed in seeds}
    assert len(draws) == 1
    rng = np.random.default_rng(0)
    assert _arrays.generator(rng) is rng
    assert _arrays.generator(None).random() != _arrays.generator(None).random()


@pytest.mark.parametrize(("rng", "error"), [(-1, ValueError), ("seed", TypeError), (1.5, TypeError)])
def test_generator_errors(rng, error):
    with pytest.raises(error, match=r"rng=.*use None, a non-negative int, a SeedSequence or a numpy Generator"):
        _arrays.generator(rng)


def test_global_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    _arrays.generator(3).random()
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


# What the array API lacks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["numpy", "torch", "jax.numpy"])
def test_special_functions(library):
    as_theirs = np.asarray if library == "numpy" else pytest.importorskip(library).asarray
    table = _arrays.special(as_theirs([0.0]))
    np.testing.assert_allclose(np.asarray(table.gammaln(as_theirs([5.0]))), math.log(24), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(table.digamma(as_theirs([1.0]))), -0.5772156649015329, rtol=1e-6)
    if library != "numpy":  # NumPy arrays are solved by halves, in families/matrices.py
        lower, columns = as_theirs([[2.0, 0.0], [1.0, 3.0]]), as_theirs([[2.0], [7.0]])
        np.testing.assert_allclose(np.asarray(table.solve_lower(lower, columns)), [[1.0], [2.0]], rtol=1e-6)
