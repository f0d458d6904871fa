"""broker_40 to broker_44 and broker_53: acknowledgements and the action log (broker_45 is in test_full_disk.py)."""

import threading
import time

import pytest

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.message import message, retry_subject
from qmqpy.store import RANGE_ACK, Store

SETTINGS = {"message.retry.delay.seconds": "1"}


def acks(standalone, subject, group="g"):
    """The RANGE_ACK records of one group in the running server's action log."""
    found = Store(standalone.store_root()).actions()
    return [(a.consumer, a.first, a.last) for a in found if (a.subject, a.group, a.type) == (subject, group, RANGE_ACK)]


def log_end(standalone):
    store = Store(standalone.store_root())
    list(store.actions())
    return store.action_log.end


@pytest.fixture
def pulled(broker, subject):
    broker.pull(subject, "g")
    assert broker.send(*(message(subject, f"m{number}") for number in range(10))) == []
    return broker.pull(subject, "g")


def ids(start, end):
    return [f"m{number}" for number in range(start, end)]


def test_broker_40_a_heartbeat_ack_logs_nothing(standalone, broker, subject, pulled):
    before = log_end(standalone)
    for broadcast in (0, 1):
        assert broker.ack(subject, "g", "c1", -1, -1, broadcast) == f.SUCCESS
        assert broker.ack(subject, "g", "never.seen", -1, -1, broadcast) == f.SUCCESS
    assert log_end(standalone) == before


def test_broker_41_action_log_content(standalone, broker, subject, pulled):
    retry = retry_subject(subject, "g")
    broker.pull(retry, "g")
    steps = [
        ((0, 2), [("c1", 0, 2)]),  # exact
        ((0, 2), []),  # duplicate
        ((1, 4), [("c1", 3, 4)]),  # partly duplicate
        ((7, 8), [("c1", 5, 8)]),  # gap 5..6
        ((8, 8), []),
        ((9, 9), [("c1", 9, 9)]),
    ]
    expected = []
    for (first, last), logged in steps:
        assert broker.ack(subject, "g", "c1", first, last) == f.SUCCESS
        expected += logged
        assert acks(standalone, subject) == expected
    assert broker.pull(retry, "g", timeout=10000).ids == ids(5, 7)


def test_broker_41_broadcast_gap(standalone, broker, subject):
    broker.pull(subject, "b", "b", broadcast=True)
    assert broker.send(*(message(subject, f"m{number}") for number in range(6))) == []
    assert broker.pull(subject, "b", "b", broadcast=True).last == 5
    assert broker.ack(subject, "b", "b", 2, 3, broadcast=1) == f.SUCCESS
    assert acks(standalone, subject, "b") == [("b", 0, 3)]


def test_broker_41_a_reversed_range_is_answered_0(broker, subject, pulled):
    assert broker.ack(subject, "g", "c1", 5, 2) == f.SUCCESS
    assert broker.ack(subject, "g", "c1", 0, 9) == f.SUCCESS
    assert broker.pull(subject, "g", last=-1) is None


def test_broker_42_storage_62_a_gap_is_moved_to_the_retry_subject(standalone, broker, subject, pulled):
    retry = retry_subject(subject, "g")
    assert broker.pull(retry, "g") is None
    moved_at = time.time()
    assert broker.ack(subject, "g", "c1", 3, 5) == f.SUCCESS
    assert broker.pull(retry, "g") is None  # the retry delay
    again = broker.pull(retry, "g", timeout=10000)
    assert time.time() - moved_at >= 1.0
    assert again.ids == ids(0, 3)
    # Decision 3: the payload names the retry subject and has its CRC; everything else stays.
    originals = [raw for _, raw, _ in pulled.messages[:3]]
    for (_, raw, moved), original in zip(again.messages, originals):
        assert moved.subject == retry
        moved.subject = subject
        assert moved.payload() == original
        assert raw != original
    rest = broker.pull(subject, "g", last=-1)
    assert (rest.first, rest.ids) == (6, ids(6, 10))


