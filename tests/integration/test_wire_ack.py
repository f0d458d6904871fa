"""wire_59 to wire_63: ACK_REQUEST and CONSUME_MANAGE."""

import pytest

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.message import message, retry_subject

SETTINGS = {"message.retry.delay.seconds": "0"}


@pytest.fixture
def pulled(broker, subject):
    """Ten messages, all pulled by c1 of group g."""
    broker.pull(subject, "g")
    assert broker.send(*(message(subject, f"m{number}") for number in range(10))) == []
    return broker.pull(subject, "g")


def unacked(broker, subject, consumer="c1"):
    """(first pull offset, ids) of what a restarted client would get, or None."""
    again = broker.pull(subject, "g", consumer, last=-1)
    return None if again is None else (again.first, again.ids)


def ids(start, end):
    return [f"m{number}" for number in range(start, end)]


def test_wire_59_begin_minus_one_changes_no_position(broker, subject, pulled):
    for first, last in ((-1, -1), (-1, 5), (-(1 << 62), 9)):
        assert broker.ack(subject, "g", "c1", first, last) == f.SUCCESS
    assert unacked(broker, subject) == (0, ids(0, 10))
    assert broker.ack(subject, "unknown", "c9", -1, -1) == f.SUCCESS


def test_wire_60_the_broadcast_byte_belongs_to_version_8(broker, subject, pulled):
    assert broker.ack(subject, "g", "c1", 0, 1, version=7) == f.SUCCESS
    assert unacked(broker, subject) == (2, ids(2, 10))
    short = c.AckRequest(subject, "g", "c1", 2, 3).encode(7)
    for version in (8, 9):
        assert broker.request(f.ACK, short, version=version).code == f.BROKER_ERROR
    assert unacked(broker, subject) == (2, ids(2, 10))
    assert broker.ack(subject, "g", "c1", 2, 3, version=8) == f.SUCCESS
    assert unacked(broker, subject) == (4, ids(4, 10))


def test_wire_61_a_repeated_ack_changes_nothing(broker, subject, pulled):
    for first, last in ((0, 4), (0, 4), (2, 3), (4, 4), (0, 0)):
        assert broker.ack(subject, "g", "c1", first, last) == f.SUCCESS
        assert unacked(broker, subject) == (5, ids(5, 10))
    assert broker.ack(subject, "g", "c1", 3, 6) == f.SUCCESS  # partly repeated
    assert unacked(broker, subject) == (7, ids(7, 10))
    assert broker.pull(retry_subject(subject, "g"), "g") is None


def test_wire_61_skipped_offsets_go_to_the_retry_subject(broker, subject, pulled):
    retry = retry_subject(subject, "g")
    assert broker.pull(retry, "g") is None
    assert broker.ack(subject, "g", "c1", 0, 1) == f.SUCCESS
    assert broker.ack(subject, "g", "c1", 5, 6) == f.SUCCESS
    again = broker.pull(retry, "g", timeout=5000)
    assert again.ids == ids(2, 5)
    assert unacked(broker, subject) == (7, ids(7, 10))


def test_wire_61_not_for_broadcast(broker, subject):
    broker.pull(subject, "b1", "b1", broadcast=True)
    assert broker.send(*(message(subject, f"m{number}") for number in range(10))) == []
    assert broker.pull(subject, "b1", "b1", broadcast=True).ids == ids(0, 10)
    retry = retry_subject(subject, "b1")
    assert broker.pull(retry, "b1") is None
    assert broker.ack(subject, "b1", "b1", 4, 5, broadcast=1) == f.SUCCESS
    assert broker.pull(retry, "b1", timeout=300) is None
    again = broker.pull(subject, "b1", "b1", broadcast=True, last=-1)
    assert (again.first, again.ids) == (6, ids(6, 10))


def test_wire_62_empty_names_are_answered_51(broker, subject, pulled):
    for names in (("", "g", "c1"), (subject, "", "c1"), (subject, "g", "")):
        assert broker.ack(*names, 0, 3) == f.BROKER_ERROR
        assert broker.ack(*names, -1, -1) == f.BROKER_ERROR
    assert unacked(broker, subject) == (0, ids(0, 10))


def test_wire_63_consume_manage_of_anything_unknown_is_answered_0(broker, subject, pulled):
    for where in (0, 3, 7, -1):
        assert broker.reset(subject, "g", where) == f.SUCCESS
    assert broker.reset(subject + ".unknown", "g", c.EARLIEST) == f.SUCCESS
    assert broker.reset(subject, "unknown", 9) == f.SUCCESS
    assert broker.pull(subject, "g", last=9) is None
    assert broker.reset(subject, "g", c.EARLIEST) == f.SUCCESS
    again = broker.pull(subject, "g", last=9)
    assert (again.first, again.ids) == (10, ids(0, 10))


def test_wire_63_latest_skips_what_is_there(broker, subject, pulled):
    assert broker.send(message(subject, "skipped")) == []
    assert broker.reset(subject, "g", c.LATEST) == f.SUCCESS
    assert broker.pull(subject, "g", last=9) is None
    assert broker.send(message(subject, "next")) == []
    assert broker.pull(subject, "g", last=9).ids == ["next"]


def test_wire_63_consume_manage_answers_have_no_body(broker, subject):
    body = c.ConsumeManage(subject, "g", c.LATEST).encode()
    answer = broker.request(f.CONSUME_MANAGE, body, version=8, request_code=-1)
    assert (answer.code, answer.version, answer.request_code, answer.body) == (0, 8, f.CONSUME_MANAGE, b"")
