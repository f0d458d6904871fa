"""A MariaDB of the test's own: its data in a directory, on a free port of 127.0.0.1, stopped by process id only."""

import getpass
import os
import shutil
import signal
import subprocess
from pathlib import Path

from harness import ADDRESS, free_port, is_listening
from waiting import wait_until

USER, PASSWORD = "qmq", "a secret, with a comma"
DATABASE = "qmq"


def program(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def why_not():
    """The reason why there is no database here, or None."""
    missing = [name for name in ("mariadbd", "mariadb-install-db", "mariadb") if program(name) is None]
    return f"no {', '.join(missing)} on this machine (scripts/install-deps.sh check)" if missing else None


class MariaDb:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self.directory / "data"
        self.port = free_port()
        self.process = None
        # Socket paths are short; the directory's may be long.
        self.socket = f"/tmp/qmq-mariadb-{self.port}"
        self.init_file = self.directory / "init.sql"
        self.init_file.write_text(
            f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4;\n"
            f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON {DATABASE}.* TO '{USER}'@'%';\n"
        )
        self.install()

    def install(self):
        """The bootstrap of MariaDB fails now and then for reasons of its own (it says which in the error of the last try)."""
        line = [program("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}", f"--user={getpass.getuser()}"]
        line += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        for _ in range(3):
            done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode == 0:
                return
            shutil.rmtree(self.data, ignore_errors=True)
        raise RuntimeError(f"{' '.join(line)} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")

    @property
    def url(self):
        return f"jdbc:mysql://{ADDRESS}:{self.port}/{DATABASE}"

    def settings(self, url=None):
        """The keys of a metaserver that uses it."""
        return {"jdbc.url": url or self.url, "jdbc.username": USER, "jdbc.password": PASSWORD}

    def start(self, *options):
        log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen(
            [
                program("mariadbd"),
                "--no-defaults",
                f"--user={getpass.getuser()}",
                f"--datadir={self.data}",
                f"--port={self.port}",
                f"--bind-address={ADDRESS}",
                f"--socket={self.socket}",
                f"--init-file={self.init_file}",
                "--skip-log-bin",
                "--skip-name-resolve",
                "--innodb-buffer-pool-size=16M",
                *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        wait_until(lambda: is_listening(self.port) or self.process.poll() is not None, 60)
        assert self.process.poll() is None, f"MariaDB did not start: {self.directory / 'log'}"
        wait_until(self._answers, 60, "MariaDB's first answer")
        return self

    def _answers(self):
        try:
            return self.sql("SELECT 1", "mysql")
        except AssertionError:
            return None

    def send(self, number):
        os.kill(self.process.pid, number)

    def stop(self, how=signal.SIGTERM):
        if self.process is not None and self.process.poll() is None:
            self.send(how)
            self.process.wait(60)
        Path(self.socket).unlink(missing_ok=True)

    def kill(self):
        self.stop(signal.SIGKILL)

    def pause(self):
        """It answers nothing any more, as an unreachable machine; returns when each of its threads stands still."""
        self.send(signal.SIGSTOP)
        wait_until(self._stands_still, 10, "MariaDB's threads stand still")

    def _stands_still(self):
        states = [path.read_text("utf-8") for path in Path(f"/proc/{self.process.pid}/task").glob("*/stat")]
        return all(state.rpartition(")")[2].split()[0] == "T" for state in states)

    def resume(self):
        self.send(signal.SIGCONT)

    def sql(self, text, database=DATABASE):
        """Rows as lists of texts, as root."""
        done = subprocess.run(
            [program("mariadb"), "--no-defaults", f"--socket={self.socket}", "--user=root", "--batch", "--skip-column-names", database],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]
