"""A metaserver whose database authenticates as MySQL 8 does: caching_sha2_password by its short and its long way, over TLS and over the
server's public key. tests/support/mysql8.py takes MySQL's place in this, a MariaDB behind it does the rest."""

import ctypes
import subprocess

import pytest
from mariadb import PASSWORD
from mysql8 import Mysql8

from qmqpy import commands as c
from qmqpy import frame as f

SETTINGS = {"refresh.period.seconds": "1", "min.group.num": "1", "pool.size.max": "4"}
SUBJECT = "订单.paid.😀"


@pytest.fixture
def mysql8(mariadb, tmp_path):
    made = []

    def start(**options):
        made.append(Mysql8(mariadb, tmp_path, **options))
        return made[-1]

    yield start
    for one in made:
        one.close()
        assert not one.unencrypted, "the password was told to everybody"


@pytest.fixture
def certificate(tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return {"certificate": cert, "key": key}


def settings(server, parameters=""):
    return {**SETTINGS, **server.mariadb.settings(server.url + parameters)}


def works(metaserver, mariadb):
    """Something is written, and read again as it was; four bytes a character are no matter."""
    with metaserver.client("meta.server.port") as meta:
        assert meta.broker_register(c.REGISTER_ONLINE, "bg1", "127.0.0.1:29001") == f.SUCCESS
        assert [g.name for g in meta.register(SUBJECT, group="组", client="c😀", request=c.ONLINE).groups] == ["bg1"]
    assert mariadb.sql("SET NAMES utf8mb4; SELECT subject_info, broker_group_json FROM subject_route") == [[SUBJECT, '["bg1"]']]


def test_metaserver_mysql8_the_long_way_over_the_servers_key_then_the_short_one(make, mariadb, mysql8):
    server = mysql8()
    metaserver = make("metaserver", settings(server, "?useSSL=false&allowPublicKeyRetrieval=true")).start()
    works(metaserver, mariadb)
    assert server.ways[0] == "key asked for"
    assert len(server.ways) > 1 and set(server.ways[1:]) == {"fast"}
    assert PASSWORD not in metaserver.output()
    assert "allowPublicKeyRetrieval" not in metaserver.output()


def client_library():
    """The version of the MariaDB client library that the metaserver uses."""
    library = ctypes.CDLL("libmariadb.so.3")
    library.mysql_get_client_info.restype = ctypes.c_char_p
    return tuple(int(part) for part in library.mysql_get_client_info().decode().split("."))


@pytest.mark.skipif(client_library() < (3, 3, 20), reason="before 3.3.20 libmariadb3 asks for the key though it has one")
def test_metaserver_mysql8_the_servers_key_may_lie_in_a_file(make, mariadb, mysql8):
    server = mysql8()
    metaserver = make("metaserver", settings(server, f"?allowPublicKeyRetrieval=false&serverRSAPublicKeyFile={server.key_file}")).start()
    works(metaserver, mariadb)
    assert server.ways[0] == "own key"
    assert "allowPublicKeyRetrieval" not in metaserver.output()


def test_metaserver_mysql8_what_cannot_be_forbidden_is_said(make, mariadb, mysql8):
    """The client library asks for the key when it has none."""
    server = mysql8()
    metaserver = make("metaserver", settings(server, "?allowPublicKeyRetrieval=false")).start()
    told = metaserver.output()
    assert "allowPublicKeyRetrieval" in told and "serverRSAPublicKeyFile" in told and "sslMode" in told


def test_metaserver_mysql8_the_long_way_over_tls(make, mariadb, mysql8, certificate):
    server = mysql8(**certificate)
    metaserver = make("metaserver", settings(server, f"?sslMode=VERIFY_CA&serverSslCert={certificate['certificate']}")).start()
    works(metaserver, mariadb)
    assert server.ways[0] == "tls" and set(server.ways[1:]) == {"fast"}


@pytest.mark.parametrize("parameters", ["", "?useSSL=false", "?sslMode=PREFERRED"])
def test_metaserver_mysql8_an_account_whose_plugin_is_not_the_first_one_named(make, mariadb, mysql8, parameters):
    """The server greets with another plugin and asks for this one when it has heard the user."""
    server = mysql8(switches=True)
    metaserver = make("metaserver", settings(server, parameters)).start()
    works(metaserver, mariadb)
    assert server.ways[0] == "key asked for"


@pytest.mark.parametrize("known", [False, True], ids=["long way", "short way"])
def test_metaserver_mysql8_a_wrong_password_is_named(make, mysql8, known):
    server = mysql8()
    server.cached = known
    metaserver = make("metaserver", {**settings(server), "jdbc.password": "wrong"})
    metaserver.launch()
    assert metaserver.wait_exit() not in (0, None)
    told = metaserver.output()
    assert "user or password is refused" in told and "jdbc.password" in told
    assert server.ways == []


def test_metaserver_mysql8_a_plugin_that_is_not_there_is_named(make, mysql8, monkeypatch):
    """The plugin lies beside the client library; somebody has taken it away."""
    monkeypatch.setenv("MARIADB_PLUGIN_DIR", "/nonexistent")
    server = mysql8()
    metaserver = make("metaserver", settings(server))
    metaserver.launch()
    assert metaserver.wait_exit() not in (0, None)
    told = metaserver.output()
    assert "caching_sha2_password" in told and "libmariadb3" in told


def test_metaserver_mysql8_no_password_is_told_where_encryption_is_demanded_and_not_offered(make, mysql8):
    """The long way would show it: the client library takes the link for an encrypted one."""
    server = mysql8()
    metaserver = make("metaserver", settings(server, "?sslMode=REQUIRED"))
    metaserver.launch()
    assert metaserver.wait_exit() not in (0, None)
    assert "offers no encrypted connection" in metaserver.output()
    assert server.logins == 0


def test_metaserver_mysql8_encryption_is_used_where_it_is_preferred_and_offered(make, mariadb, mysql8, certificate):
    server = mysql8(**certificate)
    metaserver = make("metaserver", settings(server, "?sslMode=PREFERRED")).start()
    works(metaserver, mariadb)
    assert server.ways[0] == "tls"
