#!/usr/bin/python3
"""What a large table costs the whole daemon, process and file included: from nothing, at a reload of
the unchanged file, of one weight, without one service, and after somebody flushed the table; keepalived,
ipvsadm -R and a bare netlink writer beside it where they can do the same, all in one boot. The bare
writer has the processors for itself, so it is compared with a daemon that runs and is given the file: at
its start the helpers start beside it. System calls are counted by the kernel's own tracing where it has
that, in runs of their own with a tenth of the services: to count takes time.

Needs root and a kernel with IPVS. A namespace each: what was deleted in one slows down what is added.
"""

import argparse
import contextlib
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ipvs_bench
from ipvs_bench import network_namespace, seconds_until_table, table_size

NETNS = "tandem-whole-bench"


def config(services, servers):
    return {
        "nodes": {"lb1": {}},
        "pools": {f"p{i}": {"servers": {f"s{j}": {"address": ipvs_bench.server(i, j)}
                                        for j in range(servers)}} for i in range(services)},
        "services": {f"v{i}": {"listen": ipvs_bench.vip(i), "port": 80, "scheduler": "wlc",
                               "forward": "nat", "pool": f"p{i}"} for i in range(services)},
        # Looks go on, but not while something is timed.
        "ipvs": {"drift_interval": "1h"},
    }


def in_netns(*command):
    return ["ip", "netns", "exec", NETNS, *command]


class Daemon:
    def __init__(self, work, prefix):
        self.work, self.prefix = Path(work), Path(prefix)
        self.file = self.work / "tandem.json"
        self.operations = 0

    def write(self, text):
        self.file.write_text(json.dumps(text, indent=2))

    @contextlib.contextmanager
    def running(self):
        command = in_netns(str(self.prefix / "sbin/tandemd"), "--config", str(self.file), "--node",
                           "lb1", "--runtime-dir", f"{self.work}/run", "--state-dir",
                           f"{self.work}/state", "--log", "stderr")
        with open(self.work / "log", "wb") as log, \
                subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                self.pid = process.pid
                yield self
            finally:
                process.terminate()

    def ctl(self, *arguments):
        command = [str(self.prefix / "bin/tandemctl"), "--runtime-dir", f"{self.work}/run", "--json",
                   *arguments]
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if answer.returncode != 0:
            raise RuntimeError(f"{arguments}: {answer.stderr.decode()}")
        return json.loads(answer.stdout)

    def cost(self):
        """Processor seconds; resident MiB."""
        ticks = sum(map(int, Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1]
                        .split()[11:13]))
        kib = next(int(line.split()[1]) for line in Path(f"/proc/{self.pid}/status").read_text()
                   .splitlines() if line.startswith("VmRSS"))
        return ticks / os.sysconf("SC_CLK_TCK"), kib / 1024

    def wait_applied(self, begun, timeout=300):
        """Seconds from `begun` (of time.time()) until the whole table was applied, and those of them from the first look
        at the table to the last answer, both as it says itself. To look at a table of this size while it is filled would
        cost more than a tenth of the time; whether it is there is looked up afterwards."""
        while not (found := re.search(r"^(\S+)Z ipvs-applied .* whole table .*TANDEM_ELAPSED_US=(\d+)",
                                      (self.work / "log").read_text(), re.M)):
            if time.time() > begun + timeout:
                raise TimeoutError(f"not applied after {timeout} s")
            time.sleep(0.05)
        at = datetime.datetime.fromisoformat(found[1] + "+00:00").timestamp()
        return at - begun, int(found[2]) / 1e6

    def time(self, what, *arguments, expected):
        """What it takes until an answer is there; its number of operations must be as expected."""
        cpu, _ = self.cost()
        begun = time.monotonic()
        operations = self.ctl(*arguments)["operations"]
        seconds = time.monotonic() - begun
        after, mib = self.cost()
        if operations != expected:
            raise AssertionError(f"{what}: {operations} operations, not {expected}")
        report(f"tandem: {what}", seconds,
               f"{after - cpu:.2f} s of processor, {mib:.0f} MiB, {operations} operations")
        return seconds


def wait_for_socket(daemon, timeout=60):
    deadline = time.monotonic() + timeout
    while not (daemon.work / "run/tandem.sock").exists():
        if time.monotonic() > deadline:
            raise TimeoutError("no control socket")
        time.sleep(0.05)


def report(what, seconds, more=""):
    print(f"{what:44} {seconds:8.2f} s  {more}", flush=True)


