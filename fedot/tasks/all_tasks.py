"""Every task that there is; add yours to `TASKS`."""

from fedot.errors import FedotError
from fedot.tasks.classification import CLASSIFICATION
from fedot.tasks.language_model import LANGUAGE_MODEL
from fedot.tasks.task import AnyTask
from fedot.tasks.translation import TRANSLATION

TASKS: dict[str, AnyTask] = {
    "classification": CLASSIFICATION,
    "translation": TRANSLATION,
    "language-model": LANGUAGE_MODEL,
}


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
