import sys

import numpy as np
import pytest

from varinf.datasets import diabetes, digits


def test_digits_are_the_file():
    raw, X = digits(raw=True), digits()
    assert raw.shape == X.shape == (1797, 64)
    assert (raw.min(), raw.max(), raw.sum()) == (0, 16, 561718)
    np.testing.assert_array_equal(X * 16, raw)


def test_fixed_binarisation_never_changes():
    X = digits("fixed")
    assert set(np.unique(X)) == {0.0, 1.0}
    np.testing.assert_array_equal(X, digits(binarize="fixed"))


def test_dynamic_binarisation_follows_rng_and_the_intensities():
    a, b = digits("dynamic", rng=0), digits("dynamic", rng=0)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, digits("dynamic", rng=1))
    assert not np.array_equal(a, digits("fixed"))
    p = digits()
    z = (a - p).sum() / np.sqrt((p * (1 - p)).sum())
    assert abs(z) < 5
    assert np.all(a[p == 0] == 0)
    assert np.all(a[p == 1] == 1)


def test_diabetes_is_standardised():
    X, y = diabetes()
    assert X.shape == (442, 10)
    np.testing.assert_allclose([X.mean(0), X.std(0)], [np.zeros(10), np.ones(10)], atol=1e-12)
    assert (y.mean(), y.std()) == (pytest.approx(0, abs=1e-12), pytest.approx(1))


def test_options_that_contradict_are_refused():
    with pytest.raises(ValueError, match="binarize='threshold'"):
        digits("threshold")
    with pytest.raises(ValueError, match="raw=True with binarize='fixed'"):
        digits("fixed", raw=True)
    with pytest.raises(ValueError, match="rng is for"):
        digits("fixed", rng=0)


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r'pip install "varinf\[examples\]"'):
        digits()
