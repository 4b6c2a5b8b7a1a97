"""Fusion methods by name, one a file; add yours to `METHODS`."""

from fedot.errors import FedotError
from fedot.fusion.fused import Fused, Method
from fedot.fusion.methods.aligned import aligned
from fedot.fusion.methods.auto import auto
from fedot.fusion.methods.fisher import fisher
from fedot.fusion.methods.git_rebasin import git_rebasin
from fedot.fusion.methods.imfeld import imfeld
from fedot.fusion.methods.merged import merged
from fedot.fusion.methods.regmean import regmean
from fedot.fusion.methods.singh_jaggi import singh_jaggi
from fedot.fusion.methods.theus import theus
from fedot.fusion.methods.vanilla import vanilla
from fedot.fusion.methods.verma import verma
from fedot.fusion.methods.zhang import zhang
from fedot.text.did_you_mean import did_you_mean

__all__ = ["METHODS", "Fused", "Method", "method"]

METHODS: dict[str, Method] = {
    "aligned": aligned,
    "auto": auto,
    "fisher": fisher,
    "git-rebasin": git_rebasin,
    "imfeld": imfeld,
    "merged": merged,
    "regmean": regmean,
    "singh-jaggi": singh_jaggi,
    "theus": theus,
    "vanilla": vanilla,
    "verma": verma,
    "zhang": zhang,
}


def method(name: str) -> Method:
    """Look a fusion method up by name.

    Raises
    ------
    FedotError
        If there is none of that name.
    """
    if name not in METHODS:
        hint = did_you_mean(name, METHODS, f"choose from {', '.join(METHODS)}")
        raise FedotError(f"fusion.method is {name!r}, which is no fusion method; {hint}")
    return METHODS[name]
