"""Wrong input at the start of a server: one clear line that names value, place and remedy, and the right exit code."""

import os
import re
import shutil
import signal
import socket

import pytest
from harness import ADDRESS, free_port, meta_endpoint
from management import Http
from mounts import mounted
from waiting import Stopwatch, wait_until

from qmqpy.commands import EARLIEST
from qmqpy.message import message
from qmqpy.store import Store

FAILED, USAGE, UNREACHABLE = 1, 2, 3
SERVERS = ["standalone", "metaserver", "broker"]


LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def refused(server, code, *needles, seconds=10):
    """The server ends with this code after one line (beside its log) on standard error that has all the needles."""
    server.launch()
    assert server.wait_exit(seconds) == code, server.output()
    lines = [line for line in server.output().splitlines() if line.strip() and not LOG_LINE.match(line)]
    assert len(lines) == 1, "not one clear line:\n" + server.output()
    assert all(str(needle) in lines[0] for needle in needles), f"{needles} in: {lines[0]}"
    return lines[0]


WRONG_USAGE = [(kind, ["--bogus"]) for kind in SERVERS] + [
    ("standalone", arguments)
    for arguments in (["--bogus=1"], ["surplus"], ["--check=yes"], ["--set"], ["--set", "novalue"], ["--home"], ["--conf="])
]


@pytest.mark.parametrize("kind,arguments", WRONG_USAGE)
def test_input_wrong_usage(make, kind, arguments):
    server = make(kind, arguments=arguments)
    refused(server, USAGE, arguments[-1].split("=")[0])


@pytest.mark.parametrize("kind", SERVERS)
def test_input_an_unknown_key_of_set_is_named(make, kind):
    server = make(kind, {"broker.prot": "1"})
    refused(server, FAILED, "--set", "broker.prot")


@pytest.mark.parametrize("kind", SERVERS)
def test_input_help_and_version(make, kind):
    for option in ("--help", "--version"):
        server = make(kind, arguments=[option], bare=True).launch()
        assert server.wait_exit(5) == 0
        assert server.output("stdout").strip() and not server.output("stderr").strip()


@pytest.mark.parametrize("kind", ["metaserver", "broker"])
def test_metaserver_01_a_missing_mandatory_file(make, kind):
    server = make(kind)
    (server.home / "conf" / f"{kind}.properties").unlink()
    refused(server, FAILED, f"{kind}.properties", server.home / "conf")


def test_input_a_missing_conf_directory(make):
    server = make("broker", arguments=["--conf", "/nonexistent/conf"])
    refused(server, FAILED, "/nonexistent/conf")


def test_input_a_missing_home_directory(make):
    server = make("broker", bare=True, arguments=["--home", "/nonexistent/home"])
    server.launch()
    assert server.wait_exit(10) != 0
    assert "/nonexistent/home" in server.output()


@pytest.mark.parametrize("kind", ["metaserver", "broker"])
def test_input_an_unreadable_file(make, kind):
    """A directory in its place: unreadable for root too."""
    server = make(kind)
    path = server.home / "conf" / f"{kind}.properties"
    path.unlink()
    path.mkdir()
    refused(server, FAILED, f"{kind}.properties")


MALFORMED = [
    ("broker.port=abc\n", 1, "abc"),
    ("# comment\n\nbroker.port=20881\nsync.port = 70000\n", 4, "70000"),
    ("broker.port=-1\n", 1, "-1"),
    ("broker.port=0x10\n", 1, "0x10"),
    ("receive.queue.size=12 34\n", 1, "12 34"),
    ("put_need_retry_message.limiter=fast\n", 1, "fast"),
    ("a=b\nbroken=\\u12\n", 2, "\\u"),
]


@pytest.mark.parametrize("text,line,value", MALFORMED)
def test_input_a_malformed_property_names_file_and_line(make, text, line, value):
    server = make("broker", {"meta.server.endpoint": meta_endpoint(free_port())})
    for key in ("broker.port", "sync.port"):
        server.settings.pop(key)
    server.conf("broker.properties", text)
    refused(server, FAILED, f"broker.properties:{line}", value)


def test_input_check_reads_the_configuration_and_exits(make):
    server = make("broker", {"meta.server.endpoint": meta_endpoint(free_port())}, arguments=["--check"]).launch()
    assert server.wait_exit(5) == 0
    server = make("broker", arguments=["--check"])
    server.settings.pop("broker.port")
    server.conf("broker.properties", "broker.port=abc\n")
    refused(server, FAILED, "broker.properties:1", "abc")


def test_input_a_broker_without_endpoint_names_the_key(make):
    refused(make("broker"), FAILED, "meta.server.endpoint")


