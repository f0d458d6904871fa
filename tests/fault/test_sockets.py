"""Faults at the sockets of a broker: cut, swallowed, silent, slow, never reading, too many. What was acknowledged stays, nobody else notices,
and after each fault everything flows again."""

import json
import os
import resource
import socket
import struct
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from harness import ADDRESS
from ledger import Ledger
from waiting import wait_until

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.frame import Frame
from qmqpy.message import message

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def private_mib(pid):
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


def reset_on_close(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def health(server):
    with urllib.request.urlopen(f"http://{ADDRESS}:{server.port('monitor.port')}/health", timeout=10) as answer:
        told = json.load(answer)
    return told["broker"]


def flows(server, subject, id):
    """A message goes through a fresh connection: everything works."""
    with server.client() as client:
        assert client.send(message(subject, id)) == []
        found = client.drain(subject, "flows")
        assert found and found[-1][2].id == id


@pytest.fixture
def server(standalone):
    with standalone.client() as client:
        client.pull("flow", "flows")
    return standalone


class Cutter:
    """A proxy in front of the broker that passes so many bytes of the answers and then cuts both sides."""

    def __init__(self, server):
        self.to = server.address()
        self.listener = socket.create_server((ADDRESS, 0))
        self.address = self.listener.getsockname()
        self.allowed = 0

    def close(self):
        self.listener.close()

    def talk(self, request, allowed, wait=True):
        """Sends the request; the bytes of the answer that got through."""
        with socket.create_connection(self.to, timeout=10) as broker:
            broker.sendall(request)
            got = b""
            while wait and len(got) < allowed:
                part = broker.recv(allowed - len(got))
                if not part:
                    break
                got += part
            reset_on_close(broker)
        return got


def test_fault_requests_cut_at_every_byte(server, subject):
    with server.client() as client:
        client.pull(subject, "g")
        assert client.send(message(subject, "first")) == []
        pulled = client.pull(subject, "g")
    send = Frame(f.SEND, 9, 1, 0, None, c.encode_send([message(subject, "cut", tags=["t"])])).encode()
    pull = Frame(f.PULL, 9, 2, 0, None, c.PullRequest(subject, "g", "c1", 50, last=pulled.last).encode(9)).encode()
    ack = Frame(f.ACK, 9, 3, 0, None, c.AckRequest(subject, "g", "c1", 0, 0, 0).encode(9)).encode()
    for request in (send, pull, ack):
        for size in range(len(request)):
            with socket.create_connection(server.address(), timeout=10) as broken:
                broken.sendall(request[:size])
                if size % 2:
                    reset_on_close(broken)
    flows(server, "flow", "after.cut.requests")
    with server.client() as client:
        # Nothing of a request that did not arrive whole was done.
        assert client.pull(subject, "g", last=-1).ids == ["first"]
        assert client.pull(subject, "other") is None


def test_fault_answers_cut_at_every_byte(server, subject):
    ledger, cutter = Ledger(), Cutter(server)
    with server.client() as client:
        client.pull(subject, "g")
    answer_size = 24
    for allowed in range(answer_size + 1):
        one = message(subject, f"m{allowed}")
        got = cutter.talk(Frame(f.SEND, 9, allowed, 0, None, c.encode_send([one])).encode(), allowed)
        if len(got) == answer_size:
            ledger.sent([one], [])
        else:
            ledger.not_answered([one])
    with server.client() as client:
        pulled = client.pull(subject, "g", number=100)
        assert set(ledger.acknowledged) <= set(pulled.ids)
        # What was pulled and not received comes again, the same.
        request = Frame(f.PULL, 9, 7, 0, None, c.PullRequest(subject, "g", "c1", 100, last=-1).encode(9)).encode()
        for allowed in range(0, 200, 7):
            cutter.talk(request, allowed)
        again = client.pull(subject, "g", number=100, last=-1)
        assert (again.first, again.ids) == (pulled.first, pulled.ids)
        # An acknowledgement whose answer was lost is sent again.
        ack = Frame(f.ACK, 9, 8, 0, None, c.AckRequest(subject, "g", "c1", pulled.first, pulled.last, 0).encode(9)).encode()
        for allowed in range(24):
            cutter.talk(ack, allowed)
        assert client.ack(subject, "g", "c1", pulled.first, pulled.last) == f.SUCCESS
        assert client.pull(subject, "g", last=pulled.last) is None
    cutter.close()
    flows(server, "flow", "after.cut.answers")


def test_fault_a_held_pull_whose_consumer_vanished_takes_no_message(server, subject):
    with server.client() as client:
        client.pull(subject, "g")
    for number in range(20):
        gone = server.client()
        gone.post_pull(subject, "g", "gone", timeout=60000)
        if number % 2:
            reset_on_close(gone.socket)
        gone.close()
    wait_until(lambda: health(server)["connections"] == 0, 20, "the broker sees that they are gone")
    with server.client() as client:
        opaque = client.post_pull(subject, "g", "here", timeout=10000)
        assert client.send(message(subject, "m")) == []
        assert client.pulled(opaque, timeout=15).ids == ["m"]


def test_fault_silent_and_slow_peers(server, subject):
    silent = [socket.create_connection(server.address(), timeout=10) for _ in range(200)]
    slow = server.client()
    request = Frame(f.SEND, 9, 5, 0, None, c.encode_send([message(subject, "slow")])).encode()
    done = threading.Event()

    def dribble():
        slow.send_bytes_one_by_one(request)
        done.set()

    thread = threading.Thread(target=dribble)
    thread.start()
    for number in range(20):
        flows(server, "flow", f"beside.slow.{number}")
    thread.join(30)
    assert done.is_set() and slow.wait(5).code == f.SUCCESS
    slow.close()
    for one in silent:
        one.close()
    flows(server, "flow", "after.slow")


def test_fault_peers_that_never_read_cost_bounded_memory(server, subject):
    big = "x" * 30000
    with server.client() as client:
        for number in range(8):
            client.pull(subject, f"g{number}")
        for number in range(20):
            assert client.send(*(message(subject, f"m{number}.{k}", {"data": big}) for k in range(20))) == []
    before = private_mib(server.pid)
    deaf = []
    for number in range(8):
        one = server.client()
        one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # Again and again the same un-acknowledged messages: far more bytes than anybody buffers.
        for _ in range(30):
            one.post_pull(subject, f"g{number}", number=400, last=-1)
        deaf.append(one)
    for number in range(20):
        flows(server, "flow", f"beside.deaf.{number}")
    assert private_mib(server.pid) - before < 200
    for one in deaf:
        reset_on_close(one.socket)
        one.close()
    flows(server, "flow", "after.deaf")


@pytest.fixture
def few_descriptors(start):
    return start("standalone", wrapper=["prlimit", "--nofile=200:200"])


def test_fault_descriptor_limit(few_descriptors):
    server = few_descriptors
    with server.client() as client:
        client.pull("s", "g")
        client.pull("flow", "flows")
        crowd = []
        for _ in range(300):
            try:
                crowd.append(socket.create_connection(server.address(), timeout=1))
            except OSError:
                break
        begin = cpu_seconds(server.pid)
        until = time.monotonic() + 2
        number = 0
        while time.monotonic() < until:
            # Those who are connected go on, and storing never fails for it.
            assert client.send(message("s", f"m{number}")) == []
            number += 1
            time.sleep(0.05)
        assert cpu_seconds(server.pid) - begin < 1.0
        assert len(client.drain("s", "g")) == number
        for one in crowd:
            one.close()
    wait_until(lambda: reachable(server), 20, "new connections are served again")
    flows(server, "flow", "after.the.crowd")


def reachable(server):
    try:
        with server.client(timeout=2) as client:
            return client.ack("s", "g", "c1", -1, -1) == 0
    except Exception:
        return False


def test_fault_the_soft_limit_is_raised(start):
    hard = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 4096)
    server = start("standalone", wrapper=["prlimit", f"--nofile=256:{hard}"])
    lines = Path(f"/proc/{server.pid}/limits").read_text("ascii").splitlines()
    soft = next(line.split()[3] for line in lines if line.startswith("Max open files"))
    assert int(soft) == hard


def test_fault_thousands_of_connections_come_and_go(server):
    for _ in range(10):
        crowd = [socket.create_connection(server.address(), timeout=10) for _ in range(300)]
        for number, one in enumerate(crowd):
            if number % 3:
                reset_on_close(one)
            one.close()
    flows(server, "flow", "after.thousands")
    wait_until(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) < 100, 20, "their descriptors are free")
