"""Command line of a fusion without a federation."""

import enum
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedot.errors import FedotError
from fedot.storage.scratch import scratch_folder
from fedot.terminal.command import command
from fedot.terminal.once import Once
from fedot.text.outside import parse_json, printable, told

if TYPE_CHECKING:
    from fedot.from_disk.job import Job
    from fedot.from_disk.sources import Source
    from fedot.fusion.align.diagnostics import GroupDiagnostics
    from fedot.fusion.plan import FusionPlan
    from fedot.fusion.texts.probe import Probe


PATIENCE = 1.5
"""Seconds that a fusion may take before anything is said of it, and between two lines where no terminal is."""

MOST_TEXT = 2**30
"""Characters of a file of texts, tokens or counts."""


class Dtype(enum.StrEnum):
    """Type of the tensors that are written."""

    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"
    float64 = "float64"


cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command(cls=Once)
def fuse(
    models: Annotated[list[Path], typer.Argument(help="Two or more .safetensors files, or transformers folders.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File or folder to write.")],
    arch: Annotated[
        str | None, typer.Option(help="Architecture that the files must have, or a JSON file with a configuration.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="One for each model, its number of training examples if known: 12000,9000.")
    ] = None,
    method: Annotated[str, typer.Option(help="Name of a fusion method; --method aligned needs least memory.")] = "auto",
    set_: Annotated[list[str] | None, typer.Option("--set", help="An option of the fusion: solver=sinkhorn.")] = None,
    anchor: Annotated[int, typer.Option(help="Model whose neurons and widths the result has, from 0.")] = 0,
    probe: Annotated[Path | None, typer.Option(help="Texts, one a line, for methods that look at activations.")] = None,
    counts: Annotated[list[Path] | None, typer.Option(help="Token counts of each model: a JSON list.")] = None,
    vocabularies: Annotated[list[Path] | None, typer.Option(help="Tokens of each model: one a line.")] = None,
    plan: Annotated[
        Path | None, typer.Option(help="Do what was done for this fused file, or what this JSON file says.")
    ] = None,
    dtype: Annotated[Dtype | None, typer.Option(help="Type of the result; that of the first model by default.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT.")] = False,
) -> None:
    """Fuse MODELS into one, without any data: by reduction where token counts are known, else by optimal transport."""
    with command("error: "):
        _fuse(
            models, out, arch, weights, method, set_, anchor, probe, counts, vocabularies, plan, dtype, dry_run, force
        )


def _fuse(
    models: list[Path],
    out: Path,
    arch: str | None,
    weights: str | None,
    method: str,
    set_: list[str] | None,
    anchor: int,
    probe: Path | None,
    counts: list[Path] | None,
    vocabularies: list[Path] | None,
    plan: Path | None,
    dtype: Dtype | None,
    dry_run: bool,
    force: bool,
) -> None:
    if len(models) < 2:
        raise FedotError(f"got {len(models)} model to fuse; give at least two")
    if out.exists() and not (force or dry_run):
        raise FedotError(f"{out} exists already; choose another --out, or overwrite it with --force")
    if out.is_dir() and not (out / "config.json").is_file() and any(out.iterdir()):
        raise FedotError(f"{out} is a folder that holds no model, and is not overwritten; choose another --out")
    if out.is_symlink() and out.is_dir():
        raise FedotError(f"{out} is a link to a folder, and is not overwritten; name the folder itself as --out")
    from fedot.from_disk.job import steps_of
    from fedot.from_disk.jobs import make_job, run
    from fedot.from_disk.sources import open_source
    from fedot.fusion.plan.config import FusionConfig
    from fedot.terminal.pace import Pace
    from fedot.terminal.progress import track

    config = FusionConfig.from_options({**_options(set_ or []), "method": method})
    if plan and (set_ or method != "auto"):
        raise FedotError("--plan says all that is done; leave --method and --set out")
    start = time.perf_counter()
    with scratch_folder() as scratch:
        sources = [open_source(path, scratch, _arch(arch)) for path in models]
        _check_arch(sources, arch)
        sources = _with_files(sources, counts, vocabularies)
        with told("the models cannot be fused"):
            job = make_job(
                sources, config, weights=_numbers(weights), anchor=anchor, probed=probe is not None, plan=_plan(plan)
            )
        if dry_run:
            _tell_plan(job)
            return
        import torch

        torch_dtype = getattr(torch, dtype.value) if dtype else None
        texts = _probe(job, probe) if probe else None
        pace = Pace(steps_of(job, probed=texts is not None), time.monotonic())
        with told("the models cannot be fused"), track("fuse", pace, visible=True, patience=PATIENCE) as begin:
            found = run(job, out, dtype=torch_dtype, probe=texts, tell=begin)
        _tell(job, found, out, time.perf_counter() - start)


def _options(pairs: list[str]) -> dict[str, object]:
    import yaml

    out: dict[str, object] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign:
            raise FedotError(f"--set {pair} has no value; write --set key=value")
        with told(f"--set {printable(pair)} is no YAML"):
            out[key] = yaml.safe_load(value)
    return out


def _plan(path: Path | None) -> "FusionPlan | None":
    """Read the plan in a fused file's metadata, or in a JSON file."""
    from fedot.from_disk.metadata import PLAN
    from fedot.fusion.plan import FusionPlan
    from fedot.storage.tensor_file import TensorFile

    if path is None:
        return None
    text = TensorFile(path).metadata.get(PLAN) if path.suffix == ".safetensors" else _read(path)
    if text is None:
        raise FedotError(f"{path} holds no plan of a fusion; name a file that `fedot.fuse` has written")
    return FusionPlan.from_dict(parse_json(text, f"the plan in {path}"))


def _numbers(text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(each) for each in text.split(",")]
    except ValueError:
        raise FedotError(f"--weights {text} are no numbers; write one for each model: 12000,9000") from None


def _arch(arch: str | None) -> Any | None:
    """Read the configuration that --arch names, if it names a file."""
    from fedot.models import architecture, config_from_json

    if arch is None:
        return None
    if not arch.endswith(".json"):
        architecture(arch)
        return None
    return config_from_json(_read(Path(arch)))


def _check_arch(sources: list["Source"], arch: str | None) -> None:
    for source in sources if arch is not None and not arch.endswith(".json") else ():
        own = getattr(source.config, "architecture", None)
        if own != arch:
            raise FedotError(f"{source.path} has the architecture {own}, but --arch is {arch}")


def _with_files(sources: list["Source"], counts: list[Path] | None, vocabularies: list[Path] | None) -> list["Source"]:
    """Let files given by hand stand in for what the models say of themselves."""
    import torch

    from fedot.from_disk.sources import read_counts

    for what, given in (("--counts", counts), ("--vocabularies", vocabularies)):
        if given and len(given) != len(sources):
            raise FedotError(f"got {len(given)} {what} for {len(sources)} models; repeat it once for each")
    if counts:
        read = [torch.tensor(read_counts(_read(path), path)) for path in counts]
        sources = [replace(source, counts=each) for source, each in zip(sources, read, strict=True)]
    if vocabularies:
        words = [tuple(_read(path).removesuffix("\n").split("\n")) for path in vocabularies]
        sources = [replace(source, vocabulary=each) for source, each in zip(sources, words, strict=True)]
    return sources


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            found = file.read(MOST_TEXT + 1)
        if len(found) <= MOST_TEXT:
            return found
    except (OSError, UnicodeDecodeError) as error:
        raise FedotError(f"{path} cannot be read ({type(error).__name__}); a text file is needed") from None
    raise FedotError(f"{path} cannot be read: it has more than {MOST_TEXT} characters")


def _probe(job: "Job", path: Path) -> "Probe":
    """Texts as rows of the union, by the anchor's tokenizer."""
    import torch

    from fedot.fusion.texts.probe import Probe
    from fedot.tokenizer import read_tokenizer

    anchor = job.sources[job.problem.anchor]
    if not anchor.tokenizer:
        raise FedotError(f"{anchor.path} has no tokenizer in its metadata, so --probe cannot be read")
    texts = [line for line in _read(path).splitlines() if line.strip()]
    if not texts:
        raise FedotError(f"{path} holds no text; write one text a line")
    tokenizer, index = read_tokenizer(anchor.tokenizer), job.problem.unions["vocab"].index[job.problem.anchor]
    ids = [torch.tensor(each.ids[: anchor.config.max_length] or [1]) for each in tokenizer.encode_batch(texts)]
    rows = torch.nn.utils.rnn.pad_sequence([index[each] for each in ids], batch_first=True)
    return Probe(tuple((batch,) for batch in torch.split(rows, 64)))


def _tell_plan(job: "Job") -> None:
    from rich.console import Console
    from rich.table import Table

    from fedot.from_disk.job import memory_of
    from fedot.from_disk.jobs import plan_of

    table = Table(title=f"{job.plan.method}: {len(job.sources)} models, anchor {job.problem.anchor}")
    for column in ("group", "kind", "size", "matched", "tensors"):
        table.add_column(column)
    for each in plan_of(job):
        sizes = str(each.sizes[0]) if len(set(each.sizes)) == 1 else ", ".join(map(str, each.sizes))
        table.add_row(each.group, each.kind, sizes, each.how, str(each.tensors))
    console = Console(soft_wrap=True)
    console.print(table)
    for stage in job.plan.as_dict()["stages"]:
        options = ", ".join(f"{key} {value}" for key, value in stage.items() if key != "stage")
        console.print(f"{stage['stage']}: {options}" if options else stage["stage"], highlight=False, markup=False)
    _tell_folders(job)
    console.print(f"memory: about {memory_of(job) / 2**20:.0f} MiB beside the libraries; nothing was written")


def _tell(job: "Job", found: list[dict[str, "GroupDiagnostics"]], out: Path, seconds: float) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(soft_wrap=True)
    for source, groups in zip(job.sources, found, strict=False):
        if groups:
            names = (escape(printable(each.path.name)) for each in (source, job.sources[job.problem.anchor]))
            table = Table(title=" aligned to ".join(names))
            for column in ("group", "kind", "size", "cost", "moved", "fit"):
                table.add_column(column, justify="left" if column in ("group", "kind") else "right")
            for name, each in groups.items():
                if each.kind != "labels":
                    size = f"{each.source_size}" + f" to {each.anchor_size}" * (each.source_size != each.anchor_size)
                    numbers = (_figure(value) for value in (each.cost, each.distance_from_identity, each.fit))
                    table.add_row(name, each.kind, size, *numbers)
            console.print(table)
    union = job.problem.unions.get("vocab")
    if union is not None and not any(
        bool((union.present(k) * union.present(job.problem.anchor)).any())
        for k in range(len(job.sources))
        if k != job.problem.anchor
    ):
        console.print("note: no token is shared with the anchor; the streams hang on the classes alone", style="dim")
    _tell_folders(job)
    console.print(f"{printable(out, 1000)} written in {seconds:.1f} s", highlight=False, markup=False)


def _tell_folders(job: "Job") -> None:
    """Say what somebody who fuses folders might take for granted, and is not so."""
    from rich.console import Console

    from fedot.from_disk.jobs import is_named, left_behind
    from fedot.text.outside import printable

    console, behind = Console(soft_wrap=True), left_behind(job)
    tables = [name for name in job.problem.unions if name.startswith("vocab")]
    if tables and not any(is_named(job, name) for name in tables):
        text = "not every model names its tokens, so rows of the embedding are matched by number"
        console.print(f"note: {text}", style="dim")
    if behind:
        shown = printable(", ".join(behind))
        console.print(f"left behind: {shown}", style="dim", highlight=False, markup=False)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def main() -> None:
    """Entry point."""
    cli()
