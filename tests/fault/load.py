"""Producers and consumers of the kill -9 runs: threads that go on through crashes of the server."""

import random
import threading

from harness import ServerFailed

from qmqpy.connection import Disconnected
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
