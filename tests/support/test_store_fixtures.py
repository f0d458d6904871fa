"""The Python reader of the store files against the stores recorded from Java brokers and what their manifests say."""

import hashlib
import json

import pytest
from fixtures import fixtures, unpack_store

from qmqpy.store import MessageLog, Store

STORES = ["broker-master-clean", "broker-master-killed"]


@pytest.fixture(scope="module", params=STORES)
def recorded(request, tmp_path_factory):
    manifest = json.loads((fixtures("java-store") / f"{request.param}.json").read_text("utf-8"))
    store = Store(unpack_store(request.param, tmp_path_factory.mktemp("java-store")))
    return manifest, store


def list_hash(records):
    digest = hashlib.sha256()
    for record in records:
        payload = hashlib.sha256(record.payload).hexdigest()
        digest.update(f"{record.sequence}\t{record.message().id}\t{payload}\n".encode())
    return digest.hexdigest()


def test_messages_are_those_of_the_manifest(recorded):
    manifest, store = recorded
    subjects = store.subjects()
    assert store.message_log.end == manifest["log_ends"]["message_log"]
    assert sorted(subjects) == sorted(manifest["subjects"])
    for name, expected in manifest["subjects"].items():
        assert len(subjects[name]) == expected["count"]
        assert list_hash(subjects[name]) == expected["list_sha256"], name


def test_progress_is_that_of_the_manifest(recorded):
    manifest, store = recorded
    groups = store.groups()
    assert store.action_log.end == manifest["log_ends"]["action_log"]
    for expected in manifest["groups"]:
        group = groups[(expected["subject"], expected["group"])]
        assert group.pulled == expected["last_pulled_message_sequence"]
        assert group.broadcast == expected["broadcast"]
        for consumer in expected["consumers"]:
            found = group.consumers[consumer["id"]]
            assert (found.pulled, found.acked) == (consumer["last_pulled"], consumer["last_acked"])
            ranges = [range(first, last + 1) for first, last in consumer["unacked_pull_offsets"]]
            if not group.broadcast:
                assert sorted(found.unacked()) == [offset for part in ranges for offset in part]
            for pull, sequence, _ in consumer.get("unacked", []):
                assert found.unacked()[pull] == sequence


def test_consumer_logs_point_at_their_records(recorded):
    _, store = recorded
    wrong = [line for line in store.problems() if "entry" in line or "dense" in line]
    assert not wrong
    total = sum(len(store.consumer_log(subject)) for subject in store.indexed_subjects())
    assert total > 1000


def test_a_cut_log_ends_at_the_record_before_the_cut(recorded, tmp_path):
    _, store = recorded
    records = [record for _, record in zip(range(3), store.messages())]
    source = store.root / "messagelog" / "00000000000000000000"
    with open(source, "rb") as file:
        data = file.read(records[-1].end)
    for cut in (records[1].end, records[1].end + 1, records[2].offset + records[2].header, records[2].end - 1):
        (tmp_path / source.name).write_bytes(data[:cut])
        log = MessageLog(tmp_path)
        assert len(list(log.records())) == 2 and log.end == records[1].end
