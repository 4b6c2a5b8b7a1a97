"""Every fusion method on the same parents: accuracy of one-shot fusion, without data, with intervals over seeds.

    python -m benchmarks.fusion --data-dir DATA --cache CACHE --work imdb-halves,xed-en-fi --seeds 0,1,2,3,4

Parents are trained once and kept in CACHE, and so is every score; run it again to go on, or with other methods.
A row has the accuracy at the authors' settings, and at those that are best on the clients' validation texts, out of as
many for every method (`benchmarks.choices`). The test texts are seen once.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks import rebasin_method
from benchmarks.choices import CHOICES, Settings, best
from benchmarks.fusion_scores import Score, append_score, read_scores, table
from benchmarks.parents import Parents, Trained, train_parents, train_pooled
from benchmarks.work import WORK
from fedot.errors import FedotError
from fedot.evaluation.evaluate import predict
from fedot.fusion import FusionConfig, FusionResult, fuse
from fedot.fusion.canonical.labels import unite
from fedot.fusion.texts.probe import Probe
from fedot.models import State, symmetry
from fedot.models.batching import pad
from fedot.scenario import Scenario
from fedot.tasks.classification import Labelled
from fedot.tokenizer import Encoded, vocabulary

VALIDATION, TEST = 1000, 4000  # texts over all clients that options are chosen on, and that are scored

LEARN = {"learn_steps": 100}
DATA = {**LEARN, "learn_from": "labels"}
SEEN = 8000  # of the clients' training texts, that learned maps are shown where the row says so
STAGES: dict[str, tuple[str, Mapping[str, Any]]] = {
    **{f"{name} + refit": (name, {"refit": True}) for name in CHOICES if name != "merged"},
    "aligned + repair": ("aligned", {"repair": True}),
    **{f"{name} + learned": (name, LEARN) for name in ("aligned", "theus")},
    **{f"{name} + learned, both ends": (name, {**LEARN, "learn_both": True}) for name in ("aligned", "theus")},
    **{f"{name} + learned, clients' data": (name, DATA) for name in ("aligned", "theus")},
    "aligned + distilled": ("aligned", {"distil_steps": 100}),
    "merged + distilled": ("merged", {"distil_steps": 100}),
    "merged + distilled, 400 steps": ("merged", {"distil_steps": 400}),
    "merged, 2 x width": ("merged", {"size": 2.0}),
}
PACKAGES = (rebasin_method.NAME,) if rebasin_method.installed() else ()


def scores_of(scenario: Scenario, seed: int, data_dir: Path, cache: Path, wanted: Sequence[str]) -> Iterator[Score]:
    """Score what is wanted of one scenario and seed."""
    parents = train_parents(scenario, seed, data_dir, cache, "independent")
    if "parents" in wanted:
        yield from _score_parents(scenario.name, seed, parents)
    for name in wanted:
        began = time.perf_counter()
        if name in CHOICES or name in STAGES or name == rebasin_method.NAME:
            try:
                tried = [({}, _by_package(parents))] if name == rebasin_method.NAME else _tried(name, parents)
            except FedotError as error:
                print(f"{scenario.name} seed {seed}: {name} refuses: {error}", flush=True)
                continue
            seconds = (time.perf_counter() - began) / len(tried)
            options, result = _best(tried, parents)
            found = accuracies(result, parents, "test", TEST)
            first = found if result is tried[0][1] else accuracies(tried[0][1], parents, "test", TEST)
            yield Score(scenario.name, seed, name, found, seconds, options, float(np.mean(first)))
        elif name == "fedavg, shared init":
            shared = train_parents(scenario, seed, data_dir, cache, "shared")
            result = fused(shared, FusionConfig(method="vanilla", count_rows=False))
            yield Score(scenario.name, seed, name, accuracies(result, shared, "test", TEST), 0.0, {})
        elif name == "centralised":
            model = train_pooled(scenario, seed, data_dir, cache)
            found = tuple(
                _accuracy(model, parents, k, TEST // len(parents.clients)) for k in range(len(parents.clients))
            )
            yield Score(scenario.name, seed, name, found, 0.0, {})


def _score_parents(work: str, seed: int, parents: Parents) -> Iterator[Score]:
    count = len(parents.clients)
    each = TEST // count
    for j, model in enumerate(parents.models):
        yield Score(work, seed, f"parent {j}", tuple(_accuracy(model, parents, k, each) for k in range(count)), 0.0, {})
    found = []
    for k in range(count):
        total: Any = 0.0
        for model in parents.models:
            data = parents.encoded(model.tokenizer, model.config, "test", k, each)
            total = total + np.log(np.maximum(predict(model.config, model.state, data.encoded), 1e-12))
        found.append(float((total.argmax(1) == data.labels).mean()))
    yield Score(work, seed, "ensemble", tuple(found), 0.0, {})


def _accuracy(model: Trained, parents: Parents, client: int, most: int) -> float:
    data = parents.encoded(model.tokenizer, model.config, "test", client, most)
    return float((predict(model.config, model.state, data.encoded).argmax(1) == data.labels).mean())


def _tried(name: str, parents: Parents) -> list[tuple[Settings, FusionResult]]:
    """Fuse with each of a method's settings."""
    method, fixed = STAGES.get(name, (name, {}))
    return [
        ({**fixed, **options}, fused(parents, FusionConfig(method=method, **{**fixed, **options})))
        for options in (CHOICES[method] if method == name else ({},))
    ]


