"""A whole scenario over a grid: for each seed parents, strategies, references."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial

from flwr.serverapp import Grid
from tokenizers import Tokenizer

from fedot.errors import FedotError, MistakesError
from fedot.federation.engines.workers import start_pool, stop_pool
from fedot.federation.experiment.ask_clients import train_parents
from fedot.federation.experiment.pooled import tests_cut
from fedot.federation.experiment.record import RunRecord
from fedot.federation.experiment.references import pooled_training, score_centralised, score_parents
from fedot.federation.experiment.rounds import run_strategy
from fedot.federation.experiment.run_settings import CENTRALISED, PARENTS, TRAINING, Progress, RunSettings, SaveModel
from fedot.federation.experiment.seed import Seed, begin, starting_from
from fedot.hf.checkpoint_tokenizer import referred
from fedot.models import Config, State, build_model, model_config, state_of
from fedot.scenario import Scenario
from fedot.strategies import ClientAligned, Guarded, OTFusion, build_strategy
from fedot.strategies.checkpoint_fits import strategy_fits
from fedot.strategies.client_aligned import SummedFusion
from fedot.terminal.stopwatch import started
from fedot.training.client_checkpoint import checkpoint_spec, has_checkpoints, shared_checkpoint
from fedot.wire.checkpoints_here import start_here
from fedot.wire.messages import ClientUpdate

log = logging.getLogger("fedot.server")


def run_scenario(
    grid: Grid,
    run: RunSettings,
    record: RunRecord,
    save_model: SaveModel,
    progress: Progress,
    on_seed: Callable[[], None],
) -> None:
    """Run all seeds that are not finished; results go into `record`, and `on_seed` is called after each seed."""
    scenario = run.scenario
    if wrong := strategy_mistakes(scenario):
        raise MistakesError(wrong)
    started()
    aside = run.workers > 0 and run.pooled and "centralised" in scenario.references
    pool = start_pool(1) if aside else None
    try:
        for number in (number for number in scenario.seeds if number not in record.finished):
            run_seed(begin(grid, run, record, save_model, progress, number), pool)
            record.finish(number)
            on_seed()
    finally:
        if pool is not None:
            stop_pool(pool)
    record.complete = True


def run_seed(seed: Seed, pool: Executor | None) -> None:
    """One seed's way from clients to rows; the centralised reference is trained in the pool where there is one."""
    pending = pool.submit(pooled_training(seed)) if pool else None
    references = seed.scenario.references
    initial, shape = _initial(seed)
    if seed.scenario.init == "shared":
        seed = replace(seed, federation=starting_from(seed.federation, "shared", shape))
    parents = _train_parents(seed, initial) if _asks_for_parents(seed.scenario) else ()
    if parents and _scores_parents(seed.scenario):
        seed.begin(PARENTS)
        _attempt(seed, "parents", partial(score_parents, seed, parents))
        seed.lap(PARENTS)
    parents = tuple(replace(parent, state={}) for parent in parents)  # strategies ask for them again
    for spec in seed.scenario.strategies:
        run_strategy(seed, spec.title, spec.name, spec.options, initial, seed.federation, parents)
    if "fedavg-shared-init" in references:
        shared = starting_from(seed.federation, "shared", shape)
        run_strategy(seed, "fedavg-shared-init", "fedavg", {}, initial, shared, parents)
    if "centralised" in references:
        _attempt(seed, "centralised", partial(score_centralised, seed, pending))
        seed.lap(CENTRALISED)


def strategy_mistakes(scenario: Scenario) -> list[str]:
    """What is known to be wrong with a scenario's strategies before hours of training, a line each."""
    wrong: list[str] = []
    try:
        trained = [checkpoint_spec(scenario, k) for k in range(len(scenario.client_specs()))]
    except FedotError as error:
        wrong, trained = [str(error)], []
    for spec in scenario.strategies:
        try:
            strategy = build_strategy(spec.name, spec.options)
            wrong += strategy_fits(spec.title, strategy, trained) if trained else ()
        except FedotError as error:
            wrong.append(str(error))
    own_tokenizer = any(scenario.tokenizer_spec(k).scope == "per-client" for k in range(len(scenario.client_specs())))
    own_model = any({**(spec.model or {}), "lora": None} != {"lora": None} for spec in scenario.client_specs())
    if trained and has_checkpoints(scenario) and scenario.rounds > 1 and shared_checkpoint(scenario) is None:
        wrong.append("clients with different checkpoints are fused once, into that of one of them; set rounds: 1")
    if scenario.init == "shared" and (own_tokenizer or own_model):
        wrong.append("init: shared needs one tokenizer and one model for all clients; set init: independent")
    return wrong


def _initial(seed: Seed) -> tuple[State, Config | None]:
    """Draw the server's own model, where anything starts from it, and give its shape where it is known."""
    tokenizer = seed.federation.settings.tokenizer
    if not tokenizer:
        return {}, None
    if referred(tokenizer) is not None:
        known = next(iter(seed.federation.known.values())).checkpoint
        if known is None:
            return {}, None
        return start_here(seed.scenario, known, seed.number * 10_000), known
    size = Tokenizer.from_str(tokenizer).get_vocab_size()
    config = model_config(seed.scenario.model, size, len(seed.federation.labels))
    if not _starts_here(seed.scenario):
        return {}, config
    return state_of(build_model(config, seed.number * 10_000)), config


def _starts_here(scenario: Scenario) -> bool:
    """Whether anything starts from the server's own model; OT fusion of models that start apart does not."""
    if scenario.init == "shared" or "fedavg-shared-init" in scenario.references:
        return True
    return not all(isinstance(strategy, OTFusion | SummedFusion) for strategy in _strategies(scenario))


def _asks_for_parents(scenario: Scenario) -> bool:
    """Whether anything needs the clients' models as they are.

    Where all align on the client, nobody asks; nor where only some take part in a round, and all share a tokenizer.
    """
    if _scores_parents(scenario):
        return True
    apart = any(scenario.tokenizer_spec(k).scope == "per-client" for k in range(len(scenario.client_specs())))
    return not all(
        isinstance(strategy, ClientAligned) or (strategy.fraction_train < 1 and not apart)
        for strategy in _strategies(scenario)
    )


def _strategies(scenario: Scenario) -> list[Guarded]:
    return [build_strategy(spec.name, spec.options) for spec in scenario.strategies]


def _scores_parents(scenario: Scenario) -> bool:
    """Whether a reference is made of the clients' own models."""
    return bool({"parents", "ensemble"} & set(scenario.references))


def _train_parents(seed: Seed, initial: State) -> tuple[ClientUpdate, ...]:
    seed.begin(TRAINING)
    parents, failed = train_parents(seed.federation, initial, keep=_scores_parents(seed.scenario))
    for name, reason in failed:
        seed.record.notices.append(f"{name}: no parent model for seed {seed.number}: {reason}")
    if not parents:
        told = "; ".join(f"{name}: {reason}" for name, reason in failed)
        raise FedotError(f"no client could train ({told})")
    seed.record.add_training(seed.number, "parent", 1, parents)
    if seed.run.pooled and seed.number == seed.scenario.seeds[0]:
        seed.record.notices += tests_cut(seed.run, seed.number, parents, seed.federation.settings.tokenizer)
    seed.lap(TRAINING)
    return parents


def _attempt(seed: Seed, title: str, score: Callable[[], None]) -> None:
    """Score a reference; if it cannot be done, say why in the results and go on."""
    try:
        score()
    except FedotError as error:
        log.warning("%s cannot be evaluated: %s", title, error)
        seed.record.add_failure(seed.number, title, str(error))
