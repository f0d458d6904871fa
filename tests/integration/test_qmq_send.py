"""qmq send: a message of each line, what failed is kept, wrong input gets one clear line."""

import json
import os
import subprocess

import pytest
from harness import ADDRESS, free_port
from qmqcli import Qmq

ATTRIBUTES = '{"name":"ünïcode","n":5,"big":12345678901,"x":1.5,"yes":true,"no":false,"none":null}'


@pytest.fixture
def qmq(standalone, tree, tmp_path):
    with Qmq(tree, tmp_path, standalone.port("meta.server.discover.port")) as qmq:
        yield qmq


def consumed(qmq, subject, count, *options):
    return qmq.lines("consume", subject, "--group", "g", "--count", count, "--timeout", "20s", *options)


def test_qmq_send_a_file_and_consume_it(qmq, subject):
    lines = [f"line {i}" for i in range(5000)] + ["", "  blanks kept  ", "ünïcode"]
    (qmq.directory / "file").write_text("\n".join(lines) + "\n", "utf-8")
    done = qmq.ok("send", subject, "file")
    assert done.stdout == f"{len(lines)} messages sent, 0 failed\n"
    assert "guarantee" in done.stderr and len(done.stderr.splitlines()) == 1
    assert sorted(consumed(qmq, subject, len(lines))) == sorted(lines)


def test_qmq_send_says_which_guarantee_was_given(start, tree, tmp_path):
    server = start("standalone", {"send.sync.subjects": "pay.done:disk"})
    monitor = f"{ADDRESS}:{server.port('monitor.port')}"
    with Qmq(tree, tmp_path, server.port("meta.server.discover.port")) as qmq:
        said = qmq.ok("send", "pay.done", "--broker", monitor, stdin="m").stderr
        assert "guarantee disk" in said and "power loss" in said and monitor in said
        assert "guarantee none" in qmq.ok("send", "click.log", "--broker", monitor, stdin="m").stderr
        nobody = f"{ADDRESS}:{free_port()}"
        said = qmq.ok("send", "pay.done", "--broker", nobody, stdin="m").stderr
        assert "guarantee not known" in said and nobody in said and "--broker" in said


def test_qmq_send_standard_input(qmq, subject):
    assert qmq.ok("send", subject, stdin="one\ntwo").stdout == "2 messages sent, 0 failed\n"
    assert qmq.ok("send", subject, "-", stdin="three\n").stdout == "1 message sent, 0 failed\n"
    assert sorted(consumed(qmq, subject, 3)) == ["one", "three", "two"]


def test_qmq_send_json_tags_attributes(qmq, subject):
    qmq.ok("send", subject, "--json", "--tag", "t1", "--tag=t2", "--attr", "k=v=w", stdin=ATTRIBUTES)
    [line] = consumed(qmq, subject, 1, "--json")
    told = json.loads(line)
    assert list(told) == ["subject", "group", "id", "tags", "attrs", "created", "attempt", "broker_group", "pull_offset"]
    assert told["subject"] == subject and told["group"] == "g" and told["attempt"] == 1
    assert told["tags"] == ["t1", "t2"]
    assert told["attrs"] == {
        "k": "v=w",
        "name": "ünïcode",
        "n": "5",
        "big": "12345678901",
        "x": "1.5",
        "yes": "true",
        "no": "false",
    }


