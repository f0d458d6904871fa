"""Design decision 10: each of the seven mistakes is made with real processes. The broker says which one it is, with the value used, the
value registered and what mends it; tools Doctor says the same from outside; the metaserver tells and counts the refusal; and the command
that is proposed mends it."""

import re
import socket

import pytest
from harness import ADDRESS, TOKEN, free_port, meta_endpoint
from management import Database, Http
from peers import FakeMetaserver
from tools import Tools
from waiting import wait_until

from qmqpy import commands as c

UNREACHABLE = 3


class Site:
    """A metaserver of one test, and brokers that start or say why they do not."""

    def __init__(self, make, start, tree):
        self.make = make
        self.metaserver = start("metaserver")
        self.port = self.metaserver.port("meta.server.discover.port")
        self.name = f"{ADDRESS}:{self.port}"
        self.http = Http(self.port)
        self.tools = Tools(tree, self.name)

    def broker(self, host="host-a", ip=ADDRESS, settings=None, arguments=()):
        values = {"broker.port": free_port(), "sync.port": free_port(), "meta.server.endpoint": meta_endpoint(self.port)}
        values.update(settings or {})
        return self.make("broker", values, arguments=["--host", host, "--ip", ip, *arguments])

    def doctor(self, broker, host="host-a", ip=ADDRESS):
        return self.tools.run(
            "Doctor",
            f"--hostname={host}",
            f"--ip={ip}",
            f"--servePort={broker.settings['broker.port']}",
            f"--syncPort={broker.settings['sync.port']}",
            f"--endpoint={broker.settings['meta.server.endpoint']}",
        )

    def log(self):
        return self.metaserver.output()

    def count(self, reason):
        status, text = Http(self.metaserver.port("monitor.port")).get("/metrics")
        assert status == 200
        found = re.search(rf'^brokerAcquireMetaRefused\{{reason="{reason}",?\}} (\d+)', text, re.M)
        return int(found.group(1)) if found else 0


@pytest.fixture
def site(make, start, tree):
    return Site(make, start, tree)


def refused(broker, *words):
    """The line of a broker that does not start."""
    broker.launch()
    assert broker.wait_exit(20) == UNREACHABLE, broker.tail()
    said = broker.output()
    for word in words:
        assert str(word) in said, f"{word} is missing in: {said}"
    return said


def told(answer, *words):
    assert answer.returncode == 1, answer
    for word in words:
        assert str(word) in answer.stdout, f"{word} is missing in: {answer.stdout}"


def command_in(text, action):
    return re.search(rf"bin/tools\.sh {action} (?:--\S+ ?)+", text).group(0).strip()


def log_lines(broker, text, seconds=10):
    wait_until(lambda: text in broker.output(), seconds, f"{text!r} in the broker's log")
    return [line for line in broker.output().splitlines() if text in line]


def test_mistake_1_never_registered(site):
    broker = site.broker()
    port, sync = broker.settings["broker.port"], broker.settings["sync.port"]
    words = ("host name host-a", "--host", f"port {port}", "AddBroker was not run")
    told(site.doctor(broker), "mistake 1 (not registered)", *words[:1], *words[2:])
    said = refused(broker, *words)
    add = command_in(said, "AddBroker")
    assert f"--metaserver={site.name} --token=<token>" in add
    assert f"--role=0 --hostname=host-a --ip={ADDRESS} --servePort={port} --syncPort={sync}" in add
    assert f"of host host-a port {port} from {ADDRESS}" in site.log()
    assert "is refused: it is not registered" in site.log()
    assert site.count("it is not registered") == 2  # Doctor asked too
    assert site.tools.line(add).returncode == 0
    broker.start()
    answer = site.doctor(broker)
    assert (answer.returncode, answer.stdout.splitlines()[-1]) == (0, "no mistake found"), answer


def test_mistake_2_another_host_name(site):
    broker = site.broker("renamed")
    port, sync = broker.settings["broker.port"], broker.settings["sync.port"]
    assert site.http.add_broker("g1", "host-old", ADDRESS, port, sync)["status"] == 0
    words = ("host name renamed", "the host name differs", "registered is host name host-old", f"port {port}", "group g1, MASTER")
    told(site.doctor(broker, "renamed"), "mistake 2 (host name)", *words)
    said = refused(broker, *words, "bin/broker.sh start --host host-old", "/etc/hosts", "bin/broker-env.sh")
    assert f"is refused: the host name differs: registered is host host-old port {port}" in site.log()
    assert site.count("the host name differs") == 2
    assert site.tools.line(command_in(said, "ReplaceBroker")).returncode == 0
    broker.start()


