"""Local training, and the cache of trained models."""

from fedot.training.train import Epoch, TrainResult, mean_loss, smoothed_prior, train

__all__ = [
    "Epoch",
    "TrainResult",
    "mean_loss",
    "smoothed_prior",
    "train",
]
