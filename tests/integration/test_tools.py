"""bin/tools.sh against a real metaserver and broker: metaserver_76 to 80, tables on a terminal, Ctrl+C, completion."""

import json
import os
import pty
import re
import signal
import shutil
import socket
import subprocess

import pytest
from harness import ADDRESS, TOKEN, Server, free_port, meta_endpoint
from management import Database
from mariadb import MariaDb, why_not
from tools import Tools
from waiting import wait_until

from qmqpy import commands as c

SETTINGS = {"refresh.period.seconds": "1", "min.group.num": "1"}


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def shared_metaserver(request, tree):
    """One a database, for all tests of this file; its `sql` gives rows as lists of texts."""
    instances = request.config.qmq_instances
    owner = f"{request.node.nodeid}[{request.param}]"
    home = instances.new_home(f"tools-{request.param}")
    database, settings = None, dict(SETTINGS)
    if request.param == "mariadb":
        if why_not() is not None:
            pytest.skip(why_not())
        database = MariaDb(instances.new_home("tools-mariadb-data")).start()
        settings.update(database.settings())
    server = instances.add(owner, Server(tree, home, "metaserver", settings))
    server.sql = database.sql if database else lambda text: [[str(v) for v in row] for row in Database(home).execute(text)]
    yield server
    instances.release(owner)
    if database:
        database.kill()
        shutil.rmtree(database.directory, ignore_errors=True)


@pytest.fixture
def tools(tree, metaserver):
    return Tools(tree, f"{ADDRESS}:{metaserver.port('meta.server.discover.port')}")


def data(answer, code=0):
    assert answer.returncode == code, answer
    assert answer.stderr == ""
    return json.loads(answer.stdout)


def add_broker(tools, group, host, role=0, port=20881, command="AddBroker", ip="10.0.0.1"):
    return tools.run(
        command,
        f"--brokerGroup={group}",
        f"--role={role}",
        f"--hostname={host}",
        f"--ip={ip}",
        f"--servePort={port}",
        "--syncPort=20882",
        f"--token={TOKEN}",
    )


def test_metaserver_76_brokers_are_added_listed_replaced_and_swapped(tools):
    added = add_broker(tools, "t1", "t1-a")
    row = '{"group":"t1","role":"MASTER","hostname":"t1-a","ip":"10.0.0.1","servePort":20881,"syncPort":20882}'
    assert added.stdout == '{"status":0,"message":"","data":' + row + "}\n"
    again = data(add_broker(tools, "t1", "t1-b"), 1)
    assert again["message"] == "The brokerGroup: t1 with role: MASTER already exists, you need use other brokerGroup name"
    assert data(add_broker(tools, "t1", "t1-b", role=1))["data"]["role"] == "SLAVE"
    old = data(add_broker(tools, "t1", "t1-c", command="ReplaceBroker"))
    assert old["data"] == json.loads(row)
    swapped = data(tools.run("SwapBroker", "--brokerGroup=t1", f"--token={TOKEN}"))["data"]
    assert [(b["role"], b["hostname"]) for b in swapped] == [("MASTER", "t1-b"), ("SLAVE", "t1-c")]
    listed = data(tools.run("ListBrokers", "--brokerGroup", "t1"))["data"]
    assert sorted(listed, key=lambda b: b["role"]) == swapped
    assert data(tools.run("ListBrokers", "--brokerGroup=nobody")) == {"status": 0, "message": "", "data": []}


def test_a_route_that_will_be_made_longer_again_is_told_beside_the_answer(tree, start):
    server = start("metaserver", {"min.group.num": "2"})
    tools = Tools(tree, f"{ADDRESS}:{server.port('meta.server.discover.port')}")
    with server.client("meta.server.port") as meta:
        for group in ("w1", "w2"):
            assert meta.broker_register(c.REGISTER_ONLINE, group, f"{ADDRESS}:1") == 0
        assert len(meta.register("warned").groups) == 2
        answer = tools.run("RemoveSubjectBrokerGroup", "--subject=warned", "--brokerGroup=w1", f"--token={TOKEN}")
        assert answer.stdout == '{"status":0,"message":"","data":{}}\n'
        assert answer.stderr.startswith("Warning: 1 of the subjects have fewer than min.group.num=2 broker groups now;") and "w1" in answer.stderr
        assert answer.returncode == 0
        assert len(meta.register("warned").groups) == 2


