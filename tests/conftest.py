"""Fixtures of all tests: the release tree, server instances, and what happens to their directories when a test fails."""

import itertools
import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from harness import Server, release_tree
from management import Database, Http
from mariadb import MariaDb, why_not


class Instances:
    """Every server directory of the run; those of failed tests stay."""

    def __init__(self):
        base = os.environ.get("QMQ_TEST_DIR")
        self.root = Path(tempfile.mkdtemp(prefix="qmq-test-", dir=base))
        self.numbers = itertools.count(1)
        self.servers = []  # (owner node id, Server)
        self.kept = []

    def new_home(self, name):
        home = self.root / f"{next(self.numbers):03d}-{re.sub(r'[^A-Za-z0-9_.-]+', '_', name)[:80]}"
        home.mkdir(parents=True)
        return home

    def add(self, owner, server):
        self.servers.append((owner, server))
        return server

    def of(self, node):
        return [server for owner, server in self.servers if node.startswith(owner)]

    def keep(self, node):
        for server in self.of(node):
            if server.home not in self.kept:
                self.kept.append(server.home)

    def release(self, owner):
        """Ends the owner's servers and removes their directories unless they are kept."""
        mine = [server for name, server in self.servers if name == owner]
        for server in mine:
            if server.alive():
                server.kill()
        for server in mine:
            if server.home not in self.kept:
                shutil.rmtree(server.home, ignore_errors=True)
        self.servers = [(name, server) for name, server in self.servers if name != owner]

    def finish(self):
        if not self.kept:
            shutil.rmtree(self.root, ignore_errors=True)


def pytest_configure(config):
    config.qmq_instances = Instances()


def pytest_unconfigure(config):
    config.qmq_instances.finish()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        instances = item.config.qmq_instances
        for server in instances.of(item.nodeid):
            report.sections.append((f"{server.kind} in {server.home}", server.tail()))
        instances.keep(item.nodeid)


def pytest_terminal_summary(terminalreporter, config):
    for home in config.qmq_instances.kept:
        terminalreporter.write_line(f"directory of a failed test: {home}")


@pytest.fixture(scope="session")
def tree():
    found = release_tree()
    if found is None or not (found / "lib").is_dir():
        pytest.fail("no release tree: build it first, or set QMQ_TREE to one")
    return found


@pytest.fixture
def make(request, tree):
    """make(kind, settings, home=..., **options): a Server that is not started yet and ends with the test."""
    instances = request.config.qmq_instances
    owner = request.node.nodeid

    def make_server(kind, settings=None, home=None, **options):
        home = home or instances.new_home(request.node.name)
        return instances.add(owner, Server(tree, home, kind, settings, **options))

    yield make_server
    instances.release(owner)


@pytest.fixture
def start(make):
    """start(kind, settings, ...): a started Server of this test alone."""
    return lambda *args, **options: make(*args, **options).start()


def shared_server(request, tree, kind):
    """One server for all tests of a file; the file's SETTINGS are its settings."""
    instances = request.config.qmq_instances
    owner = request.node.nodeid
    settings = getattr(request.module, "SETTINGS", {})
    home = instances.new_home(Path(request.node.fspath).stem)
    yield instances.add(owner, Server(tree, home, kind, settings))
    instances.release(owner)


def serving(server):
    """The shared server for one test; started again when a test before ended it."""
    if not server.alive():
        server.start()
    yield server
    assert server.alive(), f"the {server.kind} ended during this test"


@pytest.fixture(scope="module")
def shared_standalone(request, tree):
    yield from shared_server(request, tree, "standalone")


@pytest.fixture
def standalone(shared_standalone):
    yield from serving(shared_standalone)


@pytest.fixture(scope="module")
def shared_metaserver(request, tree):
    yield from shared_server(request, tree, "metaserver")


@pytest.fixture
def metaserver(shared_metaserver):
    yield from serving(shared_metaserver)


@pytest.fixture
def broker(standalone):
    """A connection to the broker port of the file's standalone."""
    with standalone.client() as client:
        yield client


@pytest.fixture
def meta(metaserver):
    """A connection to the TCP port of the file's metaserver."""
    with metaserver.client("meta.server.port") as client:
        yield client


@pytest.fixture
def http(metaserver):
    return Http(metaserver.port("meta.server.discover.port"))


@pytest.fixture
def database(metaserver):
    return Database(metaserver.home)


@pytest.fixture
def mariadb(request):
    """A MariaDB that runs and ends with the test."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    instances = request.config.qmq_instances
    database = MariaDb(instances.new_home(f"mariadb-{request.node.name}"))
    try:
        yield database.start()
    finally:
        database.kill()
        shutil.rmtree(database.directory, ignore_errors=True)


_subjects = itertools.count(1)


@pytest.fixture
def subject(request):
    """A subject no other test uses."""
    return f"{re.sub(r'[^a-z0-9]+', '.', request.node.name.lower())[:60]}.{next(_subjects)}"
