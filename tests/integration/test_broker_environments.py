"""Environment isolation (broker.md 6.6): which messages a group of an environment gets, by rules from an HTTP address."""

import http.server
import json
import threading

import pytest
from harness import ADDRESS

from qmqpy import commands as c
from qmqpy.message import message

RULE = {"subject": "s", "group": "g", "groupEnv": "beta", "groupSubEnv": "b1", "subjectEnv": "beta", "subjectSubEnv": "b1", "other": 1}
BROADCAST = {"subject": "s", "group": "", "groupEnv": "beta", "groupSubEnv": "b1", "subjectEnv": "beta", "subjectSubEnv": "b2"}


@pytest.fixture
def rules():
    """An HTTP server whose answer is rules.text."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(server.text.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer((ADDRESS, 0), Handler)
    server.text = json.dumps([RULE, BROADCAST])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def settings(server):
    return {
        "sub_env_isolation_filter.enable": "true",
        "sub_env_isolation_filter.rules_url": f"http://{ADDRESS}:{server.server_port}/rules",
    }


def env(name, sub):
    return {"qmq_env": name, "qmq_subEnv": sub}


def filters(tags=None):
    found = [c.SubEnvFilter("beta", "b1")]
    return found if tags is None else [c.TagFilter(1, tags), *found]


def test_groups_get_what_the_rules_say(start, rules):
    server = start("standalone", settings(rules))
    with server.client() as broker:
        groups = ["g_beta_b1", "unknown_beta_b1", "plain"]
        for group in groups:
            broker.pull("s", group, filters=filters() if group != "plain" else [])
        broker.pull("s", "client@1", broadcast=1, filters=filters())
        sent = [
            message("s", "beta.b1", env("beta", "b1"), tags=["t"]),
            message("s", "beta.b2", env("beta", "b2")),
            message("s", "prod", env("prod", "b1")),
            message("s", "none"),
            message("s", "long", {**env("beta", "b1"), "x": "y" * 40000}),
            message("s", "again", env("beta", "b1")),
        ]
        assert broker.send(*sent) == []
        assert broker.pull("s", "g_beta_b1", filters=filters()).ids == ["beta.b1", "again"]
        assert broker.pull("s", "unknown_beta_b1", filters=filters()) is None
        assert broker.pull("s", "plain").ids == [one.id for one in sent]
        assert broker.pull("s", "client@1", broadcast=1, filters=filters()).ids == ["beta.b2"]
        assert broker.send(message("s", "tagged", env("beta", "b1"), tags=["u"])) == []
        assert broker.pull("s", "g_beta_b1", last=1, filters=filters(["t"])) is None


@pytest.mark.parametrize("text", ["", "{}", "[1]", json.dumps([RULE, RULE]), "[{}"])
def test_rules_that_make_no_sense_match_nothing(start, rules, text):
    rules.text = text
    server = start("standalone", settings(rules))
    with server.client() as broker:
        broker.pull("s", "g_beta_b1", filters=filters())
        assert broker.send(message("s", "m", env("beta", "b1"))) == []
        assert broker.pull("s", "g_beta_b1", filters=filters()) is None
    assert "no environment rules from" in server.output()


def test_enabled_without_an_address_does_not_start(make):
    server = make("standalone", {"sub_env_isolation_filter.enable": "true"})
    server.launch()
    assert server.wait_exit() == 1
    assert "sub_env_isolation_filter.rules_url" in server.output()


def test_switched_off_the_filter_says_nothing(start):
    server = start("standalone")
    with server.client() as broker:
        broker.pull("s", "g", filters=filters())
        assert broker.send(message("s", "m")) == []
        assert broker.pull("s", "g", filters=filters()).ids == ["m"]
