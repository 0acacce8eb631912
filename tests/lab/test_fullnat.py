"""Fullnat: servers that see an address of the pool, need no route to any client, and keep their
connections when the director changes; the nftables table and the settings behind it. Firewall marks."""

import itertools
import json
import subprocess

import pytest

from director import Director
from guestrun import in_guest
from observe import Holder, start_server
from pair import CHECK, VIP, election_config, start_pair, wait_roles_settled
from process import wait_until

pytestmark = pytest.mark.ipvs

VIP6 = "2001:db8::100"
POOL = {4: ("192.0.2.200", "192.0.2.205"), 6: ("2001:db8::200", "2001:db8::205")}
SERVERS = {4: {"rs1": "192.0.2.11", "rs2": "192.0.2.12"}, 6: {"rs1": "2001:db8::11", "rs2": "2001:db8::12"}}
LISTEN = {4: VIP, 6: VIP6}
PORT, SERVER_PORT = 80, 8080
HELD = 50

# The servers have no route to anywhere but their own network: neither to the remote client nor through a
# director.
NETWORKS = {
    "client": {"eth0": ("front", "192.0.2.10/24", "2001:db8::10/64")},
    "remote": {"eth0": ("far", "198.51.100.10/24", "2001:db8:f::10/64")},
    "router": {"eth0": ("front", "192.0.2.254/24", "2001:db8::254/64"),
               "eth1": ("far", "198.51.100.254/24", "2001:db8:f::254/64")},
    "rs1": {"eth0": ("front", "192.0.2.11/24", "2001:db8::11/64")},
    "rs2": {"eth0": ("front", "192.0.2.12/24", "2001:db8::12/64")},
    "lb1": {"eth0": ("front", "192.0.2.2/24", "2001:db8::2/64"), "eth1": ("sync", "10.255.0.1/24")},
    "lb2": {"eth0": ("front", "192.0.2.3/24", "2001:db8::3/64"), "eth1": ("sync", "10.255.0.2/24")},
}


def config(families=(4, 6), pool=None, **top):
    conf = election_config(**{
        "excluded_addresses": [f"{VIP6}/64"],
        "snat_addresses": [f"{a}/{24 if f == 4 else 64}" for f in families for a in (pool or POOL)[f]]})
    conf["nodes"] = {"lb1": {"link_address": "10.255.0.1"}, "lb2": {"link_address": "10.255.0.2"}}
    conf["link"] = {"mode": "kernel", "interface": "eth1", "sync_id": 51}
    conf["pools"] = {f"web{f}": {
        "check": dict(CHECK),
        "servers": {name: {"address": a, "port": SERVER_PORT} for name, a in SERVERS[f].items()}}
        for f in families}
    conf["services"] = {f"web{f}": {"listen": LISTEN[f], "port": PORT, "scheduler": "rr",
                                    "forward": "fullnat", "pool": f"web{f}"} for f in families}
    conf.update(top)
    return conf


def build(lab):
    build_networks(lab)
    for name in ("rs1", "rs2"):
        start_server(lab[name], name, SERVER_PORT)


