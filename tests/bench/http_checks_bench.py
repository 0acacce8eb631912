#!/usr/bin/python3
"""What checks by HTTP cost tandem-checker: 10,000 servers (or as many as asked for) at an interval of
5 s, in one pair of namespaces, all of them an nginx that answers with 11 bytes. nginx notes when it
answered whom: the rate, and by how much each request is off its server's place in the schedule.

    sudo TANDEM_PREFIX=/usr tests/bench/http_checks_bench.py [SECONDS [SERVERS [http|https|h2]]]
"""

import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lab"))
from checker_bench import cpu_seconds  # noqa: E402
from http_servers import Authority, Nginx  # noqa: E402
from played_director import Helper, Namespace, connect  # noqa: E402

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 30
TARGETS = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
KIND = sys.argv[3] if len(sys.argv) > 3 else "http"
INTERVAL = 5


def targets():
    settings = {"path": "/healthz", "body_contains": "ok"}
    if KIND == "h2":
        settings["http_version"] = "2"
    port = {"http": 80, "https": 443, "h2": 81}[KIND]
    for i in range(TARGETS):
        address = f"10.78.{i // 250}.{1 + i % 250}"
        yield {"id": address, "type": "https" if KIND == "https" else "http", "address": address,
               "port": port, "settings": settings, "interval_us": INTERVAL * 1000000,
               "timeout_us": 2000000, "rise": 2, "fall": 3, "jitter_percent": 0, "state": "unknown"}


def lateness(log, since):
    """In seconds after its place, of each request since then; places are learned from the earliest."""
    times = {}
    for line in pathlib.Path(log).read_text(encoding="ascii").splitlines():
        address, when = line.split()
        if float(when) >= since:
            times.setdefault(address, []).append(float(when) % INTERVAL)
    for places in times.values():
        first = min(places, key=lambda p: sum((q - p) % INTERVAL for q in places))
        yield from ((place - first) % INTERVAL for place in places)


def memory(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return 0


def measure(here, log):
    checker = Helper("tandem-checker", here)
    begun = time.monotonic()
    checker.configure(targets=list(targets()))
    for _ in range(TARGETS):
        checker.wait("Verdict", timeout=10, state="up")
    print(f"{TARGETS} verdicts by {KIND} after {time.monotonic() - begun:.2f} s")
    time.sleep(INTERVAL)  # until each is at its place
    start, since, cpu = time.monotonic(), time.time(), cpu_seconds([checker.process.pid])
    time.sleep(SECONDS)
    passed = time.monotonic() - start
    share = (cpu_seconds([checker.process.pid]) - cpu) / passed
    late = sorted(lateness(log, since))
    rate = len(late) / passed
    print(f"{rate:.0f} checks/s of {TARGETS / INTERVAL:.0f} due, {100 * share:.1f} % of a core, "
          f"{1e6 * share / max(rate, 1):.0f} us each, {memory(checker.process.pid, 'VmRSS'):.1f} MB, "
          f"at most {memory(checker.process.pid, 'VmHWM'):.1f} MB; late p50 "
          f"{1000 * late[len(late) // 2]:.1f} ms, p99 {1000 * late[len(late) * 99 // 100]:.1f} ms, max "
          f"{1000 * late[-1]:.1f} ms")
    took = sorted(t["latency_us"] for t in checker.report()["targets"])
    print(f"an attempt took p50 {took[len(took) // 2] / 1000:.1f} ms, "
          f"p99 {took[len(took) * 99 // 100] / 1000:.1f} ms")
    checker.stop()


def main():
    here, there = Namespace("bench"), Namespace("bench")
    connect(here, there)
    here.ip("route", "add", "10.78.0.0/16", "via", "10.77.0.2")
    there.ip("route", "add", "local", "10.78.0.0/16", "dev", "lo")
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(directory)
        log = pathlib.Path(directory) / "requests.log"
        nginx = Nginx(there, directory, authority.issue("good.pem"), authority.path, log)
        try:
            measure(here, log)
        finally:
            nginx.close()
            here.delete()
            there.delete()


if __name__ == "__main__":
    main()
