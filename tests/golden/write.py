"""``python -m tests.golden.write``: compute the golden figures anew and write them down.

Only for a change that is meant to move figures; its commit says which cases moved and why. A refactoring moves none, so
it never needs this. On another kind of machine than the file's, run it on the commit before the change first: the file
then holds on that machine to the bit.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.golden import figures
from tests.golden.cases import CASES, figures_of


def laid_out(value: Any, margin: str = "") -> str:
    """JSON with one line for each mapping of plain values, so that a diff shows which of them moved."""
    if not (isinstance(value, dict) and any(isinstance(each, dict) for each in value.values())):
        return json.dumps(value, ensure_ascii=False)
    within = margin + " "
    lines = [f"{within}{json.dumps(key)}: {laid_out(each, within)}" for key, each in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{margin}}}"


def main() -> None:
    """Compute every case in one go and replace the file."""
    cases = {}
    for name in CASES:
        with tempfile.TemporaryDirectory() as folder:
            cases[name] = figures_of(name, Path(folder))
        sys.stderr.write(f"{name}\n")
    figures.FILE.write_text(laid_out({"machine": figures.machine(), "cases": cases}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
