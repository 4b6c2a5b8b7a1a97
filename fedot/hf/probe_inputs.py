"""Run a transformers model on a probe under the names of its symmetry spec."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.hf.folder import forward_module
from fedot.models import State
from fedot.models.families import adapter_of
from fedot.models.families.adapter import Config

NEWER_VIT = (  # newer versions rename modules, but not the tensors of the file
    ("encoder.layer.", "layers."),
    ("attention.output.dense", "attention.o_proj"),
    ("attention.attention.query", "attention.q_proj"),
    ("attention.attention.key", "attention.k_proj"),
    ("attention.attention.value", "attention.v_proj"),
    ("intermediate.dense", "mlp.fc1"),
    ("output.dense", "mlp.fc2"),
)


FUSED = re.compile(r"\.attn\.[qkv]_proj$")
"""Projections that GPT-2's class computes in one module, ``attn.c_attn``: all three read what that reads."""


class ProbeModule(nn.Module):
    """Positional tensors to logits; submodules are found by the names that the split state has.

    One that stands for several linear maps is found by each of their names, for what they read.

    Token ids are (B, T), 0 for padding; a pair of them goes to the encoder and the decoder; anything that is not
    whole numbers is an image.
    """

    def __init__(self, model: nn.Module, config: Config) -> None:
        super().__init__()
        self.model = model
        self.split_config = config

    def own_tensors(self, state: State) -> State:
        """A split state under the names of this module's parameters and buffers; gradients pass through."""
        own = {name for name, _ in self.named_parameters(remove_duplicate=False)}
        own |= {name for name, _ in self.named_buffers()}
        out: State = {}
        for name, tensor in adapter_of(self.split_config).join(state, self.split_config).items():
            out |= {each: tensor for each in (f"model.{name}", f"model.{_newer(name)}") if each in own}
        return out

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the class's logits, or its hidden states where it has no head."""
        first = inputs[0]
        if first.is_floating_point():
            named: dict[str, Tensor] = {"pixel_values": first.to(next(self.model.parameters()).dtype)}
        else:
            named = {"input_ids": first, "attention_mask": (first != 0).long()}
        if len(inputs) > 1:
            named["decoder_input_ids"] = inputs[1]
        elif getattr(self.model.config, "is_encoder_decoder", False):
            raise FedotError(f"a {type(self.model).__name__} reads pairs of texts; pass a probe of two inputs")
        out: Mapping[str, Any] = self.model(**named)
        result: Tensor = out["logits"] if "logits" in out else next(iter(out.values()))
        return result

    def get_submodule(self, target: str) -> nn.Module:
        """Find a submodule by its name in the split state.

        Raises
        ------
        FedotError
            If the model has none of that name.
        """
        newer = _newer(target)
        prefix = getattr(self.model, "base_model_prefix", "")
        fused = FUSED.sub(".attn.c_attn", target)
        for name in (target, f"{prefix}.{target}", newer, f"{prefix}.{newer}", fused, f"{prefix}.{fused}"):
            try:
                return self.model.get_submodule(name)
            except AttributeError:
                continue
        raise FedotError(f"a {type(self.model).__name__} has no single module {target}, so no probe can look at it")


def _newer(name: str) -> str:
    for old, new in NEWER_VIT:
        name = name.replace(old, new)
    return name


def probe_module(config: Config, state: State) -> nn.Module:
    """Build what `fedot.fusion.texts.probe.Probe.module` wants: a module from a configuration and a state.

    Parameters
    ----------
    config
        Canonical config.json.
    state
        Split tensors, as `fedot.hf.load_folder` gives them.

    Returns
    -------
    nn.Module
        Takes token ids (B, T), or images (B, channels, height, width), and gives logits.

    Raises
    ------
    FedotError
        If transformers is not installed.
    """
    return ProbeModule(forward_module(state, config, torch.float32), config).eval()
