"""libqmq-dev_<v>_amd64.deb: a program is built against what it holds, with pkg-config and with CMake, and runs where it is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROJECT = """cmake_minimum_required(VERSION 3.25)
project(user C)
find_package(qmq 0.1 REQUIRED)
add_executable(send send.c)
target_link_libraries(send PRIVATE qmq::qmq)
"""


@pytest.fixture
def unpacked(artefacts, tmp_path):
    root = tmp_path / "root"
    subprocess.run(["dpkg-deb", "-x", artefacts.path("libqmq-dev_{v}_amd64.deb"), root], check=True)
    return root


def build_with_pkg_config(root, source, to):
    folder = root / "usr/lib/x86_64-linux-gnu/pkgconfig"
    environment = {**os.environ, "PKG_CONFIG_PATH": str(folder), "PKG_CONFIG_SYSROOT_DIR": str(root)}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libqmq"], capture_output=True, text=True, check=True, env=environment)
    subprocess.run(["gcc", "-Wall", "-Werror", source, "-o", to, *flags.stdout.split()], check=True)


def needed(program):
    return subprocess.run(["objdump", "-p", program], capture_output=True, text=True, check=True).stdout


def test_package_a_program_is_built_with_pkg_config(unpacked, tmp_path):
    for name in ("send", "consume"):
        build_with_pkg_config(unpacked, EXAMPLES / f"{name}.c", tmp_path / name)
        assert "libqmq.so.0\n" in needed(tmp_path / name)


def build_with_cmake(root, source, to):
    folder = to.parent / "project"
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(PROJECT)
    shutil.copy(source, folder / "send.c")
    where = f"-Dqmq_DIR={root}/usr/lib/x86_64-linux-gnu/cmake/qmq"
    subprocess.run(["cmake", "-S", folder, "-B", folder / "build", where], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder / "build"], check=True, stdout=subprocess.DEVNULL)
    shutil.copy(folder / "build/send", to)


def test_package_a_program_is_built_with_cmake(unpacked, tmp_path):
    build_with_cmake(unpacked, EXAMPLES / "send.c", tmp_path / "send")
    assert "libqmq.so.0\n" in needed(tmp_path / "send")


def test_package_the_library_has_a_versioned_name_and_no_path_of_the_build(unpacked, artefacts):
    library = unpacked / "usr/lib/x86_64-linux-gnu/libqmq.so"
    assert os.readlink(library) == "libqmq.so.0"
    assert library.resolve().name == f"libqmq.so.{artefacts.version}"
    text = needed(library)
    assert "SONAME               libqmq.so.0\n" in text
    assert "RUNPATH" not in text and "RPATH" not in text


def test_package_programs_of_users_run_where_it_is_installed(machine, artefacts, unpacked, tmp_path):
    machine.apt("install", machine.put(artefacts.path("libqmq-dev_{v}_amd64.deb")), machine.put(artefacts.path("qmq_{v}_amd64.deb")))
    assert "libqmq.so.0" in machine.run("ldconfig", "-p").stdout
    machine.run("qmq-standalone", "start")
    for build in (build_with_pkg_config, build_with_cmake):
        build(unpacked, EXAMPLES / "send.c", tmp_path / "send")
        machine.run(machine.put(tmp_path / "send"), "127.0.0.1:8080", "greetings", f"hello, {build.__name__}")
        got = machine.run("qmq", "consume", "greetings", "--group", "g", "--count", 1, "--timeout", "30s")
        assert f"hello, {build.__name__}" in got.stdout
    machine.apt("purge", "libqmq-dev")
    assert machine.run("find", "/usr", "-name", "*libqmq*").stdout == ""
