"""Files as people have them: read right, or refused in one line that says what to do."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fedot.data.load_files import load_files
from fedot.data.types import Splits
from fedot.errors import FedotError
from fedot.scenario import ClientSpec
from fedot.tasks import TASKS

SECRET = "my very private words"


def load(path: Path, task: str = "classification", **keys: Any) -> Splits:
    columns = {"text": "text", "label": "label"} if task == "classification" else {}
    return load_files(
        ClientSpec(dataset="files", train=str(path), test=str(path), **{**columns, **keys}), TASKS[task], None, None
    )


def texts(splits: Splits) -> list[str]:
    return list(splits.train["text"])


def put(folder: Path, name: str, content: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content.encode(encoding))
    return path


def refused(path: Path, *parts: str, **keys: Any) -> None:
    with pytest.raises(FedotError) as caught:
        load(path, **keys)
    told = str(caught.value)
    assert path.name in told
    assert "\n" not in told
    assert SECRET not in told
    assert all(part in told for part in parts), told


def test_quotes_in_a_raw_tsv_are_letters(tmp_path):
    rows = [(f'"{i} begins with a quote' if i % 2 else f'{i} said "so" and left', i % 2) for i in range(50)]
    content = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows)
    splits = load(put(tmp_path, "a.tsv", content))
    assert texts(splits) == [text for text, _ in rows]
    assert not any("a.tsv" in line for line in splits.notices)


def test_a_raw_text_in_quotes_is_kept_and_told(tmp_path):
    path = put(tmp_path, "a.tsv", 'text\tlabel\n"Great!"\t1\nbad\t0\nfine\t1\n')
    splits = load(path)
    assert texts(splits)[0] == '"Great!"'
    assert "a.tsv: 1 cells stand in quotes, which are kept" in splits.notices[0]
    assert texts(load(path, quote='"'))[0] == "Great!"


def test_a_tsv_that_is_quoted_throughout_is_unquoted_and_told(tmp_path):
    splits = load(put(tmp_path, "a.tsv", 'text\tlabel\n"Great!"\t1\n"say ""no"""\t0\n'))
    assert texts(splits) == ["Great!", 'say "no"']
    assert "a.tsv: separator tab, quote '\"', 2 rows" in splits.notices


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_the_separator_is_found_and_told(tmp_path, separator):
    content = f"text{separator}label\nfine, I say{separator}1\nbad{separator}0\n"
    splits = load(put(tmp_path, "a.csv", content))
    assert texts(splits) == ["fine, I say", "bad"]
    assert any(line.startswith("a.csv: separator") and line.endswith("2 rows") for line in splits.notices)
    assert not any("a.csv" in line for line in load(tmp_path / "a.csv", separator=separator).notices)


def test_a_separator_that_was_said_is_the_one(tmp_path):
    path = put(tmp_path, "a.csv", "text^label\nfine^1\nbad^0\n")
    refused(path, "no columns 'text' and 'label'")
    assert texts(load(path, separator="^")) == ["fine", "bad"]


def test_the_line_for_excel_is_no_header(tmp_path):
    assert texts(load(put(tmp_path, "a.csv", "sep=;\r\ntext;label\r\nfine;1\r\nbad;0\r\n"))) == ["fine", "bad"]


def test_spaces_after_separators_are_no_part_of_cells(tmp_path):
    assert texts(load(put(tmp_path, "a.csv", 'label, text\n1, "Good, but long"\n0, "bad"\n'))) == [
        "Good, but long",
        "bad",
    ]


def test_quotes_after_backslashes_are_read(tmp_path):
    content = 'text,label\n"say \\"no\\", he said",0\n"c:\\temp\\\\x",1\n'
    splits = load(put(tmp_path, "a.csv", content))
    assert texts(splits) == ['say "no", he said', "c:\\temp\\x"]
    assert any("quote backslash" in line for line in splits.notices)


def test_a_text_of_megabytes_is_a_text(tmp_path):
    long = "word, " * 400_000
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text", "label"], [long, 1], ["bad", 0]])
    assert texts(load(path)) == [long, "bad"]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ('"text,label\nfine,1\nbad,0\n' + f"{SECRET},1\n" * 20_000, ["line 1", "quote in the header"]),
        (f'text,label\n"{SECRET},1\nbad,0\nfine, or so,1\n', ["do not fit its header", "after row"]),
        (f'text,label\n"{SECRET}",1\nbad,0\n', ["several ways", "in row 1", "quote: none"]),
        ('text,label\n"a b",1\n"c d",0\n"oops,1\n"e f",0\n', ["do not fit its header", "quote"]),
        ("text,label,label\nfine,1,0\n", ["2 columns 'label'", "rename"]),
        ("text,label\nfine,1\rbad,0\nso,1\n", ["after row 0", "carriage return"]),
        ("text,label\nfine,1\r\nbad,0\n", ["1 lines end with a carriage return"]),
        ("text,label\n1,fine,1\n2,bad,0\n", ["row 1 has 3"]),
        ("text,label\n'fine',1\n'bad',0\n", ["single quotes", "quote: none"]),
    ],
)
def test_what_only_the_owner_can_know_is_refused(tmp_path, content, parts):
    refused(put(tmp_path, "a.csv", content), *parts)


