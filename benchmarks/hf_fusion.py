"""Loss barriers between two tiny transformers models of a kind that learnt from halves of one data set, apart.

    python -m benchmarks.hf_fusion --data-dir DATA --cache CACHE

BERT and GPT-2 read XED English (polarity), ViT the digits of scikit-learn. For each method: the accuracy of the fused
model, at the authors' settings and at those that are best on validation data (`benchmarks.choices`), and how far the
test loss rises over the path between one parent and the other one aligned to it (`rise`), once of plain means, once of
means of circuits. Mean and half the 95 % interval over seeds; differences to ours are paired by seed.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import torch
import transformers
import typer
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks import rebasin_method
from benchmarks.choices import CHOICES, Settings, best
from benchmarks.hf_scores import LEARNED, VARIANTS, Score, append_score, read_scores, table
from fedot.data import load_client
from fedot.errors import FedotError
from fedot.fusion import FusionConfig, FusionResult, fuse
from fedot.fusion.align.average import average_aligned, vanilla_fusion
from fedot.fusion.align.diagnostics import barrier
from fedot.fusion.texts.probe import Probe
from fedot.hf import HFModel, forward_module, load_folder
from fedot.hf.probe_inputs import ProbeModule, probe_module
from fedot.models import State
from fedot.models.batching import pad
from fedot.scenario import Scenario
from fedot.tokenizer import count_words, encode, train_tokenizer

METHODS = ("aligned", "theus", "zhang", "verma", "git-rebasin", "c2m3", "imfeld", "singh-jaggi", "vanilla")
PACKAGES = (rebasin_method.NAME,) if rebasin_method.installed() else ()
LENGTH, WORDS, DIGITS_TEST, DIGITS_VALIDATION = 32, 4000, 400, 100
NOISE, BATCH = 2048, 32
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
    """Inputs (n, ...) and labels (n,) for training, for the choice of settings, and for the test."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


@cache
def lines(data_dir: Path | None) -> Examples:
    """XED English with binary labels, as token ids."""
    scenario = Scenario.model_validate({"name": "lines", "clients": [{"dataset": "xed", "lang": "en"}] * 2})
    client = load_client(scenario, 0, 0, data_dir)
    tokenizer = train_tokenizer(count_words(client.train["text"]), kind="wordpiece", vocab_size=WORDS)

    def read(part: Any) -> tuple[Tensor, Tensor]:
        return pad(encode(tokenizer, list(part["text"]), LENGTH).ids), torch.tensor(list(part["label"]))

    return Examples(read(client.train), read(client.validation), read(client.test))


