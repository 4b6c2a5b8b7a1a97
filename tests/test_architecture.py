import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from fedot.tasks import TASKS

ROOT = Path(__file__).parent.parent
FILES = sorted(path for folder in ("fedot", "clients", "server") for path in (ROOT / folder).rglob("*.py"))

ORDER = (
    # what everything may use
    *("fedot.version", "fedot.errors", "fedot.text", "fedot.terminal", "fedot.storage"),
    # mathematics: no files of scenarios, no data sets, no network
    *("fedot.symmetry", "fedot.transport", "fedot.models.families", "fedot.models.pretrained", "fedot.models"),
    *("fedot.tokenizer", "fedot.translation"),
    *("fedot.fusion.canonical", "fedot.fusion.texts", "fedot.fusion.problem", "fedot.fusion.align"),
    *("fedot.fusion.reduce", "fedot.fusion.refine", "fedot.fusion.methods", "fedot.fusion.merges"),
    *("fedot.fusion.plan", "fedot.fusion.by_part", "fedot.fusion"),
    # models of transformers, and fusion of files
    *("fedot.hf.tokens", "fedot.hf", "fedot.from_disk", "fedot.fuse"),
    # what models do, and what is needed to learn it
    *("fedot.evaluation", "fedot.standin", "fedot.tasks", "fedot.scenario", "fedot.data.own_files", "fedot.data"),
    *("fedot.training", "fedot.saved", "fedot.export"),
    # results
    *("fedot.status", "fedot.results"),
    # the federation
    *("fedot.wire", "fedot.strategies", "fedot.federation.client", "clients.app"),
    *("fedot.federation.grids", "fedot.federation.engines", "fedot.federation.experiment", "server.app"),
    # what is shown of its results
    *("fedot.report.analysis", "fedot.report.tables", "fedot.report.figures", "fedot.report.pages", "fedot.report"),
    # what starts one, tells other tools of it, what a program calls, and the commands
    *("fedot.tracking", "fedot.run", "fedot.library", "fedot"),
    *("fedot.deploy", "fedot.commands"),
    *(
        "fedot.simulate",
        "fedot.predict",
        "fedot.compare",
        "fedot.report.__main__",
        "fedot.export.__main__",
        "fedot.__main__",
    ),
)
"""The rooms of the house, from the ground up: a module imports from its own room and from those before it."""

FLOWER = ("fedot.wire", "fedot.strategies", "fedot.federation", "fedot.run", "clients.app", "server.app")
PUBLIC = (
    *("flwr.app", "flwr.clientapp", "flwr.clientapp.mod", "flwr.clientapp.typing"),
    *("flwr.serverapp", "flwr.serverapp.strategy"),
)
"""The parts of Flower that it documents for apps."""

PURE = ("fedot.symmetry", "fedot.transport", "fedot.models", "fedot.fusion")
ALIKE = {"app.py"}
HEAVY = ("pydantic", "yaml", "flwr", "sacrebleu", "transformers", "datasets")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def imports(path):
    """Every module that a file imports, wherever in it: `from fedot import data` as fedot.data."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path):
    """Those of this repository's modules among them."""
    for name in imports(path):
        found = next((each for each in (name, name.rpartition(".")[0]) if each in MODULES), None)
        if found and found != module_of(path):
            yield found


def within(name, places):
    return any(name == place or name.startswith(f"{place}.") for place in places)


def room_of(module):
    """The narrowest room that a module is in; `fedot` itself is its facade alone."""
    rooms = [room for room in ORDER if within(module, [room]) and (room != "fedot" or module == "fedot")]
    return max(rooms, key=len, default=None)


def package_of(module):
    return ".".join(MODULES[module].relative_to(ROOT).parent.parts)


each_file = pytest.mark.parametrize("path", FILES, ids=name_of)


@each_file
def test_imports_run_one_way(path):
    own = room_of(module_of(path))
    if path.name == "__init__.py" and own is None:  # a package of rooms, which holds nothing itself
        assert not list(own_imports(path))
        return
    assert own, "this module is in no room of ORDER"
    above = [name for name in own_imports(path) if ORDER.index(room_of(name)) > ORDER.index(own)]
    assert not above, f"{own} is below the room of {above}"


def test_every_room_exists_once():
    assert Counter(ORDER).most_common(1)[0][1] == 1
    assert all(room in MODULES for room in ORDER)


def test_packages_import_each_other_in_no_circle():
    """A folder's own files and those of each folder in it are packages of their own; what is only run is in none."""
    uses = {}
    for module, path in MODULES.items():
        if module in ("fedot.report.__main__", "fedot.export.__main__"):
            continue
        uses.setdefault(package_of(module), set()).update(map(package_of, own_imports(path)))
    uses = {package: used - {package, "fedot"} for package, used in uses.items() if package != "fedot"}
    while free := [package for package, used in uses.items() if not used & uses.keys()]:
        for package in free:
            del uses[package]
    circle = {package: used & uses.keys() for package, used in uses.items()}
    assert not circle


