"""What every strategy here has in common: a quorum, a deadline, and checked replies in a fixed order."""

import logging
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace

from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg
from tokenizers import Tokenizer

from fedot.errors import FedotError
from fedot.fusion import FusionPlan
from fedot.hf.checkpoint_tokenizer import referred
from fedot.models import Config, State, config_from_json
from fedot.strategies.lengths import STRIKING, step_length, times_median
from fedot.strategies.waiting import Sent, Waiting
from fedot.terminal.stopwatch import timed
from fedot.text.outside import printable
from fedot.tokenizer import read_tokenizer
from fedot.wire.boundary import read_replies, read_update
from fedot.wire.known import Known
from fedot.wire.messages import ARRAYS, CONFIG, ClientUpdate
from fedot.wire.nodes import wait_for_nodes
from fedot.wire.plain_replies import PlainUpdate
from fedot.wire.records import arrays_in, pack_state, unpack_state
from fedot.wire.updates import Asked, check_tensor

log = logging.getLogger("fedot.strategy")


@dataclass(frozen=True, slots=True)
class Quorum:
    """Who takes part, and how many suffice.

    Parameters
    ----------
    clients
        Name of the client behind every node id.
    fraction
        Share of the asked clients that must answer with a usable model.
    connect_seconds
        How long to wait for clients to connect before going on with those that are there.
    partitions
        Partition of the client behind every node id, where it is known.
    known
        What each of them said of itself, where it was asked: replies are held against it.

    Examples
    --------
    >>> Quorum({1: "xed-en", 2: "xed-fi"}, fraction=0.5).needed(2)
    1
    """

    clients: Mapping[int, str] = field(default_factory=dict)
    fraction: float = 0.5
    connect_seconds: float = 120.0
    partitions: Mapping[int, int] = field(default_factory=dict)
    known: Mapping[int, Known] = field(default_factory=dict)

    def needed(self, asked: int) -> int:
        """Smallest number of usable replies."""
        return max(1, math.ceil(self.fraction * asked))

    def name(self, node_id: int) -> str:
        """Tell a client's name, or its node id where it is not known."""
        return self.clients.get(node_id, f"node {node_id}")


