"""Temporary folders go with their command, or with the next one."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from fedot.storage.scratch import scratch_folder

ROOT = Path(__file__).parents[1]
HOLDER = """
import time
from fedot.storage.scratch import scratch_folder
with scratch_folder() as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_it_is_there_for_the_body_only(tmp_path: Path) -> None:
    with scratch_folder() as folder:
        (folder / "x").write_text("x")
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_that_of_a_killed_process_is_removed_by_the_next_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    (tmp_path / "fedot-held-mine").write_text("a file of somebody's")
    (tmp_path / "fedot-held-link").symlink_to(ROOT)
    process = subprocess.Popen([sys.executable, "-c", HOLDER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    other = Path(process.stdout.readline().strip())
    (other / "x").write_text("x")
    with scratch_folder():
        assert (other / "x").exists()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert other.exists()
    with scratch_folder():
        assert not other.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"fedot-held-mine", "fedot-held-link"}
    assert (ROOT / "pyproject.toml").exists()
