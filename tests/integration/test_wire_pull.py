"""wire_46 to wire_58: PULL_MESSAGE."""

import os
import signal
import threading

import pytest
from waiting import Stopwatch

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.message import message


def send(broker, subject, count, start=0, **fields):
    """Messages m<start>.. in batches of 500; returns them."""
    sent = [message(subject, f"m{number}", **fields) for number in range(start, start + count)]
    for begin in range(0, count, 500):
        assert broker.send(*sent[begin : begin + 500]) == []
    return sent


def ids(start, end):
    return [f"m{number}" for number in range(start, end)]


def test_wire_46_versions_7_8_and_9_give_the_same_messages(broker, subject):
    for version in (7, 8, 9, 10):
        assert broker.pull(subject, f"g{version}", version=version) is None
    sent = send(broker, subject, 5)
    for version in (7, 8, 9, 10):
        pulled = broker.pull(subject, f"g{version}", version=version)
        assert (pulled.first, pulled.payloads) == (0, [m.payload() for m in sent])


def test_wire_47_version_7_has_no_tag_section_but_the_same_flag(broker, subject):
    for version in (6, 7, 8):
        broker.pull(subject, f"g{version}", version=version)
    tagged, plain = message(subject, "m1", {"k": "v"}, tags=["pay", "vip"]), message(subject, "m2")
    assert broker.send(tagged, plain, tagged) == []
    section = bytes.fromhex("02 0003 706179 0003 766970")
    cut = tagged.payload().replace(section, b"", 1)
    assert len(cut) == len(tagged.payload()) - len(section)
    for version in (6, 7):
        pulled = broker.pull(subject, f"g{version}", version=version)
        assert pulled.payloads == [cut, plain.payload(), cut]
        assert [m.flag for _, _, m in pulled.messages] == [4, 0, 4]
    assert broker.pull(subject, "g8", version=8).payloads == [tagged.payload(), plain.payload(), tagged.payload()]


def test_wire_48_answer_is_pull_offset_minus_one_and_payloads(broker, subject):
    broker.pull(subject, "g")
    sent = send(broker, subject, 3)
    answer = broker.request(f.PULL, c.PullRequest(subject, "g", "c1").encode())
    expected = (0).to_bytes(8, "big") + b"\xff" * 8 + b"".join(m.payload() for m in sent)
    assert (answer.code, answer.body) == (f.SUCCESS, expected)


def test_wire_49_the_nth_message_is_acked_by_pull_offset_plus_n(broker, subject):
    broker.pull(subject, "g")
    send(broker, subject, 10)
    assert broker.pull(subject, "g", number=4).first == 0
    pulled = broker.pull(subject, "g", number=6, last=3)
    assert (pulled.first, pulled.ids) == (4, ids(4, 10))
    assert broker.ack(subject, "g", "c1", 0, 6) == 0
    again = broker.pull(subject, "g", last=-1)  # a restarted client gets what is not acked
    assert (again.first, again.ids) == (7, ids(7, 10))


def test_wire_50_illegal_parameters_are_answered_4_at_once(broker, subject):
    broker.pull(subject, "g")
    send(broker, subject, 1)
    watch = Stopwatch()
    for bad in ("", "a/b", "a\rb", "a\nb"):
        assert broker.pull_code(bad, "g", "c1", timeout=30000) == f.NO_MESSAGE
        assert broker.pull_code(subject, bad, "c1", timeout=30000) == f.NO_MESSAGE
        assert broker.pull_code(subject, "g", bad, timeout=30000) == f.NO_MESSAGE
    for number in (0, -1, -(1 << 31)):
        assert broker.pull_code(subject, "g", "c1", number, timeout=30000) == f.NO_MESSAGE
    assert watch() < 5
    assert broker.pull(subject, "g").ids == ["m0"]


def test_wire_51_a_request_for_20000_gets_at_most_10000(broker, subject):
    broker.pull(subject, "g")
    send(broker, subject, 10001)
    first = broker.pull(subject, "g", number=20000)
    assert (first.first, first.ids) == (0, ids(0, 10000))
    rest = broker.pull(subject, "g", number=20000, last=first.last)
    assert (rest.first, rest.ids) == (10000, ids(10000, 10001))


def test_wire_52_time_outs(broker, subject):
    watch = Stopwatch()
    for timeout in (-1, 0, -(1 << 62)):
        assert broker.pull(subject, "g", timeout=timeout) is None
    assert watch() < 1
    watch = Stopwatch()
    assert broker.pull(subject, "g", timeout=2500) is None
    assert 2.5 <= watch() < 4


def test_wire_53_a_message_ends_the_long_poll_at_once(standalone, broker, subject):
    broker.pull(subject, "g")
    with standalone.client() as producer:
        for number in range(20):
            held = broker.post_pull(subject, "g", timeout=60000, last=number - 1)
            watch = Stopwatch()
            assert producer.send(message(subject, f"m{number}")) == []
            pulled = broker.pulled(held)
            assert (pulled.first, pulled.ids) == (number, [f"m{number}"])
            assert watch() < 2


