"""What a client does: describe itself, train, evaluate. Its texts never leave these functions."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, wraps

import torch
from flwr.app import Context, Error, Message
from tokenizers import Tokenizer
from torch import Tensor

from fedot.data import ClientData
from fedot.errors import FedotError, lines_of
from fedot.federation.client.bounds import (
    check_config,
    check_fits,
    check_request,
    check_settings,
    check_state,
    read_classes,
    read_config,
    read_scenario,
)
from fedot.federation.client.faults import FAULTS, Fault
from fedot.federation.client.kept_rows import KeptRows, RowSource
from fedot.federation.client.ledger import rows_key, spend
from fedot.federation.client.own_checkpoint import OwnCheckpoints
from fedot.federation.client.policy import Policy, partition_of
from fedot.hf.checkpoint_tokenizer import reference
from fedot.models import Config, State, build_model, state_of
from fedot.scenario.file_keys import OWN
from fedot.tasks import TASKS, Examples
from fedot.tasks.task import EvaluationRows
from fedot.terminal.stopwatch import timed
from fedot.text.outside import printable, told
from fedot.text.word_counts import pack_words
from fedot.tokenizer import count_words
from fedot.training import train
from fedot.training.cache import default_folder, kept, training_key
from fedot.training.client_checkpoint import model_folders
from fedot.wire.evaluations import pack_tallies, unpack_evaluation
from fedot.wire.messages import (
    ARRAYS,
    CONFIG,
    OWN_CACHE,
    ClientDescription,
    ClientUpdate,
    Settings,
    pack_description,
    pack_update,
)
from fedot.wire.records import arrays_in, unpack_state

log = logging.getLogger("fedot.client")

CLIENT_FAILED = 200
MODELS_KEPT = 8

LONGEST_REASON = 1000
"""Letters of the longest reason that is sent."""

FEW = 20
"""Of fewer test rows, somebody who looks at the figures of a simulation is told what they are."""

UNTOLD = (
    "of the labels in them it tells none but 0, 1, ..., so others have to be in the scenario, as in "
    "labels: [neg, pos], or whoever runs it agrees with tell-classes=true in its --node-config"
)
"""What is said of every failure to read files whose labels a client does not tell."""

Handler = Callable[[Message, Context], Message]


def private(handler: Handler) -> Handler:
    """Keep what a failure says at the client: only a `FedotError`, which holds no user text, tells why.

    Any other exception may quote data in its message, panics of compiled code too; the server learns its type, the
    client's log the rest. Whatever a message does, the node is there for the next one.
    """

    @wraps(handler)
    def guarded(message: Message, context: Context) -> Message:
        try:
            return handler(message, context)
        except FedotError as error:
            # of several mistakes each is a line, for whoever made them all
            reason = "\n".join(printable(line, LONGEST_REASON) for line in lines_of(error))
            log.info("a message is refused: %s", printable(reason, LONGEST_REASON))
            return Message(Error(CLIENT_FAILED, reason), reply_to=message)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # panics of Rust are no Exception
            log.exception("a message could not be answered")
            return Message(Error(CLIENT_FAILED, f"{type(error).__name__} (see this client's log)"), reply_to=message)

    return guarded


def describe(rows: KeptRows, message: Message, context: Context) -> Message:
    """Tell who this is; with a shared tokenizer also how often each word occurs, rare words left out."""
    me = _Client(rows, message, context)
    spec, shared = me.tokenizer_spec, me.tokenizer_spec.scope == "shared" and me.checkpoints.name is None
    if shared:
        me.policy.check_words(me.name)
    data, words = me.data(), b""
    notices = [*data.notices, *me.checkpoints.notices()]
    if shared:
        me.policy.check_rows(me.name, training=len(data.train))
        me.spend(context)
        with timed("tokenising"):
            words = pack_words(count_words(me.task.texts(data.train), spec.kind))
    if me.policy.simulated and len(data.test) < FEW:
        notices.append(f"{len(data.test)} test rows: figures of so few rows tell single predictions")
    description = ClientDescription(
        client=data.name,
        partition_id=me.partition_id,
        num_examples=len(data.train),
        num_validation=len(data.validation),
        num_test=len(data.test),
        labels=data.labels,
        source=data.source,
        notices=tuple(notices),
        words=words,
        model=me.checkpoints.in_words(),
    )
    return Message(pack_description(description), reply_to=message)


def fit(rows: KeptRows, message: Message, context: Context) -> Message:
    """Train on this client's data, or answer from the cache when the very same training was done before."""
    me = _Client(rows, message, context)
    settings = me.settings
    with told("a training request cannot be read"):
        arrays = arrays_in(message.content)[ARRAYS]
        fresh = (settings.init == "independent" or me.checkpoints.name is not None) and (
            settings.server_round == 1 or not arrays
        )
        sent = {} if fresh else unpack_state(arrays)
    data = me.data()
    me.policy.check_rows(me.name, training=len(data.train), validation=len(data.validation))
    tokenizer_json, tokenizer = me.tokenizer()
    if settings.model_config and not fresh:
        config = read_config(settings.model_config)
        me.checkpoints.check(config)
    else:
        config = me.checkpoints.config(tokenizer, len(data.labels))
        check_config(config)
    check_fits(config, tokenizer, len(data.labels), len(me.task.special_tokens))
    with timed("checking"):
        start = None if fresh else _fitting_state(sent, config)
    me.spend(context, [] if start is None else [start], 1)
    seed = settings.seed * 10_000 + me.partition_id + 1
    start = me.checkpoints.start(config, start, settings.seed * 10_000 if settings.init == "shared" else seed)
    training, validation = (me.encoded(split, tokenizer_json, config.max_length) for split in ("train", "validation"))
    fault = FAULTS.get(me.scenario.client_specs()[me.partition_id].fault or "", Fault())
    if fault.learns is not None:
        training, validation = (fault.learns(rows, len(data.labels)) for rows in (training, validation))
    task = partial(
        timed("training")(train),
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
    epoch = result.kept(me.scenario.train)
    state, told_epochs = result.state, result.history if me.policy.simulated else ()
    if fault.sends is not None:
        origin = state_of(build_model(config, seed)) if start is None else {name: start[name] for name in state}
        state = fault.sends(state, origin, torch.Generator().manual_seed(seed + 2**32 * settings.server_round))
    update = ClientUpdate(
        client=data.name,
        partition_id=me.partition_id,
        state=state,
        config=config,
        num_examples=result.num_examples,
        token_counts=result.token_counts if me.counts_tokens else torch.ones_like(result.token_counts),
        tokenizer=None if tokenizer_json == settings.tokenizer else tokenizer_json,
        train_loss=epoch.train_loss,
        validation_loss=epoch.validation_loss,
        seconds=result.seconds,
        truncated=training.truncated,
        server_round=settings.server_round,
        class_counts=training.count_classes(len(data.labels)),
        train_losses=tuple(each.train_loss for each in told_epochs),
        validation_losses=tuple(each.validation_loss for each in told_epochs),
    )
    return Message(pack_update(update), reply_to=message)


def evaluate(rows: KeptRows, message: Message, context: Context) -> Message:
    """Evaluate models and mixtures of models on this client's test split; only sums go back."""
    me = _Client(rows, message, context)
    device = me.settings.device
    with told("an evaluation request cannot be read"):
        request = unpack_evaluation(message.content)
        for config in request.configs:
            me.checkpoints.check(config)
        with timed("checking"):
            check_request(request)
    own, _ = me.tokenizer()
    tokenizers = [me.checkpoints.tokenizer(tokenizer or own) for tokenizer in request.tokenizers]
    data = me.data()
    for config, tokenizer in zip(request.configs, tokenizers, strict=True):
        check_fits(config, tokenizer, len(data.labels), len(me.task.special_tokens))
    calibrated = request.calibrated and bool(data.labels)
    me.policy.check_rows(me.name, test=len(data.test), validation=len(data.validation) if calibrated else None)
    me.spend(context, request.states, len(request.items))
    request = me.checkpoints.whole(request)

    def read(split: str) -> list[Examples]:
        """Read a split as each model of the request does."""
        return [
            me.encoded(split, tokenizer or own, config.max_length)
            for tokenizer, config in zip(request.tokenizers, request.configs, strict=True)
        ]

    decoding = me.scenario.decoding
    about = EvaluationRows(read, tokenizers, data.test, decoding.beam, decoding.length_penalty, device)
    with timed("evaluating"):
        tallies = me.task.evaluate(request, about)
    return Message(pack_tallies(tallies), reply_to=message)


class _Client:
    """A message's settings together with what this node knows of itself, and allows."""

    def __init__(self, rows: KeptRows, message: Message, context: Context) -> None:
        self._rows = rows
        self.policy, self.partition_id = Policy.of(context.node_config), partition_of(context.node_config)
        with told("the settings of a message cannot be read"):
            self.settings = Settings.from_record(message.content.config_records[CONFIG])
            check_settings(self.settings)
            self.scenario = read_scenario(self.settings.scenario)
        specs = self.scenario.client_specs()
        if self.partition_id >= len(specs):
            raise FedotError(
                f"this node is number {self.partition_id}, but the scenario has only clients 0 to {len(specs) - 1}"
            )
        self.spec = specs[self.partition_id]
        self.name = self.scenario.client_names()[self.partition_id]
        self.task = TASKS[self.scenario.task]
        self.policy.check_part(self.name, self.task.name, self.spec.dataset)
        self.tokenizer_spec = self.scenario.tokenizer_spec(self.partition_id)
        data_dir, base_dir = self.policy.folders(self.settings)
        folders = model_folders(base_dir)
        self.checkpoints = OwnCheckpoints(self.scenario, self.partition_id, self.policy, folders)
        self._source = RowSource(
            *(self.settings.scenario, base_dir, self.partition_id, self.settings.seed, data_dir, self.policy),
            read_classes(self.settings.classes) if self.scenario.finds_classes(self.partition_id) else (),
            folders,
        )

    @property
    def cache(self) -> tuple[str | None, int | None]:
        """Folder of trained models and how many are kept: a node of its own keeps what the next strategies ask for."""
        if self.policy.simulated and self.settings.cache != OWN_CACHE:
            return self.settings.cache, None
        own = default_folder().parent / "nodes" / str(self.partition_id)
        return self.policy.cache_path or str(own), MODELS_KEPT

    @property
    def counts_tokens(self) -> bool:
        """Whether token counts are told: with a tokenizer that the server made, tokens can be words."""
        return self.policy.tell_words or self.tokenizer_spec.scope != "shared"

    def spend(self, context: Context, models: Sequence[Mapping[str, Tensor]] = (), evaluations: int = 0) -> None:
        """Count what is about to be answered, or refuse it."""
        if not self.policy.simulated:
            rows = rows_key(self.scenario, self.partition_id)
            spend(context.state, self.policy, self.name, rows, self.settings.seed, models, evaluations)

    def data(self) -> ClientData:
        """Give the client's rows; why its own files cannot be read is for whoever runs it, and may quote them."""
        found = self.scenario.finds_classes(self.partition_id)
        try:
            own = self._rows.data(replace(self._source, classes=()))
            if found:  # before anything is done by them that could be noticed
                self.policy.check_classes(self.spec.train or self.spec.path or "", own.labels)
        except FedotError as error:
            if self.policy.simulated or self.spec.dataset not in OWN:
                raise
            log.warning("this client's files cannot be read: %s", printable(error, LONGEST_REASON))
            told = (
                f"the files of client {self.name}, which are looked for below its data-path, cannot be read as the "
                "scenario says (see this client's log)"
            )
            silent = found and not self.policy.tell_classes  # what is told depends on the scenario alone
            raise FedotError(f"{told}; {UNTOLD}" if silent else told) from None
        return self._rows.data(self._source)

    def tokenizer(self) -> tuple[str, Tokenizer]:
        """Give the shared tokenizer, or one trained on this client's own text."""
        if (name := self.checkpoints.name) is not None:
            return reference(name), self.checkpoints.tokenizer(reference(name))
        shared = self.tokenizer_spec.scope == "shared"
        text = self.settings.tokenizer or "" if shared else self._rows.own_tokenizer(self._source)
        return text, self.checkpoints.tokenizer(text)

    def encoded(self, split: str, tokenizer: str, max_length: int) -> Examples:
        """Read a split as a model with this tokenizer does."""
        return self._rows.encoded(self._source, split, tokenizer, max_length)


def _fitting_state(state: State, config: Config) -> State:
    """Take the global model as a start; refuse one that has other shapes than this client's."""
    try:
        check_state(state, config, "the global model does not fit this client's")
    except FedotError as error:
        raise FedotError(
            f"{error}; start from independent models in one round, or give all clients the same model and tokenizer"
        ) from None
    return state
