"""``python -m fedot.deploy``: keys, compose files, and runs on a SuperLink."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedot.errors import FedotError
from fedot.terminal.called import other
from fedot.terminal.command import command as ended
from fedot.terminal.once import Once

if TYPE_CHECKING:
    from fedot.deploy.submit import SuperLink
    from fedot.scenario.yaml_file import Run

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="A federation of real processes.")

Address = Annotated[str, typer.Option(help="The SuperLink, HOST:PORT.")]
Trusted = Annotated[Path | None, typer.Option("--root-certificates", help="The authority's ca.crt.")]
Insecure = Annotated[bool, typer.Option("--insecure", help="No TLS: only on a machine of your own.")]


@cli.command(cls=Once)
@ended()
def keys(
    folder: Annotated[Path, typer.Argument(help="Where public/, ca/, server/, owner/ and nodes/ go.")],
    host: Annotated[list[str], typer.Option(help="Name or address by which clients reach the SuperLink; repeatable.")],
    node: Annotated[list[str] | None, typer.Option(help="Name of a SuperNode; repeatable.")] = None,
    days: Annotated[float, typer.Option(help="How long certificates are valid.")] = 365,
    begin: Annotated[Path | None, typer.Option(help="File that an earlier `run --over` left; it is removed.")] = None,
) -> None:
    """Make an authority, the SuperLink's certificate, and keys of SuperNodes and owner; what is there stays."""
    from fedot.deploy.keys import make_all

    if not days > 0:
        raise FedotError(f"--days is {days}; a certificate needs some time, for example 365")
    notes = make_all(folder, host, node or [], days)
    if begin is not None:
        begin.unlink(missing_ok=True)
    typer.echo(
        f"{folder}: give public/ to everybody, server/ to the SuperLink, nodes/NAME/ to NAME; keep owner/, put ca/ away"
    )
    for note in notes:
        typer.echo(f"note: {note}", err=True)


@cli.command(cls=Once)
@ended()
def register(
    public: Annotated[Path, typer.Argument(help="Folder of the SuperNodes' NAME.pub.")],
    superlink: Address = "127.0.0.1:8001",
    root_certificates: Trusted = None,
    insecure: Insecure = False,
) -> None:
    """Make SuperNodes known to a SuperLink, before they first connect."""
    from fedot.deploy.submit import register as add

    added = add(_superlink(superlink, root_certificates, insecure), public)
    typer.echo(f"registered: {', '.join(added) or 'nobody new'}")


