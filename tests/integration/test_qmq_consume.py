"""qmq consume and the push consumer behind it: acknowledged after it was printed, retries, tags, broadcast, restarts, Ctrl+C."""

import json
import os
import signal
import stat
import subprocess

import pytest
from harness import free_port
from qmqcli import Qmq
from waiting import wait_until


@pytest.fixture
def qmq(standalone, tree, tmp_path):
    with Qmq(tree, tmp_path, standalone.port("meta.server.discover.port")) as qmq:
        yield qmq


@pytest.fixture
def other(standalone, tree, tmp_path):
    """Another user of the same machine."""
    directory = tmp_path / "other"
    directory.mkdir()
    return Qmq(tree, directory, standalone.port("meta.server.discover.port"))


@pytest.fixture
def script(tmp_path):
    def make(text):
        path = tmp_path / "script.sh"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return make


def consume(qmq, subject, count, *options, group="g", seconds=20):
    return qmq.lines("consume", subject, "--group", group, "--count", count, "--timeout", f"{seconds}s", *options, seconds=seconds + 20)


def subscribed(standalone, subject):
    """Waits until the broker knows the group."""
    wait_until(lambda: f"new group g of subject {subject} " in standalone.output(), 20, "the subscription")


def test_qmq_consume_new_group_from_earliest(qmq, subject):
    qmq.ok("send", subject, stdin="a\nb\n")
    assert consume(qmq, subject, 2) == ["a", "b"]
    # No longer new: it goes on where it was.
    qmq.ok("send", subject, stdin="c\n")
    assert consume(qmq, subject, 1) == ["c"]
    assert consume(qmq, subject, 3, group="h") == ["a", "b", "c"]


def test_qmq_consume_from_latest(qmq, standalone, subject):
    qmq.ok("send", subject, stdin="old\n")
    running = qmq.start("consume", subject, "--group", "g", "--from", "latest", "--count", "1", "--timeout", "30s")
    subscribed(standalone, subject)
    qmq.ok("send", subject, stdin="new\n")
    assert running.wait() == 0
    assert running.out() == "new\n"
    # The group is not moved back by a later start.
    assert qmq.run("consume", subject, "--group", "g", "--count", "1", "--timeout", "1s").returncode == 4


def test_qmq_consume_timeout(qmq, subject):
    qmq.ok("send", subject, stdin="a\n")
    done = qmq.run("consume", subject, "--group", "g", "--count", "2", "--timeout", "1s")
    assert (done.returncode, done.stdout) == (4, "a\n")
    assert "1 of 2" in done.stderr
    done = qmq.run("consume", subject, "--group", "g", "--timeout", "500ms")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_qmq_consume_count_leaves_the_rest(qmq, subject):
    lines = [str(i) for i in range(100)]
    qmq.ok("send", subject, stdin="\n".join(lines))
    received = []
    for count in (1, 9, 40, 50):
        part = consume(qmq, subject, count)
        assert len(part) == count
        received += part
    assert sorted(received, key=int) == lines


def test_qmq_consume_message_without_data(qmq, subject):
    qmq.ok("send", subject, "--json", stdin='{"a":"1","b":"x\\ny"}')
    assert [json.loads(line) for line in consume(qmq, subject, 1)] == [{"a": "1", "b": "x\ny"}]


def test_qmq_consume_tags(qmq, subject):
    for tags in (["pay"], ["cancel"], ["pay", "cancel"], ["other"], []):
        options = [option for tag in tags for option in ("--tag", tag)]
        qmq.ok("send", subject, *options, stdin="+".join(tags) + "\n")
    assert sorted(consume(qmq, subject, 3, "--tags", "any:pay,cancel", group="any")) == ["cancel", "pay", "pay+cancel"]
    assert consume(qmq, subject, 1, "--tags", "all:pay,cancel", group="all") == ["pay+cancel"]
    done = qmq.run("consume", subject, "--group", "none", "--tags", "any:nothing", "--count", "1", "--timeout", "1s")
    assert (done.returncode, done.stdout) == (4, "")


def test_qmq_consume_broadcast(qmq, other, subject):
    qmq.ok("send", subject, stdin="a\nb\n")
    for client in (qmq, other):
        assert client.lines("consume", subject, "--broadcast", "--count", "2", "--timeout", "20s") == ["a", "b"]


def test_qmq_consume_exec(qmq, subject, script):
    seen = qmq.directory / "seen"
    run = script(f'cat >>"{seen}"; echo "$1" >>"{seen}"\n')
    qmq.ok("send", subject, stdin="a\nb\n")
    assert consume(qmq, subject, 2, "--exec", f"{run} 'two words'") == []
    assert seen.read_text() == "atwo words\nbtwo words\n"


def test_qmq_consume_failure_comes_again(qmq, subject, script):
    seen = qmq.directory / "seen"
    run = script(f'cat >>"{seen}"; [ "$(wc -l <"{seen}")" -ge 2 ]\n')
    qmq.ok("send", subject, "--tag", "t", "--attr", "k=v", stdin="again\n")
    consume(qmq, subject, 1, "--json", "--exec", run, seconds=40)
    first, second = map(json.loads, seen.read_text().splitlines())
    assert (first["attempt"], second["attempt"]) == (1, 2)
    for same in ("id", "subject", "tags", "attrs"):
        assert first[same] == second[same]
    assert second["attrs"]["k"] == "v" and second["created"] >= first["created"]


