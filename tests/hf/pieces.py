"""SentencePiece files, written byte by byte as its protocol buffer has them."""

import struct

CONTROL = {"<unk>": 2, "<s>": 3, "</s>": 3, "<pad>": 3}


def _field(number, content):
    size, length = len(content), b""
    while True:
        size, low = size >> 7, size & 127
        length += bytes([low | 128 if size else low])
        if not size:
            return bytes([number << 3 | 2]) + length + content


def sentencepiece(pieces, rules="nmt_nfkc"):
    """A unigram model of these pieces, with the scores and types that its library would give them."""
    out = b""
    for number, piece in enumerate(pieces):
        score = b"\x15" + struct.pack("<f", -float(number))
        out += _field(1, _field(1, piece.encode()) + score + bytes([0x18, CONTROL.get(piece, 1)]))
    unknown = b"\xc0\x02" + bytes([pieces.index("<unk>")])  # field 40 of the trainer's settings
    return out + _field(2, b"\x18\x01" + unknown) + _field(3, _field(1, rules.encode()))


def t5(*words):
    return sentencepiece(["<pad>", "</s>", "<unk>", *words])


def xlm_r(*words):
    return sentencepiece(["<unk>", "<s>", "</s>", *words])
