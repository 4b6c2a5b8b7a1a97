"""What a fusion returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from fedot.fusion.align.diagnostics import Diagnostics
from fedot.fusion.canonical.maps import Alignment
from fedot.fusion.plan.make_plan import FusionPlan
from fedot.models import State
from fedot.text.in_short import in_short


@dataclass(frozen=True, slots=True, repr=False)
class FusionResult:
    """The fused model and how it came about.

    Attributes
    ----------
    state, config
        The fused model in canonical form, ready for `fedot.models.load_model`.
    vocabulary
        Token of each embedding row, where vocabularies were given.
    aligned, aligned_config
        Every model in the anchor's basis and shape; the anchor's own is among them. Large models' tensors are in
        files, and are read whenever they are asked for.
    alignments
        One for each model; the anchor's is empty. Of large models (`fedot.fusion.by_part.large`) only the maps of
        residual streams are kept.
    diagnostics
        One for each model: how each neuron group was matched, and how well; the anchor's has no groups.
    anchor
        Index of the model whose neurons and widths the result has.
    plan
        What was done; `fedot.fuse(..., config=plan)` does it again.

    Examples
    --------
    >>> from fedot.fusion import fuse
    >>> from fedot.models import build_model, model_config
    >>> config = model_config({"name": "encoder", "d_model": 16}, vocab_size=50, n_class=2)
    >>> result = fuse([build_model(config, seed) for seed in (0, 1)])
    >>> result.plan.method, len(result.aligned), sorted(result.diagnostics[1].groups)[:3]
    ('aligned', 2, ['class', 'ffn.0', 'ffn.1'])
    >>> result
    FusionResult(2 models, aligned: encoder, 2 layers of width 16, 50 tokens, 2 classes, 22,066 weights)
    """

    state: State
    config: Any
    vocabulary: tuple[str, ...] | None
    aligned: tuple[Mapping[str, Tensor], ...]
    aligned_config: Any
    alignments: tuple[Alignment, ...]
    diagnostics: tuple[Diagnostics, ...]
    anchor: int
    plan: FusionPlan

    def __repr__(self) -> str:
        models = f"{len(self.aligned)} models, {self.plan.method}"
        return f"{type(self).__name__}({models}: {in_short(self.config, self.state)})"
