import datetime
import ipaddress
import math
import os
import stat
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from fedot.deploy.keys import make_all, make_node
from fedot.errors import FedotError


@pytest.fixture
def folder(tmp_path):
    make_all(tmp_path / "keys", ["superlink", "192.0.2.7"], ["north", "south"])
    return tmp_path / "keys"


def certificate(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_authority_vouches_for_the_server_under_its_names(folder):
    authority, server = certificate(folder / "public" / "ca.crt"), certificate(folder / "server" / "server.pem")
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in ("192.0.2.7", "127.0.0.1")]
    for name in (x509.DNSName("superlink"), x509.DNSName("localhost"), *addresses):
        verifier = PolicyBuilder().store(Store([authority])).build_server_verifier(name)
        assert verifier.verify(server, [])[-1] == authority
    with pytest.raises(VerificationError):
        PolicyBuilder().store(Store([authority])).build_server_verifier(x509.DNSName("other")).verify(server, [])
    usage = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    left = server.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=364) < left <= datetime.timedelta(days=365)


def test_nodes_have_openssh_keys_that_belong_together(folder):
    seen = set()
    for name in ("north", "south"):
        private = serialization.load_ssh_private_key((folder / "nodes" / name / "key").read_bytes(), None)
        public = serialization.load_ssh_public_key((folder / "public" / f"{name}.pub").read_bytes())
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        assert isinstance(private.curve, ec.SECP384R1)
        assert private.public_key() == public
        seen.add(private.private_numbers().private_value)
    assert len(seen) == 2


def test_secrets_are_for_their_owner_and_nothing_is_half_written(folder):
    for path in folder.rglob("*"):
        assert not path.name.endswith(".part")
        if path.name in ("ca.key", "server.key", "key"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(list(folder.rglob("key"))) == 3
    assert not any("PRIVATE" in path.read_text() for path in (folder / "public").iterdir())


def test_what_is_there_stays(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    make_all(folder, ["elsewhere"], ["north", "west"])
    assert all(path.read_bytes() == content for path, content in before.items())
    assert (folder / "nodes" / "west" / "key").exists()


def test_folders_that_were_open_are_closed(folder):
    """Also those that an earlier release, or a shell, has made."""
    kept = [folder / "ca", folder / "server", folder / "owner", folder / "nodes", folder / "nodes" / "north"]
    for path in (*kept, folder / "public"):
        path.chmod(0o777)
    (folder / "nodes" / "west").mkdir(mode=0o755)
    make_all(folder, ["superlink"], ["north", "west"])
    assert {stat.S_IMODE(path.stat().st_mode) for path in (*kept, folder / "nodes" / "west")} == {0o700}
    assert stat.S_IMODE((folder / "public").stat().st_mode) == 0o755


def test_no_umask_opens_a_folder(tmp_path):
    old = os.umask(0)
    try:
        make_all(tmp_path / "k", ["superlink"], ["north"])
    finally:
        os.umask(old)
    for path in ("ca", "server", "owner", "nodes", "nodes/north"):
        assert stat.S_IMODE((tmp_path / "k" / path).stat().st_mode) == 0o700
    for path in (".", "public"):  # in which nobody else may exchange whom to trust
        assert stat.S_IMODE((tmp_path / "k" / path).stat().st_mode) == 0o755


def test_a_changed_host_is_told_and_a_known_one_is_not(folder):
    assert make_all(folder, ["192.0.2.7", "superlink"], []) == []
    (note,) = make_all(folder, ["superlink", "elsewhere", "192.0.2.8"], [])
    assert "stays and is for superlink, 192.0.2.7, localhost, 127.0.0.1, not for elsewhere, 192.0.2.8" in note
    assert str(folder / "server") in note


def test_an_old_certificate_is_told(tmp_path):
    make_all(tmp_path, ["superlink"], [], -1)
    (note,) = make_all(tmp_path, ["superlink"], [])
    assert "has expired" in note


def test_the_owners_key_is_no_nodes(folder):
    assert {path.name for path in (folder / "public").glob("*.pub")} == {"north.pub", "south.pub"}
    assert "ssh-ed25519 " in (folder / "public" / "trusted.yaml").read_text()


@pytest.mark.parametrize("days", [math.nan, math.inf, -math.inf, 1e9, 1e308])
def test_days_that_no_calendar_has_are_refused_before_anything_is_written(tmp_path, days):
    with pytest.raises(FedotError, match="days"):
        make_all(tmp_path / "keys", ["superlink"], [], days)
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("name", ["ca/ca.key", "public/ca.crt", "server/server.pem"])
def test_a_file_that_is_something_else_is_one_line(folder, name):
    (folder / name).write_text("garbage")
    if not name.startswith("server"):
        for path in (folder / "server").iterdir():
            path.unlink()
    with pytest.raises(FedotError, match=name.rpartition("/")[2]) as found:
        make_all(folder, ["superlink"], [])
    assert "\n" not in str(found.value)


def test_a_key_of_another_authority_signs_nothing(folder, tmp_path):
    make_all(tmp_path / "other", ["superlink"], [])
    (folder / "ca" / "ca.key").write_bytes((tmp_path / "other" / "ca" / "ca.key").read_bytes())
    for path in (folder / "server").iterdir():
        path.unlink()
    with pytest.raises(FedotError, match="is not the key of"):
        make_all(folder, ["superlink"], [])


def test_half_a_pair_is_refused(folder):
    (folder / "public" / "north.pub").unlink()
    with pytest.raises(FedotError, match=r"north\.pub is not"):
        make_all(folder, ["superlink"], ["north"])


@pytest.mark.parametrize("name", ["", "../north", "a/b", "..", ".hidden", "-n", "a\n"])
def test_a_name_is_no_path(tmp_path, name):
    with pytest.raises(FedotError, match="name"):
        make_node(tmp_path, tmp_path, name)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "superlink:8000",
        "https://superlink",
        "süd.example.org",
        "a b",
        "-x",
        "a..b",
        "a" * 64,
        "a." * 140 + "b",
        "a.",
        "fe80::1%eth0",
        "*.x.org",
    ],
)
def test_a_host_that_cannot_be_in_a_certificate_is_refused_before_anything_is_written(tmp_path, host):
    with pytest.raises(FedotError, match="host"):
        make_all(tmp_path / "keys", ["superlink", host], ["north"])
    assert not (tmp_path / "keys").exists()


def test_the_command(tmp_path):
    command = [sys.executable, "-m", "fedot.deploy", "keys", str(tmp_path / "k"), "--host", "here", "--node", "a"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "k" / "nodes" / "a" / "key").is_file()
    (tmp_path / "k" / "public" / "a.pub").unlink()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("fedot: ")
    assert done.stderr.count("\n") == 1
