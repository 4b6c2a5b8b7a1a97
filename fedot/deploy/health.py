"""Health checks, run as a plain file by containers: no import that takes a second.

    python fedot/deploy/health.py superlink HOST:PORT [CA]    it answers, by TLS with a certificate of that authority
    python fedot/deploy/health.py supernode HOST:PORT         this machine holds a connection to it right now

A SuperNode's own health service says SERVING while it cannot reach the SuperLink; a machine's connections do not lie.
"""

import socket
import ssl
import sys
from pathlib import Path

TABLES, ESTABLISHED = ("/proc/net/tcp", "/proc/net/tcp6"), "01"
SECONDS = 5.0


def superlink_answers(host: str, port: int, authority: str = "") -> bool:
    """Whether a connection can be made and, with an authority, its certificate is good for that host."""
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as plain:
            if authority:
                with ssl.create_default_context(cafile=authority).wrap_socket(plain, server_hostname=host):
                    pass
    except OSError as error:
        print(f"{host}:{port} does not answer: {error}")  # noqa: T201
        return False
    return True


def connected_to(host: str, port: int) -> bool:
    """Whether this machine (this container) has an established connection to a host's port."""
    try:
        known = {item[4][0] for item in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        print(f"{host} is not known: {error}")  # noqa: T201
        return False
    for path in map(Path, TABLES):
        for line in path.read_text(encoding="ascii").splitlines()[1:] if path.exists() else ():
            _, _, remote, state, *_ = line.split()
            address, number = remote.split(":")
            if state == ESTABLISHED and int(number, 16) == port and readable(address) in known:
                return True
    print(f"no connection to {host}:{port}")  # noqa: T201
    return False


def readable(address: str) -> str:
    """Turn the kernel's hexadecimal address, words of four bytes in host order, into the usual text."""
    words = [bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)]
    raw = b"".join(words)
    if len(raw) == 4:
        return socket.inet_ntop(socket.AF_INET, raw)
    if raw.startswith(bytes(10) + b"\xff\xff"):
        return socket.inet_ntop(socket.AF_INET, raw[12:])
    return socket.inet_ntop(socket.AF_INET6, raw)


def main(arguments: list[str]) -> int:
    """Command line; 0 is healthy."""
    what, place, *rest = arguments
    host, _, port = place.rpartition(":")
    good = superlink_answers(host, int(port), *rest) if what == "superlink" else connected_to(host, int(port))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