def test_an_unclosed_quote_that_swallows_rows_is_refused(tmp_path):
    rows = [f'"no, {i}",{i % 2}\n' for i in range(10)]
    rows[4:6] = ["plain 4,0\n", "plain 5,1\n"]
    rows[3], rows[6] = '"a quote is opened, 3,1\n', 'and "closed",0\n'.replace('"closed"', 'closed"')
    refused(put(tmp_path, "a.csv", "text,label\n" + "".join(rows)), "row 4", "look like rows", "quote: none")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_encodings_with_a_mark_are_read(tmp_path, encoding):
    for name in ("a.csv", "a.jsonl"):
        content = (
            "text,label\nhyvä 好,1\nbad,0\n"
            if name == "a.csv"
            else '{"text": "hyvä 好", "label": 1}\n{"text": "b", "label": 0}\n'
        )
        assert texts(load(put(tmp_path, name, content, encoding)))[0] == "hyvä 好"


def test_other_encodings_have_to_be_said(tmp_path):
    path = put(tmp_path, "a.csv", "text,label\nhyvä,1\nbad,0\n", "cp1252")
    refused(path, "line 2", "encoding: cp1252")
    assert texts(load(path, encoding="cp1252"))[0] == "hyvä"
    refused(put(tmp_path, "b.csv", "text,label\nfine,1\n", "utf-16-le"), "line 1", "utf-16-le")
    refused(put(tmp_path, "c.csv", "text,label\nhyvä,1\n"), "line 2", "not ascii", encoding="ascii")


def test_packed_files_are_read_and_broken_ones_told(tmp_path):
    content = b"text,label\nfine,1\nbad,0\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(content))
    with pa.output_stream(str(tmp_path / "a.csv.zst"), compression="zstd") as file:
        file.write(content)
    for name in ("a.csv.gz", "a.csv.zst"):
        assert texts(load(tmp_path / name)) == ["fine", "bad"]
        raw = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(raw[:-6])
        refused(tmp_path / name, "cannot be unpacked", "is it whole?")
    refused(put(tmp_path, "a.parquet.gz", ""), "unknown suffix", ".gz")


def test_half_a_character_in_json_is_told_with_its_line(tmp_path):
    refused(
        put(tmp_path, "a.jsonl", '{"text": "a", "label": 0}\n{"text": "\\ud83d", "label": 1}\n'), "line 2", "half of a"
    )


def test_json_that_says_a_column_twice_is_refused(tmp_path):
    refused(put(tmp_path, "a.jsonl", '{"text": "a", "label": 0, "label": 1}\n'), "line 1", "'label' twice")


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_parts_of_a_column_of_mappings_are_named_by_a_dot(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    pairs = [{"en": "a man runs", "de": "ein Mann rennt"}, {"en": "a dog", "de": "ein Hund"}]
    if suffix == ".parquet":
        pq.write_table(pa.table({"translation": pairs}), path)
    else:
        path.write_text("".join(json.dumps({"translation": pair}) + "\n" for pair in pairs))
    splits = load(path, "translation", source="translation.en", target="translation.de")
    assert list(splits.train["target"]) == ["ein Mann rennt", "ein Hund"]
    splits = load(path, "translation", source="en", target="de")  # as data sets of the hub have them
    assert list(splits.train["source"]) == ["a man runs", "a dog"]
    refused(path, "no column 'fr', only translation", task="translation", source="fr", target="de")


def test_a_column_may_be_called_row(tmp_path):
    assert texts(load(put(tmp_path, "a.csv", "row,label\nfine,1\nbad,0\n"), text="row")) == ["fine", "bad"]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"separator": "::"}, "one character is needed"),
        ({"quote": "double"}, "choose from none"),
        ({"encoding": "klingon"}, "no such encoding"),
        ({"labels": [False, True]}, "put it in quotes"),
        ({"label_map": {"a": True, "b": False}}, "put it in quotes"),
        ({"label_map": {0: 0, "0": 1, 1: 1}}, "two classes for the label 0"),
        ({"labels": ["neg", "neg"]}, "two or more different class names"),
    ],
)
def test_what_is_said_of_a_file_is_checked(keys, told):
    with pytest.raises(ValueError, match=told):
        ClientSpec(dataset="files", **keys)
