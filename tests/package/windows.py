"""A Windows of one test module: a copy of a Wine prefix with a wineserver of its own; nothing of it outlives the tests."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from waiting import wait_until

WINE = "/usr/lib/wine/wine64"


class Windows:
    def __init__(self, template, prefix):
        self.prefix = Path(prefix)
        subprocess.run(["cp", "-a", "--reflink=auto", template, self.prefix], check=True)
        self.environment = {name: value for name, value in os.environ.items() if name != "DISPLAY" and not name.startswith("QMQ_")}
        self.environment.update(
            WINEPREFIX=str(self.prefix),
            WINEDEBUG="-all",
            WINEDLLOVERRIDES="mscoree=d;mshtml=d",
            PATH=os.environ["PATH"] + ":/usr/lib/wine",
        )
        self.server("-p")  # without it the services end with the last program
        self.popen("cmd", "/c", "exit", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait(120)  # what it starts keeps its output

    def server(self, option):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["wineserver", option], env=self.environment, check=False, **quiet)

    def run(self, *command, code=0, seconds=120, cwd=None, stdin=None, environment=None):
        """Runs a program or a .cmd by its Windows path; code None: any, "failed": any but 0."""
        # Into files: what a program starts may keep its output, and a pipe would not end.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            done = subprocess.run(
                [WINE, *map(str, command)],
                stdin=subprocess.DEVNULL if stdin is None else None,
                input=stdin,
                stdout=out,
                stderr=err,
                timeout=seconds,
                check=False,
                cwd=cwd or self.path("C:\\"),
                env={**self.environment, **(environment or {})},
            )
            for name, file in (("stdout", out), ("stderr", err)):
                file.seek(0)
                setattr(done, name, file.read().decode("utf-8", "replace").replace("\r\n", "\n"))
        right = done.returncode != 0 if code == "failed" else code is None or done.returncode == code
        assert right, f"{command}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done

    def popen(self, *command, **options):
        return subprocess.Popen([WINE, *map(str, command)], stdin=subprocess.DEVNULL, env=self.environment, **options)

    def path(self, name):
        """Where a path of drive C: lies for Linux."""
        assert name[:3].upper() == "C:\\", name
        return self.prefix / "drive_c" / name[3:].replace("\\", "/")

    def drive(self, letter, folder):
        """Makes a Linux folder a drive."""
        link = self.prefix / "dosdevices" / f"{letter.lower()}:"
        link.unlink(missing_ok=True)
        link.symlink_to(folder)

    def processes(self, name):
        """Linux process ids of a program in this prefix."""
        mine = f"WINEPREFIX={self.prefix}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")[0].replace(b"/", b"\\")
                if command.endswith(b"\\" + name.encode()) and mine in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def interrupt(self, name):
        """Ctrl+C for the one program of this name."""
        [pid] = self.processes(name)
        os.kill(pid, signal.SIGINT)

    def wait_serving(self, run_file):
        def serving():
            try:
                return json.loads(run_file.read_text("utf-8"))["state"] == "serving"
            except (OSError, ValueError, KeyError):
                return False

        wait_until(serving, 60, f"{run_file} says serving")

    def close(self):
        self.server("-k")
        self.server("-w")
        shutil.rmtree(self.prefix, ignore_errors=True)


def send_and_receive(windows, qmq, metaserver, subject, lines):
    """Through the qmq launcher given."""
    option = f"--metaserver={metaserver}"
    sent = windows.run(qmq, "send", subject, option, stdin="".join(f"{line}\n" for line in lines).encode())
    assert str(len(lines)) in sent.stdout
    got = windows.run(qmq, "consume", subject, "--group", "g", "--count", len(lines), "--timeout", "30s", option)
    assert sorted(got.stdout.splitlines()) == sorted(lines)
