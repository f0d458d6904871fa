"""storage_9, 10, 14, 46, 47, 67 and 68 with a real server (storage_65 is in test_broker_produce.py, 45 in tests/fault)."""

import shutil
import threading

import pytest
from harness import ServerFailed

from qmqpy import frame as f
from qmqpy.client import Client
from qmqpy.connection import Disconnected, NoAnswer
from qmqpy.message import message
from qmqpy.store import Store, segment_name


@pytest.fixture
def server(start):
    return start("standalone")


def fill(server, subject, count, start=0):
    with server.client() as client:
        for begin in range(start, start + count, 100):
            end = min(begin + 100, start + count)
            assert client.send(*(message(subject, f"m{number}") for number in range(begin, end))) == []


def read_all(server, subject, group="reader"):
    """The ids of every message of the subject from the beginning."""
    with server.client() as client:
        client.pull(subject, group)
        client.reset(subject, group, 2)
        return [decoded.id for _, _, decoded in client.drain(subject, group, number=10000)]


def ids(start, end):
    return [f"m{number}" for number in range(start, end)]


def test_storage_1_a_new_store_has_its_directories(server):
    present = {path.name for path in server.store_root().iterdir() if path.is_dir()}
    assert {"messagelog", "actionlog", "pulllog_smt", "smt", "checkpoint"} <= present


