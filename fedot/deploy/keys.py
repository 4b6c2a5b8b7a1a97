"""Certificates of a federation's own authority, the SuperNodes' keys, and the key of the study's owner.

The authority's key signs the SuperLink's certificate and can then be put away; clients trust `ca.crt` alone. SuperNodes
prove who they are by elliptic-curve keys in OpenSSH's format, the only one that Flower takes. The owner's key signs
the code that SuperNodes run; they are given its public half in `trusted.yaml`.
"""

import datetime
import ipaddress
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fedot.deploy.bundles import write_trusted
from fedot.errors import FedotError
from fedot.storage.atomic import replacing
from fedot.text.outside import told

DAYS, MOST_DAYS = 365, 36_500
CA_CERT, CA_KEY, SERVER_CERT, SERVER_KEY, TRUSTED = "ca.crt", "ca.key", "server.pem", "server.key", "trusted.yaml"

ITSELF = ("localhost", "127.0.0.1")
"""Under these names the SuperLink's own executor calls it."""

CLOSED, SHOWN = 0o700, 0o755
"""What others may do in a folder of keys, and in one of certificates."""

LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(\.{LABEL})*")
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
    _check_days(days)
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
    _check_days(days)
    authority = _read_certificate(public / CA_CERT)
    with told(
        f"{private / CA_KEY} is no key without a passphrase; put the right file there, or begin with an empty folder"
    ):
        signer = serialization.load_pem_private_key((private / CA_KEY).read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey) or signer.public_key() != authority.public_key():
        raise FedotError(f"{private / CA_KEY} is not the key of {public / CA_CERT}; put the right file there")
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


def make_owner(public: Path, folder: Path) -> None:
    """Make a study owner's key: `key` in its own `folder`, `trusted.yaml` in `public`; what is there already stays."""
    if _both(folder / "key", public / TRUSTED):
        return
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    _write(folder / "key", private, secret=True)
    _write(public / TRUSTED, write_trusted([key.public_key()]).encode())


def make_all(folder: Path, hosts: Sequence[str], nodes: Sequence[str], days: float = DAYS) -> list[str]:
    """Make everything in one folder: `public/`, `ca/`, `server/`, `owner/` and `nodes/NAME/`, each for who needs it.

    Returns
    -------
    list of str
        What its user has to know, such as that a certificate that stays is for other hosts than these.

    Raises
    ------
    FedotError
        If a name or the time cannot be used, before anything is written; or if half a pair is there.
    """
    for host in hosts:
        _host(host)
    for name in nodes:
        _check_name(name)
    _check_days(days)
    public, private = folder / "public", folder / "ca"
    make_authority(public, private, days)
    stays = (folder / "server" / SERVER_CERT).exists()
    make_server(public, private, folder / "server", hosts, days)
    make_owner(public, folder / "owner")
    for name in nodes:
        make_node(public, folder / "nodes" / name, name)
    closed = (private, folder / "server", folder / "owner", folder / "nodes", *(folder / "nodes").glob("*"))
    for each in closed:
        _close(each)
    _close(public, SHOWN)
    return _differences(folder / "server" / SERVER_CERT, hosts) if stays else []


def _differences(path: Path, hosts: Sequence[str]) -> list[str]:
    """Tell what a certificate that was there already does not do."""
    certificate = _read_certificate(path)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = [str(name.value) for name in names]
    remedy = f"to have a new one, remove {path.parent} and run this again"
    told_of = []
    if missing := [host for host in hosts if _host(host) not in list(names)]:
        told_of.append(f"{path} stays and is for {', '.join(found)}, not for {', '.join(missing)}; {remedy}")
    if certificate.not_valid_after_utc < datetime.datetime.now(datetime.UTC):
        told_of.append(f"{path} stays and has expired on {certificate.not_valid_after_utc:%Y-%m-%d}; {remedy}")
    return told_of


def _read_certificate(path: Path) -> x509.Certificate:
    with told(f"{path} is no certificate; put the right file there, or begin with an empty folder"):
        return x509.load_pem_x509_certificate(path.read_bytes())


def _check_days(days: float) -> None:
    if not abs(days) <= MOST_DAYS:  # nor what is not a number
        raise FedotError(f"a certificate is to be valid for {days} days; at most {MOST_DAYS} are possible")


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
        address = ipaddress.ip_address(host)
        if getattr(address, "scope_id", None):
            raise FedotError(f"a host is {host!r}; an address with a zone holds on one machine alone, leave %... out")
        return x509.IPAddress(address)
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
    try:
        _make_folder(path.parent, CLOSED if secret else SHOWN)
        with replacing(path) as temporary:
            temporary.unlink(missing_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
    except OSError as error:
        raise FedotError(f"{path} cannot be written ({error.strerror}); choose another folder") from None


def _make_folder(folder: Path, mode: int) -> None:
    """Make a folder and those that it is in; whatever the shell's umask, nobody else can exchange what is in them."""
    for above in reversed([each for each in folder.parents if not each.exists()]):
        above.mkdir(mode=SHOWN, exist_ok=True)
    folder.mkdir(mode=mode, exist_ok=True)


def _close(folder: Path, mode: int = CLOSED) -> None:
    """Take from a folder whatever others may do beyond this."""
    try:
        if folder.is_dir() and (found := stat.S_IMODE(folder.stat().st_mode)) & ~mode & 0o077:
            folder.chmod(found & (mode | 0o700))
    except OSError as error:
        raise FedotError(f"{folder} cannot be closed to others ({error.strerror}); choose another folder") from None
