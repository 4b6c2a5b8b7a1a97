"""What the boundary costs: seconds for checking all that clients send, beside the run in which they send it.

``python -m benchmarks.boundary`` runs the quickstart scenario without a cache, keeps every reply, and then reads each
of them again through `fedot.wire.boundary`, five times; the median is what checking takes. It prints both, and the
share.
"""

import copy
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from flwr.app import Message

from fedot.federation.engines.inprocess import InProcessGrid
from fedot.federation.experiment.record import RunRecord
from fedot.federation.experiment.run import run_scenario
from fedot.federation.experiment.run_settings import RunSettings
from fedot.scenario import Scenario, load_scenario
from fedot.wire.boundary import read_description, read_tallies, read_update
from fedot.wire.evaluations import unpack_evaluation
from fedot.wire.known import Known
from fedot.wire.messages import ClientDescription
from fedot.wire.updates import Asked

REPEATS = 5


class Kept(InProcessGrid):
    """A grid that keeps a copy of each message and its reply."""

    said: list[tuple[Message, Message]]

    def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> Iterator[Message]:
        """Answer one by one."""
        for message in messages:
            for reply in super().send_and_receive([message], timeout=timeout):
                self.said.append((message, copy.deepcopy(reply)))
                yield reply


def main(scenario: Path = Path("scenarios/quickstart.yaml")) -> None:
    """Print the table."""
    wanted = load_scenario(scenario, ["seeds=[0]"])
    count = len(wanted.client_specs())
    grid = Kept([{"partition-id": k, "num-partitions": count} for k in range(count)], {})
    grid.said = []
    record = RunRecord(wanted, "inprocess", "benchmark")
    began = time.perf_counter()
    with grid:
        run_scenario(grid, RunSettings(wanted), record, lambda *_: None, lambda *_: None, lambda: None)
    whole = time.perf_counter() - began
    spent = statistics.median(checking(wanted, grid.said) for _ in range(REPEATS))
    print(f"{len(grid.said)} replies of {count} clients, {scenario}")
    print("| the run, s | checking all replies, s | share |\n|---:|---:|---:|")
    print(f"| {whole:.2f} | {spent:.3f} | {spent / whole:.2%} |")


def checking(scenario: Scenario, said: list[tuple[Message, Message]]) -> float:
    """Seconds for reading all replies of a run through the boundary."""
    known: dict[int, Known] = {}
    began = time.perf_counter()
    for message, reply in said:
        read = through(scenario, known, message, reply)
        if isinstance(read, ClientDescription):
            known[reply.metadata.src_node_id] = Known.of(scenario, read, 0)
    return time.perf_counter() - began


def through(scenario: Scenario, known: dict[int, Known], message: Message, reply: Message) -> object:
    """Read one reply through the boundary; `known` is what the clients said of themselves."""
    node, kind = reply.metadata.src_node_id, reply.metadata.message_type
    if kind.startswith("query"):
        return read_description(reply.content, scenario)[0]
    if kind == "train":
        return read_update(reply.content, Asked(str(node)))
    return read_tallies(reply.content, unpack_evaluation(message.content), known[node])


if __name__ == "__main__":
    typer.run(main)
