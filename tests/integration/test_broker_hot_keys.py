"""Every key that the manual calls hot acts in a running broker, and keys of the original without effect are named (broker.md 3.2)."""

import json
import signal
import urllib.request

import pytest
from harness import ADDRESS, free_port
from peers import FakeMetaserver
from waiting import wait_until

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.connection import NoAnswer
from qmqpy.message import message, retry_subject

WAIT = 15


@pytest.fixture
def server(start):
    return start("standalone")


def reload(server, **keys):
    """The file has these keys and no others from now on."""
    server.conf("broker.properties", "".join(f"{key}={value}\n" for key, value in keys.items()))
    server.signal(signal.SIGHUP)


def results(client, body):
    answer = client.request(f.SEND, body)
    assert answer.code == f.SUCCESS
    return [one.result for one in c.decode_send_answer(answer.body)]


def test_hot_bad_crc(server):
    body = bytearray(c.encode_send([message("s", "spoiled")]))
    body[7] ^= 1
    with server.client() as client:
        client.pull("s", "g")
        assert results(client, bytes(body)) == [c.RESULT_STORE_ERROR]
        reload(server, **{"Receiver.BadCrc": "recompute"})
        wait_until(lambda: results(client, bytes(body)) == [], WAIT, "the checksum is made anew")
        assert client.pull("s", "g").ids == ["spoiled"]
        reload(server)
        wait_until(lambda: results(client, bytes(body)) == [c.RESULT_STORE_ERROR], WAIT, "without the key the default holds again")


def test_hot_illegal_subject(server):
    one = c.encode_send([message("a subject", "m")])
    never = c.encode_send([message("a/subject", "m")])
    with server.client() as client:
        assert results(client, one) == [c.RESULT_SUBJECT_NOT_ASSIGNED]
        reload(server, **{"Receiver.RejectIllegalSubject": "false"})
        wait_until(lambda: results(client, one) == [], WAIT, "blanks are allowed")
        assert results(client, never) == [c.RESULT_SUBJECT_NOT_ASSIGNED]  # no directory can have this name
        reload(server, **{"Receiver.RejectIllegalSubject": "true"})
        wait_until(lambda: results(client, one) == [c.RESULT_SUBJECT_NOT_ASSIGNED], WAIT, "blanks are refused again")


def test_hot_pull_answer_max_bytes(server):
    with server.client() as client:
        client.pull("s", "g")
        assert client.send(*(message("s", f"m{number}", {"data": "x" * 1000}) for number in range(20))) == []
        assert len(client.pull("s", "g").ids) == 20
        reload(server, **{"pull.answer.max.bytes": "2500"})
        wait_until(lambda: len(client.pull("s", "g").ids) < 20, WAIT, "answers are smaller")
        assert 1 <= len(client.pull("s", "g").ids) <= 3


def test_hot_pull_parked_max(server):
    with server.client() as client:
        client.pull("s", "g")
        held = client.post_pull("s", "g", timeout=600000)
        reload(server, **{"pull.parked.max": "1"})
        wait_until(lambda: answered_at_once(client), WAIT, "a second one is not held")
        reload(server, **{"pull.parked.max": "2"})
        wait_until(lambda: not answered_at_once(client), WAIT, "a second one is held again")
        assert client.send(message("s", "m")) == []
        assert client.pulled(held).ids == ["m"]


def answered_at_once(client):
    """Whether a pull that may be held for a second is answered before that."""
    opaque = client.post_pull("other", "g", timeout=1000)
    try:
        return client.pulled(opaque, timeout=0.7) is None
    except NoAnswer:
        assert client.pulled(opaque, timeout=10) is None
        return False


def test_hot_receive_queue_size(start):
    server = start("standalone", {"wait.slave.wrote": "true"})
    server.conf("broker.properties", "receive.queue.size=1\n")
    server.signal(signal.SIGHUP)
    with server.client() as client:

        def is_refused():
            opaque = client.post(f.SEND, c.encode_send([message("s", "m")]))
            try:
                told = c.decode_send_answer(client.wait(opaque, 0.2).body)
            except NoAnswer:
                return False  # it waits for a slave
            return [one.result for one in told] == [c.RESULT_READ_ONLY]

        wait_until(is_refused, WAIT, "the queue is full")
        assert is_refused()
        reload(server, **{"receive.queue.size": "100000"})
        wait_until(lambda: not is_refused(), WAIT, "there is room")


def test_hot_limiter(start):
    settings = {"consumer.check.first.seconds": "1", "consumer.check.pause.seconds": "1", "consumer.offline.seconds": "1"}
    server = start("standalone", {**settings, "message.retry.delay.seconds": "0"})
    reload(server, **{"put_need_retry_message.limiter": "0.001"})
    with server.client() as client:
        client.pull("s", "g")
        client.pull(retry_subject("s", "g"), "other")
        wait_until(lambda: "put_need_retry" in told_keys(server), WAIT, "the limiter is read")
        assert client.send(*(message("s", f"m{number}") for number in range(30))) == []
        assert len(client.pull("s", "g", "dead").ids) == 30
        found = []

        def moved(many):
            pulled = client.pull(retry_subject("s", "g"), "other", last=len(found) - 1)
            found.extend(pulled.ids if pulled else [])
            return len(found) >= many

        wait_until(lambda: moved(1), WAIT, "the first one may go at once")
        reload(server, **{"put_need_retry_message.limiter": "1000"})
        wait_until(lambda: moved(30), WAIT, "the others follow")
        assert found == [f"m{number}" for number in range(30)]


