"""All the ways in which Windows ends a server leave a store that was closed in order; what ends no server leaves it alone."""

import json
import time

import pytest
from wine import CLOSE, CTRL_BREAK, CTRL_C, LOGOFF, SHUTDOWN, ids, is_clean, only_for_windows, service_of, tool

from qmqpy.message import message


@pytest.fixture(autouse=True)
def windows_tree(tree):
    only_for_windows(tree)


@pytest.fixture
def server(start):
    server = start("standalone")
    with server.client() as client:
        assert client.send(message("before", "m1")) == []
    return server


def pid_of(home):
    return json.loads((home / "run" / "standalone.json").read_text())["pid"]


def output(server):
    return server.output("stdout") + server.output("stderr")


def ended_in_order(server):
    assert server.wait_exit() == 0
    assert output(server).rstrip().endswith("stopped")
    assert is_clean(server.store_root())
    assert not (server.home / "run" / "standalone.json").exists()


@pytest.mark.parametrize("event", [CTRL_C, CTRL_BREAK, CLOSE, LOGOFF, SHUTDOWN], ids=["ctrl_c", "ctrl_break", "close", "logoff", "shutdown"])
def test_stop_a_console_server_closes_its_store_at(server, event):
    assert not is_clean(server.store_root())
    tool("event", pid_of(server.home), event)
    ended_in_order(server)
    server.start()
    with server.client() as client:
        assert ids(client, "before") == ["m1"]


def test_stop_closing_the_console_after_ctrl_c_cuts_nothing_off(server):
    pid = pid_of(server.home)
    tool("event", pid, CTRL_C)
    if server.alive():  # else it was faster, and there is nothing to close
        try:
            tool("event", pid, CLOSE)
        except AssertionError:
            assert not server.alive()
    ended_in_order(server)


def test_stop_at_the_end_of_the_session(server):
    """As the system tells programs that have a window, and ours all have one: log-off and shutdown."""
    tool("session", pid_of(server.home), "stays")
    with server.client() as client:
        assert client.send(message("before", "m2")) == []
    tool("session", pid_of(server.home), "ends")
    ended_in_order(server)


@pytest.fixture
def service(make, tree):
    yield from service_of(make, tree)


def test_stop_a_service_is_closed_by_its_manager_and_not_by_log_off(service):
    assert service.install().returncode == 0
    done = service.run("start")
    assert done.returncode == 0, done.stdout + done.stderr
    pid = pid_of(service.home)
    tool("event", pid, LOGOFF)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert "running" in service.run("status").stdout
    assert "asked to stop" not in service.log()
    assert pid_of(service.home) == pid
    done = service.run("stop")
    assert done.returncode == 0 and done.stdout.endswith("STOPPED\n")
    assert service.log().rstrip().endswith("stopped")
    assert is_clean(service.home / "data")


def test_stop_a_server_without_console_is_closed_by_its_launcher(service):
    done = service.run("start", "--home", str(service.home), *service.sets())
    assert done.returncode == 0, done.stdout + done.stderr
    assert service.run("stop", "--home", str(service.home)).stdout.endswith("STOPPED\n")
    assert is_clean(service.home / "data")
