"""Theorem 3: the average KL to any reference is the information plus KL(q(z) || r), hence an upper bound on it."""

import math

import numpy as np

from varinf.families.diagonal_normal import DiagonalNormal
from varinf.information.aggregate_kl import aggregate_kl
from varinf.information.index_information import index_information
from varinf.information.rate import rate
from varinf.page.statement import Z_LIMIT, Check, Statement, residual, violations

CHANNEL_INFORMATION = 0.3368308203  # X = ±1, Z = X + N(0, 1): I(X;Z), the known capacity integral


def theorem_3(study):
    """A channel of two signals, where all can be integrated; then the digits' codes, by draws."""
    signals = DiagonalNormal(np.array([[-1.0], [1.0]]), np.ones((2, 1)))
    references = {"r = N(0, 2)": math.sqrt(2.0), "r = N(0, 1)": 1.0}
    rows, checks = [], []
    z = np.linspace(-12.0, 12.0, 4001)  # the trapezium rule converges faster than any power on such integrands
    log_aggregate = np.logaddexp(-((z - 1) ** 2) / 2, -((z + 1) ** 2) / 2) - math.log(2) - math.log(2 * math.pi) / 2
    aggregate = np.exp(log_aggregate)
    information = float(-np.trapezoid(aggregate * log_aggregate, z)) - (1 + math.log(2 * math.pi)) / 2
    for name, scale in references.items():
        r = DiagonalNormal(np.zeros(1), np.full(1, scale))
        upper = float(rate(signals, r, over="dataset"))
        gap = float(np.trapezoid(aggregate * (log_aggregate - r.log_prob(z[:, None])), z))
        rows.append((f"two signals, {name}", f"{upper:.8f}", f"{information:.8f}", f"{gap:.8f}"))
        checks.append(residual(f"two signals, {name}: rate = I + gap", information + gap, upper))
    checks.append(residual("I(X;Z) of the channel is the published value", information, CHANNEL_INFORMATION))

    q = study.codes.mean_field(study.images)
    upper = rate(q, over="dataset")
    kept = index_information(q, draws=4, rng=study.rng(6))
    extra = aggregate_kl(q, draws=4, rng=study.rng(7))  # draws of its own, or the identity would hold by construction
    log_n = math.log(len(q))
    rows.append(("digits, r = N(0, I)", f"{upper.value:.4f}", f"{kept.value:.4f}", f"{extra.value:.4f}"))
    z_value = (kept.value + extra.value - upper.value) / math.hypot(kept.stderr, extra.stderr)
    checks += [
        Check("digits: rate = I + gap, from independent draws", float(z_value), Z_LIMIT, "z"),
        violations("0 <= I(n;Z) <= log N", not 0 <= kept.value <= log_n),
        violations("the rate is an upper bound", upper.value < kept.value - Z_LIMIT * kept.stderr),
    ]
    return Statement(
        slug="theorem_3",
        title="Theorem 3: the rate is an upper bound on information",
        formula="E KL(q(z|x) || r(z)) = I(X;Z) + KL(q(z) || r(z))  >=  I(X;Z)",
        reading=f"Moving r moves the gap alone. On the digits I(n;Z) cannot exceed log N = {log_n:.4f}.",
        header=("", "rate", "information", "gap"),
        rows=tuple(rows),
        checks=tuple(checks),
        data={"z": z, "aggregate": aggregate, "references": references, "information": information},
    )
