"""Run the editions of a scenario on this machine: plan them all, then one after the other."""

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fedot.errors import FedotError
from fedot.federation.engines.flower_cli import QUIET
from fedot.storage.scratch import scratch_folder

if TYPE_CHECKING:  # imported late, so that --help is quick
    from fedot.scenario import Scenario

# What a run writes besides its models.
OUTPUTS = ("results.json", "report.html", "scenario.yaml", "status.json")

Value = bool | float | int | str


@dataclass(frozen=True, slots=True)
class LocalRun:
    """One edition of a scenario: what it is called, what makes it of the file, and where its results go."""

    title: str
    overrides: tuple[str, ...]
    scenario: "Scenario"
    folder: Path

    @property
    def about(self) -> str:
        """What it is, in words."""
        scenario = self.scenario
        counts = {"client": len(scenario.client_specs()), "round": scenario.rounds, "seed": len(scenario.seeds)}
        told = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items()]
        several = f"{len(scenario.strategies)} strateg{'y' if len(scenario.strategies) == 1 else 'ies'}"
        return f"{scenario.name}: {', '.join([told[0], several, *told[1:]])}"


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """How to run: what no edition of a scenario changes.

    `workers` are processes of the in-process engine, one a client or processor where None, and 0 for none but this one;
    `cache` is the folder of trained models, the usual one where None, and `keep` whether it outlives the run; `command`
    is what the record says that was called; `tracking` are tools besides those of the scenario; with
    `timings` the results tell where time went.
    """

    scenario: Path
    data_dir: Path | None = None
    engine: str = "inprocess"
    device: str = "auto"
    workers: int | None = None
    cache: Path | None = None
    keep: bool = True
    resume: bool = False
    force: bool = False
    command: str = ""
    progress: bool = True
    tracking: tuple[str, ...] = ()
    timings: bool = False


def plan_runs(
    path: Path,
    out: Path | None = None,
    *,
    profile: str = "",
    variant: str = "",
    overrides: Sequence[str] = (),
    over_earlier: bool = False,
    data_dir: Path | None = None,
) -> tuple[list[LocalRun], Path]:
    """Check every edition of a scenario before the first one begins; give them and their common folder.

    Parameters
    ----------
    over_earlier
        Whether an earlier run may be in the output folder.
    data_dir
        The second place where files are looked up, where a mistake makes it worth to tell all.

    Raises
    ------
    FedotError
        If the scenario has a mistake, or the folder holds an earlier run.
    """
    from fedot.run.scenario_mistakes import load_all
    from fedot.scenario.yaml_file import runs_of

    editions = runs_of(path, profile, variant, list(overrides))
    loaded = load_all(path, [run.overrides for run in editions], data_dir)
    name = loaded[0].name + (f"-{profile}" if profile else "")
    folder = (out or Path("runs") / name).absolute()
    runs = [
        LocalRun(run.title, tuple(run.overrides), checked, folder / run.slug)
        for run, checked in zip(editions, loaded, strict=True)
    ]
    for run in runs:
        if (run.folder / "results.json").exists() and not over_earlier:
            raise FedotError(
                f"{run.folder} holds an earlier run; choose another --out, overwrite it with --force, "
                "or go on with --resume if it was interrupted"
            )
    return runs, folder


def run_locally(run: LocalRun, settings: LocalSettings, tell: Callable[[str], None]) -> None:
    """Run one edition, and write its results, models and report into its folder.

    Parameters
    ----------
    tell
        Called with each line of progress that another process prints, and with what was written for other tools.
    """
    quiet()
    if settings.data_dir is not None and not settings.data_dir.is_dir():
        raise FedotError(f"--data-dir {settings.data_dir} is no folder")
    device = _device(settings.device)
    n = len(run.scenario.client_specs())
    workers = min(os.cpu_count() or 1, n) if settings.workers is None else settings.workers
    from fedot.report.after_run import report_at_the_end
    from fedot.tracking import check_tools, tracked_at_the_end

    tools = tuple(dict.fromkeys((*run.scenario.tracking, *settings.tracking)))
    check_tools(tools)
    with _cache(settings) as models, tracked_at_the_end(run.folder, tools, tell), report_at_the_end(run.folder):
        if settings.force:
            _clear(run.folder)
        run_config: dict[str, Value] = {
            "scenario": str(settings.scenario.absolute()),
            "overrides": json.dumps(list(run.overrides)),
            "data-dir": str(settings.data_dir.absolute()) if settings.data_dir else "",
            "device": device,
            "engine": settings.engine,
            "command": settings.command,
            "pooled": True,
            "progress": settings.progress,
            "resume": settings.resume,
            "timings": settings.timings,
            "cache": models,
            "out-dir": str(run.folder),
            "workers": workers,
        }
        if settings.engine == "flower":
            from fedot.federation.engines.ray_engine import run_on_ray

            run_on_ray({**run_config, "workers": 0}, n, tell)
        else:
            _run_in_process(run_config, n, workers)


def load_ahead(settings: LocalSettings) -> None:
    """Have workers load what they need while this process does; called before it checks or loads anything else."""
    if settings.engine == "inprocess" and settings.workers != 0:
        from fedot.federation.engines import workers

        quiet()
        workers.load_ahead()


def join_runs(runs: Sequence[LocalRun], folder: Path) -> Path:
    """Put several editions that have run side by side on one page, and give its path."""
    from fedot.report import compare, load_results

    return compare([(run.title, load_results(run.folder / "results.json")) for run in runs], folder)


def quiet() -> None:
    """Let Flower and Ray, which read this when they are imported, send nothing home."""
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)


@contextlib.contextmanager
def _cache(settings: LocalSettings) -> Iterator[str]:
    """Give the folder of trained models; without a cache one that goes with the run, whose strategies share it."""
    from fedot.training.cache import default_folder, usable

    if settings.keep:
        yield usable(settings.cache or default_folder())
    else:
        with scratch_folder() as temporary:
            yield str(temporary)


def _clear(folder: Path) -> None:
    """Remove what an earlier run wrote and nothing else, so that no old model lingers among the new."""
    from fedot.results.run_models import is_of_a_run, remove_of_a_run
    from fedot.storage.atomic import claimed

    if not folder.is_dir():
        return
    models = [path for path in (folder / "models").glob("*") if is_of_a_run(path)]
    found = [folder / name for name in OUTPUTS]
    try:
        with claimed(folder):  # not what a run that is not over writes
            for path in found:
                path.unlink(missing_ok=True)
            for path in models:
                remove_of_a_run(path)
    except OSError as error:
        raise FedotError(f"{error.filename} cannot be overwritten ({error.strerror}); choose another --out") from None


def _run_in_process(run_config: Mapping[str, Value], n: int, workers: int) -> None:
    """Run the ServerApp here, and the ClientApps in `workers` processes."""
    from flwr.app import Context, RecordDict

    from fedot.federation.engines.find_apps import find_apps
    from fedot.federation.engines.inprocess import InProcessGrid

    find_apps()
    from server.app import app

    logging.getLogger("flwr").setLevel(logging.ERROR)
    nodes = [{"partition-id": k, "num-partitions": n} for k in range(n)]
    with InProcessGrid(nodes, run_config, workers) as grid:
        app(grid, Context(1, 1, {}, RecordDict(), dict(run_config)))


def _device(device: str) -> str:
    """Resolve `auto`; refuse a GPU that is not there."""
    if device == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise FedotError("--device cuda: torch sees no GPU here; use --device cpu")
    return "cpu"