def test_wire_54_a_filter_that_rejects_everything_gives_4_at_once(broker, subject):
    broker.pull(subject, "g")
    send(broker, subject, 5, tags=["other"])
    watch = Stopwatch()
    pay = [c.TagFilter(c.TAG_OR, ["pay"])]
    assert broker.pull(subject, "g", filters=pay, timeout=30000) is None
    assert watch() < 2
    send(broker, subject, 1, start=5, tags=["pay"])
    assert broker.pull(subject, "g", filters=pay).ids == ["m5"]
    assert broker.pull(subject, "g", last=0) is None  # skipped for the group for good


def test_wire_55_a_restarted_consumer_gets_its_unacked_messages_first(broker, subject):
    broker.pull(subject, "g")
    send(broker, subject, 10)
    assert broker.pull(subject, "g", number=6).ids == ids(0, 6)
    assert broker.ack(subject, "g", "c1", 0, 1) == 0
    pulled = broker.pull(subject, "g", last=-1)
    assert (pulled.first, pulled.ids) == (2, ids(2, 6))
    pulled = broker.pull(subject, "g", last=5)
    assert (pulled.first, pulled.ids) == (6, ids(6, 10))
    pulled = broker.pull(subject, "g", last=-1, number=3)
    assert (pulled.first, pulled.ids) == (2, ids(2, 5))


def test_wire_55_after_a_restart_of_the_server_too(standalone, subject):
    with standalone.client() as broker:
        broker.pull(subject, "g")
        send(broker, subject, 10)
        assert broker.pull(subject, "g", number=6).ids == ids(0, 6)
        assert broker.ack(subject, "g", "c1", 0, 1) == 0
    standalone.restart("kill")
    with standalone.client() as broker:
        pulled = broker.pull(subject, "g", last=-1)
        assert (pulled.first, pulled.ids) == (2, ids(2, 6))
        pulled = broker.pull(subject, "g", last=5)
        assert (pulled.first, pulled.ids) == (6, ids(6, 10))


def test_wire_56_an_unknown_filter_type_is_answered_51(broker, subject):
    broker.pull(subject, "g")
    send(broker, subject, 2)
    head = c.PullRequest(subject, "g", "c1").encode(7)
    for tail in ("00000001 0007", "00000001 0000", "00000001 ffff", "00000002 0001 0000 00 0003 0000"):
        answer = broker.request(f.PULL, head + bytes.fromhex(tail.replace(" ", "")))
        assert answer.code == f.BROKER_ERROR
    assert broker.request(f.PULL, head + bytes.fromhex("000000010001ffff")).code == f.BROKER_ERROR
    assert broker.pull(subject, "g").ids == ids(0, 2)


def test_wire_56_no_tag_equals_no_filter(broker, subject):
    filters = {
        "none": [],
        "no-tag": [c.TagFilter(c.NO_TAG, [])],
        "no-tag-with-tags": [c.TagFilter(c.NO_TAG, ["x", "y"])],
        "or-without-tags": [c.TagFilter(c.TAG_OR, [])],
        "and-without-tags": [c.TagFilter(c.TAG_AND, [])],
    }
    for group in filters:
        broker.pull(subject, group)
    assert broker.send(message(subject, "m0", tags=["pay"]), message(subject, "m1")) == []
    for group, value in filters.items():
        pulled = broker.pull(subject, group, filters=value)
        assert (pulled.first, pulled.ids) == (0, ids(0, 2)), group


@pytest.mark.parametrize("count", [-1, -(1 << 31)])
def test_wire_56_a_filter_count_below_0_is_none(broker, subject, count):
    broker.pull(subject, "g")
    send(broker, subject, 2)
    head = c.PullRequest(subject, "g", "c1").encode(7)
    answer = broker.request(f.PULL, head + count.to_bytes(4, "big", signed=True))
    assert answer.code == f.SUCCESS


def test_wire_57_concurrent_consumers_never_receive_the_same_message(standalone, broker, subject):
    broker.pull(subject, "g")
    total = 3000
    received, errors = {}, []

    def consume(name):
        try:
            last = -1
            found = received[name] = []
            with standalone.client() as client:
                while sum(len(part) for part in received.values()) < total:
                    pulled = client.pull(subject, "g", name, number=7, last=last, timeout=50)
                    if pulled is not None:
                        assert pulled.first == last + 1
                        last = pulled.last
                        found.extend(pulled.ids)
        except Exception as error:  # shown by the test's thread
            errors.append(error)

    threads = [threading.Thread(target=consume, args=(f"c{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    send(broker, subject, total)
    for thread in threads:
        thread.join(60)
    assert not errors
    everything = [one for part in received.values() for one in part]
    assert sorted(everything) == sorted(ids(0, total))
    for part in received.values():
        assert part == sorted(part, key=lambda one: int(one[1:]))


@pytest.mark.slow
def test_wire_58_broker_27_a_pull_that_waited_too_long_gets_no_answer(standalone, broker, subject):
    held = broker.post_pull(subject, "g", timeout=2000)
    assert broker.request(99).code == f.UNKNOWN_CODE  # the pull before it has arrived
    os.kill(standalone.pid, signal.SIGSTOP)
    try:
        assert broker.silent(5.5)  # longer than 2000 + 2500 ms
    finally:
        os.kill(standalone.pid, signal.SIGCONT)
    assert broker.request(99).code == f.UNKNOWN_CODE
    assert broker.silent(0.5)
    assert held not in broker.waiting
    send(broker, subject, 1)
    assert broker.pull(subject, "g").ids == ["m0"]
