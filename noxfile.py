"""Sessions for those who like nox; `.ci/run` does the same without it."""

import nox

nox.options.sessions = ["tests", "reference"]


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session):
    """The quick suite on the compiled kernels."""
    session.install("-e", ".[test]", env={"VARINF_BUILD": "require"})
    session.run("pytest", *session.posargs)


@nox.session
def reference(session):
    """The quick suite on the NumPy reference."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs, env={"VARINF_KERNELS": "reference"})


@nox.session
def lint(session):
    session.install("ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