def time_daemon(services, servers, prefix):
    table = services, services * servers
    text = config(services, servers)
    times = {}
    with network_namespace(NETNS), tempfile.TemporaryDirectory() as work:
        daemon = Daemon(work, prefix)
        daemon.write(text)
        begun = time.time()
        with daemon.running():
            times["start"], times["apply"] = daemon.wait_applied(begun)
            cpu, mib = daemon.cost()
            if table_size(NETNS) != table:
                raise AssertionError(f"the table has {table_size(NETNS)}")
            report("tandem: from nothing", times["start"], f"{cpu:.2f} s of processor, {mib:.0f} MiB")
            daemon.ctl("reload")  # the start is over when this is answered
            report("tandem: of that, the table", times["apply"])
            times["same"] = daemon.time("a reload of the same", "reload", expected=0)
            times["weight"] = float("inf")  # the best of three
            for weight in (7, 8, 9):
                text["pools"]["p0"]["servers"]["s0"]["weight"] = weight
                daemon.write(text)
                times["weight"] = min(times["weight"], daemon.time(
                    f"one weight changed to {weight}", "reload", expected=1))
            del text["services"]["v1"], text["pools"]["p1"]
            daemon.write(text)
            times["removed"] = daemon.time("one service removed", "reload", expected=1)
    return times


def time_into_empty(services, servers, prefix):
    """The whole table by a reload of a daemon that had none, and whose helpers have long started: seconds until it is
    applied, and those of them from the first look at the table to the last answer."""
    with network_namespace(NETNS), tempfile.TemporaryDirectory() as work:
        daemon = Daemon(work, prefix)
        text = config(services, servers)
        daemon.write({"nodes": text["nodes"], "ipvs": text["ipvs"]})
        with daemon.running():
            wait_for_socket(daemon)
            daemon.ctl("reload")
            daemon.ctl("status")  # helpers that have reported do not start any more
            daemon.write(text)
            begun = time.time()
            daemon.ctl("reload")
            reloaded, applied = daemon.wait_applied(begun)
            if table_size(NETNS) != (services, services * servers):
                raise AssertionError(f"the table has {table_size(NETNS)}")
    report("tandem: a reload, from an empty table", reloaded)
    report("tandem: of that, the table", applied)
    return reloaded, applied


def time_repair(services, servers, prefix):
    """After somebody flushed the table: all of it is mended."""
    table = services, services * servers
    with network_namespace(NETNS), tempfile.TemporaryDirectory() as work:
        daemon = Daemon(work, prefix)
        daemon.write(config(services, servers))
        with daemon.running():
            seconds_until_table(*table, NETNS)
            daemon.ctl("reload")
            daemon.ctl("repair")  # the look that follows a reload is over when this is answered
            subprocess.run(in_netns("ipvsadm", "-C"), check=True)
            seconds = daemon.time(f"{services} services flushed, repair", "repair",
                                  expected=services * (servers + 1))
            if table_size(NETNS) != table:
                raise AssertionError(f"the table has {table_size(NETNS)}")
    return seconds


def bare_writer(services, servers, bench):
    return [bench, "--bare", f"--services={services}", f"--servers={servers}"]


def time_bare(services, servers, bench):
    """The same operations from memory: the best of three."""
    best = None
    for _ in range(3):
        with network_namespace(NETNS):
            output = subprocess.run(in_netns(*bare_writer(services, servers, bench)), check=True,
                                    stdout=subprocess.PIPE, text=True).stdout
        seconds = float(re.match(r"bare writer +([0-9.]+) s", output)[1])
        best = min(seconds, best or seconds)
    report("bare writer: from nothing", best)
    return best


def restore_input(services, servers):
    lines = []
    for i in range(services):
        lines.append(f"-A -t {ipvs_bench.vip(i)}:80 -s wlc")
        lines += [f"-a -t {ipvs_bench.vip(i)}:80 -r {ipvs_bench.server(i, j)}:80 -m -w 1"
                  for j in range(servers)]
    return ("\n".join(lines) + "\n").encode()


def time_restore(services, servers, flushed):
    """ipvsadm -R of the same table, into an empty namespace or where it was and was flushed."""
    command, text = in_netns("ipvsadm", "-R"), restore_input(services, servers)
    with network_namespace(NETNS):
        if flushed:
            subprocess.run(command, input=text, check=True)
            subprocess.run(in_netns("ipvsadm", "-C"), check=True)
        begun = time.monotonic()
        subprocess.run(command, input=text, check=True)
        seconds = time.monotonic() - begun
    report(f"ipvsadm -R: {services} services {'flushed' if flushed else 'from nothing'}", seconds)
    return seconds


