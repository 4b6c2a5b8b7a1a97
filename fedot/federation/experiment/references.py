"""What strategies are compared with: the parents, their ensemble, and one model trained on all data."""

from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from functools import partial
from pathlib import Path

from fedot.data import load_clients
from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.federation.experiment.pooled import pooled_tallies
from fedot.federation.experiment.run_settings import CENTRALISED
from fedot.federation.experiment.seed import Seed, SeedScores
from fedot.hf.checkpoint_tokenizer import reference
from fedot.models import Config
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.saved import SavedModel
from fedot.scenario import Scenario
from fedot.tasks import TASKS, Examples
from fedot.tokenizer import count_words, train_tokenizer
from fedot.training import TrainResult, train
from fedot.training.cache import kept, training_key
from fedot.training.client_checkpoint import checkpoint_spec, config_here, tokenizer_here
from fedot.wire.messages import ClientDescription, ClientUpdate

Pooled = tuple[TrainResult, Config, str]

NOT_MIXABLE = "the clients' tokenizers differ, and so do the tokens that their models would have to agree on"
NOT_SENT = "no client may be sent the tokens of another, so none can run all models"


def score_parents(seed: Seed, parents: Sequence[ClientUpdate]) -> None:
    """Score every parent, and their ensemble, on every client's split.

    Where clients have vocabularies of their own no client is sent another's model or tokens. A simulation has all data
    in one place, and scores them there. In a federation each parent is scored where its owner is, and nowhere else.

    Raises
    ------
    FedotError
        If no client can evaluate them.
    """
    references, record = seed.scenario.references, seed.record
    single = [EvaluationItem("weights", ((k, 1.0),)) for k in range(len(parents))]
    together = EvaluationItem("probabilities", tuple((k, 1 / len(parents)) for k in range(len(parents))))
    words = tuple(parent.tokenizer or seed.federation.settings.tokenizer for parent in parents)
    shared = not any(parent.tokenizer for parent in parents)
    states, configs = tuple(dict(parent.state) for parent in parents), tuple(parent.config for parent in parents)
    mixable = TASKS[seed.scenario.task].has_classes or len(set(words)) == 1
    request = EvaluationRequest(states, configs, words, (*single, together) if mixable else tuple(single))
    where = f"parents, seed {seed.number}"
    if shared:
        scores = seed.scores(where, lambda _: request)
    elif seed.run.pooled:
        scores = _scored_here(seed, request)
    else:
        scores = _at_their_owners(seed, where, parents)
    if "parents" in references:
        for parent, own, tallies in zip(parents, words, scores.items, strict=False):
            title = f"parent:{parent.client}"
            record.add_scores(seed.number, title, 1, tallies, seconds=parent.seconds, without=scores.without)
            tokens, classes = parent.token_counts, parent.class_counts
            seed.save(
                title, SavedModel(parent.config, dict(parent.state), own, token_counts=tokens, class_counts=classes)
            )
    if "ensemble" in references and not mixable:
        record.add_failure(seed.number, "ensemble", NOT_MIXABLE)
    elif "ensemble" in references and not (shared or seed.run.pooled):
        record.add_failure(seed.number, "ensemble", NOT_SENT)
    elif "ensemble" in references:
        seconds = max(parent.seconds for parent in parents)
        record.add_scores(seed.number, "ensemble", 1, scores.items[-1], seconds=seconds, without=scores.without)


def _scored_here(seed: Seed, request: EvaluationRequest) -> SeedScores:
    """What a request gives where the server has all data."""
    items = pooled_tallies(seed.run, seed.number, seed.federation.clients.values(), request)
    return SeedScores(items, (*seed.federation.absent,))


def _at_their_owners(seed: Seed, where: str, parents: Sequence[ClientUpdate]) -> SeedScores:
    """Each parent on the split of the client that trained it; there is no figure over all then."""
    own = {
        parent.client: EvaluationRequest.of(dict(parent.state), parent.config, parent.tokenizer) for parent in parents
    }

    def request_for(client: ClientDescription) -> EvaluationRequest:
        if client.client not in own:
            raise FedotError("it sent no model")
        return own[client.client]

    [found] = seed.scores(where, request_for).items
    seed.record.notices.append(f"{where}: each on its own client's texts only, since no other may see its tokens")
    return SeedScores(tuple({name: found[name]} if name in found else {} for name in own))


def score_centralised(seed: Seed, pending: Future[Pooled] | None) -> None:
    """Train one model on everybody's data, where that is possible at all, or wait for the one in training.

    Raises
    ------
    FedotError
        If no client can evaluate it.
    """
    run, record = seed.run, seed.record
    if not run.pooled:
        reason = "it needs all data in one place, which a real federation does not have"
        record.add_failure(seed.number, "centralised", reason)
        return
    seed.begin(CENTRALISED)
    try:
        result, config, tokenizer = pending.result() if pending is not None else pooled_training(seed)()
    except BrokenExecutor:
        reason = "the process that trained it died, perhaps for lack of memory; try --workers 0"
        record.add_failure(seed.number, "centralised", reason)
        return
    request = EvaluationRequest.of(result.state, config, tokenizer)
    if seed.federation.settings.tokenizer:
        scores = seed.scores(f"centralised, seed {seed.number}", lambda _: request)
    else:  # its tokens are those of all clients together
        scores = _scored_here(seed, request)
    record.add_scores(seed.number, "centralised", 1, scores.items[0], seconds=result.seconds, without=scores.without)
    seed.save("centralised", SavedModel(config, result.state, tokenizer))


def pooled_training(seed: Seed) -> Callable[[], Pooled]:
    """The training of the centralised reference, which another process can do, too."""
    run, words = seed.run, seed.federation.settings.tokenizer
    return partial(train_centralised, run.scenario, seed.number, run.data_dir, words, run.device, run.cache)


def train_centralised(
    scenario: Scenario, seed: int, data_dir: Path | None, tokenizer_json: str | None, device: str, cache: str | None
) -> tuple[TrainResult, Config, str]:
    """Train the scenario's model on the union of all clients' training rows, for the epochs of all rounds together.

    Returns the result, the model's configuration and the tokenizer: the shared one, or where clients have
    their own, one trained on all text.
    """
    clients, does = load_clients(scenario, seed, data_dir), TASKS[scenario.task]
    own = checkpoint_spec(scenario, 0)
    if own is not None:
        tokenizer_json = reference(own.name)
    elif not tokenizer_json:
        wanted = scenario.tokenizer
        words = count_words((text for client in clients for text in does.texts(client.train)), wanted.kind)
        tokenizer_json = train_tokenizer(words, wanted.kind, wanted.vocab_size, does.special_tokens).to_str()
    tokenizer = tokenizer_here(scenario, tokenizer_json)
    config, checkpoint = config_here(scenario, 0, tokenizer.get_vocab_size(), len(clients[0].labels))
    start = checkpoint.start(config, seed * 10_000) if checkpoint and isinstance(config, PretrainedConfig) else None

    def pooled(split: str) -> Examples:
        found: Examples = does.encode([getattr(client, split) for client in clients], tokenizer, config.max_length)
        return found

    rows = pooled("train"), pooled("validation")
    spec = scenario.train.model_copy(update={"epochs": scenario.train.epochs * scenario.rounds})
    task = partial(train, config, start, *rows, spec, seed=seed * 10_000 + 9_999, device=device)
    result = kept(cache, training_key(*task.args, **task.keywords), task)
    return result, config, tokenizer_json
