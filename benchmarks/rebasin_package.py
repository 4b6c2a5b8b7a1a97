"""Where the package `rebasin` (0.0.47, Git Re-Basin for traced modules) applies, and how it compares there.

    pip install rebasin
    python -m benchmarks.rebasin_package --data-dir DATA

Each row is a pair of tiny models with random weights: does the package come to an end, what does it move, and does
the permuted model compute what it did? Where it does, two models learn from halves of 2,000 lines of XED English (for
ViT of 1,400 digits), and the accuracy of their mean by the package is set beside ours, on at most 1,000 test examples;
one seed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import transformers
import typer
from torch import Tensor, nn

from benchmarks.hf_fusion import LENGTH, SIZES, WORDS, Examples, digits, lines, score
from benchmarks.rebasin_method import (
    AS_IS,
    HF,
    HF_MASKED,
    PROJECTIONS,
    UNPADDED,
    Bridge,
    fuse_package,
    permute,
    through_folder,
)
from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.models import Config, State, build_model, model_config, state_of, symmetry
from fedot.symmetry import SymmetrySpec

OURS = ("vanilla", "git-rebasin", "aligned")
ENCODER = {"name": "encoder", "d_model": 32, "n_layer": 2, "n_head": 4, "d_ff": 64, "max_length": LENGTH}
POST = {"norm": "layer", "norm_position": "post"}
EXAMPLES = {"lines": 2000, "digits": 1400}
TEST = 1000
EPOCHS = {"lines": 3, "digits": 20}


@dataclass(frozen=True, slots=True)
class Case:
    """One row: a kind of model, changes of its settings, and what the tracer is shown of it."""

    name: str
    kind: str
    bridge: Bridge
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> str:
        """What it learns from."""
        return "digits" if self.kind == "ViT" else "lines"


CASES = (
    Case("encoder (pre-norm, RMS)", "encoder", AS_IS),
    Case("encoder, post-norm", "encoder", AS_IS, POST),
    Case("encoder, no mask traced", "encoder", UNPADDED),
    Case("encoder, post-norm, no mask traced", "encoder", UNPADDED, POST),
    Case("encoder, no mask, projections traced", "encoder", PROJECTIONS),
    Case("the same with one head", "encoder", PROJECTIONS, {"n_head": 1}),
    Case("BERT", "BERT", HF_MASKED),
    Case("BERT, no mask given", "BERT", HF),
    Case("GPT-2, no mask given", "GPT-2", HF),
    Case("ViT", "ViT", HF),
    Case("ViT with one head", "ViT", HF, {"num_attention_heads": 1}),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A model that has learnt nothing."""

    state: State
    config: Any
    spec: SymmetrySpec


def draw(case: Case, seed: int, noise: float = 0.0) -> Drawn:
    """Draw a model; `noise` is added to all its weights, so that no bias is 0 and no two gains are equal."""
    torch.manual_seed(seed)
    if case.kind == "encoder":
        config: Config = model_config({**ENCODER, **case.changes}, WORDS, 2)
        model: nn.Module = build_model(config, seed)
        _disturb(model, noise)
        return Drawn(state_of(model), config, symmetry(config))
    name, sizes = SIZES[case.kind]
    own_class = getattr(transformers, name)
    model = own_class(own_class.config_class(**{**sizes, **case.changes}))
    _disturb(model, noise)
    found = through_folder(model)
    return Drawn(found.state, found.config, found.spec)


def _disturb(model: nn.Module, noise: float) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(noise * torch.randn(parameter.shape))


def learn(case: Case, inputs: Tensor, labels: Tensor, seed: int) -> Drawn:
    """Train a model from an initialisation of its own."""
    drawn = draw(case, seed)
    module = case.bridge.build(drawn.config, drawn.state).train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=2e-3, weight_decay=0.01)
    for _ in range(EPOCHS[case.data]):
        for batch in torch.split(torch.randperm(len(inputs)), 64):
            loss = nn.functional.cross_entropy(module(inputs[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return Drawn(case.bridge.read(module.eval()), drawn.config, drawn.spec)


def accuracies(case: Case, examples: Examples) -> list[float]:
    """Mean accuracy of two parents, then that of their mean by the package and by each of `OURS`."""
    inputs, labels = (each[: EXAMPLES[case.data]] for each in examples.train)
    halves = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0)).chunk(2)
    parents = [learn(case, inputs[half], labels[half], k) for k, half in enumerate(halves)]
    counts = None
    if case.data == "lines":
        counts = [torch.bincount(inputs[half].flatten(), minlength=WORDS).double() for half in halves]
        for count in counts:
            count[0] = 0.0
    models, specs = [(each.state, each.config) for each in parents], [each.spec for each in parents]
    packaged = fuse_package(models, specs, case.bridge, inputs[:8], token_counts=counts)
    ours = [fuse(models, spec=specs, token_counts=counts, config=FusionConfig(method=name)) for name in OURS]

    def accuracy(config: Any, state: State) -> float:
        return score(case.bridge.build(config, state), *(each[:TEST] for each in examples.test))[1]

    own = [accuracy(config, state) for state, config in models]
    return [sum(own) / len(own), *(accuracy(each.config, each.state) for each in (packaged, *ours))]


def kinds_of(names: tuple[str, ...]) -> str:
    """Name modules once for all layers: `layers.0.ffn.up.weight` is of `ffn.up`."""
    modules = (re.sub(r".*\.\d+\.", "", name).rpartition(".")[0].removeprefix("model.") for name in names)
    return ", ".join(dict.fromkeys(modules)) or "nothing"


def row(case: Case, read: Callable[[str], Examples]) -> str:
    """One line of the table."""
    examples = read(case.data)
    home, source = (draw(case, seed, noise=0.1) for seed in (0, 1))
    modules = [case.bridge.build(each.config, each.state) for each in (home, source)]
    trial = permute(modules[0], modules[1], case.bridge, examples.test[0][:8])
    if trial.error:
        return _cells(case.name, trial.error, "", "", *[""] * (2 + len(OURS)))
    scores = [f"{100 * each:.1f}" for each in accuracies(case, examples)] if trial.exact else [""] * (2 + len(OURS))
    return _cells(case.name, "yes", kinds_of(trial.moved), f"{trial.change:.1g} of {trial.largest:.1f}", *scores)


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def main(
    data_dir: Annotated[Path | None, typer.Option(help="Directory with the data sets.")] = None,
) -> None:
    """Print the table."""
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    heads = ["architecture", "runs", "moves", "changes logits by", "parents", "package", *OURS]
    print(_cells(*heads) + "\n|---|---|---|---|" + "---:|" * (2 + len(OURS)), flush=True)
    for case in CASES:
        try:
            print(row(case, lambda data: digits() if data == "digits" else lines(data_dir)), flush=True)
        except FedotError as error:
            raise SystemExit(f"{case.name}: {error}") from None


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
