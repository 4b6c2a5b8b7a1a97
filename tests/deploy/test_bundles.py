import json
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.supercore.fab import Fab
from flwr.supernode.start_client_internal import _verify_fab

from fedot.deploy.bundles import key_id, read_signing_key, read_trusted, sign, verified, write_trusted, written
from fedot.deploy.keys import make_node, make_owner
from fedot.errors import FedotError

OWNER = Ed25519PrivateKey.generate()
TRUSTED = {key_id(OWNER.public_key()): written(OWNER.public_key())}


def changed(**values):
    return json.dumps({**json.loads(sign(b"code", OWNER)), **values})


def test_flowers_own_check_agrees():
    good = Fab("", b"code", {"valid_license": "x", **verified(b"code", sign(b"code", OWNER), TRUSTED)})
    assert _verify_fab(good, TRUSTED)
    assert not _verify_fab(Fab("", b"c0de", good.verifications), TRUSTED)


@pytest.mark.parametrize(
    "signature",
    [
        "", None, 7, b"x", "x", "[]", "{}", "null", "1" * 5000, "[" * 2000, changed(more=1),
        changed(public_key_id="other"),
        changed(public_key_id=["x"]), changed(public_key_id=None), changed(signed_at=0), changed(signed_at=-1),
        changed(signed_at=2**64), changed(signed_at=1.5), changed(signed_at=True), changed(signed_at="now"),
        changed(signature=""), changed(signature="AAAA"), changed(signature="\u00e9"), changed(signature=[1]),
        changed(signature="A" * 88), sign(b"other code", OWNER), sign(b"code", Ed25519PrivateKey.generate()),
        changed(public_key_id="a\x1b[2J\nINFO: all is well"),
    ],
)  # fmt: skip
def test_any_other_signature_is_one_line(signature):
    with pytest.raises(FedotError) as found:
        verified(b"code", signature, TRUSTED)
    assert str(found.value).isprintable()


def test_the_owners_files_belong_together(tmp_path):
    make_owner(tmp_path / "public", tmp_path / "owner")
    key = read_signing_key(tmp_path / "owner" / "key")
    trusted = read_trusted(tmp_path / "public" / "trusted.yaml")
    assert verified(b"code", sign(b"code", key), trusted).keys() == trusted.keys()
    shown = tmp_path / "key.pub"
    shown.write_text(next(iter(trusted.values())))
    try:
        told = subprocess.run(["ssh-keygen", "-lf", str(shown)], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        pytest.skip("no ssh-keygen here")
    assert told.split()[1] == next(iter(trusted))


def test_a_node_may_trust_several(tmp_path):
    other = Ed25519PrivateKey.generate()
    (tmp_path / "t").write_text(write_trusted([OWNER.public_key(), other.public_key()]))
    trusted = read_trusted(tmp_path / "t")
    for key in (OWNER, other):
        assert verified(b"code", sign(b"code", key), trusted)


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "a", "x: [", "a: b", "1: 2", "\x00", "!!python/object/apply:os.system [true]",
        pytest.param(f"other: {written(OWNER.public_key())}", id="another name"),
        pytest.param(f"{key_id(OWNER.public_key())}: 5", id="no key"),
        pytest.param(f"x: {written(generate_private_key(SECP384R1()).public_key())}", id="another kind of key"),
    ],
)  # fmt: skip
def test_a_file_that_trusts_nobody_in_particular_is_refused(tmp_path, text):
    """Flower takes an empty one for leave to run everything."""
    (tmp_path / "trusted.yaml").write_text(text)
    with pytest.raises(FedotError) as found:
        read_trusted(tmp_path / "trusted.yaml")
    assert "\n" not in str(found.value)


def test_a_signing_key_is_an_owners(tmp_path):
    make_node(tmp_path, tmp_path / "node", "north")
    (tmp_path / "garbage").write_text("x")
    for path in (tmp_path / "none", tmp_path / "garbage", tmp_path / "node" / "key", tmp_path):
        with pytest.raises(FedotError, match="owner"):
            read_signing_key(path)
