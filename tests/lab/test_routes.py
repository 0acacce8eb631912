"""Routes, rules and addresses with terms: they move with a virtual router, are put back when somebody removes
them, and nothing else is touched."""

import datetime
import json
import re

import pytest

from director import Director
from observe import Capture, stood_still
from pair import PATIENT, VIP, election_config, start_pair
from process import wait_until

NETWORKS = {
    "lb1": {"eth0": ("front", "192.0.2.2/24", "2001:db8::2/64"), "eth2": ("back", "10.9.0.2/24")},
    "lb2": {"eth0": ("front", "192.0.2.3/24", "2001:db8::3/64"), "eth2": ("back", "10.9.0.3/24")},
}
ROUTES = [
    {"to": "10.77.0.1/32", "dev": "eth2"},
    {"to": "10.70.0.0/16", "via": "10.77.0.1", "dev": "eth2", "src": VIP, "onlink": True, "metric": 7},
    {"to": "0.0.0.0/0", "via": "192.0.2.1", "src": VIP, "table": 100},
    {"to": "10.71.0.0/16", "type": "blackhole"},
    {"to": "2001:db8:70::/48", "via": "2001:db8::1", "dev": "eth0", "src": "2001:db8::100"},
    {"to": "2001:db8:71::/48", "type": "unreachable", "table": 1000},
]
RULES = [
    {"from": f"{VIP}/32", "table": 100, "priority": 900},
    {"fwmark": 7, "iif": "eth2", "table": 100, "priority": 901},
    {"to": "2001:db8:71::/48", "table": 1000, "priority": 902},
]


def config(advert="1s", **router):
    return election_config(advert, **{
        "excluded_addresses": ["2001:db8::100/64"], "routes": ROUTES, "rules": RULES, **router})


def routes(director):
    """What there is of protocol 116, of both families, all tables: destinations and rules."""
    node = director.node
    found = {(r["dst"].replace("default", "0.0.0.0/0"), r.get("table", "main"), r.get("type", "unicast"))
             for family in ("-4", "-6")
             for r in json.loads(node.run("ip", "-j", "-N", family, "route", "show", "table", "all", "proto", "116")
                                 or "[]")}
    rules = {r["priority"] for family in ("-4", "-6")
             for r in json.loads(node.run("ip", "-j", family, "rule", "show")) if 900 <= r["priority"] < 1000}
    return found, rules


def wait_routes(director, count, seconds=30):
    wait_until(lambda: tuple(map(len, routes(director))) == count, seconds,
               f"{director.name} has {count} routes and rules: {routes(director)}")


ALL = (len(ROUTES), len(RULES))


@pytest.fixture
def pair(lab):
    lab.build(NETWORKS, ipv6=True)
    return start_pair(lab, config())


def test_routes_and_rules_are_with_the_active_director(lab, pair):
    lb1, lb2 = pair
    wait_routes(lb1, ALL)
    assert routes(lb2) == (set(), set())
    got = json.loads(lab["lb1"].run("ip", "-j", "route", "get", "10.70.1.1"))[0]
    assert (got["gateway"], got["dev"], got["prefsrc"]) == ("10.77.0.1", "eth2", VIP)
    got = json.loads(lab["lb1"].run("ip", "-j", "route", "get", "8.8.8.8", "from", VIP))[0]
    assert got["gateway"] == "192.0.2.1"
    got = json.loads(lab["lb1"].run("ip", "-j", "-6", "route", "get", "2001:db8:70::1"))[0]
    assert got["prefsrc"] == "2001:db8::100"
    lb1.stop()
    wait_routes(lb2, ALL)
    assert routes(lb1) == (set(), set())


def test_others_routes_are_not_touched(lab):
    lab.build(NETWORKS, ipv6=True)
    lab["lb1"].ip("route add 10.71.0.0/16 via 192.0.2.9 metric 50", "route add 10.72.0.0/16 via 192.0.2.9",
                  "rule add from 10.1.1.1 table 100 priority 900")
    before = lab["lb1"].run("ip", "route", "show"), lab["lb1"].run("ip", "rule", "show")
    lb1 = Director(lab, "lb1", config())
    lb1.start()
    wait_routes(lb1, ALL)
    lb1.stop()
    assert (lab["lb1"].run("ip", "route", "show"), lab["lb1"].run("ip", "rule", "show")) == before


class RouteMonitor:
    """When a node lost and got which route or rule."""

    def __init__(self, node):
        # It writes its own clock's time: on a busy machine it must be the first to run.
        self._process = node.spawn("chrt", "-f", "50", "ip", "-ts", "-o", "monitor", "route", "rule")
        wait_until(lambda: self._nudge(node), 30, "the monitor")

    def _nudge(self, node):
        node.ip("route add 10.255.255.0/24 dev lo", "route delete 10.255.255.0/24 dev lo")
        return any("10.255.255.0" in line for line in self._process.lines)

    def times(self, text):
        """[(when, whether it was deleted)] of the lines with that text."""
        found = []
        for line in list(self._process.lines):
            match = re.match(r"\[([^\]]+)\] (Deleted )?", line)
            if match and text in line:
                found.append((datetime.datetime.fromisoformat(match.group(1)).timestamp(), bool(match.group(2))))
        return found


