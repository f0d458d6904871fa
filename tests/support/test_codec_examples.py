"""The Python codec against every worked example of wire-protocol.md section 21, in both directions."""

import examples as x
import pytest
from examples import CLIENT, DELAYED, GROUP, ID, SUBJECT, TAGGED, TIME

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.fields import Malformed, Reader, Writer, crc32
from qmqpy.frame import Frame
from qmqpy.message import Message, real_subject, split_payloads

PULL_REQUEST = c.PullRequest(
    SUBJECT, GROUP, CLIENT, 50, timeout=2500, filters=[c.TagFilter(c.TAG_OR, ["pay", "cancel"])]
)
INDEX_ENTRY = c.IndexEntry(17, TIME, SUBJECT, ID)

# name, bytes, header fields, decoder of the body, the value it must give
EXAMPLES = [
    ("21.1 send", x.SEND_FRAME, Frame(10, 9, 7), None, None),
    ("21.1 accepted", x.ACCEPTED_FRAME, Frame(0, 9, 7, 1, 10), c.decode_send_answer, []),
    (
        "21.1 refused",
        x.REFUSED_FRAME,
        Frame(0, 9, 7, 1, 10),
        c.decode_send_answer,
        [c.SendResult(ID, 4, "BROKER READ ONLY")],
    ),
    ("21.3 pull", x.PULL_FRAME, Frame(11, 9, 9), c.PullRequest.decode, PULL_REQUEST),
    ("21.4 answer", x.PULL_ANSWER_9, Frame(0, 9, 9, 1, 11), c.PullAnswer.decode, c.PullAnswer(100, -1, TAGGED.payload())),
    ("21.4 no message", x.NO_MESSAGE_FRAME, Frame(4, 9, 9, 1, 11), None, None),
    ("21.5 ack", x.ACK_FRAME, Frame(12, 9, 10), c.AckRequest.decode, c.AckRequest(SUBJECT, GROUP, CLIENT, 100, 149)),
    ("21.5 answer", x.ACK_ANSWER, Frame(0, 9, 10, 1, 12), None, None),
    (
        "21.5 heartbeat",
        x.ACK_HEARTBEAT_FRAME,
        Frame(12, 9, 11),
        c.AckRequest.decode,
        c.AckRequest(SUBJECT, GROUP, CLIENT, -1, -1),
    ),
    (
        "21.6 answer",
        x.REGISTER_ANSWER,
        Frame(0, 9, 0, 1, 35),
        c.ClientRegisterAnswer.decode,
        c.ClientRegisterAnswer(
            TIME, SUBJECT, GROUP, 0, 2, [c.GroupRoute("brokerGroup1", "10.0.0.2:20881", 1559879000000, c.RW)]
        ),
    ),
    ("21.7 acquire", x.ACQUIRE_FRAME, Frame(40, 8, 0, 0, -1), c.AcquireMeta.decode, c.AcquireMeta("broker1", 20881)),
    (
        "21.7 answer",
        x.ACQUIRE_ANSWER,
        Frame(0, 8, 0, 1, 40),
        c.AcquireMetaAnswer.decode,
        c.AcquireMetaAnswer("brokerGroup1", "10.0.0.2:20882", c.SLAVE),
    ),
    (
        "21.8 heartbeat",
        x.HEARTBEAT_FRAME,
        Frame(30, 8, 3, 0, -1),
        c.BrokerRegister.decode,
        c.BrokerRegister(c.REGISTER_HEARTBEAT, "brokerGroup1", "10.0.0.2:20881", c.MASTER, c.RW),
    ),
    ("21.8 answer", x.HEARTBEAT_ANSWER, Frame(0, 8, 3, 1, 30), None, None),
    (
        "21.9 manage",
        x.MANAGE_FRAME,
        Frame(25, 8, 5, 0, -1),
        c.ConsumeManage.decode,
        c.ConsumeManage(SUBJECT, GROUP, c.EARLIEST),
    ),
    ("21.10 message", x.SYNC_MESSAGE_FRAME, Frame(20, 9, 20), c.SyncLog.decode, c.SyncLog(c.SYNC_MESSAGE, 4096, 0)),
    (
        "21.10 message answer",
        x.SYNC_MESSAGE_ANSWER,
        Frame(0, 9, 20, 1, 20),
        c.SyncData.decode,
        c.SyncData(4096, bytes.fromhex("a1b2c302")),
    ),
    ("21.10 empty answer", x.SYNC_EMPTY_ANSWER, Frame(0, 9, 20, 1, 20), c.SyncData.decode, c.SyncData(4096, b"")),
    (
        "21.10 heartbeat",
        x.SYNC_HEARTBEAT_FRAME,
        Frame(20, 9, 21),
        c.SyncLog.decode,
        c.SyncLog(c.SYNC_HEARTBEAT, 4096, 512),
    ),
    ("21.10 heartbeat answer", x.SYNC_HEARTBEAT_ANSWER, Frame(0, 9, 21, 1, 20), c.SyncEnds.decode, c.SyncEnds(5000, 600)),
    ("21.10 index", x.SYNC_INDEX_FRAME, Frame(20, 9, 22), c.SyncLog.decode, c.SyncLog(c.SYNC_INDEX, 4096, 4096)),
    (
        "21.10 index answer",
        x.SYNC_INDEX_ANSWER,
        Frame(0, 9, 22, 1, 20),
        c.SyncIndex.decode,
        c.SyncIndex(4321, [INDEX_ENTRY]),
    ),
    (
        "21.11 dispatch",
        x.DISPATCH_FRAME,
        Frame(20, 9, 23),
        c.DelaySyncLog.decode,
        c.DelaySyncLog(c.SYNC_DISPATCH, -1, 201906071200, 16, 201906071100, 800),
    ),
    (
        "21.11 answer",
        x.DISPATCH_ANSWER,
        Frame(0, 9, 23, 1, 20),
        c.DelayDispatch.decode,
        c.DelayDispatch(16, 201906071200, [1001, 1002]),
    ),
    ("21.12 checkpoint", x.CHECKPOINT_FRAME, Frame(21, 9, 1), None, None),
    (
        "21.12 answer",
        x.CHECKPOINT_ANSWER,
        Frame(0, 9, 1, 1, 21),
        c.Checkpoint.decode,
        c.Checkpoint(
            1,
            b"2\n8192\norder.changed/41\n",
            b"3\n600\norder.changed/1\nticket/0/41/1\nhost1@@ab/149/99\n",
        ),
    ),
    ("21.13 heartbeat", x.CLIENT_HEARTBEAT_FRAME, Frame(100, 8, 12, 0, 0), None, None),
    ("21.13 answer", x.CLIENT_HEARTBEAT_ANSWER, Frame(3, 8, 12, 1, 100), None, None),
]


