"""Whole tasks, by varinf and as one writes them by hand with NumPy, SciPy and ArviZ:

    python -m pytest benchmarks/bench_applications.py --benchmark-group-by=func --benchmark-columns=median,iqr,rounds

Both sides of each are seen to agree, as far as their own draws allow. The peak of memory beyond the inputs, as far as
NumPy took it, stands in the extra information of each, which --benchmark-json writes.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp

sys.path.insert(0, str(Path(__file__).parent))
import bottleneck_speed
from inference_speed import CONTENDERS, MODELS, run

import varinf as vi
from varinf._kernels import kernel
from varinf.cli._timing import peak_memory

LATENT, HIDDEN = 8, 64


class Decoder:
    """p(z) = N(0, I), p(x | z) Bernoulli with logits tanh(z A) B: a VAE's generative half, weights as drawn."""

    def __init__(self, features, rng):
        self.a = rng.normal(size=(LATENT, HIDDEN)).astype(np.float32) / LATENT**0.5
        self.b = rng.normal(size=(HIDDEN, features)).astype(np.float32) / HIDDEN**0.5

    def logits(self, z):
        return np.tanh(z @ self.a) @ self.b

    def log_joint(self, x, z):
        logits = self.logits(z)
        log_likelihood = kernel("monte_carlo_elbo", logits).log_likelihood(x, logits, "bernoulli", 1.0)
        return log_likelihood - 0.5 * np.sum(z * z, axis=-1) - LATENT / 2 * np.log(2 * np.pi)


@pytest.fixture(scope="module")
def digits():
    return vi.datasets.digits("fixed").astype(np.float32)


@pytest.fixture(scope="module")
def decoder(digits):
    return Decoder(digits.shape[1], np.random.default_rng(0))


@pytest.fixture(scope="module")
def posteriors(digits):
    """A linear encoder's, around what the data say of the first directions."""
    centred = digits - digits.mean(0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:LATENT]
    loc = (centred @ directions.T / 2).astype(np.float32)
    return vi.DiagonalNormal(loc, np.full_like(loc, 0.7))


