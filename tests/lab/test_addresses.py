"""Addresses that move with a virtual router's own without being in its adverts: of both families, on its
interface and on another one."""

import json
import os
import time

import pytest

from director import Director
from observe import Capture
from pair import PATIENT, VIP, active_down_s, election_config, start_pair
from process import wait_until

NETWORKS = {
    "client": {"eth0": ("front", "192.0.2.10/24", "2001:db8::10/64")},
    "rs1": {"eth0": ("back", "10.9.0.11/24", "fd00:9::11/64")},
    "lb1": {"eth0": ("front", "192.0.2.2/24", "2001:db8::2/64"),
            "eth2": ("back", "10.9.0.2/24", "fd00:9::2/64")},
    "lb2": {"eth0": ("front", "192.0.2.3/24", "2001:db8::3/64"),
            "eth2": ("back", "10.9.0.3/24", "fd00:9::3/64")},
}
EXCLUDED = ("192.0.2.110", "2001:db8::100")
SNAT = ("10.9.0.200", "fd00:9::200")
MOVED = (VIP, *EXCLUDED, *SNAT)
IPV6 = [a for a in MOVED if ":" in a]


def with_prefixes(addresses):
    return [f"{address}/{64 if ':' in address else 24}" for address in addresses]


def config(advert="1s", **router):
    return election_config(advert, **{
        "excluded_addresses": with_prefixes(EXCLUDED), "snat_addresses": with_prefixes(SNAT),
        "snat_interface": "eth2", **router})


@pytest.fixture
def pair(lab):
    lab.build(NETWORKS, ipv6=True)
    return start_pair(lab, config())


def owned(director):
    return {address for address in MOVED if director.owns(address)}


def wait_owned(director, addresses, seconds=30):
    wait_until(lambda: owned(director) == set(addresses), seconds,
               f"{director.name} owns {sorted(addresses)} of what moves")


def address_of(node, interface):
    """The MAC address of an interface."""
    return json.loads(node.run("ip", "-j", "link", "show", interface))[0]["address"]


def reach(node, address, seconds=20):
    """Send to a port that nobody listens at: the refusal comes from whoever has the address."""
    script = ("import socket\n"
              f"s = socket.socket(socket.AF_INET{'6' if ':' in address else ''}, socket.SOCK_DGRAM)\n"
              f"s.settimeout({seconds})\n"
              f"s.connect(('{address}', 9))\n"
              "s.send(b'?')\n"
              "try:\n"
              "    s.recv(1)\n"
              "except ConnectionRefusedError:\n"
              "    pass\n")
    node.run("/usr/bin/python3", "-c", script)


def neighbour(node, address):
    """The MAC address that a node believes to be another's."""
    found = json.loads(node.run("ip", "-j", "neighbour", "show", "to", address))
    return found[0].get("lladdr") if found else None


def interface_addresses(node, interface):
    shown = json.loads(node.run("ip", "-j", "address", "show", "dev", interface))[0]
    return {a["local"]: a for a in shown["addr_info"]}


def test_all_addresses_are_with_the_active_director_and_move_together(lab):
    lab.build(NETWORKS, ipv6=True)
    lab["lb2"].sysctl({"net.ipv6.conf.eth0.forwarding": 1})
    front, back = Capture(lab), Capture(lab, "back")
    lb1, lb2 = start_pair(lab, config())
    wait_owned(lb1, MOVED)
    assert owned(lb2) == set()
    assert set(SNAT) < set(interface_addresses(lab["lb1"], "eth2"))
    assert {VIP, *EXCLUDED} < set(interface_addresses(lab["lb1"], "eth0"))
    for node, address in (("client", EXCLUDED[1]), ("rs1", SNAT[1])):
        reach(lab[node], address)
    lb1.stop()
    wait_owned(lb2, MOVED)
    assert owned(lb1) == set()
    assert {tuple(a.addresses) for a in front.adverts()} == {(VIP,)}
    for address in MOVED:
        capture, interface = (back, "eth2") if address in SNAT else (front, "eth0")
        wait_until(lambda: len({mac for _, mac in capture.announcements(address)}) == 2, 10,
                   f"both announced {address}")
        assert {mac for _, mac in capture.announcements(address)} == \
            {address_of(lab[name], interface) for name in ("lb1", "lb2")}
    # A host that forwards says so, or its neighbours forget it as their router.
    flags = {mac: flags for _, mac, flags in front.advertisements(EXCLUDED[1])}
    assert flags == {address_of(lab["lb1"], "eth0"): "O", address_of(lab["lb2"], "eth0"): "RO"}
    # ... and who knew the address at the one has heard of the other.
    for node, interface, address in (("client", "eth0", EXCLUDED[1]), ("rs1", "eth2", SNAT[1])):
        wait_until(lambda n=lab[node], a=address, i=interface: neighbour(n, a) == address_of(lab["lb2"], i), 20,
                   f"{node} knows who has {address} now")
        reach(lab[node], address)


