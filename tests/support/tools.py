"""bin/tools.sh of the release tree."""

import os
import shlex
import subprocess


class Tools:
    def __init__(self, tree, metaserver=None):
        self.program = tree / "bin" / "tools.sh"
        self.metaserver = metaserver

    def run(self, *arguments, seconds=30, cwd=None, more=None):
        """The finished process, output as text."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("QMQ_")}
        if self.metaserver:
            environment["QMQ_METASERVER"] = self.metaserver
        environment.update(more or {})
        return subprocess.run(
            [self.program, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=environment,
            cwd=cwd,
        )

    def line(self, command, token="test-token", seconds=30):
        """Runs a command as an error message spells it: bin/tools.sh ... --token=<token> ..."""
        words = shlex.split(command.replace("<token>", token))
        assert words[0] == "bin/tools.sh", command
        return self.run(*words[1:], seconds=seconds)
