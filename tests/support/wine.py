"""Servers for Windows under test through Wine (scripts/windows-check.sh sets it up): their service, and what Windows does to them."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from harness import ADDRESS, WINE, free_port, program

PORT_KEYS = ("meta.server.discover.port", "meta.server.port", "broker.port", "sync.port", "monitor.port")
TOOL = Path(__file__).resolve().parents[2] / "build" / "windows" / "tests" / "windows" / "windows_tool.exe"

# Numbers of the console's events.
CTRL_C, CTRL_BREAK, CLOSE, LOGOFF, SHUTDOWN = 0, 1, 2, 5, 6


def only_for_windows(tree):
    if len(program(tree, "standalone")) == 1:
        pytest.skip("the tree is not for Windows")


def run(*command, seconds=90, cwd=None, environment=None):
    """A program of Windows; what it says is text with the line ends of Linux. Into files: what it starts may keep its output."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        done = subprocess.run(
            [WINE, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            timeout=seconds,
            check=False,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
        )
        for name, file in (("stdout", out), ("stderr", err)):
            file.seek(0)
            setattr(done, name, file.read().decode("utf-8", "replace").replace("\r\n", "\n"))
    return done


def tool(*words, **options):
    """tests/windows/windows_tool.c; its output."""
    done = run(TOOL, *words, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def windows_path(path):
    return "Z:" + str(path).replace("/", "\\")


class Held:
    """A file that another program has open; 0: shares it with nobody, 3: lets others read and write but not move it."""

    def __init__(self, path, share=0):
        self.process = subprocess.Popen([WINE, TOOL, "hold", windows_path(path), str(share)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline().strip() == b"held"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)


def ids(client, subject, group="reader"):
    """Ids of all messages of a subject, for a group from its beginning."""
    client.pull(subject, group)
    client.reset(subject, group, 2)
    return [decoded.id for _, _, decoded in client.drain(subject, group, number=10000)]


def is_clean(store):
    return b"\nstate clean\n" in (store / ".marker").read_bytes()


class Service:
    def __init__(self, tree, home):
        self.program, self.home = program(tree, "standalone"), home
        self.ports = {key: free_port() for key in PORT_KEYS}

    def run(self, *words, seconds=90):
        return run(*self.program[1:], *words, seconds=seconds)

    def sets(self, **changed):
        sets = ["--set", f"listen.address={ADDRESS}"]
        for key, port in {**self.ports, **changed}.items():
            sets += ["--set", f"{key}={port}"]
        return sets

    def install(self, **changed):
        return self.run("install", "--home", str(self.home), *self.sets(**changed))

    def log(self):
        return (self.home / "logs" / "standalone.log").read_text("utf-8")

    def noted(self):
        """What the service manager has noted: path, title, account, start, description, reset, actions, delayed, preshutdown."""
        return dict(line.split("=", 1) for line in tool("service", "qmq-standalone").splitlines())


def service_of(make, tree):
    """For a fixture: the service of a standalone in a home with blanks, not installed; uninstalled at the end."""
    base = make("standalone").home
    home = base / "with blanks"
    shutil.copytree(base, home)
    service = Service(tree, home)
    yield service
    service.run("uninstall")
