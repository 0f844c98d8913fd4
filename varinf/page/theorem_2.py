"""Theorem 2: the ELBO of a VAE is reconstruction minus KL to the prior, image by image."""

import numpy as np

from varinf.divergences.kl import kl
from varinf.evidence.elbo import elbo
from varinf.page.statement import Statement, residual, z_score


def theorem_2(study):
    """Both sides in closed form on probabilistic PCA of the digits, and the reconstruction by draws as well."""
    images, model = study.images, study.turned_codes
    q = model.mean_field(images)
    reconstruction = model.expected_log_likelihood(images, q)
    complexity = kl(q, model.prior)
    bound = model.expected_log_joint(images, q) + q.entropy()  # Definition 1's terms, not Theorem 2's
    z = q.sample(100, rng=study.rng(5))
    drawn = elbo(model.log_likelihood(images, z)).mean()  # any mean over q's draws has this error
    return Statement(
        slug="theorem_2",
        title="Theorem 2: reconstruction minus KL to the prior",
        formula="ELBO = E_q[log p(x|z)] - KL(q(z|x) || p(z))",
        reading="Fit against complexity, per image: the first ten digits under six-dimensional codes.",
        header=("digit", "reconstruction", "KL to the prior", "ELBO"),
        rows=tuple((str(i), f"{reconstruction[i]:.4f}", f"{complexity[i]:.4f}", f"{bound[i]:.4f}") for i in range(10)),
        checks=(
            residual("reconstruction - KL = ELBO on 1,797 images", reconstruction - complexity, bound),
            z_score("100 draws per image give the exact reconstruction", drawn, float(np.mean(reconstruction))),
        ),
        data={"reconstruction": reconstruction[:10], "kl": complexity[:10], "images": images[:10]},
    )