def test_broker_42_storage_63_the_gap_of_a_retry_subject_stays_in_it(broker, subject, pulled):
    retry = retry_subject(subject, "g")
    broker.pull(retry, "g")
    broker.pull(retry_subject(retry, "g"), "g")
    broker.pull(subject, "bystander")
    assert broker.ack(subject, "g", "c1", 2, 2) == f.SUCCESS
    first = broker.pull(retry, "g", timeout=10000)
    assert first.ids == ids(0, 2)
    assert broker.ack(retry, "g", "c1", 1, 1) == f.SUCCESS  # m0 is lost a second time
    second = broker.pull(retry, "g", timeout=10000, last=1)
    assert (second.first, second.ids) == (2, ["m0"])
    assert broker.pull(subject, "bystander") is None


def test_storage_64_what_was_just_pulled_comes_again_at_once(standalone, subject):
    with standalone.client() as one, standalone.client() as other:
        one.pull(subject, "g")
        for number in range(50):
            assert one.send(message(subject, f"m{number}")) == []
            pulled = one.pull(subject, "g", timeout=5000, last=number - 1)
            assert (pulled.first, pulled.ids) == (number, [f"m{number}"])
            again = other.pull(subject, "g", last=number - 1)
            assert (again.first, again.ids) == (number, [f"m{number}"])
    assert acks(standalone, subject) == []


def test_broker_43_an_ack_beyond_what_was_pulled(standalone, broker, subject, pulled):
    assert broker.ack(subject, "g", "c1", 0, 499) == f.SUCCESS
    assert acks(standalone, subject) == [("c1", 0, 499)]
    assert broker.send(*(message(subject, f"n{number}") for number in range(3))) == []
    more = broker.pull(subject, "g", last=9)
    assert (more.first, more.ids) == (500, ["n0", "n1", "n2"])
    standalone.restart("kill")
    with standalone.client() as client:
        again = client.pull(subject, "g", last=-1)
        assert (again.first, again.ids) == (500, ["n0", "n1", "n2"])


def test_broker_44_empty_names_are_broker_errors(standalone, broker, subject, pulled):
    before = log_end(standalone)
    for names in (("", "g", "c1"), (subject, "", "c1"), (subject, "g", "")):
        assert broker.ack(*names, 0, 0) == f.BROKER_ERROR
    assert log_end(standalone) == before


def test_broker_progress_survives_kill(standalone, subject):
    with standalone.client() as broker:
        broker.pull(subject, "g")
        assert broker.send(*(message(subject, f"m{number}") for number in range(10))) == []
        assert broker.pull(subject, "g", number=6).last == 5
        assert broker.ack(subject, "g", "c1", 0, 3) == f.SUCCESS
    standalone.restart("kill")
    with standalone.client() as broker:
        again = broker.pull(subject, "g", last=-1)
        assert (again.first, again.ids) == (4, ids(4, 6))
        assert broker.ack(subject, "g", "c1", 0, 3) == f.SUCCESS  # the client repeats it
        more = broker.pull(subject, "g", last=5)
        assert (more.first, more.ids) == (6, ids(6, 10))


def test_broker_53_a_reset_moves_the_group_while_pulls_are_in_progress(standalone, broker, subject):
    broker.pull(subject, "g")
    assert broker.send(*(message(subject, f"m{number}") for number in range(200))) == []
    stop, errors = threading.Event(), []

    def consume():
        try:
            with standalone.client() as client:
                last = -1
                while not stop.is_set():
                    pulled = client.pull(subject, "g", "busy", number=20, last=last, timeout=20)
                    if pulled is not None:
                        last = pulled.last
                        assert client.ack(subject, "g", "busy", pulled.first, pulled.last) == 0
        except Exception as error:
            errors.append(error)

    worker = threading.Thread(target=consume)
    worker.start()
    for _ in range(20):
        assert broker.reset(subject, "g", c.EARLIEST) == f.SUCCESS
        assert broker.reset(subject, "g", c.LATEST) == f.SUCCESS
    stop.set()
    worker.join(10)
    assert not errors
    assert broker.reset(subject, "g", c.EARLIEST) == f.SUCCESS
    assert broker.pull(subject, "g", "fresh", number=5).ids == ids(0, 5)
    assert broker.reset(subject, "g", c.LATEST) == f.SUCCESS
    assert broker.pull(subject, "g", "fresh", last=4) is None


def test_broker_53_a_held_pull_sees_the_reset(broker, subject, pulled):
    held = broker.post_pull(subject, "g", last=9, timeout=20000)
    assert broker.reset(subject, "g", c.EARLIEST) == f.SUCCESS
    assert broker.send(message(subject, "wake")) == []
    again = broker.pulled(held)
    assert again.ids[0] == "m0"
