"""The front before a SuperLink that writes down what it is asked."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from flwr.common.constant import TIMESTAMP_HEADER
from flwr.supercore import constant
from flwr.supercore.protobuf.translation import PROTOBUF_REQUEST_TYPES
from flwr.supercore.runtime_version_compatibility import RuntimeVersionMetadata

from fedot.deploy import front
from fedot.errors import FedotError


class Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        told = b"answer to " + self.path.encode()
        self.send_response(401 if body == b"bad" else 200)
        for name, value in (("content-type", "a/b"), ("content-length", len(told)), ("set-cookie", "x=y")):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_):
        pass


@pytest.fixture
def superlink():
    with ThreadingHTTPServer(("127.0.0.1", 0), Asked) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()  # how soon it sees its end
        yield server
        server.shutdown()


def ask(superlink, method, path, body=b"", headers=(), query=b"", parts=None):
    """Call the front as a web server does; return status, headers and body."""
    sent = []
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query,
        "headers": list(headers), "client": ("192.0.2.1", 5),
    }  # fmt: skip

    async def send(message):
        sent.append(message)

    async def call():
        waiting = list(parts or [{"type": "http.request", "body": body, "more_body": False}])

        async def receive():
            return waiting.pop(0)

        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{superlink.server_port}", trust_env=False) as client:
            await front.Front(client)(scope, receive, send)

    asyncio.run(call())
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def test_the_list_is_that_of_flowers_fleet_interface():
    fleet = {path for method, path in PROTOBUF_REQUEST_TYPES if path.startswith("/v1/fleet/")}
    assert set(front.FLEET.values()) == fleet
    needed = {constant.FLEET_HTTP_PUBLIC_KEY_HEADER, constant.FLEET_HTTP_SIGNATURE_HEADER, TIMESTAMP_HEADER}
    needed |= {name for name, _ in RuntimeVersionMetadata.from_local_component("SuperNode").as_metadata()}
    assert {name.decode() for name in front.ASKED} == needed | {"content-type", "accept"}
    assert constant.VERSION_INCOMPATIBILITY_MESSAGE_METADATA_KEY.encode() in front.ANSWERED


def test_what_a_supernode_asks_goes_on_and_comes_back(superlink):
    headers = [
        (b"flwr-signature", b"s"),
        (b"content-type", b"p"),
        (b"host", b"front"),
        (b"x-forwarded-for", b"127.0.0.1"),
    ]
    status, told, body = ask(superlink, "POST", "/v1/fleet/get-run", b"\0run", headers)
    assert (status, body, told[b"content-type"]) == (200, b"answer to /v1/fleet/get-run", b"a/b")
    assert b"set-cookie" not in told
    ((path, got, sent),) = superlink.asked
    assert (path, sent, got["flwr-signature"], got["content-type"]) == ("/v1/fleet/get-run", b"\0run", "s", "p")
    assert "x-forwarded-for" not in got
    assert ask(superlink, "POST", "/v1/fleet/get-run", b"bad")[0] == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(each for each in PROTOBUF_REQUEST_TYPES if not each[1].startswith("/v1/fleet/")),
        ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/health"), ("POST", "/"), ("POST", ""),
        ("GET", "/v1/fleet/get-run"), ("post", "/v1/fleet/get-run"), ("PUT", "/v1/fleet/get-run"),
        ("POST", "/v1/fleet/../control/start-run"), ("POST", "/v1/fleet/%2e%2e/control/start-run"),
        ("POST", "//v1/control/start-run"), ("POST", "/v1/fleet/get-run/"),
        ("POST", "/v1/fleet/get-run/../../control/list-runs"),
        ("POST", "/V1/fleet/get-run"), ("POST", "/v1/fleet/get-run;x"), ("POST", "/v1/fleet/get-run\\..\\x"),
        ("POST", "http://superlink/v1/control/start-run"),
    ],
)  # fmt: skip
def test_nothing_else_does(superlink, method, path, caplog):
    status, _, body = ask(superlink, method, path)
    assert (status, superlink.asked) == (403, [])
    assert b"only SuperNodes" in body
    (told,) = [record.getMessage() for record in caplog.records if record.name == "fedot.front"]
    assert told.startswith("refused: ")


def test_no_query_goes_on(superlink):
    assert ask(superlink, "POST", "/v1/fleet/get-run", query=b"a=b")[0] == 403


def test_what_is_logged_of_a_request_is_one_printable_line(superlink, caplog):
    ask(superlink, "POST", "/x\x1b[2J\nrefused: nothing")
    (told,) = [record.getMessage() for record in caplog.records if record.name == "fedot.front"]
    assert told.isprintable()


def test_a_request_without_end_is_cut_off(superlink, monkeypatch):
    monkeypatch.setattr(front, "MOST_BYTES", 10)
    part = {"type": "http.request", "body": b"123456", "more_body": True}
    assert ask(superlink, "POST", "/v1/fleet/push-object", parts=[part, part])[0] == 413
    assert ask(superlink, "POST", "/v1/fleet/push-object", parts=[part, {"type": "http.disconnect"}])[0] == 413
    assert superlink.asked == []


def test_a_superlink_that_is_away_is_an_answer_on_which_supernodes_ask_again(superlink):
    superlink.shutdown()
    superlink.server_close()
    assert ask(superlink, "POST", "/v1/fleet/pull-messages")[0] == 502


@pytest.mark.parametrize("address", ["", "here", "here:", ":5", "here:0", "here:65536", "here:\u00b2", "here:-1"])
def test_an_address_is_checked(address):
    with pytest.raises(FedotError, match="HOST:PORT"):
        front.serve(address, "127.0.0.1:1")
    with pytest.raises(FedotError, match="HOST:PORT"):
        front.serve("127.0.0.1:1", address)


def test_certificates_that_are_none_are_one_line(tmp_path):
    for name in ("server.pem", "server.key", "ca.crt"):
        (tmp_path / name).write_text("garbage")
    for given in ((tmp_path, None), (None, tmp_path / "ca.crt"), (tmp_path / "none", None)):
        with pytest.raises(FedotError, match="certificate"):
            front.serve("127.0.0.1:1", "127.0.0.1:2", *given)
