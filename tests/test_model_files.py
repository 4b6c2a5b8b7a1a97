"""Model files that somebody else made: each is used rightly, or refused in one line and at once."""

import csv
import json
import struct
import time
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from typer.testing import CliRunner

from fedot.commands import predict
from fedot.errors import FedotError
from fedot.from_disk import cli as fusion
from fedot.from_disk.sources import open_source
from fedot.results.run_models import is_of_a_run
from fedot.saved import read_model
from tests.test_saved import TEXTS, classifier, translator, written

MODEL = classifier(classes=("bad", "so-so", "good"))
STATE, ROWS = MODEL.state, MODEL.config.vocab_size
META = {
    "config": json.dumps({key: getattr(MODEL.config, key) for key in type(MODEL.config).__dataclass_fields__}),
    "tokenizer": MODEL.tokenizer,
    "classes": '["bad", "so-so", "good"]',
}
DEEP = "[" * 100_000


def saved(state=None, **metadata):
    merged = {**META, **{key.replace("_", "-"): value for key, value in metadata.items()}}
    return save(STATE if state is None else state, {key: text for key, text in merged.items() if text is not None})


def config(**changes):
    return saved(config=json.dumps({**json.loads(META["config"]), **changes}))


def tokenizer(change):
    settings = json.loads(META["tokenizer"])
    change(settings)
    return saved(tokenizer=json.dumps(settings))


def each(change):
    return saved({name: change(tensor) for name, tensor in STATE.items()})


def one(name, change):
    """The model with one number changed."""
    tensor = STATE[name].clone()
    tensor.view(-1)[-1] = change
    return saved({**STATE, name: tensor})


