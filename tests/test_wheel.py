"""What an installed wheel holds and does, in a folder where nothing else is."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.small_runs import SMALL

pytest.importorskip("hatchling")

ROOT = Path(__file__).parents[1]
FEDOT = "import warnings; from fedot.commands.fedot import main; main()"
BUNDLE = """
import sys, warnings
warnings.simplefilter("ignore")
from flwr.cli.build import build_fab_from_disk
from fedot.federation.engines.find_apps import app_folder
with app_folder() as folder:
    sys.stdout.buffer.write(build_fab_from_disk(folder))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The files of a wheel, where pip would put them."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder / "site")
    return folder / "site"


def python(site, cwd, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, check=False)


def test_it_holds_scenarios_and_apps_and_no_packages_of_general_names(site):
    assert {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")} == {"fedot"}
    held = {path.name for path in (site / "fedot" / "bundle" / "scenarios").iterdir()}
    assert held == {path.name for path in (ROOT / "scenarios").glob("*.yaml")}
    assert (site / "fedot" / "bundle" / "clients" / "app.py").is_file()


def test_a_scenario_runs_by_its_name_in_an_empty_folder(site, tmp_path):
    (tmp_path / "clients").mkdir()  # a folder of the user's
    (tmp_path / "clients" / "__init__.py").write_text("raise RuntimeError('not mine')\n")
    done = python(site, tmp_path, "-c", FEDOT, "simulate", "quickstart", "--out", "o", *SMALL, "--workers", "1")
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "o" / "report.html").is_file()
    assert (tmp_path / "o" / "models" / "fedavg-seed0.safetensors").is_file()
    assert b"quickstart" in python(site, tmp_path, "-c", FEDOT, "scenarios").stdout


def test_flower_gets_the_same_bundle_from_a_wheel_as_from_a_clone(site, tmp_path):
    of_wheel, of_clone = (python(place, tmp_path, "-c", BUNDLE) for place in (site, ROOT))
    assert of_wheel.returncode == of_clone.returncode == 0, of_wheel.stderr.decode()
    assert len(of_clone.stdout) > 100_000
    assert of_wheel.stdout == of_clone.stdout


def test_a_compose_file_needs_a_clone_and_says_so(site, tmp_path):
    done = python(site, tmp_path, "-c", FEDOT, "deploy", "compose", str(ROOT / "scenarios" / "cross_dataset.yaml"))
    assert done.returncode == 2
    assert b"clone the repository" in done.stderr
