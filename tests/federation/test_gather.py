"""Who is there: a client that goes away while it is asked may come back, until the deadline."""

from typing import Any

import pytest
from flwr.app import Error, Message, RecordDict

from fedot.errors import FedotError
from fedot.federation.experiment import gather as gathering
from fedot.federation.experiment.gather import gather
from fedot.wire.messages import ClientDescription, Settings, pack_description
from tests.strategies.fake_clients import FakeGrid, Reply, lost


def described(partition: int) -> Reply:
    name = ("xed-en", "xed-fi")[partition]
    about = ClientDescription(name, partition, 9, 1, 3, ("no", "yes"), "stand-in", (), b"")
    return lambda message: Message(pack_description(about), reply_to=message)


def away(message: Message) -> Message:
    reply = lost(message)
    return Message(Error(5, "Node Unavailable\n its heartbeat"), metadata=reply.metadata)


@pytest.fixture
def asked(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(gathering, "PAUSE", 0.01)
    scenario = tiny(tokenizer={"vocab_size": 100, "scope": "per-client"})
    return lambda grid, seconds: gather(grid, scenario, Settings(scenario=scenario.model_dump_json(), seed=0), seconds)


def test_a_client_that_comes_back_is_asked_again_and_the_others_are_not(asked: Any) -> None:
    answers = [away, away, described(1)]
    grid = FakeGrid({5: described(0), 6: lambda message: answers.pop(0)(message)})
    assert asked(grid, 60.0).names == {5: "xed-en", 6: "xed-fi"}
    assert [message.metadata.dst_node_id for message in grid.sent] == [5, 6, 6, 6]


def test_one_that_does_not_ends_the_run_at_the_deadline_in_one_line(asked: Any) -> None:
    with pytest.raises(FedotError, match="1 of 2 clients said who they are in time: Node Unavailable its heartbeat"):
        asked(FakeGrid({5: described(0), 6: away}), 0.05)


def test_a_client_that_says_what_is_wrong_is_not_asked_again(asked: Any) -> None:
    grid = FakeGrid({5: described(0), 6: lambda message: Message(Error(200, "no such folder"), reply_to=message)})
    with pytest.raises(FedotError, match=r"^no such folder$"):
        asked(grid, 60.0)
    assert len(grid.sent) == 2
    assert all(isinstance(message.content, RecordDict) for message in grid.sent)
