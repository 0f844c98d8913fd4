import numpy as np
import pytest
import scipy.stats

from varinf.families.diagonal_normal import DiagonalNormal


def test_against_scipy():
    rng = np.random.default_rng(0)
    loc, scale = rng.normal(size=(4, 3)), rng.uniform(0.1, 3, (4, 3))
    z = rng.normal(size=(6, 4, 3)) * 3
    expected = scipy.stats.norm(loc, scale)
    q = DiagonalNormal(loc, scale)
    np.testing.assert_allclose(q.log_prob(z), expected.logpdf(z).sum(-1), rtol=1e-12)
    np.testing.assert_allclose(q.entropy(), expected.entropy().sum(-1), rtol=1e-12)
    np.testing.assert_allclose(q.variance, scale**2, rtol=1e-15)
    np.testing.assert_allclose(q.covariance[1], np.diag(scale[1] ** 2), rtol=1e-15)


def test_ways_in_agree():
    loc, scale = np.array([1.0, -2.0, 0.0]), np.array([0.2, 1.0, 5.0])
    ways = [
        DiagonalNormal(loc, scale),
        DiagonalNormal.from_log_scale(loc, np.log(scale)),
        DiagonalNormal.from_log_variance(loc, 2 * np.log(scale)),
    ]
    assert [q.parameter_names[1] for q in ways] == ["scale", "log_scale", "log_variance"]
    noise = np.random.default_rng(0).normal(size=(4, 3))
    for q in ways:
        np.testing.assert_allclose(q.scale, scale, rtol=1e-15)
        np.testing.assert_allclose(q.log_scale, np.log(scale), rtol=1e-14)
        np.testing.assert_allclose(q.variance, scale**2, rtol=1e-14)
        np.testing.assert_allclose(q.transform(noise), loc + scale * noise, rtol=1e-14)
        np.testing.assert_allclose(q.log_prob(loc + noise), ways[0].log_prob(loc + noise), rtol=1e-13)
        np.testing.assert_allclose(q.entropy(), ways[0].entropy(), rtol=1e-14)
    extreme = DiagonalNormal.from_log_variance([0.0], [-900.0])
    assert extreme.log_scale[0] == -450 and extreme.entropy() == pytest.approx(-450 + 1.4189385332046727)


def test_standard_follows_what_it_meets():
    p = DiagonalNormal.standard(2)
    assert p.is_standard and not DiagonalNormal(np.zeros(2), np.ones(2)).is_standard
    assert p.log_prob(np.zeros((3, 4, 2), np.float32)).dtype == np.float32
    assert p.transform(np.zeros((3, 2), np.float32)).dtype == np.float32
    assert p.entropy() == pytest.approx(1 + np.log(2 * np.pi))
    np.testing.assert_allclose(p.log_prob([[1.0, 2.0]]), scipy.stats.norm.logpdf([1, 2]).sum())


def test_what_is_refused():
    ones = np.ones((2, 3))
    cases = [
        (lambda: DiagonalNormal(ones, np.ones(3)), r"loc has shape \(2, 3\) but scale has shape \(3,\)"),
        (lambda: DiagonalNormal(ones, -ones), "scale has 6 values that are not positive and finite"),
        (lambda: DiagonalNormal(ones, 0 * ones), "scale has 6"),
        (lambda: DiagonalNormal(ones * np.nan, ones), "loc has 6 values that are nan or infinite"),
        (lambda: DiagonalNormal.from_log_variance(ones, ones * np.inf), "log_variance has 6"),
        (lambda: DiagonalNormal.from_log_variance([0.0], [5000.0]), r"log_variance has 1 .*at index 0 \(5000.0\)"),
        (lambda: DiagonalNormal.from_log_variance([0.0], [-5000.0]), "log_variance has 1 values whose scale"),
        (lambda: DiagonalNormal.from_log_scale(ones, 800 * ones), r"log_scale has 6 .*\(0, 0\).*709"),
        (lambda: DiagonalNormal.from_log_scale(np.float32([0]), np.float32([89])), "88 in this precision"),
        (lambda: DiagonalNormal.from_log_scale(ones, ones[:1]), "log_scale has shape"),
        (lambda: DiagonalNormal(1.0, 1.0), "loc is a single number"),
        (lambda: DiagonalNormal(ones, ones).transform(np.ones(3)), r"noise has shape \(3,\)"),
        (lambda: DiagonalNormal.standard(0), "dim=0"),
    ]
    for call, sentence in cases:
        with pytest.raises(ValueError, match=sentence):
            call()
    with pytest.raises(TypeError, match="float16"):
        DiagonalNormal(ones.astype(np.float16), ones)
    with pytest.raises(TypeError):
        DiagonalNormal(ones, ones, log_scale=ones)


def test_float32_sums_in_double():
    n = 200_000
    q = DiagonalNormal(np.zeros(n, np.float32), np.ones(n, np.float32))
    # Summed one by one in float32 this would be wrong by 1e-3 relative.
    z = np.full((1, n), 0.1, np.float32)
    assert q.log_prob(z)[0] == pytest.approx(n * scipy.stats.norm.logpdf(np.float64(np.float32(0.1))), rel=1e-7)


@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, 709), (np.float32, 88)])
def test_the_widest_logarithms_have_a_density_at_the_mean(dtype, limit):
    for sign in (1, -1):
        q = DiagonalNormal.from_log_scale(np.zeros(1, dtype), np.full(1, sign * limit, dtype))
        assert np.isfinite(q.log_prob(q.loc)) and 0 < q.scale[0] < np.inf
