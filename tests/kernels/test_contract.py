"""What every kernel promises beside its numbers: any layout, inputs untouched, extents checked, the same names."""

import importlib
import inspect

import numpy as np
import pytest
from cases import CASES, as_tuple

from varinf import _kernels

LEVELS = _kernels.runnable_levels()
FUNCTIONS = sorted({case.name for case in CASES})


def compiled(name):
    return importlib.import_module(f"varinf._kernels._{LEVELS[-1]}._{name}")


def every_module(name):
    yield importlib.import_module(f"varinf._kernels.{name}")
    for level in LEVELS:
        yield importlib.import_module(f"varinf._kernels._{level}._{name}")


def with_arrays(change, arguments):
    return tuple(change(x) if isinstance(x, np.ndarray) else x for x in arguments)


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def strided(x):
    """The same values in every second place of a larger array."""
    wide = np.zeros(tuple(2 * n for n in x.shape), x.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in x.shape)]
    view[...] = x
    return view


LAYOUTS = {
    "read_only": read_only,
    "strided": strided,
    "fortran": np.asfortranarray,
    "reversed_twice": lambda x: x[::-1][::-1],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_layout_does_not_matter(case, layout):
    arguments = case.make(np.random.default_rng(1), np.dtype("float64"), case.sizes[1])
    for module in every_module(case.kernel):
        function = getattr(module, case.function)
        plain = as_tuple(function(*arguments))
        other = as_tuple(function(*with_arrays(LAYOUTS[layout], arguments)))
        for a, b in zip(plain, other, strict=True):
            # The reference sums in the order that NumPy finds best for a layout: equal to rounding.
            np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_inputs_untouched_and_dtype_kept(case, dtype):
    arguments = case.make(np.random.default_rng(2), np.dtype(dtype), case.sizes[1])
    copies = with_arrays(np.copy, arguments)
    for module in every_module(case.kernel):
        for output in as_tuple(getattr(module, case.function)(*arguments)):
            found = np.asarray(output).dtype
            assert found.kind in "iub" or found == dtype
        for before, after in zip(copies, arguments, strict=True):
            np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", _kernels.NAMES)
def test_every_function_has_a_row_and_a_twin(name):
    reference = importlib.import_module(f"varinf._kernels.{name}")
    public = {
        key
        for key, value in vars(reference).items()
        if inspect.isfunction(value) and value.__module__ == reference.__name__ and not key.startswith("_")
    }
    assert public == {case.function for case in CASES if case.kernel == name}
    for level in LEVELS:
        twin = importlib.import_module(f"varinf._kernels._{level}._{name}")
        assert public <= set(dir(twin))


@pytest.mark.skipif(not LEVELS, reason="this build has no compiled kernels")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_extents_are_checked(name):
    """A compiled entry never reads past an array: whichever argument is cut short, it says so."""
    case = next(case for case in CASES if case.name == name)
    arguments = case.make(np.random.default_rng(3), np.dtype("float64"), case.sizes[1])
    arrays = [i for i, x in enumerate(arguments) if isinstance(x, np.ndarray)]
    function = getattr(compiled(case.kernel), case.function)
    if not arrays or case.any_shape:
        return  # no extents to check
    if len(arrays) < 2:
        with pytest.raises((ValueError, TypeError)):
            function(*with_arrays(lambda x: x[..., None, None], arguments))
        return
    for i in arrays:
        if arguments[i].shape[-1] < 2:
            continue
        cut = list(arguments)
        cut[i] = cut[i][..., :-1]
        with pytest.raises(ValueError, match=r"\d"):
            function(*cut)
