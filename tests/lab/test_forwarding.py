"""Every way to forward, for every protocol and family, to servers near and far: what arrives at the server,
and which way the answer takes. And tunnels across routers, as between two sites."""

import itertools
import json
import os
import time

import pytest

from director import Director
from observe import Capture, Load, start_server
from process import wait_until
from topology import Lab

pytestmark = pytest.mark.ipvs

FAMILIES = ("ipv4", "ipv6")
VIP = {"ipv4": "192.0.2.100", "ipv6": "2001:db8:1::100"}
CLIENT = {"ipv4": "192.0.2.10", "ipv6": "2001:db8:1::10"}
POOL = {"ipv4": "192.0.2.200", "ipv6": "2001:db8:1::200"}
GATEWAY = {"ipv4": "10.0.0.1", "ipv6": "fd00:a::1"}
CHECK = {"type": "tcp", "port": 80, "interval": "1s", "timeout": "1s", "rise": 1, "fall": 3}
GUE_PORT = 6080
NAT_PORT = 8080
PREFIX = {"ipv4": 24, "ipv6": 64}

TUNNELS = {
    "ipip": {},
    "gue": {"encapsulation": "gue", "encapsulation_port": GUE_PORT},
    "gre": {"encapsulation": "gre"},
}

# Where the servers are. "near" is the client's own network, "behind" one that has the director as its
# gateway, "beyond" another one behind that, "far" one behind a router that is not the director.
SERVERS = {
    "near": {"ipv4": "192.0.2.11", "ipv6": "2001:db8:1::11"},
    "behind": {"ipv4": "10.0.0.11", "ipv6": "fd00:a::11"},
    "beyond": {"ipv4": "10.1.0.11", "ipv6": "fd00:b::11"},
    "far": {"ipv4": "198.51.100.11", "ipv6": "2001:db8:2::11"},
}


# A server's second address is the one of a device that takes gre with a checksum: none takes both.
SECOND = {
    "near": {"ipv4": "192.0.2.21", "ipv6": "2001:db8:1::21"},
    "far": {"ipv4": "198.51.100.21", "ipv6": "2001:db8:2::21"},
}
OTHER = {"ipv4": "ipv6", "ipv6": "ipv4"}


class Row:
    """A line of the table: a method, its settings, where its server is, and at which of its addresses: the
    service's family's, "second", or the "other" family's."""

    def __init__(self, port, method, where, at="", families=FAMILIES, **settings):
        self.port = port
        self.method = method
        self.where = where
        self.at = at
        self.families = families
        self.settings = {"forward": method, **settings}
        what = settings.get("encapsulation", "ipip") if method == "tunnel" else method
        checksum = settings.get("encapsulation_checksum")
        self.name = "-".join(filter(None, (what, checksum, where, at)))

    def service(self, protocol, family):
        return f"{self.name}-{protocol}-{family}"

    def address(self, family):
        """The server's."""
        if self.at == "second":
            return SECOND[self.where][family]
        return SERVERS[self.where][OTHER[family] if self.at == "other" else family]

    def pool(self, family):
        return "-".join(filter(None, (self.where, self.at, family)))

    def expected_source(self, family, own):
        """What the server sees a request come from; the port is None where it may be any."""
        return (POOL[family], None) if self.method == "fullnat" else tuple(own)

    def expected_destination(self, family):
        if self.method == "nat":
            return (SERVERS[self.where][family], NAT_PORT)
        if self.method == "fullnat":
            return (SERVERS[self.where][family], self.port)
        return (VIP[family], self.port)

    @property
    def answers_by_director(self):
        return self.method in ("nat", "fullnat")


