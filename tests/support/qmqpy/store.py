"""An independent reader of the store files (storage.md 3 to 6): message log, consumer log V1, action log."""

import mmap
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

from .fields import Malformed, Reader, crc32
from .message import decode_payload

MESSAGE_SEGMENT = 1 << 30
ACTION_SEGMENT = 100 << 20
CONSUMER_UNIT = 22
CONSUMER_SEGMENT = 220_000_000
BLANK_SIZE = 0x7FFFFFFF
SMALLEST_PAYLOAD = 25  # flag, two times, two empty strings, body length

_MESSAGE_MAGICS = {0xA1B2C302: 3, 0xA1B2C301: 2, 0xA1B2C300: 1}
_ACTION_MAGIC = 0xC3B2A100

PULL, RANGE_ACK, FOREVER_OFFLINE = 0, 1, 2


def segment_name(base):
    return f"{base:020d}"


def segments(directory):
    """[(base, path)] in order; hidden and foreign names are ignored."""
    if not directory.is_dir():
        return []
    return sorted((int(path.name), path) for path in directory.iterdir() if path.name.isdigit())


@dataclass
class MessageRecord:
    offset: int
    end: int
    time: int
    sequence: int
    subject: str
    crc: int
    payload: bytes
    header: int

    def message(self):
        return decode_payload(Reader(self.payload))


@dataclass
class Action:
    offset: int
    end: int
    type: int
    subject: str
    group: str
    consumer: str
    time: int
    broadcast: bool = False
    first: int = -1
    last: int = -1
    first_message: int = -1
    last_message: int = -1


class _Log:
    """Walks the records of a segmented log until the first that is not whole; .end and .stopped say where and why."""

    segment_size = 0

    def __init__(self, directory):
        self.directory = Path(directory)
        self.end = 0
        self.stopped = ""

    def records(self, start=0):
        self.end, self.stopped = start, "no segment"
        first = True
        for base, path in segments(self.directory):
            if base + self.segment_size <= start:
                continue
            if not first and base != self.end:
                self.stopped = f"segment {self.end} is missing"
                return
            first = False
            with open(path, "rb") as file:
                size = min(os.fstat(file.fileno()).st_size, self.segment_size)
                if size == 0:
                    self.end, self.stopped = max(start, base), "empty segment"
                    return
                with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
                    yield from self._segment(data, base, max(start - base, 0))
            if self.end != base + self.segment_size:
                return

    def _segment(self, data, base, position):
        self.end = base + position
        while position < self.segment_size:
            try:
                kind, size, record = self._record(data, position, base)
            except (Malformed, struct.error) as error:
                self.stopped = f"{error} at {base + position}"
                return
            if kind == 1:
                position = self.segment_size
            else:
                position += size
            self.end = base + position
            if record is not None:
                yield record
        self.stopped = "end of segment"


class MessageLog(_Log):
    segment_size = MESSAGE_SEGMENT

    def _record(self, data, position, base):
        reader = Reader(data, position, len(data))
        version = _MESSAGE_MAGICS.get(reader.u32())
        if version is None:
            raise Malformed("no record magic")
        attribute, time = reader.i8(), reader.i64()
        if attribute == 1:
            return 1, 0, None
        if attribute == 2:
            return 2, reader.i32(), None
        if attribute != 0:
            raise Malformed(f"attribute {attribute}")
        sequence = reader.i64()
        subject = reader.str()
        crc = reader.i64() if version > 1 else None
        size = reader.i32()
        if size < SMALLEST_PAYLOAD:  # zeros where CRC and length should be look like an empty payload with the right CRC
            raise Malformed("payload too short")
        header = reader.position - position
        payload = reader.raw(size)
        if reader.position - position > self.segment_size - position:
            raise Malformed("record over the end of the segment")
        if crc is not None and crc != crc32(payload):
            raise Malformed("wrong CRC")
        end = base + reader.position
        record = MessageRecord(base + position, end, time, sequence, subject, crc, payload, header)
        return 0, header + size, record


class ActionLog(_Log):
    segment_size = ACTION_SEGMENT

    def _record(self, data, position, base):
        reader = Reader(data, position, len(data))
        if reader.u32() != _ACTION_MAGIC:
            raise Malformed("no action magic")
        attribute = reader.i8()
        if attribute == 1:
            return 1, 0, None
        if attribute == 2:
            return 2, reader.i32(), None
        if attribute != 0:
            raise Malformed(f"attribute {attribute}")
        kind, size = reader.i8(), reader.i32()
        start = reader.position
        reader.end = min(reader.end, start + max(size, 0))
        action = Action(base + position, base + start + size, kind, reader.str(), reader.str(), reader.str(), reader.i64())
        if kind == PULL:
            action.broadcast = reader.i8() == 1
            action.first, action.last = reader.i64(), reader.i64()
            action.first_message, action.last_message = reader.i64(), reader.i64()
            if action.last - action.first != action.last_message - action.first_message:
                raise Malformed("unequal ranges")
        elif kind == RANGE_ACK:
            action.first, action.last = reader.i64(), reader.i64()
        elif kind != FOREVER_OFFLINE:
            raise Malformed(f"action type {kind}")
        if reader.position != start + size:
            raise Malformed("action payload length")
        if not action.subject or not action.group or not action.consumer or action.time <= 0:
            raise Malformed("empty name or time in action")
        return 0, 10 + size, action


@dataclass
class ConsumerEntry:
    sequence: int
    time: int
    offset: int
    size: int
    header: int

    @property
    def blank(self):
        return self.size == BLANK_SIZE


