"""qmq_<v>_amd64.deb on a bare Debian: install, start, send, receive, upgrade with edited configuration, remove, purge."""

import re
import socket
import subprocess

import pytest
from machine import repacked
from waiting import wait_until

SERVERS = ["metaserver", "broker", "standalone"]
KEEP_EDITED = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
PORT_OF = {"metaserver": 8080, "broker": 20881, "standalone": 8080}


@pytest.fixture
def deb(artefacts):
    return artefacts.path("qmq_{v}_amd64.deb")


@pytest.fixture
def installed(machine, deb):
    machine.apt("install", machine.put(deb))
    return machine


def change(machine, path, old, new):
    file = machine.path(path)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def send_and_receive(machine, subject, lines):
    sent = machine.run("qmq", "send", subject, "-", stdin="".join(f"{line}\n" for line in lines))
    assert str(len(lines)) in sent.stdout
    got = machine.run("qmq", "consume", subject, "--group", "g", "--count", len(lines), "--timeout", "30s")
    assert sorted(got.stdout.splitlines()) == sorted(lines)


def service_section(machine, server):
    """Key -> value of a unit's [Service]."""
    text = machine.path(f"/lib/systemd/system/qmq-{server}.service").read_text()
    body = text.split("[Service]")[1].split("[Install]")[0]
    return dict(line.split("=", 1) for line in body.splitlines() if "=" in line and not line.startswith("#"))


def test_package_the_whole_life(installed, deb, tmp_path):
    machine = installed
    # Installed: user, directories, units, manual pages; nothing was started.
    assert machine.run("getent", "passwd", "qmq").stdout.split(":")[5] == "/var/lib/qmq"
    for directory in ("/var/lib/qmq", "/var/log/qmq"):
        assert machine.run("stat", "-c", "%U:%G %a", directory).stdout.strip() == "qmq:qmq 750"
    for secret in ("valid-api-tokens", "datasource"):
        assert machine.run("stat", "-c", "%U:%G %a", f"/etc/qmq/{secret}.properties").stdout.strip() == "root:qmq 640"
    conffiles = machine.run("dpkg-query", "-W", "-f", "${Conffiles}", "qmq").stdout
    assert "/etc/qmq/broker.properties" in conffiles and "/etc/default/qmq-broker" in conffiles
    for server in SERVERS:
        assert machine.processes(f"qmq-{server}") == []
        assert machine.run(f"qmq-{server}", "--check").stdout.startswith(f"qmq-{server}: the configuration in /etc/qmq is good.")

    # Metaserver, registration, broker, as the manual says.
    change(machine, "/etc/qmq/valid-api-tokens.properties", "# 8f14e45fceea167a=operators", "8f14e45fceea167a=operators")
    assert machine.run("qmq-metaserver", "start").stdout.endswith("STARTED\n")
    refused = machine.run("qmq-broker", "start", "--host", "box", "--ip", "127.0.0.1", code=1)
    assert "AddBroker" in refused.stderr and machine.processes("qmq-broker") == []
    add = "AddBroker --metaserver=127.0.0.1:8080 --token=8f14e45fceea167a --brokerGroup=g1 --role=0 --hostname=box --ip=127.0.0.1 --servePort=20881 --syncPort=20882"
    machine.run("qmq-tools", *add.split())
    change(machine, "/etc/default/qmq-broker", "#QMQ_IP=10.0.0.2\n#QMQ_HOST=broker1", "QMQ_IP=127.0.0.1\nQMQ_HOST=box")
    assert machine.run("qmq-broker", "start").stdout.endswith("STARTED\n")
    send_and_receive(machine, "orders", ["one", "two", "three"])
    owner = machine.run("stat", "-c", "%U", *machine.run("find", "/var/lib/qmq", "-type", "f").stdout.split()).stdout.split()
    assert owner and set(owner) == {"qmq"}

    # Upgrade with edited configuration: what was edited stays, the new default lies beside it, what was sent is still there.
    change(machine, "/etc/qmq/broker.properties", "messagelog.retention.hours=72", "messagelog.retention.hours=24")
    machine.run("qmq", "send", "kept", "-", stdin="still here\n")
    new = repacked(deb, tmp_path, "9.9.9", {"/etc/qmq/broker.properties": "# a new line\n", "/etc/qmq/metaserver.properties": "# a new line\n"})
    machine.apt("install", *KEEP_EDITED, machine.put(new))
    assert "messagelog.retention.hours=24" in machine.path("/etc/qmq/broker.properties").read_text()
    assert "# a new line" in machine.path("/etc/qmq/broker.properties.dpkg-dist").read_text()
    assert "# a new line" in machine.path("/etc/qmq/metaserver.properties").read_text()
    assert "8f14e45fceea167a=operators" in machine.path("/etc/qmq/valid-api-tokens.properties").read_text()
    assert machine.run("stat", "-c", "%U:%G %a", "/etc/qmq/valid-api-tokens.properties").stdout.strip() == "root:qmq 640"
    for server in ("broker", "metaserver"):
        assert machine.run(f"qmq-{server}", "stop").stdout.endswith("STOPPED\n")
    for server in ("metaserver", "broker"):
        assert machine.run(f"qmq-{server}", "start").stdout.endswith("STARTED\n")
    assert machine.run("qmq", "consume", "kept", "--group", "g", "--count", 1, "--timeout", "30s").stdout == "still here\n"

    # Removed: the servers end, programs are gone; configuration, data and logs stay.
    machine.apt("remove", "qmq")
    for server in SERVERS:
        assert machine.processes(f"qmq-{server}") == []
    assert not machine.path("/usr/lib/qmq").exists() and not machine.path("/usr/bin/qmq").exists()
    assert "messagelog.retention.hours=24" in machine.path("/etc/qmq/broker.properties").read_text()
    assert machine.path("/var/lib/qmq/data").is_dir() and machine.path("/var/log/qmq/broker.log").exists()

    # Purged: nothing is left but the user.
    machine.apt("purge", "qmq")
    left = machine.run("find", "/etc", "/usr", "/lib/systemd", "/run", "/var", "-name", "*qmq*", "-not", "-path", "*/apt/*").stdout.split()
    assert left == []