@cli.command(cls=Once)
@ended(interrupted="a run that has begun goes on at the SuperLink")
def run(
    scenario: Annotated[
        str,
        typer.Argument(
            envvar="FEDOT_SCENARIO",
            help="One that comes along, by name or path, or a file that is at the SuperLink, too.",
        ),
    ],
    out: Annotated[str, typer.Option(help="Output folder, at the SuperLink.")],
    superlink: Address = "127.0.0.1:8001",
    root_certificates: Trusted = None,
    insecure: Insecure = False,
    signing_key: Annotated[Path | None, typer.Option(help="The owner's key, which signs what SuperNodes run.")] = None,
    nodes: Annotated[int, typer.Option(help="SuperNodes to wait for; those of the scenario by default.")] = 0,
    wait: Annotated[float, typer.Option(help="Seconds to wait for them.")] = 300,
    seeds: Annotated[str, typer.Option(envvar="FEDOT_SEEDS", help="Seeds in place of the scenario's: 0,1,2.")] = "",
    profile: Annotated[str, typer.Option(envvar="FEDOT_PROFILE", help="Edition: one of its profiles.")] = "",
    variant: Annotated[str, typer.Option(envvar="FEDOT_VARIANT", help="One of the scenario's variants.")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a key of the scenario.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    over: Annotated[Path | None, typer.Option(help="File to leave when the run is over, well or not.")] = None,
) -> None:
    """Run a scenario on connected SuperNodes. Exit code: 0 if the run ended well, else 2."""
    from fedot.deploy.submit import submit
    from fedot.report.after_run import report_at_the_end
    from fedot.scenario import load_scenario
    from fedot.scenario.shipped import as_server_reads, find_scenario
    from fedot.tracking import check_tools, tracked_at_the_end

    link = _superlink(superlink, root_certificates, insecure)
    overrides = [*(set_ or []), *([f"seeds=[{seeds}]"] if seeds else [])]
    try:
        file = find_scenario(scenario)
        one = _edition(file, profile, variant, overrides)
        if signing_key is None:
            raise FedotError("give --signing-key FILE, the key in owner/: SuperNodes run what its owner has signed")
        known = load_scenario(file, one.overrides)
        check_tools(known.tracking)
        settings: dict[str, bool | str] = {
            "scenario": as_server_reads(file),
            "overrides": json.dumps(one.overrides),
            "out-dir": out,
            "progress": True,
            "resume": resume,
            "command": other(f"deploy run {scenario}"),
        }
        told = partial(typer.echo, err=True)
        number = nodes or len(known.client_specs())
        with tracked_at_the_end(Path(out), known.tracking, told), report_at_the_end(Path(out)):
            submit(link, settings, number, signing_key, wait=wait, tell=told)
    finally:
        if over is not None:
            over.touch()
    drawn = (Path(out) / "report.html").exists()
    later = "" if drawn else f"; draw their report there with `{other(f'report {out}')}`"
    typer.echo(f"the run has ended well; its results are in {out} at the SuperLink{later}")


@cli.command(cls=Once)
@ended()
def compose(
    scenario: Annotated[Path, typer.Argument(help="A scenario file, in the folder scenarios/.")],
    profile: Annotated[str, typer.Option(help="Edition: one of its profiles.")] = "",
    variant: Annotated[str, typer.Option(help="One of the scenario's variants.")] = "",
) -> None:
    """Print the compose file with one SuperNode for each client of a scenario."""
    from fedot.deploy.compose import compose_file
    from fedot.scenario import load_scenario

    chosen = _edition(scenario, profile, variant, [])
    names = load_scenario(scenario, chosen.overrides).client_names()
    settings = {"FEDOT_PROFILE": profile, "FEDOT_VARIANT": variant}
    typer.echo(compose_file(names, scenario.as_posix(), {k: v for k, v in settings.items() if v}), nl=False)


@cli.command(cls=Once)
@ended(interrupted="nobody is let through any more")
def front(
    listen: Annotated[str, typer.Option(help="Where SuperNodes come, HOST:PORT.")] = "0.0.0.0:8000",
    superlink: Annotated[str, typer.Option(help="Where the SuperLink listens, HOST:PORT.")] = "127.0.0.1:8001",
    server: Annotated[Path | None, typer.Option(help="Folder of server.pem and server.key.")] = None,
    root_certificates: Trusted = None,
    insecure: Insecure = False,
) -> None:
    """Stand before a SuperLink: let SuperNodes through, and nobody who would start, list or register something."""
    from fedot.deploy.front import serve

    if insecure == (server is not None and root_certificates is not None):
        raise FedotError("give --server FOLDER and --root-certificates FILE, or --insecure on a machine of your own")
    serve(listen, superlink, server, root_certificates)


def _edition(scenario: Path, profile: str, variant: str, overrides: list[str]) -> "Run":
    from fedot.scenario.yaml_file import runs_of

    (one, *more) = runs_of(scenario, profile, variant, overrides)
    if more:
        raise FedotError(f"{scenario} has variants; choose one of them with --variant")
    return one


def _superlink(address: str, root_certificates: Path | None, insecure: bool) -> "SuperLink":
    from fedot.deploy.submit import SuperLink, host_and_port

    if insecure == (root_certificates is not None):
        raise FedotError("give --root-certificates FILE, or --insecure on a machine of your own")
    host_and_port(address)
    return SuperLink(address, root_certificates)


def main() -> None:
    """Entry point."""
    cli()


if __name__ == "__main__":
    main()
