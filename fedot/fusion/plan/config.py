"""What a user asks of a fusion: a method, and options of its stages."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from fedot.errors import FedotError
from fedot.fusion.plan.stages import METHODS
from fedot.fusion.problem.stage_options import Option, Stage
from fedot.fusion.refine.class_shares import ClassShares
from fedot.fusion.refine.classifier import Refit
from fedot.fusion.refine.repair import Repair
from fedot.text.did_you_mean import did_you_mean
from fedot.text.outside import printable

SWITCHES: dict[str, type[Stage]] = {"repair": Repair, "refit": Refit, "class_shares": ClassShares}
"""Options that turn an optional stage on or off."""

STEPS = ("learn_steps", "distil_steps")
"""Options that turn an optional stage on, and say how long it lasts; 0 leaves it out."""

OF_METHODS: dict[str, tuple[str, ...]] = {
    method: tuple(
        dict.fromkeys(
            [each.name for kind in kinds for each in fields(kind)]
            + [name for name, kind in SWITCHES.items() if kind in kinds]
        )
    )
    for method, kinds in METHODS.items()
}
"""By method, the options that its stages have."""

OPTIONS = tuple(dict.fromkeys(name for names in OF_METHODS.values() for name in names))


@dataclass(frozen=True, slots=True, init=False)
class FusionConfig:
    """A method and the options that it was given; all others have the defaults of their stages.

    Parameters
    ----------
    method
        Name from `fedot.fusion.plan.stages.METHODS`, or ``auto``: the plan then takes ``merged`` for models that start
        apart, and ``aligned`` for all others (`fedot.fusion.plan.make_plan.plan_fusion`).
    options
        Fields of the method's stages, and `repair`, `refit`, `class_shares` (true or false), `learn_steps` and
        `distil_steps` (0 for none). With ``auto`` these are the ones that both of its methods have.

    Raises
    ------
    FedotError
        Naming an option that is unknown, or belongs to another method, or has an impossible value.

    Examples
    --------
    >>> FusionConfig(method="aligned", solver="sinkhorn").options
    {'solver': 'sinkhorn'}
    """

    method: str
    options: Mapping[str, Option]

    def __init__(self, /, method: str = "auto", **options: Option) -> None:
        _check_method(method)
        for name, value in options.items():
            _check_option(method, name, value)
        for kind in METHODS.get(method, (*METHODS["aligned"], *METHODS["merged"])):
            own = {each.name: options[each.name] for each in fields(kind) if each.name in options}
            kind(**{name: value for name, value in own.items() if name not in STEPS or value != 0})
        object.__setattr__(self, "method", method)
        object.__setattr__(self, "options", dict(options))

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> "FusionConfig":
        """Build from a scenario's mapping; keys may be written with dashes.

        Raises
        ------
        FedotError
            As the constructor does.
        """
        values = {key.replace("-", "_"): value for key, value in options.items()}
        if len(values) < len(options):
            raise FedotError("an option of a fusion is there twice, once with dashes and once without")
        return cls(**values)  # type: ignore[arg-type]


def _check_method(method: object) -> None:
    names = ("auto", *METHODS)
    if method not in names:
        hint = did_you_mean(str(method), names, f"choose from {', '.join(names)}")
        raise FedotError(f"fusion.method is {printable(repr(method), 80)}, which is no fusion method; {hint}")


def _check_option(method: str, name: str, value: object) -> None:
    if name not in OPTIONS:
        known = ", ".join(("method", *OPTIONS))
        raise FedotError(f"fusion.{printable(name, 80)} is no option of a fusion; choose from {known}")
    if name in SWITCHES and not isinstance(value, bool):
        raise FedotError(f"fusion.{name} is {printable(repr(value), 80)}, but it must be true or false")
    if name in STEPS and (type(value) is not int or value < 0):
        raise FedotError(f"fusion.{name} is {printable(repr(value), 80)}, but it must be a whole number of at least 0")
    off = name in (*SWITCHES, *STEPS) and not value
    of_auto = [each for each in OF_METHODS["merged"] if each in OF_METHODS["aligned"]]
    if name not in (of_auto if method == "auto" else OF_METHODS[method]) and not off:
        owners = [each for each, names in OF_METHODS.items() if name in names]
        others = f" ({', '.join(owners[1:])} have it too)" if len(owners) > 1 else ""
        raise FedotError(
            f"fusion.{name} is an option of the method {owners[0]}{others}, but the method is {method}; "
            f"add method: {owners[0]}"
        )
