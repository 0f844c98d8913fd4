import os

import pytest
from hypothesis import settings

# Fixed examples: a test that fails by chance is no test. No deadline: the time of an example is the machine's affair.
settings.register_profile("varinf", derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile("varinf")


def _no_skip_for_a_missing_package(report):
    """Where everything is installed, as in CI, a test that skips for want of a package hides a failure."""
    if os.environ.get("CI") and report.skipped and "could not import" in str(report.longrepr):
        report.outcome = "failed"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _no_skip_for_a_missing_package((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _no_skip_for_a_missing_package((yield))