REMOVED = [
    ("route delete 10.70.0.0/16", "10.70.0.0/16"),
    ("route delete default table 100", "table 100 proto 116"),
    ("route delete blackhole 10.71.0.0/16", "10.71.0.0/16"),
    ("route delete 2001:db8:70::/48", "2001:db8:70::/48"),
    ("rule delete priority 901", "901:"),
]


def test_what_somebody_removes_is_put_back(lab, pair, figure):
    lb1, lb2 = pair
    wait_routes(lb1, ALL)
    stalls, monitor = lab.stalls, RouteMonitor(lab["lb1"])
    for done, (command, text) in enumerate(REMOVED, 1):
        lab["lb1"].ip(command)
        lb1.wait_event("address-restored", after=done - 1)
        wait_until(lambda: len(monitor.times(text)) >= 2, 30, f"news of {text}")
        (lost, gone), (back, still_gone) = monitor.times(text)[-2:]
        assert gone and not still_gone
        took_s = stalls.beyond(lost, back)
        figure(f"{text} deleted by somebody: back after",
               f"{took_s * 1000:.1f} ms{stood_still(back - lost - took_s)}", "< 50 ms")
        assert took_s < 0.05
    wait_routes(lb1, ALL)
    lb1.wait_counter("routes_restored", len(REMOVED))
    assert lb1.router()["counters"]["routes_restored"] == len(REMOVED)
    assert lb1.router()["counters"]["addresses_restored"] == 0
    assert routes(lb2) == (set(), set())


def test_routes_that_go_with_an_address_or_a_link_come_back(lab, pair):
    lb1, _ = pair
    wait_routes(lb1, ALL)
    lab["lb1"].ip(f"address delete {VIP}/24 dev eth0")  # the kernel takes routes with that source along, in silence
    lb1.wait_event("address-restored")
    wait_routes(lb1, ALL)
    lab["lb1"].ip("link set eth2 down")
    wait_until(lambda: len(routes(lb1)[0]) < len(ROUTES), 30, "routes over eth2 are gone")
    lab["lb1"].ip("link set eth2 up")
    wait_routes(lb1, ALL)
    lb1.wait_router(state="active")


def test_killed_and_cleaned_up_or_adopted(lab):
    lab.build(NETWORKS, ipv6=True)
    lb1, _ = start_pair(lab, config(down_intervals=PATIENT))
    wait_routes(lb1, ALL)
    lb1.kill_all()
    assert tuple(map(len, routes(lb1))) == ALL, "nobody was left to remove them"
    lb1.start()
    lb1.wait_router(reason="adopted")
    wait_routes(lb1, ALL)
    lb1.kill_all()
    lb1.cleanup()
    assert routes(lb1) == (set(), set())


def test_a_reload_changes_only_what_differs(lab, pair):
    lb1, lb2 = pair
    wait_routes(lb1, ALL)
    monitor = RouteMonitor(lab["lb1"])
    fewer = config(routes=ROUTES[1:], rules=RULES[:2] + [{"from": "10.5.0.0/16", "table": 9, "priority": 950}])
    for director in (lb2, lb1):
        result = director.reload(fewer)
        assert result.returncode == 0, result.stderr
    wait_until(lambda: routes(lb1)[1] == {900, 901, 950}, 30, "the new rule")
    wait_until(lambda: len(routes(lb1)[0]) == len(ROUTES) - 1, 30, "one route less")
    assert not monitor.times("10.70.0.0/16") and not monitor.times("900:")


def test_a_route_that_cannot_be_is_told_once_and_the_rest_works(lab):
    lab.build(NETWORKS, ipv6=True)
    lb1 = Director(lab, "lb1", config("100ms", routes=[*ROUTES, {"to": "10.80.0.0/16", "via": "172.31.9.9"}]))
    lb1.start()
    wait_routes(lb1, ALL)
    lb1.wait_event("error")
    wait_until(lambda: lb1.router()["counters"]["adverts_sent"] > 20, 30, "adverts")
    assert ["a route could not be added" in line for line in lb1.events("error")] == [True]


def test_addresses_have_terms_and_places(lab):
    lab.build(NETWORKS, ipv6=True)
    capture = Capture(lab)
    lb1 = Director(lab, "lb1", election_config(addresses=[
        f"{VIP}/24", {"address": "198.51.100.1/32", "label": "eth0:web", "scope": "link"},
        {"address": "10.9.0.150/24", "interface": "eth2"}],
        announce={"form": "both", "again": "500ms", "repeat": 2}))
    lb1.start()
    for address in (VIP, "198.51.100.1", "10.9.0.150"):
        lb1.wait_owner(address)

    def shown(interface):
        return {a["local"]: a for a in
                json.loads(lab["lb1"].run("ip", "-j", "address", "show", "dev", interface))[0]["addr_info"]}

    assert shown("eth0")["198.51.100.1"]["label"] == "eth0:web"
    assert shown("eth0")["198.51.100.1"]["scope"] == "link"
    assert "10.9.0.150" in shown("eth2") and "10.9.0.150" not in shown("eth0")
    wait_until(capture.adverts, 30, "an advert")
    assert set(capture.adverts()[-1].addresses) == {VIP, "198.51.100.1", "10.9.0.150"}
    # Two rounds of two forms, and the same once more.
    wait_until(lambda: len(capture.announcements(VIP)) == 8, 30, "eight announcements")
    status = lb1.ctl("status").stdout
    assert f"{VIP}/24" in status
    lb1.stop()
    assert "10.9.0.150" not in shown("eth2")
