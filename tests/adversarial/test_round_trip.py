"""Tables written in many ways and read again: nothing is lost or changed, or the file is refused in one line.

A few hundred tables by default; ``FEDOT_ROUND_TRIPS=5000`` says how many.
"""

import csv
import gzip
import io
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fedot.data.load_files import load_files
from fedot.errors import FedotError
from fedot.scenario import ClientSpec
from fedot.tasks import TASKS

TRIPS = int(os.environ.get("FEDOT_ROUND_TRIPS", "300"))
LETTERS = "ab ,;\t|\"'\\\n\ré好\U0001f600\u2028\u00a0\ufeff#=01"
WORDS = [
    "neg",
    "pos",
    "1_1",
    "11",
    "1e0",
    "01",
    "+1",
    "1",
    "0",
    "true",
    "no",
    "yes",
    "9007199254740993",
    "-7",
    "Ünïcode",
]
LABELS = [WORDS, [0, 1, 11, -1, 2**53, 2**53 + 1], [0.0, 1.0, 11.0, 0.5], [True, False]]
SEPARATORS = {".csv": ",;|\t", ".tsv": "\t"}

texts = st.text(LETTERS, min_size=1, max_size=12).filter(lambda text: text.strip(" \t\n\r\u2028\u00a0\ufeff"))
tables = st.tuples(st.lists(texts, min_size=1, max_size=7), st.sampled_from(LABELS))


@st.composite
def written(draw: st.DrawFn) -> dict[str, Any]:
    """A table, and how it is written and what is said of it."""
    texts, labels = draw(tables)
    return {
        "texts": texts,
        "labels": [draw(st.sampled_from(labels)) for _ in texts],
        "suffix": draw(st.sampled_from([".csv", ".tsv", ".csv", ".tsv", ".jsonl", ".parquet"])),
        "writer": draw(st.sampled_from(["csv", "backslash", "pandas", "pyarrow", "raw"])),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
        "separator": draw(st.sampled_from(",;|\t")),
        "end": draw(st.sampled_from(["\n", "\r\n"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "gb18030"])),
        "packing": draw(st.sampled_from(["", "", ".gz", ".zst"])),
        "order": draw(st.permutations(["text", "label", "id"])),
        "columns": draw(st.integers(2, 3)),
        "said": draw(st.booleans()),
        "ascii": draw(st.booleans()),
    }


def _rows(case: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    names = [name for name in case["order"] if name != "id" or case["columns"] == 3]
    values = {"text": case["texts"], "label": case["labels"], "id": list(range(len(case["texts"])))}
    return names, [list(row) for row in zip(*(values[name] for name in names), strict=True)]


def _content(case: dict[str, Any], separator: str) -> str:
    names, rows = _rows(case)
    out = io.StringIO(newline="")
    if case["suffix"] == ".jsonl":
        out.writelines(
            json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=case["ascii"]) + "\n" for row in rows
        )
    elif case["writer"] == "raw":
        assume(not any(set(separator + "\r\n") & set(text) for text in case["texts"]))
        out.writelines(separator.join(map(str, row)) + case["end"] for row in [names, *rows])
    elif case["writer"] == "pandas":
        frame = pd.DataFrame([[str(cell) for cell in row] for row in rows], columns=names)
        frame.to_csv(out, sep=separator, index=False, quoting=case["quoting"])
    elif case["writer"] == "pyarrow":
        raw = io.BytesIO()
        columns = {name: [str(row[i]) for row in rows] for i, name in enumerate(names)}
        pacsv.write_csv(pa.table(columns), raw, pacsv.WriteOptions(delimiter=separator))
        return raw.getvalue().decode()
    else:
        escape = {"doublequote": False, "escapechar": "\\"} if case["writer"] == "backslash" else {}
        writer = csv.writer(out, delimiter=separator, quoting=case["quoting"], lineterminator=case["end"], **escape)
        writer.writerows([names, *rows])
    return out.getvalue()


def _write(case: dict[str, Any], folder: Path) -> tuple[Path, dict[str, str]]:
    """Write the table; give the file and what is said of it."""
    if case["suffix"] == ".parquet":
        path = folder / "a.parquet"
        names, rows = _rows(case)
        pq.write_table(pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)}), path)
        return path, {}
    separator = case["separator"] if case["suffix"] == ".csv" else "\t"
    encoding = case["encoding"]
    try:
        raw = _content(case, separator).encode(encoding)
    except UnicodeEncodeError:
        encoding = "utf-8"
        raw = _content(case, separator).encode(encoding)
    said = {"encoding": encoding} if encoding in ("cp1252", "gb18030") else {}
    # whether a quote is a letter cannot be told from such a file, nor whether a backslash is
    if case["suffix"] != ".jsonl" and (case["said"] or case["writer"] in ("raw", "backslash")):
        quote = {"raw": "none", "backslash": "backslash"}.get(case["writer"], '"')
        said |= {"separator": separator, "quote": quote}
    path = folder / f"a{case['suffix']}{case['packing']}"
    if case["packing"] == ".zst":
        with pa.output_stream(str(path), compression="zstd") as file:
            file.write(raw)
    else:
        path.write_bytes(gzip.compress(raw, 1) if case["packing"] else raw)
    return path, said


def _wanted(label: Any) -> str:
    """The label as a reader of the file may tell it from others."""
    if isinstance(label, bool) or str(label).lower() == "true":
        return str(int(label is not False))
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


@pytest.mark.timeout(1800)
@given(written())
@settings(max_examples=TRIPS, deadline=None, derandomize=TRIPS <= 300, suppress_health_check=list(HealthCheck))
def test_nothing_is_lost_or_the_file_is_refused(case: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, said = _write(case, Path(folder))
        labels = [_wanted(label) for label in case["labels"]]
        names = sorted({*labels, "another"})
        spec = ClientSpec(
            dataset="files", train=str(path), test=str(path), text="text", label="label", labels=names, **said
        )
        try:
            read = load_files(spec, TASKS["classification"], None, None)
        except FedotError as error:
            told = str(error)
        else:
            told = ""
        if told:
            assert re.fullmatch(r".*/a\..*(quote|carriage return).*", told)
            return
        assert read.train["text"][:] == case["texts"]
        assert [read.labels[number] for number in read.train["label"][:]] == labels


@given(
    st.lists(st.text("abc ,.!é好", min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=7),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(",;|\t"),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_tables_without_quotes_are_never_refused(texts: list[str], quoting: int, separator: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, quoting=quoting).writerows([["text", "label"], *((t, 1) for t in texts)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_text(out.getvalue(), encoding="utf-8", newline="")
        spec = ClientSpec(dataset="files", train=str(path), test=str(path), text="text", label="label", labels=[0, 1])
        assert load_files(spec, TASKS["classification"], None, None).train["text"][:] == texts
