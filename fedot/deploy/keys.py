"""Certificates of a federation's own authority, and the SuperNodes' keys.

The authority's key signs the SuperLink's certificate and can then be put away; clients trust `ca.crt` alone. SuperNodes
prove who they are by elliptic-curve keys in OpenSSH's format, the only one that Flower takes.
"""

import datetime
import ipaddress
import os
import re
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fedot.errors import FedotError

DAYS = 365
CA_CERT, CA_KEY, SERVER_CERT, SERVER_KEY = "ca.crt", "ca.key", "server.pem", "server.key"

ITSELF = ("localhost", "127.0.0.1")
"""Under these names the SuperLink's own executor calls it."""

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""No path, and nothing that a command would take for an option."""

CURVE = ec.SECP384R1()
HASH = hashes.SHA384()


def make_authority(public: Path, private: Path, days: float = DAYS) -> None:
    """Make an authority: `ca.crt` in `public`, `ca.key` in `private`; what is there already stays.

    Raises
    ------
    FedotError
        If only one of the two files is there.
    """
    if _both(public / CA_CERT, private / CA_KEY):
        return
    key = ec.generate_private_key(CURVE)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fedot authority")])
    certificate = (
        _certificate(name, name, key.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, HASH)
    )
    _write(private / CA_KEY, _pem(key), secret=True)
    _write(public / CA_CERT, certificate.public_bytes(serialization.Encoding.PEM))


def make_server(public: Path, private: Path, folder: Path, hosts: Sequence[str], days: float = DAYS) -> None:
    """Make the SuperLink's certificate and key in `folder`, for names and addresses; what is there already stays.

    Raises
    ------
    FedotError
        If there is no host, or only one of the two files is there.
    """
    if not hosts:
        raise FedotError("a server certificate needs at least one host; give --host NAME or --host ADDRESS")
    if _both(folder / SERVER_CERT, folder / SERVER_KEY):
        return
    authority = x509.load_pem_x509_certificate((public / CA_CERT).read_bytes())
    signer = serialization.load_pem_private_key((private / CA_KEY).read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(CURVE)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
    names = dict.fromkeys([*hosts, *ITSELF])
    certificate = (
        _certificate(name, authority.subject, key.public_key(), days)
        .add_extension(x509.SubjectAlternativeName([_host(host) for host in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(signer, HASH)
    )
    _write(folder / SERVER_KEY, _pem(key), secret=True)
    _write(folder / SERVER_CERT, certificate.public_bytes(serialization.Encoding.PEM))


def make_node(public: Path, folder: Path, name: str) -> None:
    """Make a SuperNode's key: `key` in its own `folder`, `NAME.pub` in `public`; what is there already stays."""
    _check_name(name)
    if _both(folder / "key", public / f"{name}.pub"):
        return
    key = ec.generate_private_key(CURVE)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    shown = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    _write(folder / "key", private, secret=True)
    _write(public / f"{name}.pub", shown + b"\n")


def make_all(folder: Path, hosts: Sequence[str], nodes: Sequence[str], days: float = DAYS) -> None:
    """Make everything in one folder: `public/`, `ca/`, `server/` and `nodes/NAME/`, each for those who need it.

    Raises
    ------
    FedotError
        If a name cannot be used, before anything is written; or if half a pair is there.
    """
    for host in hosts:
        _host(host)
    for name in nodes:
        _check_name(name)
    public, private = folder / "public", folder / "ca"
    make_authority(public, private, days)
    make_server(public, private, folder / "server", hosts, days)
    for name in nodes:
        make_node(public, folder / "nodes" / name, name)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: float
) -> x509.CertificateBuilder:
    """Begin a certificate that is valid from five minutes ago, since clocks differ, or ended `days` ago if negative."""
    now = datetime.datetime.now(datetime.UTC)
    end = now + datetime.timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, end) - datetime.timedelta(minutes=5))
        .not_valid_after(end)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not HOST.fullmatch(host):
            raise FedotError(
                f"a host is {host!r}; it must be an address, or a name of letters, digits, dots and hyphens; no port"
            ) from None
        return x509.DNSName(host)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise FedotError(f"a node's name is {name!r}; it must be a plain name, for example client-0")


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _both(*paths: Path) -> bool:
    """Tell whether all are there; some but not all would be a pair that does not fit."""
    there = [path for path in paths if path.exists()]
    if there and len(there) < len(paths):
        missing = next(path for path in paths if path not in there)
        raise FedotError(f"{there[0]} is there, but {missing} is not; remove the one, or put the other back")
    return bool(there)


def _write(path: Path, content: bytes, *, secret: bool = False) -> None:
    """Write under a temporary name, readable by nobody else if secret, then rename."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.replace(path)
    except OSError as error:
        raise FedotError(f"{path} cannot be written ({error.strerror}); choose another folder") from None
