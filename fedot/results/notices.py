"""What is to be known of a run besides its figures, each thing said once."""

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

from fedot.standin import MARK

FEW = 12
"""Of so many clients each has a line, where their numbers differ."""

NUMBER = re.compile(r"\b\d+\b(?![.,]\d)")
PLACE = re.compile(r", seed (\d+), round (\d+)(?= |:)")


def notices_of(results: Mapping[str, Any]) -> tuple[str, ...]:
    """Say once what several clients, or several rounds, say alike.

    Examples
    --------
    >>> data = {"north": {"source": "files"}, "south": {"source": "files"}}
    >>> told = ["north: 3 rows have no text", "south: 3 rows have no text", "a, seed 0, round 1 without north: ill"]
    >>> told.append("a, seed 0, round 2 without north: ill")
    >>> for line in notices_of({"provenance": {"data": data, "notices": told}}):
    ...     print(line)
    2 clients: 3 rows have no text
    a without north: ill (2 times, first in seed 0, round 1)
    """
    provenance = results["provenance"]
    clients = set(provenance.get("data") or {})
    who: dict[str, dict[str, None]] = {}
    places: dict[str, list[tuple[str, str]]] = {}
    for notice in provenance.get("notices", []):
        client = _speaker(notice, clients)
        text = notice.removeprefix(f"{client}: ") if client else notice
        place = PLACE.search(text)
        if place:
            text = text[: place.start()] + text[place.end() :]
            places.setdefault(text, []).append((place[1], place[2]))
        who.setdefault(text, {})[client] = None
    lines = _joined({text: [*names] for text, names in who.items()}, places) if len(clients) > FEW else who
    return tuple(_line(text, [*names], places.get(text, [])) for text, names in lines.items())


def _speaker(notice: str, clients: Set[str]) -> str:
    """The client of whom a notice is; "" of none."""
    head, found = "", ""
    for part in notice.split(": ")[:-1]:
        head = f"{head}: {part}" if head else part
        if head in clients:
            found = found or head
    return found


def _joined(
    who: Mapping[str, Sequence[str]], places: Mapping[str, Sequence[tuple[str, str]]]
) -> Mapping[str, Sequence[str]]:
    """Put what many clients say alike but for its numbers into one line, which tells least and most of each."""
    alike: dict[str, list[str]] = {}
    for text, names in who.items():
        alike.setdefault(NUMBER.sub("#", text) if any(names) and text not in places else text, []).append(text)
    joined: dict[str, list[str]] = {}
    for texts in alike.values():
        text = texts[0] if len(texts) == 1 else _with_ranges(texts)
        joined[text] = list(dict.fromkeys(name for each in texts for name in who[each]))
    return joined


def _with_ranges(texts: Sequence[str]) -> str:
    """The first of texts that differ in their numbers only, with least and most of each."""
    numbers = zip(*(map(int, NUMBER.findall(text)) for text in texts), strict=True)
    told = iter([_range(min(each), max(each)) for each in numbers])
    return NUMBER.sub(lambda _: next(told), texts[0])


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def stand_in_sentence(results: Mapping[str, Any]) -> str:
    """Say whose data are made up, and why: because the scenario asks for it, or because others could not be had.

    Returns
    -------
    str
        Empty where no client's are.
    """
    provenance = results["provenance"]
    data = provenance.get("data") or {}
    made_up = [name for name, about in data.items() if about.get("source") == "stand-in"]
    if not made_up and not provenance.get("stand_in"):
        return ""
    whose = f"of {_join(made_up)} " if 0 < len(made_up) < len(data) else ""
    means = "figures on them say nothing about real data"
    if (results["scenario"].get("data") or {}).get("source") == "stand-in":
        return f"The texts {whose}are made up by the built-in generator, as the scenario asks: {means}."
    reasons = dict.fromkeys(
        text
        for notice in provenance.get("notices", [])
        for name in made_up
        if (text := notice.removeprefix(f"{name}: ")).startswith(("directory: ", "hub: ")) and text != notice
    )
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return (
        f"The texts {whose}are made up by the built-in generator, which stands in for data that could not be read"
        f"{why}: {means}. Give a folder that has them with --data-dir."
    )


def is_of_stand_in(notice: str, results: Mapping[str, Any]) -> bool:
    """Whether `stand_in_sentence` says what a line of `notices_of` says."""
    text = notice.partition(": ")[2]
    reason = text.startswith(("directory: ", "hub: "))
    return text.startswith(MARK) or (reason and bool(stand_in_sentence(results)))


def _line(text: str, clients: Sequence[str], places: Sequence[tuple[str, str]]) -> str:
    often = f" ({len(places)} times, first in seed {places[0][0]}, round {places[0][1]})" if len(places) > 1 else ""
    if len(places) == 1:
        often = f" (seed {places[0][0]}, round {places[0][1]})"
    said = [name for name in clients if name]
    if not said:
        return text + often
    return f"{said[0] if len(said) == 1 else f'{len(said)} clients'}: {text}{often}"


def _join(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
