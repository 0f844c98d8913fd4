"""InfoNCE on pairs whose information is known; its ceiling."""

import critics
import numpy as np
import pytest

import varinf as vi


def test_gaussian_critic():
    """The optimal critic at I = 2 and N = 64, contrasted over x: 1.8121 ± .0005; over y the same critic is useless."""
    values, stderr = critics.batches(lambda log_conditional, _: vi.infonce(log_conditional), 1500)
    assert abs(critics.standard_score(values, 1.8121, 5e-4)) < 5
    assert values.std() / np.sqrt(1500) < 0.006  # 5 of these see an error of 0.03 nats
    critics.check_error(values, stderr)
    assert values.max() < np.log(64)
    values, _ = critics.batches(lambda log_conditional, _: vi.infonce(log_conditional, "y"), 1500)
    assert abs(critics.standard_score(values, -0.78, 5e-3)) < 5


def test_over_y_needs_a_critic_of_x():
    """log p(y|x) - log p(y) is one up to a function of either."""
    values, _ = critics.batches(lambda given, marginal: vi.infonce(given - marginal[None], "y"), 1500)
    assert abs(critics.standard_score(values, 1.8121, 5e-4)) < 5


def test_never_above_its_ceiling_and_says_when_near():
    rng = np.random.default_rng(0)
    for n in (2, 3, 17):
        for contrast in ("x", "y", "both"):
            found = vi.infonce(50 * rng.normal(size=(n, n)), contrast)
            assert float(found) <= found.ceiling == pytest.approx(np.log(n))
    near = vi.infonce(20.0 * np.eye(32))
    assert "within 0.1 nats of its ceiling, 3.466" in near.caveats[0]
    bits = near.to("bits")
    assert bits.ceiling == pytest.approx(5) and "within 0.14 bits of its ceiling, 5.000" in bits.caveats[0]
    far = vi.infonce(np.eye(32))
    assert len(far.caveats) == 1 and "not fitted" in far.caveats[0]


def test_other_contrasts_are_refused():
    with pytest.raises(ValueError, match="contrast='z': use 'x'"):
        vi.infonce(np.eye(3), "z")


def test_is_the_index_information_of_a_known_encoder():
    rng = np.random.default_rng(1)
    q = vi.DiagonalNormal(rng.normal(size=(40, 2)), rng.uniform(0.3, 1, size=(40, 2)))
    z = q.sample(1, rng=5)[0]
    scores = np.stack([q[n : n + 1].log_prob(z[:, None])[:, 0] for n in range(40)])
    assert float(vi.infonce(scores)) == pytest.approx(float(vi.index_information(q, rng=5)), rel=1e-12)
