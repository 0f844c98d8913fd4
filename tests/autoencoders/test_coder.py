"""What VAE and VIB share: one file format, one encoder, one way to refuse."""

import numpy as np
import pytest

import varinf as vi
from varinf.autoencoders.coder import widths

X = np.random.default_rng(0).normal(size=(30, 4))
Y = np.arange(30) % 3


def fitted(name):
    vae, vib = vi.VAE(2, (5,), "normal"), vi.VIB(2, (5,), decoder_hidden=(4, 3))
    return vae.fit(X, 2, rng=0) if name == "VAE" else vib.fit(X, Y, 2, rng=0)


@pytest.mark.parametrize("name", ["VAE", "VIB"])
def test_a_file_brings_the_same_back(name, tmp_path):
    coder = fitted(name)
    coder.save(tmp_path / "it.npz")
    back = type(coder).load(tmp_path / "it.npz")
    assert type(back) is type(coder) and repr(back) == repr(coder)
    assert (back.encode(X).loc == coder.encode(X).loc).all()
    np.testing.assert_array_equal(back.history, coder.history)
    assert back._options() == coder._options()


def test_a_file_of_the_other_is_refused(tmp_path):
    fitted("VAE").save(tmp_path / "it.npz")
    with pytest.raises(ValueError, match=r"not the file of a VIB.*its format is 'varinf VAE 1'"):
        vi.VIB.load(tmp_path / "it.npz")


@pytest.mark.parametrize("name", ["VAE", "VIB"])
def test_refusals_name_the_class(name):
    new = vi.VAE(2) if name == "VAE" else vi.VIB()
    with pytest.raises(RuntimeError, match=f"this {name} is not fitted"):
        new.encode(X)
    with pytest.raises(ValueError, match=f"this {name} was fitted to 4 features"):
        fitted(name).encode(X[:, :2])
    with pytest.raises(ValueError, match="nan or infinite"):
        fitted(name).encode(np.full((2, 4), np.nan))
    with pytest.raises(ValueError, match="1 rows so far from the data of the fit"):
        fitted(name).encode(np.vstack([X[:1], np.full((1, 4), 1e300)]))


def test_widths_are_a_tuple():
    assert widths(8, "hidden") == (8,) and widths([8, 4], "hidden") == (8, 4) and widths((), "hidden") == ()
    with pytest.raises(ValueError, match="hidden=0"):
        widths((0,), "hidden")
