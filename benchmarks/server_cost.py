"""What a round costs the server, by the number of clients: processor seconds and memory.

    python -m benchmarks.server_cost --clients 2,8,16,64,1000
    python -m benchmarks.server_cost --large --clients 2,4,8,16,32,64

Clients send random weights, each when its reply is asked for; replies go through the meter, and with `--large` through
the checkpoint on disk, as in a run. Memory is the largest resident set of a process of its own (/proc, Linux) minus
what it was before the round, files being left out. Seconds are those of the process without the making of replies. The
server's process is measured, not Flower's SuperLink, where replies wait until they are fetched.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

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

SMALL: dict[str, object] = {"d_model": 64, "n_layer": 2, "n_head": 4, "d_ff": 256, "max_length": 128}
LARGE: dict[str, object] = {"d_model": 256, "n_layer": 4, "n_head": 4, "d_ff": 1024, "max_length": 512}
TOKENS = {False: 8000, True: 30522}

STRATEGIES: dict[str, tuple[str, Mapping[str, object], str]] = {
    "merged": ("ot-fusion", {"method": "merged"}, "independent"),
    "aligned": ("ot-fusion", {"method": "aligned"}, "shared"),
    "aligned by clients, summed": ("ot-fusion", {"align": "client"}, "shared"),
    "fedavg": ("fedavg", {}, "shared"),
    "fedavg, aligned by clients": ("fedavg", {"align": "client"}, "shared"),
}
"""By title: a strategy, its options, and how its first round starts."""

MEASURED = """
import json, sys, time
from benchmarks.memory import peak
from benchmarks.server_cost import one_round
before = peak()
seconds = one_round(sys.argv[1], int(sys.argv[2]), sys.argv[3], large=bool(int(sys.argv[4])))
print(json.dumps([seconds, peak() - before]))
"""


def config_of(*, large: bool) -> Any:
    """Shape of the models."""
    return model_config({"name": "encoder", **(LARGE if large else SMALL)}, TOKENS[large], 2)


class Senders(InProcessGrid):
    """Clients that do not train: the k-th sends random weights, made when its reply is asked for."""

    def __init__(self, clients: int, config: Any) -> None:
        super().__init__([{"partition-id": k, "num-partitions": clients} for k in range(clients)], {})
        self.config, self.making = config, 0.0

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Answer each message."""
        del timeout
        return self._made(list(messages))

    def _made(self, messages: list[Message]) -> Iterator[Message]:
        for message in messages:
            began = time.process_time()
            reply = Message(_update(self.config, message.metadata.dst_node_id - FIRST_NODE), reply_to=message)
            self.making += time.process_time() - began
            yield reply


def _update(config: Any, k: int) -> RecordDict:
    generator = torch.Generator().manual_seed(k)
    state = {name: torch.randn(size, generator=generator) for name, size in state_shapes(config).items()}
    counts = torch.randint(0, 100, (config.vocab_size,), generator=generator)
    return pack_update(ClientUpdate(f"client-{k}", k, state, config, 1000, counts, None, 0.5, 0.5, 1.0, 0, 1))


def one_round(title: str, clients: int, folder: str, *, large: bool) -> float:
    """Run one round; processor seconds."""
    name, options, init = STRATEGIES[title]
    config = config_of(large=large)
    senders = Senders(clients, canonical_config(config) if "align" in options else config)
    with senders:
        names = {node: f"client-{k}" for k, node in enumerate(senders.get_node_ids())}
        places = {node: k for k, node in enumerate(names)}
        grid: Any = CheckpointedGrid(senders, Path(folder), places=places) if large else senders
        chosen = build_strategy(name, dict(options), Quorum(names, partitions=places))
        settings = Settings("{}", 0, init=init, model_config=config_to_json(config)).to_record()
        start = state_of(build_model(config, 0))
        began = time.process_time()
        chosen.start(MeteredGrid(grid), pack_state(start if init == "shared" else {}), 1, train_config=settings)
        return time.process_time() - began - senders.making


def measured(title: str, clients: int, *, large: bool) -> tuple[float, int]:
    """Processor seconds and bytes of a round, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", MEASURED, title, str(clients), folder, str(int(large))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    seconds, memory = json.loads(done.stdout.splitlines()[-1])
    return float(seconds), int(memory)


def main(
    clients: Annotated[str, typer.Option(help="Numbers of clients.")] = "2,4,8,16,32,64",
    strategies: Annotated[str, typer.Option(help="Titles, joined by semicolons; all where empty.")] = "",
    large: Annotated[bool, typer.Option("--large", help="Models of BERT-mini's shape.")] = False,
) -> None:
    """Print a table: seconds, and MiB over what the process has before."""
    titles = strategies.split(";") if strategies else list(STRATEGIES)
    size = 4 * sum(tensor.numel() for tensor in state_of(build_model(config_of(large=large), 0)).values())
    print(f"One model is {size / 2**20:.1f} MiB. Processor seconds; MiB.\n")
    print(f"| clients | {' | '.join(titles)} |\n|---:|{'---:|' * len(titles)}")
    for count in clients.split(","):
        cells = [measured(title, int(count), large=large) for title in titles]
        told = [f"{seconds:.1f} s; {memory / 2**20:,.0f}" for seconds, memory in cells]
        print(f"| {count} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
