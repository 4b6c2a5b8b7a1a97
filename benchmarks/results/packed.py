"""Records by seed, packed: one record for all seeds, with a list a figure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

SEEDS = "seeds"
DIGITS = 6


def pack(records: Iterable[Mapping[str, Any]], by: Sequence[str]) -> list[dict[str, Any]]:
    """Join records that have equal fields `by`; every other field becomes a list over the seeds, None where it lacks.

    Parameters
    ----------
    records
        Each has a `seed`, the fields `by`, and figures, which are kept to six digits.

    Examples
    --------
    >>> pack([{"seed": 1, "name": "a", "x": 0.5}, {"seed": 0, "name": "a", "x": 0.25, "y": 1}], ["name"])
    [{'name': 'a', 'seeds': [0, 1], 'x': [0.25, 0.5], 'y': [1, None]}]
    """
    groups: dict[tuple[Any, ...], dict[int, Mapping[str, Any]]] = {}
    for record in records:
        groups.setdefault(tuple(record[name] for name in by), {})[record["seed"]] = record
    packed = []
    for key, found in groups.items():
        seeds = sorted(found)
        names = dict.fromkeys(name for seed in seeds for name in found[seed] if name not in (*by, "seed"))
        figures = {name: [rounded(found[seed].get(name)) for seed in seeds] for name in names}
        packed.append({**dict(zip(by, key, strict=True)), SEEDS: seeds, **figures})
    return packed


def unpack(packed: Iterable[Mapping[str, Any]], by: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Give back the records of `pack`, seed by seed.

    Examples
    --------
    >>> list(unpack([{"name": "a", "seeds": [0, 1], "x": [1, None]}], ["name"]))
    [{'name': 'a', 'seed': 0, 'x': 1}, {'name': 'a', 'seed': 1}]
    """
    for group in packed:
        head = {name: group[name] for name in by}
        lists = {name: values for name, values in group.items() if name not in (*by, SEEDS)}
        for place, seed in enumerate(group[SEEDS]):
            own = {name: values[place] for name, values in lists.items() if values[place] is not None}
            yield {**head, "seed": seed, **own}


def rounded(value: Any) -> Any:
    """Keep six digits of every number, in lists too; a table shows four at most."""
    if isinstance(value, float):
        short = float(f"{value:.{DIGITS}g}")
        return int(short) if short == int(short) and abs(short) >= 10**DIGITS else short
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return value