PADDING = {
    "strategy": {"Fixed": 2**31},
    "direction": "Right",
    "pad_to_multiple_of": None,
    "pad_id": 0,
    "pad_type_id": 0,
    "pad_token": "[PAD]",
}
BLOW_UP = {"type": "Replace", "pattern": {"Regex": "."}, "content": "ab " * 1000}
HEADER = json.dumps({"__metadata__": {"config": 5}, "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
REFUSED = {
    "many layers": config(n_layer=10**9),
    "more layers than tensors": config(n_layer=900),
    "wide": config(d_model=10**9),
    "many heads": config(n_head=10**9),
    "negative": config(d_model=-1),
    "text for a size": config(n_layer="x"),
    "null for a size": config(n_layer=None),
    "half a layer": config(n_layer=1.5),
    "list for a norm": config(norm=[]),
    "unknown positions": config(positions="x"),
    "other activation": config(activation="swiglu"),
    "dropout of NaN": config(dropout=float("nan")),
    "long sinusoids": config(max_length=10**9, positions="sinusoidal"),
    "long turns": config(max_length=10**9, positions="rotary"),
    "path for an architecture": config(architecture="../../x"),
    "deep configuration": saved(config=DEEP),
    "list for a configuration": saved(config="[]"),
    "no configuration": saved(config=None),
    "trash for a tokenizer": saved(tokenizer="x"),
    "deep tokenizer": saved(tokenizer=DEEP),
    "tokenizer with a far id": tokenizer(lambda t: t["model"]["vocab"].update(good=10**6)),
    "tokenizer that pads": tokenizer(lambda t: t.update(padding=PADDING)),
    "tokenizer that blows up": tokenizer(lambda t: t.update(normalizer=BLOW_UP)),
    "tokenizer of another size": tokenizer(lambda t: t["model"]["vocab"].update(more=ROWS)),
    "too few classes": saved(classes='["a"]'),
    "classes twice": saved(classes='["a", "b", "a"]'),
    "classes that look the same": saved(classes='["a\\u001b", "a\\u0007", "b"]'),
    "classes of numbers": saved(classes="[1, 2, 3]"),
    "half a character": saved(classes='["\\ud800", "b", "c"]'),
    "an empty class": saved(classes='["", "b", "c"]'),
    "a class of a megabyte": saved(classes=json.dumps(["a" * 2**20, "b", "c"])),
    "deep classes": saved(classes=DEEP),
    "too few counts": saved(token_counts="[1, 2]"),
    "huge counts": saved(token_counts=json.dumps([10**30] * ROWS)),
    "counts of nothing": saved(token_counts=json.dumps([-1] * ROWS)),
    "too few class counts": saved(class_counts="[1]"),
    "deep counts": saved(token_counts=DEEP),
    "short vocabulary": saved(tokenizer=None, vocabulary='["a"]'),
    "vocabulary twice": saved(tokenizer=None, vocabulary=json.dumps(["a"] * ROWS)),
    "number for a vocabulary": saved(tokenizer=None, vocabulary="5"),
    "hidden NaN": one("tok_emb.weight", torch.nan),
    "hidden infinity": one("layers.0.ffn.up.weight", torch.inf),
    "whole numbers": each(lambda tensor: tensor.long()),
    "truth values": each(lambda tensor: tensor.bool()),
    "a tensor more": saved({**STATE, "x/../../y\x1b[2J": torch.ones(1)}),
    "a tensor less": saved({name: tensor for name, tensor in STATE.items() if name != "classifier.bias"}),
    "no tensors": saved({}),
    "pickle": b"\x80\x04K\x01.",
    "empty": b"",
    "zeros": b"\0" * 8,
    "endless header": struct.pack("<Q", 2**63 - 1) + b"{}",
    "cut header": saved()[:300],
    "cut data": saved()[:-100],
    "header that is no Unicode": struct.pack("<Q", 4) + b"\xff\xfe{}",
    "deep header": struct.pack("<Q", 200_000) + b"[" * 200_000,
    "number in the metadata": struct.pack("<Q", len(HEADER)) + HEADER.encode() + b"\0" * 4,
}


def run(app, *arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def in_one_line(done):
    """It ended in one line that a terminal can show, and said nothing else."""
    assert done.exit_code == 2, done.output
    [line] = done.stderr.splitlines()
    assert line.isprintable()
    assert not done.stdout
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_model_is_refused_in_one_line(name, tmp_path):
    evil, good, out = (tmp_path / f"{each}.safetensors" for each in ("evil", "good", "out"))
    evil.write_bytes(REFUSED[name])
    good.write_bytes(saved())
    start = time.perf_counter()
    in_one_line(run(predict.cli, evil, "a good film"))
    in_one_line(run(fusion.cli, evil, good, "-o", out))
    assert time.perf_counter() - start < 10
    assert not out.exists()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("value", [3e38, 1e30])
def test_weights_that_come_to_no_numbers_give_no_answer(value, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(each(lambda tensor: torch.full_like(tensor, value) * torch.randn_like(tensor).sign()))
    in_one_line(run(predict.cli, path, "a good film"))
    model = translator()
    model.state.update({name: torch.full_like(tensor, 3e38) for name, tensor in model.state.items()})
    in_one_line(run(predict.cli, written(model, tmp_path), "a good film"))


def test_the_files_beside_them_are_read(tmp_path):
    path = tmp_path / "a.safetensors"
    for content in (saved(), saved(classes=None), each(lambda tensor: tensor.bfloat16()), config(dropout=0)):
        path.write_bytes(content)
        assert read_model(path).probabilities(TEXTS).shape == (len(TEXTS), 3)


@pytest.mark.parametrize("place", [0.3, 0.9, 0.999])
def test_a_flipped_bit_in_a_saved_model_is_told(place, tmp_path):
    path = written(MODEL, tmp_path)
    content = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    content[start + int(place * (len(content) - start))] ^= 2
    path.write_bytes(content)
    with pytest.raises(FedotError, match=r"model.safetensors: it is damaged.*checksum"):
        read_model(path)
    with pytest.raises(FedotError, match=r"model.safetensors: it is damaged.*checksum"):
        open_source(path, tmp_path)
    in_one_line(run(predict.cli, path, "a good film"))


def test_changed_metadata_are_told_too(tmp_path):
    path = written(MODEL, tmp_path)
    path.write_bytes(path.read_bytes().replace(b"so-so", b"go-go"))
    with pytest.raises(FedotError, match="checksum"):
        read_model(path)


def test_names_of_classes_move_no_cursor_and_make_no_line(tmp_path):
    names = ["\x1b]0;title\x07\x1b[2J\x1b[31mneg\nfake\t1.000\tline", "b\r\x1b[1A", "c\u202e"]
    path, out = tmp_path / "a.safetensors", tmp_path / "out.tsv"
    path.write_bytes(saved(classes=json.dumps(names)))
    done = run(predict.cli, path, *TEXTS[:4], "red \x1b[31m\nand more")
    assert done.exit_code == 0
    lines = done.stdout.removesuffix("\n").split("\n")
    assert [line.count("\t") for line in lines] == [2] * 5
    assert all(part.isprintable() for line in lines for part in line.split("\t"))
    assert run(predict.cli, path, *TEXTS[:4], "-o", out).exit_code == 0
    assert len(out.read_text().splitlines()) == 5
    with out.open(newline="") as file:
        assert all(text.isprintable() for row in csv.reader(file, delimiter="\t") for text in row)


@pytest.mark.parametrize("content", ["x", DEEP, json.dumps({"model": {}}), "\ud800"])
def test_a_tokenizer_from_elsewhere_is_refused_in_one_line(content, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    in_one_line(run(predict.cli, written(MODEL, tmp_path), "a good film", "--tokenizer", path))


def test_texts_that_are_no_unicode_have_an_answer_or_one_line(tmp_path):
    path = written(MODEL, tmp_path)
    in_one_line(run(predict.cli, path, "half a \udcff character"))
    assert CliRunner().invoke(predict.cli, [str(path), "--file", "-"], input="a film\nhyvä\n").exit_code == 0
    in_one_line(CliRunner().invoke(predict.cli, [str(path), "--file", "-"], input=b"\xff\xfe\n"))


def test_a_path_that_the_machine_refuses_is_one_line(tmp_path):
    path, long = written(MODEL, tmp_path), "n" * 300
    for arguments in ([long, "a film"], [path, "a film", "-o", f"{long}.csv"], [path, "--file", f"{long}.txt"]):
        in_one_line(run(predict.cli, *arguments))
    in_one_line(run(fusion.cli, path, path, "-o", f"{long}.safetensors"))
    in_one_line(run(fusion.cli, path, path, "-o", tmp_path / "x.safetensors", "--set", "solver=["))


def test_only_models_of_runs_are_taken_for_such(tmp_path):
    content = MODEL.to_bytes()
    names = {"fedavg-seed0.safetensors": content, "best.safetensors": content, "mine-seed1.safetensors": save(STATE)}
    for name, each in names.items():
        (tmp_path / name).write_bytes(each)
    (tmp_path / "link-seed0.safetensors").symlink_to(tmp_path / "fedavg-seed0.safetensors")
    assert [path.name for path in Path(tmp_path).iterdir() if is_of_a_run(path)] == ["fedavg-seed0.safetensors"]
