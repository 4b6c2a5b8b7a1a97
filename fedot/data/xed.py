"""XED film subtitles (Öhman et al., COLING 2020) in any language, split without leaks between languages.

The sentences of all languages but Finnish are translations of one another or of English lines, so a row's
split is decided by the subtitle line it goes back to: the ``source`` that ``alignment.parquet`` names, or the
sentence itself where there is none. What is hashed is not the line but its `line_key`, because English
annotated rows are tokenised, have ``[PERSON]`` for names and no digits, while alignment sources are plain
text. The key of 97 % of the alignment's rows with an English source is also the key of an annotated English
row (less than 1 % by the lower-cased line); for a further 1 % there is a similar English row that the key
misses. Two kinds of rows cannot be linked with English ones: those aligned through a Danish line (more than
half; they are linked with one another) and Finnish, which was annotated on its own and has no alignment.
"""

import hashlib
import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fedot.data.types import HubFile, Splits, labelled
from fedot.scenario import ClientSpec
from fedot.scenario.file_keys import label_kind

EMOTIONS = ("anger", "anticipation", "disgust", "fear", "joy", "sadness", "surprise", "trust")
LABEL_SETS: dict[str, tuple[str, ...]] = {
    "polarity": ("negative", "positive"),
    "three-class": ("negative", "neutral", "positive"),
    "emotions": EMOTIONS,
}
LANGUAGES = (
    *("ar", "bg", "br", "cs", "el", "en", "fi", "fr", "he", "hr"),
    *("hu", "it", "nl", "no", "pl", "pt", "ro", "sr", "tr"),
)
_NEUTRAL, _SURPRISE = 0, 7
_POSITIVE = np.isin(np.arange(9), (2, 5, 8))
_NEGATIVE = np.isin(np.arange(9), (1, 3, 4, 6))
_TEST_FIFTHS = 5
_KEY_MIN, _KEY_MAX = 6, 20
_PLACEHOLDER = re.compile(r"\[(?:PERSON|LOCATION)\][\w']*")
_CAPITALISED = re.compile(r"\b[A-ZÀ-ÞĀ-Ž][\w']*")
_SENTENCE_END = re.compile(r"[.!?:]+")
_NO_LETTER = re.compile(r"[\W\d_]+")


def directory_files(spec: ClientSpec) -> dict[str, str]:
    """Paths below the data directory; the alignment is optional."""
    return {"rows": f"xed/{spec.lang}.parquet", "alignment?": "xed/alignment.parquet"}


def hub_files(spec: ClientSpec) -> dict[str, HubFile]:
    """Conversion branch of the hub's script-based repository, which has English and Finnish only."""
    if spec.lang not in ("en", "fi"):
        return {}
    return {
        kind: HubFile("Helsinki-NLP/xed_en_fi", "refs/convert/parquet", f"{spec.lang}_{kind}/train/0000.parquet")
        for kind in ("annotated", "neutral")
    }


def prepare(tables: Mapping[str, pa.Table], spec: ClientSpec) -> Splits:
    """Map emotions to the wanted labels and split by the subtitle line, a fifth for the test."""
    kind = label_kind(spec.labels) or "polarity"
    rows = tables["rows"] if "rows" in tables else _from_hub(tables["annotated"], tables["neutral"])
    classes = _classes(rows["labels"].combine_chunks(), kind)
    lines, notices = _lines(rows["sentence"], spec.lang or "en", tables.get("alignment"))
    in_test = np.array([_in_test(line) for line in lines], dtype=bool)
    kept = classes >= 0
    left_out = int(np.sum(~kept))
    if left_out:
        notices = (
            *notices,
            f"{left_out} of {len(kept)} rows have no label of the kind {kind} and are left out",
        )
    if kind == "three-class" and spec.lang == "en":
        notices = (
            *notices,
            "in English XED only the annotated rows are tokenised and have [PERSON] for names: "
            "this gives the neutral class away, so three-class scores are too good",
        )
    train, test = (
        labelled(rows["sentence"].filter(pa.array(kept & side)), classes[kept & side]) for side in (~in_test, in_test)
    )
    return Splits(train, test, LABEL_SETS[kind], notices)


