"""bin/store.sh over stores of the original (fixtures) and of our broker: what it shows is what is in them, what it finds is what was done to
them, and what it repairs is sound again."""

import hashlib
import json
import os
import shutil
import subprocess

import pytest
from examples import message
from fixtures import fixtures, unpack_store

from qmqpy import frame as f
from qmqpy.commands import EARLIEST

SOUND, DAMAGED, USAGE, UNREADABLE = 0, 1, 2, 3


class Store:
    def __init__(self, tree, root):
        self.program = tree / "bin" / "store.sh"
        self.root = root

    def run(self, command, *arguments):
        words = [self.program, command, *map(str, arguments)]
        if command != "dump":
            words += ["--root", str(self.root)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("QMQ_")}
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=environment)

    def lines(self, command, *arguments, code=SOUND):
        answer = self.run(command, *arguments, "--json")
        assert answer.returncode == code, answer
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def findings(self, code=DAMAGED):
        return [line for line in self.lines("verify", code=code) if line["kind"] != "summary"]


def content(root):
    """Names, lengths, times and the front of every file, to see that nothing was changed."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            with open(path, "rb") as file:
                found[str(path)] = (path.stat().st_size, path.stat().st_mtime_ns, hashlib.sha256(file.read(1 << 20)).hexdigest())
    return found


@pytest.mark.parametrize("name", ["broker-master-clean", "broker-slave", "broker-master-v2"])
def test_a_store_of_the_original_is_shown_as_it_is(tree, tmp_path, name):
    store = Store(tree, unpack_store(name, tmp_path / name))
    manifest = json.loads((fixtures("java-store") / f"{name}.json").read_text("utf-8"))
    before = content(store.root)
    summary = store.lines("verify")[-1]
    assert (summary["damages"], summary["subjects"]) == (0, len(manifest["subjects"]))
    assert summary["messages"] == sum(subject["count"] for subject in manifest["subjects"].values())
    assert summary["message_log_end"] == manifest["log_ends"]["message_log"]
    assert summary["action_log_end"] == manifest["log_ends"]["action_log"]
    shown = {line["subject"]: (line["first"], line["next"], line["count"]) for line in store.lines("subjects")}
    assert shown == {
        subject: (told["first_sequence"], told["next_sequence"], told["count"]) for subject, told in manifest["subjects"].items()
    }
    assert content(store.root) == before


def test_messages_of_the_original_are_shown_with_their_attributes(tree, tmp_path):
    store = Store(tree, unpack_store("broker-master-clean", tmp_path / "store"))
    listed = subprocess.run(
        ["zstd", "-dc", fixtures("java-store") / "broker-master-clean.messages.tsv.zst"], capture_output=True, text=True, check=True
    )
    rows = [line.split("\t") for line in listed.stdout.splitlines() if line.startswith("order.created\t")]
    shown = store.lines("messages", "order.created")
    assert [(m["sequence"], m["id"], m["size"], ",".join(m["tags"])) for m in shown] == [
        (int(row[1]), row[2], int(row[3]), row[5]) for row in rows
    ]
    assert all(m["crc"] == "right" and m["attrs"] for m in shown)
    assert store.lines("messages", "order.created", "--from", 100, "--count", 3) == shown[100:103]
    assert store.lines("messages", "nobody") == []


def test_groups_of_the_original_are_shown_as_a_java_broker_replays_them(tree, tmp_path):
    store = Store(tree, unpack_store("broker-master-clean", tmp_path / "store"))
    manifest = json.loads((fixtures("java-store") / "broker-master-clean.json").read_text("utf-8"))
    shown = {(g["subject"], g["group"]): g for g in store.lines("groups")}
    assert len(manifest["groups"]) > 5
    for told in manifest["groups"]:
        mine = shown[told["subject"], told["group"]]
        assert mine["last_pulled_message_sequence"] == told["last_pulled_message_sequence"], told["subject"]
        positions = {c["consumer"]: (c["last_pulled"], c["last_acked"]) for c in mine["consumers"]}
        for consumer in told["consumers"]:
            assert positions[consumer["id"]] == (consumer["last_pulled"], consumer["last_acked"]), told["subject"]


def test_every_kind_of_file_is_dumped(tree, tmp_path):
    store = Store(tree, unpack_store("broker-master-clean", tmp_path / "store"))
    first = "0" * 20
    for path, count in ((f"messagelog/{first}", 23012), (f"actionlog/{first}", 2523), (f"consumerlog/order.created/{first}", 6546)):
        assert len(store.lines("dump", store.root / path)) == count
    for path in [*store.root.glob("checkpoint/*"), *store.root.glob("pulllog_smt/*")]:
        assert store.lines("dump", path) != []
        assert store.run("dump", path).returncode == SOUND
    other = tmp_path / "other"
    other.write_text("x")
    assert store.run("dump", other).returncode == USAGE


def test_files_that_only_the_original_writes_are_dumped(tree, tmp_path):
    store = Store(tree, unpack_store("broker-master-smt", tmp_path / "store"))
    tables = sorted(store.root.glob("smt/*"))
    shown = [line for table in tables if os.path.getsize(table) for line in store.lines("dump", table)] if tables else []
    assert shown and all(line["id"] and line["size"] > 0 and line["sequence"] >= 0 for line in shown)
    assert not [one for one in store.lines("verify") if one.get("file", "").startswith(str(store.root / "smt"))]
    overwrite(tables[0], 100, b"?")
    assert store.run("dump", tables[0]).returncode == DAMAGED
    assert str(tables[0]) in [one["file"] for one in store.findings()]
    old = store.root / "pulllog" / "c1" / "g1@order.changed"
    old.mkdir(parents=True)
    (old / ("0" * 20)).write_bytes(b"".join(number.to_bytes(8, "big", signed=True) for number in (0, 1, -1, 7)))
    assert store.lines("dump", old / ("0" * 20)) == [{"pull": 0, "message": 0}, {"pull": 1, "message": 1}, {"pull": 3, "message": 7}]


@pytest.fixture
def store(start, tree):
    """A store of our broker, with 40 messages of two subjects and a consumer, closed in order."""
    server = start("standalone")
    with server.client() as client:
        for number in range(20):
            assert client.send(message("look.a", f"a{number}"), message("look.b", f"b{number}")) == []
        assert client.reset("look.a", "g1", EARLIEST) == f.SUCCESS
        assert len(client.pull("look.a", "g1", "c1", 5).messages) == 5
        client.ack("look.a", "g1", "c1", 0, 2)
    assert server.stop() == 0
    found = Store(tree, server.store_root())
    found.server = server
    return found


def segment(store, log="messagelog"):
    return store.root / log / ("0" * 20)


def overwrite(path, position, data):
    with open(path, "r+b") as file:
        file.seek(position)
        file.write(data)


def deliverable(store, subject):
    """How many messages the broker that is started on the store has for a new group."""
    with store.server.client() as client:
        assert client.reset(subject, "g2", EARLIEST) == f.SUCCESS
        return len(client.drain(subject, "g2"))


def test_a_store_of_ours_is_sound(store):
    assert store.findings(SOUND) == []
    assert {line["subject"]: line["count"] for line in store.lines("subjects")} == {"look.a": 20, "look.b": 20}
    group = store.lines("groups", "--subject", "look.a")[0]
    assert (group["group"], group["last_pulled_message_sequence"]) == ("g1", 4)
    assert group["consumers"] == [{"consumer": "c1", "last_pulled": 4, "last_acked": 2}]
    assert "40 messages of 2 subjects" in store.run("verify").stdout


def test_a_wrong_checksum_is_found_where_it_is(store):
    hit = store.lines("messages", "look.b")[7]
    overwrite(segment(store), hit["offset"] + 80, b"\xff\xfe\xfd")
    found = store.findings()
    assert [(one["file"], one["position"]) for one in found] == [(str(segment(store)), hit["offset"])]
    assert "checksum" in found[0]["text"] and "repair" not in found[0]
    assert store.lines("messages", "look.b")[7]["crc"] == "wrong"


def test_damage_in_the_middle_is_passed_and_said(store):
    hit = store.lines("messages", "look.a")[3]
    overwrite(segment(store), hit["offset"], b"\0\0\0\0")
    found = store.findings()
    assert found[0]["position"] == hit["offset"] and found[0]["size"] > 0
    assert len(store.lines("messages", "look.a")) == 19


def test_a_torn_end_is_cut_off_when_told_so(store):
    end = store.lines("verify")[-1]["message_log_end"]
    torn = segment(store).read_bytes()[:49] + b"?"
    overwrite(segment(store), end, torn)
    found = store.findings()
    assert [(one["position"], one["size"], one["repair"]) for one in found] == [(end, 50, "tail")]
    before = content(store.root)
    answer = store.run("repair", "--what", "tail")
    assert answer.returncode == DAMAGED and "would be cut" in answer.stdout and "nothing was changed" in answer.stderr
    assert content(store.root) == before
    answer = store.run("repair", "--what", "tail", "--write")
    assert answer.returncode == SOUND and f"cut at byte {end}, 50 bytes are given up" in answer.stdout
    assert store.findings(SOUND) == []
    store.server.start()
    assert deliverable(store, "look.b") == 20


def test_wrong_index_entries_are_made_anew(store):
    index = store.root / "consumerlog" / "look.a" / ("0" * 20)
    overwrite(index, 22 * 4 + 8, (5).to_bytes(8, "big"))
    found = store.findings()
    assert [(one["file"], one["position"], one["repair"]) for one in found] == [(str(index), 22 * 4, "index")]
    assert store.run("repair", "--what=index", "--write").returncode == SOUND
    assert not index.exists()
    store.server.start()
    assert deliverable(store, "look.a") == 20


def test_damaged_snapshots_and_markers_are_given_up(store):
    snapshot = sorted(store.root.glob("checkpoint/message-checkpoint.*"))[-1]
    snapshot.write_bytes(snapshot.read_bytes()[:-3])
    overwrite(store.root / ".marker", 20, b"???")
    assert sorted(one["repair"] for one in store.findings()) == ["marker", "snapshots"]
    for what in ("marker", "snapshots"):
        assert store.run("repair", "--what", what, "--write").returncode == SOUND
    assert not snapshot.exists()
    store.server.start()
    assert deliverable(store, "look.a") == 20


def test_a_store_in_use_is_only_looked_at_as_a_copy(store, tmp_path):
    store.server.start()
    answer = store.run("repair", "--what", "tail", "--write")
    assert answer.returncode == UNREADABLE and str(store.server.pid) in answer.stderr
    copy = tmp_path / "copy"
    shutil.copytree(store.root, copy)
    store.root = copy
    assert {line["subject"] for line in store.lines("subjects")} == {"look.a", "look.b"}


def test_wrong_usage_and_places_that_are_no_store(tree, tmp_path):
    nothing = Store(tree, tmp_path)
    answer = nothing.run("verify")
    assert answer.returncode == UNREADABLE and str(tmp_path) in answer.stderr and "--root" in answer.stderr
    for words in (["foo"], ["messages"], ["verify", "--bogus"], ["messages", "s", "--count", "x"], ["repair"], ["repair", "--what", "all"]):
        answer = nothing.run(*words)
        assert answer.returncode in (USAGE, UNREADABLE) and answer.stdout == "" and answer.stderr != "", words
    assert "verify" in nothing.run("--help").stdout
