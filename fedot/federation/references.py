"""What strategies are compared with: the parents, their ensemble, and one model trained on all data."""

from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from functools import partial

from fedot.federation.centralised import train_centralised
from fedot.federation.evaluations import EvaluationItem, EvaluationRequest
from fedot.federation.messages import ClientUpdate
from fedot.federation.seed import Seed
from fedot.models import Config
from fedot.saved import SavedModel
from fedot.training import TrainResult

Pooled = tuple[TrainResult, Config, str]


def score_parents(seed: Seed, parents: Sequence[ClientUpdate]) -> None:
    """Score every parent, and their ensemble, on every client's split.

    Raises
    ------
    FedotError
        If no client can evaluate them.
    """
    references, record = seed.scenario.references, seed.record
    single = [EvaluationItem("weights", ((k, 1.0),)) for k in range(len(parents))]
    together = EvaluationItem("probabilities", tuple((k, 1 / len(parents)) for k in range(len(parents))))
    words = tuple(parent.tokenizer or seed.federation.settings.tokenizer for parent in parents)
    mixable = seed.scenario.task == "sentiment" or len(set(words)) == 1
    states, configs = tuple(parent.state for parent in parents), tuple(parent.config for parent in parents)
    request = EvaluationRequest(states, configs, words, (*single, together) if mixable else tuple(single))
    results = seed.scores(f"parents, seed {seed.number}", lambda _: request)
    each, ensemble = results[: len(parents)], results[-1]
    if "parents" in references:
        for parent, own, tallies in zip(parents, words, each, strict=True):
            title = f"parent:{parent.client}"
            record.add_scores(seed.number, title, 1, tallies, seconds=parent.seconds)
            tokens, classes = parent.token_counts, parent.class_counts
            seed.save(title, SavedModel(parent.config, parent.state, own, token_counts=tokens, class_counts=classes))
    if "ensemble" in references and not mixable:
        reason = "the clients' tokenizers differ, and so do the tokens that their models would have to agree on"
        record.add_failure(seed.number, "ensemble", reason)
    elif "ensemble" in references:
        record.add_scores(seed.number, "ensemble", 1, ensemble, seconds=max(parent.seconds for parent in parents))
    seed.tell("parents", 0.2 * seed.n)


def score_centralised(seed: Seed, pending: Future[Pooled] | None) -> None:
    """Train one model on everybody's data, where that is possible at all, or wait for the one in training.

    Raises
    ------
    FedotError
        If no client can evaluate it.
    """
    plan, record = seed.plan, seed.record
    if not plan.pooled:
        reason = "it needs all data in one place, which a real federation does not have"
        record.add_failure(seed.number, "centralised", reason)
        return
    seed.tell("centralised", 0.0)
    try:
        result, config, tokenizer = pending.result() if pending is not None else pooled_training(seed)()
    except BrokenExecutor:
        reason = "the process that trained it died, perhaps for lack of memory; try --workers 0"
        record.add_failure(seed.number, "centralised", reason)
        return
    request = EvaluationRequest.of(result.state, config, tokenizer)
    tallies = seed.scores(f"centralised, seed {seed.number}", lambda _: request)[0]
    record.add_scores(seed.number, "centralised", 1, tallies, seconds=result.seconds)
    seed.save("centralised", SavedModel(config, result.state, tokenizer))
    seed.tell("done", 1.1 * seed.n)


def pooled_training(seed: Seed) -> Callable[[], Pooled]:
    """The training of the centralised reference, which another process can do, too."""
    plan, words = seed.plan, seed.federation.settings.tokenizer
    return partial(train_centralised, plan.scenario, seed.number, plan.data_dir, words, plan.device, plan.cache)
