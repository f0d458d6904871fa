"""wire_1 to wire_12: frames, headers and dispatch on every TCP port of a standalone."""

import examples
import pytest
from waiting import Stopwatch

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.frame import Frame
from qmqpy.message import message

PORTS = ["broker.port", "sync.port", "meta.server.port"]
EVERY_PORT = pytest.mark.parametrize("port", PORTS)

# A request of each port as (code, body, code of its answer); the sync port serves nothing until there is replication.
SERVED = {
    "broker.port": (f.SEND, b"", f.SUCCESS),
    "sync.port": (f.SYNC_LOG, c.SyncLog(c.SYNC_HEARTBEAT, 0, 0).encode(), f.UNKNOWN_CODE),
    "meta.server.port": (f.CLIENT_REGISTER, c.client_register("wire.frame.served", c.PRODUCER), f.SUCCESS),
}


@pytest.fixture
def connection(standalone, request):
    with standalone.client(request.getfixturevalue("port"), keep_raw=True) as client:
        yield client


def served_frame(port, opaque=1):
    code, body, _ = SERVED[port]
    return Frame(code, 9, opaque, 0, None, body)


def still_serves(connection, port):
    code, body, answered = SERVED[port]
    assert connection.request(code, body).code == answered


@EVERY_PORT
def test_wire_1_every_answer_has_magic_header_length_and_total(connection, port):
    still_serves(connection, port)
    connection.request(99)
    connection.request(f.PULL, b"\x00")
    connection.request(f.SYNC_LOG, b"\x00")
    connection.request(f.CLIENT_REGISTER, b"")
    assert len(connection.stream.raw) == 5
    for raw in connection.stream.raw:
        assert raw[6:10] == bytes.fromhex("dec10ade")
        assert int.from_bytes(raw[4:6], "big") == 18
        assert int.from_bytes(raw[0:4], "big") == len(raw) - 4


def test_wire_1_answers_with_bodies(standalone, subject):
    with standalone.client(keep_raw=True) as client:
        client.pull(subject, "g")
        client.send(message(subject, "m1"), message("a/b", "m2"))
        assert client.pull(subject, "g").ids == ["m1"]
        for raw in client.stream.raw:
            assert raw[4:10] == bytes.fromhex("0012dec10ade")
            assert int.from_bytes(raw[0:4], "big") == len(raw) - 4


@EVERY_PORT
def test_wire_2_one_byte_at_a_time_and_three_in_one_write(connection, port):
    connection.send_bytes_one_by_one(served_frame(port, opaque=41).encode())
    assert connection.wait(41).code == SERVED[port][2]
    three = [served_frame(port, opaque).encode() for opaque in (42, 43, 44)]
    connection.send_bytes(b"".join(three))
    assert sorted(connection.read().opaque for _ in three) == [42, 43, 44]
    whole = b"".join(three)
    connection.send_bytes(whole[:30])
    connection.send_bytes(whole[30:])
    assert sorted(connection.read().opaque for _ in three) == [42, 43, 44]


@EVERY_PORT
def test_wire_3_a_wrong_magic_closes_without_answer(standalone, port):
    for magic in ("dec10adf", "00000000", "47455420"):
        data = bytearray(served_frame(port).encode())
        data[6:10] = bytes.fromhex(magic)
        with standalone.client(port) as connection:
            connection.send_bytes(data)
            assert connection.closed_by_peer() == (True, b"")


ABSURD = [
    ("total 19", 19, 18),
    ("total 0", 0, 18),
    ("total -1", -1, 18),
    ("total smallest int", -(1 << 31), 18),
    ("total largest int", (1 << 31) - 1, 18),
    ("total over 1 GiB", (1 << 30) + 1, 18),
    ("header 17", 24, 17),
    ("header 0", 24, 0),
    ("header -1", 24, -1),
    ("header over total", 24, 23),
    ("header largest", 24, 32767),
]


@EVERY_PORT
@pytest.mark.parametrize("total,header", [row[1:] for row in ABSURD], ids=[row[0] for row in ABSURD])
def test_wire_4_absurd_lengths_close(standalone, port, total, header):
    frame = served_frame(port).encode()
    data = total.to_bytes(4, "big", signed=True) + header.to_bytes(2, "big", signed=True) + frame[6:24] + b"\x00" * 8
    with standalone.client(port) as connection:
        connection.send_bytes(data)
        assert connection.closed_by_peer() == (True, b"")


@EVERY_PORT
@pytest.mark.parametrize("request_code", [None, -1, 0])
@pytest.mark.parametrize("version", [8, 9])
def test_wire_5_answer_header_repeats_the_request(connection, port, request_code, version):
    code, body, answered = SERVED[port]
    answer = connection.request(code, body, version=version, opaque=12345678, request_code=request_code)
    assert answer == Frame(answered, version, 12345678, 1, code, answer.body)
    answer = connection.request(99, b"", version=version, opaque=-3, request_code=request_code)
    assert answer == Frame(f.UNKNOWN_CODE, version, -3, 1, 99, b"")


