"""A checkpoint of the transformers library as a module of fedot: token ids, 0 for padding, to logits.

Where tokens are said, logits have fedot's numbers, too. Tokens that are read are never masked there: padding stands at
the end, where no token sees it, and GPT-2 has one token for padding, beginning and end.

With adapters (LoRA, Hu et al. 2022, arXiv:2106.09685) its state is what
is trained: the adapters and the head; the other weights are the checkpoint's, and are loaded beside them.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.models.families import adapter_of
from fedot.models.pretrained.exchange import exchange_columns, exchanged
from fedot.models.pretrained.memory import Memory
from fedot.models.pretrained.pretrained_config import CONTINUES, SAYS_CLASSES, PretrainedConfig, symmetry_or_none
from fedot.symmetry import SymmetrySpec

ADAPTER = "default"

FUSED = re.compile(r"\.attn\.[qkv]_proj$")
"""Projections that GPT-2's class computes in one module, ``attn.c_attn``: all three read what that reads."""


class Pretrained(nn.Module):
    """Token ids (B, T), 0 for padding, to logits: (B, C) of classes, or (B, T, V) of tokens.

    A translator reads a source and, beside it, a target; it is searched with as `fedot.models.seq2seq.Seq2Seq` is.

    Its state has the names and the orientation of `fedot.models.families`, with which its symmetry is declared. A class
    of no known family, and adapters, have the names of their own class.
    """

    def __init__(self, config: PretrainedConfig, inner: Any = None) -> None:
        super().__init__()
        self.config = config
        self.inner = _built(config) if inner is None else inner

    def forward(self, ids: Tensor, target_ids: Tensor | None = None) -> Tensor:
        """Run the checkpoint's own class."""
        if self.config.task == CONTINUES:
            own = swapped(ids, self.config.pad)
            return self._said(self.inner(input_ids=own, attention_mask=torch.ones_like(own)).logits)
        ids = self._framed(ids)
        named = {"input_ids": swapped(ids, self.config.pad), "attention_mask": (ids != 0).long()}
        if target_ids is None:
            logits: Tensor = self.inner(**named).logits
            return logits
        return self._said(self.inner(**named, decoder_input_ids=self._started(target_ids), use_cache=False).logits)

    def encode(self, source_ids: Tensor) -> Memory:
        """Read sources (B, S)."""
        ids = self._framed(source_ids)
        mask = ids != 0
        own = swapped(ids, self.config.pad)
        found = self.inner.get_encoder()(input_ids=own, attention_mask=mask.long())
        return Memory(found.last_hidden_state, mask[:, None, None, :])

    def step(self, prefix_ids: Tensor, memory: Memory) -> Tensor:
        """Logits (B, V) of the token after prefixes (B, T) without padding: one step of a search."""
        output = self.inner.get_output_embeddings()
        last = output.register_forward_pre_hook(lambda _, read: (read[0][:, -1:],))  # it is large, and the rest unread
        try:
            out = self.inner(
                encoder_outputs=(memory.stream,),
                attention_mask=memory.mask[:, 0, 0].long(),
                decoder_input_ids=self._started(prefix_ids),
                use_cache=False,
            )
        finally:
            last.remove()
        return self._said(out.logits[:, -1])

    def _framed(self, ids: Tensor) -> Tensor:
        """Texts to read; one that was drawn is given a beginning and end."""
        return ids if self.training else framed(ids, self.config.first, self.config.last)

    def _started(self, ids: Tensor) -> Tensor:
        """Targets as the checkpoint numbers tokens, its decoder's own start in front."""
        own = swapped(ids, self.config.pad)
        return torch.cat([torch.full_like(own[:, :1], self.config.start), own[:, 1:]], 1)

    def _said(self, logits: Tensor) -> Tensor:
        """Logits (..., V) in fedot's numbers: two columns change places."""
        return exchange_columns(logits, self.config.pad)

    def state_dict(self, *_: Any, **__: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """Every parameter that is trained, once; with a checkpoint's other numbers, unless these are its adapters."""
        whole = not self.config.lora_rank
        found = {own_name(name): tensor for name, tensor in numbers(self.inner) if whole or tensor.requires_grad}
        spec = symmetry_or_none(self.config)
        if spec is None:
            return found
        settings = self.config.config_json
        split = adapter_of(settings).split(found, settings)
        return rows_swapped({name: split[name] for name in spec.shapes()}, spec, self.config.pad)

    def own_tensors(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A state under the names of this module's parameters; gradients pass through."""
        spec, found = symmetry_or_none(self.config), dict(state)
        if spec is not None:
            settings = self.config.config_json
            found = adapter_of(settings).join(rows_swapped(found, spec, self.config.pad), settings)
        known = {own_name(name): f"inner.{name}" for name, _ in numbers(self.inner)}
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
        output = None if self.config.is_tied else self.inner.get_output_embeddings()
        own = getattr(output, "weight", None)
        self.inner.tie_weights()
        if output is not None:  # which some classes tie whatever the settings say
            output.weight = own
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

    A text that is one token long is kept whole between them. A text that begins and ends so stays as it is. Below 0 is
    none.
    """
    if ids.shape[1] == 1:
        ends = [ids.new_full((len(ids), 1), number) for number in (first, last)]
        return torch.cat([*([ends[0]] if first >= 0 else []), ids, *([ends[1]] if last >= 0 else [])], 1)
    places = torch.arange(ids.shape[1], device=ids.device)
    if last >= 0:
        end = (ids != 0).long().mul(places).amax(1, keepdim=True)
        ids = torch.where(places == end, last, ids)
    return torch.where((places == 0) & (ids != 0), first, ids) if first >= 0 else ids


def rows_swapped(state: Mapping[str, Tensor], spec: SymmetrySpec, pad: int) -> dict[str, Tensor]:
    """A state whose rows of the tokens 0 and `pad` have changed places."""
    out = dict(state)
    if pad:
        for name, axis in spec.tensors_of("vocab"):
            out[name] = exchanged(out[name], axis, pad)
    return out


def numbers(module: Any) -> Iterator[tuple[str, Tensor]]:
    """Parameters of a class, and what else its file holds, each once: Marian has a bias that is no parameter."""
    yield from module.named_parameters()
    kept = module.state_dict().keys()
    yield from (
        (name, tensor) for name, tensor in module.named_buffers() if name in kept and tensor.is_floating_point()
    )


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
    module = untied(module, config)
    return with_adapters(module, config) if config.lora_rank else module


def untied(module: Any, config: PretrainedConfig) -> Any:
    """Give a class an output layer of its own where the checkpoint has one, but the class ties it (T5 v1.1)."""
    output, table = module.get_output_embeddings(), module.get_input_embeddings()
    if not config.is_tied and output is not None and output.weight is table.weight:
        output.weight = nn.Parameter(table.weight.detach().clone())
    return module


def with_adapters(module: Any, config: PretrainedConfig) -> Any:
    """Put an adapter beside every linear map but those of the head, and freeze all else but the head of a classifier.

    What says tokens is trained already, and stays as it is.

    Raises
    ------
    FedotError
        If the library for adapters is not installed, or the class has no linear maps.
    """
    try:
        import peft
    except ImportError:
        raise FedotError("adapters (train.lora) need the library peft: pip install 'fedot-fl[hf]'") from None
    heads = head_names(module) if config.task == SAYS_CLASSES else ()
    output = module.get_output_embeddings()
    targets = [
        name
        for name, each in module.named_modules()
        if _is_linear(each) and each is not output and not f"{name}.".startswith(heads)
    ]
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
