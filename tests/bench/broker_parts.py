"""Parts of make bench that concern the broker under several loads at a time. Each is a function of a Bench."""

import json
import os
import resource
import subprocess
import threading
import time

from harness import ADDRESS, free_port, meta_endpoint
from management import Http

WAITING = 1000
MIXED_SECONDS_MOST = 120
COLD_GROUPS = 16
MIXED_CONSUMERS = 8
MANY_FILES = 1000000


def start_load(bench, command, **options):
    line = [bench.options.load, command]
    for key, value in options.items():
        line += [f"--{key}", str(value)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True)


def told(process):
    output, _ = process.communicate(timeout=MIXED_SECONDS_MOST)
    return json.loads(output)


def idle(bench, memory_kib, cpu_seconds):
    """A broker of its own that nobody uses, also where a process may open a million files."""
    metaserver = bench.server("idle-metaserver", kind="metaserver")
    http = Http(metaserver.port("meta.server.discover.port"))
    port, sync_port = free_port(), free_port()
    answer = http.add_broker("bench", "bench-host", ADDRESS, port, sync_port)
    if answer["status"] != 0:
        raise SystemExit(f"bench: AddBroker says {answer}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = MANY_FILES if hard == resource.RLIM_INFINITY else min(MANY_FILES, hard)
    settings = {"meta.server.endpoint": meta_endpoint(metaserver.port("meta.server.discover.port")), "broker.port": port, "sync.port": sync_port}
    limit = ["prlimit", f"--nofile={files}:{files}"]
    broker = bench.server("idle-broker", settings, kind="broker", arguments=["--host", "bench-host", "--ip", ADDRESS], wrapper=limit)
    cpu, begin = cpu_seconds(broker.pid), time.monotonic()
    time.sleep(bench.options.idle)
    share = 100 * (cpu_seconds(broker.pid) - cpu) / (time.monotonic() - begin)
    what = f"idle broker, {files:,} descriptors allowed"
    bench.row(f"{what}: private (RssAnon)", memory_kib(broker.pid, "RssAnon") / 1024, "MiB", "<= 5")
    bench.row(f"{what}: CPU", share, "%", "< 0.1")
    bench.row("start of a broker to serving", 1000 * broker.started_in, "ms", "<= 200")
    broker.stop()
    metaserver.stop()


def mixed(bench):
    """A group consumes what is being produced: from page cache, while the producer goes on."""
    server = bench.server("mixed")
    address = f"{ADDRESS}:{server.port('broker.port')}"
    count = bench.options.count
    speed = lambda figures: figures["bytes"] / figures["seconds"] / 1e6
    for consumers in (MIXED_CONSUMERS, 1):
        subject = f"mixed.{consumers}"
        bench.known_groups(server, subject, 1)
        consumer = start_load(bench, "consume", address=address, subject=subject, batch=200, window=1, consumers=consumers, count=count)
        producer = start_load(bench, "produce", address=address, subject=subject, size=1024, batch=50, window=8, count=count)
        produced, consumed = told(producer), told(consumer)
        who = f"{consumers} consumers of a group" if consumers > 1 else "one consumer"
        bench.row(f"produce 1024 B x 50 while {who} pull{'s' if consumers == 1 else ''} 200 at a time", speed(produced), "MB/s", "")
        bench.row(f"   what {who} get{'s' if consumers == 1 else ''} meanwhile", speed(consumed), "MB/s", f"within 30 % of {speed(produced):,.0f}")
    server.stop()


def waiting(bench, memory_kib, cpu_seconds):
    """A thousand consumers wait on a thousand subjects."""
    server = bench.server("waiting", kind="standalone")
    with server.client(timeout=30) as broker:
        before = memory_kib(server.pid, "VmRSS")
        for number in range(WAITING):
            broker.post_pull(f"waiting.{number}", "g", f"c{number}", timeout=120000)
        broker.ack("waiting.0", "g", "c0", -1, -1)
        cpu, begin = cpu_seconds(server.pid), time.monotonic()
        time.sleep(bench.options.idle)
        share = 100 * (cpu_seconds(server.pid) - cpu) / (time.monotonic() - begin)
        grown = (memory_kib(server.pid, "VmRSS") - before) / 1024
        bench.row(f"{WAITING} consumers waiting on {WAITING} subjects: memory", grown, "MiB", "<= 25")
        bench.row(f"{WAITING} consumers waiting on {WAITING} subjects: CPU", share, "%", "none measurable")
    server.stop()


def forget(directory):
    """Takes what the files of a directory hold out of the system's memory: the next reader has to wait for the disk."""
    for path in directory.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def cold(bench):
    """What a group that reads from the beginning, from the disk, does to one that waits for new messages."""
    server = bench.server("cold", {"store.hot.bytes": str(1024 * 1024)})
    address = f"{ADDRESS}:{server.port('broker.port')}"
    bench.known_groups(server, "latency", 1)
    bench.known_groups(server, "old", COLD_GROUPS)
    bench.load("produce", address=address, subject="old", size=1024, batch=50, window=8, count=bench.options.count)
    trips = bench.options.trips
    alone = bench.load("latency", address=address, subject="latency", size=128, count=trips)
    stop, read = threading.Event(), []

    def read_old():
        for group in range(COLD_GROUPS):
            if stop.is_set():
                return
            name = "bench" if group == 0 else f"bench.{group}"
            forget(server.store_root() / "messagelog")
            read.append(bench.load("consume", address=address, subject="old", group=name, batch=200, window=1, count=bench.options.count))

    reader = threading.Thread(target=read_old)
    reader.start()
    beside = bench.load("latency", address=address, subject="latency", size=128, count=trips)
    stop.set()
    reader.join()
    speed = sum(told["bytes"] for told in read) / sum(told["seconds"] for told in read)
    bench.row("hot group p99, alone", alone["p99_us"], "us", "")
    bench.row("hot group p99, while a cold group reads from the disk", beside["p99_us"], "us", f"<= {2 * alone['p99_us']:,.0f} (2 x alone)")
    bench.row("   what the cold group reads", speed / 1e6, "MB/s", "")
    server.stop()
