"""Layer-wise soft optimal transport for transformers (Imfeld et al. 2024)."""

from fedot.fusion.config import FusionConfig
from fedot.fusion.fused import Fused
from fedot.fusion.methods.flow import FlowOptions, flow_all
from fedot.fusion.problem import FusionProblem

REGS = {"weights": 0.06, "activations": 0.08}


def imfeld(problem: FusionProblem, config: FusionConfig) -> Fused:
    """Match the neurons of every layer by entropic transport; maps meet at skips, where they are averaged.

    As published: uniform masses, Euclidean cost over its maximum, on weights of unit norm (regularisation 0.06) or
    on standardised activations before the nonlinearity (0.08); `flow_reg` takes their place. Queries, keys and
    values of a layer have maps of their own (`qk_maps`), which mix channels of different heads freely. In the
    paper the maps also act on gains and shifts of norms. Here these are folded into the maps that read them before
    anything is matched, so that only the gains of post-norm models are left to be mapped. A soft plan is no
    symmetry: a model fused with its copy is close to it only as far as its neurons differ.
    """
    reg = config.flow_reg or REGS.get(config.support, 0.0)
    residual = "latest" if config.residual == "latest" else "mean"
    return flow_all(problem, config, FlowOptions(reg, residual, config.qk_maps), standardise=True)
