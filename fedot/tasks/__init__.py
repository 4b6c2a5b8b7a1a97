"""Tasks, one file each: what an example, a loss, a tally, a figure, a fault, a stand-in and an answer are.

Add yours to `TASKS` and say in `TASK_FACTS` what a scenario has to know; nothing else of fedot knows one task from
another.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from fedot.tasks.facts import DEFAULT, TASK_FACTS, TaskFacts, present_name

if TYPE_CHECKING:
    from fedot.tasks.all_tasks import TASKS, task_of
    from fedot.tasks.task import AnyTally, AnyTask, Examples, Task

__all__ = [
    "DEFAULT",
    "TASKS",
    "TASK_FACTS",
    "AnyTally",
    "AnyTask",
    "Examples",
    "Task",
    "TaskFacts",
    "present_name",
    "task_of",
]


def __getattr__(name: str) -> object:
    """Load torch only when a task is carried out: a scenario has only to know what tasks are called."""
    if name in ("TASKS", "task_of"):
        return getattr(import_module("fedot.tasks.all_tasks"), name)
    if name in __all__:
        return getattr(import_module("fedot.tasks.task"), name)
    raise AttributeError(f"module 'fedot.tasks' has no attribute {name!r}")
