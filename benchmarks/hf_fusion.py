"""Loss barriers between two tiny transformers models of a kind that learnt from halves of one data set, apart.

    python -m benchmarks.hf_fusion --data-dir DATA

BERT and GPT-2 read XED English (polarity), ViT the digits of scikit-learn. For each method: how far the test loss rises
over the line between one parent and the other one aligned to it (`rise`), and the accuracy of the fused model. Mean and
half the 95 % interval over seeds.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import torch
import transformers
import typer
from sklearn.datasets import load_digits
from torch import Tensor, nn

from benchmarks import rebasin_method
from benchmarks.fusion import interval
from fedot.data import load_client
from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.align.diagnostics import barrier
from fedot.fusion.texts.draw import draw_texts
from fedot.fusion.texts.probe import Probe
from fedot.hf import HFModel, load_folder
from fedot.hf.probe_inputs import probe_module
from fedot.models import State
from fedot.models.batching import pad
from fedot.scenario import Scenario
from fedot.tokenizer import count_words, encode, train_tokenizer

METHODS = ("aligned", "theus", "zhang", "verma", "git-rebasin", "imfeld", "singh-jaggi", "vanilla")
PACKAGES = (rebasin_method.NAME,) if rebasin_method.installed() else ()
LENGTH, WORDS, DIGITS_TEST = 32, 4000, 400
TEXT: dict[str, Any] = {"vocab_size": WORDS, "pad_token_id": 0, "num_labels": 2}
SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "BERT": (
        "BertForSequenceClassification",
        {
            **TEXT,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 64,
            "max_position_embeddings": LENGTH,
        },
    ),
    "GPT-2": (
        "GPT2ForSequenceClassification",
        {
            **TEXT,
            "n_embd": 32,
            "n_layer": 2,
            "n_head": 4,
            "n_positions": LENGTH,
            "bos_token_id": None,
            "eos_token_id": None,
        },
    ),
    "ViT": (
        "ViTForImageClassification",
        {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 64,
            "image_size": 8,
            "patch_size": 2,
            "num_channels": 1,
            "num_labels": 10,
        },
    ),
}
EPOCHS = {"BERT": 3, "GPT-2": 3, "ViT": 40}


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs (n, ...) and labels (n,) for training and for the test."""

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


@cache
def lines(data_dir: Path | None) -> Examples:
    """XED English with binary labels, as token ids."""
    scenario = Scenario.model_validate({"name": "lines", "clients": [{"dataset": "xed", "lang": "en"}] * 2})
    client = load_client(scenario, 0, 0, data_dir)
    tokenizer = train_tokenizer(count_words(client.train["text"]), kind="wordpiece", vocab_size=WORDS)

    def read(part: Any) -> tuple[Tensor, Tensor]:
        return pad(encode(tokenizer, list(part["text"]), LENGTH).ids), torch.tensor(list(part["label"]))

    return Examples(read(client.train), read(client.test))


