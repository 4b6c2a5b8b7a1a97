"""The step of Flower's in which a SuperNode takes a bundle, with everything else left away."""

import contextlib
import hashlib
import io
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.app import Message, RecordDict
from flwr.supercore.fab import Fab
from flwr.supercore.run import Run
from flwr.supernode import start_client_internal as loop

from fedot.deploy import supernode
from fedot.deploy.bundles import SETTING, key_id, sign, write_trusted, written
from fedot.errors import FedotError
from fedot.wire.flower_private import INTAKE

OWNER = Ed25519PrivateKey.generate()
TRUSTED = {key_id(OWNER.public_key()): written(OWNER.public_key())}


def bundle(name="honest"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "pyproject.toml",
            f'[project]\nname = "{name}"\nversion = "1.0.0"\n[tool.flwr.app]\npublisher = "p"\n'
            "[tool.flwr.app.components]\nserverapp = 'a:b'\nclientapp = 'a:b'\n"
            "[tool.flwr.app.config]\nsignature = ''\n",
        )
    return packed.getvalue()


class KeptError(Exception):
    """A bundle has got through."""


class State:
    """What the step keeps of a bundle; everything after that is an error here."""

    def __init__(self):
        self.kept, self.replies = [], []

    def get_run(self, _):
        return None

    def store_message(self, message):
        self.replies.append(message)

    def store_fab(self, fab):
        self.kept.append(fab.content)
        raise KeptError

    def get_node_id(self):
        return 1

    def get_run_series_context(self, _):
        return None

    def set_run_series_context(self, series, context):
        pass

    def store_run(self, run):
        pass


def step(content, signature, monkeypatch, *, trusted=TRUSTED, digest=None, name="p/honest", claimed=None):
    """Let a SuperNode take a bundle; return its state."""
    monkeypatch.setattr(loop, INTAKE, getattr(loop, INTAKE))  # is put back at the end
    supernode.only_signed(trusted)
    digest = digest or hashlib.sha256(content).hexdigest()
    run = Run.create_empty(5)
    run.fab_id, run.fab_version, run.fab_hash, run.override_config = name, "1.0.0", digest, {SETTING: signature}
    state = State()
    store = SimpleNamespace(preregister=lambda *_: [], put=lambda *_: None)
    message = Message(RecordDict(), 1, "query")
    message.metadata.__dict__.update(_run_id=5, _message_id="m", _src_node_id=1)
    with contextlib.suppress(KeptError):
        getattr(loop, INTAKE)(
            state=state, object_store=store, node_config={}, receive=lambda: (message, None),
            get_run=lambda _: run,
            get_fab=lambda wanted, _: Fab(wanted if claimed is None else claimed, content, {"valid_license": "Valid"}),
            pull_object=None, confirm_message_received=None, trusted_entities=None,
        )  # fmt: skip
    return state


@pytest.fixture(autouse=True)
def _identity(monkeypatch):
    from flwr.supercore.task_identity import TaskIdentity

    for name in ("_task_id", "_run_id", "_node_id"):
        monkeypatch.setattr(TaskIdentity, name, 1)


def test_what_the_owner_signed_is_kept(monkeypatch):
    state = step(bundle(), sign(bundle(), OWNER), monkeypatch)
    assert state.kept == [bundle()]
    assert state.replies == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"signature": ""}, "it is not signed"),
        ({"signature": "x"}, "its signature"),
        ({"signature": sign(bundle(), Ed25519PrivateKey.generate())}, "not trusted here"),
        ({"signature": sign(b"else", OWNER)}, "the signature is of another bundle"),
        ({"trusted": {}}, "not trusted here"),
        ({"digest": "0" * 64}, "another name"),
        ({"claimed": ""}, "another name"),
        ({"name": "p/other"}, "another name"),
        ({"name": "p/../../tmp"}, "another name"),
        ({"content": b"no archive", "signature": sign(b"no archive", OWNER)}, "no bundle"),
    ],
)
def test_anything_else_is_refused_in_one_line_and_nothing_of_it_is_kept(given, reason, monkeypatch, caplog):
    wanted = {"content": bundle(), "signature": sign(bundle(), OWNER), "monkeypatch": monkeypatch, **given}
    state = step(**wanted)
    assert state.kept == []
    (reply,) = state.replies
    assert reply.has_error()
    (told,) = [record.getMessage() for record in caplog.records if record.name == "fedot.supernode"]
    assert told.startswith("bundle refused, run 5: ")
    assert reason in told
    assert "\n" not in told


def test_flower_refuses_everything_that_did_not_pass_here(monkeypatch):
    """So that a release in which the step has another name runs nothing, rather than everything."""
    monkeypatch.setattr(supernode, "checked", lambda fab, *_: fab)
    assert step(bundle(), sign(bundle(), OWNER), monkeypatch).kept == []


def test_it_does_not_start_without_a_list(tmp_path):
    (tmp_path / "empty.yaml").write_text("{}")
    for given in (
        [],
        ["--trusted-entities", str(tmp_path / "none")],
        ["--trusted-entities", str(tmp_path / "empty.yaml")],
    ):
        command = [sys.executable, "-m", "fedot.deploy.supernode", *given]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith("fedot: ")
        assert done.stderr.count("\n") == 1


def test_both_ways_of_giving_the_list(tmp_path):
    (tmp_path / "t.yaml").write_text(write_trusted([OWNER.public_key()]))
    for given in (
        ["--trusted-entities", f"{tmp_path}/t.yaml", "--insecure"],
        [f"--trusted-entities={tmp_path}/t.yaml"],
    ):
        assert supernode.trusted_keys(given) == TRUSTED
    with pytest.raises(FedotError, match="--trusted-entities"):
        supernode.trusted_keys(["--trusted", f"{tmp_path}/t.yaml"])
