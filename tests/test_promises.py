"""Every promise of docs/security.md names a test that is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_promise_names_a_test_that_is_there():
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) > 40
    for path, name in named:
        assert (ROOT / path).is_file(), path
        assert not name or f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), (path, name)


def test_every_row_of_a_table_of_promises_names_one():
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    tables = re.findall(r"\| promise \|.*?\n\n", text, re.S)
    rows = [row for table in tables for row in table.strip().splitlines()[2:]]
    assert len(tables) == 6
    assert len(rows) > 25
    assert not [row for row in rows if "`tests/" not in row]
