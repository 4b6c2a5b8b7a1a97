"""A loss for clients whose labels are skewed: each learns what texts say beyond how often it has a class.

Menon et al. 2021 (arXiv:2007.07314, equation 10); among federated clients Zhang et al. 2022 (arXiv:2209.00189).
"""

from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.models import Config, num_classes
from fedot.tasks import Examples


def smoothed_prior(training: Examples, config: Config, smoothing: float = 0.0) -> tuple[Tensor, float]:
    """Each class's share of the smoothed labels, (n_class,), and how much they are smoothed.

    It is at least as much as one more text of each class would smooth them: where a class is missing, its share is
    small instead of nothing, and a client of one class finds its loss least where it says nothing.

    Parameters
    ----------
    training
        Examples with classes.
    config
        Says how many classes there are.
    smoothing
        Share of each label that is spread over all classes.

    Returns
    -------
    tuple
        The shares, (n_class,), and the smoothing that was used.

    Raises
    ------
    FedotError
        If the examples have no classes.

    Examples
    --------
    >>> import numpy as np
    >>> from fedot.models import model_config
    >>> from fedot.tasks.classification import Labelled
    >>> from fedot.tokenizer import Encoded
    >>> rows = Labelled(Encoded([[5], [6], [7]], 0), np.array([0, 0, 1]))
    >>> shares, _ = smoothed_prior(rows, model_config({"name": "encoder"}, vocab_size=9, n_class=2))
    >>> [round(float(share), 2) for share in shares]
    [0.6, 0.4]
    """
    classes = num_classes(config)
    counts = training.count_classes(classes) if classes else None
    if counts is None:
        raise FedotError("train.loss: logit-adjusted is for texts with labels; use cross-entropy")
    smoothing = max(smoothing, classes / (len(training) + classes))
    return (1 - smoothing) * counts / len(training) + smoothing / classes, smoothing


class Adjusted(nn.Module):
    """A classifier whose logits have the log frequency of the classes added."""

    def __init__(self, model: nn.Module, offset: Tensor) -> None:
        super().__init__()
        self.model, self.offset = model, offset

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (B, C), the offset added."""
        scores: Tensor = self.model(ids)
        return scores + self.offset
