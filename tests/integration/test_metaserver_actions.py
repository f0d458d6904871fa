"""Administration on both databases (metaserver.md 10.3, 10.4, 11, 12, 19): the same requests, the same answers, the same rows."""

import json
import shutil
import time

import pytest
from harness import ADDRESS, TOKEN, Server, free_port
from management import Database, Http
from mariadb import MariaDb, why_not
from peers import FrameServer
from waiting import wait_until

from qmqpy import commands as c
from qmqpy import frame as f

SETTINGS = {"refresh.period.seconds": "1", "min.group.num": "1"}
REFUSED = {"status": -1, "data": None}


class Site:
    """One metaserver a database, for all tests of this file: each uses names of its own."""

    def __init__(self, server, sql):
        self.server, self.sql = server, sql
        self.http = Http(server.port("meta.server.discover.port"))
        self.client = server.client("meta.server.port")

    def act(self, action, **fields):
        return self.http.management(action, TOKEN, **fields)

    def refused(self, message, action, **fields):
        assert self.act(action, **fields) == {**REFUSED, "message": message}

    def get(self, path):
        status, body = self.http.get(path)
        assert status == 200
        return body

    def online(self, *groups, role=c.MASTER, address=f"{ADDRESS}:1"):
        for group in groups:
            assert self.client.broker_register(c.REGISTER_ONLINE, group, address, role) == f.SUCCESS

    def route(self, subject, *groups):
        """A route as if it had been assigned."""
        names = ",".join(f'"{group}"' for group in groups)
        self.sql(f"INSERT INTO subject_route (subject_info, version, broker_group_json) VALUES ('{subject}', 1, '[{names}]')")

    def stored(self, subject):
        rows = self.sql(f"SELECT broker_group_json, version FROM subject_route WHERE subject_info = '{subject}'")
        return [(row[0], int(row[1])) for row in rows]

    def served(self, subject, type=c.CONSUMER):
        return sorted(group.name for group in self.client.register(subject, type=type, group="g").groups)


def sqlite_rows(home):
    database = Database(home)
    return lambda text: [[None if v is None else str(v) for v in row] for row in database.execute(text)]


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def site(request, tree):
    instances = request.config.qmq_instances
    owner = f"{request.node.nodeid}[{request.param}]"
    home = instances.new_home(f"actions-{request.param}")
    database = None
    settings = dict(SETTINGS)
    if request.param == "mariadb":
        if why_not() is not None:
            pytest.skip(why_not())
        database = MariaDb(instances.new_home("actions-mariadb-data")).start()
        settings.update(database.settings())
    server = instances.add(owner, Server(tree, home, "metaserver", settings)).start()
    yield Site(server, database.sql if database else sqlite_rows(home))
    instances.release(owner)
    if database:
        database.kill()
        shutil.rmtree(database.directory, ignore_errors=True)


def broker(group, host, role=0, port=20881, ip="10.0.0.1"):
    return {"brokerGroup": group, "role": role, "hostname": host, "ip": ip, "servePort": port, "syncPort": 20882}


def meta_of(group, role, host, port=20881, ip="10.0.0.1"):
    return {"group": group, "role": role, "hostname": host, "ip": ip, "servePort": port, "syncPort": 20882}


def test_metaserver_58_59_brokers_are_added_once(site):
    assert site.act("AddBroker", **broker("a1", "a1-h")) == {"status": 0, "message": "", "data": meta_of("a1", "MASTER", "a1-h")}
    site.refused(
        "The brokerGroup: a1 with role: MASTER already exists, you need use other brokerGroup name", "AddBroker", **broker("a1", "a1-i")
    )
    site.refused("broker group's role already exist or broker already added", "AddBroker", **broker("a2", "a1-h"))
    site.refused("add broker failed, caused by: invalid ip bogus", "AddBroker", **broker("a3", "a3-h", ip="bogus"))
    message = site.act("AddBroker", **broker("a1", "a1-d", role=5))["message"]
    assert message.startswith("The brokerGroup: a1 holds brokers of kind NORMAL")
    assert site.act("AddBroker", **broker("组a4", "a4-h", ip="255.255.255.255"))["status"] == 0
    assert site.sql("SELECT ip FROM broker WHERE hostname = 'a4-h'") == [["4294967295"]]
    assert site.sql("SELECT COUNT(*) FROM broker WHERE hostname LIKE 'a_-%'") == [["2"]]
    assert site.http.management("ListBrokers", brokerGroup="组a4")["data"] == [
        meta_of("组a4", "MASTER", "a4-h", ip="255.255.255.255")
    ]


