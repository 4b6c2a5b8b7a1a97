"""What a scenario may say of a user's own files: classes, separator, quotes and encoding, checked as they are read."""

import codecs
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

QUOTES = ("none", '"', "'", "backslash")
"""What `quote` may say; ``backslash`` is a double quote that has a backslash before it within a cell."""

SEPARATOR_WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
"""How a separator may be written where the letter itself is hard to write."""

TRUTH_IN_QUOTES = "YAML reads yes, no, on and off without quotes as true and false; put it in quotes"


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


def _no_truth_in(value: object) -> object:
    """Refuse a class that YAML has made a truth value of."""
    if isinstance(value, Mapping) and any(isinstance(number, bool) for number in value.values()):
        raise ValueError(TRUTH_IN_QUOTES)
    return value


LabelKind = Literal["polarity", "three-class", "emotions"]
Labels = Annotated[LabelKind | tuple[str, ...], Field(union_mode="left_to_right"), BeforeValidator(_class_names)]
LabelMap = Annotated[dict[bool | int | float | str, int | str], BeforeValidator(_no_truth_in)]
Separator = Annotated[str, BeforeValidator(check_separator)]
Quote = Annotated[str, BeforeValidator(check_quote)]
Encoding = Annotated[str, AfterValidator(check_encoding)]


def label_kind(labels: str | tuple[str, ...] | None) -> str | None:
    """Which of a public data set's labels are wanted; None where that is open, or `labels` is a list of classes."""
    return labels if isinstance(labels, str) else None
