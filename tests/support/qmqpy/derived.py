"""The derived files of a store as the original reads them at its start (storage.md 7.3-7.5, 8): checkpoints and pull-log tablets."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

RUN_MAGIC = 0xC1B2A300
TABLET_MAGIC = 0x00A2B100


@dataclass
class Run:
    consumer: str
    group: str
    subject: str
    first: int
    messages: list


@dataclass
class Tablet:
    id: int
    begin: int
    end: int
    runs: list


class Damaged(Exception):
    """A file the original would not take."""


def snapshots(root, kind):
    """{version: text} of the checkpoints of a kind."""
    found = {}
    for path in (Path(root) / "checkpoint").iterdir():
        name, _, version = path.name.partition(".")
        if name == kind:
            found[int(version)] = path.read_text("utf-8")
    return found


def message_checkpoint(text):
    """(offset, {subject: highest sequence})."""
    lines = text.splitlines()
    if lines[0] != "2" or not text.endswith("\n"):
        raise Damaged(text[:40])
    pairs = [line.split("/") for line in lines[2:]]
    return int(lines[1]), {subject: int(sequence) for subject, sequence in pairs}


def action_checkpoint(text):
    """(offset, {(subject, group): (broadcast, pulled, {consumer: (pulled, acked)})})."""
    lines = text.splitlines()
    if lines[0] != "3" or not text.endswith("\n"):
        raise Damaged(text[:40])
    rest = iter(lines[2:])
    found = {}
    for line in rest:
        subject, groups = line.split("/")
        for _ in range(int(groups)):
            group, broadcast, pulled, consumers = next(rest).split("/")
            members = {}
            for _ in range(int(consumers)):
                consumer, last, acked = next(rest).split("/")
                members[consumer] = (int(last), int(acked))
            found[subject, group] = (broadcast == "1", int(pulled), members)
    return int(lines[1]), found


def tablet(path):
    data = path.read_bytes()
    magic, size, index, begin, end = struct.unpack_from(">IiiqQ", data)
    if magic != TABLET_MAGIC or len(data) != 28 + size + 8 or struct.unpack_from(">q", data, 28 + size)[0] != zlib.crc32(data[28 : 28 + size]):
        raise Damaged(path.name)
    runs, at = [], index
    while at < 28 + size:
        run_magic, length = struct.unpack_from(">IH", data, at)
        if run_magic != RUN_MAGIC:
            raise Damaged(path.name)
        consumer, group, subject = data[at + 6 : at + 6 + length].decode().rsplit("@", 2)
        first, base, position, count = struct.unpack_from(">qqii", data, at + 6 + length)
        values = struct.unpack_from(f">{count}i", data, 28 + position)
        runs.append(Run(consumer, group, subject, first, [base + value for value in values]))
        at += 6 + length + 24
    return Tablet(int(path.name), begin, end, runs)


def tablets(root):
    """In the order of their ids; names with a leading dot are not looked at."""
    paths = [path for path in (Path(root) / "pulllog_smt").iterdir() if not path.name.startswith(".")]
    return [tablet(path) for path in sorted(paths, key=lambda path: int(path.name))]


def problems(store):
    """Sentences about what would mislead the original when it opens this cleanly stopped store (storage.md 21)."""
    found = []
    boundaries = {action.end for action in store.actions()} | {0, store.action_log.end}
    records = {record.end for record in store.messages()} | {0, store.message_log.end}
    versions = snapshots(store.root, "message-checkpoint")
    offset, sequences = message_checkpoint(versions[max(versions)]) if versions else (0, {})
    if versions and (offset != max(versions) or offset not in records):
        found.append(f"message-checkpoint {max(versions)} says {offset}")
    for subject, highest in sequences.items():
        entries = store.consumer_log(subject)
        if len(entries) < highest + 1:
            found.append(f"{subject}: {len(entries)} entries, the checkpoint promises {highest + 1}")
    last = -1
    for found_tablet in tablets(store.root):
        if found_tablet.id <= last:
            found.append(f"tablet {found_tablet.id} is not behind {last}")
        last = found_tablet.end
        if found_tablet.id > found_tablet.end or found_tablet.end + 1 not in boundaries:
            found.append(f"tablet {found_tablet.id}: the original would go on at {found_tablet.end + 1}, inside a record")
    return found


def progress_after_start(store):
    """What the original knows after its start: {(subject, group): (pulled, {consumer: (pulled, acked)})}."""
    versions = snapshots(store.root, "action-checkpoint")
    offset, groups = action_checkpoint(versions[max(versions)]) if versions else (0, {})
    all_tablets = tablets(store.root)
    start = all_tablets[-1].end + 1 if all_tablets else offset
    state = {key: [pulled, dict(members)] for key, (_, pulled, members) in groups.items()}
    for action in store.actions():
        if action.end <= start:
            continue
        group = state.setdefault((action.subject, action.group), [-1, {}])
        pulled, acked = group[1].get(action.consumer, (-1, -1))
        if action.type == 0:
            group[0] = max(group[0], action.last_message)
            group[1][action.consumer] = (max(pulled, action.last), acked)
        elif action.type == 1 and action.consumer in group[1]:
            group[1][action.consumer] = (pulled, max(acked, action.last))
        elif action.type == 2:
            group[1].pop(action.consumer, None)
    return {key: (pulled, members) for key, (pulled, members) in state.items()}
