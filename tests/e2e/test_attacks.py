"""Whoever has what a client has tries to run code of their own on the others, by the programs that Flower brings."""

import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.supercore.protobuf.translation import PROTOBUF_REQUEST_TYPES

from fedot.deploy.bundles import SETTING, read_signing_key, sign
from fedot.deploy.keys import make_owner
from fedot.deploy.submit import CONNECTION, connection, online, register, submit
from fedot.errors import FedotError
from fedot.federation.engines.find_apps import find_apps
from fedot.federation.engines.flower_cli import build_bundle, flwr, follow, script, start_run
from tests.e2e.conftest import NODES
from tests.e2e.federation import SUPERLINK, Federation

pytestmark = pytest.mark.timeout(600)

PROJECT = """
[project]
name = "evil"
version = "1.0.0"
[tool.flwr.app]
publisher = "fedot"
[tool.flwr.app.components]
serverapp = "evil.server:app"
clientapp = "evil.client:app"
[tool.flwr.app.config]
signature = ""
"""
CLIENT = """
from pathlib import Path
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.clientapp import ClientApp
app = ClientApp()
@app.query()
def steal(message, context):
    Path({mark!r}).touch()
    secret = Path({secret!r}).read_text()
    return Message(RecordDict({{"stolen": ConfigRecord({{"text": secret}})}}), reply_to=message)
"""
SERVER = """
import time
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.serverapp import ServerApp
app = ServerApp()
@app.main()
def main(grid, context):
    while len(grid.get_node_ids()) < 2:
        time.sleep(0.5)
    asked = [Message(RecordDict({"a": ConfigRecord({"b": 1})}), node, "query") for node in grid.get_node_ids()]
    for reply in grid.send_and_receive(asked, timeout=60):
        print("REPLY", reply.error.reason if reply.has_error() else reply.content["stolen"]["text"])
"""


def evil_app(folder: Path, secret: Path) -> Path:
    """An app whose clients read a private file and send it to the server."""
    (folder / "evil").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "evil" / "__init__.py").touch()
    (folder / "evil" / "client.py").write_text(CLIENT.format(mark=str(folder / "ran"), secret=str(secret)))
    (folder / "evil" / "server.py").write_text(SERVER)
    return folder


def test_code_that_nobody_trusted_has_signed_runs_on_no_node(running: Federation, tmp_path: Path) -> None:
    """Though it is submitted at the SuperLink itself: unsigned, by a foreign key, or with a stolen signature."""
    (tmp_path / "private.csv").write_text("John Doe has a rash")
    app = evil_app(tmp_path / "app", tmp_path / "private.csv")
    with connection(running.link) as environment:
        stolen = sign(build_bundle(environment, find_apps()), read_signing_key(running.owner))
        foreign = sign(build_bundle(environment, app), Ed25519PrivateKey.generate())
        why = {"": "it is not signed", foreign: "not trusted here", stolen: "the signature is of another bundle"}
        runs = {start_run(environment, CONNECTION, app, {SETTING: each}): reason for each, reason in why.items()}
        for run, reason in runs.items():
            follow(environment, CONNECTION, run, lambda _: None)
            for node in running.supernodes.values():
                refused = [line for line in node.text().splitlines() if f"bundle refused, run {run}:" in line]
                assert len(refused) == 1, node.text()[-2000:]
                assert reason in refused[0]
        assert len(online(environment)) == len(NODES)
    assert running.superlink is not None
    assert not (tmp_path / "app" / "ran").exists()
    assert "REPLY" in printed(running, run)
    assert "John Doe" not in printed(running, run)
    assert not [path for name in NODES for path in running.folder.glob(f"flower-{name}/apps/*evil*")]


def printed(running: Federation, run: str) -> str:
    """What the ServerApp of a run said."""
    with connection(running.link) as environment:
        command = [script("flwr"), "log", run, CONNECTION, "--show"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


@pytest.mark.slow
def test_the_owner_is_told_that_a_node_does_not_trust_him(running: Federation, tmp_path: Path) -> None:
    make_owner(tmp_path / "public", tmp_path / "owner")
    settings = {"scenario": str(find_apps() / "scenarios" / "quickstart.yaml"), "out-dir": str(tmp_path / "out")}
    with pytest.raises(FedotError, match=r"refused the bundle.*SHA256:") as found:
        submit(running.link, settings, len(NODES), tmp_path / "owner" / "key", tell=lambda _: None)
    assert "\n" not in str(found.value)


def test_who_has_what_clients_have_can_neither_run_list_nor_register(running: Federation, tmp_path: Path) -> None:
    app = evil_app(tmp_path / "app", tmp_path / "private.csv")
    with connection(running.door) as environment:
        with pytest.raises(FedotError, match="flwr run"):
            start_run(environment, CONNECTION, app, {})
        for command in (("ls",), ("supernode", "list")):
            with pytest.raises(FedotError, match=f"flwr {command[0]}"):
                flwr(environment, *command, CONNECTION, "--format", "json")
    with pytest.raises(FedotError, match="cannot be registered"):
        register(running.door, running.keys / "public")
    assert running.front is not None
    refused = [line for line in running.front.text().splitlines() if line.startswith("refused: POST /v1/control/")]
    assert {line.split()[2] for line in refused} >= {"/v1/control/start-run", "/v1/control/list-nodes"}


def test_no_call_but_a_supernodes_reaches_the_superlink(running: Federation) -> None:
    """Not one of Flower's table; a fleet call without a node's signature does, and is refused there."""
    asked: dict[str, Any] = {"content": b"", "headers": {"content-type": "application/x-protobuf"}}
    trusted = ssl.create_default_context(cafile=running.door.root_certificates)
    with httpx.Client(base_url=f"https://{running.door.address}", verify=trusted, trust_env=False) as client:
        for method, path in [*PROTOBUF_REQUEST_TYPES, ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/health")]:
            found = client.request(method, path, **asked)
            if path.startswith("/v1/fleet/"):
                assert found.status_code in (400, 401, 415), (path, found.text)
                assert "only SuperNodes" not in found.text
            else:
                assert (found.status_code, "only SuperNodes" in found.text) == (403, True), path


@pytest.mark.skipif(sys.platform != "linux", reason="other addresses of this machine are needed")
def test_the_superlink_itself_is_not_at_the_address_that_clients_have(running: Federation) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((SUPERLINK, running.control), timeout=5)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.3", running.control), timeout=5)


def test_nothing_phones_home(running: Federation) -> None:
    """The launchers see to it themselves; here the surroundings say the contrary."""
    assert running.superlink is not None
    for program in (running.superlink, *running.supernodes.values()):
        children = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children")
        deadline = time.monotonic() + 30
        while not (pids := children.read_text().split()) and time.monotonic() < deadline:
            time.sleep(0.2)
        for pid in pids:  # the executor, which inherits what the launcher has set
            assert "FLWR_TELEMETRY_ENABLED=0" in Path(f"/proc/{pid}/environ").read_text().split("\0")
