"""Connection sync: what was established with both directors up is still there after a failover."""

import pytest

from observe import Holder
from pair import (LB, PORTS, SERVERS, VIP, balancing_config, build_balancing, start_pair)
from process import wait_until
from test_balancing import all_up, table

pytestmark = pytest.mark.ipvs

HELD = 50
SETTINGS = {
    "net.ipv4.vs.sync_threshold": ("3\t50", "0\t0"),
    "net.ipv4.vs.sync_refresh_period": ("0", "10"),
    "net.ipv4.vs.expire_nodest_conn": ("0", "1"),
    "net.ipv4.vs.expire_quiescent_template": ("0", "1"),
}


def synced(director, port, vip=VIP):
    """How many established connections to a port of the address the director knows of."""
    wanted = [f"[{vip}]:{port}" if ":" in vip else f"{vip}:{port}", "ESTABLISHED"]
    lines = director.node.run("ipvsadm", "-Lnc").splitlines()
    return sum(all(word in line for word in wanted) for line in lines)


def daemons(director):
    """Roles of the running sync daemons -> interface."""
    lines = director.node.run("ipvsadm", "-L", "--daemon").splitlines()
    return {line.split()[0]: line.split("mcast=")[1].split(",")[0] for line in lines}


@pytest.fixture
def pair(lab):
    build_balancing(lab, ("direct", "nat"))
    lb1, lb2 = start_pair(lab, balancing_config(("direct", "nat")))
    for director in (lb1, lb2):
        all_up(director, ["direct", "nat"])
    return lb1, lb2


@pytest.mark.traffic
@pytest.mark.parametrize("how", ["dead host", "SIGTERM"])
def test_established_connections_survive_a_failover(lab, pair, figure, how):
    lb1, lb2 = pair
    holders = {m: Holder(lab["client"], VIP, PORTS[m], HELD) for m in ("direct", "nat")}
    for method, holder in holders.items():
        assert holder.survivors() == HELD
        wait_until(lambda port=PORTS[method]: synced(lb2, port) == HELD, 30,
                   f"{HELD} connections of {method} on lb2", every=0.2)
    if how == "SIGTERM":
        lb1.stop()
    else:
        for interface in ("eth0", "eth1", "eth2"):
            lab.cut("lb1", interface)
        lb1.kill_all()
    lb2.wait_owner(VIP)
    wait_until(lambda: lb2.router("back")["state"] == "active", 40, "lb2 has the gateway too")
    for method, holder in holders.items():
        alive = holder.survivors(30000)
        figure(f"{method}: established connections that survive ({how})", f"{alive} of {HELD}",
               f"{HELD} of {HELD}")
        assert alive == HELD


@pytest.mark.traffic
def test_connections_survive_there_and_back(lab, pair):
    lb1, lb2 = pair
    holder = Holder(lab["client"], VIP, PORTS["nat"], HELD)
    assert holder.survivors() == HELD
    wait_until(lambda: synced(lb2, PORTS["nat"]) == HELD, 30, "all on lb2", every=0.2)
    lb1.stop()
    lb2.wait_owner(VIP)
    assert holder.survivors(30000) == HELD
    lb1.start()
    lb1.wait_owner(VIP, 20)
    assert holder.survivors(30000) == HELD


def test_both_daemons_run_on_both_directors_and_are_heard(lab, pair):
    lb1, lb2 = pair
    for director in pair:
        wait_until(lambda d=director: daemons(d) == {"master": "eth1", "backup": "eth1"}, 20, "both daemons")
        sync = director.status()["sync"]
        assert sync["mode"] == "kernel" and sync["master"] and sync["backup"]
    holder = Holder(lab["client"], VIP, PORTS["direct"], 1)
    assert holder.survivors() == 1
    sync = wait_until(lambda: (s := lb2.status()["sync"])["datagrams"] and s, 20,
                      "lb2 hears of the connection", every=0.2)
    assert sync["senders"] == ["10.255.0.1"]
    assert sync["last_heard_us"] > 0


def test_daemons_are_started_again_on_a_new_sync_interface(lab, pair):
    lb1, _ = pair
    lab["switch"].ip("link delete lb1-eth1")
    lb1.wait_event("sync-lost", 20)
    started = len(lb1.events("sync-started"))
    lab.plug(lb1.node, {"eth1": ("sync", "10.255.0.1/24")})
    lb1.wait_event("sync-started", 20, after=started)
    wait_until(lambda: daemons(lb1) == {"master": "eth1", "backup": "eth1"}, 20, "both daemons")
    holder = Holder(lab["client"], VIP, PORTS["direct"], 5)
    assert holder.survivors() == 5
    wait_until(lambda: synced(pair[1], PORTS["direct"]) == 5, 30, "lb2 is told over the new interface",
               every=0.2)


def check_settings(node, column):
    for name, values in SETTINGS.items():
        assert node.read_sysctl(name) == values[column], name


def test_settings_are_made_and_put_back_when_asked(lab):
    build_balancing(lab, ("direct", "nat"))
    for name in LB:
        check_settings(lab[name], 0)
    before = lab["lb1"].read_sysctl("net.ipv4.ip_forward")
    lb1, lb2 = start_pair(lab, balancing_config(("direct", "nat"), on_stop="remove"))
    for director in (lb1, lb2):
        check_settings(director.node, 1)
        assert director.node.read_sysctl("net.ipv4.ip_forward") == "1"
    lb1.stop()
    check_settings(lb1.node, 0)
    assert lb1.node.read_sysctl("net.ipv4.ip_forward") == before
    assert table(lb1) == [] and daemons(lb1) == {}


def test_cleanup_all_removes_what_a_stop_kept(lab):
    build_balancing(lab, ("direct", "nat"))
    lb1, _ = start_pair(lab, balancing_config(("direct", "nat")))
    all_up(lb1, ["direct", "nat"])
    lb1.stop()
    assert len(table(lb1)) == 2 + sum(len(SERVERS[m]) for m in ("direct", "nat"))
    assert set(daemons(lb1)) == {"master", "backup"}
    check_settings(lb1.node, 1)
    lb1.cleanup(everything=True)
    assert table(lb1) == [] and daemons(lb1) == {}
    check_settings(lb1.node, 0)
