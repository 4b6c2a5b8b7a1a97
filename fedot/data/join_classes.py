"""Classes that clients find in their own files, made the same at all of them.

A client numbers the classes that it has. Put together, all clients' classes are numbered anew, and each client's rows
after them. Where one client's scenario says `labels`, the others' classes are found among these.
"""

import dataclasses
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from datasets import Dataset

from fedot.data.own_files.label_column import in_order, is_whole
from fedot.data.types import LABEL, ClientData, label_array, rows_of
from fedot.errors import FedotError, MistakesError

Key = TypeVar("Key")

SAME = (
    "give all clients the same `labels`, of files a list as in labels: [neg, pos], and a label_map where a file codes "
    "them otherwise, as in label_map: {0: neg, 1: pos}"
)


@dataclass(frozen=True, slots=True)
class ClientClasses:
    """Names of one client's classes, by number; `found` tells that they are those in its files, and not all there are.

    Examples
    --------
    >>> ClientClasses("north", ("neg", "pos"), found=True).names
    ('neg', 'pos')
    """

    client: str
    names: tuple[str, ...]
    found: bool = False


def join_classes(clients: Mapping[Key, ClientClasses], total: int) -> tuple[tuple[str, ...], dict[Key, str]]:
    """Find the classes of all clients together.

    Where the scenario or a public data set says them, these are the classes, and what others have found must be among
    them. Else they are all that was found, in order.

    Parameters
    ----------
    total
        How many clients there should be; what more than half of them have is right where they differ.

    Returns
    -------
    names
        Of all classes, by number.
    odd
        Who has other classes, and the reason; everybody where no half agrees.

    Raises
    ------
    FedotError
        If there is only one class.

    Examples
    --------
    >>> found = {0: ClientClasses("a", ("neg", "pos"), True), 1: ClientClasses("b", ("mid", "pos"), True)}
    >>> join_classes(found, 2)
    (('mid', 'neg', 'pos'), {})
    """
    said = Counter(client.names for client in clients.values() if not client.found)
    if said:
        names = said.most_common(1)[0][0]
        right = {
            key
            for key, client in clients.items()
            if client.names == names or (client.found and set(client.names) <= set(names))
        }
        return names, _others(clients, right, total, "have different classes")
    numbers = {key for key, client in clients.items() if all(map(is_whole, client.names))}
    right = numbers if 2 * len(numbers) > len(clients) else clients.keys() - numbers
    if odd := _others(clients, right, total, "have different classes"):
        return (), odd
    usual = _usual_writing([*clients.values()])
    right = {key for key, client in clients.items() if usual >= set(client.names)}
    if odd := _others(clients, right, total, "write the same classes differently"):
        return (), odd
    names = in_order(usual)
    if len(names) == 1:
        raise FedotError(
            f"the training rows of client {next(iter(clients.values())).client} all have one class, and so have all "
            "others'; a classifier needs two: say which there are, for example labels: [neg, pos]"
        )
    return names, {}


def renumbered(data: ClientData, names: Sequence[str]) -> ClientData:
    """Number a client's rows by the classes of all clients.

    Raises
    ------
    FedotError
        If these lack one of its own.

    Examples
    --------
    >>> rows = rows_of({"text": ["good", "bad"], "label": [1, 0]})
    >>> mine = ClientData("mine", rows, rows, rows, ("neg", "pos"), "files", ())
    >>> list(renumbered(mine, ["mid", "neg", "pos"]).train["label"])
    [2, 1]
    """
    if data.labels == tuple(names):
        return data
    places = {name: number for number, name in enumerate(names)}
    if not places.keys() >= set(data.labels):
        raise FedotError(
            f"client {data.name} has a class that is none of those of all clients; have its files changed?"
        )
    table = np.array([places[name] for name in data.labels], dtype=np.int64)

    def after(rows: Dataset) -> Dataset:
        texts = {name: rows.with_format("arrow")[:][name] for name in rows.column_names if name != LABEL}
        return rows_of({**texts, LABEL: table[label_array(rows)]})

    splits = {name: after(getattr(data, name)) for name in ("train", "validation", "test")}
    return dataclasses.replace(data, labels=tuple(names), **splits)


def apart(clients: Sequence[ClientClasses]) -> list[str]:
    """Tell of clients that have two or more classes, and none of the others': perhaps they mean the same by them.

    Examples
    --------
    >>> apart([ClientClasses("a", ("neg", "pos"), True), ClientClasses("b", ("bad", "good"), True)])
    ['a has no class in common with the others (neg, pos; theirs are bad, good); if they mean the same, give all the \
same labels: [...], and a label_map where a file codes them otherwise']
    """
    lines = []
    for place, client in enumerate(clients):
        theirs = {name for other in clients if other is not client for name in other.names}
        if client.found and len(client.names) > 1 and theirs and not theirs & set(client.names):
            lines.append(
                f"{client.client} has no class in common with the others ({', '.join(client.names)}; theirs are "
                f"{', '.join(in_order(theirs))}); if they mean the same, give all the same labels: [...], and a "
                "label_map where a file codes them otherwise"
            )
        if len(clients) == 2 and place == 0 and lines:  # of two the second says the same
            break
    return lines


def joined(clients: Sequence[ClientData], found: Sequence[bool]) -> tuple[ClientData, ...]:
    """Number all clients' rows by the classes of all; `found` tells whose classes are those of its files.

    Raises
    ------
    FedotError
        If the classes do not fit each other.
    """
    if not any(found):
        return tuple(clients)
    classes = {k: ClientClasses(data.name, data.labels, found[k]) for k, data in enumerate(clients)}
    names, odd = join_classes(classes, len(clients))
    if odd:
        raise MistakesError(odd.values())
    return tuple(renumbered(data, names) if found[k] else data for k, data in enumerate(clients))


def _usual_writing(clients: Sequence[ClientClasses]) -> set[str]:
    """Of names that differ in capitals or in ways to write an accent, the one that most clients have."""
    most: dict[str, str] = {}
    for name, _ in Counter(name for client in clients for name in client.names).most_common():
        most.setdefault(unicodedata.normalize("NFKC", name).casefold(), name)
    return set(most.values())


def _others(clients: Mapping[Key, ClientClasses], right: set[Key], total: int, what: str) -> dict[Key, str]:
    """Who is not right, with the reason; all where no half is."""
    if len(right) == len(clients):
        return {}
    holders: dict[tuple[str, ...], str] = {}
    for client in clients.values():
        holders.setdefault(client.names, client.client)
    told = "; ".join(f"{client}: {', '.join(names)}" for names, client in holders.items())
    reason = f"the clients {what} ({told}); {SAME}"
    most = 2 * len(right) > total
    return {key: reason for key in clients if not most or key not in right}
