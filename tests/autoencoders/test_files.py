"""Files of autoencoders: what was written comes back, and anything else is refused by its name."""

import numpy as np
import pytest

from varinf.autoencoders.files import read_arrays, write_arrays
from varinf.autoencoders.vae import VAE


def test_a_file_of_something_else_is_refused_by_name(tmp_path):
    for name, content in {"text.npz": b"hello", "empty.npz": b""}.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}.*is not the file of a VAE"):
            VAE.load(path)
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(ValueError, match="is not the file of a VAE"):
        VAE.load(tmp_path / "other.npz")
    with pytest.raises(FileNotFoundError):
        VAE.load(tmp_path / "missing.npz")


def test_what_was_written_comes_back(tmp_path):
    path = tmp_path / "x.npz"
    write_arrays(path, "VAE", {"a": [1, 2]}, {"b": np.arange(3)})
    about, arrays = read_arrays(path, "VAE", lambda about, arrays: (about, dict(arrays)))
    assert about == {"a": [1, 2]} and (arrays["b"] == np.arange(3)).all()
    with pytest.raises(ValueError, match=r"x.npz.*its format is 'varinf VAE 1'"):
        read_arrays(path, "Other", lambda about, arrays: None)


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.npz"
    write_arrays(path, "VAE", {}, {"b": np.arange(3)})
    with pytest.raises(TypeError):
        write_arrays(path, "VAE", {"not": object()}, {})
    assert read_arrays(path, "VAE", lambda about, arrays: arrays["b"]).tolist() == [0, 1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


def test_a_file_that_is_cut_short_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    VAE(1, (3,)).fit(np.eye(4), 1, rng=0).save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is not the file of a VAE"):
            VAE.load(path)