@cache
def digits() -> Examples:
    """Images of 8 x 8 pixels, from -1 to 1."""
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32)[:, None] / 8 - 1
    labels = torch.tensor(data.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    test, train = order[:DIGITS_TEST], order[DIGITS_TEST:]
    return Examples((images[train], labels[train]), (images[test], labels[test]))


def train_half(kind: str, inputs: Tensor, labels: Tensor, seed: int) -> HFModel:
    """Train one model from an initialisation of its own, and read it as a folder."""
    torch.manual_seed(seed)
    name, sizes = SIZES[kind]
    own_class = getattr(transformers, name)
    model = own_class(own_class.config_class(**sizes))
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    for _ in range(EPOCHS[kind]):
        for batch in torch.split(torch.randperm(len(inputs)), 64):
            given = {"pixel_values": inputs[batch]} if kind == "ViT" else _masked(inputs[batch])
            loss = nn.functional.cross_entropy(model.train()(**given).logits, labels[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(Path(folder))
        return load_folder(folder)


def _masked(ids: Tensor) -> dict[str, Tensor]:
    return {"input_ids": ids, "attention_mask": (ids != 0).long()}


@torch.no_grad()
def score(module: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy in nats, and accuracy."""
    logits = torch.cat([module(batch) for batch in torch.split(inputs, 500)])
    return float(nn.functional.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).double().mean())


def compare(kind: str, examples: Examples, seed: int) -> dict[str, tuple[float, float]]:
    """Barrier in nats and accuracy of the fused model, by method; of parents the mean loss and accuracy."""
    inputs, labels = examples.train
    halves = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).chunk(2)
    models = [train_half(kind, inputs[half], labels[half], 2 * seed + k) for k, half in enumerate(halves)]
    counts = None
    if kind == "ViT":  # images of noise, like the digits pixel by pixel
        mean, spread = inputs.mean(0), inputs.std(0)
        drawn = mean + spread * torch.randn(256, *mean.shape, generator=torch.Generator().manual_seed(seed))
        batches: tuple[Tensor, ...] = torch.split(drawn, 64)
    else:
        counts = [torch.bincount(inputs[half].flatten(), minlength=WORDS).double() for half in halves]
        for count in counts:
            count[0] = 0.0
        batches = tuple(draw_texts(count, 128, (2, LENGTH), seed + k) for k, count in enumerate(counts))
    probe = Probe(tuple((batch,) for batch in batches), module=probe_module)

    def loss_of(config: Any) -> Callable[[State], float]:
        return lambda state: score(probe_module(config, state), *examples.test)[0]

    own = [score(probe_module(model.config, model.state), *examples.test) for model in models]
    found = {"parents": (sum(each[0] for each in own) / 2, sum(each[1] for each in own) / 2)}
    given, specs = [(model.state, model.config) for model in models], [model.spec for model in models]
    for method in (*METHODS, *PACKAGES):
        try:
            if method == rebasin_method.NAME:
                result = rebasin_method.fuse_package(
                    given, specs, rebasin_method.HF, examples.test[0][:8], token_counts=counts
                )
            else:
                result = fuse(
                    given,
                    spec=specs,
                    token_counts=counts,
                    probe=probe if method == "verma" else None,
                    config=FusionConfig(method=method),
                )
        except FedotError as error:
            print(f"{kind}: {method} refuses: {error}", flush=True)
            continue
        line = barrier(result.aligned[0], result.aligned[1], loss_of(result.aligned_config)).losses
        found[method] = (
            rise(line, own[0][0], own[1][0]),
            score(probe_module(result.config, result.state), *examples.test)[1],
        )
    return found


def rise(line: Sequence[float], first: float, last: float) -> float:
    """How far losses on a line rise over what lies between the two parents' losses.

    A soft plan blunts the model that it aligns; its own loss would be a low bar.
    """
    steps = len(line) - 1
    return max(0.0, *(loss - first - (last - first) * k / steps for k, loss in enumerate(line)))


def main(
    data_dir: Annotated[Path | None, typer.Option(help="Directory with the data sets.")] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 5,
    kinds: Annotated[str, typer.Option(help="Comma-separated kinds.")] = ",".join(SIZES),
) -> None:
    """Print one table a kind."""
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    for kind in kinds.split(","):
        examples = digits() if kind == "ViT" else lines(data_dir)
        found = [compare(kind, examples, seed) for seed in range(seeds)]
        print(f"### {kind} ({seeds} seeds)\n\n| method | barrier, nats x 100 | accuracy |\n|---|---:|---:|")
        parents = [each["parents"] for each in found]
        print(f"| parents | (loss {sum(p[0] for p in parents) / seeds:.3f}) | {interval([p[1] for p in parents])} |")
        for method in sorted(found[0].keys() - {"parents"}, key=lambda name: sum(each[name][0] for each in found)):
            rises, accuracies = zip(*(each[method] for each in found), strict=True)
            print(f"| {method} | {interval(rises)} | {interval(accuracies)} |", flush=True)
        print(flush=True)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
