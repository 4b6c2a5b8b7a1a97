"""A realistic results file, made from a seed."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Results = dict[str, Any]

LEVEL = {
    "fedavg": 0.66,
    "fedavg-token-rows": 0.71,
    "fedadam": 0.63,
    "ot-fusion": 0.7,
    "ensemble": 0.75,
    "centralised": 0.77,
}
LEVEL["fedavg-shared-init"] = 0.745


def _metrics(rng: np.random.Generator, accuracy: float, task: str) -> dict[str, float]:
    if task == "translation":
        return {"bleu": 40 * accuracy, "chrf": 60 * accuracy}
    gap = float(abs(rng.normal(0.06, 0.01)))
    return {
        "accuracy": accuracy,
        "f1_weighted": accuracy - 0.004,
        "f1_macro": accuracy - 0.02,
        "nll": 1.3 - accuracy,
        "brier": 1.05 - accuracy,
        "ece": gap,
    }


def _reliability(rng: np.random.Generator) -> dict[str, list[float]]:
    count = np.sort(rng.integers(0, 400, 15)).astype(float)
    count[:7] = 0  # two classes: the winner has at least one half
    middle = (np.arange(15) + 0.5) / 15
    return {
        "bin_count": count.tolist(),
        "bin_confidence": (count * middle).tolist(),
        "bin_correct": (count * (0.5 + 0.8 * (middle - 0.5))).tolist(),
    }


def _coupling(rng: np.random.Generator, n: int, sharpness: float) -> list[list[float]]:
    plan = np.full((n, n), (1 - sharpness) / n**2)
    plan[np.arange(n), rng.permutation(n)] += sharpness / n
    return plan.tolist()


def _diagnostics(seed: int, client: str, anchor: str) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    groups = [
        {
            "group": group,
            "kind": kind,
            "source_size": n,
            "anchor_size": n,
            "cost": None if kind != "permutation" else 0.7,
            "distance_from_identity": None if kind in ("linear", "labels") else 0.9,
            "entropy": None if kind in ("linear", "labels") else float(kind == "orthogonal") * 0.8,
            "fit": float(rng.uniform(level - 0.1, level + 0.1)),
            "pinned": "its neurons have names, by which they are matched" if kind == "labels" else None,
        }
        for group, kind, n, level in (
            ("vocab", "labels", 1000, 0.2),
            ("residual", "orthogonal", 64, 0.3),
            ("heads.0", "permutation", 4, -0.2),
            ("qk.0", "linear", 16, -0.2),
            ("ffn.0", "permutation", 256, -0.6),
            ("heads.1", "permutation", 4, -0.3),
            ("ffn.1", "permutation", 256, -0.7),
        )
    ]
    return {"seed": seed, "strategy": "ot-fusion", "client": client, "anchor": anchor, "fit": -0.3, "groups": groups}


def make_results(
    clients: tuple[str, ...] = ("xed-en", "xed-fi"),
    seeds: tuple[int, ...] = (0, 1, 2),
    rounds: int = 1,
    task: str = "classification",
    strategies: tuple[str, ...] = ("fedavg", "fedavg-token-rows", "fedadam", "ot-fusion"),
    stand_in: bool = False,
) -> Results:
    rng = np.random.default_rng(7)
    rows, lines, reliability, couplings, diagnostics, training = [], [], [], [], [], []
    references = [
        *(f"parent:{client}" for client in clients),
        "ensemble",
        "centralised",
        "fedavg-shared-init",
    ]
    for seed in seeds:
        shift = rng.normal(0, 0.012)
        for strategy in (*strategies, *references):
            own = strategy.removeprefix("parent:")
            last = 1 if strategy.startswith("parent:") or strategy in ("ensemble", "centralised") else rounds
            for number in range(1, last + 1):
                accuracies = {
                    client: LEVEL.get(strategy, 0.76 if client == own else 0.6)
                    + shift
                    + 0.01 * (index % 5)
                    + rng.normal(0, 0.006)
                    - 0.08 * 0.6**number * (rounds > 1)
                    for index, client in enumerate(clients)
                }
                accuracies = {"all": float(np.mean(list(accuracies.values()))), **accuracies}
                messages = strategy in strategies
                rows += [
                    {
                        "seed": seed,
                        "strategy": strategy,
                        "round": number,
                        "split": split,
                        "metrics": _metrics(rng, float(accuracy), task),
                        "bytes_up": 2_613_120 * len(clients) * messages,
                        "bytes_down": 2_613_000 * len(clients) * messages,
                        "seconds": 14.2 + 1.5 * (strategy == "ot-fusion") if messages else 0.0,
                    }
                    for split, accuracy in accuracies.items()
                ]
            if task == "classification":
                reliability.append({"seed": seed, "strategy": strategy, "split": "all", **_reliability(rng)})
        for client in clients[1:]:
            alpha = np.linspace(0, 1, 11)
            for kind, height in (("aligned", 0.12), ("unaligned", 0.4)):
                hump = height * np.sin(np.pi * alpha) + rng.normal(0, 0.01, 11)
                lines.append(
                    {
                        "seed": seed,
                        "strategy": "ot-fusion",
                        "client": client,
                        "anchor": clients[0],
                        "kind": kind,
                        "alpha": alpha.tolist(),
                        "loss": (0.62 + 0.04 * alpha + hump).tolist(),
                        "accuracy": [] if task == "translation" else (0.7 - 0.03 * alpha - 0.3 * hump).tolist(),
                    }
                )
            for group, kind, n, sharp in (
                ("residual", "orthogonal", 32, 0.3),
                ("heads.0", "permutation", 4, 1.0),
                ("qk.0.0", "linear", 16, 0.8),
                ("vo.0.0", "linear", 16, 0.05),
                ("ffn.0", "permutation", 32, 0.9),
                ("heads.1", "permutation", 4, 1.0),
                ("qk.1.0", "linear", 16, 0.7),
                ("vo.1.0", "linear", 16, 0.4),
                ("ffn.1", "permutation", 32, 0.6),
            ):
                couplings.append(
                    {
                        "seed": seed,
                        "client": client,
                        "anchor": clients[0],
                        "group": group,
                        "kind": kind,
                        "plan": _coupling(rng, n, sharp),
                        "distance_from_identity": float(rng.uniform(0.6, 1)),
                        "cost": float(rng.uniform(0.2, 1.4)),
                    }
                )
            diagnostics.append(_diagnostics(seed, client, clients[0]))
        for client in clients:
            for number in range(1, rounds + 1):
                loss = float(rng.uniform(0.4, 0.6))
                for strategy in strategies:
                    training.append(
                        {
                            "seed": seed,
                            "strategy": strategy,
                            "round": number,
                            "client": client,
                            "num_examples": 12_345,
                            "train_loss": loss,
                            "validation_loss": loss + 0.08,
                            "seconds": 6.5,
                            "truncated": 17,
                        }
                    )
    source = "stand-in" if stand_in else "hub"
    results: Results = {
        "schema": 1,
        "scenario": {
            "name": "bilingual",
            "question": "Can one fused model read both languages? An English and a Finnish client.",
            "task": task,
            "clients": [{"dataset": "xed", "name": client} for client in clients],
            "tokenizer": {"kind": "wordpiece", "vocab_size": 8000, "scope": "shared"},
            "model": {
                "name": "encoder",
                "d_model": 64,
                "n_layer": 2,
                "n_head": 4,
                "d_ff": 256,
                "max_length": 48,
            },
            "train": {"epochs": 4, "batch_size": 64, "lr": 0.001},
            "init": "independent",
            "rounds": rounds,
            "strategies": [{"name": strategy, "options": {}} for strategy in strategies],
            "references": ["parents", "ensemble", "centralised", "fedavg-shared-init"],
            "seeds": list(seeds),
            "data": {"source": "auto"},
        },
        "provenance": {
            "fedot": "0.1.0",
            "python": "3.11.7",
            "torch": "2.13.0",
            "flwr": "1.41.0",
            "pot": "0.9.6",
            "numpy": "2.4.6",
            "platform": "Linux-6.8-x86_64",
            "cpu_count": 2,
            "commit": "0123456789abcdef0123456789abcdef01234567",
            "command": "python -m fedot.simulate scenarios/bilingual.yaml",
            "started": "2026-01-31T12:00:00+00:00",
            "seconds": 312.4,
            "engine": "inprocess",
            "complete": True,
            "stand_in": stand_in,
            "data": {
                client: {
                    "source": source,
                    "train": 12_345,
                    "validation": 1371,
                    "test": 3400,
                    "labels": ["negative", "positive"],
                }
                for client in clients
            },
            "notices": ["xed-fi: 3 rows without a label were dropped"],
        },
        "rows": rows,
        "failures": [],
        "lines": lines,
        "reliability": reliability,
        "couplings": couplings,
        "diagnostics": diagnostics,
        "training": training,
        "epochs": [],
        "confusions": [],
        "plans": [],
    }
    return json.loads(json.dumps(results))


@pytest.fixture
def results() -> Results:
    return make_results()


@pytest.fixture
def make() -> Callable[..., Results]:
    return make_results
