#!/usr/bin/python3
"""How many TCP checks tandem-checker makes, and what they cost, beside keepalived's checker.

5,000 servers (or as many as asked for) at an interval of 2 s, in one pair of namespaces, all of them
up. The kernel counts the connections that each begins. Both run for the same time, once all servers are
in: tandem's have their verdicts, keepalived's are in the kernel's table and two intervals have passed.
keepalived's checker needs IPVS; without it only tandem's figures are printed.

    sudo TANDEM_PREFIX=/usr tests/bench/checker_bench.py [SECONDS [SERVERS]]
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lab"))
from played_director import Helper, Listener, Namespace, connect  # noqa: E402

TARGETS = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
INTERVAL = 2
PER_SERVICE = 100
START_MAX = 120
TICKS = os.sysconf("SC_CLK_TCK")


def addresses():
    return [f"10.78.{i // 250}.{1 + i % 250}" for i in range(TARGETS)]


def servers(here, there):
    """One listener answers for all addresses."""
    connect(here, there)
    here.ip("route", "add", "10.78.0.0/16", "via", "10.77.0.2")
    there.ip("route", "add", "local", "10.78.0.0/16", "dev", "lo")
    return Listener(there, "", 80)


def requests(here):
    """Connections begun in this namespace since it was made."""
    with here.entered():
        lines = pathlib.Path("/proc/thread-self/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(values[names.index("ActiveOpens")])


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def measure(name, here, pids, seconds):
    start, cpu, count = time.monotonic(), cpu_seconds(pids), requests(here)
    time.sleep(seconds)
    passed = time.monotonic() - start
    share = (cpu_seconds(pids) - cpu) / passed
    rate = (requests(here) - count) / passed
    memory = sum(int(line.split()[1]) for pid in pids
                 for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                 if line.startswith("VmRSS"))
    print(f"{name:<16} {rate:7.0f} checks/s of {TARGETS / INTERVAL:.0f} due, {100 * share:5.1f} % of "
          f"a core, {1e6 * share / max(rate, 1 / seconds):5.1f} us each, {memory / 1024:.1f} MB")
    return rate, share


def tandem(here, seconds):
    checker = Helper("tandem-checker", here)
    start = time.monotonic()
    checker.configure(targets=[
        {"id": a, "type": "tcp", "address": a, "port": 80, "interval_us": INTERVAL * 1000000,
         "timeout_us": 1000000, "rise": 2, "fall": 3, "jitter_percent": 10, "state": "unknown"}
        for a in addresses()])
    for _ in range(TARGETS):
        checker.wait("Verdict", timeout=10, state="up")
    print(f"{'tandem-checker':<16} {TARGETS} verdicts after {time.monotonic() - start:.2f} s")
    result = measure("tandem-checker", here, [checker.process.pid], seconds)
    checker.stop()
    return result


def keepalived_config():
    yield "global_defs { router_id bench }\n"
    for i, address in enumerate(addresses()):
        if i % PER_SERVICE == 0:
            yield (f"virtual_server 10.79.0.{1 + i // PER_SERVICE} 80 {{\n delay_loop {INTERVAL}\n"
                   " lb_algo rr\n lb_kind NAT\n protocol TCP\n")
        yield (f" real_server {address} 80 {{ weight 1\n TCP_CHECK {{ connect_timeout 1\n"
               " retry 3\n delay_before_retry 1 } }\n")
        if i % PER_SERVICE == PER_SERVICE - 1:
            yield "}\n"


def children(pid):
    return [int(word) for word in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for_servers(here, process):
    end = time.monotonic() + START_MAX
    with here.entered():
        while process.poll() is None and time.monotonic() < end:
            if pathlib.Path("/proc/thread-self/net/ip_vs").read_text().count("->") > TARGETS:
                return True
            time.sleep(0.5)
    return False


def keepalived(here, seconds):
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        (path / "conf").write_text("".join(keepalived_config()))
        with here.entered():
            process = subprocess.Popen(
                ["keepalived", "--check", "--dont-fork", "--log-console", "-f", path / "conf",
                 "-p", path / "pid", "-c", path / "checkers.pid"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not wait_for_servers(here, process):
                print("keepalived       did not start")
                return None
            time.sleep(2 * INTERVAL)
            return measure("keepalived", here, children(process.pid), seconds)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def compare(ours, theirs, seconds):
    """Processor time for a check. Where the machine is too slow for so many, keepalived may not begin a
    single one in that time: it counts as one, to its favour."""
    made = max(theirs[0], 1 / seconds)
    print(f"per check, keepalived uses {theirs[1] / made / (ours[1] / ours[0]):.1f} times the processor "
          "time")


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    here, there = Namespace("bench"), Namespace("bench")
    try:
        listener = servers(here, there)
        ours = tandem(here, seconds)
        subprocess.run(["modprobe", "--quiet", "ip_vs"], check=False)
        if not os.path.exists("/proc/net/ip_vs"):
            print("keepalived       not measured: its checker needs IPVS, which this kernel has not")
        elif not shutil.which("keepalived"):
            print("keepalived       not measured: not installed")
        else:
            theirs = keepalived(here, seconds)
            if theirs:
                compare(ours, theirs, seconds)
        listener.close()
    finally:
        here.delete()
        there.delete()


if __name__ == "__main__":
    main()
