"""The Python codec against every worked example of wire-protocol.md section 21, in both directions."""

import re

import pytest

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.fields import Malformed, Reader, Writer, crc32
from qmqpy.frame import Frame
from qmqpy.message import Message, message, real_subject, split_payloads

TIME = 1559880000000
ID = "190607.120000.10.0.0.1.1234.0"
SUBJECT, GROUP, CLIENT = "order.changed", "ticket", "host1@@ab"


def dump(text):
    """The bytes of a hex dump as printed in the specification: offset, up to 16 bytes, characters."""
    data = bytearray()
    for line in text.strip().splitlines():
        match = re.match(r"\s*[0-9a-f]{4}((?: [0-9a-f]{2}| {3}){1,16})(?:  |$)", line.replace("  ", " ", 1) + "  ")
        data += bytes.fromhex(match.group(1))
    return bytes(data)


TAGGED = message(SUBJECT, ID, {"orderId": "12345"}, tags=["pay"], expire=TIME + 250)
DELAYED = message(
    "s", "m1", {"qmq_scheduleReceiveTime": "4102444800000"}, flag=2, expire=4102444800000
)

SEND_FRAME = dump("""
0000  00 00 00 94 00 12 de c1 0a de 00 0a 00 09 00 00  ................
0010  00 07 00 00 00 00 00 0a 00 00 00 00 9d cb 5b 68  ..............[h
0020  04 00 00 01 6b 30 17 e2 00 00 00 01 6b 30 17 e2  ....k0......k0..
0030  fa 00 0d 6f 72 64 65 72 2e 63 68 61 6e 67 65 64  ...order.changed
0040  00 1d 31 39 30 36 30 37 2e 31 32 30 30 30 30 2e  ..190607.120000.
0050  31 30 2e 30 2e 30 2e 31 2e 31 32 33 34 2e 30 01  10.0.0.1.1234.0.
0060  00 03 70 61 79 00 00 00 2f 00 0e 71 6d 71 5f 63  ..pay.../..qmq_c
0070  72 65 61 74 65 54 69 6d 65 00 0d 31 35 35 39 38  reateTime..15598
0080  38 30 30 30 30 30 30 30 00 07 6f 72 64 65 72 49  80000000..orderI
0090  64 00 05 31 32 33 34 35                          d..12345
""")
ACCEPTED_FRAME = dump("""
0000  00 00 00 14 00 12 de c1 0a de 00 00 00 09 00 00  ................
0010  00 07 00 00 00 01 00 0a                          ........
""")
REFUSED_FRAME = dump("""
0000  00 00 00 49 00 12 de c1 0a de 00 00 00 09 00 00  ...I............
0010  00 07 00 00 00 01 00 0a 00 1d 31 39 30 36 30 37  ..........190607
0020  2e 31 32 30 30 30 30 2e 31 30 2e 30 2e 30 2e 31  .120000.10.0.0.1
0030  2e 31 32 33 34 2e 30 00 00 00 04 00 10 42 52 4f  .1234.0......BRO
0040  4b 45 52 20 52 45 41 44 20 4f 4e 4c 59           KER READ ONLY
""")
DELAYED_FRAME = dump("""
0000  00 00 00 7f 00 12 de c1 0a de 00 0a 00 09 00 00  ................
0010  00 08 00 00 00 00 00 0a 00 00 00 00 2d 15 32 68  ............-.2h
0020  02 00 00 01 6b 30 17 e2 00 00 00 03 bb 2c c3 d8  ....k0.......,..
0030  00 00 01 73 00 02 6d 31 00 00 00 47 00 0e 71 6d  ...s..m1...G..qm
0040  71 5f 63 72 65 61 74 65 54 69 6d 65 00 0d 31 35  q_createTime..15
0050  35 39 38 38 30 30 30 30 30 30 30 00 17 71 6d 71  59880000000..qmq
0060  5f 73 63 68 65 64 75 6c 65 52 65 63 65 69 76 65  _scheduleReceive
0070  54 69 6d 65 00 0d 34 31 30 32 34 34 34 38 30 30  Time..4102444800
0080  30 30 30                                         000
""")
PULL_FRAME = dump("""
0000  00 00 00 71 00 12 de c1 0a de 00 0b 00 09 00 00  ...q............
0010  00 09 00 00 00 00 00 0b 00 0d 6f 72 64 65 72 2e  ..........order.
0020  63 68 61 6e 67 65 64 00 06 74 69 63 6b 65 74 00  changed..ticket.
0030  09 68 6f 73 74 31 40 40 61 62 00 00 00 32 ff ff  .host1@@ab...2..
0040  ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff  ................
0050  ff ff ff ff ff ff 00 00 00 00 00 00 09 c4 00 00  ................
0060  00 00 01 00 01 00 01 02 00 03 70 61 79 00 06 63  ..........pay..c
0070  61 6e 63 65 6c                                   ancel
""")
PULL_ANSWER_9 = dump("""
0000  00 00 00 9c 00 12 de c1 0a de 00 00 00 09 00 00  ................
0010  00 09 00 00 00 01 00 0b 00 00 00 00 00 00 00 64  ...............d
0020  ff ff ff ff ff ff ff ff 04 00 00 01 6b 30 17 e2  ............k0..
0030  00 00 00 01 6b 30 17 e2 fa 00 0d 6f 72 64 65 72  ....k0.....order
0040  2e 63 68 61 6e 67 65 64 00 1d 31 39 30 36 30 37  .changed..190607
0050  2e 31 32 30 30 30 30 2e 31 30 2e 30 2e 30 2e 31  .120000.10.0.0.1
0060  2e 31 32 33 34 2e 30 01 00 03 70 61 79 00 00 00  .1234.0...pay...
0070  2f 00 0e 71 6d 71 5f 63 72 65 61 74 65 54 69 6d  /..qmq_createTim
0080  65 00 0d 31 35 35 39 38 38 30 30 30 30 30 30 30  e..1559880000000
0090  00 07 6f 72 64 65 72 49 64 00 05 31 32 33 34 35  ..orderId..12345
""")
PULL_ANSWER_7 = dump("""
0000  00 00 00 96 00 12 de c1 0a de 00 00 00 07 00 00  ................
0010  00 09 00 00 00 01 00 0b 00 00 00 00 00 00 00 64  ...............d
0020  ff ff ff ff ff ff ff ff 04 00 00 01 6b 30 17 e2  ............k0..
0030  00 00 00 01 6b 30 17 e2 fa 00 0d 6f 72 64 65 72  ....k0.....order
0040  2e 63 68 61 6e 67 65 64 00 1d 31 39 30 36 30 37  .changed..190607
0050  2e 31 32 30 30 30 30 2e 31 30 2e 30 2e 30 2e 31  .120000.10.0.0.1
0060  2e 31 32 33 34 2e 30 00 00 00 2f 00 0e 71 6d 71  .1234.0.../..qmq
0070  5f 63 72 65 61 74 65 54 69 6d 65 00 0d 31 35 35  _createTime..155
0080  39 38 38 30 30 30 30 30 30 30 00 07 6f 72 64 65  9880000000..orde
0090  72 49 64 00 05 31 32 33 34 35                    rId..12345
""")
NO_MESSAGE_FRAME = dump("""
0000  00 00 00 14 00 12 de c1 0a de 00 04 00 09 00 00  ................
0010  00 09 00 00 00 01 00 0b                          ........
""")
ACK_FRAME = dump("""
0000  00 00 00 47 00 12 de c1 0a de 00 0c 00 09 00 00  ...G............
0010  00 0a 00 00 00 00 00 0c 00 0d 6f 72 64 65 72 2e  ..........order.
0020  63 68 61 6e 67 65 64 00 06 74 69 63 6b 65 74 00  changed..ticket.
0030  09 68 6f 73 74 31 40 40 61 62 00 00 00 00 00 00  .host1@@ab......
0040  00 64 00 00 00 00 00 00 00 95 00                 .d.........
""")
ACK_ANSWER = dump("""
0000  00 00 00 14 00 12 de c1 0a de 00 00 00 09 00 00  ................
0010  00 0a 00 00 00 01 00 0c                          ........
""")
ACK_HEARTBEAT_FRAME = dump("""
0000  00 00 00 47 00 12 de c1 0a de 00 0c 00 09 00 00  ...G............
0010  00 0b 00 00 00 00 00 0c 00 0d 6f 72 64 65 72 2e  ..........order.
0020  63 68 61 6e 67 65 64 00 06 74 69 63 6b 65 74 00  changed..ticket.
0030  09 68 6f 73 74 31 40 40 61 62 ff ff ff ff ff ff  .host1@@ab......
0040  ff ff ff ff ff ff ff ff ff ff 00                 ...........
""")
REGISTER_FRAME = dump("""
0000  00 00 00 8c 00 12 de c1 0a de 00 23 00 09 00 00  ...........#....
0010  00 00 00 00 00 00 00 23 00 06 00 08 63 6c 69 65  .......#....clie
0020  6e 74 49 64 00 09 68 6f 73 74 31 40 40 61 62 00  ntId..host1@@ab.
0030  0e 63 6c 69 65 6e 74 54 79 70 65 43 6f 64 65 00  .clientTypeCode.
0040  01 32 00 0b 72 65 71 75 65 73 74 54 79 70 65 00  .2..requestType.
0050  01 31 00 07 73 75 62 6a 65 63 74 00 0d 6f 72 64  .1..subject..ord
0060  65 72 2e 63 68 61 6e 67 65 64 00 07 61 70 70 43  er.changed..appC
0070  6f 64 65 00 04 64 65 6d 6f 00 0d 63 6f 6e 73 75  ode..demo..consu
0080  6d 65 72 47 72 6f 75 70 00 06 74 69 63 6b 65 74  merGroup..ticket
""")
REGISTER_ANSWER = dump("""
0000  00 00 00 5e 00 12 de c1 0a de 00 00 00 09 00 00  ...^............
0010  00 00 00 00 00 01 00 23 00 00 01 6b 30 17 e2 00  .......#...k0...
0020  00 0d 6f 72 64 65 72 2e 63 68 61 6e 67 65 64 00  ..order.changed.
0030  06 74 69 63 6b 65 74 00 02 00 01 00 0c 62 72 6f  .ticket......bro
0040  6b 65 72 47 72 6f 75 70 31 00 0e 31 30 2e 30 2e  kerGroup1..10.0.
0050  30 2e 32 3a 32 30 38 38 31 00 00 01 6b 30 08 9f  0.2:20881...k0..
0060  c0 01                                            ..
""")
ACQUIRE_FRAME = dump("""
0000  00 00 00 21 00 12 de c1 0a de 00 28 00 08 00 00  ...!.......(....
0010  00 00 00 00 00 00 ff ff 00 07 62 72 6f 6b 65 72  ..........broker
0020  31 00 00 51 91                                   1..Q.
""")
ACQUIRE_ANSWER = dump("""
0000  00 00 00 36 00 12 de c1 0a de 00 00 00 08 00 00  ...6............
0010  00 00 00 00 00 01 00 28 00 0c 62 72 6f 6b 65 72  .......(..broker
0020  47 72 6f 75 70 31 00 0e 31 30 2e 30 2e 30 2e 32  Group1..10.0.0.2
0030  3a 32 30 38 38 32 00 00 00 01                    :20882....
""")
HEARTBEAT_FRAME = dump("""
0000  00 00 00 3e 00 12 de c1 0a de 00 1e 00 08 00 00  ...>............
0010  00 03 00 00 00 00 ff ff 00 00 00 01 00 0c 62 72  ..............br
0020  6f 6b 65 72 47 72 6f 75 70 31 00 0e 31 30 2e 30  okerGroup1..10.0
0030  2e 30 2e 32 3a 32 30 38 38 31 00 00 00 00 00 00  .0.2:20881......
0040  00 01                                            ..
""")
HEARTBEAT_ANSWER = dump("""
0000  00 00 00 14 00 12 de c1 0a de 00 00 00 08 00 00  ................
0010  00 03 00 00 00 01 00 1e                          ........
""")
MANAGE_FRAME = dump("""
0000  00 00 00 2f 00 12 de c1 0a de 00 19 00 08 00 00  .../............
0010  00 05 00 00 00 00 ff ff 00 0d 6f 72 64 65 72 2e  ..........order.
0020  63 68 61 6e 67 65 64 00 06 74 69 63 6b 65 74 00  changed..ticket.
0030  00 00 02                                         ...
""")
SYNC_MESSAGE_FRAME = dump("""
0000  00 00 00 25 00 12 de c1 0a de 00 14 00 09 00 00  ...%............
0010  00 14 00 00 00 00 00 14 02 00 00 00 00 00 00 10  ................
0020  00 00 00 00 00 00 00 00 00                       .........
""")
SYNC_MESSAGE_ANSWER = dump("""
0000  00 00 00 24 00 12 de c1 0a de 00 00 00 09 00 00  ...$............
0010  00 14 00 00 00 01 00 14 00 00 00 04 00 00 00 00  ................
0020  00 00 10 00 a1 b2 c3 02                          ........
""")
SYNC_EMPTY_ANSWER = dump("""
0000  00 00 00 20 00 12 de c1 0a de 00 00 00 09 00 00  ... ............
0010  00 14 00 00 00 01 00 14 00 00 00 00 00 00 00 00  ................
0020  00 00 10 00                                      ....
""")
SYNC_HEARTBEAT_FRAME = dump("""
0000  00 00 00 25 00 12 de c1 0a de 00 14 00 09 00 00  ...%............
0010  00 15 00 00 00 00 00 14 03 00 00 00 00 00 00 10  ................
0020  00 00 00 00 00 00 00 02 00                       .........
""")
SYNC_HEARTBEAT_ANSWER = dump("""
0000  00 00 00 24 00 12 de c1 0a de 00 00 00 09 00 00  ...$............
0010  00 15 00 00 00 01 00 14 00 00 00 00 00 00 13 88  ................
0020  00 00 00 00 00 00 02 58                          .......X
""")
SYNC_INDEX_FRAME = dump("""
0000  00 00 00 25 00 12 de c1 0a de 00 14 00 09 00 00  ...%............
0010  00 16 00 00 00 00 00 14 05 00 00 00 00 00 00 10  ................
0020  00 00 00 00 00 00 00 10 00                       .........
""")
SYNC_INDEX_ANSWER = dump("""
0000  00 00 00 5e 00 12 de c1 0a de 00 00 00 09 00 00  ...^............
0010  00 16 00 00 00 01 00 14 00 00 00 3e 00 00 00 00  ...........>....
0020  00 00 10 e1 00 00 00 00 00 00 00 11 00 00 01 6b  ...............k
0030  30 17 e2 00 00 0d 6f 72 64 65 72 2e 63 68 61 6e  0.....order.chan
0040  67 65 64 00 1d 31 39 30 36 30 37 2e 31 32 30 30  ged..190607.1200
0050  30 30 2e 31 30 2e 30 2e 30 2e 31 2e 31 32 33 34  00.10.0.0.1.1234
0060  2e 30                                            .0
""")
DISPATCH_FRAME = dump("""
0000  00 00 00 3d 00 12 de c1 0a de 00 14 00 09 00 00  ...=............
0010  00 17 00 00 00 00 00 14 04 ff ff ff ff ff ff ff  ................
0020  ff 00 00 00 2f 02 8a 26 a0 00 00 00 00 00 00 00  ..../..&........
0030  10 00 00 00 2f 02 8a 26 3c 00 00 00 00 00 00 03  ..../..&<.......
0040  20
""")
DISPATCH_ANSWER = dump("""
0000  00 00 00 38 00 12 de c1 0a de 00 00 00 09 00 00  ...8............
0010  00 17 00 00 00 01 00 14 00 00 00 10 00 00 00 00  ................
0020  00 00 00 10 00 00 00 2f 02 8a 26 a0 00 00 00 00  ......./..&.....
0030  00 00 03 e9 00 00 00 00 00 00 03 ea              ............
""")
CHECKPOINT_FRAME = dump("""
0000  00 00 00 14 00 12 de c1 0a de 00 15 00 09 00 00  ................
0010  00 01 00 00 00 00 00 15                          ........
""")
CHECKPOINT_ANSWER = dump("""
0000  00 00 00 6a 00 12 de c1 0a de 00 00 00 09 00 00  ...j............
0010  00 01 00 00 00 01 00 15 01 00 00 00 18 32 0a 38  .............2.8
0020  31 39 32 0a 6f 72 64 65 72 2e 63 68 61 6e 67 65  192.order.change
0030  64 2f 34 31 0a 00 00 00 35 33 0a 36 30 30 0a 6f  d/41....53.600.o
0040  72 64 65 72 2e 63 68 61 6e 67 65 64 2f 31 0a 74  rder.changed/1.t
0050  69 63 6b 65 74 2f 30 2f 34 31 2f 31 0a 68 6f 73  icket/0/41/1.hos
0060  74 31 40 40 61 62 2f 31 34 39 2f 39 39 0a        t1@@ab/149/99.
""")
CLIENT_HEARTBEAT_FRAME = dump("""
0000  00 00 00 14 00 12 de c1 0a de 00 64 00 08 00 00  ...........d....
0010  00 0c 00 00 00 00 00 00                          ........
""")
CLIENT_HEARTBEAT_ANSWER = dump("""
0000  00 00 00 14 00 12 de c1 0a de 00 03 00 08 00 00  ................
0010  00 0c 00 00 00 01 00 64                          .......d
""")

