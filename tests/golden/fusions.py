"""Golden cases that fuse models of random weights: in memory, by parts, and from disk."""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.golden import figures, house
from tests.golden.house import CLASSES, VOCAB, Model, State, model

WEIGHTS = [30.0, 20.0, 25.0]
UNEQUAL = {"d_model": 12, "n_head": 3, "d_ff": 16}
MATCHED = {"method": "aligned"}
FEW = {"probe_texts": 32}


def encoders(*, unequal: bool = False, deeper: bool = False) -> list[Model]:
    """Three classifiers that start apart."""
    return [model(0), model(1, **(UNEQUAL if unequal else {})), model(2, n_layer=3 if deeper else 2)]


def knowledge(number: int = 3, *, classes: bool = True) -> dict[str, Any]:
    """What clients tell beside weights: examples, counts of tokens and classes, and the words, which overlap."""
    generator = torch.Generator().manual_seed(5)
    tokens = torch.randint(0, 50, (number, VOCAB), generator=generator)
    tokens[:, 0] = 0
    told: dict[str, Any] = {"weights": WEIGHTS[:number], "token_counts": list(tokens)}
    told["vocabularies"] = [[f"word{i + (20 * k if i >= 10 else 0)}" for i in range(VOCAB)] for k in range(number)]
    if classes:
        told["class_counts"] = list(torch.randint(5, 40, (number, CLASSES), generator=generator))
    return told


def fused(models: Callable[[], list[Model]], options: dict[str, Any], **rest: Any) -> figures.Figures:
    """Everything that `fedot.fuse` gives."""
    result = house.fuse(models(), options, **rest)
    out: figures.Figures = {
        "fused": figures.of_tensors(result.state),
        "config": house.config_text(result.config),
        "anchor": result.anchor,
        "words": figures.of_text(json.dumps(result.vocabulary)),
    }
    if result.aligned:
        out["aligned"] = figures.of_tensors(
            {f"{k} {name}": tensor for k, state in enumerate(result.aligned) for name, tensor in state.items()}
        )
    if result.diagnostics:
        out["sha256 of diagnostics"] = figures.of_record([asdict(each) for each in result.diagnostics])
        out["fit"] = [figures.rounded(each.fit) for each in result.diagnostics]
    return out


def in_memory(options: dict[str, Any], **kinds: bool) -> Callable[[Path], figures.Figures]:
    """Three encoders and all that their clients know."""
    return lambda _: fused(partial(encoders, **kinds), options, **knowledge())


def large() -> list[Model]:
    """Two models of more than 16 million numbers each, nearly all of them embedding rows."""
    return [model(k, vocab=130_000, d_model=128, n_layer=1) for k in (0, 1)]


def generators(arch: str, options: dict[str, Any], **settings: Any) -> Callable[[Path], figures.Figures]:
    """Two models that predict tokens."""
    return lambda _: fused(lambda: [model(k, arch, **settings) for k in (0, 1)], options, **knowledge(2, classes=False))


def from_files(*args: str) -> Callable[[Path], figures.Figures]:
    """Fuse files of fedot's with the command; the counts and words are in their metadata."""
    return lambda folder: _from_files(folder, *args)


def _from_files(folder: Path, *args: str) -> figures.Figures:
    told, paths = knowledge(), [folder / f"{k}.safetensors" for k in range(3)]
    for k, (path, (state, config)) in enumerate(zip(paths, encoders(unequal=True), strict=True)):
        metadata = {
            "config": house.config_text(config),
            "vocabulary": json.dumps(told["vocabularies"][k]),
            "token-counts": json.dumps(told["token_counts"][k].tolist()),
            "class-counts": json.dumps(told["class_counts"][k].tolist()),
            "classes": json.dumps(["bad", "middling", "good"]),
        }
        save_file(state, path, metadata)
    out = folder / "out.safetensors"
    house.fuse_command(*paths, "-o", out, "--weights", "30,20,25", *args)
    with safe_open(out, "pt") as file:
        config = file.metadata()["config"]
    return {"fused": figures.of_tensors(load_file(out)), "config": config}


BERT = {
    "architectures": ["BertForSequenceClassification"], "model_type": "bert", "vocab_size": 40, "hidden_size": 16,
    "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24, "max_position_embeddings": 20,
    "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "pad_token_id": 0,
    "id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2},
}  # fmt: skip


