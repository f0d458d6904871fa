"""wire_27 to wire_32: what brokers ask the metaserver, and what ours sends."""

import pytest
from harness import TOKEN, free_port
from peers import FakeMetaserver
from waiting import Stopwatch, wait_until

from qmqpy import commands as c
from qmqpy import frame as f

SETTINGS = {"refresh.period.seconds": "1", "heartbeat.timeout.ms": "1500"}


def test_wire_27_the_master_address_by_role(meta, http):
    for role, host in ((c.MASTER, "h27m"), (c.SLAVE, "h27s"), (c.BACKUP, "h27b")):
        answer = http.add_broker("bg27", host, f"10.0.0.{role + 1}", 20881, 20882, role)
        assert answer["status"] == 0, answer
    assert meta.acquire_meta("h27m", 20881) == (0, c.AcquireMetaAnswer("bg27", "", c.MASTER))
    assert meta.acquire_meta("h27s", 20881) == (0, c.AcquireMetaAnswer("bg27", "10.0.0.1:20882", c.SLAVE))
    assert meta.acquire_meta("h27b", 20881) == (0, c.AcquireMetaAnswer("bg27", "10.0.0.2:20882", c.BACKUP))


def test_wire_28_unknown_host_or_port_is_answered_51(meta, http):
    assert http.add_broker("bg28", "h28", "10.0.0.1", 20881, 20882)["status"] == 0
    assert meta.acquire_meta("h28", 20881)[0] == 0
    for host, port in (("h28", 20880), ("h29", 20881), ("", 0), ("10.0.0.1", 20881), ("h28", -1)):
        assert meta.acquire_meta(host, port) == (f.BROKER_ERROR, None)


def test_wire_28_a_slave_without_master_is_answered_51(meta, http):
    assert http.add_broker("bg28s", "h28s", "10.0.0.1", 20881, 20882, c.SLAVE)["status"] == 0
    assert meta.acquire_meta("h28s", 20881) == (f.BROKER_ERROR, None)


def state(http, group):
    return http.groups()[group]["brokerState"]


def test_wire_29_a_silent_group_turns_nrw_and_comes_back(meta, http, subject):
    watch = Stopwatch()
    assert meta.broker_register(c.REGISTER_ONLINE, "bg29") == f.SUCCESS
    assert state(http, "bg29") == "RW"
    wait_until(lambda: state(http, "bg29") == "NRW", 10, "NRW")
    assert 1.5 <= watch() < 6
    wait_until(lambda: not meta.register(subject).groups, 5, "no group in answers")
    watch = Stopwatch()
    assert meta.broker_register(c.REGISTER_ONLINE, "bg29") == f.SUCCESS
    assert state(http, "bg29") == "RW"
    while watch() < 2.5:  # heartbeats keep it
        assert meta.broker_register(c.REGISTER_HEARTBEAT, "bg29") == f.SUCCESS
        assert state(http, "bg29") == "RW"
    wait_until(lambda: state(http, "bg29") == "NRW", 10, "NRW again")
    assert meta.broker_register(c.REGISTER_HEARTBEAT, "bg29") == f.SUCCESS
    wait_until(lambda: state(http, "bg29") == "RW", 10, "RW after a heartbeat")


@pytest.mark.parametrize("told", [c.RW, c.R, c.W, c.NRW])
def test_wire_30_online_stores_rw_and_heartbeat_stores_its_state(meta, http, told):
    name = {c.RW: "RW", c.R: "R", c.W: "W", c.NRW: "NRW"}[told]
    group = f"bg30{name}"
    assert meta.broker_register(c.REGISTER_ONLINE, group, state=told) == f.SUCCESS
    row = http.groups()[group]
    assert (row["brokerState"], row["master"], row["kind"]) == ("RW", "127.0.0.1:20881", "NORMAL")
    assert meta.broker_register(c.REGISTER_HEARTBEAT, group, state=told) == f.SUCCESS
    wait_until(lambda: state(http, group) == name, 5, f"state {name}")
    assert meta.broker_register(c.REGISTER_ONLINE, group, "127.0.0.1:20999", state=told) == f.SUCCESS
    row = http.groups()[group]
    assert (row["brokerState"], row["master"]) == ("RW", "127.0.0.1:20999")


