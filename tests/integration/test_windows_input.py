"""Wrong input that only Windows knows, and homes of every kind; what an administrator reads back of a service."""

import shutil
import socket

import pytest
from harness import ADDRESS
from wine import TOOL, Service, ids, is_clean, only_for_windows, run, service_of, windows_path

from qmqpy.client import Client
from qmqpy.message import message

AUTOMATIC = "2"
RESTART = "1"
LONG = "/".join(f"a directory with a long name, number {number} {'-' * 60}" for number in range(4))
HOMES = ["a home (of ours) & ^ ! %PATH% 本地消息", LONG]


@pytest.fixture(autouse=True)
def windows_tree(tree):
    only_for_windows(tree)


@pytest.fixture
def service(make, tree):
    yield from service_of(make, tree)


def one_line(done, *needles):
    assert done.returncode not in (0, None), done.stdout
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1 and all(needle in lines[0] for needle in needles), done.stderr
    return lines[0]


def refused(server, *needles):
    """Ends with code 1 after one line, beside its log, that has all the needles."""
    server.launch()
    assert server.wait_exit() == 1
    lines = [line for line in server.output().splitlines() if line.startswith("qmq-")]
    assert len(lines) == 1 and all(str(needle) in lines[0] for needle in needles), server.output()


def test_input_a_port_that_another_program_has(make):
    with socket.create_server((ADDRESS, 0)) as owner:
        port = owner.getsockname()[1]
        refused(make("standalone", {"broker.port": port}), port, "broker.port", "in use")


def test_input_a_store_that_another_server_has(make, start):
    first = start("standalone")
    refused(make("standalone", {"store.root": first.store_root()}), first.store_root(), "process", "Stop")
    with first.client() as client:
        assert client.send(message("locked", "m1")) == []


def is_registered(name="qmq-standalone"):
    return run("sc", "query", name).returncode == 0


def test_service_what_the_manager_has_noted(service):
    assert service.install().returncode == 0
    noted = service.noted()
    program = windows_path(service.program[-1])
    assert noted["path"].startswith(f'"{program}" --service --home "Z:/') and "with blanks" in noted["path"]
    assert noted["title"] == "QMQ standalone" and noted["description"]
    assert noted["start"] == AUTOMATIC
    assert noted["preshutdown"] == "180000"
    assert [action.split("/")[0] for action in noted.get("actions", "1/ 1/ 1/").split()] == [RESTART] * 3  # Wine keeps neither of these
    assert noted.get("delayed", "1") == "1"
    done = service.install(**{"broker.port": "20999"})
    assert done.returncode == 0 and "is updated" in done.stdout
    changed = service.noted()
    assert "broker.port=20999" in changed["path"] and "broker.port=20999" not in noted["path"]
    assert {key: changed[key] for key in ("title", "start")} == {key: noted[key] for key in ("title", "start")}


def test_service_complaints_go_to_the_event_log():
    """Wine keeps no events, but says what it is told."""
    done = run(TOOL, "complain", "qmq-broker", "cannot start; 本地", environment={"WINEDEBUG": "err+eventlog"})
    assert done.returncode == 0
    assert "err:eventlog:ReportEventW" in done.stderr and "cannot start; " in done.stderr


def test_service_that_is_installed_while_it_runs_says_when_it_changes(service):
    assert service.install().returncode == 0 and service.run("start").returncode == 0
    done = service.install(**{"receive.queue.size": "1234"})
    assert done.returncode == 0 and "is updated" in done.stdout and "restart" in done.stdout
    assert service.run("restart").returncode == 0


@pytest.mark.parametrize("words", [["--bogus"], ["--set", "novalue"], ["--home"], ["--home", "Z:\\no such home"]], ids=["option", "set", "no_home", "missing_home"])
def test_input_an_install_that_cannot_be_leaves_nothing(service, words):
    one_line(service.run("install", *words), words[-1].replace("\\", "/"))
    assert not is_registered()


@pytest.mark.parametrize("command", ["uninstall"])
def test_input_what_needs_a_service_says_that_there_is_none(service, command):
    one_line(service.run(command), "qmq-standalone")


@pytest.mark.parametrize("place", HOMES, ids=["odd", "long"])
def test_service_with_a_home_of_any_name(make, tree, place):
    """Other drive, blanks, brackets, & ^ ! %, Chinese characters; more than 260 characters."""
    base = make("standalone").home
    home = base / place
    shutil.copytree(base / "conf", home / "conf")
    service = Service(tree, home)
    try:
        assert service.install().returncode == 0
        done = service.run("start")
        assert done.returncode == 0, done.stdout + done.stderr + (home / "logs" / "standalone.log").read_text("utf-8")
        with Client((ADDRESS, service.ports["broker.port"])) as client:
            assert client.send(message("odd", "m1")) == []
        assert service.run("restart").returncode == 0
        with Client((ADDRESS, service.ports["broker.port"])) as client:
            assert ids(client, "odd") == ["m1"]
        assert service.run("stop").returncode == 0
        assert is_clean(home / "data")
    finally:
        service.run("uninstall")


def test_input_a_detached_start_in_a_long_home(make, tree):
    base = make("standalone").home
    home = base / LONG
    shutil.copytree(base / "conf", home / "conf")
    service = Service(tree, home)
    done = service.run("start", "--home", str(home), *service.sets())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "serving" in service.run("status", "--home", str(home)).stdout
    assert service.run("stop", "--home", str(home)).returncode == 0
    assert is_clean(home / "data")


def test_service_by_its_launcher_from_another_directory(service):
    launcher = service.program[-1].replace("lib/qmq-standalone.exe", "bin/standalone.cmd")
    home = str(service.home)
    done = run(launcher, "install", "--home", home, *service.sets(), cwd="/")
    assert done.returncode == 0 and "is installed" in done.stdout, done.stderr
    assert f'--home "Z:{home}"' in service.noted()["path"]
    assert run(launcher, "start", cwd="/").stdout.endswith("STARTED\n")
    one_line(run(launcher, "start", "--bogus", cwd="/"), "--bogus")
    assert run(launcher, "stop", cwd="/").stdout.endswith("STOPPED\n")
    assert run(launcher, "uninstall", cwd="/").returncode == 0
    assert not is_registered()
