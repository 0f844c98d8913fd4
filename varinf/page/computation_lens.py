"""The computation lens: the page's five questions, answered with the numbers of a run."""

from varinf._lens import lens
from varinf.evidence.elbo import elbo
from varinf.evidence.iwelbo import iwelbo
from varinf.information.rate import rate
from varinf.page.statement import Statement, violations


def computation_lens(study):
    """Two objectives through the lens: the ELBO of one image, and the rate of Theorem 3's codes of all."""
    images, model = study.images, study.turned_codes
    z, log_q = model.mean_field(images[:1]).sample_and_log_prob(10_000, rng=study.rng(8))
    log_weights = (model.log_joint(images[:1], z) - log_q)[:, 0]
    bound, tighter = elbo(log_weights), iwelbo(log_weights)
    # These data fitted the encoder: of a population the rate would promise too much.
    information = rate(study.codes.mean_field(images), over="dataset")
    answers = [*str(lens(bound)).splitlines(), "", *str(lens(information)).splitlines()]
    truth = float(model.log_evidence(images[:1])[0])
    slack = 5 * tighter.stderr
    return Statement(
        slug="computation_lens",
        title="The computation lens: five questions for any objective",
        formula="intractable quantity, family, direction, pull of each term, KL as a proxy",
        reading="The answers carry the numbers of this run: image 0, and Theorem 3's codes of all images.",
        header=(),
        rows=tuple((line,) for line in answers),
        checks=(
            violations("ELBO <= IWELBO <= log p(x), up to noise", not bound.value <= tighter.value <= truth + slack),
            violations(
                "the lens and the estimates agree on directions",
                [bound.direction != "lower", information.direction != "upper"],
            ),
        ),
    )
