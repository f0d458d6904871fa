"""A soak: producers and groups come and go for hours on one broker; every round the books must balance and the memory is printed."""

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import broker_parts  # noqa: E402
from bench import Bench, cpu_seconds, memory_kib  # noqa: E402
from harness import ADDRESS  # noqa: E402

SUBJECTS = 50


def one_round(bench, server, number, choose):
    """Some subjects get messages while others of their groups consume; the messages that moved."""
    address = f"{ADDRESS}:{server.port('broker.port')}"
    subjects = choose.sample(range(SUBJECTS), choose.randint(2, 6))
    running = []
    for subject in subjects:
        name, group = f"soak.{subject}", f"round.{number}"
        size, count = choose.choice([64, 1024, 8192]), choose.randint(100, 5000)
        window = choose.randint(1, 4)
        bench.load("consume", address=address, subject=name, group=group, window=window, count=0)
        consumer = broker_parts.start_load(bench, "consume", address=address, subject=name, group=group, batch=choose.choice([1, 50, 500]), window=window, count=count)
        producer = broker_parts.start_load(bench, "produce", address=address, subject=name, size=size, batch=1, window=8, count=count)
        if choose.random() < 0.2:
            producer.kill()  # what it had sent stays, its group ends with less
            consumer.kill()
            producer.communicate()
            consumer.communicate()
            continue
        running.append((producer, consumer, count, window))
    moved = 0
    for producer, consumer, count, window in running:
        produced, consumed = broker_parts.told(producer), broker_parts.told(consumer)
        if produced["refused"] or produced["messages"] != count or consumed["messages"] < count * window:
            raise SystemExit(f"soak: round {number} does not balance: {produced} {consumed}, expected {count} x {window}")
        moved += consumed["messages"]
    return moved


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--directory", default=None)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    options.tree, options.load = str(Path(options.tree).resolve()), str(Path(options.load).resolve())
    bench = Bench(options)
    choose = random.Random(options.seed)
    server = bench.server("soak", {"consumer.check.first.seconds": "60", "consumer.check.pause.seconds": "60", "consumer.offline.seconds": "60"})
    print(f"seed {options.seed}, {bench.directory}", flush=True)
    end, number, moved = time.monotonic() + options.hours * 3600, 0, 0
    while time.monotonic() < end:
        moved += one_round(bench, server, number, choose)
        number += 1
        if number % 10 == 0:
            print(
                f"round {number}: {moved} messages, private {memory_kib(server.pid, 'RssAnon') / 1024:.1f} MiB, CPU {cpu_seconds(server.pid):.1f} s",
                flush=True,
            )
        if number % 100 == 0:
            server.restart(choose.choice(["stop", "kill"]))
    server.stop()
    bench.clean()


if __name__ == "__main__":
    main()