def told_keys(server):
    return server.output("stdout") + server.output("stderr")


def health(server):
    with urllib.request.urlopen(f"http://{ADDRESS}:{server.port('monitor.port')}/health", timeout=10) as answer:
        return json.load(answer)["broker"]


def test_hot_send_sync(server):
    before = health(server)["durability"]
    reload(server, **{"send.sync": "disk"})
    changed = wait_until(lambda: health(server)["durability"] != before and health(server)["durability"], WAIT, "send.sync acts")
    assert "disk" in json.dumps(changed)
    reload(server, **{"send.sync.subjects": "pay.done:disk"})
    wait_until(lambda: "pay.done" in json.dumps(health(server)["durability"]), WAIT, "send.sync.subjects acts")
    with server.client() as client:
        assert client.send(message("pay.done", "m")) == []


def snapshots(server):
    return sorted(path.name for path in (server.store_root() / "checkpoint").glob("message-checkpoint.*"))


def test_hot_checkpoints(server):
    with server.client() as client:
        assert client.send(message("s", "m")) == []
        reload(server, **{"message.checkpoint.interval": "1", "checkpoint.retain.count": "2"})
        seen = set()

        def several():
            assert client.send(message("s", "m")) == []
            seen.update(snapshots(server))
            return len(seen) >= 4

        wait_until(several, 60, "a checkpoint a message, a second apart", pause=0.1)
        wait_until(lambda: len(snapshots(server)) <= 2, WAIT, "two are kept")
        assert snapshots(server)[-1] >= max(seen)


def test_hot_skip_check_during_offline(make, start):
    """A broker that does not get on line serves pulls, and decides about silent consumers only when told so."""
    fake = FakeMetaserver(acquire=c.AcquireMetaAnswer("bg1", "", c.MASTER))
    settings = {
        "meta.server.endpoint": fake.endpoint,
        "broker.port": free_port(),
        "consumer.check.first.seconds": "1",
        "consumer.check.pause.seconds": "1",
        "consumer.offline.seconds": "1",
        "message.retry.delay.seconds": "0",
    }
    server = make("broker", settings, arguments=["--host", "host-a", "--ip", ADDRESS]).start()
    with server.client() as client:
        client.pull(retry_subject("s", "g"), "other")
        client.pull("s", "g")
        assert client.send(message("s", "m")) == []
    assert server.stop() == 0
    fake.register = lambda request: f.BROKER_ERROR if request.type == c.REGISTER_ONLINE else f.SUCCESS
    server.launch()
    wait_until(lambda: server.run_file() and server.run_file()["ports"].get("broker.port"), 20, "the port is open")
    with server.client() as client:
        assert client.pull("s", "g", "silent").ids == ["m"]
        # The check runs every second; longer than it would take to move the message it stays where it is.
        for _ in range(20):
            assert client.pull(retry_subject("s", "g"), "other", timeout=200) is None
        reload(server, **{"ConsumerStatusChecker.SkipCheckDuringOffline": "false"})

        def is_moved():
            """Messages that are moved are none of a producer's: they are stored although the broker is not on line."""
            pulled = client.pull(retry_subject("s", "g"), "other", timeout=200)
            return pulled is not None and pulled.ids == ["m"]

        wait_until(is_moved, 20, "the silent consumer's message is moved")
    fake.close()


@pytest.mark.parametrize(
    "key, value",
    [
        ("consumerlog.retention.hours", "10"),
        ("smt.retention.hours", "10"),
        ("smt.enable", "true"),
        ("memtable.max_reserved", "3"),
        ("memtable.max_active", "3"),
        ("action.checkpoint.interval", "100000"),
        ("log_dispatcher.pause.millis", "1"),
    ],
)
def test_keys_without_effect_are_named(make, key, value):
    server = make("standalone")
    server.conf("broker.properties", f"\n{key}={value}\n")
    server.start()
    told = [line for line in server.output().splitlines() if f"{key}={value} (" in line and "has no effect" in line]
    assert len(told) == 1 and "broker.properties:2" in told[0]


def test_the_shipped_file_has_no_key_without_effect(make, tree):
    server = make("standalone")
    text = (tree / "conf" / "broker.properties").read_text("utf-8")
    server.conf("broker.properties", "".join(line for line in text.splitlines(True) if not line.startswith(("meta.", "broker.port", "sync.port"))))
    server.start()
    assert "has no effect" not in server.output() and "unknown key" not in server.output()
