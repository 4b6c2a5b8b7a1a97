"""Which class of the transformers library holds which of fedot's models exactly, and why none holds the others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fedot.errors import FedotError
from fedot.export import gpt2_layout, pegasus_layout
from fedot.export.wide_stream import WideStream
from fedot.models import Config, State


@dataclass(frozen=True, slots=True)
class Layout:
    """A class of transformers, and how a canonical model is written as one.

    Attributes
    ----------
    class_name, loader
        The class, and the one of transformers' loaders that finds it.
    begins
        Token that the tokenizer puts before every text; "" for none.
    stream_of, settings, tensors
        The wide stream of a model, the keys of its config.json, and its tensors by their names there.
    """

    class_name: str
    loader: str
    begins: str
    stream_of: Callable[[Any], WideStream]
    settings: Callable[[Any, WideStream], dict[str, Any]]
    tensors: Callable[[State, Any, WideStream], State]


LAYOUTS = {
    architecture: Layout(each.CLASS, each.LOADER, each.BEGINS, each.stream_of, each.settings, each.tensors)
    for architecture, each in (("decoder", gpt2_layout), ("seq2seq", pegasus_layout))
}
"""By the name of fedot's architecture."""

HINDRANCES = {
    ("norm_position", "post"): "has its norms after the layers (norm_position: post) and a bias in its output layer",
    ("positions", "rotary"): "has rotary positions and a bias in its output layer",
    ("activation", "swiglu"): "has a SwiGLU with biases and a bias in its output layer",
    ("shared", False): "reads and writes two vocabularies (shared: false) by one tokenizer",
}
"""What of a model's settings no class has that has the rest, in words."""


def layout_of(config: Config) -> Layout:
    """Find the class that holds a model.

    Parameters
    ----------
    config
        Of any architecture of fedot.

    Returns
    -------
    Layout

    Raises
    ------
    FedotError
        If there is none; it says why.

    Examples
    --------
    >>> from fedot.models import DecoderConfig, EncoderConfig
    >>> layout_of(DecoderConfig(vocab_size=9)).class_name
    'GPT2LMHeadModel'
    >>> layout_of(EncoderConfig(vocab_size=9, n_class=2))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    fedot.errors.FedotError: no class of transformers holds this model: it classifies the mean of its tokens ...
    """
    if config.architecture not in LAYOUTS:
        raise _none(
            "it classifies the mean of its tokens by one linear layer, where they classify the first or last token"
        )
    for (key, value), words in HINDRANCES.items():
        if getattr(config, key, None) == value:
            raise _none(f"it {words}")
    return LAYOUTS[config.architecture]


def _none(why: str) -> FedotError:
    return FedotError(
        f"no class of transformers holds this model: {why}; use its .safetensors file with fedot.read_model"
    )