def line_key(line: str) -> str:
    """Reduce a subtitle line to what a tokenised, anonymised copy of the same line keeps.

    Words with a capital (names, and the first word) and everything but letters are dropped; of what is left
    the leading sentences with at least 6 letters count, cut at 20 letters, because an English row may go on
    where its alignment's line ends. Lines with too little left keep their capitalised words. Lines that share
    a key by chance merely share a split.
    """
    plain = _PLACEHOLDER.sub("", line)
    sentences = _sentences(_CAPITALISED.sub("", plain))
    if sum(map(len, sentences)) < _KEY_MIN:
        sentences = _sentences(plain)
    key = ""
    for sentence in sentences:
        key += sentence
        if len(key) >= _KEY_MIN:
            break
    return key[:_KEY_MAX]


def _sentences(text: str) -> list[str]:
    """Give each sentence's letters."""
    return [_NO_LETTER.sub("", part) for part in _SENTENCE_END.split(text.lower())]


def _lines(sentence: pa.ChunkedArray, lang: str, alignment: pa.Table | None) -> tuple[list[str], tuple[str, ...]]:
    """Give the subtitle line that each row goes back to: its alignment's, or else the row's own sentence."""
    sentences = sentence.to_pylist()
    if alignment is None:
        alone = () if lang in ("en", "fi") else ("no alignment.parquet: rows are split by their own sentence",)
        return sentences, alone
    own = alignment.filter(pc.equal(alignment["lang"], lang))
    source = dict(zip(own["sentence"].to_pylist(), own["source"].to_pylist(), strict=True))
    danish = sum(code == "da" for code in own["source_lang"].to_pylist())
    told = f"{danish} of {len(sentences)} rows are aligned through Danish, so their split ignores English XED"
    return [source.get(text, text) for text in sentences], (told,) if danish else ()


def _in_test(line: str) -> bool:
    digest = hashlib.blake2b(line_key(line).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % _TEST_FIFTHS == 0


def _classes(labels: pa.ListArray, kind: str) -> NDArray[np.int64]:
    """Class of each row (n,), -1 for the rows that the label kind leaves out."""
    values = labels.flatten().to_numpy(zero_copy_only=False)
    counts = np.diff(labels.offsets.to_numpy())
    row = np.repeat(np.arange(len(labels)), counts)

    def share(member: NDArray[np.bool_]) -> NDArray[np.bool_]:
        inside = np.bincount(row, weights=member[values], minlength=len(labels))
        return np.asarray((inside == counts) & (counts > 0))

    if kind == "emotions":
        first = np.full(len(labels), _NEUTRAL)
        first[row[::-1]] = values[::-1]
        return np.where((counts == 1) & (first != _NEUTRAL), first - 1, -1).astype(np.int64)
    classes = np.full(len(labels), -1, dtype=np.int64)
    classes[share(_NEGATIVE)] = 0
    if kind == "three-class":
        classes[share(np.arange(9) == _NEUTRAL)] = 1
    classes[share(_POSITIVE)] = len(LABEL_SETS[kind]) - 1
    return classes


def _from_hub(annotated: pa.Table, neutral: pa.Table) -> pa.Table:
    """Join the hub's two parts and drop the neutral lines that are repeated or also annotated, or empty."""
    first = annotated.select(["sentence", "labels"]).to_pandas()
    second = neutral.select(["sentence"]).to_pandas().drop_duplicates("sentence")
    second = second[~second["sentence"].isin(first["sentence"])]
    second = second.assign(labels=[[_NEUTRAL]] * len(second))
    frame = pd.concat([first, second], ignore_index=True)
    frame = frame[frame["sentence"].str.strip() != ""]
    schema = pa.schema({"sentence": pa.string(), "labels": pa.list_(pa.int64())})
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
