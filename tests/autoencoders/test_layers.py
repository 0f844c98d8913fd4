"""Dense networks: values against the formula, gradients against central differences and torch."""

import numpy as np
import pytest

from varinf.autoencoders.layers import ACTIVATIONS, Network

FORMULA = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0), "softplus": lambda a: np.logaddexp(0, a)}


def made(activation, widths=(3, 7, 5, 2), rows=11, seed=0):
    rng = np.random.default_rng(seed)
    network = Network(widths, activation)
    return network, rng.normal(size=network.size), rng.normal(size=(rows, widths[0]))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_output_is_the_formula(activation):
    network, flat, x = made(activation)
    *hidden, last = network.views(flat)
    expected = x
    for weights, biases in hidden:
        expected = FORMULA[activation](expected @ weights + biases)
    expected = expected @ last[0] + last[1]
    np.testing.assert_allclose(network.forward(flat, x)[0], expected, rtol=1e-13)


def test_views_cover_the_flat_vector_once():
    network, flat, _ = made("tanh")
    assert sum(w.size + b.size for w, b in network.views(flat)) == flat.size
    for part, (w, b) in enumerate(network.views(flat)):
        w[...], b[...] = part, part + 0.5
    assert set(flat) == {0, 0.5, 1, 1.5, 2, 2.5}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_those_of_central_differences(activation):
    network, flat, x = made(activation)
    error = np.random.default_rng(1).normal(size=(len(x), 2))

    def total(flat, x):
        return np.sum(network.forward(flat, x)[0] * error)

    _, tape = network.forward(flat, x)
    assert activation != "relu" or min(np.abs(h[h > 0]).min() for h in tape[1:]) > 1e-4  # away from kinks
    gradient = np.zeros_like(flat)
    d_x = network.backward(flat, tape, error.copy(), gradient)
    h = 1e-5
    for i in range(flat.size):
        step = h * (np.arange(flat.size) == i)
        assert gradient[i] == pytest.approx((total(flat + step, x) - total(flat - step, x)) / (2 * h), abs=1e-6)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        assert d_x[i] == pytest.approx((total(flat, x + step) - total(flat, x - step)) / (2 * h), abs=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_those_of_torch(activation):
    torch = pytest.importorskip("torch")
    network, flat, x = made(activation)
    parameters, inputs = torch.tensor(flat, requires_grad=True), torch.tensor(x, requires_grad=True)
    function = {"tanh": torch.tanh, "relu": torch.relu, "softplus": torch.nn.functional.softplus}[activation]
    value, start = inputs, 0
    for (a, b), last in zip(((3, 7), (7, 5), (5, 2)), (False, False, True), strict=True):
        w, bias = parameters[start : start + a * b].reshape(a, b), parameters[start + a * b : start + (a + 1) * b]
        value, start = value @ w + bias, start + (a + 1) * b
        value = value if last else function(value)
    weights = np.linspace(0.1, 2, len(x))
    (value.sum(dim=1) * torch.tensor(weights)).sum().backward()
    y, tape = network.forward(flat, x)
    gradient = np.zeros_like(flat)
    d_x = network.backward(flat, tape, np.ones_like(y), gradient, weights)
    np.testing.assert_allclose(gradient, parameters.grad, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(d_x * weights[:, None], inputs.grad, rtol=1e-12, atol=1e-12)  # of each row alone


def test_a_gradient_is_added_to_what_is_there():
    network, flat, x = made("tanh")
    y, tape = network.forward(flat, x)
    once, twice = np.zeros_like(flat), np.zeros_like(flat)
    network.backward(flat, tape, np.ones_like(y), once)
    for _ in range(2):
        network.backward(flat, tape, np.ones_like(y), twice)
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-14)


def test_softplus_neither_overflows_nor_loses_what_is_small():
    network = Network((1, 1, 1), "softplus")
    flat = np.array([1.0, 0.0, 1.0, 0.0])
    y, _ = network.forward(flat, np.array([[800.0], [-800.0], [-40.0], [0.0]]))
    np.testing.assert_allclose(y[:, 0], [800.0, 0.0, np.exp(-40.0), np.log(2)], rtol=1e-15)


def test_weights_keep_the_size_of_what_goes_through():
    rng = np.random.default_rng(0)
    network = Network((200, 200, 200), "relu")
    flat = np.empty(network.size)
    network.initialise(flat, rng)
    y, _ = network.forward(flat, rng.normal(size=(500, 200)))
    assert 0.7 < y.std() / np.sqrt(2) < 1.4  # the last layer doubles the second moment of a half-zero input
    assert all((b == 0).all() for _, b in network.views(flat))
