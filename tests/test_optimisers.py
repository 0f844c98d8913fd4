"""Adam against its published algorithm and torch's; schedules at their ends."""

import numpy as np
import pytest

from varinf.optimisers import SCHEDULES, Adam, schedule


def published(theta, gradients, rate, b1=0.9, b2=0.999, epsilon=1e-8):
    m = v = 0
    for t, g in enumerate(gradients, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        theta = theta + rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + epsilon)
    return theta


def test_steps_are_those_of_the_published_algorithm():
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=20), rng.normal(size=(50, 20)) * 10.0 ** rng.integers(-9, 5, size=20)
    theta = start.copy()
    adam = Adam(theta, rate=0.01)
    for g in gradients:
        adam.step(g)
    np.testing.assert_allclose(theta, published(start, gradients, 0.01), rtol=1e-12)


def test_steps_are_those_of_torch_upwards():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    theta, gradients = rng.normal(size=20), rng.normal(size=(30, 20))
    other = torch.tensor(theta.copy())
    theirs = torch.optim.Adam([other], lr=0.003, maximize=True)
    ours = Adam(theta, rate=0.003)
    for g in gradients:
        ours.step(g)
        other.grad = torch.tensor(g)
        theirs.step()
    np.testing.assert_allclose(theta, other.numpy(), rtol=1e-12)


def test_it_climbs_to_the_top_of_a_hill_and_leaves_the_gradient_alone():
    theta, top = np.zeros(5), np.arange(5.0)
    adam = Adam(theta, rate=0.1)
    for step in range(2000):
        gradient = top - theta
        kept = gradient.copy()
        adam.step(gradient, SCHEDULES["cosine"](step / 2000))
        assert (gradient == kept).all()
    np.testing.assert_allclose(theta, top, atol=1e-6)


@pytest.mark.parametrize(("name", "ends"), [("constant", (1, 1)), ("linear", (1, 0)), ("cosine", (1, 0))])
def test_schedules_begin_and_end_where_they_say(name, ends):
    factor = schedule(name)
    assert (factor(0.0), factor(1.0)) == pytest.approx(ends)
    assert factor(0.5) == pytest.approx(sum(ends) / 2)


def test_a_schedule_may_be_a_function_and_an_unknown_name_is_refused():
    assert schedule(lambda share: 7)(0.3) == 7
    with pytest.raises(ValueError, match="schedule='step': use 'constant', 'linear', 'cosine'"):
        schedule("step")
