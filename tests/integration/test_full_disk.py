"""A full disk, on a small file system of its own: the broker refuses sends with result 4, serves pulls and acks, and recovers."""

import os

import pytest
from mounts import mounted
from peers import FakeMetaserver
from harness import ADDRESS, free_port
from waiting import wait_until

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.message import message
from qmqpy.store import RANGE_ACK, Store

SIZE = "96m"
BLOCK = message("full", "filler", {"data": "x" * 30000})


@pytest.fixture
def disk(tmp_path):
    with mounted("tmpfs", tmp_path / "disk", f"size={SIZE}") as directory:
        yield directory


@pytest.fixture
def fake():
    server = FakeMetaserver(acquire=c.AcquireMetaAnswer("bg1", "", c.MASTER))
    yield server
    server.close()


@pytest.fixture
def broker(make, disk, fake):
    settings = {
        "meta.server.endpoint": fake.endpoint,
        "broker.port": free_port(),
        "store.root": disk / "store",
        "store.min.free.bytes": 4 << 20,
        "message.retry.delay.seconds": 0,
    }
    return make("broker", settings, arguments=["--host", "host-a", "--ip", ADDRESS]).start()


def free_bytes(directory):
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def eat(disk, leave=0):
    """Fills the disk until so many bytes are left; returns the file that does."""
    path = disk / "eaten"
    with open(path, "ab") as file:
        size = free_bytes(disk) - leave
        if size > 0:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size + size)
            except OSError:
                while True:
                    try:
                        file.write(b"\0" * 4096)
                        file.flush()
                    except OSError:
                        break
    return path


def send_until_refused(client, prefix, limit=20000):
    """Ids of the accepted messages, up to the first answer with a refusal; that answer's results."""
    accepted = []
    for number in range(limit):
        batch = [message("full", f"{prefix}{number}.{part}", {"data": "x" * 30000}) for part in range(4)]
        refused = client.send(*batch)
        names = {result.id for result in refused}
        accepted += [one.id for one in batch if one.id not in names]
        if refused:
            return accepted, refused
    raise AssertionError("never refused")


def sends_work(client):
    return client.send(message("full.probe", "again")) == []


def test_input_full_disk_refuses_sends_serves_pulls_and_recovers(broker, disk, fake):
    with broker.client(timeout=30) as client:
        client.pull("full", "g")
        assert client.send(*(message("full", f"first{number}") for number in range(20))) == []
        eater = eat(disk, leave=12 << 20)
        accepted, refused = send_until_refused(client, "a")
        assert {result.result for result in refused} == {c.RESULT_READ_ONLY}
        told = fake.wait_registration(c.REGISTER_HEARTBEAT, state=c.R, seconds=9)
        assert told
        assert broker.alive()
        broker.wait_state("readonly", 10)
        # Pulls and acks go on.
        pulled = client.pull("full", "g", number=20)
        assert pulled.ids == [f"first{number}" for number in range(20)]
        assert client.ack("full", "g", "c1", pulled.first, pulled.last) == f.SUCCESS
        more = client.pull("full", "g", number=10000, last=pulled.last)
        assert more.ids == accepted[: len(more.ids)]
        assert client.ack("full", "g", "c1", more.first, more.last) == f.SUCCESS
        # Space returns.
        eater.unlink()
        wait_until(lambda: sends_work(client), 30, "sends accepted again")
        broker.wait_state("serving", 10)
        wait_until(lambda: [r for _, r, _ in fake.registrations()][-1].state == c.RW, 9, "RW told to the metaserver")
        found = [one.id for _, _, one in client.drain("full", "g", number=10000)]
        assert [f"first{number}" for number in range(20)] + accepted == pulled.ids + more.ids + found
    assert broker.stop() == 0
    store = Store(broker.store_root())
    assert not store.problems()
    assert [record.message().id for record in store.subjects()["full"]][20:] == accepted


def test_input_full_disk_survives_a_kill_while_full(broker, disk):
    with broker.client(timeout=30) as client:
        client.pull("full", "g")
        eat(disk, leave=12 << 20)
        accepted, _ = send_until_refused(client, "a")
        assert client.pull("full", "g", number=10).ids == accepted[:10]
        assert client.ack("full", "g", "c1", 0, 4) == f.SUCCESS
    broker.kill()
    broker.launch()
    wait_until(lambda: broker.state() in ("serving", "readonly"), 30, "the broker on a full disk")
    with broker.client(timeout=30) as client:
        again = client.pull("full", "g", number=100, last=-1)
        assert (again.first, again.ids) == (5, accepted[5:10])
        (disk / "eaten").unlink()
        wait_until(lambda: sends_work(client), 30, "sends accepted again")
        rest = [one.id for _, _, one in client.drain("full", "g", number=1000)]
    assert rest == accepted[5:]


def test_input_start_without_a_free_byte_is_read_only_and_deletes_nothing(broker, disk):
    with broker.client(timeout=30) as client:
        client.pull("full", "g")
        eat(disk, leave=12 << 20)
        accepted, refused = send_until_refused(client, "a")
        assert {result.remark for result in refused} == {"BROKER READ ONLY: the disk is full"}
    broker.kill()
    eater = eat(disk)
    assert free_bytes(disk) < 65536
    before = {path.name for path in (disk / "store" / "messagelog").iterdir()}
    broker.launch()
    wait_until(lambda: broker.state() in ("serving", "readonly"), 30, "the broker on a disk without a free byte")
    broker.wait_state("readonly", 10)
    assert "free space" in broker.tail()
    with broker.client(timeout=30) as client:
        assert {result.result for result in client.send(message("full.probe", "p"))} == {c.RESULT_READ_ONLY}
        assert client.pull("full", "g", number=10).ids == accepted[:10]
        assert before <= {path.name for path in (disk / "store" / "messagelog").iterdir()}
        eater.unlink()
        wait_until(lambda: sends_work(client), 30, "sends accepted again")
    assert broker.stop() == 0
    assert [record.message().id for record in Store(broker.store_root()).subjects()["full"]] == accepted


def test_broker_45_an_ack_that_cannot_be_logged_is_answered_51_and_accepted_later(broker, disk):
    """Every byte of the disk and of the preallocated room is used up; the refused ack works when space returns."""
    consumer = "c" + "x" * 30000
    with broker.client(timeout=30) as client:
        client.pull("full", "g", consumer)
        assert client.send(*(message("full", f"m{number}") for number in range(10))) == []
        assert client.pull("full", "g", consumer).last == 9
        eater = eat(disk)
        refused = None
        for number in range(5000):
            if client.ack("full", "g", consumer, number, number) == f.BROKER_ERROR:
                refused = number
                break
            eat(disk)
        assert refused is not None, "the disk never filled"
        assert client.ack("full", "g", consumer, refused, refused) == f.BROKER_ERROR
        assert client.pull("full", "g", consumer, last=-1, number=1) is None or refused < 10
        assert broker.alive()
        eater.unlink()
        wait_until(lambda: client.ack("full", "g", consumer, refused, refused) == f.SUCCESS, 30, "the ack accepted")
        assert client.ack("full", "g", consumer, refused + 1, refused + 1) == f.SUCCESS
    assert broker.stop() == 0
    acks = [a for a in Store(broker.store_root()).actions() if a.type == RANGE_ACK]
    assert [(a.first, a.last) for a in acks] == [(number, number) for number in range(refused + 2)]
