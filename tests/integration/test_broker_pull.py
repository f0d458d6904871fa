"""broker_20 to broker_39 and broker_52: the pull path (broker_27 is wire_58)."""

import os
import threading
import time

import pytest
from waiting import Stopwatch

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.message import message, retry_subject
from qmqpy.store import PULL, Store

SETTINGS = {"message.retry.delay.seconds": "1"}
REPEATS = int(os.environ.get("QMQ_REPEATS", "1000"))


def send(broker, subject, count, start=0, **fields):
    sent = [message(subject, f"m{number}", **fields) for number in range(start, start + count)]
    for begin in range(0, count, 500):
        assert broker.send(*sent[begin : begin + 500]) == []
    return sent


def ids(start, end):
    return [f"m{number}" for number in range(start, end)]


def actions(standalone, subject):
    return [action for action in Store(standalone.store_root()).actions() if action.subject == subject]


def test_broker_20_an_unknown_group_gets_nothing_old(broker, subject):
    send(broker, subject, 5)
    assert broker.pull(subject, "g") is None
    send(broker, subject, 2, start=5)
    pulled = broker.pull(subject, "g")
    assert (pulled.first, pulled.ids) == (0, ids(5, 7))


def test_broker_20_on_a_subject_never_seen_it_starts_at_sequence_0(standalone, broker, subject):
    assert broker.pull(subject, "g") is None
    send(broker, subject, 3)
    assert broker.pull(subject, "g").ids == ids(0, 3)
    action = actions(standalone, subject)[-1]
    assert (action.first, action.last, action.first_message, action.last_message) == (0, 2, 0, 2)


@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.parametrize("history", [0, 4])
def test_broker_21_the_initial_position_survives_a_restart(standalone, subject, how, history):
    with standalone.client() as broker:
        send(broker, subject, history)
        assert broker.pull(subject, "g") is None
    standalone.restart(how)
    with standalone.client() as broker:
        send(broker, subject, 3, start=history)
        assert broker.pull(subject, "g").ids == ids(history, history + 3)


def test_broker_22_payloads_are_byte_equal_to_what_was_sent(broker, subject):
    broker.pull(subject, "g")
    sent = [message(subject, f"m{n}", {"t": "文" * n}, tags=[f"t{i}" for i in range(n)]) for n in range(10)]
    assert broker.send(*sent) == []
    answer = broker.request(f.PULL, c.PullRequest(subject, "g", "c1").encode())
    assert answer.body == (0).to_bytes(8, "big") + b"\xff" * 8 + b"".join(m.payload() for m in sent)


def test_broker_23_request_num_above_10000(broker, subject):
    broker.pull(subject, "g")
    send(broker, subject, 15000)
    assert len(broker.pull(subject, "g", number=20000).ids) == 10000
    assert len(broker.pull(subject, "g", number=(1 << 31) - 1, last=9999).ids) == 5000


def test_broker_23_request_num_0_with_and_without_the_key(start, broker, subject):
    broker.pull(subject, "g")
    send(broker, subject, 30)
    assert broker.pull(subject, "g", number=0) is None
    server = start("standalone", {"PullMessageProcessor.AllowNonPositiveRequestNum": "true"})
    with server.client() as client:
        client.pull(subject, "g")
        send(client, subject, 30)
        assert client.pull(subject, "g", number=0).ids == ids(0, 20)
        assert client.pull(subject, "g", number=-7, last=19).ids == ids(20, 30)


def test_broker_24_illegal_characters_give_no_message(broker, subject):
    for bad in ("a/b", "/", "\r", "x\n", ""):
        for names in ((bad, "g", "c"), (subject, bad, "c"), (subject, "g", bad)):
            assert broker.pull_code(*names, timeout=60000) == f.NO_MESSAGE
            assert broker.pull_code(*names, timeout=60000, broadcast=True) == f.NO_MESSAGE


def test_broker_25_hold(standalone, broker, subject):
    watch = Stopwatch()
    held = broker.post_pull(subject, "g", timeout=1500)
    assert broker.pulled(held) is None
    assert 1.5 <= watch() < 3
    held = broker.post_pull(subject, "g", timeout=30000)
    assert broker.silent(0.3)
    watch = Stopwatch()
    with standalone.client() as producer:
        send(producer, subject, 1)
    assert broker.pulled(held).ids == ["m0"]
    assert watch() < 2


