"""Layer-wise soft optimal transport for transformers (Imfeld et al. 2024)."""

from dataclasses import dataclass
from typing import Literal

from fedot.fusion.methods.flow import FlowOptions, flow_all
from fedot.fusion.methods.pairwise import Channels
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource

REGS = {"weights": 0.06, "activations": 0.08}


@dataclass(frozen=True, slots=True)
class Imfeld(Stage):
    """Layer-wise soft optimal transport (Imfeld et al. 2024).

    Parameters
    ----------
    support
        Layers are compared by ``weights`` or ``activations``.
    heads
        Channels of heads are matched as they were trained (``own``), as published, or in the ``canonical`` form.
    residual
        Map of a stream after a layer has written to it: the ``mean`` of the layer's and the one before, as published
        (``default``), or the ``latest``.
    qk_maps
        ``separate`` maps for queries and keys of a layer, or an ``equal`` one.
    flow_reg
        Regularisation relative to the largest cost; None is the paper's.
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    probe_texts
        How many texts are drawn from token counts where no probe is given.
    """

    support: Literal["weights", "activations"] = "weights"
    heads: Channels = "own"
    residual: Literal["default", "mean", "latest"] = "default"
    qk_maps: Literal["separate", "equal"] = "separate"
    flow_reg: float | None = None
    count_rows: bool = True
    probe_texts: int = whole(256, least=1)


def imfeld(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Imfeld) -> Fused:
    """Match the neurons of every layer by entropic transport; maps meet at skips, where they are averaged.

    As published: uniform masses, Euclidean cost over its maximum, on weights of unit norm (regularisation 0.06) or
    on standardised activations before the nonlinearity (0.08); `flow_reg` takes their place. Queries, keys and
    values of a layer have maps of their own (`qk_maps`), which mix channels of different heads freely. In the
    paper the maps also act on gains and shifts of norms. Here these are folded into the maps that read them before
    anything is matched, so that only the gains of post-norm models are left to be mapped. A soft plan is no
    symmetry: a model fused with its copy is close to it only as far as its neurons differ.
    """
    del fused
    reg = stage.flow_reg or REGS[stage.support]
    residual = "latest" if stage.residual == "latest" else "mean"
    return flow_all(problem, texts, FlowOptions(reg, residual, stage.qk_maps, stage), standardise=True)
