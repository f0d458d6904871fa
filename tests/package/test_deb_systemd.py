"""qmq_<v>_amd64.deb on a Debian that its own systemd has started: the commands of docs/install.md, as an administrator gives them."""

import pytest
from machine import Booted, cgroup_hierarchies, repacked

TOKEN = "8f14e45fceea167a"


@pytest.fixture
def machine(debian, tmp_path):
    if not cgroup_hierarchies():
        pytest.skip("control groups cannot be made here, so systemd cannot be started")
    machine = Booted(debian, tmp_path / "machine")
    try:
        machine.boot()
        yield machine
    finally:
        machine.close()


@pytest.fixture
def installed(machine, artefacts):
    machine.apt("install", machine.put(artefacts.path("qmq_{v}_amd64.deb")))
    return machine


def systemctl(machine, *words, code=0):
    done = machine.run("systemctl", "--no-pager", *words, code=None)
    assert code is None or done.returncode == code, done.stderr + machine.run("journalctl", "--no-pager", "-n", 20).stdout
    return done.stdout.strip()


def send_and_receive(machine, subject):
    machine.run("qmq", "send", subject, stdin="hello, world\n")
    assert machine.run("qmq", "consume", subject, "--group", "me", "--count", 1, "--timeout", "30s").stdout == "hello, world\n"


def register(machine):
    tokens = machine.path("/etc/qmq/valid-api-tokens.properties")
    tokens.write_text(tokens.read_text() + f"{TOKEN}=operators\n")
    systemctl(machine, "enable", "--now", "qmq-metaserver")
    name = machine.run("hostname").stdout.strip()
    add = f"AddBroker --metaserver=127.0.0.1:8080 --token={TOKEN} --brokerGroup=orders1 --role=0 --ip=127.0.0.1 --servePort=20881 --syncPort=20882"
    machine.run("qmq-tools", *add.split(), f"--hostname={name}")
    default = machine.path("/etc/default/qmq-broker")
    default.write_text(default.read_text() + f"QMQ_IP=127.0.0.1\nQMQ_HOST={name}\n")


def test_package_systemd_starts_stops_and_enables(installed):
    machine = installed
    assert systemctl(machine, "is-enabled", "qmq-standalone", code=1) == "disabled"
    assert systemctl(machine, "is-active", "qmq-standalone", code=3) == "inactive"
    systemctl(machine, "enable", "--now", "qmq-standalone")
    assert systemctl(machine, "show", "-P", "StatusText", "qmq-standalone") == "serving"
    assert systemctl(machine, "show", "-P", "User", "qmq-standalone") == "qmq"
    send_and_receive(machine, "hello")
    systemctl(machine, "reload", "qmq-standalone")
    systemctl(machine, "restart", "qmq-standalone")
    send_and_receive(machine, "hello.again")
    # The other servers take its ports: it ends before the first of them starts.
    systemctl(machine, "start", "qmq-metaserver")
    assert systemctl(machine, "is-active", "qmq-standalone", "qmq-metaserver", code=None).split() == ["inactive", "active"]
    systemctl(machine, "start", "qmq-standalone")
    assert systemctl(machine, "is-active", "qmq-standalone", "qmq-metaserver", code=None).split() == ["active", "inactive"]
    systemctl(machine, "stop", "qmq-standalone")
    assert systemctl(machine, "show", "-P", "Result", "qmq-standalone") == "success"
    assert machine.processes("qmq-standalone") == []


def test_package_systemd_a_broker_that_cannot_start_says_why(installed):
    machine = installed
    systemctl(machine, "start", "qmq-broker", code=1)
    systemctl(machine, "stop", "qmq-broker")
    said = machine.run("journalctl", "--no-pager", "-u", "qmq-broker").stdout
    assert "meta.server.endpoint http://127.0.0.1:8080/meta/address" in said and "cannot be reached" in said
    assert "cannot be reached" in machine.path("/var/log/qmq/broker.log").read_text()


def test_package_systemd_the_whole_life(installed, artefacts, tmp_path):
    machine = installed
    register(machine)
    systemctl(machine, "enable", "--now", "qmq-broker")
    send_and_receive(machine, "orders")
    machine.run("qmq", "send", "kept", stdin="still here\n")
    settings = machine.path("/etc/qmq/broker.properties")
    settings.write_text(settings.read_text().replace("messagelog.retention.hours=72", "messagelog.retention.hours=24"))
    before = systemctl(machine, "show", "-P", "MainPID", "qmq-broker")

    # An upgrade restarts what runs, and nothing else; what was edited stays.
    machine.apt("install", machine.put(repacked(artefacts.path("qmq_{v}_amd64.deb"), tmp_path, "9.9.9")))
    assert systemctl(machine, "is-active", "qmq-metaserver", "qmq-broker", "qmq-standalone", code=None).split() == ["active", "active", "inactive"]
    assert systemctl(machine, "show", "-P", "MainPID", "qmq-broker") != before
    assert "messagelog.retention.hours=24" in settings.read_text()
    assert machine.run("qmq", "consume", "kept", "--group", "me", "--count", 1, "--timeout", "30s").stdout == "still here\n"

    machine.apt("remove", "qmq")
    assert machine.processes("qmq-broker") == machine.processes("qmq-metaserver") == []
    assert settings.exists() and machine.path("/var/lib/qmq/data").is_dir()
    machine.apt("purge", "qmq")
    assert not machine.path("/etc/qmq").exists() and not machine.path("/var/lib/qmq").exists()
    assert systemctl(machine, "is-enabled", "qmq-broker", code=None) in ("", "not-found")
    assert systemctl(machine, "--failed", "--plain", "--no-legend") == ""
