"""The link on real kernels, by numbers: many connections in bulk, and what the relay costs beside the kernel's own
daemons. The connections are UDP's, each of one datagram."""

import itertools
import json
import os
import subprocess
import time

import pytest

from director import Director
from observe import Capture, Flows, stood_still
from pair import VIP, build_balancing
from process import cpu_seconds, peak_mb, wait_until
from test_balancing import all_up
from test_link_loss import PORTS, known, start, storm_config
from test_pair_link import make_key, wait_peer

pytestmark = pytest.mark.ipvs

# TANDEM_BULK=1000000 TANDEM_GUEST_MEMORY=9000 for the figure of a large site: some seven minutes.
BULK = int(os.environ.get("TANDEM_BULK", "100000"))
TABLE_BITS = 20  # the kernel's own 12 make a million connections chains of 250
BULKY, LIVE, BUSY, AROUND = PORTS
LIVE_RATE = 200
AT_ONCE = 4000  # no more than the kernel's queue of messages and the device's have room for


def load_ip_vs_anew(bits):
    """With a table of so many buckets: nobody may use it meanwhile, and what used it is taken apart in its time."""
    with open("/proc/modules", encoding="ascii") as file:
        loaded = [line.split()[0] for line in file if line.startswith("ip_vs")]
    names = [name for name in loaded if name != "ip_vs"]
    wait_until(lambda: subprocess.run(["modprobe", "-r", *names, "ip_vs"], capture_output=True,
                                      check=False).returncode == 0, 30, "IPVS is unloaded", every=0.5)
    subprocess.run(["modprobe", "ip_vs", f"conn_tab_bits={bits}"], check=True)
    for name in names:
        subprocess.run(["modprobe", name], check=True)


@pytest.fixture
def large_table(lab):  # before anybody has a network
    load_ip_vs_anew(TABLE_BITS)
    return lab


def start_one(lab, name):
    director = Director(lab, name, storm_config({"interface": "eth1", "key_file": lab.key_file})).start()
    all_up(director, ["direct"])
    return director


def sync(director):
    return director.status()["sync"]


def make_connections(lab, director, count):
    """As fast as the director's kernel says what it has got. How many a second that is."""
    begin = time.monotonic()

    def wait_heard(n):
        wait_until(lambda: sync(director)["shadow"]["entries"] >= n, 60, "the link has heard of all", every=0.2)
    for first in range(0, count, AT_ONCE):
        Flows(lab["client"], VIP, BULKY, 0, min(AT_ONCE, count - first), first).result(60)
        # Not for all: the last one waits in the kernel for another, or for two seconds.
        wait_heard(min(first + AT_ONCE // 2, count))
    wait_heard(count)
    assert known(director)[BULKY] == count
    return count / (time.monotonic() - begin)


# Filling two kernels' tables leaves an emulated machine nothing for anything else.
@pytest.mark.traffic
def test_very_many_connections_in_bulk(large_table, figure):
    lab = large_table
    build_balancing(lab, ("direct",))
    lab.key_file = make_key(lab)
    lb1 = start_one(lab, "lb1")
    lb1.wait_owner(VIP)
    figure("connections made through the emulated machine", f"{BULK} at {make_connections(lab, lb1, BULK):.0f}/s")
    stalls = lab.stalls
    pids, capture = [lb1.helper_pid("link")], Capture(lab)
    cpu = cpu_seconds(pids[0])
    live = Flows(lab["client"], VIP, LIVE, LIVE_RATE, LIVE_RATE * 10)
    lb2 = start_one(lab, "lb2")
    pids.append(lb2.helper_pid("link"))
    wait_peer(lb2, 60 + BULK / 1000, alive=True, stream=True, trouble_here="none")
    resync = sync(lb2)["resync"]
    live.result(60)
    wait_until(lambda: known(lb1) == known(lb2), 30, "the kernels know the same")
    took = resync["took_us"] / 1e6
    figure(f"{BULK} connections in bulk, from kernel to kernel", f"{took:.2f} s, {resync['records'] / took:.0f}/s")
    figure("processor time of tandem-link meanwhile, sender / receiver",
           f"{cpu_seconds(pids[0]) - cpu:.2f} / {cpu_seconds(pids[1]):.2f} s")
    figure("memory of tandem-link at most, sender / receiver", " / ".join(f"{peak_mb(pid):.0f} MB" for pid in pids))
    figure("datagrams that the kernel's sync daemon had no room for", f"{resync['drops']}", "0")
    assert resync["drops"] == 0 and not resync["incomplete"]
    adverts = [advert.time for advert in capture.adverts(51)]
    longest_s, whole_s = stalls.longest(itertools.pairwise(adverts), due_s=1)
    figure(f"longest time between two of {len(adverts)} adverts meanwhile",
           f"{longest_s:.2f} s{stood_still(whole_s - longest_s)}", "1 s")
    assert longest_s < 3
    assert lb2.monitor.intervals(VIP) == [] and not lb1.events("router-late")


# What it costs

RATE, SECONDS = 1000, 10
MODES = {"kernel": {"mode": "kernel", "interface": "eth1", "sync_id": 51}, "tandem": {"interface": "eth1"}}


def daemon_seconds():
    """The processor time of the kernel's sync threads, of both directors."""
    found = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            if file.read().startswith("ipvs-"):
                found += cpu_seconds(pid)
    return found


def latencies_us(lab, lb2, port, count):
    """From a client's datagram until the standby's kernel knows the connection, in order of size."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "appear.py")
    return sorted(json.loads(lab["client"].run("/usr/bin/python3", script, VIP, port, count, lb2.pid)))


def as_text(took_us):
    return " / ".join(f"{took_us[len(took_us) * part // 100] / 1000:.1f}" for part in (50, 99)) + " ms"


@pytest.mark.parametrize("mode", list(MODES))
def test_what_a_connection_costs_the_link_beside_the_kernels_daemons(lab, figure, mode):
    link = dict(MODES[mode])
    if mode == "tandem":
        link["key_file"] = lab.key_file = make_key(lab)
    lb1, lb2 = start(lab, link)
    if mode == "tandem":
        for director in (lb1, lb2):
            wait_peer(director, 30, alive=True, stream=True, trouble_here="none", trouble_there="none")
    pids = [director.helper_pid("link") for director in (lb1, lb2)]

    def spent():
        return [cpu_seconds(pid) for pid in pids] + [daemon_seconds()]
    begin = spent()
    flows = Flows(lab["client"], VIP, BULKY, RATE, RATE * SECONDS).result(60)
    wait_until(lambda: known(lb2)[BULKY] == RATE * SECONDS, 30, "all are on the standby")
    ms = [(after - before) * 1e6 / (RATE * SECONDS) for before, after in zip(begin, spent())]
    figure(f"mode {mode}: ms of processor time per 1,000 connections ({flows['per_s']}/s): tandem-link here, there, "
           "the kernel's daemons", " / ".join(f"{part:.1f}" for part in ms))
    # The kernel's master sends what it has when a message is full, or after two seconds.
    idle = latencies_us(lab, lb2, LIVE, 10)
    flows = Flows(lab["client"], VIP, AROUND, RATE, RATE * 60)
    busy = latencies_us(lab, lb2, BUSY, 200)
    flows.kill()
    figure(f"mode {mode}: from a client's datagram to the standby's kernel, p50 / p99, idle", as_text(idle))
    figure(f"mode {mode}: the same under {RATE} new connections/s", as_text(busy))
    if mode == "tandem":
        assert sync(lb2)["counters"]["lost"] == 0
