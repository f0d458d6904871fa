"""Scripted peers: a TCP server that records frames and answers as told, and a metaserver made of it."""

import http.server
import json
import socket
import threading
import time
import urllib.parse

from harness import ADDRESS, meta_endpoint
from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.fields import Malformed, Reader
from qmqpy.frame import FrameStream
from waiting import wait_until


class Peer:
    """One accepted connection."""

    def __init__(self, connection):
        self.socket = connection
        self.lock = threading.Lock()

    def write(self, data):
        with self.lock:
            try:
                self.socket.sendall(data)
            except OSError:
                pass

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class FrameServer:
    """handler(frame, peer) answers by returning a Frame (or None) or by writing to the peer whenever it likes."""

    def __init__(self, handler, port=0, address=ADDRESS):
        self.handler = handler
        self.received = []  # (monotonic time, raw bytes, Frame)
        self.peers = []
        self.socket = socket.create_server((address, port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            peer = Peer(connection)
            self.peers.append(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        stream = FrameStream(keep_raw=True)
        try:
            while data := peer.socket.recv(65536):
                stream.feed(data)
                while (frame := stream.next()) is not None:
                    self.received.append((time.monotonic(), stream.raw.pop(0), frame))
                    answer = self.handler(frame, peer)
                    if answer is not None:
                        peer.write(answer.encode())
        except (OSError, Malformed):
            pass
        finally:
            peer.socket.close()

    def frames(self, code=None):
        return [frame for _, _, frame in list(self.received) if code is None or frame.code == code]

    def wait_frames(self, code, count, seconds=10.0):
        wait_until(lambda: len(self.frames(code)) >= count, seconds, f"{count} requests of code {code}")
        return self.frames(code)

    def close(self):
        self.socket.close()
        for peer in self.peers:
            peer.close()


class FakeMetaserver(FrameServer):
    """Answers discovery, codes 40, 30 and 35; every answer can be replaced.

    acquire: an AcquireMetaAnswer, a code, a Frame-making function, or None for silence.
    register: a function of the decoded BrokerRegister giving the code (None: silence).
    routes: {subject: [GroupRoute]} of CLIENT_REGISTER; the key None is for all others.
    management: {action: answer} of POST /management.
    """

    def __init__(self, acquire=None, register=lambda request: f.SUCCESS, routes=None):
        self.acquire = acquire
        self.register = register
        self.routes = routes or {}
        super().__init__(self._answer)
        self.address_body = f"{ADDRESS}:{self.port}"
        self.http = http.server.ThreadingHTTPServer((ADDRESS, 0), self._http_handler())
        self.http.daemon_threads = True
        self.http_port = self.http.server_address[1]
        self.http_requests = []
        self.management = {"ListBrokers": {"status": 0, "message": "", "data": []}, "ListBrokerGroups": []}
        self.date = None  # header Date of its answers; None: now
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        return meta_endpoint(self.http_port)

    def _http_handler(self):
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                owner.http_requests.append(self.path)
                self._give(owner.address_body.encode())

            def do_POST(self):
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._give(json.dumps(owner.management.get(form["action"][0])).encode())

            def _give(self, body):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def date_time_string(self, timestamp=None):
                return owner.date or super().date_time_string(timestamp)

            def log_message(self, *_):
                pass

        return Handler

    def _answer(self, frame, peer):
        if frame.code == f.BROKER_ACQUIRE_META:
            return self._acquired(frame)
        if frame.code == f.BROKER_REGISTER:
            code = self.register(c.BrokerRegister.decode(frame.body))
            return None if code is None else frame.answer(code)
        if frame.code == f.CLIENT_REGISTER:
            return self._routed(frame)
        return frame.answer(f.UNKNOWN_CODE)

    def _acquired(self, frame):
        if callable(self.acquire):
            return self.acquire(frame)
        if isinstance(self.acquire, c.AcquireMetaAnswer):
            return frame.answer(f.SUCCESS, self.acquire.encode())
        return None if self.acquire is None else frame.answer(self.acquire)

    def _routed(self, frame):
        pairs = dict(Reader(frame.body).map())
        subject = pairs.get("subject", "")
        groups = self.routes.get(subject, self.routes.get(None, []))
        type = int(pairs.get("clientTypeCode", "3"))
        now = int(time.time()) * 1000
        answer = c.ClientRegisterAnswer(now, subject, pairs.get("consumerGroup", ""), 0, type, groups)
        return frame.answer(f.SUCCESS, answer.encode())

    def registrations(self):
        """[(monotonic time, BrokerRegister, Frame)]"""
        received = [(at, frame) for at, _, frame in list(self.received) if frame.code == f.BROKER_REGISTER]
        return [(at, c.BrokerRegister.decode(frame.body), frame) for at, frame in received]

    def wait_registration(self, type, state=None, seconds=15.0):
        def found():
            return [r for r in self.registrations() if r[1].type == type and state in (None, r[1].state)]

        return wait_until(found, seconds, f"registration of type {type}")[0]

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        super().close()
