"""One seed of a run: who takes part, where results go, and how models are scored."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from flwr.serverapp import Grid

from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationRequest
from fedot.federation.experiment.ask_clients import Federation, evaluate_where_possible
from fedot.federation.experiment.gather import gather, striking
from fedot.federation.experiment.record import RunRecord
from fedot.federation.experiment.run_settings import ASKING, Progress, RunSettings, SaveModel, seed_at
from fedot.federation.grids.metered import MeteredGrid
from fedot.federation.grids.stack import stacked
from fedot.models import Config, config_to_json
from fedot.saved import SavedModel
from fedot.scenario import Scenario
from fedot.tasks import AnyTally
from fedot.terminal.stopwatch import take, timed
from fedot.training.client_checkpoint import has_checkpoints
from fedot.wire.messages import OWN_CACHE, ClientDescription, Settings

APART = {"strategies", "references", "seeds", "rounds", "question", "tracking"}
"""Keys of a scenario that are no client's business."""

RequestFor = Callable[[ClientDescription], EvaluationRequest]


@dataclass(frozen=True, slots=True)
class SeedScores:
    """Tallies of each item by client and, added up, by ``all``; and the clients whose figures are in none of them."""

    items: tuple[dict[str, AnyTally], ...]
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seed:
    """One seed with its federation; results go into `record` and, as models, to `save_model`."""

    number: int
    run: RunSettings
    grid: MeteredGrid
    federation: Federation
    record: RunRecord
    save_model: SaveModel
    progress: Progress

    @property
    def scenario(self) -> Scenario:
        """The scenario of the run."""
        return self.run.scenario

    @property
    def num_clients(self) -> int:
        """Number of clients."""
        return len(self.federation.clients)

    def begin(self, what: str) -> None:
        """Report what begins now."""
        self.progress(seed_at(self.number) + what)

    def lap(self, step: str, server_round: int = 1) -> None:
        """Take down where time went since the last call, if that is asked for."""
        if self.run.timings:
            self.record.add_timing(self.number, step, server_round, take())

    @timed("writing")
    def save(self, title: str, model: SavedModel) -> None:
        """Write a model, which gets the names of the classes."""
        self.save_model(title, self.number, replace(model, classes=self.federation.labels))

    def scores(self, where: str, request_for: RequestFor, nodes: Collection[int] | None = None) -> SeedScores:
        """Evaluate at every client that can, or at some, and say who cannot: sums over all are then without it.

        Raises
        ------
        FedotError
            If no client can.
        """
        clients = self.federation.clients
        asked = clients if nodes is None else {node: clients[node] for node in nodes}
        results, left_out = evaluate_where_possible(replace(self.federation, clients=asked), request_for)
        if not results:
            raise FedotError(f"no client could evaluate: {'; '.join(f'{name}: {why}' for name, why in left_out)}")
        told = "and those over all are without it" if "all" in results[0] else "nor over all"
        for name, reason in left_out:
            self.record.notices.append(f"{where}: no figures of {name}, {told}: {reason}")
        return SeedScores(results, (*self.federation.absent, *(name for name, _ in left_out)))


def begin(
    grid: Grid, run: RunSettings, record: RunRecord, save_model: SaveModel, progress: Progress, number: int
) -> Seed:
    """Ask who is there, and make the tokenizer that the clients share."""
    scenario = run.scenario
    beside = has_checkpoints(scenario) or any(spec.dataset == "files" for spec in scenario.client_specs())
    settings = Settings(
        scenario=scenario.model_dump_json(
            exclude={"strategies", "references", "seeds", "rounds", "question", "tracking"}
        ),
        seed=number,
        data_dir=str(run.data_dir) if run.pooled and run.data_dir else None,
        base_dir=str(scenario.base_dir) if run.pooled and beside and scenario.base_dir else None,
        device=run.device,
        init=scenario.init,
        cache=run.cache if run.pooled else OWN_CACHE,
        transfer=scenario.transfer,
    )
    progress(seed_at(number) + ASKING)
    half = scenario.transfer == "float16"
    metered = stacked(grid, streamed=run.streamed, checkpoint=run.checkpoint, half=half)
    federation = gather(metered, scenario, settings, pooled=run.pooled)
    metered.admit(federation.clients)
    record.add_clients(tuple(federation.clients.values()))
    record.notices += [f"seed {number} goes on without {name}: {why}" for name, why in federation.absent.items()]
    told = (*federation.notices, *striking(federation.clients))
    record.notices += [line for line in told if line not in record.notices]
    seed = Seed(number, run, metered, federation, record, save_model, progress)
    seed.lap(ASKING)
    return seed


def starting_from(federation: Federation, init: str, shape: Config | None) -> Federation:
    """The same federation with another initialisation, and the shape of the model that the server starts from."""
    settings = replace(federation.settings, init=init, model_config=config_to_json(shape) if shape else None)
    return replace(federation, settings=settings)
