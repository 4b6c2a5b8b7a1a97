"""Client-side alignment as a Flower mod: what leaves the client is in the anchor's basis already.

The mod wraps the training function. It acts only on messages with a `Directive`, so every strategy can do without
it. With it, the server has nothing to align, and any rule that works on plain tensors (a median, a sum, an
adaptive server step) works on models that share a basis.
"""

import time
from dataclasses import replace

from flwr.app import Context, Message
from flwr.clientapp.typing import ClientAppCallable
from torch import Tensor

from fedot.errors import FedotError
from fedot.federation.client.bounds import check_directive, check_state, plan_of, read_config
from fedot.federation.client.handlers import private
from fedot.fusion import FusionPlan
from fedot.fusion.align.align_models import align_models
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.average import Average
from fedot.fusion.align.weighted_sums import contribution
from fedot.fusion.by_part.large import by_parts, fuse_large
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.plan import check_plan
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.prepare import Given, canonical_state, fill, frame, read_models
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.text_source import TextSource
from fedot.models import LABEL_SIZES, Config, State, symmetry
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.terminal.stopwatch import timed
from fedot.text.outside import told
from fedot.wire.messages import ALIGN, ARRAYS, ClientUpdate, Directive, pack_held, pack_update, unpack_update
from fedot.wire.records import arrays_in, unpack_counts, unpack_state


def align_mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
    """Train as the app does, then hold, show or align the result, as the message's directive says."""
    reply = call_next(message, context)
    record = message.content.config_records.get(ALIGN)
    if record is None or reply.has_error():
        return reply

    def follow(message: Message, _: Context) -> Message:
        directive, update = Directive.from_record(record), unpack_update(reply.content)
        check_directive(directive)
        if update.tokenizer:
            raise FedotError("align: client needs one tokenizer for all; set tokenizer.scope: shared")
        if directive.step == "hold":
            return Message(pack_held(update), reply_to=message)
        began = time.perf_counter()
        if directive.step == "show":
            update = canonical_update(update)
        else:
            with told("the anchor of a message cannot be read"):
                anchor = unpack_state(arrays_in(message.content)[ARRAYS])
            update = aligned_update(update, anchor, directive)
        update = replace(update, seconds=update.seconds + time.perf_counter() - began)
        return Message(pack_update(update), reply_to=message)

    return private(follow)(message, context)


def canonical_update(update: ClientUpdate) -> ClientUpdate:
    """Bring a trained model into canonical form."""
    state, config = canonical_state(dict(update.state), update.config)
    return replace(update, state=state, config=config)


@timed("aligning")
def aligned_update(update: ClientUpdate, anchor: State, directive: Directive) -> ClientUpdate:
    """Bring a trained model into the anchor's basis, neurons and widths.

    Raises
    ------
    FedotError
        If the anchor is another kind of model, has other tokens, positions or classes, or fewer layers.
    """
    plan = plan_of(directive)
    if directive.anchor == update.partition_id:
        found = canonical_update(update)
    else:
        config = read_config(directive.anchor_config) if directive.anchor_config else update.config
        if config.architecture != update.config.architecture:
            raise FedotError(
                f"the anchor's architecture is {config.architecture}, but this client's is {update.config.architecture}"
            )
        if isinstance(config, PretrainedConfig) and config != update.config:  # before anything is built of it
            raise FedotError("the anchor is another checkpoint than this client's")
        for key in sorted(set(LABEL_SIZES.values())):
            ours, theirs = getattr(update.config, key, None), getattr(config, key, None)
            if ours != theirs:
                raise FedotError(f"align: client needs equal {key} at all clients, but it is {ours}, not {theirs}")
        if update.config.n_layer > config.n_layer:
            raise FedotError(f"this model has n_layer {update.config.n_layer}, more than the anchor's {config.n_layer}")
        check_state(anchor, config, "the anchor does not fit its configuration")
        counts = _anchor_counts(directive.anchor_counts, config) if directive.anchor_counts else update.token_counts
        given = read_models([(update.state, update.config), (anchor, config)])
        problem = frame(
            given.configs, given.specs, weights=[1.0, 0.0], token_counts=[update.token_counts, counts], anchor=1
        )
        check_plan(plan, problem)
        # where the anchor is canonical already, every client takes its basis as it came
        ready: frozenset[int] = frozenset() if directive.canonicalise else frozenset({1})
        state = _aligned_state(given, problem, plan, ready)
        found = replace(update, state=state, config=problem.config_of(1))
    if directive.summed:
        counts_or_none = update.token_counts if plan.get(Average).count_rows else None
        parts = contribution(found.state, symmetry(found.config), float(update.num_examples), counts_or_none)
        found = replace(found, state=to_float32(parts))
    return found


def _anchor_counts(packed: bytes, config: Config) -> Tensor:
    with told("the anchor's token counts cannot be read"):
        counts = unpack_counts(packed)
    if len(counts) != config.vocab_size or bool((counts < 0).any()):
        raise FedotError(f"the anchor's token counts are not those of {config.vocab_size} tokens")
    return counts


def _aligned_state(given: Given, problem: FusionProblem, plan: FusionPlan, ready: frozenset[int]) -> State:
    """The first of two models in the basis of the second."""
    if by_parts(given.specs, plan):
        found = fuse_large(given, problem, plan, ready).aligned[0]
        names = dict.fromkeys([*given.states[1], *found])  # Flower's strategies go by the order of arrays
        return {name: found[name] for name in names if name in found}
    problem = fill(problem, given)
    if ready:
        anchor = {name: given.states[1][name].double() for name in problem.states[1]}
        problem = replace(problem, states=(problem.states[0], anchor))
    fused = align_models(problem, TextSource(problem), Fused({}), plan.get(Align))
    state = to_float32(fused.aligned[0])
    return {name: state[name] for name in problem.states[1]}
