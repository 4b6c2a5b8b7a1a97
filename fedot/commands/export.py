"""``fedot export MODEL -o FOLDER``: a model as a folder that transformers' `from_pretrained` loads, or on its hub."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedot.errors import FedotError
from fedot.terminal.command import command
from fedot.terminal.once import Once

if TYPE_CHECKING:
    from fedot.saved import SavedModel

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command(cls=Once)
def export(
    model: Annotated[
        Path, typer.Argument(help="A .safetensors file of a run or fedot.fuse, or the folder of a checkpoint.")
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write, a new one.")] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="Where clients have a tokenizer each: model file of one of them, or its tokenizer.json."),
    ] = None,
    push_to_hub: Annotated[
        str, typer.Option(metavar="OWNER/NAME", help="Push the folder to the Hugging Face hub, where it is private.")
    ] = "",
    public: Annotated[bool, typer.Option("--public", help="With --push-to-hub: anybody may read it there.")] = False,
) -> None:
    """Write MODEL as a folder for transformers, if a class there holds it exactly; else say why none does.

    A checkpoint's folder is copied: the model, its tokenizer and its card. Without --out and --push-to-hub it is said
    what it is.
    """
    with command(), ExitStack() as stack:
        if out is not None and out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise FedotError(f"{out} exists already and is not an empty folder; choose another --out")
        if push_to_hub:
            from fedot.export.to_hub import check_hub_name

            check_hub_name(push_to_hub)
        elif public:
            raise FedotError("--public goes with --push-to-hub OWNER/NAME; add it, or leave --public out")
        if out is None and not push_to_hub:
            typer.echo(_told(model))
            return
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fedot-export-"))) / "model"
        kind = _written(model, folder, tokenizer)
        if out is not None:
            typer.echo(f"{out}: {kind}; load it with from_pretrained")
        if push_to_hub:
            from fedot.export.to_hub import push_folder

            typer.echo(push_folder(folder, push_to_hub, public=public))


def _told(model: Path) -> str:
    """What a checkpoint is, in words."""
    from fedot.saved import read_model

    if not model.is_dir():
        raise FedotError("give -o FOLDER, a new one to write, or --push-to-hub OWNER/NAME")
    return f"{model}: {read_model(model)!r}"


def _written(model: Path, folder: Path, tokenizer: Path | None) -> str:
    """Write the folder; give what it is of."""
    if model.is_dir():
        from fedot.export.checkpoint_copy import copy_checkpoint

        if tokenizer is not None:
            raise FedotError(f"--tokenizer is for models of fedot's, but {model} is a checkpoint; leave it out")
        return copy_checkpoint(model, folder)
    from fedot.commands.predict import tokenizer_in
    from fedot.export import export_folder, layout_of
    from fedot.from_disk.metadata import PLAN
    from fedot.saved import read_model
    from fedot.storage.tensor_file import TensorFile

    found: SavedModel = read_model(model)
    layout_of(found.config)
    if tokenizer is not None:
        found = found.with_tokenizer(tokenizer_in(tokenizer))
    return export_folder(found, folder, model.stem, TensorFile(model).metadata.get(PLAN, ""))


def main() -> None:
    """Entry point of ``python -m fedot.export``."""
    cli()
