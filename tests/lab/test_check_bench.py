"""What checks cost at scale, how exact their schedule is, and how soon a death is seen; beside Debian's
keepalived where that can do the same. TANDEM_BENCH_SECONDS=30 for figures to be quoted; a few seconds
are enough to see that nothing has become slow."""

import os
import re
import statistics
import subprocess
import sys
import time

import pytest

from played_director import Helper, Listener, Namespace, connect

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "bench")
SECONDS = float(os.environ.get("TANDEM_BENCH_SECONDS", 6))
TICKS = os.sysconf("SC_CLK_TCK")
INTERVAL, TIMEOUT, FALL, JITTER_PERCENT = 2.0, 1.0, 3, 10
MANY = 50000
MANY_INTERVAL = 10.0
BYTES_MAX = 4096  # of memory for each of many targets
LATE_MAX = 0.1    # seconds that a busy machine may be late
RATIO = 2         # keepalived's processor time for a check to ours


@pytest.fixture
def network():
    """Two namespaces, and one listener that answers for all of 10.64.0.0/10."""
    here, there = Namespace("checks"), Namespace("checks")
    connect(here, there)
    here.ip("route", "add", "10.64.0.0/10", "via", "10.77.0.2")
    there.ip("route", "add", "local", "10.64.0.0/10", "dev", "lo")
    listener = Listener(there, "", 80)
    yield here, there
    listener.close()
    here.delete()
    there.delete()


@pytest.fixture
def checker(network):
    helper = Helper("tandem-checker", network[0])
    yield helper
    helper.stop()


def target(i, interval):
    address = f"10.{64 + i // 62500}.{i // 250 % 250}.{1 + i % 250}"
    return {"id": address, "type": "tcp", "address": address, "port": 80,
            "interval_us": int(interval * 1e6), "timeout_us": int(TIMEOUT * 1e6), "rise": 2,
            "fall": FALL, "jitter_percent": JITTER_PERCENT, "state": "unknown"}


def field(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key + ":"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def wait_up(checker, n, interval):
    for _ in range(n):
        checker.wait("Verdict", timeout=2 * interval + 20, state="up")


def count(report):
    return sum(t["checks"] for t in report["targets"])


def measure(checker, seconds=SECONDS):
    """Checks a second, share of a core, and the report at the end. A report of many targets takes a
    while: the count is from one to the other, the processor time from between them."""
    pid = checker.process.pid
    before, start, cpu = count(checker.report()), time.monotonic(), cpu_seconds(pid)
    time.sleep(seconds)
    share = (cpu_seconds(pid) - cpu) / (time.monotonic() - start)
    report = checker.report()
    return (count(report) - before) / (time.monotonic() - start), share, report


def silence(there):
    there.nft("add table inet t; add chain inet t i { type filter hook input priority 0; };"
              "add rule inet t i tcp dport 80 drop")


def seconds_until_down(checker, there, n):
    """Of each target, from when nothing answers any more."""
    start = time.monotonic()
    silence(there)
    times = []
    for _ in range(n):
        checker.wait("Verdict", timeout=FALL * INTERVAL + TIMEOUT + 20, state="down")
        times.append(time.monotonic() - start)
    return times


@pytest.mark.parametrize("n", [1000, 5000, 10000])
def test_targets_of_type_tcp(checker, network, figure, n):
    checker.configure(targets=[target(i, INTERVAL) for i in range(n)])
    wait_up(checker, n, INTERVAL)
    rate, share, report = measure(checker)
    starts = report["starts"]
    times = seconds_until_down(checker, network[1], n)
    bound = FALL * INTERVAL + TIMEOUT
    size = f"{n} tcp targets at {INTERVAL:.0f} s"
    figure(f"{size}: checks a second, of a core, memory",
           f"{rate:.0f}, {100 * share:.1f} %, {field(checker.process.pid, 'VmRSS') / 1024:.1f} MB",
           f"{n / INTERVAL:.0f} a second")
    figure(f"{size}: an attempt is late by, p50 / p99 / max",
           " / ".join(f"{starts[f'delay_{k}_us'] / 1000:.1f}" for k in ("p50", "p99", "max")) + " ms",
           f"p99 <= {INTERVAL * 100:.0f} ms")
    figure(f"{size}: a death is seen after, median / max",
           f"{statistics.median(times):.2f} / {max(times):.2f} s", f"<= {bound:.1f} s")
    assert rate > 0.95 * n / INTERVAL
    assert starts["delay_p99_us"] < INTERVAL * 100000
    assert max(times) < bound + LATE_MAX


def test_memory_and_processor_time_of_fifty_thousand_targets(checker, figure):
    pid = checker.process.pid
    checker.report()
    empty_kb = field(pid, "VmRSS")
    start = time.monotonic()
    assert checker.configure(targets=[target(i, MANY_INTERVAL) for i in range(MANY)]) == []
    figure(f"{MANY} tcp targets: configured in", f"{time.monotonic() - start:.2f} s")
    wait_up(checker, MANY, MANY_INTERVAL)
    time.sleep(MANY_INTERVAL)  # until each is at its place
    each = (field(pid, "VmRSS") - empty_kb) * 1024 / MANY
    rate, share, report = measure(checker, max(SECONDS, MANY_INTERVAL))
    figure(f"{MANY} tcp targets: memory for each, at most meanwhile",
           f"{each:.0f} bytes, {field(pid, 'VmHWM') / 1024:.0f} MB", f"<= {BYTES_MAX} bytes")
    figure(f"{MANY} tcp targets at {MANY_INTERVAL:.0f} s: checks a second, of a core",
           f"{rate:.0f}, {100 * share:.1f} %", f"{MANY / MANY_INTERVAL:.0f} a second")
    assert each <= BYTES_MAX
    assert rate > 0.95 * MANY / MANY_INTERVAL
    assert all(t["state"] == "up" for t in report["targets"])


def run_bench(name, *words):
    done = subprocess.run([sys.executable, os.path.join(BENCH, name), str(SECONDS), *words],
                          capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_ten_thousand_targets_of_type_http(figure):
    for line in run_bench("http_checks_bench.py", "10000"):
        figure("10000 http targets at 5 s", line)
        found = re.match(r"(\d+) checks/s of (\d+) due", line)
        assert not found or int(found[1]) > 0.95 * int(found[2])


@pytest.mark.ipvs
def test_a_check_costs_half_of_what_keepalived_needs(figure):
    """In one run, one after the other: both are as slow as the machine is."""
    lines = run_bench("checker_bench.py", "5000")
    for line in lines:
        figure("5000 tcp targets at 2 s", line)
    found = re.search(r"keepalived uses ([0-9.]+) times", lines[-1])
    assert found and float(found[1]) >= RATIO, lines
