"""What stands before a SuperLink: SuperNodes get through, and nobody who would start, list or register something.

Flower serves SuperNodes (the Fleet interface), whoever commands runs (Control) and its own executors (Runtime) at one
port, and asks for accounts at none of them. Here a request goes on only if its method and path are, byte for byte, one
of the Fleet interface's; it is made anew from what was let through, so that the two ends cannot read it differently.
"""

import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from fedot.deploy.keys import SERVER_CERT, SERVER_KEY
from fedot.deploy.submit import host_and_port
from fedot.errors import FedotError
from fedot.text.outside import printable

CALLS = (
    *("register-node", "activate-node", "deactivate-node", "unregister-node", "send-node-heartbeat"),
    *("pull-messages", "push-messages", "get-run", "get-fab"),
    *("push-object", "pull-object", "confirm-message-received"),
)
FLEET: Mapping[bytes, str] = {f"/v1/fleet/{call}".encode(): f"/v1/fleet/{call}" for call in CALLS}

ASKED = (
    *(b"content-type", b"accept", b"flwr-public-key", b"flwr-signature", b"flwr-timestamp"),
    *(b"flwr-package-name", b"flwr-package-version", b"flwr-component-name"),
)
ANSWERED = (b"content-type", b"flwr-version-incompatibility-message")
"""Headers that go on, there and back."""

MOST_BYTES = 2**26  # of a request; Flower cuts models into pieces of 5 MB
SECONDS = 330.0  # a SuperLink waits up to 300 for its database
IDLE = 2.0  # seconds for which a connection to it is kept; it closes them after 5

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger("fedot.front")


@dataclass(frozen=True, slots=True)
class Front:
    """An ASGI application that asks a SuperLink what SuperNodes ask, and tells them what it answers."""

    client: httpx.AsyncClient

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a request."""
        path = FLEET.get(scope["raw_path"]) if scope["method"] == "POST" and not scope["query_string"] else None
        if path is None:
            who = scope["client"][0] if scope["client"] else "somebody"
            log.warning("refused: %s %s from %s", printable(scope["method"], 20), printable(scope["path"], 100), who)
            return await answer(send, 403, b'{"detail": "only SuperNodes are served here"}')
        body = await _body(receive)
        if body is None:
            return await answer(send, 413, b'{"detail": "the request is too large"}')
        headers = [(name, value) for name, value in scope["headers"] if name in ASKED]
        try:
            found = await self.client.post(path, content=body, headers=headers)
        except httpx.TransportError as error:
            log.warning("the SuperLink does not answer: %s", printable(error or type(error).__name__))
            return await answer(send, 502, b'{"detail": "the SuperLink does not answer"}')
        kept = [(name.lower(), value) for name, value in found.headers.raw if name.lower() in ANSWERED]
        await answer(send, found.status_code, found.content, kept)


async def answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    """Send a whole response."""
    told = [(b"content-type", b"application/json")] if headers is None else headers
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*told, length]})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes | None:
    """Read a request's body, if it comes to its end and is not too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or len(body) > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def serve(listen: str, superlink: str, server: Path | None = None, root_certificates: Path | None = None) -> None:
    """Serve until the process is told to end.

    Parameters
    ----------
    listen, superlink
        Addresses, HOST:PORT.
    server
        Folder of `server.pem` and `server.key`; without one, no TLS here.
    root_certificates
        The certificate of the authority that vouches for the SuperLink; without one, no TLS there.

    Raises
    ------
    FedotError
        If an address is none, or a certificate cannot be read.
    """
    host, port = host_and_port(listen)
    host_and_port(superlink)
    secure: dict[str, Any] = {}
    verify: ssl.SSLContext | bool = False
    try:
        if server is not None:
            files = server / SERVER_CERT, server / SERVER_KEY
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
            secure = {"ssl_certfile": str(files[0]), "ssl_keyfile": str(files[1])}
        if root_certificates is not None:
            verify = ssl.create_default_context(cafile=root_certificates)
    except OSError as error:  # which those of ssl are
        raise FedotError(f"a certificate cannot be read ({error.strerror or error}); see --server") from None
    client = httpx.AsyncClient(
        base_url=f"{'https' if root_certificates else 'http'}://{superlink}",
        verify=verify,
        timeout=SECONDS,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=IDLE),
        trust_env=False,
        headers={"user-agent": "fedot", "accept-encoding": "identity"},
    )
    uvicorn.run(
        Front(client),
        host=host,
        port=port,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
        **secure,
    )
