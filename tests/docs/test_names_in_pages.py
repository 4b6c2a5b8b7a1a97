"""What pages name in backquotes is there: functions and modules of fedot, files of the repository."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)
NAME = re.compile(r"`(fedot(?:\.\w+)+)(?:\(\))?`")
FILE = re.compile(r"`((?:fedot|tests|clients|server|benchmarks)/[\w/.]*)(?:::\w+)?`")


def is_there(name: str) -> bool:
    """Whether a dotted name leads to a module, or to something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value: object = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            value = getattr(value, part, None)
        return value is not None
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT / "docs").as_posix())
def test_names_and_files_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not [name for name in set(NAME.findall(text)) if not is_there(name)]
    assert not [name for name in set(FILE.findall(text)) if not (ROOT / name).exists()]


def test_pages_name_many() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    assert sum(len(NAME.findall(text)) for text in texts) > 40
    assert sum(len(FILE.findall(text)) for text in texts) > 40


def test_what_is_not_there_is_found() -> None:
    assert is_there("fedot.fusion.plan.plan_fusion")
    assert is_there("fedot.fusion.align.align.align")
    assert not is_there("fedot.fusion.plan.no_such")
    assert not is_there("fedot.no_such")
