"""broker_19 and what a broker reads again while it runs: a changed file acts within seconds, a wrong one changes nothing."""

import signal

import pytest
from harness import ADDRESS
from peers import FakeMetaserver

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.connection import NoAnswer
from qmqpy.message import message
from waiting import wait_until


def said(server, *words):
    return lambda: any(all(word in line for word in words) for line in (server.output("stdout") + server.output("stderr")).splitlines())


def reload(server, text, *words):
    """Writes broker.properties, asks for a reload and waits for the line that tells of it."""
    server.conf("broker.properties", text)
    server.signal(signal.SIGHUP)
    if words:
        wait_until(said(server, *words), 15, f"a line with {words}")


def test_broker_19_wait_slave_wrote(start):
    server = start("standalone")
    with server.client() as broker:
        assert broker.send(message("s", "before")) == []
        server.conf("broker.properties", "wait.slave.wrote=true\n")
        server.signal(signal.SIGHUP)
        parked = []

        def waits():
            opaque = broker.post(f.SEND, c.encode_send([message("s", f"m{len(parked)}")]))
            parked.append(opaque)
            # A heartbeat behind it is answered; the SEND is not.
            assert broker.ack("s", "g", "c1", -1, -1) == f.SUCCESS
            try:
                broker.wait(opaque, 0.2)
            except NoAnswer:
                return True
            parked.pop()
            return False

        wait_until(waits, 15, "answers wait for a slave")
        server.conf("broker.properties", "wait.slave.wrote=false\n")
        server.signal(signal.SIGHUP)
        # What waits is answered, and what comes after it too (BUG-24).
        assert broker.wait(parked[-1], 15).code == f.SUCCESS
        assert broker.send(message("s", "after"), timeout=15) == []


@pytest.mark.slow
def test_broker_19_a_changed_file_is_noticed_without_a_signal(start):
    server = start("standalone")
    with server.client() as broker:
        broker.pull("s", "g")
        assert broker.send(message("s", "m")) == []
        server.conf("broker.properties", "PullMessageProcessor.AllowNonPositiveRequestNum=true\n")
        wait_until(lambda: broker.pull("s", "g", number=0) is not None, 30, "the file is looked at every ten seconds")
        server.conf("broker.properties", "PullMessageProcessor.AllowNonPositiveRequestNum=false\n")
        wait_until(lambda: broker.pull("s", "g", number=0) is None, 30, "and again")


def test_a_wrong_reload_keeps_every_old_value(start):
    server = start("standalone")
    server.conf("broker.properties", "PullMessageProcessor.AllowNonPositiveRequestNum=true\n")
    server.signal(signal.SIGHUP)
    with server.client() as broker:
        broker.pull("s", "g")
        assert broker.send(message("s", "m")) == []

        def allowed():
            pulled = broker.pull("s", f"other.{allowed.tries}", number=0, last=-1)
            allowed.tries += 1
            return broker.pull("s", "g", number=0) is not None or pulled is not None

        allowed.tries = 0
        wait_until(allowed, 15, "requestNum 0 is allowed")
        for text, words in [
            ("PullMessageProcessor.AllowNonPositiveRequestNum=true\nmessage.retry.delay.seconds=soon\n", ("message.retry.delay.seconds", "broker.properties:2")),
            ("PullMessageProcessor.AllowNonPositiveRequestNum=true\nmessage.retry.delay.seconds=-1\n", ("message.retry.delay.seconds", "-1")),
            ("PullMessageProcessor.AllowNonPositiveRequestNum=true\nsend.sync=sometimes\n", ("send.sync", "sometimes")),
            ("PullMessageProcessor.AllowNonPositiveRequestNum=false\nReceiver.BadCrc=perhaps\n", ("Receiver.BadCrc", "perhaps")),
            ("PullMessageProcessor.AllowNonPositiveRequestNum=false\nput_need_retry_message.limiter=0\n", ("put_need_retry_message.limiter",)),
            ("PullMessageProcessor.AllowNonPositiveRequestNum=false\nmessage.sync.timeout.ms=9000\nslave.sync.timeout=9000\n", ("message.sync.timeout.ms", "slave.sync.timeout")),
            ("PullMessageProcessor.AllowNonPositiveRequestNum=true\nmesage.retry.delay.seconds=1\n", ("mesage.retry.delay.seconds", "message.retry.delay.seconds")),
            ("PullMessageProcessor.AllowNonPositiveRequestNum=true\nstore.root=\\u00zz\n", ("broker.properties:2",)),
        ]:
            reload(server, text, *words)
            assert broker.pull("s", "g", number=0) is not None, text