@pytest.mark.parametrize("key", ["meta.server.discover.port", "meta.server.port", "broker.port", "sync.port"])
def test_input_a_port_in_use_names_its_owner(make, key):
    with socket.create_server((ADDRESS, 0)) as owner:
        port = owner.getsockname()[1]
        server = make("standalone", {key: port})
        refused(server, FAILED, port, key, os.getpid())


def test_input_a_locked_store_names_its_owner(make, start):
    first = start("standalone")
    second = make("standalone", {"store.root": first.store_root()})
    refused(second, FAILED, first.store_root(), first.pid)
    with first.client() as client:
        assert client.send(message("locked", "m1")) == []


def test_input_a_store_that_is_no_directory(make):
    server = make("standalone", {"store.root": "data/file/store"})
    (server.home / "data" / "file").write_text("a file in the way")
    refused(server, FAILED, "data/file")


def test_input_a_store_that_is_not_writable(make, tmp_path):
    with mounted("tmpfs", tmp_path / "readonly", "ro,size=1m") as directory:
        server = make("standalone", {"store.root": directory / "store"})
        refused(server, FAILED, directory / "store")


def test_input_a_windows_path_that_property_syntax_swallows(make):
    server = make("broker", {"meta.server.endpoint": meta_endpoint(free_port())})
    server.settings.pop("store.root")
    server.conf("broker.properties", "store.root=D:\\data\n")
    refused(server, FAILED, "broker.properties:1", "D:data")


def test_input_an_unreachable_metaserver(make):
    endpoint = meta_endpoint(free_port())
    watch = Stopwatch()
    refused(make("broker", {"meta.server.endpoint": endpoint}), UNREACHABLE, endpoint)
    assert watch() < 10


def test_input_a_metaserver_that_does_not_answer(make):
    with socket.create_server((ADDRESS, 0)) as silent:
        endpoint = meta_endpoint(silent.getsockname()[1])
        refused(make("broker", {"meta.server.endpoint": endpoint}), UNREACHABLE, endpoint)


BAD_ENDPOINTS = ["nonsense", "http://", "ftp://127.0.0.1/meta/address", "http://no.such.host.invalid/meta/address"]


@pytest.mark.parametrize("endpoint", BAD_ENDPOINTS)
def test_input_an_endpoint_that_is_none(make, endpoint):
    server = make("broker", {"meta.server.endpoint": endpoint}).launch()
    assert server.wait_exit(15) in (FAILED, UNREACHABLE)
    assert endpoint in server.output()


def test_input_an_unregistered_broker_says_what_it_asked_for(make, start):
    metaserver = start("metaserver")
    http = Http(metaserver.port("meta.server.discover.port"))
    port = free_port()
    settings = {"meta.server.endpoint": meta_endpoint(metaserver.port("meta.server.discover.port")), "broker.port": port}
    broker = make("broker", settings, arguments=["--host", "host-x", "--ip", ADDRESS])
    refused(broker, UNREACHABLE, "host-x", port, "AddBroker")
    # registered under another port: the message says so by naming what it used
    assert http.add_broker("bgx", "host-x", ADDRESS, port + 1 if port < 65535 else port - 1, 1)["status"] == 0
    refused(broker, UNREACHABLE, "host-x", port)


def test_input_a_wrong_token_is_refused(start):
    metaserver = start("metaserver")
    http = Http(metaserver.port("meta.server.discover.port"), token="guess")
    answer = http.add_broker("bg1", "h1", "10.0.0.1", 1, 2)
    assert (answer["status"], answer["message"]) == (-1, "没有提供合法的 Api Token")
    http.token = None
    status, body = http.post("/management", {"action": "AddBroker"})
    assert status == 200 and "没有提供合法的 Api Token" in body
    assert http.management("ListBrokers")["data"] == []


def test_input_an_unknown_key_in_a_file_is_only_a_warning(make):
    server = make("standalone")
    server.conf("broker.properties", "broker.prot=20881\nsome.key.of.another.version=1\n")
    server.start()
    with server.client() as client:
        assert client.send(message("warned", "m1")) == []
    assert server.stop() == 0
    assert "broker.prot" in server.tail(1000)


def test_input_a_damaged_database(make):
    server = make("standalone")
    (server.home / "data" / "meta.db").write_bytes(b"this is no database, whatever its name says" * 100)
    refused(server, FAILED, "meta.db")