def test_storage_9_sequences_in_log_order_under_concurrent_producers(server):
    subjects, producers, batches = ["s9.a", "s9.b", "s9.c"], 12, 40
    errors = []

    def produce(name):
        try:
            with server.client() as client:
                for batch in range(batches):
                    sent = [message(subjects[n % 3], f"{name}.{batch}.{n}") for n in range(9)]
                    assert client.send(*sent) == []
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=produce, args=(f"p{n}",)) for n in range(producers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert server.stop() == 0
    store = Store(server.store_root())
    by_subject = store.subjects()
    for subject in subjects:
        records = by_subject[subject]
        assert [record.sequence for record in records] == list(range(producers * batches * 3))
        for name in range(producers):  # requests of one connection in their order, messages in the order of the body
            mine = [r.message().id for r in records if r.message().id.startswith(f"p{name}.")]
            assert mine == sorted(mine, key=lambda one: [int(part) for part in one[1:].split(".")])
    assert not store.problems()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_storage_10_sequences_continue_after_a_restart(server, how):
    for start in range(0, 300, 100):
        fill(server, "s10", 100, start)
        server.restart(how)
    assert read_all(server, "s10") == ids(0, 300)
    assert server.stop() == 0
    records = Store(server.store_root()).subjects()["s10"]
    assert [record.sequence for record in records] == list(range(300))


@pytest.mark.parametrize("what", ["one subject", "all"])
def test_storage_10_a_lost_consumer_log_is_rebuilt(server, what):
    fill(server, "s10", 100)
    fill(server, "s10.other", 10)
    assert server.stop() == 0
    shutil.rmtree(server.store_root() / "consumerlog" / ("s10" if what == "one subject" else ""))
    server.start()
    fill(server, "s10", 50, start=100)
    assert read_all(server, "s10") == ids(0, 150)
    assert read_all(server, "s10.other") == ids(0, 10)
    assert server.stop() == 0
    store = Store(server.store_root())
    assert [record.sequence for record in store.subjects()["s10"]] == list(range(150))
    assert len(store.consumer_log("s10")) == 150
    assert not store.problems()


def consumer_bytes(server, subject, entries):
    path = server.store_root() / "consumerlog" / subject / segment_name(0)
    with open(path, "rb") as file:
        return file.read(22 * entries)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_storage_14_replay_changes_no_byte_of_the_consumer_log(server, how):
    fill(server, "s14", 250)
    assert server.stop() == 0
    assert len(Store(server.store_root()).consumer_log("s14")) == 250
    before = consumer_bytes(server, "s14", 250)
    server.start()
    fill(server, "s14", 10, start=250)
    server.restart(how)
    assert consumer_bytes(server, "s14", 250) == before
    assert read_all(server, "s14") == ids(0, 260)
    assert server.stop() == 0
    assert consumer_bytes(server, "s14", 250) == before


def log_path(server):
    return server.store_root() / "messagelog" / segment_name(0)


def cut(path, size, keep_length):
    """The file without its bytes from `size` on: shorter, or of the same length with zeros."""
    length = path.stat().st_size
    with open(path, "r+b") as file:
        file.truncate(size)
        if keep_length:
            file.truncate(length)


@pytest.mark.parametrize("keep_length", [False, True], ids=["short", "zeros"])
def test_storage_46_a_torn_last_record_is_cut_off(server, keep_length):
    fill(server, "s", 3)
    assert server.stop() == 0
    records = list(Store(server.store_root()).messages())
    last = records[-1]
    with open(log_path(server), "rb") as file:
        whole = file.read(last.end)
    size, header = last.end - last.offset, last.header
    wrong = []
    edges = {1, 3, 4, 5, 12, 13, 21, header - 12, header - 4, header - 1, header, header + 1, size - 1}
    for left in sorted(edges | set(range(9, size, 17))):
        with open(log_path(server), "r+b") as file:
            file.write(whole)
        cut(log_path(server), last.offset + left, keep_length)
        # A tail that is torn was not synced: nothing says so.
        (server.store_root() / ".marker").unlink(missing_ok=True)
        server.start()
        with server.client() as client:
            assert client.send(message("s", "next")) == []
        server.kill()
        found = [(record.offset, record.message().id) for record in Store(server.store_root()).messages()]
        if found != [(record.offset, id) for record, id in zip(records, ("m0", "m1", "next"))]:
            wrong.append((left, found))
    assert not wrong


@pytest.mark.parametrize("field,value", [("subject", -1), ("subject", 32767), ("payload", -1), ("payload", 0x7FFFFFFF)])
def test_storage_47_a_corrupt_length_in_the_last_segment_truncates(server, field, value):
    fill(server, "s", 3)
    assert server.stop() == 0
    last = list(Store(server.store_root()).messages())[-1]
    position, size = (21, 2) if field == "subject" else (last.header - 4, 4)
    with open(log_path(server), "r+b") as file:
        file.seek(last.offset + position)
        file.write(value.to_bytes(size, "big", signed=True))
    server.start()
    with server.client() as client:
        assert client.send(message("s", "next")) == []
    assert read_all(server, "s") == ["m0", "m1", "next"]


def test_storage_67_foreign_names_in_the_log_directories_are_ignored(server):
    fill(server, "s67", 5)
    assert server.stop() == 0
    root = server.store_root()
    for name in ("messagelog", "actionlog", "consumerlog", "consumerlog/s67"):
        (root / name / "lost+found").mkdir()
        (root / name / "README").write_text("not a segment")
        (root / name / ".hidden").write_text("")
    server.start()
    fill(server, "s67", 5, start=5)
    assert read_all(server, "s67") == ids(0, 10)


def test_storage_68_without_descriptors_nothing_is_lost(make):
    """A limit of 96 descriptors: connections use them up, new subjects need index files."""
    server = make("standalone", {"store.max.open.files": "16"}, wrapper=["prlimit", "--nofile=96:96"]).start()
    client = server.client()
    accepted, crowd = [], []
    for _ in range(120):
        try:
            crowd.append(Client(server.address(), timeout=2))
        except OSError:
            break
    for number in range(200):
        subject = f"s68.{number}"
        answer = client.send(message(subject, f"m{number}"))
        assert all(result.result in (4, 6) for result in answer)
        if not answer:
            accepted.append(subject)
    assert server.alive()
    for one in crowd:
        one.close()
    assert client.send(message("s68.after", "m")) == []
    client.close()
    assert server.stop() == 0
    store = Store(server.store_root())
    assert not store.problems()
    assert set(accepted) <= set(store.subjects())
    server.wrapper = []
    server.start()
    for subject in accepted[:20] + accepted[-20:]:
        assert read_all(server, subject) == [f"m{subject.split('.')[1]}"]


def test_storage_68_a_start_without_descriptors_says_so(make):
    server = make("standalone", wrapper=["prlimit", "--nofile=12:12"]).launch()
    try:
        server.wait_state("serving", 5)
    except ServerFailed:
        assert server.wait_exit(5) not in (0, None)
        assert server.output().strip()


def test_storage_index_entries_point_at_their_records_after_a_kill(server):
    for start in range(0, 300, 100):
        fill(server, "sx.a", 100, start)
        fill(server, "sx.b", 100, start)
        server.restart("kill")
    assert server.stop() == 0
    store = Store(server.store_root())
    assert not store.problems()
    assert len(store.consumer_log("sx.a")) == 300


def test_storage_stalled_readers_do_not_stop_producers(server):
    """A consumer that does not read its answers keeps only its own connection waiting."""
    with server.client() as client, server.client() as lazy:
        client.pull("sr", "g")
        big = message("sr", "big", {"data": "x" * 60000})
        for _ in range(20):
            assert client.send(*[big] * 16) == []
        for _ in range(40):
            lazy.post_pull("sr", "g", number=10000, last=-1)
        try:
            for number in range(50):
                assert client.request(f.SEND, message("sr.other", f"m{number}").wire(), 5).code == f.SUCCESS
        except (NoAnswer, Disconnected) as error:
            raise AssertionError("a producer waited for a consumer that does not read") from error