class Guarded(FedAvg):
    """Mixin before any of Flower's strategies: asks who is there, drops bad replies, never waits for ever.

    Attributes
    ----------
    quorum, timeout
        Who takes part, and how many seconds an exchange may take.
    norm_limit
        A reply whose step is so many times as long as the median of all is left out; else only warned of.
    share_evaluating
        Share of the clients that a round's model is scored at; that of the last round is scored at all.
    accepted, dropped
        Of the latest round the replies that were used, and who was left out and why.
    expected, early, global_config, reader
        What a subclass may say: configurations of replies and of the global model, who was left out before, and what
        reads a tokenizer of a reply.

    Examples
    --------
    >>> from fedot.strategies import build_strategy
    >>> build_strategy("fedavg", {"norm-limit": 10}).norm_limit
    10.0
    """

    quorum: Quorum = Quorum()
    timeout: float = 3600.0
    equal_models: bool = True
    norm_limit: float = math.inf
    share_evaluating: float = 1.0
    comparable: bool = True  # whether the replies' lengths are those of models
    summed: bool = False  # whether replies are models times their examples
    expected: Config | None = None
    global_config: Config | None = None
    reader: Callable[[str], Tokenizer] = staticmethod(read_tokenizer)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fraction_evaluate = 0.0  # set here, since Flower's constructor warns of it; fedot evaluates by itself
        self.accepted: tuple[ClientUpdate, ...] = ()
        self.dropped: list[tuple[str, str]] = []
        self.early: list[tuple[str, str]] = []
        self._asked: dict[int, Asked] = {}
        self._starts: dict[int, ArrayRecord] = {}
        self._origin: tuple[ArrayRecord | None, State] | None = None
        self._steps: dict[int, float] = {}

    def plan_of_round(self) -> FusionPlan | None:
        """What the fusion of the latest round did; None where models were not brought together by a plan."""
        return None

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Wait for clients until the deadline, then ask those that are there.

        Raises
        ------
        FedotError
            If too few have connected.
        """
        self._wait(server_round, grid)
        self.early = []
        messages = list(super().configure_train(server_round, arrays, config, grid))
        if self._starts_empty(server_round, config):
            nothing = pack_state({})
            messages = [with_model(message, nothing) for message in messages]
        return self._asking(server_round, messages)

    def _wait(self, server_round: int, grid: Grid) -> None:
        """Wait for all clients, and go on at the deadline if enough of them are there."""
        expected = max(len(self.quorum.clients), 1)
        connected = wait_for_nodes(grid, expected, self.quorum.connect_seconds)
        if len(connected) < self.quorum.needed(expected):
            raise FedotError(
                f"round {server_round}: only {len(connected)} of {expected} clients are connected, and "
                f"{self.quorum.needed(expected)} are needed; missing: {self._absent(connected)}"
            )
        self.min_train_nodes = self.min_available_nodes = 1  # so that Flower does not wait on its own

    def _starts_empty(self, server_round: int, config: ConfigRecord) -> bool:
        """Whether every client draws a start of its own, or has it already: the checkpoint that all have."""
        has_one = referred(str(config.get("tokenizer", ""))) is not None
        return server_round == 1 and (config.get("init") != "shared" or has_one)

    def _asking(self, server_round: int, messages: list[Message]) -> list[Message]:
        """Remember who is asked for what, and where each starts from."""
        self._starts = {
            message.metadata.dst_node_id: arrays_in(message.content)[self.arrayrecord_key] for message in messages
        }
        self._asked = {message.metadata.dst_node_id: self._asks(server_round, message) for message in messages}
        return messages

    def _asks(self, server_round: int, message: Message) -> Asked:
        """What is known of the answer to a message: a client of fedot's that starts from a model sends one like it."""
        node, shape = message.metadata.dst_node_id, message.content.config_records[CONFIG].get("model-config", "")
        known = self.quorum.known.get(node)
        return Asked(
            self.quorum.name(node),
            self.quorum.partitions.get(node),
            known,
            config_from_json(str(shape)) if known and shape and self._starts[node] else None,
            server_round=server_round,
            summed=self.summed,
        )

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Drop unusable replies by name, then aggregate the rest as the strategy does.

        Raises
        ------
        FedotError
            If the quorum is missed, or the arithmetic of the strategy gives no finite numbers.
        """
        waiting = Waiting()
        taken = self.accept(server_round, waiting.first(replies), self._measured(waiting, waiting.put_away))
        good = [waiting.messages[node] for node, _ in taken]
        with timed("averaging"):
            arrays, metrics = super().aggregate_train(server_round, good)
        if arrays is None:
            return None, metrics
        # some of Flower's strategies return doubles, in which clients would then train
        return finite_arrays({name: tensor.float() for name, tensor in unpack_state(arrays).items()}), metrics

    def _measured(self, waiting: Waiting, keep: Callable[[Sent], Sent]) -> Callable[[Sent], Sent]:
        """What is done with a usable reply: the length of its step is taken before its tensors are put elsewhere."""
        self._steps = {}

        def take(update: Sent) -> Sent:
            if self.comparable:
                self._steps[waiting.node] = self._step(waiting.node, update)
            return keep(update)

        return take

    def accept(
        self,
        server_round: int,
        replies: Iterable[Message],
        take: Callable[[ClientUpdate], ClientUpdate] = lambda update: update,
    ) -> list[tuple[int, ClientUpdate]]:
        """Return what usable replies hold, by node, ordered by client, so that sums do not depend on who was first.

        Of each of them only what `take` returns is kept.

        Raises
        ------
        FedotError
            If fewer than the quorum are usable; it names who is missing or was dropped.
        """
        self.accepted = ()
        good, dropped = read_replies(replies, self._expecting(), read_update, take)
        self.dropped = [*self.early, *dropped]
        if self.equal_models:
            self._require_equal_models(good)
        good = self._enough(server_round, good)
        self.accepted = tuple(update for _, update in good)
        return good

    def _enough(self, server_round: int, good: list[tuple[int, Sent]]) -> list[tuple[int, Sent]]:
        """Leave out what is longer than `norm_limit`, tell who is left out, and hold the rest against the quorum.

        Raises
        ------
        FedotError
            If fewer are left.
        """
        if self.comparable:
            good = self._within_limit(server_round, good)
        for name, reason in self.dropped:
            log.warning("round %s goes on without %s: %s", server_round, name, reason, extra={"round": server_round})
        asked = len(self._asked) + len(self.early)
        if len(good) < self.quorum.needed(asked):
            told = "; ".join(f"{name}: {reason}" for name, reason in self.dropped)
            raise FedotError(
                f"round {server_round}: {len(good)} of {asked} clients sent a usable model, and "
                f"{self.quorum.needed(asked)} are needed ({told})"
            )
        return good

    def _expecting(self) -> dict[int, Asked]:
        """Who was asked, and for a model of which shape, where all are to send the same."""
        if self.expected is None:
            return self._asked
        purpose = "to be aligned to"
        return {node: replace(asked, shape=self.expected, purpose=purpose) for node, asked in self._asked.items()}

    def _within_limit(self, server_round: int, good: list[tuple[int, Sent]]) -> list[tuple[int, Sent]]:
        """Leave out whose step is longer than `norm_limit` medians; warn of a striking one."""
        names = [self.quorum.name(node) for node, _ in good]
        lengths = [self._steps[node] if node in self._steps else self._step(node, update) for node, update in good]
        kept = []
        for name, pair, times in zip(names, good, times_median(lengths), strict=True):
            told = f"its step is {times:.3g} times as long as the median of all"
            if times <= self.norm_limit:
                kept.append(pair)
                if times > STRIKING:
                    log.warning("round %s: %s: %s; norm-limit would leave it out", server_round, name, told)
            else:
                self.dropped.append((name, f"{told}, and norm-limit is {self.norm_limit:g}"))
        return kept

    def _step(self, node: int, update: ClientUpdate | PlainUpdate) -> float:
        """How far a model is from what its client was sent."""
        sent = self._starts.get(node)
        if self._origin is None or self._origin[0] is not sent:  # mostly all are sent the same
            self._origin = sent, unpack_state(sent) if sent is not None else State()
        return step_length(update.state, self._origin[1])

    def _require_equal_models(self, good: list[tuple[int, ClientUpdate]]) -> None:
        """Refuse to average different models: Flower would broadcast or crash, or mix heads of other widths."""
        about = [{**asdict(update.config), "dropout": None} for _, update in good]
        for (_, update), other in zip(good[1:], about[1:], strict=True):
            for name, value in about[0].items():
                if other.get(name) != value:
                    raise FedotError(
                        f"this strategy needs equal models, but {name} is {printable(value, 80)} at "
                        f"{good[0][1].client} and {printable(other.get(name), 80)} at {update.client}; use ot-fusion"
                    )
        # a sole survivor's model cannot be read with the vocabularies of the others either
        if max(len(self._asked), len(self.quorum.clients)) > 1 and any(update.tokenizer for _, update in good):
            raise FedotError(
                "this strategy needs one tokenizer for all, but clients have their own; "
                "use ot-fusion, or tokenizer.scope: shared"
            )

    def _absent(self, connected: Collection[int]) -> str:
        return ", ".join(name for node, name in self.quorum.clients.items() if node not in connected) or "unknown"


def finite_arrays(state: State) -> ArrayRecord:
    """Pack an aggregated model.

    Raises
    ------
    FedotError
        If it holds NaN or infinity: no client's model does, so it is the strategy's arithmetic that failed.
    """
    for name, tensor in state.items():
        check_tensor(f"the aggregated tensor {name}", tensor)
    return pack_state(state)


def with_model(message: Message, arrays: ArrayRecord, shape: str | None = None) -> Message:
    """The same message with another model, and with what it says of the model's shape, if that is given."""
    records = {**message.content, ARRAYS: arrays}
    if shape is not None:
        records[CONFIG] = ConfigRecord({**message.content.config_records[CONFIG], "model-config": shape})
    return Message(RecordDict(records), message.metadata.dst_node_id, message.metadata.message_type)
