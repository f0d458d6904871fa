"""Turns a JUnit XML report into the plain line "N passed, N failed, N skipped"."""

import sys
import xml.etree.ElementTree as xml


def main(path):
    suites = xml.parse(path).getroot().iter("testsuite")
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    print(f"{total - failed - skipped} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))


main(sys.argv[1])
