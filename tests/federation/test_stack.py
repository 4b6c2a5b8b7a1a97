"""The grids of a seed, one upon the other: who is asked, when, and what is kept."""

from pathlib import Path
from typing import Any

import pytest
from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp

import clients.app
from fedot.federation.engines.inprocess import InProcessGrid
from fedot.federation.experiment.run_settings import RunSettings
from fedot.federation.grids.stack import stacked

NODES = [{"partition-id": k, "num-partitions": 3} for k in range(3)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Partitions of the clients that have trained, in the order in which they have."""
    found: list[int] = []

    def train(message: Message, context: Context) -> Message:
        found.append(int(context.node_config["partition-id"]))
        return Message(RecordDict(), reply_to=message)

    app = ClientApp()
    app.train()(train)
    monkeypatch.setattr(clients.app, "app", app)
    return found


def test_in_this_process_a_client_trains_when_its_reply_is_taken_and_no_deadline_counts(asked: list[int]) -> None:
    """However long others take: a simulation that takes hours loses nobody."""
    with InProcessGrid(NODES, {}) as inner:
        grid = stacked(inner, streamed=False, checkpoint=None, half=False)
        messages = [Message(RecordDict(), node, "train") for node in grid.get_node_ids()]
        replies = iter(grid.send_and_receive(messages, timeout=0.0))
        next(replies)
        assert asked == [0]
        assert len(list(replies)) == 2


def test_who_is_not_admitted_is_asked_for_nothing(asked: list[int], tmp_path: Path) -> None:
    with InProcessGrid(NODES, {}) as inner:
        grid = stacked(inner, streamed=False, checkpoint=tmp_path, half=False)
        first, _, third = grid.get_node_ids()
        grid.admit([third, first])
        assert list(grid.get_node_ids()) == [first, third]


def test_only_flowers_own_grids_are_streamed(tiny: Any) -> None:
    streamed = {engine: RunSettings(tiny(), engine=engine).streamed for engine in ("inprocess", "flower", "deployment")}
    assert streamed == {"inprocess": False, "flower": True, "deployment": True}
