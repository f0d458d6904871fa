"""A database that is away for minutes: first it takes everything and answers nothing, then nobody is there, then it is back. Runs only when
QMQ_OUTAGE_SECONDS says for how long (180 is a good deal)."""

import os

import pytest
from waiting import Stopwatch, wait_until

from qmqpy import commands as c
from qmqpy import frame as f

SECONDS = int(os.environ.get("QMQ_OUTAGE_SECONDS", "0"))
SETTINGS = {"refresh.period.seconds": "1", "heartbeat.timeout.ms": "20000", "min.group.num": "2"}
ADDRESSES = {"bg1": "127.0.0.1:29001", "dies": "127.0.0.1:29002", "delay1": "127.0.0.1:29003"}
STEP_SECONDS = 1.0
MOST_GROWTH_KIB = 32 * 1024

pytestmark = pytest.mark.skipif(SECONDS == 0, reason="QMQ_OUTAGE_SECONDS is not set")


def role(group):
    return c.DELAY_MASTER if group == "delay1" else c.MASTER


def resident_kib(server):
    with open(f"/proc/{server.pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


class Site:
    def __init__(self, metaserver, mariadb):
        self.metaserver, self.mariadb = metaserver, mariadb
        self.asked = 0
        self.slowest = 0.0

    def beat(self, meta, groups):
        for group in groups:
            watch = Stopwatch()
            assert meta.broker_register(c.REGISTER_HEARTBEAT, group, ADDRESSES[group], role(group), c.RW) == f.SUCCESS
            self.slowest = max(self.slowest, watch())

    def ask(self, meta, subject, request, kind=c.CONSUMER):
        """Names of the groups; an answer without any never has a time that a client believes."""
        self.asked += 1
        watch = Stopwatch()
        answer = meta.register(subject, group="g", client=f"client-{self.asked}", request=request, type=kind)
        if not subject.startswith("unknown"):
            self.slowest = max(self.slowest, watch())
        names = sorted(g.name for g in answer.groups)
        assert names or answer.timestamp == -2, f"{subject}: an empty list with time stamp {answer.timestamp}"
        return names

    def everybody(self, meta, groups):
        self.beat(meta, groups)
        for request in (c.HEARTBEAT, c.ONLINE):
            assert "bg1" in self.ask(meta, "known", request)
        assert self.ask(meta, "known", c.HEARTBEAT, c.DELAY_PRODUCER) == ["delay1"]


def test_metaserver_70_71_72_73_database_away_for_minutes(make, mariadb):
    server = make("metaserver", {**SETTINGS, **mariadb.settings(f"{mariadb.url}?connectTimeout=1000&socketTimeout=2000")}).start()
    site = Site(server, mariadb)
    with server.client("meta.server.port") as meta, server.client("meta.server.port", timeout=30.0) as patient:
        for group, address in ADDRESSES.items():
            assert meta.broker_register(c.REGISTER_ONLINE, group, address, role(group), c.RW) == f.SUCCESS
        wait_until(lambda: site.ask(meta, "known", c.HEARTBEAT) == ["bg1", "dies"], 10)
        before = resident_kib(server)
        away, step, killed = Stopwatch(), Stopwatch(), False
        mariadb.pause()
        try:
            while away() < SECONDS:
                if not killed and away() > SECONDS / 2:
                    mariadb.resume()
                    mariadb.kill()
                    killed = True
                # One of the brokers dies a few seconds after the database.
                site.everybody(meta, ["bg1", "delay1"] if away() > 3 else list(ADDRESSES))
                assert site.ask(patient, f"unknown-{int(away()) % 7}", c.HEARTBEAT) == []
                wait_until(lambda: step() > STEP_SECONDS, 10)
                step = Stopwatch()
        finally:
            mariadb.resume() if not killed else mariadb.start()
        back = Stopwatch()
        wait_until(lambda: site.ask(patient, "unknown-0", c.HEARTBEAT) == ["bg1"] or site.beat(meta, ["bg1", "delay1"]), 30, "a route for a new subject")
        wait_until(lambda: mariadb.sql("SELECT broker_state FROM broker_group WHERE group_name = 'dies'") == [[str(c.NRW)]], 30, "the silent broker's state")
        wait_until(lambda: int(mariadb.sql("SELECT COUNT(*) FROM client_meta_info")[0][0]) > SECONDS / 2, 30, "the rows of clients that came meanwhile")
        took = back()
        site.everybody(meta, ["bg1", "delay1"])
        assert resident_kib(server) - before < MOST_GROWTH_KIB
        print(f"away {away():.0f} s, {site.asked} questions, slowest answer to the known {site.slowest * 1000:.0f} ms, everything was written {took:.1f} s after the return")