def test_metaserver_60_brokers_are_replaced(site):
    for role, host in ((0, "b1-m"), (1, "b1-s")):
        assert site.act("AddBroker", **broker("b1", host, role))["status"] == 0
    same = site.act("ReplaceBroker", **broker("b1", "b1-m"))
    assert same == {"status": 0, "message": "", "data": meta_of("b1", "MASTER", "b1-m")}  # rows matched, not rows changed
    taken = site.act("ReplaceBroker", **broker("b1", "b1-s"))["message"]
    assert taken.startswith("replace broker action failed, caused by: host b1-s port 20881 is SLAVE of brokerGroup b1 already")
    site.refused("no exist broker with this broker group name and role", "ReplaceBroker", **broker("b1", "b1-x", role=4))
    assert site.act("ReplaceBroker", **broker("b1", "b1-n", port=7))["data"]["hostname"] == "b1-m"
    assert site.client.acquire_meta("b1-n", 7) == (f.SUCCESS, c.AcquireMetaAnswer("b1", "", c.MASTER))
    assert site.client.acquire_meta("b1-s", 20881) == (f.SUCCESS, c.AcquireMetaAnswer("b1", "10.0.0.1:20882", c.SLAVE))


def test_metaserver_60_master_and_slave_are_swapped_in_one_transaction(site):
    for role, host in ((0, "sw-m"), (1, "sw-s")):
        assert site.act("AddBroker", **broker("sw", host, role))["status"] == 0
    swapped = site.act("SwapBroker", brokerGroup="sw")["data"]
    assert [(b["role"], b["hostname"]) for b in swapped] == [("MASTER", "sw-s"), ("SLAVE", "sw-m")]
    assert site.sql("SELECT hostname FROM broker WHERE group_name = 'sw' ORDER BY role") == [["sw-s"], ["sw-m"]]
    site.refused("brokerGroup nobody has no master to swap", "SwapBroker", brokerGroup="nobody")


def test_metaserver_36_self_registration_moves_its_row(site):
    assert site.act("RegisterBroker", **broker("r1", "r1-h"))["status"] == 0
    assert site.act("RegisterBroker", **broker("r1", "r1-h"))["status"] == 0
    assert site.act("RegisterBroker", **broker("r1", "r1-i", port=9))["status"] == 0
    assert site.sql("SELECT hostname, serve_port FROM broker WHERE group_name = 'r1'") == [["r1-i", "9"]]
    site.refused("broker group's role already exist or broker already added", "RegisterBroker", **broker("r2", "r1-i", port=9))
    assert site.act("RegisterBroker", **broker("r3", "r3-h"))["status"] == 0
    site.refused("broker group's role already exist or broker already added", "RegisterBroker", **broker("r3", "r1-i", port=9))


def test_metaserver_61_subjects_are_added_once(site):
    before = time.time() * 1000 - 2000
    first = site.act("AddNewSubject", subject="s61", tag="标")
    assert first["data"]["name"] == "s61" and first["data"]["tag"] == "标" and first["data"]["updateTime"] >= before
    again = site.act("AddNewSubject", subject="s61", tag="other")
    assert again["error"] == "主题已存在" and again["data"]["tag"] == "标"
    assert abs(again["data"]["updateTime"] - first["data"]["updateTime"]) < 60000  # the database's clock, in UTC
    assert site.sql("SELECT COUNT(*) FROM subject_info WHERE name = 's61'") == [["1"]]


def test_metaserver_62_a_group_is_added_to_a_route(site):
    site.online("e1", "e2")
    site.online("ed", role=c.DELAY_MASTER)
    site.route("s62", "e1")
    no_group = {"error": "提供的 brokerGroup 暂时不存在"}
    assert site.act("AddSubjectBrokerGroup", subject="s62", brokerGroup="none") == no_group
    assert site.act("AddSubjectBrokerGroup", subject="s62", brokerGroup="ed") == no_group
    no_route = {"error": "提供的 subject 暂时没有分配过 brokerGroup，无法扩充"}
    assert site.act("AddSubjectBrokerGroup", subject="none62", brokerGroup="e1") == no_route
    route = site.act("AddSubjectBrokerGroup", subject="s62", brokerGroup="e2")
    assert (route["subject"], route["brokerGroups"], route["version"]) == ("s62", ["e1", "e2"], 2)
    assert site.served("s62") == ["e1", "e2"]
    assert site.act("AddSubjectBrokerGroup", subject="s62", brokerGroup="e2")["version"] == 3
    assert site.act("QuerySubjectRoute", subject="s62")["data"]["brokerGroups"] == ["e1", "e2"]
    assert site.act("QuerySubjectRoute", subject="none62")["message"] == "find no route"


def test_metaserver_63_a_group_is_removed_from_routes(site):
    site.online("m1", "m2")
    for subject, groups in (("s63.a", ["m1"]), ("s63.b", ["m1", "m2"]), ("s63.c", ["m2"])):
        site.route(subject, *groups)
    last = {"s63.a": "不允许删除主题的最后一个 brokerGroup"}
    alone = site.act("RemoveSubjectBrokerGroup", subject="s63.a", brokerGroup="m1")
    assert alone == {"status": -1, "message": "路由缩减失败", "data": last}
    everywhere = site.act("RemoveSubjectBrokerGroup", subject="*", brokerGroup="m1")
    assert everywhere == {"status": -1, "message": "部分主题路由缩减失败", "data": last}
    assert (site.stored("s63.a"), site.stored("s63.b"), site.stored("s63.c")) == ([('["m1"]', 1)], [('["m2"]', 2)], [('["m2"]', 1)])
    assert site.act("RemoveSubjectBrokerGroup", subject="s63.c", brokerGroup="m1") == {"status": 0, "message": "", "data": {}}


