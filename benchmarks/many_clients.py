"""What a client and a round cost, from ten clients to a thousand.

    python -m benchmarks.many_clients --clients 10,50,200,1000
    python -m benchmarks.many_clients --clients 1000 --fraction-train 0.02 --data-dir DATA

Every client has as many texts as every other, of one corpus that is dealt out: SST-2 of `--data-dir`, or made-up text,
repeated to as many rows as there are clients to give them to. The whole command is run in processes of its own.
Processor seconds are those of all processes; a client and a round cost what is left of them without the start of the
processes. Memory is that of all together, pages that they share counted once (/proc, Linux).
"""

import contextlib
import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer
import yaml

from fedot.standin.sentences import stand_in
from fedot.storage.scratch import scratch_folder
from fedot.terminal.stopwatch import PARTS

TEXTS, TESTS = 100, 20
LABELS = ("negative", "positive")
MODEL = {"name": "encoder", "d_model": 64, "n_layer": 2, "n_head": 4, "d_ff": 256, "max_length": 48}
PAUSE = 0.5
"""Seconds between two looks at the processes' memory."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took.

    Attributes
    ----------
    clock, processor
        Seconds in all, those of all processes together.
    memory
        Largest sum over the processes, in bytes.
    loading
        Processor seconds of the process that workers are forked from, which does nothing but load libraries.
    written
        Bytes of results.json.
    """

    clients: int
    rounds: int
    taking_part: int
    clock: float
    processor: float
    memory: int
    loading: float
    written: int
    timings: list[dict[str, Any]]

    def part(self, *names: str) -> float:
        """Processor seconds that went into some parts of the work."""
        return float(sum(entry["seconds"].get(name, 0.0) for entry in self.timings for name in names))

    @property
    def start(self) -> float:
        """Processor seconds before the processes have begun with their work."""
        return self.loading + self.part("starting")

    @property
    def work(self) -> float:
        """Processor seconds without the start of the processes."""
        return self.processor - self.start

    @property
    def each(self) -> float:
        """The same for each client that takes part and each round."""
        return self.work / (self.taking_part * self.rounds)

    @property
    def overhead(self) -> float:
        """Share of `work` that is neither training nor evaluation's arithmetic."""
        return 1 - self.part("training", "evaluating") / self.work


def corpus(folder: Path, clients: int, data_dir: Path | None, texts: int = TEXTS, tests: int = TESTS) -> None:
    """Write as many rows as all clients need, in the place of a data set that is dealt out."""
    if data_dir is None:
        made = stand_in("imdb", "en", LABELS)
        columns = {"train": (made.train["text"], made.train["label"]), "test": (made.test["text"], made.test["label"])}
    else:
        tables = {"train": "sst2/train.parquet", "test": "sst2/test_labelled.parquet"}
        read = {split: pq.read_table(data_dir / path).to_pydict() for split, path in tables.items()}
        columns = {split: (rows["sentence"], rows["label"]) for split, rows in read.items()}
    generator = np.random.default_rng(0)
    (folder / "imdb").mkdir(parents=True)
    for split, count in (("train", texts), ("test", tests)):
        found, labels = columns[split]
        rows = generator.integers(len(found), size=clients * count)
        table = pa.table({"text": [found[k] for k in rows], "label": [int(labels[k]) for k in rows]})
        pq.write_table(table, folder / "imdb" / f"{split}.parquet")


def scenario(clients: int, rounds: int, fraction: float, vocabulary: int) -> dict[str, Any]:
    """FedAvg from one start."""
    sampled = {"fraction-train": fraction, "fraction-evaluate": fraction} if fraction < 1 else {}
    return {
        "name": "many",
        "clients": {"dataset": "imdb", "partition": {"kind": "iid", "count": clients}},
        "tokenizer": {"vocab_size": vocabulary},
        "model": MODEL,
        "init": "shared",
        "rounds": rounds,
        "strategies": [{"name": "fedavg", **sampled}],
        "references": [],
        "seeds": [0],
        "data": {"source": "directory"},
    }


