"""Prints "N passed, N failed" (and how many were skipped) for JUnit XML files of pytest; exits with 1 when something failed.

usage: counts.py FILE...
"""

import sys
import xml.etree.ElementTree as xml


def count(path):
    """(passed, failed, skipped); a file that cannot be read counts as one failure."""
    try:
        suites = list(xml.parse(path).getroot().iter("testsuite"))
    except (OSError, xml.ParseError) as error:
        print(f"counts.py: {path}: {error}", file=sys.stderr)
        return 0, 1, 0
    numbers = {key: sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "failures", "errors", "skipped")}
    failed = numbers["failures"] + numbers["errors"]
    return max(numbers["tests"] - failed - numbers["skipped"], 0), failed, numbers["skipped"]


def main(paths):
    if not paths:
        print(__doc__.strip().splitlines()[-1], file=sys.stderr)
        return 2
    totals = [sum(column) for column in zip(*map(count, paths))]
    print(f"{totals[0]} passed, {totals[1]} failed" + (f", {totals[2]} skipped" if totals[2] else ""))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
