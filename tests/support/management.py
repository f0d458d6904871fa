"""The metaserver's HTTP side, and rows of its SQLite database that tests put there by hand."""

import json
import sqlite3
import urllib.error
import urllib.parse
import urllib.request

from harness import ADDRESS, TOKEN


class Http:
    def __init__(self, port, token=TOKEN):
        self.base = f"http://{ADDRESS}:{port}"
        self.token = token

    def get(self, path, timeout=5.0):
        """(status, body text)"""
        return self._open(urllib.request.Request(self.base + path), timeout)

    def post(self, path, fields=None, token=None, timeout=5.0):
        data = urllib.parse.urlencode(fields or {}).encode()
        headers = {} if token is None else {"X-Api-Token": token}
        return self._open(urllib.request.Request(self.base + path, data, headers), timeout)

    def _open(self, request, timeout):
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read().decode("utf-8")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode("utf-8", "replace")

    def meta_address(self):
        status, body = self.get("/meta/address")
        assert status == 200, f"/meta/address answered {status}"
        return body

    def management(self, action, token=None, **fields):
        """The JSON of a management action; the token only when one is given."""
        status, body = self.post("/management", {"action": action, **fields}, token)
        assert status == 200, f"{action} answered {status}: {body}"
        return json.loads(body)

    def add_broker(self, group, host, ip, serve_port, sync_port, role=0, token=None):
        return self.management(
            "AddBroker",
            self.token if token is None else token,
            brokerGroup=group,
            role=role,
            hostname=host,
            ip=ip,
            servePort=serve_port,
            syncPort=sync_port,
        )

    def groups(self):
        """{group name: row} of ListBrokerGroups."""
        return {row["groupName"]: row for row in self.management("ListBrokerGroups")}


class Database:
    """The metaserver's embedded database, opened beside it."""

    def __init__(self, home):
        self.path = home / "data" / "meta.db"

    def execute(self, statement, *values):
        connection = sqlite3.connect(self.path, timeout=10)
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()
