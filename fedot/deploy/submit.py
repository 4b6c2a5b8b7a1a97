"""Submit a run to a SuperLink, follow it, and tell how it ended: Flower's own command exits 0 even if a run failed."""

import json
import os
import socket
import ssl
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fedot.errors import FedotError
from fedot.federation.apps import find_apps
from fedot.federation.flower_commands import QUIET, Value, flwr, follow, start_run

CONNECTION = "fedot"
PAUSE, SECONDS = 2.0, 10.0


@dataclass(frozen=True, slots=True)
class SuperLink:
    """Where a SuperLink is, and the certificate of the authority that vouches for it; without one, no TLS."""

    address: str
    root_certificates: Path | None = None

    def config(self) -> str:
        """Flower's connection file."""
        trust = (
            f"root-certificates = {json.dumps(str(self.root_certificates.absolute()))}"
            if self.root_certificates
            else "insecure = true"
        )
        return (
            f'[superlink]\ndefault = "{CONNECTION}"\n\n'
            f"[superlink.{CONNECTION}]\naddress = {json.dumps(self.address)}\n{trust}\n"
        )


@contextmanager
def connection(superlink: SuperLink) -> Iterator[dict[str, str]]:
    """Give an environment in which Flower's commands know the SuperLink as `CONNECTION`.

    Raises
    ------
    FedotError
        If the SuperLink does not answer, or cannot be trusted; Flower itself would not say which.
    """
    certificates = superlink.root_certificates
    if certificates is not None and not certificates.is_file():
        raise FedotError(f"there is no certificate {certificates}; make one with `python -m fedot.deploy keys`")
    _check(superlink)
    with tempfile.TemporaryDirectory(prefix="fedot-flower-") as home:
        (Path(home) / "config.toml").write_text(superlink.config(), encoding="utf-8")
        path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
        yield {**os.environ, **QUIET, "FLWR_HOME": home, "PATH": path, "PYTHONUNBUFFERED": "1"}


def _check(superlink: SuperLink) -> None:
    host, _, port = superlink.address.rpartition(":")
    if not port.isdigit():
        raise FedotError(f"the SuperLink is {superlink.address!r}; HOST:PORT is needed")
    try:
        with socket.create_connection((host, int(port)), timeout=SECONDS) as plain:
            if superlink.root_certificates is not None:
                trusted = ssl.create_default_context(cafile=superlink.root_certificates)
                with trusted.wrap_socket(plain, server_hostname=host):
                    pass
    except ssl.SSLCertVerificationError as error:
        raise FedotError(
            f"the certificate of {superlink.address} cannot be trusted: {error.verify_message}; "
            f"is {superlink.root_certificates} of the authority that signed it?"
        ) from None
    except OSError as error:
        raise FedotError(f"no SuperLink answers at {superlink.address} ({error.strerror or error})") from None


def register(superlink: SuperLink, public: Path) -> list[str]:
    """Make every `NAME.pub` of a folder known to the SuperLink; return the names that it did not know yet.

    Raises
    ------
    FedotError
        If there is none, or the SuperLink refuses one for another reason than that it is known.
    """
    keys = sorted(public.glob("*.pub"))
    if not keys:
        raise FedotError(f"{public} holds no public key; make some with `python -m fedot.deploy keys`")
    added = []
    with connection(superlink) as environment:
        for key in keys:
            try:
                flwr(environment, "supernode", "register", str(key), CONNECTION, "--name", key.stem, "--format", "json")
                added.append(key.stem)
            except FedotError as error:
                if "already" not in str(error):
                    raise FedotError(f"{key.stem} cannot be registered: {error}") from None
    return added


def online(environment: Mapping[str, str]) -> list[str]:
    """Names, or ids, of the SuperNodes that the SuperLink holds for connected."""
    nodes = flwr(environment, "supernode", "list", CONNECTION, "--format", "json")["nodes"]
    return sorted(str(node.get("name") or node["node-id"]) for node in nodes if node["status"] == "online")


def wait_for_supernodes(environment: Mapping[str, str], number: int, seconds: float) -> None:
    """Wait until so many SuperNodes are connected.

    Raises
    ------
    FedotError
        If fewer are when the time is up; it names those that are there.
    """
    deadline = time.monotonic() + seconds
    while len(there := online(environment)) < number:
        if time.monotonic() >= deadline:
            names = f" ({', '.join(there)})" if there else ""
            raise FedotError(
                f"{len(there)} of {number} SuperNodes are connected after {seconds:.0f} s{names}; see the others' logs"
            )
        time.sleep(PAUSE)


def submit(
    superlink: SuperLink,
    run_config: Mapping[str, Value],
    nodes: int,
    *,
    wait: float = 120.0,
    tell: Callable[[str], None] = print,
) -> None:
    """Wait for the SuperNodes, start a run, pass its progress on, and return when it has ended well.

    Parameters
    ----------
    run_config
        Values for keys of ``[tool.flwr.app.config]``; `out-dir` is a path at the SuperLink.
    nodes
        How many SuperNodes must be connected before the run starts.
    wait
        For so many seconds.

    Raises
    ------
    FedotError
        If they are not there in time, or the run fails; then with the run's own reason.
    """
    with connection(superlink) as environment:
        wait_for_supernodes(environment, nodes, wait)
        run_id = start_run(environment, CONNECTION, find_apps(), run_config)
        tell(f"run {run_id} is started")
        follow(environment, CONNECTION, run_id, tell)
