"""The archives: what they hold, how big it is, the same bytes at every run."""

import os
import subprocess
import tarfile

import pytest
from conftest import SOURCE
from harness import ADDRESS, free_port

MIB = 1024 * 1024
PORTS = ("meta.server.discover.port", "meta.server.port", "broker.port", "sync.port", "monitor.port")


@pytest.fixture
def archive(artefacts):
    return artefacts.path("qmq-dist-{v}-bin.tar.gz")


def test_package_the_archive_is_the_release_tree(archive, artefacts):
    name = f"qmq-dist-{artefacts.version}-bin"
    with tarfile.open(archive) as content:
        members = {member.name: member for member in content.getmembers()}
    assert {path.split("/")[1] for path in members if "/" in path} == {"LICENSE", "bin", "conf", "lib", "share", "sql"}
    assert members[f"{name}/bin/broker.sh"].mode == 0o755 and members[f"{name}/bin/broker-env.sh"].mode == 0o644
    assert all((member.uid, member.gid) == (0, 0) for member in members.values())
    programs = [member for path, member in members.items() if path.startswith(f"{name}/lib/") and member.isfile()]
    assert sum(member.size for member in programs) <= 30 * MIB


def test_package_unpacked_anywhere_it_serves(archive, artefacts, tmp_path):
    place = tmp_path / "a place (1) & 中文 100%"
    place.mkdir()
    subprocess.run(["tar", "-C", place, "-xzf", archive], check=True)
    tree = place / f"qmq-dist-{artefacts.version}-bin"
    ports = {key: free_port() for key in PORTS}
    settings = [f"--set={key}={port}" for key, port in ports.items()]

    def run(launcher, *arguments, **options):
        done = subprocess.run([tree / "bin" / launcher, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd="/", **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert run("standalone.sh", "start", *settings).endswith("STARTED\n")
    try:
        metaserver = f"--metaserver={ADDRESS}:{ports['meta.server.discover.port']}"
        run("qmq.sh", "send", "lines", metaserver, input="one\ntwo\n")
        got = run("qmq.sh", "consume", "lines", "--group", "g", "--count", "2", "--timeout", "30s", metaserver)
        assert sorted(got.split()) == ["one", "two"]
    finally:
        assert run("standalone.sh", "stop").endswith("STOPPED\n")


@pytest.mark.parametrize("script", ["dist.sh", "package-deb.sh", "package-zip.sh"])
def test_package_two_runs_give_the_same_bytes(script, tmp_path):
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    runs = []
    for run in ("1", "2"):
        subprocess.run([SOURCE / "scripts" / script, tmp_path / run], check=True, env=environment, stdout=subprocess.DEVNULL)
        runs.append({path.name: path.read_bytes() for path in (tmp_path / run).iterdir()})
    assert runs[0] and runs[0] == runs[1]


def test_package_another_directory_gives_the_same_bytes(tmp_path):
    copy = tmp_path / "another place"
    copy.mkdir()
    files = subprocess.run(["git", "ls-files", "-z"], cwd=SOURCE, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]
    subprocess.run(["cp", "-a", "--parents", "-t", copy, *files], cwd=SOURCE, check=True)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "CCACHE_DISABLE": "1"}
    quiet = {"check": True, "env": environment, "stdout": subprocess.DEVNULL}
    subprocess.run(["cmake", "--preset", "release"], cwd=copy, **quiet)
    with (SOURCE / "build/release/qmq-dist/programs").open(encoding="ascii") as programs:
        subprocess.run(["cmake", "--build", "build/release", "--target", *programs.read().split()], cwd=copy, **quiet)
    packages = []
    for source in (SOURCE, copy):
        subprocess.run([source / "scripts/package-deb.sh", tmp_path / "out"], **quiet)
        packages.append({path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()})
    assert len(packages[0]) == 2 and packages[0] == packages[1]


def test_package_no_path_of_the_build_machine_is_in_a_package(artefacts, tmp_path):
    for name in ("qmq_{v}_amd64.deb", "libqmq-dev_{v}_amd64.deb"):
        subprocess.run(["dpkg-deb", "-x", artefacts.path(name), tmp_path], check=True)
    subprocess.run(["tar", "-C", tmp_path, "-xzf", artefacts.path("qmq-dist-{v}-bin.tar.gz")], check=True)
    needle = str(SOURCE).encode()
    found = [str(path) for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink() and needle in path.read_bytes()]
    assert found == []
