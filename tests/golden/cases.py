"""All golden cases by name."""

from pathlib import Path

from tests.golden import fusions, runs
from tests.golden.figures import Figures
from tests.golden.house import one_thread

CASES = fusions.CASES | runs.CASES
TRAINED = frozenset(runs.CASES)


def figures_of(name: str, folder: Path) -> Figures:
    """Compute a case with one thread; it may write into an empty folder."""
    with one_thread():
        return CASES[name](folder)
