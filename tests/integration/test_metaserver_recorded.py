"""metaserver_48, 49, 67: the frames that brokers and metaservers of the original exchanged (the recorded fixtures) against ours."""

import json
import socket

import pytest
from fixtures import fixtures
from harness import ADDRESS, free_port
from management import Database, Http
from peers import FakeMetaserver, FrameServer

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.fields import Reader


def recorded(name):
    """[(request bytes, answer bytes)] in the order of the requests."""
    lines = [json.loads(line) for line in (fixtures("wire") / name).read_text("utf-8").splitlines()]
    pairs, waiting = [], {}
    for line in lines:
        raw = bytes.fromhex(line["hex"])
        frame = f.decode_one(raw)
        if line["dir"] == "req":
            waiting[line["conn"], frame.opaque, frame.code] = raw
        else:
            request = waiting.pop((line["conn"], frame.opaque, frame.request_code), None)
            if request is not None:
                pairs.append((request, raw))
    return pairs


def acquired(pairs):
    """[(host, port, AcquireMetaAnswer or None)] of the code 40 among the pairs."""
    found = []
    for request, answer in pairs:
        asked, told = f.decode_one(request), f.decode_one(answer)
        if asked.code == f.BROKER_ACQUIRE_META:
            reader = Reader(asked.body)
            good = told.code == f.SUCCESS
            found.append((reader.str(), reader.i32(), c.AcquireMetaAnswer.decode(told.body) if good else None))
    return found


@pytest.fixture(params=["sqlite", "mariadb"])
def site(request, make):
    """(metaserver, what executes SQL in its database)"""
    if request.param == "sqlite":
        metaserver = make("metaserver").start()
        return metaserver, Database(metaserver.home).execute
    mariadb = request.getfixturevalue("mariadb")
    return make("metaserver", mariadb.settings()).start(), mariadb.sql


def register(execute, pairs):
    """The rows that the recorded metaserver must have had."""
    rows = {(told.group, told.role): (host, port) for host, port, told in acquired(pairs) if told}
    source_port = {}
    for _, _, told in acquired(pairs):
        if told and told.master:
            copied = {c.SLAVE: c.MASTER, c.BACKUP: c.SLAVE, c.DELAY_SLAVE: c.DELAY_MASTER}[told.role]
            source_port[told.group, copied] = int(told.master.split(":")[1])
    for group, role in source_port:
        rows.setdefault((group, role), (f"host-of-{role}", 1))
    for (group, role), (host, port) in rows.items():
        execute(
            "INSERT INTO broker (group_name, role, hostname, ip, serve_port, sync_port) "
            f"VALUES ('{group}', {role}, '{host}', 2130706433, {port}, {source_port.get((group, role), 2)})"
        )


def exchange(connection, request):
    connection.sendall(request)
    stream = f.FrameStream(keep_raw=True)
    while True:
        stream.feed(connection.recv(65536))
        if stream.next() is not None:
            return stream.raw.pop(0)


@pytest.mark.parametrize("name", ["broker-meta.jsonl", "delay-meta.jsonl", "backup-meta.jsonl"])
def test_metaserver_48_java_servers_get_the_answers_that_theirs_gave(site, name):
    pairs = [pair for pair in recorded(name) if f.decode_one(pair[0]).code in (f.BROKER_ACQUIRE_META, f.BROKER_REGISTER)]
    assert len(pairs) >= 3
    metaserver, execute = site
    register(execute, pairs)
    with socket.create_connection((ADDRESS, metaserver.port("meta.server.port")), 10) as connection:
        for request, answer in pairs:
            assert exchange(connection, request).hex() == answer.hex()


def test_metaserver_49_a_broker_starts_on_what_a_java_metaserver_answers(make):
    pairs = recorded("broker-meta.jsonl")
    bodies = [f.decode_one(answer).body for request, answer in pairs if f.decode_one(request).code == f.BROKER_ACQUIRE_META]
    master = next(body for body in bodies if body and c.AcquireMetaAnswer.decode(body).role == c.MASTER)
    fake = FakeMetaserver(acquire=lambda frame: frame.answer(f.SUCCESS, master))
    try:
        values = {"meta.server.endpoint": fake.endpoint, "broker.port": free_port(), "sync.port": free_port()}
        broker = make("broker", values, arguments=["--ip", ADDRESS]).start()
        online = fake.wait_registration(c.REGISTER_ONLINE)[2]
        theirs = [f.decode_one(request) for request, _ in pairs if f.decode_one(request).code == f.BROKER_REGISTER]
        assert (online.version, online.request_code, online.flag) == (theirs[0].version, theirs[0].request_code, theirs[0].flag)
        assert broker.stop() == 0
        assert len([r for r in fake.registrations() if r[1].type == c.REGISTER_OFFLINE]) == 3
    finally:
        fake.close()


def test_metaserver_67_reset_offset_sends_the_recorded_bytes(start):
    java = [request for request, _ in recorded("meta-broker.jsonl")]
    metaserver = start("metaserver")
    broker = FrameServer(lambda frame, _: frame.answer(f.SUCCESS))
    try:
        with metaserver.client("meta.server.port") as client:
            assert client.broker_register(c.REGISTER_ONLINE, "bg1", f"{ADDRESS}:{broker.port}") == f.SUCCESS
            for raw in java:
                reader = Reader(f.decode_one(raw).body)
                subject, group, where = reader.str(), reader.str(), reader.i32()
                assert client.register(subject).groups != []
                answer = Http(metaserver.port("meta.server.discover.port")).management(
                    "ResetOffset", "test-token", subject=subject, group=group, code=where
                )
                assert answer == {"status": 0, "message": "", "data": "success"}
        ours = [raw for _, raw, _ in broker.received]

        def without_opaque(raw):
            return raw[:14].hex() + raw[18:].hex()

        assert [without_opaque(raw) for raw in ours] == [without_opaque(raw) for raw in java]
    finally:
        broker.close()
