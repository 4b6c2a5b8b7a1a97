from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from fedot.deploy import constraints
from fedot.deploy.constraints import canonical, requirements, write

ROOT = Path(__file__).parents[2]
PINS = dict(line.split("==") for line in (ROOT / constraints.FILE).read_text().splitlines() if not line.startswith("#"))


@pytest.mark.parametrize("needed", requirements(ROOT / "pyproject.toml"))
def test_what_the_project_needs_is_pinned_to_a_version_that_it_allows(needed):
    """If not: python -m fedot.deploy.constraints."""
    wanted = Requirement(needed)
    assert canonical(wanted.name) in PINS, f"{needed} is not in {constraints.FILE}; refresh it"
    assert Version(PINS[canonical(wanted.name)]) in wanted.specifier, f"{needed} is pinned to another; refresh it"


def test_the_image_installs_nothing_else():
    """Every pip in the Dockerfile is held to the file, or takes what is there already."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    installs = [part for line in text.splitlines() for part in line.split("&&") if "pip install" in part]
    assert len(installs) == 4
    for part in installs:
        assert "-c constraints.txt" in part or "--no-deps --no-build-isolation --editable ." in part


def test_the_image_can_fine_tune_checkpoints():
    assert {"transformers", "peft"} <= PINS.keys()
    assert '".[hf]"' in (ROOT / "Dockerfile").read_text()


def test_what_is_written_is_sorted_and_of_no_platform():
    text = write([("b_C", "1"), ("Torch", "2.13.0+cpu"), ("nvidia-x", "1"), ("cuda-bindings", "1"), ("triton", "3")])
    assert text == constraints.HEAD + "b-c==1\ntorch==2.13.0\n"


def test_outside_of_a_clone_it_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        constraints.main()
    assert capsys.readouterr().err.startswith("fedot: there is no pyproject.toml here")
    assert not list(tmp_path.iterdir())
