"""Definition 1: log p(x) = ELBO + KL(q(z | x) || p(z | x)), in numbers that add up."""

import numpy as np

from varinf.evidence.elbo import elbo
from varinf.evidence.identity import identity
from varinf.evidence.sandwich import sandwich
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.models.eight_schools import EightSchools
from varinf.page.statement import Statement, residual, violations, z_score

WIDTHS = (0.25, 0.5, 1.0, 1.5, 2.0)  # times the scales of the best diagonal q
DIABETES_LOG_EVIDENCE = -496.599189944  # the marginal density of the 442 responses, by its own Cholesky factor


def definition_1(study):
    """Three models with exact evidence: the parts by routes that share no intermediate."""
    images, model = study.images, study.turned_codes
    of_images = identity(model, images, model.mean_field(images))
    of_regression = identity(study.regression, None, study.regression.mean_field())
    rows = [_row(f"digit image {i}", of_images, i) for i in (0, 1, 2)]
    rows.append(_row("diabetes regression", of_regression, ()))

    q = model.mean_field(images)
    widened = [identity(model, images[:1], DiagonalNormal(q.loc[:1], width * q.scale[:1])) for width in WIDTHS]
    z, log_q = q.sample_and_log_prob(100, rng=study.rng(1))
    drawn = elbo(model.log_joint(images, z) - log_q).mean()
    schools = sandwich(EightSchools(), None, _schools_guide(study), draws=20_000, rng=study.rng(2))
    truth = EightSchools().log_evidence()
    low, high, _ = schools.interval(0.9999)
    return Statement(
        slug="definition_1",
        title="Definition 1: the evidence lower bound",
        formula="log p(x) = ELBO + KL(q(z|x) || p(z|x)),  ELBO = E_q[log p(x,z) - log q(z|x)]",
        reading="The KL is never negative, so the ELBO lies below log p(x), by exactly the KL. Draws bracket it.",
        header=("", "log p(x)", "ELBO", "KL", "sum"),
        rows=tuple(rows),
        checks=(
            residual(
                "ELBO + KL = log p(x) on each of 1,797 images", of_images.elbo + of_images.kl, of_images.log_evidence
            ),
            residual(
                "the same on the diabetes regression", of_regression.elbo + of_regression.kl, of_regression.log_evidence
            ),
            residual("its log p(x) is the published value", of_regression.log_evidence, DIABETES_LOG_EVIDENCE),
            residual("and on image 0 for q of any width", [p.elbo + p.kl for p in widened], of_images.log_evidence[0]),
            violations("the ELBO never exceeds log p(x)", of_images.elbo > of_images.log_evidence),
            z_score("100 draws per image give the exact mean ELBO", drawn, float(np.mean(of_images.elbo))),
            violations(f"eight schools: {low:.2f} < {truth:.4f} < {high:.2f}", not low < truth < high),
        ),
        data={
            "widths": WIDTHS,
            "log_evidence": float(of_images.log_evidence[0]),
            "elbo": np.array([float(parts.elbo[0]) for parts in widened]),
            "kl": np.array([float(parts.kl[0]) for parts in widened]),
        },
    )


def _row(name, parts, i):
    values = [float(np.asarray(part)[i]) for part in (parts.log_evidence, parts.elbo, parts.kl)]
    return (name, *(f"{value:.6f}" for value in values), f"{values[1] + values[2]:.6f}")


def _schools_guide(study):
    """A normal q with the moments of posterior draws, widened a little so that its tails cover the funnel."""
    z = EightSchools().posterior().sample(4000, rng=study.rng(3))
    return FullNormal(z.mean(axis=0), covariance=1.3 * np.cov(z.T))
