"""One strategy over all rounds of one seed: every round's model is scored, the last one saved and looked into."""

import logging
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from flwr.app import ArrayRecord, MetricRecord
from torch import Tensor

from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationRequest
from fedot.federation.experiment.ask_clients import Federation, evaluate_everywhere
from fedot.federation.experiment.loss_lines import PAIRS, lines_between
from fedot.federation.experiment.run_settings import round_of
from fedot.federation.experiment.seed import Seed, SeedScores
from fedot.fusion.canonical.labels import select_rows
from fedot.models import Config, State, symmetry
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.saved import SavedModel
from fedot.strategies import OTFusion, Quorum, build_strategy
from fedot.strategies.ot_fusion import FusedRound
from fedot.tasks import AnyTally
from fedot.text.outside import printable
from fedot.tokenizer import read_tokenizer, vocabulary
from fedot.training.client_checkpoint import own_tokenizer_text, tokenizer_here
from fedot.wire.flower_private import AppExitException
from fedot.wire.messages import ClientDescription, ClientUpdate
from fedot.wire.records import PackedState, pack_state

log = logging.getLogger("fedot.server")


@dataclass(frozen=True, slots=True)
class Global:
    """A global model as one client sees it: the fused model with the rows of the client's own vocabulary."""

    state: Mapping[str, Tensor]
    config: Config
    vocabulary: tuple[str, ...] | None = None

    def for_client(self, tokenizer: str | None) -> tuple[Mapping[str, Tensor], Config]:
        """Select the embedding rows of a client's own tokenizer, in its order."""
        if self.vocabulary is None or not tokenizer or isinstance(self.config, PretrainedConfig):
            return self.state, self.config
        return select_rows(dict(self.state), self.config, self.vocabulary, vocabulary(read_tokenizer(tokenizer)))


def global_model(
    arrays: ArrayRecord, fused: FusedRound | None, updates: Sequence[ClientUpdate], shape: Config | None = None
) -> Global:
    """Take the model that a round gave: a mean has the clients' shape, or one of its own."""
    if fused is not None:
        return Global(PackedState(arrays), fused.result.config, fused.result.vocabulary)
    return Global(PackedState(arrays), shape or updates[0].config)


def run_strategy(
    seed: Seed,
    title: str,
    name: str,
    options: Mapping[str, object],
    initial: State,
    federation: Federation,
    parents: Sequence[ClientUpdate],
) -> None:
    """Run one strategy over all rounds; if it cannot be run, say why in the results and go on.

    Parameters
    ----------
    initial
        The server's own model, which round 1 starts from where the start is shared.
    federation
        The seed's, or the same with another start.
    parents
        The clients' trained models, whose trainings are on record already; tensors are not read.
    """
    as_parents = bool(parents) and federation.settings == seed.federation.settings
    strategy = build_strategy(name, dict(options), _quorum(seed.federation))
    strategy.timeout = seed.run.timeout
    strategy.reader = partial(tokenizer_here, seed.scenario)
    final = seed.scenario.rounds
    grid, record = seed.grid, seed.record
    spent = [grid.bytes_down["train"], grid.bytes_up["train"]]

    def evaluate(server_round: int, arrays: ArrayRecord) -> MetricRecord | None:
        if server_round == 0:
            return None
        fusing = time.perf_counter() - grid.ended["train"]
        down, up = grid.bytes_down["train"] - spent[0], grid.bytes_up["train"] - spent[1]
        spent[:] = grid.bytes_down["train"], grid.bytes_up["train"]
        updates = strategy.accepted
        fused = strategy.latest if isinstance(strategy, OTFusion) else None
        model = global_model(arrays, fused, updates, strategy.global_config)
        if server_round == final:  # before anything else can go wrong
            words = seed.federation.settings.tokenizer if model.vocabulary is None else None
            seed.save(title, SavedModel(model.config, dict(model.state), words, model.vocabulary))
        where = f"{title}, seed {seed.number}, round {server_round}"
        nodes = None if server_round == final else _drawn(seed, server_round, strategy.share_evaluating)
        scores = _scores(seed, where, model, parents, nodes)
        record.add_scores(
            seed.number,
            title,
            server_round,
            scores.items[0],
            bytes_up=up,
            bytes_down=down,
            seconds=fusing + max(update.seconds for update in updates),
            final=server_round == final,
            without=scores.without,
        )
        plan = strategy.plan_of_round()
        if plan is not None:
            record.add_plan(seed.number, title, server_round, plan)
        record.notices.extend(f"{where} without {client}: {reason}" for client, reason in strategy.dropped)
        if server_round > 1 or not as_parents:
            record.add_training(seed.number, title, server_round, updates)
        if server_round == final and fused is not None:
            _diagnose(seed, title, fused)
        seed.lap(title, server_round)
        if server_round < final:
            seed.begin(round_of(title, server_round + 1))
        return None

    seed.begin(round_of(title, 1))
    before = random.getstate()
    random.seed(seed.number)  # Flower samples clients from the global generator, and takes no other
    try:
        strategy.start(
            grid,
            pack_state(initial),
            num_rounds=final,
            timeout=seed.run.timeout,
            train_config=federation.settings.to_record(),
            evaluate_fn=evaluate,
        )
    except (FedotError, AppExitException, ArithmeticError, ValueError, RuntimeError) as error:
        # where their arithmetic does not work out, Flower's strategies and torch raise the latter four
        told = printable(error if isinstance(error, FedotError) else f"{type(error).__name__}: {error}")
        log.warning("%s cannot be run: %s", title, told)
        record.add_failure(seed.number, title, told)
    finally:
        random.setstate(before)


