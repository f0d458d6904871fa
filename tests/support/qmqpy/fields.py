"""Primitive encodings of the wire protocol (section 3): big-endian integers, strings, maps, CRC-32."""

import struct
import zlib

STRING_MAX = 32767


class Malformed(Exception):
    """Bytes that do not have the layout they must have."""


def crc32(data):
    return zlib.crc32(data) & 0xFFFFFFFF


def text_bytes(text):
    """UTF-8 of a str; bytes stay as they are, so that tests can write malformed names."""
    return bytes(text) if isinstance(text, (bytes, bytearray)) else text.encode("utf-8", "surrogateescape")


def bytes_text(data):
    return bytes(data).decode("utf-8", "surrogateescape")


class Writer:
    def __init__(self):
        self.parts = []

    def raw(self, data):
        self.parts.append(bytes(data))
        return self

    def _pack(self, layout, value):
        return self.raw(struct.pack(layout, value))

    def i8(self, value):
        return self._pack(">b", value)

    def i16(self, value):
        return self._pack(">h", value)

    def i32(self, value):
        return self._pack(">i", value)

    def i64(self, value):
        return self._pack(">q", value)

    def u32(self, value):
        return self._pack(">I", value)

    def str(self, text):
        data = text_bytes(text or "")
        if len(data) > STRING_MAX:
            raise ValueError(f"a string of {len(data)} bytes; the protocol allows {STRING_MAX}")
        return self.i16(len(data)).raw(data)

    def map(self, pairs):
        """pairs: a dict or a list of (key, value); order is kept."""
        items = list(pairs.items()) if isinstance(pairs, dict) else list(pairs)
        self.i16(len(items))
        for key, value in items:
            self.str(key).str(value)
        return self

    def bytes(self):
        return b"".join(self.parts)


class Reader:
    def __init__(self, data, position=0, end=None):
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end

    def left(self):
        return self.end - self.position

    def raw(self, size):
        if size < 0 or size > self.left():
            raise Malformed(f"{size} bytes wanted at {self.position}, {self.left()} left")
        piece = bytes(self.data[self.position : self.position + size])
        self.position += size
        return piece

    def rest(self):
        return self.raw(self.left())

    def _unpack(self, layout, size):
        return struct.unpack(layout, self.raw(size))[0]

    def i8(self):
        return self._unpack(">b", 1)

    def i16(self):
        return self._unpack(">h", 2)

    def u16(self):
        return self._unpack(">H", 2)

    def i32(self):
        return self._unpack(">i", 4)

    def u32(self):
        return self._unpack(">I", 4)

    def i64(self):
        return self._unpack(">q", 8)

    def str(self):
        return bytes_text(self.raw(self.i16()))

    def str_unsigned(self):
        """Attribute keys and values in message bodies: the length is read as unsigned (3.2)."""
        return bytes_text(self.raw(self.u16()))

    def map(self):
        """A list of pairs, in order; duplicates stay (the caller's dict() lets the last win)."""
        return [(self.str(), self.str()) for _ in range(max(self.i16(), 0))]

    def finish(self):
        if self.left():
            raise Malformed(f"{self.left()} bytes too many at {self.position}")