def test_an_ipv6_address_is_usable_at_once_and_no_source_of_our_own(lab, pair):
    lb1, _ = pair
    wait_owned(lb1, MOVED)
    for interface in ("eth0", "eth2"):
        for address, shown in interface_addresses(lab["lb1"], interface).items():
            if address in IPV6:
                assert not shown.get("tentative"), address
                assert shown.get("deprecated") and shown.get("nodad"), address
    route = json.loads(lab["lb1"].run("ip", "-j", "route", "get", "2001:db8::10"))[0]
    assert route["prefsrc"] == "2001:db8::2"


def test_what_somebody_removes_is_put_back(lab, pair, figure):
    lb1, lb2 = pair
    stalls = lab.stalls
    wait_owned(lb1, MOVED)
    for done, address in enumerate((*EXCLUDED, *SNAT), 1):
        interface = "eth2" if address in SNAT else "eth0"
        lb1.node.ip(f"address delete {with_prefixes([address])[0]} dev {interface}")
        lb1.wait_event("address-restored", after=done - 1)
        wait_until(lambda: len(lb1.monitor.intervals(address)) > 1, 10, f"news of {address}")
        lost, back = lb1.monitor.intervals(address)[-2][1], lb1.monitor.intervals(address)[-1][0]
        took_s = stalls.beyond(lost, back)
        figure(f"{address} deleted by somebody: back after", f"{took_s * 1000:.1f} ms", "< 50 ms")
        assert took_s < 0.05
    assert owned(lb1) == set(MOVED)
    lb1.wait_counter("addresses_restored", 4)
    assert lb1.router()["counters"]["addresses_restored"] == 4
    assert not lb2.monitor.intervals(EXCLUDED[1])


def test_everything_killed_and_cleaned_up_leaves_nothing(lab, pair):
    lb1, lb2 = pair
    wait_owned(lb1, MOVED)
    lb1.kill_all()
    assert owned(lb1) == set(MOVED), "nobody was left to remove them"
    lb1.cleanup()
    assert owned(lb1) == set()
    wait_owned(lb2, MOVED)


def test_everything_killed_and_restarted_keeps_every_address(lab):
    lab.build(NETWORKS, ipv6=True)
    lb1, lb2 = start_pair(lab, config(down_intervals=5))
    wait_owned(lb1, MOVED)
    started = time.monotonic()
    lb1.kill_all()
    lb1.start()
    lb1.wait_router(reason="adopted")
    assert time.monotonic() - started < active_down_s("1s", down_intervals=5), "before the peer takes over"
    for address in MOVED:
        assert len(lb1.monitor.intervals(address)) == 1, f"{address} was never gone"
        assert not lb2.monitor.intervals(address)


def test_leftovers_of_a_late_restart_are_removed(lab):
    lab.build(NETWORKS, ipv6=True)
    lb1, lb2 = start_pair(lab, config("100ms", preempt=False, down_intervals=PATIENT))
    wait_owned(lb1, MOVED)
    lb1.kill_all()
    wait_owned(lb2, MOVED)
    assert owned(lb1) == set(MOVED), "nobody was left to remove them"
    lb1.start()
    wait_owned(lb1, ())
    assert owned(lb2) == set(MOVED)


def test_a_state_file_of_another_version_is_no_reason_to_keep_anything(lab):
    lab.build(NETWORKS, ipv6=True)
    lb1 = Director(lab, "lb1", config())
    lb1.start()
    wait_owned(lb1, MOVED)
    lb1.kill_all()
    with open(os.path.join(lb1.runtime_dir, "elector.state"), "r+b") as file:
        file.seek(8)
        file.write(b"\x01")
    lb1.start()
    wait_owned(lb1, ())
    wait_owned(lb1, MOVED)
    lb1.wait_router(reason="active-down")