def test_wire_30_a_heartbeat_makes_no_row_and_bad_requests_are_answered_51(meta, http):
    assert meta.broker_register(c.REGISTER_HEARTBEAT, "bg30none") == f.SUCCESS
    assert "bg30none" not in http.groups()
    assert meta.broker_register(7, "bg30") == f.BROKER_ERROR
    assert meta.broker_register(c.REGISTER_ONLINE, "bg30", role=77) == f.BROKER_ERROR
    assert meta.broker_register(c.REGISTER_OFFLINE, "bg30", role=-1) == f.BROKER_ERROR


@pytest.mark.parametrize("role", [c.SLAVE, c.BACKUP, c.DELAY_SLAVE, c.DELAY_BACKUP])
def test_wire_31_slaves_and_backups_change_nothing(meta, http, role):
    group = f"bg31.{role}"
    assert meta.broker_register(c.REGISTER_ONLINE, group) == f.SUCCESS
    for kind in (c.REGISTER_ONLINE, c.REGISTER_HEARTBEAT, c.REGISTER_OFFLINE, 9):
        assert meta.broker_register(kind, group, "10.9.9.9:1", role, c.NRW) == f.SUCCESS
        assert meta.broker_register(kind, group + ".new", "10.9.9.9:1", role, c.NRW) == f.SUCCESS
    row = http.groups()[group]
    assert (row["brokerState"], row["master"]) == ("RW", "127.0.0.1:20881")
    assert group + ".new" not in http.groups()


@pytest.fixture
def fake():
    server = FakeMetaserver(acquire=c.AcquireMetaAnswer("bg32", "", c.MASTER))
    yield server
    server.close()


@pytest.mark.slow
def test_wire_32_our_broker_registers_in_version_8_and_beats_every_10_s(make, fake):
    port = free_port()
    settings = {"meta.server.endpoint": fake.endpoint, "broker.port": port}
    broker = make("broker", settings, arguments=["--host", "host-32", "--ip", "127.0.0.1"]).start()
    fake.wait_frames(f.BROKER_REGISTER, 2)

    def beats():
        return [at for at, request, _ in fake.registrations() if request.type == c.REGISTER_HEARTBEAT]

    wait_until(lambda: len(beats()) >= 2, 25, "the second heartbeat")
    first, second = beats()[:2]
    assert 9.9 <= second - first < 15
    assert broker.stop() == 0
    requests = fake.registrations()
    assert [request.type for _, request, _ in requests][-3:] == [c.REGISTER_OFFLINE] * 3
    assert {request.state for _, request, _ in requests[-3:]} == {c.NRW}
    assert {(r.group, r.address, r.role) for _, r, _ in requests} == {("bg32", f"127.0.0.1:{port}", c.MASTER)}
    for frame in fake.frames():
        assert (frame.version, frame.flag, frame.request_code) == (8, 0, -1)
    [asked] = fake.frames(f.BROKER_ACQUIRE_META)
    assert c.AcquireMeta.decode(asked.body) == c.AcquireMeta("host-32", port)


def test_wire_28_tokens_protect_adding_brokers(http):
    for token in ("", "wrong", TOKEN.upper(), TOKEN + " "):
        answer = http.add_broker("bg28t", "h28t", "10.0.0.1", 20881, 20882, token=token)
        assert answer == {"status": -1, "message": "没有提供合法的 Api Token", "data": None}
    assert http.management("ListBrokers", brokerGroup="bg28t") == {"status": 0, "message": "", "data": []}
