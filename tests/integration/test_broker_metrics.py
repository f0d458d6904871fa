"""broker_69 and broker_70: metrics under the original's names, labels and types (the lines pushed to Graphite are in tests/unit/host)."""

import re
import socket
import threading
import urllib.request

import pytest

from harness import ADDRESS, free_port, is_listening
from qmqpy import frame as f
from qmqpy.message import dead_subject, message, retry_subject
from waiting import wait_until

SUBJECT, GROUP = ("subject",), ("subject", "group")
# name: (type, labels); C and G are gauges in the text, M and T summaries (broker.md 18).
EXPECTED = {
    "receivedMessagesCount": ("gauge", SUBJECT),
    "receivedMessagesEx": ("summary", SUBJECT),
    "produceTime": ("summary", SUBJECT),
    "processTime": ("summary", SUBJECT),
    "putMessageTime": ("summary", SUBJECT),
    "receivedIllegalSubjectMessagesCount": ("gauge", SUBJECT),
    "rejectReceivedMessageCount": ("gauge", SUBJECT),
    "storeMessageErrorCount": ("gauge", SUBJECT),
    "brokerReceivedInvalidMessage": ("gauge", ()),
    "consumerErrorCount": ("gauge", GROUP),
    "deadLetterQueueCount": ("gauge", GROUP),
    "pullRequestCount": ("gauge", GROUP),
    "pullRequestEx": ("summary", GROUP),
    "pullParamErrorCount": ("gauge", GROUP),
    "nonPositiveRequestNumCount": ("gauge", GROUP),
    "pullQueueTime": ("summary", GROUP),
    "suspendRequestCount": ("gauge", GROUP),
    "resumeActorCount": ("gauge", GROUP),
    "pullTimeOutCount": ("gauge", GROUP),
    "pulledMessagesCount": ("gauge", GROUP),
    "pulledMessagesEx": ("summary", GROUP),
    "pulledMessageBytesCount": ("gauge", GROUP),
    "pulledNoMessagesCount": ("gauge", GROUP),
    "pullProcessTime": ("summary", GROUP),
    "findNewExistMessagesTime": ("summary", GROUP),
    "findLostMessagesTime": ("summary", GROUP),
    "findLostMessageCount": ("gauge", GROUP),
    "brokerPullResultReadAsBytesElapsed": ("summary", GROUP),
    "ackRequestCount": ("gauge", GROUP),
    "ackRequestEx": ("summary", GROUP),
    "consumerAckCount": ("gauge", GROUP),
    "ackProcessTime": ("summary", GROUP),
    "consumerDuplicateAckCount": ("gauge", GROUP),
    "consumerLostAckCount": ("gauge", GROUP),
    "putNeedRetryMessagesCount": ("gauge", GROUP),
    "consumerAckTimeoutErrorCountInc": ("gauge", ("consumerId",)),
    "consumerStatusCheckerRetryTaskExecute": ("gauge", GROUP),
    "messageSequenceLag": ("gauge", GROUP),
    "slaveMessageLogLag": ("gauge", ("role",)),
    "slaveActionLogLag": ("gauge", ("role",)),
    "ReplayMessageLogLag": ("gauge", ()),
    "ReplayActionLogLag": ("gauge", ()),
    "storeMessageLogFlushTimer": ("summary", ()),
    "storeConsumerLogFlushTimer": ("summary", ()),
    "storeConsumerLogFlushCount": ("gauge", SUBJECT),
    "consumerLogFlusherElapsedPerExecute": ("summary", ()),
    "logSegmentTotalRefCount": ("gauge", ()),
    "nettyRequestExecutorExecute": ("summary", ()),
    "executorQueueSize": ("gauge", ("requestCode",)),
    "nettyProviderConnectionActiveCount": ("gauge", ("name",)),
    "brokerActiveClientCount": ("gauge", ()),
    "dispatchers_qmq": ("gauge", ()),
    "dispatchers_consumers": ("gauge", ()),
    "actorSystemQueue_qmq": ("gauge", ()),
    "actorSystemQueue_consumers": ("gauge", ()),
    "actorQueue_qmq": ("gauge", ("name",)),
    "actorProcessTime": ("summary", ("actor",)),
}
LINE = re.compile(r'^([a-zA-Z_][a-zA-Z0-9_]*)(?:\{((?:[a-zA-Z_]+="(?:[^"\\\n]|\\["\\n])*",)+)\})? (-?[0-9.E+-]+|NaN|[+-]Inf)$')
LABEL = re.compile(r'([a-zA-Z_]+)="((?:[^"\\]|\\.)*)",')
SETTINGS = {
    "consumer.check.first.seconds": "1",
    "consumer.check.pause.seconds": "1",
    "consumer.offline.seconds": "1",
    "message.checkpoint.interval": "1",
    "connections.max": "1000",
}


