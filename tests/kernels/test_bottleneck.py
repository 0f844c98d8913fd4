"""Anderson's steps over many iterations, and iterations at prices that leave the range of exponents."""

import numpy as np
import pytest
from test_parity import twins

KERNELS = [pytest.param(kernel, id=level) for level, kernel in twins("bottleneck")]
REFERENCE = KERNELS[0].values[0]


def problem(seed, x=9, y=5, t=7, b=4, betas=(1.2, 30.0)):
    rng = np.random.default_rng(seed)
    tables = rng.dirichlet(np.ones(t * y), size=b).reshape(b, t, y)
    return tables, rng.dirichlet(np.full(y, 0.5), size=x), rng.dirichlet(np.ones(x)), rng.uniform(*betas, size=b)


@pytest.mark.parametrize("kernel", KERNELS)
def test_twins_agree_once_the_memory_has_wrapped(kernel):
    """Each step multiplies the rounding of the last, by up to a few: twelve leave 1e-9 or so in encoders."""
    for seed in range(5):
        given = problem(seed)
        found, wanted = kernel.accelerate(*given, 12), REFERENCE.accelerate(*given, 12)
        np.testing.assert_allclose(found[1], wanted[1], rtol=1e-9)
        np.testing.assert_allclose(found[0], wanted[0], atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_limit_is_a_fixed_point_and_the_residual_says_so(kernel):
    given = problem(3)
    encoders, objective, residual = kernel.accelerate(*given, 300)
    tables = encoders @ (given[2][:, None] * given[1])
    _, after, value = kernel.iterate(tables, *given[1:])
    assert residual.max() < 1e-9
    np.testing.assert_allclose(after, tables, atol=1e-9)
    np.testing.assert_allclose(value, objective, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_objective_never_rises_with_the_number_of_steps(kernel):
    given = problem(4, betas=(1.2, 900.0), b=12)
    values = np.array([kernel.accelerate(*given, steps)[1] for steps in range(1, 40)])
    assert (np.diff(values, axis=0) <= 1e-12 * np.abs(values[1:])).all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_steps_help(kernel):
    """Where the kernel accelerates nothing, or forgets at every step, this fails."""
    given = problem(5, b=8, betas=(2.0, 6.0))
    tables = given[0]
    for _ in range(40):
        _, tables, value = kernel.iterate(tables, *given[1:])
    assert np.median(kernel.accelerate(*given, 40)[1] - value) < -1e-7


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("beta", [100.0, 1000.0, 1e5])
def test_the_objective_is_never_below_what_any_encoder_reaches(kernel, beta):
    """With 1e-300 for what a cluster lacks, one without mass once counted as a label with probability 1 for every y."""
    tables, conditional, p_x, _ = problem(6, b=3, y=20)
    tables[0, 2:] = 0
    tables[1, 1:] = 0
    price = np.full(3, beta)
    log = np.log(np.maximum(conditional, 1e-300))
    least = -beta * np.sum(p_x[:, None] * conditional * log)  # beta H(Y|X): I(T;X) >= 0 and H(Y|T) >= H(Y|X)
    for _ in range(20):
        _, tables, value = kernel.iterate(tables, conditional, p_x, price)
        assert (value >= least - 1e-9 * beta).all()
    value = kernel.accelerate(tables, conditional, p_x, price, 20)[1]
    assert np.isfinite(value).all() and (value >= least - 1e-9 * beta).all()


@pytest.mark.parametrize("kernel", KERNELS[1:])
def test_there_is_at_least_one_step(kernel):
    with pytest.raises(ValueError, match="steps=0"):
        kernel.accelerate(*problem(7), 0)