def test_mistake_2_the_registered_name_as_an_option(site):
    broker = site.broker("renamed")
    assert site.http.add_broker("g1", "host-old", ADDRESS, broker.settings["broker.port"], broker.settings["sync.port"])["status"] == 0
    name = re.search(r"--host (\S+)", refused(broker).split("Start it under")[1]).group(1)
    broker.arguments = ["--host", name, "--ip", ADDRESS]
    broker.start()


def test_mistake_3_another_port(site):
    broker = site.broker()
    broker.settings.pop("broker.port")
    broker.conf("broker.properties", f"# ours\nbroker.port={(port := free_port())}\n")
    sync, other = broker.settings["sync.port"], free_port()
    assert site.http.add_broker("g1", "host-a", ADDRESS, other, sync)["status"] == 0
    words = (f"port {port}", "the port differs", f"registered is host name host-a, port {other}", "group g1, MASTER")
    said = refused(broker, *words, "broker.properties:2", f"Set broker.port={other} in conf/broker.properties")
    broker.settings["broker.port"] = port
    told(site.doctor(broker), "mistake 3 (port)", *words)
    assert f"of host host-a port {port}" in site.log() and "the port differs: registered is host host-a" in site.log()
    assert site.tools.line(command_in(said, "ReplaceBroker")).returncode == 0
    broker.start()


def test_mistake_3_another_sync_port(site):
    broker = site.broker()
    port, sync, other = broker.settings["broker.port"], broker.settings["sync.port"], free_port()
    assert site.http.add_broker("g1", "host-a", ADDRESS, port, other)["status"] == 0
    broker.start()
    words = (f"sync.port is {sync}", f"registered is {other}", f"Set sync.port={other} in conf/broker.properties")
    line = log_lines(broker, "the sync port differs")[0]
    for word in words:
        assert word in line
    told(site.doctor(broker), "mistake 3 (port)", *words)
    assert site.tools.line(command_in(line, "ReplaceBroker")).returncode == 0
    assert site.doctor(broker).returncode == 0


def test_mistake_4_the_group_of_another_pair(site):
    own = {"broker.group": "orders", "broker.token": TOKEN}
    first = site.broker("host-a", settings=own).start()
    second = site.broker("host-b", settings=own)
    refused(second, "The brokerGroup: orders with role: MASTER is used by host host-a", first.settings["broker.port"], "broker.group")
    second.settings["broker.group"] = "orders2"
    second.start()
    answer = site.http.add_broker("orders", "host-c", ADDRESS, free_port(), free_port())
    assert answer["message"].startswith("The brokerGroup: orders with role: MASTER already exists")


def test_mistake_4_two_brokers_of_one_host_name_and_one_group(site):
    own = {"broker.group": "orders", "broker.token": TOKEN}
    first = site.broker("host-a", settings=own).start()
    second = site.broker("host-a", settings=own)
    refused(second, "The brokerGroup: orders with role: MASTER is used by host host-a", first.settings["broker.port"], "has the same host name", "broker.group")
    first.kill()  # it is on line in the database for a while yet, but nobody is there
    second.start()


def test_mistake_4_a_group_of_both_kinds(site):
    broker = site.broker()
    assert site.http.add_broker("mixed", "host-a", ADDRESS, broker.settings["broker.port"], broker.settings["sync.port"])["status"] == 0
    refusal = site.http.add_broker("mixed", "host-d", ADDRESS, free_port(), free_port(), c.DELAY_MASTER)
    assert "The brokerGroup: mixed holds brokers of kind NORMAL" in refusal["message"]
    # a database of the original may hold such rows
    database = Database(site.metaserver.home)
    database.execute(
        "INSERT INTO broker (group_name, hostname, ip, role, serve_port, sync_port) VALUES ('mixed', 'host-d', 2130706433, 5, 20801, 20802)"
    )
    broker.start()
    line = log_lines(broker, "group mixed is shared by a real-time broker and a delay server")[0]
    for word in ("host name host-a", "host name host-d, port 20801", "MASTER", "DELAY_MASTER", "bin/tools.sh ReplaceBroker", "AddBroker"):
        assert word in line
    told(site.doctor(broker), "mistake 4 (group)", "group mixed is shared")


