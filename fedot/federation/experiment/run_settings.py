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
class RunSettings:
    """All that a run needs besides the grid.

    `data_dir` and `pooled` matter only where all data are in one place: only then can there be a centralised
    reference. With `workers` it is trained beside the clients, in a process of its own. In the folder `checkpoint` the
    clients' answers are kept until a seed is finished.
    """

    scenario: Scenario
    data_dir: Path | None = None
    device: str = "cpu"
    engine: str = "inprocess"
    command: str = ""
    pooled: bool = True
    workers: int = 0
    timeout: float = TIMEOUT
    cache: str | None = None
    checkpoint: Path | None = None

    @property
    def streamed(self) -> bool:
        """Whether messages go over one of Flower's own grids, which return all replies at once."""
        return self.engine != "inprocess"


def work_per_seed(scenario: Scenario) -> float:
    """Units of work of one seed, as `run_scenario` reports them."""
    num_clients = len(scenario.client_specs())
    trainings = num_clients + num_clients * (scenario.rounds - 1) * len(scenario.strategies)
    trainings += num_clients * scenario.rounds * ("fedavg-shared-init" in scenario.references)
    trainings += num_clients * ("centralised" in scenario.references)
    evaluations = len(scenario.strategies) * scenario.rounds + len(scenario.references)
    return trainings + 0.1 * num_clients * evaluations
