import socket
import ssl
import threading

import pytest

from fedot.deploy.health import connected_to, main, readable, superlink_answers
from fedot.deploy.keys import make_all


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def serve_tls(server, folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server" / "server.pem", folder / "server" / "server.key")

    def answer():
        try:
            plain, _ = server.accept()
            with context.wrap_socket(plain, server_side=True) as secure:
                secure.recv(1)
        except OSError:
            pass

    threading.Thread(target=answer, daemon=True).start()


def test_a_connection_is_seen_while_it_lasts(listener):
    port = listener.getsockname()[1]
    assert not connected_to("127.0.0.1", port)
    with socket.create_connection(("127.0.0.1", port)):
        assert connected_to("127.0.0.1", port)
        assert connected_to("localhost", port)
        assert main(["supernode", f"127.0.0.1:{port}"]) == 0
    assert main(["supernode", "no.such.host.invalid:1"]) == 1


@pytest.mark.parametrize(("own", "days", "good"), [(True, 365, True), (False, 365, False), (True, -1, False)])
def test_only_a_valid_certificate_of_the_authority_will_do(tmp_path, listener, own, days, good):
    make_all(tmp_path / "a", ["localhost"], [], days)
    make_all(tmp_path / "b", ["localhost"], [])
    serve_tls(listener, tmp_path / "a")
    authority = tmp_path / ("a" if own else "b") / "public" / "ca.crt"
    assert superlink_answers("localhost", listener.getsockname()[1], str(authority)) is good


def test_a_dead_superlink_is_not_healthy(listener):
    port = listener.getsockname()[1]
    assert superlink_answers("127.0.0.1", port)
    listener.close()
    assert not superlink_answers("127.0.0.1", port)


@pytest.mark.parametrize(
    ("kernel", "text"),
    [
        ("0100007F", "127.0.0.1"),
        ("0000000000000000FFFF00000100007F", "127.0.0.1"),
        ("00000000000000000000000001000000", "::1"),
    ],
)
def test_addresses_of_the_kernel(kernel, text):
    assert readable(kernel) == text
