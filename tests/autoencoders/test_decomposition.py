"""Theorem 2's parts add up, for each datum and for a set."""

import numpy as np
import pytest

from varinf.autoencoders.decomposition import Decomposition


def made(n=50, draws=10):
    rng = np.random.default_rng(0)
    return Decomposition.of(rng.normal(-20, 3, n), rng.uniform(0.1, 0.5, n), rng.uniform(1, 9, n), draws)


def test_parts_add_up_exactly_for_each_datum_and_for_the_set():
    d = made()
    for parts in (d, d.mean(), d.sum(), d.mean("population")):
        assert np.all(parts.elbo.value == parts.reconstruction.value - parts.kl.value)


def test_the_set_has_the_means_and_the_errors_of_its_data():
    d = made()
    assert d.mean().elbo.value == pytest.approx(d.elbo.value.mean())
    assert d.mean().elbo.stderr == pytest.approx(np.sqrt(np.sum(d.elbo.stderr**2)) / 50)
    assert d.mean("population").elbo.stderr == pytest.approx(d.elbo.value.std(ddof=1) / np.sqrt(50))
    assert d.sum().kl.value == pytest.approx(d.kl.value.sum())


def test_each_part_says_what_it_is():
    d = made().mean()
    assert (d.elbo.direction, d.elbo.is_bound, d.elbo.quantity) == ("lower", True, "the mean of log p(x)")
    assert (d.reconstruction.direction, d.kl.direction) == ("exact", "exact")
    assert d.kl.stderr == 0 and d.elbo.stderr == d.reconstruction.stderr


def test_it_prints_three_lines_and_the_mean_of_a_batch():
    assert len(str(made().mean()).splitlines()) == 3
    assert str(made()).startswith("50 data, in the mean\n")


def test_without_draws_there_is_no_error():
    d = Decomposition.of(np.array([-3.0]), np.array([0.0]), np.array([1.0]))
    assert d.elbo.draws is None and d.elbo.interval().low == d.elbo.value == -4.0
