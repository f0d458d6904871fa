"""Waiting for a condition with a deadline, instead of sleeping."""

import time


def wait_until(condition, seconds=10.0, what="the condition", pause=0.005):
    """The first true value of condition(); fails when the time runs out."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(pause)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self):
        self.start = time.monotonic()

    def __call__(self):
        return time.monotonic() - self.start
