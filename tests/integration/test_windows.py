"""What only a tree for Windows has, through Wine (scripts/windows-check.sh): clients and stores of both systems together, the service."""

import hashlib
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from harness import ADDRESS, Server, release_tree
from qmqcli import Qmq
from waiting import wait_until
from wine import ids, only_for_windows, service_of

from qmqpy.client import Client
from qmqpy.message import message
from qmqpy.store import Store

ODD_HOME = "a home (of ours) & ^ ! %PATH% 本地消息"


@pytest.fixture(autouse=True)
def windows_tree(tree):
    only_for_windows(tree)


@pytest.fixture(scope="module")
def linux_tree():
    named = os.environ.get("QMQ_LINUX_TREE")
    found = Path(named) if named else None
    if found is None:
        here = os.environ.pop("QMQ_TREE", None)
        found = release_tree()
        os.environ["QMQ_TREE"] = here or ""
    if found is None or not (found / "lib" / "qmq-standalone").exists():
        pytest.skip("no release tree for Linux; build it, or set QMQ_LINUX_TREE")
    return found


def fill(server, subject, count, start=0):
    with server.client() as client:
        for number in range(start, start + count, 50):
            assert client.send(*(message(subject, f"m{n}") for n in range(number, min(number + 50, start + count)))) == []


@pytest.mark.parametrize("of_client", ["linux", "windows"])
@pytest.mark.parametrize("of_server", ["linux", "windows"])
def test_systems_any_client_works_with_any_server(make, tree, linux_tree, tmp_path, of_client, of_server):
    trees = {"linux": linux_tree, "windows": tree}
    home = make("standalone").home
    server = Server(trees[of_server], home, "standalone").start()
    try:
        with Qmq(trees[of_client], tmp_path, server.port("meta.server.discover.port")) as qmq:
            qmq.ok("send", "both", stdin="one\ntwo\n\u672c\u5730\n", seconds=60)
            got = qmq.lines("consume", "both", "--group", "g", "--count", "3", "--timeout", "30s", seconds=60)
            assert got == ["one", "two", "\u672c\u5730"]
    finally:
        server.stop()


def digests(root):
    """What is written in the logs of a store, without the room behind that is reserved and given back."""
    found = {}
    for path in sorted(Path(root).rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path.parts[len(Path(root).parts)] in ("messagelog", "actionlog", "consumerlog"):
            found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes().rstrip(b"\0")).hexdigest()
    return found


@pytest.mark.parametrize("first", ["linux", "windows"])
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_systems_a_store_moves_between_them(make, tree, linux_tree, first, how):
    trees = [linux_tree, tree] if first == "linux" else [tree, linux_tree]
    home = make("standalone").home
    expected = []
    for turn in range(4):
        server = Server(trees[turn % 2], home, "standalone").start()
        try:
            with server.client() as client:
                assert (ids(client, "moves", f"reader{turn}") if expected else []) == expected
            fill(server, "moves", 100, turn * 100)
            expected = [f"m{n}" for n in range((turn + 1) * 100)]
        finally:
            server.kill() if how == "kill" else server.stop()
    store = Store(home / "data")
    assert [record.message().id for record in store.subjects()["moves"]] == expected
    assert not store.problems()


@pytest.mark.parametrize("first", ["linux", "windows"])
def test_systems_opening_a_store_changes_no_byte(make, tree, linux_tree, first):
    trees = [linux_tree, tree] if first == "linux" else [tree, linux_tree]
    home = make("standalone").home
    server = Server(trees[0], home, "standalone").start()
    fill(server, "bytes", 200)
    with server.client() as client:
        assert len(ids(client, "bytes")) == 200
    server.stop()
    before = digests(home / "data")
    assert before
    Server(trees[1], home, "standalone").start().stop()
    assert digests(home / "data") == before