def test_broker_25_a_message_that_arrives_while_the_pull_suspends_is_never_missed(standalone, broker, subject):
    """QMQ_REPEATS times a send and a pull cross; a lost wake-up would show as a pull that waits its 20 s out."""
    broker.pull(subject, "g")
    with standalone.client() as producer:
        for number in range(REPEATS):
            watch = Stopwatch()
            if number % 2:
                sent = producer.post(f.SEND, message(subject, f"m{number}").wire())
                held = broker.post_pull(subject, "g", timeout=20000, last=number - 1)
            else:
                held = broker.post_pull(subject, "g", timeout=20000, last=number - 1)
                sent = producer.post(f.SEND, message(subject, f"m{number}").wire())
            assert broker.pulled(held).ids == [f"m{number}"]
            assert producer.wait(sent).code == f.SUCCESS
            assert broker.ack(subject, "g", "c1", number, number) == 0
            assert watch() < 10


def test_broker_26_timeouts_0_and_minus_1_answer_at_once(broker, subject):
    watch = Stopwatch()
    for timeout in (0, -1, -1000):
        assert broker.pull(subject, "g", timeout=timeout) is None
    assert watch() < 1


def test_broker_28_two_consumers_share_without_overlap(standalone, broker, subject):
    broker.pull(subject, "g")
    got = {"c1": [], "c2": []}
    for round in range(20):
        send(broker, subject, 10, start=10 * round)
        for name in got:
            pulled = broker.pull(subject, "g", name, number=5, last=len(got[name]) - 1)
            assert pulled.first == len(got[name])
            got[name] += pulled.ids
    assert got["c1"] == [f"m{n}" for n in range(200) if n % 10 < 5]
    assert got["c2"] == [f"m{n}" for n in range(200) if n % 10 >= 5]


def test_broker_29_a_client_restart_gets_exactly_its_unacked(broker, subject):
    broker.pull(subject, "g")
    send(broker, subject, 8)
    assert broker.pull(subject, "g", number=6).last == 5
    assert broker.ack(subject, "g", "c1", 0, 1) == 0
    pulled = broker.pull(subject, "g", last=-1)
    assert (pulled.first, pulled.ids) == (2, ids(2, 6))
    assert broker.pull(subject, "g", "c2").ids == ids(6, 8)


def test_broker_30_a_last_offset_between_ack_and_pull_gets_the_rest(broker, subject):
    broker.pull(subject, "g")
    send(broker, subject, 8)
    assert broker.pull(subject, "g").last == 7
    assert broker.ack(subject, "g", "c1", 0, 1) == 0
    for last, start in ((3, 4), (6, 7), (1, 2), (0, 2), (2, 3)):
        pulled = broker.pull(subject, "g", last=last)
        assert (pulled.first, pulled.ids) == (start, ids(start, 8))
    assert broker.pull(subject, "g", last=7) is None
    assert broker.pull(subject, "g", last=100) is None


def test_broker_worked_example_of_section_7_1(standalone, broker, subject):
    broker.pull(subject, "g", "c1")
    send(broker, subject, 10)
    assert broker.pull(subject, "g", "c1", 4).ids == ids(0, 4)
    again = broker.pull(subject, "g", "c1", 4, last=-1)
    assert (again.first, again.ids) == (0, ids(0, 4))
    assert broker.ack(subject, "g", "c1", 0, 1) == 0
    other = broker.pull(subject, "g", "c2", 2)
    assert (other.first, other.ids) == (0, ids(4, 6))
    more = broker.pull(subject, "g", "c1", 4, last=3)
    assert (more.first, more.ids) == (4, ids(6, 10))
    restarted = broker.pull(subject, "g", "c1", 10, last=-1)
    assert (restarted.first, restarted.ids) == (2, ["m2", "m3", "m6", "m7", "m8", "m9"])
    retry = retry_subject(subject, "g")
    broker.pull(retry, "g")
    assert broker.ack(subject, "g", "c1", 4, 7) == 0
    moved = broker.pull(retry, "g", timeout=10000)
    assert moved.ids == ["m2", "m3"]
    assert broker.ack(subject, "g", "c1", 6, 7) == 0
    assert broker.pull(subject, "g", "c1", last=-1) is None


TAGGED = [[], ["a"], ["b"], ["a", "b"], ["a", "b", "c"], ["A"], ["ab"]]
TAG_TABLE = [
    (c.NO_TAG, ["a"], [0, 1, 2, 3, 4, 5, 6]),
    (c.TAG_OR, [], [0, 1, 2, 3, 4, 5, 6]),
    (c.TAG_OR, ["a"], [1, 3, 4]),
    (c.TAG_OR, ["a", "b"], [1, 2, 3, 4]),
    (c.TAG_OR, ["c", "A"], [4, 5]),
    (c.TAG_OR, ["x"], []),
    (c.TAG_AND, ["a"], [1, 3, 4]),
    (c.TAG_AND, ["a", "b"], [3, 4]),
    (c.TAG_AND, ["b", "a", "c"], [4]),
    (c.TAG_AND, ["a", "x"], []),
    (7, ["a"], [1]),
    (7, ["a", "b"], []),
]


