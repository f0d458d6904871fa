"""Frames (section 2) and the codes (section 4)."""

import struct
from dataclasses import dataclass

from .fields import Malformed

MAGIC = 0xDEC10ADE
HEADER_LENGTH = 18
SMALLEST = 24
LARGEST = 1 << 30

FLAG_RESPONSE = 1
FLAG_ONE_WAY = 2

SEND, PULL, ACK = 10, 11, 12
SYNC_LOG, SYNC_CHECKPOINT = 20, 21
CONSUME_MANAGE = 25
BROKER_REGISTER, CLIENT_REGISTER, BROKER_ACQUIRE_META = 30, 35, 40
HEARTBEAT = 100

SUCCESS, UNKNOWN_CODE, NO_MESSAGE = 0, 3, 4
BROKER_ERROR, BROKER_REJECT, PARAM_ERROR = 51, 52, 53

_HEADER = struct.Struct(">ihIhhiih")


@dataclass
class Frame:
    code: int
    version: int = 9
    opaque: int = 0
    flag: int = 0
    request_code: int = None  # None in a request: the code itself
    body: bytes = b""

    def encode(self):
        request_code = self.code if self.request_code is None else self.request_code
        total = 2 + HEADER_LENGTH + len(self.body)
        return (
            _HEADER.pack(total, HEADER_LENGTH, MAGIC, self.code, self.version, self.opaque, self.flag, request_code)
            + self.body
        )

    @property
    def is_response(self):
        return bool(self.flag & FLAG_RESPONSE)

    def answer(self, code=SUCCESS, body=b""):
        """The response frame to this request (2.5)."""
        return Frame(code, self.version, self.opaque, FLAG_RESPONSE, self.code, body)


def decode(data):
    """The first frame of data and its length, or (None, 0) when more bytes are needed (2.6)."""
    if len(data) < SMALLEST:
        return None, 0
    total, header_length, magic, code, version, opaque, flag, request_code = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise Malformed(f"magic {magic:08x}")
    if total < 20 or total > LARGEST or header_length < HEADER_LENGTH or header_length + 2 > total:
        raise Malformed(f"total {total}, header length {header_length}")
    if len(data) < 4 + total:
        return None, 0
    body = bytes(data[6 + header_length : 4 + total])
    return Frame(code, version, opaque, flag, request_code, body), 4 + total


def decode_one(data):
    """data is exactly one frame."""
    frame, used = decode(data)
    if frame is None or used != len(data):
        raise Malformed("not exactly one frame")
    return frame


class FrameStream:
    """Collects received bytes and yields the frames in them; keeps the raw bytes of the frames in .raw when asked to."""

    def __init__(self, keep_raw=False):
        self.buffer = bytearray()
        self.raw = [] if keep_raw else None

    def feed(self, data):
        self.buffer += data

    def next(self):
        frame, used = decode(self.buffer)
        if frame is not None:
            if self.raw is not None:
                self.raw.append(bytes(self.buffer[:used]))
            del self.buffer[:used]
        return frame
