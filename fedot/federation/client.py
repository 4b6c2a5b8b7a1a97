"""What a client does: describe itself, train, evaluate. Its texts never leave these functions."""

import logging
from collections.abc import Callable
from functools import lru_cache, partial, wraps
from pathlib import Path

import torch
from flwr.app import ArrayRecord, Context, Error, Message
from tokenizers import Tokenizer

from fedot.cache import default_folder, kept, training_key
from fedot.data import ClientData, load_client
from fedot.errors import FedotError
from fedot.federation.classifications import tally_classes
from fedot.federation.evaluations import pack_tallies, unpack_evaluation
from fedot.federation.faults import FAULTS, Fault
from fedot.federation.messages import (
    ARRAYS,
    CONFIG,
    OWN_CACHE,
    ClientDescription,
    ClientUpdate,
    Settings,
    pack_description,
    pack_update,
)
from fedot.federation.records import unpack_state
from fedot.federation.translations import tally_item
from fedot.models import Config, State, build_model, config_from_json, model_config, state_of, state_shapes
from fedot.scenario import Scenario
from fedot.tasks import count_classes, examples_of, texts_of
from fedot.tokenizer import count_words, pack_words, train_tokenizer
from fedot.training import Labelled, train
from fedot.translation import Pairs

log = logging.getLogger("fedot.client")

CLIENT_FAILED = 200
MODELS_KEPT = 8

Handler = Callable[[Message, Context], Message]


def private(handler: Handler) -> Handler:
    """Keep what a failure says at the client: only a `FedotError`, which holds no user text, tells why.

    Any other exception may quote data in its message; the server learns its type, the client's log the rest.
    """

    @wraps(handler)
    def guarded(message: Message, context: Context) -> Message:
        try:
            return handler(message, context)
        except FedotError as error:
            return Message(Error(CLIENT_FAILED, str(error)), reply_to=message)
        except Exception as error:
            log.exception("a message could not be answered")
            return Message(Error(CLIENT_FAILED, f"{type(error).__name__} (see this client's log)"), reply_to=message)

    return guarded


def describe(message: Message, context: Context) -> Message:
    """Tell who this is; with a shared tokenizer also how often each word occurs, rare words left out."""
    settings = Settings.from_record(message.content.config_records[CONFIG])
    me = _Client(settings, context)
    data = me.data()
    words = b""
    if me.scenario.tokenizer_spec(me.partition_id).scope == "shared":
        words = pack_words(count_words(texts_of(data.train), me.scenario.tokenizer_spec(me.partition_id).kind))
    description = ClientDescription(
        client=data.name,
        partition_id=me.partition_id,
        num_examples=len(data.train),
        num_validation=len(data.validation),
        num_test=len(data.test),
        labels=data.labels,
        source=data.source,
        notices=data.notices,
        words=words,
    )
    return Message(pack_description(description), reply_to=message)


def fit(message: Message, context: Context) -> Message:
    """Train on this client's data, or answer from the cache when the very same training was done before."""
    settings = Settings.from_record(message.content.config_records[CONFIG])
    me = _Client(settings, context)
    arrays = message.content.array_records[ARRAYS]
    fresh = settings.init == "independent" and (settings.server_round == 1 or not arrays)
    data = me.data()
    tokenizer_json, tokenizer = me.tokenizer()
    if settings.model_config and not fresh:
        config = config_from_json(settings.model_config)
    else:
        config = model_config(me.scenario.model_settings(me.partition_id), tokenizer.get_vocab_size(), len(data.labels))
    training, validation = (me.encoded(split, tokenizer_json, config.max_length) for split in ("train", "validation"))
    fault = FAULTS.get(me.scenario.client_specs()[me.partition_id].fault or "", Fault())
    if fault.learns is not None:
        training, validation = (fault.learns(rows, len(data.labels)) for rows in (training, validation))
    start = None if fresh else _fitting_state(arrays, config)
    seed = settings.seed * 10_000 + me.partition_id + 1
    task = partial(
        train,
        config,
        start,
        training,
        validation,
        me.scenario.train,
        seed=seed + 2**32 * (settings.server_round - 1),  # every round shuffles anew
        device=settings.device,
        proximal_mu=settings.proximal_mu,
    )
    folder, most = me.cache
    result = kept(folder, training_key(*task.args, **task.keywords), task, most)
    state = result.state
    if fault.sends is not None:
        origin = state_of(build_model(config, seed)) if start is None else start
        state = fault.sends(state, origin, torch.Generator().manual_seed(seed + 2**32 * settings.server_round))
    update = ClientUpdate(
        client=data.name,
        partition_id=me.partition_id,
        state=state,
        config=config,
        num_examples=result.num_examples,
        token_counts=result.token_counts,
        tokenizer="" if tokenizer_json == settings.tokenizer else tokenizer_json,
        train_loss=result.best.train_loss,
        validation_loss=result.best.validation_loss,
        seconds=result.seconds,
        truncated=training.truncated,
        server_round=settings.server_round,
        class_counts=count_classes(training, len(data.labels)),
    )
    return Message(pack_update(update), reply_to=message)