def test_metaserver_76_routes_are_shown_extended_and_reduced(tools, meta, subject):
    for group in ("t2a", "t2b"):
        assert meta.broker_register(c.REGISTER_ONLINE, group, f"{ADDRESS}:1") == 0
    assert [g["brokerState"] for g in data(tools.run("ListBrokerGroups")) if g["groupName"] in ("t2a", "t2b")] == ["RW", "RW"]
    tagged = data(tools.run("AddNewSubject", f"--subject={subject}.tagged", "--tag=t", f"--token={TOKEN}"))
    assert tagged["data"]["tag"] == "t"
    assert meta.register(subject).groups != []
    route = data(tools.run("QuerySubjectRoute", f"--subject={subject}"))["data"]
    assert route in data(tools.run("ListSubjectRoutes"))
    have = route["brokerGroups"][0]
    other = "t2b" if have != "t2b" else "t2a"
    longer = data(tools.run("AddSubjectBrokerGroup", f"--subject={subject}", f"--brokerGroup={other}", f"--token={TOKEN}"))
    assert (longer["brokerGroups"], longer["version"]) == ([have, other], 2)
    assert data(tools.run("RemoveSubjectBrokerGroup", f"--subject={subject}", f"--brokerGroup={have}", f"--token={TOKEN}"))["data"] == {}
    last = data(tools.run("RemoveSubjectBrokerGroup", f"--subject={subject}", f"--brokerGroup={other}", f"--token={TOKEN}"), 1)
    assert last["data"] == {subject: "不允许删除主题的最后一个 brokerGroup"}
    words = (f"--relatedSubject={subject}", f"--relatedBrokerGroup={other}", f"--newBrokerGroup={have}", f"--token={TOKEN}")
    assert data(tools.run("ExtendSubjectRoute", *words))["data"] == "成功更新1个subject的路由"
    assert sorted(g.name for g in meta.register(subject).groups) == sorted([have, other])


def test_metaserver_79_values_arrive_unchanged(tools, metaserver):
    for value in ("a b", "a&b=c", "100%", "组 名", "*", "'\"$x`", "-x"):
        answer = tools.run("MarkReadonly", f"--brokerGroup={value}", f"--subject={value}", f"--token={TOKEN}", cwd="/")
        assert data(answer)["data"] == "success"
        quoted = "'" + value.replace("'", "''") + "'"
        of_it = f"WHERE subject = {quoted} AND broker_group = {quoted}"
        assert metaserver.sql(f"SELECT COUNT(*) FROM readonly_broker_group_setting {of_it}") == [["1"]]
        assert data(tools.run("UnMarkReadonly", f"--brokerGroup={value}", f"--subject={value}", f"--token={TOKEN}"))["data"] == "success"
    assert metaserver.sql("SELECT COUNT(*) FROM readonly_broker_group_setting") == [["0"]]


def test_metaserver_66_76_databases_are_added(tools, metaserver):
    words = ("--host=db1", "--port=3306", "--username=u", "--password=p w", f"--token={TOKEN}")
    assert data(tools.run("AddDb", *words))["data"] == "register success"
    row = metaserver.sql("SELECT url, user_name, password, room, status FROM datasource_config")
    assert row == [["mmm://db1:3306", "u", "p w", "default", "0"]]


def test_metaserver_67_78_offsets_are_reset_through_a_real_broker(make, start, tree):
    metaserver = start("metaserver", {"min.group.num": "1"})
    port = metaserver.port("meta.server.discover.port")
    own = {"broker.port": free_port(), "sync.port": free_port(), "broker.group": "g", "broker.token": TOKEN}
    broker = make("broker", {"meta.server.endpoint": meta_endpoint(port), **own}, arguments=["--ip", ADDRESS]).start()
    tools = Tools(tree, f"{ADDRESS}:{port}")
    with metaserver.client("meta.server.port") as client:
        assert [g.name for g in client.register("reset.me").groups] == ["g"]
    words = ("ResetOffset", "--subject=reset.me", "--group=c1", f"--token={TOKEN}")
    assert data(tools.run(*words, "--action=2"))["data"] == "success"
    assert data(tools.run(*words, "--action=3"), 1)["message"] == "action must 1 or 2, LATEST=1, EARLIEST=2"
    broker.kill()
    assert data(tools.run(*words, "--action=1"), 1)["message"] == "reset failed: brokerGroupName=g"


