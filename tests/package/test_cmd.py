"""bin/*.cmd under Wine's cmd: they find the installation in any place and from any directory, and pass everything on."""

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import SOURCE

# Wine's cmd expands what it has expanded, so that it loses a percent sign of any batch file's own path; Windows does not.
PLACES = ["plain", "a place (1)", "this & that", "a^b", "wow!", "消息队列 中文", "all (of) & ^ ! 中文 at once"]
SERVERS = ["metaserver", "broker", "standalone"]


@pytest.fixture(scope="module")
def tell(tmp_path_factory):
    program = tmp_path_factory.mktemp("tell") / "tell.exe"
    compiler = ["x86_64-w64-mingw32-gcc-posix", "-municode", "-static", "-Wall", "-Werror", "-o", program]
    subprocess.run(compiler + [Path(__file__).parent / "tell.c"], check=True)
    return program


def crlf(path):
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


@pytest.fixture
def tree(tell, tmp_path):
    """tree(place): a release tree whose programs tell what they were given."""

    def make(place):
        tree = tmp_path / place / "qmq"
        (tree / "lib").mkdir(parents=True)
        (tree / "bin").mkdir()
        for launcher in (SOURCE / "bin").glob("*.cmd"):
            crlf(Path(shutil.copy(launcher, tree / "bin")))
            if launcher.stem != "launch" and not launcher.stem.endswith("-env"):
                shutil.copy(tell, tree / "lib" / f"qmq-{launcher.stem}.exe")
        return tree

    return make


def told(done):
    lines = [line.partition("=") for line in done.stdout.splitlines()]
    return [value for name, _, value in lines if name == "argument"], {name: value for name, _, value in lines if name != "argument"}


def test_package_every_launcher_of_linux_has_one_for_windows():
    launchers = {path.stem for path in (SOURCE / "bin").glob("*.sh")}
    assert launchers and {path.stem for path in (SOURCE / "bin").glob("*.cmd")} == launchers


@pytest.mark.parametrize("place", PLACES)
def test_package_a_launcher_works_in_any_place_from_any_directory_and_drive(windows, tree, tmp_path, place):
    root = tree(place)
    windows.drive("q", tmp_path)
    elsewhere = windows.path("C:\\windows")
    launcher = f"Q:\\{place}\\qmq\\bin\\broker.cmd"
    done = windows.run(launcher, "start", "--set", "a=b;c,d", "--home", "D:\\some home", code=7, cwd=elsewhere)
    arguments, facts = told(done)
    assert arguments == ["start", "--set", "a=b;c,d", "--home", "D:\\some home"]
    assert facts["program"].lower() == f"q:\\{place}\\qmq\\lib\\qmq-broker.exe".lower()
    assert facts["directory"].lower() == "c:\\windows"
    assert "home" not in facts
    assert done.stderr == ""
    with open(root / "bin/broker-env.cmd", "a", encoding="ascii", newline="") as settings:
        settings.write('set "QMQ_HOME=D:\\my data (1)"\r\nset "QMQ_IP=10.0.0.2"\r\n')
    _, facts = told(windows.run(launcher, code=7, cwd=elsewhere))
    assert (facts["home"], facts["ip"], facts["directory"].lower()) == ("D:\\my data (1)", "10.0.0.2", "c:\\windows")


@pytest.mark.parametrize("name", ["metaserver", "standalone", "qmq", "tools"])
def test_package_each_launcher_runs_its_program(windows, tree, tmp_path, name):
    tree("x")
    windows.drive("q", tmp_path)
    arguments, facts = told(windows.run(f"Q:\\x\\qmq\\bin\\{name}.cmd", "--token=a b", "--x", code=7))
    assert arguments == ["--token=a b", "--x"]
    assert facts["program"].lower().endswith(f"\\lib\\qmq-{name}.exe")


def test_package_a_missing_lib_is_one_line(windows, tree, tmp_path):
    root = tree("this (1) & that")
    windows.drive("q", tmp_path)
    launcher = "Q:\\this (1) & that\\qmq\\bin\\broker.cmd"
    (root / "lib/qmq-broker.exe").unlink()
    done = windows.run(launcher, "start", code=1)
    [line] = done.stderr.splitlines()
    assert line.startswith("broker.cmd: ") and "qmq-broker.exe" in line and "is missing" in line
    shutil.rmtree(root / "lib")
    done = windows.run(launcher, "start", code=1)
    [line] = done.stderr.splitlines()
    assert "is not a release tree" in line and "Unpack" in line and "this (1) & that" in line
    assert done.stdout == ""
