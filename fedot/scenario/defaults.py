"""What a scenario of a task has where it does not say."""

from collections.abc import Mapping
from typing import Any

TASK_DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "sentiment": {"model": {"name": "encoder"}},
    "translation": {
        "model": {"name": "seq2seq"},
        "tokenizer": {"kind": "reversible"},
        "train": {"label_smoothing": 0.1},
    },
}


def with_task_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a scenario's mapping; what is no mapping is left for its check to refuse."""
    given = dict(values)
    for key, defaults in TASK_DEFAULTS.get(str(given.get("task", "sentiment")), {}).items():
        own = given.get(key, {})
        if isinstance(own, Mapping):
            given[key] = {**defaults, **own}
    return given