def measured(benchmark, call):
    benchmark.extra_info["peak MiB"] = round(peak_memory(call) / 2**20, 1)
    return benchmark.pedantic(call, rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("contender", ["varinf", "varinf, 2 workers", "by hand"])
def test_iwelbo_of_digits_5000_draws(benchmark, digits, decoder, posteriors, contender):
    """The first 256 digits. By hand: blocks of draws that fit into memory, log-sum-exp over all of them at the end."""
    x, q, draws = digits[:256], posteriors[:256], 5_000

    def by_hand():
        rng, parts = np.random.default_rng(1), []
        for _ in range(draws // 50):
            noise = rng.standard_normal((50, *q.loc.shape), dtype=np.float32)
            z = q.loc + q.scale * noise
            logits = decoder.logits(z)
            log_p = (x * logits - np.logaddexp(0, logits)).sum(-1) - 0.5 * (z * z).sum(-1)
            parts.append(log_p + 0.5 * (noise * noise).sum(-1) + np.log(q.scale).sum(-1))
        return logsumexp(np.concatenate(parts), axis=0) - np.log(draws)

    def by_varinf(workers=None):
        return vi.evaluate(decoder.log_joint, x, q, draws, rng=1, batch_size=64, workers=workers).iwelbo().value

    calls = {"varinf": by_varinf, "varinf, 2 workers": lambda: by_varinf(2), "by hand": by_hand}
    found = measured(benchmark, calls[contender])
    assert abs(np.mean(found) - np.mean(by_hand())) < 0.5  # nats: two sets of draws with heavy weights


@pytest.mark.parametrize("contender", ["varinf", "by hand"])
def test_full_batch_elbo_gradient_step(benchmark, digits, contender):
    """One logit a pixel, 8 draws of 1,797 x 64."""
    rng = np.random.default_rng(2)
    loc, log_scale = (0.3 * rng.normal(size=(2, *digits.shape))).astype(np.float32)
    noise = rng.standard_normal((8, *digits.shape), dtype=np.float32)

    def by_varinf():
        return kernel("monte_carlo_elbo", digits).elbo(digits, loc, log_scale, noise, "bernoulli", 1.0)[3]

    def by_hand():
        z = loc + np.exp(log_scale) * noise
        return (digits - 1 / (1 + np.exp(-z))).mean(0) - loc

    found = measured(benchmark, by_varinf if contender == "varinf" else by_hand)
    np.testing.assert_allclose(found, by_hand(), atol=1e-5)


@pytest.mark.parametrize("contender", ["varinf", "by hand"])
def test_aggregate_posterior_of_10000_codes(benchmark, contender):
    """log q(z) of 10,000 codes under the mixture of their posteriors; by hand in blocks of 1,000 codes."""
    rng = np.random.default_rng(3)
    loc = rng.normal(size=(10_000, 16))
    scale = 0.3 + rng.gamma(4, 0.1, size=loc.shape)
    q = vi.Mixture(None, vi.DiagonalNormal(loc, scale))
    z = loc + scale * rng.normal(size=loc.shape)

    def by_hand():
        precision = 1 / scale**2
        constant = (loc**2 * precision).sum(1) + 2 * np.log(scale).sum(1) + 16 * np.log(2 * np.pi)
        blocks = [
            logsumexp(-(part**2 @ precision.T - 2 * part @ (loc * precision).T + constant) / 2, axis=1)
            for part in np.split(z, 10)
        ]
        return np.concatenate(blocks) - np.log(len(loc))

    found = measured(benchmark, (lambda: q.log_prob(z)) if contender == "varinf" else by_hand)
    np.testing.assert_allclose(found, by_hand(), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # arviz's own
@pytest.mark.parametrize("contender", ["varinf", "arviz"])
def test_tail_index_of_a_million_draws(benchmark, contender):
    log_w = 0.5 * np.random.default_rng(4).exponential(size=1_000_000)
    if contender == "varinf":
        found = measured(benchmark, lambda: vi.psis(log_w).k_hat)
    else:
        arviz = pytest.importorskip("arviz")
        found = measured(benchmark, lambda: float(arviz.psislw(log_w)[1]))
    assert abs(found - 0.5) < 0.05


@pytest.mark.parametrize("contender", ["varinf", "by hand"])
def test_information_of_a_table(benchmark, contender):
    """I(X; Z) of 1,797 data and 2,000 categories."""
    joint = np.random.default_rng(5).dirichlet(np.full(2_000, 0.1), size=1_797) / 1_797

    def by_hand():
        outer = joint.sum(1, keepdims=True) * joint.sum(0)
        return np.sum(joint[joint > 0] * np.log(joint[joint > 0] / outer[joint > 0]))

    found = measured(benchmark, (lambda: vi.mutual_information(joint)) if contender == "varinf" else by_hand)
    assert abs(float(found) - by_hand()) < 1e-9


@pytest.mark.parametrize("contender", ["varinf", "by hand"])
def test_rate_at_a_slope(benchmark, contender):
    """400 places of a normal source, squared error. By hand: 2,000 of Blahut's steps, and how far off they may be."""
    x = np.linspace(-4, 4, 400)
    p, d, slope = np.exp(-x * x / 2) / np.exp(-x * x / 2).sum(), (x[:, None] - x) ** 2, 5.0

    def by_hand():
        kernel_of_d, q = np.exp(-slope * d), np.full(len(x), 1 / len(x))
        for _ in range(2_000):
            total = kernel_of_d @ q
            factor = (p / total) @ kernel_of_d
            q = q * factor
        return -p @ np.log(kernel_of_d @ q), np.log(np.max((p / (kernel_of_d @ q)) @ kernel_of_d))

    exact = vi.blahut_arimoto(p, d, slope)
    assert exact.converged
    if contender == "varinf":
        gap = measured(benchmark, lambda: vi.blahut_arimoto(p, d, slope)).gap
    else:
        value, gap = measured(benchmark, by_hand)
        assert exact.lower - 1e-12 <= value <= exact.upper + gap
    benchmark.extra_info["gap"] = float(gap)


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("model", MODELS)
def test_variational_fit_with_compilation(benchmark, tmp_path, model, contender):
    """A process for each, its imports included; `inference_speed.py` times them without, and over a family more."""
    for library in {"PyMC": "pymc", "NumPyro": "numpyro"}.items():
        if library[0] in contender:
            pytest.importorskip(library[1])
    seconds, bound = benchmark.pedantic(lambda: run(contender, model, "diagonal", tmp_path), rounds=3, warmup_rounds=1)
    benchmark.extra_info |= {"seconds without imports": seconds[0], "ELBO": float(bound)}
    best = {"logistic regression": -67.6, "eight schools": -31.6}[model]  # of the family
    assert bound.value < best + 0.1


@pytest.mark.parametrize("contender", bottleneck_speed.CONTENDERS)
def test_bottleneck_curve(benchmark, contender):
    """40 betas of 8 starts, 50 x 20 symbols; dit on 2 of the betas. `bottleneck_speed.py` makes the guide's table."""
    if not bottleneck_speed.installed(contender):
        pytest.skip(f"{contender.split(',')[0]} is not installed")
    p_xy = bottleneck_speed.table(1.0)
    betas = bottleneck_speed.grid(p_xy)
    rounds = 1 if contender == "dit" else 3
    _, *found = benchmark.pedantic(lambda: bottleneck_speed.run(contender, p_xy, betas), rounds=rounds)
    excess = bottleneck_speed.excess(*found, p_xy, betas)
    benchmark.extra_info |= {"excess, median": float(np.median(excess)), "excess, largest": float(excess.max())}
    if contender == "varinf":
        assert excess.max() < 1e-6
