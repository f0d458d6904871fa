"""Small file systems mounted for a test; skips where mounting is not possible."""

import contextlib
import subprocess

import pytest


@contextlib.contextmanager
def mounted(kind, directory, options):
    """The directory with a fresh file system of this kind on it, unmounted at the end."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            ["mount", "-t", kind, "-o", options, "qmq-test", directory], capture_output=True, text=True, check=False
        )
    except OSError as error:
        pytest.skip(f"cannot run mount: {error}")
    if done.returncode:
        pytest.skip(f"cannot mount {kind}: {done.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", directory], check=True)