def test_an_interface_for_snat_may_come_late_and_go_and_come_back(lab):
    lab.build({name: {"eth0": plugs["eth0"]} for name, plugs in NETWORKS.items()}, ipv6=True)
    lb1 = Director(lab, "lb1", config("100ms"))
    lb1.start()
    wait_owned(lb1, (VIP, *EXCLUDED))
    wait_until(lambda: "interface eth2 does not exist: what front has there" in lb1.log(), 20, "it is told")
    for _ in range(2):
        lab["lb1"].ip("link add eth2 type veth peer name eth2-far", "link set eth2 up")
        wait_owned(lb1, MOVED)
        errors = len(lb1.events("error"))
        lab["lb1"].ip("link delete eth2")
        wait_until(lambda: any("eth2: there is no such interface" in line for line in lb1.events("error")[errors:]),
                   20, "its end is told")
        assert owned(lb1) == {VIP, *EXCLUDED}
        lb1.wait_router(state="active")
    assert lb1.router()["counters"]["addresses_restored"] == 0


def test_ipv6_that_is_switched_off_and_on_again(lab, pair):
    lb1, _ = pair
    wait_owned(lb1, MOVED)
    lab["lb1"].sysctl({"net.ipv6.conf.eth0.disable_ipv6": 1})
    wait_until(lambda: any("IPv6 is disabled there" in line for line in lb1.events("error")), 20, "it is told")
    assert owned(lb1) == set(MOVED) - {EXCLUDED[1]}
    lab["lb1"].sysctl({"net.ipv6.conf.eth0.disable_ipv6": 0})
    wait_owned(lb1, MOVED)


def test_a_reload_moves_only_what_changed(lab, pair):
    lb1, lb2 = pair
    wait_owned(lb1, MOVED)
    changed = config(excluded_addresses=["2001:db8::101/64"], snat_addresses=[f"{SNAT[0]}/24"])
    del changed["virtual_routers"]["front"]["snat_interface"]
    for director in (lb2, lb1):
        result = director.reload(changed)
        assert result.returncode == 0, result.stderr
    lb1.wait_owner("2001:db8::101")
    wait_owned(lb1, {VIP, SNAT[0]})
    assert SNAT[0] in interface_addresses(lab["lb1"], "eth0")
    for director in (lb2, lb1):
        assert director.reload(config()).returncode == 0
    wait_owned(lb1, MOVED)
    lb1.wait_not_owner("2001:db8::101")
    assert len(lb1.monitor.intervals(VIP)) == 1
    assert not lb2.monitor.intervals(VIP)


def test_status_shows_what_moves_and_where_to(lab, pair):
    lb1, _ = pair
    router = lb1.router()
    assert router["excluded_addresses"] == with_prefixes(EXCLUDED)
    assert router["snat_addresses"] == with_prefixes(SNAT)
    assert router["snat_interface"] == "eth2"
    text = lb1.ctl("status").stdout
    assert f"excluded {EXCLUDED[0]}/24 {EXCLUDED[1]}/64" in text
    assert f"snat on eth2 {SNAT[0]}/24 {SNAT[1]}/64" in text


def answers(node, address):
    """Whether what is sent to an address of the host is refused there, and not dropped."""
    try:
        reach(node, address, 0.5)
    except RuntimeError as error:
        assert "TimeoutError" in str(error), error
        return False
    return True


def claim(node, address):
    """What a host does that has been given the address by hand: ask from it for another one, or announce it."""
    mac = address_of(node, "eth0")
    if ":" in address:
        script = ("import socket\n"
                  "s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)\n"
                  "s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)\n"
                  "s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex('eth0'))\n"
                  f"target = socket.inet_pton(socket.AF_INET6, '{address}')\n"
                  f"mac = bytes.fromhex('{mac.replace(':', '')}')\n"
                  "s.sendto(b'\\x88\\0\\0\\0\\x20\\0\\0\\0' + target + b'\\2\\1' + mac, ('ff02::1', 0))\n")
    else:
        script = ("import socket\n"
                  "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                  f"s.bind(('{address}', 0))\n"
                  "s.sendto(b'?', ('192.0.2.250', 9))\n")
    node.run("/usr/bin/python3", "-c", script)
    return mac


