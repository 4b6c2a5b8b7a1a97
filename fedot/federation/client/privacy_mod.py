"""Local differential privacy, by Flower's own mod: what leaves a client is clipped and noisy.

The claim covers the weights of one round: by the Gaussian mechanism (Dwork & Roth 2014, theorem 3.22) each reply is
(epsilon, delta)-private for epsilon up to 1 with respect to all of a client's data. Every reply counts, so rounds and
strategies add up. Token counts and class counts are withheld; the word counts from which a shared tokenizer is made,
numbers of examples and losses are not covered.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from flwr.app import Context, Message
from flwr.clientapp.mod import LocalDpMod
from flwr.clientapp.typing import ClientAppCallable

from fedot.errors import FedotError
from fedot.federation.client.bounds import check_settings, read_scenario
from fedot.federation.client.handlers import private
from fedot.federation.client.policy import partition_of
from fedot.scenario import PrivacySpec
from fedot.text.outside import told
from fedot.wire.messages import ALIGN, CONFIG, UPDATE, Settings
from fedot.wire.records import pack_counts, unpack_counts


def privacy_mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
    """Clip the step from the model that came with the message, and add noise, where the scenario asks for it."""

    def answer(message: Message, context: Context) -> Message:
        with told("the settings of a message cannot be read"):
            settings = Settings.from_record(message.content.config_records[CONFIG])
            check_settings(settings)
        spec = read_scenario(settings.scenario).privacy
        if spec is None:
            return call_next(message, context)
        if ALIGN in message.content.config_records:
            raise FedotError("privacy does not go with align: client, where other models than the start are sent along")
        mod = LocalDpMod(spec.clip, 2 * spec.clip, spec.epsilon, spec.delta)
        place = partition_of(context.node_config)
        with _noise(spec, (settings.seed, settings.server_round, place)):
            reply = mod(message, context, call_next)
        if reply.has_content():
            about = reply.content.config_records[UPDATE]
            seen = unpack_counts(about["token-counts"])  # type: ignore[arg-type]
            about["token-counts"], about["class-counts"] = pack_counts(torch.ones_like(seen)), b""
        return reply

    return private(answer)(message, context)


@contextmanager
def _noise(spec: PrivacySpec, place: tuple[int, int, int]) -> Iterator[None]:
    """Flower draws from NumPy's global generator: seed it from the system, or from the run where that is asked for."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(np.random.SeedSequence(place if spec.repeatable else None).generate_state(8))  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
