"""`fedot.simulate`: run a scenario on this machine from a program or a notebook."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fedot.errors import FedotError
from fedot.library.local_results import Run, Runs
from fedot.run.local import LocalSettings, join_runs, load_ahead, plan_runs, run_locally
from fedot.run.scenario_mistakes import check_settings
from fedot.scenario.shipped import find_scenario
from fedot.scenario.yaml_file import as_overrides

log = logging.getLogger("fedot.simulate")

ENGINES, DEVICES = ("inprocess", "flower"), ("auto", "cpu", "cuda")


def simulate(
    scenario: str | Path,
    *,
    out: str | Path | None = None,
    data_dir: str | Path | None = None,
    seeds: int | Sequence[int] | None = None,
    set: Mapping[str, Any] | None = None,
    profile: str = "",
    variant: str = "",
    engine: str = "inprocess",
    device: str = "auto",
    workers: int = 0,
    cache: str | Path | bool = True,
    force: bool = False,
    resume: bool = False,
    progress: bool = True,
) -> Run | Runs:
    """Run a scenario with all of its clients on this machine, as ``fedot simulate`` does.

    Parameters
    ----------
    scenario
        A scenario file.
    out
        Output folder; ``runs/NAME`` by default.
    data_dir
        Folder that holds data sets as Parquet files.
    seeds
        Seeds in place of the scenario's.
    set
        Values by dotted key, in place of the scenario's: ``{"train.epochs": 2}``.
    profile, variant
        Edition of the scenario, where it has several.
    engine
        ``inprocess``, or ``flower``: Flower's own, on Ray.
    device
        ``auto``, ``cpu`` or ``cuda``.
    workers
        Processes of the in-process engine; 0: none but this one. A script that asks for some has to call this function
        below ``if __name__ == "__main__":``. Results are the same for any number.
    cache
        Folder of trained models; True for the usual one, False to train every model and keep none.
    force, resume
        Overwrite an earlier run in the output folder, or go on with an interrupted one; else it is an error.
    progress
        Whether to show how far it is.

    Returns
    -------
    Run or Runs
        `Runs` where the scenario has several variants and none was chosen. Both have `table`, `report`, `models` and
        `results`.

    Raises
    ------
    FedotError
        If the scenario has a mistake, the data cannot be read, or there is an earlier run.

    Examples
    --------
    >>> simulate("scenarios/quickstart.yaml", engine="ray")
    Traceback (most recent call last):
    fedot.errors.FedotError: engine is 'ray'; choose from inprocess, flower
    """
    for name, value, possible in (("engine", engine, ENGINES), ("device", device, DEVICES)):
        if value not in possible:
            raise FedotError(f"{name} is {value!r}; choose from {', '.join(possible)}")
    if force and resume:
        raise FedotError("force starts again and resume goes on; give one of them")
    changes = dict(set or {})
    if seeds is not None:
        changes["seeds"] = [seeds] if isinstance(seeds, int) else [int(seed) for seed in seeds]
    path = find_scenario(scenario)
    runs, folder = plan_runs(
        path,
        None if out is None else Path(out),
        profile=profile,
        variant=variant,
        overrides=as_overrides(changes),
        over_earlier=force or resume,
        data_dir=None if data_dir is None else Path(data_dir),
    )
    settings = LocalSettings(
        path,
        None if data_dir is None else Path(data_dir),
        engine=engine,
        device=device,
        workers=workers,
        cache=None if isinstance(cache, bool) else Path(cache),
        keep=cache is not False,
        resume=resume,
        force=force,
        command=f"fedot.simulate({str(scenario)!r})",
        progress=progress,
    )
    load_ahead(settings)
    check_settings(path, [(run.scenario, run.overrides) for run in runs], settings.data_dir)
    for run in runs:
        run_locally(run, settings, log.info)
    done = {run.title: Run.read(run.folder, run.title) for run in runs}
    if len(done) == 1:
        return next(iter(done.values()))
    join_runs(runs, folder)
    return Runs(folder, done)
