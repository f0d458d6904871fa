"""A synchronous connection to a TCP port: whole frames, raw bytes, one byte at a time. One thread uses it at a time."""

import itertools
import select
import socket
import time

from .frame import Frame, FrameStream


class NoAnswer(Exception):
    """Nothing came within the time allowed."""


class Disconnected(Exception):
    """The peer closed the connection."""


class Connection:
    _opaque = itertools.count(1)

    def __init__(self, address, timeout=10.0, keep_raw=False):
        host, port = address
        self.timeout = timeout
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = FrameStream(keep_raw)
        self.waiting = {}  # opaque -> frames that came while another one was waited for

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.socket.close()

    # ---- sending

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Disconnected(str(error)) from error

    def send_bytes_one_by_one(self, data):
        for index in range(len(data)):
            self.send_bytes(data[index : index + 1])

    def post(self, code, body=b"", version=9, opaque=None, flag=0, request_code=None):
        """Sends a request and returns its opaque without waiting."""
        opaque = next(self._opaque) if opaque is None else opaque
        self.send_bytes(Frame(code, version, opaque, flag, request_code, body).encode())
        return opaque

    # ---- receiving

    def _receive(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.socket], [], [], left)[0]:
            raise NoAnswer()
        try:
            data = self.socket.recv(1 << 18)
        except OSError as error:
            raise Disconnected(str(error)) from error
        if not data:
            raise Disconnected("closed by the peer")
        self.stream.feed(data)

    def read(self, timeout=None):
        """The next frame, whatever its opaque."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            found = self.stream.next()
            if found is not None:
                return found
            self._receive(deadline)

    def wait(self, opaque, timeout=None):
        """The answer with this opaque; others are kept for their own wait."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not self.waiting.get(opaque):
            found = self.read(max(deadline - time.monotonic(), 0))
            self.waiting.setdefault(found.opaque, []).append(found)
        return self.waiting[opaque].pop(0)

    def request(self, code, body=b"", timeout=None, **header):
        return self.wait(self.post(code, body, **header), timeout)

    # ---- what must not come

    def silent(self, seconds):
        """True when nothing at all came for so long (a close counts as something)."""
        return not self.stream.buffer and not select.select([self.socket], [], [], seconds)[0]

    def closed_by_peer(self, timeout=5.0):
        """(True when the peer closed within the time, bytes that came before)."""
        deadline = time.monotonic() + timeout
        received = bytes(self.stream.buffer)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return False, received
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                return True, received
            if not data:
                return True, received
            received += data
