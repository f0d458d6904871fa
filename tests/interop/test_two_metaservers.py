"""Two metaservers on one MariaDB behind a load balancer, a broker, and the official Java client that moves between them."""

import pytest
from balancer import Balancer
from harness import free_port
from java_client import JavaClient, why_not
from management import Http
from waiting import wait_until

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

SUBJECT = "interop.moving"
ROUND = 1000


@pytest.fixture
def site(make, mariadb):
    """(metaservers, balancer, broker)"""
    settings = {"refresh.period.seconds": "1", "min.group.num": "1", **mariadb.settings(f"{mariadb.url}?connectTimeout=1000&socketTimeout=2000")}
    metaservers = [make("metaserver", settings).start() for _ in range(2)]
    for server in metaservers:
        # Fixed ports: a restarted one is found where it was.
        for key in ("meta.server.discover.port", "meta.server.port"):
            server.settings[key] = str(server.port(key))
    balancer = Balancer(server.port("meta.server.discover.port") for server in metaservers)
    broker = make("broker", {"meta.server.endpoint": f"http://127.0.0.1:{balancer.port}/meta/address"}, arguments=["--host", "site-broker", "--ip", "127.0.0.1"])
    broker.settings["broker.port"], broker.settings["sync.port"] = str(free_port()), str(free_port())
    Http(metaservers[0].port("meta.server.discover.port")).add_broker("g1", "site-broker", "127.0.0.1", broker.settings["broker.port"], broker.settings["sync.port"])
    broker.start()
    for server in metaservers:
        knows_the_group(server)
    yield metaservers, balancer, broker
    balancer.close()


def knows_the_group(server):
    """A Java client that is told of no group asks again after a minute."""
    with server.client("meta.server.port") as meta:
        wait_until(lambda: meta.register(f"{SUBJECT}.probe", group="g", client="probe").groups, 20, "a metaserver that knows the broker's group")


def numbers(client, name):
    return {int(words[1]) for words in client.events["got"] if words[0] == name}


def test_java_client_between_two_metaservers_of_which_one_is_killed(site):
    metaservers, balancer, broker = site
    client = JavaClient(balancer.port, broker.home, "moving")
    try:
        client.say("consume", "all", SUBJECT, "g.all", "-", 0)
        client.wait(lambda events: ["all"] in events["ready"], 30, "the subscription")
        number = [-1]

        def warm():
            client.say("produce", SUBJECT, number[0], 1)
            number[0] -= 1
            return numbers(client, "all")

        wait_until(warm, 60, "the first message", pause=0.3)
        sent = 0
        for victim in (0, 1):
            client.say("produce", SUBJECT, sent, ROUND)
            client.wait(lambda events, least=sent + ROUND // 4: len([w for w in events["sent"] if int(w[0]) >= 0]) >= least, 60, "some messages of the round")
            metaservers[victim].kill()
            sent += ROUND
            client.wait(lambda events, all=sent: len([w for w in events["sent"] if int(w[0]) >= 0]) == all, 120, "the round while a metaserver was killed")
            metaservers[victim].start()
            knows_the_group(metaservers[victim])
        client.wait(lambda _: set(range(sent)) <= numbers(client, "all"), 120, "all messages consumed")
        assert [words for words in client.events["failed"] if int(words[0]) >= 0] == []
        # A new subject and group, through the one that was down last: the client asks for an address again after a minute at the latest.
        other = f"{SUBJECT}.new"
        client.say("consume", "new", other, "g.new", "-", 0)
        client.wait(lambda events: ["new"] in events["ready"], 60, "a second subscription")

        def reached():
            client.say("produce", other, number[0], 1)
            number[0] -= 1
            return numbers(client, "new")

        wait_until(reached, 180, "a message of the new subject", pause=0.5)
        assert set(balancer.answered) == set(balancer.ports), "the clients and the broker asked only one metaserver"
        assert broker.state() == "serving"
    finally:
        client.quit()
