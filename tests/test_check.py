"""``fedot check``: what the data are, without training; and all mistakes of a scenario and its files at once."""

import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import flwr.app  # noqa: F401
    from typer.testing import CliRunner, Result

from fedot.commands.fedot import cli
from fedot.run.data_summary import summarise
from fedot.run.scenario_mistakes import load_checked
from fedot.scenario import load_scenario

FILES = """name: mine
clients:
  - {dataset: files, name: north, train: north.csv, text: comment, label: stars}
  - {dataset: files, name: south, train: south.csv, test: south-test.csv, text: comment, label: stars}
model: {d_model: 8, n_layer: 1, n_head: 2, d_ff: 16, max_length: 6}
tokenizer: {vocab_size: 200}
"""
WORDS = {"good": "a lovely film", "fair": "a film", "bad": "a dull film that never ends at all and goes on"}


def check(*args: object) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CliRunner().invoke(cli, ["check", *map(str, args)], env={"COLUMNS": "80"})


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Three-class files with semicolons, words for classes and a byte order mark."""
    for name, classes, count in (
        ("north", list(WORDS), 90),
        ("south", ["bad", "good"], 60),
        ("south-test", ["good"], 20),
    ):
        lines = [f'"{WORDS[classes[i % len(classes)]]}; {name} {i}";{classes[i % len(classes)]}' for i in range(count)]
        if name == "south-test":
            lines += [f'"{WORDS["bad"]}; south 0";bad', f'"{WORDS["good"]}; north 0";good']
        (tmp_path / f"{name}.csv").write_text("\r\n".join(["comment;stars", *lines]), encoding="utf-8-sig", newline="")
    path = tmp_path / "mine.yaml"
    path.write_text(FILES)
    return path


def test_what_clients_have_is_counted(mine: Path) -> None:
    found = summarise(load_scenario(mine))
    north, south = found.clients
    assert (north.train + north.validation, north.test, south.train + south.validation, south.test) == (72, 18, 60, 22)
    assert north.classes == {"bad": (24, 6), "fair": (24, 6), "good": (24, 6)}
    assert south.classes == {"bad": (30, 1), "fair": (0, 0), "good": (30, 21)}
    assert (south.in_own, south.max_length) == (1, 6)
    assert north.long > 6
    assert north.cut >= 30  # at least those of the class of long texts
    assert 0 < north.unknown < 1  # numbers that occur once are in no vocabulary
    assert not found.notices


def test_it_is_readable_at_80_columns(mine: Path) -> None:
    done = check(mine)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.output.splitlines())) <= 80 + len(str(mine))
    text = " ".join(done.output.split())
    for told in (
        "north files",
        "held out as one",
        "separator ';'",
        "bad 24 6",
        "are cut there",
        f"fedot simulate {mine}",
    ):
        assert told in text


@pytest.mark.parametrize(
    ("task", "clients"),
    [
        ("translation", "{dataset: multi30k, source: en, target: de, examples: 60, partition: {count: 2}}"),
        ("language-model", "[{dataset: xed, lang: en, examples: 50}, {dataset: xed, lang: fi, examples: 50}]"),
    ],
)
def test_it_works_for_tasks_without_classes(tmp_path: Path, task: str, clients: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"name: s\ntask: {task}\nclients: {clients}\ndata: {{source: stand-in}}\n")
    done = check(path, "--set", "tokenizer.vocab_size=200")
    assert done.exit_code == 0, done.output
    assert "unknown" in done.output
    assert "classes" not in done.output
    assert "stand-in" in done.output


def test_variants_of_the_same_data_are_looked_at_once(tmp_path: Path, mine: Path) -> None:
    mine.write_text(f"{FILES}variants: {{one: {{rounds: 1}}, two: {{rounds: 2}}, three: {{model.max_length: 9}}}}\n")
    done = check(mine)
    assert "two: the same data as one" in done.output
    assert done.output.count("in others'") == 2


def test_all_that_is_wrong_is_told_at_once_with_its_client(mine: Path) -> None:
    text = FILES.replace("train: north.csv", "trian: north.csv").replace("label: stars}\nmodel", "label: star}\nmodel")
    mine.write_text(f"rouds: 2\ntrain: {{epochs: 0, lr: fast}}\n{text.replace('d_model: 8', 'd_model: 9')}")
    done = check(mine)
    lines = done.stderr.splitlines()
    assert done.exit_code == 2
    assert all(line.startswith("error: ") for line in lines)
    for told, line in zip(
        (
            "clients.0.trian is no key of a scenario; did you mean clients.0.train?",
            "rouds is no key of a scenario; did you mean rounds?",
            "train.epochs: ",
            "train.lr: ",
            "model.d_model is 9, which 2 heads do not divide",
            "client south: ",
            "client south: ",
        ),
        sorted(lines, key=lambda line: "client south" in line),
        strict=True,
    ):
        assert told in line
    assert "did you mean stars?" in lines[-1]


def test_mistakes_of_all_variants_are_told_each_once(mine: Path) -> None:
    variants = "variants: {one: {roundz: 1}, two: {rounds: 0}, three: {rounds: 1}}"
    mine.write_text(f"{FILES.replace('south-test.csv', 'nowhere.csv')}{variants}\n")
    lines = check(mine).stderr.splitlines()
    for told in ("roundz is no key", "rounds: ", "client south: there is no file nowhere.csv"):
        assert sum(told in line for line in lines) == 1
    assert len(lines) == 3


def test_strategies_and_files_that_cannot_be_are_told_together(mine: Path) -> None:
    text = FILES.replace("test: south-test.csv", "test: nowhere.csv")
    mine.write_text(f"{text}strategies: [fedavgg, {{name: ot-fusion, solvr: x}}]\n")
    lines = check(mine).stderr.splitlines()
    assert len(lines) == 3
    for told in ("fedavgg", "solvr", "client south: there is no file nowhere.csv"):
        assert sum(told in line for line in lines) == 1


def test_a_scenario_without_mistakes_is_loaded_as_it_is(mine: Path) -> None:
    assert load_checked(mine, ["rounds=2"]) == load_scenario(mine, ["rounds=2"])


def test_names_of_columns_are_told_together_and_no_hint_is_wrong(mine: Path) -> None:
    mine.write_text(FILES.replace(", text: comment, label: stars", ""))
    lines = check(mine).stderr.splitlines()
    assert len(lines) == 3  # each file once
    assert all("has no columns 'text' and 'label', only comment, stars; say which" in line for line in lines)
