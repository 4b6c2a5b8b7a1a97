"""How near the constants that drawn texts give a fused classifier are to those that the clients' own texts would give.

`python -m benchmarks.thresholds RUN --data-dir DATA` reads the models of a finished run of two classes and one
vocabulary. For every fused model it finds what has to be added to the logit of class 1 so that the mean prediction is
the share of that class (`fedot.fusion.refine.class_shares.constants`): over all clients' validation texts; over texts
of independent tokens, drawn as long as the clients' own; and over texts of 2 tokens up to the longest. The run's own
draws are not used again. Means over seeds, and the mean distance to what validation texts give.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from tokenizers import Tokenizer
from torch import Tensor

from fedot.data import ClientData, load_clients
from fedot.evaluation.evaluate import predict
from fedot.fusion.refine.class_shares import constants, logits_on
from fedot.fusion.texts.draw import SHORTEST, draw_texts, text_lengths
from fedot.models import load_model
from fedot.saved import read_model
from fedot.scenario import Scenario
from fedot.scenario.yaml_file import read_mapping
from fedot.tasks.classification import encode_labelled

TEXTS, SEED = 2048, 1000


def main(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    data_dir: Annotated[Path | None, typer.Option(help="Folder of Parquet files.")] = None,
) -> None:
    """Print one row for each strategy."""
    torch.set_num_threads(1)
    scenario = Scenario.model_validate(read_mapping(run / "scenario.yaml"))
    print("| model | validation texts | drawn, as long | off by | drawn, any length | off by |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    clients = {seed: load_clients(scenario, seed, data_dir) for seed in scenario.seeds}
    for strategy in (spec.title for spec in scenario.strategies):
        found = np.array([_constants(run / "models", strategy, seed, own) for seed, own in clients.items()])
        real, same, other = found.mean(0)
        off = np.abs(found[:, 1:] - found[:, :1]).mean(0)
        print(f"| {strategy} | {real:.2f} | {same:.2f} | {off[0]:.2f} | {other:.2f} | {off[1]:.2f} |", flush=True)


def _constants(models: Path, strategy: str, seed: int, clients: Sequence[ClientData]) -> tuple[float, float, float]:
    """What class 1 lacks by validation texts, by drawn texts as long as the clients', and by those of any length."""
    fused = read_model(models / f"{strategy}-seed{seed}.safetensors")
    parents = [read_model(models / f"parent-{client.name}-seed{seed}.safetensors") for client in clients]
    rows = encode_labelled(
        [c.validation for c in clients], Tokenizer.from_str(fused.tokenizer or ""), fused.config.max_length
    )
    said = torch.from_numpy(np.log(np.maximum(predict(fused.config, fused.state, rows.encoded), 1e-12)))
    real = _lacking(said, torch.from_numpy(np.bincount(rows.labels, minlength=2)).double())
    counts = [_told(parent.token_counts) for parent in parents]
    classes = torch.stack([_told(parent.class_counts) for parent in parents]).double()
    lengths = text_lengths(counts, classes.sum(1).tolist(), [fused.config.max_length])
    numbers = (TEXTS * classes.sum(1) / classes.sum()).ceil().long().tolist()

    module = load_model(fused.config, fused.state)

    def by_drawn(lengths: Sequence[tuple[int, int]]) -> float:
        about = zip(counts, numbers, lengths, strict=True)
        texts = [draw_texts(*each, SEED + k) for k, each in enumerate(about)]
        return _lacking(logits_on(texts, module), classes.sum(0))

    return real, by_drawn(lengths), by_drawn([(SHORTEST, longest) for _, longest in lengths])


def _told(counts: Tensor | None) -> Tensor:
    if counts is None:
        raise typer.BadParameter("a parent's file has no counts; run the scenario again with `references: [parents]`")
    return counts


def _lacking(logits: Tensor, classes: Tensor) -> float:
    shift = constants(logits, classes / classes.sum())
    return float(shift[1] - shift[0])


if __name__ == "__main__":
    typer.run(main)
