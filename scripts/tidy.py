#!/usr/bin/python3
"""clang-tidy over the files named, by build/clang/compile_commands.json. A file that was clean is not looked at again while it, every header
it includes, the checks and the tool stay the same; what was clean is kept in ${QMQ_CACHE:-~/.cache/qmq}/tidy, where others may share it.

usage: tidy.py FILE...     prints what is wrong; ends with 1 when there is anything
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
BUILD = SOURCE / "build" / "clang"
MARKS = Path(os.environ.get("QMQ_CACHE") or Path.home() / ".cache" / "qmq") / "tidy"
MARKS_KEPT = 4000


@lru_cache(maxsize=None)
def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def command_of(entry):
    """The compiler's words without its output, and with no path of this checkout in them."""
    words = shlex.split(entry["command"])
    at = words.index("-o")
    return [word for word in words[:at] + words[at + 2 :] if word not in ("-c", entry["file"])]


def key_of(entry, tool):
    words = command_of(entry)
    done = subprocess.run([*words, "-M", entry["file"]], cwd=entry["directory"], capture_output=True, text=True, check=True)
    headers = done.stdout.split(":", 1)[1].replace("\\\n", " ").split()
    told = hashlib.sha256(tool.encode() + " ".join(words).replace(str(SOURCE), ".").encode())
    for header in headers:
        path = Path(entry["directory"], header)
        told.update(f"\n{str(path).replace(str(SOURCE), '.')} {digest(path)}".encode())
    return told.hexdigest()


def look(entry, tool):
    """What is wrong with the file; empty when nothing is."""
    mark = MARKS / key_of(entry, tool)
    if mark.exists():
        os.utime(mark)
        return ""
    done = subprocess.run(["nice", "-n", "5", "clang-tidy", "-p", BUILD, "--quiet", entry["file"]], capture_output=True, text=True, check=False)
    if done.returncode == 0 and "warning:" not in done.stdout:
        mark.touch()
        return ""
    return done.stdout or done.stderr


def neighbour(entries, name):
    """How an alternative that this build left out would be compiled: as the files beside it, which clang-tidy assumes too."""
    other = next(entry for file, entry in entries.items() if Path(file).parent == Path(name).parent)
    return {**other, "file": name, "command": other["command"].replace(other["file"], name)}


def main(files):
    tool = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True).stdout + digest(SOURCE / ".clang-tidy")
    entries = {entry["file"]: entry for entry in json.loads((BUILD / "compile_commands.json").read_text())}
    wanted = [entries.get(str(SOURCE / name)) or neighbour(entries, str(SOURCE / name)) for name in files]
    MARKS.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [text for text in pool.map(lambda entry: look(entry, tool), wanted) if text]
    for text in sorted({line for text in found for line in text.splitlines() if "error:" in line or "warning:" in line}):
        print(text, file=sys.stderr)
    for old in sorted(MARKS.iterdir(), key=lambda mark: mark.stat().st_mtime)[:-MARKS_KEPT]:
        old.unlink(missing_ok=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
