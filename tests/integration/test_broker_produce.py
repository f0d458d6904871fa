"""broker_8 to broker_16: the produce path (broker_14 is in test_broker_start.py)."""

import time

import pytest

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.client import Client
from qmqpy.fields import crc32
from qmqpy.frame import FLAG_ONE_WAY
from qmqpy.message import DELAYED, dead_subject, message, retry_subject
from qmqpy.store import Store


def stored(standalone, *subjects):
    return [record for record in Store(standalone.store_root()).messages() if record.subject in subjects]


def test_broker_8_an_empty_send_body_is_success(broker):
    for version in (7, 8, 9):
        answer = broker.request(f.SEND, b"", version=version)
        assert (answer.code, answer.body) == (f.SUCCESS, b"")


def test_broker_9_sequences_follow_the_order_of_the_body(standalone, broker, subject):
    for batch in range(5):
        pair = [message(subject, f"m{batch}.{number}") for number in range(2)]
        answer = broker.request(f.SEND, c.encode_send(pair))
        assert (answer.code, answer.body) == (f.SUCCESS, b"")
    records = stored(standalone, subject)
    assert [record.sequence for record in records] == list(range(10))
    assert [record.message().id for record in records] == [f"m{b}.{n}" for b in range(5) for n in range(2)]


def test_broker_9_several_subjects_in_one_body(standalone, broker, subject):
    names = [subject + suffix for suffix in (".a", ".b", ".a", ".c", ".b", ".a")]
    assert broker.send(*(message(name, f"m{number}") for number, name in enumerate(names))) == []
    records = stored(standalone, *names)
    assert [(record.subject, record.sequence) for record in records] == [
        (names[0], 0),
        (names[1], 0),
        (names[0], 1),
        (names[3], 0),
        (names[1], 1),
        (names[0], 2),
    ]


def test_broker_10_illegal_subjects_of_a_batch_are_refused_one_by_one(standalone, broker, subject):
    batch = [
        message(subject, "m1"),
        message("s A", "blank"),
        message(subject, "m2"),
        message("s/A", "slash"),
        message(subject, "m3"),
    ]
    answer = broker.request(f.SEND, c.encode_send(batch))
    listed = [c.SendResult(name, 3, "message rejected") for name in ("blank", "slash")]
    assert (answer.code, answer.body) == (f.SUCCESS, c.encode_send_answer(listed))
    assert [record.message().id for record in stored(standalone, subject)] == ["m1", "m2", "m3"]


def test_broker_11_an_undecodable_batch_stores_nothing(standalone, broker, subject):
    good = message(subject, "m1").wire()
    bad = [
        message(subject, "").wire(),
        message("", "m2").wire(),
        good[:-1],
        b"\x00" * 20,
        b"\xff" * 64,
        good[:8] + b"\x04" + good[9:],  # the tag bit without a tag section
    ]
    for body in bad:
        for whole in (good + body, body + good):
            answer = broker.request(f.SEND, whole)
            assert (answer.code, answer.body) == (f.BROKER_ERROR, b"")
    assert stored(standalone, subject) == []


REFUSED = {"256 bytes": "x" * 256, "990 bytes": "x" * 990, "258 bytes": "支" * 86, ".": ".", "..": "..", "nul": "a\0b"}


@pytest.mark.parametrize("name", REFUSED.values(), ids=REFUSED.keys())
def test_broker_12_storage_65_a_subject_that_is_no_directory_name_gets_result_3(standalone, broker, subject, name):
    broker.pull(subject, "g")
    refused = broker.send(message(name, "bad"), message(subject, "good"))
    assert refused == [c.SendResult("bad", 3, "message rejected")]
    assert stored(standalone, name) == []
    assert broker.pull(subject, "g").ids == ["good"]


# With group g the longest derived name, %DEAD_RETRY%name%g, has 255 bytes for the first two.
ALLOWED = {"241 bytes": "x" * 241, "240 bytes": "支" * 80, "dots": "...", "hidden": ".hidden", "odd": "a%b@c:d*?\\|<>"}


@pytest.mark.parametrize("name", ALLOWED.values(), ids=ALLOWED.keys())
def test_broker_12_every_other_name_works(broker, name):
    assert broker.pull(name, "g") is None
    assert broker.send(message(name, "m1")) == []
    assert broker.pull(name, "g").ids == ["m1"]


