"""The package itself: what it has, and that no import of a module takes a function's place."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fedot
from fedot.scenario import load_scenario

ROOT = Path(__file__).parents[2]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_a_module_that_is_run_takes_no_function_s_place():
    code = (
        "import fedot.fuse, fedot.simulate, importlib, inspect, fedot; importlib.import_module('fedot.fuse');"
        "from fedot.fuse import main; from fedot import fuse, simulate;"
        "print(all(map(inspect.isfunction, (fuse, simulate, fedot.fuse, fedot.simulate, main))))"
    )
    assert run(code) == "True\n"


def test_all_names_are_there_and_are_shown():
    assert dir(fedot) == sorted(fedot.__all__)
    assert all(getattr(fedot, name) is not None for name in fedot.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fedot.nothing


def test_nothing_heavy_is_loaded_before_it_is_used():
    code = (
        "import sys, fedot; dir(fedot); print([m for m in ('torch', 'flwr', 'pandas', 'pydantic') if m in sys.modules])"
    )
    assert run(code) == "[]\n"


def test_the_version_is_that_of_the_distribution():
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert fedot.__version__ == about["project"]["version"]


def test_a_scenario_says_what_it_is_in_a_line():
    told = repr(load_scenario(ROOT / "scenarios" / "quickstart.yaml"))
    assert told == (
        "Scenario(quickstart: classification, 2 clients, fedavg, fedavg-token-rows, ot-fusion, seeds 0, 1, 2)"
    )
