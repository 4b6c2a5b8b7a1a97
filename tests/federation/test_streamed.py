"""Replies that come one by one."""

import gc
import weakref
from collections.abc import Iterable

import pytest
from flwr.app import Message, RecordDict

from fedot.federation.grids import streamed
from fedot.federation.grids.streamed import StreamedGrid
from fedot.wire.flower_private import give_id
from tests.strategies.fake_clients import FakeGrid, answer, make_update


class Link(FakeGrid):
    """Has each reply ready after as many looks as the node's id says, and is busy with nothing else."""

    def __init__(self, nodes: Iterable[int]) -> None:
        super().__init__({node: answer(make_update(node)) for node in nodes})
        self.waiting: dict[str, Message] = {}
        self.looks: dict[str, int] = {}
        self.fetched: list[int] = []

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        self.sent += messages
        for message in self.sent:
            self.waiting[give_id(message)] = message
        return [*self.waiting, None]  # type: ignore[list-item]

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        [sent] = message_ids
        node = self.waiting[sent].metadata.dst_node_id
        self.looks[sent] = self.looks.get(sent, 0) + 1
        if self.looks[sent] < node:
            return []
        self.fetched.append(node)
        reply = self.nodes[node](self.waiting.pop(sent))
        return [] if reply is None else [reply]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "PAUSE", 0.001)


def messages(link: Link) -> list[Message]:
    return [Message(RecordDict(), node, "train") for node in link.nodes]


def test_questions_go_out_at_once_and_replies_come_when_they_are_asked_for() -> None:
    link = Link([3, 1, 2])
    replies = iter(StreamedGrid(link).send_and_receive(messages(link), timeout=60))
    assert len(link.sent) == 3
    assert link.fetched == []
    assert next(replies).metadata.src_node_id == 1
    assert link.fetched == [1]
    assert [reply.metadata.src_node_id for reply in replies] == [2, 3]


def test_whoever_is_late_is_not_waited_for() -> None:
    link = Link([1, 10**9])
    found = list(StreamedGrid(link).send_and_receive(messages(link), timeout=0.05))
    assert [reply.metadata.src_node_id for reply in found] == [1]


def test_nothing_sent_is_nothing_received() -> None:
    link = Link([])
    assert list(StreamedGrid(link).send_and_receive([])) == []


def test_no_reply_is_held_while_the_next_is_fetched() -> None:
    link = Link([1, 2])
    replies = iter(StreamedGrid(link).send_and_receive(messages(link)))
    first = weakref.ref(next(replies))
    next(replies)
    gc.collect()
    assert first() is None
