"""The artefacts of `make package`, and machines to install them on."""

import os
import subprocess
from pathlib import Path

import pytest
from machine import Machine
from windows import Windows

SOURCE = Path(__file__).resolve().parents[2]


class Artefacts:
    """What `make package` left in qmq-dist/target (QMQ_PACKAGES: elsewhere)."""

    def __init__(self):
        self.directory = Path(os.environ.get("QMQ_PACKAGES") or SOURCE / "qmq-dist" / "target")
        self.version = subprocess.run([SOURCE / "scripts/version.sh"], capture_output=True, text=True, check=True).stdout.strip()

    def path(self, name):
        found = self.directory / name.format(v=self.version)
        assert found.exists(), f"{found} is missing: run make package"
        return found


@pytest.fixture(scope="session")
def artefacts():
    return Artefacts()


@pytest.fixture(scope="session")
def debian(artefacts):
    if os.geteuid() != 0:
        pytest.skip("a machine of its own needs root (namespaces, chroot)")
    packages = [artefacts.path(name) for name in ("qmq_{v}_amd64.deb", "libqmq-dev_{v}_amd64.deb")]
    done = subprocess.run([SOURCE / "scripts/debian-root.sh", *packages], stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip())


@pytest.fixture
def machine(debian, tmp_path):
    """A bare Debian of this test alone."""
    machine = Machine(debian, tmp_path / "machine")
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def shared_machine(debian, tmp_path_factory, artefacts):
    """One with the package installed, for tests that leave it as they found it."""
    machine = Machine(debian, tmp_path_factory.mktemp("shared") / "machine")
    machine.apt("install", machine.put(artefacts.path("qmq_{v}_amd64.deb")))
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def windows(tmp_path_factory):
    done = subprocess.run([SOURCE / "scripts/wine-prefix.sh"], stdout=subprocess.PIPE, text=True, check=True)
    windows = Windows(done.stdout.strip(), tmp_path_factory.mktemp("wine") / "prefix")
    yield windows
    windows.close()
