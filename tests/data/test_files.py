import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fedot.data.load_files import load_files
from fedot.data.own_files.tables import read_table, write_table
from fedot.data.types import Splits
from fedot.errors import FedotError
from fedot.scenario import ClientSpec
from fedot.tasks import TASKS

ROWS: list[tuple[str, int]] = [("Hyvä, kirja!", 5), ('so "bad" it hurts', 1), ("two\nlines", 5)]
STARS: dict[int | str, int] = {1: 0, 5: 1}
SECRET = "my very private words"


def _write_csv(path: Path, rows: list[tuple[str, Any]], delimiter: str) -> None:
    quoted = ['"' + text.replace('"', '""') + f'"{delimiter}{label}' for text, label in rows]
    path.write_text("\n".join([f"review{delimiter}stars", *quoted, ""]), encoding="utf-8")


def _write(path: Path, rows: list[tuple[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"review": [r[0] for r in rows], "stars": [r[1] for r in rows]}), path)
    elif path.suffix == ".jsonl":
        lines = [json.dumps({"review": text, "stars": label}) for text, label in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        _write_csv(path, rows, "\t" if path.suffix == ".tsv" else ",")
    return path


def _load(train: Path, test: Path | None = None, **keys: Any) -> Splits:
    columns = {"text": "review", "label": "stars", "label_map": STARS, **keys}
    spec = ClientSpec(dataset="files", train=str(train), test=str(test or train), **columns)
    return load_files(spec, TASKS["classification"], None, None)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv", ".jsonl"])
def test_every_format_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    splits = _load(_write(tmp_path / f"a{suffix}", ROWS))
    assert splits.train["text"][:] == [text for text, _ in ROWS]
    assert splits.train["label"][:] == [1, 0, 1]
    assert splits.labels == ("1", "5")
    assert {key: value.dtype for key, value in splits.test.features.items()} == {
        "text": "string",
        "label": "int64",
    }


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfreview,stars\nfine,5\nbad,1\n")
    assert _load(path).train["text"][:] == ["fine", "bad"]


@pytest.mark.parametrize(
    ("values", "label_map", "wanted"),
    [
        (["neg", "pos", "neg"], {"neg": 0, "pos": 1}, [0, 1, 0]),
        ([1.0, 5.0, 1.0], {1: 0, 5: 1}, [0, 1, 0]),
        (["1", "5", "1"], {1: 0, 5: 1}, [0, 1, 0]),
        ([True, False, True], None, [1, 0, 1]),
        (["True", "False", "True"], {True: 0, False: 1}, [0, 1, 0]),
        ([0, 2, 1], None, [0, 2, 1]),
        ([1, 2, 3], {1: 0, 2: 0, 3: 1}, [0, 0, 1]),
    ],
)
@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_labels_are_mapped_however_they_are_written(
    tmp_path: Path, suffix: str, values: list[Any], label_map: Any, wanted: list[int]
) -> None:
    rows = list(zip("abc", values, strict=True))
    assert _load(_write(tmp_path / f"a{suffix}", rows), label_map=label_map).train["label"][:] == wanted


def test_rows_without_text_are_left_out_and_counted(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.parquet", [("fine", 5), ("  ", 1), ("bad", 1)])
    splits = _load(path)
    assert splits.train["text"][:] == ["fine", "bad"]
    assert splits.notices[0] == "1 rows of a.parquet have no text and are left out"


def test_scenario_folder_comes_before_the_data_directory(tmp_path: Path) -> None:
    for folder, text in (("scenario", "from the scenario"), ("data", "from the data directory")):
        (tmp_path / folder).mkdir()
        _write(tmp_path / folder / "a.csv", [(text, 1), ("b", 5)])
    _write(tmp_path / "data" / "only.csv", [("only there", 1), ("b", 5)])
    keys = {"text": "review", "label": "stars", "label_map": STARS}
    spec = ClientSpec(dataset="files", train="a.csv", test="only.csv", **keys)
    splits = load_files(spec, TASKS["classification"], tmp_path / "scenario", tmp_path / "data")
    assert (splits.train["text"][0], splits.test["text"][0]) == ("from the scenario", "only there")


def test_translation_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("en\tfr\nthe dog\tle chien\n\tle chat\nthe cow\tla vache\n", encoding="utf-8")
    spec = ClientSpec(dataset="files", train=str(path), test=str(path), source="en", target="fr")
    splits = load_files(spec, TASKS["translation"], None, None)
    assert splits.train["source"][:] == ["the dog", "the cow"]
    assert splits.train["target"][:] == ["le chien", "la vache"]
    assert splits.labels == ()
    assert "1 rows of pairs.tsv" in splits.notices[0]


def _latin1(path: Path) -> Path:
    path.write_bytes("review,stars\nfine,5\nhyvä,1\n".encode("latin-1"))
    return path


def _binary_parquet(path: Path) -> Path:
    broken = pa.StringArray.from_buffers(1, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\xe4\xff"))
    pq.write_table(pa.table({"review": broken, "stars": [1]}), path)
    return path


def _text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


BAD: dict[str, tuple[Callable[[Path], Path], dict[str, Any], str]] = {
    "missing file": (lambda d: d / "none.csv", {}, r"there is no file .*none\.csv; looked for"),
    "missing column": (
        lambda d: _write(d / "a.csv", ROWS),
        {"text": "revew"},
        r"no column 'revew', only review, stars; did you mean review\?",
    ),
    "missing key": (
        lambda d: _write(d / "a.csv", ROWS),
        {"label": None},
        r"has no column 'label', only review, stars; say which of them is meant",
    ),
    "missing columns": (
        lambda d: _write(d / "a.csv", ROWS),
        {"label": None, "text": None},
        r"has no columns 'text' and 'label', only review, stars; say which",
    ),
    "columns of a file with semicolons": (
        lambda d: _text(d / "a.csv", "review;stars\nfine;5\n"),
        {"label": None, "text": None},
        r"has no columns 'text' and 'label', only review, stars; say which",
    ),
    "unknown suffix": (lambda d: _text(d / "a.xlsx", "x"), {}, r"unknown suffix; known are \.parquet, \.csv"),
    "not UTF-8": (lambda d: _latin1(d / "a.csv"), {}, "line 3: the bytes are not UTF-8; save the file"),
    "not UTF-8 in Parquet": (lambda d: _binary_parquet(d / "a.parquet"), {}, "strings that are not UTF-8"),
    "no Parquet": (lambda d: _text(d / "a.parquet", "review,stars"), {}, "cannot be read as Parquet"),
    "no JSON": (
        lambda d: _text(d / "a.jsonl", '{"review": "a", "stars": 1}\n{oops\n'),
        {},
        "line 2: this is no valid",
    ),
    "JSON list": (lambda d: _text(d / "a.jsonl", "[1, 2]\n"), {}, "line 1: every line must be a JSON object"),
    "JSON row short": (
        lambda d: _text(d / "a.jsonl", '{"review": "a"}\n'),
        {},
        "line 1 has no column 'stars'",
    ),
    "JSON nested": (
        lambda d: _text(d / "a.jsonl", '{"review": ["a"], "stars": 1}\n'),
        {},
        "neither a string nor",
    ),
    "empty file": (lambda d: _text(d / "a.csv", ""), {}, "no columns at all; is it empty"),
    "header only": (lambda d: _text(d / "a.csv", "review,stars\n"), {}, "has no row with a text"),
    "header missing": (
        lambda d: _text(d / "a.csv", f"{SECRET},5\nbad,1\n"),
        {},
        r"no columns 'review' and 'stars', only 2 whose name is no plain word \(is the header missing\?\)",
    ),
    "ragged rows": (
        lambda d: _text(d / "a.csv", f"review,stars\n{SECRET}, and, 1\n"),
        {},
        "do not fit its header",
    ),
    "label outside the map": (
        lambda d: _write(d / "a.csv", [("a", 1), ("", 5), (SECRET, 3), ("c", 3)]),
        {},
        r"row 3: the label is none of 1, 5 \(2 such rows\)",
    ),
    "no label": (
        lambda d: _write(d / "a.jsonl", [("a", 1), (SECRET, None)]),
        {},
        "row 2: the label is none of",
    ),
    "texts for labels": (
        lambda d: _write(d / "a.csv", [(f"text {i}", f"{SECRET} {i}") for i in range(30)]),
        {"label_map": None},
        "are 30 different ones in 30 rows, which are hardly classes",
    ),
    "a label that cannot be shown": (
        lambda d: _write(d / "a.jsonl", [("a", "pos"), ("b", f"{SECRET}\nneg")]),
        {"label_map": None},
        "row 2: the label has more than 200 characters, or some that cannot be shown",
    ),
    "map with a gap": (
        lambda d: _write(d / "a.csv", ROWS),
        {"label_map": {1: 0, 5: 2}},
        r"without a gap, but leads to \[0, 2\]",
    ),
    "numbers for text": (
        lambda d: _write(d / "a.parquet", ROWS),
        {"text": "stars"},
        "holds int64, but a text column",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_in_one_line_without_its_text(tmp_path: Path, case: str) -> None:
    make, keys, message = BAD[case]
    with pytest.raises(FedotError, match=message) as caught:
        _load(make(tmp_path), **keys)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_test_label_that_training_has_not_is_told(tmp_path: Path) -> None:
    train = _write(tmp_path / "train.csv", [("a", 0), ("b", 1)])
    test = _write(tmp_path / "test.csv", [("a", 0), ("b", 2)])
    with pytest.raises(FedotError, match=r"test\.csv, row 2: the label is none of 0, 1"):
        _load(train, test, label_map={0: 0, 1: 1})
    splits = _load(train, test, label_map=None)
    assert (splits.labels, splits.test["label"][:]) == (("0", "1", "2"), [0, 2])
    assert "in the test alone are the classes 2" in splits.notices


def test_a_parquet_file_whose_names_are_damaged_is_one_line(tmp_path):
    path = tmp_path / "rows.parquet"
    write_table(pa.table({"text": ["good"], "label": [1]}), path)
    whole = path.read_bytes()
    told = []
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + b"\x9b" + whole[place + 1 :])
        try:
            read_table(path, ["text", "label"])
        except FedotError as error:
            told.append(str(error))
    assert all("\n" not in line for line in told)
    assert any(line.startswith(f"{path} cannot be read as Parquet (UnicodeDecodeError)") for line in told)