def test_input_nothing_is_lost_when_a_start_is_refused(make, start):
    server = start("standalone")
    with server.client() as client:
        assert client.send(*(message("kept", f"m{number}") for number in range(50))) == []
    assert server.stop() == 0
    before = [(record.offset, record.payload) for record in Store(server.store_root()).messages()]
    server.settings["broker.port"] = "abc"
    server.launch()
    assert server.wait_exit(10) != 0
    with socket.create_server((ADDRESS, 0)) as owner:
        server.settings["broker.port"] = owner.getsockname()[1]
        server.launch()
        assert server.wait_exit(10) == FAILED
    assert [(record.offset, record.payload) for record in Store(server.store_root()).messages()] == before
    server.settings["broker.port"] = 0
    server.start()
    with server.client() as client:
        client.pull("kept", "g")
        client.reset("kept", "g", 2)
        assert len(client.drain("kept", "g")) == 50


def test_input_the_run_file_of_a_dead_server_is_no_obstacle(start):
    server = start("standalone")
    server.kill()
    assert (server.home / "run" / "standalone.json").exists()
    server.start()
    assert server.stop() == 0


def test_input_a_reload_with_a_bad_value_keeps_the_old_one(start):
    server = start("standalone", {"message.retry.delay.seconds": "0"})
    server.conf("broker.properties", "PullMessageProcessor.AllowNonPositiveRequestNum=true\nreceive.queue.size=many\n")
    server.signal(signal.SIGHUP)
    wait_until(lambda: "broker.properties:2" in server.tail(1000), 15, "the bad value reported")
    with server.client() as client:
        client.pull("reload", "g")
        assert client.send(message("reload", "m1")) == []
        assert client.pull("reload", "g", number=0).ids == ["m1"]  # the good value of the same file acts


def test_input_a_reload_of_a_broken_file_is_refused_whole(start):
    server = start("standalone")
    server.conf("broker.properties", "PullMessageProcessor.AllowNonPositiveRequestNum=true\nbroken=\\u12\n")
    server.signal(signal.SIGHUP)
    wait_until(lambda: "broker.properties:2" in server.tail(1000), 15, "the broken line reported")
    with server.client() as client:
        client.pull("reload", "g")
        assert client.send(message("reload", "m1")) == []
        assert client.pull("reload", "g", number=0) is None
        assert client.pull("reload", "g").ids == ["m1"]


def test_input_a_store_of_a_newer_version(start):
    server = start("standalone")
    with server.client() as client:
        assert client.send(message("newer", "m1")) == []
    assert server.stop() == 0
    marker = server.store_root() / ".marker"
    was = marker.read_bytes()
    marker.write_bytes(was.replace(b"qmq-store 1\n", b"qmq-store 2\n"))

    def content():
        files = [path for path in server.store_root().rglob("*") if path.is_file() and not path.name.startswith((".lock", ".reserve", "meta.db"))]
        return {path: path.read_bytes() for path in files}

    before = content()
    refused(server, FAILED, server.store_root(), "a later version (format 2)", "Open it with the version that wrote it")
    assert content() == before
    marker.write_bytes(was)
    server.start()


def test_input_a_hole_in_the_log_is_refused_until_it_is_given_up(start):
    server = start("standalone")
    with server.client() as client:
        assert client.send(message("hole", "m1")) == []
    assert server.stop() == 0
    (server.store_root() / ".marker").unlink()  # as if the original had written it
    segments = server.store_root() / "messagelog"
    later = segments / f"{2 << 30:020}"
    later.write_bytes(bytes.fromhex("a1b2c302 01 0000018bcfe56864"))
    missing = segments / f"{1 << 30:020}"
    refused(server, FAILED, str(missing), "--repair")
    assert not missing.exists() and later.exists()
    server.arguments.append("--repair")
    server.start()
    server.arguments.remove("--repair")
    with server.client() as client:
        client.reset("hole", "g", EARLIEST)
        assert client.pull("hole", "g").ids == ["m1"]
    assert server.stop() == 0
    server.start()  # once was enough


def test_input_a_store_that_vanishes_while_running(start):
    server = start("standalone")
    with server.client() as client:
        client.pull("gone", "g")
        assert client.send(message("gone", "m1")) == []
    root = server.store_root()
    away = root.with_name("away")
    root.rename(away)
    with server.client() as client:
        for number in range(200):
            client.send(message(f"gone.{number}", "m"))  # taken into the files that are open, or refused: never a crash
        client.pull("gone", "g")
    assert server.alive()
    server.stop()
    if root.exists():
        shutil.rmtree(root)
    away.rename(root)
    server.start()
    with server.client() as client:
        client.reset("gone", "g", EARLIEST)
        assert "m1" in client.pull("gone", "g", last=-1).ids
