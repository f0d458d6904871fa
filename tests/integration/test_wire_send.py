"""wire_33 to wire_42: SEND_MESSAGE (wire_38, before ONLINE, is in test_broker_start.py)."""

import examples
import pytest
from examples import TAGGED

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.fields import crc32
from qmqpy.frame import Frame
from qmqpy.message import message
from qmqpy.store import Store


def stored(standalone, subject):
    """The records of one subject in the message log of the running server."""
    return [record for record in Store(standalone.store_root()).messages() if record.subject == subject]


def test_wire_33_the_example_gets_the_answer_and_is_stored_unchanged(standalone):
    with standalone.client(keep_raw=True) as broker:
        broker.send_bytes(examples.SEND_FRAME)
        broker.wait(7)
        assert broker.stream.raw == [examples.ACCEPTED_FRAME]
    [record] = stored(standalone, "order.changed")
    assert record.payload == examples.SEND_FRAME[0x20:0x98]
    assert record.crc == 0x9DCB5B68


def test_wire_33_a_delayed_message_is_stored_unchanged(standalone):
    with standalone.client() as broker:
        broker.send_bytes(examples.DELAYED_FRAME)
        answer = broker.wait(8)
        assert (answer.code, answer.body) == (f.SUCCESS, b"")
    [record] = stored(standalone, "s")
    assert record.payload == examples.DELAYED_FRAME[0x20:]


def test_wire_34_an_empty_body_is_answered_0(broker):
    answer = broker.request(f.SEND, b"")
    assert (answer.code, answer.body) == (f.SUCCESS, b"")


def test_wire_35_only_the_refused_message_is_listed(standalone, broker, subject):
    refused = message(subject + "/x", "bad")
    assert broker.send(message(subject, "m1"), refused, message(subject, "m2")) == [
        c.SendResult("bad", c.RESULT_SUBJECT_NOT_ASSIGNED, "message rejected")
    ]
    assert [record.message().id for record in stored(standalone, subject)] == ["m1", "m2"]


def test_wire_36_a_truncated_batch_is_answered_51_and_stores_nothing(standalone, broker, subject):
    first, second = message(subject, "m1", tags=["t"]).wire(), message(subject, "m2", {"k": "v"}, tags=["u"]).wire()
    for cut in range(1, len(second)):
        assert broker.request(f.SEND, first + second[:cut]).code == f.BROKER_ERROR, cut
    for surplus in (b"\x00", b"\x00" * 8, first[:30]):
        assert broker.request(f.SEND, first + second + surplus).code == f.BROKER_ERROR
    assert stored(standalone, subject) == []
    assert broker.request(f.SEND, first + second).code == f.SUCCESS
    assert len(stored(standalone, subject)) == 2


def with_length(wire, position, value):
    """The message with the 16-bit length at `position` of its payload replaced, and the CRC right again."""
    payload = bytearray(wire[8:])
    payload[position : position + 2] = value.to_bytes(2, "big", signed=True)
    return crc32(payload).to_bytes(8, "big") + bytes(payload)


@pytest.mark.parametrize("what", ["empty id", "empty subject", "negative subject", "negative id", "negative tag"])
def test_wire_36_wire_17_empty_or_negative_names_refuse_the_batch(standalone, broker, subject, what):
    good = message(subject, "m1").wire()
    tagged = message(subject, "m2", tags=["pay"]).wire()
    position = {"negative subject": 17, "negative id": 19 + len(subject), "negative tag": 24 + len(subject)}
    if what == "empty id":
        bad = message(subject, "").wire()
    elif what == "empty subject":
        bad = message("", "m2").wire()
    else:
        bad = with_length(tagged, position[what], -32768)
    for body in (good + bad, bad + good, bad):
        assert broker.request(f.SEND, body).code == f.BROKER_ERROR
    assert stored(standalone, subject) == []


def test_wire_37_a_wrong_crc_is_not_stored(standalone, broker, subject):
    good, bad = message(subject, "m1"), message(subject, "m2")
    for crc in (0, crc32(bad.payload()) ^ 1, crc32(bad.payload()) | 1 << 32, -1):
        answer = broker.request(f.SEND, good.wire() + bad.wire(crc) + good.wire())
        assert answer.code == f.SUCCESS
        [result] = c.decode_send_answer(answer.body)
        assert (result.id, result.result) == ("m2", c.RESULT_STORE_ERROR)
    records = stored(standalone, subject)
    assert [record.message().id for record in records] == ["m1"] * 8
    assert all(record.crc == crc32(record.payload) for record in records)


@pytest.mark.parametrize("character", list("/\r\n \t\x85\u2028\u3000"))
def test_wire_39_an_illegal_subject_gets_result_3(standalone, broker, subject, character):
    bad = f"{subject}{character}x"
    assert broker.send(message(bad, "m1"), message(subject, "m2")) == [c.SendResult("m1", 3, "message rejected")]
    assert stored(standalone, bad) == []
    assert len(stored(standalone, subject)) == 1


@pytest.mark.parametrize("version", [3, 4, 5, 6, 7, 8, 10, 0, -1, 32767])
def test_wire_42_the_header_version_does_not_change_how_send_is_parsed(standalone, broker, subject, version):
    sent = [message(subject, "m1", {"k": "v"}, tags=["a", "b"]), message(subject, "m2")]
    answer = broker.request(f.SEND, c.encode_send(sent), version=version)
    assert answer == Frame(f.SUCCESS, version, answer.opaque, 1, f.SEND, b"")
    assert [record.payload for record in stored(standalone, subject)] == [m.payload() for m in sent]


def test_wire_33_the_stored_example_is_what_a_puller_gets(broker, subject):
    broker.pull(subject, "g")
    sent = message(subject, "m1", {"text": "支付"}, tags=TAGGED.tags)
    assert broker.send(sent) == []
    pulled = broker.pull(subject, "g")
    assert pulled.payloads == [sent.payload()]
