"""Real servers set up by `tandemctl realserver` from the directors' own configuration: each forwarding
method carries requests then, nothing is left to do, and nothing is left over after an undo."""

import difflib
import json
import os
import re
import subprocess

import pytest

from director import Director, installed
from observe import start_server
from process import wait_until

pytestmark = pytest.mark.ipvs

VIP, VIP6 = "192.0.2.100", "2001:db8:1::100"
VIPS = (VIP, VIP6)
NEAR, NEAR6 = "192.0.2.11", "2001:db8:1::11"
FAR, FAR6 = "198.51.100.15", "2001:db8:2::15"
PORT = 80

# One server is the client's neighbour, the other one is in another network behind a router, as another
# data centre is; answers go by the router alone.
NETWORKS = {
    "client": {"eth0": ("front", "192.0.2.10/24", "2001:db8:1::10/64")},
    "lb1": {"eth0": ("front", "192.0.2.2/24", "2001:db8:1::2/64")},
    "router": {"eth0": ("front", "192.0.2.254/24", "2001:db8:1::fe/64"),
               "eth1": ("far", "198.51.100.254/24", "2001:db8:2::fe/64")},
    "near": {"eth0": ("front", f"{NEAR}/24", f"{NEAR6}/64")},
    "far": {"eth0": ("far", f"{FAR}/24", f"{FAR6}/64")},
}

GUE = {"encapsulation": "gue", "encapsulation_port": 6080}
# Of each: the server's address, the services' addresses, what the service says of its tunnel.
TUNNELS = {
    "ipip": (FAR, VIPS, {}),
    "gue": (FAR, VIPS, GUE),
    "gue-csum": (FAR, VIPS, {**GUE, "encapsulation_checksum": "full"}),
    "gue-remcsum": (FAR, (VIP,), {**GUE, "encapsulation_checksum": "remote"}),
    "gre": (FAR, VIPS, {"encapsulation": "gre"}),
    "gre-csum": (FAR, VIPS, {"encapsulation": "gre", "encapsulation_checksum": "full"}),
    "ipip-over-6": (FAR6, VIPS, {}),
    "gue-csum-over-6": (FAR6, VIPS, {**GUE, "encapsulation_checksum": "full"}),
    "gre-over-6": (FAR6, VIPS, {"encapsulation": "gre"}),
    "gre-csum-over-6": (FAR6, VIPS, {"encapsulation": "gre", "encapsulation_checksum": "full"}),
}

# Requests, then more than a packet holds to and fro, for each address.
CLIENT = """
import socket, sys
for host in sys.argv[2:]:
    def connect():
        return socket.create_connection((host, int(sys.argv[1])), 10)
    for _ in range(5):
        with connect() as s:
            s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            assert b"rs1" in s.makefile("rb").read(), "an answer of another server"
    data = bytes(range(65, 91)) * 2000
    with connect() as s:
        # No more at once than the server has room for in its answer.
        for begin in range(0, len(data), 13000):
            piece, back = data[begin:begin + 13000], b""
            s.sendall(piece)
            while len(back) < len(piece):
                part = s.recv(65536)
                assert part, "closed after %d bytes" % (begin + len(back))
                back += part
            assert back == piece
print("ok")
"""


def configuration(forward, address, vips, tunnel=None):
    return {
        "nodes": {"lb1": {}, "lb2": {}},
        "virtual_routers": {"front": {
            "interface": "eth0", "vrid": 51, "advert_interval": "1s",
            "priority": {"lb1": 255, "lb2": 100}, "addresses": [f"{VIP}/24"],
            "excluded_addresses": [f"{VIP6}/64"]}},
        "pools": {"pool": {"servers": {"rs1": {"address": address}}}},
        "services": {"web": {"listen": list(vips), "port": PORT, "scheduler": "rr", "forward": forward,
                             "pool": "pool", **(tunnel or {})}},
    }


