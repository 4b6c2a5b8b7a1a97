"""Signed bundles: the code that a SuperNode may run is what the owner of a study has signed, and nothing else.

The signature is of Flower's own kind, Ed25519 over the time of signing and the SHA-256 of the bundle, so that Flower's
own check (``flower-supernode --trusted-entities``) reads it. It travels beside the bundle, in the run's setting
`signature`, since a SuperLink passes on signatures of Flower's hub only; `fedot.deploy.supernode` hands it over.
"""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path

import yaml
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from fedot.errors import FedotError
from fedot.terminal.called import other
from fedot.text.outside import parse_json, printable, told

SETTING = "signature"
"""The key of ``[tool.flwr.app.config]`` that holds a bundle's signature."""

VALID, KEY_ID, SIGNED_AT, SIGNATURE = "valid_license", "public_key_id", "signed_at", "signature"
MOST_BYTES, LATEST = 4096, 2**63


def key_id(key: ed25519.Ed25519PublicKey) -> str:
    """Name a key by its fingerprint, as ``ssh-keygen -l`` shows it."""
    blob = base64.b64decode(written(key).split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def written(key: ed25519.Ed25519PublicKey) -> str:
    """Write a public key in OpenSSH's format, on one line."""
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def write_trusted(keys: list[ed25519.Ed25519PublicKey]) -> str:
    """Write the file of trusted keys that SuperNodes are started with."""
    head = "# Whose bundles a SuperNode runs: fingerprints, and the keys that have them. More owners, more lines.\n"
    return head + "".join(f'"{key_id(key)}": "{written(key)}"\n' for key in keys)


def read_trusted(path: Path) -> dict[str, str]:
    """Read a file of trusted keys.

    Raises
    ------
    FedotError
        If it cannot be read, names nobody, or a key is not Ed25519 or has another fingerprint than it says.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise FedotError(f"{path} cannot be read ({error.strerror}); give the study owner's trusted.yaml") from None
    with told(f"{path} is no file of trusted keys; give the study owner's trusted.yaml"):
        found = yaml.safe_load(text)
    if not isinstance(found, dict) or not found:
        raise FedotError(f"{path} names no trusted key; give the study owner's trusted.yaml")
    for name, line in found.items():
        if name != key_id(_public(line, path)):
            raise FedotError(f"{path}: {printable(name, 80)!r} is not the fingerprint of the key that stands there")
    return found


def read_signing_key(path: Path) -> ed25519.Ed25519PrivateKey:
    """Read a study owner's key.

    Raises
    ------
    FedotError
        If there is none, or it is of another kind.
    """
    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), None)
    except OSError as error:
        raise FedotError(
            f"{path} cannot be read ({error.strerror}); give the key in owner/ that `{other('deploy keys')}` made"
        ) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FedotError(f"{path} is no signing key without a passphrase; give the key in owner/") from None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise FedotError(f"{path} is a key of another kind than Ed25519; give the key in owner/")
    return key


def sign(bundle: bytes, key: ed25519.Ed25519PrivateKey) -> str:
    """Sign a bundle; return what goes into the run's setting `signature`.

    Examples
    --------
    >>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    >>> owner = Ed25519PrivateKey.generate()
    >>> trusted = {key_id(owner.public_key()): written(owner.public_key())}
    >>> list(verified(b"code", sign(b"code", owner), trusted)) == list(trusted)
    True
    >>> verified(b"other code", sign(b"code", owner), trusted)
    Traceback (most recent call last):
    fedot.errors.FedotError: the signature is of another bundle
    """
    now = int(time.time())
    signature = base64.urlsafe_b64encode(key.sign(_message(bundle, now))).decode()
    return json.dumps({KEY_ID: key_id(key.public_key()), SIGNED_AT: now, SIGNATURE: signature})


def verified(bundle: bytes, signature: object, trusted: Mapping[str, str]) -> dict[str, str]:
    """Check a bundle's signature; return it in the form that Flower's own check reads.

    Parameters
    ----------
    signature
        The run's setting, as it came: anything.
    trusted
        Public keys by fingerprint.

    Raises
    ------
    FedotError
        If there is no signature, it is none, of a key that is not trusted, or of another bundle.
    """
    if not isinstance(signature, str) or not signature:
        raise FedotError("it is not signed")
    record = parse_json(signature, "its signature", MOST_BYTES)
    if not isinstance(record, dict) or record.keys() != {KEY_ID, SIGNED_AT, SIGNATURE}:
        raise FedotError("its signature has another form")
    name, signed_at, text = record[KEY_ID], record[SIGNED_AT], record[SIGNATURE]
    if type(signed_at) is not int or not 0 <= signed_at < LATEST or not isinstance(text, str):
        raise FedotError("its signature has another form")
    if not isinstance(name, str) or name not in trusted:
        raise FedotError(f"it is signed by {printable(name, 60)}, which is not trusted here")
    with told("its signature has another form"):
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    try:
        _public(trusted[name], Path("trusted keys")).verify(raw, _message(bundle, signed_at))
    except InvalidSignature:
        raise FedotError("the signature is of another bundle") from None
    return {name: json.dumps({KEY_ID: name, SIGNED_AT: signed_at, SIGNATURE: text})}


def _message(bundle: bytes, signed_at: int) -> bytes:
    return signed_at.to_bytes(8, "big") + hashlib.sha256(bundle).digest()


def _public(line: object, path: Path) -> ed25519.Ed25519PublicKey:
    try:
        key = serialization.load_ssh_public_key(str(line).encode())
    except (ValueError, UnsupportedAlgorithm):
        raise FedotError(f"{path}: {printable(line, 60)!r} is no public key in OpenSSH's format") from None
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise FedotError(f"{path}: {printable(line, 60)!r} is a key of another kind than Ed25519")
    return key