PULL_REQUEST = c.PullRequest(
    SUBJECT, GROUP, CLIENT, 50, timeout=2500, filters=[c.TagFilter(c.TAG_OR, ["pay", "cancel"])]
)
INDEX_ENTRY = c.IndexEntry(17, TIME, SUBJECT, ID)

# name, bytes, header fields, decoder of the body, the value it must give
EXAMPLES = [
    ("21.1 send", SEND_FRAME, Frame(10, 9, 7), None, None),
    ("21.1 accepted", ACCEPTED_FRAME, Frame(0, 9, 7, 1, 10), c.decode_send_answer, []),
    (
        "21.1 refused",
        REFUSED_FRAME,
        Frame(0, 9, 7, 1, 10),
        c.decode_send_answer,
        [c.SendResult(ID, 4, "BROKER READ ONLY")],
    ),
    ("21.3 pull", PULL_FRAME, Frame(11, 9, 9), c.PullRequest.decode, PULL_REQUEST),
    ("21.4 answer", PULL_ANSWER_9, Frame(0, 9, 9, 1, 11), c.PullAnswer.decode, c.PullAnswer(100, -1, TAGGED.payload())),
    ("21.4 no message", NO_MESSAGE_FRAME, Frame(4, 9, 9, 1, 11), None, None),
    ("21.5 ack", ACK_FRAME, Frame(12, 9, 10), c.AckRequest.decode, c.AckRequest(SUBJECT, GROUP, CLIENT, 100, 149)),
    ("21.5 answer", ACK_ANSWER, Frame(0, 9, 10, 1, 12), None, None),
    (
        "21.5 heartbeat",
        ACK_HEARTBEAT_FRAME,
        Frame(12, 9, 11),
        c.AckRequest.decode,
        c.AckRequest(SUBJECT, GROUP, CLIENT, -1, -1),
    ),
    (
        "21.6 answer",
        REGISTER_ANSWER,
        Frame(0, 9, 0, 1, 35),
        c.ClientRegisterAnswer.decode,
        c.ClientRegisterAnswer(
            TIME, SUBJECT, GROUP, 0, 2, [c.GroupRoute("brokerGroup1", "10.0.0.2:20881", 1559879000000, c.RW)]
        ),
    ),
    ("21.7 acquire", ACQUIRE_FRAME, Frame(40, 8, 0, 0, -1), c.AcquireMeta.decode, c.AcquireMeta("broker1", 20881)),
    (
        "21.7 answer",
        ACQUIRE_ANSWER,
        Frame(0, 8, 0, 1, 40),
        c.AcquireMetaAnswer.decode,
        c.AcquireMetaAnswer("brokerGroup1", "10.0.0.2:20882", c.SLAVE),
    ),
    (
        "21.8 heartbeat",
        HEARTBEAT_FRAME,
        Frame(30, 8, 3, 0, -1),
        c.BrokerRegister.decode,
        c.BrokerRegister(c.REGISTER_HEARTBEAT, "brokerGroup1", "10.0.0.2:20881", c.MASTER, c.RW),
    ),
    ("21.8 answer", HEARTBEAT_ANSWER, Frame(0, 8, 3, 1, 30), None, None),
    (
        "21.9 manage",
        MANAGE_FRAME,
        Frame(25, 8, 5, 0, -1),
        c.ConsumeManage.decode,
        c.ConsumeManage(SUBJECT, GROUP, c.EARLIEST),
    ),
    ("21.10 message", SYNC_MESSAGE_FRAME, Frame(20, 9, 20), c.SyncLog.decode, c.SyncLog(c.SYNC_MESSAGE, 4096, 0)),
    (
        "21.10 message answer",
        SYNC_MESSAGE_ANSWER,
        Frame(0, 9, 20, 1, 20),
        c.SyncData.decode,
        c.SyncData(4096, bytes.fromhex("a1b2c302")),
    ),
    ("21.10 empty answer", SYNC_EMPTY_ANSWER, Frame(0, 9, 20, 1, 20), c.SyncData.decode, c.SyncData(4096, b"")),
    (
        "21.10 heartbeat",
        SYNC_HEARTBEAT_FRAME,
        Frame(20, 9, 21),
        c.SyncLog.decode,
        c.SyncLog(c.SYNC_HEARTBEAT, 4096, 512),
    ),
    ("21.10 heartbeat answer", SYNC_HEARTBEAT_ANSWER, Frame(0, 9, 21, 1, 20), c.SyncEnds.decode, c.SyncEnds(5000, 600)),
    ("21.10 index", SYNC_INDEX_FRAME, Frame(20, 9, 22), c.SyncLog.decode, c.SyncLog(c.SYNC_INDEX, 4096, 4096)),
    (
        "21.10 index answer",
        SYNC_INDEX_ANSWER,
        Frame(0, 9, 22, 1, 20),
        c.SyncIndex.decode,
        c.SyncIndex(4321, [INDEX_ENTRY]),
    ),
    (
        "21.11 dispatch",
        DISPATCH_FRAME,
        Frame(20, 9, 23),
        c.DelaySyncLog.decode,
        c.DelaySyncLog(c.SYNC_DISPATCH, -1, 201906071200, 16, 201906071100, 800),
    ),
    (
        "21.11 answer",
        DISPATCH_ANSWER,
        Frame(0, 9, 23, 1, 20),
        c.DelayDispatch.decode,
        c.DelayDispatch(16, 201906071200, [1001, 1002]),
    ),
    ("21.12 checkpoint", CHECKPOINT_FRAME, Frame(21, 9, 1), None, None),
    (
        "21.12 answer",
        CHECKPOINT_ANSWER,
        Frame(0, 9, 1, 1, 21),
        c.Checkpoint.decode,
        c.Checkpoint(
            1,
            b"2\n8192\norder.changed/41\n",
            b"3\n600\norder.changed/1\nticket/0/41/1\nhost1@@ab/149/99\n",
        ),
    ),
    ("21.13 heartbeat", CLIENT_HEARTBEAT_FRAME, Frame(100, 8, 12, 0, 0), None, None),
    ("21.13 answer", CLIENT_HEARTBEAT_ANSWER, Frame(3, 8, 12, 1, 100), None, None),
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


@pytest.mark.parametrize("data,opaque,expected", [(SEND_FRAME, 7, TAGGED), (DELAYED_FRAME, 8, DELAYED)])
def test_example_send(data, opaque, expected):
    frame = f.decode_one(data)
    [(crc, payload, decoded)] = c.decode_send(frame.body)
    assert crc == crc32(payload) and payload == expected.payload()
    assert decoded.tags == expected.tags and decoded.attributes() == expected.attributes()
    assert Frame(f.SEND, 9, opaque, 0, None, c.encode_send([expected])).encode() == data


def test_example_client_register():
    body = f.decode_one(REGISTER_FRAME).body
    assert dict(Reader(body).map())["consumerGroup"] == GROUP
    assert c.client_register(SUBJECT, c.CONSUMER, GROUP, CLIENT, "demo", c.ONLINE) == body


def test_example_pull_in_versions_8_and_7():
    head = PULL_FRAME[24:0x5F]
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
    body = f.decode_one(PULL_ANSWER_7).body
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
    good = bytearray(CHECKPOINT_FRAME)
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
