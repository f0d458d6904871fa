"""qmq-<v>-x64.msi under Wine: silent install to a chosen directory, services, upgrade with edited configuration, uninstall."""

import os
import re
import subprocess

import pytest
from conftest import SOURCE
from harness import ADDRESS, free_port
from windows import send_and_receive

SERVERS = ["metaserver", "broker", "standalone"]
PLACE = "C:\\Message queues (1)\\QMQ 中文"
KEY = "HKLM\\System\\CurrentControlSet\\Services\\qmq-"
UNINSTALL = "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall"


def build(to, version):
    environment = {**os.environ, "QMQ_PACKAGE_VERSION": version, "SOURCE_DATE_EPOCH": "1700000000"}
    done = subprocess.run([SOURCE / "scripts/package-msi.sh", to], check=True, env=environment, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def msi(artefacts):
    return artefacts.path("qmq-{v}-x64.msi")


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    return build(tmp_path_factory.mktemp("newer"), "9.9.9")


def windows_path(path):
    return "Z:" + str(path).replace("/", "\\")


def install(windows, msi, *properties, **options):
    return windows.run("msiexec", "/i", windows_path(msi), *properties, "/qn", **options)


def uninstall(windows, msi):
    windows.run("msiexec", "/x", windows_path(msi), "/qn")


def service(windows, server):
    """Value name -> text of a service's registry key; empty when it is not registered."""
    done = windows.run("reg", "query", KEY + server, code=None)
    return dict(re.findall(r"(?m)^ +(\S+) +REG_\w+ +(.*?)\s*$", done.stdout))


def command(server):
    """What Wine registers and `reg query` shows of it: Windows' own installer puts the path in quotes."""
    return f"{PLACE}\\lib\\qmq-{server}.exe --service".replace("中文", "??")


def add_remove_entries(windows):
    return windows.run("reg", "query", UNINSTALL, "/s", code=None).stdout.count("QMQ maintainers")


def state(windows, server):
    found = re.search(r"STATE\s*:\s*\d+\s+(\w+)", windows.run("sc", "query", f"qmq-{server}", code=None).stdout)
    return found.group(1) if found else None


def launcher(name):
    return f"{PLACE}\\bin\\{name}.cmd"


def edit(file, old, new):
    text = file.read_bytes().decode("utf-8")
    assert old in text
    file.write_bytes(text.replace(old, new).encode("utf-8"))


def test_package_the_whole_life_of_the_msi(windows, msi, newer):
    root = windows.path(PLACE)
    install(windows, msi, f"INSTALLDIR={PLACE}")
    # Registered, on demand, with a quoted path, and not started; in Add/Remove.
    for server in SERVERS:
        found = service(windows, server)
        assert found["Start"] == "0x3" and found["ObjectName"] == "LocalSystem"
        assert found["ImagePath"].replace('"', "") == command(server)
        assert state(windows, server) == "STOPPED"
    assert add_remove_entries(windows) == 1
    port = free_port()
    conf = root / "conf/standalone.properties"
    edit(conf, "meta.server.discover.port=8080", f"meta.server.discover.port={port}")
    for key, default in (("meta.server.port", 20880), ("broker.port", 20881), ("sync.port", 20882)):
        edit(conf, f"{key}={default}", f"{key}=0")
    edited = conf.read_bytes()

    assert windows.run(launcher("standalone"), "start").stdout == "Starting service qmq-standalone ... STARTED\n"
    assert state(windows, "standalone") == "RUNNING"
    send_and_receive(windows, launcher("qmq"), f"{ADDRESS}:{port}", "lines", ["one", "two"])
    windows.run(launcher("qmq"), "send", "kept", f"--metaserver={ADDRESS}:{port}", stdin=b"still here\n")
    # Wine's installer does not wait for a service that it stops.
    assert windows.run(launcher("standalone"), "stop").stdout.endswith("STOPPED\n")
    assert state(windows, "standalone") == "STOPPED"

    # An upgrade stays where the first was installed.
    install(windows, newer)
    assert add_remove_entries(windows) == 1
    assert conf.read_bytes() == edited
    assert service(windows, "standalone")["ImagePath"].replace('"', "") == command("standalone")
    assert windows.run(launcher("standalone"), "start").stdout.endswith("STARTED\n")
    got = windows.run(launcher("qmq"), "consume", "kept", "--group", "g", "--count", "1", "--timeout", "30s", f"--metaserver={ADDRESS}:{port}")
    assert got.stdout == "still here\n"
    assert windows.run(launcher("standalone"), "stop").stdout.endswith("STOPPED\n")

    # An older one over it is refused and changes nothing.
    install(windows, msi, code="failed")
    assert (root / "lib/qmq-broker.exe").exists() and state(windows, "broker") == "STOPPED"

    # Removed: programs, services and the entry go; configuration and data stay.
    uninstall(windows, newer)
    assert not (root / "lib/qmq-broker.exe").exists() and not (root / "bin/broker.cmd").exists()
    assert all(service(windows, server) == {} for server in SERVERS)
    assert add_remove_entries(windows) == 0
    assert conf.read_bytes() == edited and (root / "data").is_dir()
    # And are taken up again.
    install(windows, newer, f"INSTALLDIR={PLACE}")
    assert conf.read_bytes() == edited
    uninstall(windows, newer)


def test_package_a_damaged_msi_leaves_nothing(windows, msi, tmp_path):
    whole = msi.read_bytes()
    damaged = tmp_path / "damaged.msi"
    damaged.write_bytes(whole[: len(whole) * 2 // 3])
    install(windows, damaged, f"INSTALLDIR={PLACE}", code="failed")
    assert all(service(windows, server) == {} for server in SERVERS)
    assert add_remove_entries(windows) == 0
    assert not (windows.path(PLACE) / "lib/qmq-broker.exe").exists()


def test_package_the_msi_holds_what_the_zip_holds(msi, artefacts, tmp_path):
    subprocess.run(["msiextract", "-C", tmp_path / "msi", msi], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["unzip", "-q", artefacts.path("qmq-dist-{v}-windows-x64.zip"), "-d", tmp_path / "zip"], check=True)
    [one] = (tmp_path / "msi").rglob("LICENSE.txt")
    [other] = (tmp_path / "zip").rglob("LICENSE.txt")
    held = [{path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file()} for top in (one.parent, other.parent)]
    assert held[0].keys() == held[1].keys()
    assert held[0] == held[1]


def tables(msi):
    names = subprocess.run(["msiinfo", "tables", msi], capture_output=True, text=True, check=True).stdout.split()
    read = lambda name: subprocess.run(["msiinfo", "export", msi, name], capture_output=True, check=True).stdout
    return {name: read(name) for name in names if not name.startswith("_")}


def test_package_two_runs_give_the_same_tables(tmp_path):
    one, other = build(tmp_path / "1", "1.2.3"), build(tmp_path / "2", "1.2.3")
    assert tables(one) == tables(other)
    assert len(tables(one)) > 20
