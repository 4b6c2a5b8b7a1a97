"""Options of a fusion."""

import math
from collections.abc import Collection
from dataclasses import dataclass, fields

from fedot.errors import FedotError
from fedot.fusion.align.masses import MASSES
from fedot.fusion.align.supports import SUPPORTS
from fedot.transport import GROUND_COSTS, SOLVERS

ANCHORS = ("global", "first", "largest", "medoid", "best")
SCHEMES = ("one-pass", "universe")


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """How models are aligned and fused.

    Parameters
    ----------
    method
        Name from `fedot.fusion.methods.METHODS`; the other options mean what its page says, or nothing to it.
    support, ground_cost, solver, mass
        Names from `SUPPORTS`, `GROUND_COSTS`, `SOLVERS`, `MASSES`, for the neuron groups that are permuted.
    reg, mass_penalty
        Options of the Sinkhorn and the unbalanced solver, relative to the mean cost.
    mass_share
        Share of the mass that the partial solver transports; anchor neurons left over stay as they are.
    circuits
        Average the score and output circuits of matched heads and refactor them, not their factors.
    token_power
        A token that two clients have seen `a` and `b` times weighs ``min(a, b) ** token_power`` in the residual
        map. 1 is the expected squared error over running text; less trusts rare tokens more.
    class_rows, position_rows
        Whether classifier and position rows are landmarks for the residual map, like token rows.
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    size
        Widths of the result relative to the anchor's, for the method ``merged``.
    probe_texts
        How many texts are drawn from token counts where no probe is given. Of these ``merged`` takes a quarter for each
        model (`fedot.fusion.methods.merged.texts_to_measure`), and the fit of a classifier half for each
        (`fedot.fusion.refine.classifier.texts_to_fit`).
    residual, qk_maps, flow_reg
        Options of published methods. `residual`: map of the stream after a layer, ``mean`` or ``latest``
        (``singh-jaggi``, ``imfeld``), or one ``permutation`` of it (``verma``); ``default`` is the paper's. `qk_maps`:
        ``separate`` or ``equal`` for queries and keys (``imfeld``). `flow_reg`: regularisation of ``imfeld``
        relative to the largest cost; None is the paper's.
    anchor
        Whose neurons and widths the result has. ``global``: the model that the caller names, in a federation the
        global model, and where there is none yet the largest; ``first``; ``largest``, the one of the greatest weight
        (most examples); ``medoid``, the one with the least distance to all others once they are aligned to it;
        ``best``, the one of the lowest validation loss.
    scheme
        ``one-pass`` aligns all models to the anchor; ``universe`` then aligns them to their running mean until it
        settles, so that the anchor favours no model.
    repair
        Give the feed-forward neurons of an average back the spread that their parents' have
        (`fedot.fusion.refine.repair`).
    refit
        Fit the classifier of an average to the parents' gated ensemble on drawn texts
        (`fedot.fusion.refine.classifier`). The method ``auto`` does so by itself where it averages models that start
        apart.
    class_shares
        Set the constants of a classifier by class counts (`fedot.fusion.refine.class_shares`), where these are given.
    learn_steps
        Steps by which the maps of ``aligned`` are refined on drawn texts (`fedot.fusion.refine.learned_maps`); 0 leaves
        it out.
    distil_steps
        Steps of the second stage, which distils the parents' ensemble into the fused model; 0 leaves it out.
    """

    method: str = "auto"
    support: str = "weights"
    ground_cost: str = "squared-euclidean"
    solver: str = "exact"
    mass: str = "uniform"
    reg: float = 0.05
    mass_penalty: float = 1.0
    mass_share: float = 0.9
    circuits: bool = True
    token_power: float = 0.5
    class_rows: bool = True
    position_rows: bool = False
    count_rows: bool = True
    size: float = 1.0
    probe_texts: int = 256
    residual: str = "default"
    qk_maps: str = "separate"
    flow_reg: float | None = None
    anchor: str = "global"
    scheme: str = "one-pass"
    repair: bool = False
    refit: bool = False
    class_shares: bool = True
    learn_steps: int = 0
    distil_steps: int = 0

    def __post_init__(self) -> None:
        choices: dict[str, Collection[str]] = {
            "support": SUPPORTS,
            "ground_cost": GROUND_COSTS,
            "solver": SOLVERS,
            "mass": MASSES,
            "residual": ("default", "mean", "latest", "permutation"),
            "qk_maps": ("separate", "equal"),
            "anchor": ANCHORS,
            "scheme": SCHEMES,
        }
        for key, valid in choices.items():
            if getattr(self, key) not in tuple(valid):
                raise FedotError(f"fusion.{key} is {getattr(self, key)!r}; choose from {', '.join(valid)}")
        for key in ("reg", "mass_penalty", "mass_share", "token_power", "size", "flow_reg"):
            value = getattr(self, key)
            if key == "flow_reg" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise FedotError(f"fusion.{key} is {value!r}, but it must be a number above 0")
        if self.mass_share > 1:
            raise FedotError(f"fusion.mass_share is {self.mass_share}, but it must be a share: above 0, at most 1")
        for key, least in (("probe_texts", 1), ("learn_steps", 0), ("distil_steps", 0)):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise FedotError(f"fusion.{key} is {value!r}, but it must be a whole number of at least {least}")
        for key in ("circuits", "class_rows", "position_rows", "count_rows", "repair", "refit", "class_shares"):
            if not isinstance(getattr(self, key), bool):
                raise FedotError(f"fusion.{key} is {getattr(self, key)!r}, but it must be true or false")
        if self.repair and self.method == "merged":
            raise FedotError("fusion.repair is for averages, which merged does not make; set it to false")
        if self.refit and self.method == "merged":
            raise FedotError("fusion.refit is for averages, and merged fits its classifier anyway; set it to false")
        if self.learn_steps and self.method not in ("aligned", "auto"):
            raise FedotError(
                f"fusion.learn_steps is for the maps of aligned, but the method is {self.method}; set it to 0"
            )

    @classmethod
    def from_options(cls, options: dict[str, object]) -> "FusionConfig":
        """Build from a scenario's mapping; keys may be written with dashes.

        Raises
        ------
        FedotError
            Naming an unknown key.
        """
        values = {key.replace("-", "_"): value for key, value in options.items()}
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise FedotError(f"fusion.{key} is no option of a fusion; choose from {', '.join(known)}")
        return cls(**values)  # type: ignore[arg-type]
