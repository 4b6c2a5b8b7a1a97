"""Federated learning of text transformers, fused by alignment (optimal transport) or by reduction."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from fedot.version import __version__

if TYPE_CHECKING:
    from fedot.fusion import FusionConfig, FusionPlan, FusionResult, vanilla_fusion
    from fedot.library.fuse_models import fuse
    from fedot.library.fused_model import FusedModel
    from fedot.library.local_results import Run, Runs
    from fedot.library.simulate_scenario import simulate
    from fedot.saved import SavedModel, read_model

__all__ = [
    "FusedModel",
    "FusionConfig",
    "FusionPlan",
    "FusionResult",
    "Run",
    "Runs",
    "SavedModel",
    "__version__",
    "fuse",
    "read_model",
    "simulate",
    "vanilla_fusion",
]

ROOMS = {
    **dict.fromkeys(("FusionConfig", "FusionPlan", "FusionResult", "vanilla_fusion"), "fedot.fusion"),
    **dict.fromkeys(("SavedModel", "read_model"), "fedot.saved"),
    **dict.fromkeys(("Run", "Runs"), "fedot.library.local_results"),
    "FusedModel": "fedot.library.fused_model",
    "fuse": "fedot.library.fuse_models",
    "simulate": "fedot.library.simulate_scenario",
}
"""Where each name is: loaded only when it is used, so that ``--help`` does not wait for torch."""


def __getattr__(name: str) -> object:
    if name in ROOMS:
        return getattr(import_module(ROOMS[name]), name)
    raise AttributeError(f"module 'fedot' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


class _Facade(ModuleType):
    """The package, in which a function keeps its name though a module is called so, too.

    `fedot.fuse` and `fedot.simulate` are also modules, for ``python -m``; an import of one would hide the function.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in ROOMS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Facade
