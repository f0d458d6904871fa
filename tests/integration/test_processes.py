"""metaserver and broker as processes of their own, put together as an operator does it: AddBroker, then start the broker."""

import pytest
from harness import ADDRESS, free_port, meta_endpoint
from management import Http
from waiting import wait_until

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.message import message


@pytest.fixture
def site(make):
    """(metaserver, its Http, a broker of group bg1 that is not started yet)"""
    metaserver = make("metaserver", {"refresh.period.seconds": "1", "heartbeat.timeout.ms": "3000"}).start()
    http = Http(metaserver.port("meta.server.discover.port"))
    port, sync_port = free_port(), free_port()
    answer = http.add_broker("bg1", "broker-1", ADDRESS, port, sync_port)
    assert answer["status"] == 0, answer
    settings = {"meta.server.endpoint": meta_endpoint(http_port(metaserver)), "broker.port": port, "sync.port": sync_port}
    broker = make("broker", settings, arguments=["--host", "broker-1", "--ip", ADDRESS])
    return metaserver, http, broker


def http_port(metaserver):
    return metaserver.port("meta.server.discover.port")


def state(http, group="bg1"):
    row = http.groups().get(group)
    return row and row["brokerState"]


def route(metaserver, subject):
    with metaserver.client("meta.server.port") as client:
        return client.register(subject, c.PRODUCER).groups


def test_processes_a_message_goes_through(site):
    metaserver, http, broker = site
    assert http.meta_address() == f"{ADDRESS}:{metaserver.port('meta.server.port')}"
    assert state(http) is None
    broker.start()
    row = http.groups()["bg1"]
    assert (row["brokerState"], row["master"], row["kind"]) == ("RW", f"{ADDRESS}:{broker.port('broker.port')}", "NORMAL")
    [found] = wait_until(lambda: route(metaserver, "p.subject"), 5, "a route")
    assert (found.name, found.master, found.state) == ("bg1", row["master"], c.RW)
    with broker.client() as client:
        client.pull("p.subject", "g")
        assert client.send(message("p.subject", "m1")) == []
        assert client.pull("p.subject", "g").ids == ["m1"]
    routes = {one["subject"]: one for one in http.management("ListSubjectRoutes")}
    assert routes["p.subject"]["brokerGroups"] == ["bg1"]
    brokers = http.management("ListBrokers", brokerGroup="bg1")["data"]
    assert brokers == [
        {
            "group": "bg1",
            "role": "MASTER",
            "hostname": "broker-1",
            "ip": ADDRESS,
            "servePort": broker.port("broker.port"),
            "syncPort": broker.port("sync.port"),
        }
    ]


def test_processes_a_clean_stop_takes_the_group_off_line_at_once(site):
    metaserver, http, broker = site
    broker.start()
    wait_until(lambda: route(metaserver, "p.stop"), 5, "a route")
    assert broker.stop() == 0
    assert state(http) == "NRW"
    assert route(metaserver, "p.stop") == []
    broker.start()
    assert state(http) == "RW"
    wait_until(lambda: route(metaserver, "p.stop"), 5, "a route again")


def test_processes_a_killed_broker_turns_nrw_and_comes_back(site):
    metaserver, http, broker = site
    broker.start()
    broker.kill()
    assert state(http) == "RW"
    wait_until(lambda: state(http) == "NRW", 15, "NRW after the time-out")
    broker.start()
    assert state(http) == "RW"


def test_processes_the_broker_goes_on_without_the_metaserver(site):
    metaserver, http, broker = site
    metaserver.settings.update(
        {key: metaserver.port(key) for key in ("meta.server.discover.port", "meta.server.port")}
    )
    broker.start()
    metaserver.kill()
    with broker.client() as client:
        client.pull("p.alone", "g")
        assert client.send(message("p.alone", "m1")) == []
        assert client.pull("p.alone", "g").ids == ["m1"]
    metaserver.start()
    wait_until(lambda: state(http) == "RW" and route(metaserver, "p.alone"), 40, "RW after the metaserver's return")
    assert broker.alive()


def test_processes_a_restarted_metaserver_remembers(site):
    metaserver, http, broker = site
    broker.start()
    wait_until(lambda: route(metaserver, "p.remember"), 5, "a route")
    metaserver.restart("kill")
    http = Http(http_port(metaserver))
    assert [one["subject"] for one in http.management("ListSubjectRoutes")] == ["p.remember"]
    assert [one["hostname"] for one in http.management("ListBrokers")["data"]] == ["broker-1"]
    with metaserver.client("meta.server.port") as client:
        code, answer = client.acquire_meta("broker-1", broker.port("broker.port"))
        assert (code, answer) == (f.SUCCESS, c.AcquireMetaAnswer("bg1", "", c.MASTER))


def test_processes_add_broker_messages(site):
    _, http, _ = site
    good = {"brokerGroup": "bg2", "role": 0, "hostname": "h", "ip": "10.0.0.1", "servePort": 1, "syncPort": 2}
    cases = [
        ({"role": "x"}, 'add broker failed, caused by: For input string: "x"'),
        ({"role": 99}, "add broker failed, caused by: Unknown broker role code 99"),
        ({"servePort": "y"}, 'add broker failed, caused by: For input string: "y"'),
        ({"syncPort": ""}, 'add broker failed, caused by: For input string: ""'),
        ({"brokerGroup": ""}, "please provide broker group name"),
        ({"role": 2}, "invalid broker role code 2"),
        ({"hostname": ""}, "please provide broker hostname"),
        ({"ip": ""}, "please provide broker ip"),
        ({"servePort": 0}, "serve port and sync port should valid and should be different port"),
        ({"syncPort": 1}, "serve port and sync port should valid and should be different port"),
        ({"ip": "bogus"}, "add broker failed, caused by: invalid ip bogus"),
    ]
    for change, text in cases:
        answer = http.management("AddBroker", http.token, **{**good, **change})
        assert answer == {"status": -1, "message": text, "data": None}
    assert http.management("AddBroker", http.token, **good)["status"] == 0
    again = http.management("AddBroker", http.token, **good)
    assert again["message"].startswith("The brokerGroup: bg2 with role: MASTER already exists")
    taken = http.management("AddBroker", http.token, **{**good, "brokerGroup": "bg3"})
    assert taken["message"] == "broker group's role already exist or broker already added"


def test_processes_management_without_action(site):
    metaserver, http, _ = site
    assert http.post("/management") == (200, "need provide action param\n")
    assert http.post("/management", {"action": "Bogus"}) == (200, "不支持的 action: Bogus\n")
    assert http.get("/management")[0] == 405
    assert http.get("/nowhere")[0] == 404
