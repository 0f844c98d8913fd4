"""The docstrings of the public interface: complete by numpydoc's rules, and each public name has an example."""

import inspect
import pkgutil
from functools import cached_property
from importlib.util import find_spec

import pytest

import varinf

HOUSE = {"ES01": "a summary of one line may be all there is to say"}
MEMBERS = HOUSE | {
    "EX01": "a class shows its methods at work in its own example",
    "SA01": "what a class is related to stands in its own section",
}
EXCEPTIONS = {("varinf.Direction", "PR01"): "the signature is that of enum, by which no member is made"}


def is_data(thing):
    return inspect.isfunction(thing) and thing.__module__ == "varinf.datasets" and thing.__name__[0] != "_"


TORCH = ("elbo", "iwelbo", "gaussian_kl", "log_likelihood")
NAMES = [
    *(name for name in varinf.__all__ if not inspect.ismodule(getattr(varinf, name))),
    *(f"models.{name}" for name in varinf.models.__all__),
    *(f"datasets.{name}" for name, thing in vars(varinf.datasets).items() if is_data(thing)),
    *(f"interop.sklearn.{name}" for name in ("VAETransformer", "VIBClassifier") if find_spec("sklearn")),
    *(f"interop.torch.{name}" for name in TORCH if find_spec("torch")),
]


def resolve(name):
    return pkgutil.resolve_name(f"varinf.{name}")


def written(cls):
    """Where the docstring of each public method and property stands; an override without one inherits it."""
    for name in filter(lambda name: not name.startswith("_"), dir(cls)):
        owners = [c for c in cls.__mro__ if name in vars(c) and c.__module__.startswith("varinf")]
        kinds = property | cached_property | classmethod | staticmethod
        if owners and type(vars(owners[0])[name]).__module__.startswith("sklearn"):
            continue  # what scikit-learn puts into its subclasses
        if owners and (inspect.isroutine(x := vars(owners[0])[name]) or isinstance(x, kinds)):
            owner = next((c for c in owners if vars(c)[name].__doc__), owners[0])
            yield f"{owner.__module__}.{owner.__qualname__}.{name}"


CLASSES = [thing for thing in map(resolve, NAMES) if inspect.isclass(thing)]


def faults(path, allowed):
    validate = pytest.importorskip("numpydoc.validate").validate
    found = validate(path)["errors"]
    return [f"{code}: {text}" for code, text in found if code not in allowed and (path, code) not in EXCEPTIONS]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_documented(name):
    assert faults(f"varinf.{name}", HOUSE) == []


@pytest.mark.parametrize("path", sorted({path for cls in CLASSES for path in written(cls)}))
def test_a_public_method_or_property_is_documented(path):
    assert faults(path, MEMBERS) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_an_example(name):
    _, heading, example = inspect.getdoc(resolve(name)).partition("\nExamples\n--------\n")
    assert heading and ">>> " in example
