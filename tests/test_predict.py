"""The command that uses a model: what it prints and writes, and that no row is lost or moved."""

import csv
import json
import subprocess
import sys
import warnings

import pyarrow.parquet as pq
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from typer.testing import CliRunner

from fedot.commands.predict import cli
from tests.test_saved import TEXTS, classifier, translator, written

CLASSES = ("bad", "so-so", "good")


@pytest.fixture
def model(tmp_path):
    return written(classifier(classes=CLASSES), tmp_path)


def call(*args):
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def refused(done, *parts):
    assert done.exit_code == 2
    [line] = done.stderr.strip().splitlines()
    assert all(part in line for part in parts), line
    assert not done.stdout


def test_a_line_a_text_with_class_and_probability(model):
    expected = classifier().probabilities(TEXTS[:3])
    done = call(model, *TEXTS[:3])
    assert done.exit_code == 0, done.output
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[2] for row in rows] == TEXTS[:3]
    assert [row[0] for row in rows] == [CLASSES[i] for i in expected.argmax(1)]
    assert [float(row[1]) for row in rows] == pytest.approx(expected.max(1).tolist(), abs=5e-4)


def test_classes_without_names_are_numbers(tmp_path):
    done = call(written(classifier(), tmp_path), "a film")
    assert done.stdout.split("\t")[0] == str(classifier().probabilities(["a film"]).argmax())


def test_a_translation_a_line(tmp_path):
    done = call(written(translator(), tmp_path), "--beam", 2, *TEXTS[:2])
    assert done.exit_code == 0, done.output
    assert [line.rsplit("\t", 1)[1] for line in done.stdout.splitlines()] == TEXTS[:2]


def test_a_text_of_several_lines_is_printed_on_one(model):
    assert call(model, "a good\nfilm\tand long").stdout.endswith("\ta good film and long\n")


def test_texts_without_an_answer_keep_their_row(model, tmp_path):
    given = tmp_path / "given.jsonl"
    texts = ["a good film", None, "  ", "dull, so dull"]
    given.write_text("".join(json.dumps({"id": 7, "review": text}) + "\n" for text in texts))
    assert call(model, "--file", given, "--column", "review", "-o", tmp_path / "out.jsonl").exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["row"] for row in rows] == [1, 2, 3, 4]
    assert [row["text"] for row in rows] == texts
    assert [row["class"] is None for row in rows] == [False, True, True, False]
    assert [row["p_good"] is None for row in rows] == [False, True, True, False]
    found = [[rows[i][f"p_{name}"] for name in CLASSES] for i in (0, 3)]
    assert found == pytest.approx(classifier().probabilities([texts[0], texts[3]]), abs=1e-6)
    assert len(call(model, "--file", given, "--column", "review").stdout.splitlines()) == 4


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_that_is_read_is_written(model, tmp_path, suffix):
    texts = ['a "good" film, so long', "dull\tevening", "ä film"]
    (tmp_path / "given.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    out = tmp_path / "new" / f"out.{suffix}"
    done = call(model, "--file", tmp_path / "given.jsonl", "-o", out)
    assert done.exit_code == 0, done.output
    if suffix == "parquet":
        found = pq.read_table(out)["text"].to_pylist()
    elif suffix == "jsonl":
        found = [json.loads(line)["text"] for line in out.read_text().splitlines()]
    else:
        with out.open(newline="") as file:
            found = [row["text"] for row in csv.DictReader(file, delimiter="," if suffix == "csv" else "\t")]
    assert found == texts
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    again = call(model, "--file", out)
    assert [line.split("\t")[0] for line in again.stdout.splitlines() if line[0] in "bsg"]


def test_a_text_file_has_a_text_a_line(model, tmp_path):
    (tmp_path / "given.txt").write_text("a\u2028film\n\ngood\n", encoding="utf-8")
    lines = call(model, "--file", tmp_path / "given.txt").stdout.splitlines()
    assert [line.split("\t")[-1] for line in lines] == ["a film", "", "good"]
    assert lines[1] == "\t\t"


def test_nothing_but_blanks_has_no_answers(model, tmp_path):
    (tmp_path / "given.txt").write_text("\n \n", encoding="utf-8")
    assert call(model, "--file", tmp_path / "given.txt").stdout == "\t\t\n\t\t\n"
    assert call(model, "--file", tmp_path / "given.txt", "-o", tmp_path / "out.parquet").exit_code == 0
    assert pq.read_table(tmp_path / "out.parquet")["class"].to_pylist() == [None, None]


def test_texts_may_come_from_standard_input(model):
    done = CliRunner().invoke(cli, [str(model), "--file", "-"], input="a film\ngood\n")
    assert [line.split("\t")[-1] for line in done.stdout.splitlines()] == ["a film", "good"]


def test_what_is_there_is_not_overwritten_unasked(model, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("mine")
    refused(call(model, "a film", "-o", out), "exists already")
    assert out.read_text() == "mine"
    assert call(model, "a film", "-o", out, "--force").exit_code == 0
    assert "a film" in out.read_text()


def test_what_does_not_fit_is_refused_in_one_line(model, tmp_path):
    refused(call(model), "give texts after the model, or a --file")
    (tmp_path / "given.csv").write_text("review\ngood\n")
    refused(call(model, "a film", "--file", tmp_path / "given.csv"), "not both")
    refused(call(model, "--file", tmp_path / "given.csv"), "no column 'text'", "review")
    refused(call(model, "--file", tmp_path / "none.csv"), "cannot be read")
    refused(call(model, "--file", tmp_path / "none.txt"), "cannot be read")
    refused(call(tmp_path / "none.safetensors", "a film", "-o", tmp_path / "out.xlsx"), "unknown suffix")
    refused(call(model, "a film", "--tokenizer", tmp_path / "given.csv"), "holds no tokenizer")
    refused(call(tmp_path / "none.safetensors", "a film"), "cannot be read")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given.csv", "model.safetensors"]


def test_a_tokenizer_file_may_stand_in(tmp_path):
    saved = classifier(classes=CLASSES)
    (tmp_path / "tokenizer.json").write_text(saved.tokenizer)
    path = written(saved, tmp_path)
    done = call(path, "a film", "--tokenizer", tmp_path / "tokenizer.json")
    assert done.stdout == call(path, "a film").stdout


def test_it_runs_as_a_module(model):
    command = [sys.executable, "-m", "fedot.predict", str(model), "a film"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.endswith("\ta film\n")
