"""Models that go back into the class that they came from, which is not fedot's and knows nothing of canonical forms."""

from fedot.errors import FedotError
from fedot.models import State
from fedot.symmetry import SymmetrySpec


def check_loadable(spec: SymmetrySpec) -> None:
    """Refuse a spec whose canonical form the model's own class could not hold.

    Raises
    ------
    FedotError
        Naming a norm that would be folded away, a tie that would not last, or a table that the class computes.
    """
    for norm in spec.norms:
        if norm.kind == "layer" and not norm.kept:
            raise FedotError(
                f"the LayerNorm {norm.name} would be folded away, and your module could not load the result; "
                "declare it with kept=True"
            )
    for copy, original in spec.ties:
        if (copy, original) not in spec.lasting_ties():
            raise FedotError(
                f"{copy} is tied to {original}, but only one of the two is read through a norm or scaled, so the fused "
                "model could not tie them; untie them in your module"
            )
    if spec.sinusoidal:
        raise FedotError(
            f"your module computes {spec.sinusoidal[0]} by itself, so a fused table could not be loaded; "
            "make it a parameter"
        )


def as_loaded(state: State, spec: SymmetrySpec) -> State:
    """Give a canonical state as the model's class reads it: scaled tables without their factor.

    Everything else of a spec that is loadable has kept its name and its shape: folded norms have gain 1.
    """
    return {name: tensor / spec.scaled[name] if name in spec.scaled else tensor for name, tensor in state.items()}
