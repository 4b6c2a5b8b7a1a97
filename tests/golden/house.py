"""What the golden cases need of fedot beside its public entry points; where modules move, this file alone follows."""

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

import fedot
from fedot.fusion.plan.stages import METHODS
from fedot.models import build_model, config_to_json, model_config, state_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from fedot.commands import simulate
    from fedot.from_disk.cli import main as fuse_main

State = dict[str, Tensor]
Model = tuple[State, Any]

PUBLISHED = tuple(name for name in METHODS if name not in ("aligned", "merged", "distilled"))
VOCAB, CLASSES = 60, 3
SIZES = {"d_model": 16, "n_layer": 2, "n_head": 4, "d_ff": 24, "max_length": 12, "dropout": 0.0}


def model(seed: int, arch: str = "encoder", vocab: int = VOCAB, **settings: Any) -> Model:
    """A model whose gains and biases are random too; copies of a tied tensor stay equal."""
    config = model_config({"name": arch, **SIZES, **settings}, vocab, CLASSES if arch == "encoder" else 0)
    module, generator = build_model(config, seed), torch.Generator().manual_seed(seed + 1000)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_((0.3 if parameter.ndim == 1 else 0.1) * torch.randn(parameter.shape, generator=generator))
    return state_of(module), config


def config_text(config: Any) -> str:
    """A configuration as text, one of transformers' folders too."""
    return config_to_json(config) if hasattr(config, "architecture") else repr(config)


def fuse(models: list[Model], options: dict[str, Any], **rest: Any) -> fedot.FusionResult:
    """Call `fedot.fuse`."""
    return fedot.fuse(models, config=fedot.FusionConfig(**options), **rest)


def fuse_command(*args: str | Path) -> None:
    """Run ``python -m fedot.fuse`` in this process."""
    _command(fuse_main, "fedot.fuse", *args)


def simulate_command(*args: str | Path) -> None:
    """Run ``python -m fedot.simulate`` in this process, on the CPU, with nothing kept from other runs."""
    _command(simulate.main, "fedot.simulate", *args, "--device", "cpu", "--workers", "0", "--no-cache")


def _command(main: Any, name: str, *args: str | Path) -> None:
    said = io.StringIO()
    with (
        mock.patch.object(sys, "argv", [name, *map(str, args)]),
        warnings.catch_warnings(),  # a command sets filters, which are its own
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"{name} ended with {end.code}: {said.getvalue()}") from None


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and the linear algebra of numpy compute with one thread, so that sums have one order."""
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
