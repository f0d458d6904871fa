"""A metaserver on a real MariaDB: what it keeps there, and what clients and brokers are told while the database is in trouble
(metaserver.md 14). In no trouble does a client get an empty list with a time that it would believe."""

import threading

import pytest
from harness import free_port
from mariadb import PASSWORD, USER
from proxy import Proxy
from waiting import Stopwatch, wait_until

from qmqpy import commands as c
from qmqpy import frame as f

SETTINGS = {"refresh.period.seconds": "1", "min.group.num": "1"}
TIMEOUTS = "connectTimeout=1000&socketTimeout=1000"
MASTER = "127.0.0.1:29001"
ANSWER_SECONDS = 2.0  # a broker gives up after this (metaserver.md 14)


@pytest.fixture
def metaserver(make, mariadb):
    server = make("metaserver", {**SETTINGS, **mariadb.settings(f"{mariadb.url}?{TIMEOUTS}")})
    return server.start()


@pytest.fixture
def meta(metaserver):
    with metaserver.client("meta.server.port") as client:
        yield client


def ask(meta, subject, client="c1", request=c.HEARTBEAT):
    """The groups' names, or None when the answer says that nothing can be told now."""
    answer = meta.register(subject, group="g", client=client, request=request)
    names = sorted(group.name for group in answer.groups)
    assert names or answer.timestamp == -2, f"{subject}: an empty list with time stamp {answer.timestamp}"
    return names or None


def known(meta, mariadb, subject="known", group="bg1"):
    """A group on line, and a subject that is routed to it."""
    assert meta.broker_register(c.REGISTER_ONLINE, group, MASTER) == f.SUCCESS
    assert ask(meta, subject) == [group]
    wait_until(lambda: mariadb.sql("SELECT COUNT(*) FROM subject_route") != [["0"]], 5, "the route's row")
    time_to_refresh = Stopwatch()
    wait_until(lambda: time_to_refresh() > 1.5, 5)
    assert ask(meta, subject) == [group]
    return subject


def state(mariadb, group="bg1"):
    return mariadb.sql(f"SELECT broker_state FROM broker_group WHERE group_name = '{group}'")[0][0]


def quick(meta, what):
    """Answered before a broker gives up."""
    watch = Stopwatch()
    code = what()
    assert watch() < ANSWER_SECONDS + 1, "the answer came too late for a broker"
    return code


def test_metaserver_tables_are_made_and_used(meta, mariadb, metaserver):
    known(meta, mariadb)
    ask(meta, "known", "client-1", c.ONLINE)
    wait_until(lambda: ["client-1"] in mariadb.sql("SELECT client_id FROM client_meta_info"), 5, "the client's row")
    tables = {row[0] for row in mariadb.sql("SHOW TABLES")}
    assert {"broker", "broker_group", "subject_info", "subject_route", "client_meta_info", "client_offline_state", "readonly_broker_group_setting", "datasource_config", "leader_election"} <= tables
    assert mariadb.sql("SELECT subject_info, broker_group_json, version FROM subject_route") == [["known", '["bg1"]', "1"]]


def test_metaserver_an_older_schema_is_brought_up_to_date(make, mariadb):
    """Tables of the original without ext and with narrow columns: nothing is lost, the rest is added."""
    server = make("metaserver", {**SETTINGS, **mariadb.settings()}).start()
    server.stop()
    mariadb.sql(
        "ALTER TABLE broker_group DROP COLUMN ext; ALTER TABLE readonly_broker_group_setting MODIFY broker_group VARCHAR(20) NOT NULL DEFAULT '';"
        f"INSERT INTO broker_group (group_name, kind, master_address, broker_state) VALUES ('old', 1, '{MASTER}', 1);"
        "INSERT INTO readonly_broker_group_setting (subject, broker_group) VALUES ('s', 'old');"
    )
    server.start()
    columns = {row[0]: row[1] for row in mariadb.sql("DESCRIBE broker_group")}
    assert columns["ext"] == "text"
    assert ["broker_group", "varchar(30)"] in [row[:2] for row in mariadb.sql("DESCRIBE readonly_broker_group_setting")]
    assert mariadb.sql("SELECT group_name, broker_state FROM broker_group") == [["old", "1"]]
    assert mariadb.sql("SELECT subject, broker_group FROM readonly_broker_group_setting") == [["s", "old"]]


