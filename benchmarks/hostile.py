"""Replies as nobody honest sends them: any field of any message, changed at random by a generator of one's own.

`spoil` takes the content of a real reply and changes one thing in it: a number for NaN or 10**18, a text for a
megabyte, a tensor for one of another type, a record for none. `tests/wire/test_hostile.py` and `python -m
benchmarks.fuzz` use it.
"""

import io
import json
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

NUMBERS: tuple[Any, ...] = (
    *(
        float("nan"),
        float("inf"),
        -float("inf"),
        -1,
        0,
        1,
        -1.5,
        0.5,
        2**62,
        -(2**62),
        10**18,
        10**8,
        1e300,
        -1e300,
        1e-320,
    ),
    *([], [1.0], [0.0] * 5, [float("nan")] * 4, [1e9] * 4, [-1.0] * 15, [1.0] * 33, [2**62] * 4, [0] * 10_000),
)
TEXTS = (
    *(
        "",
        " ",
        "0",
        "null",
        "[]",
        "{}",
        "[" * 5000,
        '{"a":' * 3000,
        "x" * 200_000,
        "\x1b]0;owned\x07\x1b[2J",
        "a\nfedot: forged",
    ),
    *(
        "../../etc/passwd",
        "all",
        "parent:x",
        "<script>alert(1)</script>",
        "\u202eevil",
        "\ud83d",
        "1e999",
        "NaN",
        '"\\ud800"',
    ),
)
WORDS_OF_JSON = ("x" * 1000, "relu", "post", "\ud800")
WORDS: tuple[Any, ...] = (
    *(
        {"abc": 10**8},
        {"abc": 10**18},
        {"a" * 10_000: 5},
        {chr(0x4E00 + k): 9 for k in range(3000)},
        {"": 5},
        {"a b\nc": 5},
    ),
    *(
        {"abc": -1},
        {"abc": 1.5},
        {"abc": "x"},
        {"abc": [1]},
        ["abc"],
        5,
        None,
        {},
        {"\x00": 3},
        {f"w{k}": 2 for k in range(5000)},
    ),
)


def spoil(content: RecordDict, random: Random) -> str:
    """Change one thing in a reply, in place; return what, in a few words."""
    name = random.choice(list(content)) if len(content) else ""
    record = content[name] if name else None
    if record is None or random.random() < 0.05:
        return _record(content, name, random)
    if isinstance(record, ArrayRecord):
        return _arrays(content, name, record, random)
    key = random.choice(list(record)) if len(record) else "none"
    if random.random() < 0.08:
        record.pop(key, None)
        return f"{name}.{key} is missing"
    if isinstance(record, MetricRecord):
        value = _like(record.get(key), random)
        record[key] = value
    else:
        value = _text_or_bytes(record.get(key), random)
        record[key] = value
    return f"{name}.{key} is {str(value)[:60]!r}"


def _record(content: RecordDict, name: str, random: Random) -> str:
    """Take a record away, or put one of another kind in its place."""
    what = random.randrange(4)
    if name and what == 0:
        del content[name]
        return f"{name} is missing"
    if name and what == 1:
        others = (MetricRecord({"x": 1}), ConfigRecord({"x": "y"}), ArrayRecord({}))
        content[name] = others[random.randrange(3)]
        return f"{name} is of another kind"
    content[f"more-{random.randrange(9)}"] = ConfigRecord({"x": random.choice(TEXTS)})
    return "a record more"


def _like(value: Any, random: Random) -> Any:
    """A number, or numbers, in place of others: mostly as many as there were."""
    if isinstance(value, list) and value and random.random() < 0.7:
        changed = list(value)
        odd = random.choice([n for n in NUMBERS if not isinstance(n, list)])
        for place in random.sample(range(len(changed)), random.randint(1, len(changed))):
            changed[place] = float(odd)
        return [float(item) for item in changed]
    return random.choice(NUMBERS)


def _text_or_bytes(value: Any, random: Random) -> Any:
    if random.random() < 0.1:
        return random.choice([5, -1, 2**62, 1.5, float("nan"), True, "text", b"bytes", [], ["a"] * 5000, [1, 2]])
    if isinstance(value, bytes):
        return _bytes(value, random)
    if isinstance(value, str):
        return another_text(value, random)
    if isinstance(value, list):
        return [random.choice(TEXTS) for _ in range(random.choice([0, 1, 2, 2, 3, 50]))]
    return random.choice([-1, 0, 1, 2, 10**6, 2**40, 2**62])