@pytest.mark.parametrize("address", [VIP, EXCLUDED[1]])
def test_an_address_that_a_third_host_has_is_told_of(lab, address):
    """... once, however often it claims it; and what the two directors themselves say is no such claim."""
    lab.build(NETWORKS, ipv6=True)
    lb1, lb2 = start_pair(lab, config("100ms"))
    assert lb1.ctl("switchover").returncode == 0
    lb2.wait_owner(VIP)
    assert lb2.ctl("switchover").returncode == 0
    lb1.wait_owner(VIP)
    lab["client"].run("ip", "address", "add", f"{address}/{64 if ':' in address else 24}", "dev", "eth0",
                      *(["nodad"] if ":" in address else []))
    mac = claim(lab["client"], address)

    def count():  # what comes before it has been Active for a while is passed over
        claim(lab["client"], address)
        return lb1.router()["counters"]["claims"]
    wait_until(lambda: count() >= 3, 60, "three claims are heard")
    said = f"front: another host has an address of this one: it says that {address} is at {mac}"
    assert said in lb1.wait_event("address-claimed")
    assert len(lb1.events("address-claimed")) == 1 and not lb2.events("address-claimed")
    assert lb1.router()["claimed"] == f"{address} is at {mac}"
    assert f"PROBLEM: another host has an address of front: it says that {address} is at {mac}" \
        in lb1.ctl("status").stdout
    assert lb1.owns(VIP) and lb2.router()["counters"]["claims"] == 0


def test_a_closed_address_takes_only_what_is_needed(lab):
    lab.build(NETWORKS, ipv6=True)
    lb1 = Director(lab, "lb1", config(accept=False))
    lb1.start()
    wait_owned(lb1, MOVED)
    client = lab["client"]
    wait_until(lambda: "closed4" in lab["lb1"].run("nft", "list", "table", "inet", "tandem"), 10, "the rules")
    for address in (VIP, *EXCLUDED):
        assert not answers(client, address), address
        assert neighbour(client, address) == address_of(lab["lb1"], "eth0"), "found all the same"
        reach(lab["lb1"], address)  # by the host itself
    for address in ("192.0.2.2", "2001:db8::2"):
        reach(client, address)
    reach(lab["rs1"], SNAT[0])  # which is no virtual address
    assert lb1.reload(config()).returncode == 0
    for address in (VIP, EXCLUDED[1]):
        wait_until(lambda a=address: answers(client, a), 20, f"{address} is open")


def test_an_mtu_that_adverts_do_not_fit_into_is_told(lab):
    lab.build({name: NETWORKS[name] for name in ("lb1", "lb2")}, ipv6=True)
    config = election_config("100ms")
    config["virtual_routers"]["front"]["addresses"] += [f"192.0.2.{n}/24" for n in range(101, 250)]
    config["virtual_routers"]["back"] = {
        "interface": "eth2", "vrid": 52, "advert_interval": "100ms",
        "priority": {"lb1": 150, "lb2": 100}, "addresses": ["10.9.0.100/24"]}
    lb1, lb2 = start_pair(lab, config)
    assert not lb1.events("advert-too-long")
    for interface in ("eth0", "eth2"):
        lab["lb1"].ip(f"link set {interface} mtu 576")
    line = lb1.wait_event("advert-too-long")
    assert "front: adverts of 628 bytes do not fit into the MTU of eth0, which is 576" in line
    lb1.wait_router(needs_mtu=628)
    assert "adverts need an MTU of 628" in lb1.ctl("status").stdout
    assert lb1.router("back")["needs_mtu"] == 0
    sent = lb1.router("back")["counters"]["adverts_sent"]
    wait_until(lambda: lb1.router("back")["counters"]["adverts_sent"] > sent + 5, 10,
               "adverts that fit go on")
    assert lb1.reload().returncode == 0
    assert len(lb1.events("advert-too-long")) == 1
    lab["lb1"].ip("link set eth0 mtu 1500")
    wait_until(lambda: lb1.router("front")["needs_mtu"] == 0, 10, "adverts fit again")
    lb2.wait_router("back", state="backup")