def _best(tried: Sequence[tuple[Settings, FusionResult]], parents: Parents) -> tuple[Settings, FusionResult]:
    """The settings that are best on validation texts."""
    if len(tried) == 1:
        return tried[0]
    judged = [accuracies(result, parents, "validation", VALIDATION) for _, result in tried]
    return tried[best([float(np.mean(each)) for each in judged])]


def fused(parents: Parents, config: FusionConfig) -> FusionResult:
    """Fuse the parents, the widest being the anchor; what learns from labels is shown some of the clients' texts."""
    probe = labelled(parents) if config.options.get("learn_from") == "labels" else None
    models = [(model.state, model.config) for model in parents.models]
    return fuse(models, **_told(parents), config=config, probe=probe)


def labelled(parents: Parents) -> Probe:
    """Training texts of all clients in equal parts, in random order, numbered as in the union, and their labels."""
    places, texts, labels = _places(parents), [], []
    for k, model in enumerate(parents.models):
        data = parents.encoded(model.tokenizer, model.config, "train", k, SEEN // len(parents.models))
        texts += [row if places is None else [places[k][i] for i in row] for row in data.encoded.ids]
        labels += data.labels.tolist()
    parts = torch.split(torch.randperm(len(texts), generator=torch.Generator().manual_seed(0)), 64)
    batches = tuple((pad([texts[i] for i in part.tolist()]),) for part in parts)
    return Probe(batches, labels=tuple(torch.tensor(labels)[part] for part in parts))


def _places(parents: Parents) -> list[list[int]] | None:
    """Place of each client's tokens in the union; None where all have one vocabulary."""
    words = [vocabulary(model.tokenizer) for model in parents.models]
    return [index.tolist() for index in unite(words).index] if len(set(words)) > 1 else None


def _by_package(parents: Parents) -> FusionResult:
    models = [(model.state, model.config) for model in parents.models]
    ids = torch.arange(1, 9)[None]  # any: what is traced are modules
    specs = [symmetry(config) for _, config in models]
    return rebasin_method.fuse_package(models, specs, rebasin_method.UNPADDED, ids, **_told(parents))


def _told(parents: Parents) -> dict[str, Any]:
    """What every method is told of the parents beyond their tensors."""
    models = parents.models
    words = [vocabulary(model.tokenizer) for model in models]
    return {
        "weights": [float(len(client.train)) for client in parents.clients],
        "token_counts": [model.counts for model in models],
        "vocabularies": words if len(set(words)) > 1 else None,
        "anchor": max(range(len(models)), key=lambda k: models[k].config.d_model),
    }


def accuracies(result: FusionResult, parents: Parents, split: str, most: int) -> tuple[float, ...]:
    """Accuracy on each client's texts, read with the client's own tokenizer and numbered as in the union."""
    places = _places(parents) if result.vocabulary is not None else None
    found = []
    for k, model in enumerate(parents.models):
        data = parents.encoded(model.tokenizer, model.config, split, k, most // len(parents.models))
        if places is not None:
            data = Labelled(Encoded([[places[k][i] for i in row] for row in data.encoded.ids], 0), data.labels)
        state: State = result.state
        found.append(float((predict(result.config, state, data.encoded).argmax(1) == data.labels).mean()))
    return tuple(found)


def main(
    data_dir: Annotated[Path, typer.Option(help="Directory with the data sets.")],
    cache: Annotated[Path, typer.Option(help="Where parents and scores are kept.")],
    work: Annotated[str, typer.Option(help="Comma-separated rows.")] = ",".join(WORK),
    seeds: Annotated[str, typer.Option(help="Comma-separated seeds.")] = "0,1,2,3,4",
    methods: Annotated[str, typer.Option(help="Comma-separated methods; all where empty.")] = "",
    references: Annotated[str, typer.Option(help="Of `fedavg, shared init` and `centralised`, joined by +.")] = "",
) -> None:
    """Score methods and print one table a row."""
    torch.set_num_threads(1)
    path = cache / "scores.jsonl"
    wanted = [
        "parents",
        *(methods.split(";") if methods else [*CHOICES, *STAGES, *PACKAGES]),
        *filter(None, references.split("+")),
    ]
    for name in work.split(","):
        for seed in map(int, seeds.split(",")):
            done = {score.method for score in read_scores(path) if (score.work, score.seed) == (name, seed)}
            left = [item for item in wanted if item not in done and not (item == "parents" and "ensemble" in done)]
            for score in scores_of(WORK[name], seed, data_dir, cache, left) if left else ():
                append_score(path, score)
        print(table(read_scores(path), name), flush=True)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