@pytest.mark.parametrize(
    "data, words",
    [
        ("message.retry.delay.seconds=0\n".encode("utf-16"), ("broker.properties:1", "UTF-16", "UTF-8")),
        ("message.retry.delay.seconds=0\n".encode("utf-16-be"), ("broker.properties:1", "UTF-16", "UTF-8")),
        (b"#\nmessage.retry.delay.seconds=0\n\0", ("broker.properties:3", "zero byte")),
    ],
)
def test_a_reload_of_another_encoding(start, data, words):
    """Refused whole with the line and what to do; the values stay, and the right file acts afterwards."""
    server = start("standalone")
    path = server.home.joinpath("conf", "broker.properties")
    with server.client() as broker:
        broker.pull("%RETRY%s%g", "g")

        def at_once():
            assert broker.send(message("%RETRY%s%g", "m")) == []
            return broker.pull("%RETRY%s%g", "g", timeout=0) is not None

        path.write_bytes(data)
        server.signal(signal.SIGHUP)
        wait_until(said(server, *words), 15, f"a line with {words}")
        assert not at_once()
        path.write_text("message.retry.delay.seconds=0\n", "utf-8")
        server.signal(signal.SIGHUP)
        wait_until(at_once, 15, "the retry delay is gone")


def test_a_reload_with_a_path_that_property_syntax_swallows(make):
    """Named with its line, as it was read and as it should have been written; the other keys of the file count."""
    fake = FakeMetaserver(acquire=c.AcquireMetaAnswer("bg1", "", c.MASTER))
    server = make("broker", {"meta.server.endpoint": fake.endpoint}, arguments=["--host", "host-a", "--ip", ADDRESS])
    del server.settings["store.root"]  # --set would win over the file
    server.conf("broker.properties", "store.root=data\n")
    server.start()
    text = "Receiver.BadCrc=recompute\nstore.root=D:\\data\\qmq\n"
    reload(server, text, "broker.properties:2", "store.root", "D:dataqmq", "D:/data/qmq", "D:\\\\data\\\\qmq")
    assert said(server, "broker.properties:1", "Receiver.BadCrc changed from reject to recompute")()
    assert server.state() == "serving"
    fake.close()


@pytest.mark.parametrize("text", ["\ufeffmessage.retry.delay.seconds=0\r\n#x\r\nwait.slave.wrote=false\r\n", "message.retry.delay.seconds : 0\n"])
def test_bom_crlf_and_separators(start, text):
    server = start("standalone")
    server.home.joinpath("conf", "broker.properties").write_bytes(text.encode("utf-8"))
    server.signal(signal.SIGHUP)
    with server.client() as broker:
        broker.pull("%RETRY%s%g", "g")

        def at_once():
            assert broker.send(message("%RETRY%s%g", "m")) == []
            return broker.pull("%RETRY%s%g", "g", timeout=0) is not None

        wait_until(at_once, 15, "the retry delay is gone")


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"Receiver.BadCrc": "perhaps"}, ["Receiver.BadCrc", "perhaps", "recompute"]),
        ({"put_need_retry_message.limiter": "-1"}, ["put_need_retry_message.limiter"]),
        ({"consumer.offline.seconds": "100", "consumer.forever.seconds": "100"}, ["consumer.offline.seconds", "consumer.forever.seconds"]),
        ({"broker.port": "20997", "sync.port": "20997"}, ["broker.port", "sync.port", "20997"]),
        ({"message.sync.timeout.ms": "5000"}, ["message.sync.timeout.ms=5000", "slave.sync.timeout=3000"]),
    ],
)
def test_contradictions_do_not_start(make, settings, words):
    server = make("standalone", settings)
    server.launch()
    assert server.wait_exit() == 1
    assert all(word in server.output() for word in words), server.output()
