"""The same federation three times: fedot, fedot on Flower's own engine, and a plain Flower app; the last two on Ray.

    python -m benchmarks.peers --clients 10,100 --rounds 3 --data-dir DATA

Each is a whole command in a process of its own, start-up included, one after the other: FedAvg from one start, the data
and the model of `benchmarks.many_clients`, all epochs gone through. Accuracy is that of the last round on all clients'
test texts. Needs the extra `ray`.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
import yaml

from benchmarks.many_clients import corpus, scenario
from fedot.storage.scratch import scratch_folder


def commands(folder: Path, clients: int, rounds: int, texts: int, tests: int) -> dict[str, list[str]]:
    """What is run, by title."""
    shared = [sys.executable, "-m", "fedot.simulate", str(folder / "many.yaml"), "--data-dir", str(folder / "data")]
    shared += ["--no-cache", "--device", "cpu"]
    plain = ["--clients", str(clients), "--rounds", str(rounds), "--texts", str(texts), "--tests", str(tests)]
    return {
        "fedot": [*shared, "--out", str(folder / "fedot")],
        "fedot, `--engine flower`": [*shared, "--engine", "flower", "--out", str(folder / "flower")],
        "a plain Flower app": [sys.executable, "-m", "benchmarks.plain_flower", str(folder / "data"), *plain],
    }


def accuracy(folder: Path, title: str) -> float:
    """That of the last round, on all clients' texts."""
    if title == "a plain Flower app":
        return float(json.loads((folder / "data" / "accuracy.json").read_text())[-1])
    out = folder / ("fedot" if title == "fedot" else "flower")
    rows = json.loads((out / "results.json").read_text())["rows"]
    last = [row for row in rows if row["strategy"] == "fedavg" and row["split"] == "all"]
    return float(max(last, key=lambda row: row["round"])["metrics"]["accuracy"])


def main(
    clients: Annotated[str, typer.Option(help="Numbers of clients, with commas between.")] = "10",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of FedAvg.")] = 3,
    texts: Annotated[
        int, typer.Option(min=10, help="Training texts of a client, five times as many as of its test.")
    ] = 100,
    data_dir: Annotated[Path | None, typer.Option(help="Folder with SST-2; made-up text without.")] = None,
) -> None:
    """Print a table."""
    titles = ("clients", "texts of each", "rounds", "program", "seconds", "against fedot", "accuracy")
    print(f"| {' | '.join(titles)} |\n|---:|---:|---:|---|---:|---:|---:|")
    for count in map(int, clients.split(",")):
        with scratch_folder() as folder:
            corpus(folder / "data", count, data_dir, texts, texts // 5)
            (folder / "many.yaml").write_text(yaml.safe_dump(scenario(count, rounds, 1.0, 2000)))
            first = 0.0
            for title, command in commands(folder, count, rounds, texts, texts // 5).items():
                began = time.perf_counter()
                with (folder / "log").open("w") as log:
                    done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
                seconds = time.perf_counter() - began
                if done.returncode:
                    raise RuntimeError((folder / "log").read_text()[-2000:])
                first = first or seconds
                score = 100 * accuracy(folder, title)
                print(
                    f"| {count} | {texts} | {rounds} | {title} | {seconds:.1f} | {seconds / first:.1f} | {score:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    typer.run(main)
