"""Request and answer bodies of every command (sections 8 to 16), as plain dataclasses with encode() and decode()."""

from dataclasses import dataclass, field

from .fields import Malformed, Reader, Writer
from .message import decode_payload, split_payloads

# Results of single messages in a SEND answer (10.5).
RESULT_SUBJECT_NOT_ASSIGNED, RESULT_READ_ONLY, RESULT_STORE_ERROR = 3, 4, 6

FILTER_TAG, FILTER_SUB_ENV = 1, 2
NO_TAG, TAG_OR, TAG_AND = 0, 1, 2

LATEST, EARLIEST = 1, 2
SYNC_ACTION, SYNC_MESSAGE, SYNC_HEARTBEAT, SYNC_DISPATCH, SYNC_INDEX = 1, 2, 3, 4, 5

PRODUCER, CONSUMER, OTHER, DELAY_PRODUCER = 1, 2, 3, 4
ONLINE, HEARTBEAT = 1, 2  # CLIENT_REGISTER request types
REGISTER_ONLINE, REGISTER_HEARTBEAT, REGISTER_OFFLINE = 0, 1, 2
RW, R, W, NRW = 1, 2, 3, 4
MASTER, SLAVE, STANDBY, DELAY, BACKUP, DELAY_MASTER, DELAY_SLAVE, DELAY_BACKUP = range(8)


# ---- SEND_MESSAGE (10)


def encode_send(messages):
    return b"".join(m.wire() for m in messages)


def decode_send(body):
    """[(crc, raw payload, Message)]; anything that is not whole messages with subject and id is refused (10.2)."""
    reader, found = Reader(body), []
    while reader.left():
        crc = reader.i64()
        start = reader.position
        decoded = decode_payload(reader)
        if not decoded.subject or not decoded.id:
            raise Malformed("empty subject or message id")
        found.append((crc, bytes(body[start : reader.position]), decoded))
    return found


@dataclass
class SendResult:
    id: str
    result: int
    remark: str = ""


def encode_send_answer(results):
    writer = Writer()
    for item in results:
        writer.str(item.id).i32(item.result).str(item.remark)
    return writer.bytes()


def decode_send_answer(body):
    reader, found = Reader(body), []
    while reader.left():
        found.append(SendResult(reader.str(), reader.i32(), reader.str()))
    return found


# ---- PULL_MESSAGE (11)


@dataclass
class TagFilter:
    type: int = NO_TAG
    tags: list = field(default_factory=list)

    def write(self, writer):
        writer.i16(self.type).i8(len(self.tags))
        for tag in self.tags:
            writer.str(tag)

    @staticmethod
    def read(reader):
        return TagFilter(reader.i16(), [reader.str() for _ in range(max(reader.i8(), 0))])


@dataclass
class SubEnvFilter:
    env: str
    sub_env: str

    def write(self, writer):
        writer.str(self.env).str(self.sub_env)

    @staticmethod
    def read(reader):
        return SubEnvFilter(reader.str(), reader.str())


@dataclass
class PullRequest:
    subject: str
    group: str
    consumer: str
    number: int = 50
    offset: int = -1
    begin: int = -1
    last: int = -1
    timeout: int = -1
    broadcast: bool = False
    filters: list = field(default_factory=list)

    def encode(self, version=9):
        writer = Writer().str(self.subject).str(self.group).str(self.consumer).i32(self.number)
        writer.i64(self.offset).i64(self.begin).i64(self.last).i64(self.timeout).i8(1 if self.broadcast else 0)
        if version == 8:
            (self.filters[0] if self.filters else TagFilter()).write(writer)
        elif version >= 9:
            writer.i32(len(self.filters))
            for item in self.filters:
                writer.i16(FILTER_TAG if isinstance(item, TagFilter) else FILTER_SUB_ENV)
                item.write(writer)
        return writer.bytes()

    @staticmethod
    def decode(body, version=9):
        reader = Reader(body)
        request = PullRequest(reader.str(), reader.str(), reader.str(), reader.i32())
        request.offset, request.begin, request.last = reader.i64(), reader.i64(), reader.i64()
        request.timeout, request.broadcast = reader.i64(), reader.i8() != 0
        if version == 8:
            request.filters = [TagFilter.read(reader)]
        elif version >= 9:
            for _ in range(max(reader.i32(), 0)):
                kind = reader.i16()
                if kind not in (FILTER_TAG, FILTER_SUB_ENV):
                    raise Malformed(f"filter type {kind}")
                request.filters.append((TagFilter if kind == FILTER_TAG else SubEnvFilter).read(reader))
        return request


