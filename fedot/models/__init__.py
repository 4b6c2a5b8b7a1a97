"""Architectures, one file each; add yours to `MODELS`."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.models import decoder, encoder, seq2seq
from fedot.models.decoder import Decoder, DecoderConfig
from fedot.models.encoder import Encoder, EncoderConfig
from fedot.models.limits import check_config, check_settings
from fedot.models.seq2seq import Seq2Seq, Seq2SeqConfig
from fedot.symmetry import SymmetrySpec
from fedot.text.did_you_mean import did_you_mean
from fedot.text.outside import parse_json, printable, told

__all__ = [
    "LABEL_SIZES",
    "MODELS",
    "Architecture",
    "Config",
    "State",
    "architecture",
    "build_model",
    "canonical_config",
    "check_config",
    "check_settings",
    "config_from_json",
    "config_to_json",
    "load_model",
    "model_config",
    "num_classes",
    "state_of",
    "state_shapes",
    "symmetry",
]

MOST_BYTES = 2**16
"""Bytes of the longest JSON of a configuration."""

State = dict[str, Tensor]
Config = EncoderConfig | DecoderConfig | Seq2SeqConfig


@dataclass(frozen=True, slots=True)
class Architecture:
    """All that the rest of fedot needs to know of one architecture.

    `inputs` is how many batches of token ids its `forward` takes.
    """

    config_type: type[Any]
    config: Callable[[dict[str, object], int, int], Any]
    module: Callable[[Any], nn.Module]
    initialise: Callable[[Any, torch.Generator], None]
    symmetry: Callable[[Any], SymmetrySpec]
    canonical: Callable[[Any], Any]
    inputs: int = 1


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

    Raises
    ------
    FedotError
        If there is none of that name.
    """
    if name not in MODELS:
        hint = did_you_mean(name, MODELS, f"choose from {', '.join(MODELS)}")
        raise FedotError(f"model.name is {name!r}, which is no architecture of fedot; {hint}")
    return MODELS[name]


def model_config(settings: dict[str, object], vocab_size: int, n_class: int) -> Config:
    """Turn a scenario's `model` mapping into a configuration, checking keys and values."""
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
    """Build a module with weights drawn from an own generator seeded with `seed`."""
    kind = architecture(config.architecture)
    model = kind.module(config)
    kind.initialise(model, torch.Generator().manual_seed(seed))
    return model


def load_model(config: Config, state: State) -> nn.Module:
    """Build a module in evaluation mode that holds the tensors of `state`."""
    with torch.device("meta"):
        model = architecture(config.architecture).module(config)
    model.load_state_dict(state, assign=True)
    for copy, original in symmetry(config).ties:  # an assigned state has two tensors where the module had one
        owner, _, part = copy.rpartition(".")
        setattr(model.get_submodule(owner), part, model.get_parameter(original))
    return model.eval()


def state_of(model: nn.Module) -> State:
    """Copy a module's tensors to the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def state_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Tell the shape of every tensor of a configuration without allocating any."""
    with torch.device("meta"):
        model = architecture(config.architecture).module(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def symmetry(config: Config) -> SymmetrySpec:
    """Return the symmetry spec of a configuration."""
    return architecture(config.architecture).symmetry(config)


def canonical_config(config: Config) -> Config:
    """Return the configuration of the model after `fedot.fusion.canonical.canonicalise`."""
    result: Config = architecture(config.architecture).canonical(config)
    return result


def num_classes(config: object) -> int:
    """How many classes a model tells apart; 0 for one that says tokens."""
    return int(getattr(config, "n_class", 0))


def config_to_json(config: Config) -> str:
    """Write a configuration as one line of JSON."""
    return json.dumps(asdict(config), sort_keys=True)


def config_from_json(text: str) -> Config:
    """Read what `config_to_json` wrote; nothing is built of it, and every setting has its type and a sensible size.

    Raises
    ------
    FedotError
        If the text is no configuration of a known architecture.

    Examples
    --------
    >>> config = model_config({"name": "encoder"}, vocab_size=30, n_class=2)
    >>> config_from_json(config_to_json(config)) == config
    True
    """
    with told("a model configuration cannot be read"):
        values = parse_json(text, "a model configuration", MOST_BYTES, deepest=1)
        kind = MODELS.get(values["architecture"])
        if kind is None:
            name = printable(values["architecture"], 40)
            raise FedotError(f"a model configuration cannot be read: {name!r} is no architecture of fedot")
        result: Config = kind.config_type(**values)
        try:
            check_settings(result)
        except FedotError as error:
            raise FedotError(f"a model configuration cannot be read: {error}") from None
    return result
