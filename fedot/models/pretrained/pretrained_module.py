"""A checkpoint of the transformers library as a module of fedot: token ids, 0 for padding, to logits.

With adapters (LoRA, Hu et al. 2022, arXiv:2106.09685) its state is what
is trained: the adapters and the head; the other weights are the checkpoint's, and are loaded beside them.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.models.families import adapter_of
from fedot.models.pretrained.pretrained_config import PretrainedConfig, symmetry_or_none
from fedot.symmetry import SymmetrySpec

ADAPTER = "default"

FUSED = re.compile(r"\.attn\.[qkv]_proj$")
"""Projections that GPT-2's class computes in one module, ``attn.c_attn``: all three read what that reads."""


class Pretrained(nn.Module):
    """Token ids (B, T), 0 for padding, to logits: (B, C) of classes, or (B, T, V) of tokens.

    Its state has the names and the orientation of `fedot.models.families`, with which its symmetry is declared. A class
    of no known family, and adapters, have the names of their own class.
    """

    def __init__(self, config: PretrainedConfig, inner: Any = None) -> None:
        super().__init__()
        self.config = config
        self.inner = _built(config) if inner is None else inner

    def forward(self, ids: Tensor) -> Tensor:
        """Run the checkpoint's own class; padding is masked, and a text that was drawn is given a beginning and end."""
        ids = ids if self.training else framed(ids, self.config.first, self.config.last)
        out = self.inner(input_ids=swapped(ids, self.config.pad), attention_mask=(ids != 0).long())
        logits: Tensor = out.logits
        return logits

    def state_dict(self, *_: Any, **__: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """Every parameter that is trained, once."""
        trained = {own_name(name): p for name, p in self.inner.named_parameters() if p.requires_grad}
        spec = symmetry_or_none(self.config)
        if spec is None:
            return trained
        settings = self.config.config_json
        return rows_swapped(adapter_of(settings).split(trained, settings), spec, self.config.pad)

    def own_tensors(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A state under the names of this module's parameters; gradients pass through."""
        spec, found = symmetry_or_none(self.config), dict(state)
        if spec is not None:
            settings = self.config.config_json
            found = adapter_of(settings).join(rows_swapped(found, spec, self.config.pad), settings)
        known = {own_name(name): f"inner.{name}" for name, _ in self.inner.named_parameters()}
        return {known[name]: tensor for name, tensor in found.items() if name in known}

    def load_state_dict(self, state_dict: Mapping[str, Tensor], strict: bool = True, assign: bool = False) -> Any:
        """Take the tensors of a state; those of a checkpoint under its adapters may be among them.

        Raises
        ------
        FedotError
            If a tensor that is trained is missing.
        """
        del strict
        found = self.own_tensors(state_dict)
        trained = {f"inner.{name}" for name, parameter in self.inner.named_parameters() if parameter.requires_grad}
        missing = sorted(trained - found.keys())
        if missing:
            raise FedotError(f"a model of {self.config.class_name} lacks the tensor {own_name(missing[0][6:])}")
        inner = {name.removeprefix("inner."): tensor for name, tensor in found.items()}
        result = self.inner.load_state_dict(inner, strict=False, assign=assign)
        self.inner.tie_weights()
        for name, parameter in self.inner.named_parameters():
            parameter.requires_grad_(f"inner.{name}" in trained)
        return result

    def get_submodule(self, target: str) -> nn.Module:
        """Find a submodule by its name in a state; one that stands for several linear maps by each of their names.

        Raises
        ------
        FedotError
            If there is none of that name.
        """
        prefix, fused = getattr(self.inner, "base_model_prefix", ""), FUSED.sub(".attn.c_attn", target)
        for name in (target, f"{prefix}.{target}", fused, f"{prefix}.{fused}"):
            try:
                found: nn.Module = self.inner.get_submodule(name)
            except AttributeError:
                continue
            return found
        raise FedotError(f"a {self.config.class_name} has no single module {target}, so no probe can look at it")


def swapped(ids: Tensor, pad: int) -> Tensor:
    """Token ids as the checkpoint numbers them: 0 and its padding token change places."""
    return ids if pad == 0 else torch.where(ids == 0, pad, torch.where(ids == pad, 0, ids))


def framed(ids: Tensor, first: int, last: int) -> Tensor:
    """Texts that begin and end as the checkpoint's do: their first and last tokens are taken for these.

    A text that is one token long is kept whole between them. A text that begins and ends so stays as it is.
    """
    if first < 0:
        return ids
    if ids.shape[1] == 1:
        ends = torch.tensor([first, last], device=ids.device)
        return torch.cat([ends[:1].expand(len(ids), 1), ids, ends[1:].expand(len(ids), 1)], 1)
    places = torch.arange(ids.shape[1], device=ids.device)
    ends = (ids != 0).long().mul(places).amax(1, keepdim=True)
    ids = torch.where(places == ends, last, ids)
    return torch.where((places == 0) & (ids != 0), first, ids)


def rows_swapped(state: Mapping[str, Tensor], spec: SymmetrySpec, pad: int) -> dict[str, Tensor]:
    """A state whose rows of the tokens 0 and `pad` have changed places."""
    out = dict(state)
    if pad:
        for name, axis in spec.tensors_of("vocab"):
            order = torch.arange(out[name].shape[axis], device=out[name].device)
            order[0], order[pad] = pad, 0
            out[name] = out[name].index_select(axis, order)
    return out


def own_name(name: str) -> str:
    """A parameter's name without what the adapters' library puts into it."""
    return name.replace(".base_layer.", ".").replace(f".{ADAPTER}.", ".")


def initialise(model: Pretrained, generator: torch.Generator) -> None:
    """Draw all weights anew, as the class does; the generator's seed decides."""
    with torch.random.fork_rng():
        torch.manual_seed(generator.initial_seed())
        model.inner = _built(model.config)


def transformers_library() -> Any:
    """The transformers library.

    Raises
    ------
    FedotError
        If it is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise FedotError("checkpoints need the transformers library: pip install 'fedot-fl[hf]'") from None
    return transformers


def _built(config: PretrainedConfig) -> Any:
    """The class of a configuration with drawn weights, its adapters put in and all else frozen where it has some.

    Raises
    ------
    FedotError
        If the library is not installed, or builds no such model.
    """
    transformers = transformers_library()
    settings = config.config_json
    kind = getattr(transformers, config.class_name, None)
    if kind is None or not issubclass(kind, transformers.PreTrainedModel):
        raise FedotError(f"transformers has no model {config.class_name}; a newer version may")
    try:
        own = kind.config_class.from_dict(settings)
        module = kind(own)
    except Exception as error:  # whatever a class says to sizes that do not go together
        raise FedotError(f"its configuration describes no {config.class_name} ({type(error).__name__})") from error
    return with_adapters(module, config) if config.lora_rank else module


def with_adapters(module: Any, config: PretrainedConfig) -> Any:
    """Put an adapter beside every linear map but those of the head, and freeze all else but the head.

    Raises
    ------
    FedotError
        If the library for adapters is not installed, or the class has no linear maps.
    """
    try:
        import peft
    except ImportError:
        raise FedotError("adapters (train.lora) need the library peft: pip install 'fedot-fl[hf]'") from None
    heads = head_names(module)
    targets = [name for name, each in module.named_modules() if _is_linear(each) and not f"{name}.".startswith(heads)]
    if not targets:
        raise FedotError(f"{config.class_name} has no linear map that an adapter could stand beside; leave out lora")
    settings = peft.LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,  # type: ignore[arg-type]  # a float does as well
        lora_dropout=0.0,
        target_modules=targets,
        bias="none",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of layers whose weights lie the other way round, which it then handles
        adapted = peft.inject_adapter_in_model(settings, module, adapter_name=ADAPTER)
    for name, parameter in adapted.named_parameters():
        parameter.requires_grad_("lora_" in name or name.startswith(heads))
    return adapted


def head_names(module: Any) -> tuple[str, ...]:
    """Where the names of a model's head begin: all that is not in its base model, and the pooler within it."""
    prefix = module.base_model_prefix
    inside = f"{prefix}."
    outside = {name.split(".")[0] + "." for name, _ in module.named_parameters() if not name.startswith(inside)}
    return (*sorted(outside), f"{inside}pooler.")


def input_first(config: PretrainedConfig) -> frozenset[str]:
    """Names of the maps whose weights are (in, out) and not (out, in), as GPT-2's are."""
    with torch.device("meta"):
        module = _built(replace(config, lora_rank=0))
    return frozenset(name for name, each in module.named_modules() if _is_conv1d(each))


def _is_linear(module: Any) -> bool:
    return isinstance(module, nn.Linear) or _is_conv1d(module)


def _is_conv1d(module: Any) -> bool:
    return type(module).__name__ == "Conv1D"
