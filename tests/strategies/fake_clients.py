"""Clients that answer what a test wants, and models small enough to check by hand."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from flwr.app import Error, Message, RecordDict
from flwr.serverapp import Grid
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from fedot.models import EncoderConfig, build_model, state_of
from fedot.tokenizer import train_tokenizer
from fedot.wire.flower_private import Run, assume_identity, give_id
from fedot.wire.messages import ClientUpdate, pack_update

CONFIG = EncoderConfig(vocab_size=12, n_class=2, d_model=8, n_layer=1, n_head=2, d_head=4, d_ff=16, max_length=6)

Reply = Callable[[Message], Message | None]


class FakeGrid(Grid):
    """Nodes by id, each a function from message to reply; a node that returns None stays silent."""

    def __init__(self, nodes: Mapping[int, Reply]) -> None:
        assume_identity()
        self.nodes = dict(nodes)
        self.sent: list[Message] = []

    def set_run(self, run: Run) -> None:
        raise NotImplementedError

    @property
    def run(self) -> Run:
        raise NotImplementedError

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        return list(self.nodes)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        raise NotImplementedError

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        raise NotImplementedError

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        del timeout
        batch = list(messages)
        self.sent += batch
        for message in batch:
            give_id(message)
        replies = [self.nodes[message.metadata.dst_node_id](message) for message in batch]
        return [reply for reply in replies if reply is not None]


def make_update(
    partition_id: int = 0, *, seed: int | None = None, config: EncoderConfig = CONFIG, **changes: object
) -> ClientUpdate:
    """A reply as it should be, apart from `changes`; `seed` draws the weights, the partition by default."""
    update = ClientUpdate(
        client=f"client-{partition_id}",
        partition_id=partition_id,
        state=state_of(build_model(config, partition_id if seed is None else seed)),
        config=config,
        num_examples=10,
        token_counts=torch.arange(config.vocab_size) % 5,
        tokenizer=None,
        train_loss=0.5,
        validation_loss=0.6,
        seconds=1.0,
        truncated=0,
    )
    return replace(update, **changes)  # type: ignore[arg-type]


def answer(update: ClientUpdate) -> Reply:
    """A node that always sends `update`."""
    return lambda message: Message(pack_update(update), reply_to=message)


def crash(reason: str = "ValueError (see this client's log)") -> Reply:
    """A node that answers with an error."""
    return lambda message: Message(Error(200, reason), reply_to=message)


def silence(message: Message) -> None:
    """A node that does not answer."""


def lost(message: Message) -> Message:
    """A node that went away: Flower tells of it under its own id, 1."""
    reply = Message(Error(4, "Node Unavailable"), reply_to=message)
    reply.metadata.__dict__["_src_node_id"] = 1
    return reply


def own_tokenizer(size: int = CONFIG.vocab_size) -> str:
    """A tokenizer of a client's own, with `size` tokens."""
    return tokenizer_of([f"w{k}" for k in range(2, size)])


def tokenizer_of(words: Sequence[str]) -> str:
    """A tokenizer that knows these words."""
    places = {word: k for k, word in enumerate(("[PAD]", "[UNK]", *words))}
    tokenizer = Tokenizer.from_str(train_tokenizer({"a": 1}).to_str())
    tokenizer.model = WordPiece(places, unk_token="[UNK]")
    text: str = tokenizer.to_str()
    return text