class RealServer:
    """One of the servers, with the installed tandemctl and the directors' configuration."""

    def __init__(self, lab, config, name="far"):
        self.node = lab[name]
        self._config = lab.path("rs1.json")
        self._state = lab.path(f"{name}.realserver")
        os.makedirs(self._state, exist_ok=True)
        with open(self._config, "w", encoding="utf-8") as file:
            json.dump(config, file)

    def call(self, verb, *more):
        """Exit status and lines of output."""
        result = subprocess.run(self.node.command(
            installed("bin/tandemctl"), "realserver", verb, "--config", self._config, "--state-dir",
            self._state, *more), capture_output=True, text=True, check=False)
        assert result.returncode != 1, f"{verb}: {result.stderr}"
        return result.returncode, result.stdout.splitlines()

    def findings(self):
        """Without the notes."""
        status, lines = self.call("check")
        found = [line for line in lines if not line.startswith("note: ")]
        assert status == (2 if found else 0)
        return found

    def is_done(self):
        """Nothing is to do, nothing is wrong."""
        assert self.call("plan") == (0, [])
        assert self.call("apply") == (0, [])
        assert self.findings() == []

    def snapshot(self):
        """Links, addresses, routes, listeners and settings; not the queueing discipline and what IPv6 adds,
        which a device of the kernel's own keeps once it was up."""
        node = self.node
        dump = "".join(node.run(*command.split()) for command in (
            "ip -d -o link", "ip -o address", "ip route show table all", "ip -6 route show table all"))
        fou = subprocess.run(node.command("sh", "-c", "ip fou show; ip -6 fou show"), text=True,
                             capture_output=True, check=False).stdout
        settings = node.run("sh", "-c", "grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf | sort")
        settings = re.sub(r"/proc/sys/net/ipv6/conf/(tunl|gre|sit)0/.*\n", "", settings)
        return re.sub(r" (qdisc|addrgenmode) \S+", "", dump) + fou + settings


@pytest.fixture(scope="module", autouse=True)
def modules():
    """A module brings devices along, and they stay: so that they are there before. fou is not: loading it
    is a part of the test."""
    for name in ("ipip", "sit", "ip_gre", "ip6_gre", "ip6_tunnel"):
        subprocess.run(["modprobe", name], check=True)


@pytest.fixture(scope="module")
def lab(shared_lab):
    """One for all: no test leaves anything behind on a server, which is what most of them are about."""
    lab = shared_lab
    lab.build(NETWORKS, ipv6=True)
    lab["router"].sysctl({"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1})
    lab["lb1"].ip("route add 198.51.100.0/24 via 192.0.2.254",
                  "route add 2001:db8:2::/64 via 2001:db8:1::fe")
    lab["far"].ip("route add default via 198.51.100.254", "route add default via 2001:db8:2::fe")
    for name in ("near", "far"):
        # Silence and filters are asked for by nobody here but by the method.
        lab[name].sysctl({f"net.ipv4.conf.{link}.rp_filter": 1 for link in ("all", "default", "eth0")})
        start_server(lab[name], "rs1", PORT)
    return lab


def direct(lab, config):
    """The director with that configuration."""
    if not lab.directors:
        Director(lab, "lb1", config).start()
    lb1 = lab.directors[0]
    answer = lb1.reload(config)
    assert answer.returncode == 0, answer.stderr
    for address in VIPS:
        lb1.wait_owner(address, 30)
    listed = sum(len(service["listen"]) for service in config["services"].values())
    wait_until(lambda: lb1.node.run("ipvsadm", "-Ln").count("->") == 1 + listed, 20,
               "the table is there", every=0.1)


def ask(lab, *addresses):
    assert lab["client"].run("/usr/bin/python3", "-c", CLIENT, PORT, *addresses) == "ok\n"


def is_undone(server, before):
    assert server.call("undo")[0] == 0
    same(before, server.snapshot())
    assert server.call("undo") == (0, [])
    assert server.call("plan")[0] == 2


def same(before, after):
    diff = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))
    assert not diff, "\n".join(diff[:12])


def mac_of(node, interface="eth0"):
    return json.loads(node.run("ip", "-j", "link", "show", interface))[0]["address"]


def owners_for(client, address):
    """Who answers the client when it asks for an address, asked ten times."""
    owners = set()
    script = f"ip neigh flush dev eth0; exec 3<>/dev/tcp/{address}/{PORT}; ip -j neigh show {address}"
    for _ in range(10):
        owners |= {n["lladdr"] for n in json.loads(client.run("bash", "-c", script)) if "lladdr" in n}
    return owners


@pytest.mark.parametrize("vip, address", [(VIP, NEAR), (VIP6, NEAR6)], ids=["ipv4", "ipv6"])
def test_direct(lab, vip, address):
    config = configuration("direct", address, (vip,))
    server = RealServer(lab, config, "near")
    direct(lab, config)
    before = server.snapshot()
    assert f"{vip} is not on lo" in " ".join(server.findings())
    status, planned = server.call("plan")
    assert status == 2
    assert server.call("apply") == (0, planned)
    server.is_done()
    ask(lab, vip)
    assert owners_for(lab["client"], vip) == {mac_of(lab["lb1"])}
    is_undone(server, before)


@pytest.mark.parametrize("name", TUNNELS)
def test_tunnel(lab, name, figure):
    address, vips, tunnel = TUNNELS[name]
    config = configuration("tunnel", address, vips, tunnel)
    server = RealServer(lab, config)
    direct(lab, config)
    before = server.snapshot()
    assert server.findings()
    status, planned = server.call("plan")
    assert status == 2
    assert server.call("apply") == (0, planned)
    server.is_done()
    ask(lab, *vips)
    is_undone(server, before)
    figure(f"real server by {name}", f"{len(planned)} steps, {len(vips)} addresses carried, undone")


