"""The qmq command against a running server, in a directory and with a memory of its own."""

import os
import signal
import subprocess
import tempfile

from harness import ADDRESS, program
from waiting import wait_until


class Qmq:
    def __init__(self, tree, directory, metaserver_port):
        self.program = program(tree, "qmq")
        self.directory = directory
        self.metaserver = f"{ADDRESS}:{metaserver_port}"
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for running in self.running:
            running.end()

    def environment(self, **more):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("QMQ_")}
        environment.update(QMQ_METASERVER=self.metaserver, XDG_STATE_HOME=str(self.directory / "state"), **more)
        return environment

    def run(self, *arguments, stdin="", seconds=60, **environment):
        """The finished process; stdin may be text or bytes, outputs are what stdin is. Into files: what Wine starts with the first program
        keeps its output, and a pipe would not end."""
        is_text = isinstance(stdin, str)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            done = subprocess.run(
                [*self.program, *map(str, arguments)],
                input=stdin.encode() if is_text else stdin,
                stdout=out,
                stderr=err,
                timeout=seconds,
                check=False,
                cwd=self.directory,
                env=self.environment(**environment),
            )
            for name, file in (("stdout", out), ("stderr", err)):
                file.seek(0)
                content = file.read()
                setattr(done, name, content.decode().replace("\r\n", "\n") if is_text else content)
        return done

    def ok(self, *arguments, **options):
        done = self.run(*arguments, **options)
        assert done.returncode == 0, f"qmq {arguments} ended with {done.returncode}: {done.stderr}"
        return done

    def lines(self, *arguments, **options):
        return self.ok(*arguments, **options).stdout.splitlines()

    def start(self, *arguments, stdin=subprocess.DEVNULL):
        """One that goes on; its outputs are files, and it ends with the test."""
        with open(self.directory / "out", "wb") as out, open(self.directory / "err", "wb") as err:
            process = subprocess.Popen(
                [*self.program, *map(str, arguments)],
                stdin=stdin,
                stdout=out,
                stderr=err,
                cwd=self.directory,
                env=self.environment(),
            )
        self.running.append(Running(process, self.directory))
        return self.running[-1]


class Running:
    """A qmq that was started and not waited for."""

    def __init__(self, process, directory):
        self.process, self.directory = process, directory

    def out(self):
        return (self.directory / "out").read_text("utf-8")

    def err(self):
        return (self.directory / "err").read_text("utf-8")

    def wait_lines(self, count, seconds=30.0):
        wait_until(lambda: len(self.out().splitlines()) >= count, seconds, f"{count} lines of output")
        return self.out().splitlines()

    def interrupt(self, seconds=20.0, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def wait(self, seconds=60.0):
        return self.process.wait(seconds)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
