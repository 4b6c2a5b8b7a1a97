"""Layer-wise exact optimal transport (Singh & Jaggi 2020)."""

from fedot.fusion.config import FusionConfig
from fedot.fusion.fused import Fused
from fedot.fusion.methods.flow import FlowOptions, flow_all
from fedot.fusion.problem import FusionProblem


def singh_jaggi(problem: FusionProblem, config: FusionConfig) -> Fused:
    """Match the neurons of every layer by exact transport, its inputs brought along by the maps before it.

    As published: uniform masses, Euclidean cost, not squared, on weights of unit norm or on raw activations before
    the nonlinearity (`support`). The paper has no attention. Queries and keys share one plan here, since two that
    differ change every score; that plan and the values' run over all channels of all heads. After a layer has
    written to a stream, the stream's map is the mean of the layer's and the one before (`residual: mean`), as the
    authors' code does at skip connections; ``latest`` ignores the skip. In a transformer most of the stream comes
    by the skip, and the tables, whose rows have names, are the surest map there is. For unequal widths producers
    and consumers take their own normaliser, since the paper's single one would change the function.
    """
    residual = "latest" if config.residual == "latest" else "mean"
    return flow_all(problem, config, FlowOptions(0.0, residual, "equal"), standardise=False)
