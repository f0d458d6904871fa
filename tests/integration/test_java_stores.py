"""Stores recorded from Java brokers under a real server: served, continued, stopped, and read again as the original would read them
(storage.md 21; storage_33, 34 and 69, which need a live Java server otherwise)."""

import hashlib
import json

import pytest
from fixtures import fixtures, unpack_store

from qmqpy import derived
from qmqpy import frame as f
from qmqpy.message import message
from qmqpy.store import Store

STORES = ["broker-master-clean", "broker-master-killed", "broker-slave", "broker-master-v2", "broker-master-smt"]
KEEP = {"messagelog.retention.hours": 500000, "consumerlog.retention.hours": 500000, "pulllog.retention.hours": 500000, "smt.retention.hours": 500000}
FORMAT_V1 = ("broker-master-clean", "broker-master-killed", "broker-slave")


@pytest.fixture(scope="module", params=STORES)
def name(request):
    return request.param


@pytest.fixture
def manifest(name):
    return json.loads((fixtures("java-store") / f"{name}.json").read_text("utf-8"))


@pytest.fixture
def server(make, name):
    server = make("standalone", settings={**KEEP, "message.retry.delay.seconds": 0, "put_need_retry_message.limiter": 0.001})
    unpack_store(name, server.store_root())
    server.start(seconds=120)
    return server


def list_hash(messages):
    digest = hashlib.sha256()
    for sequence, raw, decoded in messages:
        digest.update(f"{sequence}\t{decoded.id}\t{hashlib.sha256(raw).hexdigest()}\n".encode())
    return digest.hexdigest()


def read_subject(client, subject):
    """All messages from the beginning, by a group of its own."""
    client.pull(subject, "reader of all")
    client.reset(subject, "reader of all", 2)
    return list(client.drain(subject, "reader of all", number=500))


def check_subjects(client, manifest):
    for subject, expected in manifest["subjects"].items():
        messages = read_subject(client, subject)
        assert len(messages) == expected["count"], subject
        first = expected["first_sequence"]
        numbered = [(first + at, raw, decoded) for at, (_, raw, decoded) in enumerate(messages)]
        assert list_hash(numbered) == expected["list_sha256"], subject


def check_groups(store, manifest):
    groups = store.groups()
    for expected in manifest["groups"]:
        group = groups[(expected["subject"], expected["group"])]
        assert group.pulled >= expected["last_pulled_message_sequence"]
        for consumer in expected["consumers"]:
            assert group.consumers[consumer["id"]].pulled >= consumer["last_pulled"]


def unacked(manifest):
    """(subject, group, consumer, first un-acked pull offset, its message's id) of consumers that are known to the client."""
    for group in manifest["groups"]:
        for consumer in group["consumers"]:
            rows = consumer.get("unacked") or []
            if not group["broadcast"] and rows and rows[0][0] == consumer["last_acked"] + 1:
                yield group["subject"], group["group"], consumer["id"], rows


def test_storage_33_69_recorded_store_is_served_and_continued(server, manifest):
    with server.client() as client:
        for subject, group, consumer, rows in unacked(manifest):
            again = client.pull(subject, group, consumer, number=len(rows))
            assert again is not None and again.first == rows[0][0], (subject, group, consumer)
            for (_, _, decoded), row in zip(again.messages, rows):
                assert decoded.id == row[2], (subject, group, consumer, row)
        check_subjects(client, manifest)
        for subject in manifest["subjects"]:
            assert client.send(message(subject, f"continued {subject}")) == []
            last = read_new(client, subject)
            assert last == f"continued {subject}"
    server.stop()
    check_stopped(server, manifest)
    server.start(seconds=120)
    with server.client() as client:
        for subject, expected in manifest["subjects"].items():
            messages = read_subject(client, subject)
            assert len(messages) == expected["count"] + 1, subject
            assert messages[-1][2].id == f"continued {subject}"


def read_new(client, subject):
    pulled = client.pull(subject, "reader of all", number=10)
    assert client.ack(subject, "reader of all", "c1", pulled.first, pulled.last) == f.SUCCESS
    return pulled.ids[-1]


def check_stopped(server, manifest):
    store = Store(server.store_root())
    check_groups(store, manifest)
    assert derived.progress_after_start(store) == progress_of_all(store)
    if manifest["name"] in FORMAT_V1:
        assert derived.problems(store) == []


def progress_of_all(store):
    groups = store.groups()
    return {
        key: (group.pulled, {name: (consumer.pulled, consumer.acked) for name, consumer in group.consumers.items()})
        for key, group in groups.items()
    }


def test_storage_34_our_store_as_the_original_reads_it(make):
    server = make("standalone")
    server.start()
    with server.client() as client:
        client.pull("s34", "g")
        for begin in range(0, 200, 50):
            assert client.send(*(message("s34", f"m{number}") for number in range(begin, begin + 50))) == []
        first = client.pull("s34", "g", number=50)
        assert client.ack("s34", "g", "c1", first.first, first.first + 9) == f.SUCCESS
    server.restart()
    with server.client() as client:
        assert client.pull("s34", "g", "c2", number=20).first == 0
        assert client.ack("s34", "g", "c1", 10, 19) == f.SUCCESS
    server.stop()
    store = Store(server.store_root())
    assert derived.problems(store) == []
    assert derived.progress_after_start(store) == progress_of_all(store)
    known = {}
    for tablet in derived.tablets(server.store_root()):
        for run in tablet.runs:
            known.setdefault(run.consumer, {}).update({run.first + at: sequence for at, sequence in enumerate(run.messages)})
    for name, consumer in store.groups()["s34", "g"].consumers.items():
        for pull, sequence in consumer.unacked().items():
            assert known[name][pull] == sequence