def test_systems_what_was_acknowledged_outlives_a_kill(start):
    server = start("standalone")
    sent = []
    for turn in range(5):
        with server.client() as client:
            for number in range(20):
                assert client.send(message("killed", f"k{turn}.{number}")) == []
                sent.append(f"k{turn}.{number}")
        server.restart("kill")
    with server.client() as client:
        assert ids(client, "killed") == sent


def test_systems_a_home_with_any_name(make, tree):
    base = make("standalone").home
    home = base / ODD_HOME
    (home / "conf").mkdir(parents=True)
    shutil.copytree(base / "conf", home / "conf", dirs_exist_ok=True)
    server = Server(tree, home, "standalone").start()
    try:
        fill(server, "odd", 10)
        server.restart()
        with server.client() as client:
            assert len(ids(client, "odd")) == 10
    finally:
        server.stop()


# ---- the service


@pytest.fixture
def service(make, tree):
    yield from service_of(make, tree)


def test_service_lives_by_the_launcher_commands(service):
    assert service.run("uninstall").returncode == 1
    done = service.install()
    assert done.returncode == 0 and "is installed" in done.stdout, done.stderr
    done = service.install()
    assert done.returncode == 0 and "is updated" in done.stdout
    done = service.run("start")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.endswith("STARTED\n")
    assert service.run("start").stdout.endswith("STARTED\n")
    done = service.run("status")
    assert done.returncode == 0 and "running" in done.stdout
    with Client((ADDRESS, service.ports["broker.port"])) as client:
        assert client.send(message("service", "m1")) == []
    done = service.run("stop")
    assert done.returncode == 0 and done.stdout.endswith("STOPPED\n")
    assert not (service.home / "run" / "standalone.json").exists()
    assert service.log().rstrip().endswith("stopped")
    assert service.run("restart").returncode == 0
    with Client((ADDRESS, service.ports["broker.port"])) as client:
        assert ids(client, "service") == ["m1"]
    done = service.run("uninstall")  # stops it first
    assert done.returncode == 0 and "uninstalled" in done.stdout
    assert service.log().rstrip().endswith("stopped")


def test_service_that_cannot_start_says_why(service):
    assert service.install(**{"broker.port": "70000"}).returncode == 0
    done = service.run("start")
    assert done.returncode == 1 and "DID NOT START" in done.stdout and "event log" in done.stderr
    assert "broker.port=70000" in service.log()
    assert service.install().returncode == 0  # installed over the wrong one
    assert service.run("start").returncode == 0


def test_service_option_is_for_the_manager(service):
    done = service.run("--service", "--home", str(service.home))
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "service manager" in done.stderr


def test_service_of_one_home_leaves_the_instance_of_another_alone(service, make, tree):
    assert service.install().returncode == 0
    server = make("standalone").start()
    try:
        told = json.loads((server.home / "run" / "standalone.json").read_text())
        done = service.run("status", "--home", str(server.home))
        assert done.returncode == 0 and str(told["pid"]) in done.stdout
        done = service.run("stop", "--home", str(server.home))
        assert done.returncode == 0 and done.stdout.endswith("STOPPED\n")
        assert server.wait_exit() == 0
    finally:
        if server.alive():
            server.signal(signal.SIGKILL)


def test_control_a_detached_server_is_stopped_by_its_event(service):
    sets = [word for key, port in service.ports.items() for word in ("--set", f"{key}={port}")]
    done = service.run("start", "--home", str(service.home), "--set", f"listen.address={ADDRESS}", *sets)
    assert done.returncode == 0 and done.stdout.endswith("STARTED\n"), done.stdout + done.stderr
    done = service.run("reload", "--home", str(service.home))
    assert done.returncode == 0
    wait_until(lambda: "asked to read the configuration again" in service.log(), 30, "the reload is heard")
    done = service.run("stop", "--home", str(service.home))
    assert done.returncode == 0 and done.stdout.endswith("STOPPED\n")
    assert service.log().rstrip().endswith("stopped")
