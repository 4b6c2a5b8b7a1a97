"""How long our alignment takes, against the other fusion methods that are there, on the same pairs of models.

`python -m benchmarks.align_speed` prints markdown tables, medians of five; `--large` adds the shape of BERT-base.
Weights are random, the hardest case for the assignments; all methods start from the same canonical models.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor

from fedot.fusion import FusionConfig
from fedot.fusion.fuse import run_core
from fedot.fusion.plan import plan_fusion
from fedot.fusion.plan.stages import run_stage
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.text_source import TextSource
from fedot.models import build_model, model_config, state_of
from fedot.scenario import TrainSpec
from fedot.tasks.classification import Labelled
from fedot.tokenizer import Encoded
from fedot.training import train

VOCABULARY = {"scenario": 8000, "BERT-mini": 30522, "BERT-base": 30522}
SHAPES: dict[str, dict[str, object]] = {
    "scenario": {"d_model": 64, "n_layer": 2, "n_head": 4, "d_ff": 256, "max_length": 48},
    "BERT-mini": {"d_model": 256, "n_layer": 4, "n_head": 4, "d_ff": 1024, "max_length": 512},
    "BERT-base": {"d_model": 768, "n_layer": 12, "n_head": 12, "d_ff": 3072, "max_length": 512},
}
RIVALS = ("merged", "git-rebasin", "theus", "singh-jaggi", "imfeld", "vanilla")
EXAMPLES, EPOCHS = 4000, 4


def pair(shape: dict[str, object], vocabulary: int) -> tuple[FusionProblem, float]:
    """Prepare two models with random weights and random token counts; also tell the seconds that took."""
    config = model_config({"name": "encoder", **shape}, vocabulary, 2)
    models = [(state_of(build_model(config, seed)), config) for seed in (0, 1)]
    start = time.perf_counter()
    problem = prepare(models, token_counts=[counts(vocabulary, seed) for seed in (0, 1)])
    return problem, time.perf_counter() - start


def counts(vocabulary: int, seed: int) -> Tensor:
    """Counts that fall like those of words, padding never seen."""
    expected = 1e5 / torch.arange(1, vocabulary + 1).double()
    drawn = torch.poisson(expected, generator=torch.Generator().manual_seed(seed)).long()
    drawn[0] = 0
    return drawn


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Median wall-clock time of a call."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def measure(problem: FusionProblem, names: list[str], repeats: int) -> dict[str, float]:
    """Seconds of aligning and averaging by each method, which knows nothing from the time before."""

    def call(name: str) -> object:
        plan, texts = plan_fusion(FusionConfig(method=name), problem), TextSource(problem)
        fused = run_core(problem, plan.core, texts)
        for stage in plan.refinements:
            fused = run_stage(problem, texts, fused, stage)
        return fused

    return {name: seconds(partial(call, name), repeats) for name in names}


def training_seconds(shape: dict[str, object], vocabulary: int, examples: int = EXAMPLES) -> float:
    """Seconds of one client's training in a round, on random texts of the longest length."""
    config: Any = model_config({"name": "encoder", **shape}, vocabulary, 2)
    rng = np.random.default_rng(0)
    ids = rng.integers(1, vocabulary, (examples, config.max_length)).tolist()
    data = Labelled(Encoded(ids, 0), rng.integers(0, 2, examples))
    held = replace(data, encoded=Encoded(ids[:64], 0), labels=data.labels[:64])
    return seconds(lambda: train(config, None, data, held, TrainSpec(epochs=EPOCHS, batch_size=64), 0), 1)


def main(
    large: Annotated[bool, typer.Option("--large", help="Also two models of the shape of BERT-base.")] = False,
    repeats: Annotated[int, typer.Option(help="Of which the median is taken.")] = 5,
) -> None:
    """Print the tables."""
    print("| models | canonical form, s | method | align and average, s | / ours |\n|---|---|---|---|---|")
    ours, reduced = {}, 0.0
    for title in SHAPES if large else list(SHAPES)[:2]:
        problem, preparing = pair(SHAPES[title], VOCABULARY[title])
        names = [name for name in ("aligned", *RIVALS) if title == "scenario" or name != "merged"]  # it takes minutes
        found = measure(problem, names, 1 if title == "BERT-base" else repeats)
        ours[title] = preparing + found["aligned"]
        if title == "scenario":
            reduced = preparing + found["merged"]
        for name, taken in found.items():
            ratio = taken / found["aligned"]
            print(f"| {title} | {preparing:.3f} | {name} | {taken:.3f} | {ratio:.2f} |", flush=True)
    trained = training_seconds(SHAPES["scenario"], VOCABULARY["scenario"])
    print(f"\nA round of the scenario model: {trained:.1f} s of training ({EXAMPLES} texts, {EPOCHS} epochs)")
    for name, taken in (("aligned", ours["scenario"]), ("merged", reduced)):
        print(f"and {taken:.3f} s of fusion by {name}, {100 * taken / (trained + taken):.1f} % of the round")


if __name__ == "__main__":
    typer.run(main)
