"""Tasks, one file each: what an example, a loss, a tally, a figure, a fault, a stand-in and an answer are.

Add yours to `TASKS`; nothing else of fedot knows one task from another.
"""

from fedot.errors import FedotError
from fedot.tasks.classification import CLASSIFICATION
from fedot.tasks.language_model import LANGUAGE_MODEL
from fedot.tasks.task import AnyTally, AnyTask, Examples, Task
from fedot.tasks.translation import TRANSLATION

__all__ = ["DEFAULT", "TASKS", "AnyTally", "AnyTask", "Examples", "Task", "present_name", "task_of"]

TASKS: dict[str, AnyTask] = {
    "classification": CLASSIFICATION,
    "translation": TRANSLATION,
    "language-model": LANGUAGE_MODEL,
}

DEFAULT = CLASSIFICATION.name
"""The task of a scenario that does not say."""


def present_name(name: str) -> str:
    """The name of a task that may be called by a former one; any other text stays as it is.

    Parameters
    ----------
    name
        A task's name, or what it was called before.

    Returns
    -------
    str

    Examples
    --------
    >>> present_name("sentiment")
    'classification'
    """
    return next((task.name for task in TASKS.values() if name in task.former_names), name)


def task_of(architecture: str) -> AnyTask:
    """The task that models of an architecture do.

    Parameters
    ----------
    architecture
        A key of `fedot.models.MODELS`.

    Returns
    -------
    AnyTask

    Raises
    ------
    FedotError
        If there is none.

    Examples
    --------
    >>> task_of("decoder").name
    'language-model'
    """
    for task in TASKS.values():
        if task.architecture == architecture:
            return task
    raise FedotError(f"no task has models that are {architecture}")
