"""Architectures, one file each; add yours to `fedot.models.build.MODELS`."""

from fedot.models.build import (
    LABEL_SIZES,
    MODELS,
    Architecture,
    Config,
    State,
    architecture,
    build_model,
    canonical_config,
    load_model,
    model_config,
    num_classes,
    state_of,
    symmetry,
)
from fedot.models.config_json import config_from_json, config_to_json
from fedot.models.decoder import DecoderConfig
from fedot.models.encoder import EncoderConfig
from fedot.models.limits import check_config, check_settings, state_shapes
from fedot.models.seq2seq import Seq2SeqConfig

__all__ = [
    "LABEL_SIZES",
    "MODELS",
    "Architecture",
    "Config",
    "DecoderConfig",
    "EncoderConfig",
    "Seq2SeqConfig",
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
