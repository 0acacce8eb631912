"""Checks through the service: what is wrong between director and server, and not with the server. On
both directors, by each way to forward."""

import json
import re
import subprocess
import sys
import time

import pytest

from http_servers import GrpcServer
from observe import start_server
from pair import (PORTS, SERVERS, VIP, balancing_config, build_balancing, election_config, start_pair,
                  wait_roles_settled)
from process import wait_until

pytestmark = pytest.mark.ipvs

INTERVAL_S, TIMEOUT_S, FALL = 1.0, 0.8, 2
CHECK = {"type": "tcp", "via": "service", "interval": "1s", "timeout": "800ms", "rise": 1, "fall": FALL}
METHODS = ("direct", "nat", "tunnel")
# A machine that is busy or stands still, an emulated one above all, may be later than the rule has it.
BUSY_S = 10


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
            line = wait_until(lambda: reasons(director, server)[before[director]:], 40,
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
        line = wait_until(lambda: reasons(director, "rs2")[before[director]:], 40, "rs2 is down")[0]
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


FAMILIES = ("ipv4", "ipv6")
VIPS = {"ipv4": VIP, "ipv6": "2001:db8::100"}
BACK = {"ipv4": "10.0.0.1", "ipv6": "fd00:a::1"}
POOL = {"ipv4": "192.0.2.200", "ipv6": "2001:db8::200"}
FRONT_SERVER = {"ipv4": "192.0.2.11", "ipv6": "2001:db8::11"}
BACK_SERVER = {"ipv4": "10.0.0.13", "ipv6": "fd00:a::13"}
WAYS = {"direct": 80, "nat": 81, "tunnel": 82, "fullnat": 84}
UDP_PORT = 5353
ECHO = """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", %d))
# From the address that was asked, which is not the one of the way back.
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
print("listening", flush=True)
while True:
    data, control, _, peer = s.recvmsg(2000, 200)
    info = [c for c in control if c[0] == socket.IPPROTO_IPV6]
    s.sendmsg([b"echo " + data], info, 0, peer)
""" % UDP_PORT


def both_config():
    conf = election_config(
        excluded_addresses=[f"{VIPS['ipv6']}/64"],
        snat_addresses=[f"{POOL['ipv4']}/24", f"{POOL['ipv6']}/64"])
    conf["virtual_routers"]["back"] = {
        "interface": "eth2", "vrid": 52, "advert_interval": "1s", "priority": {"lb1": 150, "lb2": 100},
        "addresses": [f"{BACK['ipv4']}/24"], "excluded_addresses": [f"{BACK['ipv6']}/64"]}
    conf["pools"], conf["services"] = {}, {}
    for family in FAMILIES:
        for way, port in WAYS.items():
            name = f"{way}-{family}"
            address = (BACK_SERVER if way == "nat" else FRONT_SERVER)[family]
            conf["pools"][name] = {"check": dict(CHECK), "servers": {"rs": {"address": address}}}
            conf["services"][name] = {"listen": VIPS[family], "port": port, "scheduler": "rr",
                                      "forward": way, "pool": name}
        conf["pools"][f"udp-{family}"] = {
            "check": {**CHECK, "type": "udp", "send": "a", "reply_is": "echo a"},
            "servers": {"rs": {"address": FRONT_SERVER[family]}}}
        conf["services"][f"udp-{family}"] = {"listen": VIPS[family], "port": UDP_PORT, "protocol": "udp",
                                             "one_packet": True, "scheduler": "rr", "forward": "direct",
                                             "pool": f"udp-{family}"}
    return conf


def build_both(lab):
    lab.build({
        "lb1": {"eth0": ("front", "192.0.2.2/24", "2001:db8::2/64"),
                "eth2": ("back", "10.0.0.2/24", "fd00:a::2/64")},
        "lb2": {"eth0": ("front", "192.0.2.3/24", "2001:db8::3/64"),
                "eth2": ("back", "10.0.0.3/24", "fd00:a::3/64")},
        "rs1": {"eth0": ("front", *(f"{a}/{n}" for a, n in zip(FRONT_SERVER.values(), (24, 64))))},
        "rs3": {"eth0": ("back", *(f"{a}/{n}" for a, n in zip(BACK_SERVER.values(), (24, 64))))},
    }, ipv6=True)
    rs1 = lab["rs1"]
    rs1.sysctl({"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2})
    rs1.ip("link set tunl0 up", "link add tunnel6 type ip6tnl mode ip6ip6 local 2001:db8::11 remote any",
           "link set tunnel6 up", f"address add {VIPS['ipv4']}/32 dev lo",
           f"address add {VIPS['ipv6']}/128 dev lo nodad")
    rs1.sysctl({"net.ipv4.conf.tunl0.rp_filter": 0})
    lab["rs3"].ip(*(f"route add default via {BACK[f]}" for f in FAMILIES))
    for name in ("rs1", "rs3"):
        start_server(lab[name], name, *WAYS.values())
    rs1.spawn(sys.executable, "-c", ECHO).wait_line("listening", 20)


def test_paths_of_both_families_and_every_way(lab, figure):
    build_both(lab)
    lb1, lb2 = start_pair(lab, both_config())
    wait_roles_settled(lb1, lb2)
    pair = (lb1, lb2)
    names = [f"{way}-{family}" for way in (*WAYS, "udp") for family in FAMILIES]
    wait_all_up(pair, names)
    rs1, rs3 = lab["rs1"], lab["rs3"]

    def broken(what, expected, breaks, mends, directors=pair):
        started = time.monotonic()
        before = {d: len(d.events("server-down")) for d in pair}
        breaks()
        for director in directors:
            def found():
                lines = director.events("server-down")[before[director]:]
                return {re.search("server (.*)/rs is down", line)[1]: line for line in lines}
            lines = wait_until(lambda: set(expected) <= set(found()) and found(), 40,
                               f"{director.name} finds {expected} down")
            assert set(lines) == set(expected), lines
            assert all("answers directly, not through the service" in line for line in lines.values())
            figure(f"{what}, {director.name}: down after", f"{time.monotonic() - started:.2f} s")
        mends()
        wait_all_up(pair, names)

    vip = f"{VIPS['ipv6']}/128 dev lo"
    broken("no IPv6 VIP on lo", ("direct-ipv6", "tunnel-ipv6", "udp-ipv6"),
           lambda: rs1.ip(f"address delete {vip}"), lambda: rs1.ip(f"address add {vip} nodad"))
    broken("an IPv6 tunnel that is down", ("tunnel-ipv6",),
           lambda: rs1.ip("link set tunnel6 down"), lambda: rs1.ip("link set tunnel6 up"))
    broken("no IPv6 default route", ("nat-ipv6",),
           lambda: rs3.ip(f"route delete default via {BACK['ipv6']}"),
           lambda: rs3.ip(f"route add default via {BACK['ipv6']}"))
    broken("servers that refuse the pool's addresses", ("fullnat-ipv4", "fullnat-ipv6"),
           lambda: rs1.run("nft", "add table inet t; add chain inet t i { type filter hook input priority 0; };"
                           f"add rule inet t i ip saddr {POOL['ipv4']} drop;"
                           f"add rule inet t i ip6 saddr {POOL['ipv6']} drop"),
           lambda: rs1.run("nft", "delete table inet t"), (lb1,))
    # Where the standby becomes Active, nothing is down for that but what needs the servers' gateway.
    downs = len(lb2.events("server-down"))
    lb1.stop()
    lb2.wait_owner(VIP)
    wait_all_up((lb2,), names)
    assert not [line for line in lb2.events("server-down")[downs:] if "server nat-" not in line]


def server(director, name):
    result = director.ctl("server", name, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


KINDS = {"http": (91, {"type": "http", "path": "/", "status": "200-299"}),
         "tls": (92, {"type": "tls"}),
         "grpc": (93, {"type": "grpc"})}
TUNNELS = {"gue": (94, {"encapsulation": "gue", "encapsulation_port": 6080}),
           "gre": (95, {"encapsulation": "gre"})}


# A handshake takes an emulated machine its time, and openssl serves one client after the other.
PATIENT = {"interval": "3s", "timeout": "2500ms"}


def kinds_config():
    conf = election_config()
    conf["pools"], conf["services"] = {}, {}
    for name, (port, more) in {**KINDS, **TUNNELS}.items():
        check = {**CHECK, **(PATIENT | more if name in KINDS else {})}
        way = {"forward": "direct"} if name in KINDS else {"forward": "tunnel", **more}
        conf["pools"][name] = {"check": check, "servers": {"rs": {"address": FRONT_SERVER["ipv4"]}}}
        conf["services"][name] = {"listen": VIP, "port": port, "scheduler": "rr", "pool": name, **way}
    return conf


def start_kinds(node, directory):
    """A server of each kind, and what takes the tunnels in."""
    for module in ("ipip", "ip_gre", "fou"):
        subprocess.run(["modprobe", "-q", module], check=False)
    pem = str(directory / "server.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-subj", "/CN=test", "-keyout", pem, "-out", pem + ".crt"], check=True,
                   capture_output=True)
    node.spawn(sys.executable, "-m", "http.server", str(KINDS["http"][0]))
    node.spawn("openssl", "s_server", "-accept", str(KINDS["tls"][0]), "-key", pem, "-cert", pem + ".crt",
               "-quiet")
    node.spawn(sys.executable, "-c", GrpcServer.SOURCE, str(KINDS["grpc"][0]), stdin=subprocess.PIPE)
    start_server(node, "rs1", *(port for port, _ in TUNNELS.values()))
    node.run("ip", "fou", "add", "port", "6080", "gue")
    node.ip("link set tunl0 up", "link set gre0 up")
    node.sysctl({"net.ipv4.conf.tunl0.rp_filter": 0, "net.ipv4.conf.gre0.rp_filter": 0})


def test_checks_of_every_kind_and_every_tunnel_take_the_path(lab, figure, tmp_path):
    lab.build({"lb1": {"eth0": ("front", "192.0.2.2/24")}, "lb2": {"eth0": ("front", "192.0.2.3/24")},
               "rs1": {"eth0": ("front", f"{FRONT_SERVER['ipv4']}/24")}})
    rs1 = lab["rs1"]
    rs1.sysctl({"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2})
    rs1.ip(f"address add {VIP}/32 dev lo")
    start_kinds(rs1, tmp_path)
    pair = start_pair(lab, kinds_config())
    wait_roles_settled(*pair)
    names = (*KINDS, *TUNNELS)
    wait_all_up(pair, names, 60)

    def broken(what, expected, breaks, mends):
        before = {d: len(d.events("server-down")) for d in pair}
        started = time.monotonic()
        breaks()
        for director in pair:
            def found():
                lines = director.events("server-down")[before[director]:]
                return {re.search("server (.*)/rs is down", line)[1]: line for line in lines}
            lines = wait_until(lambda: set(expected) <= set(found()) and found(), 40,
                               f"{director.name} finds {expected} down")
            assert set(lines) == set(expected), lines
            assert all("answers directly, not through the service" in line for line in lines.values()), lines
            figure(f"{what}, {director.name}: down after", f"{time.monotonic() - started:.2f} s")
        mends()
        wait_all_up(pair, names, 60)
    broken("http, tls and grpc without the VIP on lo", names,
           lambda: rs1.ip(f"address delete {VIP}/32 dev lo"), lambda: rs1.ip(f"address add {VIP}/32 dev lo"))
    broken("nobody takes gue", ("gue",), lambda: rs1.run("ip", "fou", "del", "port", "6080"),
           lambda: rs1.run("ip", "fou", "add", "port", "6080", "gue"))
    broken("a gre device that is down", ("gre",), lambda: rs1.ip("link set gre0 down"),
           lambda: rs1.ip("link set gre0 up"))
