"""docs/operations.md is true: its examples print what it shows, it names every command and every key."""

import re
import subprocess
from pathlib import Path

from harness import ADDRESS, TOKEN
from peers import FrameServer
from tools import Tools

from qmqpy import commands as c
from qmqpy import frame as f

SOURCE = Path(__file__).resolve().parents[2]
MANUAL = (SOURCE / "docs" / "operations.md").read_text("utf-8")


def examples():
    """[(command line, what it prints)] in the order of the manual."""
    section = MANUAL.split("<!-- examples:")[1].split("<!-- examples end -->")[0]
    found = []
    for block in re.findall(r"^```\n(.*?)^```$", section, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return [(command, "\n".join(lines)) for command, lines in found]


class Cluster:
    """The metaserver and the two brokers that the examples are about; the manual's ports stand for those they have."""

    def __init__(self, metaserver):
        self.metaserver = metaserver
        self.brokers = [FrameServer(self.answer)]
        self.brokers.append(FrameServer(self.answer, self.brokers[0].port, "127.0.0.3"))
        self.ports = {
            "8080": str(metaserver.port("meta.server.discover.port")),
            "20880": str(metaserver.port("meta.server.port")),
            "20881": str(self.brokers[0].port),
        }

    @staticmethod
    def answer(frame, _):
        return frame.answer(f.SUCCESS if frame.code == f.CONSUME_MANAGE else f.UNKNOWN_CODE)

    def go_online(self):
        """Both groups on line, and a consumer: what the manual shows behind the commands about brokers."""
        with self.metaserver.client("meta.server.port") as client:
            assert client.broker_register(c.REGISTER_ONLINE, "orders1", f"{ADDRESS}:{self.brokers[0].port}") == f.SUCCESS
            answer = client.register("order.paid", group="billing", client="shop1@@5f3c", request=c.ONLINE, clientLDC="bj")
            assert [group.name for group in answer.groups] == ["orders1"]
            assert client.broker_register(c.REGISTER_ONLINE, "orders2", f"127.0.0.3:{self.brokers[1].port}") == f.SUCCESS

    def to_run(self, text):
        return re.sub(r"\b(8080|20880|20881)\b", lambda found: self.ports[found.group()], text)

    def to_manual(self, text):
        back = {port: shown for shown, port in self.ports.items()}
        text = re.sub(r"\b\d{4,5}\b", lambda found: back.get(found.group(), found.group()), text)
        return re.sub(r'"updateTime":\d{13}', '"updateTime":1700000000000', text).rstrip("\n")

    def close(self):
        for broker in self.brokers:
            broker.close()


def test_metaserver_76_the_manuals_examples_print_what_it_shows(start, tree):
    cluster = Cluster(start("metaserver", {"min.group.num": "1"}))
    tools = Tools(tree, cluster.to_run(f"{ADDRESS}:8080"))
    online = False
    try:
        for command, shown in examples():
            if not online and "Broker " not in command and "ListBrokers" not in command:
                cluster.go_online()
                online = True
            answer = tools.line(cluster.to_run(command), TOKEN)
            assert cluster.to_manual(answer.stdout) == shown, command
            assert answer.stderr == "", command
    finally:
        cluster.close()


def test_the_manual_has_every_command(tree):
    names = re.findall(r"^  ([A-Z]\w+) ", Tools(tree).run("--help").stdout, re.M)
    assert len(names) >= 18
    for name in names:
        assert f"**{name}**" in MANUAL and f"$ bin/tools.sh {name}" in MANUAL, name


def test_the_manual_has_every_key(tree):
    answer = subprocess.run([SOURCE / "scripts" / "keys.sh", "--check", tree], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
