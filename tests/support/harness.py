"""Server processes of the release tree: each in its own home directory, on free ports of 127.0.0.1, stopped by process id only."""

import atexit
import json
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from qmqpy.client import Client
from waiting import wait_until

ADDRESS = "127.0.0.1"
TOKEN = "test-token"
START_SECONDS = 60.0 if os.environ.get("QMQ_TEST_SLOWER") else 20.0
STOP_SECONDS = 30.0

# Port keys of each server and the run file they are reported in.
PORTS = {
    "standalone": ("meta.server.discover.port", "meta.server.port", "broker.port", "sync.port", "monitor.port"),
    "metaserver": ("meta.server.discover.port", "meta.server.port", "monitor.port"),
    "broker": ("broker.port", "sync.port", "monitor.port"),
}
CONF_FILES = {
    "standalone": ("standalone.properties", "metaserver.properties", "broker.properties"),
    "metaserver": ("metaserver.properties",),
    "broker": ("broker.properties",),
}

_running = set()


@atexit.register
def _kill_what_is_left():
    for process in list(_running):
        process.kill()


class ServerFailed(AssertionError):
    """A server did not do what it was asked to; the text holds the end of its output."""


_given = set()


def free_port():
    """A port nobody has, below those that the system gives out by itself: other tests run meanwhile, and a server takes it only later."""
    while True:
        port = random.randrange(10000, 32768)
        with socket.socket() as probe:
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def is_listening(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((ADDRESS, port)) == 0


def release_tree():
    """QMQ_TREE, else the newest tree the build assembled; None when there is none."""
    named = os.environ.get("QMQ_TREE")
    if named:
        return Path(named)
    built = Path(__file__).resolve().parents[2] / "qmq-dist" / "target"
    trees = sorted(built.glob("qmq-dist-*-bin"), key=lambda path: path.stat().st_mtime)
    return trees[-1] if trees else None


WINE = "/usr/lib/wine/wine64"


def program(tree, name):
    """How an executable of the tree is called: through Wine when it is one for Windows (scripts/windows-check.sh sets Wine up)."""
    windows = Path(tree) / "lib" / f"qmq-{name}.exe"
    if windows.exists():
        return [WINE, str(windows)]
    return [str(Path(tree) / "lib" / f"qmq-{name}")]


class Server:
    """One server process and its home directory. Settings become --set key=value; ports default to 0."""

    def __init__(self, tree, home, kind, settings=None, arguments=(), wrapper=(), environment=None, bare=False):
        self.tree, self.home, self.kind = Path(tree), Path(home), kind
        self.settings = {} if bare else self._defaults()
        self.settings.update(settings or {})
        self.arguments, self.wrapper = list(arguments), list(wrapper)
        self.environment = environment or {}
        self.program = program(tree, kind)
        self.is_windows = len(self.program) > 1
        self.process = None
        self.starts = 0
        for name in ("conf", "data", "logs", "pid", "run"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        if not bare:
            for name in CONF_FILES[kind]:
                self.conf(name, "")
            self.conf("valid-api-tokens.properties", f"{TOKEN}=tests\n")

    def _defaults(self):
        settings = {key: "0" for key in PORTS[self.kind]}
        settings["listen.address"] = ADDRESS
        if self.kind != "metaserver":
            settings["store.root"] = "data"
        return settings

    def conf(self, name, text):
        """Writes a file of the conf directory unless it exists with this text already."""
        path = self.home / "conf" / name
        path.write_text(text, encoding="utf-8")
        return path

    # ---- process

    def command(self):
        line = self.wrapper + self.program + ["--home", str(self.home)]
        for key, value in self.settings.items():
            line += ["--set", f"{key}={value}"]
        return line + self.arguments

    def launch(self):
        """Starts the process without waiting for anything."""
        if not Path(self.program[-1]).exists():
            raise ServerFailed(f"{self.tree} has no lib/qmq-{self.kind}")
        if self.is_windows and self.wrapper:
            pytest.skip("wrapped in a program of Linux")
        if self.is_windows:  # its process id says nothing to us, so an old file would pass for the new one
            (self.home / "run" / f"{self.kind}.json").unlink(missing_ok=True)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("QMQ_")}
        environment.update(self.environment)
        self.starts += 1
        with open(self.output_path("stdout"), "wb") as out, open(self.output_path("stderr"), "wb") as err:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                cwd=self.home,
                start_new_session=True,
            )
        _running.add(self.process)
        return self

    def start(self, state="serving", seconds=START_SECONDS):
        self.launch()
        self.wait_state(state, seconds)
        return self

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait_exit(self, seconds=STOP_SECONDS):
        """The exit code; fails when the process is still there after so long."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ServerFailed(f"{self.kind} {self.pid} still runs after {seconds} s\n{self.tail()}") from None
        _running.discard(self.process)
        return code

    def signal(self, number):
        if self.is_windows and number == signal.SIGTERM:
            number = signal.SIGINT  # Wine makes it Ctrl+C
        if self.is_windows and number == signal.SIGHUP:
            subprocess.run([*self.program, "reload", "--home", str(self.home)], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True, timeout=60)
            return
        os.kill(self.pid, number)

    def stop(self, seconds=STOP_SECONDS):
        """SIGTERM and wait; the exit code."""
        if self.alive():
            self.signal(signal.SIGTERM)
        return self.wait_exit(seconds)

    def kill(self):
        if self.alive():
            self.signal(signal.SIGKILL)
        return self.wait_exit()

    def restart(self, how="stop"):
        code = self.kill() if how == "kill" else self.stop()
        if how == "stop" and code != 0:
            raise ServerFailed(f"{self.kind} ended with {code} when asked to stop\n{self.tail()}")
        return self.start()

    # ---- what it tells

    def run_file(self):
        """The run file of the process now running, or None."""
        try:
            told = json.loads((self.home / "run" / f"{self.kind}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return told if self.process is not None and (self.is_windows or told.get("pid") == self.pid) else None

    def state(self):
        told = self.run_file()
        return told["state"] if told else None

    def wait_state(self, state, seconds=START_SECONDS):
        deadline = time.monotonic() + seconds
        while self.state() != state:
            if not self.alive():
                raise ServerFailed(f"{self.kind} ended with {self.wait_exit()} instead of {state}\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.kind} is {self.state()} after {seconds} s, not {state}\n{self.tail()}")
            time.sleep(0.002)

    def port(self, key):
        told = self.run_file()
        if told is None:
            raise ServerFailed(f"{self.kind} has no run file\n{self.tail()}")
        return told["ports"][key]

    def output_path(self, stream):
        return self.home / "logs" / f"{self.kind}.{self.starts}.{stream}"

    def output(self, stream="stderr"):
        path = self.output_path(stream)
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def tail(self, lines=40):
        """The end of everything in logs/, for failure reports."""
        parts = [f"home: {self.home}", f"command: {' '.join(self.command())}"]
        for path in sorted((self.home / "logs").iterdir()):
            text = path.read_text("utf-8", "replace").splitlines()
            if text:
                parts += [f"--- {path.name}"] + text[-lines:]
        return "\n".join(parts)

    def store_root(self):
        return self.home / self.settings.get("store.root", "data")

    # ---- connections to it

    def address(self, key="broker.port"):
        return ADDRESS, self.port(key)

    def client(self, key="broker.port", **options):
        return Client(self.address(key), **options)


def meta_endpoint(port):
    return f"http://{ADDRESS}:{port}/meta/address"


def wait_closed(port, seconds=10.0):
    wait_until(lambda: not is_listening(port), seconds, f"port {port} closed")
