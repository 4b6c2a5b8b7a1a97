"""Memory and time of a federation whose models have 110 million parameters, in Flower's own programs.

`python -m benchmarks.round_trip` starts a SuperLink and two SuperNodes with TLS and authentication on loopback, has
both clients train an encoder of that size on a few made-up texts, fuses the two models by optimal transport, and
evaluates the result. Memory is the largest resident set that /proc (Linux) tells of any process of a kind while it
runs; some 300 MiB of it are libraries.
"""

import json
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.memory import peak
from fedot.deploy.submit import submit
from fedot.errors import FedotError
from fedot.report import load_results
from fedot.scenario import dump_scenario, parse_scenario
from tests.e2e.federation import federation

SCENARIO: dict[str, Any] = {
    "name": "large",
    "clients": [
        {"dataset": "xed", "lang": "en", "examples": 64, "test_examples": 32},
        {"dataset": "xed", "lang": "fi", "examples": 64, "test_examples": 32},
    ],
    "model": {"name": "encoder", "n_layer": 12, "n_head": 11, "max_length": 32},
    "train": {"epochs": 1, "batch_size": 16},
    "references": [],
    "seeds": [0],
    "data": {"source": "stand-in"},
}
KINDS = {
    "fedot.deploy.superlink": "SuperLink",
    "fedot.deploy\0front": "front",
    "fedot.deploy.supernode": "SuperNode",
    "flwr-serverapp": "ServerApp",
    "flwr-clientapp": "ClientApp",
}
PAUSE = 0.2


class Watch(threading.Thread):
    """Peak resident memory in bytes by kind of process, as long as the thread runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peaks: Counter[str] = Counter()
        self.over = threading.Event()

    def run(self) -> None:
        """Look at all processes again and again."""
        while not self.over.wait(PAUSE):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    command = (folder / "cmdline").read_bytes().decode(errors="replace")
                    kind = next((kind for name, kind in KINDS.items() if name in command), None)
                    if kind is not None:
                        self.peaks[kind] = max(self.peaks[kind], peak(folder.name))
                except OSError:
                    continue  # it has ended


def main(
    d_model: Annotated[int, typer.Option(help="Width; a multiple of 11.")] = 880,
    strategy: Annotated[str, typer.Option(help="What the server does.")] = "ot-fusion",
    method: Annotated[str, typer.Option(help="Of ot-fusion: aligned or merged.")] = "aligned",
    align: Annotated[str, typer.Option(help="Who aligns: server or client.")] = "server",
    transfer: Annotated[str, typer.Option(help="Precision of the weights on the wire.")] = "float32",
) -> None:
    """Print the table of one run."""
    with tempfile.TemporaryDirectory() as name, federation(Path(name), {"client-0": 0, "client-1": 1}) as there:
        values = {**SCENARIO, "transfer": transfer, "base_dir": there.folder}
        values["model"] = {**SCENARIO["model"], "d_model": d_model, "d_ff": 4 * d_model}
        options = {"align": "client"} if align == "client" else {"method": method} if strategy == "ot-fusion" else {}
        values["strategies"] = [{"name": strategy, **options}]
        (there.folder / "large.yaml").write_text(dump_scenario(parse_scenario(values)))
        settings = {"scenario": str(there.folder / "large.yaml"), "out-dir": str(there.folder / "out")}
        watch, began = Watch(), time.perf_counter()
        watch.start()
        try:
            submit(
                there.link, {**settings, "progress": True}, 2, there.owner, tell=lambda line: print(line, flush=True)
            )
        except FedotError:
            for log in there.folder.glob("*.log"):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
            raise
        seconds = time.perf_counter() - began
        watch.over.set()
        watch.join()
        results = load_results(there.folder / "out" / "results.json")
        if results["failures"] or not results["provenance"]["complete"]:
            raise RuntimeError(json.dumps(results["failures"]))
        size = max(path.stat().st_size for path in (there.folder / "out" / "models").iterdir())
        [row] = [row for row in results["rows"] if row["split"] == "all"]
    print(f"\n{strategy} {options}, transfer: {transfer}. One model is {size / 2**20:.0f} MiB, or ", end="")
    print(
        f"{size / 4e6:.0f} million parameters; {row['bytes_up'] / 2**20:.0f} MiB went up in the round; {seconds:.0f} s."
    )
    print("\n| process | peak, MiB | over one model |\n|---|---:|---:|")
    for kind in KINDS.values():
        print(f"| {kind} | {watch.peaks[kind] / 2**20:.0f} | {watch.peaks[kind] / size:.1f} |")


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
