"""What a server may send: held against these bounds before anything is built, read or computed from it.

They are far beyond what fedot asks for. All of them are the same for every client; what a client decides for itself is
in `fedot.federation.client.policy`.
"""

import math
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, get_args

from pydantic import ValidationError
from tokenizers import Tokenizer
from torch import Tensor

from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.fusion import FusionPlan
from fedot.fusion.align.align_options import Align
from fedot.fusion.plan.basis import Scheme
from fedot.models import Config, config_from_json, limits, num_classes, state_shapes
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.scenario import Scenario
from fedot.scenario.in_words import explain
from fedot.text.outside import parse_json, printable
from fedot.wire.messages import Directive, Settings

MOST_SCENARIO = 2**22
"""Bytes of a scenario's JSON."""

MOST_WEIGHTS = 2**31
"""Weights of the largest model, as its configuration says."""

MOST_ITEMS, MOST_MEMBERS = 2**12, 2**20
"""Items of one evaluation request, and their members in all."""

MOST_CLASSES = 10_000

MOST_ROUNDS, MOST_STEPS, MOST_FUSION = 2**20, 10**5, 2**16

DEVICES, INITS, TRANSFERS, STEPS = (
    ("cpu", "cuda"),
    ("independent", "shared"),
    ("float32", "float16"),
    ("hold", "show", "align"),
)


@lru_cache(maxsize=8)
def read_scenario(text: str) -> Scenario:
    """Read the scenario of a message; the same text is read once.

    Raises
    ------
    FedotError
        If it is too large, or no scenario.
    """
    parse_json(text, "the scenario of a message", MOST_SCENARIO)
    try:
        return Scenario.model_validate_json(text)
    except ValidationError as error:
        raise FedotError(f"the scenario of a message: {printable('; '.join(explain(error, Scenario)))}") from None


def read_classes(text: str | None) -> tuple[str, ...]:
    """Read the classes of all clients; none where the server says none.

    Raises
    ------
    FedotError
        If they are no list of different names, or too many.
    """
    if text is None:
        return ()
    names = parse_json(text, "the classes of a message", MOST_SCENARIO, deepest=1)
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise FedotError("the classes of a message are no list of names")
    if not 2 <= len(names) == len(set(names)) <= MOST_CLASSES:
        raise FedotError(f"the classes of a message are not 2 to {MOST_CLASSES} different names")
    return tuple(names)


def check_settings(settings: Settings) -> None:
    """Refuse settings of another type, or out of range.

    Raises
    ------
    FedotError
        Naming the setting.
    """
    for field in fields(settings):
        value = getattr(settings, field.name)
        if not _is_of(value, field.type):
            raise FedotError(f"the setting {field.name} of a message is of type {type(value).__name__}")
    for name, choices in (("device", DEVICES), ("init", INITS), ("transfer", TRANSFERS)):
        value = getattr(settings, name)
        if value not in choices:
            raise FedotError(f"the setting {name} of a message is {printable(value, 40)!r}, not {' or '.join(choices)}")
    if not 0 <= settings.seed < 2**31:
        raise FedotError("the setting seed of a message is no whole number from 0 to 2,147,483,647")
    if not 1 <= settings.server_round <= MOST_ROUNDS:
        raise FedotError(f"the setting server_round of a message is no whole number from 1 to {MOST_ROUNDS}")
    if not 0 <= settings.proximal_mu < math.inf:
        raise FedotError("the setting proximal_mu of a message is no finite number of at least 0")


def _is_of(value: object, kind: Any) -> bool:
    """Whether a value is of a field's type, and of no other that behaves like it; a whole number does for a float."""
    kinds = get_args(kind) or (kind,)
    return type(value) in (*kinds, *((int,) if kind is float else ()))


def read_config(text: str) -> Config:
    """Read a model's configuration that came from elsewhere.

    Raises
    ------
    FedotError
        If it is none, or one of a model that is too large to be built.
    """
    config = config_from_json(text)
    check_config(config)
    return config


def check_config(config: Config) -> None:
    """Refuse a configuration whose values are of another type, or whose model is too large to be built.

    Raises
    ------
    FedotError
        Naming what is wrong.
    """
    limits.check_settings(config)
    if isinstance(config, PretrainedConfig):
        return  # whoever holds the checkpoint compares it with its own
    layer = 4 * config.d_model * config.n_head * config.d_head + 3 * config.d_model * config.d_ff
    rows = config.vocab_size + (getattr(config, "target_vocab_size", None) or 0) + config.max_length
    if (weights := config.n_layer * layer + rows * config.d_model) > MOST_WEIGHTS:
        raise FedotError(f"a model would have {weights:.3g} weights, and at most {MOST_WEIGHTS:.3g} are taken")


