"""Fuse folders of the transformers library into a new one."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, FusionResult, fuse
from fedot.fusion.texts.probe import Probe
from fedot.hf.alike import check_alike
from fedot.hf.families.settings import renumbered
from fedot.hf.folder import load_folder, save_folder


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
    numbers, so its tokenizer is the one that is copied; tokens of the others get the numbers after those. The first
    model's folder also gives whatever else belongs to a model; `fedot.hf.companions.left_behind` tells what does not.

    Raises
    ------
    FedotError
        If a folder cannot be read, or the models cannot be fused, since their config.json or their tokenizers make
        different functions of the same weights, or for other reasons; the message names what does not fit.
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
    config_out = renumbered(result.config, models[0].config)
    save_folder(out, result.state, config_out, models[result.anchor].dtype, anchor=models[0].folder)
    return result
