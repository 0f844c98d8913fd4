"""The leave-one-out bound on pairs whose information is known, and what ties it to InfoNCE and CLUB."""

import critics
import numpy as np

import varinf as vi


def test_gaussian_critic():
    values, stderr = critics.batches(lambda log_conditional, _: vi.leave_one_out(log_conditional), 1500, seed=1)
    assert abs(critics.standard_score(values, 2.1611, 5e-4)) < 5
    assert values.std() / np.sqrt(1500) < 0.008  # 5 of these see an error of 0.04 nats
    critics.check_error(values, stderr)


def test_for_every_matrix():
    """Leave-one-out <= CLUB, and per datum InfoNCE = log N - log(1 + (N - 1) exp(-leave-one-out)), to rounding."""
    rng = np.random.default_rng(2)
    for n in (2, 5, 40):
        for size in (0.1, 3, 60):
            s = size * rng.standard_t(3, size=(n, n))
            assert float(vi.leave_one_out(s)) <= float(vi.club(s)) * (1 + 1e-14) + 1e-13 * size
            infonce, alone = np.empty(n), np.empty(n)
            for j in range(n):  # a matrix whose columns are all the datum's own
                column = np.roll(s[:, j], -j)
                circulant = np.stack([np.roll(column, i) for i in range(n)], axis=1)
                infonce[j], alone[j] = float(vi.infonce(circulant)), float(vi.leave_one_out(circulant))
            expected = np.log(n) - np.logaddexp(0, np.log(n - 1) - alone)
            np.testing.assert_allclose(infonce, expected, rtol=1e-12, atol=1e-12 * max(1, size))
            rtol, atol = 1e-11, 1e-12 * max(1, size)
            np.testing.assert_allclose(np.mean(infonce), float(vi.infonce(s)), rtol=rtol, atol=atol)
            np.testing.assert_allclose(np.mean(alone), float(vi.leave_one_out(s)), rtol=rtol, atol=atol)


def test_direction():
    s = np.random.default_rng(3).normal(size=(6, 6))
    assert vi.leave_one_out(s).is_bound and vi.leave_one_out(s).direction == "upper"
    fitted = vi.leave_one_out(s, exact=False)
    assert not fitted.is_bound and fitted.direction == "neither" and fitted.ceiling is None
