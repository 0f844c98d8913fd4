"""The worked example: fidelity to x against compressibility of z, over beta, with the linear VAE."""

import numpy as np

from varinf.families.diagonal_normal import DiagonalNormal
from varinf.information.rate import rate
from varinf.page.statement import Statement, residual, violations

WATER_LEVELS = (60.0, 80.0, 100.0, 120.0, 140.0, 160.0)
CODES = 5
PUBLISHED = (1.8115, 846.72)  # rate and squared error at level 60, to the digits given


def worked_example(study):
    """The optimal linear encoder and decoder for each beta, against the Shannon curve of the Gaussian source.

    With decoder noise sigma², the objective per principal direction of variance λ has its optimum where the code
    keeps the share 1 − θ/λ of the variance, θ = beta sigma² being the water level: rate log(λ/θ)/2, distortion θ.
    """
    centred = study.images - study.images.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    variances, directions = variances[::-1], directions[:, ::-1]
    kept, projected = variances[:CODES], centred @ directions[:, :CODES]
    rates, distortions = [], []
    for level in WATER_LEVELS:
        share = np.maximum(1 - level / kept, 0.0)
        encoder = np.sqrt(share / kept)  # q(z | x) = N(encoder · x, 1 − share), so that z has unit variance over data
        q = DiagonalNormal(projected * encoder, np.broadcast_to(np.sqrt(1 - share), projected.shape))
        decoder = np.sqrt(share * kept)
        error = np.sum((projected - q.mean * decoder) ** 2 + decoder**2 * q.variance, axis=1)
        rates.append(float(rate(q, over="dataset")))
        distortions.append(float(np.mean(error) + variances[CODES:].sum()))
    curve = [shannon_point(variances, level) for level in WATER_LEVELS]
    noise = study.codes.noise_variance
    rows = tuple(
        (f"{level / noise:.2f}", f"{r:.4f}", f"{d:.2f}", f"{s:.4f}")
        for level, r, d, (s, _) in zip(WATER_LEVELS, rates, distortions, curve, strict=True)
    )
    points = np.array([rates, distortions]).T
    return Statement(
        slug="worked_example",
        title="The worked example: fidelity against compressibility",
        formula="maximise  E_q[log p(x|z)] - beta KL(q(z|x) || p(z))",
        reading="A larger beta buys a shorter code with a worse picture, along the Shannon curve.",
        header=("beta", "rate (nats)", "squared error", "Shannon's rate at that error"),
        rows=rows,
        checks=(
            residual("the linear VAE lies on the Shannon curve", points, np.array(curve)),
            residual("rate and error at the first beta are as published", points[0], PUBLISHED, 5e-5),
            violations("more beta: less rate", np.diff(rates) >= 0),
            violations("more beta: more error", np.diff(distortions) <= 0),
        ),
        data={"points": points, "curve": np.array([shannon_point(variances, t) for t in np.geomspace(5, 175, 80)])},
    )


def shannon_point(variances, level):
    """(rate, distortion) of a Gaussian source by reverse water-filling (Cover, Thomas 2006, theorem 10.3.3)."""
    return float(np.sum(np.log(np.maximum(variances / level, 1.0))) / 2), float(np.sum(np.minimum(variances, level)))
