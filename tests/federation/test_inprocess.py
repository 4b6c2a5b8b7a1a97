"""The in-process engine: messages are function calls, and a failing client is an error reply."""

import logging
import multiprocessing
from collections.abc import Callable

import pytest
from flwr.app import ConfigRecord, Context, Error, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

import clients.app
from fedot.errors import FedotError
from fedot.federation.client.handlers import private
from fedot.federation.engines.inprocess import InProcessGrid
from fedot.federation.grids.metered import MeteredGrid
from fedot.wire.records import record_bytes

NODES = [{"partition-id": k, "num-partitions": 3} for k in range(3)]
SECRET = "it was a dark and stormy night"

UseApp = Callable[[Callable[[Message, Context], Message]], None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> UseApp:
    def install(handler: Callable[[Message, Context], Message]) -> None:
        app = ClientApp()
        app.train()(handler)
        monkeypatch.setattr(clients.app, "app", app)

    return install


def ask(grid: InProcessGrid | MeteredGrid, value: int = 1) -> list[Message]:
    content = RecordDict({"config": ConfigRecord({"value": value})})
    return list(grid.send_and_receive([Message(content, node, "train") for node in grid.get_node_ids()]))


def count(message: Message, context: Context) -> Message:
    """Add up, in the node's own state, what it was told so far."""
    total = context.state.metric_records.get("total", MetricRecord({"sum": 0}))
    total["sum"] += message.content.config_records["config"]["value"]  # type: ignore[operator]
    context.state["total"] = total
    who = {"sum": total["sum"], "me": int(context.node_config["partition-id"])}
    return Message(RecordDict({"metrics": MetricRecord(who)}), reply_to=message)


def test_every_node_answers_in_order_and_keeps_its_state(use: UseApp) -> None:
    use(count)
    with InProcessGrid(NODES, {}) as grid:
        ask(grid, 1)
        replies = ask(grid, 10)
        nodes = list(grid.get_node_ids())
    assert [reply.metadata.src_node_id for reply in replies] == nodes
    values = [reply.content.metric_records["metrics"] for reply in replies]
    assert [(value["me"], value["sum"]) for value in values] == [(0, 11), (1, 11), (2, 11)]


def test_replies_belong_to_their_messages_and_are_handed_out_once(use: UseApp) -> None:
    use(count)
    with InProcessGrid(NODES, {}) as grid:
        ids = list(grid.push_messages([Message(RecordDict({"config": ConfigRecord({"value": 1})}), 1001, "train")]))
        [reply] = grid.pull_messages(ids)
        assert reply.metadata.reply_to_message_id == ids[0]
        assert list(grid.pull_messages(ids)) == []


def test_a_crash_keeps_its_words_at_the_client(use: UseApp, caplog: pytest.LogCaptureFixture) -> None:
    def crash(message: Message, context: Context) -> Message:
        raise ValueError(f"cannot parse {SECRET!r}")

    use(private(crash))
    with caplog.at_level(logging.ERROR), InProcessGrid(NODES, {}) as grid:
        replies = ask(grid)
    assert all(reply.has_error() for reply in replies)
    assert {reply.error.reason for reply in replies} == {"ValueError (see this client's log)"}
    assert SECRET in caplog.text


def test_an_unguarded_crash_keeps_its_words_too(use: UseApp) -> None:
    def crash(message: Message, context: Context) -> Message:
        raise ValueError(SECRET)

    use(crash)
    with InProcessGrid(NODES, {}) as grid:
        assert all(SECRET not in str(reply.error.reason) for reply in ask(grid))


def test_a_fedot_error_passes_as_it_is(use: UseApp) -> None:
    def refuse(message: Message, context: Context) -> Message:
        raise FedotError("there is no file a.csv; give --data-dir")

    use(private(refuse))
    with InProcessGrid(NODES, {}) as grid:
        assert {reply.error.reason for reply in ask(grid)} == {"there is no file a.csv; give --data-dir"}


def test_an_interrupt_goes_through(use: UseApp) -> None:
    def interrupt(message: Message, context: Context) -> Message:
        raise KeyboardInterrupt

    use(private(interrupt))
    with InProcessGrid(NODES, {}) as grid, pytest.raises(KeyboardInterrupt):
        ask(grid)


def test_one_crashing_client_does_not_disturb_the_others(use: UseApp) -> None:
    def sometimes(message: Message, context: Context) -> Message:
        if context.node_config["partition-id"] == 1:
            return Message(Error(200, "no data here"), reply_to=message)
        return count(message, context)

    use(sometimes)
    with InProcessGrid(NODES, {}) as grid:
        assert [reply.has_error() for reply in ask(grid)] == [False, True, False]


@pytest.mark.slow
def test_a_worker_that_dies_is_told_in_one_line() -> None:
    with InProcessGrid(NODES, {}, workers=1) as grid:
        ask(grid)  # an error reply, but the worker is up
        for process in multiprocessing.active_children():
            process.kill()
        with pytest.raises(FedotError, match=r"a worker process died.*--workers 0"):
            ask(grid)


def test_the_meter_counts_what_goes_each_way(use: UseApp) -> None:
    use(count)
    with InProcessGrid(NODES, {}) as inner:
        grid = MeteredGrid(inner)
        replies = ask(grid)
    assert grid.ended.keys() == {"train"}
    assert grid.bytes_down["train"] == 3 * 8
    assert grid.bytes_up["train"] == sum(record_bytes(reply.content) for reply in replies) == 3 * 16


def test_the_meter_is_not_confused_by_errors_or_by_nothing(use: UseApp) -> None:
    use(lambda message, _: Message(Error(200, "no"), reply_to=message))
    with InProcessGrid(NODES, {}) as inner:
        grid = MeteredGrid(inner)
        assert list(grid.send_and_receive([])) == []
        assert grid.ended == {}
        ask(grid)
    assert grid.ended.keys() == {"train"}
    assert grid.bytes_up["train"] == 0
