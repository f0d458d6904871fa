"""make bench: starts servers of the release tree, loads them, prints each figure beside its budget (design section 7) and writes them as JSON."""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import broker_parts  # noqa: E402
from harness import Server  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
GROUPS = 8
CONNECTIONS = 64


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_kib(pid, key):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    return 0


class Bench:
    def __init__(self, options):
        self.options = options
        self.rows = []
        self.directory = Path(tempfile.mkdtemp(prefix="qmq-bench-", dir=options.directory))

    def clean(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def row(self, what, figure, unit, budget):
        self.rows.append({"what": what, "figure": figure, "unit": unit, "budget": budget})
        print(f"{what:<66} {figure:>12,.3f} {unit:<8} {budget}", flush=True)

    def load(self, command, **options):
        line = [self.options.load, command]
        for key, value in options.items():
            line += [f"--{key}", str(value)]
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode != 0:
            raise SystemExit(f"bench: {' '.join(line)} failed: {done.stdout} {done.stderr}")
        return json.loads(done.stdout)

    def bare(self, size, batch, window, count, consume=False):
        """The bare loop with the same batches; bytes a second and CPU seconds a million messages."""
        file = self.directory / "bare.log"
        line = [self.options.load, "bare-pull" if consume else "bare", "--file", str(file), "--size", str(size), "--batch", str(batch)]
        server = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        port = int(server.stdout.readline())
        before = cpu_seconds(server.pid)
        told = self.load("consume" if consume else "produce", address=f"127.0.0.1:{port}", size=size, batch=batch, window=window, count=count)
        used = 0.0
        try:
            used = cpu_seconds(server.pid) - before
        except (OSError, IndexError):
            pass
        server.wait(30)
        file.unlink()
        return told["bytes"] / told["seconds"], used * 1e6 / told["messages"]

    def server(self, name, settings=None, kind="standalone", **options):
        home = self.directory / name
        home.mkdir()
        server = Server(self.options.tree, home, kind, settings, **options)
        begin = time.monotonic()
        server.start()
        server.started_in = time.monotonic() - begin
        return server

    def produce(self, server, subject, size, batch, window, count):
        before = cpu_seconds(server.pid)
        told = self.load("produce", address=f"127.0.0.1:{server.port('broker.port')}", subject=subject, size=size, batch=batch, window=window, count=count)
        return told["bytes"] / told["seconds"], (cpu_seconds(server.pid) - before) * 1e6 / told["messages"], told["messages"] / told["seconds"]

    def known_groups(self, server, subject, window, group="bench"):
        """A group starts behind what was sent before its first pull."""
        self.load("consume", address=f"127.0.0.1:{server.port('broker.port')}", subject=subject, group=group, window=window, count=0)

    def consume(self, server, subject, batch, count, group="bench", window=1):
        """`window` groups side by side, count messages in each; bytes a second, CPU seconds a million, messages a second."""
        before = cpu_seconds(server.pid)
        told = self.load("consume", address=f"127.0.0.1:{server.port('broker.port')}", subject=subject, group=group, batch=batch, window=window, count=count)
        return told["bytes"] / told["seconds"], (cpu_seconds(server.pid) - before) * 1e6 / max(told["messages"], 1), told["messages"] / told["seconds"]

    def throughput(self, size, batch, count, produce_budget, consume_budget):
        subject = f"bench.{size}"
        ratios, speeds, bare_speeds, cpus, bare_cpus = [], [], [], [], []
        # A fresh store a round and the first round not counted: both sides then write into memory the system has used before.
        for number in range(self.options.rounds + 1):
            bare, bare_cpu = self.bare(size, batch, 8, count)
            server = self.server(f"size{size}-{number}")
            for window in (1, GROUPS):
                self.known_groups(server, subject, window, group=f"side.{window}")
            speed, cpu, _ = self.produce(server, subject, size, batch, 8, count)
            if number < self.options.rounds:
                server.stop()
                shutil.rmtree(server.home)
            if number == 0:
                continue
            ratios.append(speed / bare)
            speeds.append(speed)
            bare_speeds.append(bare)
            cpus.append(cpu)
            bare_cpus.append(bare_cpu)
        middle = lambda values: sorted(values)[len(values) // 2]
        what = f"{size} B x {batch}, window 8"
        self.row(f"produce {what}: share of the bare loop", 100 * middle(ratios), "%", ">= 60 (then 75)" if size > 500 else "(>= 50)")
        self.row(f"produce {what}", middle(speeds) / 1e6, "MB/s", f"bare loop {middle(bare_speeds) / 1e6:,.0f}")
        self.row(f"produce {what}: server CPU a million", middle(cpus), "s", f"<= {produce_budget} (bare loop {middle(bare_cpus):.2f})")
        produced = middle(speeds)
        for window, who in ((1, "one group"), (GROUPS, f"{GROUPS} groups on a connection")):
            bare, bare_cpu = self.bare(size, batch, window, count, consume=True)
            speed, cpu, _ = self.consume(server, subject, batch, count, group=f"side.{window}", window=window)
            what = f"consume {size} B, {batch} a pull, each acknowledged, {who}"
            self.row(what, speed / 1e6, "MB/s", f">= 1.5 x produce = {1.5 * produced / 1e6:,.0f} (bare loop {bare / 1e6:,.0f})")
            self.row(f"{what}: server CPU a million", cpu, "s", f"<= {consume_budget} (bare loop {bare_cpu:.2f})")
        server.stop()
        shutil.rmtree(server.home)

    def latency_of(self, loops):
        server = self.server(f"latency-{loops}", {"io.loops": str(loops)})
        address = f"127.0.0.1:{server.port('broker.port')}"
        self.known_groups(server, "latency", 1)
        told = self.load("latency", address=address, subject="latency", size=128, count=self.options.trips)
        server.stop()
        return told

    def latency(self):
        server = subprocess.Popen([self.options.load, "bare-latency", "--file", str(self.directory / "bare.log")], stdout=subprocess.PIPE, text=True)
        port = int(server.stdout.readline())
        bare = self.load("latency", address=f"127.0.0.1:{port}", subject="latency", size=128, count=self.options.trips)
        server.wait(30)
        two, one = self.latency_of(2), self.latency_of(1)
        self.row("append -> parked pull answered, p50", two["p50_us"], "us", f"<= 40 (bare loop {bare['p50_us']:.0f})")
        self.row("append -> parked pull answered, p99", two["p99_us"], "us", f"<= 300 (then 150; bare loop {bare['p99_us']:.0f})")
        self.row("   both connections on one loop, p50", one["p50_us"], "us", "")

    def idle(self):
        server = self.server("idle")
        self.row("start of standalone to serving", 1000 * server.started_in, "ms", "<= 200")
        before, begin = cpu_seconds(server.pid), time.monotonic()
        time.sleep(self.options.idle)
        share = 100 * (cpu_seconds(server.pid) - before) / (time.monotonic() - begin)
        self.row("idle standalone: resident", memory_kib(server.pid, "VmRSS") / 1024, "MiB", "<= 15")
        self.row("idle standalone: private (RssAnon)", memory_kib(server.pid, "RssAnon") / 1024, "MiB", "(broker alone <= 5)")
        self.row("idle standalone: CPU", share, "%", "none measurable")
        self.row("idle standalone: descriptors", len(os.listdir(f"/proc/{server.pid}/fd")), "", "")
        server.stop()

    def clients(self, server, keys, connections, subjects, groups, seconds):
        """The clients of a site: what the metaserver costs while they register every minute, and what it holds for them."""
        program = str(Path(self.options.load).parent / "bench_clients")
        empty = memory_kib(server.pid, "VmRSS")
        load = subprocess.Popen(
            [program, "--port", str(server.port("meta.server.port")), "--connections", str(connections), "--keys", str(keys), "--subjects", str(subjects),
             "--groups", str(groups), "--rate", str(keys / 60), "--seconds", str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip

        def stage(name):
            if load.stdout.readline().strip() != name:
                raise SystemExit(f"bench: bench_clients did not get {name}")

        def go():
            load.stdin.write("\n")
            load.stdin.flush()

        stage("connected")
        connected = memory_kib(server.pid, "VmRSS")
        go()
        stage("registered")
        before, begin = cpu_seconds(server.pid), time.monotonic()
        go()
        told = json.loads(load.stdout.readline())
        share = 100 * (cpu_seconds(server.pid) - before) / (time.monotonic() - begin)
        load.wait(60)
        return told, share, memory_kib(server.pid, "VmRSS"), connected - empty

    def metaserver(self):
        settings = {"heartbeat.timeout.ms": "3600000"}
        server = self.server("metaserver", settings, "metaserver")
        keys, connections = 50000, 15000
        told, share, resident, held = self.clients(server, keys, connections, 10000, 100, self.options.metaserver)
        what = f"metaserver, {keys:,} client keys a minute on {connections:,} connections, 10,000 subjects, 100 groups"
        self.row(f"{what}: CPU", share, "%", "<= 10")
        self.row(f"{what}: resident", resident / 1024, "MiB", "<= 150")
        self.row(f"{what}: a connection", held / connections, "KiB", "<= 3")
        self.row(f"{what}: all register for the first time", told["first_seconds"], "s", "")
        self.row(f"{what}: answered, p50", told["p50_us"] / 1000, "ms", "")
        self.row(f"{what}: answered, p99", told["p99_us"] / 1000, "ms", "<= 2")
        server.stop()
        with sqlite3.connect(server.home / "data" / "meta.db") as database:
            database.executemany("INSERT INTO subject_route (subject_info, version, broker_group_json) VALUES (?, 1, ?)",
                                 ((f"many.{n}", json.dumps([f"bench{n % 100}", f"bench{(n + 1) % 100}"])) for n in range(100000)))  # fmt: skip
        server.start()
        time.sleep(1)
        before, begin = cpu_seconds(server.pid), time.monotonic()
        time.sleep(20)
        refreshes = (time.monotonic() - begin) / 5
        self.row("metaserver, 100,000 routes more: CPU of a refresh", (cpu_seconds(server.pid) - before) / refreshes, "s", "<= 1")
        told, _, resident, _ = self.clients(server, 5000, 500, 5000, 0, self.options.metaserver)
        self.row("metaserver, 100,000 routes more: slowest answer beside refreshes", told["max_us"] / 1000, "ms", "<= 20")
        self.row("metaserver, 100,000 routes more: resident", resident / 1024, "MiB", "")
        server.stop()

    def sizes(self):
        programs = [path for path in (Path(self.options.tree) / "lib").iterdir() if path.is_file()]
        total = 0
        for program in programs:
            stripped = self.directory / program.name
            subprocess.run(["strip", "-o", str(stripped), str(program)], check=False)
            total += stripped.stat().st_size if stripped.exists() else program.stat().st_size
        self.row("all programs of the release, stripped", total / 2**20, "MiB", "<= 30")

    def subjects(self, count, log_bytes):
        """A store of very many subjects: memory, descriptors, checkpoint, and the start after kill -9."""
        root = self.directory / "subjects"
        program = Path(self.options.load).with_name("bench_subjects")
        filling = subprocess.Popen([program, "fill", root, str(count), str(log_bytes)], stdout=subprocess.PIPE, text=True)
        told = json.loads(filling.stdout.readline())
        filling.kill()
        filling.wait()
        opened = json.loads(subprocess.run([program, "open", root], capture_output=True, text=True, check=True).stdout)
        name = f"{count} subjects x 3 groups"
        self.row(f"{name}: descriptors", told["descriptors"], "", "<= 2000")
        self.row(f"{name}: mappings", told["mappings"], "", "<= 500")
        self.row(f"{name}: resident", told["resident_kib"] / 1024, "MiB", "<= 200")
        self.row(f"{name}: checkpoint of all of them, CPU", told["checkpoint_cpu"], "s", "<= 1")
        self.row(f"{name}: longest append meanwhile", told["checkpoint_worst_us"] / 1000, "ms", "<= 5")
        self.row(f"{name}: longest append while the files are made", told["creation_worst_us"] / 1000, "ms", "<= 5")
        self.row(f"{name}, {opened['log_bytes'] / 2**30:.1f} GiB: start after kill -9", opened["open_us"] / 1e6, "s", "<= 3")
        self.row("   of its log validated (the rest was synced, the marker says)", opened["validated"] / 2**20, "MiB", "")
        shutil.rmtree(root, ignore_errors=True)

    def sync(self):
        """send.sync=disk: one data sync for all who wait."""
        place = self.directory / "sync"
        place.mkdir()
        program = Path(self.options.load).with_name("bench_group_commit")
        plain = json.loads(subprocess.run([program, place, "3"], capture_output=True, text=True, check=True).stdout)
        shutil.rmtree(place, ignore_errors=True)
        server = self.server("sockets", {"send.sync": "disk"})
        address = f"127.0.0.1:{server.port('broker.port')}"
        self.many(address, CONNECTIONS, CONNECTIONS * 20)  # the file grows
        alone, together = self.many(address, 1, 500), self.many(address, CONNECTIONS, 40000)
        server.stop()
        what = f"append with send.sync=disk, {CONNECTIONS} connections"
        self.row(what, together, "/s", f"one connection {alone:,.0f}, a plain file synced for each {plain['single']:,.0f}")
        self.row("   in data syncs of a plain file", together / plain["single"], "x", ">= 20")
        self.row("   the store alone, as many threads, no sockets", plain["group"] / plain["single"], "x", "")

    def many(self, address, connections, count):
        """Messages a second, one in flight on each connection."""
        told = self.load("many", address=address, subject="bench.sync", size=1024, batch=1, window=connections, count=count)
        return told["messages"] / told["seconds"]

    def fresh(self):
        """Disk of a store with ten messages."""
        server = self.server("fresh")
        self.load("produce", address=f"127.0.0.1:{server.port('broker.port')}", subject="bench.fresh", size=100, batch=1, window=1, count=10)
        blocks = sum(path.stat().st_blocks for path in server.store_root().rglob("*")) * 512
        server.stop()
        self.row("fresh store with ten messages: disk", blocks / 2**20, "MiB", "< 5")


def run(bench, options):
    """The parts that were asked for, one after the other."""
    parts = options.only.split(",")
    if "idle" in parts:
        bench.idle()
        broker_parts.idle(bench, memory_kib, cpu_seconds)
    if "latency" in parts:
        bench.latency()
    if "throughput" in parts:
        bench.throughput(1024, 50, options.count, 0.9, 0.4)
        bench.throughput(128, 50, options.count * 3, 0.4, 0.14)
    if "sync" in parts:
        bench.sync()
    if "mixed" in parts:
        broker_parts.mixed(bench)
    if "waiting" in parts:
        broker_parts.waiting(bench, memory_kib, cpu_seconds)
    if "cold" in parts:
        broker_parts.cold(bench)
    if "metaserver" in parts:
        bench.metaserver()
    if "sizes" in parts:
        bench.sizes()
    if "fresh" in parts:
        bench.fresh()
    if "subjects" in parts:
        bench.subjects(options.subjects, int(options.log_gib * 2**30))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--directory", default=None, help="where the stores are made (default: the system's temporary directory)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=300000, help="messages of 1 KiB a round")
    parser.add_argument("--subjects", type=int, default=100000)
    parser.add_argument("--log-gib", type=float, default=10.0, help="message log of the store with many subjects")
    parser.add_argument("--trips", type=int, default=3000)
    parser.add_argument("--idle", type=float, default=5.0)
    parser.add_argument("--metaserver", type=float, default=20.0, help="seconds of registrations")
    parser.add_argument("--json", default=None)
    parser.add_argument("--only", default="idle,latency,throughput,mixed,waiting,cold,metaserver,sizes,fresh,sync,subjects")
    options = parser.parse_args()
    options.tree, options.load = str(Path(options.tree).resolve()), str(Path(options.load).resolve())
    bench = Bench(options)
    try:
        run(bench, options)
    finally:
        bench.clean()
    if options.json:
        Path(options.json).write_text(json.dumps(bench.rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