FAULTS = [
    ("echo 0 >/proc/sys/net/ipv4/conf/all/arp_ignore",
     f"arp_ignore is 0 on eth0: this server will answer ARP for {VIP}"),
    ("echo 0 >/proc/sys/net/ipv4/conf/all/arp_announce", "arp_announce is 0 on eth0: "),
    (f"ip address del {VIP}/32 dev tunl0", f"{VIP} is not on tunl0: "),
    (f"ip address del {VIP6}/128 dev sit0", f"{VIP6} is not on sit0: "),
    ("ip link set tunl0 down", "tunl0 is down: this server refuses what service web sends"),
    ("echo 1 >/proc/sys/net/ipv4/conf/tunl0/rp_filter", "rp_filter is 1 on tunl0 "),
    ("ip fou del port 6080", "nothing listens for gue on UDP port 6080: "),
    ("ip fou del port 6080; ip fou add port 6080 ipproto 4", "UDP port 6080 is one for plain fou, "),
    ("echo 1 >/proc/sys/net/ipv6/conf/sit0/disable_ipv6", f"disable_ipv6 is 1 on sit0: it cannot have {VIP6}"),
]


def test_check_names_each_fault_and_apply_mends_it(lab, figure):
    config = configuration("tunnel", FAR, VIPS, GUE)
    server = RealServer(lab, config)
    before = server.snapshot()
    server.call("apply")
    for command, expected in FAULTS:
        server.node.run("sh", "-ec", command)
        found = server.findings()
        assert any(line.startswith(expected) for line in found), (command, found)
        if "ipproto" in command:
            server.node.run("ip", "fou", "del", "port", "6080") # somebody else's, not to be mended
        assert server.call("apply")[1], command
        server.is_done()
    server.node.ip(f"address add {VIP}/24 dev eth0")
    assert server.findings() == [
        f"{VIP} is on eth0: this server answers its neighbours for it; remove it from there"]
    assert server.call("plan") == (0, [])
    server.node.ip(f"address del {VIP}/24 dev eth0")
    server.is_done()
    is_undone(server, before)
    figure("faults of a real server named and mended", f"{len(FAULTS)} of {len(FAULTS)}", "each")


def test_a_changed_configuration_takes_back_what_it_does_not_ask_for(lab):
    gre = {"encapsulation": "gre", "encapsulation_checksum": "full"}
    nothing = dict(configuration("direct", FAR, VIPS), services={})
    server = RealServer(lab, nothing)
    before = server.snapshot()
    for config in (configuration("tunnel", FAR, VIPS, gre), configuration("direct", FAR, (VIP,)),
                   configuration("tunnel", FAR6, VIPS, GUE), nothing):
        server = RealServer(lab, config)
        server.call("apply")
        server.is_done()
    same(before, server.snapshot())
    assert server.call("undo") == (0, [])


def test_nat_is_told_where_its_route_should_go(lab):
    config = configuration("nat", NEAR, (VIP,))
    server = RealServer(lab, config, "near")
    assert server.call("apply") == (0, [])
    assert server.findings() == [
        f"service web goes by nat, and there is no default route: it should go by {VIP}, which virtual "
        "router front moves"]
    server.node.ip("route add default via 192.0.2.2")
    assert "the default route by 192.0.2.2: replies miss the directors" in server.findings()[0]
    server.node.ip(f"route replace default via {VIP}")
    server.is_done()
    server.node.ip("route delete default")


def test_another_name_and_json(lab):
    config = configuration("direct", "203.0.113.1", (VIP,))
    server = RealServer(lab, config, "near")
    result = subprocess.run(server.node.command(
        installed("bin/tandemctl"), "realserver", "plan", "--config", lab.path("rs1.json")),
        capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "no address of this host is one of a server" in result.stderr
    status, lines = server.call("plan", "--server", "pool/rs1", "--json")
    steps = json.loads("".join(lines))["steps"]
    assert status == 2 and [s["what"] for s in steps] == ["setting", "setting", "address"]
    assert steps[0]["name"] == "net/ipv4/conf/all/arp_ignore" and steps[0]["old"] == "0"
    assert steps[2] == {"what": "address", "link": "lo", "address": f"{VIP}/32", "undo": False,
                        "text": f"add address {VIP}/32 to lo"}
    status, lines = server.call("check", "--server", "pool/rs1", "--json")
    findings = json.loads("".join(lines))["findings"]
    assert status == 2 and "203.0.113.1, the address of server rs1 of pool pool, is not this host's" in [
        f["text"] for f in findings]
