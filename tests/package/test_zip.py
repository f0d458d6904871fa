"""qmq-dist-<v>-windows-x64.zip under Wine: unpack, start, send, receive, stop; wrong input is one line."""

import socket
import subprocess
import zipfile
from pathlib import Path

import pytest
from conftest import SOURCE
from harness import ADDRESS, free_port
from windows import send_and_receive

MIB = 1024 * 1024
NAME = "qmq-dist-{v}-windows-x64"
PLACE = "a place (1) & 中文 ^!"
SERVERS = ["metaserver", "broker", "standalone"]


@pytest.fixture(scope="module")
def archive(artefacts):
    return artefacts.path(NAME + ".zip")


@pytest.fixture(scope="module")
def unpacked(windows, archive, artefacts):
    """The folder of the release in drive C:, for Linux; its launchers by unpacked_bin."""
    place = windows.path(f"C:\\{PLACE}")
    with zipfile.ZipFile(archive) as content:
        content.extractall(place)
    return place / NAME.format(v=artefacts.version)


@pytest.fixture
def launcher(artefacts, unpacked):
    folder = f"C:\\{PLACE}\\{NAME.format(v=artefacts.version)}\\bin"
    return lambda name: f"{folder}\\{name}.cmd"


def settings(**ports):
    keys = ("meta.server.discover.port", "meta.server.port", "broker.port", "sync.port", "monitor.port")
    return [f"--set={key}={ports.get(key.replace('.', '_'), 0)}" for key in keys]


def test_package_the_zip_holds_the_release_for_windows(archive, artefacts):
    name = NAME.format(v=artefacts.version)
    with zipfile.ZipFile(archive) as content:
        names = [path for path in content.namelist() if not path.endswith("/")]
        assert {path.split("/")[1] for path in names} == {"INSTALL.txt", "LIBRARIES.txt", "LICENSE.txt", "bin", "conf", "lib", "licenses", "sql"}
        for server in SERVERS + ["tools", "qmq"]:
            assert f"{name}/bin/{server}.cmd" in names and f"{name}/lib/qmq-{server}.exe" in names
        licences = {Path(path).stem for path in names if path.startswith(f"{name}/licenses/")}
        assert {"LGPL-2.1", "libmicrohttpd", "curl", "openssl", "jansson", "libdeflate", "apr", "mingw-w64", "libgcc"} <= licences
        for path in names:
            if path.endswith((".cmd", ".properties", ".sql", ".txt")):
                text = content.read(path)
                assert text.count(b"\n") == text.count(b"\r\n") > 0, path
        assert sum(info.file_size for info in content.infolist() if "/lib/" in info.filename) <= 30 * MIB
        for path in names:
            assert str(SOURCE).encode() not in content.read(path), path


def test_package_programs_need_only_what_windows_has(unpacked):
    known = {"kernel32", "msvcrt", "ws2_32", "mswsock", "advapi32", "shell32", "crypt32", "bcrypt", "iphlpapi", "rpcrt4", "user32", "secur32", "ole32", "shlwapi", "psapi"}
    programs = sorted((unpacked / "lib").glob("*.exe"))
    assert len(programs) >= 5
    for program in programs:
        done = subprocess.run(["x86_64-w64-mingw32-objdump", "-p", program], capture_output=True, text=True, check=True)
        needed = {line.split()[-1].lower().removesuffix(".dll") for line in done.stdout.splitlines() if "DLL Name:" in line}
        assert needed <= known, program


def test_package_unpacked_on_windows_it_serves(windows, unpacked, launcher):
    port = free_port()
    started = windows.run(launcher("standalone"), "start", *settings(meta_server_discover_port=port))
    assert started.stdout.endswith("STARTED\n")
    try:
        assert "serving" in windows.run(launcher("standalone"), "status").stdout
        send_and_receive(windows, launcher("qmq"), f"{ADDRESS}:{port}", "lines", ["one", "two", "three"])
    finally:
        stopped = windows.run(launcher("standalone"), "stop")
    assert stopped.stdout.endswith("STOPPED\n")
    assert windows.run(launcher("standalone"), "status", code=3).stdout == "qmq standalone is not running\n"


def test_package_a_console_server_ends_with_ctrl_c(windows, unpacked, launcher):
    port = free_port()
    process = windows.popen(launcher("standalone"), *settings(meta_server_discover_port=port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        windows.wait_serving(unpacked / "run/standalone.json")
        windows.interrupt("qmq-standalone.exe")
        process.wait(60)
    finally:
        process.kill()
        process.wait()
    assert not (unpacked / "run/standalone.json").exists()
    assert "stopped" in (unpacked / "logs/standalone.log").read_text("utf-8") or process.returncode == 0


def test_package_an_occupied_port_is_one_line(windows, unpacked, launcher):
    with socket.create_server((ADDRESS, 0)) as owner:
        port = owner.getsockname()[1]
        done = windows.run(launcher("standalone"), "start", *settings(meta_server_discover_port=port), code=1)
    assert done.stdout.endswith("SERVER DID NOT START\n")
    [line] = done.stderr.strip().splitlines()
    assert str(port) in line
    assert windows.run(launcher("standalone"), "status", code="failed").stdout == "qmq standalone is not running\n"


@pytest.mark.parametrize("words", [["--bogus"], ["bogus"], ["start", "--set", "broker.port=many"], ["--set", "broker.port"]])
def test_package_wrong_words_are_one_line(windows, launcher, words):
    done = windows.run(launcher("standalone"), *words, code="failed")
    [line] = done.stderr.strip().splitlines()
    assert "broker.port" in line or "bogus" in line