@pytest.mark.parametrize("version", [8, 9])
@pytest.mark.parametrize("type,tags,expected", TAG_TABLE)
def test_broker_32_tag_table(broker, subject, type, tags, expected, version):
    broker.pull(subject, "g")
    assert broker.send(*(message(subject, f"m{n}", tags=t) for n, t in enumerate(TAGGED))) == []
    filters = [c.TagFilter(type, tags)]
    pulled = broker.pull(subject, "g", filters=filters, version=version)
    assert (pulled.ids if pulled else []) == [f"m{n}" for n in expected]


def test_broker_32_an_all_filtered_batch_advances_the_group(standalone, broker, subject):
    broker.pull(subject, "g")
    send(broker, subject, 20, tags=["x"])
    watch = Stopwatch()
    assert broker.pull(subject, "g", filters=[c.TagFilter(c.TAG_OR, ["y"])], timeout=60000) is None
    assert watch() < 5
    skip = [action for action in actions(standalone, subject) if action.type == PULL][-1]
    assert (skip.first, skip.last) == (0, -1)
    assert (skip.first_message, skip.last_message) == (20, 19)
    assert Store(standalone.store_root()).groups()[(subject, "g")].pulled == 19
    standalone.restart("kill")
    with standalone.client() as client:
        send(client, subject, 1, start=20)
        assert client.pull(subject, "g").ids == ["m20"]


def alternating(broker, subject, pattern):
    """One message a letter of the pattern, tagged with it."""
    assert broker.send(*(message(subject, f"m{n}", tags=[tag]) for n, tag in enumerate(pattern))) == []


def test_broker_33_filtered_runs_have_consecutive_pull_sequences(standalone, broker, subject):
    broker.pull(subject, "g")
    alternating(broker, subject, "aabbabaab")
    only_a = [c.TagFilter(c.TAG_OR, ["a"])]
    pulled = broker.pull(subject, "g", filters=only_a)
    assert (pulled.first, pulled.ids) == (0, ["m0", "m1", "m4", "m6", "m7"])
    pulls = [action for action in actions(standalone, subject) if action.type == PULL]
    runs = [(a.first, a.last, a.first_message, a.last_message) for a in pulls]
    assert runs[-4:] == [(0, 1, 0, 1), (2, 2, 4, 4), (3, 4, 6, 7), (5, 4, 9, 8)]
    assert broker.ack(subject, "g", "c1", 0, 2) == 0
    again = broker.pull(subject, "g", filters=only_a, last=-1)
    assert (again.first, again.ids) == (3, ["m6", "m7"])
    standalone.restart("kill")
    with standalone.client() as client:
        again = client.pull(subject, "g", filters=only_a, last=-1)
        assert (again.first, again.ids) == (3, ["m6", "m7"])
        assert client.pull(subject, "g", filters=only_a, last=4) is None


def test_broker_33_broadcast_answers_hold_consecutive_sequences_only(broker, subject):
    broker.pull(subject, "b", "b", broadcast=True)
    alternating(broker, subject, "baabbabaab")
    only_a = [c.TagFilter(c.TAG_OR, ["a"])]
    found, last = [], -1
    watch = Stopwatch()
    while len(found) < 5:
        assert watch() < 20, found
        pulled = broker.pull(subject, "b", "b", broadcast=True, filters=only_a, last=last)
        if pulled is None:
            continue
        assert pulled.ids == [f"m{pulled.first + n}" for n in range(len(pulled.ids))]
        found += pulled.ids
        last = pulled.last
        assert broker.ack(subject, "b", "b", pulled.first, pulled.last, broadcast=1) == 0
    assert found == ["m1", "m2", "m5", "m7", "m8"]


def test_broker_34_versions(broker, subject):
    for group in ("g7", "g8", "g9", "g9many"):
        broker.pull(subject, group)
    assert broker.send(message(subject, "m0", tags=["a"]), message(subject, "m1", tags=["b"])) == []
    want_a = [c.TagFilter(c.TAG_OR, ["a"])]
    assert broker.pull(subject, "g7", version=7, filters=want_a).ids == ["m0", "m1"]
    assert broker.pull(subject, "g8", version=8, filters=want_a).ids == ["m0"]
    assert broker.pull(subject, "g9", version=9, filters=want_a).ids == ["m0"]
    many = want_a + [c.SubEnvFilter("fat", "f1"), c.TagFilter(c.TAG_OR, ["b"])]  # the first of a type counts
    assert broker.pull(subject, "g9many", filters=many).ids == ["m0"]