def test_metaserver_a_user_without_the_right_to_change_tables_is_enough(make, mariadb):
    server = make("metaserver", {**SETTINGS, **mariadb.settings()}).start()
    server.stop()
    mariadb.sql(
        "ALTER TABLE broker_group DROP COLUMN ext;"
        f"REVOKE ALL ON qmq.* FROM '{USER}'@'%'; GRANT SELECT, INSERT, UPDATE, DELETE ON qmq.* TO '{USER}'@'%'; FLUSH PRIVILEGES;"
    )
    server.start()
    assert "ALTER TABLE broker_group ADD COLUMN ext" in server.output()
    with server.client("meta.server.port") as meta:
        known(meta, mariadb)


@pytest.mark.parametrize(
    "setting,value,words",
    [
        ("jdbc.password", "wrong", ["user or password is refused", "jdbc.password"]),
        ("jdbc.username", "", ["jdbc.username"]),
        ("jdbc.url", "jdbc:mysql://127.0.0.1:{free}/qmq", ["cannot be reached", "{free}"]),
        ("jdbc.url", "jdbc:mysql://127.0.0.1:{port}/nowhere", ["nowhere"]),
        ("jdbc.url", "jdbc:mysql://127.0.0.1/q/r", ["is no address of a MySQL database"]),
        ("jdbc.url", "{url}?sslMode=REQUIRED", ["encrypted"]),
    ],
)
def test_metaserver_a_database_that_cannot_be_used_is_named(make, mariadb, setting, value, words):
    places = {"free": free_port(), "port": mariadb.port, "url": mariadb.url}
    server = make("metaserver", {**SETTINGS, **mariadb.settings(), setting: value.format(**places)})
    server.launch()
    assert server.wait_exit() not in (0, None)
    told = server.output()
    assert all(word.format(**places) in told for word in words), told
    assert PASSWORD not in told


def test_metaserver_tls_to_the_database(make, mariadb, tmp_path):
    """With a certificate of its own making the database is trusted by name of its file only."""
    import subprocess

    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    mariadb.stop()
    mariadb.start(f"--ssl-cert={certificate}", f"--ssl-key={key}", "--require-secure-transport=ON")
    server = make("metaserver", {**SETTINGS, **mariadb.settings(f"{mariadb.url}?useSSL=true&sslMode=VERIFY_CA&serverSslCert={certificate}")}).start()
    with server.client("meta.server.port") as meta:
        known(meta, mariadb)
    server.stop()
    preferring = make("metaserver", {**SETTINGS, **mariadb.settings(f"{mariadb.url}?sslMode=PREFERRED")}).start()
    preferring.stop()
    refused = make("metaserver", {**SETTINGS, **mariadb.settings()})
    refused.launch()
    assert refused.wait_exit() != 0


def test_metaserver_encryption_is_preferred_where_it_is_offered(make, mariadb):
    """This database has no certificate: preferring goes on without."""
    server = make("metaserver", {**SETTINGS, **mariadb.settings(f"{mariadb.url}?sslMode=PREFERRED")}).start()
    with server.client("meta.server.port") as meta:
        known(meta, mariadb)


def test_metaserver_database_killed_and_started_again(meta, mariadb):
    known(meta, mariadb)
    mariadb.kill()
    assert ask(meta, "known") == ["bg1"]
    assert ask(meta, "known", "new-client", c.ONLINE) == ["bg1"]
    assert ask(meta, "unknown") is None
    assert meta.broker_register(c.REGISTER_HEARTBEAT, "bg1", MASTER) == f.SUCCESS
    assert quick(meta, lambda: meta.broker_register(c.REGISTER_ONLINE, "bg2", MASTER)) == f.BROKER_ERROR
    assert quick(meta, lambda: meta.acquire_meta("nobody", 1)[0]) == f.BROKER_ERROR
    mariadb.start()
    wait_until(lambda: meta.broker_register(c.REGISTER_ONLINE, "bg2", MASTER) == f.SUCCESS, 20, "a broker going on line")
    wait_until(lambda: ask(meta, "unknown"), 20, "a route for the new subject")
    wait_until(lambda: ["new-client"] in mariadb.sql("SELECT client_id FROM client_meta_info"), 20, "the row of the client that came meanwhile")


