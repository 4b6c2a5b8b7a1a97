"""Memory of the server against the number of clients, where these align their models themselves.

`python -m benchmarks.server_memory` runs one round of `ot-fusion` with `align: client`, whose server adds up, and of
`fedavg` with `align: client`, whose mean Flower takes of all models at once. The clients send random weights, each when
its reply is asked for; replies go through the meter and the checkpoint on disk as in a run. Memory is the largest
resident set of a process of its own (/proc, Linux) minus what it was before the round. The server's process is
measured, not Flower's SuperLink, where replies wait until they are fetched.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import torch
import typer
from flwr.app import Message, RecordDict

from fedot.federation.engines.inprocess import FIRST_NODE, InProcessGrid
from fedot.federation.grids.checkpointed import CheckpointedGrid
from fedot.federation.grids.metered import MeteredGrid
from fedot.models import build_model, canonical_config, config_to_json, model_config, state_of, state_shapes
from fedot.strategies import Quorum, build_strategy
from fedot.wire.messages import ClientUpdate, Settings, pack_update
from fedot.wire.records import pack_state

SHAPE: dict[str, object] = {"d_model": 256, "n_layer": 4, "n_head": 4, "d_ff": 1024, "max_length": 512}
VOCABULARY = 30522
CONFIG = model_config({"name": "encoder", **SHAPE}, VOCABULARY, 2)
MEASURED = """
import json, sys
from benchmarks.memory import peak
from benchmarks.server_memory import one_round
before = peak()
one_round(sys.argv[1], int(sys.argv[2]), sys.argv[3])
print(json.dumps(peak() - before))
"""


class Senders(InProcessGrid):
    """Clients that do not train: the k-th sends random weights, made when its reply is asked for."""

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Answer each message."""
        del timeout
        return self._made(list(messages))

    def _made(self, messages: list[Message]) -> Iterator[Message]:
        for message in messages:
            yield Message(_update(message.metadata.dst_node_id - FIRST_NODE), reply_to=message)


def _update(k: int) -> RecordDict:
    generator, shape = torch.Generator().manual_seed(k), canonical_config(CONFIG)
    state = {name: torch.randn(size, generator=generator) for name, size in state_shapes(shape).items()}
    counts = torch.randint(0, 100, (VOCABULARY,), generator=generator)
    return pack_update(ClientUpdate(f"client-{k}", k, state, shape, 1000, counts, "", 0.5, 0.5, 1.0, 0, 1))


def one_round(strategy: str, clients: int, folder: str) -> None:
    """Run one round from a shared start."""
    nodes = [{"partition-id": k, "num-partitions": clients} for k in range(clients)]
    with Senders(nodes, {}) as senders:
        names = {node: f"client-{k}" for k, node in enumerate(senders.get_node_ids())}
        places = {node: k for k, node in enumerate(names)}
        kept = CheckpointedGrid(senders, Path(folder), places=places)
        chosen = build_strategy(strategy, {"align": "client"}, Quorum(names, partitions=places))
        settings = Settings("{}", 0, init="shared", model_config=config_to_json(CONFIG)).to_record()
        chosen.start(MeteredGrid(kept), pack_state(state_of(build_model(CONFIG, 0))), 1, train_config=settings)


def main(clients: Annotated[str, typer.Option(help="Numbers of clients.")] = "2,4,8,16,32,64") -> None:
    """Print the table."""
    size = 4 * sum(tensor.numel() for tensor in state_of(build_model(CONFIG, 0)).values())
    print(f"One model is {size / 2**20:.0f} MiB. MiB, and over one model:\n")
    print("| clients | ot-fusion, aligned by clients | fedavg, aligned by clients |\n|---:|---:|---:|")
    for count in clients.split(","):
        cells = []
        for strategy in ("ot-fusion", "fedavg"):
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, "-c", MEASURED, strategy, count, folder]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise RuntimeError(done.stderr[-2000:])
            memory = json.loads(done.stdout.splitlines()[-1])
            cells.append(f"{memory / 2**20:.0f} ({memory / size:.1f})")
        print(f"| {count} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
