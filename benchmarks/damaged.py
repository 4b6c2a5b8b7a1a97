"""Files as a disk, an editor or somebody else leaves them: one of every kind that fedot reads, and ways to damage it.

`kinds` makes whole files; each comes with the function that reads it, which may raise a `FedotError` and nothing else.
`damage` changes bytes of one, or a value in it where it is JSON. `python -m benchmarks.fuzz files` uses both.
"""

import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow as pa
import torch

from benchmarks.hostile import TEXTS, another_text
from fedot.data.own_files.tables import read_table, write_table
from fedot.federation.engines.inprocess import InProcessGrid
from fedot.federation.experiment.record import RunRecord
from fedot.federation.experiment.run import run_scenario
from fedot.federation.experiment.run_settings import RunSettings
from fedot.report import load_results, summary_markdown, write_results
from fedot.report.pages.run_page import render_report
from fedot.saved import SavedModel, read_model
from fedot.scenario import Scenario, dump_scenario, load_scenario
from fedot.status import Status, lines_of, read_status, write_status
from fedot.training import Epoch, TrainResult, cache

ROWS = pa.table({"text": [f'a film, {k} "good"; ones\n' for k in range(60)], "label": [k % 2 for k in range(60)]})
RENDERED = 0.1
"""Share of damaged results that become a page, too, which takes longer than all else."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A whole file, and the function that reads it."""

    path: Path
    content: bytes
    read: Callable[[Path], object]


def kinds(scenario: Scenario, folder: Path) -> dict[str, Kind]:
    """Make one file of every kind, by a run of `scenario`, in `folder`."""
    record, models = RunRecord(scenario, "inprocess", "fuzz"), dict[str, SavedModel]()
    count = len(scenario.client_specs())
    with InProcessGrid([{"partition-id": k, "num-partitions": count} for k in range(count)], {}) as grid:
        run_scenario(
            grid,
            RunSettings(scenario),
            record,
            lambda title, _, m: models.update({title: m}),
            lambda *_: None,
            lambda: None,
        )
    write_results(record.as_dict(), folder)
    write_status(Status("fuzz", "running", "training", 0.5, 1.0, time.time(), time.time(), 1, "here"), folder)
    model = models["ot-fusion"]
    (folder / "scenario.yaml").write_text(dump_scenario(scenario), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(model.to_bytes())
    counts = torch.ones(model.config.vocab_size, dtype=torch.int64)
    cache.write(folder / "cached.safetensors", TrainResult(model.state, 9, counts, (Epoch(0.5, 0.6, 1.0),)))
    found: dict[str, tuple[str, Callable[[Path], object]]] = {
        "results": ("results.json", _report),
        "scenario": ("scenario.yaml", load_scenario),
        "model": ("model.safetensors", _use),
        "status": ("status.json", lambda path: lines_of(read_status(path.parent), 0.0)),
        "cached model": ("cached.safetensors", cache.read),
    }
    for suffix in ("csv", "tsv", "jsonl", "parquet"):
        write_table(ROWS, folder / f"rows.{suffix}")
        found[suffix] = (f"rows.{suffix}", lambda path: read_table(path, ["text", "label"]))
    return {kind: Kind(folder / name, (folder / name).read_bytes(), read) for kind, (name, read) in found.items()}


def damage(content: bytes, random: Random) -> bytes:
    """The same file with something wrong in it."""
    if random.random() < 0.5:
        changed = _other_value(content, random)
        if changed is not None:
            return changed
    what = random.randrange(5)
    place = random.randrange(len(content))
    if what == 0:
        return content[:place]
    if what == 1:
        return content[:place] + content[random.randrange(len(content)) :]
    if what == 2:
        return content[:place] + random.choice(TEXTS).encode("utf-8", "replace") + content[place:]
    if what == 3:
        return random.choice(
            [b"", b"\x00" * 100, b"\xff\xfe", b"PK\x03\x04", b"[" * 10**5, b"{" * 10**5, b"\xef\xbb\xbf"]
        )
    spoilt = bytearray(content)
    for _ in range(random.randint(1, 40)):
        spoilt[random.randrange(min(len(spoilt), random.choice([16, 400, 10**9])))] = random.randrange(256)
    return bytes(spoilt)


def _other_value(content: bytes, random: Random) -> bytes | None:
    """Change a value of a JSON file, or of the header of a safetensors file; None for other files."""
    if content[:1] == b"{":
        return another_text(content.decode(), random).encode("utf-8", "surrogatepass")
    try:
        size = struct.unpack("<Q", content[:8])[0]
        header = content[8 : 8 + size].decode()
        json.loads(header)
    except (struct.error, ValueError):
        return None
    changed = another_text(header, random).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(changed)) + changed + content[8 + size :]


def _report(path: Path) -> object:
    results = load_results(path)
    summary_markdown(results)
    return render_report(results) if Random(path.stat().st_size).random() < RENDERED else None


def _use(path: Path) -> object:
    return read_model(path).probabilities(["The film was good."])
