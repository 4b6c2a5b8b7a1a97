"""What a run is told besides its grid, and how much work it is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fedot.federation.experiment.ask_clients import TIMEOUT
from fedot.saved import SavedModel
from fedot.scenario import Scenario
from fedot.terminal.pace import Step

SaveModel = Callable[[str, int, SavedModel], None]
Progress = Callable[[str], None]
"""Called with what begins now; what began before it is over then."""

ASKING, TRAINING = "asking the clients who they are", "clients train"
PARENTS, CENTRALISED = "parents and ensemble", "centralised"

SCORING = 0.1
"""Work of evaluating a model on one client's test texts."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """All that a run needs besides the grid.

    `data_dir` and `pooled` matter only where all data are in one place: only then can there be a centralised
    reference. With `workers` it is trained beside the clients, in a process of its own. In the folder `checkpoint` the
    clients' answers are kept until a seed is finished. With `timings` the record tells where time went.
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
    timings: bool = False

    @property
    def streamed(self) -> bool:
        """Whether messages go over one of Flower's own grids, which return all replies at once."""
        return self.engine != "inprocess"


def steps_of(scenario: Scenario, seed: int) -> tuple[Step, ...]:
    """The steps of one seed as `run_scenario` reports them; one unit of work is one client's training of one round.

    How long a fusion takes is not known before the first one: it is thought of as part of the evaluation after it.
    """
    n, at = len(scenario.client_specs()), seed_at(seed)
    training, scoring = float(n), SCORING * n
    steps = [Step(at + ASKING, 0.0), Step(at + TRAINING, training)]
    if {"parents", "ensemble"} & set(scenario.references):
        steps.append(Step(at + PARENTS, scoring * n))
    titles = [strategy.title for strategy in scenario.strategies]
    own_start = ["fedavg-shared-init"] if "fedavg-shared-init" in scenario.references else []
    for title in [*titles, *own_start]:
        for number in range(1, scenario.rounds + 1):
            trained = number > 1 or title in own_start
            work = training * trained + scoring
            steps.append(Step(at + round_of(title, number), work, f"{title}, {'trained' if trained else 'as parents'}"))
    if "centralised" in scenario.references:
        steps.append(Step(at + CENTRALISED, training * scenario.rounds + scoring))
    return tuple(step if step.like else replace(step, like=step.phase.removeprefix(at)) for step in steps)


def seed_at(seed: int) -> str:
    """How the phases of a seed begin."""
    return f"seed {seed}: "


def round_of(title: str, number: int) -> str:
    """What a round of a strategy is called."""
    return f"{title}, round {number}"
