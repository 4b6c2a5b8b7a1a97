"""A scenario's task, and what a scenario of it has where it does not say."""

from collections.abc import Mapping
from typing import Any

from fedot.tasks import DEFAULT, TASK_FACTS, present_name


def with_task_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a scenario's mapping, and call its task by its present name; the rest is for its check to refuse."""
    given = dict(values)
    name = given.get("task", DEFAULT)
    if not isinstance(name, str) or present_name(name) not in TASK_FACTS:
        return given
    task = TASK_FACTS[present_name(name)]
    given["task"] = task.name
    own_model = given.get("model", {})
    pretrained = isinstance(own_model, Mapping) and "pretrained" in own_model
    model = {} if pretrained else {"name": task.architecture, **task.defaults.get("model", {})}
    for key, defaults in {**task.defaults, "model": model}.items():
        own = given.get(key, {})
        if isinstance(own, Mapping):
            given[key] = {**defaults, **own}
    return given


def known_task(name: object) -> object:
    """Give the name of a task; a `ValueError` tells if it is none."""
    if not isinstance(name, str) or name not in TASK_FACTS:
        raise ValueError(f"it can only be {' or '.join(map(repr, TASK_FACTS))}")
    return name
