"""What a run is told besides its grid, and how much work it is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fedot.federation.experiment.ask_clients import TIMEOUT
from fedot.saved import SavedModel
from fedot.scenario import Scenario

SaveModel = Callable[[str, int, SavedModel], None]
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run needs besides the grid.

    `data_dir` and `pooled` matter only where all data are in one place: only then can there be a centralised
    reference. With `workers` it is trained beside the clients, in a process of its own.
    """

    scenario: Scenario
    data_dir: Path | None = None
    device: str = "cpu"
    engine: str = "inprocess"
    command: str = ""
    pooled: bool = True
    workers: int = 0
    timeout: float = TIMEOUT
    cache: str = ""


def work_per_seed(scenario: Scenario) -> float:
    """Units of work of one seed, as `run_scenario` reports them."""
    n = len(scenario.client_specs())
    trainings = n + n * (scenario.rounds - 1) * len(scenario.strategies)
    trainings += n * scenario.rounds * ("fedavg-shared-init" in scenario.references)
    trainings += n * ("centralised" in scenario.references)
    evaluations = len(scenario.strategies) * scenario.rounds + len(scenario.references)
    return trainings + 0.1 * n * evaluations
