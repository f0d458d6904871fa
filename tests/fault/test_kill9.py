"""broker_7 and storage_45: kill -9 at random moments under load loses nothing that was acknowledged.

QMQ_KILLS is the number of kills (5 unless set), QMQ_SEED the seed, QMQ_FAULT_SERVER standalone (unless set) or broker.
The last line of a run: runs N, acknowledged N, lost N, reused N, crashes N.
"""

import os
import random
import threading
import time

import pytest
from harness import ADDRESS, ServerFailed, free_port, meta_endpoint
from ledger import Ledger
from load import Consumer, Cutter, Mischief, Producer
from management import Http

from qmqpy.store import Store

KILLS = int(os.environ.get("QMQ_KILLS", "5"))
SEED = int(os.environ.get("QMQ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
KIND = os.environ.get("QMQ_FAULT_SERVER", "standalone")
SUBJECTS = [f"kill.{letter}" for letter in "abcd"]
GROUPS = ["g1", "g2"]
CONSUMERS = ["c1", "c2"]
PRODUCERS = 4
CUT_SUBJECT = "kill.cut"


class Site:
    """The server under test, the load on it, and the counts of the run."""

    def __init__(self, server, seed):
        self.server = server
        self.random = random.Random(seed)
        self.ledger = Ledger()
        self.up, self.stopping = threading.Event(), threading.Event()
        self.runs = self.crashes = 0
        self.checked = 0  # the message log was compared up to here
        self.workers = []

    def start_load(self):
        for number in range(PRODUCERS):
            self.workers.append(Producer(self, f"p{number}", SUBJECTS, self.random.random()))
        for subject in SUBJECTS:
            for group in GROUPS:
                for consumer in CONSUMERS:
                    self.workers.append(Consumer(self, subject, group, consumer, self.random.random()))
        for subject in SUBJECTS:
            self.workers.append(Mischief(self, subject, self.random.random()))
        self.workers.append(Cutter(self, CUT_SUBJECT))
        for worker in self.workers:
            worker.start()

    def start_server(self):
        try:
            self.server.start(seconds=60)
        except ServerFailed:
            self.crashes += 1
            raise
        self.up.set()

    def kill_server(self):
        self.runs += 1
        if not self.server.alive():
            self.crashes += 1
            raise AssertionError(f"the server ended by itself with {self.server.wait_exit()}\n{self.server.tail()}")
        self.up.clear()
        self.server.kill()
        self.compare_disk()

    def compare_disk(self):
        """The message log since the last time, read by the independent reader."""
        store = Store(self.server.store_root())
        for record in store.messages(self.checked):
            self.ledger.compare(record.subject, record)
        self.checked = store.message_log.end

    def finish_load(self):
        self.stopping.set()
        for worker in self.workers:
            worker.join(30)

    def summary(self):
        lost = len(self.ledger.lost())
        acknowledged, reused = len(self.ledger.acknowledged), self.ledger.reused
        return f"runs {self.runs}, acknowledged {acknowledged}, lost {lost}, reused {reused}, crashes {self.crashes}"


@pytest.fixture
def site(make):
    server = make_server(make)
    site = Site(server, SEED)
    yield site
    site.finish_load()


def make_server(make):
    settings = {"message.retry.delay.seconds": "0"}
    if KIND == "standalone":
        return make("standalone", settings)
    metaserver = make("metaserver").start()
    discovery, port, sync_port = metaserver.port("meta.server.discover.port"), free_port(), free_port()
    assert Http(discovery).add_broker("bg1", "broker-1", ADDRESS, port, sync_port)["status"] == 0
    settings.update({"meta.server.endpoint": meta_endpoint(discovery), "broker.port": port, "sync.port": sync_port})
    return make("broker", settings, arguments=["--host", "broker-1", "--ip", ADDRESS])


def attach_groups(site):
    """Every group knows its position before the first message."""
    with site.server.client() as client:
        for subject in SUBJECTS:
            for group in GROUPS:
                for consumer in CONSUMERS:
                    client.pull(subject, group, consumer)


def drain(site):
    """What every group still has to get, pulled by its own consumers after the load ended."""
    with site.server.client(timeout=60) as client:
        for subject in SUBJECTS:
            for group in GROUPS:
                for consumer in CONSUMERS:
                    key, last = (subject, group, consumer), -1
                    while (pulled := client.pull(*key, number=10000, last=last)) is not None:
                        site.ledger.delivered(key, pulled)
                        last = pulled.last
                        assert client.ack(*key, pulled.first, pulled.last) == 0
                        site.ledger.acknowledge(key, last)


def check_everything(site):
    """The ledger against what the consumers got and against the store of the stopped server."""
    ledger = site.ledger
    assert not ledger.breaches, "\n".join(ledger.breaches[:20])
    assert not ledger.lost(), f"lost: {ledger.lost()[:20]}"
    assert ledger.reused == 0
    store = Store(site.server.store_root())
    by_subject = store.subjects()
    for subject in SUBJECTS:
        stored = [(record.message().id, record.crc) for record in by_subject[subject]]
        assert stored == ledger.sequences[subject], f"{subject} changed on disk"
        assert len({id for id, _ in stored}) == len(stored), f"{subject}: an id is stored twice"
        for group in GROUPS:
            got = {id for (s, g, id) in ledger.owner if (s, g) == (subject, group)}
            missing = [id for id, _ in stored if id not in got]
            assert not missing, f"{subject}/{group} never got {missing[:20]}"
    stored = {record.message().id for record in by_subject.get(CUT_SUBJECT, [])}
    assert not stored & ledger.cut_short, "stored although the request was cut short"
    for id, (subject, payload) in ledger.acknowledged.items():
        assert id not in ledger.refused
        assert subject in by_subject
    payloads = {record.message().id: record.payload for subject in SUBJECTS for record in by_subject[subject]}
    assert all(payloads[id] == payload for id, (_, payload) in ledger.acknowledged.items())
    problems = [str(one) for one in store.problems() + store.handed_again()]
    assert [one for one in problems if "'wild'" not in one] == []  # what it acknowledged beyond the end counts as pulled
    for (subject, group), state in store.groups().items():
        if group == "wild":
            continue
        for consumer, progress in state.consumers.items():
            assert progress.acked >= ledger.acked[(subject, group, consumer)]


def test_broker_7_storage_45_kill_9_under_load(site, capsys):
    """Kills the server KILLS times while producers and consumers work; then everything acknowledged must be there."""
    try:
        site.start_server()
        attach_groups(site)
        site.start_load()
        for _ in range(KILLS):
            time.sleep(site.random.uniform(0.05, 1.2))  # the load's time, not a wait for anything
            site.kill_server()
            site.start_server()
        time.sleep(0.3)
        site.finish_load()
        drain(site)
        assert site.server.stop() == 0
        site.compare_disk()
        check_everything(site)
        assert len(site.ledger.acknowledged) > 100 * KILLS
    finally:
        with capsys.disabled():
            print(f"\nseed {SEED}\n{site.summary()}")
