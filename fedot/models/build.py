"""Architectures by name: configuration, module, weights, symmetry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.models import decoder, encoder, seq2seq
from fedot.models.decoder import Decoder, DecoderConfig
from fedot.models.encoder import Encoder, EncoderConfig
from fedot.models.pretrained.pretrained_config import PretrainedConfig, no_pretrained, pretrained_symmetry
from fedot.models.pretrained.pretrained_module import Pretrained
from fedot.models.pretrained.pretrained_module import initialise as initialise_pretrained
from fedot.models.seq2seq import Seq2Seq, Seq2SeqConfig
from fedot.symmetry import State as State
from fedot.symmetry import SymmetrySpec
from fedot.text.did_you_mean import did_you_mean

Config = EncoderConfig | DecoderConfig | Seq2SeqConfig | PretrainedConfig


@dataclass(frozen=True, slots=True)
class Architecture:
    """All that the rest of fedot needs to know of one architecture.

    Attributes
    ----------
    config_type
        Dataclass of its settings.
    config
        Makes one of a scenario's settings, the vocabulary's size and the number of classes.
    module, initialise
        The module of a configuration, and the function that draws its weights.
    symmetry
        The symmetry spec of a configuration.
    canonical
        The configuration of a model in canonical form.
    inputs
        How many batches of token ids its `forward` takes.
    whole_in_state
        Whether a module is whole once it has the tensors of a state; else it holds numbers that are in none.

    Examples
    --------
    >>> MODELS["seq2seq"].inputs
    2
    """

    config_type: type[Any]
    config: Callable[[dict[str, object], int, int], Any]
    module: Callable[[Any], nn.Module]
    initialise: Callable[[Any, torch.Generator], None]
    symmetry: Callable[[Any], SymmetrySpec]
    canonical: Callable[[Any], Any]
    inputs: int = 1
    whole_in_state: bool = True


MODELS: dict[str, Architecture] = {
    "encoder": Architecture(
        EncoderConfig, encoder.config, Encoder, encoder.initialise, encoder.symmetry, encoder.canonical
    ),
    "decoder": Architecture(
        DecoderConfig, decoder.config, Decoder, decoder.initialise, decoder.symmetry, decoder.canonical
    ),
    "seq2seq": Architecture(
        Seq2SeqConfig, seq2seq.config, Seq2Seq, seq2seq.initialise, seq2seq.symmetry, seq2seq.canonical, inputs=2
    ),
    "pretrained": Architecture(
        *(PretrainedConfig, no_pretrained, Pretrained, initialise_pretrained, pretrained_symmetry),
        canonical=lambda config: config,
        whole_in_state=False,
    ),
}

LABEL_SIZES = {
    "vocab": "vocab_size",
    "vocab.source": "vocab_size",
    "vocab.target": "target_vocab_size",
    "position": "max_length",
    "class": "n_class",
}
"""Which setting of a configuration counts the rows of a group of labels."""


def architecture(name: str) -> Architecture:
    """Look an architecture up by name.

    Parameters
    ----------
    name
        A key of `MODELS`.

    Returns
    -------
    Architecture

    Raises
    ------
    FedotError
        If there is none of that name.

    Examples
    --------
    >>> architecture("encoder").config_type.__name__
    'EncoderConfig'
    """
    if name not in MODELS:
        hint = did_you_mean(name, MODELS, f"choose from {', '.join(MODELS)}")
        raise FedotError(f"model.name is {name!r}, which is no architecture of fedot; {hint}")
    return MODELS[name]


def model_config(settings: dict[str, object], vocab_size: int, n_class: int) -> Config:
    """Turn a scenario's `model` mapping into a configuration, checking keys and values.

    Parameters
    ----------
    settings
        `name` is the architecture; all other keys are settings of its configuration.
    vocab_size, n_class
        Numbers of tokens and of classes; 0 classes for a model that predicts tokens.

    Returns
    -------
    Config

    Raises
    ------
    FedotError
        Naming a key that is unknown, or a value that is impossible.

    Examples
    --------
    >>> model_config({"name": "encoder", "d_model": 32}, vocab_size=100, n_class=2).d_model
    32
    """
    kind = architecture(str(settings.get("name", "encoder")))
    values = {key: value for key, value in settings.items() if key != "name"}
    fixed = {"vocab_size", "n_class", "architecture"}
    known = [field for field in kind.config_type.__dataclass_fields__ if field not in fixed]
    for key in values:
        if key not in known:
            hint = did_you_mean(key, known, f"choose from {', '.join(known)}", form="model.{}".format)
            raise FedotError(f"model.{key} is no setting of {settings.get('name', 'encoder')}; {hint}")
    result: Config = kind.config(values, vocab_size, n_class)
    return result


def build_model(config: Config, seed: int) -> nn.Module:
    """Build a module with weights drawn from a generator of its own.

    Parameters
    ----------
    config
        Of any architecture of fedot.
    seed
        Of the generator; the same seed gives the same bits.

    Returns
    -------
    nn.Module

    Examples
    --------
    >>> config = model_config({"name": "encoder"}, vocab_size=100, n_class=3)
    >>> tokens = torch.tensor([[5, 6, 7]])
    >>> build_model(config, seed=0)(tokens).shape
    torch.Size([1, 3])
    """
    kind = architecture(config.architecture)
    model = kind.module(config)
    kind.initialise(model, torch.Generator().manual_seed(seed))
    return model


def load_model(config: Config, state: Mapping[str, Tensor]) -> nn.Module:
    """Build a module in evaluation mode that holds the tensors of `state`.

    Parameters
    ----------
    config
        The model's configuration.
    state
        Its tensors, which are not copied; their shapes are `state_shapes` of `config`.

    Returns
    -------
    nn.Module

    Examples
    --------
    >>> config = model_config({"name": "decoder"}, vocab_size=100, n_class=0)
    >>> model = load_model(config, state_of(build_model(config, seed=0)))
    >>> model.training, model(torch.tensor([[5, 6, 7]])).shape
    (False, torch.Size([1, 3, 100]))
    """
    kind = architecture(config.architecture)
    with torch.device("meta" if kind.whole_in_state else "cpu"):
        model = kind.module(config)
    model.load_state_dict(state, assign=True)
    ties = symmetry(config).ties if kind.whole_in_state else ()
    for copy, original in ties:  # an assigned state has two tensors where the module had one
        owner, _, part = copy.rpartition(".")
        setattr(model.get_submodule(owner), part, model.get_parameter(original))
    return model.eval()


def state_of(model: nn.Module) -> State:
    """Copy a module's tensors to the CPU.

    Parameters
    ----------
    model
        Any module.

    Returns
    -------
    State
        Tensors by name.

    Examples
    --------
    >>> sorted(state_of(nn.Linear(2, 3)))
    ['bias', 'weight']
    """
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def symmetry(config: Config) -> SymmetrySpec:
    """Return the symmetry spec of a configuration.

    Parameters
    ----------
    config
        Of any architecture of fedot.

    Returns
    -------
    SymmetrySpec
        Which axis of which tensor belongs to which neuron group.

    Examples
    --------
    >>> config = model_config({"name": "encoder", "d_ff": 48}, vocab_size=100, n_class=2)
    >>> symmetry(config).groups["ffn.0"].size
    48
    """
    return _symmetry(config)


@lru_cache(maxsize=64)
def _symmetry(config: Config) -> SymmetrySpec:
    return architecture(config.architecture).symmetry(config)


def canonical_config(config: Config) -> Config:
    """Return the configuration of the model after `fedot.fusion.canonical.canonicalise`.

    Parameters
    ----------
    config
        Of any architecture of fedot.

    Returns
    -------
    Config
        Its norms are root mean squares where they can be.

    Examples
    --------
    >>> config = model_config({"name": "encoder", "norm": "layer"}, vocab_size=100, n_class=2)
    >>> canonical_config(config).norm
    'rms'
    """
    result: Config = architecture(config.architecture).canonical(config)
    return result


def num_classes(config: object) -> int:
    """How many classes a model tells apart; 0 for one that says tokens.

    Parameters
    ----------
    config
        Of any architecture, or of another library.

    Returns
    -------
    int

    Examples
    --------
    >>> num_classes(model_config({"name": "decoder"}, vocab_size=100, n_class=0))
    0
    """
    return int(getattr(config, "n_class", 0))