def bert(seed: int) -> State:
    """The tensors of a BERT classifier, random."""
    names = {f"embeddings.{table}_embeddings": (rows, 16) for table, rows in
             (("word", 40), ("position", 20), ("token_type", 2))}  # fmt: skip
    norms, maps = ["embeddings.LayerNorm"], {"pooler.dense": (16, 16)}
    for layer in (f"encoder.layer.{k}." for k in range(2)):
        maps |= {f"{layer}attention.self.{name}": (16, 16) for name in ("query", "key", "value")}
        maps |= {f"{layer}attention.output.dense": (16, 16)}
        maps |= {f"{layer}intermediate.dense": (24, 16), f"{layer}output.dense": (16, 24)}
        norms += [f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"]
    shapes = {f"bert.{name}": shape for name, shape in (names | maps).items()} | {"classifier": (3, 16)}
    biases = {f"bert.{name}.bias": (shape[0],) for name, shape in maps.items()} | {"classifier.bias": (3,)}
    biases |= {f"bert.{name}.bias": (16,) for name in norms}
    generator = torch.Generator().manual_seed(seed)
    state = {f"{name}.weight": 0.3 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    state |= {name: 0.3 * torch.randn(shape, generator=generator) for name, shape in biases.items()}
    return state | {f"bert.{name}.weight": 1 + 0.3 * torch.randn(16, generator=generator) for name in norms}


def from_folders(folder: Path) -> figures.Figures:
    """Fuse folders as the transformers library writes them, with the command."""
    for name, seed in (("a", 0), ("b", 1)):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(BERT))
        save_file(bert(seed), folder / name / "model.safetensors", {"format": "pt"})
    house.fuse_command(folder / "a", folder / "b", "-o", folder / "out", "--weights", "3,2")
    config = json.loads((folder / "out" / "config.json").read_text())
    return {
        "fused": figures.of_tensors(load_file(folder / "out" / "model.safetensors")),
        "config": json.dumps(config, sort_keys=True),
    }


CASES: dict[str, Callable[[Path], figures.Figures]] = {
    "aligned": in_memory(MATCHED),
    "aligned, nothing known": lambda _: fused(encoders, MATCHED),
    "aligned, unequal widths": in_memory(MATCHED, unequal=True),
    "aligned, unequal depths": in_memory(MATCHED, deeper=True),
    "aligned, sinkhorn": in_memory({**MATCHED, "solver": "sinkhorn"}),
    "aligned, unbalanced": in_memory({**MATCHED, "solver": "unbalanced", "mass": "l2"}),
    "aligned, partial": in_memory({**MATCHED, "solver": "partial", "ground_cost": "cosine"}),
    "aligned, activations": in_memory({**MATCHED, **FEW, "support": "activations"}),
    "aligned, other rows": in_memory(
        {**MATCHED, "circuits": False, "class_rows": False, "position_rows": True, "count_rows": False}
    ),
    "aligned, universe": in_memory({**MATCHED, "scheme": "universe"}),
    "aligned, medoid": lambda _: fused(lambda: encoders()[::-1], {**MATCHED, "anchor": "medoid"}, **knowledge()),
    "aligned, best": lambda _: fused(
        encoders, {**MATCHED, "anchor": "best"}, **knowledge(), validation_losses=[3.0, 2.0, 1.0]
    ),
    "aligned, masses by token": in_memory({**MATCHED, **FEW, "mass": "token-count"}),
    "aligned, repair": in_memory({**MATCHED, **FEW, "repair": True}),
    "aligned, refit": in_memory({**MATCHED, **FEW, "refit": True}),
    "aligned, learnt": in_memory({**MATCHED, **FEW, "learn_steps": 3}),
    "aligned, distilled": in_memory({**MATCHED, **FEW, "distil_steps": 3}),
    "merged": in_memory({**FEW, "method": "merged"}),
    "merged, unequal widths": in_memory({**FEW, "method": "merged", "size": 1.5}, unequal=True),
    "merged, distilled": in_memory({**FEW, "method": "merged", "distil_steps": 3}),
    "auto, which merges": in_memory(FEW),
    "auto, unequal widths": in_memory(FEW, unequal=True),
    "auto, which aligns and refits": in_memory({**FEW, **MATCHED, "mass": "l2", "refit": True}),
    "auto, models of one start": lambda _: fused(
        encoders, {}, anchor=2, **{**knowledge(), "weights": [30.0, 20.0, 0.0]}
    ),
    **{
        f"published {name}": in_memory({**FEW, "method": name} | ({"flow_reg": 1e-2} if name == "imfeld" else {}))
        for name in house.PUBLISHED
    },
    "decoder, aligned": generators("decoder", MATCHED, norm="layer"),
    "decoder, auto": generators("decoder", FEW),
    "translator, aligned": generators("seq2seq", MATCHED, positions="rotary", activation="swiglu"),
    "translator, auto": generators("seq2seq", FEW),
    "translator, distilled": generators("seq2seq", {**FEW, "distil_steps": 3}),
    "by parts": lambda _: fused(large, MATCHED, weights=[3, 2]),
    "from disk, auto": from_files("--set", "probe_texts=32"),
    "from disk, aligned": from_files("--method", "aligned"),
    "from disk, learnt, half precision": from_files(
        *("--method", "aligned", "--set", "learn_steps=3", "--set", "probe_texts=32", "--dtype", "float16")
    ),
    "from disk, folders of transformers": from_folders,
}
