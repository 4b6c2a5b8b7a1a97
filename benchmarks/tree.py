"""Reduction in a tree: accuracy and cost by how many models are reduced at once.

    python -m benchmarks.tree --data-dir DATA --cache CACHE --work xed-8,imdb-8,xed-16,imdb-16 --at-once 2,4,8,16
    python -m benchmarks.tree --data-dir DATA --cache CACHE --work sst2-256 --at-once 2,4,16

`--order` says who meets whom: neighbours as they are numbered (`given`), or such as have the most (`nearest`) or the
least (`farthest`) in common, by the Hellinger distance of their token counts.

Parents are those of `benchmarks.fusion`, and so is the measure: mean accuracy over the clients' texts, of those held
out in training, by which a shape is chosen, and of the test texts. As many at once as there are clients is no tree: all
are side by side. Differences are to that row, or to the last, seed by seed, on test texts.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from benchmarks.fusion import TEST, VALIDATION, accuracies, fused
from benchmarks.fusion_scores import interval
from benchmarks.parents import Parents, train_parents
from benchmarks.work import MANY, WORK
from fedot.fusion import FusionConfig

TEXTS = {"validation": VALIDATION, "test": TEST}


def measure(
    work: str,
    seed: int,
    at_once: Sequence[int],
    probe_texts: int,
    order: str,
    data_dir: Path,
    cache: Path,
) -> list[tuple[float, float, float]]:
    """Accuracy on validation and test texts and processor seconds of the reduction of one seed's parents, for each."""
    scenario = WORK.get(work, MANY)
    parents, found = ordered(train_parents(scenario, seed, data_dir, cache, "independent"), order), []
    for number in at_once:
        began = time.process_time()
        result = fused(parents, FusionConfig(method="merged", at_once=number, probe_texts=probe_texts))
        spent = time.process_time() - began
        validation, test = (
            float(np.mean(accuracies(result, parents, split, max(most, len(parents.models)))))
            for split, most in TEXTS.items()
        )
        found.append((validation, test, spent))
    return found


def ordered(parents: Parents, order: str) -> Parents:
    """The same parents so numbered that neighbours are the nearest or the farthest, at every level of the tree.

    Pairs are taken greedily, then pairs of pairs, each with the mean frequencies of its two.
    """
    if order == "given":
        return parents
    seen = torch.stack([model.counts.double() for model in parents.models])
    seen[:, 0] = 0.0
    places, frequencies = [[k] for k in range(len(seen))], seen / seen.sum(1, keepdim=True)
    while len(places) > 1:
        apart = torch.cdist(frequencies.sqrt(), frequencies.sqrt())
        pairs = [(i, j) for j in range(len(places)) for i in range(j)]
        pairs.sort(key=lambda pair: float(apart[pair]), reverse=order == "farthest")
        left, taken = set(range(len(places))), []
        for pair in pairs:
            if left.issuperset(pair):
                left -= set(pair)
                taken.append(pair)
        groups = [*taken, *((k,) for k in sorted(left))]
        frequencies = torch.stack([frequencies[list(group)].mean(0) for group in groups])
        places = [[place for k in group for place in places[k]] for group in groups]
    return replace(
        parents,
        models=tuple(parents.models[k] for k in places[0]),
        clients=tuple(parents.clients[k] for k in places[0]),
        _read={},
    )


def levels(clients: int, at_once: int) -> int:
    """How often a model is reduced between its client and the result."""
    return max(1, math.ceil(math.log(clients, at_once) - 1e-9))


def main(
    data_dir: Annotated[Path, typer.Option(help="Directory with the data sets.")],
    cache: Annotated[Path, typer.Option(help="Where parents are kept.")],
    work: Annotated[str, typer.Option(help="Comma-separated rows.")] = "xed-8,imdb-8,xed-16,imdb-16",
    at_once: Annotated[str, typer.Option(help="How many models are reduced at once.")] = "2,4,8,16",
    probe_texts: Annotated[int, typer.Option(help="Of a reduction and of the fit of its classifier.")] = 256,
    seeds: Annotated[str, typer.Option(help="Comma-separated seeds.")] = "0,1,2,3,4",
    order: Annotated[str, typer.Option(help="Who meets whom: given, nearest or farthest.")] = "given",
) -> None:
    """Print one table for each work."""
    torch.set_num_threads(1)
    for name in work.split(","):
        clients = len(WORK.get(name, MANY).client_specs())
        numbers = [number for number in map(int, at_once.split(",")) if number <= clients]
        rows = [measure(name, int(seed), numbers, probe_texts, order, data_dir, cache) for seed in seeds.split(",")]
        print(f"### {name}, {clients} clients ({len(rows)} seeds)\n")
        print("| at once | levels | validation | accuracy | difference | processor seconds |")
        print("|---:|---:|---:|---:|---:|---:|")
        for place, number in enumerate(numbers):
            validation, test, seconds = ([row[place][column] for row in rows] for column in range(3))
            apart = [row[place][1] - row[-1][1] for row in rows]
            difference = "" if place == len(numbers) - 1 else interval(apart, sign=True)
            cells = (number, levels(clients, number), interval(validation), interval(test), difference)
            print(f"| {' | '.join(map(str, cells))} | {np.mean(seconds):.1f} |", flush=True)
        print(flush=True)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
