"""Many virtual routers: what the election costs while nothing happens, and how soon all of them move
when a host is gone, beside Debian's keepalived in the same run. TANDEM_BENCH_SECONDS=60 for figures to be
quoted."""

import os
import time

import pytest

from director import Director
from peers import Keepalived
from process import children, wait_until

SECONDS = float(os.environ.get("TANDEM_BENCH_SECONDS", "4"))
PRIORITY = {"lb1": 150, "lb2": 100}

# How many, over how many interfaces, how often.
CASES = {"255 at 1s": (255, 1, 1.0), "255 at 100ms": (255, 1, 0.1), "255 at 10ms": (255, 1, 0.01),
         "1000 at 1s": (1000, 4, 1.0)}


def routers(count, interfaces):
    """(name, interface, vrid, address) of each."""
    for i in range(count):
        network, k = i % interfaces, i // interfaces
        yield f"r{i}", f"eth{network}", k + 1, f"10.{network}.1.{k}"


def topology(interfaces):
    return {name: {f"eth{i}": (f"net{i}", f"10.{i}.0.{number}/16") for i in range(interfaces)}
            for number, name in enumerate(PRIORITY, 1)}


class Pair:
    def __init__(self, lab, count, interfaces, interval_s):
        self.lab, self.interfaces = lab, interfaces
        self.routers = list(routers(count, interfaces))
        self.interval_s = interval_s
        self.high, self.low = map(self.make, PRIORITY)

    def active_of(self, director):
        """How many addresses it has."""
        ours = {address for *_, address in self.routers}
        return len(ours & {a.split("/")[0] for a in director.node.addresses()})

    def wait_active(self, director, seconds=60):
        wait_until(lambda: self.active_of(director) == len(self.routers), seconds,
                   f"{director.name} is Active everywhere", every=0.02)

    def start(self):
        self.high.start()
        self.wait_active(self.high)
        self.low.start()
        time.sleep(2 + 4 * self.interval_s)  # the announcements are over, and lb2 has heard of lb1

    def cut(self):
        for i in range(self.interfaces):
            self.lab.cut("lb1", f"eth{i}")

    def stop(self):
        """As if neither had been there."""
        for number, director in enumerate((self.high, self.low), 1):
            director.kill_all()
            for i in range(self.interfaces):
                director.node.ip(f"address flush dev eth{i}", f"address add 10.{i}.0.{number}/16 dev eth{i}")
        for i in range(self.interfaces):
            self.lab.mend("lb1", f"net{i}", f"eth{i}")


class Tandem(Pair):
    def make(self, name):
        advert = f"{round(self.interval_s * 1000)}ms"
        return Director(self.lab, name, {
            "nodes": {node: {} for node in PRIORITY},
            "virtual_routers": {
                router: {"interface": interface, "vrid": vrid, "advert_interval": advert,
                         "priority": PRIORITY, "addresses": [f"{address}/32"]}
                for router, interface, vrid, address in self.routers}})

    def elector(self, director):
        return director.helper_pid("elector")


class Theirs(Pair):
    def make(self, name):
        return Keepalived(self.lab, name,
                          [(router, interface, vrid, PRIORITY[name], f"{address}/32")
                           for router, interface, vrid, address in self.routers],
                          advert=str(self.interval_s),
                          globals=["vrrp_rt_priority 10", "vrrp_rlimit_rttime 10000000"])

    def elector(self, director):
        (process,) = director._processes
        return children(process.pid)["keepalived"]


def cpu_s(pid):
    """What it has used so far, of the processor."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        sizes = dict(line.split(":", 1) for line in file)
    return int(sizes["VmRSS"].split()[0]) / 1024


def share(pair):
    """Of a core, of lb1's and lb2's election process, over the time of the measurement."""
    pids = [pair.elector(d) for d in (pair.high, pair.low)]
    before, since = [cpu_s(pid) for pid in pids], time.monotonic()
    time.sleep(SECONDS)
    took_s = time.monotonic() - since
    return [(cpu_s(pid) - b) / took_s * 100 for pid, b in zip(pids, before)]


def strays(pair):
    """How many the Backup has that nobody gave it. Where the machine has just stood still they are looked at again: what
    a peer's silence moved then moves back as soon as it is heard."""
    for _ in range(20):
        looked = time.time()
        found = pair.active_of(pair.low)
        if not found or not pair.lab.stalls.within(looked - 0.5, looked):
            break
        print(f"{found} have moved, and the machine stood still")
    return found


def measure(pair):
    assert pair.lab.stalls.watching()
    pair.start()
    active, backup = share(pair)
    moved = strays(pair)
    memory = resident_mb(pair.elector(pair.high))
    pair.cut()
    since = time.monotonic()
    pair.wait_active(pair.low)
    took_s = time.monotonic() - since
    pair.stop()
    return {"active": active, "backup": backup, "memory": memory, "took_s": took_s, "strays": moved}


@pytest.mark.parametrize("case", list(CASES))
def test_many_routers(lab, figure, case):
    count, interfaces, interval_s = CASES[case]
    ours, theirs = {}, {}
    lab.build(topology(interfaces))
    for kind, result in ((Tandem, ours), (Theirs, theirs)):
        result.update(measure(kind(lab, count, interfaces, interval_s)))
    down_s = interval_s * (3 + (256 - PRIORITY["lb2"]) / 256)
    figure(f"{case}: of a core, Active/Backup",
           f"{ours['active']:.2f} %/{ours['backup']:.2f} %; keepalived "
           f"{theirs['active']:.2f} %/{theirs['backup']:.2f} %", "half")
    figure(f"{case}: memory", f"{ours['memory']:.1f} MB; keepalived {theirs['memory']:.1f} MB", "< 8 MB")
    figure(f"{case}: all Active after the last advert", f"{ours['took_s']:.2f} s; keepalived "
           f"{theirs['took_s']:.2f} s", f"<= {down_s + 1:.2f} s")
    figure(f"{case}: moved for no reason", f"{ours['strays']}; keepalived {theirs['strays']}", "0")
    assert ours["strays"] == 0
    assert ours["took_s"] <= down_s + 5
