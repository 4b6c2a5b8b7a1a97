from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from fedot.data import xed
from fedot.data.read_corpus import read_directory
from fedot.data.types import label_array
from fedot.scenario import ClientSpec


def _tables(rows: list[tuple[str, list[int]]]) -> dict[str, pa.Table]:
    sentences, labels = zip(*rows, strict=True)
    return {"rows": pa.table({"sentence": list(sentences), "labels": pa.array(list(labels), pa.list_(pa.int64()))})}


ROWS = [
    ("a one", [1]),
    ("b two", [1, 6]),
    ("c three", [5]),
    ("d four", [2, 8]),
    ("e five", [1, 5]),
    ("f six", [7]),
    ("g seven", [5, 7]),
    ("h eight", [0]),
    ("i nine", [4]),
]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("polarity", {"a one": 0, "b two": 0, "c three": 1, "d four": 1, "i nine": 0}),
        ("three-class", {"a one": 0, "b two": 0, "c three": 2, "d four": 2, "h eight": 1, "i nine": 0}),
        ("emotions", {"a one": 0, "c three": 4, "f six": 6, "i nine": 3}),
    ],
)
def test_label_kinds(kind: str, wanted: dict[str, int]) -> None:
    splits = xed.prepare(_tables(ROWS), ClientSpec(dataset="xed", lang="fi", labels=kind))
    got = {row["text"]: row["label"] for part in (splits.train, splits.test) for row in part}
    assert got == wanted
    assert splits.labels == xed.LABEL_SETS[kind]
    assert any(f"{len(ROWS) - len(wanted)} of {len(ROWS)} rows" in notice for notice in splits.notices)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "A confession that you hired [PERSON] ... and are guilty .",
            "- A confession that you hired Tim Strawn... and are guilty.",
        ),
        ("Let's keep our eyes open for camp site .", "Let's keep our eyes open for camp site 32."),
        ("[PERSON]'s turning six this week .", "Lucy's turning six this week."),
        ("It is not educated . Then it repents .", "- It is not educated."),
        ("COME ON !", "Come on!"),
    ],
)
def test_the_key_survives_tokenising_and_hidden_names(one: str, other: str) -> None:
    assert xed.line_key(one) == xed.line_key(other) != ""


def test_the_key_tells_lines_apart() -> None:
    lines = [
        "I will never go there again.",
        "We will always be here.",
        "No.",
        "Yes.",
        "Hello!",
        "Вперёд!",
        "Стой!",
    ]
    assert len({xed.line_key(line) for line in lines}) == len(lines)


def test_a_row_follows_the_line_it_is_aligned_to() -> None:
    codes = [one + other for one in "abcdefghij" for other in "klmnopqrst"]
    sources = [f"{code} is the line said here" for code in codes]
    tables = {
        lang: {
            **_tables([(f"{lang} {'abcdefghij'[i // 10]}{'klmnopqrst'[i % 10]}", [5]) for i in range(100)]),
            "alignment": pa.table(
                {
                    "lang": [lang] * 100,
                    "sentence": [f"{lang} {code}" for code in codes],
                    "source_lang": ["en"] * 100,
                    "source": sources,
                }
            ),
        }
        for lang in ("br", "cs")
    }
    tables["en"] = _tables([(source, [5]) for source in sources])
    tests = {
        lang: {text[:2] if lang == "en" else text[-2:] for text in _split(table, lang)}
        for lang, table in tables.items()
    }
    assert 5 < len(tests["en"]) < 40
    assert tests["br"] == tests["cs"] == tests["en"]


def _split(tables: dict[str, pa.Table], lang: str) -> list[str]:
    return list(xed.prepare(tables, ClientSpec(dataset="xed", lang=lang)).test["text"])


def test_hub_parts_are_joined_as_in_the_directory() -> None:
    annotated = pa.table({"sentence": ["sad day", "good day"], "labels": [[6], [5]]})
    neutral = pa.table({"sentence": ["a door", "a door", "good day", " "], "labels": [[0]] * 4})
    tables = {"annotated": annotated, "neutral": neutral}
    splits = xed.prepare(tables, ClientSpec(dataset="xed", lang="fi", labels="three-class"))
    rows = sorted((row["text"], row["label"]) for part in (splits.train, splits.test) for row in part)
    assert rows == [("a door", 1), ("good day", 2), ("sad day", 0)]


def test_english_three_class_warns_of_the_neutral_leak() -> None:
    english, finnish = (
        xed.prepare(_tables(ROWS), ClientSpec(dataset="xed", lang=lang, labels="three-class")) for lang in ("en", "fi")
    )
    assert any("gives the neutral class away" in notice for notice in english.notices)
    assert not any("neutral" in notice for notice in finnish.notices)


@pytest.mark.parametrize(("lang", "negative", "positive"), [("en", 7929, 6345), ("fi", 6848, 5156), ("ar", 1552, 1151)])
def test_real_polarity_counts(real_data: Path, lang: str, negative: int, positive: int) -> None:
    splits = read_directory("xed", ClientSpec(dataset="xed", lang=lang), real_data)
    counts = np.bincount(label_array(splits.train)) + np.bincount(label_array(splits.test))
    assert tuple(counts) == (negative, positive)
    assert 0.17 < len(splits.test) / (negative + positive) < 0.23


def test_real_lines_do_not_leak_between_languages(real_data: Path) -> None:
    """Of the rows aligned to an English line, almost all can be found in English XED, and share its split."""
    table = pq.read_table(real_data / "xed" / "alignment.parquet", filters=[("source_lang", "=", "en")])
    sources = {xed.line_key(line) for line in table["source"].unique().to_pylist()}
    english = pq.read_table(real_data / "xed" / "en.parquet")["sentence"].to_pylist()
    keys = {xed.line_key(line) for line in english}
    assert len(sources & keys) / len(sources) > 0.95
    keys_of: dict[str, dict[str, set[str]]] = {"train": {}, "test": {}}
    aligned = {
        lang: dict(zip(part["sentence"].to_pylist(), part["source"].to_pylist(), strict=True))
        for lang in ("hr", "sr")
        for part in [table.filter(pc.equal(table["lang"], lang))]
    }
    for lang, source in aligned.items():
        splits = read_directory("xed", ClientSpec(dataset="xed", lang=lang), real_data)
        for side, part in (("train", splits.train), ("test", splits.test)):
            keys_of[side][lang] = {xed.line_key(source[text]) for text in part["text"] if text in source}
    for side, other in (("train", "test"), ("test", "train")):
        assert not keys_of[side]["hr"] & keys_of[other]["sr"]
    assert len(keys_of["test"]["hr"] & keys_of["test"]["sr"]) > 50
