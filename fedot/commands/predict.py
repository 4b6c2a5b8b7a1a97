"""``fedot predict MODEL TEXT...``: what a trained model makes of texts: a class, a translation, more text."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedot.errors import FedotError
from fedot.terminal.command import command
from fedot.terminal.once import Once
from fedot.text.outside import printable, told

if TYPE_CHECKING:  # imported late, so that --help is quick
    import pyarrow as pa

    from fedot.data.own_files.dialect import DialectHints
    from fedot.saved import SavedModel
    from fedot.tasks.task import Answering

MOST_SHOWN = 2**20
"""Characters of a text that is printed."""

SHOWN = 5
"""So many rows are named where something is told of them."""

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command(cls=Once)
def predict(
    model: Annotated[
        Path, typer.Argument(help="A .safetensors file of a run or fedot.fuse, or the folder of a checkpoint.")
    ],
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
    tokens: Annotated[int, typer.Option(min=1, max=10_000, help="Most tokens that a text is continued by.")] = 40,
    temperature: Annotated[
        float, typer.Option(min=0.0, max=100.0, help="0 continues with the likeliest token; else tokens are drawn.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    encoding: Annotated[str | None, typer.Option(help="Of --file, where it is not UTF-8: cp1252, latin-1, ...")] = None,
    separator: Annotated[str | None, typer.Option(help="What divides the columns of --file; else found out.")] = None,
    quote: Annotated[
        str | None, typer.Option(help="Quotes in --file: none, \", ' or backslash; else found out.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite --out.")] = False,
) -> None:
    """Print, or write to a file, a line for each text: a class and how probable it is, a translation, or more text."""
    with command():
        if bool(texts) == (file is not None):
            raise FedotError("give texts after the model, or a --file with them, and not both")
        if out is not None and out.exists() and not force:
            raise FedotError(f"{out} exists already; choose another --out, or overwrite it with --force")
        if out is not None:
            from fedot.data.own_files.tables import kind_of, write_table

            kind_of(out)  # before anything is computed
        from fedot.saved import read_model
        from fedot.tasks.task import Answering

        found = read_model(model)
        if tokenizer is not None:
            found = found.with_tokenizer(tokenizer_in(tokenizer))
        given = _checked(texts or [])
        if file is not None:
            given = _read(file, column, _said(encoding, separator, quote))
        with told(f"{model} cannot be used"):
            _tell(found, given)
            table = answers(found, given, Answering(beam, length_penalty, tokens, temperature, seed))
        if out is None:
            _print(table)
        else:
            write_table(table, out)
            typer.echo(f"{out}: {len(table)} rows", err=True)


def answers(model: "SavedModel", texts: Sequence[str | None], how: "Answering") -> "pa.Table":
    """One row a text, numbered from 1: ``text``, and what the model's task answers (`fedot.tasks`).

    What is no text, or blank, has no answer. What the model says, names of classes included, has no line breaks and no
    characters that a terminal obeys.
    """
    import pyarrow as pa

    places = [i for i, text in enumerate(texts) if text is not None and text.strip()]
    wanted = [str(texts[i]) for i in places]
    columns: dict[str, list[object]] = {"row": list(range(1, len(texts) + 1)), "text": list(texts)}

    for name, values in model.task.answer(model, wanted, how).items():
        column = columns[_shown(name)] = [None] * len(texts)
        for place, value in zip(places, values, strict=True):
            column[place] = _shown(value) if isinstance(value, str) else value
    return pa.table(columns)


def tokenizer_in(path: Path) -> str:
    """JSON of a tokenizer, from a tokenizer.json or a model file."""
    from fedot.storage.tensor_file import TensorFile
    from fedot.tokenizer import read_tokenizer

    text = TensorFile(path).metadata.get("tokenizer", "") if path.suffix == ".safetensors" else _text(path)
    try:
        return str(read_tokenizer(text).to_str())
    except FedotError as error:
        raise FedotError(
            f"{path} holds no tokenizer ({error}); give a client's model file, or a tokenizer.json"
        ) from None


def _said(encoding: str | None, separator: str | None, quote: str | None) -> "DialectHints":
    """What the options say of the file, checked as in a scenario."""
    from fedot.data.own_files.dialect import DialectHints
    from fedot.scenario.file_keys import check_encoding, check_quote, check_separator

    checks = {
        "separator": (check_separator, separator),
        "quote": (check_quote, quote),
        "encoding": (check_encoding, encoding),
    }
    found: dict[str, str] = {}
    for name, (check, value) in checks.items():
        try:
            if value is not None:
                found[name] = str(check(value))
        except ValueError as error:
            raise FedotError(f"--{name} {value!r}: {error}") from None
    return DialectHints(**found)


def _checked(texts: Sequence[str]) -> list[str | None]:
    """Texts of the command line, where bytes that are no UTF-8 arrive as halves of characters."""
    from fedot.text.word_counts import HALF

    for number, text in enumerate(texts, start=1):
        if HALF.search(text):
            raise FedotError(f"text {number} is not UTF-8; give it in a --file, with --encoding")
    return list(texts)


def _read(path: Path, column: str, given: "DialectHints") -> list[str | None]:
    from fedot.data.own_files.encoding import decoded, read_text
    from fedot.data.own_files.tables import read_table

    if str(path) == "-":
        return _lines(decoded(sys.stdin.buffer.read(), "standard input", given.encoding)[0])
    if [each.lower() for each in path.suffixes[-2:]] in (
        [".txt", ".gz"],
        [".txt", ".zst"],
    ) or path.suffix.lower() == ".txt":
        return _lines(read_text(path, given.encoding)[0])
    table, told = read_table(path, [column], given)
    if told:
        typer.echo(f"fedot: {path.name}: {told}", err=True)
    return [None if value is None else str(value) for value in table[column].to_pylist()]


def _lines(text: str) -> list[str | None]:
    """Divide a text at its line ends; `splitlines` would break it at other characters, too."""
    return list(text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n"))


def _shown(text: str) -> str:
    return printable(text, MOST_SHOWN)


def _text(path: Path) -> str:
    from fedot.data.own_files.encoding import read_text

    return read_text(path)[0]


def _tell(model: "SavedModel", texts: Sequence[str | None]) -> None:
    """Say which texts the model does not read to their end, and how much of them it does not know."""
    from fedot.text.readable import ALARM

    places = [i for i, text in enumerate(texts) if text is not None and text.strip()]
    cut, unknown = model.reading([str(texts[i]) for i in places])
    if cut:
        rows = ", ".join(str(places[i] + 1) for i in cut[:SHOWN])
        more = f" and {len(cut) - SHOWN} more" if len(cut) > SHOWN else ""
        typer.echo(
            f"fedot: {len(cut)} of {len(texts)} texts are longer than the {model.config.max_length} tokens that the "
            f"model reads, {model.task.cut}: row{'s' * (len(cut) > 1)} {rows}{more}",
            err=True,
        )
    if unknown > ALARM:
        typer.echo(
            f"fedot: {unknown:.0%} of the tokens are UNKNOWN to the model's tokenizer, so it reads little of these "
            "texts; was it trained on such?",
            err=True,
        )


def _print(table: "pa.Table") -> None:
    first, *likely = table.column_names[2:]
    for row in table.to_pylist():
        answer = [row[first]]
        if likely:
            answer.append(max((row[name] for name in likely), key=lambda p: p or 0.0))
        shown = "\t".join("" if each is None else f"{each:.3f}" if isinstance(each, float) else each for each in answer)
        sys.stdout.write(f"{shown}\t{_shown(row['text'] or '')}\n")


def main() -> None:
    """Entry point of ``python -m fedot.predict``."""
    cli()
