"""Align and fuse models: pure functions on states and symmetry specs."""

from fedot.fusion.align.average import vanilla_fusion
from fedot.fusion.align.diagnostics import Barrier, Diagnostics, GroupDiagnostics, barrier
from fedot.fusion.canonical.maps import Alignment
from fedot.fusion.fuse import fuse
from fedot.fusion.plan import FusionPlan
from fedot.fusion.plan.config import FusionConfig
from fedot.fusion.plan.result import FusionResult

__all__ = [
    "Alignment",
    "Barrier",
    "Diagnostics",
    "FusionConfig",
    "FusionPlan",
    "FusionResult",
    "GroupDiagnostics",
    "barrier",
    "fuse",
    "vanilla_fusion",
]