def test_mistake_4_a_group_that_was_of_the_other_kind(site):
    broker = site.broker()
    database = Database(site.metaserver.home)
    database.execute("INSERT INTO broker_group (group_name, kind, master_address, broker_state) VALUES ('was', 2, '127.0.0.1:1', 4)")
    assert site.http.add_broker("was", "host-a", ADDRESS, broker.settings["broker.port"], broker.settings["sync.port"])["status"] == 0
    broker.start()
    line = log_lines(broker, "group was was first used by a delay server")[0]
    assert "host name host-a" in line and "another group name" in line
    told(site.doctor(broker), "mistake 4 (group)")


def test_mistake_5_a_loopback_address_among_remote_peers(site):
    broker = site.broker()
    port, sync = broker.settings["broker.port"], broker.settings["sync.port"]
    assert site.http.add_broker("g1", "host-a", ADDRESS, port, sync)["status"] == 0
    assert site.http.add_broker("g2", "host-b", "10.0.0.9", 20881, 20882)["status"] == 0
    broker.start()
    line = log_lines(broker, f"ip {ADDRESS} is registered for host name host-a")[0]
    for word in ("host-b at 10.0.0.9", "bin/tools.sh ReplaceBroker", "--hostname=host-a"):
        assert word in line
    told(site.doctor(broker), "mistake 5 (address)", f"ip {ADDRESS} is registered for host name host-a")


def test_mistake_5_a_loopback_address_that_clients_are_told(site):
    broker = site.broker()
    port, sync = broker.settings["broker.port"], broker.settings["sync.port"]
    assert site.http.add_broker("g1", "host-a", "10.0.0.7", port, sync)["status"] == 0
    broker.start()
    line = log_lines(broker, f"this broker tells clients the ip {ADDRESS}")[0]
    for word in ("registered is 10.0.0.7", "--ip 10.0.0.7", "bin/broker-env.sh", "listen.address"):
        assert word in line
    told(site.doctor(broker), "mistake 5 (address)", f"tells clients the ip {ADDRESS}", f"10.0.0.7:{port} is registered for it")


def test_mistake_5_an_address_that_cannot_be_reached(site):
    port = free_port()
    assert site.http.add_broker("g1", "host-a", ADDRESS, port, free_port())["status"] == 0
    with site.metaserver.client("meta.server.port") as client:
        assert client.broker_register(c.REGISTER_ONLINE, "g1", f"{ADDRESS}:{port}") == 0
    told(site.tools.run("Doctor"), "mistake 5 (address)", f"its address {ADDRESS}:{port}", "cannot be connected")


def test_mistake_6_the_tcp_port_as_endpoint(site):
    tcp = site.metaserver.port("meta.server.port")
    broker = site.broker(settings={"meta.server.endpoint": meta_endpoint(tcp)})
    words = (meta_endpoint(tcp), "is not the HTTP management port", "speaks the QMQ protocol", "conf/broker.properties", "8080")
    refused(broker, *words)
    told(site.doctor(broker), "mistake 6 (endpoint)", *words)


@pytest.mark.parametrize("path", ["", "/", "/meta", "/meta/address/", "/management"])
def test_mistake_6_the_path_is_missing(site, path):
    endpoint = f"http://{site.name}{path}"
    broker = site.broker(settings={"meta.server.endpoint": endpoint})
    remedy = f"set meta.server.endpoint=http://{site.name}/meta/address in conf/broker.properties"
    said = refused(broker, f"meta.server.endpoint {endpoint}", "answers HTTP status", remedy)
    told(site.doctor(broker), "mistake 6 (endpoint)", remedy)
    broker.settings["meta.server.endpoint"] = re.search(r"set meta\.server\.endpoint=(\S+)", said).group(1)
    refused(broker, "AddBroker was not run")


def test_mistake_6_somebody_else_answers(site):
    fake = FakeMetaserver()
    try:
        fake.address_body = "<html>hello</html>"
        broker = site.broker(settings={"meta.server.endpoint": fake.endpoint})
        words = (fake.endpoint, "answers something that is no host:port: <html>hello</html>")
        refused(broker, *words)
        told(site.doctor(broker), "mistake 6 (endpoint)", *words)
    finally:
        fake.close()


def test_mistake_6_nobody_answers(site):
    with socket.socket() as taken:
        taken.bind((ADDRESS, 0))  # not listening
        endpoint = meta_endpoint(taken.getsockname()[1])
        broker = site.broker(settings={"meta.server.endpoint": endpoint})
        refused(broker, f"meta.server.endpoint {endpoint}", "cannot be reached", "see that the metaserver runs")
        answer = site.doctor(broker)
        assert answer.returncode == 3 and "mistake 6 (endpoint)" in answer.stdout


