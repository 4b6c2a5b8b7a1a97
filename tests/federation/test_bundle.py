"""The Flower app bundle: what travels to every node, and what must not."""

import io
import warnings
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Flower is made of

ROOT = Path(__file__).parents[2]

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from flwr.cli.build import build_fab_from_disk


@pytest.fixture(scope="module")
def names() -> set[str]:
    return set(zipfile.ZipFile(io.BytesIO(build_fab_from_disk(ROOT))).namelist())


def test_the_bundle_holds_the_apps_the_library_and_the_scenarios(names: set[str]) -> None:
    library = {str(path.relative_to(ROOT)) for path in (ROOT / "fedot").rglob("*.py")}
    scenarios = {str(path.relative_to(ROOT)) for path in (ROOT / "scenarios").glob("*.yaml")}
    assert scenarios
    assert names >= library | scenarios | {"clients/app.py", "server/app.py", "pyproject.toml"}


def test_the_bundle_holds_no_data_no_tests_and_nothing_else(names: set[str]) -> None:
    parts = ("fedot/", "clients/", "server/", "scenarios/", ".info/")
    assert {name for name in names if not name.startswith(parts)} == {"pyproject.toml", "LICENSE"}
    assert {Path(name).suffix for name in names} <= {".py", ".yaml", ".toml", ""}
