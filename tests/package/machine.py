"""A Debian machine for one test: a copy of a bare system in its own network, process and mount namespaces; nothing of it outlives the test."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from waiting import wait_until

HOLDER = 'mount -t proc proc "$1/proc" && ip link set lo up && echo up && exec sleep infinity'


class Machine:
    def __init__(self, template, root):
        self.root = Path(root)
        subprocess.run(["cp", "-a", "--reflink=auto", f"{template}/.", self.root], check=True)
        self.unshare = subprocess.Popen(
            ["unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "sh", "-c", HOLDER, "sh", str(self.root)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.unshare.stdout.readline() == "up\n", "no namespaces here: unshare needs root"
        [self.init] = map(int, Path(f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children").read_text().split())

    def enter(self):
        return ["nsenter", f"--target={self.init}", "--pid", "--mount", "--ipc", "--net"]

    def run(self, *command, code=0, seconds=120, stdin=None):
        """Runs it as root in the machine, which has no network but its own. code None: any."""
        done = subprocess.run(
            self.enter() + ["chroot", str(self.root), *map(str, command)],
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
        return subprocess.Popen(self.enter() + ["chroot", str(self.root), *map(str, command)], stdin=subprocess.DEVNULL, **options)

    def apt(self, *command, **options):
        return self.run("apt-get", "-q", "-y", "--no-install-recommends", *command, seconds=600, **options)

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


BOOT = """set -e
group=$2 root=$1
for hierarchy in $3; do echo $$ >"$hierarchy/$group/cgroup.procs"; done
exec unshare --net --pid --mount --ipc --uts --cgroup --fork --kill-child sh -ec '
    mount --bind "$1" "$1"
    mount -t proc proc "$1/proc"
    mount -t sysfs -o ro sys "$1/sys"
    for place in run tmp dev; do mount -t tmpfs tmpfs "$1/$place"; done
    for device in null zero full random urandom tty; do touch "$1/dev/$device" && mount --bind "/dev/$device" "$1/dev/$device"; done
    mkdir "$1/dev/pts" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts" && ln -s pts/ptmx "$1/dev/ptmx"
    if [ "$2" = /sys/fs/cgroup ]; then
        mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
    else
        mount -t tmpfs tmpfs "$1/sys/fs/cgroup" && mkdir "$1/sys/fs/cgroup/systemd" "$1/sys/fs/cgroup/unified"
        mount -t cgroup -o none,name=systemd cgroup "$1/sys/fs/cgroup/systemd"
        mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup/unified"
    fi
    ip link set lo up
    exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$1" /lib/systemd/systemd --system --unit=multi-user.target
' sh "$root" "$3"
"""


def cgroup_hierarchies():
    """Where systemd keeps its groups: one hierarchy, or on older set-ups two; none where they cannot be written."""
    one, two = Path("/sys/fs/cgroup"), [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified")]
    if (one / "cgroup.procs").exists():
        two = [one]
    return two if all(os.access(path / "cgroup.procs", os.W_OK) for path in two) else []


class Booted(Machine):
    """One that was started by its systemd, in control groups of its own."""

    def __init__(self, template, root):
        self.root = Path(root)
        subprocess.run(["cp", "-a", "--reflink=auto", f"{template}/.", self.root], check=True)
        self.group = f"qmq-test-{os.getpid()}-{self.root.parent.name}"
        self.hierarchies = cgroup_hierarchies()
        for hierarchy in self.hierarchies:
            (hierarchy / self.group).mkdir()
        with open(self.root.parent / "boot.log", "wb") as log:
            words = ["sh", "-c", BOOT, "sh", self.root, self.group, " ".join(map(str, self.hierarchies))]
            self.unshare = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        children = Path(f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children")
        [self.init] = wait_until(lambda: self.unshare.poll() is not None or children.read_text().split(), 30, "the first process")
        self.init = int(self.init)

    def boot(self):
        """Waits until it is up."""
        wait_until(lambda: self.run("systemctl", "is-system-running", code=None).stdout.strip() in ("running", "degraded"), 120, "systemd is up", pause=0.1)
        assert self.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""

    def enter(self):
        return super().enter() + ["--uts", "--cgroup"]

    def close(self):
        os.kill(self.init, 9)
        self.unshare.wait(30)
        for hierarchy in self.hierarchies:
            subprocess.run(["find", hierarchy / self.group, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"], check=False, stderr=subprocess.DEVNULL)
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
