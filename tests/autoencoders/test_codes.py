"""Codes with labels: what they hold, the plane in which means vary most, errors."""

import numpy as np
import pytest

import varinf as vi
from varinf.autoencoders.codes import Codes


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    return 3 * np.eye(3)[y] + rng.normal(size=(200, 3)), y


def test_bottlenecks_and_autoencoders_have_codes(data):
    X, y = data
    names = np.array(["ash", "birch", "cedar"])[y]
    vib = vi.VIB(2, (8,)).fit(X, names, epochs=2, rng=0)
    codes = vib.codes(X, names)
    assert np.array_equal(codes.q.loc, vib.encode(X).loc) and np.array_equal(codes.labels, names)
    assert codes.classes == ("ash", "birch", "cedar")
    assert repr(codes) == "Codes(200 data, 2 latents, labels ash, birch, cedar)"
    vae = vi.VAE(2, (8,), "normal").fit(X, epochs=1, rng=0)
    plain = vae.codes(X)
    assert plain.labels is None and plain.classes == (None,) and repr(plain) == "Codes(200 data, 2 latents)"


def test_two_latents_are_their_own_plane():
    q = vi.DiagonalNormal([[0.0, 9.0], [1.0, -9.0]], [[0.5, 2.0], [1.0, 3.0]])
    plane = Codes(q).plane()
    assert np.array_equal(plane.loc, q.loc) and plane.share == 1
    assert np.array_equal(plane.covariance, [np.diag([0.25, 4.0]), np.diag([1.0, 9.0])])


def test_of_more_latents_it_is_where_the_means_vary_most():
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    loc = (rng.normal(size=(500, 4)) * [3.0, 2.0, 0.1, 0.0]) @ turn.T
    scale = rng.uniform(0.1, 2.0, size=(500, 4))
    plane = Codes(vi.DiagonalNormal(loc, scale)).plane()
    values, vectors = np.linalg.eigh(np.cov(loc.T))
    assert abs(plane.directions @ vectors[:, [3, 2]]) == pytest.approx(np.eye(2), abs=1e-10)
    assert plane.share == pytest.approx(values[2:].sum() / values.sum(), rel=1e-12)
    assert plane.loc == pytest.approx(loc @ plane.directions.T)
    exact = plane.directions @ np.diag(scale[7] ** 2) @ plane.directions.T
    assert plane.covariance[7] == pytest.approx(exact, rel=1e-12)


def test_silent_latents_take_no_part():
    """A latent that is not in use has codes N(0, 1): wider than the others', and no direction to look in."""
    rng = np.random.default_rng(2)
    loc = np.column_stack([np.zeros(300), 0.5 * rng.normal(size=(300, 2)), np.zeros(300)])
    scale = np.tile([1.0, 0.05, 0.05, 1.0], (300, 1))
    assert abs(Codes(vi.DiagonalNormal(loc, scale)).plane().directions[:, [0, 3]]).max() < 1e-12


def test_codes_that_are_all_alike_have_a_plane_too():
    plane = Codes(vi.DiagonalNormal(np.zeros((1, 3)), np.ones((1, 3)))).plane()
    assert plane.share == 1 and plane.covariance[0] == pytest.approx(np.eye(2))


def test_errors():
    q = vi.DiagonalNormal(np.zeros((3, 1)), np.ones((3, 1)))
    with pytest.raises(ValueError, match=r"codes have 1 latent, and a plane has 2 directions: use latent_dim=2"):
        Codes(q).plane()
    with pytest.raises(ValueError, match=r"labels have shape \(2,\): give one a datum, \(3,\)"):
        Codes(q, [0, 1])
    with pytest.raises(ValueError, match=r"q has batch shape \(\): give one code per datum"):
        Codes(q[0])
    with pytest.raises(TypeError, match=r"q is a ndarray: give a DiagonalNormal"):
        Codes(np.zeros((3, 2)))
