"""The official Java client under mixed load for as long as QMQ_INTEROP_SECONDS says: tags, broadcast, negative acknowledgements, restarts
of consumers, producers and the broker. At the end the ledgers are equal: what was reported sent was handled in every group."""

import os
import random
import time

import pytest
from harness import free_port
from java_client import JavaClient, why_not
from waiting import Stopwatch, wait_until

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

SECONDS = float(os.environ.get("QMQ_INTEROP_SECONDS", "40"))
SEED = int(os.environ.get("QMQ_INTEROP_SEED", "1"))
SUBJECT = "interop.mixed"
FAIL = 97
ROUND = 200
PAUSE = 1.0  # between two rounds: 200 messages a second and three groups
GROUPS = {"all": ("g.all", "-", FAIL), "ten": ("g.ten", "all:even,ten", 0)}


class Load:
    def __init__(self, server):
        self.server = server
        self.sent, self.failed, self.got = {}, set(), {"all": set(), "ten": set(), "broad": set()}
        self.attempts = {}  # of refused messages
        self.refused = set()
        self.next = 0
        self.restarts = {"broker": 0, "broker killed": 0, "consumer": 0, "producer": 0}
        self.names = 0
        self.broad = self.client("broad")
        self.consumer = self.producer = None

    def client(self, name):
        self.names += 1
        return JavaClient(self.server.port("meta.server.discover.port"), self.server.home, f"{name}-{self.names}")

    def collect(self, client):
        """Takes the events of a client into the ledger; they would fill the memory."""
        with client.arrived:
            events, client.events = client.events, {kind: [] for kind in client.events}
            client.events["ready"] = events["ready"]
        for name, n, id_, times in events["got"]:
            self.got[name].add(int(n))
            if name == "all" and int(n) % FAIL == 0:
                self.attempts[int(n)] = max(int(times), self.attempts.get(int(n), 0))
        self.refused |= {int(words[1]) for words in events["refused"]}
        self.sent.update((int(words[0]), words[1]) for words in events["sent"])
        self.failed |= {int(words[0]) for words in events["failed"]}

    def collect_all(self):
        for client in (self.broad, self.consumer, self.producer):
            self.collect(client)

    def start_consumer(self):
        self.consumer = self.client("consumer")
        for name, (group, tags, fail) in GROUPS.items():
            self.consumer.say("consume", name, SUBJECT, group, tags, fail)
        self.consumer.wait(lambda events: len(events["ready"]) == len(GROUPS), 60, "the consumers' subscriptions")

    def begin(self):
        self.broad.say("broadcast", "broad", SUBJECT)
        self.start_consumer()
        self.producer = self.client("producer")

        def all_seen():
            self.producer.say("produce", SUBJECT, self.next, 10)
            self.next += 10
            self.collect_all()
            return all(self.got.values())

        wait_until(all_seen, 120, "the first message in every group", pause=0.5)
        # What was sent before a group had come is not its business.
        self.first = self.next

    def produce(self):
        self.producer.say("produce", SUBJECT, self.next, ROUND)
        self.next += ROUND

    def disturb(self, random_):
        what = random_.choice(list(self.restarts))
        self.restarts[what] += 1
        if what == "broker":
            self.server.restart()
        elif what == "broker killed":
            self.server.restart("kill")
        elif what == "consumer":
            self.consumer.quit()
            self.collect(self.consumer)
            self.start_consumer()
        else:
            time.sleep(PAUSE)
            self.producer.quit()
            self.collect(self.producer)
            self.producer = self.client("producer")

    def complete(self):
        self.collect_all()
        wanted = {n for n in self.sent if n >= self.first}
        return wanted <= self.got["all"] and {n for n in wanted if n % 10 == 0} <= self.got["ten"] and wanted <= self.got["broad"]

    def end(self):
        for client in (self.broad, self.consumer, self.producer):
            client.quit()


def test_java_client_under_mixed_load(make):
    server = make("standalone", {"message.retry.delay.seconds": "1"}).start()
    for key in ("meta.server.discover.port", "meta.server.port", "broker.port", "sync.port"):
        server.settings[key] = str(server.port(key))
    server.settings["monitor.port"] = str(free_port())
    random_ = random.Random(SEED)
    load = Load(server)
    try:
        load.begin()
        watch = Stopwatch()
        every = max(SECONDS / 60, 8)
        disturbed = 0
        while watch() < SECONDS:
            load.produce()
            time.sleep(PAUSE)
            load.collect_all()
            if watch() > (disturbed + 1) * every and watch() < SECONDS - 5:
                disturbed += 1
                load.disturb(random_)
        expected = load.next
        wait_until(lambda: load.collect_all() or len(load.sent) + len(load.failed) >= expected - 10 * ROUND, 60, "the producers' verdicts")
        wait_until(load.complete, 180, f"every message in every group; {load.restarts}")
        beyond = {n for n in load.got["all"] if n not in load.sent and n not in load.failed}
        print(
            f"{watch():.0f} s, seed {SEED}: {len(load.sent)} sent, {len(load.failed)} failed, {len(beyond)} handled of which the producer had no verdict, "
            f"{len(load.refused)} refused once, restarts {load.restarts}; every group has all"
        )
        assert all(n % 10 == 0 for n in load.got["ten"]), "a group with a tag filter got what it did not ask for"
        again = {n for n in load.refused if n in load.sent and n >= load.first}
        assert all(load.attempts.get(n, 0) >= 2 for n in again), "a refused message came back without its attempt counted"
    finally:
        load.end()