def check_state(state: Mapping[str, Tensor], config: Config, what: str) -> None:
    """Refuse a model whose tensors are not those of its configuration.

    Raises
    ------
    FedotError
        Naming the first tensor that is wrong.
    """
    shapes = state_shapes(config)
    for name in sorted(shapes.keys() | state.keys()):
        found = tuple(state[name].shape) if name in state else None
        if found != shapes.get(name):
            raise FedotError(f"{what}: {printable(name, 80)} is {found}, not {shapes.get(name)}")
        if not state[name].is_floating_point():
            raise FedotError(f"{what}: {printable(name, 80)} is of type {state[name].dtype}, not a float")


def check_request(request: EvaluationRequest) -> None:
    """Refuse an evaluation of models that are not there or do not fit their configurations, or with odd coefficients.

    Raises
    ------
    FedotError
        Naming what is wrong.
    """
    count = len(request.states)
    if not count or len(request.configs) != count or len(request.tokenizers) != count:
        raise FedotError("an evaluation request does not have a configuration and a tokenizer for each of its models")
    if not 1 <= len(request.items) <= MOST_ITEMS or sum(len(item.members) for item in request.items) > MOST_MEMBERS:
        raise FedotError(f"an evaluation request asks for {len(request.items)} things, and at most {MOST_ITEMS}")
    for k, (state, config) in enumerate(zip(request.states, request.configs, strict=True)):
        check_config(config)
        check_state(state, config, f"model {k} of an evaluation request does not fit its configuration")
    for item in request.items:
        _check_item(item, request)


def _check_item(item: EvaluationItem, request: EvaluationRequest) -> None:
    members = item.members
    if item.combine not in ("weights", "probabilities") or not members:
        raise FedotError("an item of an evaluation request is no mixture of weights or probabilities")
    if any(type(k) is not int or not 0 <= k < len(request.states) for k, _ in members):
        raise FedotError(f"an item of an evaluation request names a model that is none of its {len(request.states)}")
    coefficients = [c for _, c in members]
    if not all(math.isfinite(c) for c in coefficients):
        raise FedotError("an item of an evaluation request has a coefficient that is no finite number")
    first = members[0][0]
    if item.combine == "probabilities" or len(members) == 1:
        if min(coefficients) < 0 or abs(sum(coefficients) - 1) > 1e-6:
            raise FedotError("an item of an evaluation request mixes probabilities by shares that are not of a whole")
        if len({num_classes(request.configs[k]) for k, _ in members}) > 1:
            raise FedotError("an item of an evaluation request mixes models with different classes")
    elif any(shapes_of(request, k) != shapes_of(request, first) for k, _ in members):
        raise FedotError("an item of an evaluation request mixes weights of models with different shapes")


def shapes_of(request: EvaluationRequest, k: int) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of a model of a request."""
    return {name: tuple(tensor.shape) for name, tensor in request.states[k].items()}


def check_fits(config: Config, tokenizer: Tokenizer, classes: int, special: int) -> None:
    """Refuse a model that has no row for a token or a class of this client.

    Raises
    ------
    FedotError
        Naming which.
    """
    tokens = tokenizer.get_vocab_size()
    least = min(config.vocab_size, getattr(config, "target_vocab_size", None) or config.vocab_size)
    if tokens > least or tokens < special:
        raise FedotError(f"a model has rows for {least} tokens, but its tokenizer has {tokens}")
    if num_classes(config) != classes:
        raise FedotError(f"a model has {num_classes(config)} classes, but this client's data have {classes}")


def check_directive(directive: Directive) -> None:
    """Refuse a directive of another type, with an unknown step or an endless fusion.

    Raises
    ------
    FedotError
        Naming what is wrong.
    """
    for field in fields(directive):
        if not _is_of(getattr(directive, field.name), field.type):
            raise FedotError(f"the {field.name} of a directive is of another type")
    if directive.step not in STEPS:
        raise FedotError(f"the step of a directive is {printable(directive.step, 40)!r}, not {', '.join(STEPS)}")
    if directive.step == "align":
        plan_of(directive)


def plan_of(directive: Directive) -> FusionPlan:
    """Read the plan of a directive: an alignment, an average, and nothing that would have a client work for long.

    Raises
    ------
    FedotError
        If it is no such plan.
    """
    plan = FusionPlan.from_dict(parse_json(directive.fusion, "the plan of a directive", MOST_FUSION))
    if plan.method != "aligned" or plan.refinements or plan.get(Scheme).scheme != "one-pass":
        raise FedotError(f"the plan of a directive has the method {plan.method} and more than a client can do alone")
    if plan.get(Align).probe_texts > MOST_STEPS:
        raise FedotError(f"the plan of a directive asks for more than {MOST_STEPS} texts")
    return plan