def test_qmq_consume_dead_letter(qmq, broker, subject, script):
    """qmq_maxRetryNum is not the command's to set: the message comes from the wire."""
    from qmqpy.message import message

    broker.send(message(subject, "m1", attributes={"qmq_createTime": "1554190212345", "qmq_maxRetryNum": "1", "data": "bad"}))
    running = qmq.start("consume", subject, "--group", "g", "--exec", str(script("exit 1\n")))
    dead = f"%DEAD_RETRY%{subject}%g"
    lines = consume(qmq, dead, 1, "--json", group="undertaker", seconds=40)
    assert running.interrupt() == 0
    told = json.loads(lines[0])
    assert told["id"] == "m1" and told["attrs"]["data"] == "bad" and told["subject"] == dead


def test_qmq_consume_on_fail_stop(qmq, subject, script):
    qmq.ok("send", subject, stdin="a\nb\n")
    done = qmq.run("consume", subject, "--group", "g", "--exec", script("exit 3\n"), "--on-fail", "stop")
    assert done.returncode == 1
    assert "ended with 3" in done.stderr
    assert consume(qmq, subject, 2) == ["a", "b"]  # nothing was acknowledged, nothing went to retry


def test_input_qmq_consume_exec_is_no_program(qmq, subject):
    qmq.ok("send", subject, stdin="a\n")
    done = qmq.run("consume", subject, "--group", "g", "--exec", "/no/such/program")
    assert done.returncode == 2
    assert "/no/such/program" in done.stderr
    assert consume(qmq, subject, 1) == ["a"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_qmq_consume_interrupted(qmq, subject, number):
    lines = [str(i) for i in range(500)]
    qmq.ok("send", subject, stdin="\n".join(lines))
    running = qmq.start("consume", subject, "--group", "g")
    running.wait_lines(500)
    assert running.interrupt(number=number) == 0
    assert running.err() == ""
    # All of them were acknowledged: the same client gets nothing again.
    assert qmq.run("consume", subject, "--group", "g", "--count", "1", "--timeout", "1s").returncode == 4


def test_qmq_consume_killed_gets_unacknowledged_again(qmq, standalone, subject, script):
    qmq.ok("send", subject, stdin="a\nb\n")
    running = qmq.start("consume", subject, "--group", "g", "--exec", str(script("exec sleep 1000\n")))
    subscribed(standalone, subject)
    running.end()
    assert sorted(consume(qmq, subject, 2)) == ["a", "b"]


def test_qmq_consume_two_share_a_group(qmq, subject):
    first = qmq.start("consume", subject, "--group", "g")
    lines = [str(i) for i in range(2000)]
    qmq.ok("send", subject, "--rate", "2000", stdin="\n".join(lines[:1000]))
    wait_until(lambda: first.out().count("\n") == 1000, 30, "the first half")
    second = subprocess.Popen(
        [*qmq.program, "consume", subject, "--group", "g", "--timeout", "4s"],
        stdout=subprocess.PIPE,
        env=qmq.environment(),
        cwd=qmq.directory,
    )
    wait_until(lambda: len(list((qmq.directory / "state" / "qmq").glob("slot-*"))) >= 2, 20, "another client id")
    qmq.ok("send", subject, "--rate", "2000", stdin="\n".join(lines[1000:]))
    out, _ = second.communicate(timeout=30)
    wait_until(lambda: first.out().count("\n") + out.count(b"\n") >= 2000, 30, "all")
    assert first.interrupt() == 0
    assert sorted(first.out().splitlines() + out.decode().splitlines(), key=int) == lines


def test_qmq_consume_output_closed(qmq, subject):
    """What cannot be printed is not acknowledged."""
    qmq.ok("send", subject, stdin="a\n")
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [*qmq.program, "consume", subject, "--group", "g"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=qmq.environment(),
        cwd=qmq.directory,
    )
    os.close(write)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"standard output" in err
    assert consume(qmq, subject, 1) == ["a"]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_qmq_consume_through_a_restart(start, tree, tmp_path, how):
    ports = {key: free_port() for key in ("meta.server.discover.port", "meta.server.port", "broker.port", "sync.port")}
    server = start("standalone", ports)
    with Qmq(tree, tmp_path, ports["meta.server.discover.port"]) as qmq:
        running = qmq.start("consume", "s", "--group", "g")
        lines = [str(i) for i in range(1000)]
        qmq.ok("send", "s", stdin="\n".join(lines[:500]))
        running.wait_lines(500)
        server.restart(how)
        qmq.ok("send", "s", stdin="\n".join(lines[500:]))
        wait_until(lambda: set(running.out().splitlines()) == set(lines), 60, "all lines")
        assert running.interrupt() == 0


def test_qmq_bench(qmq, subject):
    produced = json.loads(qmq.ok("bench", "produce", subject, "--count", "5000", "--size", "100", "--json").stdout)
    assert produced["messages"] == 5000 and produced["failed"] == 0 and produced["p99_us"] > 0
    consumed = json.loads(qmq.ok("bench", "consume", subject, "--count", "5000", "--json").stdout)
    assert consumed["messages"] >= 5000
    there_and_back = json.loads(qmq.ok("bench", "roundtrip", subject, "--count", "100", "--json").stdout)
    assert there_and_back["messages"] == 100
