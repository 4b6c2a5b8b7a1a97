"""Local training, and the cache of trained models."""

from fedot.training.train import Epoch, Examples, Labelled, TrainResult, count_tokens, mean_loss, smoothed_prior, train

__all__ = [
    "Epoch",
    "Examples",
    "Labelled",
    "TrainResult",
    "count_tokens",
    "mean_loss",
    "smoothed_prior",
    "train",
]
