"""A process of the official Java client (Client.java): commands in, events out."""

import shutil
import subprocess
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE / "target"


def why_not():
    """The reason why the Java client cannot run here, or None."""
    if shutil.which("java") is None:
        return "no java on this machine"
    if not (TARGET / "interop-1.jar").exists():
        return "the Java part is not built (scripts/check.sh interop builds it with Maven)"
    return None


class JavaClient:
    def __init__(self, metaserver_port, home, name):
        self.home = home / f"java-{name}"
        self.home.mkdir(parents=True, exist_ok=True)
        self.log = open(self.home / "stderr", "wb")
        self.process = subprocess.Popen(
            ["java", "-Xmx256m", "-Dqmq.ip=127.0.0.1", "-cp", f"{TARGET / 'interop-1.jar'}:{TARGET / 'lib'}/*", "qmqc.interop.Client", f"http://127.0.0.1:{metaserver_port}/meta/address"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            cwd=self.home,
            text=True,
            encoding="utf-8",
        )
        self.events = {"got": [], "refused": [], "sent": [], "failed": [], "produced": [], "ready": [], "bye": []}
        self.arrived = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            words = line.split()
            if words and words[0] in self.events:
                with self.arrived:
                    self.events[words[0]].append(words[1:])
                    self.arrived.notify_all()

    def say(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()

    def wait(self, done, seconds, what):
        """Waits until done(events) is true."""
        deadline = time.monotonic() + seconds
        with self.arrived:
            while not done(self.events):
                left = deadline - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    counts = {kind: len(events) for kind, events in self.events.items()}
                    raise AssertionError(f"{what} did not happen within {seconds} s; the Java client said {counts} (its log: {self.home / 'stderr'})")
                self.arrived.wait(min(left, 1.0))

    def quit(self):
        if self.process.poll() is None:
            try:
                self.say("quit")
                self.process.wait(30)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
        self.log.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
