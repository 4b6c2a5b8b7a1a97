"""Strategies by name: OT fusion, and Flower's own as baselines; add yours to `STRATEGIES`."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flwr.serverapp import strategy as flower
from flwr.serverapp.strategy import FedAvg

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, FusionPlan
from fedot.fusion.plan import plan_without_models
from fedot.fusion.plan.config import OPTIONS
from fedot.fusion.refine.class_shares import ClassShares
from fedot.strategies.check_options import check_keys, check_number
from fedot.strategies.client_aligned import ClientAligned, SummedFusion
from fedot.strategies.fedavg_class_shares import FedAvgClassShares
from fedot.strategies.fedavg_token_rows import FedAvgTokenRows
from fedot.strategies.guard import Guarded, Quorum
from fedot.strategies.lora_products import LoraProducts
from fedot.strategies.ot_fusion import OTFusion
from fedot.text.did_you_mean import did_you_mean

__all__ = ["STRATEGIES", "ClientAligned", "Guarded", "OTFusion", "Quorum", "build_strategy"]

Builder = Callable[[Mapping[str, Any]], Guarded]

FUSION = {"method", *OPTIONS}

# Least and greatest value of options that are not just any number from 0 up.
RANGES = {"fraction_train": (1e-9, 1.0), "fraction_evaluate": (1e-9, 1.0), "min_fraction": (0.0, 1.0)}


def _guarded(base: type[FedAvg], title: str = "") -> Builder:
    """One of Flower's strategies behind `Guarded`; its options are the keywords of its constructor.

    With ``align: client`` the options of the alignment are taken as well.
    """
    bases = (base,) if issubclass(base, Guarded) else (Guarded, base)
    title = title or base.__name__.lower()
    kind: type[Guarded] = type(f"Guarded{base.__name__}", bases, {"__doc__": base.__doc__})
    aligned: type[ClientAligned] = type(f"Aligned{base.__name__}", (ClientAligned, base), {"__doc__": base.__doc__})
    own = {"fraction_evaluate", "min_train_nodes", "min_evaluate_nodes", "min_available_nodes"}
    known = {
        name
        for name in inspect.signature(flower.FedAvg if issubclass(base, Guarded) else base).parameters
        if name not in own and not name.endswith(("_key", "_fn", "_rule"))
    }

    def build(options: Mapping[str, Any]) -> Guarded:
        on_client = options.get("align") == "client"
        check_keys(title, options, known | {"align"} | (FUSION if on_client else set()))
        if not on_client and "align" in options:
            raise FedotError(f"strategies: {title}.align is {options['align']!r}, but it can only be client")
        values = {key: value for key, value in options.items() if key in known}
        for key in values:
            check_number(title, values, key, *RANGES.get(key, (0.0, math.inf)))
        try:
            strategy = (aligned if on_client else kind)(**values)
        except (TypeError, ValueError) as error:
            raise FedotError(f"strategies: {title} refuses its options: {' '.join(str(error).split())}") from error
        if isinstance(strategy, ClientAligned):
            strategy.plan = _alignment(title, options)
        return strategy

    return build


def _ot_fusion(options: Mapping[str, Any]) -> Guarded:
    check_keys("ot-fusion", options, {"align", "fraction_train"} | FUSION)
    align = options.get("align", "server")
    if align not in ("server", "client"):
        raise FedotError(f"strategies: ot-fusion.align is {align!r}, but it can only be server or client")
    fraction = check_number("ot-fusion", options, "fraction_train", *RANGES["fraction_train"], default=1.0)
    if align == "server":
        return OTFusion(fusion=_fusion(options), fraction_train=fraction)
    strategy = SummedFusion(fraction_train=fraction)
    strategy.plan = _alignment("ot-fusion", options)
    if options.get("class_shares", True):
        strategy.class_shares = ClassShares(options.get("probe_texts", ClassShares().probe_texts))
    else:
        strategy.class_shares = None
    return strategy


def _lora_products(options: Mapping[str, Any]) -> Guarded:
    check_keys("lora-products", options, {"rank", "fraction_train"})
    fraction = check_number("lora-products", options, "fraction_train", *RANGES["fraction_train"], default=1.0)
    rank = check_number("lora-products", options, "rank", 0.0, 4096.0, default=0.0)
    if rank != int(rank):
        raise FedotError(f"strategies: lora-products.rank is {rank}, but a whole number is needed")
    return LoraProducts(rank=int(rank), fraction_train=fraction)


def _fusion(options: Mapping[str, Any]) -> FusionConfig:
    return FusionConfig.from_options({key: value for key, value in options.items() if key in FUSION})


def _alignment(title: str, options: Mapping[str, Any]) -> FusionPlan:
    """Options of an alignment on the client; what only a server can do is refused."""
    only = {
        "method": ("auto", "aligned"),
        "anchor": ("global", "first", "largest", "best"),
        "scheme": ("one-pass",),
        "circuits": (False,),
        "repair": (False,),
        "refit": (False,),
        "learn_steps": (0,),
        "distil_steps": (0,),
    }
    if title != "ot-fusion":  # a rule of Flower's makes of the classifier what it makes
        only["class_shares"] = (False,)
    shares = options.get("class_shares", True)
    if not isinstance(shares, bool):
        raise FedotError(f"strategies: {title}.class-shares is {shares!r}, but it must be true or false")
    for key, possible in only.items():
        if key in options and options[key] not in possible:
            raise FedotError(
                f"strategies: {title}.{key.replace('_', '-')} is {options[key]!r}, but with align: client it can only "
                f"be {' or '.join(str(value).lower() for value in possible)}, since no one sees all models"
            )
    own = {key: value for key, value in options.items() if key != "class_shares"}
    return plan_without_models(_fusion({**own, "method": "aligned", "circuits": False}))


STRATEGIES: dict[str, Builder] = {
    "fedavg": _guarded(flower.FedAvg),
    "fedavgm": _guarded(flower.FedAvgM),
    "fedadagrad": _guarded(flower.FedAdagrad),
    "fedadam": _guarded(flower.FedAdam),
    "fedyogi": _guarded(flower.FedYogi),
    "fedprox": _guarded(flower.FedProx),
    "fedmedian": _guarded(flower.FedMedian),
    "fedtrimmedavg": _guarded(flower.FedTrimmedAvg),
    "krum": _guarded(flower.Krum),
    "multikrum": _guarded(flower.MultiKrum),
    "bulyan": _guarded(flower.Bulyan),
    "fedavg-token-rows": _guarded(FedAvgTokenRows, "fedavg-token-rows"),
    "fedavg-class-shares": _guarded(FedAvgClassShares, "fedavg-class-shares"),
    "lora-products": _lora_products,
    "ot-fusion": _ot_fusion,
}


def build_strategy(name: str, options: Mapping[str, Any], quorum: Quorum | None = None) -> Guarded:
    """Build a strategy from its name and a scenario's options.

    ``as`` (its name in tables), ``min-fraction`` and ``connect-seconds`` (see `Quorum`), ``norm-limit`` and
    ``fraction-evaluate`` (see `Guarded`) and ``align: client`` (see `ClientAligned`) go with all of them.

    Parameters
    ----------
    name
        A key of `STRATEGIES`.
    options
        Keys may be written with dashes.
    quorum
        Who takes part; options go before its values.

    Returns
    -------
    Guarded
        The strategy, whose `start` Flower calls.

    Raises
    ------
    FedotError
        If there is no such strategy or option; the nearest one is named.

    Examples
    --------
    >>> build_strategy("ot-fusion", {"method": "aligned", "solver": "sinkhorn"}).fusion.method
    'aligned'
    >>> build_strategy("fedavgg", {})
    Traceback (most recent call last):
    fedot.errors.FedotError: strategies: 'fedavgg' is no strategy; did you mean fedavg?
    """
    if name not in STRATEGIES:
        hint = did_you_mean(name, STRATEGIES, f"choose from {', '.join(STRATEGIES)}")
        raise FedotError(f"strategies: {name!r} is no strategy; {hint}")
    values = {key.replace("-", "_"): value for key, value in options.items() if key != "as"}
    if len(values) < len([key for key in options if key != "as"]):
        raise FedotError(f"strategies: an option of {name} is there twice, once with dashes and once without")
    base = quorum or Quorum()
    chosen = replace(
        base,
        fraction=check_number(name, values, "min_fraction", *RANGES["min_fraction"], default=base.fraction),
        connect_seconds=check_number(name, values, "connect_seconds", 0.0, math.inf, default=base.connect_seconds),
    )
    limit = check_number(name, values, "norm_limit", 1.0, math.inf, default=math.inf)
    asked = check_number(name, values, "fraction_evaluate", *RANGES["fraction_evaluate"], default=1.0)
    for key in ("min_fraction", "connect_seconds", "norm_limit", "fraction_evaluate"):
        values.pop(key, None)
    strategy = STRATEGIES[name](values)
    if limit < math.inf and not strategy.comparable:
        raise FedotError(f"strategies: {name} with align: client sees sums, whose lengths say nothing; no norm-limit")
    strategy.quorum, strategy.norm_limit, strategy.share_evaluating = chosen, limit, asked
    return strategy