def consumer_entries(directory):
    """The V1 entries of one subject's directory up to the last that is not all zero."""
    unit = struct.Struct(">qqih")
    entries = []
    for base, path in segments(Path(directory)):
        first = base // CONSUMER_UNIT
        with open(path, "rb") as file:
            index = 0
            while True:
                chunk = file.read(CONSUMER_UNIT * 4096)
                if len(chunk) < CONSUMER_UNIT or not any(chunk):
                    break  # entries are written in order: nothing follows an empty chunk
                for position in range(0, len(chunk) - CONSUMER_UNIT + 1, CONSUMER_UNIT):
                    entries.append(ConsumerEntry(first + index, *unit.unpack_from(chunk, position)))
                    index += 1
        while entries and entries[-1].time == 0 and entries[-1].size == 0:
            entries.pop()
    return entries


@dataclass
class Consumer:
    pulled: int = -1
    acked: int = -1
    mapping: dict = field(default_factory=dict)  # pull offset -> message sequence, of what is not acked

    def unacked(self):
        return {pull: sequence for pull, sequence in self.mapping.items() if pull > self.acked}


@dataclass
class Group:
    pulled: int = -1
    broadcast: bool = False
    consumers: dict = field(default_factory=dict)


def replay(actions):
    """{(subject, group): Group} after these actions (storage.md 9.1)."""
    groups = {}
    for action in actions:
        key = (action.subject, action.group)
        group = groups.setdefault(key, Group())
        if action.type == PULL:
            group.broadcast = action.broadcast
            group.pulled = max(group.pulled, action.last_message)
            consumer = group.consumers.setdefault(action.consumer, Consumer())
            consumer.pulled = max(consumer.pulled, action.last)
            for step in range(action.last - action.first + 1):
                consumer.mapping[action.first + step] = action.first_message + step
        elif action.type == RANGE_ACK and action.consumer in group.consumers:
            consumer = group.consumers[action.consumer]
            consumer.acked = max(consumer.acked, action.last)
        elif action.type == FOREVER_OFFLINE:
            group.consumers.pop(action.consumer, None)
    return groups


class Store:
    """The store of a stopped (or just killed) broker."""

    def __init__(self, root):
        self.root = Path(root)
        self.message_log = MessageLog(self.root / "messagelog")
        self.action_log = ActionLog(self.root / "actionlog")

    def messages(self, start=0):
        return self.message_log.records(start)

    def actions(self, start=0):
        return self.action_log.records(start)

    def subjects(self):
        """{subject: [MessageRecord]} in log order."""
        found = {}
        for record in self.messages():
            found.setdefault(record.subject, []).append(record)
        return found

    def groups(self):
        return replay(self.actions())

    def consumer_log(self, subject):
        return consumer_entries(self.root / "consumerlog" / subject)

    def indexed_subjects(self):
        directory = self.root / "consumerlog"
        return sorted(path.name for path in directory.iterdir() if path.is_dir()) if directory.is_dir() else []

    def problems(self):
        """Sentences about everything that is wrong with the store; empty when it is sound."""
        found = []
        by_subject = self.subjects()
        for subject, records in by_subject.items():
            first = records[0].sequence
            sequences = [record.sequence for record in records]
            if sequences != list(range(first, first + len(records))):
                found.append(f"{subject}: sequences are not dense: {_first_break(sequences)}")
        for subject in self.indexed_subjects():
            records = {record.sequence: record for record in by_subject.get(subject, [])}
            for entry in self.consumer_log(subject):
                record = records.get(entry.sequence)
                if entry.blank or (record is None and entry.offset < self.message_log.end):
                    continue
                if record is None:
                    found.append(f"{subject}: entry {entry.sequence} points behind the message log's end")
                elif (entry.offset, entry.size) != (record.offset, record.end - record.offset):
                    found.append(f"{subject}: entry {entry.sequence} points at {entry.offset}, not {record.offset}")
                elif entry.header != record.header:
                    found.append(f"{subject}: entry {entry.sequence} has header size {entry.header}")
        found.extend(self._action_problems(by_subject))
        return found

    def _action_problems(self, by_subject):
        found, pulled = [], {}
        for action in self.actions():
            if action.type != PULL or action.broadcast:
                continue
            consumer = (action.subject, action.group, action.consumer)
            expected = pulled.get(consumer, -1) + 1
            # An empty one may repeat what is known, so that something stands behind a record that ends in zeros.
            repeats = action.last < action.first <= expected
            if action.first != expected and not repeats:
                found.append(f"{consumer}: pull offsets {action.first}.. at {action.offset}, expected {expected}")
            pulled[consumer] = max(action.last, expected - 1)
            if action.last_message >= len(by_subject.get(action.subject, [])) and action.last >= action.first:
                found.append(f"{consumer}: message {action.last_message} handed out but not in the log")
        return found

    def handed_again(self):
        """Sentences about messages that a group got twice; right only after a reset of its position."""
        found, handed = [], {}
        for action in self.actions():
            if action.type == PULL and not action.broadcast and action.last >= action.first:
                group = (action.subject, action.group)
                if action.first_message < handed.get(group, 0):
                    found.append(f"{group}: message {action.first_message} handed out again at {action.offset}")
                handed[group] = action.last_message + 1
        return found


def _first_break(sequences):
    for before, after in zip(sequences, sequences[1:]):
        if after != before + 1:
            return f"{after} after {before}"
    return "?"
