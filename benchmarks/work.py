"""The rows of the fusion benchmark: what is trained apart, and then fused."""

from typing import Any

from fedot.scenario import Scenario

ENCODER = {"name": "encoder", "d_model": 64, "n_layer": 2, "n_head": 4, "d_ff": 256}
TRAIN = {"epochs": 4, "batch_size": 64, "lr": 1e-3}
UNEQUAL = [
    {"d_model": 48, "n_head": 3, "d_ff": 192},
    {"d_model": 64, "n_head": 4, "d_ff": 256},
    {"d_model": 96, "n_head": 6, "d_ff": 384},
]
LANGUAGES = ("en", "fi", "fr", "it", "pt", "pl", "tr", "el", "ro", "nl", "cs", "hu", "sr", "bg", "he", "ar")


def _imdb(name: str, count: int, *, corpus: dict[str, Any] | None = None, **model: Any) -> Scenario:
    """IMDB dealt out to `count` clients; 4,000 test reviews in all."""
    part = {"dataset": "imdb", "test_examples": 4000 // count, "partition": {"kind": "iid", "count": count}}
    return _scenario(name, clients={**part, **(corpus or {})}, model={**ENCODER, "max_length": 128, **model})


def _short_imdb(name: str, count: int, *, corpus: dict[str, Any] | None = None, **model: Any) -> Scenario:
    """The first 64 tokens of 12,000 IMDB reviews, so that many and larger models can be trained on two cores."""
    return _imdb(name, count, corpus={"examples": 12_000 // count, **(corpus or {})}, **{"max_length": 64, **model})


def _xed(name: str, languages: tuple[str, ...], **model: Any) -> Scenario:
    """XED polarity, one language a client."""
    return _scenario(
        name,
        clients=[{"dataset": "xed", "lang": lang} for lang in languages],
        model={**ENCODER, "max_length": 48, **model},
    )


def _scenario(name: str, **values: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": name,
            "task": "classification",
            "tokenizer": {"kind": "wordpiece", "vocab_size": 8000, "scope": "shared"},
            "train": TRAIN,
            "strategies": ["ot-fusion"],
            **values,
        }
    )


WORK: dict[str, Scenario] = {
    "imdb-halves": _imdb("imdb-halves", 2),
    "xed-en-fi": _xed("xed-en-fi", LANGUAGES[:2]),
    "imdb-depth-4": _short_imdb("imdb-depth-4", 2, n_layer=4),
    "imdb-depth-6": _short_imdb("imdb-depth-6", 2, n_layer=6),
    "imdb-width-128": _short_imdb("imdb-width-128", 2, d_model=128, d_ff=512, n_head=8),
    "imdb-unequal": _short_imdb("imdb-unequal", 3, corpus={"models": UNEQUAL, "tokenizer": {"scope": "per-client"}}),
    "imdb-4": _short_imdb("imdb-4", 4),
    "imdb-8": _short_imdb("imdb-8", 8),
    "imdb-16": _short_imdb("imdb-16", 16),
    "xed-4": _xed("xed-4", LANGUAGES[:4]),
    "xed-8": _xed("xed-8", LANGUAGES[:8]),
    "xed-16": _xed("xed-16", LANGUAGES[:16]),
}

MANY = _scenario(
    "sst2-256",
    clients={"dataset": "sst2", "examples": 240, "test_examples": 7, "partition": {"kind": "iid", "count": 256}},
    model={**ENCODER, "max_length": 48},
)
"""256 clients of 240 phrases each: more than can be put side by side, so no row of the table of every method."""
