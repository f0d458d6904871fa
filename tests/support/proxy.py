"""A TCP proxy that a test can slow down, stop, or cut."""

import socket
import threading
import time

from harness import ADDRESS


class Proxy:
    def __init__(self, port, delay=0.0):
        self.target = port
        self.delay = delay  # seconds each piece of an answer waits
        self.refuses = False
        self.sockets = []
        self.listener = socket.create_server((ADDRESS, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.refuses:
                near.close()
                continue
            try:
                far = socket.create_connection((ADDRESS, self.target), 5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self.sockets += [near, far]
            threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source, to, answers):
        try:
            while data := source.recv(65536):
                if answers and self.delay:
                    time.sleep(self.delay)
                to.sendall(data)
        except OSError:
            pass
        for one in (source, to):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Every connection ends; new ones are taken unless refuses."""
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.sockets = []

    def close(self):
        self.listener.close()
        self.cut()
