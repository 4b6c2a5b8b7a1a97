"""The contract of every data set: a new entry of DATASETS is tested by being there."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fedot.data import DATASETS
from fedot.data.read_corpus import read_directory, write_stand_in
from fedot.data.types import Splits, label_array
from fedot.errors import FedotError
from fedot.scenario import ClientSpec
from fedot.tasks import TASKS

read_once = lru_cache(read_directory)  # several tests look at the same set
EVERY = [(name, kind) for name, corpus in DATASETS.items() for kind in (corpus.label_sets or {None: ()})]


def _spec(name: str, kind: str | None) -> ClientSpec:
    lang = "fi" if name == "xed" else None
    return ClientSpec(dataset=name, lang=lang, labels=None if kind == "five" else kind)


def _check(splits: Splits, name: str, kind: str | None) -> None:
    corpus = DATASETS[name]
    for part in (splits.train, splits.test):
        assert len(part) > 0
        if "label" not in corpus.columns:
            assert {key: value.dtype for key, value in part.features.items()} == {
                "source": "string",
                "target": "string",
            }
            assert splits.labels == ()
        else:
            assert {key: value.dtype for key, value in part.features.items()} == {
                "text": "string",
                "label": "int64",
            }
            assert splits.labels == corpus.label_sets[kind or next(iter(corpus.label_sets))]
            assert set(np.unique(label_array(part))) == set(range(len(splits.labels)))


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_real_data_keep_the_contract(real_data: Path, name: str, kind: str | None) -> None:
    _check(read_once(name, _spec(name, kind), real_data), name, kind)


def _stand_in(name: str, kind: str | None) -> Splits:
    [task] = (task for task in TASKS.values() if task.columns == DATASETS[name].columns)
    return write_stand_in(task, name, _spec(name, kind))


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_stand_ins_keep_the_contract_or_refuse(name: str, kind: str | None) -> None:
    if kind == "emotions":
        with pytest.raises(FedotError, match="stand-in"):
            _stand_in(name, kind)
    else:
        _check(_stand_in(name, kind), name, kind)


@pytest.mark.parametrize(
    ("name", "kind", "train", "test"),
    [
        ("imdb", None, 25000, 25000),
        ("sst2", None, 67349, 1821),
        ("sst", None, 8544, 2210),
        ("sst", "polarity", 8544 - 1624, 2210 - 389),
        ("sentiment140", None, 19969, 498 - 139),
        ("multi30k", None, 29000, 1000),
    ],
)
def test_real_sizes(real_data: Path, name: str, kind: str | None, train: int, test: int) -> None:
    splits = read_once(name, _spec(name, kind), real_data)
    assert (len(splits.train), len(splits.test)) == (train, test)


def test_real_sst_and_sst2_agree_on_the_test_labels(real_data: Path) -> None:
    def by_sentence(name: str) -> dict[str, int]:
        data = read_once(name, _spec(name, "polarity"), real_data).test
        keys = ("".join(filter(str.isalnum, text.lower())) for text in data["text"])
        return dict(zip(keys, data["label"], strict=True))

    five, two = by_sentence("sst"), by_sentence("sst2")
    shared = five.keys() & two.keys()
    assert len(shared) > 1700
    assert all(five[key] == two[key] for key in shared)


def test_sentiment140_drops_the_neutral_tweets() -> None:
    table = pa.table({"text": ["glad", "so so", "sad"], "sentiment": pa.array([4, 2, 0], pa.int32())})
    splits = DATASETS["sentiment140"].prepare({"train": table, "test": table}, ClientSpec(dataset="sentiment140"))
    assert dict(zip(splits.test["text"][:], splits.test["label"][:], strict=True)) == {"glad": 1, "sad": 0}
    assert splits.notices == ("1 neutral test rows are left out",)


def test_multi30k_translates_either_way(real_data: Path) -> None:
    there = read_once("multi30k", ClientSpec(dataset="multi30k"), real_data)
    back = read_once("multi30k", ClientSpec(dataset="multi30k", source="de", target="en"), real_data)
    assert there.test["source"][:] == back.test["target"][:]
    with pytest.raises(FedotError, match="between en and de"):
        read_once("multi30k", ClientSpec(dataset="multi30k", source="de", target="fr"), real_data)


def test_hub_files_are_fixed() -> None:
    for name, corpus in DATASETS.items():
        for file in corpus.hub_files(ClientSpec(dataset=name, lang="en")).values():
            assert file.revision == "refs/convert/parquet" or len(file.revision) == 40
            assert file.path.endswith((".parquet", ".jsonl"))