ROWS = [Row(8000 + i, *row, **settings) for i, (*row, settings) in enumerate((
    ("direct", "near", {}),
    ("nat", "behind", {}),
    ("nat", "beyond", {}),
    *(("tunnel", where, settings) for settings in TUNNELS.values() for where in ("near", "far")),
    ("fullnat", "near", {}),
    ("fullnat", "far", {}),
    *(("tunnel", where, {**TUNNELS["gue"], "encapsulation_checksum": "full"}) for where in ("near", "far")),
    ("tunnel", "far", {**TUNNELS["gue"], "encapsulation_checksum": "remote", "families": ("ipv4",)}),
    *(("tunnel", where, "second", {**TUNNELS["gre"], "encapsulation_checksum": "full"})
      for where in ("near", "far")),
    # Servers of the other family, which the kernel has while it does not sync.
    *(("tunnel", "far", "other", settings) for settings in TUNNELS.values()),
))]
CASES = [(row, protocol, family) for row in ROWS for family in row.families
         for protocol in ("tcp", "udp", *(["sctp"] if row.method in ("direct", "nat") else []))]


def both(addresses, prefix=True):
    return [f"{addresses[f]}/{PREFIX[f]}" if prefix else addresses[f] for f in FAMILIES]


NETWORKS = {
    "client": {"eth0": ("front", *both(CLIENT))},
    "lb1": {"eth0": ("front", "192.0.2.2/24", "2001:db8:1::2/64"),
            "eth2": ("back", "10.0.0.2/24", "fd00:a::2/64")},
    "router": {"eth0": ("front", "192.0.2.254/24", "2001:db8:1::254/64"),
               "eth1": ("far", "198.51.100.254/24", "2001:db8:2::254/64")},
    "inner": {"eth0": ("back", "10.0.0.254/24", "fd00:a::254/64"),
              "eth1": ("backback", "10.1.0.254/24", "fd00:b::254/64")},
    **{where: {"eth0": (network, *both(SERVERS[where]), *(both(SECOND[where]) if where in SECOND else []))}
       for where, network in (("near", "front"), ("behind", "back"), ("beyond", "backback"),
                              ("far", "far"))},
}

FORWARDING = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}


def router_config(routers):
    return {"nodes": {"lb1": {}, "lb2": {}},
            "virtual_routers": {
                name: {"advert_interval": "100ms", "vrid": 51 + i,
                       "priority": {"lb1": 150, "lb2": 100}, **router}
                for i, (name, router) in enumerate(routers.items())}}


def table_config():
    config = router_config({
        "front": {"interface": "eth0", "addresses": [f"{VIP['ipv4']}/24"],
                  "excluded_addresses": [f"{VIP['ipv6']}/64"], "snat_addresses": both(POOL)},
        "back": {"interface": "eth2", "addresses": [f"{GATEWAY['ipv4']}/24"],
                 "excluded_addresses": [f"{GATEWAY['ipv6']}/64"]},
    })
    config["pools"] = {
        row.pool(family): {"check": CHECK, "servers": {row.where: {
            "address": row.address(family),
            **({"port": NAT_PORT} if row.where in ("behind", "beyond") else {})}}}
        for row in ROWS for family in row.families}
    config["services"] = {
        row.service(protocol, family): {
            "listen": VIP[family], "port": row.port, "protocol": protocol, "scheduler": "rr",
            "pool": row.pool(family), **row.settings}
        for row, protocol, family in CASES}
    return config


def add_routes(node, *routes):
    node.ip(*(f"route add {to} via {via}" for to, via in routes))