def scrape(server):
    with urllib.request.urlopen(f"http://{ADDRESS}:{server.port('monitor.port')}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return answer.read().decode("utf-8")


def parse(text):
    """({family: type}, {sample: [(labels, value)]}); every line must parse."""
    types, samples = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = LINE.match(line)
            assert match, line
            labels = dict(LABEL.findall(match.group(2) or ""))
            samples.setdefault(match.group(1), []).append((labels, float(match.group(3))))
    return types, samples


@pytest.fixture
def loaded(standalone):
    return standalone


def load(server):
    """Everything that leaves a trace in the metrics."""
    with server.client() as broker:
        for subject in ("m", retry_subject("m", "g"), dead_subject("m", "g")):
            broker.pull(subject, "g")
        assert broker.send(*(message("m", f"m{number}") for number in range(20))) == []
        assert len(broker.send(message("m/x", "bad"))) == 1
        assert broker.request(f.SEND, b"\x00\x01").code == f.BROKER_ERROR
        assert broker.send(message(retry_subject("m", "g"), "again"), message(dead_subject("m", "g"), "dead")) == []
        assert broker.pull("m", "g", number=0) is None
        assert broker.pull("m", "g/", number=1) is None
        first = broker.pull("m", "g", number=5)
        broker.pull("m", "g", number=5)
        broker.ack("m", "g", "c1", first.first, first.first)
        broker.ack("m", "g", "c1", first.first, first.first)
        broker.ack("m", "g", "c1", first.first + 2, first.first + 2)
        assert broker.pull("empty", "g", timeout=50) is None
        opaque = broker.post_pull("m", "later", timeout=5000)
        broker.pull("m", "g", number=1)
        wait_until(lambda: value(server, "brokerParkedPullCount") == 1, 10, "the pull is held")
        assert broker.send(message("m", "last")) == []
        assert broker.pulled(opaque).ids == ["last"]


def value(server, name, **labels):
    _, samples = parse(scrape(server))
    found = [number for told, number in samples.get(name, []) if told.items() >= labels.items()]
    return found[0] if found else None


def spoil_crc(server):
    from qmqpy import commands as c

    body = bytearray(c.encode_send([message("m", "spoiled")]))
    body[7] ^= 1
    with server.client() as broker:
        broker.request(f.SEND, bytes(body))


def test_broker_69_names_labels_and_types(loaded):
    load(loaded)
    spoil_crc(loaded)
    wait_until(lambda: value(loaded, "consumerAckTimeoutErrorCountInc", consumerId="c1"), 60, "messages of a silent consumer are moved")
    wait_until(lambda: value(loaded, "storeConsumerLogFlushCount", subject="m"), 60, "the index is written")
    types, samples = parse(scrape(loaded))
    for name, (kind, labels) in EXPECTED.items():
        assert types.get(name) == kind, name
        sample = samples[name + "_count" if kind == "summary" else name]
        own = {tuple(label for label in told if label not in ("server", "instance")) for told, _ in sample}
        assert own == {labels}, (name, own)
        if kind == "summary" and name.endswith("Time"):
            quantiles = {told["quantile"] for told, _ in samples[name]}
            assert quantiles == {"0.5", "0.75", "0.99"}, name


def test_broker_69_figures(loaded):
    assert value(loaded, "receivedMessagesCount", subject="m") >= 22
    assert value(loaded, "receivedMessagesCount", subject="_other") == 1
    assert value(loaded, "consumerErrorCount", subject="m", group="g") >= 2
    assert value(loaded, "deadLetterQueueCount", subject="m", group="g") == 1
    assert value(loaded, "pulledMessagesCount", subject="m", group="later") == 1
    assert value(loaded, "consumerDuplicateAckCount", subject="m", group="g") == 1
    assert value(loaded, "consumerLostAckCount", subject="m", group="g") == 1
    assert value(loaded, "rejectReceivedMessageCount") == 1
    assert value(loaded, "messageSequenceLag", subject="m", group="later") == 0


def test_bad_names_make_no_series(loaded):
    with loaded.client() as broker:
        for number in range(200):
            broker.pull(f"never.seen.{number}/", "g")
            broker.send(message(f"bad {number}", "x"))
    text = scrape(loaded)
    assert "never.seen." not in text and "bad 1" not in text


def test_broker_70_none_opens_no_port(start):
    port = free_port()
    server = start("standalone", {"monitor.action": "none", "monitor.port": str(port)})
    assert "monitor.port" not in server.run_file()["ports"] and not is_listening(port)


def test_scrapes_while_loaded(loaded):
    stop, failures = threading.Event(), []

    def keep_scraping():
        while not stop.is_set():
            try:
                parse(scrape(loaded))
            except (AssertionError, OSError) as error:
                failures.append(error)
                return

    thread = threading.Thread(target=keep_scraping)
    thread.start()
    try:
        with loaded.client() as broker:
            for number in range(200):
                broker.send(message(f"s.{number}", "x"))
                broker.pull(f"s.{number}", f"g.{number}")
    finally:
        stop.set()
        thread.join()
    assert not failures


def test_a_monitor_client_that_says_nothing_holds_nobody(loaded):
    with socket.create_connection((ADDRESS, loaded.port("monitor.port"))):
        assert value(loaded, "brokerActiveClientCount") is not None
