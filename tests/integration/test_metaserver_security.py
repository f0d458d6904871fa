"""What strangers can do to a metaserver, and the port that speaks TLS."""

import os
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest
from harness import ADDRESS, release_tree
from tools import Tools

TOKEN = "secret"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A certificate of its own making for 127.0.0.1, and its key."""
    place = tmp_path_factory.mktemp("tls")
    key, certificate = place / "key.pem", place / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def tls(certificate, key):
    return {
        "meta.server.discover.tls.port": "0",
        "meta.server.discover.tls.certificate": str(certificate),
        "meta.server.discover.tls.key": str(key),
    }


def get(server, path, certificate):
    context = ssl.create_default_context(cafile=certificate)
    url = f"https://{ADDRESS}:{server.port('meta.server.discover.tls.port')}{path}"
    with urllib.request.urlopen(url, timeout=10, context=context) as answer:
        return answer.read().decode()


def test_tls_beside_the_plain_port(make, files):
    server = make("metaserver", tls(*files))
    (server.home / "conf" / "valid-api-tokens.properties").write_text(f"{TOKEN}=tests\n")
    server.start()
    address = f"{ADDRESS}:{server.port('meta.server.port')}"
    assert get(server, "/meta/address", files[0]) == address
    with urllib.request.urlopen(f"http://{ADDRESS}:{server.port('meta.server.discover.port')}/meta/address", timeout=10) as answer:
        assert answer.read().decode() == address
    with pytest.raises(urllib.error.URLError):  # nobody we know has signed it
        get(server, "/meta/address", None)


def test_tls_for_tools(make, files):
    server = make("metaserver", tls(*files))
    (server.home / "conf" / "valid-api-tokens.properties").write_text(f"{TOKEN}=tests\n")
    server.start()
    place = f"https://{ADDRESS}:{server.port('meta.server.discover.tls.port')}"
    command = ["AddNewSubject", f"--metaserver={place}", f"--token={TOKEN}", "--subject=s", "--tag=t"]
    tools = Tools(release_tree())
    done = tools.run(*command, more={"QMQ_CA_FILE": str(files[0])})
    assert done.returncode == 0 and '"name":"s"' in done.stdout, done
    refused = tools.run(*command)
    assert refused.returncode == 3 and "certificate" in refused.stderr, refused


@pytest.mark.parametrize("certificate,key,words", [
    ("certificate", None, ["meta.server.discover.tls.port", "no file is named for the private key"]),
    ("certificate", "missing", ["private key", "missing.pem", "cannot be read"]),
    ("certificate", "certificate", ["cannot be used", "private key"]),
    ("text", "key", ["is no PEM file"]),
])
def test_tls_files_that_cannot_be_used_are_named(make, files, tmp_path, certificate, key, words):
    places = {"certificate": files[0], "key": files[1], "missing": tmp_path / "missing.pem", "text": tmp_path / "text", None: ""}
    places["text"].write_text("no PEM")
    server = make("metaserver", tls(places[certificate], places[key]))
    server.launch()
    assert server.wait_exit() not in (0, None)
    assert all(word in server.output() for word in words), server.output()


def test_too_many_requests_of_one_address(make):
    server = make("metaserver", {"meta.server.discover.requests.max": "20"})
    server.start()
    url = f"http://{ADDRESS}:{server.port('meta.server.discover.port')}/health"
    codes = []
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                codes.append(answer.status)
        except urllib.error.HTTPError as error:
            codes.append(error.code)
    assert 200 in codes and 429 in codes and set(codes) == {200, 429}
    assert "more requests than it may" in server.output()


def test_long_frames_are_refused(make):
    """Nothing a client says takes a megabyte; who announces more is not waited for."""
    server = make("metaserver").start()
    with server.client("meta.server.port") as meta:
        meta.socket.sendall((64 * 1024 * 1024).to_bytes(4, "big") + bytes(64))
        meta.socket.settimeout(10)
        try:
            assert meta.socket.recv(1) == b""
        except ConnectionError:
            pass
    assert os.path.exists(server.home)
