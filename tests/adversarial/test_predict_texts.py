"""Texts of `fedot.predict` from anywhere, answers to anywhere, and what is said of texts that are not read well."""

import gzip
import os
import subprocess
import sys

import pytest
import torch
from typer.testing import CliRunner

from fedot.commands.predict import cli
from fedot.federation.experiment.record import RunRecord
from fedot.scenario import parse_scenario
from fedot.text.readable import unknown_share
from tests.test_predict import call, refused
from tests.test_saved import classifier, written


@pytest.fixture
def model(tmp_path):
    return written(classifier(classes=("bad", "so-so", "good")), tmp_path)


def run(model, *args, given=b"", **environment):
    command = [sys.executable, "-m", "fedot.predict", str(model), *args]
    return subprocess.run(command, input=given, capture_output=True, timeout=150, env={**os.environ, **environment})


def shown(done):
    return [line.split("\t")[-1] for line in done.stdout.decode().splitlines()]


def test_standard_input_is_read_as_a_file_is(model):
    marked = run(model, "--file", "-", given=b"\xef\xbb\xbfa film\r\na film\n")
    assert shown(marked) == ["a film", "a film"]
    assert len(set(marked.stdout.splitlines())) == 1
    latin = CliRunner().invoke(cli, [str(model), "--file", "-"], input=b"good\ncaf\xe9 film\n")
    refused(latin, "fedot: standard input, line 2: the bytes are not UTF-8")
    given = [str(model), "--file", "-", "--encoding", "cp1252"]
    done = CliRunner().invoke(cli, given, input=b"caf\xe9 film\n")
    assert done.stdout.rstrip("\n").split("\t")[-1] == "café film"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_every_answer_can_be_printed(model, encoding):
    done = run(model, "好 film", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(b"\t\\u597d film" + os.linesep.encode())


@pytest.mark.skipif(sys.platform == "win32", reason="arguments are no bytes there")
def test_an_argument_that_is_no_text_is_refused(model):
    done = run(model, "a film", os.fsdecode(b"caf\xe9"))
    assert (done.returncode, done.stderr.decode().count("\n")) == (2, 1)
    assert "text 2 is not UTF-8" in done.stderr.decode()


def test_files_are_read_as_clients_read_them(model, tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("a film\ngood".encode("utf-16")))
    assert [line.split("\t")[-1] for line in call(model, "--file", tmp_path / "a.txt.gz").stdout.splitlines()] == [
        "a film",
        "good",
    ]
    (tmp_path / "a.csv").write_text("id;text\n1;a film, good\n")
    done = call(model, "--file", tmp_path / "a.csv")
    assert done.stdout.endswith("a film, good\n")
    assert "a.csv: separator ';'" in done.stderr
    assert "separator" not in call(model, "--file", tmp_path / "a.csv", "--separator", ";").stderr
    refused(call(model, "--file", tmp_path / "a.csv", "--quote", "double"), "--quote 'double': choose from")
    (tmp_path / "b.jsonl").write_text('{"text": "\\ud83d film"}\n')
    refused(call(model, "--file", tmp_path / "b.jsonl"), "line 1", "half of a character")
    assert call(model, "a film", "-o", tmp_path / "out.csv.gz").exit_code == 0
    assert b'"a film"' in gzip.decompress((tmp_path / "out.csv.gz").read_bytes())


def test_texts_that_are_cut_are_told_with_their_rows(model, tmp_path):
    most = classifier().config.max_length
    long = " ".join(["good"] * (most + 1))
    (tmp_path / "a.txt").write_text(f"a film\n\n{long}\n{long} bad\n{' '.join(['good'] * most)}\n")
    done = call(model, "--file", tmp_path / "a.txt")
    assert (
        f"2 of 5 texts are longer than the {most} tokens that the model reads, and were cut there: rows 3, 4"
        in done.stderr
    )
    assert not call(model, "a film").stderr


def test_texts_that_the_model_does_not_know_are_told(model):
    assert "of the tokens are UNKNOWN to the model's tokenizer" in call(model, "ж ж ж", "ж film").stderr


def update(client, counts):
    fields = ("num_examples", "train_loss", "validation_loss", "seconds", "truncated")
    return type(
        "Update",
        (),
        {"client": client, "config": None, "token_counts": torch.tensor(counts), "train_losses": ()}
        | dict.fromkeys(fields, 1),
    )()


def test_clients_whose_texts_are_unknown_are_told_loudly_and_once():
    record = RunRecord(parse_scenario({"name": "x", "clients": [{"dataset": "imdb"}] * 2}), "inprocess", "")
    for seed in (0, 1):
        record.add_training(seed, "parent", 1, [update("north", [0, 1, 99]), update("south", [0, 63, 37])])
    assert [row["unknown"] for row in record.training] == pytest.approx([0.01, 0.63] * 2)
    [line] = record.notices
    assert line.startswith("south: 63% of its tokens are UNKNOWN to the tokenizer")
    assert unknown_share(torch.zeros(5)) == 0
