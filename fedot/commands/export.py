"""``fedot export FILE -o FOLDER``: a model of fedot's as a folder that transformers' `from_pretrained` loads."""

from pathlib import Path
from typing import Annotated

import typer

from fedot.errors import FedotError
from fedot.terminal.command import command

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def export(
    model: Annotated[Path, typer.Argument(help="A .safetensors file that a run or fedot.fuse has written.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write, a new one.")],
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="Where clients have a tokenizer each: model file of one of them, or its tokenizer.json."),
    ] = None,
) -> None:
    """Write MODEL as a folder for transformers, if a class there holds it exactly; else say why none does."""
    with command():
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise FedotError(f"{out} exists already and is not an empty folder; choose another --out")
        from fedot.commands.predict import tokenizer_in
        from fedot.export import export_folder, layout_of
        from fedot.from_disk.metadata import PLAN
        from fedot.saved import read_model
        from fedot.storage.tensor_file import TensorFile

        found = read_model(model)
        layout_of(found.config)
        if tokenizer is not None:
            found = found.with_tokenizer(tokenizer_in(tokenizer))
        plan = TensorFile(model).metadata.get(PLAN, "")
        name = export_folder(found, out, model.stem, plan)
        typer.echo(f"{out}: {name}; load it with transformers' from_pretrained")


def main() -> None:
    """Entry point of ``python -m fedot.export``."""
    cli()
