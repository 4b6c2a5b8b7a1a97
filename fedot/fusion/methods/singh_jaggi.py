"""Layer-wise exact optimal transport (Singh & Jaggi 2020)."""

from dataclasses import dataclass
from typing import Literal

from fedot.fusion.methods.flow import FlowOptions, flow_all
from fedot.fusion.methods.pairwise import Channels
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource


@dataclass(frozen=True, slots=True)
class SinghJaggi(Stage):
    """Layer-wise exact optimal transport (Singh & Jaggi 2020).

    Parameters
    ----------
    support
        Layers are compared by ``weights`` or ``activations``.
    heads
        Channels of heads are matched as they were trained (``own``), as published, or in the ``canonical`` form.
    residual
        Map of a stream after a layer has written to it: the ``mean`` of the layer's and the one before, as published
        (``default``), or the ``latest``.
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    probe_texts
        How many texts are drawn from token counts where no probe is given.
    """

    support: Literal["weights", "activations"] = "weights"
    heads: Channels = "own"
    residual: Literal["default", "mean", "latest"] = "default"
    count_rows: bool = True
    probe_texts: int = whole(256, least=1)


def singh_jaggi(problem: FusionProblem, texts: TextSource, fused: Fused, stage: SinghJaggi) -> Fused:
    """Match the neurons of every layer by exact transport, its inputs brought along by the maps before it.

    As published: uniform masses, Euclidean cost, not squared, on weights of unit norm or on raw activations before
    the nonlinearity (`support`). The paper has no attention. Queries and keys share one plan here, since two that
    differ change every score; that plan and the values' run over all channels of all heads. After a layer has
    written to a stream, the stream's map is the mean of the layer's and the one before (`residual: mean`), as the
    authors' code does at skip connections; ``latest`` ignores the skip. In a transformer most of the stream comes
    by the skip, and the tables, whose rows have names, are the surest map there is. For unequal widths producers
    and consumers take their own normaliser, since the paper's single one would change the function.
    """
    del fused
    residual = "latest" if stage.residual == "latest" else "mean"
    return flow_all(problem, texts, FlowOptions(0.0, residual, "equal", stage), standardise=False)
