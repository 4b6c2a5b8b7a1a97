"""Names that a user chooses: which ones there may be, and the files that go by them.

Clients and strategies are rows, columns and files of a run. A name that stands for something else, or two names that
would share a row or a file, are refused when the scenario is read, before hours of training.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from fedot.errors import FedotError
from fedot.text.outside import printable

ALL = "all"
"""The name of what is summed over all clients."""

PARENT = "parent:"
"""A client's own model is called so, before the client's name."""

CLIENTS = (ALL, "global model")
"""No client may be called so: the pooled figures, and the anchor of an alignment that is no client."""

STRATEGIES = ("parents", "parent", "ensemble", "centralised", "fedavg-shared-init", "best-parent", "own-parents")
"""No strategy may be called so: the references, and what reports compare with."""

MOST_BYTES = 200
"""So long may a file's name be before its seed, ending and temporary mark; file systems take 255 bytes."""

LONGEST_FOLDER = 100

PLAIN = "[A-Za-z0-9][A-Za-z0-9._-]*"
SEPARATORS = re.compile(r"[\s_,:;/\\|-]+")


def file_name(title: str) -> str:
    """Name the file of a model; different titles have different names, but for ``parent:x`` and ``parent-x``.

    Letters, digits and ``. _ + -`` stay, whatever else there is becomes ``%`` and two digits a byte. `check_titles`
    refuses the one pair that this leaves, and names that differ in case only.

    Examples
    --------
    >>> file_name("ot-fusion"), file_name("parent:ward/3"), file_name("parent:ward-3")
    ('ot-fusion', 'parent-ward%2F3', 'parent-ward-3')
    """
    parent, name = (PARENT, title.removeprefix(PARENT)) if title.startswith(PARENT) else ("", title)
    return parent.replace(":", "-") + "".join(
        letter if _stays(letter, place) else "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))
        for place, letter in enumerate(unicodedata.normalize("NFC", name))
    )


def model_file_name(title: str, seed: int) -> str:
    """Name the file in which a run leaves the model of a strategy or reference and a seed.

    Examples
    --------
    >>> model_file_name("parent:north", 2)
    'parent-north-seed2.safetensors'
    """
    return f"{file_name(title)}-seed{seed}.safetensors"


def saved_model(folder: Path, title: str, seed: int) -> Path | None:
    """Where a run has left the model of a strategy or reference and a seed: a file, or a checkpoint's folder.

    None where it has left none.
    """
    file = folder / model_file_name(title, seed)
    return next((each for each in (file, file.with_suffix("")) if each.exists()), None)


def check_clients(names: Sequence[str]) -> None:
    """Refuse clients' names that cannot be told apart, or from what reports call their sums.

    Raises
    ------
    FedotError
        One line: which name, why, and what to do.
    """
    seen: dict[str, str] = {}
    for name in names:
        _check_form(name, "client")
        if _folded(name) in CLIENTS:
            raise FedotError(f"no client can be called {name}: reports call something else so; give it another name")
        before = seen.setdefault(_folded(name), name)
        if before is not name:
            raise FedotError(
                f"clients {before} and {name} differ in nothing but case or the coding of accents, and would share a "
                "file; give one another name"
            )


def check_titles(titles: Sequence[str], clients: Sequence[str]) -> None:
    """Refuse strategies' titles that are too much like each other's, a reference's or a parent's.

    Two titles are alike if they differ only in case and in how their words are set apart: a table would show two
    lines of one name for ``ot-fusion`` and ``OT fusion``, and nobody knows ``a/b`` and ``a-b`` apart.

    Raises
    ------
    FedotError
        One line: which two, and what to do.
    """
    taken = {_alike(name): f"what reports call {name}" for name in STRATEGIES}
    taken |= {_alike(PARENT + name): f"the model of the client {name}" for name in clients}
    for title in titles:
        _check_form(title, "strategy")
        if _folded(title).startswith(PARENT):
            raise FedotError(
                f"strategy {title}: {PARENT} stands before the clients' own models; give it another name with `as: ...`"
            )
        before = taken.setdefault(_alike(title), title)
        if titles.count(title) > 1:
            raise FedotError(f"strategy {title} is listed twice; give each its own name with `as: ...`")
        if before is not title:
            raise FedotError(
                f"strategy {title} has too much the same name as {before}; give it another one with `as: ...`"
            )


def check_folder(name: str, what: str) -> None:
    """Refuse a name that is no plain part of a folder's name.

    Raises
    ------
    FedotError
        One line, which says what would be one.
    """
    if not name or file_name(name) != name or len(name.encode()) > LONGEST_FOLDER:
        raise FedotError(
            f"{what} {printable(name, 80)!r} becomes the name of a folder, so it must be of letters, digits, dashes, "
            f"dots and underscores, begin with no dot, and have at most {LONGEST_FOLDER} bytes"
        )


def _check_form(name: str, what: str) -> None:
    if not name or printable(name, len(name)) != name:
        raise FedotError(
            f"a {what} is called {printable(name, 80)!r}, but a name must be text that can be shown: no control "
            "characters or line breaks, no white space around it or twice in it"
        )
    size = len(file_name(PARENT + name).encode())
    if size > MOST_BYTES:
        raise FedotError(
            f"the {what} {printable(name, 40)!r} would have files with names of {size} bytes, and at most {MOST_BYTES} "
            "are taken; give it a shorter name"
        )


def _stays(letter: str, place: int) -> bool:
    return (letter in "._+-" and (place, letter) != (0, ".")) or unicodedata.category(letter)[0] in "LMN"


def _folded(name: str) -> str:
    """What a file system that knows neither case nor accents' coding makes of a name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _alike(title: str) -> str:
    return SEPARATORS.sub("-", _folded(title))
