"""The pieces of a SentencePiece model (Kudo & Richardson 2018), read without its library.

The file is a protocol buffer; the few fields that are needed are declared here, and protobuf reads them.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from fedot.errors import FedotError
from fedot.text.outside import told

FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")
"""The first tokens of XLM-R, whose numbering is not that of its file."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces by number, and the rules (bytes) by which a text is normalised before it is cut."""

    pieces: tuple[str, ...]
    rules: bytes

    def numbers(self) -> dict[str, int]:
        """Number of each piece, as T5 and most others count."""
        return {piece: i for i, piece in enumerate(self.pieces)}

    def fairseq_numbers(self) -> dict[str, int]:
        """Number of each token, as XLM-R counts: three pieces are replaced by four tokens, and a mask comes last."""
        tokens = (*FAIRSEQ, *self.pieces[3:], "<mask>")
        return {token: i for i, token in enumerate(tokens)}


def read_pieces(path: Path, content: bytes) -> Pieces:
    """Read the content of a SentencePiece file.

    Raises
    ------
    FedotError
        If it is none.
    """
    with told(f"{path} is no SentencePiece model that can be read; copy it again"):
        found = _message().FromString(content)
        pieces = tuple(str(each.piece) for each in found.pieces)
    if len(set(pieces)) < 4 or len(set(pieces)) != len(pieces):
        raise FedotError(f"{path} is no SentencePiece model that can be read: it has no list of pieces; copy it again")
    return Pieces(pieces, bytes(found.rules))


@cache
def _message() -> Any:
    """The class of a `ModelProto` with its fields 1 (pieces) and 3 (rules of the normaliser)."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="pieces.proto", package="fedot", syntax="proto2")
    piece = file.message_type.add(name="Piece")
    piece.field.add(name="piece", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    model = file.message_type.add(name="Model")
    model.field.add(
        name="pieces", number=1, type=kinds.TYPE_MESSAGE, type_name=".fedot.Piece", label=kinds.LABEL_REPEATED
    )
    model.field.add(name="rules", number=3, type=kinds.TYPE_BYTES, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("fedot.Model"))
