"""Bodies that are cut at every byte, and lengths and counts that lie: each is answered with its code, changes nothing, costs next to nothing,
and other connections do not notice (wire-protocol.md 4, 10, 11, 12; broker.md 4.2)."""

import struct
import threading
from pathlib import Path

import pytest

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.message import message
from qmqpy.store import Store

TAGS = [c.TagFilter(c.TAG_AND, ["a", "b"]), c.SubEnvFilter("env", "sub")]


def bodies(subject):
    """{name: (code, version, body)}"""
    pull = c.PullRequest(subject, "g", "c1", 10, filters=TAGS)
    plain = c.PullRequest(subject, "g", "c1", 10)
    found = {
        "send": (f.SEND, 9, c.encode_send([message(subject, "cut", {"k": "v"}, tags=["t", "u"])])),
        "pull 9": (f.PULL, 9, pull.encode(9)),
        "pull 8": (f.PULL, 8, c.PullRequest(subject, "g", "c1", 10, filters=TAGS[:1]).encode(8)),
        "pull 7": (f.PULL, 7, plain.encode(7)),
        "ack 9": (f.ACK, 9, c.AckRequest(subject, "g", "c1", 0, 3, 0).encode(9)),
        "ack 8": (f.ACK, 8, c.AckRequest(subject, "g", "c1", 0, 3, 0).encode(8)),
        "ack 7": (f.ACK, 7, c.AckRequest(subject, "g", "c1", 0, 3, 0).encode(7)),
        "manage": (f.CONSUME_MANAGE, 8, c.ConsumeManage(subject, "g", c.EARLIEST).encode()),
    }
    return found


@pytest.mark.parametrize("name", ["send", "pull 9", "pull 8", "pull 7", "ack 9", "ack 8", "ack 7", "manage"])
def test_wire_10_cut_at_every_byte(standalone, broker, subject, name):
    broker.pull(subject, "g")
    assert broker.send(message(subject, "m")) == []
    before = [(a.type, a.subject, a.first, a.last) for a in Store(standalone.store_root()).actions()]
    code, version, body = bodies(subject)[name]
    with standalone.client() as other:
        for size in range(1 if code == f.SEND else 0, len(body)):  # a SEND of nothing is one of no message
            answer = broker.request(code, body[:size], version=version)
            assert (answer.code, answer.body) == (f.BROKER_ERROR, b""), size
            assert other.ack(subject, "g", "c1", -1, -1) == f.SUCCESS
        store = Store(standalone.store_root())
        assert [record.message().id for record in store.messages() if record.subject == subject] == ["m"]
        assert [(a.type, a.subject, a.first, a.last) for a in store.actions()] == before
        assert other.pull(subject, "g").ids == ["m"]


def string(text):
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def lying_bodies(subject):
    """Lengths and counts far beyond what is there."""
    names = string(subject) + string("g") + string("c1")
    numbers = struct.pack(">iqqqq", 10, -1, -1, -1, -1)
    payload = message(subject, "m").payload()
    head = payload[:17]
    for length in (-1, -32768, 32767):
        lie = struct.pack(">h", length)
        yield f.PULL, 9, lie + b"s"
        yield f.PULL, 9, string(subject) + lie + b"g"
        yield f.PULL, 9, string(subject) + string("g") + lie
        yield f.ACK, 9, lie + b"s"
        yield f.ACK, 9, string(subject) + string("g") + lie
        yield f.CONSUME_MANAGE, 8, string(subject) + lie
        yield f.SEND, 9, bytes(8) + head + lie + b"s"
        yield f.SEND, 9, bytes(8) + head + string(subject) + lie
    for count in ((1 << 31) - 1, 1000):
        yield f.PULL, 9, names + numbers + b"\0" + struct.pack(">i", count)
        yield f.PULL, 9, names + numbers + b"\0" + struct.pack(">i", count) + struct.pack(">hhb", 1, 1, 0)
    for tags in (127, 2):  # below 0 is none
        yield f.PULL, 9, names + numbers + b"\0" + struct.pack(">ihhb", 1, 1, 1, tags) + struct.pack(">h", 5)
    for size in (-1, -(1 << 31), (1 << 31) - 1):
        yield f.SEND, 9, bytes(8) + head + string(subject) + string("m") + struct.pack(">i", size)
    for tags in (127, 5):
        flagged = bytes([head[0] | 4]) + head[1:]
        yield f.SEND, 9, bytes(8) + flagged + string(subject) + string("m") + struct.pack(">b", tags) + string("t")


def resident_kib(pid):
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def test_wire_10_lengths_and_counts_that_lie(standalone, broker, subject):
    """A hundred times each, with another connection at work: never an answer but 51, and no memory for what was only said."""
    broker.pull(subject, "g")
    stop, errors = threading.Event(), []

    def work():
        try:
            with standalone.client() as client:
                number = 0
                while not stop.is_set():
                    assert client.send(message(subject + ".other", f"m{number}")) == []
                    number += 1
        except Exception as error:
            errors.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        wrong = list(lying_bodies(subject))
        assert len(wrong) > 30
        for code, version, body in wrong:
            answer = broker.request(code, body, version=version)
            assert (answer.code, answer.body) == (f.BROKER_ERROR, b""), (code, body.hex())
        before = resident_kib(standalone.pid)
        for _ in range(100):
            opaques = [broker.post(code, body, version=version) for code, version, body in wrong]
            for opaque in opaques:
                assert broker.wait(opaque).code == f.BROKER_ERROR
        assert resident_kib(standalone.pid) - before < 16 * 1024
    finally:
        stop.set()
        worker.join(20)
    assert not errors
    assert broker.pull(subject, "g") is None
    assert broker.send(message(subject, "after")) == [] and broker.pull(subject, "g").ids == ["after"]
