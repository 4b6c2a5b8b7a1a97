"""How fast clients train, against bare loops on the same model and the same batches.

    python -m benchmarks.training_speed
    FEDOT_MODELS=FOLDER python -m benchmarks.training_speed --checkpoint bert-tiny --texts 1000 --length 96

A bare loop is forward, loss, backward, a step of AdamW, and nothing else; a checkpoint's is that of its own class of
transformers, which makes the attention mask and the loss. `fedot.training.train` also clips gradients, moves the
learning rate, looks at every loss, scores one validation text and copies the weights after every epoch. Texts are
random tokens of random lengths. Both run in turn on one thread; medians of processor seconds.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import nn
from torch.nn import functional

from fedot.hf.checkpoint import open_checkpoint
from fedot.hf.checkpoint_spec import CheckpointSpec
from fedot.models import Config, State, build_model, load_model, model_config
from fedot.models.batching import batch_indices, pad
from fedot.models.pretrained.pretrained_module import Pretrained
from fedot.scenario.sections import TrainSpec
from fedot.tasks.classification import Labelled
from fedot.tokenizer import Encoded
from fedot.training import train

CLASSES, VOCABULARY = 2, 8000
SIZES = {"name": "encoder", "d_model": 64, "n_layer": 2, "n_head": 4, "d_ff": 256}


def texts(number: int, length: int, vocabulary: int) -> Labelled:
    """Random tokens, from half as many to all that fit."""
    generator = np.random.default_rng(0)
    lengths = generator.integers(length // 2, length + 1, size=number)
    rows = [generator.integers(5, vocabulary, size=each).tolist() for each in lengths]
    return Labelled(Encoded(rows, 0), generator.integers(CLASSES, size=number))


def bare(config: Config, start: State | None, rows: Labelled, spec: TrainSpec, *, checkpoint: bool) -> None:
    """Train as a script does that has nothing else to do."""
    torch.manual_seed(0)
    module = _module(config, start).train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=spec.lr, weight_decay=spec.weight_decay, fused=True)
    order = np.random.default_rng(0)
    for _ in range(spec.epochs):
        for chosen in batch_indices(rows.lengths, spec.batch_size, order):
            ids, labels = pad([rows.encoded.ids[k] for k in chosen]), torch.from_numpy(rows.labels[chosen])
            if checkpoint:
                loss = module(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels).loss
            else:
                loss = functional.cross_entropy(module(ids), labels)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)


def _module(config: Config, start: State | None) -> nn.Module:
    found = build_model(config, 0) if start is None else load_model(config, dict(start))
    inner: nn.Module = found.inner if isinstance(found, Pretrained) else found
    return inner


def ours(config: Config, start: State | None, rows: Labelled, spec: TrainSpec) -> None:
    """Train as a client does."""
    one = Labelled(Encoded(rows.encoded.ids[:1], 0), rows.labels[:1])
    train(config, start, rows, one, spec, seed=0)


def seconds(work: Callable[[], None]) -> float:
    """Processor seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main(
    checkpoint: Annotated[str, typer.Option(help="One that FEDOT_MODELS finds; without, fedot's encoder.")] = "",
    texts_: Annotated[int, typer.Option("--texts", help="Training texts.")] = 4000,
    length: Annotated[int, typer.Option(help="Tokens of the longest text.")] = 64,
    batch: Annotated[int, typer.Option(help="Texts of a batch.")] = 64,
    epochs: Annotated[int, typer.Option(help="How often all texts are gone through.")] = 1,
    repeats: Annotated[int, typer.Option(help="How often both are run.")] = 7,
) -> None:
    """Print the speed of both."""
    torch.set_num_threads(1)
    start: State | None = None
    if checkpoint:
        folders = [Path(each) for each in os.environ.get("FEDOT_MODELS", "").split(":") if each]
        spec = CheckpointSpec(checkpoint, max_length=length)
        found = open_checkpoint(spec, folders, hub=False)
        shape = found.config(spec, "classification", CLASSES)
        config: Config = shape
        start = found.start(shape, 0)
    else:
        config = model_config({**SIZES, "max_length": length}, VOCABULARY, CLASSES)
    rows = texts(texts_, length, config.vocab_size)
    training = TrainSpec(epochs=epochs, batch_size=batch, keep="last")
    taken: dict[str, list[float]] = {"bare": [], "fedot": []}
    for _ in range(repeats + 1):  # the first warms up
        taken["bare"].append(seconds(lambda: bare(config, start, rows, training, checkpoint=bool(checkpoint))))
        taken["fedot"].append(seconds(lambda: ours(config, start, rows, training)))
    ratios = [one / other for one, other in zip(taken["bare"][1:], taken["fedot"][1:], strict=True)]
    name = checkpoint or "fedot's encoder"
    print("| model | texts, tokens | bare loop, s | fedot, s | speed of fedot | from, to |")
    print("|---|---|---:|---:|---:|---:|")
    print(
        f"| {name} | {texts_} of {length} | {statistics.median(taken['bare'][1:]):.2f} | "
        f"{statistics.median(taken['fedot'][1:]):.2f} | {100 * statistics.median(ratios):.1f} % | "
        f"{100 * min(ratios):.1f}, {100 * max(ratios):.1f} |"
    )


if __name__ == "__main__":
    typer.run(main)