@pytest.mark.parametrize("size", [8192, 32767, 32768, 200_000])
def test_qmq_send_large_values(qmq, subject, size):
    text = ("0123456789ä€😀" * (size // 10))[:size]
    qmq.ok("send", subject, stdin=text)
    assert consumed(qmq, subject, 1) == [text]


def test_qmq_send_rate(qmq, subject):
    done = qmq.ok("send", subject, "--rate", "1000", stdin="x\n" * 200)
    assert done.stdout == "200 messages sent, 0 failed\n"


def test_qmq_send_bad_lines_are_kept(qmq, subject):
    lines = ['{"a":"1"}', "{", '["a"]', '{"a":{"b":1}}', '{"qmq_x":"1"}', '{"a":"2"}']
    done = qmq.run("send", subject, "--json", stdin="\n".join(lines))
    assert done.returncode == 2
    assert done.stdout == "2 messages sent, 4 failed\n"
    first, where, _ = done.stderr.splitlines()
    assert "line 2" in first and "JSON" in first
    kept = qmq.directory / f"{subject}.failed.jsonl"
    assert kept.name in where
    assert kept.read_text().splitlines() == lines[1:5]
    kept.write_text('{"a":"3"}\n')
    qmq.ok("send", subject, kept.name, "--json")
    assert sorted(json.loads(line)["attrs"]["a"] for line in consumed(qmq, subject, 3, "--json")) == ["1", "2", "3"]


def test_qmq_send_does_not_write_over_its_input(qmq, subject):
    bad = qmq.directory / f"{subject}.failed.jsonl"
    bad.write_text("{\n")
    assert qmq.run("send", subject, bad.name, "--json").returncode == 2
    assert bad.read_text() == "{\n"
    assert (qmq.directory / f"{subject}.failed.2.jsonl").read_text() == "{\n"


def test_qmq_send_delayed_without_a_delay_server(qmq, subject):
    done = qmq.run("send", subject, "--delay", "1h", stdin="later\n")
    assert done.returncode == 1
    assert "delay server" in done.stderr.splitlines()[0]
    assert (qmq.directory / f"{subject}.failed.txt").read_text() == "later\n"
    # Less than half a second is no delay.
    qmq.ok("send", subject, "--delay", "100ms", stdin="now\n")


WRONG_USAGE = [
    (["sned", "s"], ["sned", "send"]),
    ([], ["send, consume, bench, peek and reset"]),
    (["send"], ["SUBJECT"]),
    (["send", "s", "--tagg", "x"], ["--tagg", "--tag"]),
    (["send", "s", "--group", "x"], ["--group", "no option of send"]),
    (["send", "s", "-x"], ["-x"]),
    (["send", "s", "--tag"], ["--tag", "value"]),
    (["send", "s", "--json=1"], ["--json", "no value"]),
    (["send", "s", "f", "more"], ["more"]),
    (["send", "s", "--rate", "fast"], ["--rate", "fast"]),
    (["send", "s", "--batch", "0"], ["--batch", "0"]),
    (["send", "s", "--delay", "soon"], ["--delay", "soon", "30s"]),
    (["send", "s", "--at", "tomorrow"], ["--at", "tomorrow"]),
    (["send", "s", "--at", "2026-12-31", "--delay", "1s"], ["--at", "--delay"]),
    (["send", "a b"], ["a b"]),
    (["send", "a/b"], ["a/b"]),
    (["send", "%RETRY%a%b"], ["%RETRY%a%b"]),
    (["send", "x" * 101], ["100 characters"]),
    (["send", "s", "--attr", "novalue"], ["novalue", "key=value"]),
    (["send", "s", "--attr", "qmq_x=1"], ["qmq_x"]),
    (["send", "s", "missing"], ["missing", "No such file"]),
    (["send", "s", "--client-id", "a/b"], ["a/b"]),
    (["send", "s", "--metaserver", "a b"], ["a b"]),
    (["bench", "prodcue", "s"], ["prodcue", "produce"]),
    (["bench", "produce"], ["SUBJECT"]),
    (["consume", "s"], ["--group"]),
    (["consume", "s", "--group", "g", "--from", "first"], ["first", "earliest"]),
    (["consume", "s", "--group", "g", "--on-fail", "x"], ["--on-fail", "retry or stop"]),
    (["consume", "s", "--group", "g", "--tags", "a,b"], ["any:"]),
    (["consume", "s", "--group", "g", "--tags", "any:a,,b"], ["tag"]),
    (["consume", "s", "--group", "g%h"], ["g%h"]),
    (["consume", "s", "--group", "g", "--exec", "'open"], ["'open"]),
    (["consume", "s", "--group", "g", "--count", "-1"], ["--count"]),
]


@pytest.mark.parametrize("arguments,told", WRONG_USAGE, ids=[" ".join(a)[:40] or "nothing" for a, _ in WRONG_USAGE])
def test_input_qmq_wrong_usage(qmq, arguments, told):
    done = qmq.run(*arguments, stdin="x\n")
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    for text in told:
        assert text in line


def test_input_qmq_unreadable_file(qmq, subject):
    secret = qmq.directory / "secret"
    secret.mkdir()
    done = qmq.run("send", subject, "secret")
    assert done.returncode == 2
    assert "directory" in done.stderr


def test_qmq_help_and_version(qmq):
    text = qmq.ok("--help").stdout
    for option in ("--metaserver", "--json", "--from", "--exec", "--window"):
        assert option in text
    assert qmq.ok("--version").stdout.startswith("qmq ")


def test_input_qmq_unreachable_metaserver(tree, tmp_path):
    qmq = Qmq(tree, tmp_path, free_port())
    done = qmq.run("send", "s", stdin="a\nb\n")
    assert done.returncode == 3
    assert qmq.metaserver in done.stderr.splitlines()[0]
    assert (tmp_path / "s.failed.txt").read_text() == "a\nb\n"
    done = qmq.run("consume", "s", "--group", "g", "--timeout", "2s")
    assert done.returncode == 3
    [line] = done.stderr.splitlines()
    assert qmq.metaserver in line and "refused" in line


def test_input_qmq_host_without_port(tree, tmp_path):
    qmq = Qmq(tree, tmp_path, 1)
    done = qmq.run("consume", "s", "--group", "g", "--timeout", "1s", "--metaserver", ADDRESS)
    assert done.returncode == 3
    assert "8080" in done.stderr


def test_qmq_send_through_a_restart(start, tree, tmp_path):
    ports = {key: free_port() for key in ("meta.server.discover.port", "meta.server.port", "broker.port", "sync.port")}
    server = start("standalone", ports)
    with Qmq(tree, tmp_path, ports["meta.server.discover.port"]) as qmq:
        running = qmq.start("send", "s", "-", stdin=subprocess.PIPE)
        sent = []
        for half in range(2):
            for i in range(2000):
                sent.append(f"{half} {i}")
                running.process.stdin.write(f"{half} {i}\n".encode())
            running.process.stdin.flush()
            if half == 0:
                server.restart("kill")
        running.process.stdin.close()
        assert running.wait() == 0, running.err()
        assert running.out() == "4000 messages sent, 0 failed\n"
        received = consumed(qmq, "s", 4000)
        assert set(received) == set(sent)


def test_qmq_send_interrupted(qmq, subject):
    running = qmq.start("send", subject, stdin=subprocess.PIPE)
    running.process.stdin.write(b"one\n")
    running.process.stdin.flush()
    assert consumed(qmq, subject, 1) == ["one"]
    code = running.interrupt()
    assert (code, running.out()) == (0, "1 message sent, 0 failed\n")
    assert "stopped after line 1" in running.err()
    running.process.stdin.close()


def test_qmq_send_output_goes_nowhere(qmq, subject):
    """A reader of the standard input that ends early is not this command's trouble; a closed output is no crash."""
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [*qmq.program, "send", subject],
        stdin=subprocess.PIPE,
        stdout=write,
        stderr=subprocess.PIPE,
        env=qmq.environment(),
        cwd=qmq.directory,
    )
    os.close(write)
    _, err = process.communicate(b"x\n", timeout=30)
    assert process.returncode >= 0, err
    assert consumed(qmq, subject, 1) == ["x"]
