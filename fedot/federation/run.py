"""A whole scenario over a grid: for each seed parents, strategies, references."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass, replace
from pathlib import Path

from flwr.app import ArrayRecord, MetricRecord
from flwr.app.exception import AppExitException
from flwr.serverapp import Grid
from tokenizers import Tokenizer
from torch import Tensor

from fedot.errors import FedotError
from fedot.federation.centralised import train_centralised
from fedot.federation.evaluations import AnyTally, EvaluationItem, EvaluationRequest
from fedot.federation.global_model import Global, global_model
from fedot.federation.lines import PAIRS, lines_between
from fedot.federation.messages import OWN_CACHE, ClientDescription, ClientUpdate, Settings
from fedot.federation.metered import MeteredGrid
from fedot.federation.records import pack_state, unpack_state
from fedot.federation.results import RunRecord
from fedot.federation.server import (
    TIMEOUT,
    Federation,
    evaluate_everywhere,
    evaluate_where_possible,
    gather,
    train_parents,
)
from fedot.federation.transfer import narrow, widen
from fedot.federation.workers import start_pool, stop_pool
from fedot.models import Config, State, build_model, config_to_json, model_config, state_of, symmetry
from fedot.scenario import Scenario
from fedot.strategies import ClientAligned, OTFusion, Quorum, build_strategy
from fedot.strategies.ot_fusion import Fused, client_vocabulary

log = logging.getLogger("fedot.server")

SaveModel = Callable[[str, int, State, Config, str, Sequence[str] | None, Tensor | None], None]
Progress = Callable[[str, float], None]
RequestFor = Callable[[ClientDescription], EvaluationRequest]


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


def run_scenario(
    grid: Grid,
    plan: Plan,
    record: RunRecord,
    save_model: SaveModel,
    progress: Progress,
    on_seed: Callable[[], None],
) -> None:
    """Run all seeds that are not finished; results go into `record`, and `on_seed` is called after each seed."""
    scenario = plan.scenario
    _check_strategies(scenario)
    aside = plan.workers > 0 and plan.pooled and "centralised" in scenario.references
    pool = start_pool(1) if aside else None
    try:
        for seed in (seed for seed in scenario.seeds if seed not in record.finished):
            _Seed(grid, plan, record, save_model, progress, pool, seed).run()
            record.finish(seed)
            on_seed()
    finally:
        if pool is not None:
            stop_pool(pool)
    record.complete = True


def _check_strategies(scenario: Scenario) -> None:
    """Refuse what is known to be wrong before hours of training."""
    for spec in scenario.strategies:
        build_strategy(spec.name, spec.options)
    own_tokenizer = any(scenario.tokenizer_spec(k).scope == "per-client" for k in range(len(scenario.client_specs())))
    own_model = any(spec.model for spec in scenario.client_specs())
    if scenario.rounds > 1 and (own_tokenizer or own_model):
        raise FedotError("rounds: several rounds need one tokenizer and one model for all clients; set rounds: 1")
    if scenario.init == "shared" and (own_tokenizer or own_model):
        raise FedotError("init: shared needs one tokenizer and one model for all clients; set init: independent")


class _Seed:
    """One seed's way from clients to rows."""

    def __init__(
        self,
        grid: Grid,
        plan: Plan,
        record: RunRecord,
        save_model: SaveModel,
        progress: Progress,
        pool: Executor | None,
        seed: int,
    ) -> None:
        self.plan, self.record, self.save_model, self.progress = plan, record, save_model, progress
        self.scenario, self.seed = plan.scenario, seed
        half = self.scenario.transfer == "float16"
        self.grid = MeteredGrid(grid, outgoing=narrow if half else None, incoming=widen if half else None)
        own_files = any(spec.dataset == "files" for spec in self.scenario.client_specs())
        settings = Settings(
            scenario=self.scenario.model_dump_json(exclude={"strategies", "references", "seeds", "rounds", "question"}),
            seed=seed,
            data_dir=str(plan.data_dir or "") if plan.pooled else "",
            base_dir=str(self.scenario.base_dir or "") if plan.pooled and own_files else "",
            device=plan.device,
            init=self.scenario.init,
            cache=plan.cache if plan.pooled else OWN_CACHE,
            transfer=self.scenario.transfer,
        )
        self.progress(f"seed {seed}: asking the clients", 0.0)
        self.federation = gather(self.grid, self.scenario, settings)
        record.add_clients(tuple(self.federation.clients.values()))
        self.parents: tuple[ClientUpdate, ...] = ()
        self.task = (self.scenario, seed, plan.data_dir, self.federation.settings.tokenizer, plan.device, plan.cache)
        self.pending = pool.submit(train_centralised, *self.task) if pool else None

    @property
    def n(self) -> int:
        return len(self.federation.clients)

    def run(self) -> None:
        references = self.scenario.references
        initial, shape = self._initial()
        if self.scenario.init == "shared":
            self.federation = _starting_from(self.federation, "shared", shape)
        if self._asks_for_parents():
            self._train_parents(initial)
        if self.parents and ("parents" in references or "ensemble" in references):
            self._reference("parents", self._evaluate_parents)
        self.parents = tuple(replace(parent, state={}) for parent in self.parents)  # strategies ask for them again
        for spec in self.scenario.strategies:
            self._run_strategy(spec.title, spec.name, dict(spec.options), initial, self.federation)
        if "fedavg-shared-init" in references:
            shared = _starting_from(self.federation, "shared", shape)
            self._run_strategy("fedavg-shared-init", "fedavg", {}, initial, shared)
        if "centralised" in references:
            self._reference("centralised", self._centralised)

    def _asks_for_parents(self) -> bool:
        """Whether anything needs the clients' models as they are; where all align on the client, nobody asks."""
        if {"parents", "ensemble"} & set(self.scenario.references):
            return True
        strategies = [build_strategy(spec.name, spec.options) for spec in self.scenario.strategies]
        return not all(isinstance(strategy, ClientAligned) for strategy in strategies)

    def _train_parents(self, initial: State) -> None:
        self.progress(f"seed {self.seed}: clients train", 0.0)
        self.parents, failed = train_parents(self.federation, initial)
        for name, reason in failed:
            self.record.notices.append(f"{name}: no parent model for seed {self.seed}: {reason}")
        self.progress(f"seed {self.seed}: strategies", float(self.n))
        if not self.parents:
            told = "; ".join(f"{name}: {reason}" for name, reason in failed)
            raise FedotError(f"no client could train ({told})")
        self.record.add_training(self.seed, "parent", 1, self.parents)

    def _reference(self, title: str, evaluate: Callable[[], None]) -> None:
        """Evaluate a reference; if it cannot be done, say why in the results and go on."""
        try:
            evaluate()
        except FedotError as error:
            log.warning("%s cannot be evaluated: %s", title, error)
            self.record.add_failure(self.seed, title, str(error))

    def _initial(self) -> tuple[State, Config | None]:
        """Draw the server's own model: what round 1 starts from if the initialisation is shared."""
        tokenizer = self.federation.settings.tokenizer
        if not tokenizer:
            return {}, None
        size = Tokenizer.from_str(tokenizer).get_vocab_size()
        config = model_config(self.scenario.model, size, len(self.federation.labels))
        return state_of(build_model(config, self.seed * 10_000)), config

    def _run_strategy(
        self, title: str, name: str, options: dict[str, object], initial: State, federation: Federation
    ) -> None:
        """Run one strategy over all rounds; if it cannot be run, say why in the results and go on."""
        as_parents = bool(self.parents) and federation.settings == self.federation.settings
        quorum = Quorum(self.federation.names, partitions=self.federation.partitions)
        strategy = build_strategy(name, options, quorum)
        strategy.timeout = self.plan.timeout
        final = self.scenario.rounds
        spent = [self.grid.bytes_down["train"], self.grid.bytes_up["train"]]
        random.seed(self.seed)  # Flower samples clients from the global generator

        def evaluate(server_round: int, arrays: ArrayRecord) -> MetricRecord | None:
            if server_round == 0:
                return None
            fusing = time.perf_counter() - self.grid.latest["train"].ended
            down, up = self.grid.bytes_down["train"] - spent[0], self.grid.bytes_up["train"] - spent[1]
            spent[:] = self.grid.bytes_down["train"], self.grid.bytes_up["train"]
            updates = strategy.accepted
            fused = strategy.latest if isinstance(strategy, OTFusion) else None
            model = global_model({} if fused else unpack_state(arrays), fused, updates)
            if server_round == final:  # before anything else can go wrong
                words = self.federation.settings.tokenizer
                self.save_model(title, self.seed, model.state, model.config, words, model.vocabulary, None)
            where = f"{title}, seed {self.seed}, round {server_round}"
            tallies = self._evaluate(where, model)
            self.record.add_scores(
                self.seed,
                title,
                server_round,
                tallies,
                bytes_up=up,
                bytes_down=down,
                seconds=fusing + max(update.seconds for update in updates),
                final=server_round == final,
            )
            self.record.notices.extend(f"{where} without {client}: {reason}" for client, reason in strategy.dropped)
            trained = server_round > 1 or not as_parents
            if trained:
                self.record.add_training(self.seed, title, server_round, updates)
            if server_round == final and fused is not None:
                self._diagnose(title, fused)
            self.progress(f"seed {self.seed}: {title}, round {server_round}", (1.0 * trained + 0.1) * self.n)
            return None

        try:
            strategy.start(
                self.grid,
                pack_state(initial),
                num_rounds=self.scenario.rounds,
                timeout=self.plan.timeout,
                train_config=federation.settings.to_record(),
                evaluate_fn=evaluate,
            )
        except (FedotError, AppExitException, ArithmeticError, ValueError) as error:
            # Flower's own strategies raise the latter three where their arithmetic does not work out
            told = str(error) if isinstance(error, FedotError) else f"{type(error).__name__}: {error}"
            log.warning("%s cannot be run: %s", title, told)
            self.record.add_failure(self.seed, title, " ".join(told.split()))

    def _evaluate(self, where: str, model: Global) -> dict[str, AnyTally]:
        own = {update.client: update.tokenizer for update in self.parents}

        def request_for(client: ClientDescription) -> EvaluationRequest:
            tokenizer = own.get(client.client, "")
            if model.vocabulary is not None and not tokenizer:
                raise FedotError(f"{client.client} sent no tokenizer, so the fused model cannot be tried there")
            state, config = model.for_client(tokenizer)
            return EvaluationRequest((state,), (config,), (tokenizer,), (EvaluationItem("weights", ((0, 1.0),)),))

        return self._evaluate_reachable(where, request_for)[0]

    def _evaluate_alike(self, request: EvaluationRequest) -> tuple[dict[str, AnyTally], ...]:
        return evaluate_everywhere(self.federation, lambda _: request)

    def _evaluate_reference(self, title: str, request: EvaluationRequest) -> tuple[dict[str, AnyTally], ...]:
        return self._evaluate_reachable(f"{title}, seed {self.seed}", lambda _: request)

    def _evaluate_reachable(self, where: str, request_for: RequestFor) -> tuple[dict[str, AnyTally], ...]:
        """Evaluate at every client that can; say who cannot, and then there is no sum over all."""
        results, left_out = evaluate_where_possible(self.federation, request_for)
        for name, reason in left_out:
            self.record.notices.append(f"{where}: no figures of {name}, nor over all: {reason}")
        if not results[0]:
            raise FedotError(f"no client could evaluate: {'; '.join(f'{name}: {why}' for name, why in left_out)}")
        return results

    def _evaluate_parents(self) -> None:
        """Score every parent, and their ensemble, on every client's split."""
        parents = self.parents
        single = [EvaluationItem("weights", ((k, 1.0),)) for k in range(len(parents))]
        together = EvaluationItem("probabilities", tuple((k, 1 / len(parents)) for k in range(len(parents))))
        words = tuple(parent.tokenizer or self.federation.settings.tokenizer for parent in parents)
        mixable = self.scenario.task == "sentiment" or len(set(words)) == 1
        states, configs = tuple(parent.state for parent in parents), tuple(parent.config for parent in parents)
        request = EvaluationRequest(states, configs, words, (*single, together) if mixable else tuple(single))
        results = self._evaluate_reference("parents", request)
        each, ensemble = results[: len(parents)], results[-1]
        if "parents" in self.scenario.references:
            for parent, own, tallies in zip(parents, words, each, strict=True):
                title = f"parent:{parent.client}"
                self.record.add_scores(self.seed, title, 1, tallies, seconds=parent.seconds)
                self.save_model(title, self.seed, parent.state, parent.config, own, None, parent.token_counts)
        if "ensemble" in self.scenario.references and not mixable:
            reason = "the clients' tokenizers differ, and so do the tokens that their models would have to agree on"
            self.record.add_failure(self.seed, "ensemble", reason)
        elif "ensemble" in self.scenario.references:
            seconds = max(parent.seconds for parent in parents)
            self.record.add_scores(self.seed, "ensemble", 1, ensemble, seconds=seconds)
        self.progress(f"seed {self.seed}: parents", 0.2 * self.n)

    def _centralised(self) -> None:
        """Train one model on everybody's data, where that is possible at all."""
        if not self.plan.pooled:
            reason = "it needs all data in one place, which a real federation does not have"
            self.record.add_failure(self.seed, "centralised", reason)
            return
        self.progress(f"seed {self.seed}: centralised", 0.0)
        if self.pending is not None:
            try:
                result, config, tokenizer = self.pending.result()
            except BrokenExecutor:
                reason = "the process that trained it died, perhaps for lack of memory; try --workers 0"
                self.record.add_failure(self.seed, "centralised", reason)
                return
        else:
            result, config, tokenizer = train_centralised(*self.task)
        request = EvaluationRequest((result.state,), (config,), (tokenizer,), (EvaluationItem("weights", ((0, 1.0),)),))
        tallies = self._evaluate_reference("centralised", request)[0]
        self.record.add_scores(self.seed, "centralised", 1, tallies, seconds=result.seconds)
        self.save_model("centralised", self.seed, result.state, config, tokenizer, None, None)
        self.progress(f"seed {self.seed}: done", 1.1 * self.n)

    def _diagnose(self, title: str, fused: Fused) -> None:
        """Couplings for every seed; for the first seed of a one-shot run also the loss along the lines."""
        clients = [update.client for update in fused.updates]
        anchor = fused.anchor or "global model"
        self.record.add_couplings(
            self.seed, title, clients, anchor, fused.result, symmetry(fused.result.aligned_config)
        )
        self.record.add_diagnostics(self.seed, title, clients, anchor, fused.result)
        shared = all(client_vocabulary(update) is None for update in fused.updates)
        if self.seed != self.scenario.seeds[0] or fused.anchor is None or not shared:
            return
        at = clients.index(fused.anchor)
        for k in [k for k in range(len(clients)) if k != at][:PAIRS]:
            try:
                self.record.lines += lines_between(self.seed, title, fused, at, k, self._evaluate_alike)
            except FedotError as error:  # the strategy itself has its figures already
                self.record.notices.append(f"{title}, seed {self.seed}: no line to {clients[k]}: {error}")


def _starting_from(federation: Federation, init: str, shape: Config | None) -> Federation:
    """The same federation with another initialisation, and the shape of the model that the server starts from."""
    settings = replace(federation.settings, init=init, model_config=config_to_json(shape) if shape else "")
    return replace(federation, settings=settings)
