"""Options of the alignment by optimal transport."""

from dataclasses import dataclass

from fedot.fusion.align.masses import MASSES
from fedot.fusion.align.supports import SUPPORTS
from fedot.fusion.problem.stage_options import Stage, named, number, whole
from fedot.transport import GROUND_COSTS, SOLVERS


@dataclass(frozen=True, slots=True)
class Align(Stage):
    """Bring every model into the anchor's basis: streams by labelled rows, heads by circuits, neurons by transport.

    Parameters
    ----------
    support, ground_cost, solver, mass
        Names from `SUPPORTS`, `GROUND_COSTS`, `SOLVERS`, `MASSES`, for the neuron groups that are permuted.
    reg, mass_penalty
        Options of the Sinkhorn and the unbalanced solver, relative to the mean cost.
    mass_share
        Share of the mass that the partial solver transports; anchor neurons left over stay as they are.
    token_power
        A token that two clients have seen `a` and `b` times weighs ``min(a, b) ** token_power`` in the residual map.
        1 is the expected squared error over running text; less trusts rare tokens more.
    class_rows, position_rows
        Whether classifier and position rows are landmarks for the residual map, like token rows.
    probe_texts
        How many texts are drawn from token counts where masses or supports need activations and no probe is given.
    """

    support: str = named("weights", SUPPORTS)
    ground_cost: str = named("squared-euclidean", GROUND_COSTS)
    solver: str = named("exact", SOLVERS)
    mass: str = named("uniform", MASSES)
    reg: float = number(0.05)
    mass_penalty: float = number(1.0)
    mass_share: float = number(0.9, most=1)
    token_power: float = number(0.5, most=10)
    class_rows: bool = True
    position_rows: bool = False
    probe_texts: int = whole(256, least=1)
