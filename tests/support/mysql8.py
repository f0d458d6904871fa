"""A server that greets and authenticates as MySQL 8 does (caching_sha2_password), and hands what follows on to a MariaDB: which has not
this plugin, as MySQL 8 is in no package here. Written from the protocol's description, not from the driver."""

import hashlib
import os
import socket
import ssl
import struct
import subprocess
import threading

from harness import ADDRESS
from mariadb import PASSWORD, USER

PLUGIN = b"caching_sha2_password"
NATIVE = b"mysql_native_password"
LONG_PASSWORD, CONNECT_WITH_DB, SSL = 1, 8, 0x800
PLUGIN_AUTH, CONNECT_ATTRS, LENENC_AUTH, COMPRESS = 0x80000, 0x100000, 0x200000, 0x20
OK, MORE, SWITCH, ERROR = 0, 1, 0xFE, 0xFF
GIVE_KEY, FAST_DONE, FULL_WANTED = b"\x02", b"\x03", b"\x04"


class Packets:
    """A connection in pieces of protocol: 3 bytes of length, a number, the rest."""

    def __init__(self, link):
        self.link = link
        self.number = 0

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.link.recv(size - len(data))
            if not more:
                raise ConnectionError("the peer is gone")
            data += more
        return data

    def read(self):
        head = self._exactly(4)
        self.number = (head[3] + 1) & 0xFF
        return self._exactly(int.from_bytes(head[:3], "little"))

    def write(self, body):
        self.link.sendall(len(body).to_bytes(3, "little") + bytes([self.number]) + body)
        self.number = (self.number + 1) & 0xFF

    def fail(self, code, state, text):
        self.write(bytes([ERROR]) + struct.pack("<H", code) + b"#" + state + text.encode())


def sha256(data):
    return hashlib.sha256(data).digest()


def xor(a, b):
    return bytes(x ^ b[i % len(b)] for i, x in enumerate(a))


def fast_answer(password, nonce):
    return xor(sha256(password), sha256(sha256(sha256(password)) + nonce))


def native_answer(password, nonce):
    once = hashlib.sha1(password).digest()
    return xor(once, hashlib.sha1(nonce + hashlib.sha1(once).digest()).digest())


def text_at(data, at):
    end = data.index(0, at)
    return data[at:end], end + 1


class Greeting:
    """What a server says first."""

    def __init__(self, body):
        _, at = text_at(body, 1)
        nonce = body[at + 4 : at + 12]
        low, self.charset, self.status, high, size = struct.unpack_from("<HBHHB", body, at + 13)
        self.capabilities = low | high << 16
        self.nonce = nonce + body[at + 31 : at + 31 + max(12, size - 9)]

    @staticmethod
    def make(capabilities, nonce, plugin):
        low, high = capabilities & 0xFFFF, capabilities >> 16
        return (
            b"\x0a8.0.36\0" + struct.pack("<I", 7) + nonce[:8] + b"\0" + struct.pack("<HBHHB", low, 45, 2, high, len(nonce) + 1) + bytes(10) + nonce[8:] + b"\0" + plugin + b"\0"
        )


class Login:
    """What a client answers."""

    def __init__(self, body):
        self.capabilities, self.most, self.charset = struct.unpack_from("<IIB", body)
        self.user, at = text_at(body, 32)
        size = body[at]
        self.answer = body[at + 1 : at + 1 + size]
        at += 1 + size
        self.database = b""
        if self.capabilities & CONNECT_WITH_DB:
            self.database, at = text_at(body, at)
        self.plugin = text_at(body, at)[0] if self.capabilities & PLUGIN_AUTH else b""


