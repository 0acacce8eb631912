"""The lab's own instruments tell the truth: what they say about tandem rests on this."""

import os
import sys
import time

import pytest

from observe import AddressMonitor, Capture, Holder, Load, Probe, overlap, start_server
from pair import CLIENT, ELECTION, VIP, build_balancing
from process import Process, wait_until

SERVER = "192.0.2.11"


def test_a_probe_reports_the_gap_in_which_nobody_had_the_address(lab):
    lab.build(ELECTION)
    lab["lb1"].ip(f"address add {VIP}/24 dev eth0")
    probe = Probe(lab["client"], VIP)
    going = time.monotonic()
    lab["lb1"].ip(f"address delete {VIP}/24 dev eth0")
    gone = time.monotonic()
    wait_until(lambda: time.monotonic() - gone > 0.1, 30, "a tenth of a second")
    coming = time.monotonic()
    lab["lb1"].ip(f"address add {VIP}/24 dev eth0")
    back = time.monotonic()
    wait_until(lambda: time.monotonic() - back > 0.1, 30, "a tenth of a second")
    result = probe.finish()
    gap_s, late_s = result["longest_gap_us"] / 1e6, 0.005 + result["longest_pause_us"] / 1e6
    assert coming - gone <= gap_s <= back - going + 2 * late_s
    assert gap_s - lab.stalls.within(0, time.time()) <= result["longest_gap_ms"] / 1000 <= gap_s + 1e-6
    assert result["answered"] >= 50


def test_an_address_monitor_tells_when_two_had_the_address(lab):
    lab.build(ELECTION)
    monitors = {name: AddressMonitor(lab[name]) for name in ("lb1", "lb2")}
    for line in ("add", "delete"):
        for name in monitors:
            lab[name].ip(f"address {line} {VIP}/24 dev eth0")
    both = wait_until(lambda: [m.intervals(VIP) for m in monitors.values()
                               if m.intervals(VIP) and m.intervals(VIP)[0][1]][1:] and
                      [m.intervals(VIP) for m in monitors.values()], 20, "both had it")
    assert overlap(*both, until=time.time()) > 0
    assert overlap(both[0], [(both[0][0][1], None)], until=time.time()) == 0


def test_the_machine_is_known_to_have_stood_still(lab):
    stalls = lab.stalls
    begin = time.time()
    # A real-time process of a higher priority on each processor is no different from one that does not run. They end
    # by themselves: nobody else could end them.
    spin = "import time; end = time.monotonic() + 0.2\nwhile time.monotonic() < end: pass"
    spinning = [Process(["chrt", "--fifo", "95", "taskset", "--cpu-list", str(cpu), sys.executable, "-c", spin])
                for cpu in os.sched_getaffinity(0)]
    assert [process.wait() for process in spinning] == [0] * len(spinning)
    end = time.time()
    found = stalls.within(begin, end)
    assert 0.1 < found <= end - begin
    assert abs(stalls.beyond(begin, end) - (end - begin - found)) < 1e-6
    assert stalls.beyond(begin, end, due_s=end - begin) == end - begin, "it was due only then"
    before = (begin - 1, begin - 0.9)
    assert stalls.longest([before, (begin, end)]) == max((stalls.beyond(*i), i[1] - i[0]) for i in (before, (begin, end)))
    assert stalls.within(begin - 1, begin - 0.9) == 0, "nothing was seen before it was looked"


def test_a_capture_sees_gratuitous_arp(lab):
    lab.build(ELECTION)
    capture = Capture(lab)
    lab["lb1"].ip(f"address add {VIP}/24 dev eth0")
    lab["lb1"].run("busybox", "arping", "-U", "-c", "1", "-I", "eth0", VIP)
    wait_until(lambda: capture.announcements(VIP), 20, "an announcement")


def test_load_and_held_connections_notice_a_server_that_dies(lab):
    lab.build(dict(ELECTION, rs1={"eth0": ("front", f"{SERVER}/24")}))
    server = start_server(lab["rs1"], "rs1", 80)
    load = Load(lab["client"], SERVER, 80, 100, 60)
    holder = Holder(lab["client"], SERVER, 80, 10)
    assert holder.survivors() == 10
    server.kill()
    assert holder.survivors() == 0
    result = load.finish()
    assert result["servers"] == {"rs1": result["answered"]}
    assert {kind for _, _, kind in result["failures"]} <= {"refused", "reset", "truncated"}


@pytest.mark.ipvs
def test_the_balancing_topology_forwards_by_every_method(lab):
    build_balancing(lab, ("direct", "nat", "tunnel"))
    lb1 = lab["lb1"]
    lb1.sysctl({"net.ipv4.ip_forward": 1})
    lb1.ip(f"address add {VIP}/24 dev eth0", "address add 10.0.0.1/24 dev eth2")
    for port, flag, address in ((80, "-g", "192.0.2.11:80"), (81, "-m", "10.0.0.13:8080"),
                                (82, "-i", "198.51.100.15:82")):
        lb1.run("ipvsadm", "-A", "-t", f"{VIP}:{port}", "-s", "rr")
        lb1.run("ipvsadm", "-a", "-t", f"{VIP}:{port}", "-r", address, flag)
    for port, name in ((80, "rs1"), (81, "rs3"), (82, "rs5")):
        result = Load(lab["client"], VIP, port, 50, 1).result(20)
        assert result["failures"] == [] and result["servers"] == {name: result["answered"]}
    assert lab["client"].addresses() == ["127.0.0.1/8", f"{CLIENT}/24"]
