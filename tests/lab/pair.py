"""The pair that the tests run: its networks and its configuration, to be varied by each test."""

import copy
import time

from director import Director
from observe import overlaps, start_server

CLIENT = "192.0.2.10"
VIP = "192.0.2.100"
LB = {"lb1": "192.0.2.2", "lb2": "192.0.2.3"}

ELECTION = {
    "client": {"eth0": ("front", f"{CLIENT}/24")},
    "lb1": {"eth0": ("front", "192.0.2.2/24")},
    "lb2": {"eth0": ("front", "192.0.2.3/24")},
}

CONFIG = {
    "nodes": {"lb1": {}, "lb2": {}},
    "virtual_routers": {
        "front": {
            "interface": "eth0", "vrid": 51, "advert_interval": "1s",
            "priority": {"lb1": 150, "lb2": 100}, "addresses": [f"{VIP}/24"],
        },
    },
}

# A balancing pair: one service for each way to forward, each with two real servers of its own. The
# servers of DR are neighbours of the client; those of NAT are behind the directors, with a floating
# address of the pair as their gateway; those of TUN are somewhere else, behind a router.
PORTS = {"direct": 80, "nat": 81, "tunnel": 82}
NAT_GATEWAY = "10.0.0.1"
SERVERS = {
    "direct": {"rs1": "192.0.2.11", "rs2": "192.0.2.12"},
    "nat": {"rs3": "10.0.0.13", "rs4": "10.0.0.14"},
    "tunnel": {"rs5": "198.51.100.15", "rs6": "198.51.100.16"},
}
NAT_SERVER_PORT = 8080

# A dead server refuses at once; the long time-out is for an emulated machine that is busy.
CHECK = {"type": "tcp", "interval": "1s", "timeout": "1s", "rise": 1, "fall": 3}


def election_config(advert="1s", **router):
    """A pair with one virtual router and nothing to balance."""
    config = copy.deepcopy(CONFIG)
    config["virtual_routers"]["front"].update(advert_interval=advert, **router)
    return config


def balancing_config(methods=("direct",), advert="1s", sync=True, check=None, **top):
    """A pair that balances by each of the methods, with connection sync."""
    config = election_config(advert)
    config["nodes"] = {"lb1": {"link_address": "10.255.0.1"}, "lb2": {"link_address": "10.255.0.2"}}
    if sync:
        config["link"] = {"mode": "kernel", "interface": "eth1", "sync_id": 51}
    if "nat" in methods:
        config["virtual_routers"]["back"] = {
            "interface": "eth2", "vrid": 52, "advert_interval": advert,
            "priority": {"lb1": 150, "lb2": 100}, "addresses": [f"{NAT_GATEWAY}/24"],
        }
    config["pools"] = {
        method: {"check": dict(check or CHECK),
                 "servers": {name: {"address": address, **server_port(method)}
                             for name, address in SERVERS[method].items()}}
        for method in methods}
    config["services"] = {
        method: {"listen": VIP, "port": PORTS[method], "scheduler": "rr", "forward": method,
                 "pool": method}
        for method in methods}
    config.update(top)
    return config


def server_port(method):
    return {"port": NAT_SERVER_PORT} if method == "nat" else {}


def build_balancing(lab, methods=("direct",)):
    """The networks and real servers for balancing_config(); the servers' processes by name."""
    table = {name: dict(plugs) for name, plugs in ELECTION.items()}
    for number, name in enumerate(LB, 1):
        table[name]["eth1"] = ("sync", f"10.255.0.{number}/24")
        if "nat" in methods:
            table[name]["eth2"] = ("back", f"10.0.0.{number + 1}/24")
    networks = {"direct": "front", "nat": "back", "tunnel": "far"}
    for method in methods:
        for name, address in SERVERS[method].items():
            table[name] = {"eth0": (networks[method], f"{address}/24")}
    if "tunnel" in methods:
        table["router"] = {"eth0": ("front", "192.0.2.254/24"), "eth1": ("far", "198.51.100.254/24")}
    lab.build(table)
    if "tunnel" in methods:
        lab["router"].sysctl({"net.ipv4.ip_forward": 1})
        for name in LB:
            lab[name].ip("route add 198.51.100.0/24 via 192.0.2.254")
    return {name: _start_real_server(lab[name], method)
            for method in methods for name in SERVERS[method]}


def _start_real_server(node, method):
    {"direct": _prepare_direct, "nat": _prepare_nat, "tunnel": _prepare_tunnel}[method](node)
    return start_server(node, node.name, NAT_SERVER_PORT if method == "nat" else PORTS[method])


def _prepare_direct(node):
    # The address is the server's own, but it neither answers nor asks for it on the segment.
    node.sysctl({"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2})
    node.ip(f"address add {VIP}/32 dev lo")


def _prepare_nat(node):
    node.ip(f"route add default via {NAT_GATEWAY}")


def _prepare_tunnel(node):
    node.sysctl({"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2})
    node.ip("link set tunl0 up", f"address add {VIP}/32 dev tunl0",
            "route add default via 198.51.100.254")
    node.sysctl({"net.ipv4.conf.tunl0.rp_filter": 0})


def start_pair(lab, config, vip=VIP):
    """Both directors, lb1 Active: it is there first, and has the higher priority."""
    lb1, lb2 = (Director(lab, name, config) for name in ("lb1", "lb2"))
    lb1.start()
    lb1.wait_owner(vip, 30)
    lb2.start()
    return lb1, lb2


def wait_roles_settled(active, backup, seconds=30, vip=VIP):
    active.wait_owner(vip, seconds)
    backup.wait_not_owner(vip, seconds)


INTERVAL_S = {"5s": 5.0, "1s": 1.0, "300ms": 0.3, "100ms": 0.1, "10ms": 0.01}
PRIORITY_BACKUP = 100


# How many intervals of silence are too many where a test is not about that: a processor of a virtual machine may stand
# still for longer than a few short ones.
PATIENT = 10


def active_down_s(advert, priority=PRIORITY_BACKUP, down_intervals=3):
    """RFC 9568, 6.1: three intervals (or as many as are configured) and the skew of the backup's priority."""
    return INTERVAL_S[advert] * (down_intervals + (256 - priority) / 256)


def two_owners_ms(lb1, lb2, since=0.0):
    """The longest time, since then, in which both had the virtual address, without that in which the machine itself
    stood still (as far as it is watched)."""
    later = [[i for i in d.monitor.intervals(VIP) if not i[1] or i[1] > since] for d in (lb1, lb2)]
    return lb1.lab.stalls.longest(overlaps(*later, until=time.time()))[0] * 1000


def takeovers(capture, active, backup, since=0.0, vip=VIP):
    """(beyond, whole): how long the active one had said nothing when the backup took over or it gave up by itself, each
    time since then, in seconds; beyond is without the time in which the machine itself stood still."""
    spoke = [a.time for a in capture.caught_up().adverts() if a.source == LB[active.name]]
    silences = []
    moved = [taken for taken, _ in backup.monitor.intervals(vip)]
    moved += [gone for _, gone in active.monitor.intervals(vip) if gone]
    for at in (at for at in moved if at > since):
        last = max([t for t in spoke if t < at], default=at)
        silences.append((active.lab.stalls.beyond(last, at), at - last))
    return silences
