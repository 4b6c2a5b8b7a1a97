"""Ten thousand hostile messages and ten thousand damaged files: no crash, no traceback, no figure out of its range.

``python -m benchmarks.fuzz messages`` runs small federations in which one client of three answers at random
(`benchmarks.hostile`), until so many of its answers were changed. ``python -m benchmarks.fuzz replies`` keeps the
replies of an honest run, changes copies of them, and reads these through the boundary alone, which is far quicker.
``python -m benchmarks.fuzz files`` damages files of every kind that fedot reads, and reads them. All print what they
did, how long it took and how much memory, and exit with 1 after the first thing that is neither a figure nor one line.
"""

import copy
import math
import resource
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import typer
from flwr.app import Message

from benchmarks.boundary import Kept, through
from benchmarks.damaged import damage, kinds
from benchmarks.hostile import spoil
from fedot.errors import FedotError
from fedot.federation.engines.inprocess import InProcessGrid
from fedot.federation.experiment.record import RunRecord
from fedot.federation.experiment.run import run_scenario
from fedot.federation.experiment.run_settings import RunSettings
from fedot.scenario import Scenario, parse_scenario
from fedot.standin import sentences as standin
from fedot.wire.boundary import read_description
from fedot.wire.known import Known

BAD = 1002
RANGES = {"accuracy": 1, "f1_weighted": 1, "f1_macro": 1, "ece": 1, "ece_scaled": 1, "brier": 2, "brier_scaled": 2}
TINY: dict[str, Any] = {
    "name": "fuzz",
    "clients": [
        {"dataset": "xed", "lang": "en", "examples": 90, "test_examples": 30},
        {"dataset": "xed", "lang": "fi", "examples": 80, "test_examples": 30},
        {"dataset": "xed", "lang": "en", "name": "third", "examples": 85, "test_examples": 30},
    ],
    "tokenizer": {"vocab_size": 150},
    "model": {"name": "encoder", "d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 16, "max_length": 12},
    "train": {"epochs": 1, "batch_size": 32},
    "strategies": ["fedavg", {"name": "ot-fusion", "probe-texts": 32}],
    "references": ["parents", "ensemble"],
    "seeds": [0],
    "data": {"source": "stand-in"},
}
ALIGNED = [{"name": "fedmedian", "align": "client"}, {"name": "ot-fusion", "align": "client"}]
EDITIONS: tuple[dict[str, Any], ...] = (
    {},
    {"tokenizer": {"vocab_size": 150, "scope": "per-client"}, "rounds": 2},
    {"transfer": "float16", "rounds": 2, "strategies": ALIGNED},
    {"init": "shared", "rounds": 2, "strategies": ["krum", "fedavg-token-rows", "fedavg-class-shares"]},
)

cli = typer.Typer(add_completion=False, help=__doc__)


class HostileGrid(InProcessGrid):
    """A grid whose third client answers at random; what it did is kept."""

    random: Random
    done: list[str]

    def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> Iterator[Message]:
        """Spoil some of the third client's answers."""
        for reply in super().send_and_receive(messages, timeout=timeout):
            # who is not believed at the start is asked for nothing more
            often = 0.15 if reply.metadata.message_type.startswith("query") else 0.8
            if reply.metadata.src_node_id == BAD and reply.has_content() and self.random.random() < often:
                for _ in range(self.random.choice([1, 1, 2, 5])):
                    spoilt = spoil(reply.content, self.random)
                self.done.append(f"{reply.metadata.message_type}: {spoilt}")
                if self.random.random() < 0.1:
                    yield reply  # twice
            yield reply


def wrong_figures(record: RunRecord) -> list[str]:
    """What is wrong with the rows and words of a run of which one client is hostile."""
    found = []
    for name in {row["strategy"] for row in record.rows} | {spec.title for spec in record.scenario.strategies}:
        splits = {row["split"] for row in record.rows if row["strategy"] == name}
        failed = any(failure["strategy"] == name for failure in record.failures)
        own = name.startswith("parent:") and "per-client" in str(record.scenario.tokenizer.scope)
        if not {"xed-en", "xed-fi"} <= splits and not failed and not own:
            found.append(f"{name} has no figures of the others, and no reason")
    for row in record.rows:
        for key, value in row["metrics"].items():
            if not (math.isfinite(value) and 0 <= value <= RANGES.get(key, math.inf)):
                found.append(f"{row['strategy']}: {key} is {value}")
    lines = [*record.notices, *(failure["reason"] for failure in record.failures)]
    return found + [f"not to be shown: {line[:100]!r}" for line in lines if not line.isprintable()]


def hostile_run(scenario: Scenario, cache: str, random: Random) -> tuple[RunRecord, list[str]]:
    """Run a scenario of three clients in which the third is hostile."""
    record = RunRecord(scenario, "inprocess", "fuzz")
    nodes = [{"partition-id": k, "num-partitions": 3} for k in range(3)]
    grid = HostileGrid(nodes, {})
    grid.random, grid.done = random, []
    with grid:
        plan = RunSettings(scenario, cache=cache, pooled=False)
        run_scenario(grid, plan, record, lambda *_: None, lambda *_: None, lambda: None)
    return record, grid.done


@cli.command()
def messages(count: int = 10_000, seed: int = 0) -> None:
    """Run federations with a hostile client until so many of its answers were spoilt."""
    standin.TRAIN_ROWS = 400
    began, spoilt, runs, posed, failures = time.perf_counter(), 0, 0, 0, Counter[str]()
    with tempfile.TemporaryDirectory() as cache:
        while spoilt < count:
            edition = runs % len(EDITIONS)
            scenario = parse_scenario({**TINY, **EDITIONS[edition], "base_dir": Path(cache)})
            try:
                record, done = hostile_run(scenario, cache, Random(f"{seed} {runs}"))
            except FedotError as error:
                if "both say" not in str(error):  # of two who say that they are one, neither is believed
                    print(f"run {runs} (edition {edition}) of seed {seed} ended: {error}")
                    raise SystemExit(1) from None
                posed, runs = posed + 1, runs + 1
                continue
            except BaseException:
                print(f"run {runs} (edition {edition}) of seed {seed} ended:\n{traceback.format_exc()}")
                raise SystemExit(1) from None
            wrong = wrong_figures(record)
            if wrong:
                print(f"run {runs} (edition {edition}) of seed {seed}: {wrong[:3]} after {done}")
                raise SystemExit(1)
            failures.update(failure["reason"].split(":")[0][:60] for failure in record.failures)
            spoilt, runs = spoilt + len(done), runs + 1
    told = f"{spoilt} hostile messages in {runs} runs: {runs - posed} ended with the figures of the others"
    _tell(f"{told}, {posed} in one line, since two said that they are the same client", began)
    for reason, times in failures.most_common(5):
        print(f"  {times} strategies or references failed: {reason}")


@cli.command()
def replies(count: int = 10_000, seed: int = 0, seconds: float = 10.0) -> None:
    """Change so many copies of honest replies, and read them through the boundary; one may take so many seconds."""
    standin.TRAIN_ROWS = 400
    began, random, outcomes = time.perf_counter(), Random(seed), Counter[str]()
    said: list[tuple[Message, Message]] = []
    with tempfile.TemporaryDirectory() as folder:
        scenario = parse_scenario({**TINY, **EDITIONS[1], "base_dir": Path(folder)})
        grid = Kept([{"partition-id": k, "num-partitions": 3} for k in range(3)], {})
        grid.said = said
        with grid:
            run_scenario(
                grid, RunSettings(scenario), RunRecord(scenario, "", ""), lambda *_: None, lambda *_: None, lambda: None
            )
    about = [reply for _, reply in said if reply.metadata.message_type.startswith("query")]
    known = {
        reply.metadata.src_node_id: Known.of(scenario, read_description(reply.content, scenario)[0], 0)
        for reply in about
    }
    for number in range(count):
        message, reply = said[number % len(said)]
        spoilt = copy.deepcopy(reply)
        told = [spoil(spoilt.content, random) for _ in range(random.choice([1, 1, 2, 5]))]
        started = time.perf_counter()
        try:
            through(scenario, known, message, spoilt)
            outcome = "passed"
        except FedotError as error:
            outcome = "one line" if "\n" not in str(error) else f"several lines: {str(error)[:80]!r}"
        except BaseException:
            outcome = traceback.format_exc()
        if outcome not in ("passed", "one line") or time.perf_counter() - started > seconds:
            print(f"reply {number} of seed {seed}, {time.perf_counter() - started:.1f} s, {told}: {outcome}")
            raise SystemExit(1)
        outcomes[outcome] += 1
    _tell(f"{count} hostile replies: {outcomes['one line']} refused in one line, {outcomes['passed']} passed", began)


@cli.command()
def files(count: int = 10_000, seed: int = 0, seconds: float = 20.0) -> None:
    """Damage so many files, and read them; reading one may take so many seconds."""
    standin.TRAIN_ROWS = 400
    began, random = time.perf_counter(), Random(seed)
    outcomes: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        scenario = parse_scenario({**TINY, "strategies": ["fedavg", "ot-fusion"], "base_dir": Path(folder)})
        whole = kinds(scenario, Path(folder))
        for number in range(count):
            name = list(whole)[number % len(whole)]
            kind = whole[name]
            kind.path.write_bytes(damage(kind.content, random))
            started = time.perf_counter()
            try:
                kind.read(kind.path)
                outcome = "read"
            except FedotError as error:
                outcome = "one line" if str(error).isprintable() else f"not to be shown: {str(error)[:80]!r}"
            except BaseException:
                outcome = traceback.format_exc()
            if outcome not in ("read", "one line") or time.perf_counter() - started > seconds:
                print(f"file {number} ({name}) of seed {seed}, {time.perf_counter() - started:.1f} s: {outcome}")
                kept = Path(f"fuzz-{number}-{kind.path.name}")
                kept.write_bytes(kind.path.read_bytes())
                print(f"it is kept as {kept}")
                raise SystemExit(1)
            outcomes.setdefault(name, Counter())[outcome] += 1
    _tell(f"{count} damaged files: each read or refused in one line", began)
    for name, found in outcomes.items():
        print(f"  {name}: {', '.join(f'{times} {outcome}' for outcome, times in sorted(found.items()))}")


def _tell(told: str, began: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{told}; {time.perf_counter() - began:.0f} s, peak {peak:.0f} MiB")


if __name__ == "__main__":
    cli()
