"""What a scenario may say of a user's own files: classes, separator, quotes and encoding, checked as they are read."""

import codecs
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

FILES, HUB = "files", "hub"
OWN = (FILES, HUB)
"""Values of `dataset` where the user says which columns hold what: files, and any data set on the hub."""

HUB_KEYS = ("path", "subset", "split", "test_split", "revision")
"""Keys that only say which data set of the hub is read."""

QUOTES = ("none", '"', "'", "backslash")
"""What `quote` may say; ``backslash`` is a double quote that has a backslash before it within a cell."""

SEPARATOR_WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
"""How a separator may be written where the letter itself is hard to write."""

HUB_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,95}")
WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:\.0+)?")
TRUTH = {"true": ("1", "yes", "on"), "false": ("0", "no", "off")}
"""What a file may say where YAML has read true or false: it takes yes, no, on and off for them, unless in quotes."""


TRUTH_IN_QUOTES = "YAML reads yes, no, on and off without quotes as true and false; put it in quotes"


def label_key(value: object) -> str:
    """Write a label one way only: 1, 1.0, "1", "1.0" and true are the same label, and so are false and 0.

    Whole numbers are exact at any size. Words, such as ``1_1``, ``1e0``, ``01`` and ``+1``, are themselves, without
    spaces around them. What is no value (None, NaN, blank) gives "".

    Examples
    --------
    >>> [label_key(each) for each in (1, 1.0, " 1.00 ", True, "True", "1_1", "01", 2**53 + 1)]
    ['1', '1', '1', '1', '1', '1_1', '01', '9007199254740993']
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float | Decimal):
        return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)
    text = str(value).strip()
    if text.lower() in TRUTH:
        return TRUTH[text.lower()][0]
    whole = WHOLE.fullmatch(text)
    return text if whole is None else "0" if whole[1] == "-0" else whole[1]


def check_encoding(name: str) -> str:
    """Give an encoding's usual name.

    Raises
    ------
    ValueError
        If there is none of that name that turns bytes into text.

    Examples
    --------
    >>> check_encoding("latin1")
    'iso8859-1'
    """
    try:
        b"".decode(name)
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ValueError(
            "no such encoding; usual ones are utf-8, utf-16, cp1252, latin-1, shift_jis, gb18030"
        ) from None


def check_separator(value: object) -> object:
    """Give the one character that divides cells.

    Raises
    ------
    ValueError
        If it is none, or one that cells are made of.
    """
    found = SEPARATOR_WORDS.get(value, value) if isinstance(value, str) else value
    if not isinstance(found, str) or len(found) != 1 or found in "\r\n\0\"'\\" or found.isalnum():
        raise ValueError("one character is needed that divides cells, or tab, comma, semicolon, pipe")
    return found


def check_quote(value: object) -> object:
    """Give the kind of quotes.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    found = value.lower() if isinstance(value, str) else "none" if value is False else value
    if found not in QUOTES:
        raise ValueError("choose from none, '\"', \"'\" (a quote within a cell is doubled) and backslash")
    return found


def _class_names(value: object) -> object:
    """Take a list of class names, numbers too; a word stays one."""
    if not isinstance(value, list | tuple):
        return value
    if any(isinstance(name, bool) for name in value):
        raise ValueError(TRUTH_IN_QUOTES)
    names = [str(name).strip() if isinstance(name, str | int) else name for name in value]
    if len(names) < 2 or len(set(map(str, names))) < len(names) or "" in names:
        raise ValueError("two or more different class names are needed, for example [neg, pos]")
    return names


def _one_class_each(value: object) -> object:
    """Refuse a label that is there twice, and a class that YAML has made a truth value of."""
    if not isinstance(value, Mapping):
        return value
    if any(isinstance(number, bool) for number in value.values()):
        raise ValueError(TRUTH_IN_QUOTES)
    found: dict[str, object] = {}
    for key, number in value.items():
        if found.setdefault(label_key(key), number) != number:
            raise ValueError(f"it says two classes for the label {label_key(key)}; give it one")
    return value


def check_hub_path(value: str) -> str:
    """Take the name of a data set on the hub.

    Raises
    ------
    ValueError
        If it is no owner and name.
    """
    if not HUB_PATH.fullmatch(value):
        raise ValueError("the name of a data set on the hub is needed, owner/name, for example stanfordnlp/imdb")
    return value


def check_hub_name(value: str) -> str:
    """Take the name of a split, subset or revision.

    Raises
    ------
    ValueError
        If it can be none.
    """
    if not HUB_NAME.fullmatch(value) or ".." in value:
        raise ValueError("a plain name is needed, of letters, digits and . _ - /")
    return value


LabelKind = Literal["polarity", "three-class", "emotions"]
Labels = Annotated[LabelKind | tuple[str, ...], Field(union_mode="left_to_right"), BeforeValidator(_class_names)]
LabelMap = Annotated[dict[bool | int | float | str, int | str], BeforeValidator(_one_class_each)]
Separator = Annotated[str, BeforeValidator(check_separator)]
Quote = Annotated[str, BeforeValidator(check_quote)]
Encoding = Annotated[str, AfterValidator(check_encoding)]
HubPath = Annotated[str, AfterValidator(check_hub_path)]
HubName = Annotated[str, AfterValidator(check_hub_name)]


def label_kind(labels: str | tuple[str, ...] | None) -> str | None:
    """Which of a public data set's labels are wanted; None where that is open, or `labels` is a list of classes."""
    return labels if isinstance(labels, str) else None