def test_wire_6_opaque_0_of_several_requests_in_flight(standalone, subject):
    with standalone.client("meta.server.port") as meta:
        for name in ("a", "b", "c"):
            meta.post(f.CLIENT_REGISTER, c.client_register(subject + name), opaque=0)
        answers = [c.ClientRegisterAnswer.decode(meta.wait(0).body).subject for _ in range(3)]
        assert sorted(answers) == [subject + name for name in "abc"]
    with standalone.client() as broker:
        broker.pull(subject, "g")
        pull = c.PullRequest(subject, "g", "c1", timeout=60000).encode()
        broker.post(f.PULL, pull, opaque=0)
        broker.post(f.SEND, c.encode_send([message(subject, "m1")]), opaque=0)
        broker.post(99, opaque=0)
        answers = {answer.request_code: answer for answer in (broker.wait(0) for _ in range(3))}
        assert sorted(answers) == [f.SEND, f.PULL, 99]
        assert answers[f.PULL].code == f.SUCCESS and answers[f.SEND].code == f.SUCCESS


@EVERY_PORT
@pytest.mark.parametrize("opaque", [-1, -(1 << 31), (1 << 31) - 1])
def test_wire_7_opaque_is_echoed_unchanged(connection, port, opaque):
    code, body, _ = SERVED[port]
    assert connection.request(code, body, opaque=opaque).opaque == opaque


def test_wire_8_error_answers_have_no_body(standalone, subject):
    with standalone.client(keep_raw=True) as broker:
        codes = [
            broker.request(99).code,
            broker.request(f.PULL, c.PullRequest(subject, "g", "c1").encode()).code,
            broker.request(f.ACK, b"\x01").code,
        ]
        assert codes == [f.UNKNOWN_CODE, f.NO_MESSAGE, f.BROKER_ERROR]
        assert [len(raw) for raw in broker.stream.raw] == [24, 24, 24]
        assert [raw[:4] for raw in broker.stream.raw] == [b"\x00\x00\x00\x14"] * 3


@EVERY_PORT
def test_wire_9_a_response_sent_to_a_server_is_ignored(connection, port):
    code, body, _ = SERVED[port]
    for flag in (1, 3, -1):
        connection.post(code, body, opaque=50, flag=flag)
    connection.post(99, opaque=51, flag=1)
    connection.post(code, body, opaque=52)
    assert connection.read().opaque == 52
    assert connection.silent(0.1)


TRUNCATED = [
    ("broker.port", f.SEND, b"\x00" * 20),
    ("broker.port", f.SEND, examples.TAGGED.wire()[:-1]),
    ("broker.port", f.SEND, examples.TAGGED.wire() + b"\x00\x00\x00"),
    ("broker.port", f.PULL, b""),
    ("broker.port", f.PULL, c.PullRequest("s", "g", "c").encode()[:-1]),
    ("broker.port", f.ACK, b""),
    ("broker.port", f.ACK, c.AckRequest("s", "g", "c", 0, 0).encode(7)[:-1]),
    ("broker.port", f.CONSUME_MANAGE, b""),
    ("broker.port", f.CONSUME_MANAGE, c.ConsumeManage("s", "g", 1).encode()[:-1]),
    ("meta.server.port", f.CLIENT_REGISTER, b""),
    ("meta.server.port", f.CLIENT_REGISTER, c.client_register("s")[:-1]),
    ("meta.server.port", f.BROKER_REGISTER, c.BrokerRegister(1, "g", "127.0.0.1:1", 0, 1).encode()[:-1]),
    ("meta.server.port", f.BROKER_ACQUIRE_META, c.AcquireMeta("h", 1).encode()[:-1]),
    ("meta.server.port", f.BROKER_ACQUIRE_META, b""),
]


@pytest.mark.parametrize("port,code,body", TRUNCATED)
def test_wire_10_an_unparsable_body_is_answered_51(standalone, port, code, body):
    with standalone.client(port) as connection:
        for _ in range(2):
            answer = connection.request(code, body)
            assert (answer.code, answer.body) == (f.BROKER_ERROR, b"")
        still_serves(connection, port)


@EVERY_PORT
@pytest.mark.parametrize("code", [24, 26, 27, 50, 51, 99, 100])
def test_wire_11_codes_without_handler_are_answered_3(connection, port, code):
    for body in (b"", b"anything"):
        answer = connection.request(code, body)
        assert (answer.code, answer.request_code, answer.body) == (f.UNKNOWN_CODE, code, b"")
    still_serves(connection, port)


def test_wire_11_commands_of_other_ports_are_answered_3(standalone):
    other = {
        "broker.port": (20, 21, 30, 35, 40),
        "sync.port": (10, 11, 12, 20, 21, 25, 30, 35, 40),
        "meta.server.port": (10, 11, 12, 20, 21, 25),
    }
    for port, codes in other.items():
        with standalone.client(port) as connection:
            assert [connection.request(code).code for code in codes] == [f.UNKNOWN_CODE] * len(codes)


def test_wire_12_a_held_pull_does_not_hold_up_other_requests(broker, subject):
    busy = subject + ".busy"
    broker.pull(busy, "g")
    held = broker.post_pull(subject, "g", timeout=30000)
    watch = Stopwatch()
    for number in range(20):
        assert broker.send(message(busy, f"m{number}")) == []
        pulled = broker.pull(busy, "g")
        assert pulled.ids == [f"m{number}"]
        assert broker.ack(busy, "g", "c1", pulled.first, pulled.last) == 0
    assert watch() < 5
    assert broker.send(message(subject, "wake")) == []
    assert broker.pulled(held).ids == ["wake"]