def test_metaserver_80_refused_connections_and_wrong_usage(tree, tools):
    nobody = Tools(tree, f"{ADDRESS}:{free_port()}").run("ListBrokers")
    assert (nobody.returncode, nobody.stdout) == (3, "")
    assert nobody.stderr.startswith("send request meta server failed") and nobody.stderr.count("\n") == 1
    usage = tools.run("ListBroker")
    assert (usage.returncode, usage.stdout) == (2, "") and "ListBrokers" in usage.stderr
    token = data(tools.run("AddDb", "--host=h", "--port=1", "--username=u", "--password=p", "--token=wrong"), 1)
    assert token["message"] == "没有提供合法的 Api Token"


def test_tools_explains_itself(tools):
    for words in ([], ["--help"], ["-h"], ["AddBroker", "--help"], ["Doctor", "--help"], ["--version"]):
        answer = tools.run(*words)
        assert answer.returncode == 0 and answer.stderr == "" and answer.stdout != "", words


def on_a_terminal(tools, *words):
    """What a person sees, without the carriage returns of the terminal."""
    ours, theirs = pty.openpty()
    environment = dict(os.environ, QMQ_METASERVER=tools.metaserver)
    process = subprocess.Popen([tools.program, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 65536):
            seen += piece
    except OSError:
        pass  # the terminal is closed
    os.close(ours)
    return process.wait(10), seen.decode().replace("\r\n", "\n")


def test_tools_shows_tables_on_a_terminal(tools):
    add_broker(tools, "t9", "t9-a")
    code, seen = on_a_terminal(tools, "ListBrokers", "--brokerGroup=t9")
    assert code == 0
    assert seen.splitlines() == [
        "group  role    hostname  ip        servePort  syncPort",
        "t9     MASTER  t9-a      10.0.0.1  20881      20882",
    ]
    code, seen = on_a_terminal(tools, "ListBrokers", "--brokerGroup=t9", "--raw")
    assert code == 0 and json.loads(seen)["data"][0]["group"] == "t9"
    code, seen = on_a_terminal(tools, "SwapBroker", "--brokerGroup=t9", f"--token={TOKEN}")
    assert (code, seen) == (1, "the metaserver refuses: brokerGroup t9 has no slave to swap\n")


def test_tools_is_ended_by_ctrl_c(tree):
    with socket.create_server((ADDRESS, 0)) as silent:  # takes the connection and never answers
        environment = dict(os.environ, QMQ_METASERVER=f"{ADDRESS}:{silent.getsockname()[1]}")
        process = subprocess.Popen(
            [tree / "bin" / "tools.sh", "ListSubjectRoutes"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        peer, _ = silent.accept()
        with peer:
            wait_until(lambda: peer.recv(65536), 10, "the request")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (130, "")
    assert err.startswith("tools: interrupted") and err.count("\n") == 1


def complete(tree, *words):
    """What bash offers for the last word."""
    script = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        'case "$1" in *tools.sh) _qmq_tools;; *qmq.sh) _qmq_qmq;; *store.sh) _qmq_store;; *) _qmq_server;; esac; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    file = tree / "share" / "bash-completion" / "completions" / "qmq"
    answer = subprocess.run(["bash", "-c", script, "bash", file, *words], capture_output=True, text=True, check=True)
    assert answer.stderr == ""
    return answer.stdout.split()


def test_bash_completes_commands_and_options(tree):
    tools = str(tree / "bin" / "tools.sh")
    assert complete(tree, tools, "ListB") == ["ListBrokers", "ListBrokerGroups"]
    assert "--brokerGroup=" in complete(tree, tools, "AddBroker", "--")
    assert complete(tree, tools, "ResetOffset", "--a") == ["--action="]
    assert complete(tree, str(tree / "bin" / "broker.sh"), "st") == ["start", "start-foreground", "stop", "status"]
    qmq = str(tree / "bin" / "qmq.sh")
    assert "consume" in complete(tree, qmq, "")
    assert complete(tree, qmq, "consume", "--gr") == ["--group"]
    assert complete(tree, qmq, "send", "--gr") == []
    assert complete(tree, str(tree / "bin" / "store.sh"), "repair", "--what", "ta") == ["tail", "tablets"]