@pytest.fixture
def ground(shared_machine, request):
    """What a server needs to start: the broker a metaserver that knows it."""
    if request.param == "broker":
        change(shared_machine, "/etc/qmq/valid-api-tokens.properties", "# 8f14e45fceea167a=operators", "8f14e45fceea167a=operators")
        assert shared_machine.run("qmq-metaserver", "start").stdout.endswith("STARTED\n")
        add = "AddBroker --metaserver=127.0.0.1:8080 --token=8f14e45fceea167a --brokerGroup=g1 --role=0 --hostname=box --ip=127.0.0.1 --servePort=20881 --syncPort=20882"
        shared_machine.run("qmq-tools", *add.split())
    yield request.param
    if request.param == "broker":
        shared_machine.run("qmq-metaserver", "stop")
        change(shared_machine, "/etc/qmq/valid-api-tokens.properties", "8f14e45fceea167a=operators", "# 8f14e45fceea167a=operators")


@pytest.mark.parametrize("ground", SERVERS, indirect=True)
def test_package_the_unit_starts_a_server_that_tells_systemd(shared_machine, ground):
    machine, server = shared_machine, ground
    machine.run("systemd-analyze", "--man=no", "verify", f"qmq-{server}.service")
    service = service_section(machine, server)
    assert (service["Type"], service["User"], service["Group"]) == ("notify", "qmq", "qmq")
    machine.run("install", "-d", "-o", "qmq", "-g", "qmq", "/run/qmq")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        path = machine.path("/run/qmq/notify")
        told.bind(str(path))
        path.chmod(0o777)
        told.settimeout(30)
        settings = ["QMQ_IP=127.0.0.1", "QMQ_HOST=box"] if server == "broker" else []
        process = machine.popen("setpriv", "--reuid=qmq", "--regid=qmq", "--init-groups", "env", "NOTIFY_SOCKET=/run/qmq/notify", *settings, *service["ExecStart"].split())
        try:
            seen = ""
            while "READY=1" not in seen:
                seen += told.recv(4096).decode() + "\n"
            [pid] = machine.processes(f"qmq-{server}")
            status = machine.run(f"qmq-{server}", "status").stdout
            assert "serving" in status and f"process {pid}" in status and str(PORT_OF[server]) in status
            if server != "metaserver":
                send_and_receive(machine, f"lines.{server}", ["a", "b"])
            machine.run("setpriv", "--reuid=qmq", "--regid=qmq", "--init-groups", *service["ExecReload"].split())
            wait_until(lambda: "asked to read the configuration again" in machine.path(f"/var/log/qmq/{server}.log").read_text(), 30, "reload")
            machine.run("sh", "-c", f"kill {pid}")
            while "STOPPING=1" not in seen:
                seen += told.recv(4096).decode() + "\n"
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
            path.unlink()


