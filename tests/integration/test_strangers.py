"""A stranger's bytes on every port: the server closes or refuses, stays alive, keeps its memory, and serves its real peers."""

import os
import random
import socket
import ssl

import examples
import pytest
from harness import ADDRESS
from management import Http
from waiting import wait_until

from qmqpy import frame as f
from qmqpy.client import Client
from qmqpy.message import message

TCP_PORTS = ["broker.port", "sync.port", "meta.server.port"]
HTTP_PORTS = ["meta.server.discover.port", "monitor.port"]


def tls_hello():
    """The ClientHello a browser's TLS library would send."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    stream = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="qmq.example")
    with pytest.raises(ssl.SSLWantReadError):
        stream.do_handshake()
    return outgoing.read()


def noise(seed, size=4096):
    return random.Random(seed).randbytes(size)


STRANGERS = {
    "tls hello": tls_hello(),
    "http get": b"GET /meta/address HTTP/1.1\r\nHost: qmq\r\nUser-Agent: stranger\r\n\r\n",
    "http post": b"POST /management HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n" + b"a=b&" * 1000,
    "ssh banner": b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2\r\n" + b"\x00" * 40,
    "redis": b"*1\r\n$4\r\nPING\r\n" * 10,
    "kafka": bytes.fromhex("00000024001200030000000100077265616c2d6964") + b"\x00" * 40,
    "zeros": b"\x00" * 100000,
    "ones": b"\xff" * 100000,
    "noise 1": noise(1),
    "noise 2": noise(2, 100000),
    "text": b"hello, is anybody there? " * 100,
    "magic at the start": bytes.fromhex("dec10ade") + b"\x00" * 60,
}


def still_serves(standalone, subject):
    with standalone.client() as client:
        client.pull(subject, "g")
        assert client.send(message(subject, "m1")) == []
        assert client.drain(subject, "g")[-1][2].id == "m1"
    with standalone.client("meta.server.port") as client:
        assert client.register(subject, 1).timestamp != 0
    with standalone.client("sync.port") as client:
        assert client.request(99).code == f.UNKNOWN_CODE
    address = Http(standalone.port("meta.server.discover.port")).meta_address()
    assert address == f"{ADDRESS}:{standalone.port('meta.server.port')}"


@pytest.mark.parametrize("port", TCP_PORTS)
@pytest.mark.parametrize("bytes_sent", STRANGERS.values(), ids=STRANGERS.keys())
def test_input_strangers_on_tcp_ports_are_cut_off_without_answer(standalone, subject, port, bytes_sent):
    with Client(standalone.address(port)) as stranger:
        try:
            stranger.socket.sendall(bytes_sent)
        except ConnectionError:
            pass  # closed before everything was sent
        assert stranger.closed_by_peer() == (True, b"")
    still_serves(standalone, subject)


@pytest.mark.parametrize("port", HTTP_PORTS)
@pytest.mark.parametrize("name", ["tls hello", "zeros", "noise 2", "ssh banner", "kafka", "frame", "endless header"])
def test_input_strangers_on_http_ports_do_no_harm(standalone, subject, port, name):
    sent = STRANGERS.get(name)
    if name == "frame":
        sent = examples.SEND_FRAME * 10
    elif name == "endless header":
        sent = b"GET / HTTP/1.1\r\nX: " + b"y" * 3_000_000
    with socket.create_connection(standalone.address(port), timeout=1) as stranger:
        received = b""
        try:
            stranger.sendall(sent)
            stranger.shutdown(socket.SHUT_WR)
            while data := stranger.recv(65536):
                received += data
        except OSError:
            pass  # half a request may be waited for a while
        assert not received or received.startswith(b"HTTP/1.") and b" 200 " not in received[:20]
    still_serves(standalone, subject)


@pytest.mark.parametrize("port", TCP_PORTS)
def test_input_half_frames_and_vanishing_peers(standalone, subject, port):
    frame = examples.SEND_FRAME
    for size in (1, 3, 4, 6, 10, 23, 24, 25, len(frame) - 1):
        with socket.create_connection(standalone.address(port), timeout=5) as stranger:
            stranger.sendall(frame[:size])
            # A reset instead of an orderly end for every second one.
            linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            if size % 2:
                stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    still_serves(standalone, subject)


def resident_kib(standalone):
    with open(f"/proc/{standalone.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def test_input_announced_lengths_cost_no_memory_before_the_bytes_come(standalone, subject):
    before = resident_kib(standalone)
    connections = []
    for _ in range(50):
        stranger = Client(standalone.address())
        total = 200 << 20
        stranger.send_bytes(total.to_bytes(4, "big") + examples.SEND_FRAME[4:24])
        connections.append(stranger)
    still_serves(standalone, subject)
    assert resident_kib(standalone) - before < 100 * 1024
    for stranger in connections:
        stranger.close()


def test_input_a_connection_without_any_byte_does_no_harm(standalone, subject):
    connections = [Client(standalone.address(port)) for port in TCP_PORTS for _ in range(100)]
    still_serves(standalone, subject)
    for stranger in connections:
        stranger.close()
    still_serves(standalone, subject)


def descriptors(standalone):
    return len(os.listdir(f"/proc/{standalone.pid}/fd"))


def test_input_closed_connections_free_their_descriptors(standalone, subject):
    still_serves(standalone, subject)
    before = descriptors(standalone)
    for round in range(5):
        connections = [Client(standalone.address(port)) for port in TCP_PORTS for _ in range(50)]
        for stranger in connections:
            stranger.send_bytes(noise(round, 100))
            stranger.close()
    wait_until(lambda: descriptors(standalone) <= before + 5, 10, "the descriptors given back")


def test_input_noise_inside_valid_frames_is_answered_51_or_4(standalone, subject):
    """Random bodies for every code of every port: an answer each, and the server lives."""
    source = random.Random(7)
    codes = {"broker.port": (10, 11, 12, 25), "sync.port": (20, 21), "meta.server.port": (30, 35, 40)}
    for port, requests in codes.items():
        with standalone.client(port) as client:
            for number in range(300):
                code = source.choice(requests)
                body = source.randbytes(source.choice((0, 1, 5, 17, 41, 100, 1000)))
                answer = client.request(code, body, version=source.choice((7, 8, 9)))
                allowed = (f.UNKNOWN_CODE,) if port == "sync.port" else (f.SUCCESS, f.NO_MESSAGE, f.BROKER_ERROR)
                assert answer.code in allowed, (port, code, body.hex())
    still_serves(standalone, subject)
