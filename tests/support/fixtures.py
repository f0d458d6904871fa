"""Where the recorded frames and stores of the Java servers are, for tests that use them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def fixtures(name):
    """The folder NAME of the fixtures (QMQ_FIXTURES, else ../shared/fixtures beside the repository); skips when absent."""
    root = os.environ.get("QMQ_FIXTURES")
    folder = (Path(root) if root else REPOSITORY.parent / "shared" / "fixtures") / name
    if not folder.is_dir():
        pytest.skip(f"no recorded fixtures in {folder} (set QMQ_FIXTURES)")
    return folder


def unpack_store(name, to):
    """The store NAME.tar.zst unpacked into the empty directory `to`."""
    archive = fixtures("java-store") / f"{name}.tar.zst"
    if not shutil.which("zstd"):
        pytest.skip("zstd is not installed")
    to.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["zstd", "-dc", archive], stdout=subprocess.PIPE) as source:
        subprocess.run(["tar", "--sparse", "-C", to, "-xf", "-"], stdin=source.stdout, check=True)
    if source.returncode:
        raise RuntimeError(f"zstd cannot unpack {archive}")
    return to