def test_broker_35_broadcast(standalone, broker, subject):
    send(broker, subject, 3)
    assert broker.pull(subject, "b1", "b1", broadcast=True) is None
    send(broker, subject, 6, start=3)
    pulled = broker.pull(subject, "b1", "b1", number=4, broadcast=True)
    assert (pulled.first, pulled.ids) == (3, ids(3, 7))  # pull sequence = message sequence
    again = broker.pull(subject, "b1", "b1", number=2, last=-1, broadcast=True)
    assert (again.first, again.ids) == (3, ids(3, 5))
    assert broker.ack(subject, "b1", "b1", 3, 4, broadcast=1) == 0
    again = broker.pull(subject, "b1", "b1", last=-1, broadcast=True)
    assert (again.first, again.ids) == (5, ids(5, 7))
    more = broker.pull(subject, "b1", "b1", last=6, broadcast=True)
    assert (more.first, more.ids) == (7, ids(7, 9))
    recorded = [action for action in actions(standalone, subject) if action.type == PULL and action.last >= action.first]
    assert all(action.broadcast and action.first == action.first_message for action in recorded)
    assert broker.pull(subject, "b2", "b2", broadcast=True) is None  # each is a group of one


def test_broker_38_ten_thousand_queued_pulls_do_not_delay_another_group(standalone, broker, subject):
    broker.pull(subject + ".other", "g")
    with standalone.client() as crowd:
        request = c.PullRequest(subject, "crowd", "c1", 1, timeout=60000).encode()
        frames = b"".join(f.Frame(f.PULL, 9, number, body=request).encode() for number in range(10000))
        sender = threading.Thread(target=crowd.send_bytes, args=(frames,))
        sender.start()
        worst = 0.0
        for number in range(100):
            watch = Stopwatch()
            send(broker, subject + ".other", 1, start=number)
            pulled = broker.pull(subject + ".other", "g", last=number - 1)
            assert pulled.ids == [f"m{number}"]
            worst = max(worst, watch())
        sender.join(30)
        assert worst < 1
        send(broker, subject, 1)
        answered = crowd.read(timeout=10)
        assert answered.code == f.SUCCESS


def test_broker_39_typed_keys(broker):
    """Names that collided in the original: subject "ack" with group g, and subject-group pairs that join to one text."""
    pairs = [("ack", "g"), ("b39.x", "g"), ("b39.a-b", "c"), ("b39.a", "b-c"), ("b39@g", "x"), ("b39", "g@x")]
    for subject, group in pairs:
        broker.pull(subject, group)
    held = [broker.post_pull(subject, group, timeout=30000) for subject, group in pairs]
    assert broker.ack("b39.x", "g", "c1", -1, -1) == 0
    for number, (subject, _) in enumerate(pairs):
        send(broker, subject, 1, start=number)
    for number, (opaque, (subject, group)) in enumerate(zip(held, pairs)):
        pulled = broker.pulled(opaque)
        assert pulled.ids == [f"m{number}"]
        assert broker.ack(subject, group, "c1", pulled.first, pulled.last) == 0


def test_broker_52_a_retry_message_is_not_delivered_before_its_delay(broker, subject):
    retry = retry_subject(subject, "g")
    assert broker.pull(retry, "g") is None
    sent_at = time.time()
    send(broker, retry, 1)
    assert broker.pull(retry, "g") is None
    pulled = broker.pull(retry, "g", timeout=10000)
    assert pulled.ids == ["m0"]
    assert time.time() - sent_at >= 1.0
    assert broker.ack(retry, "g", "c1", pulled.first, pulled.last) == 0
    plain = "plain." + subject
    assert broker.pull(plain, "g") is None
    send(broker, plain, 1)
    assert broker.pull(plain, "g").ids == ["m0"]


def test_storage_19_a_young_retry_message_keeps_the_cursor(broker, subject):
    retry = retry_subject(subject, "g")
    broker.pull(retry, "g")
    send(broker, retry, 2)
    for _ in range(5):
        assert broker.pull(retry, "g") is None
    send(broker, retry, 1, start=2)
    found = []
    watch = Stopwatch()
    while len(found) < 3 and watch() < 10:
        pulled = broker.pull(retry, "g", timeout=2000, last=len(found) - 1)
        found += pulled.ids if pulled else []
    assert found == ids(0, 3)
