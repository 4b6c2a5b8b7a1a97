"""What differs between tasks before training: which texts rows hold, and how they become examples."""

from collections.abc import Sequence

import numpy as np
import torch
from datasets import Dataset
from tokenizers import Tokenizer
from torch import Tensor

from fedot.tokenizer import encode
from fedot.training import Labelled
from fedot.translation import Pairs, encode_pairs


def texts_of(rows: Dataset) -> list[str]:
    """Every text of a data set's rows; of translations the texts of both languages."""
    columns = ["text"] if "text" in rows.column_names else ["source", "target"]
    return [text for name in columns for text in rows[name]]


def count_classes(examples: Labelled | Pairs, classes: int) -> Tensor | None:
    """How many examples are of each class, (C,) int64; None for a task without classes."""
    if isinstance(examples, Pairs):
        return None
    return torch.from_numpy(np.bincount(examples.labels, minlength=classes))


def examples_of(parts: Sequence[Dataset], tokenizer: Tokenizer, max_length: int) -> Labelled | Pairs:
    """Encode the rows of one or more data sets of the same columns."""
    if "text" not in parts[0].column_names:
        source, target = ([text for rows in parts for text in rows[name]] for name in ("source", "target"))
        return encode_pairs(tokenizer, source, target, max_length)
    labels = np.concatenate([np.asarray(rows["label"], dtype=np.int64) for rows in parts])
    return Labelled(encode(tokenizer, [text for rows in parts for text in rows["text"]], max_length), labels)
