import numpy as np
import pytest
import scipy.special
import scipy.stats

from varinf.families import mixture
from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.families.mixture import Mixture


def _components(rng, *batch, dim=3):
    return DiagonalNormal(rng.normal(size=(*batch, dim)) * 2, rng.uniform(0.5, 2, (*batch, dim)))


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_against_brute_force(batch, equal):
    rng = np.random.default_rng(0)
    components = _components(rng, *batch, 5)
    weights = np.full((*batch, 5), 0.2) if equal else rng.dirichlet(np.ones(5), size=batch)
    q = Mixture(weights, components)
    z = rng.normal(size=(4, 6, *batch, 3)) * 3
    each = scipy.stats.norm(components.loc, components.scale).logpdf(z[..., None, :]).sum(-1)
    np.testing.assert_allclose(q.log_prob(z), scipy.special.logsumexp(each, b=weights, axis=-1), rtol=1e-11)
    np.testing.assert_allclose(q.mean, (weights[..., None] * components.loc).sum(-2), rtol=1e-12)


def test_equal_weights_are_the_aggregate():
    components = _components(np.random.default_rng(1), 7)
    q = Mixture(None, components)
    z = q.sample(50, rng=0)
    general = Mixture(np.append(np.full(6, 1 / 7), 1 / 7 * (1 + 1e-15)), components)
    assert q._is_plain(z) and not general._is_plain(z)
    np.testing.assert_allclose(q.log_prob(z), general.log_prob(z), rtol=1e-12)


def test_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(2)
    weights = rng.dirichlet(np.ones(5), size=2)
    q = Mixture(weights, FullNormal(rng.normal(size=(2, 5, 3)), np.tril(rng.uniform(0.5, 1, (2, 5, 3, 3)))))
    z = rng.normal(size=(40, 2, 3))
    whole = q.log_prob(z)
    monkeypatch.setattr(mixture, "_AT_ONCE", 100)
    np.testing.assert_allclose(q.log_prob(z), whole, rtol=1e-13)  # BLAS rounds by the number of columns
    assert q.sample(40, rng=0).shape == (40, 2, 3)


def test_components_are_drawn_by_weight():
    q = Mixture([0.2, 0.0, 0.8], DiagonalNormal([[-50.0], [0.0], [50.0]], np.ones((3, 1))))
    z = q.sample(10_000, rng=3)[:, 0]
    assert not np.any(np.abs(z) < 25)
    assert abs((z > 0).mean() - 0.8) / np.sqrt(0.16 / 10_000) < 5


def test_mixtures_of_mixtures():
    rng = np.random.default_rng(4)
    components = _components(rng, 2, 3)
    inner, outer = rng.dirichlet(np.ones(3), size=2), np.array([0.3, 0.7])
    nested = Mixture(outer, Mixture(inner, components))
    flat = Mixture((outer[:, None] * inner).reshape(-1), components._flat())
    z = nested.sample(20, rng=0)
    np.testing.assert_allclose(nested.log_prob(z), flat.log_prob(z), rtol=1e-12)
    np.testing.assert_allclose(nested.variance, flat.variance, rtol=1e-12)


def test_far_draws_do_not_underflow():
    q = Mixture([0.5, 0.5], DiagonalNormal([[0.0], [1.0]], np.ones((2, 1))))
    assert q.log_prob([1e4]) == pytest.approx(scipy.stats.norm.logpdf(1e4, 1) - np.log(2), rel=1e-12)


def test_what_is_refused():
    components = _components(np.random.default_rng(5), 4)
    with pytest.raises(ValueError, match=r"weights has shape \(3,\), but components a batch of shape \(4,\)"):
        Mixture(np.full(3, 1 / 3), components)
    with pytest.raises(ValueError, match="not 1"):
        Mixture(np.ones(4), components)
    with pytest.raises(ValueError, match="last batch axis"):
        Mixture([1.0], components[0])
    with pytest.raises(TypeError, match="is itself one"):
        Mixture([1.0], Categorical(probs=[[0.5, 0.5]]))
    with pytest.raises(TypeError, match="give a family"):
        Mixture([1.0], np.ones((1, 3)))
