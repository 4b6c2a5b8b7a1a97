"""Local training, and the cache of trained models."""

from fedot.training.logit_adjusted import smoothed_prior
from fedot.training.train import Epoch, TrainResult, mean_loss, train

__all__ = [
    "Epoch",
    "TrainResult",
    "mean_loss",
    "smoothed_prior",
    "train",
]
