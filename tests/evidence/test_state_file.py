"""A saved state goes on where it stopped; a damaged or foreign file is refused by name."""

import io
import pickle
import zipfile

import numpy as np
import pytest

import varinf as vi


def weights(draws, batch=(), seed=0, zeros=0.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(-100, 3, size=(draws, *batch))
    return np.where(rng.random(x.shape) < zeros, -np.inf, x)


def assert_equal(a, b):
    for name in ("value", "stderr", "k_hat", "degrees"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("k", [None, 10])
@pytest.mark.parametrize(("draws", "batch"), [(0, ()), (3, (2,)), (105, ()), (5000, (3, 2))])
def test_saved_states_go_on(tmp_path, draws, batch, k):
    path = tmp_path / "state.npz"
    x = weights(draws + 20, batch, zeros=0.01)
    state = vi.LogWeights(k=k, tail=100)
    if draws:
        state.update(x[:draws])
    state.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]
    loaded = vi.LogWeights.load(path)
    assert (loaded.k, loaded.tail, loaded.draws) == (k, 100, draws)
    for each in (state, loaded):
        each.update(x[draws:])
    assert_equal(loaded.elbo(), state.elbo())
    if k:
        assert_equal(loaded.iwelbo(k), state.iwelbo(k))


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    vi.LogWeights().update(weights(30)).save(path)
    old = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        vi.LogWeights().update(weights(40)).save(path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]


def rewritten(path, **changes):
    """The file with some of its arrays changed."""
    with np.load(path) as found:
        arrays = {**found, **changes}
    np.savez(path, **{name: x for name, x in arrays.items() if x is not None})


def npy_bytes():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


DAMAGED = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("not a state"),
    "single array": lambda path: path.write_bytes(npy_bytes()),
    "pickle": lambda path: path.write_bytes(pickle.dumps({"a": 1})),
    "objects": lambda path: rewritten(path, top=np.array([[None]], dtype=object)),
    "foreign": lambda path: np.savez(path, x=np.zeros(3)),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "another format": lambda path: rewritten(path, format=np.array("varinf LogWeights 99")),
    "a part is gone": lambda path: rewritten(path, pending=None),
    "negative draws": lambda path: rewritten(path, draws=np.int64(-1)),
    "other draws": lambda path: rewritten(path, draws=np.int64(17)),
    "float counts": lambda path: rewritten(path, k=np.float64(2)),
    "short tail": lambda path: rewritten(path, top=np.zeros((2, 3))),
    "float32": lambda path: rewritten(path, moments=np.zeros((4, 2), np.float32)),
    "nan": lambda path: rewritten(path, moments=np.full((4, 2), np.nan)),
    "no truth": lambda path: rewritten(path, shared_draws=np.int64(1)),
    "tail 0": lambda path: rewritten(path, tail=np.int64(0)),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_files_are_refused_by_name(tmp_path, damage):
    path = tmp_path / "state.npz"
    vi.LogWeights(k=10).update(weights(105, (2,))).save(path)
    DAMAGED[damage](path)
    with pytest.raises(ValueError, match=r"state\.npz' is not the file of a LogWeights state"):
        vi.LogWeights.load(path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # zipfile's own, for a spoilt method
def test_random_damage_is_refused_or_harmless(tmp_path):
    path = tmp_path / "state.npz"
    vi.LogWeights(k=10).update(weights(105, (2,))).save(path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        spoilt = bytearray(whole)
        for i in rng.integers(0, len(whole), size=rng.integers(1, 4)):
            spoilt[i] = rng.integers(256)
        path.write_bytes(spoilt)
        try:
            vi.LogWeights.load(path).elbo()
        except ValueError as error:
            assert "state.npz" in str(error)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        vi.LogWeights.load(tmp_path / "none.npz")


def test_the_file_is_plain_arrays(tmp_path):
    vi.LogWeights().update(weights(30)).save(tmp_path / "state.npz")
    assert zipfile.ZipFile(tmp_path / "state.npz").testzip() is None
    with np.load(tmp_path / "state.npz", allow_pickle=False) as found:
        assert str(found["format"]) == "varinf LogWeights 1"
