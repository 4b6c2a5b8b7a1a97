"""Checks on a strategy's options, told in the words of the scenario file."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from fedot.errors import FedotError
from fedot.text.did_you_mean import did_you_mean


def check_keys(strategy: str, options: Iterable[str], known: set[str]) -> None:
    """Refuse an option that the strategy does not have, naming the nearest that it has."""
    for key in options:
        if key not in known:
            hint = did_you_mean(key, known, f"it has {', '.join(sorted(known)) or 'none'}")
            raise FedotError(f"strategies: {strategy} has no option {key!r}; {hint}")


def check_number(
    strategy: str,
    options: Mapping[str, Any],
    key: str,
    low: float,
    high: float,
    default: float | None = None,
) -> float:
    """Return an option that must be a number from `low` to `high`; `default` where it is not given."""
    value = options.get(key, default)
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    wanted = f"of at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
    if 0 < low < 1e-6:
        wanted = f"above 0, at most {high:g}"
    raise FedotError(f"strategies: {strategy}.{key.replace('_', '-')} is {value!r}, but a number {wanted} is needed")
