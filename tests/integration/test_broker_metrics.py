"""broker_69 and broker_70: metrics under the original's names, labels and types (the lines pushed to Graphite are in tests/unit/host)."""

import json
import re
import socket
import threading
import urllib.request
from pathlib import Path

import pytest

from harness import ADDRESS, free_port, is_listening
from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.message import dead_subject, message, retry_subject
from waiting import wait_until

SUBJECT, GROUP = ("subject",), ("subject", "group")
# name: (type, labels); C and G are gauges in the text, M and T summaries (broker.md 18).
PRODUCE = {
    "receivedMessagesCount": ("gauge", SUBJECT),
    "receivedMessagesEx": ("summary", SUBJECT),
    "produceTime": ("summary", SUBJECT),
    "processTime": ("summary", SUBJECT),
    "putMessageTime": ("summary", SUBJECT),
    "storeMessageErrorCount": ("gauge", SUBJECT),
    "receivedIllegalSubjectMessagesCount": ("gauge", SUBJECT),
    "rejectReceivedMessageCount": ("gauge", SUBJECT),
    "brokerReceivedInvalidMessage": ("gauge", ()),
    "consumerErrorCount": ("gauge", GROUP),
    "deadLetterQueueCount": ("gauge", GROUP),
}
PULL = {
    "pullRequestCount": ("gauge", GROUP),
    "pullRequestEx": ("summary", GROUP),
    "pullParamErrorCount": ("gauge", GROUP),
    "nonPositiveRequestNumCount": ("gauge", GROUP),
    "pullQueueTime": ("summary", GROUP),
    "pullInValidCount": ("gauge", GROUP),
    "suspendRequestCount": ("gauge", GROUP),
    "resumeActorCount": ("gauge", GROUP),
    "pullTimeOutCount": ("gauge", GROUP),
    "pulledMessagesCount": ("gauge", GROUP),
    "pulledMessagesEx": ("summary", GROUP),
    "pulledMessageBytesCount": ("gauge", GROUP),
    "pulledNoMessagesCount": ("gauge", GROUP),
    "pullProcessTime": ("summary", GROUP),
    "brokerPullResultReadAsBytesElapsed": ("summary", GROUP),
    "findNewExistMessagesTime": ("summary", GROUP),
    "findLostMessagesTime": ("summary", GROUP),
    "findLostMessageCount": ("gauge", GROUP),
    "consumerLogOffsetRangeErrorCount": ("gauge", GROUP),
    "memtable_hits_count": ("gauge", ()),
}
ACK = {
    "ackRequestCount": ("gauge", GROUP),
    "ackRequestEx": ("summary", GROUP),
    "consumerAckCount": ("gauge", GROUP),
    "ackProcessTime": ("summary", GROUP),
    "consumerDuplicateAckCount": ("gauge", GROUP),
    "consumerLostAckCount": ("gauge", GROUP),
    "putNeedRetryMessagesCount": ("gauge", GROUP),
    "consumerAckTimeoutErrorCountInc": ("gauge", ("consumerId",)),
    "consumerStatusCheckerRetryTaskExecute": ("gauge", GROUP),
    "consumerStatusCheckerOfflineTaskExecute": ("gauge", GROUP),
    "maybeLostMessages": ("gauge", GROUP),
    "messageSequenceLag": ("gauge", GROUP),
}
# Those without the labels of a subject or group are there from the start.
PROCESS = {
    "slaveMessageLogLag": ("gauge", ("role",)),
    "slaveActionLogLag": ("gauge", ("role",)),
    "ReplayMessageLogLag": ("gauge", ()),
    "ReplayActionLogLag": ("gauge", ()),
    "ReplayMessageLogFailed": ("gauge", ()),
    "ReplayActionLogFailed": ("gauge", ()),
    "storeMessageLogFlushTimer": ("summary", ()),
    "storeConsumerLogFlushTimer": ("summary", ()),
    "storePullLogFlushTimer": ("summary", ()),
    "storePullLogFlushCount": ("gauge", ()),
    "consumerLogFlusherElapsedPerExecute": ("summary", ()),
    "pullLogFlusherElapsedPerExecute": ("summary", ()),
    "consumerLogFlusherExceedCheckpointInterval": ("gauge", ()),
    "pullLogFlusherExceedCheckpointInterval": ("gauge", ()),
    "consumerLogFlusherFlushFailed": ("gauge", ()),
    "pullLogFlusherFlushFailed": ("gauge", ()),
    "logSegmentTotalRefCount": ("gauge", ()),
    "nettyRequestExecutorExecute": ("summary", ()),
    "executorQueueSize": ("gauge", ("requestCode",)),
    "nettyProviderConnectionActiveCount": ("gauge", ("name",)),
    "brokerActiveClientCount": ("gauge", ()),
    "dispatchers_qmq": ("gauge", ()),
    "dispatchers_consumers": ("gauge", ()),
    "actorSystemQueue_qmq": ("gauge", ()),
    "actorSystemQueue_consumers": ("gauge", ()),
}
MAILBOXES = {
    "storeConsumerLogFlushCount": ("gauge", SUBJECT),
    "actorQueue_qmq": ("gauge", ("name",)),
    "actorQueue_consumers": ("gauge", ("name",)),
    "actorProcessTime": ("summary", ("actor",)),
}
EXPECTED = {**PRODUCE, **PULL, **ACK, **PROCESS, **MAILBOXES}
# Moved by faults only: tests/unit/broker/test_figures.c, test_limits.c and tests/unit/store prove these.
BY_FAULTS = {
    "receivedFailedCount",
    "brokerReadOnlyMessageCount",
    "pullExpiredCount",
    "findLostMessageEmptyCount",
    "findMessagesErrorCount",
    "getMessageErrorCount",
    "getMessageOverflowCount",
    "expiredMessages",
    "readMessageReturnNull",
    "hitDeletedConsumerLogSegment",
    "putAckActionsErrorCount",
    "putActionFailedCount",
    "consumerLogAdjustMinOffset",
}
# A master without slave shows none of these, nor does the original: the first two are a slave's, the last one the backup server's.
ELSEWHERE = {"syncTaskExecTimer", "syncTaskSyncFailedCount", "Store_IndexLog_FlushTimer"}
LINE = re.compile(r'^([a-zA-Z_][a-zA-Z0-9_]*)(?:\{((?:[a-zA-Z_]+="(?:[^"\\\n]|\\["\\n])*",)+)\})? (-?[0-9.E+-]+|NaN|[+-]Inf)$')
LABEL = re.compile(r'([a-zA-Z_]+)="((?:[^"\\]|\\.)*)",')
SETTINGS = {
    "consumer.check.first.seconds": "1",
    "consumer.check.pause.seconds": "1",
    "consumer.offline.seconds": "1",
    "consumer.forever.seconds": "4",
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
        # A filter passes over messages, a reset skips some, a held pull loses its connection.
        assert broker.pull("m", "g", filters=[c.TagFilter(c.TAG_OR, ["none"])]) is None
        assert broker.send(*(message("m", f"skipped{number}") for number in range(3))) == []
        broker.reset("m", "g", c.LATEST)
        assert broker.send(message("m", "reached")) == []
        assert broker.pull("m", "g", last=100).ids == ["reached"]
        gone = server.client()
        gone.post_pull("m", "gone", "gone", timeout=60000)
        wait_until(lambda: value(server, "brokerParkedPullCount") == 1, 10, "the pull is held")
        gone.close()
        wait_until(lambda: value(server, "brokerActiveClientCount") == 1, 10, "the connection is gone")
        assert broker.send(message("m", "nobody's")) == []


def value(server, name, **labels):
    _, samples = parse(scrape(server))
    found = [number for told, number in samples.get(name, []) if told.items() >= labels.items()]
    return found[0] if found else None


def spoil_crc(server):
    body = bytearray(c.encode_send([message("m", "spoiled")]))
    body[7] ^= 1
    with server.client() as broker:
        broker.request(f.SEND, bytes(body))


def test_broker_69_names_labels_and_types(loaded):
    load(loaded)
    spoil_crc(loaded)
    wait_until(lambda: value(loaded, "consumerAckTimeoutErrorCountInc", consumerId="c1"), 60, "messages of a silent consumer are moved")
    wait_until(lambda: value(loaded, "consumerStatusCheckerOfflineTaskExecute", subject="m"), 60, "a consumer is written off")
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


def test_broker_69_what_has_no_labels_is_there_from_the_start(start):
    types, samples = parse(scrape(start("standalone")))
    for name, (kind, _) in PROCESS.items():
        assert types.get(name) == kind, name
    assert not ELSEWHERE & types.keys()
    assert not (EXPECTED.keys() - PROCESS.keys() - {"brokerReceivedInvalidMessage", "memtable_hits_count"}) & types.keys()
    for name in ("ReplayMessageLogFailed", "executorQueueSize", "ReplayMessageLogLag", "slaveMessageLogLag", "memtable_hits_count"):
        assert [number for _, number in samples[name]] == [0], name


def test_broker_69_figures(loaded):
    assert value(loaded, "receivedMessagesCount", subject="m") >= 22
    assert value(loaded, "receivedMessagesCount", subject="_other") == 1
    assert value(loaded, "consumerErrorCount", subject="m", group="g") >= 2
    assert value(loaded, "deadLetterQueueCount", subject="m", group="g") == 1
    assert value(loaded, "pulledMessagesCount", subject="m", group="later") == 1
    assert value(loaded, "consumerDuplicateAckCount", subject="m", group="g") == 1
    assert value(loaded, "consumerLostAckCount", subject="m", group="g") == 1
    assert value(loaded, "rejectReceivedMessageCount") == 1
    assert value(loaded, "messageSequenceLag", subject="m", group="later") == 5  # three skipped, reached, nobody's


def counters(server):
    """{(sample, labels): value} of everything that has the subject "count"."""
    _, samples = parse(scrape(server))
    return {
        (name, tuple(told[label] for label in GROUP if label in told)): number
        for name, found in samples.items()
        for told, number in found
        if told.get("subject") == "count" and "quantile" not in told
    }


# What one request moves, beside the timers; by (sample, labels).
S, G = ("count",), ("count", "g")
PUT_ONE = {("receivedMessagesCount", S): 1, ("receivedMessagesEx_count", S): 1, ("receivedMessagesEx_sum", S): 1}
PUT_TWO = {("receivedMessagesCount", S): 2, ("receivedMessagesEx_sum", S): 2, ("processTime_count", S): 2, ("produceTime_count", S): 2}
PULLED_TWO = {
    ("pullRequestCount", G): 1,
    ("pullRequestEx_count", G): 1,
    ("pulledMessagesCount", G): 2,
    ("pulledMessagesEx_sum", G): 2,
    ("pullQueueTime_count", G): 1,
    ("pullProcessTime_count", G): 1,
    ("findLostMessagesTime_count", G): 1,
    ("findNewExistMessagesTime_count", G): 1,
}
AGAIN_TWO = {("pullRequestCount", G): 1, ("pulledMessagesCount", G): 2, ("findLostMessageCount", G): 2}
NOTHING = {("pullRequestCount", G): 1, ("pulledNoMessagesCount", G): 1, ("pulledMessagesCount", G): 0}
NO_NUMBER = {("pullRequestCount", G): 1, ("nonPositiveRequestNumCount", G): 1, ("pulledNoMessagesCount", G): 1}
ACKED = {("ackRequestCount", G): 1, ("ackRequestEx_count", G): 1, ("consumerAckCount", G): 1, ("ackProcessTime_count", G): 1}
ACKED_TWICE = {("ackRequestCount", G): 1, ("consumerAckCount", G): 1, ("consumerDuplicateAckCount", G): 1}
HEARTBEAT = {("ackRequestCount", G): 1, ("consumerAckCount", G): 0}
GAP = {("consumerAckCount", G): 1, ("consumerLostAckCount", G): 1, ("putNeedRetryMessagesCount", G): 1}
RETRIED = {("consumerErrorCount", G): 1, ("deadLetterQueueCount", G): 0, ("receivedMessagesCount", S): 0}
DIED = {("consumerErrorCount", G): 1, ("deadLetterQueueCount", G): 1, ("receivedMessagesCount", S): 0}


def test_broker_69_each_request_moves_its_counters(start):
    server = start("standalone")
    with server.client() as broker:
        broker.pull("count", "g")
        steps = [
            (lambda: broker.send(message("count", "m0")), PUT_ONE),
            (lambda: broker.send(message("count", "m1"), message("count", "m2")), PUT_TWO),
            (lambda: broker.pull("count", "g", number=2), PULLED_TWO),
            (lambda: broker.pull("count", "g", number=2), AGAIN_TWO),
            (lambda: broker.pull("count", "g", last=1, number=1), {("pulledMessagesCount", G): 1}),
            (lambda: broker.pull("count", "g", last=2), NOTHING),
            (lambda: broker.pull("count", "g", number=0), NO_NUMBER),
            (lambda: broker.ack("count", "g", "c1", 0, 0), ACKED),
            (lambda: broker.ack("count", "g", "c1", 0, 0), ACKED_TWICE),
            (lambda: broker.ack("count", "g", "c1", -1, -1), HEARTBEAT),
            (lambda: broker.ack("count", "g", "c1", 2, 2), GAP),
            (lambda: broker.send(message(retry_subject("count", "g"), "r")), RETRIED),
            (lambda: broker.send(message(dead_subject("count", "g"), "d")), DIED),
        ]
        for number, (act, moves) in enumerate(steps):
            before = counters(server)
            act()
            after = counters(server)
            for key, by in moves.items():
                assert after.get(key, 0) - before.get(key, 0) == by, (number, key)
        assert value(server, "memtable_hits_count") == 6  # five were delivered, one was moved


def test_broker_69_read_only(make):
    server = make("standalone", {"store.min.free.bytes": str(1 << 49)}).start(state="readonly")
    with server.client() as broker:
        refused = broker.send(message("count", "m"))
        assert [result.result for result in refused] == [c.RESULT_READ_ONLY]
    assert value(server, "brokerReadOnlyMessageCount", subject="_other") == 1


def test_the_dashboard_asks_for_what_there_is(loaded):
    dashboard = json.loads((Path(__file__).resolve().parents[2] / "docs" / "grafana-broker.json").read_text("utf-8"))
    there = set(parse(scrape(loaded))[0]) | BY_FAULTS
    asked = set()
    for expression in (target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])):
        for listed in re.findall(r'__name__=~"([^"]*)"', expression):
            asked.update(listed.split("|"))
        bare = re.sub(r'"[^"]*"|\[[^\]]*\]|\{[^}]*\}|by \([^)]*\)', " ", expression)
        asked.update(re.findall(r"\b[a-zA-Z_]\w*\b(?!\s*\()", bare))
    asked.discard("sum")
    assert len(asked) >= 15
    assert asked <= there, asked - there


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