@dataclass
class PullAnswer:
    first: int
    reserved: int
    data: bytes

    def encode(self):
        return Writer().i64(self.first).i64(self.reserved).raw(self.data).bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        return PullAnswer(reader.i64(), reader.i64(), reader.rest())

    def messages(self, version=9):
        """[(pull offset, raw payload, Message)]"""
        pairs = split_payloads(self.data, tags_cut=version < 8)
        return [(self.first + index, raw, decoded) for index, (raw, decoded) in enumerate(pairs)]


# ---- ACK_REQUEST (12)


@dataclass
class AckRequest:
    subject: str
    group: str
    consumer: str
    first: int
    last: int
    broadcast: int = 0

    def encode(self, version=9):
        writer = Writer().str(self.subject).str(self.group).str(self.consumer).i64(self.first).i64(self.last)
        return (writer.i8(self.broadcast) if version >= 8 else writer).bytes()

    @staticmethod
    def decode(body, version=9):
        reader = Reader(body)
        request = AckRequest(reader.str(), reader.str(), reader.str(), reader.i64(), reader.i64())
        if version >= 8:
            request.broadcast = reader.i8()
        return request


# ---- CONSUME_MANAGE (25)


@dataclass
class ConsumeManage:
    subject: str
    group: str
    where: int

    def encode(self):
        return Writer().str(self.subject).str(self.group).i32(self.where).bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        return ConsumeManage(reader.str(), reader.str(), reader.i32())


# ---- SYNC_LOG_REQUEST (20) of the broker


@dataclass
class SyncLog:
    type: int
    message_offset: int
    action_offset: int

    def encode(self):
        return Writer().i8(self.type).i64(self.message_offset).i64(self.action_offset).bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        return SyncLog(reader.i8(), reader.i64(), reader.i64())


@dataclass
class SyncData:
    """Answer to types 1 and 2; offset is where data starts."""

    offset: int
    data: bytes

    def encode(self):
        return Writer().i32(len(self.data)).i64(self.offset).raw(self.data).bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        size, offset = reader.i32(), reader.i64()
        data = reader.raw(size)
        reader.finish()
        return SyncData(offset, data)


@dataclass
class SyncEnds:
    """Answer to type 3, of broker (message, action) and delay server (message, dispatch)."""

    message_end: int
    other_end: int

    def encode(self):
        return Writer().i64(self.message_end).i64(self.other_end).bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        answer = SyncEnds(reader.i64(), reader.i64())
        reader.finish()
        return answer


@dataclass
class IndexEntry:
    sequence: int
    created: int
    subject: str
    id: str


@dataclass
class SyncIndex:
    """Answer to type 5; next_offset is what to ask next."""

    next_offset: int
    entries: list

    def encode(self):
        writer = Writer()
        for entry in self.entries:
            writer.i64(entry.sequence).i64(entry.created).str(entry.subject).str(entry.id)
        data = writer.bytes()
        return Writer().i32(len(data)).i64(self.next_offset).raw(data).bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        size, next_offset = reader.i32(), reader.i64()
        if size != reader.left():
            raise Malformed(f"size {size}, {reader.left()} bytes follow")
        entries = []
        while reader.left():
            entries.append(IndexEntry(reader.i64(), reader.i64(), reader.str(), reader.str()))
        return SyncIndex(next_offset, entries)


