"""The ledger of the kill -9 runs: what was acknowledged, what was delivered, and what must therefore be true afterwards.

Producers and consumers write into it from their threads. A breach is a sentence; the run fails when there is one.
"""

import threading
from collections import defaultdict


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = {}  # message id -> (subject, payload)
        self.refused = set()
        self.uncertain = set()  # sent, never answered: may be stored or not
        self.cut_short = set()  # their request never arrived whole
        self.offsets = defaultdict(dict)  # (subject, group, consumer) -> {pull offset: message id}
        self.acked = defaultdict(lambda: -1)  # (subject, group, consumer) -> last acknowledged pull offset
        self.owner = {}  # (subject, group, message id) -> consumer
        self.sequences = defaultdict(list)  # subject -> message ids in the order of their sequences, from the disk
        self.redelivered = 0
        self.reused = 0  # sequences or pull offsets that came to mean another message
        self.breaches = []

    def breach(self, text):
        with self.lock:
            self.breaches.append(text)

    # ---- producers

    def sent(self, batch, refused):
        names = {result.id for result in refused}
        with self.lock:
            for message in batch:
                if message.id in names:
                    self.refused.add(message.id)
                else:
                    self.acknowledged[message.id] = (message.subject, message.payload())

    def not_answered(self, batch):
        with self.lock:
            self.uncertain.update(message.id for message in batch)

    def cut(self, message):
        with self.lock:
            self.cut_short.add(message.id)

    # ---- consumers

    def delivered(self, key, pulled):
        """Checks one pull answer of the consumer key = (subject, group, consumer)."""
        subject, group, consumer = key
        with self.lock:
            known, acked = self.offsets[key], self.acked[key]
            for offset, raw, message in pulled.messages:
                if offset <= acked:
                    self.breaches.append(f"{key}: offset {offset} delivered again, acknowledged up to {acked}")
                before = known.get(offset)
                if before is not None:
                    self.redelivered += 1
                if before not in (None, message.id):
                    self.reused += 1
                    self.breaches.append(f"{key}: offset {offset} was {before} and is now {message.id}")
                known[offset] = message.id
                owner = self.owner.setdefault((subject, group, message.id), consumer)
                if owner != consumer:
                    self.breaches.append(f"{key}: {message.id} was handed to {owner} before")
                sent = self.acknowledged.get(message.id)
                if sent is not None and sent != (subject, raw):
                    self.breaches.append(f"{key}: {message.id} is not what was sent")

    def acknowledge(self, key, last):
        with self.lock:
            self.acked[key] = max(self.acked[key], last)

    # ---- the disk

    def compare(self, subject, record):
        """One record of the message log, in log order: sequences are dense and always hold the same message."""
        known = self.sequences[subject]
        identity = (record.message().id, record.crc)
        if record.sequence < len(known):
            if known[record.sequence] != identity:
                self.reused += 1
                self.breach(f"{subject}: sequence {record.sequence} was {known[record.sequence]}, is {identity}")
        elif record.sequence > len(known):
            self.breach(f"{subject}: sequence {record.sequence} after {len(known) - 1}")
        else:
            known.append(identity)

    def lost(self):
        """Acknowledged messages that the disk does not have."""
        stored = {id for subject in self.sequences for id, _ in self.sequences[subject]}
        return sorted(set(self.acknowledged) - stored)
