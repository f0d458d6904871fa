"""broker_1 to broker_6 and wire_38: identity, registration, start and stop of the broker against a scripted metaserver."""

import os
import shutil
import socket

import pytest
from harness import ADDRESS, free_port, is_listening
from peers import FakeMetaserver
from waiting import Stopwatch, wait_until

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.client import Client
from qmqpy.message import message
from qmqpy.store import Store

MASTER = c.AcquireMetaAnswer("bg1", "", c.MASTER)


@pytest.fixture
def fake():
    server = FakeMetaserver(acquire=MASTER)
    yield server
    server.close()


@pytest.fixture
def make_broker(make, fake):
    """make_broker(**settings): a broker of the scripted metaserver, not started yet."""

    def build(home=None, **settings):
        values = {"meta.server.endpoint": fake.endpoint, "broker.port": free_port(), "sync.port": free_port()}
        values.update({key.replace("_", "."): value for key, value in settings.items()})
        return make("broker", values, home=home, arguments=["--host", "host-a", "--ip", ADDRESS])

    return build


def test_broker_1_acquire_meta_request(make_broker, fake):
    broker = make_broker().start()
    [asked] = fake.frames(f.BROKER_ACQUIRE_META)
    raw = next(raw for _, raw, frame in fake.received if frame.code == f.BROKER_ACQUIRE_META)
    port = broker.settings["broker.port"].to_bytes(4, "big")
    opaque = asked.opaque.to_bytes(4, "big", signed=True)
    assert raw == bytes.fromhex("000000200012dec10ade00280008") + opaque + bytes.fromhex("00000000ffff") + (
        b"\x00\x06host-a" + port
    )
    assert fake.http_requests == ["/meta/address"]


REFUSED = {
    "slave": c.AcquireMetaAnswer("bg1", "127.0.0.1:1", c.SLAVE),
    "standby": c.AcquireMetaAnswer("bg1", "", c.STANDBY),
    "delay": c.AcquireMetaAnswer("bg1", "", c.DELAY),
    "backup": c.AcquireMetaAnswer("bg1", "127.0.0.1:1", c.BACKUP),
    "delay master": c.AcquireMetaAnswer("bg1", "", c.DELAY_MASTER),
    "delay slave": c.AcquireMetaAnswer("bg1", "127.0.0.1:1", c.DELAY_SLAVE),
    "delay backup": c.AcquireMetaAnswer("bg1", "127.0.0.1:1", c.DELAY_BACKUP),
    "unknown role": c.AcquireMetaAnswer("bg1", "", 77),
    "empty group": c.AcquireMetaAnswer("", "", c.MASTER),
    "code 51": f.BROKER_ERROR,
    "code 3": f.UNKNOWN_CODE,
    "empty body": lambda frame: frame.answer(f.SUCCESS),
    "short body": lambda frame: frame.answer(f.SUCCESS, MASTER.encode()[:-1]),
    "silence": None,
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED.keys())
def test_broker_2_a_refused_start_exits_and_opens_no_port(make_broker, fake, answer):
    fake.acquire = answer
    broker = make_broker().launch()
    ports = [broker.settings["broker.port"], broker.settings["sync.port"]]
    watch = Stopwatch()
    while broker.alive() and watch() < 10:
        assert not any(is_listening(port) for port in ports)
    assert broker.wait_exit(1) in (1, 3)
    assert broker.state() != "serving"
    assert "host-a" in broker.output() or "bg1" in broker.output() or "role" in broker.output().lower()


@pytest.mark.parametrize("role,name", [(c.SLAVE, "SLAVE"), (c.STANDBY, "STANDBY"), (c.DELAY_MASTER, "DELAY_MASTER")])
def test_broker_2_the_role_is_refused_by_name(make_broker, fake, role, name):
    fake.acquire = c.AcquireMetaAnswer("bg1", "127.0.0.1:1", role)
    broker = make_broker().launch()
    assert broker.wait_exit(10) != 0
    assert name in broker.output().upper()


def test_broker_2_an_unreachable_metaserver_ends_the_start(make):
    port = free_port()
    endpoint = f"http://{ADDRESS}:{port}/meta/address"
    broker = make("broker", {"meta.server.endpoint": endpoint}).launch()
    watch = Stopwatch()
    assert broker.wait_exit(10) == 3
    assert watch() < 10
    assert f"{ADDRESS}:{port}" in broker.output()


@pytest.mark.parametrize("body", ["", "nonsense", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "::1:20880"])
def test_broker_2_an_address_that_is_none_ends_the_start(make_broker, fake, body):
    fake.address_body = body
    broker = make_broker().launch()
    assert broker.wait_exit(10) in (1, 3)
    assert any(text and text in broker.output() for text in (fake.endpoint, body))


def test_broker_3_heartbeat_with_nrw_first_and_online_when_both_ports_listen(make_broker, fake):
    open_at_online = []

    def register(request):
        if request.type == c.REGISTER_ONLINE:
            open_at_online.append([is_listening(port) for port in ports])
        return f.SUCCESS

    fake.register = register
    broker = make_broker()
    ports = [broker.settings["broker.port"], broker.settings["sync.port"]]
    broker.start()
    registrations = [request for _, request, _ in fake.registrations()]
    assert (registrations[0].type, registrations[0].state) == (c.REGISTER_HEARTBEAT, c.NRW)
    online = [request for request in registrations if request.type == c.REGISTER_ONLINE]
    assert [(one.state, one.group, one.role, one.address) for one in online] == [
        (c.RW, "bg1", c.MASTER, f"{ADDRESS}:{ports[0]}")
    ]
    assert open_at_online == [[True, True]]


