"""What CI makes of pip-audit's report."""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AUDIT = str(Path(__file__).parents[1] / ".ci" / "audit.py")
WEAK = {"name": "a", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"], "aliases": []}]}
OPEN = {"name": "b", "version": "2.0", "vulns": [{"id": "GHSA-x", "fix_versions": [], "aliases": []}]}
GOOD = {"name": "c", "version": "3.0", "vulns": []}
UNKNOWN = {"name": "d", "skip_reason": "not found"}


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def told(output: str) -> tuple[object, str]:
        done = subprocess.CompletedProcess([], 0, stdout=output)
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
        monkeypatch.setattr(sys, "argv", ["audit.py", "site-packages"])
        code: object = 0
        try:
            runpy.run_path(AUDIT, run_name="__main__")
        except SystemExit as ended:
            code = ended.code
        return code, capsys.readouterr().out

    return told


def test_a_known_weakness_fails_and_is_named(audit: Any) -> None:
    code, told = audit(json.dumps({"dependencies": [WEAK, OPEN, GOOD, UNKNOWN]}))
    assert code == 1
    assert "a 1.0: PYSEC-2026-1, mended in 1.1\n" in told
    assert "b 2.0: GHSA-x, not mended yet\n" in told
    assert "3 packages looked up, 1 could not be, 2 known weaknesses" in told


def test_without_weaknesses_it_passes(audit: Any) -> None:
    assert audit(json.dumps({"dependencies": [GOOD]})) == (
        0,
        "audit: 1 packages looked up, 0 could not be, 0 known weaknesses\n",
    )


@pytest.mark.parametrize("output", ["", "{}"])
def test_without_an_answer_it_says_so_and_passes(audit: Any, output: str) -> None:
    code, told = audit(output)
    assert code == 0
    assert "could not be asked" in told