class Mysql8:
    """mariadb: whom it hands connections on to. switches: it greets with the older plugin first. certificate, key: it offers TLS.
    key_file: the public key as a PEM file, for clients that have been given it."""

    def __init__(self, mariadb, directory, switches=False, certificate=None, key=None):
        self.mariadb = mariadb
        self.switches = switches
        self.private, self.key_file = directory / "private.pem", directory / "public.pem"
        self._openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.private)
        self._openssl("pkey", "-in", self.private, "-pubout", "-out", self.key_file)
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate, key)
        self.cached = False  # the server knows the password's hash: the short way is enough
        self.ways = []  # how each connection was let in
        self.unencrypted = False  # the password was sent as it is over a link that shows it
        self.logins = 0  # clients that said who they are
        self.listener = socket.create_server((ADDRESS, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return self.mariadb.url.replace(str(self.mariadb.port), str(self.port))

    def close(self):
        self.listener.close()

    @staticmethod
    def _openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        far = None
        try:
            far = socket.create_connection((ADDRESS, self.mariadb.port), 5)
            near, let_in = self._let_in(near, far)
            if let_in:
                near.settimeout(None)
                far.settimeout(None)
                other = threading.Thread(target=self._pump, args=(far, near), daemon=True)
                other.start()
                self._pump(near, far)
                other.join()
        except OSError:
            pass  # a client that was refused, or is gone
        finally:
            near.close()
            if far is not None:
                far.close()

    @staticmethod
    def _pump(source, to):
        try:
            while data := source.recv(65536):
                to.sendall(data)
        except OSError:
            pass
        for one in (source, to):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _let_in(self, near, far):
        """The link to go on with (TLS may have been put around it), and whether the client is in."""
        behind = Packets(far)
        greeting = Greeting(behind.read())
        nonce = bytes(b % 127 + 1 for b in os.urandom(20))
        capabilities = (greeting.capabilities | LONG_PASSWORD | PLUGIN_AUTH) & ~(SSL | CONNECT_ATTRS | LENENC_AUTH | COMPRESS)
        client = Packets(near)
        client.write(Greeting.make(capabilities | (SSL if self.tls else 0), nonce, NATIVE if self.switches else PLUGIN))
        body = client.read()
        encrypted = self.tls is not None and len(body) == 32
        if encrypted:
            near = self.tls.wrap_socket(near, server_side=True)
            client.link = near
            body = client.read()
        login = Login(body)
        self.logins += 1
        answer = login.answer
        if self.switches or login.plugin != PLUGIN:
            client.write(bytes([SWITCH]) + PLUGIN + b"\0" + nonce + b"\0")
            answer = client.read()
        way = self._check(client, answer, nonce, encrypted) if login.user == USER.encode() else None
        if way is None:
            client.fail(1045, b"28000", f"Access denied for user '{login.user.decode()}'@'localhost' (using password: YES)")
            return near, False
        self.ways.append(way)
        client.write(self._log_in_behind(behind, greeting, login))
        return near, True

    def _decrypt(self, data, nonce):
        self.unencrypted = self.unencrypted or PASSWORD.encode() in data
        done = subprocess.run(["openssl", "pkeyutl", "-decrypt", "-inkey", self.private, "-pkeyopt", "rsa_padding_mode:oaep"], input=data, check=False, capture_output=True)
        return xor(done.stdout, nonce)

    def _check(self, client, answer, nonce, encrypted):
        """The way in which the client has shown the password; None: it has not."""
        password = PASSWORD.encode()
        if self.cached:
            if answer != fast_answer(password, nonce):
                return None
            client.write(bytes([MORE]) + FAST_DONE)
            return "fast"
        client.write(bytes([MORE]) + FULL_WANTED)
        got = client.read()
        way = "own key"
        if encrypted:
            way = "tls"
        elif got == GIVE_KEY:
            client.write(bytes([MORE]) + self.key_file.read_bytes())
            got = client.read()
            way = "key asked for"
        if not encrypted:
            got = self._decrypt(got, nonce)
        self.cached = got == password + b"\0"
        return way if self.cached else None

    def _log_in_behind(self, behind, greeting, login):
        """Its OK or error, which is the client's answer too."""
        flags = login.capabilities & ~(SSL | PLUGIN_AUTH | CONNECT_ATTRS | LENENC_AUTH | COMPRESS)
        answer = native_answer(PASSWORD.encode(), greeting.nonce[:20])
        body = struct.pack("<IIB", flags, login.most, login.charset) + bytes(23) + login.user + b"\0" + bytes([len(answer)]) + answer
        behind.write(body + (login.database + b"\0" if flags & CONNECT_WITH_DB else b""))
        return behind.read()
