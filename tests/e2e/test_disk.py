"""A process that may not write large files, as on a full disk: one line, and nothing half written."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fedot.report import load_results
from fedot.scenario import dump_scenario, parse_scenario
from tests.federation.conftest import TINY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LIMIT = 9_000  # bytes a file: room for the scenario and the status, not for a model


def shrink() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))


def test_a_run_without_room_ends_in_one_line_and_goes_on_when_there_is(tmp_path: Path) -> None:
    scenario = {**TINY, "strategies": ["ot-fusion"], "references": [], "base_dir": tmp_path}
    (tmp_path / "tiny.yaml").write_text(dump_scenario(parse_scenario(scenario)))
    command = [sys.executable, "-m", "fedot.simulate", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "o")]
    command += ["--no-cache", "--workers", "0", "--device", "cpu"]
    # git, which a run asks for its commit, must not meet the limit while it holds the lock of the index
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "GIT_DIR": str(tmp_path / "none")}
    about = {"cwd": Path(__file__).parents[2], "env": environment, "text": True}
    done = subprocess.run(command, capture_output=True, preexec_fn=shrink, check=False, **about)  # type: ignore[call-overload]
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if "cannot be written" in line and "WARN" not in line]
    assert lines, done.stderr
    assert "Traceback" not in done.stderr
    left = {path.name for path in (tmp_path / "o").rglob("*") if path.is_file() and path.parent.name != ".checkpoint"}
    assert left <= {"scenario.yaml", "status.json", "results.json"}, left  # results that are small enough are whole
    if "results.json" in left:
        assert load_results(tmp_path / "o" / "results.json")["provenance"]["finished"]["seeds"] == []
    assert not list((tmp_path / "o").rglob("*.part"))
    again = subprocess.run([*command, "--resume"], capture_output=True, check=False, **about)  # type: ignore[call-overload]
    assert again.returncode == 0, again.stderr
    assert load_results(tmp_path / "o" / "results.json")["provenance"]["complete"]
    assert (tmp_path / "o" / "models" / "ot-fusion-seed0.safetensors").exists()