def take_virtual_addresses(node):
    """As servers for direct forwarding and tunnels have them. (Of IPv6, lo's are nobody's on a link.)"""
    node.sysctl({"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2})
    node.ip(f"address add {VIP['ipv4']}/32 dev lo", f"address add {VIP['ipv6']}/128 dev lo")


def open_tunnels(node):
    """Take in whatever is wrapped, from anybody."""
    node.ip(*(f"link set {device} up" for device in ("tunl0", "sit0", "gre0", "ip6tnl0", "ip6gre0")))
    for family in ("-4", "-6"):
        node.run("ip", family, "fou", "add", "port", GUE_PORT, "gue")


def build_table(lab):
    for module in ("ipip", "ip_gre", "sit", "ip6_tunnel", "ip6_gre", "fou", "fou6", "sctp"):
        os.system(f"modprobe -q {module}")
    lab.build(NETWORKS, ipv6=True)
    for name in ("router", "inner"):
        lab[name].sysctl(FORWARDING)
    add_routes(lab["lb1"], ("198.51.100.0/24", "192.0.2.254"), ("2001:db8:2::/64", "2001:db8:1::254"),
               ("10.1.0.0/24", "10.0.0.254"), ("fd00:b::/64", "fd00:a::254"))
    add_routes(lab["far"], ("default", "198.51.100.254"), ("default", "2001:db8:2::254"))
    add_routes(lab["beyond"], ("default", "10.1.0.254"), ("default", "fd00:b::254"))
    for name in ("behind", "inner"):
        add_routes(lab[name], *(("default", GATEWAY[f]) for f in FAMILIES))
    for name in ("near", "far"):
        take_virtual_addresses(lab[name])
        open_tunnels(lab[name])
        # The kernel's own devices over IPv6 take IPv6 alone, and none of them a checksum of gre.
        devices = {"either": f"ip6tnl mode any local {SERVERS[name]['ipv6']}",
                   "either-gre": f"ip6gre local {SERVERS[name]['ipv6']}",
                   "sum4": f"gre local {SECOND[name]['ipv4']} icsum",
                   "sum6": f"ip6gre local {SECOND[name]['ipv6']} icsum"}
        lab[name].ip(*(f"link add {device} type {what}" for device, what in devices.items()),
                     *(f"link set {device} up" for device in devices))
    ports = [80, NAT_PORT, *(row.port for row in ROWS)]
    sctp = {"near": [f"sctp/{VIP[f]}/{ROWS[0].port}" for f in FAMILIES],
            **{name: [f"sctp/{SERVERS[name][f]}/{NAT_PORT}" for f in FAMILIES]
               for name in ("behind", "beyond")}}
    for name in SERVERS:
        start_server(lab[name], name, *ports, *sctp.get(name, []))


def wait_all_up(director, servers=None, seconds=40):
    def states():
        return {(service["name"], server["name"]): server["state"]
                for service in director.status()["services"] for server in service["servers"]
                if servers is None or server["name"] in servers}
    wait_until(lambda: set(states().values()) == {"up"}, seconds, "every server is up", every=0.2)


class Table:
    """All that was asked, and what crossed the director's two cables meanwhile."""

    def __init__(self, lab):
        build_table(lab)
        lb1 = Director(lab, "lb1", table_config())
        lb1.start()
        lb1.wait_owner(VIP["ipv6"])
        wait_all_up(lb1)
        captures = [Capture(lab, f"lb1-{interface}", "tcp or udp or sctp or ip6")
                    for interface in ("eth0", "eth2")]
        questions = [(protocol, VIP[family], row.port) for row, protocol, family in CASES]
        here = os.path.dirname(os.path.abspath(__file__))
        lines = lab["client"].run("/usr/bin/python3", os.path.join(here, "ask.py"),
                                  json.dumps(questions)).splitlines()
        self.answers = {(row.name, protocol, family): json.loads(line)
                        for (row, protocol, family), line in zip(CASES, lines, strict=True)}
        self.seen = set().union(*(capture.caught_up().flows() for capture in captures))


@pytest.fixture(scope="module")
def table():
    lab = Lab()
    try:
        built = Table(lab)
        for director in lab.directors:
            director.check_sanitizers()
        yield built
    except Exception:
        for title, text in lab.describe():
            print(f"-- {title}\n{text}")
        raise
    finally:
        lab.close()


@pytest.mark.parametrize("row, protocol, family", [
    pytest.param(*case, id=case[0].service(*case[1:])) for case in CASES])
def test_a_request_arrives_as_the_method_says_and_so_does_the_answer(table, row, protocol, family):
    answer = table.answers[row.name, protocol, family]
    assert not isinstance(answer, str), answer
    (name, source, source_port, *destination), own = answer
    assert name == row.where
    assert own[0] == CLIENT[family]
    expected, expected_port = row.expected_source(family, own)
    assert source == expected
    assert expected_port is None or source_port == expected_port
    assert tuple(destination) == row.expected_destination(family)
    # The answer leaves the director's port with the virtual address as its source, or never comes there.
    answered = [flow for flow in table.seen
                if flow == (protocol, VIP[family], row.port, CLIENT[family], own[1])]
    assert bool(answered) == row.answers_by_director


# Tunnels across routers

SITES = {
    "a": {"ipv4": "198.51.100", "ipv6": "2001:db8:a:"},
    "b": {"ipv4": "203.0.113", "ipv6": "2001:db8:b:"},
}
SITE_SERVERS = {f"{site}{n}": site for site in SITES for n in (1, 2)}
SITE_PORTS = {"ipip": 81, "gue": 82, "gre": 83}
DELAY_MS = 5
LARGE_BLOCKS = 2000


def site_address(site, family, host):
    return f"{SITES[site][family]}{'.' if family == 'ipv4' else ':'}{host}"


def site_prefixes(site, host):
    return [f"{site_address(site, f, host)}/{PREFIX[f]}" for f in FAMILIES]


def build_sites(lab):
    table = {
        "client": {"eth0": ("front", *both(CLIENT))},
        "lb1": {"eth0": ("front", "192.0.2.2/24", "2001:db8:1::2/64")},
        "lb2": {"eth0": ("front", "192.0.2.3/24", "2001:db8:1::3/64")},
    }
    for n, site in enumerate(SITES):
        table[f"router-{site}"] = {
            "eth0": ("front", f"192.0.2.{251 + n}/24", f"2001:db8:1::{251 + n}/64"),
            "eth1": (f"site-{site}", *site_prefixes(site, 254))}
    for name, site in SITE_SERVERS.items():
        table[name] = {"eth0": (f"site-{site}", *site_prefixes(site, 10 + int(name[1])))}
    lab.build(table, ipv6=True)
    for n, site in enumerate(SITES):
        router = lab[f"router-{site}"]
        router.sysctl(FORWARDING)
        for interface in ("eth0", "eth1"):
            router.run("tc", "qdisc", "add", "dev", interface, "root", "netem", "delay",
                       f"{DELAY_MS}ms")
        for lb in ("lb1", "lb2"):
            add_routes(lab[lb], *((f"{site_address(site, f, 0 if f == 'ipv4' else '')}/{PREFIX[f]}",
                                   f"192.0.2.{251 + n}" if f == "ipv4" else f"2001:db8:1::{251 + n}")
                                  for f in FAMILIES))
    for name, site in SITE_SERVERS.items():
        add_routes(lab[name], *(("default", site_address(site, f, 254)) for f in FAMILIES))
        take_virtual_addresses(lab[name])
        open_tunnels(lab[name])
        start_server(lab[name], name, 80, *SITE_PORTS.values())


def sites_config():
    config = router_config({
        "front": {"interface": "eth0", "addresses": [f"{VIP['ipv4']}/24"],
                  "excluded_addresses": [f"{VIP['ipv6']}/64"]}})
    config["pools"] = {
        family: {"check": CHECK, "servers": {
            name: {"address": site_address(site, family, 10 + int(name[1]))}
            for name, site in SITE_SERVERS.items()}}
        for family in FAMILIES}
    config["services"] = {
        f"{encapsulation}-{family}": {
            "listen": VIP[family], "port": SITE_PORTS[encapsulation], "scheduler": "rr",
            "forward": "tunnel", "pool": family, **settings}
        for (encapsulation, settings), family in itertools.product(TUNNELS.items(), FAMILIES)}
    return config


@pytest.fixture
def sites(lab):
    for module in ("ipip", "ip_gre", "sit", "ip6_tunnel", "ip6_gre", "fou", "fou6", "sch_netem"):
        os.system(f"modprobe -q {module}")
    build_sites(lab)
    lb1 = Director(lab, "lb1", sites_config())
    lb1.start()
    lb1.wait_owner(VIP["ipv6"])
    wait_all_up(lb1)
    return lb1


def url(family, encapsulation, path):
    host = f"[{VIP[family]}]" if family == "ipv6" else VIP[family]
    return f"http://{host}:{SITE_PORTS[encapsulation]}{path}"


def curl(lab, *arguments):
    return lab["client"].run("curl", "-sS", "--fail", "--max-time", "30", *arguments)


@pytest.mark.traffic
def test_servers_of_two_sites_across_routers(lab, sites, figure):
    """Large transfers both ways with every MTU as it is, answers past the director, a site lost and found."""
    lb1 = sites
    capture = Capture(lab, "lb1-eth0", "tcp or icmp or ip6")
    upload = lab.path("upload")
    with open(upload, "wb") as file:
        file.truncate(LARGE_BLOCKS * 1000)
    for encapsulation, family in itertools.product(TUNNELS, FAMILIES):
        started = time.monotonic()
        names = {curl(lab, url(family, encapsulation, "/")).strip() for _ in range(4)}
        assert names == set(SITE_SERVERS), f"{encapsulation} {family}"
        size = curl(lab, "-o", "/dev/null", "-w", "%{size_download}",
                    url(family, encapsulation, f"/fast/{LARGE_BLOCKS}"))
        assert int(size) == LARGE_BLOCKS * 1000, f"download by {encapsulation}, {family}"
        answer = curl(lab, "-H", "Expect:", "-T", upload,
                      url(family, encapsulation, f"/{LARGE_BLOCKS * 1000}"))
        assert answer.strip() in SITE_SERVERS, f"upload by {encapsulation}, {family}"
        figure(f"across routers by {encapsulation}, {family}: 2 MB down, 2 MB up",
               f"{time.monotonic() - started:.1f} s")
    answers = [flow for flow in capture.caught_up().flows() if flow[1] in VIP.values() and flow[0] == "tcp"]
    assert answers == [], "no answer passes the director"
    lose_and_find_a_site(lab, lb1, figure)


def lose_and_find_a_site(lab, lb1, figure):
    rate = 40
    load = Load(lab["client"], VIP["ipv4"], SITE_PORTS["ipip"], rate, 600)
    cut_us = time.time() * 1e6
    lab.cut("router-b")
    lost = [name for name, site in SITE_SERVERS.items() if site == "b"]
    wait_until(lambda: {n: s for n, (w, s) in lb1.server_states("ipip-ipv4").items() if w == 0} ==
               {name: "down" for name in lost}, 20, "the servers of the lost site are down", every=0.1)
    down_us = time.time() * 1e6
    wait_until(lambda: time.time() * 1e6 - down_us > 2e6, 5, "two seconds of traffic")
    mended_us = time.time() * 1e6
    lab.mend("router-b", "front")
    wait_all_up(lb1)
    up_us = time.time() * 1e6
    wait_until(lambda: time.time() * 1e6 - up_us > 1e6, 5, "a second of traffic")
    result = load.finish()
    failures = [result["started_us"] + failure[0] for failure in result["failures"]]
    figure("a site of two cut off, 40 requests/s: lost until its servers are down",
           f"{len(failures)} in {(down_us - cut_us) / 1e6:.1f} s", "half, and none of the other's")
    figure("the site is back: its servers are up after", f"{(up_us - mended_us) / 1e6:.1f} s")
    assert [at for at in failures if at > down_us or at < cut_us - 1e6] == []
    assert len(failures) <= rate * (down_us - cut_us) / 1e6 / 2 + 10
    assert result["answered"] + len(failures) == result["sent"]
    assert set(result["servers"]) == set(SITE_SERVERS)
