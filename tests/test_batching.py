import numpy as np
import pytest

from fedot.models.batching import batch_indices, pad
from fedot.tokenizer import Encoded


def texts(n):
    rng = np.random.default_rng(n)
    return Encoded([[1] * int(length) for length in rng.integers(1, 30, n)], 0)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@pytest.mark.parametrize("seed", [None, 0])
def test_every_row_is_in_one_batch(batch_size, seed):
    encoded = texts(200)
    batches = list(batch_indices(encoded.lengths, batch_size, None if seed is None else np.random.default_rng(seed)))
    assert sorted(np.concatenate(batches).tolist()) == list(range(200))
    assert max(map(len, batches)) == min(batch_size, 200)
    assert len(batches) == -(-200 // batch_size)


def test_batches_hold_rows_of_similar_length_in_an_order_of_the_generator():
    encoded = texts(400)
    lengths = np.array([len(row) for row in encoded.ids])
    first, again, other = (list(batch_indices(encoded.lengths, 16, np.random.default_rng(seed))) for seed in (0, 0, 1))
    assert max(np.ptp(lengths[rows]) for rows in first) <= 4
    assert all(np.array_equal(x, y) for x, y in zip(first, again, strict=True))
    assert not np.array_equal(np.concatenate(first), np.concatenate(other))
    assert np.any(np.diff([lengths[rows].mean() for rows in first]) < 0)


def test_padding_is_zero_on_the_right():
    assert pad([[1, 2, 3], [4]]).tolist() == [[1, 2, 3], [4, 0, 0]]
