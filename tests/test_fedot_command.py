"""The command `fedot`: quick to tell what it can do, completed by a shell, and called by its own name in records."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import fedot
from fedot.commands.fedot import cli
from fedot.terminal import called
from tests.small_runs import SMALL

ROOT = Path(__file__).parents[1]
SLOW = (
    *("torch", "numpy", "scipy", "pandas", "pyarrow", "matplotlib", "sklearn", "ot", "datasets", "tokenizers"),
    *("safetensors", "transformers", "sacrebleu", "flwr", "ray", "grpc", "pydantic", "yaml", "jinja2", "cryptography"),
)
"""What takes long to import, and what no help needs."""

HELP = "import sys\nfrom fedot.commands.fedot import cli\ncli({0!r}, standalone_mode=False)\nprint(*sys.modules)"


def paths_of_commands():
    """Every command by its words, those of `deploy` and `scenarios` too."""
    found, waiting = [], [((), get_command(cli))]
    while waiting:
        words, command = waiting.pop()
        found.append(words)
        waiting.extend(((*words, name), each) for name, each in getattr(command, "commands", {}).items())
    return sorted(found)


COMMANDS = paths_of_commands()


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "fedot", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_all_commands_are_there():
    names = {words[0] for words in COMMANDS if words}
    wanted = {"simulate", "scenarios", "fuse", "predict", "export", "report", "compare", "status", "deploy"}
    assert names >= wanted


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_imports_nothing_slow(words):
    done = subprocess.run(
        [sys.executable, "-c", HELP.format([*words, "--help"])], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "Usage:" in done.stdout
    modules = done.stdout.splitlines()[-1].split()
    assert "fedot.commands.fedot" in modules
    assert not {name.partition(".")[0] for name in modules} & set(SLOW)


def once_options():
    """Every option of every command that takes one value, with the words of its command."""
    for words in COMMANDS:
        command = get_command(cli)
        for word in words:
            command = command.commands[word]
        if not hasattr(command, "commands"):
            for each in command.params:
                if each.param_type_name == "option" and not (each.multiple or each.is_flag):
                    yield pytest.param(words, each.opts[0], id=" ".join((*words, each.opts[0])))


@pytest.mark.parametrize(("words", "option"), [*once_options()])
def test_an_option_that_would_be_taken_once_is_not_given_twice(words, option):
    done = CliRunner().invoke(cli, [*words, option, "1", option, "2"])
    assert done.exit_code == 2
    assert f"{option} is given 2 times; give it once" in done.output


def test_the_version_is_the_packages():
    assert run("--version") == f"fedot {fedot.__version__}\n"


def test_bash_completes_commands_options_and_names_of_scenarios():
    def completed(words, number):
        variable = {"_FEDOT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(number)}
        code = "from fedot.commands.fedot import cli; cli(prog_name='fedot')"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **variable}, capture_output=True, text=True
        )
        return done.stdout.split()

    assert completed("fedot s", 1) == ["simulate", "status", "scenarios"]
    assert completed("fedot simulate --prof", 2) == ["--profile"]
    assert completed("fedot scenarios copy multi", 3) == ["multilingual", "multilingual_rounds"]


def test_the_script_for_bash_is_printed():
    code = "from fedot.commands.fedot import cli; cli(prog_name='fedot')"
    variable = {"_FEDOT_COMPLETE": "source_bash"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **variable}, capture_output=True, text=True
    )
    assert "complete -o default -F _fedot_completion fedot" in done.stdout
    assert subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("spec", "script", "program", "other"),
    [
        (None, "/usr/bin/fedot", "fedot", "fedot deploy keys"),
        (None, "C/fedot-simulate.exe", "fedot-simulate", "fedot deploy keys"),
        ("fedot.__main__", "x/__main__.py", "python -m fedot", "python -m fedot deploy keys"),
        ("fedot.simulate", "x/simulate.py", "python -m fedot.simulate", "python -m fedot deploy keys"),
        ("fedot.deploy.__main__", "x/__main__.py", "python -m fedot.deploy", "python -m fedot deploy keys"),
    ],
)
def test_records_and_messages_name_the_program_as_it_was_called(spec, script, program, other, monkeypatch):
    main = type("Main", (), {"__spec__": type("Spec", (), {"name": spec}) if spec else None})
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(sys, "argv", [script, "simulate", "a b"])
    assert called.program() == program
    assert called.command_line() == f"{program} simulate 'a b'"
    assert called.other("deploy keys") == other


def test_a_record_holds_the_command_that_made_it(tmp_path):
    """Another way to call it is in tests/adversarial/test_run_tells.py."""
    run("simulate", "quickstart", "--out", str(tmp_path / "o"), *SMALL, "--workers", "0")
    command = json.loads((tmp_path / "o" / "results.json").read_text())["provenance"]["command"]
    assert command.startswith("python -m fedot simulate quickstart --out ")
    assert '<svg class="plot"' in (tmp_path / "o" / "report.html").read_text(encoding="utf-8")


def test_every_command_of_the_top_has_one_line_of_help():
    shown = CliRunner().invoke(cli, ["--help"]).output
    for words in COMMANDS:
        if len(words) == 1:
            assert words[0] in shown
