"""Fuse folders of the transformers library into a new one."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, FusionResult, fuse
from fedot.fusion.texts.probe import Probe
from fedot.hf.alike import check_alike
from fedot.hf.folder import load_folder, save_folder
from fedot.hf.probe_inputs import probe_module
from fedot.models.families.settings import renumbered


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

    Parameters
    ----------
    folders
        Models of one class, K of them.
    out
        The new folder.
    weights
        Of each model, (K,), best its number of examples; equal ones where they are not given.
    token_counts
        How often each model has read each of its tokens, K of (V,).
    anchor
        Place of the model that the others are aligned to.
    probe
        What the models are run on, for options that need it; where it is not given, texts drawn from `token_counts`.
    config
        How to fuse; `FusionConfig()` where it is not given.

    Returns
    -------
    FusionResult
        What `fedot.fuse` gives; its state is what was written.

    Raises
    ------
    FedotError
        If a folder cannot be read, or the models cannot be fused, since their config.json or their tokenizers make
        different functions of the same weights, or for other reasons; the message names what does not fit.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import torch
    >>> from fedot.hf import HF_MODELS
    >>> config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "tie_word_embeddings": False}
    >>> config |= {"n_embd": 4, "n_head": 2, "n_layer": 1, "vocab_size": 6, "n_positions": 8}
    >>> shapes = HF_MODELS["gpt2"].symmetry(config).shapes()
    >>> draw = torch.Generator().manual_seed(0)
    >>> state = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    >>> with TemporaryDirectory() as root:
    ...     for name in ("a", "b"):
    ...         save_folder(f"{root}/{name}", state, config)
    ...     result = fuse_folders([f"{root}/a", f"{root}/b"], f"{root}/fused")
    ...     load_folder(f"{root}/fused").state.keys() == state.keys()
    True
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
        build=probe_module,
    )
    config_out = renumbered(result.config, models[0].config)
    save_folder(out, result.state, config_out, models[result.anchor].dtype, anchor=models[0].folder)
    return result
