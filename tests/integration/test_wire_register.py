"""wire_19 to wire_24: CLIENT_REGISTER at a metaserver whose broker groups are made by BROKER_REGISTER requests."""

import examples
import pytest
from waiting import wait_until

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.fields import Writer
from qmqpy.message import dead_subject, retry_subject

SETTINGS = {"refresh.period.seconds": "1"}
MASTER_ADDRESS = "127.0.0.1:29001"


@pytest.fixture
def group(meta):
    """The only broker group of this metaserver, RW."""
    assert meta.broker_register(c.REGISTER_ONLINE, "bg1", MASTER_ADDRESS) == f.SUCCESS
    return "bg1"


def registered(meta, pairs):
    answer = meta.request(f.CLIENT_REGISTER, Writer().map(pairs).bytes())
    assert answer.code == f.SUCCESS
    return c.ClientRegisterAnswer.decode(answer.body)


def test_wire_19_the_example_is_answered_in_the_layout_of_8_2(meta, group):
    meta.send_bytes(examples.REGISTER_FRAME)
    frame = meta.wait(0)
    assert (frame.code, frame.version, frame.flag, frame.request_code) == (0, 9, 1, 35)
    answer = c.ClientRegisterAnswer.decode(frame.body)
    assert answer.encode() == frame.body
    assert (answer.subject, answer.group, answer.offline, answer.type) == ("order.changed", "ticket", 0, c.CONSUMER)
    assert answer.timestamp > 0 and answer.timestamp % 1000 == 0
    [route] = answer.groups
    assert (route.name, route.master, route.state) == (group, MASTER_ADDRESS, c.RW)
    assert route.updated > 0


def test_wire_20_defaults_of_missing_keys(meta, group, subject, database):
    answer = registered(meta, {"subject": subject, "unknown": "key", "": "empty"})
    assert (answer.subject, answer.group, answer.type) == (subject, "", c.OTHER)
    registered(meta, {"subject": subject, "clientId": "no-type", "clientTypeCode": "2"})
    registered(meta, {"subject": subject, "clientId": "bad-type", "clientTypeCode": "2", "requestType": "x"})
    registered(meta, {"subject": subject, "clientId": "heartbeat", "clientTypeCode": "2", "requestType": "2"})
    registered(meta, {"subject": subject, "clientId": "last", "clientTypeCode": "2", "requestType": "1"})
    assert registered(meta, {"subject": subject, "clientTypeCode": "seven"}).type == c.OTHER

    def rows():
        found = database.execute("SELECT client_id FROM client_meta_info WHERE subject_info = ?", subject)
        return {row[0] for row in found}

    wait_until(lambda: "last" in rows(), 5, "the row of the last client")
    assert {"no-type", "bad-type"} <= rows() and "heartbeat" not in rows()


@pytest.mark.parametrize("kind", ["plain", "retry", "dead", "chinese", "odd"])
def test_wire_21_subject_and_group_are_repeated_verbatim(meta, group, subject, kind):
    name = {
        "plain": subject,
        "retry": retry_subject(subject, "g1"),
        "dead": dead_subject(subject, "g1"),
        "chinese": subject + ".支付完成",
        "odd": subject + "@:%#",
    }[kind]
    answer = meta.register(name, c.CONSUMER, "组 g/1", "client@@1")
    assert (answer.subject, answer.group) == (name, "组 g/1")
    assert [route.name for route in answer.groups] == [group]


BAD_CHARACTERS = "\t\n\v\f\r \x85\u1680\u2000\u2006\u2008\u200a\u2028\u2029\u205f\u3000/"


def test_wire_22_an_illegal_subject_gets_the_failure_answer(meta, group):
    names = ["", "%RETRY%a b%g"] + [f"wire22{character}x" for character in BAD_CHARACTERS]
    for name in names:
        answer = meta.register(name, c.CONSUMER, "g1", "c", c.ONLINE)
        assert answer == c.ClientRegisterAnswer(-2, name, "g1", 1, c.CONSUMER, []), repr(name)
    for character in "\u2007\u200b\u00a0\u202f":  # not breaking white space
        assert meta.register(f"wire22{character}x", c.CONSUMER, "g1", "c").groups


def test_wire_22_an_empty_map_gets_the_failure_answer(meta):
    answer = registered(meta, {})
    assert answer == c.ClientRegisterAnswer(-2, "", "", 1, c.OTHER, [])


def names(answer):
    return sorted(route.name for route in answer.groups)


def test_wire_23_groups_in_state_nrw_never_appear(meta, group, subject):
    other = "bg.wire23"
    assert meta.broker_register(c.REGISTER_ONLINE, other, "127.0.0.1:29002") == f.SUCCESS
    wait_until(lambda: names(meta.register(subject)) == sorted([group, other]), 10, "both groups")
    assert meta.broker_register(c.REGISTER_HEARTBEAT, other, state=c.NRW) == f.SUCCESS
    wait_until(lambda: names(meta.register(subject)) == [group], 10, "the group left out")
    assert meta.broker_register(c.REGISTER_HEARTBEAT, other, state=c.R) == f.SUCCESS
    wait_until(lambda: [route.state for route in meta.register(subject).groups if route.name == other] == [c.R], 10)
    assert meta.broker_register(c.REGISTER_OFFLINE, other) == f.SUCCESS
    wait_until(lambda: names(meta.register(subject)) == [group], 10, "the group off line")


def test_wire_23_read_only_groups_are_hidden_from_producers_only(meta, group, subject, database):
    for marked in (subject, "*"):
        assert names(meta.register(subject, c.PRODUCER)) == [group]
        database.execute(
            "INSERT INTO readonly_broker_group_setting (subject, broker_group) VALUES (?, ?)", marked, group
        )
        wait_until(lambda: names(meta.register(subject, c.PRODUCER)) == [], 10, "hidden from producers")
        assert names(meta.register(subject, c.DELAY_PRODUCER)) == []
        assert names(meta.register(subject, c.CONSUMER)) == [group]
        if marked == subject:
            assert names(meta.register(subject + ".other", c.PRODUCER)) == [group]
        database.execute("DELETE FROM readonly_broker_group_setting")
        wait_until(lambda: names(meta.register(subject, c.PRODUCER)) == [group], 10, "visible again")


def test_wire_24_two_online_requests_leave_one_row(meta, group, subject, database):
    def clients():
        return database.execute("SELECT client_id FROM client_meta_info WHERE subject_info = ?", subject)

    for _ in range(3):
        meta.register(subject, c.CONSUMER, "g1", "first", c.ONLINE)
    meta.register(subject, c.CONSUMER, "g1", "second", c.ONLINE)
    wait_until(lambda: ("second",) in clients(), 5, "the row of the second client")
    assert sorted(clients()) == [("first",), ("second",)]