def test_broker_12_storage_65_255_bytes_are_stored_and_readable_where_no_derived_name_is_too_long(standalone, broker):
    for name in ("y" * 255, "付" * 85):
        assert broker.send(message(name, "m1")) == []
        assert [record.message().id for record in stored(standalone, name)] == ["m1"]
        assert broker.pull(name, "g") is None  # %DEAD_RETRY%name%g could never be a directory


def test_broker_13_wire_15_a_wrong_crc_is_refused_and_nothing_is_cut_at_the_next_start(standalone, subject):
    with standalone.client() as broker:
        bad = message(subject, "bad")
        for number in range(5):
            body = message(subject, f"m{number}").wire() + bad.wire(crc32(bad.payload()) ^ 0x80000000)
            answer = broker.request(f.SEND, body)
            assert [(one.id, one.result) for one in c.decode_send_answer(answer.body)] == [("bad", 6)]
    standalone.restart("kill")
    assert [record.message().id for record in stored(standalone, subject)] == [f"m{number}" for number in range(5)]
    with standalone.client() as broker:
        assert broker.send(message(subject, "after")) == []
    assert stored(standalone, subject)[-1].sequence == 5


def test_broker_13_the_remark_says_crc_error(broker, subject):
    bad = message(subject, "bad")
    answer = broker.request(f.SEND, bad.wire(1))
    assert c.decode_send_answer(answer.body) == [c.SendResult("bad", 6, "CRC ERROR")]


def test_broker_13_recompute_stores_the_right_crc(start, subject):
    server = start("standalone", {"Receiver.BadCrc": "recompute"})
    with server.client() as broker:
        bad = message(subject, "m1")
        answer = broker.request(f.SEND, bad.wire(1))
        assert (answer.code, answer.body) == (f.SUCCESS, b"")
    [record] = stored(server, subject)
    assert (record.payload, record.crc) == (bad.payload(), crc32(bad.payload()))


def test_broker_15_a_one_way_send_is_stored_and_not_answered(standalone, broker, subject):
    broker.pull(subject, "g")
    broker.post(f.SEND, message(subject, "m1").wire(), opaque=900, flag=FLAG_ONE_WAY)
    broker.post(f.SEND, message(subject, "m2").wire(), opaque=901)
    assert broker.read().opaque == 901
    assert broker.silent(0.1)
    assert broker.pull(subject, "g").ids == ["m1", "m2"]


def test_broker_16_expired_and_delayed_messages_are_delivered_at_once(broker, subject):
    broker.pull(subject, "g")
    now = int(time.time() * 1000)
    sent = [
        message(subject, "expired", created=now - 10_000_000, expire=now - 5_000_000),
        message(subject, "delayed", flag=DELAYED, expire=now + 3_600_000),
        message(subject, "zero", created=0, expire=0),
        message(subject, "negative", created=-1, expire=-(1 << 63)),
        message(subject, "reserved", flag=0xF8 - 256),
        message(subject, "low", flag=1),
    ]
    assert broker.send(*sent) == []
    pulled = broker.pull(subject, "g")
    assert pulled.payloads == [one.payload() for one in sent]


def test_broker_retry_and_dead_letter_subjects_are_ordinary_to_producers(standalone, broker, subject):
    names = [retry_subject(subject, "g"), dead_subject(subject, "g")]
    assert broker.send(*(message(name, "m1") for name in names)) == []
    assert [record.subject for record in stored(standalone, *names)] == names


def test_broker_a_large_message_and_a_large_attribute_go_through(standalone, broker, subject):
    broker.pull(subject, "g")
    large = message(subject, "m1", {"data": "v" * 60000, "more": "w" * 65535})
    huge = message(subject, "m2", {f"k{number}": "x" * 60000 for number in range(200)})
    assert broker.send(large, huge, timeout=30) == []
    with Client(standalone.address(), timeout=30) as reader:
        pulled = reader.pull(subject, "g")
        assert pulled.payloads == [large.payload(), huge.payload()]
        assert pulled.messages[0][2].attributes()["data"] == "v" * 60000


def test_broker_10_illegal_subjects_are_stored_where_configured(start):
    """Receiver.RejectIllegalSubject=false stores everything that can be a directory name, also over a restart."""
    server = start("standalone", {"Receiver.RejectIllegalSubject": "false"})
    for name in ("s A", "tab\tbed"):
        with server.client() as client:
            assert client.pull(name, "g") is None
            assert client.send(message(name, "m1")) == []
        server.restart("kill")
        with server.client() as client:
            assert client.pull(name, "g").first == 0
