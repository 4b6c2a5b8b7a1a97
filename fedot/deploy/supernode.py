"""Flower's SuperNode, which runs signed bundles only.

    python -m fedot.deploy.supernode --trusted-entities trusted.yaml [options of flower-supernode]

Flower's own check of a bundle reads signatures that the SuperLink vouches for, and a SuperLink has them of apps of
Flower's hub only. Here each bundle is checked when it arrives, before anything of it is stored, unpacked or run:
against the setting `signature` of its run, and once more by Flower's own check, which gets that signature and
refuses everything where this module did not have its say. Both kinds of isolation take bundles from this process.
Tried with flwr 1.41 and 1.42.
"""

import argparse
import hashlib
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fedot.deploy.bundles import SETTING, VALID, read_trusted, verified
from fedot.errors import FedotError
from fedot.federation.engines.flower_cli import flower_settings
from fedot.terminal.command import command
from fedot.text.outside import printable, told

OPTION = "--trusted-entities"
NOBODY = {"nobody": ""}  # to Flower an empty list means that everything is run

log = logging.getLogger("fedot.supernode")


def only_signed(trusted: Mapping[str, str]) -> None:
    """Let SuperNodes that are started from now on in this process refuse bundles that nobody trusted has signed."""
    from fedot.wire.flower_private import change_intake

    def careful(intake: Callable[..., Any]) -> Callable[..., Any]:
        def take(**given: Any) -> Any:
            runs: dict[int, Any] = {}

            def get_run(run_id: int) -> Any:
                runs[run_id] = given["get_run"](run_id)
                return runs[run_id]

            def get_bundle(digest: str, run_id: int) -> Any:
                return checked(given["get_fab"](digest, run_id), runs.get(run_id), trusted)

            believed = dict(trusted) or NOBODY
            return intake(**{**given, "get_run": get_run, "get_fab": get_bundle, "trusted_entities": believed})

        return take

    change_intake(careful)


def checked(bundle: Any, run: Any, trusted: Mapping[str, str]) -> Any:
    """Give a bundle the signature of its run if that is good, or else none, and say why.

    Parameters
    ----------
    bundle, run
        Flower's `Fab` and `Run`, as a SuperLink sent them; nothing that they say is believed.
    """
    from fedot.wire.flower_private import signed_bundle

    proof: dict[str, str] = {}
    try:
        proof = verified(bundle.content, run and run.override_config.get(SETTING), trusted)
        _check_names(bundle, run)
    except FedotError as error:
        proof = {}
        whose = printable(run.run_id, 40) if run else "unknown"
        log.error("bundle refused, run %s: %s; nothing of it is run", whose, printable(error))
    return signed_bundle(bundle, {VALID: "checked here", **proof})


def _check_names(bundle: Any, run: Any) -> None:
    """Refuse a good bundle under another one's name: by it the executor finds what it has unpacked."""
    from fedot.wire.flower_private import name_of_bundle

    digest = hashlib.sha256(bundle.content).hexdigest()
    with told("it is no bundle of Flower's"):
        name = name_of_bundle(bundle.content)
    if not digest == bundle.hash_str == run.fab_hash or name != (run.fab_id, run.fab_version):
        raise FedotError("its run gives it another name")


def trusted_keys(arguments: Sequence[str]) -> dict[str, str]:
    """Read the keys that the command line names.

    Raises
    ------
    FedotError
        If it names none.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(OPTION, type=Path)
    path = parser.parse_known_args(list(arguments))[0].trusted_entities
    if path is None:
        raise FedotError(f"give {OPTION} FILE, the study owner's trusted.yaml: only what its keys have signed is run")
    return read_trusted(path.expanduser())


def main() -> None:
    """Entry point."""
    os.environ.update(flower_settings())  # before Flower is imported
    with command():
        trusted = {} if {"-h", "--help", "-V", "--version"} & set(sys.argv[1:]) else trusted_keys(sys.argv[1:])
    only_signed(trusted)
    for name in trusted:
        sys.stderr.write(f"bundles signed by {name} are run\n")
    from fedot.wire.flower_private import run_supernode

    run_supernode()


if __name__ == "__main__":
    main()