def test_package_every_unit_is_right(shared_machine):
    machine = shared_machine
    units = sorted(path.name for path in machine.path("/lib/systemd/system").glob("qmq-*.service"))
    assert units == sorted(f"qmq-{server}.service" for server in SERVERS)
    done = machine.run("systemd-analyze", "--man=no", "verify", *units)
    assert done.stderr == ""
    for server in SERVERS:
        command = service_section(machine, server)["ExecStart"].split()
        for option, value in (("--home", "/var/lib/qmq"), ("--conf", "/etc/qmq"), ("--logs", "/var/log/qmq"), ("--run", "/run/qmq")):
            assert command[command.index(option) + 1] == value
    for unit in units:
        assert machine.run("deb-systemd-helper", "was-enabled", unit, code=None).returncode != 0


def test_package_an_occupied_port_is_one_line_and_leaves_nothing(shared_machine):
    machine = shared_machine
    assert machine.run("qmq-metaserver", "start").stdout.endswith("STARTED\n")
    done = machine.run("qmq-standalone", "start", code=1)
    assert done.stdout.endswith("SERVER DID NOT START\n")
    [line] = done.stderr.strip().splitlines()
    assert "8080" in line or "20880" in line
    assert "qmq-metaserver" in line
    assert machine.processes("qmq-standalone") == []
    assert not machine.path("/run/qmq/standalone.pid").exists()
    machine.run("qmq-metaserver", "stop")


def test_package_a_user_without_rights_is_told_so(shared_machine):
    machine = shared_machine
    done = machine.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "/usr/sbin/qmq-standalone", "start", code=1)
    assert len(done.stderr.strip().splitlines()) == 1
    assert machine.processes("qmq-standalone") == []


def test_package_manual_pages(shared_machine):
    machine = shared_machine
    for section, name in [(8, f"qmq-{server}") for server in SERVERS] + [(1, "qmq"), (1, "qmq-store"), (1, "qmq-tools")]:
        page = machine.path(f"/usr/share/man/man{section}/{name}.{section}.gz")
        text = subprocess.run(["gzip", "-dc", page], capture_output=True, text=True, check=True).stdout
        assert re.search(rf"^\.TH {name.upper()} {section} ", text, re.M)
    page = machine.path("/usr/share/man/man8/qmq-broker.8.gz")
    assert "broker.port" in subprocess.run(["gzip", "-dc", page], capture_output=True, text=True, check=True).stdout


def test_package_lintian_finds_no_error(artefacts):
    packages = [artefacts.path("qmq_{v}_amd64.deb"), artefacts.path("libqmq-dev_{v}_amd64.deb")]
    done = subprocess.run(["lintian", "--allow-root", "--no-tag-display-limit", "--fail-on", "error", *packages], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
