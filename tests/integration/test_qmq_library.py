"""The programs of examples/, built from the public headers and the shared library of the release tree alone."""

import shutil
import subprocess
from pathlib import Path

import pytest
from harness import ADDRESS, free_port
from waiting import wait_until

SOURCE = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def examples(tree, tmp_path_factory):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    directory = tmp_path_factory.mktemp("examples")
    for name in ("send", "consume"):
        done = subprocess.run(
            [compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", SOURCE / "include", "-o", directory / name]
            + [SOURCE / "examples" / f"{name}.c", "-L", tree / "lib", "-lqmq", f"-Wl,-rpath,{tree / 'lib'}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if "asan" in done.stderr or "tsan" in done.stderr:
            pytest.skip("the tree is built with a sanitizer")
        assert (done.returncode, done.stderr) == (0, "")
    return directory


def metaserver(server):
    return f"{ADDRESS}:{server.port('meta.server.discover.port')}"


def test_examples_send_and_consume(examples, standalone, subject, tmp_path):
    with open(tmp_path / "out", "wb") as out, open(tmp_path / "err", "wb") as err:
        consumer = subprocess.Popen(
            [examples / "consume", metaserver(standalone), subject, "g"], stdin=subprocess.PIPE, stdout=out, stderr=err
        )
    try:
        wait_until(lambda: b"waiting" in (tmp_path / "err").read_bytes(), 20, "the subscription")
        for text in ("hello", "ünïcode"):
            sent = subprocess.run(
                [examples / "send", metaserver(standalone), subject, text], capture_output=True, text=True, timeout=30, check=False
            )
            assert sent.returncode == 0, sent.stderr
            assert sent.stdout.startswith("sent ")
        wait_until(lambda: (tmp_path / "out").read_text("utf-8").count("\n") == 2, 20, "both messages")
        assert sorted((tmp_path / "out").read_text("utf-8").splitlines()) == ["hello", "ünïcode"]
        consumer.stdin.close()
        assert consumer.wait(20) == 0
    finally:
        if consumer.poll() is None:
            consumer.kill()


def test_examples_say_what_is_wrong(examples):
    nobody = f"{ADDRESS}:{free_port()}"
    done = subprocess.run([examples / "send", nobody, "s", "x"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert nobody in done.stderr
    done = subprocess.run([examples / "send", nobody, "a b", "x"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert '"a b"' in done.stderr


def test_library_shows_only_its_own_names(tree):
    tool = shutil.which("nm")
    if tool is None:
        pytest.skip("no nm")
    library = tree / "lib" / "libqmq.so.0"
    names = subprocess.run([tool, "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    for line in names.splitlines():
        assert line.split()[-1].startswith(("qmq_", "QMQ_")), line
