import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "fedot").rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    place = path.relative_to(ROOT / "fedot").parts[0]
    found = set(imports(path))
    if place in ("symmetry.py", "transport", "fusion"):
        outside = ("flwr", "datasets", "fedot.data", "fedot.federation", "fedot.strategies", "fedot.report")
        assert not [name for name in found if name.startswith(outside)]
    if place != "transport":
        assert "ot" not in {name.split(".")[0] for name in found}
    if place not in ("federation", "strategies", "simulate.py"):
        assert "flwr" not in {name.split(".")[0] for name in found}