@pytest.mark.slow
def test_broker_3_heartbeats_follow_every_ten_seconds(make_broker, fake):
    broker = make_broker().start()

    def beats():
        return [(at, request) for at, request, _ in fake.registrations() if request.type == c.REGISTER_HEARTBEAT]

    wait_until(lambda: len(beats()) >= 3, 40, "three heartbeats")
    assert [request.state for _, request in beats()][:3] == [c.NRW, c.RW, c.RW]
    times = [at for at, _ in beats()]
    assert all(9.9 <= later - at < 20 for at, later in zip(times, times[1:]))
    assert broker.alive()


def test_broker_3_online_comes_after_the_replay(make_broker, fake):
    """While the store is opened the broker says NRW and no port is open; on line comes when everything is readable."""
    broker = make_broker().start()
    with broker.client() as client:
        client.pull("b3", "g")
        for number in range(40):
            assert client.send(*(message("b3", f"m{number}.{part}") for part in range(500))) == []
    broker.kill()
    for name in ("checkpoint", "consumerlog", ".marker"):
        path = broker.store_root() / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    known = len(fake.registrations())
    found = []

    def register(request):
        if request.type == c.REGISTER_ONLINE:
            with Client((ADDRESS, broker.settings["broker.port"])) as client:
                found.append(client.pull("b3", "g", number=10000).ids[:1])
        return f.SUCCESS

    fake.register = register
    broker.start()
    seen = [(request.type, request.state) for _, request, _ in fake.registrations()[known:]]
    assert seen[0] == (c.REGISTER_HEARTBEAT, c.NRW)
    assert seen.index((c.REGISTER_ONLINE, c.RW)) == min(i for i, (_, state) in enumerate(seen) if state == c.RW)
    assert found == [["m0.0"]]


@pytest.mark.slow
def test_broker_4_online_is_repeated_until_it_succeeds(make_broker, fake):
    refusals = [f.BROKER_ERROR, None, f.BROKER_ERROR]

    def register(request):
        if request.type == c.REGISTER_ONLINE and refusals:
            return refusals.pop(0)
        return f.SUCCESS

    fake.register = register
    broker = make_broker().start(seconds=40)
    assert not refusals
    with broker.client() as client:
        assert client.send(message("b4", "m1")) == []


def test_wire_38_broker_14_before_online_every_message_gets_result_4(make_broker, fake):
    allowed = []

    def register(request):
        return None if request.type == c.REGISTER_ONLINE and not allowed else f.SUCCESS

    fake.register = register
    broker = make_broker().launch()
    fake.wait_registration(c.REGISTER_ONLINE)
    wait_until(lambda: is_listening(broker.settings["broker.port"]), 10, "the broker port")
    client = Client((ADDRESS, broker.settings["broker.port"]))
    refused = client.send(message("w38", "m1"), message("w38", "m2"))
    assert refused == [c.SendResult(one, c.RESULT_READ_ONLY, "BROKER READ ONLY") for one in ("m1", "m2")]
    assert client.pull("w38", "g") is None
    assert client.ack("w38", "g", "c1", -1, -1) == f.SUCCESS
    assert broker.state() != "serving"
    allowed.append(True)
    broker.wait_state("serving", 30)
    assert client.send(message("w38", "m3")) == []
    assert client.pull("w38", "g").ids == ["m3"]
    client.close()


def test_broker_5_sigterm_says_offline_three_times_and_loses_nothing(make_broker, fake):
    broker = make_broker().start()
    with broker.client() as client:
        client.pull("b5", "g")
        for number in range(200):
            assert client.send(message("b5", f"m{number}")) == []
        assert len(client.pull("b5", "g").ids) == 50
        assert client.ack("b5", "g", "c1", 0, 19) == 0
    ports = [broker.port("broker.port"), broker.port("sync.port")]
    assert broker.stop() == 0
    last = [(request.type, request.state) for _, request, _ in fake.registrations()][-3:]
    assert last == [(c.REGISTER_OFFLINE, c.NRW)] * 3
    assert not any(is_listening(port) for port in ports)
    store = Store(broker.store_root())
    before = [(record.offset, record.sequence, record.payload) for record in store.messages()]
    assert len(before) == 200 and not store.problems()
    broker.start()
    store = Store(broker.store_root())
    assert [(record.offset, record.sequence, record.payload) for record in store.messages()] == before
    with broker.client() as client:
        again = client.pull("b5", "g", last=-1, number=100)
        assert (again.first, again.ids) == (20, [f"m{number}" for number in range(20, 50)])
        assert client.pull("b5", "g", last=49).ids[0] == "m50"


def test_broker_5_a_second_sigterm_is_immediate(make_broker, fake):
    fake.register = lambda request: None if request.type == c.REGISTER_OFFLINE else f.SUCCESS
    broker = make_broker().start()
    broker.signal(15)
    fake.wait_registration(c.REGISTER_OFFLINE)
    broker.signal(15)
    broker.wait_exit(5)


@pytest.mark.parametrize("key", ["broker.port", "sync.port"])
def test_broker_6_an_occupied_port_ends_the_start_and_names_the_owner(make_broker, key):
    with socket.create_server((ADDRESS, 0)) as owner:
        port = owner.getsockname()[1]
        broker = make_broker(**{key.replace(".", "_"): port}).launch()
        assert broker.wait_exit(10) == 1
        text = broker.output()
        assert str(port) in text and key in text
        assert str(os.getpid()) in text
