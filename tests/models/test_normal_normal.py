import mpmath as mp
import numpy as np
import pytest

from varinf.models.normal_normal import NormalNormal


def test_evidence_is_the_integral_of_the_joint():
    model = NormalNormal(0.3, 0.8, 1.7)

    def joint(z):
        return mp.npdf(z, mp.mpf("0.3"), mp.mpf("0.8")) * mp.npdf(mp.mpf("1.9"), z, mp.mpf("1.7"))

    truth = mp.log(mp.quad(joint, [-12, 0, 2, 12]))
    assert model.log_evidence([[1.9]])[0] == pytest.approx(float(truth), rel=1e-12)


def test_features_are_independent():
    both = NormalNormal([0.0, 1.0], [1.0, 2.0], [0.5, 3.0])
    x = np.array([[0.2, -1.0], [4.0, 0.0]])
    apart = [NormalNormal(0.0, 1.0, 0.5), NormalNormal(1.0, 2.0, 3.0)]
    sums = sum(model.log_evidence(x[:, [d]]) for d, model in enumerate(apart))
    np.testing.assert_allclose(both.log_evidence(x), sums, rtol=1e-14)


def test_extreme_scales_stay_exact():
    model = NormalNormal(0.0, 1e150, 1e-150)
    q = model.posterior([[1.0]])
    assert q.loc[0, 0] == 1.0
    assert q.scale[0, 0] == pytest.approx(1e-150, rel=1e-12)


def test_a_number_serves_every_feature_and_nothing_else_broadcasts():
    assert NormalNormal(0.0, [1.0, 2.0, 3.0], 1.0).latent_dim == 3
    with pytest.raises(ValueError, match=r"prior_scale has shape \(2,\).*\(3,\)"):
        NormalNormal([0.0, 0.0, 0.0], [1.0, 2.0], 1.0)
    with pytest.raises(ValueError, match="noise_scale has 1 values that are not positive"):
        NormalNormal(0.0, 1.0, -1.0)
