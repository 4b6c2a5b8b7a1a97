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
LANGUAGES = ("en", "fi", "fr", "es", "it", "pt", "pl", "tr", "el", "ro", "nl", "cs", "hu", "sr", "bg", "he")


def _imdb(name: str, count: int, *, corpus: dict[str, Any] | None = None, **model: Any) -> Scenario:
    """IMDB, 25,000 reviews dealt out to `count` clients."""
    part = {"dataset": "imdb", "test_examples": 4000 // count, "partition": {"kind": "iid", "count": count}}
    return _scenario(name, clients={**part, **(corpus or {})}, model={**ENCODER, "max_length": 128, **model})


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
            "task": "sentiment",
            "tokenizer": {"kind": "wordpiece", "vocab_size": 8000, "scope": "shared"},
            "train": TRAIN,
            "strategies": ["ot-fusion"],
            **values,
        }
    )


WORK: dict[str, Scenario] = {
    "imdb-halves": _imdb("imdb-halves", 2),
    "xed-en-fi": _xed("xed-en-fi", LANGUAGES[:2]),
    "imdb-depth-4": _imdb("imdb-depth-4", 2, n_layer=4),
    "imdb-depth-6": _imdb("imdb-depth-6", 2, n_layer=6),
    "imdb-width-128": _imdb("imdb-width-128", 2, d_model=128, d_ff=512, n_head=8),
    "imdb-4": _imdb("imdb-4", 4),
    "imdb-8": _imdb("imdb-8", 8),
    "imdb-16": _imdb("imdb-16", 16),
    "imdb-unequal": _imdb("imdb-unequal", 3, corpus={"models": UNEQUAL, "tokenizer": {"scope": "per-client"}}),
    "xed-4": _xed("xed-4", LANGUAGES[:4]),
    "xed-8": _xed("xed-8", LANGUAGES[:8]),
    "xed-16": _xed("xed-16", LANGUAGES[:16]),
}