# ---- SYNC_LOG_REQUEST (20) of the delay server


@dataclass
class DelaySyncLog:
    type: int
    message_offset: int = -1
    segment: int = -1
    offset: int = -1
    last_segment: int = -1
    last_offset: int = -1

    def encode(self):
        writer = Writer().i8(self.type).i64(self.message_offset).i64(self.segment).i64(self.offset)
        return writer.i64(self.last_segment).i64(self.last_offset).bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        return DelaySyncLog(reader.i8(), *(reader.i64() for _ in range(5)))


@dataclass
class DelayDispatch:
    offset: int
    segment: int
    sequences: list

    def encode(self):
        writer = Writer().i32(8 * len(self.sequences)).i64(self.offset).i64(self.segment)
        for sequence in self.sequences:
            writer.i64(sequence)
        return writer.bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        size, offset, segment = reader.i32(), reader.i64(), reader.i64()
        if size != reader.left() or size % 8:
            raise Malformed(f"size {size}, {reader.left()} bytes follow")
        return DelayDispatch(offset, segment, [reader.i64() for _ in range(size // 8)])


# ---- SYNC_CHECKPOINT_REQUEST (21)


@dataclass
class Checkpoint:
    version: int
    message: bytes
    action: bytes

    def encode(self):
        writer = Writer().i8(self.version).i32(len(self.message)).raw(self.message)
        return writer.i32(len(self.action)).raw(self.action).bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        answer = Checkpoint(reader.i8(), reader.raw(reader.i32()), reader.raw(reader.i32()))
        reader.finish()
        return answer


# ---- CLIENT_REGISTER (35)


def client_register(subject, type=CONSUMER, group="", client="", app="", request=HEARTBEAT, **more):
    """The request body; keys in the order of the example, further keys by keyword."""
    pairs = {"clientId": client, "clientTypeCode": str(type), "requestType": str(request)}
    pairs.update({"subject": subject, "appCode": app, "consumerGroup": group}, **more)
    return Writer().map(pairs).bytes()


@dataclass
class GroupRoute:
    name: str
    master: str
    updated: int
    state: int


@dataclass
class ClientRegisterAnswer:
    timestamp: int
    subject: str
    group: str
    offline: int
    type: int
    groups: list = field(default_factory=list)

    def encode(self):
        writer = Writer().i64(self.timestamp).str(self.subject).str(self.group).i8(self.offline).i8(self.type)
        writer.i16(len(self.groups))
        for route in self.groups:
            writer.str(route.name).str(route.master).i64(route.updated).i8(route.state)
        return writer.bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        answer = ClientRegisterAnswer(reader.i64(), reader.str(), reader.str(), reader.i8(), reader.i8())
        for _ in range(reader.i16()):
            answer.groups.append(GroupRoute(reader.str(), reader.str(), reader.i64(), reader.i8()))
        reader.finish()
        return answer


# ---- BROKER_ACQUIRE_META (40), BROKER_REGISTER (30)


@dataclass
class AcquireMeta:
    host: str
    port: int

    def encode(self):
        return Writer().str(self.host).i32(self.port).bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        return AcquireMeta(reader.str(), reader.i32())


@dataclass
class AcquireMetaAnswer:
    group: str
    master: str
    role: int

    def encode(self):
        return Writer().str(self.group).str(self.master).i32(self.role).bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        answer = AcquireMetaAnswer(reader.str(), reader.str(), reader.i32())
        reader.finish()
        return answer


@dataclass
class BrokerRegister:
    type: int
    group: str
    address: str
    role: int
    state: int

    def encode(self):
        writer = Writer().i32(self.type).str(self.group).str(self.address)
        return writer.i32(self.role).i32(self.state).bytes()

    @staticmethod
    def decode(body):
        reader = Reader(body)
        return BrokerRegister(reader.i32(), reader.str(), reader.str(), reader.i32(), reader.i32())



