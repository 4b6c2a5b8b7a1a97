"""Fuse folders of the transformers library into a new one."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, FusionResult, fuse
from fedot.fusion.probe import Probe
from fedot.hf.folder import HFModel, load_folder, save_folder


def fuse_folders(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    weights: Sequence[float] | None = None,
    token_counts: Sequence[Tensor] | None = None,
    anchor: int = 0,
    probe: Probe | None = None,
    config: FusionConfig | None = None,
) -> FusionResult:
    """Read models, fuse them as `fedot.fuse` does, and write a folder that the models' own class loads.

    Where all folders have a tokenizer, embedding rows are matched by token. The rows of the first model keep their
    numbers, so its tokenizer is the one that is copied; tokens of the others get the numbers after those.

    Raises
    ------
    FedotError
        If a folder cannot be read, or the models cannot be fused; the message names what does not fit.
    """
    models = [load_folder(folder) for folder in folders]
    if not models:
        raise FedotError("there is no folder to fuse; give at least one")
    check_alike(models)
    words = [model.labels["vocab"] for model in models if "vocab" in model.labels]
    result = fuse(
        [(model.state, model.config) for model in models],
        spec=[model.spec for model in models],
        weights=weights,
        token_counts=token_counts,
        vocabularies=words if len(words) == len(models) else None,
        anchor=anchor,
        probe=probe,
        config=config,
    )
    save_folder(out, result.state, result.config, models[result.anchor].dtype, anchor=models[0].folder)
    return result


def check_alike(models: Sequence[HFModel]) -> None:
    """Refuse models of two kinds, or whose classes have other names or another order."""
    first = models[0]
    for model in models[1:]:
        for key in ("model_type", "architectures"):
            if model.config[key] != first.config[key]:
                raise FedotError(
                    f"{model.folder} has {key} {model.config[key]!r}, but {first.folder} has {first.config[key]!r}; "
                    "models of one class are needed"
                )
        ours, theirs = first.labels.get("class"), model.labels.get("class")
        if ours is not None and theirs is not None and ours != theirs:
            raise FedotError(
                f"{model.folder} has the classes {', '.join(theirs)}, but {first.folder} has {', '.join(ours)}; "
                "write one id2label into both config.json, with the classifier's rows in that order"
            )