def evaluate(message: Message, context: Context) -> Message:
    """Evaluate models and mixtures of models on this client's test split; only sums go back."""
    settings = Settings.from_record(message.content.config_records[CONFIG])
    me = _Client(settings, context)
    request = unpack_evaluation(message.content)
    own, _ = me.tokenizer()

    def encoded(split: str) -> list[Labelled | Pairs]:
        """Read a split as each model of the request does."""
        return [
            me.encoded(split, tokenizer or own, config.max_length)
            for tokenizer, config in zip(request.tokenizers, request.configs, strict=True)
        ]

    tests = encoded("test")
    pairs = [test for test in tests if isinstance(test, Pairs)]
    if pairs:
        tokenizers = [Tokenizer.from_str(tokenizer or own) for tokenizer in request.tokenizers]
        about = (request, pairs, tokenizers, list(me.data().test["target"]), me.scenario.decoding, settings.device)
        return Message(pack_tallies([tally_item(item, *about) for item in request.items]), reply_to=message)
    labelled = [test for test in tests if isinstance(test, Labelled)]
    known = [rows for rows in encoded("validation") if isinstance(rows, Labelled)] if request.calibrated else []
    return Message(pack_tallies(tally_classes(request, labelled, known, settings.device)), reply_to=message)


class _Client:
    """A message's settings together with what this node knows of itself."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self.partition_id = int(context.node_config["partition-id"])
        self.settings = settings
        self.scenario = Scenario.model_validate_json(settings.scenario)
        if settings.base_dir:
            self.scenario = self.scenario.model_copy(update={"base_dir": Path(settings.base_dir)})
        if self.partition_id >= len(self.scenario.client_specs()):
            raise FedotError(
                f"this node is number {self.partition_id}, but the scenario has only clients "
                f"0 to {len(self.scenario.client_specs()) - 1}"
            )
        self.data_dir = str(context.node_config.get("data-path", "")) or settings.data_dir
        self.cache_path = str(context.node_config.get("cache-path", ""))
        self._key = (settings.scenario, settings.base_dir, self.partition_id, settings.seed, self.data_dir)

    @property
    def cache(self) -> tuple[str, int | None]:
        """Folder of trained models and how many are kept: a node of its own keeps what the next strategies ask for."""
        if self.settings.cache != OWN_CACHE:
            return self.settings.cache, None
        return self.cache_path or str(default_folder().parent / "nodes" / str(self.partition_id)), MODELS_KEPT

    def data(self) -> ClientData:
        return _load(*self._key)

    def tokenizer(self) -> tuple[str, Tokenizer]:
        """Give the shared tokenizer, or one trained on this client's own text."""
        spec = self.scenario.tokenizer_spec(self.partition_id)
        if spec.scope == "shared":
            return self.settings.tokenizer, Tokenizer.from_str(self.settings.tokenizer)
        text = _own_tokenizer(*self._key)
        return text, Tokenizer.from_str(text)

    def encoded(self, split: str, tokenizer: str, max_length: int) -> Labelled | Pairs:
        return _encode(*self._key, split, tokenizer, max_length)


@lru_cache(maxsize=64)
def _load(scenario: str, base_dir: str, partition_id: int, seed: int, data_dir: str) -> ClientData:
    value = Scenario.model_validate_json(scenario)
    if base_dir:
        value = value.model_copy(update={"base_dir": Path(base_dir)})
    return load_client(value, partition_id, seed, Path(data_dir) if data_dir else None)


@lru_cache(maxsize=64)
def _own_tokenizer(scenario: str, base_dir: str, partition_id: int, seed: int, data_dir: str) -> str:
    whole = Scenario.model_validate_json(scenario)
    spec = whole.tokenizer_spec(partition_id)
    data = _load(scenario, base_dir, partition_id, seed, data_dir)
    return train_tokenizer(count_words(texts_of(data.train), spec.kind), spec, whole.task).to_str()


@lru_cache(maxsize=64)
def _encode(
    scenario: str,
    base_dir: str,
    partition_id: int,
    seed: int,
    data_dir: str,
    split: str,
    tokenizer: str,
    max_length: int,
) -> Labelled | Pairs:
    rows = getattr(_load(scenario, base_dir, partition_id, seed, data_dir), split)
    return examples_of([rows], Tokenizer.from_str(tokenizer), max_length)


def _fitting_state(arrays: ArrayRecord, config: Config) -> State:
    """Read the global model; refuse one that has other shapes than this client's."""
    state, shapes = unpack_state(arrays), state_shapes(config)
    for name in sorted(shapes.keys() | state.keys()):
        found = tuple(state[name].shape) if name in state else None
        if found != shapes.get(name):
            raise FedotError(
                f"the global model does not fit this client's: {name} is {found}, not {shapes.get(name)}; "
                "start from independent models in one round, or give all clients the same model and tokenizer"
            )
    return state
