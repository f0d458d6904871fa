"""Looking at a broker without consuming, and moving groups: HTTP on the monitor port and qmq peek | reset."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from harness import ADDRESS, TOKEN
from qmqpy import commands as c
from qmqpy.message import dead_subject, message, retry_subject


def ask(server, path, method="GET", token=TOKEN, **parameters):
    """(status, body)"""
    query = urllib.parse.urlencode({name.replace("_", "-"): value for name, value in parameters.items()})
    request = urllib.request.Request(f"http://{ADDRESS}:{server.port('monitor.port')}{path}?{query}", method=method)
    if token is not None:
        request.add_header("X-Api-Token", token)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def look(server, path, **parameters):
    status, body = ask(server, path, **parameters)
    assert status == 200, body
    return body


def qmq(server, *arguments):
    line = [str(server.tree / "lib" / "qmq-qmq"), *arguments, "--broker", f"{ADDRESS}:{server.port('monitor.port')}", "--token", TOKEN]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def filled(broker, subject):
    """Ten messages; group g has pulled four of them as c1 and acknowledged one."""
    broker.pull(subject, "g")
    assert broker.send(*(message(subject, f"m{number}", tags=["t"], attributes={"data": f"v{number}"}) for number in range(10))) == []
    pulled = broker.pull(subject, "g", number=4)
    assert broker.ack(subject, "g", "c1", pulled.first, pulled.first) == 0
    return subject


def shown(body):
    return [one["id"] for one in body["messages"]]


@pytest.mark.parametrize("path, method", [("/messages", "GET"), ("/subjects", "GET"), ("/groups", "GET"), ("/reset", "POST")])
def test_a_token_is_needed(standalone, path, method):
    for token in (None, "", "wrong", TOKEN + "x", TOKEN[:-1]):
        assert ask(standalone, path, method, token)[0] == 403
    other = "POST" if method == "GET" else "GET"
    assert ask(standalone, path, other)[0] == 405


def test_messages(standalone, filled):
    body = look(standalone, "/messages", subject=filled)
    assert shown(body) == [f"m{number}" for number in range(10)] and body["from"] == 10
    first = body["messages"][0]
    assert (first["sequence"], first["tags"], first["attrs"]["data"]) == (0, ["t"], "v0")
    assert shown(look(standalone, "/messages", subject=filled, **{"from": 3}, count=2)) == ["m3", "m4"]


def test_messages_by_state(standalone, broker, filled):
    waiting = look(standalone, "/messages", subject=filled, group="g", state="waiting")
    assert shown(waiting) == [f"m{number}" for number in range(4, 10)]
    unacked = look(standalone, "/messages", subject=filled, group="g", state="unacked")
    assert shown(unacked) == ["m1", "m2", "m3"]
    assert [(one["consumer"], one["pull_sequence"]) for one in unacked["messages"]] == [("c1", 1), ("c1", 2), ("c1", 3)]
    assert look(standalone, "/messages", subject=filled, group="g", state="dead")["messages"] == []
    assert broker.send(message(dead_subject(filled, "g"), "gone")) == []
    assert shown(look(standalone, "/messages", subject=filled, group="g", state="dead")) == ["gone"]
    # Nothing of it was consumed.
    assert broker.pull(filled, "g", last=3).ids == [f"m{number}" for number in range(4, 10)]


def test_unacked_page_by_page(standalone, broker, subject):
    """Of several consumers, from wherever one goes on; a question far beyond the end is no error."""
    broker.pull(subject, "g")
    assert broker.send(*(message(subject, f"m{number}") for number in range(30))) == []
    for consumer in ("c1", "c2", "c3"):
        assert len(broker.pull(subject, "g", consumer, number=10).ids) == 10
    assert broker.ack(subject, "g", "c2", 0, 3) == 0
    whole = shown(look(standalone, "/messages", subject=subject, group="g", state="unacked", count=1000))
    assert sorted(whole) == sorted(f"m{number}" for number in range(30) if not 10 <= number < 14)
    pages, at = [], 0
    while True:
        body = look(standalone, "/messages", subject=subject, group="g", state="unacked", count=7, **{"from": at})
        if not body["messages"]:
            break
        assert body["from"] == at + len(body["messages"])
        pages += shown(body)
        at = body["from"]
    assert pages == whole
    beyond = look(standalone, "/messages", subject=subject, group="g", state="unacked", **{"from": (1 << 63) - 1})
    assert (beyond["messages"], beyond["from"]) == ([], 26)


def test_unacked_is_bounded_in_bytes(standalone, broker, subject):
    broker.pull(subject, "g")
    big = {f"k{number}": "x" * 30000 for number in range(10)}
    for number in range(20):
        assert broker.send(message(subject, f"m{number}", big)) == []
    assert len(broker.pull(subject, "g").ids) == 20
    body = look(standalone, "/messages", subject=subject, group="g", state="unacked", count=1000)
    assert 10 <= len(body["messages"]) < 20 and body["from"] == len(body["messages"])
    rest = look(standalone, "/messages", subject=subject, group="g", state="unacked", **{"from": body["from"]})
    assert shown(body) + shown(rest) == [f"m{number}" for number in range(20)]


def test_groups_and_subjects(standalone, filled):
    body = look(standalone, "/groups", subject=filled)
    assert (body["first"], body["next"], body["total"]) == (0, 10, 1)
    group = body["groups"][0]
    assert (group["group"], group["position"], group["lag"], group["unacked"]) == ("g", 4, 6, 3)
    assert [(one["id"], one["pulled"], one["acked"]) for one in group["consumers"]] == [("c1", 3, 0)]
    listed = look(standalone, "/subjects", prefix=filled)["subjects"]
    assert listed == [{"subject": filled, "first": 0, "next": 10}]


def test_wrong_questions(standalone, filled):
    for path, code, parameters in [
        ("/messages", 400, {}),
        ("/messages", 404, {"subject": "never.seen"}),
        ("/messages", 400, {"subject": filled, "count": 0}),
        ("/messages", 400, {"subject": filled, "count": "many"}),
        ("/messages", 400, {"subject": filled, "from": -1}),
        ("/messages", 400, {"subject": filled, "state": "odd"}),
        ("/messages", 404, {"subject": filled, "group": "nobody", "state": "waiting"}),
        ("/groups", 400, {}),
        ("/groups", 404, {"subject": "never.seen"}),
    ]:
        status, body = ask(standalone, path, **parameters)
        assert status == code and body["error"], (path, parameters)


@pytest.mark.parametrize("to, target", [("earliest", 0), ("latest", 10), ("message:m7", 7), ("sequence:2", 2), ("time:0", 0), ("time:99999999999999", 10)])
def test_reset(standalone, broker, filled, to, target):
    told = look(standalone, "/reset", method="POST", subject=filled, group="g", to=to, dry_run="true")
    assert (told["position"], told["target"], told["moved"]) == (4, target, False)
    assert (told["repeated"], told["skipped"]) == (max(4 - target, 0), max(target - 4, 0))
    assert look(standalone, "/groups", subject=filled)["groups"][0]["position"] == 4
    assert look(standalone, "/reset", method="POST", subject=filled, group="g", to=to)["moved"]
    pulled = broker.pull(filled, "g", last=3)
    assert (pulled.ids if pulled else []) == [f"m{number}" for number in range(target, 10)]


def test_reset_to_nowhere(standalone, filled):
    for to, code in [("message:none", 404), ("tomorrow", 400), ("time:", 400), ("time:x", 400), ("sequence:-1", 400)]:
        assert ask(standalone, "/reset", "POST", subject=filled, group="g", to=to)[0] == code
    assert ask(standalone, "/reset", "POST", subject=filled, group="nobody", to="latest")[0] == 404


def test_qmq_peek_and_reset(standalone, filled):
    done = qmq(standalone, "peek", filled, "--count", "2")
    assert done.returncode == 0 and done.stdout.splitlines()[1].startswith("1  m1  "), done
    lines = qmq(standalone, "peek", filled, "--group", "g", "--state", "unacked", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["m1", "m2", "m3"]
    done = qmq(standalone, "reset", filled, "--group", "g", "--to", "earliest", "--dry-run")
    assert done.stdout == "g would move from message 4 to 0: 4 messages would be repeated, 0 skipped\n"
    assert qmq(standalone, "peek", "never.seen").returncode == 1
    assert qmq(standalone, "reset", filled, "--group", "g").returncode == 2


def test_odd_bytes_are_shown(standalone, broker, subject):
    broker.pull(subject, "g")
    assert broker.send(message(subject, "odd", attributes={"a\"b": "\u0001\n"})) == []
    assert look(standalone, "/messages", subject=subject)["messages"][0]["attrs"]['a"b'] == "\u0001\n"
    assert retry_subject(subject, "g") not in json.dumps(look(standalone, "/subjects", prefix=subject))


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_broker_54_a_reset_outlives_a_restart(start, how):
    server = start("standalone")
    with server.client() as broker:
        broker.pull("s", "g")
        broker.pull("s", "far")
        assert broker.send(*(message("s", f"m{number}") for number in range(10))) == []
        assert len(broker.drain("s", "g")) == 10
        assert broker.reset("s", "g", c.EARLIEST) == 0
        # One that skips is kept too, and so is one over HTTP.
        assert look(server, "/reset", method="POST", subject="s", group="far", to="sequence:7")["moved"]
        if how == "stop":
            assert broker.pull("s", "g", number=3, last=9).ids == ["m0", "m1", "m2"]
        else:
            assert broker.reset("s", "g", c.LATEST) == 0
            assert broker.reset("s", "g", c.EARLIEST) == 0  # the kill follows at once
    server.restart(how)
    with server.client() as broker:
        first = 3 if how == "stop" else 0
        pulled = broker.pull("s", "g", last=9 + first)
        assert pulled.ids == [f"m{number}" for number in range(first, 10)]
        assert broker.pull("s", "far").ids == ["m7", "m8", "m9"]


def test_broker_56_replaying_again_changes_nothing(start):
    server = start("standalone")
    with server.client() as broker:
        for group in ("g", "other"):
            broker.pull("s", group)
        assert broker.send(*(message("s", f"m{number}") for number in range(30))) == []
        for consumer in ("c1", "c2"):
            first = broker.pull("s", "g", consumer, number=5).first
            assert broker.ack("s", "g", consumer, first, first + 2) == 0
        broker.pull("s", "other", "c3", number=7)

    def state():
        body = look(server, "/groups", subject="s")
        for group in body["groups"]:
            for consumer in group["consumers"]:
                consumer.pop("silent_ms", None)
            group["consumers"].sort(key=lambda one: one["id"])
        body["groups"].sort(key=lambda one: one["group"])
        return body, [shown(look(server, "/messages", subject="s", group=group, state="unacked")) for group in ("g", "other")]

    before = state()
    for what in ("nothing", "nothing", "checkpoint", "pulllog_smt"):
        server.kill()
        # Without these files the logs are replayed from their beginning over what is there already.
        for path in sorted((server.store_root() / what).glob("*")) if what != "nothing" else []:
            path.unlink()
        server.start()
        assert state() == before, what
