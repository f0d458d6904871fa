"""bin/*.sh: start waits until the server serves, status and stop tell the truth, and nothing half-started stays."""

import json
import socket
import subprocess

import pytest
from harness import ADDRESS, free_port, is_listening

from qmqpy.client import Client
from qmqpy.message import message

SERVER_KINDS = ["standalone", "metaserver"]
PORT_KEYS = {
    "standalone": ("meta.server.discover.port", "meta.server.port", "broker.port", "sync.port", "monitor.port"),
    "metaserver": ("meta.server.discover.port", "meta.server.port", "monitor.port"),
}


class Launcher:
    def __init__(self, tree, home, kind, ports):
        self.tree, self.home, self.kind, self.ports = tree, home, kind, ports

    def run(self, *command, seconds=60):
        return subprocess.run(
            [self.tree / "bin" / f"{self.kind}.sh", *command, "--home", self.home],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def start(self, **changed):
        sets = []
        for key, port in {**self.ports, **changed}.items():
            sets += ["--set", f"{key}={port}"]
        return self.run("start", *sets, "--set", f"listen.address={ADDRESS}")


@pytest.fixture(params=SERVER_KINDS)
def launcher(request, make, tree):
    server = make(request.param)  # only for its home directory and conf
    ports = {key: free_port() for key in PORT_KEYS[request.param]}
    launcher = Launcher(tree, server.home, request.param, ports)
    yield launcher
    launcher.run("stop")


def test_launchers_start_status_stop(launcher):
    done = launcher.run("status")
    assert done.returncode != 0
    done = launcher.start()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip().endswith("STARTED")
    told = json.loads((launcher.home / "run" / f"{launcher.kind}.json").read_text())
    assert told["state"] == "serving" and told["ports"] == launcher.ports
    assert all(is_listening(port) for port in launcher.ports.values())
    pid = (launcher.home / "pid" / f"{launcher.kind}.pid").read_text()
    assert int(pid) == told["pid"]
    if launcher.kind == "standalone":
        with Client((ADDRESS, launcher.ports["broker.port"])) as client:
            assert client.send(message("launched", "m1")) == []
    done = launcher.run("status")
    assert done.returncode == 0 and pid.strip() in done.stdout
    done = launcher.start()
    assert done.returncode == 0
    assert f"already running as process {told['pid']}" in done.stdout
    done = launcher.run("stop")
    assert done.returncode == 0 and done.stdout.strip().endswith("STOPPED")
    assert not any(is_listening(port) for port in launcher.ports.values())
    assert not (launcher.home / "pid" / f"{launcher.kind}.pid").exists()
    done = launcher.run("stop")
    assert done.returncode == 0 and "no " in done.stdout
    assert launcher.run("status").returncode != 0


def test_launchers_a_failed_start_says_why_and_leaves_nothing(launcher):
    with socket.create_server((ADDRESS, 0)) as owner:
        port = owner.getsockname()[1]
        done = launcher.start(**{"meta.server.port": port})
    assert done.returncode == 1
    assert "SERVER DID NOT START" in done.stdout + done.stderr
    assert str(port) in done.stdout + done.stderr
    assert launcher.run("status").returncode != 0


def test_launchers_a_stale_pid_file_is_no_obstacle(launcher):
    path = launcher.home / "pid" / f"{launcher.kind}.pid"
    path.write_text("4194303")
    done = launcher.run("stop")
    assert done.returncode == 0
    path.write_text("4194303")
    done = launcher.start()
    assert done.returncode == 0 and done.stdout.strip().endswith("STARTED")
    assert path.read_text() != "4194303"


def test_launchers_a_home_that_is_not_there_is_not_made(launcher):
    missing = launcher.home / "slip"
    for command in ("start", "start-foreground", "status"):
        done = Launcher(launcher.tree, missing, launcher.kind, launcher.ports).run(command)
        assert done.returncode == 1
        assert f"the home directory {missing} cannot be used" in done.stderr and "--home" in done.stderr
        assert done.stderr.count("\n") == 1
    assert not missing.exists()


def test_launchers_unknown_command(launcher):
    done = launcher.run("bogus")
    [line] = done.stderr.strip().splitlines()
    assert "bogus" in line and done.stdout == ""
    assert done.returncode == 2