@cache
def digits() -> Examples:
    """Images of 8 x 8 pixels, from -1 to 1."""
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32)[:, None] / 8 - 1
    labels = torch.tensor(data.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    parts = torch.tensor_split(order, [DIGITS_VALIDATION, DIGITS_TEST])
    validation, test, train = ((images[part], labels[part]) for part in parts)
    return Examples(train, validation, test)


def train_half(kind: str, inputs: Tensor, labels: Tensor, seed: int, folder: Path) -> HFModel:
    """Train one model from an initialisation of its own into a folder, if it is not there yet; read the folder."""
    if (folder / "config.json").is_file():
        return load_folder(folder)
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
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as new:
        model.save_pretrained(Path(new) / "model")
        (Path(new) / "model").replace(folder)
    return load_folder(folder)


def _masked(ids: Tensor) -> dict[str, Tensor]:
    return {"input_ids": ids, "attention_mask": (ids != 0).long()}


@torch.no_grad()
def score(module: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy in nats, and accuracy."""
    logits = torch.cat([module(batch) for batch in torch.split(inputs, 500)])
    return float(nn.functional.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).double().mean())


@dataclass(frozen=True, slots=True)
class Pair:
    """Two parents, what they have learned from, and what is told of them to every method.

    `drawn` are inputs that nobody wrote: images of noise, like the digits pixel by pixel. Texts are drawn from the
    token counts by fedot itself.
    """

    kind: str
    seed: int
    models: tuple[HFModel, HFModel]
    examples: Examples
    counts: tuple[Tensor, Tensor] | None
    drawn: Probe | None

    def labelled(self) -> Probe:
        """All training data of both, with their labels."""
        inputs, labels = self.examples.train
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(self.seed))
        parts = torch.split(order, BATCH)
        return Probe(tuple((inputs[part],) for part in parts), probe_module, tuple(labels[part] for part in parts))

    def fuse(self, config: FusionConfig) -> FusionResult:
        """Fuse the two by a method of fedot."""
        return fuse(
            [(model.state, model.config) for model in self.models],
            spec=[model.spec for model in self.models],
            token_counts=self.counts,
            probe=self.labelled() if config.options.get("learn_from") == "labels" else self.drawn,
            config=config,
            build=probe_module,
        )


def train_pair(kind: str, examples: Examples, seed: int, cache: Path) -> Pair:
    """Train two models on halves of the training data, or read them from the cache."""
    inputs, labels = examples.train
    halves = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).chunk(2)
    first, second = (
        train_half(kind, inputs[half], labels[half], 2 * seed + k, cache / "parents" / kind / str(seed) / str(k))
        for k, half in enumerate(halves)
    )
    if kind != "ViT":
        counts = [torch.bincount(inputs[half].flatten(), minlength=WORDS).double() for half in halves]
        for count in counts:
            count[0] = 0.0
        return Pair(kind, seed, (first, second), examples, (counts[0], counts[1]), None)
    mean, spread = inputs.mean(0), inputs.std(0)
    noise = mean + spread * torch.randn(NOISE, *mean.shape, generator=torch.Generator().manual_seed(seed))
    drawn = Probe(tuple((batch,) for batch in torch.split(noise, BATCH)), probe_module)
    return Pair(kind, seed, (first, second), examples, None, drawn)


def parents_of(pair: Pair) -> Iterator[Score]:
    """The parents in the mean, and their ensemble, the mean of log-probabilities."""
    modules = [probe_module(model.config, model.state) for model in pair.models]
    accuracy = sum(score(module, *pair.examples.test)[1] for module in modules) / 2
    yield Score(pair.kind, pair.seed, "parents", accuracy, accuracy, (0.0, 0.0), {})
    inputs, labels = pair.examples.test
    with torch.no_grad():
        logs = sum(torch.cat([m(part).log_softmax(-1) for part in torch.split(inputs, 500)]) for m in modules)
    assert isinstance(logs, Tensor)
    accuracy = float((logs.argmax(1) == labels).double().mean())
    yield Score(pair.kind, pair.seed, "ensemble", accuracy, accuracy, (0.0, 0.0), {})


def score_method(name: str, pair: Pair) -> Score:
    """Score a method at its first settings and at those that are best on validation data."""
    if name == rebasin_method.NAME:
        tried: list[tuple[Settings, FusionResult]] = [({}, _by_package(pair))]
    else:
        method, fixed = (LEARNED | VARIANTS).get(name, (name, {}))
        choices = CHOICES[method] if method == name else ({},)
        tried = [(options, pair.fuse(FusionConfig(method=method, **fixed, **options))) for options in choices]
    modules = [probe_module(result.config, result.state) for _, result in tried]
    chosen = best([score(module, *pair.examples.validation)[1] for module in modules])
    accuracies = [score(modules[k], *pair.examples.test)[1] for k in (0, chosen)]
    options, result = tried[chosen]
    return Score(pair.kind, pair.seed, name, accuracies[0], accuracies[1], rises_of(result, pair), options)


def _by_package(pair: Pair) -> FusionResult:
    return rebasin_method.fuse_package(
        [(model.state, model.config) for model in pair.models],
        [model.spec for model in pair.models],
        rebasin_method.HF,
        pair.examples.test[0][:8],
        token_counts=pair.counts,
    )


def rises_of(result: FusionResult, pair: Pair) -> tuple[float, float]:
    """How far the test loss rises over the path of plain means, and over that of circuits."""
    module = ProbeModule(forward_module(dict(result.aligned[0]), result.aligned_config), result.aligned_config)
    inputs, labels = pair.examples.test

    @torch.no_grad()
    def loss(state: State) -> float:
        tensors = module.own_tensors({name: tensor.float() for name, tensor in state.items()})
        logits = torch.cat([functional_call(module, tensors, (batch,)) for batch in torch.split(inputs, 500)])
        return float(nn.functional.cross_entropy(logits, labels))

    own = [score(probe_module(model.config, model.state), *pair.examples.test)[0] for model in pair.models]
    circuits = partial(average_aligned, spec=pair.models[0].spec, row_shares={})
    plain, curved = (
        rise(barrier(result.aligned[0], result.aligned[1], loss, mean=mean).losses, *own)
        for mean in (vanilla_fusion, circuits)
    )
    return plain, curved


def rise(line: Sequence[float], first: float, last: float) -> float:
    """How far losses on a line rise over what lies between the two parents' losses.

    A soft plan blunts the model that it aligns; its own loss would be a low bar.
    """
    steps = len(line) - 1
    return max(0.0, *(loss - first - (last - first) * k / steps for k, loss in enumerate(line)))


def main(
    cache: Annotated[Path, typer.Option(help="Where parents and scores are kept.")],
    data_dir: Annotated[Path | None, typer.Option(help="Directory with the data sets.")] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 10,
    kinds: Annotated[str, typer.Option(help="Comma-separated kinds.")] = ",".join(SIZES),
    methods: Annotated[str, typer.Option(help="Methods, separated by semicolons; all where empty.")] = "",
) -> None:
    """Score what is not scored yet, and print one table a kind."""
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    path = cache / "hf_scores.jsonl"
    wanted = methods.split(";") if methods else [*METHODS, *LEARNED, *VARIANTS, *PACKAGES]
    for kind in kinds.split(","):
        examples = digits() if kind == "ViT" else lines(data_dir)
        for seed in range(seeds):
            done = {each.method for each in read_scores(path) if (each.kind, each.seed) == (kind, seed)}
            left = [name for name in wanted if name not in done]
            if not left and "parents" in done:
                continue
            pair = train_pair(kind, examples, seed, cache)
            for found in () if "parents" in done else parents_of(pair):
                append_score(path, found)
            for name in left:
                try:
                    append_score(path, score_method(name, pair))
                except FedotError as error:
                    print(f"{kind} seed {seed}: {name} refuses: {error}", flush=True)
        print(table(read_scores(path), kind), end="\n\n", flush=True)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