def _quorum(federation: Federation) -> Quorum:
    return Quorum(federation.names, partitions=federation.partitions, known=federation.known)


def _drawn(seed: Seed, server_round: int, share: float) -> list[int] | None:
    """Nodes at which a round's model is scored, drawn anew for each round; None for all."""
    nodes = sorted(seed.federation.clients)
    if share == 1:
        return None
    generator = np.random.default_rng([seed.number, server_round])
    return sorted(int(node) for node in generator.choice(nodes, max(1, int(share * len(nodes))), replace=False))


def _scores(
    seed: Seed, where: str, model: Global, parents: Sequence[ClientUpdate], nodes: Sequence[int] | None
) -> SeedScores:
    shared = None if model.vocabulary is None else seed.federation.settings.tokenizer
    own = {update.client: update.tokenizer or shared for update in parents}

    @cache
    def with_tokens(tokenizer: str | None) -> EvaluationRequest:
        return EvaluationRequest.of(*model.for_client(tokenizer), tokenizer)

    def request_for(client: ClientDescription) -> EvaluationRequest:
        # a checkpoint has rows of its own tokens alone, wherever it is tried
        tokenizer = own_tokenizer_text(model.config) or own.get(client.client)
        if model.vocabulary is not None and not tokenizer:
            raise FedotError(f"{client.client} sent no tokenizer, so the fused model cannot be tried there")
        return with_tokens(tokenizer)

    return seed.scores(where, request_for, nodes)


def _diagnose(seed: Seed, title: str, fused: FusedRound) -> None:
    """Couplings for every seed; for the first seed of a one-shot run also the loss along the lines."""
    clients = [update.client for update in fused.updates]
    anchor = fused.anchor or "global model"
    record, spec = seed.record, symmetry(fused.result.aligned_config)
    record.add_couplings(seed.number, title, clients, anchor, fused.result, spec)
    record.add_diagnostics(seed.number, title, clients, anchor, fused.result)
    shared = not any(update.tokenizer for update in fused.updates) and bool(fused.result.aligned)
    if seed.number != seed.scenario.seeds[0] or fused.anchor is None or not shared:
        return
    at = clients.index(fused.anchor)

    def alike(request: EvaluationRequest) -> tuple[dict[str, AnyTally], ...]:
        return evaluate_everywhere(seed.federation, lambda _: request)

    for k in [k for k in range(len(clients)) if k != at][:PAIRS]:
        try:
            record.lines += lines_between(seed.number, title, fused, at, k, alike)
        except FedotError as error:  # the strategy itself has its figures already
            record.notices.append(f"{title}, seed {seed.number}: no line to {clients[k]}: {error}")