def test_mistake_7_a_role_of_the_other_kind(site):
    broker = site.broker()
    port = broker.settings["broker.port"]
    assert site.http.add_broker("delays", "host-a", ADDRESS, port, broker.settings["sync.port"], c.DELAY_MASTER)["status"] == 0
    words = ("host name host-a", f"port {port}", "registered in group delays with role 5 (DELAY_MASTER)", "this broker cannot take")
    refused(broker, *words, "bin/tools.sh ReplaceBroker", "bin/tools.sh AddBroker")
    told(site.doctor(broker), "mistake 7 (clock, version or role)", *words)


def test_mistake_7_a_clock_that_is_off(site):
    """The scripted metaserver's answers are dated long ago."""
    fake = FakeMetaserver(acquire=c.AcquireMetaAnswer("g1", "", c.MASTER))
    fake.date = "Mon, 01 Jan 2024 00:00:00 GMT"
    try:
        broker = site.broker(settings={"meta.server.endpoint": fake.endpoint}).start()
        line = log_lines(broker, "the clock of this machine is")[0]
        assert "ahead of that of the metaserver" in line and "date -u" in line
        told(site.doctor(broker), "mistake 7 (clock, version or role)", "the clock of this machine")
    finally:
        fake.close()


def test_mistake_7_a_metaserver_of_another_version(site):
    fake = FakeMetaserver(acquire=3)
    try:
        broker = site.broker(settings={"meta.server.endpoint": fake.endpoint})
        refused(broker, "answers BROKER_ACQUIRE_META with code 3", "version", fake.port)
    finally:
        fake.close()


def test_self_registration_needs_a_good_token(site):
    broker = site.broker(settings={"broker.group": "orders", "broker.token": "guess"})
    refused(broker, "broker.token", "valid-api-tokens.properties", "orders", "Token")


def test_self_registration_follows_host_and_port(site):
    """Design decisions 9 and 30: inserted once, then the row of (group, role) moves along; nothing without broker.group."""
    own = {"broker.group": "orders", "broker.token": TOKEN}
    broker = site.broker(settings=own).start()
    row = site.http.management("ListBrokers")["data"]
    assert row == [
        {
            "group": "orders",
            "role": "MASTER",
            "hostname": "host-a",
            "ip": ADDRESS,
            "servePort": broker.settings["broker.port"],
            "syncPort": broker.settings["sync.port"],
        }
    ]
    broker.kill()
    broker.settings.update({"broker.port": free_port(), "sync.port": free_port()})
    broker.start()
    moved = site.http.management("ListBrokers")["data"]
    assert [b["servePort"] for b in moved] == [broker.settings["broker.port"]]
    assert site.http.groups()["orders"]["master"] == f"{ADDRESS}:{broker.settings['broker.port']}"
    assert broker.stop() == 0
    refused(site.broker("host-b"), "AddBroker was not run")
    assert site.http.management("ListBrokers")["data"] == moved


def test_doctor_reads_the_configuration_of_a_server(site):
    """Before its first start: everything comes from the home of the server, with file and line."""
    broker = site.broker()
    port = free_port()
    text = f"meta.server.endpoint={meta_endpoint(site.port)}\nbroker.port={port}\nsync.port={free_port()}\nbroker.ip={ADDRESS}\n"
    file = broker.conf("broker.properties", text)
    words = (f"--home={broker.home}", "--hostname=host-a")
    answer = site.tools.run("Doctor", *words)
    told(answer, "mistake 1 (not registered)", f"port {port} ({file}:2)")
    assert site.tools.line(command_in(answer.stdout, "AddBroker")).returncode == 0
    answer = site.tools.run("Doctor", *words)
    assert answer.returncode == 0 and "host name host-a" in answer.stdout and "is registered as MASTER of group group1" in answer.stdout
    file.write_text(f"broker.port={port}\n")
    nothing = Tools(site.tools.program.parents[1]).run("Doctor", *words)
    told(nothing, "mistake 6 (endpoint)", f"meta.server.endpoint has no value in {file}")
    missing = site.tools.run("Doctor", f"--home={broker.home}/none")
    assert missing.returncode == 2 and "none/conf/broker.properties" in missing.stderr
