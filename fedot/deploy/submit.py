"""Submit a run to a SuperLink, follow it, and tell how it ended: Flower's own command exits 0 even if a run failed."""

import json
import os
import re
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fedot.deploy.bundles import SETTING, key_id, read_signing_key, sign
from fedot.errors import FedotError
from fedot.federation.engines.find_apps import app_folder
from fedot.federation.engines.flower_cli import Value, build_bundle, flower_settings, flwr, follow, start_run
from fedot.terminal.called import other
from fedot.text.outside import printable

CONNECTION = "fedot"
PAUSE, SECONDS = 2.0, 10.0
REFUSED = "The FAB could not be verified"
"""What Flower says of a bundle that a SuperNode refuses."""


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
        raise FedotError(f"there is no certificate {certificates}; make one with `{other('deploy keys')}`")
    _check(superlink)
    with tempfile.TemporaryDirectory(prefix="fedot-flower-") as home:
        (Path(home) / "config.toml").write_text(superlink.config(), encoding="utf-8")
        yield {**os.environ, **flower_settings(), "FLWR_HOME": home, "PYTHONUNBUFFERED": "1"}


def host_and_port(address: str) -> tuple[str, int]:
    """Take an address apart.

    Raises
    ------
    FedotError
        If it is not HOST:PORT.

    Examples
    --------
    >>> host_and_port("superlink.example.org:8000")
    ('superlink.example.org', 8000)
    """
    host, _, port = address.rpartition(":")
    if not host or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 2**16:
        raise FedotError(f"the address is {printable(address, 80)!r}; HOST:PORT is needed, with a port of 1 to 65535")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _check(superlink: SuperLink) -> None:
    host, port = host_and_port(superlink.address)
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as plain:
            if superlink.root_certificates is not None:
                trusted = ssl.create_default_context(cafile=superlink.root_certificates)
                with trusted.wrap_socket(plain, server_hostname=host):
                    pass
    except ssl.SSLCertVerificationError as error:
        raise FedotError(
            f"the certificate of {superlink.address} cannot be trusted: {error.verify_message}; "
            f"is {superlink.root_certificates} of the authority that signed it?"
        ) from None
    except ssl.SSLError as error:
        raise FedotError(
            f"no connection by TLS to {superlink.address} ({error.reason or 'no reason given'}); "
            f"is it a SuperLink, and is {superlink.root_certificates} a certificate?"
        ) from None
    except (OSError, UnicodeError) as error:  # the latter of a name that cannot be one
        why = getattr(error, "strerror", None) or ("no name of a host" if isinstance(error, UnicodeError) else error)
        raise FedotError(f"no SuperLink answers at {superlink.address} ({why})") from None


def register(superlink: SuperLink, public: Path) -> list[str]:
    """Make every `NAME.pub` of a folder known to the SuperLink; return the names that it did not know yet.

    Raises
    ------
    FedotError
        If there is none, or the SuperLink refuses one for another reason than that it is known.
    """
    keys = sorted(public.glob("*.pub"))
    if not keys:
        raise FedotError(f"{public} holds no public key; make some with `{other('deploy keys')}`")
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
    return sorted(printable(node.get("name") or node["node-id"], 80) for node in nodes if node["status"] == "online")


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
    signing_key: Path,
    *,
    wait: float = 120.0,
    tell: Callable[[str], None] = print,
) -> None:
    """Wait for the SuperNodes, start a signed run, pass its progress on, and return when it has ended well.

    Parameters
    ----------
    run_config
        Values for keys of ``[tool.flwr.app.config]``; `out-dir` is a path at the SuperLink.
    nodes
        How many SuperNodes must be connected before the run starts.
    signing_key
        The study owner's key; SuperNodes run what a key has signed that they trust.
    wait
        For so many seconds.

    Raises
    ------
    FedotError
        If they are not there in time, or the run fails; then with the run's own reason.
    """
    key = read_signing_key(signing_key)
    with connection(superlink) as environment, app_folder() as apps:
        wait_for_supernodes(environment, nodes, wait)
        signature = sign(build_bundle(environment, apps), key)
        run_id = start_run(environment, CONNECTION, apps, {**run_config, SETTING: signature})
        tell(f"run {printable(run_id, 40)} is started")
        try:
            follow(environment, CONNECTION, run_id, tell)
        except FedotError as error:
            if REFUSED not in str(error):
                raise
            raise FedotError(
                f"a SuperNode refused the bundle, since none of the keys that it trusts has signed it; "
                f"it needs the trusted.yaml of {key_id(key.public_key())}"
            ) from None
