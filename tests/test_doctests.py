"""Examples of the documentation run, and what packages export has one."""

import doctest
import importlib
import inspect
import pkgutil
import typing

import pydantic
import pytest

import fedot
from fedot.evaluation.metrics import METRICS

MODULES = [each.name for each in pkgutil.walk_packages(fedot.__path__, "fedot.") if not each.name.endswith("__main__")]
EXAMPLES = [name for name in MODULES if ">>> " in inspect.getsource(importlib.import_module(name))]
DOCUMENTED = (
    *("fedot.fusion", "fedot.fusion.plan", "fedot.transport", "fedot.models", "fedot.scenario", "fedot.strategies"),
    *("fedot.training", "fedot.translation", "fedot.data", "fedot.tasks", "fedot.hf", "fedot.export"),
)
"""Packages whose every exported name has parameters and an example; types and constants have none."""

MAIN = {
    "fedot": ("FusedModel", "Run", "Runs", "fuse", "simulate"),
    "fedot.saved": ("SavedModel", "read_model"),
    "fedot.symmetry": ("SymmetrySpec", "SpecBuilder"),
    "fedot.evaluation.evaluate": ("predict", "mix_states"),
    "fedot.evaluation.metrics": ("Tally", "tally", *METRICS),
}
"""The same of modules outside of these packages: fedot.evaluation exports nothing, so that metrics load no torch."""

WITHOUT_EXAMPLE = ("forward_module", "probe_module")
"""They need transformers, which is optional, and takes seconds to load; tests/hf runs them."""

ELSEWHERE = (pydantic.BaseModel, typing.Protocol)
"""A scenario's keys are told in README, and refused by name; a protocol says of each member what it gives."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 0
    assert found.failed == 0


def exported():
    for package in (*DOCUMENTED, *MAIN):
        module = importlib.import_module(package)
        for name in MAIN.get(package) or module.__all__:
            value = getattr(module, name)
            own = inspect.isclass(value) and value.__module__.startswith("fedot.") and not issubclass(value, ELSEWHERE)
            if inspect.isfunction(value) or own:
                yield pytest.param(value, id=f"{package}.{name}")


@pytest.mark.parametrize("value", list(exported()))
def test_what_is_exported_says_what_it_takes_and_gives_and_shows_it(value):
    text = inspect.getdoc(value)
    assert "Examples\n--------" in text or value.__name__ in WITHOUT_EXAMPLE
    if inspect.isclass(value):
        assert "Parameters\n---" in text or "Attributes\n---" in text
        return
    assert "Parameters\n---" in text
    returns = inspect.signature(value).return_annotation
    assert returns in (None, "None") or "Returns\n---" in text
    for parameter in inspect.signature(value).parameters:
        assert parameter in text.split("Parameters\n---")[1], parameter