def run(
    clients: int, rounds: int, fraction: float, vocabulary: int, data_dir: Path | None, workers: int | None
) -> Cost:
    """Run the whole command once, without models of earlier runs."""
    with scratch_folder() as folder:
        corpus(folder / "data", clients, data_dir)
        (folder / "many.yaml").write_text(yaml.safe_dump(scenario(clients, rounds, fraction, vocabulary)))
        options = ["--data-dir", folder / "data", "--out", folder / "out", "--no-cache", "--device", "cpu", "--timings"]
        options += [] if workers is None else ["--workers", workers]
        command = [sys.executable, "-m", "fedot.simulate", folder / "many.yaml", *options]
        _adopt()
        before, began = _spent(), time.perf_counter()
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT)
            memory, loading = _watch(process)
        clock = time.perf_counter() - began
        _bury()
        processor = _spent() - before
        if process.returncode:
            raise RuntimeError((folder / "log").read_text()[-2000:])
        path = folder / "out" / "results.json"
        results = json.loads(path.read_text())
        part = clients if fraction == 1 else max(1, int(clients * fraction))
        return Cost(clients, rounds, part, clock, processor, memory, loading, path.stat().st_size, results["timings"])


def _adopt() -> None:
    """Become the parent of what a child leaves behind when it ends, so that its seconds are counted (Linux)."""
    become_subreaper = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
    ctypes.CDLL(None).prctl(become_subreaper, 1, 0, 0, 0)


def _bury() -> None:
    """Wait for all that were left behind."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _spent() -> float:
    """Processor seconds of all processes that have ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch(process: "subprocess.Popen[bytes]") -> tuple[int, float]:
    """Wait for the end of a process.

    Returns
    -------
    tuple
        The most memory that it and its own processes had at a time, and the seconds of that which workers come from.
    """
    most, loading, over = [0], [0.0], threading.Event()

    def look() -> None:
        while not over.wait(PAUSE):
            family = list(_family(process.pid))
            most[0] = max(most[0], sum(map(_memory, family)))
            loading[0] = max(loading[0], sum(_loading(pid, process.pid) for pid in family))

    watcher = threading.Thread(target=look)
    watcher.start()
    process.wait()
    over.set()
    watcher.join()
    return most[0], loading[0]


def _family(pid: int) -> Iterator[int]:
    """A process and all that it has started, those that these have started among them."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(_stat(path)[1])
        except OSError:  # it has just ended
            continue
    for each in parents:
        place: int | None = each
        while place not in (None, pid):
            place = parents.get(place or 0)
        if place == pid:
            yield each


def _stat(path: Path) -> list[str]:
    """What the kernel says of a process after its name: its state, its parent, ..., at 11 and 12 its clock ticks."""
    return path.read_text().rpartition(")")[2].split()


def _memory(pid: int) -> int:
    """Bytes that a process has in memory, its share of what it has in common with others."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _loading(pid: int, command: int) -> float:
    """Processor seconds of the process that a command's workers are forked from; 0 of any other."""
    place = Path(f"/proc/{pid}")
    try:
        called, found = (place / "cmdline").read_bytes(), _stat(place / "stat")
    except OSError:  # it has just ended
        return 0.0
    if b"multiprocessing.forkserver" not in called or int(found[1]) != command:
        return 0.0
    return sum(map(int, found[11:13])) / os.sysconf("SC_CLK_TCK")


def main(
    clients: Annotated[str, typer.Option(help="Numbers of clients, with commas between.")] = "10,50,200",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of FedAvg.")] = 3,
    fraction_train: Annotated[float, typer.Option(help="Share of the clients that take part in a round.")] = 1.0,
    vocabulary: Annotated[int, typer.Option(help="Tokens of the tokenizer, at most.")] = 2000,
    data_dir: Annotated[Path | None, typer.Option(help="Folder with SST-2; made-up text without.")] = None,
    workers: Annotated[int | None, typer.Option(help="As of fedot simulate.")] = None,
    parts: Annotated[bool, typer.Option("--parts", help="Also print the seconds of each part.")] = False,
) -> None:
    """Print a row for each number of clients."""
    print(f"{os.cpu_count()} processors; {TEXTS} training and {TESTS} test texts a client, {rounds} rounds.\n")
    print("| clients | seconds | processor seconds | start | ms a client and round | other work | MiB | results, MB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for count in map(int, clients.split(",")):
        cost = run(count, rounds, fraction_train, vocabulary, data_dir, workers)
        print(
            f"| {count} | {cost.clock:.1f} | {cost.processor:.1f} | {cost.start:.1f} | "
            f"{1000 * cost.each:.1f} | {100 * cost.overhead:.0f} % | {cost.memory / 2**20:.0f} | "
            f"{cost.written / 1e6:.2f} |",
            flush=True,
        )
        if parts:
            print({name: round(cost.part(name), 2) for name in PARTS}, flush=True)


if __name__ == "__main__":
    typer.run(main)
