"""Without a test file, training rows are held out: the same in every run, by class, and no text in both."""

from pathlib import Path

import pytest

from fedot.data import load_client, load_clients
from fedot.data.partition import held_out
from fedot.data.types import rows_of
from fedot.errors import FedotError
from fedot.scenario import parse_scenario


def scenario(folder: Path, *files: str, **keys: object):
    clients = [{"dataset": "files", "name": name.removesuffix(".csv"), "train": name, **keys} for name in files]
    return parse_scenario({"name": "x", "clients": clients, "base_dir": folder})


def test_rows_are_held_out_and_told(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"text {i},{'ab'[i % 4 == 0]}\n" for i in range(100)))
    found = scenario(tmp_path, "a.csv", "a.csv")
    first, other = (load_client(found, 0, seed) for seed in (0, 1))
    assert "no test set is given: 20 of the 100 rows of a.csv are held out as one, the same in every run" in (
        first.notices
    )
    assert list(first.test["label"]).count(1) == 5
    assert first.test["text"][:] == other.test["text"][:]
    assert not set(first.test["text"]) & {*first.train["text"], *first.validation["text"]}
    assert len(first.train) + len(first.validation) + len(first.test) == 100


def test_rows_of_one_text_stay_together():
    rows = rows_of({"text": [f"  The text {i % 10} " if i % 2 else f"the TEXT {i % 10}" for i in range(60)]})
    train, test = held_out(rows)
    assert (len(train), len(test)) == (48, 12)
    assert not {int(text.split()[-1]) for text in train["text"]} & {int(text.split()[-1]) for text in test["text"]}
    with pytest.raises(FedotError, match="all rows have the same text"):
        held_out(rows_of({"text": ["one", "One"]}))


def test_pairs_are_held_out_too(tmp_path):
    (tmp_path / "a.tsv").write_text("en\tde\n" + "".join(f"text {i}\tWort {i}\n" for i in range(50)))
    clients = [{"dataset": "files", "train": "a.tsv", "source": "en", "target": "de"}] * 2
    found = parse_scenario({"name": "x", "task": "translation", "clients": clients, "base_dir": tmp_path})
    assert len(load_client(found, 0, 0).test) == 10


def test_test_rows_of_others_are_taken_out_of_training_without_test_files_too(tmp_path):
    for name in ("a", "b"):
        lines = [f"{name} {i},{i % 2}" for i in range(40)] + [f"both {i},{i % 2}" for i in range(40)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label", *lines]))
    clients = load_clients(scenario(tmp_path, "a.csv", "b.csv"), 0)
    for one, other in (clients, clients[::-1]):
        assert not {*one.train["text"], *one.validation["text"]} & set(other.test["text"])
