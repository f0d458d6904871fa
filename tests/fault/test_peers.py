"""Peers that misbehave, with a ledger: crowds that are killed while the disk is full, answers that are swallowed, peers that vanish without
a word, consumers that come twice and acknowledge what they like. What was acknowledged is delivered, and everything flows again."""

import contextlib
import os
import random
import resource
import select
import socket
import threading
import time

import pytest
from ledger import Ledger
from mounts import mounted
from test_sockets import cpu_seconds, flows, health, reset_on_close
from waiting import wait_until

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.connection import Disconnected, NoAnswer
from qmqpy.frame import Frame
from qmqpy.message import message, retry_subject

TCP_REPAIR = 19  # a socket closed in this mode is gone without a packet
CROWD = 5000
FLOWS_AGAIN = 10.0


@pytest.fixture
def server(standalone):
    with standalone.client() as client:
        client.pull("flow", "flows")
    return standalone


@contextlib.contextmanager
def many_descriptors(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this user may open {hard} files only, {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def close_all(crowd):
    """Every second one with a reset."""
    for number, one in enumerate(crowd):
        if number % 2 and one.fileno() >= 0:
            reset_on_close(one)
        one.close()


def refused_as_full(client, id):
    return [one.result for one in client.send(message("full", id, {"data": "x" * 30000}))] == [c.RESULT_READ_ONLY]


def test_fault_thousands_of_connections_while_the_disk_is_full(request, make, tmp_path):
    with mounted("tmpfs", tmp_path / "disk", "size=64m") as disk, many_descriptors(CROWD + 1000):
        server = make("standalone", {"store.root": disk / "store", "store.min.free.bytes": 4 << 20}).start()
        with server.client(timeout=30) as client:
            client.pull("full", "g")
            client.pull("flow", "flows")
            kept = [f"m{number}" for number in range(20)]
            assert client.send(*(message("full", id) for id in kept)) == []
            eaten = disk / "eaten"
            with open(eaten, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - (2 << 20))
            wait_until(lambda: refused_as_full(client, "filler"), 20, "the disk is full")
            half_a_send = Frame(f.SEND, 9, 1, 0, None, c.encode_send([message("full", "half")])).encode()[:-5]
            crowd = [socket.create_connection(server.address(), timeout=20) for _ in range(CROWD)]
            request.addfinalizer(lambda: close_all(crowd))
            for number, one in enumerate(crowd):
                if number % 3 == 0:
                    one.sendall(half_a_send)
            # Who is connected is served: refused as the disk is full, pulls and acknowledgements go on.
            assert refused_as_full(client, "beside")
            pulled = client.pull("full", "g", number=len(kept))
            assert pulled.ids == kept
            assert client.ack("full", "g", "c1", pulled.first, pulled.last) == f.SUCCESS
            close_all(crowd)
            wait_until(lambda: health(server)["connections"] == 1, 30, "the broker sees that they are gone")
            eaten.unlink()
            wait_until(lambda: client.send(message("full", "again")) == [], 30, "space is found again")
        flows(server, "flow", "after.the.crowd")
        assert len(os.listdir(f"/proc/{server.pid}/fd")) < 200
        # kill -9: nothing that was acknowledged is missing, nothing that was refused is there.
        server.restart("kill")
        with server.client() as client:
            assert [one.id for _, _, one in client.drain("full", "g")][-1:] == ["again"]
        server.stop()


class Swallower:
    """A proxy that passes every request, and no answer while `mute` is set."""

    def __init__(self, server):
        self.to = server.address()
        self.mute = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.to, timeout=10)
            threading.Thread(target=self._pump, args=(near, far), daemon=True).start()

    def _pump(self, near, far):
        other = {near: far, far: near}
        try:
            while True:
                for one in select.select([near, far], [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    if one is near or not self.mute:
                        other[one].sendall(data)
        except OSError:
            pass
        finally:
            near.close()
            far.close()

    def close(self):
        self.listener.close()


def through(swallower):
    from qmqpy.client import Client

    return Client(swallower.address, timeout=10)


def test_fault_swallowed_answers(server, subject):
    """Nobody knows what became of a request: it is repeated, and doubles are all that comes of it."""
    ledger, swallower = Ledger(), Swallower(server)
    with server.client() as client:
        client.pull(subject, "g")
    for round in range(5):
        swallower.mute = True
        lost = through(swallower)
        batch = [message(subject, f"{round}.{number}") for number in range(10)]
        opaque = lost.post(f.SEND, c.encode_send(batch))
        with pytest.raises(NoAnswer):
            lost.wait(opaque, 0.2)
        lost.close()
        swallower.mute = False
        with through(swallower) as client:  # the same batch again, as a producer does
            ledger.sent(batch, client.send(*batch))
    found, last, acked = [], -1, -1
    while True:
        swallower.mute = True
        lost = through(swallower)
        opaque = lost.post_pull(subject, "g", number=7, last=last)
        with pytest.raises(NoAnswer):
            lost.wait(opaque, 0.1)
        lost.close()
        swallower.mute = False
        with through(swallower) as client:
            pulled = client.pull(subject, "g", number=7, last=last)
            if pulled is None:
                break
            # The same again, and whole: an answer that nobody got is no loss and no gap.
            assert pulled.first == last + 1 == acked + 1
            ledger.delivered((subject, "g", "c1"), pulled)
            found += pulled.ids
            last = pulled.last
            swallower.mute = True
            request = c.AckRequest(subject, "g", "c1", pulled.first, pulled.last, 0).encode(9)
            opaque = client.post(f.ACK, request)
            with pytest.raises(NoAnswer):
                client.wait(opaque, 0.1)
        swallower.mute = False
        with through(swallower) as client:
            assert client.ack(subject, "g", "c1", pulled.first, pulled.last) == f.SUCCESS
            acked = pulled.last
    swallower.close()
    assert not ledger.breaches
    assert set(found) >= set(ledger.acknowledged) and len(found) <= 2 * len(ledger.acknowledged)
    flows(server, "flow", "after.swallowed")


def vanish(client):
    """The peer's machine is gone: no FIN, no RST."""
    try:
        client.socket.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    except OSError as error:
        pytest.skip(f"this user cannot make a connection vanish: {error}")
    client.close()


def keep_alive_timers(port):
    """Seconds until the next probe of each connection of this port of ours, from the table of the kernel; None: no such timer."""
    hertz = os.sysconf("SC_CLK_TCK")
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.read().splitlines()[1:]]
    mine = [row for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"]
    timers = [row[5].split(":") for row in mine]
    return [int(when, 16) / hertz if active == "02" else None for active, when in timers]


def test_fault_vanished_peers_are_noticed_within_minutes(server):
    with server.client() as client:
        assert client.ack("s", "g", "c1", -1, -1) == f.SUCCESS
        port = server.port("broker.port")
        # Beside the keep-alive timer there is one for the acknowledgement of data, for a moment.
        wait_until(lambda: keep_alive_timers(port) and None not in keep_alive_timers(port), 10, "probes are due")
        assert max(keep_alive_timers(port)) <= 61


def test_fault_peers_that_vanish(server, subject):
    """What was handed to a consumer that is gone waits for it under its id; who vanished while held does not hold up the group."""
    with server.client() as client:
        client.pull(subject, "g")
        assert client.send(*(message(subject, f"m{number}") for number in range(6))) == []
    gone = server.client()
    assert gone.pull(subject, "g", "gone", number=2).ids == ["m0", "m1"]
    vanish(gone)
    for _ in range(50):  # producers in the middle of a request, consumers with a held pull
        half = server.client()
        half.send_bytes(Frame(f.SEND, 9, 1, 0, None, c.encode_send([message(subject, "half")])).encode()[:-1])
        vanish(half)
        held = server.client()
        held.post_pull("never", "g", "held", timeout=600000)
        vanish(held)
    with server.client() as client:
        assert client.pull(subject, "g", "here", number=2).ids == ["m2", "m3"]
        again = client.pull(subject, "g", "gone", number=2)
        assert (again.first, again.ids) == (0, ["m0", "m1"])
        assert client.pull(subject, "g", "gone", last=1).ids == ["m4", "m5"]
        # Messages for the held ones: the broker writes to nobody, and they come again to whoever returns under the id.
        assert client.send(message("never", "n0")) == []
        opaque = client.post_pull("never", "g", "held", last=-1, timeout=3000)
        assert client.pulled(opaque, timeout=10).ids == ["n0"]
    flows(server, "flow", "after.vanished")


class Rude(threading.Thread):
    """A consumer under an id that another one uses too; acknowledges twice, out of order, beyond the end, and drops its connection."""

    def __init__(self, server, ledger, subject, consumer, seed, stop):
        super().__init__(daemon=True)
        self.server, self.ledger, self.stop = server, ledger, stop
        self.key = (subject, "g", consumer)
        self.random = random.Random(seed)
        self.seen = set()
        self.error = None

    def run(self):
        try:
            client = self.server.client()
            while not self.stop.is_set():
                pulled = client.pull(*self.key, number=self.random.randint(1, 20), timeout=50)
                if pulled is not None:
                    self.seen.update(pulled.ids)
                    self.misbehave(client, pulled)
                if self.random.random() < 0.1:
                    reset_on_close(client.socket)
                    client.close()
                    client = self.server.client()
            client.close()
        except Exception as error:  # told by the test
            self.error = error

    def misbehave(self, client, pulled):
        ranges = [(pulled.first, pulled.last)]
        ranges += self.random.choice(
            [
                [],
                [(pulled.first, pulled.last)],  # twice
                [(pulled.last, pulled.last), (pulled.first, pulled.first)],  # out of order
                [(pulled.first, pulled.first - 1)],  # empty
            ]
        )
        self.random.shuffle(ranges)
        for first, last in ranges:
            assert client.ack(*self.key, first, last) == f.SUCCESS


def test_fault_consumers_that_do_what_they_like(start):
    """A message is acknowledged by whoever got it, or it comes to the retry subject: none is lost, whatever the order."""
    server = start("standalone", {"message.retry.delay.seconds": "0"})
    ledger, stop, subject = Ledger(), threading.Event(), "rude"
    with server.client() as client:
        client.pull("flow", "flows")
        client.pull(subject, "g")
        client.pull(retry_subject(subject, "g"), "g", "collector")
        consumers = [Rude(server, ledger, subject, f"c{number % 3}", number, stop) for number in range(6)]
        for one in consumers:
            one.start()
        for number in range(200):
            batch = [message(subject, f"{number}.{part}") for part in range(10)]
            ledger.sent(batch, client.send(*batch))
        collected = set()

        def everything_came():
            pulled = client.pull(retry_subject(subject, "g"), "g", "collector", last=everything_came.last)
            if pulled is not None:
                collected.update(pulled.ids)
                everything_came.last = pulled.last
                assert client.ack(retry_subject(subject, "g"), "g", "collector", pulled.first, pulled.last) == f.SUCCESS
            seen = set().union(collected, *(set(one.seen) for one in consumers))
            return seen >= set(ledger.acknowledged)

        everything_came.last = -1
        wait_until(everything_came, 60, "every message came to somebody")
        stop.set()
        for one in consumers:
            one.join(20)
            assert one.error is None, one.error
        # Beyond the end: taken, and what comes later has numbers behind it.
        assert client.ack(subject, "g", "c9", 0, 41) == f.SUCCESS
        assert client.send(message(subject, "last")) == []
        pulled = client.pull(subject, "g", "c9", number=1)
        assert pulled.first == 42
    flows(server, "flow", "after.rude")


def test_fault_silence_costs_nothing(server):
    """Peers that connect and say nothing, or stop in the middle of a header: no CPU, and their bytes are bounded."""
    before = health(server)["connections"]
    silent = [socket.create_connection(server.address(), timeout=10) for _ in range(500)]
    for number, one in enumerate(silent):
        one.sendall(b"\x00\x00\x00\x42\x00\x12\xde\xc1"[: number % 9])
    flows(server, "flow", "beside.silent")
    begin, since = cpu_seconds(server.pid), time.monotonic()
    wait_until(lambda: time.monotonic() - since >= 3, 10, "three seconds of silence", pause=0.1)
    assert cpu_seconds(server.pid) - begin < 0.5
    for one in silent:
        one.close()
    wait_until(lambda: health(server)["connections"] <= before, FLOWS_AGAIN, "they are gone")
    flows(server, "flow", "after.silent")


def test_fault_storing_does_not_need_descriptors(start):
    """At the descriptor limit new subjects are stored too; their index files follow when there is room, and a restart finds everything."""
    server = start("standalone", {"message.checkpoint.interval": "1"}, wrapper=["prlimit", "--nofile=120:120"])
    with server.client() as client:
        crowd = []
        try:
            for _ in range(200):
                crowd.append(socket.create_connection(server.address(), timeout=1))
        except OSError:
            pass
        for number in range(300):
            assert client.send(message(f"new.{number}", "m")) == []
        pulled = [client.pull(f"new.{number}", "g", "c1", offset=0) for number in range(0, 300, 50)]
        assert pulled == [None] * 6  # a new group starts at the end
        assert client.reset("new.7", "g", c.EARLIEST) == f.SUCCESS
        assert client.pull("new.7", "g").ids == ["m"]
        for one in crowd:
            one.close()
    wait_until(lambda: reaches(server), FLOWS_AGAIN, "new connections are served again")
    server.restart("kill")
    with server.client() as client:
        for number in range(0, 300, 13):
            assert client.reset(f"new.{number}", "h", c.EARLIEST) == f.SUCCESS
            assert client.pull(f"new.{number}", "h").ids == ["m"], number


def reaches(server):
    try:
        with server.client(timeout=2) as client:
            return client.ack("s", "g", "c1", -1, -1) == f.SUCCESS
    except (OSError, NoAnswer, Disconnected):
        return False


def test_fault_more_connections_than_allowed(start):
    """One too many is closed at once; those that are there go on, and a place that becomes free is given again."""
    server = start("standalone", {"connections.max": "20"})
    with server.client() as client:
        client.pull("s", "g")
        client.pull("flow", "flows")
        crowd = [socket.create_connection(server.address(), timeout=10) for _ in range(19)]
        wait_until(lambda: health(server)["connections"] == 20, 10, "all are admitted")
        for _ in range(50):
            with socket.create_connection(server.address(), timeout=10) as one_too_many:
                assert one_too_many.recv(1) == b""
            assert client.send(message("s", "m")) == []
        assert health(server)["connections"] == 20
        assert len(client.pull("s", "g", number=100).ids) == 50
        close_all(crowd)
        wait_until(lambda: reaches(server), FLOWS_AGAIN, "places are free again")
    flows(server, "flow", "after.too.many")