def build_networks(lab):
    lab.build(NETWORKS, ipv6=True)
    lab["router"].sysctl({"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1})
    lab["remote"].ip("route add default via 198.51.100.254", "route add default via 2001:db8:f::254")
    add_routes(lab)


def add_routes(lab):
    for name in ("lb1", "lb2"):
        lab[name].ip("route add 198.51.100.0/24 via 192.0.2.254",
                     "route add 2001:db8:f::/64 via 2001:db8::254")


@pytest.fixture(scope="module")
def world(shared_lab):
    build_networks(shared_lab)
    shared_lab.share(["lb1", "lb2"], {name: lambda name=name: start_server(shared_lab[name], name, SERVER_PORT)
                                      for name in ("rs1", "rs2")}, add_routes)


@pytest.fixture
def lent(world, lent_lab):
    """For a test with directors of its own."""
    return lent_lab


def wait_up(director, families=(4, 6)):
    for f in families:
        wait_until(lambda f=f: set(director.server_states(f"web{f}").values()) == {(1, "up")}, 30,
                   f"servers of web{f} are up on {director.name}", every=0.1)


@pytest.fixture
def pair(request, world, shared_lab):
    """The usual pair. Tests that leave it as it was, with lb1 Active, share it."""
    failed = request.session.testsfailed
    try:
        if not shared_lab.directors:
            start_usual_pair(shared_lab)
    except Exception:
        shared_lab.clear()
        raise
    yield shared_lab.directors
    if request.session.testsfailed > failed:
        shared_lab.clear()


def start_usual_pair(lab):
    directors = start_pair(lab, config())
    for director in directors:
        wait_up(director)
    wait_until(lambda: directors[0].owns(POOL[6][1]), 40, "the pool is with lb1")


WHO = """
import socket, sys
address, port, count, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
for i in range(count):
    s = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    s.settimeout(10)
    s.connect((address, port))
    s.sendall(b"who" if kind == "udp" else b"GET /who HTTP/1.0\\r\\n\\r\\n")
    answer = b""
    while not answer or kind == "tcp":
        part = s.recv(4096)
        if not part:
            break
        answer += part
    print(answer.decode().splitlines()[-1])
    s.close()
"""


def who(node, address, port, count, kind="tcp"):
    """[(server, source, destination)] as the servers saw that many connections."""
    lines = node.run("/usr/bin/python3", "-c", WHO, address, port, count, kind).splitlines()
    return [(words[0], words[1], words[3]) for words in map(str.split, lines)]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("where", ["client", "remote"])
def test_servers_see_an_address_of_the_pool_and_clients_the_virtual_one(
        shared_lab, pair, figure, where, family):
    seen = who(shared_lab[where], LISTEN[family], PORT, 20)
    figure(f"fullnat, IPv{family}, {where}: connections answered, and by whom seen",
           f"{len(seen)} of 20, as {', '.join(sorted({s for _, s, _ in seen}))}", "the pool alone")
    assert len(seen) == 20
    assert {source for _, source, _ in seen} == set(POOL[family]), "all of the pool, and only that"
    assert {(name, to) for name, _, to in seen} == set(SERVERS[family].items())


def synced(director, address):
    lines = director.node.run("ipvsadm", "-Lnc").splitlines()
    text = f"[{address}]:{PORT}" if ":" in address else f"{address}:{PORT}"
    return sum(text in line and "ESTABLISHED" in line for line in lines)


def tracked(director, *addresses):
    """Lines of the kernel's table of tracked connections that name one of the addresses."""
    import ipaddress
    texts = [ipaddress.ip_address(a).exploded for a in addresses]
    return [line for line in director.node.run("cat", "/proc/net/nf_conntrack").splitlines()
            if any(f"dst={text} " in line for text in texts)]


@pytest.mark.traffic
def test_idle_and_busy_connections_survive_there_and_back(shared_lab, pair, figure):
    lab, (lb1, lb2) = shared_lab, pair
    held = {(family, kind): Holder(lab[where], LISTEN[family], PORT, HELD) for family in (4, 6)
            for kind, where in (("idle", "client"), ("busy", "remote"))}

    def survivors():
        return {key: holder.survivors(30000) for key, holder in held.items()}

    def all_survive(way):
        alive = survivors()
        for family in (4, 6):
            figure(f"fullnat, IPv{family}: {way}", f"{alive[family, 'busy']} busy and "
                   f"{alive[family, 'idle']} idle of {HELD} each", f"{HELD} each")
        assert alive == {key: HELD for key in held}
    assert survivors() == {key: HELD for key in held}
    for (_, kind), holder in held.items():
        for _ in range(4 if kind == "busy" else 0):
            assert holder.survivors(30000) == HELD
    for family in (4, 6):
        wait_until(lambda f=family: synced(lb2, LISTEN[f]) >= 2 * HELD, 40,
                   f"all connections of IPv{family} on lb2", every=0.2)
    for interface in ("eth0", "eth1"):
        lab.cut("lb1", interface)
    lb1.kill_all()
    lb2.wait_owner(VIP)
    wait_until(lambda: lb2.owns(POOL[6][1]), 40, "lb2 has the pool too")
    all_survive("connections that survive a dead director, kernel sync alone")

    lb1.cleanup()
    lab.mend("lb1", "sync", "eth1")
    lab.mend("lb1", "front", "eth0")
    lb1.start()
    lb1.wait_owner(VIP, 20)
    lb2.wait_not_owner(VIP, 20)
    wait_until(lambda: lb2.events("conntrack-deleted"), 40, "lb2 forgets the connections")
    assert tracked(lb2, VIP, VIP6) == []
    all_survive("... and the way back")
    assert tracked(lb2, VIP, VIP6, *POOL[4], *POOL[6]) == []


def mac_of(node):
    return json.loads(node.run("ip", "-j", "link", "show", "eth0"))[0]["address"]


def neighbours_mac(node, address):
    return json.loads(node.run("ip", "-j", "neighbour", "show", address))[0].get("lladdr")


def forwarded(node):
    """Packets that a node has passed on: (IPv4, IPv6)."""
    snmp = [line.split() for line in node.run("cat", "/proc/net/snmp").splitlines() if line.startswith("Ip:")]
    snmp6 = dict(map(str.split, node.run("cat", "/proc/net/snmp6").splitlines()))
    return {4: int(snmp[1][snmp[0].index("ForwDatagrams")]), 6: int(snmp6["Ip6OutForwDatagrams"])}


@pytest.mark.parametrize("family", [4, 6])
def test_a_standby_passes_on_what_comes_by_a_stale_entry_and_tracks_nothing(shared_lab, pair, family):
    """By an entry that never gets better, too. (Of IPv6, the Active then must not have to ask for the client:
    what that would answer comes by the same entry, and nobody believes a neighbour from afar.)"""
    lab, (lb1, lb2) = shared_lab, pair
    client, vip = lab["client"], LISTEN[family]
    addresses = {4: "192.0.2.10", 6: "2001:db8::10"}
    lb1.node.ip(f"neighbour replace {addresses[family]} lladdr {mac_of(client)} dev eth0 nud permanent")
    client.ip(f"neighbour replace {vip} lladdr {mac_of(lb2.node)} dev eth0 nud permanent")
    before = forwarded(lb2.node)[family]
    try:
        seen = who(client, vip, PORT, 4)
    finally:
        client.ip(f"neighbour delete {vip} dev eth0")
        lb1.node.ip(f"neighbour delete {addresses[family]} dev eth0")
    assert {source for _, source, _ in seen} <= set(POOL[family])
    assert forwarded(lb2.node)[family] >= before + 4 * 4, "all of it went by the standby"
    assert tracked(lb2, vip) == []
    assert tracked(lb1, vip)


def test_a_stale_entry_of_ipv6_is_mended_by_the_active_itself(shared_lab, pair):
    """What asks for the client says whose the address is."""
    lab, (lb1, lb2) = shared_lab, pair
    client = lab["client"]
    lb1.node.ip("neighbour flush dev eth0")
    client.ip(f"neighbour replace {VIP6} lladdr {mac_of(lb2.node)} dev eth0 nud stale")
    before = forwarded(lb2.node)[6]
    seen = who(client, VIP6, PORT, 4)
    assert {source for _, source, _ in seen} <= set(POOL[6])
    assert forwarded(lb2.node)[6] > before, "the first one went by the standby"
    wait_until(lambda: neighbours_mac(client, VIP6) == mac_of(lb1.node), 20, "the client knows who has it")
    assert tracked(lb2, VIP6) == []


STRAY = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.settimeout(1.5)
try:
    s.connect((sys.argv[1], 9999))
except Exception as error:
    print(type(error).__name__)
"""


def test_the_guard_keeps_the_director_from_answering_servers(shared_lab, pair):
    lab = shared_lab
    for address in (POOL[4][0], POOL[6][0]):
        assert lab["rs1"].run("/usr/bin/python3", "-c", STRAY, address).strip() == "TimeoutError"
    # It is for the pool alone.
    assert lab["rs1"].run("/usr/bin/python3", "-c", STRAY, VIP).strip() == "ConnectionRefusedError"


def rules(director):
    return director.node.run("nft", "list", "table", "inet", "tandem")


def test_what_somebody_else_does_to_the_rules_and_settings_is_mended(shared_lab, pair, figure):
    lab, (lb1, lb2) = shared_lab, pair
    right = rules(lb1)
    assert right == rules(lb2), "the same on both"
    damages = ("delete table inet tandem", "flush chain inet tandem source",
               "flush ruleset", f"delete element inet tandem pools4 {{ {POOL[4][0]} }}",
               "add rule inet tandem guard drop")
    before = len(lb1.events("ipvs-drift"))
    for done, damage in enumerate(damages, before):
        lab["lb1"].run("nft", damage)
        wait_until(lambda: len(lb1.events("ipvs-drift")) > done, 40, f"\"{damage}\" is noticed", every=0.1)
        wait_until(lambda: sorted(rules(lb1).split()) == sorted(right.split()), 20, f"\"{damage}\" is mended")
    figure("nftables damaged in five ways: mended", f"{len(damages)} of {len(damages)}", "each within a period")
    assert len(who(lab["client"], VIP, PORT, 4)) == 4
    # Another table is nobody's business of ours.
    applied = len(lb1.events("rules-applied"))
    lab["lb1"].run("nft", "add table inet other")
    for name, damage in (("net.ipv4.ip_forward", 0), ("net.ipv4.vs.conntrack", 0),
                         ("net.netfilter.nf_conntrack_tcp_be_liberal", 0)):
        lab["lb1"].sysctl({name: damage})
        wait_until(lambda n=name: lab["lb1"].read_sysctl(n) == "1", 40, f"{name} is set again", every=0.1)
    assert len(lb1.events("rules-applied")) == applied
    assert lb2.events("ipvs-drift") == []


def test_datagrams_by_fullnat(lent):
    conf = config()
    for service in conf["services"].values():
        service["protocol"] = "udp"
    lb1, _ = start_pair(lent, conf)
    wait_up(lb1)
    wait_until(lambda: lb1.owns(POOL[6][1]), 40, "the pool is with lb1")
    for family, where in itertools.product((4, 6), ("client", "remote")):
        seen = who(lent[where], LISTEN[family], PORT, 12, "udp")
        assert {source for _, source, _ in seen} <= set(POOL[family]), f"IPv{family}, {where}"
        assert {name for name, _, _ in seen} == {"rs1", "rs2"}, f"IPv{family}, {where}"


SETTINGS = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.vs.conntrack",
            "net.netfilter.nf_conntrack_tcp_be_liberal", "net.ipv4.conf.eth0.rp_filter",
            "net.ipv4.conf.eth0.send_redirects", "net.ipv4.vs.expire_nodest_conn")


def settings(node):
    return [node.read_sysctl(name) for name in SETTINGS]


def test_rules_and_settings_are_adopted_at_a_restart_and_go_with_their_service(lent):
    lent["lb1"].sysctl({"net.ipv4.conf.eth0.rp_filter": 1, "net.ipv4.conf.eth0.send_redirects": 1})
    before = settings(lent["lb1"])
    lb1 = Director(lent, "lb1", config()).start()
    wait_up(lb1)
    assert settings(lent["lb1"]) == ["1", "1", "1", "1", "2", "0", "1"]
    assert len(lb1.events("rules-applied")) == 1
    lb1.stop()
    assert "fullnat4_0" in rules(lb1), "kept over the stop"
    lb1.start()
    assert len(lb1.events("rules-applied")) == 1, "and taken as it is"
    assert lb1.events("ipvs-drift") == []
    four = config((4,))
    four["pools"]["web4"]["on_failure"] = "remove"
    assert lb1.reload(four).returncode == 0
    assert "ip6" not in rules(lb1)
    after = settings(lent["lb1"])
    assert after[:2] == ["1", before[1]], "IPv6 is not forwarded any more"
    assert after[-1] == "1", "what is down expires"
    four["services"]["web4"]["forward"] = "direct"
    for server in four["pools"]["web4"]["servers"].values():
        del server["port"]
    assert lb1.reload(four).returncode == 0
    assert settings(lent["lb1"])[:-1] == before[:-1]
    assert "tandem" not in lent["lb1"].run("nft", "list", "tables")


def test_a_table_that_cannot_be_recorded_is_named_tried_again_and_the_rest_goes_on(lent):
    # A directory stands where the record is to be written.
    lb1 = Director(lent, "lb1", config((4,)))
    lent["lb1"].run("mkdir", f"{lb1.runtime_dir}/nft.json.new")
    lb1.start()
    lb1.wait_event("rules-failed")
    wait_until(lambda: any("inet tandem" in error for error in lb1.status()["ipvs"]["errors"]), 20, "it is named")
    wait_up(lb1, (4,))
    lent["lb1"].run("rmdir", f"{lb1.runtime_dir}/nft.json.new")
    wait_until(lambda: lb1.events("rules-applied"), 20, "it is tried again")
    wait_until(lambda: lb1.status()["ipvs"]["errors"] == [], 20, "and all is well")


@pytest.fixture
def direct_servers(lent):
    """Servers that have the virtual address too, for the time of a test."""
    for name in ("rs1", "rs2"):
        lent[name].sysctl({"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2})
        lent[name].ip(f"address add {VIP}/32 dev lo", f"address add {VIP6}/128 dev lo")
        start_server(lent[name], name, 80, 443, 8005)
    yield
    for name in ("rs1", "rs2"):
        lent[name].ip(f"address delete {VIP}/32 dev lo", f"address delete {VIP6}/128 dev lo")


def test_marks_group_ports_into_one_persistent_service(lent, direct_servers):
    conf = config((4,))
    for server in conf["pools"]["web4"]["servers"].values():
        server["port"] = 80
    service = conf["services"]["web4"]
    del conf["pools"]["web4"]["servers"]["rs1"]["port"], conf["pools"]["web4"]["servers"]["rs2"]["port"]
    conf["pools"]["web4"]["check"]["port"] = 80
    service.update(mark="auto", port=[80, 443, "8000-8010"], forward="direct", persistence="5m")
    lb1, _ = start_pair(lent, conf)
    wait_up(lb1, (4,))
    services = [line for line in lb1.node.run("ipvsadm", "-Sn").splitlines() if line.startswith("-A")]
    assert len(services) == 1 and services[0].startswith("-A -f "), services
    names = {name for port in (80, 443, 8005, 80, 443, 8005) for name, _, _ in who(lent["client"], VIP, port, 2)}
    assert len(names) == 1, "one server for all ports"
    del service["persistence"]
    assert lb1.reload(conf).returncode == 0
    lent["lb1"].run("ipvsadm", "-C")
    lb1.wait_event("ipvs-drift")
    wait_until(lambda: lb1.node.run("ipvsadm", "-Sn").count("-a -f ") == 2, 20, "the table is whole")
    names = [name for name, _, _ in who(lent["client"], VIP, 443, 4)]
    assert sorted(set(names)) == ["rs1", "rs2"]


def udp_flood(source, destination, ports, batch=2000):
    """A program that sends a datagram from each source port, without waiting for answers."""
    return f"""
import socket, time
for port in range({ports[0]}, {ports[1]}):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(({source!r}, port))
    try:
        s.sendto(b"x", ({destination!r}, {PORT}))
    except OSError:
        pass
    s.close()
    if port % {batch} == 0:
        time.sleep(0.05)
"""


TRACKED_MAX = "/proc/sys/net/netfilter/nf_conntrack_max"


@pytest.fixture
def many_tracked():
    """Room for more tracked connections than a local address has ports, which is a setting of the whole
    machine."""
    with open(TRACKED_MAX, "r+", encoding="ascii") as file:
        before = file.read()
        file.seek(0)
        file.write(str(max(int(before), 1 << 18)))
    yield
    with open(TRACKED_MAX, "w", encoding="ascii") as file:
        file.write(before)


def ports_refused(director):
    return director.status()["forwarding"]["ports_refused"]


def test_used_up_source_ports_are_told_and_named_and_who_is_refused_is_counted(lab, many_tracked, figure):
    build(lab)
    pool = {4: (POOL[4][0],)}
    conf = config((4,), pool)
    conf["pools"]["web4"]["servers"] = {"rs1": {"address": SERVERS[4]["rs1"], "port": SERVER_PORT}}
    conf["services"]["web4"]["protocol"] = "udp"
    del conf["link"]
    lb1 = Director(lab, "lb1", conf).start()
    wait_up(lb1, (4,))
    wait_until(lambda: lb1.owns(POOL[4][0]), 40, "the pool is with lb1")
    lab["lb1"].sysctl({"net.netfilter.nf_conntrack_udp_timeout": 600})
    # Nobody answers: what counts are the ports.
    lab["rs1"].run("nft", "add table ip mute; add chain ip mute in { type filter hook input priority 0; }; "
                   f"add rule ip mute in udp dport {SERVER_PORT} drop")
    lab["client"].run("/usr/bin/python3", "-c", udp_flood("192.0.2.10", VIP, (1024, 65536)))
    line = lb1.wait_event("local-ports-exhausted", 30)
    assert "snat_addresses of front" in line and f"{SERVERS[4]['rs1']}:{SERVER_PORT}" in line
    assert ports_refused(lb1) == 0, "each had its port so far"
    # Another client finds none.
    lab["remote"].run("/usr/bin/python3", "-c", udp_flood("198.51.100.10", VIP, (2000, 2500), 50))
    wait_until(lambda: ports_refused(lb1) == 500, 30, "all of them are counted", every=0.5)
    figure("fullnat: one address, one server, source ports used up", "told and named, 500 refused of 500",
           "told, named and counted")


LOADER = "/proc/sys/kernel/modprobe"


@pytest.fixture
def no_nat_chains(lent):
    """A kernel without nftables' NAT chains, until the test calls what it is given."""
    if not in_guest():
        pytest.skip("takes a module away from the whole machine: only in the lab's own")
    with open(LOADER, encoding="ascii") as file:
        loader = file.read().strip()

    def set_loader(path):
        with open(LOADER, "w", encoding="ascii") as file:
            file.write(path)

    def unloaded():
        subprocess.run(["modprobe", "-r", "nft_chain_nat"], check=False, capture_output=True)
        with open("/proc/modules", encoding="ascii") as file:
            return not any(line.startswith("nft_chain_nat ") for line in file)
    # The namespaces of the test before may still hold it.
    wait_until(unloaded, 30, "nft_chain_nat is unloaded", every=0.2)
    set_loader("/bin/false")
    yield lambda: set_loader(loader)
    set_loader(loader)


def test_rules_that_the_kernel_refuses_are_named_tried_again_and_the_rest_is_applied(lent, no_nat_chains):
    conf = config((4,))
    conf["services"]["plain"] = {"listen": VIP, "port": 81, "scheduler": "rr", "forward": "direct",
                                 "pool": "plain"}
    conf["pools"]["plain"] = {"servers": {"rs1": {"address": SERVERS[4]["rs1"]}}}
    lb1 = Director(lent, "lb1", conf).start()
    line = lb1.wait_event("rules-failed")
    assert "inet tandem" in line and "No such file or directory" in line, line
    wait_until(lambda: any("inet tandem" in error for error in lb1.status()["ipvs"]["errors"]), 20, "it is named too")
    wait_up(lb1, (4,))
    saved = lb1.node.run("ipvsadm", "-Sn")
    assert f"-a -t {VIP}:81 -r 192.0.2.11:81 -g -w 1" in saved and f"-A -t {VIP}:{PORT}" in saved
    assert lb1.node.read_sysctl("net.ipv4.vs.conntrack") == "1"
    tries = len(lb1.events("rules-failed"))
    assert lb1.events("rules-applied") == []
    no_nat_chains()
    wait_until(lambda: lb1.events("rules-applied"), 40, f"it is tried again, after {tries}", every=0.2)
    wait_until(lambda: lb1.status()["ipvs"]["errors"] == [], 20, "and all is well", every=0.2)
    assert "fullnat4_0" in rules(lb1)