def test_metaserver_database_killed_in_the_middle_of_statements(metaserver, mariadb):
    """Registrations run while it is killed and comes back, three times: no believable empty list, and it works again."""
    trouble, stop = [], threading.Event()

    def load(number):
        with metaserver.client("meta.server.port") as meta:
            at = 0
            while not stop.is_set():
                at += 1
                try:
                    ask(meta, f"load.{number}.{at % 50}", f"client-{number}-{at}", c.ONLINE)
                except AssertionError as error:
                    trouble.append(str(error))
                    return

    with metaserver.client("meta.server.port") as meta:
        known(meta, mariadb)
        threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            before = int(mariadb.sql("SELECT COUNT(*) FROM client_meta_info")[0][0])
            wait_until(lambda before=before: int(mariadb.sql("SELECT COUNT(*) FROM client_meta_info")[0][0]) > before, 20, "rows of clients")
            mariadb.kill()
            mariadb.start()
        stop.set()
        for thread in threads:
            thread.join(30)
        assert trouble == []
        wait_until(lambda: ask(meta, "afterwards"), 20, "a route after the last start")


def test_metaserver_database_unreachable(meta, mariadb):
    """It is there but answers nothing: everybody is answered all the same, and what was meant is written afterwards."""
    known(meta, mariadb)
    mariadb.pause()
    try:
        watch = Stopwatch()
        while watch() < 5:
            assert ask(meta, "known") == ["bg1"]
            assert meta.broker_register(c.REGISTER_HEARTBEAT, "bg1", MASTER) == f.SUCCESS
        assert quick(meta, lambda: meta.broker_register(c.REGISTER_ONLINE, "bg1", MASTER)) in (f.BROKER_ERROR, f.SUCCESS)
        assert ask(meta, "unknown") is None
    finally:
        mariadb.resume()
    wait_until(lambda: ask(meta, "unknown"), 20, "a route for the new subject")
    assert state(mariadb) == str(c.RW)


def test_metaserver_nobody_waits_as_long_as_the_database_may(make, mariadb):
    """A statement that may take minutes keeps no client waiting that long; the route comes when the database does."""
    url = f"{mariadb.url}?socketTimeout=300000"
    server = make("metaserver", {**SETTINGS, **mariadb.settings(url)}).start()
    with server.client("meta.server.port", timeout=60.0) as meta:
        known(meta, mariadb)
        mariadb.pause()
        try:
            assert ask(meta, "unknown", request=c.ONLINE) is None
            assert ask(meta, "known", "another", c.ONLINE) == ["bg1"]
        finally:
            mariadb.resume()
        wait_until(lambda: ask(meta, "unknown"), 20, "a route for the new subject")


def test_metaserver_silence_during_an_outage_is_written_afterwards(make, mariadb):
    server = make("metaserver", {**SETTINGS, **mariadb.settings(f"{mariadb.url}?{TIMEOUTS}"), "heartbeat.timeout.ms": "2000"}).start()
    with server.client("meta.server.port") as meta:
        assert meta.broker_register(c.REGISTER_ONLINE, "bg1", MASTER) == f.SUCCESS
        mariadb.kill()
        watch = Stopwatch()
        wait_until(lambda: watch() > 4, 10)
        mariadb.start()
        wait_until(lambda: state(mariadb) == str(c.NRW), 20, "NRW in the database")
        assert meta.broker_register(c.REGISTER_HEARTBEAT, "bg1", MASTER) == f.SUCCESS
        wait_until(lambda: state(mariadb) == str(c.RW), 20, "RW after a heartbeat")


def test_metaserver_database_read_only(meta, mariadb):
    known(meta, mariadb)
    mariadb.sql("SET GLOBAL read_only = 1")
    assert ask(meta, "known") == ["bg1"]
    assert ask(meta, "unknown") is None
    assert quick(meta, lambda: meta.broker_register(c.REGISTER_ONLINE, "bg2", MASTER)) == f.BROKER_ERROR
    mariadb.sql("SET GLOBAL read_only = 0")
    wait_until(lambda: meta.broker_register(c.REGISTER_ONLINE, "bg2", MASTER) == f.SUCCESS, 20, "a broker going on line")
    wait_until(lambda: ask(meta, "unknown"), 20, "a route for the new subject")


