"""An HTTP load balancer in front of several metaservers: each question goes to the next one that answers."""

import http.server
import itertools
import threading
import urllib.error
import urllib.request

from harness import ADDRESS


class Balancer:
    def __init__(self, ports):
        self.ports = list(ports)
        self.next = itertools.count()
        self.answered = []  # the port that answered, in order
        balancer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                balancer.forward(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((ADDRESS, 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def forward(self, request):
        first = next(self.next)
        for n in range(len(self.ports)):
            port = self.ports[(first + n) % len(self.ports)]
            try:
                with urllib.request.urlopen(f"http://{ADDRESS}:{port}{request.path}", timeout=3) as answer:
                    body = answer.read()
            except (OSError, urllib.error.URLError):
                continue
            self.answered.append(port)
            request.send_response(200)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
            return
        request.send_error(503)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
