"""Checks through the service: what is wrong between director and server, and not with the server. On
both directors, by each way to forward."""

import json
import re
import time

import pytest

from guestrun import in_guest
from observe import start_server
from pair import PORTS, SERVERS, VIP, balancing_config, build_balancing, start_pair, wait_roles_settled
from process import wait_until

pytestmark = pytest.mark.ipvs

INTERVAL_S, TIMEOUT_S, FALL = 1.0, 0.8, 2
CHECK = {"type": "tcp", "via": "service", "interval": "1s", "timeout": "800ms", "rise": 1, "fall": FALL}
METHODS = ("direct", "nat", "tunnel")
# An emulated machine that is busy may be later than the rule has it.
BUSY_S = 2.0 if in_guest() else 0.5


def states(director, method):
    return {name: state for name, (_, state) in director.server_states(method).items()}


def wait_all_up(directors, methods=METHODS, seconds=30):
    for director in directors:
        for method in methods:
            wait_until(lambda: set(states(director, method).values()) == {"up"}, seconds,
                       f"{director.name}: all servers of {method} are up")


def reasons(director, server):
    return [line for line in director.events("server-down") if f"/{server} is down" in line]


class Fault:
    """Something that is broken on purpose, and named by both directors."""

    def __init__(self, figure, directors):
        self.figure = figure
        self.directors = directors

    def check(self, what, server, method, breaks, mends, reason):
        before = {d: len(reasons(d, server)) for d in self.directors}
        started = time.monotonic()
        breaks()
        for director in self.directors:
            line = wait_until(lambda: reasons(director, server)[before[director]:], 20,
                              f"{director.name} finds {server} down")[0]
            took = time.monotonic() - started
            assert re.search(f"{server} is down: {reason}", line), line
            self.figure(f"{what}, {director.name}: down after", f"{took:.2f} s",
                        f"{FALL} x {INTERVAL_S:.0f} s")
            assert took <= FALL * INTERVAL_S + TIMEOUT_S + BUSY_S
        mends()
        wait_all_up(self.directors, (method,))


def ipvs(node):
    return node.run("ipvsadm", "-Ln")


NOT_THROUGH = "answers directly, not through the service: connect: (timed out after 800ms|refused in)"


def test_each_fault_of_a_path_is_named_on_both_directors(lab, figure):
    servers = build_balancing(lab, METHODS)
    lb1, lb2 = start_pair(lab, balancing_config(METHODS, check=CHECK))
    wait_roles_settled(lb1, lb2)
    pair = (lb1, lb2)
    wait_all_up(pair)
    for director in pair:
        assert ipvs(director.node).count("FWM") == sum(len(SERVERS[m]) for m in METHODS)
        assert {s["name"] for s in director.status()["services"]} == set(METHODS)
        plan = director.ctl("plan")
        assert plan.returncode == 0, plan.stdout
    fault = Fault(figure, pair)
    rs1, rs3, rs5 = lab["rs1"], lab["rs3"], lab["rs5"]
    fault.check("no VIP on lo", "rs1", "direct",
                lambda: rs1.ip(f"address delete {VIP}/32 dev lo"),
                lambda: rs1.ip(f"address add {VIP}/32 dev lo"), NOT_THROUGH)
    fault.check("a tunnel that is down", "rs5", "tunnel",
                lambda: rs5.ip("link set tunl0 down"),
                lambda: rs5.ip("link set tunl0 up"), NOT_THROUGH)
    fault.check("a wrong default route", "rs3", "nat",
                lambda: rs3.ip("route replace default via 10.0.0.99"),
                lambda: rs3.ip("route replace default via 10.0.0.1"), NOT_THROUGH)
    fault.check("arp_ignore is 0", "rs2", "direct",
                lambda: lab["rs2"].sysctl({"net.ipv4.conf.all.arp_ignore": 0}),
                lambda: lab["rs2"].sysctl({"net.ipv4.conf.all.arp_ignore": 1}),
                f"answers ARP for {VIP}: see arp_ignore")
    # A server that is gone is not blamed on the way.
    started = time.monotonic()
    before = {d: len(reasons(d, "rs2")) for d in pair}
    servers["rs2"].kill()
    for director in pair:
        line = wait_until(lambda: reasons(director, "rs2")[before[director]:], 20, "rs2 is down")[0]
        assert "answers directly" not in line and "refused" in line, line
    figure("a server that is gone: down after", f"{time.monotonic() - started:.2f} s")
    start_server(lab["rs2"], "rs2", PORTS["direct"])
    wait_all_up(pair)
    # The standby becomes Active, where the virtual address is local: nothing is down for that.
    downs = len(lb2.events("server-down"))
    lb1.stop()
    lb2.wait_owner(VIP)
    checks = lambda: sum(c["checks"] for s in ("direct/rs1", "tunnel/rs5", "nat/rs3")
                         for c in server(lb2, s)["checks"])
    first = checks()
    wait_until(lambda: checks() > first + 24, 30, "lb2 has checked as Active")
    assert lb2.events("server-down")[downs:] == []
    wait_all_up((lb2,))


def server(director, name):
    result = director.ctl("server", name, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
