"""The official Java client, unchanged, knowing only the metaserver's address, against our servers."""

import os
import time

import pytest
from harness import ADDRESS, free_port, meta_endpoint
from java_client import JavaClient, why_not
from management import Http
from waiting import wait_until

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

MESSAGES = int(os.environ.get("QMQ_INTEROP_MESSAGES", "20000"))
SUBJECT = "interop.orders"
FAIL = 500  # every 500th message is refused at its first delivery


@pytest.fixture
def server(make):
    # Fixed ports: the clients must find the restarted broker where it was.
    server = make("standalone", {"message.retry.delay.seconds": "1"})
    server.start()
    for key in ("meta.server.discover.port", "meta.server.port", "broker.port", "sync.port"):
        server.settings[key] = str(server.port(key))
    return server


@pytest.fixture
def java(server):
    clients = []

    def make(name):
        client = JavaClient(server.port("meta.server.discover.port"), server.home, name)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.quit()


def numbers(events, name):
    return [int(words[1]) for words in events["got"] if words[0] == name]


def settle(client, name):
    """Subscriptions are live once one message of a warm-up round arrived; groups start at what is sent after they came."""
    client.wait(lambda events: [name] in events["ready"], 30, f"subscription of {name}")


def warm_up(producer, consumers):
    """Sends single messages (numbers below 0) until every subscription of every consumer has seen one."""
    waiting = {(client, name) for client, names in consumers.items() for name in names}
    number = -10  # even and a multiple of ten: every filter wants it
    deadline = time.monotonic() + 60
    while waiting and time.monotonic() < deadline:
        producer.say("produce", SUBJECT, number, 1)
        number -= 10
        time.sleep(0.3)
        waiting = {(client, name) for client, name in waiting if not numbers(client.events, name)}
    assert not waiting, f"no message reached {[name for _, name in waiting]}"


def test_java_client_produces_and_consumes_through_a_restart(server, java):
    """20 000 messages; two groups, one with tags, refusals that come back through the retry subject, a broadcast consumer, a restart in the middle: nothing is lost."""
    consumer, producer = java("consumer"), java("producer")
    consumer.say("consume", "all", SUBJECT, "g.all", "-", FAIL)
    consumer.say("consume", "ten", SUBJECT, "g.ten", "all:even,ten", 0)
    consumer.say("broadcast", "broad", SUBJECT)
    for name in ("all", "ten", "broad"):
        settle(consumer, name)
    warm_up(producer, {consumer: ["all", "ten", "broad"]})

    half = MESSAGES // 2
    producer.say("produce", SUBJECT, 0, half)
    producer.wait(lambda events: len(events["sent"]) >= half // 2, 120, "half of the first half")
    server.restart()
    producer.say("produce", SUBJECT, half, MESSAGES - half)
    produced = lambda events: len([w for w in events["produced"] if int(w[0]) >= 0]) == 2
    producer.wait(produced, 240, "all messages sent")
    failed = [words for words in producer.events["failed"] if int(words[0]) >= 0]
    assert failed == []

    expected = set(range(MESSAGES))
    tens = {n for n in expected if n % 10 == 0}
    ids = {int(n): id_ for n, id_ in producer.events["sent"]}

    def complete(events):
        return expected <= set(numbers(events, "all")) and tens <= set(numbers(events, "ten")) and expected <= set(numbers(events, "broad"))

    consumer.wait(complete, 240, "all messages in all groups")
    assert {n for n in numbers(consumer.events, "ten") if n >= 0} == tens
    for name, n, id_, times in consumer.events["got"]:
        if int(n) >= 0:
            assert ids[int(n)] == id_, f"{name} got message {n} under another id"
    refused = {int(words[1]) for words in consumer.events["refused"] if int(words[1]) >= 0}
    assert refused == {n for n in expected if n % FAIL == 0}
    again = {int(n): int(times) for name, n, _, times in consumer.events["got"] if name == "all" and int(n) in refused}
    assert all(times >= 2 for times in again.values()), "a refused message came back without its attempt counted"


def goes_through_a_kill(java, victim):
    consumer, producer = java("consumer"), java("producer")
    consumer.say("consume", "all", SUBJECT, "g.all", "-", 0)
    settle(consumer, "all")
    warm_up(producer, {consumer: ["all"]})
    count = min(MESSAGES, 2000)
    producer.say("produce", SUBJECT, 0, count)
    producer.wait(lambda events: len(events["sent"]) >= count // 4, 60, "some messages sent")
    # Wine's server sometimes keeps a busy connection of a killed process open for ever, and the client waits for an answer on it.
    victim.restart("stop" if victim.is_windows else "kill")

    def told(kind):
        return {int(words[0]) for words in producer.events[kind] if int(words[0]) >= 0}

    # What nobody took while nobody listened the client gives up after some attempts; what it says was sent is there.
    producer.wait(lambda events: any(int(w[0]) == 0 for w in events["produced"]), 120, "an answer for every message")
    assert told("sent") | told("failed") == set(range(count))
    producer.say("produce", SUBJECT, count, 200)
    producer.wait(lambda events: any(int(w[0]) == count for w in events["produced"]), 120, "an answer for every later message")
    assert set(range(count, count + 200)) <= told("sent")
    sent = told("sent")
    consumer.wait(lambda events: sent <= set(numbers(events, "all")), 120, "all acknowledged messages consumed")


def test_java_client_after_kill_9(server, java):
    """First milestone of the house: send, pull and ack through standalone, also after a kill -9."""
    goes_through_a_kill(java, server)


@pytest.fixture
def broker(make):
    """A broker beside its metaserver, both where they were after a restart."""
    metaserver = make("metaserver").start()
    discovery = metaserver.port("meta.server.discover.port")
    ports = {"broker.port": free_port(), "sync.port": free_port()}
    settings = {"meta.server.endpoint": meta_endpoint(discovery), "message.retry.delay.seconds": "1", **ports}
    broker = make("broker", settings, arguments=["--host", "interop-broker", "--ip", ADDRESS])
    Http(discovery).add_broker("g1", "interop-broker", ADDRESS, ports["broker.port"], ports["sync.port"])
    broker.start()
    with metaserver.client("meta.server.port") as meta:
        wait_until(lambda: meta.register(f"{SUBJECT}.probe", group="g", client="probe").groups, 60, "a metaserver that knows the broker's group")
    broker.discovery = discovery
    return broker


def test_java_client_with_metaserver_and_broker_on_their_own(broker):
    clients = []

    def java(name):
        clients.append(JavaClient(broker.discovery, broker.home, name))
        return clients[-1]

    try:
        goes_through_a_kill(java, broker)
    finally:
        for client in clients:
            client.quit()
