import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(path for folder in ("fedot", "clients", "server") for path in (ROOT / folder).rglob("*.py"))
LAUNCHERS = ("fedot/deploy/superlink.py", "fedot/deploy/supernode.py")
FLOWER = (
    *("fedot/federation", "fedot/strategies", "fedot/wire", "fedot/simulate.py", *LAUNCHERS),
    *("clients", "server"),
)
PURE = ("fedot/symmetry.py", "fedot/transport", "fedot/fusion")
BEYOND = ("flwr", "datasets", "fedot.data", "fedot.federation", "fedot.strategies", "fedot.report", "fedot.simulate")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def imports(path):
    """Every module that a file imports, `from fedot import data` as fedot.data."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name, places):
    return any(name == place or name.startswith((f"{place}/", f"{place}.")) for place in places)


each_file = pytest.mark.parametrize("path", FILES, ids=name_of)


@each_file
def test_imports_run_one_way(path):
    name, found = name_of(path), list(imports(path))
    if within(name, PURE):
        assert not [each for each in found if within(each, BEYOND)]
    if not within(name, ["fedot/transport"]):
        assert not [each for each in found if within(each, ["ot"])]
    if not within(name, FLOWER):
        assert not [each for each in found if within(each, ["flwr", "ray"])]
    assert not [each for each in found if within(each, ["tests"])]


@each_file
def test_files_are_short_and_say_what_they_are(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 320
    assert ast.get_docstring(ast.parse(text))


def test_the_rules_find_what_they_forbid(tmp_path):
    path = tmp_path / "a.py"
    text = "import ot.gromov\nfrom fedot import data\ndef f():\n    from flwr.app import Message\n"
    path.write_text(text, encoding="utf-8")
    assert list(imports(path)) == ["ot.gromov", "fedot.data", "flwr.app.Message"]
    assert within("ot.gromov", ["ot"])
    assert not within("other", ["ot"])
    assert within("fedot.data", BEYOND)
    assert len(FILES) > 40


UNPICKLES = ("pickle", "torch.load", "allow_pickle", "joblib", "marshal", "shelve")


@each_file
def test_nothing_unpickles_what_came_from_outside(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {keyword.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords}
    used |= set(imports(path))
    assert not [name for name in used if name and any(name == bad or name.startswith(f"{bad}.") for bad in UNPICKLES)]
