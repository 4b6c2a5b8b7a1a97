"""The public data sets other than XED: where their files are and how their rows become texts and classes.

Every hub file names a commit where one could be verified. Sets that the hub keeps as a script are read
from its own conversion branch ``refs/convert/parquet``, which has no fixed commit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from fedot.data import xed
from fedot.data.types import HubFile, Splits, labelled, paired
from fedot.errors import FedotError
from fedot.scenario import ClientSpec
from fedot.scenario.file_keys import label_kind

DirectoryFiles = Callable[[ClientSpec], dict[str, str]]
HubFiles = Callable[[ClientSpec], dict[str, HubFile]]
LABELLED = ("text", "label")
POLARITY = ("negative", "positive")
FIVE = ("very negative", "negative", "neutral", "positive", "very positive")


@dataclass(frozen=True, slots=True)
class Corpus:
    """One public data set.

    ``directory_files`` and ``hub_files`` map a role to a path or a file on the hub; a role that ends in ``?``
    may be absent, no roles at all mean "not there". ``prepare`` gets the tables by role, and its rows have the
    ``columns``; a task that needs fewer has those it needs. The first of
    ``label_sets`` is the default. ``languages`` holds more than one name where the client has to choose.
    """

    columns: tuple[str, ...]
    label_sets: Mapping[str, tuple[str, ...]]
    languages: tuple[str, ...]
    directory_files: DirectoryFiles
    hub_files: HubFiles
    prepare: Callable[[Mapping[str, pa.Table], ClientSpec], Splits]


def _imdb(tables: Mapping[str, pa.Table], _: ClientSpec) -> Splits:
    train, test = (labelled(tables[split]["text"], tables[split]["label"]) for split in ("train", "test"))
    return Splits(train, test, POLARITY)


def _sst2(tables: Mapping[str, pa.Table], _: ClientSpec) -> Splits:
    """Take GLUE's validation sentences for the test where the test labels are not public (-1)."""
    test = tables.get("labelled")
    notices: tuple[str, ...] = ()
    if test is None:
        test, notices = (
            tables["validation"],
            ("tested on the 872 validation sentences: GLUE's test has no labels",),
        )
    train = labelled(tables["train"]["sentence"], tables["train"]["label"])
    return Splits(train, labelled(test["sentence"], test["label"]), POLARITY, notices)


def _sst(tables: Mapping[str, pa.Table], spec: ClientSpec) -> Splits:
    """Five classes, or two without the neutral sentences."""
    parts = []
    for split in ("train", "test"):
        table = tables[split]
        column = "sentence" if "sentence" in table.column_names else "text"
        if label_kind(spec.labels) == "polarity":
            table = table.filter(pc.not_equal(table["label"], 2))
            parts.append(labelled(table[column], pc.greater(table["label"], 2).cast(pa.int64())))
        else:
            parts.append(labelled(table[column], table["label"]))
    return Splits(parts[0], parts[1], POLARITY if label_kind(spec.labels) == "polarity" else FIVE)


def _sentiment140(tables: Mapping[str, pa.Table], _: ClientSpec) -> Splits:
    """Turn 0 and 4 into 0 and 1; rows with 2 (neutral, in the test only) are left out."""
    parts = []
    for split in ("train", "test"):
        table = tables[split]
        table = table.filter(pc.not_equal(table["sentiment"], 2))
        parts.append(labelled(table["text"], pc.equal(table["sentiment"], 4).cast(pa.int64())))
    dropped = len(tables["test"]) - len(parts[1])
    notices = (f"{dropped} neutral test rows are left out",) if dropped else ()
    return Splits(parts[0], parts[1], POLARITY, notices)


def _multi30k(tables: Mapping[str, pa.Table], spec: ClientSpec) -> Splits:
    source, target = spec.source or "en", spec.target or "de"
    if {source, target} != {"en", "de"}:
        raise FedotError(f"multi30k translates between en and de, but source is {source} and target is {target}")
    train, test = (paired(tables[split][source], tables[split][target]) for split in ("train", "test"))
    return Splits(train, test, ())


def _fixed(**paths: str) -> DirectoryFiles:
    return lambda _: dict(paths)


def _hub(repo: str, revision: str, **paths: str) -> HubFiles:
    return lambda _: {role: HubFile(repo, revision, path) for role, path in paths.items()}


DATASETS: dict[str, Corpus] = {
    "xed": Corpus(
        columns=LABELLED,
        label_sets=xed.LABEL_SETS,
        languages=xed.LANGUAGES,
        directory_files=xed.directory_files,
        hub_files=xed.hub_files,
        prepare=xed.prepare,
    ),
    "imdb": Corpus(
        columns=LABELLED,
        label_sets={"polarity": POLARITY},
        languages=("en",),
        directory_files=_fixed(train="imdb/train.parquet", test="imdb/test.parquet"),
        hub_files=_hub(
            "stanfordnlp/imdb",
            "e6281661ce1c48d982bc483cf8a173c1bbeb5d31",
            train="plain_text/train-00000-of-00001.parquet",
            test="plain_text/test-00000-of-00001.parquet",
        ),
        prepare=_imdb,
    ),
    "sst2": Corpus(
        columns=LABELLED,
        label_sets={"polarity": POLARITY},
        languages=("en",),
        directory_files=_fixed(
            **{"train": "sst2/train.parquet", "validation": "sst2/validation.parquet"},
            **{"labelled?": "sst2/test_labelled.parquet"},
        ),
        hub_files=_hub(
            "stanfordnlp/sst2",
            "8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb",
            train="data/train-00000-of-00001.parquet",
            validation="data/validation-00000-of-00001.parquet",
        ),
        prepare=_sst2,
    ),
    "sst": Corpus(
        columns=LABELLED,
        label_sets={"five": FIVE, "polarity": POLARITY},
        languages=("en",),
        directory_files=_fixed(train="sst/train.parquet", test="sst/test.parquet"),
        hub_files=_hub(
            "SetFit/sst5", "e51bdcd8cd3a30da231967c1a249ba59361279a3", train="train.jsonl", test="test.jsonl"
        ),
        prepare=_sst,
    ),
    "sentiment140": Corpus(
        columns=LABELLED,
        label_sets={"polarity": POLARITY},
        languages=("en",),
        directory_files=_fixed(train="sentiment140/train.parquet", test="sentiment140/test.parquet"),
        hub_files=_hub(
            "stanfordnlp/sentiment140",
            "refs/convert/parquet",
            train="sentiment140/train/0000.parquet",
            test="sentiment140/test/0000.parquet",
        ),
        prepare=_sentiment140,
    ),
    "multi30k": Corpus(
        columns=("source", "target"),
        label_sets={},
        languages=(),
        directory_files=_fixed(train="multi30k/train.parquet", test="multi30k/test_2016_flickr.parquet"),
        hub_files=_hub(
            "bentrevett/multi30k",
            "37e118600232bb5298ca011a8a7e7a44e863c36a",
            train="train.jsonl",
            test="test.jsonl",
        ),
        prepare=_multi30k,
    ),
}