class SystemCalls:
    """Counts those of every process, by pid."""

    ROOT = Path("/sys/kernel/tracing")
    TRIGGER = ROOT / "events/raw_syscalls/sys_enter/trigger"
    WHAT = "hist:keys=common_pid:size=16384"

    def __enter__(self):
        if not self.TRIGGER.exists():
            subprocess.run(["mount", "-t", "tracefs", "tracefs", self.ROOT], check=True, capture_output=True)
        self.TRIGGER.write_text(self.WHAT)
        return self

    def of(self, pids):
        text = (self.TRIGGER.parent / "hist").read_text()
        counts = dict(map(int, pair) for pair in
                      re.findall(r"common_pid: +(\d+) } hitcount: +(\d+)", text))
        return sum(counts.get(pid, 0) for pid in pids)

    def __exit__(self, *_):
        self.TRIGGER.write_text("!" + self.WHAT)


def children(pid):
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def count_calls(services, servers, prefix, bench):
    """How many it takes each of them to fill the table from nothing, start and file included."""
    table = services, services * servers
    with network_namespace(NETNS), tempfile.TemporaryDirectory() as work, SystemCalls() as calls:
        daemon = Daemon(work, prefix)
        daemon.write(config(services, servers))
        with daemon.running():
            seconds_until_table(*table, NETNS)
            counts = {"tandemd": calls.of([daemon.pid]),
                      "its helpers": calls.of(children(daemon.pid))}
    for what, command, text in (
            ("ipvsadm -R", ["ipvsadm", "-R"], restore_input(services, servers)),
            ("bare writer", bare_writer(services, servers, bench), b"")):
        with network_namespace(NETNS), SystemCalls() as calls, \
                subprocess.Popen(in_netns(*command), stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL) as process:
            process.communicate(text)
            counts[what] = calls.of([process.pid])
    with SystemCalls() as calls:
        pids = []
        ipvs_bench.time_keepalived(services, servers, looked=lambda pid: pids.extend(
            [pid, *children(pid)]) or counts.update(keepalived=calls.of(pids)))
    print(f"{f'system calls for {services} services':44} " +
          ", ".join(f"{what} {n}" for what, n in counts.items()), flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefix", default=os.environ.get("TANDEM_PREFIX", "/usr"))
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--servers", type=int, default=5)
    parser.add_argument("--bench", default=os.path.join(
        os.environ.get("TANDEM_BUILDDIR", "build"), "tests/bench/ipvs_bench"))
    parser.add_argument("--ratio", type=float, default=0,
                        help="fail when a start is not so many times as fast as keepalived's")
    parser.add_argument("--restore-services", type=int, help="how many of them for ipvsadm -R from nothing")
    parser.add_argument("--reload-ratio", type=float, default=0,
                        help="fail when a reload of one weight is not so many times as fast as keepalived's")
    parser.add_argument("--bare-ratio", type=float, default=float("inf"),
                        help="fail when the table, by a reload, takes more than so many times as long "
                             "as a bare writer does")
    args = parser.parse_args()
    if not ipvs_bench.has_ipvs():
        print("no IPVS in this kernel", file=sys.stderr)
        return 77
    size = args.services, args.servers
    ours = time_daemon(*size, args.prefix)
    # The best of three, as the bare writer's.
    into_empty, applied = map(min, *(time_into_empty(*size, args.prefix) for _ in range(3)))
    reloaded = []
    theirs = ipvs_bench.time_keepalived(*size, reloaded)
    report("keepalived: one weight changed", reloaded[0])
    restore_size = args.restore_services or args.services, args.servers
    restored = time_restore(*restore_size, flushed=False)
    bare = time_bare(*size, args.bench)
    # The kernel looks each new server up in the list of those deleted: a fifth takes a twenty-fifth.
    few = args.services // 5, args.servers
    repaired, restored_few = time_repair(*few, args.prefix), time_restore(*few, flushed=True)
    try:
        count_calls(args.services // 10, args.servers, args.prefix, args.bench)
    except (OSError, subprocess.CalledProcessError):
        print(f"{'system calls':44} not counted: this kernel cannot trace them", flush=True)
    ratio, reload_ratio, bare_ratio = theirs / ours["start"], reloaded[0] / ours["weight"], applied / bare
    print(f"{size[0]} services x {size[1]} servers: from nothing {ours['start']:.2f} s, keepalived "
          f"{theirs:.2f} s ({ratio:.1f} times), ipvsadm -R of {restore_size[0]} {restored:.2f} s; a reload from an empty table "
          f"{into_empty:.2f} s ({theirs / into_empty:.1f} times), the table of that {applied:.2f} s, a bare writer "
          f"{bare:.2f} s ({bare_ratio:.1f} times); one weight "
          f"{ours['weight']:.2f} s, keepalived {reloaded[0]:.2f} s "
          f"({reload_ratio:.1f} times); {few[0]} services after a flush "
          f"{repaired:.2f} s, ipvsadm -R {restored_few:.2f} s")
    good = ratio >= args.ratio and reload_ratio >= args.reload_ratio and bare_ratio <= args.bare_ratio
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
