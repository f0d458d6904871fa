"""A Debian machine for one test: a copy of a bare system in its own network, process and mount namespaces; nothing of it outlives the test."""

import os
import re
import shutil
import subprocess
from pathlib import Path

HOLDER = 'mount -t proc proc "$1/proc" && ip link set lo up && echo up && exec sleep infinity'


class Machine:
    def __init__(self, template, root):
        self.root = Path(root)
        subprocess.run(["cp", "-a", "--reflink=auto", f"{template}/.", self.root], check=True)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        self.unshare = subprocess.Popen(
            ["unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "sh", "-c", HOLDER, "sh", str(self.root)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.unshare.stdout.readline() == "up\n", "no namespaces here: unshare needs root"
        [self.init] = map(int, Path(f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children").read_text().split())

    def run(self, *command, code=0, seconds=120, online=False, stdin=None):
        """Runs it as root in the machine; online: with this host's network, for package mirrors. code None: any."""
        enter = ["nsenter", f"--target={self.init}", "--pid", "--mount", "--ipc"] + ([] if online else ["--net"])
        done = subprocess.run(
            enter + ["chroot", str(self.root), *map(str, command)],
            stdin=subprocess.DEVNULL if stdin is None else None,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        )
        assert code is None or done.returncode == code, f"{command}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done

    def popen(self, *command, **options):
        enter = ["nsenter", f"--target={self.init}", "--pid", "--mount", "--ipc", "--net", "chroot", str(self.root)]
        return subprocess.Popen(enter + [str(part) for part in command], stdin=subprocess.DEVNULL, **options)

    def apt(self, *command, **options):
        return self.run("apt-get", "-q", "-y", "--no-install-recommends", *command, online=True, seconds=600, **options)

    def put(self, package):
        """Copies a file to /srv of the machine; its path there."""
        shutil.copy(package, self.root / "srv")
        return f"/srv/{Path(package).name}"

    def path(self, name):
        return self.root / name.lstrip("/")

    def processes(self, name):
        """Process ids (of the machine) of a command name."""
        found = []
        for status in self.run("sh", "-c", "cat /proc/[0-9]*/status 2>/dev/null", code=None).stdout.split("Name:\t")[1:]:
            lines = status.splitlines()
            fields = dict(line.split(":\t", 1) for line in lines[1:] if ":\t" in line)
            if lines[0] == name[:15] and not fields["State"].startswith("Z"):
                found.append(int(fields["NSpid"].split()[-1]))
        return found

    def close(self):
        os.kill(self.init, 9)
        self.unshare.wait(30)
        self.unshare.stdout.close()
        shutil.rmtree(self.root, ignore_errors=True)


def repacked(package, to, version, edits=None):
    """The same .deb as another version; edits: {path in it: text added at the end}."""
    folder = Path(to) / "content"
    subprocess.run(["dpkg-deb", "-R", package, folder], check=True)
    control = folder / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
    for path, text in (edits or {}).items():
        with open(folder / path.lstrip("/"), "a", encoding="utf-8") as file:
            file.write(text)
    out = Path(to) / re.sub(r"_[^_]*_", f"_{version}_", Path(package).name)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", folder, out], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)
    return out