def test_metaserver_64_only_changed_routes_are_counted(site):
    site.online("x1", "x2")
    site.route("s64.a", "x1")
    site.route("s64.b", "x1", "x2")
    words = {"relatedBrokerGroup": "x1", "newBrokerGroup": "x2"}
    assert site.act("ExtendSubjectRoute", relatedSubject="*", **words)["data"] == "成功更新1个subject的路由"
    assert site.act("ExtendSubjectRoute", relatedSubject="s64.a", **words)["data"] == "成功更新0个subject的路由"
    assert site.stored("s64.a") == [('["x1","x2"]', 2)]


def test_metaserver_27_65_marks_are_idempotent_and_act(site):
    site.online("k1", "k2")
    site.route("s65", "k1", "k2")
    wait_until(lambda: site.served("s65") == ["k1", "k2"], 10, "the route")
    for _ in range(2):
        assert site.act("MarkReadonlyBrokerGroup", subject="s65", brokerGroup="k1")["data"] == "success"
    wait_until(lambda: site.served("s65", c.PRODUCER) == ["k2"], 10, "the mark")
    assert site.served("s65") == ["k1", "k2"]
    for _ in range(2):
        assert site.act("UnMarkReadonlyBrokerGroup", subject="s65", brokerGroup="k1")["data"] == "success"
    wait_until(lambda: site.served("s65", c.PRODUCER) == ["k1", "k2"], 10, "no mark")
    site.refused(
        "database failed during save readonly broker group setting", "MarkReadonlyBrokerGroup", subject="*", brokerGroup="k" * 31
    )


def test_metaserver_66_databases_are_added_once(site):
    words = {"type": "mmm", "host": "db66", "port": 3306, "username": "u", "password": "p 'w\\"}
    for _ in range(2):
        assert site.act("AddDb", **words) == {"status": 0, "message": "", "data": "register success"}
    rows = site.sql("SELECT url, user_name, status, room FROM datasource_config WHERE url = 'mmm://db66:3306'")
    assert rows == [["mmm://db66:3306", "u", "0", "default"]]
    assert site.sql("SELECT LENGTH(password) FROM datasource_config WHERE url = 'mmm://db66:3306'") == [["5"]]


def test_metaserver_67_68_offsets_are_reset(site):
    answers = {"code": f.SUCCESS}
    peer = FrameServer(lambda frame, _: frame.answer(answers["code"]))
    try:
        site.online("o1", address=f"{ADDRESS}:{peer.port}")
        site.online("o2", address=f"{ADDRESS}:{free_port()}")
        site.route("s67", "o1")
        site.route("s67.b", "o1", "o2")
        words = {"subject": "s67", "group": "g", "code": 1}
        assert site.act("ResetOffset", **words) == {"status": 0, "message": "", "data": "success"}
        site.refused("reset failed: brokerGroupName=o2", "ResetOffset", **{**words, "subject": "s67.b"})
        answers["code"] = f.BROKER_ERROR
        site.refused("reset failed: brokerGroupName=o1", "ResetOffset", **words)
        site.refused("find no route", "ResetOffset", **{**words, "subject": "none67"})
    finally:
        peer.close()


def test_metaserver_31_to_35_consumers_are_switched(site):
    def say(operation, client, state):
        return site.get(f"/onoffline?operation={operation}&clientId={client}&subject=s33&consumerGroup=g&state={state}")

    def answer(message):
        return f'{{"status":0,"message":"{message}","data":null}}\n'

    assert say("query", "c1", 0) == answer("ON")
    assert [say("update", "c1", 7), say("update", "c1", 1), say("update", "c2", 1), say("update", "*", 1)] == [answer("ok")] * 4
    assert (say("query", "c1", 0), say("query", "*", 0)) == (answer("OFF"), answer("OFF"))
    assert say("update", "c1", 0) == answer("ok")
    assert (say("query", "c1", 0), say("query", "c2", 0)) == (answer("ON"), answer("OFF"))
    assert say("update", "*", 0) == answer("ok")
    assert site.sql("SELECT COUNT(*) FROM client_offline_state WHERE subject_info = 's33'") == [["0"]]


def test_metaserver_53_consumers_are_listed(site):
    site.online("l1")
    for group, client in (("g1", "c1"), ("g2", "c2"), ("g1", "客")):
        site.client.register("s53", group=group, client=client, request=c.ONLINE)
    site.client.register("s53", type=c.PRODUCER, client="p", request=c.ONLINE)

    def listed():
        return [(row["consumerGroup"], row["endPoint"]) for row in json.loads(site.get("/subject/consumers?subject=s53"))["data"]]

    expected = [
        ("g1", ["qmq://c1?room=&appCode=tests", "qmq://客?room=&appCode=tests"]),
        ("g2", ["qmq://c2?room=&appCode=tests"]),
    ]
    wait_until(lambda: sorted(listed()) == expected, 10, "the rows of all consumers")
