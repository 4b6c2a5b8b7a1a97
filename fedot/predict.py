"""``python -m fedot.predict MODEL TEXT...``: what a trained model says of texts, or how it translates them."""

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedot.command import command
from fedot.errors import FedotError
from fedot.outside import MOST_JSON, printable, told

if TYPE_CHECKING:  # imported late, so that --help is quick
    import pyarrow as pa

    from fedot.saved import SavedModel
    from fedot.scenario import DecodingSpec

MOST_TEXT, MOST_SHOWN = 2**32, 2**20
"""Characters of a file of texts, and characters of a text that is printed."""

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A .safetensors file that a run or fedot.fuse has written.")],
    texts: Annotated[list[str] | None, typer.Argument(help="Texts; without them --file.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A .txt file, or - for standard input, with a text a line; or .parquet, .csv, .tsv, .jsonl."),
    ] = None,
    column: Annotated[str, typer.Option(help="Column of --file that holds the texts.")] = "text",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write a .parquet, .csv, .tsv or .jsonl file; else print.")
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="Where clients have a tokenizer each: model file of one of them, or its tokenizer.json."),
    ] = None,
    beam: Annotated[int, typer.Option(min=1, max=100, help="Translations that are followed at a time.")] = 4,
    length_penalty: Annotated[float, typer.Option(min=0.0, help="Exponent of the length that scores go by.")] = 0.6,
    force: Annotated[bool, typer.Option("--force", help="Overwrite --out.")] = False,
) -> None:
    """Print, or write to a file, a line for each text: its class and how probable that is, or its translation."""
    with command():
        if bool(texts) == (file is not None):
            raise FedotError("give texts after the model, or a --file with them, and not both")
        if out is not None and out.exists() and not force:
            raise FedotError(f"{out} exists already; choose another --out, or overwrite it with --force")
        if out is not None:
            from fedot.data.files import kind_of, write_table

            kind_of(out)  # before anything is computed
        from fedot.saved import read_model
        from fedot.scenario import DecodingSpec

        found = read_model(model)
        if tokenizer is not None:
            found = found.with_tokenizer(_tokenizer(tokenizer))
        given = [_whole(text) for text in (_read(file, column) if file is not None else texts or [])]
        with told(f"{model} cannot be used"):
            table = answers(found, given, DecodingSpec(beam=beam, length_penalty=length_penalty))
        if out is None:
            _print(table)
        else:
            write_table(table, out)
            typer.echo(f"{out}: {len(table)} rows", err=True)


def answers(model: "SavedModel", texts: Sequence[str | None], decoding: "DecodingSpec") -> "pa.Table":
    """One row a text, numbered from 1: ``text``, ``class`` and a probability each, or ``text`` and ``translation``.

    What is no text, or blank, has no answer. What the model says, names of classes included, has no line breaks and no
    characters that a terminal obeys.
    """
    import numpy as np
    import pyarrow as pa

    places = [i for i, text in enumerate(texts) if text is not None and text.strip()]
    wanted = [str(texts[i]) for i in places]
    columns: dict[str, list[object]] = {"row": list(range(1, len(texts) + 1)), "text": list(texts)}

    def fill(name: str, values: list[object]) -> None:
        columns[name] = [None] * len(texts)
        for place, value in zip(places, values, strict=True):
            columns[name][place] = value

    if model.translates:
        fill("translation", [_shown(text) for text in model.translate(wanted, decoding)])
    else:
        found = model.probabilities(wanted)
        names = tuple(map(_shown, model.classes)) or tuple(map(str, range(found.shape[1])))
        fill("class", [names[i] for i in found.argmax(1)])
        for i, name in enumerate(names):
            fill(f"p_{name}", np.round(found[:, i], 6).tolist())
    return pa.table(columns)


def _tokenizer(path: Path) -> str:
    """JSON of a tokenizer, from a tokenizer.json or a model file."""
    from fedot.fusion.files import TensorFile
    from fedot.tokenizer import read_tokenizer

    text = TensorFile(path).metadata.get("tokenizer", "") if path.suffix == ".safetensors" else _text(path, MOST_JSON)
    try:
        return str(read_tokenizer(text).to_str())
    except FedotError as error:
        raise FedotError(
            f"{path} holds no tokenizer ({error}); give a client's model file, or a tokenizer.json"
        ) from None


def _read(path: Path, column: str) -> list[str | None]:
    if str(path) == "-":
        with told("standard input is no text in UTF-8"):
            return _lines(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig").read())
    if path.suffix.lower() == ".txt":
        return _lines(_text(path))
    from fedot.data.files import read_table

    return [None if value is None else str(value) for value in read_table(path, [column])[column].to_pylist()]


def _lines(text: str) -> list[str | None]:
    return list(text.removesuffix("\n").split("\n"))  # `splitlines` would break texts at other characters, too


def _text(path: Path, most: int = MOST_TEXT) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            found = file.read(most + 1)
        if len(found) <= most:
            return found
    except (OSError, UnicodeDecodeError) as error:
        raise FedotError(f"{path} cannot be read ({type(error).__name__}); a text file in UTF-8 is needed") from None
    raise FedotError(f"{path} cannot be read: it has more than {most} characters")


def _whole(text: str | None) -> str | None:
    """The text without halves of characters, which an argument of a command can have, but no text in UTF-8."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def _shown(text: str) -> str:
    return printable(text, MOST_SHOWN)


def _print(table: "pa.Table") -> None:
    for row in table.to_pylist():
        answer = [row.get("translation")]
        if "class" in table.column_names:
            answer = [row["class"], max((row[name] for name in table.column_names[3:]), key=lambda p: p or 0.0)]
        shown = "\t".join("" if each is None else f"{each:.3f}" if isinstance(each, float) else each for each in answer)
        sys.stdout.write(f"{shown}\t{_shown(row['text'] or '')}\n")


def main() -> None:
    """Entry point."""
    cli()


if __name__ == "__main__":
    main()
