#!/usr/bin/python3
"""How long tandem and keepalived take to load the same IPVS table from nothing, in one boot.

Both start with an empty network namespace of their own and have the same 5,000 services of 4 servers
(wlc, masquerading, no health checks). tandem's time is what its dump, plan and apply take
(ipvs_bench.c); keepalived's runs from its start until /proc/net/ip_vs has everything. They take
turns, and the best of each counts, because other work on the machine only ever makes them slower.
Exit status 0: tandem is at least --ratio times as fast; 77: there is no IPVS in this kernel or no
keepalived to compare with.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SERVICES, SERVERS = 5000, 4
NETNS = "tandem-ipvs-bench"


def table_size(netns=None):
    """How many services and destinations the IPVS table of a network namespace has."""
    enter = ["ip", "netns", "exec", netns] if netns else []
    text = subprocess.run([*enter, "cat", "/proc/net/ip_vs"], check=True, stdout=subprocess.PIPE)
    lines = text.stdout.splitlines()[3:]
    dests = sum(line.startswith(b"  ->") for line in lines)
    return len(lines) - dests, dests


def seconds_until_table(services, dests, netns=None, start=None, timeout=300, interval=0.05):
    """Wait until the table has exactly that size, and return how long after `start` (now, when left
    out; of time.monotonic()) that was. A look at a large table takes long: what counts is when
    the look that found it complete began, in favour of whoever fills it."""
    start = time.monotonic() if start is None else start
    while True:
        look = time.monotonic()
        size = table_size(netns)
        if size == (services, dests):
            return look - start
        if look - start > timeout:
            raise TimeoutError(f"after {timeout} s the table has {size}, not {(services, dests)}")
        time.sleep(interval)


@contextlib.contextmanager
def network_namespace(name):
    """A network namespace with lo up, without which IPVS refuses every server. The kernel takes it
    apart in the background after we have deleted it: wait for that, it would slow down what comes
    next. Nor can a namespace serve twice: deleted servers stay for minutes in a list that every
    new one is looked up in."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)
        wait_for_no_services()


def wait_for_no_services(timeout=60):
    """Each service holds the module of its scheduler."""
    refcount = Path("/sys/module/ip_vs_wlc/refcnt")
    deadline = time.monotonic() + timeout
    while refcount.exists() and int(refcount.read_text()) > 0:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{refcount.read_text()} services are left after {timeout} s")
        time.sleep(0.1)


def vip(i):
    return f"10.0.{i >> 8}.{i & 255}"


def server(i, j):
    return f"10.{16 + j}.{i >> 8}.{i & 255}"


def keepalived_config(services, servers, weight_of_first=1):
    lines = []
    for i in range(services):
        lines.append(f"virtual_server {vip(i)} 80 {{\n lvs_sched wlc\n lvs_method NAT\n protocol TCP")
        lines += [f" real_server {server(i, j)} 80 {{\n  weight {1 if i or j else weight_of_first}\n }}"
                  for j in range(servers)]
        lines.append("}")
    return "\n".join(lines) + "\n"


def time_tandem(services, servers, bench):
    """Dump, plan and apply as the director does them, by the program's own clock."""
    with network_namespace(NETNS) as netns:
        command = [bench, "--load", f"--services={services}", f"--servers={servers}"]
        report = subprocess.run(["ip", "netns", "exec", netns, *command], check=True,
                                stdout=subprocess.PIPE, text=True).stdout
        print(report, end="", flush=True)
        if table_size(netns) != (services, services * servers):
            raise AssertionError(f"the table has {table_size(netns)}")
        return float(re.match(r"from nothing +([0-9.]+) s", report)[1])


def has_weight(netns, weight):
    """Whether a server of the table has this weight, which no other has."""
    lines = subprocess.run(["ip", "netns", "exec", netns, "cat", "/proc/net/ip_vs"], check=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    return any(line.split()[3] == b"%d" % weight for line in lines[3:] if line.startswith(b"  ->"))


def seconds_until_weight(netns, weight, start, timeout=120):
    """How long after `start` the look that found it began. Looks are seldom, as when a table is filled."""
    while True:
        look = time.monotonic()
        if has_weight(netns, weight):
            return look - start
        if look - start > timeout:
            raise TimeoutError(f"no server has weight {weight} after {timeout} s")
        time.sleep(0.5)


def time_keepalived(services, servers, reloaded=None, looked=None):
    """Debian's keepalived, its checker process alone, without checks and almost without a log. With
    `reloaded`, a list, that is given how long one change of a weight takes at a reload. `looked` is
    called with its process id when the table is complete."""
    with network_namespace(NETNS) as netns, tempfile.TemporaryDirectory() as work:
        config = Path(work, "keepalived.conf")
        config.write_text(keepalived_config(services, servers))
        command = ["ip", "netns", "exec", netns, "keepalived", "--check", "--dont-fork"]
        command += [f"--use-file={config}", f"--pid={work}/pid", f"--checkers_pid={work}/checkers"]
        start = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
            try:
                # A look slows it down, so look seldom: it is late by half a second at most.
                seconds = seconds_until_table(
                    services, services * servers, netns, start, interval=0.5)
                if looked:
                    looked(daemon.pid)
                else:
                    print(f"keepalived {seconds:17.3f} s", flush=True)
                if reloaded is not None:
                    config.write_text(keepalived_config(services, servers, weight_of_first=7))
                    changed = time.monotonic()
                    daemon.send_signal(signal.SIGHUP)
                    reloaded.append(seconds_until_weight(netns, 7, changed))
                return seconds
            finally:
                daemon.terminate()


def has_ipvs():
    subprocess.run(["modprobe", "-q", "ip_vs"], check=False)
    return Path("/proc/net/ip_vs").exists()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    build = os.environ.get("TANDEM_BUILDDIR", "build")
    parser.add_argument("--bench", default=f"{build}/tests/bench/ipvs_bench")
    parser.add_argument("--services", type=int, default=SERVICES)
    parser.add_argument("--servers", type=int, default=SERVERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ratio", type=float, default=10,
                        help="fail below it (default 10: a busy machine can halve what is measured)")
    args = parser.parse_args()
    if not has_ipvs() or not shutil.which("keepalived"):
        print("no IPVS in this kernel, or no keepalived", file=sys.stderr)
        return 77
    size = args.services, args.servers
    tandem, keepalived = [], []
    for _ in range(args.rounds):
        tandem += [time_tandem(*size, args.bench) for _ in range(3)]
        keepalived.append(time_keepalived(*size))
    ratio = min(keepalived) / min(tandem)
    print(f"{size[0]} services x {size[1]} servers from nothing: tandem {min(tandem):.2f} s, "
          f"keepalived {min(keepalived):.2f} s, {ratio:.1f} times as fast")
    return 0 if ratio >= args.ratio else 1


if __name__ == "__main__":
    sys.exit(main())
