"""What comes from outside, before anything is done with it: texts that can be shown, JSON of bounded size and depth.

Nothing here knows what a value means. It makes sure that reading one costs no more than its size, that whatever goes
wrong is one `FedotError` of one line, and that a text from somewhere else cannot write to a terminal or a log what was
never said: no control characters, no line breaks, no bidirectional overrides, and an end.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fedot.errors import FedotError

LONGEST = 300
"""So many characters of a foreign text are shown."""

MOST_JSON, DEEPEST = 2**26, 32
"""Bytes of a JSON text, and how deep its lists and mappings may lie in each other."""

MARKS = re.compile(r'[][{}"\\]')

PASSES = (FedotError, KeyboardInterrupt, SystemExit, GeneratorExit)
"""What is said already, or is what the user or the interpreter says."""

HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
"""Unicode categories that a terminal obeys, or that nobody sees."""


def printable(text: object, most: int = LONGEST) -> str:
    r"""Write a foreign text on one line, so that it can be shown and logged as it is.

    White space becomes one space, each control or format character, surrogate and unassigned character the mark
    ``\ufffd``, and what is longer than `most` characters ends in an ellipsis.

    Examples
    --------
    >>> printable("red\x1b[31m\nnext line")
    'red�[31m next line'
    """
    whole = str(text)
    words = " ".join(whole[: 4 * most].split())
    shown = "".join("\ufffd" if unicodedata.category(letter) in HIDDEN else letter for letter in words[:most])
    return shown if len(words) <= most and len(whole) <= 4 * most else f"{shown[: most - 1]}\u2026"


def parse_json(text: str | bytes, what: str, most_bytes: int = MOST_JSON, deepest: int = DEEPEST) -> Any:
    """Read JSON that somebody else wrote.

    Parameters
    ----------
    what
        What it is, for the error: ``runs/x/results.json``.

    Raises
    ------
    FedotError
        If it is too large, lies too deep, is no JSON, says a key twice, or is not Unicode.

    Examples
    --------
    >>> parse_json('{"a": [1, 2]}', "a file")
    {'a': [1, 2]}
    """
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > most_bytes:
        raise FedotError(f"{what} cannot be read: it has {size} bytes, and at most {most_bytes} are taken")
    try:
        whole = text.decode("utf-8") if isinstance(text, bytes) else text
        if _depth(whole) > deepest:
            raise FedotError(f"{what} cannot be read: it is nested more than {deepest} deep")
        return json.loads(whole, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise FedotError(f"{what} cannot be read: it is no valid JSON ({printable(error, 80)})") from None


@contextmanager
def told(what: str) -> Iterator[None]:
    """Make one `FedotError` of whatever foreign bytes can make a library raise, panics of compiled code included.

    Only what the user or the interpreter says (Ctrl-C, exit) passes. The message names the type of the exception and
    not what it says, since that may quote the bytes.

    Examples
    --------
    >>> with told("the reply cannot be read"):
    ...     [][0]
    Traceback (most recent call last):
    fedot.errors.FedotError: the reply cannot be read (IndexError)
    """
    try:
        yield
    except PASSES:
        raise
    except BaseException as error:  # panics of Rust are no Exception
        raise FedotError(f"{what} ({type(error).__name__})") from error


def _depth(text: str) -> int:
    """How deep brackets lie in each other outside of strings; no recursion, so that no depth can be too much."""
    deep = most = after = 0
    inside = False
    for found in MARKS.finditer(text):
        mark, place = found.group(), found.start()
        if place < after:  # it is escaped
            continue
        if mark == "\\":
            after = place + 2
        elif mark == '"':
            inside = not inside
        elif not inside:
            deep += 1 if mark in "[{" else -1
            most = max(most, deep)
    return most


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found
