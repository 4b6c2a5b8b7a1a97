"""Texts that are in a test set and in training rows, too: counted within a client, taken out between clients."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fedot.data.types import ClientData, Splits, normalised, take
from fedot.errors import FedotError
from fedot.scenario import ClientSpec
from fedot.scenario.file_keys import HUB


def with_overlap_told(splits: Splits) -> Splits:
    """Count the test texts that training has too; published sets are kept as published."""
    train = normalised(splits.train)
    twice = pc.sum(pc.is_in(normalised(splits.test), value_set=train)).as_py() or 0
    if not twice:
        return splits
    notice = f"{twice} of {len(splits.test)} test texts also occur in train, and stay there"
    return dataclasses.replace(splits, notices=(*splits.notices, notice))


def without_foreign_tests(clients: tuple[ClientData, ...], specs: Sequence[ClientSpec]) -> tuple[ClientData, ...]:
    """Take other clients' test sentences out of each client's training and validation rows.

    Clients with the same data set and language have the same official split, which stays as it is.
    """
    tests = [normalised(client.test) for client in clients]
    cleaned = []
    for i, client in enumerate(clients):
        foreign = [test for test, spec in zip(tests, specs, strict=True) if _corpus_key(spec) != _corpus_key(specs[i])]
        if not foreign:
            cleaned.append(client)
            continue
        values = pa.concat_arrays(foreign)
        kept = []
        for data in (client.train, client.validation):
            found = pc.is_in(normalised(data), value_set=values).to_numpy(zero_copy_only=False)
            kept.append(take(data, np.flatnonzero(~found)) if found.any() else data)
        dropped = len(client.train) + len(client.validation) - len(kept[0]) - len(kept[1])
        if not len(kept[0]) or not len(kept[1]):
            raise FedotError(f"client {client.name} has no row left that is in no other client's test set")
        notices = client.notices
        if dropped:
            notices = (
                *notices,
                f"{dropped} training rows that are in another client's test set are left out",
            )
        cleaned.append(dataclasses.replace(client, train=kept[0], validation=kept[1], notices=notices))
    return tuple(cleaned)


def _corpus_key(spec: ClientSpec) -> tuple[str | None, ...]:
    split = spec.test_split or spec.split if spec.dataset == HUB else spec.test or spec.train
    return (spec.dataset, spec.lang, spec.path, spec.subset, split, spec.source, spec.target)