def _bytes(value: bytes, random: Random) -> bytes:
    """Bytes that are cut, flipped, doubled, trash, counts that overflow, or words that are none."""
    if random.random() < 0.4:
        return zlib.compress(json.dumps(random.choice(WORDS)).encode())
    if random.random() < 0.1:
        return zlib.compress(random.choice([b"[" * 50_000, b"\x00" * 10**6, b'{"a": 1, "a": 2}', b'{"\\ud800": 5}']))
    if random.random() < 0.3:
        return np.full(max(1, len(value) // 8), random.choice([-1, 0, 2**62, 2**63 - 1, 10**6]), dtype="<i8").tobytes()
    changed = bytearray(value or b"\x00")
    for _ in range(random.randint(1, 20)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return random.choice([bytes(changed), value[: len(value) // 2], value + value, value[:-1], b""])


def another_text(value: str, random: Random) -> str:
    """Another text, or for JSON the same with one leaf changed."""
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict) or not parsed or random.random() < 0.2:
        return random.choice(TEXTS)
    at: Any = parsed
    while True:
        key = random.choice(list(at)) if isinstance(at, dict) else random.randrange(len(at))
        inner = at[key]
        if isinstance(inner, dict | list) and len(inner) and random.random() < 0.8:
            at = inner
            continue
        odd: tuple[Any, ...] = (
            *(None, True, -1, 0, 1, 2, 10**9, 2**24, 1.5, float("nan")),
            [],
            {},
            [[1]],
            *WORDS_OF_JSON,
        )
        at[key] = random.choice(odd)
        if random.random() < 0.2 and isinstance(at, dict):
            at[random.choice(["extra", "", "vocab", "type"])] = random.choice(odd)
        return json.dumps(parsed)


def _arrays(content: RecordDict, name: str, record: ArrayRecord, random: Random) -> str:
    arrays = dict(record.items())
    key = random.choice(list(arrays)) if arrays else "none"
    what = random.choice(list(ARRAYS))
    keys = list(arrays) if random.random() < 0.3 else [key]
    for each in keys:
        array = arrays.pop(each) if each in arrays else Array(np.zeros(1, np.float32))
        odd = _changed(what, array, random)
        if odd is not None:
            arrays[random.choice(["zz\x1b[31m\nforged", "a" * 10_000]) if what == "renamed" else each] = odd
    content[name] = ArrayRecord(arrays)
    return f"{name}.{key[:40]} is {what}"


def _changed(what: str, array: Array, random: Random) -> Array | None:
    """The array after one change; what is broken already cannot be read, and becomes trash."""
    try:
        return ARRAYS[what](array, random)
    except Exception:  # NumPy's reader says nearly anything
        return _raw(array, b"trash")


def _raw(array: Array, data: bytes, **claims: Any) -> Array:
    about = {"dtype": array.dtype, "shape": tuple(array.shape), "stype": array.stype, **claims}
    return Array(about["dtype"], about["shape"], about["stype"], data)


def _values(array: Array) -> Any:
    return np.array(array.numpy())


def _spoilt_bytes(array: Array, random: Random) -> bytes:
    changed = bytearray(array.data)
    for _ in range(random.randint(1, 30)):
        changed[random.randrange(min(len(changed), random.choice([10, 128, 10**9])))] = random.randrange(256)
    return bytes(changed)


def _header(array: Array, random: Random) -> bytes:
    shape = random.choice([(10**12,), (2**32,), (-1,), (2**62, 2**62), (), (0,), tuple(array.shape) * 3])
    head = repr(
        {"descr": random.choice(["<f4", "|O", "<M8[s]", "<c8", "f" * 50]), "fortran_order": False, "shape": shape}
    )
    text = head.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def _npy(values: Any) -> Array:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return Array(str(values.dtype), tuple(values.shape), "numpy.ndarray", buffer.getvalue())


ARRAYS: dict[str, Callable[[Array, Random], Array | None]] = {
    "missing": lambda *_: None,
    "renamed": lambda array, _: array,
    "huge": lambda array, random: Array(np.full_like(_values(array), random.choice([1e5, 1e20, 1e38, -3e38]))),
    "random and large": lambda array, random: Array(
        (np.random.default_rng(random.randrange(99)).normal(size=array.shape) * 10.0 ** random.randint(0, 30)).astype(
            "f4"
        )
    ),
    "at the bound": lambda array, random: Array(np.full_like(_values(array), random.choice([1e4, -1e4, 9999.0, 0.0]))),
    "not finite": lambda array, random: Array(np.full_like(_values(array), random.choice([np.nan, np.inf]))),
    "half": lambda array, _: Array(_values(array).astype(np.float16)),
    "double": lambda array, random: Array(_values(array).astype(np.float64) * random.choice([1.0, 1e300])),
    "whole": lambda array, _: Array(np.rint(_values(array)).astype(np.int64)),
    "complex": lambda array, _: Array(_values(array).astype(np.complex64)),
    "structured": lambda *_: _npy(np.zeros(3, dtype=[("a", "f4")])),
    "big-endian": lambda array, _: _npy(_values(array).astype(">f4")),
    "of another shape": lambda array, random: Array(_values(array).reshape(-1)[: random.randint(0, 5)]),
    "of one axis more": lambda array, _: Array(_values(array)[None]),
    "flipped bytes": lambda array, random: _raw(array, _spoilt_bytes(array, random)),
    "cut": lambda array, random: _raw(array, array.data[: random.randrange(len(array.data))]),
    "longer": lambda array, random: _raw(array, array.data + b"\x00" * random.choice([1, 4, 10**5])),
    "another header": lambda array, random: _raw(array, _header(array, random)),
    "an archive": lambda array, _: _raw(array, b"PK\x03\x04" + array.data),
    "not what it says": lambda array, random: _raw(array, array.data, dtype=random.choice(["float16", "int8"])),
    "of no known kind": lambda array, random: _raw(array, array.data, stype=random.choice(["pickle", ""])),
}
