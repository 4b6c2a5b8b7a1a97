"""Finding out what a source of results is, and reducing it to what is kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import fusion_scores, hf_scores
from benchmarks.fusion import STAGES
from benchmarks.results import of_hf_scores, of_run, of_scores
from benchmarks.results.plans import plans_of
from benchmarks.results.stamp import Stamp, checked, commit_of, day_of, without_places
from benchmarks.results.studies import STUDIES
from fedot.errors import FedotError

RUN, SCORES, HF_SCORES = "results.json", "scores.jsonl", "hf_scores.jsonl"


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of a study: its name without the ending, what ran, and what is kept."""

    name: str
    stamp: Stamp
    values: dict[str, Any]


def collect(source: Path, study: str, *, code: Path, command: str = "", dirty: bool = False) -> tuple[Kept, ...]:
    """Reduce a source to the files of a study.

    Parameters
    ----------
    source
        Output folder of a run, or of a run with variants; a cache of a benchmark; or a file out of one of them.
    code, command
        Of scores: the checkout whose code ran, and the command, if it was not the study's own. A run says both itself.
    dirty
        Whether code that is in no commit may have run.

    Raises
    ------
    FedotError
        If there is nothing to collect, it is not finished, or nobody knows which code ran.
    """
    if study not in STUDIES:
        raise FedotError(f"no study is called {study}; choose from {', '.join(STUDIES)}")
    folder, names = (source.parent, (source.name,)) if source.is_file() else (source, (RUN, SCORES, HF_SCORES))
    paths = [folder / name for name in names if (folder / name).is_file()]
    paths = paths or sorted(folder.glob(f"*/{RUN}"))
    if not paths:
        raise FedotError(f"{source} has no {RUN}, {SCORES} or {HF_SCORES}; name a folder that has one")
    found: list[Kept] = []
    for path in paths:
        if path.name == RUN:
            own = path.parent == folder
            name, title = (
                (study, STUDIES[study].title) if own else (path.parent.name, path.parent.name.replace("-", " "))
            )
            found.append(Kept(name, *of_run.collect(path, title, dirty=dirty)))
        else:
            told = without_places(command or STUDIES[study].command)
            stamp = Stamp(checked(commit_of(code), dirty, str(code)), day_of(path), told)
            found += [Kept(name, stamp, values) for name, values in _scores(path)]
    return tuple(found)


def _scores(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and values of every work that a benchmark has scored."""
    if path.name == HF_SCORES:
        for kind, hf in _grouped(path, hf_scores.read_scores(path), "kind").items():
            yield kind.lower(), of_hf_scores.keep(hf, plans_of(_methods(hf), hf_scores.LEARNED | hf_scores.VARIANTS))
        return
    for work, scores in _grouped(path, fusion_scores.read_scores(path), "work").items():
        yield work, of_scores.keep(scores, plans_of(_methods(scores), STAGES))


AnyScore = TypeVar("AnyScore", fusion_scores.Score, hf_scores.Score)


def _methods(scores: Sequence[AnyScore]) -> list[str]:
    return list(dict.fromkeys(score.method for score in scores))


def _grouped(path: Path, scores: Sequence[AnyScore], by: str) -> dict[str, list[AnyScore]]:
    """Scores by work; one some of whose methods lack seeds that others have has not come to its end, and is refused."""
    found: dict[str, list[AnyScore]] = {}
    for score in scores:
        found.setdefault(getattr(score, by), []).append(score)
    for name, mine in found.items():
        seeds = {score.seed for score in mine}
        for method in _methods(mine):
            if lacking := seeds - {score.seed for score in mine if score.method == method}:
                told = ", ".join(map(str, sorted(lacking)))
                raise FedotError(f"{path}: {name} lacks {method} in seed {told}; let the benchmark come to its end")
    return found
