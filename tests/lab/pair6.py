"""The balancing pair of pair.py with its services in IPv6, and its link too; the election stays in IPv4."""

import os

from observe import start_server
from pair import LB, NAT_SERVER_PORT, PORTS, SERVERS, balancing_config

VIP6 = "2001:db8:1::100"
NAT_GATEWAY6 = "fd00:a::1"
LINK6 = {"lb1": "fd00:10::1", "lb2": "fd00:10::2"}
NETWORKS = {"direct": ("front", "2001:db8:1::{}"), "nat": ("back", "fd00:a::{}"), "tunnel": ("far", "2001:db8:2::{}")}
SERVERS6 = {method: {name: NETWORKS[method][1].format(address.rsplit(".", 1)[1])
                     for name, address in servers.items()} for method, servers in SERVERS.items()}
FAR6 = "route add 2001:db8:2::/64 via 2001:db8:1::254"


def balancing_config6(methods):
    """With every method, that is with both virtual routers."""
    config = balancing_config(methods)
    config["nodes"] = {name: {"link_address": address} for name, address in LINK6.items()}
    routers = config["virtual_routers"]
    routers["front"]["excluded_addresses"] = [f"{VIP6}/64"]
    routers["back"]["excluded_addresses"] = [f"{NAT_GATEWAY6}/64"]
    for method in methods:
        config["services"][method]["listen"] = VIP6
        for name, server in config["pools"][method]["servers"].items():
            server["address"] = SERVERS6[method][name]
    return config


def build_balancing6(lab, methods):
    os.system("modprobe -q ip6_tunnel")
    table = {"client": {"eth0": ("front", "2001:db8:1::10/64")},
             "router": {"eth0": ("front", "2001:db8:1::254/64"), "eth1": ("far", "2001:db8:2::254/64")}}
    for number, name in enumerate(LB, 2):
        table[name] = {"eth0": ("front", f"192.0.2.{number}/24", f"2001:db8:1::{number}/64"),
                       "eth1": ("sync", f"{LINK6[name]}/64"),
                       "eth2": ("back", f"10.0.0.{number}/24", f"fd00:a::{number}/64")}
    for method in methods:
        for name, address in SERVERS6[method].items():
            table[name] = {"eth0": (NETWORKS[method][0], f"{address}/64")}
    lab.build(table, ipv6=True)
    lab["router"].sysctl({"net.ipv6.conf.all.forwarding": 1})
    for name in LB:
        lab[name].ip(FAR6)
    for method in methods:
        for name in SERVERS6[method]:
            _start_real_server(lab[name], method)


def _start_real_server(node, method):
    if method == "nat":
        node.ip(f"route add default via {NAT_GATEWAY6}")
    else:  # of IPv6, lo's addresses are nobody's on a link
        node.ip(f"address add {VIP6}/128 dev lo")
    if method == "tunnel":
        node.ip("route add default via 2001:db8:2::254", "link set ip6tnl0 up")
    start_server(node, node.name, NAT_SERVER_PORT if method == "nat" else PORTS[method])
