"""What clients are called whose scenario does not say, or says the same of several."""

from collections import Counter
from collections.abc import Sequence


def told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Give names that are there more than once a number.

    Examples
    --------
    >>> told_apart(["imdb", "own", "imdb"])
    ('imdb-0', 'own', 'imdb-1')
    """
    total, seen, found = Counter(names), Counter[str](), []
    for name in names:
        while total[name] > 1 and f"{name}-{seen[name]}" in total:  # somebody is called that already
            seen[name] += 1
        found.append(f"{name}-{seen[name]}" if total[name] > 1 else name)
        seen[name] += 1
    return tuple(found)