def test_metaserver_database_full(make, mariadb):
    """The table space has an end; a table of somebody else fills it."""
    mariadb.stop()
    for name in ("ibdata1", "ib_logfile0"):
        assert (mariadb.data / name).exists()
    size = (mariadb.data / "ibdata1").stat().st_size // 1024
    mariadb.start("--innodb-file-per-table=0", f"--innodb-data-file-path=ibdata1:{size}K")
    server = make("metaserver", {**SETTINGS, **mariadb.settings(f"{mariadb.url}?{TIMEOUTS}")}).start()
    with server.client("meta.server.port") as meta:
        known(meta, mariadb)
        mariadb.sql("CREATE TABLE filler (id INT AUTO_INCREMENT PRIMARY KEY, text LONGTEXT) ENGINE = InnoDB")
        for piece in (400000, 40000, 4000, 400):
            try:
                for _ in range(200):
                    mariadb.sql(f"INSERT INTO filler (text) VALUES (REPEAT('x', {piece}))")
            except AssertionError as error:
                assert "full" in str(error), error
        assert ask(meta, "known") == ["bg1"]
        answers = [ask(meta, f"unknown.{n}", f"client-{n}" * 9, c.ONLINE) for n in range(300)]
        assert all(names in (None, ["bg1"]) for names in answers)
        mariadb.kill()
        mariadb.start("--innodb-file-per-table=0", f"--innodb-data-file-path=ibdata1:{size}K:autoextend")
        wait_until(lambda: ask(meta, "afterwards"), 20, "a route when there is room again")


def test_metaserver_database_slow(make, mariadb):
    """Two seconds an answer: known subjects and heartbeats do not feel it."""
    proxy = Proxy(mariadb.port)
    url = mariadb.url.replace(str(mariadb.port), str(proxy.port))
    server = make("metaserver", {**SETTINGS, **mariadb.settings(f"{url}?socketTimeout=10000")}).start()
    try:
        with server.client("meta.server.port") as meta:
            known(meta, mariadb)
            proxy.delay = 2.0
            watch = Stopwatch()
            for n in range(200):
                assert ask(meta, "known", f"client-{n}", c.ONLINE) == ["bg1"]
                assert meta.broker_register(c.REGISTER_HEARTBEAT, "bg1", MASTER) == f.SUCCESS
            assert watch() < 10, "answers waited for the database"
            assert quick(meta, lambda: meta.broker_register(c.REGISTER_ONLINE, "bg2", MASTER)) in (f.SUCCESS, f.BROKER_ERROR)
            ask(meta, "unknown")
            proxy.delay = 0
            wait_until(lambda: ask(meta, "unknown"), 30, "a route when it is quick again")
    finally:
        proxy.close()


def test_metaserver_two_of_them_race_for_one_route(make, mariadb):
    """New subjects come to both at once: one row each, and both tell the same groups."""
    servers = [make("metaserver", {**SETTINGS, "min.group.num": "2", **mariadb.settings()}).start() for _ in range(2)]
    with servers[0].client("meta.server.port") as meta:
        for n in range(6):
            assert meta.broker_register(c.REGISTER_ONLINE, f"bg{n}", f"127.0.0.1:{29001 + n}") == f.SUCCESS
    watch = Stopwatch()
    wait_until(lambda: watch() > 1.5, 5)  # both have seen the groups
    told, trouble = {}, []
    gate = threading.Barrier(8)

    def race(number):
        try:
            with servers[number % 2].client("meta.server.port") as meta:
                for n in range(30):
                    gate.wait(30)
                    told.setdefault(n, []).append(ask(meta, f"race.{n}"))
        except Exception as error:  # noqa: BLE001 - told by the main thread
            trouble.append(repr(error))
            gate.abort()

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert trouble == []
    assert mariadb.sql("SELECT COUNT(*), COUNT(DISTINCT subject_info) FROM subject_route") == [["30", "30"]]
    for answers in told.values():
        assert len(answers) == 8 and all(names == answers[0] and len(names) == 2 for names in answers), answers