@pytest.mark.parametrize("name,data,header,decode,value", EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_example(name, data, header, decode, value):
    frame = f.decode_one(data)
    expected_request_code = header.code if header.request_code is None else header.request_code
    assert (frame.code, frame.version, frame.opaque, frame.flag, frame.request_code) == (
        header.code,
        header.version,
        header.opaque,
        header.flag,
        expected_request_code,
    )
    assert frame.encode() == data
    if decode is not None:
        assert decode(frame.body) == value
        encoded = c.encode_send_answer(value) if isinstance(value, list) else value.encode()
        assert encoded == frame.body


@pytest.mark.parametrize("data,opaque,expected", [(x.SEND_FRAME, 7, TAGGED), (x.DELAYED_FRAME, 8, DELAYED)])
def test_example_send(data, opaque, expected):
    frame = f.decode_one(data)
    [(crc, payload, decoded)] = c.decode_send(frame.body)
    assert crc == crc32(payload) and payload == expected.payload()
    assert decoded.tags == expected.tags and decoded.attributes() == expected.attributes()
    assert Frame(f.SEND, 9, opaque, 0, None, c.encode_send([expected])).encode() == data


def test_example_client_register():
    body = f.decode_one(x.REGISTER_FRAME).body
    assert dict(Reader(body).map())["consumerGroup"] == GROUP
    assert c.client_register(SUBJECT, c.CONSUMER, GROUP, CLIENT, "demo", c.ONLINE) == body


def test_example_pull_in_versions_8_and_7():
    head = x.PULL_FRAME[24:0x5F]
    assert PULL_REQUEST.encode(8) == head + bytes.fromhex("0001020003706179000663616e63656c")
    assert PULL_REQUEST.encode(7) == head
    for version, total in ((9, 0x71), (8, 0x6B), (7, 0x5B)):
        assert len(Frame(11, version, body=PULL_REQUEST.encode(version)).encode()) == total + 4
        assert c.PullRequest.decode(PULL_REQUEST.encode(version), version).timeout == 2500


def test_example_pull_tails_of_java_consumers():
    plain = c.PullRequest(SUBJECT, GROUP, CLIENT, 50, timeout=2500, filters=[c.TagFilter()])
    assert plain.encode().endswith(bytes.fromhex("00000001 0001 0000 00".replace(" ", "")))
    assert len(Frame(11, body=plain.encode()).encode()) == 104
    plain.filters.append(c.SubEnvFilter("fat", "f1"))
    assert plain.encode().endswith(bytes.fromhex("000000020001000000000200036661740002" + "6631"))
    assert len(Frame(11, body=plain.encode()).encode()) == 115


def test_example_answer_below_version_8_has_no_tag_section_but_the_flag():
    body = f.decode_one(x.PULL_ANSWER_7).body
    answer = c.PullAnswer.decode(body)
    [(offset, raw, decoded)] = answer.messages(version=7)
    assert (offset, decoded.flag, decoded.tags, decoded.subject) == (100, 4, [], SUBJECT)
    assert raw == TAGGED.payload().replace(bytes.fromhex("010003706179"), b"", 1)


def test_string_limits_and_crc():
    assert crc32(b"123456789") == 0xCBF43926
    assert len(Writer().str("a" * 32767).bytes()) == 32769
    with pytest.raises(ValueError):
        Writer().str("a" * 32768)
    with pytest.raises(Malformed):
        Reader(b"\x80\x00" + b"a" * 40000).str()
    assert Reader(b"\x9c\x40" + b"a" * 40000).str_unsigned() == "a" * 40000


def test_frames_with_absurd_lengths_are_malformed():
    good = bytearray(x.CHECKPOINT_FRAME)
    for change in (b"\x00\x00\x00\x13", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"):
        with pytest.raises(Malformed):
            f.decode(change + good[4:])
    for length in (b"\x00\x11", b"\x00\x13", b"\xff\xff"):
        with pytest.raises(Malformed):
            f.decode(good[:4] + length + good[6:])
    assert f.decode(good[:-1]) == (None, 0)


def test_names():
    assert real_subject("%RETRY%a%g") == "a" and real_subject("%DEAD_RETRY%a%g") == "a"
    assert real_subject("%RETRY%a%b%c") == "%RETRY%a%b%c" and real_subject("a%b%c") == "a%b%c"


def test_payloads_are_taken_apart():
    plain = Message("s", "1", b"", [])
    data = TAGGED.payload() + plain.payload() + DELAYED.payload()
    assert [m.id for _, m in split_payloads(data)] == [ID, "1", "m1"]
    with pytest.raises(Malformed):
        split_payloads(data[:-1])
