"""Quality against the size of the fused model, from half of one parent's widths to all of them side by side.

    python -m benchmarks.size --data-dir DATA --cache CACHE --out sizes.svg

Prints a table and draws it. Parents are those of `benchmarks.fusion`, and so is the measure: mean accuracy over the
clients' test texts.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from benchmarks.fusion import TEST, accuracies, fused, scores_of
from benchmarks.fusion_scores import interval
from benchmarks.parents import train_parents
from benchmarks.work import WORK
from fedot.fusion import FusionConfig
from fedot.report.analysis.entries import METRICS, Entry
from fedot.report.analysis.over_rounds import Across
from fedot.report.analysis.statistics import Estimate, estimate
from fedot.report.figures.by_strategy import metric_limits
from fedot.report.figures.curves import curves_panel
from fedot.report.figures.drawing import Drawing, Panel, save, whole_figure

SIZES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
REFERENCES = ("ensemble", "better parent")
Found = Mapping[str, Mapping[float, Sequence[float]]]


def measure(work: str, seeds: Sequence[int], data_dir: Path, cache: Path) -> Found:
    """Accuracy by what is measured, by size and by seed; a reference has one and the same for all sizes."""
    found: dict[str, dict[float, list[float]]] = {
        name: {size: [] for size in SIZES} for name in ("merged", *REFERENCES)
    }
    for seed in seeds:
        scores = list(scores_of(WORK[work], seed, data_dir, cache, ["parents"]))
        level = {
            "ensemble": next(score.mean for score in scores if score.method == "ensemble"),
            "better parent": max(score.mean for score in scores if score.method.startswith("parent ")),
        }
        parents = train_parents(WORK[work], seed, data_dir, cache, "independent")
        for size in SIZES:
            result = fused(parents, FusionConfig(method="merged", size=size))
            found["merged"][size].append(float(np.mean(accuracies(result, parents, "test", TEST))))
            for name in REFERENCES:
                found[name][size].append(level[name])
    return found


def panel(work: str, found: Found) -> Panel:
    """Draw one work: accuracy against the width of the fused model."""
    kinds = {"merged": Entry("merged", "ot", ("merged",))}
    entries = [kinds.get(name, Entry(name, "reference", (name,))) for name in found]
    curves: list[list[tuple[float, Estimate]]] = [
        [(size, value) for size, values in rows.items() if (value := estimate(values))] for rows in found.values()
    ]
    metric = METRICS["accuracy"]
    across = Across("size", "width, in widths of one parent", "{:g}".format, marks=SIZES)
    edges = [edge for curve in curves[:1] for _, v in curve for edge in (v.low or v.mean, v.high or v.mean)]
    levels = [v.mean for curve in curves[1:] for _, v in curve]
    return curves_panel(entries, curves, metric, work, metric_limits([*edges, *levels], metric), across)


def main(
    data_dir: Annotated[Path, typer.Option(help="Directory with the data sets.")],
    cache: Annotated[Path, typer.Option(help="Where parents are kept.")],
    out: Annotated[Path | None, typer.Option(help="Where the figure goes: .svg, .pdf or .png.")] = None,
    work: Annotated[str, typer.Option(help="Comma-separated rows.")] = "imdb-halves,xed-en-fi",
    seeds: Annotated[str, typer.Option(help="Comma-separated seeds.")] = "0,1,2",
) -> None:
    """Measure all sizes, print one table a row, and draw them."""
    torch.set_num_threads(1)
    panels = []
    for name in work.split(","):
        found = measure(name, [int(seed) for seed in seeds.split(",")], data_dir, cache)
        print(f"### {name}\n\n| width | {' | '.join(found)} |\n|---:|{'---:|' * len(found)}")
        for size in SIZES:
            print(f"| {size:g} | {' | '.join(interval(rows[size]) for rows in found.values())} |", flush=True)
        panels.append(panel(name, found))
    if out:
        drawing = Drawing("sizes", "Accuracy against size", "", tuple(panels))
        out.write_bytes(save(whole_figure(drawing), out.suffix.removeprefix(".")))


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