@each_file
def test_libraries_stay_in_their_rooms(path):
    module, found = module_of(path), list(imports(path))
    if not within(module, ["fedot.transport"]):
        assert not [each for each in found if within(each, ["ot"])]
    if not within(module, FLOWER):
        assert not [each for each in found if within(each, ["flwr", "ray"])]
    assert not [each for each in found if within(each, ["tests"])]


@each_file
def test_private_parts_of_flower_are_touched_in_one_file(path):
    if module_of(path) == "fedot.wire.flower_private":
        return
    flower = [each for each in imports(path) if within(each, ["flwr"])]
    assert not [each for each in flower if each.rpartition(".")[0] not in PUBLIC and each not in PUBLIC]
    names = [each.rpartition(".")[2] for each in flower]
    assert not [name for name in names if name.startswith("_")]
    if flower:  # nor behind its back
        attributes = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert not attributes & {"__dict__", "current_arrays", "_check_and_log_replies"}


def test_the_mathematics_needs_no_data_and_no_network():
    code = f"import sys, {', '.join(each for each in MODULES if within(each, PURE))}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "torch" in done.stdout.split()
    assert not set(HEAVY) & set(done.stdout.split())


def test_a_client_loads_nothing_that_most_clients_do_not_use():
    """It starts anew for each question."""
    code = "import sys, clients.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"sacrebleu", "scipy.optimize", "matplotlib", "torch._dynamo"} & set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["fedot.scenario", "fedot.commands.fedot", "fedot.deploy.__main__", "fedot.report.after_run"]
)
def test_a_misspelt_key_is_told_without_waiting_for_torch(module):
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert module in done.stdout.split()
    assert not {"torch", "tokenizers", "sacrebleu", "datasets", "matplotlib"} & set(done.stdout.split())


@each_file
def test_files_are_short_and_say_what_they_are(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 320
    assert ast.get_docstring(ast.parse(text))


def test_folders_are_small():
    sizes = Counter(name_of(path.parent) for path in FILES)
    assert not {folder for folder, size in sizes.items() if size > 12}


def test_files_have_names_of_their_own():
    """But for the commands, which are called as what they start is called, and what every package may have."""
    names = Counter(path.name for path in FILES if path.parent.name != "fedot")
    assert {name for name, count in names.items() if count > 1} <= {"__init__.py", "__main__.py", "cli.py", *ALIKE}


def test_the_rules_find_what_they_forbid(tmp_path):
    path = tmp_path / "a.py"
    text = "import ot.gromov\nfrom fedot import data\ndef f():\n    from flwr.app import Message\n"
    path.write_text(text, encoding="utf-8")
    assert list(imports(path)) == ["ot.gromov", "fedot.data", "flwr.app.Message"]
    assert within("ot.gromov", ["ot"])
    assert not within("other", ["ot"])
    assert room_of("fedot.data.own_files.sheet") == "fedot.data.own_files"
    assert room_of("fedot.data.load") == "fedot.data"
    assert set(own_imports(ROOT / "server" / "app.py")) >= {"fedot.federation.experiment.serve"}
    assert len(FILES) > 40


KINDS_OF_TASKS = {
    *("Labelled", "Pairs", "Sequences"),
    *("Tally", "CalibratedTally", "TranslationTally", "LanguageTally"),
    *("EncoderConfig", "DecoderConfig", "Seq2SeqConfig"),
}
"""Types of which only a task, and what it is made of, may ask whether something is one."""


@each_file
def test_no_task_is_told_from_another_but_in_its_own_file(path):
    """Only what is common to all tasks is known elsewhere: neither their names nor their types are asked for."""
    if within(module_of(path), ["fedot.tasks", "fedot.evaluation", "fedot.models"]):
        return
    names = {name for task in TASKS.values() for name in (task.name, *task.former_names)}
    names -= {"translation"} if within(module_of(path), ["fedot.translation"]) else set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} & names
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance")
    kinds = {each.id for call in calls for each in ast.walk(call.args[1]) if isinstance(each, ast.Name)}
    assert not told - COLUMNS.get(module_of(path), set())
    assert not kinds & KINDS_OF_TASKS


COLUMNS = {"fedot.data.corpora": {"sentiment"}, "fedot.data.own_files.tables": {"translation"}}
"""Columns of others' data sets that are called as a task is."""

UNPICKLES = ("pickle", "torch.load", "allow_pickle", "joblib", "marshal", "shelve")


@each_file
def test_nothing_unpickles_what_came_from_outside(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {keyword.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords}
    used |= set(imports(path))
    assert not [name for name in used if name and any(name == bad or name.startswith(f"{bad}.") for bad in UNPICKLES)]
