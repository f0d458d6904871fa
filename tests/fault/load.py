"""Producers and consumers of the kill -9 runs, good and bad ones: threads that go on through crashes of the server."""

import random
import socket
import struct
import threading

from harness import ServerFailed

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.connection import Disconnected
from qmqpy.frame import Frame
from qmqpy.message import message

LOST_CONNECTION = (OSError, Disconnected)  # no answer at all is a breach


class Worker(threading.Thread):
    """Repeats step(client) while the server is up; connects anew after each crash."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site = site
        self.client = None
        self.error = None

    def run(self):
        try:
            while not self.site.stopping.is_set():
                if not self.site.up.wait(0.1):
                    continue
                try:
                    if self.client is not None or self.connect():
                        self.step()
                except LOST_CONNECTION:
                    self.drop()
        except BaseException as error:
            self.error = error
            self.site.ledger.breach(f"{self.name}: {type(error).__name__}: {error}")
        finally:
            self.drop()

    def connect(self):
        try:
            self.client = self.site.server.client(timeout=20)
        except (ServerFailed, KeyError):  # no run file, or no port in it yet: it is just starting
            return False
        self.connected()
        return True

    def drop(self):
        if self.client is not None:
            self.client.close()
            self.client = None

    def connected(self):
        pass


class Producer(Worker):
    def __init__(self, site, name, subjects, seed):
        super().__init__(site)
        self.name, self.subjects = name, subjects
        self.random = random.Random(seed)
        self.number = 0

    def step(self):
        subject = self.random.choice(self.subjects)
        batch = []
        for _ in range(self.random.randint(1, 30)):
            size = self.random.choice((10, 100, 1000, 4000))
            text = {"data": "x" * size, "n": str(self.number)}
            tags = [f"t{self.number % 3}"] if self.number % 2 else []
            batch.append(message(subject, f"{self.name}-{self.number}", text, tags=tags))
            self.number += 1
        try:
            refused = self.client.send(*batch)
        except LOST_CONNECTION:
            self.site.ledger.not_answered(batch)
            raise
        self.site.ledger.sent(batch, refused)


class Consumer(Worker):
    """Pulls and acknowledges in order, as a client does; a new connection is a restarted client (last offset -1)."""

    def __init__(self, site, subject, group, consumer, seed):
        super().__init__(site)
        self.key = (subject, group, consumer)
        self.name = "/".join(self.key)
        self.random = random.Random(seed)
        self.last = self.acked = -1
        self.held = []  # first and last of answers not acknowledged yet

    def connected(self):
        self.last = -1
        self.held = []

    def step(self):
        pulled = self.client.pull(*self.key, number=self.random.randint(1, 60), last=self.last, timeout=200)
        if pulled is None:
            self.acknowledge()
            return
        self.site.ledger.delivered(self.key, pulled)
        self.last = pulled.last
        self.held.append(pulled)
        if self.random.random() < 0.7:
            self.acknowledge()

    def acknowledge(self):
        if not self.held:
            return
        first, last = self.held[0].first, self.held[-1].last
        if self.client.ack(*self.key, first, last) == 0:
            self.site.ledger.acknowledge(self.key, last)
            self.held = []


class Mischief(Worker):
    """A consumer of a group of its own that does what it should not: acknowledges twice, out of order, beyond the end, vanishes while its
    pull is held, returns with an old position."""

    def __init__(self, site, subject, seed):
        super().__init__(site)
        self.key = (subject, "wild", "w1")
        self.name = "/".join(self.key)
        self.random = random.Random(seed)
        self.pulled = self.acked = -1

    def step(self):
        self.random.choice((self.twice, self.out_of_order, self.beyond, self.vanish, self.old_position))()

    def pull(self, last):
        pulled = self.client.pull(*self.key, number=self.random.randint(1, 40), last=last, timeout=50)
        if pulled is not None:
            if pulled.first <= self.acked:
                self.site.ledger.breach(f"{self.name}: offset {pulled.first} delivered again, acknowledged up to {self.acked}")
            self.pulled = max(self.pulled, pulled.last)
        return pulled

    def acknowledge(self, first, last):
        if self.client.ack(*self.key, first, last) == f.SUCCESS:
            self.acked = max(self.acked, last)

    def twice(self):
        pulled = self.pull(self.pulled)
        for _ in range(2 if pulled is not None else 0):
            self.acknowledge(pulled.first, pulled.last)

    def out_of_order(self):
        pulled = self.pull(self.pulled)
        if pulled is not None:
            self.acknowledge(pulled.last, pulled.last)
            self.client.ack(*self.key, pulled.first, pulled.first)

    def beyond(self):
        end = self.pulled + 1000
        self.client.ack(*self.key, end, end + 5)  # refused or without effect: what comes later must still be given
        self.pull(-1)

    def vanish(self):
        self.client.post_pull(*self.key, timeout=5000)
        self.drop()

    def old_position(self):
        self.pull(-1)


class Cutter(Worker):
    """Cuts its connection at every byte of a SEND, and at every byte of the answer."""

    def __init__(self, site, subject):
        super().__init__(site)
        self.subject = subject
        self.name = "cutter"
        self.number = 0

    def connect(self):
        self.client = Raw(self.site.server.address())
        return True

    def step(self):
        one = message(self.subject, f"cut-{self.number}", {"data": "x" * (self.number % 50)})
        request = Frame(f.SEND, 9, self.number + 1, 0, None, c.encode_send([one])).encode()
        size = self.number % (2 * len(request))
        self.number += 1
        if size < len(request):
            self.site.ledger.cut(one)  # never whole, so never stored
            self.client.send(request[:size])
        else:
            self.site.ledger.not_answered([one])
            self.client.send(request)
            self.client.receive(size % 30)
        self.drop()


class Raw:
    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=10)

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, size):
        self.socket.settimeout(2)
        if size > 0:
            self.socket.recv(size)

    def close(self):
        if self.socket.fileno() % 2:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
