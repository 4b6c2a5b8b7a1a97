"""What a run has left in its folder, for a program or a notebook: table, report, models, results."""

import html
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedot.errors import FedotError
from fedot.results import load_results
from fedot.saved import SavedModel, read_model
from fedot.text.names import saved_model

if TYPE_CHECKING:
    import pandas as pd

HEIGHT = 640
"""Pixels of a page that a notebook shows."""


class Report(os.PathLike[str]):
    """A page in a file: as a text its path, and in a notebook the page itself."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"Report({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """Show the page in a frame of its own, so that neither its styles nor its script meet those of the notebook."""
        page = html.escape(self.path.read_text(encoding="utf-8"))
        return f'<iframe srcdoc="{page}" style="width: 100%; height: {HEIGHT}px; border: 0"></iframe>'


class Models(Mapping[str, SavedModel]):
    """The models of a run by the names of its results, such as ``ot-fusion`` and ``parent:north``; read when asked for.

    ``models["ot-fusion"]`` is that of the first seed, and ``models.of("ot-fusion", 2)`` that of seed 2.
    """

    __slots__ = ("_files",)

    def __init__(self, folder: Path, names: list[str], seeds: list[int]) -> None:
        found = {name: {seed: saved_model(folder, name, seed) for seed in seeds} for name in names}
        there = {name: {k: path for k, path in of.items() if path is not None} for name, of in found.items()}
        self._files = {name: of for name, of in there.items() if of}

    def __getitem__(self, name: str) -> SavedModel:
        return read_model(next(iter(self._of(name).values())))

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"Models({', '.join(self._files)})"

    def of(self, name: str, seed: int) -> SavedModel:
        """Read the model of one seed; a `KeyError` tells which seeds there are."""
        files = self._of(name)
        if seed not in files:
            raise KeyError(f"{name} has no model of seed {seed}; there are {', '.join(map(str, files))}")
        return read_model(files[seed])

    def _of(self, name: str) -> Mapping[int, Path]:
        if name not in self._files:
            raise KeyError(f"there is no model of {name!r}; there are {', '.join(self._files)}")
        return self._files[name]


@dataclass(frozen=True)
class Run:
    """A run in its folder.

    Attributes
    ----------
    folder
        Where it has written.
    title
        Name of the scenario, or of one of its variants.

    Examples
    --------
    >>> Run.read("runs/nothing")
    Traceback (most recent call last):
    fedot.errors.FedotError: runs/nothing holds no run: there is no results.json in it
    """

    folder: Path
    title: str

    @classmethod
    def read(cls, folder: str | Path, title: str = "") -> "Run":
        """Take up what a run has written, now or long ago.

        Raises
        ------
        FedotError
            If there is nothing.
        """
        folder = Path(folder)
        if not (folder / "results.json").is_file():
            raise FedotError(f"{folder} holds no run: there is no results.json in it")
        run = cls(folder, title)
        return run if title else cls(folder, str(run.results["scenario"].get("name", folder.name)))

    @cached_property
    def results(self) -> dict[str, Any]:
        """All of results.json."""
        return load_results(self.folder / "results.json")

    @cached_property
    def table(self) -> "pd.DataFrame":
        """The last round's figures, a row for each strategy and reference.

        Columns are the figures over all clients, means over the seeds; the headline figure also has half the width of
        its 95 % interval, ``+-``, and a column for each client. Shares are from 0 to 1.
        """
        import pandas as pd

        from fedot.report.analysis.indexed_run import Run as Indexed

        run, rows = Indexed.of(self.results), []
        for entry in run.entries:
            row: dict[str, Any] = {"strategy": entry.label}
            for metric in run.metrics:
                found = run.estimate(entry, metric) if not entry.failure else None
                row[metric.key] = found and found.mean
                if metric == run.headline:
                    row["+-"] = found and found.half_width
                    for client in run.scores.clients:
                        own = run.estimate(entry, metric, client) if not entry.failure else None
                        row[f"{metric.key} {client}"] = own and own.mean
            rows.append(row)
        return pd.DataFrame(rows).set_index("strategy").astype(float)

    @property
    def report(self) -> Report:
        """The page of this run: a path, which a notebook shows."""
        return Report(self.folder / "report.html")

    @property
    def models(self) -> Models:
        """The models that the run has written."""
        names = list(dict.fromkeys(str(row["strategy"]) for row in self.results["rows"]))
        seeds = list(dict.fromkeys(int(row["seed"]) for row in self.results["rows"]))
        return Models(self.folder / "models", names, seeds)

    def __repr__(self) -> str:
        seeds = len({row["seed"] for row in self.results["rows"]})
        names = list(dict.fromkeys(row["strategy"] for row in self.results["rows"]))
        state = "" if self.results["provenance"].get("complete", True) else ", incomplete"
        return f"Run({self.title}: {', '.join(names)}; {seeds} seed{'s' * (seeds != 1)}{state}; {self.folder})"

    def _repr_html_(self) -> str:
        shown = self.table.to_html(float_format=lambda value: f"{value:.3f}", na_rep="")
        return f"<p>{html.escape(repr(self))}</p>{shown}"


class Runs(Mapping[str, Run]):
    """The runs of a scenario with several variants, by their names; what a `Run` has, they have together.

    Attributes
    ----------
    folder
        In which each has its own.

    Examples
    --------
    >>> Runs(Path("runs/study"), {})
    Runs(; runs/study)
    """

    def __init__(self, folder: Path, runs: Mapping[str, Run]) -> None:
        self.folder = folder
        self._runs = dict(runs)

    def __getitem__(self, title: str) -> Run:
        return self._runs[title]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def __repr__(self) -> str:
        return f"Runs({', '.join(self._runs)}; {self.folder})"

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """All of results.json, by variant."""
        return {title: run.results for title, run in self.items()}

    @property
    def table(self) -> "pd.DataFrame":
        """The tables of all variants, one below the other."""
        import pandas as pd

        return pd.concat({title: run.table for title, run in self.items()}, names=["variant"])

    @property
    def report(self) -> Report:
        """The page on which the variants stand side by side."""
        return Report(self.folder / "compare.html")

    @property
    def models(self) -> dict[str, Models]:
        """The models, by variant."""
        return {title: run.models for title, run in self.items()}
