"""Figures in sentences: `{accuracy: ot-fusion - fedavg}` becomes what the data say.

A placeholder is ``{[STUDY/[FILE/]]METRIC[@CLIENT]: LINE[ - OTHER]}``. It gives a mean with half its 95 % interval, or,
with another line, the difference paired by seed. LINE may be ``own-parents`` or ``best-parent``, as for `fedot report
--against`. STUDY is left out in the study's own discussion, FILE where the study has one only.
"""

import re
from collections.abc import Mapping
from typing import Any

from benchmarks.results.store import KINDS
from fedot.errors import FedotError
from fedot.report.analysis.entries import METRICS
from fedot.report.analysis.statistics import Scores, estimate, paired_difference
from fedot.report.tables.differences import NAMES, comparable, compared

Files = Mapping[str, Mapping[str, Any]]
PLACEHOLDER = re.compile(r"\{([^{}:]+):\s*([^{}]+)\}")
WRITTEN = re.compile(r"\d[.,]\d|\d\s*%")
"""A figure written by hand, which data could contradict."""


def fill(text: str, studies: Mapping[str, Files], own: str = "") -> str:
    """Put figures in place of all placeholders.

    Parameters
    ----------
    text
        Written by hand.
    studies
        Files of each study, as `benchmarks.results.store.read_study` gives them.
    own
        The study that is meant where a placeholder names none.

    Raises
    ------
    FedotError
        If a placeholder names what is not there, or if a figure is written by hand.
    """
    if written := WRITTEN.search(PLACEHOLDER.sub("", text)):
        line = next(line for line in text.splitlines() if WRITTEN.search(PLACEHOLDER.sub("", line)))
        raise FedotError(
            f"{written[0]!r} in {line!r} is written by hand; write a placeholder, so that data can be asked"
        )
    return PLACEHOLDER.sub(lambda found: _figure(found[1], found[2], studies, own), text)


def _figure(where: str, what: str, studies: Mapping[str, Files], own: str) -> str:
    *place, asked = where.strip().split("/")
    study, *file = place if place and place[0] in studies else [own, *place]
    files = studies.get(study, {})
    name = file[0] if file else next(iter(files), "")
    if name not in files or (not file and len(files) > 1):
        known = ", ".join(f"{each}/{file}" for each, files in studies.items() for file in files)
        raise FedotError(f"{{{where}: ...}} names no file of results; choose from {known or 'none'}")
    metric, _, client = asked.partition("@")
    values = files[name]
    scores = Scores.of(KINDS[values["kind"]].rows(values))
    if metric not in scores.metrics or (client and client not in scores.splits):
        raise FedotError(f"{{{where}: ...}} asks for what {study} has not; choose from {', '.join(scores.metrics)}")
    split, shown = client or "all", METRICS[metric]
    ours, _, theirs = (part.strip() for part in what.partition(" - "))
    for line in filter(None, (ours, theirs)):
        if line not in scores.strategies and line not in NAMES:
            raise FedotError(f"{study} has no line {line}; choose from {', '.join((*scores.strategies, *NAMES))}")
    if not theirs:
        return shown.estimate(estimate(compared(scores, shown, ours, split).values()))
    against = compared(scores, shown, theirs, split)
    mine = compared(scores, shown, ours, split) if ours in NAMES else comparable(scores, shown, theirs, ours, split)
    return shown.estimate(paired_difference(mine, against), signed=True)
