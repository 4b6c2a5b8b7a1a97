"""Federated learning of text transformers, fused by alignment (optimal transport) or by reduction."""

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "FusionConfig",
    "FusionPlan",
    "FusionResult",
    "SavedModel",
    "__version__",
    "fuse",
    "read_model",
    "vanilla_fusion",
]

if TYPE_CHECKING:
    from fedot.fusion import FusionConfig, FusionPlan, FusionResult, fuse, vanilla_fusion
    from fedot.saved import SavedModel, read_model


def __getattr__(name: str) -> object:
    """Load the fusion library only when it is used, so that ``--help`` does not wait for torch."""
    if name in ("SavedModel", "read_model"):
        from fedot import saved

        return getattr(saved, name)
    if name in __all__:
        from fedot import fusion

        return getattr(fusion, name)
    raise AttributeError(f"module 'fedot' has no attribute {name!r}")
