"""The results of a run while they come in: the dictionary that becomes ``results.json``."""

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedot.errors import FedotError
from fedot.fusion import FusionPlan, FusionResult
from fedot.results import SCHEMA
from fedot.scenario import Scenario
from fedot.symmetry import SymmetrySpec
from fedot.tasks import TASKS, AnyTally
from fedot.terminal.stopwatch import PARTS, Spent
from fedot.text.readable import ALARM, told_unknown, unknown_notice, unknown_share
from fedot.translation.special_tokens import special_of
from fedot.version import __version__
from fedot.wire.checkpoints_here import checkpoint_facts
from fedot.wire.messages import ClientDescription, ClientUpdate

COUPLING_SIDE = 32
MOST_EACH_ROUND = 100
"""Of so many clients all that each does in each round is kept."""

PER_SEED = (
    *("rows", "plans", "failures", "lines", "reliability", "confusions"),
    *("couplings", "diagnostics", "training", "epochs", "timings"),
)


@dataclass(slots=True)
class RunRecord:
    """Collects rows and diagnostics; `as_dict` gives schema 1 at any moment."""

    scenario: Scenario
    engine: str
    command: str
    data: dict[str, dict[str, Any]] = field(default_factory=dict)
    checkpoints: dict[str, dict[str, str]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    plans: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    reliability: list[dict[str, Any]] = field(default_factory=list)
    confusions: list[dict[str, Any]] = field(default_factory=list)
    couplings: list[dict[str, Any]] = field(default_factory=list)
    diagnostics: list[dict[str, Any]] = field(default_factory=list)
    training: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    timings: list[dict[str, Any]] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    complete: bool = False
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    _clock: float = field(default_factory=perf_counter)
    _notices: int = 0

    def finish(self, seed: int) -> None:
        """Note that all of a seed is there, so that `resume` need not repeat it."""
        self.finished.append(seed)
        self._notices = len(self.notices)

    def resume(self, earlier: Mapping[str, Any]) -> None:
        """Take over what an interrupted run has finished: schema-1 results of the same scenario."""
        provenance = earlier["provenance"]
        done = provenance.get("finished", {"seeds": [], "notices": 0})
        self.finished, self._notices = list(done["seeds"]), int(done["notices"])
        self.notices = list(provenance["notices"][: self._notices])
        self.data = dict(provenance["data"]) if self.finished else {}
        self.checkpoints = dict(provenance.get("checkpoints", {}))
        for name in PER_SEED:
            getattr(self, name).extend(entry for entry in earlier.get(name, []) if entry["seed"] in self.finished)
        self._clock -= float(provenance["seconds"])

    def add_clients(self, clients: Sequence[ClientDescription]) -> None:
        """Note where each client's data came from, and what is to be said about them, once.

        Raises
        ------
        FedotError
            If an earlier part of the run had them from elsewhere.
        """
        said = set(self.notices)
        for client in sorted(clients, key=lambda c: c.partition_id):
            before = self.data.get(client.client, {"source": client.source})["source"]
            if before != client.source:
                raise FedotError(
                    f"the data of {client.client} came from {before}, and now from {client.source}; "
                    "give the same --data-dir, or start again with --force"
                )
            self.data[client.client] = {
                "source": client.source,
                "train": client.num_examples,
                "validation": client.num_validation,
                "test": client.num_test,
                "labels": list(client.labels),
            }
            if client.model:
                self.checkpoints |= checkpoint_facts(self.scenario, client)
            for notice in client.notices:
                line = f"{client.client}: {notice}"
                if line not in said:
                    said.add(line)
                    self.notices.append(line)

    def add_scores(
        self,
        seed: int,
        strategy: str,
        server_round: int,
        tallies: Mapping[str, AnyTally],
        *,
        bytes_up: int = 0,
        bytes_down: int = 0,
        seconds: float = 0.0,
        final: bool = True,
        without: Sequence[str] = (),
    ) -> None:
        """Add one row for each split, and for a final round the reliability sums and the counts by class.

        The row of ``all`` names the clients that it is `without`. Of many clients each has a row in the final round.
        """
        for split, figures in TASKS[self.scenario.task].figures(tallies).items():
            if split != "all" and self._is_many and not final:
                continue
            self.rows.append(
                {
                    "seed": seed,
                    "strategy": strategy,
                    "round": server_round,
                    "split": split,
                    "metrics": dict(figures.metrics),
                    "bytes_up": bytes_up,
                    "bytes_down": bytes_down,
                    "seconds": seconds,
                    **({"without": list(without)} if without and split == "all" else {}),
                }
            )
            if final and figures.reliability is not None and (split == "all" or not self._is_many):
                self.reliability.append({"seed": seed, "strategy": strategy, "split": split, **figures.reliability})
            if final and figures.confusion is not None and split == "all":
                self.confusions.append({"seed": seed, "strategy": strategy, "counts": figures.confusion})

    @property
    def _is_many(self) -> bool:
        """Whether there are so many clients that a file of all that each does in each round would be too large."""
        return len(self.scenario.client_specs()) > MOST_EACH_ROUND

    def add_plan(self, seed: int, strategy: str, server_round: int, plan: FusionPlan) -> None:
        """Add what the fusion of a round did, so that a reader of a row knows which method made it."""
        self.plans.append(
            {"seed": seed, "strategy": strategy, "round": server_round, "method": plan.method, "plan": plan.as_dict()}
        )

    def add_training(self, seed: int, strategy: str, server_round: int, updates: Sequence[ClientUpdate]) -> None:
        """Add how each client's training went; say once of whose texts much is unknown to the tokenizer.

        Losses by epoch are there where clients have told them, which they do in simulations. Of many clients only the
        first and the last round are told.
        """
        if self._is_many and server_round not in (1, self.scenario.rounds):
            return
        told = told_unknown(self.notices)
        for update in updates:
            place = {"seed": seed, "strategy": strategy, "round": server_round, "client": update.client}
            unknown = unknown_share(update.token_counts, special_of(update.config).unknown)
            if unknown > ALARM and update.client not in told:
                self.notices.append(unknown_notice(update.client, unknown))
            self.training.append(
                {
                    **place,
                    "num_examples": update.num_examples,
                    "train_loss": update.train_loss,
                    "validation_loss": update.validation_loss,
                    "seconds": update.seconds,
                    "truncated": update.truncated,
                    "unknown": unknown,
                }
            )
            if update.train_losses:
                losses = {"train": list(update.train_losses), "validation": list(update.validation_losses)}
                self.epochs.append({**place, **losses})

    def add_timing(self, seed: int, step: str, server_round: int, spent: Spent) -> None:
        """Add where the processors' time of a step went, in this process and in those that tell it of theirs."""
        here = os.getpid()
        self.timings.append(
            {
                "seed": seed,
                "step": step,
                "round": server_round,
                "clock": spent.clock,
                "seconds": {part: spent.seconds[part] for part in PARTS if part in spent.seconds},
                "processor": spent.total,
                "peak_bytes": {
                    "server": spent.peaks.get(here, 0),
                    "clients": sum(size for process, size in spent.peaks.items() if process != here),
                },
            }
        )

    def add_failure(self, seed: int, strategy: str, reason: str) -> None:
        """Add a strategy or reference that could not be run, and why."""
        self.failures.append({"seed": seed, "strategy": strategy, "reason": reason})

    def add_couplings(
        self,
        seed: int,
        strategy: str,
        clients: Sequence[str],
        anchor: str,
        result: FusionResult,
        spec: SymmetrySpec,
    ) -> None:
        """Add every matched neuron group's plan, reduced to at most 32 by 32."""
        for client, alignment in zip(clients, result.alignments, strict=False):
            for group, coupling in alignment.couplings.items():
                self.couplings.append(
                    {
                        "seed": seed,
                        "strategy": strategy,
                        "client": client,
                        "anchor": anchor,
                        "group": group,
                        "kind": spec.groups[group].kind,
                        "plan": reduce_plan(coupling.plan).tolist(),
                        "distance_from_identity": coupling.distance_from_identity(),
                        "cost": coupling.cost,
                    }
                )

    def add_diagnostics(
        self, seed: int, strategy: str, clients: Sequence[str], anchor: str, result: FusionResult
    ) -> None:
        """Add how each client's model, aligned, fits the anchor; nothing for the anchor itself."""
        for client, found in zip(clients, result.diagnostics, strict=False):
            if found.groups:
                groups = [{"group": name, **asdict(group)} for name, group in found.groups.items()]
                head = {"seed": seed, "strategy": strategy, "client": client, "anchor": anchor, "fit": found.fit}
                self.diagnostics.append({**head, "groups": groups})

    def as_dict(self) -> dict[str, Any]:
        """Everything so far, in the shape of schema 1."""
        return {
            "schema": SCHEMA,
            "scenario": self.scenario.model_dump(mode="json"),
            "provenance": {
                "fedot": __version__,
                "python": platform.python_version(),
                "torch": version("torch"),
                "flwr": version("flwr"),
                "pot": version("pot"),
                "numpy": version("numpy"),
                "platform": f"{platform.system()} {platform.machine()}",
                "cpu_count": os.cpu_count(),
                "commit": commit(),
                "command": self.command,
                "started": self.started,
                "seconds": perf_counter() - self._clock,
                "engine": self.engine,
                "complete": self.complete,
                "finished": {"seeds": self.finished, "notices": self._notices},
                "data": self.data,
                **({"checkpoints": self.checkpoints} if self.checkpoints else {}),
                "stand_in": any(client["source"] == "stand-in" for client in self.data.values()),
                "notices": self.notices,
                "sacrebleu": TASKS[self.scenario.task].signatures(),
            },
            "rows": self.rows,
            "plans": self.plans,
            "failures": self.failures,
            "lines": self.lines,
            "reliability": self.reliability,
            "confusions": self.confusions,
            "couplings": self.couplings,
            "diagnostics": self.diagnostics,
            "training": self.training,
            "epochs": self.epochs,
            **({"timings": self.timings} if self.timings else {}),
        }


def reduce_plan(plan: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up blocks of a plan until neither side is longer than `COUPLING_SIDE`."""
    for axis in (0, 1):
        size = plan.shape[axis]
        if size > COUPLING_SIDE:
            starts = np.linspace(0, size, COUPLING_SIDE, endpoint=False).astype(np.int64)
            plan = np.add.reduceat(plan, starts, axis=axis)
    return plan


def commit() -> str | None:
    """Commit of the source tree that runs, if it is one."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=root, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
