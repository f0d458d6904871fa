"""The message (section 7): payload, wire form, attributes, retry names."""

from dataclasses import dataclass, field

from .fields import Malformed, Reader, Writer, crc32, text_bytes

LOW_RELIABILITY, DELAYED, HAS_TAGS = 1, 2, 4
EXAMPLE_TIME = 1559880000000


def encode_attributes(pairs):
    """The (key, value) pairs of a message body; lengths are unsigned 16 bit as Java producers write them."""
    items = pairs.items() if isinstance(pairs, dict) else pairs
    parts = []
    for key, value in items:
        for text in (key, value):
            data = text_bytes(text)
            if len(data) > 65535:
                raise ValueError("an attribute of more than 65535 bytes")
            parts.append(len(data).to_bytes(2, "big") + data)
    return b"".join(parts)


def decode_attributes(data):
    reader = Reader(data)
    pairs = []
    while reader.left() >= 4:
        pairs.append((reader.str_unsigned(), reader.str_unsigned()))
    return pairs


@dataclass
class Message:
    subject: str
    id: str
    attrs: bytes = b""
    tags: list = field(default_factory=list)
    flag: int = 0  # the tag bit is added when there are tags
    created: int = EXAMPLE_TIME
    expire: int = EXAMPLE_TIME

    def payload(self):
        """From the flag to the end of the attributes: what is stored, and what a puller gets."""
        flag = self.flag | (HAS_TAGS if self.tags else 0)
        writer = Writer().i8(flag).i64(self.created).i64(self.expire).str(self.subject).str(self.id)
        if flag & HAS_TAGS:
            writer.i8(len(self.tags))
            for tag in self.tags:
                writer.str(tag)
        return writer.i32(len(self.attrs)).raw(self.attrs).bytes()

    def wire(self, crc=None):
        payload = self.payload()
        return Writer().i64(crc32(payload) if crc is None else crc).raw(payload).bytes()

    def attributes(self):
        return dict(decode_attributes(self.attrs))


def message(subject, id, attributes=None, **fields):
    """A message as a producer makes it: qmq_createTime first, then the given attributes."""
    created = fields.setdefault("created", EXAMPLE_TIME)
    pairs = [("qmq_createTime", str(created))] + list((attributes or {}).items())
    return Message(subject, id, encode_attributes(pairs), **fields)


def decode_payload(reader, tags_cut=False):
    """One payload at the reader's position; tags_cut: the form of answers below version 8 (flag bit set, section absent)."""
    flag, created, expire = reader.i8(), reader.i64(), reader.i64()
    subject, id = reader.str(), reader.str()
    tags = []
    if flag & HAS_TAGS and not tags_cut:
        tags = [reader.str() for _ in range(max(reader.i8(), 0))]
    size = reader.i32()
    if size < 0:
        raise Malformed(f"negative body length {size}")
    return Message(subject, id, reader.raw(size), tags, flag, created, expire)


def split_payloads(data, tags_cut=False):
    """[(raw bytes, Message)] of a pull answer's messages."""
    reader = Reader(data)
    found = []
    while reader.left():
        start = reader.position
        decoded = decode_payload(reader, tags_cut)
        found.append((bytes(data[start : reader.position]), decoded))
    return found


def retry_subject(subject, group):
    return f"%RETRY%{subject}%{group}"


def dead_subject(subject, group):
    return f"%DEAD_RETRY%{subject}%{group}"


def real_subject(name):
    if not (name.startswith("%RETRY") or name.startswith("%DEAD_RETRY")):
        return name
    parts = [part.strip() for part in name.split("%")]
    parts = [part for part in parts if part]
    return parts[1] if len(parts) == 3 else name
