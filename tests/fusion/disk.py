"""Models on disk, and the command line that fuses them."""

import warnings

import torch
from safetensors.torch import save_file

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from typer.testing import CliRunner

from fedot.from_disk.cli import cli
from fedot.models import build_model, config_to_json, model_config, state_of
from tests.groups import randomise

BASE = {"name": "encoder", "d_model": 16, "n_layer": 2, "n_head": 4, "d_ff": 24, "max_length": 12, "norm": "layer"}
VOCAB = 40


def model(seed=0, vocab=VOCAB, **settings):
    config = model_config({**BASE, **settings}, vocab, 3)
    return randomise(state_of(build_model(config, seed)), seed), config


def write(path, state, config=None, dtype=torch.float32, **metadata):
    if config is not None:
        metadata["config"] = config_to_json(config)
    tensors = {name: tensor.to(dtype).contiguous().clone() for name, tensor in state.items()}
    save_file(tensors, path, metadata=metadata or None)
    return path


def call(*args):
    return CliRunner().invoke(cli, [str(arg) for arg in args], env={"COLUMNS": "200"})
