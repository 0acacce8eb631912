"""tandem-link in kernel mode on real interfaces, with the test as its director."""

import os
import socket
import struct

import pytest

from played_director import Helper, Namespace, connect

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")

GROUP, PORT = "224.0.0.81", 8848


@pytest.fixture
def pair():
    here, there = Namespace("link"), Namespace("link")
    connect(here, there)
    here.ip("link", "set", "eth0", "name", "eth1", "down")
    here.ip("link", "set", "eth1", "up")
    yield here, there
    here.delete()
    there.delete()


@pytest.fixture
def link(pair):
    helper = Helper("tandem-link", pair[0])
    yield helper
    helper.stop()


def configure(link, interface="eth1", group=GROUP):
    assert link.configure(mode="kernel", interface=interface, group=group, port=PORT,
                          sync_id=51) == []


def send(namespace, sizes, group=GROUP, source="10.77.0.2", interface="eth0", port=PORT):
    with namespace.entered():
        family = socket.AF_INET6 if ":" in group else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            index = socket.if_nametoindex(interface)
            if family == socket.AF_INET:
                s.bind((source, 0))
                s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack(
                    "4s4si", socket.inet_aton(group), bytes(4), index))
            else:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            for size in sizes:
                s.sendto(bytes(size), (group, port))


def wait_until_up(link):
    return link.wait("Interface", present=True, up=True)["ifindex"]


def test_the_interface_is_told_once_after_configure(link, pair):
    configure(link)
    with pair[0].entered():
        assert wait_until_up(link) == socket.if_nametoindex("eth1")
    configure(link)  # the same again changes nothing
    assert [f for f in link.said if f["method"] == "Interface"] == []


def test_an_interface_that_is_not_there_is_told_as_absent(link):
    configure(link, interface="eth7")
    assert link.wait("Interface") == {"present": False, "ifindex": 0, "up": False}


def test_carrier_and_administrative_state_are_followed(link, pair):
    configure(link)
    wait_until_up(link)
    pair[1].ip("link", "set", "eth0", "down")
    link.wait("Interface", present=True, up=False)
    pair[1].ip("link", "set", "eth0", "up")
    wait_until_up(link)
    pair[0].ip("link", "set", "eth1", "down")
    link.wait("Interface", present=True, up=False)


def test_an_interface_that_is_recreated_is_told_with_its_new_index_and_joined_again(link, pair):
    here, there = pair
    configure(link)
    old = wait_until_up(link)
    send(there, [10])
    link.wait_report(lambda report: report["datagrams"] == 1)
    here.ip("link", "delete", "eth1")
    assert link.wait("Interface", present=False) == {"present": False, "ifindex": 0, "up": False}
    connect(here, there)
    here.ip("link", "set", "eth0", "down")
    here.ip("link", "set", "eth0", "name", "eth1")
    here.ip("link", "set", "eth1", "up")
    assert wait_until_up(link) != old
    send(there, [10])
    link.wait_report(lambda report: report["datagrams"] == 2)


def test_a_renamed_interface_has_gone(link, pair):
    configure(link)
    wait_until_up(link)
    pair[0].ip("link", "set", "eth1", "down")
    pair[0].ip("link", "set", "eth1", "name", "other")
    link.wait("Interface", present=False)


def test_leaving_a_bridge_is_not_the_end_of_an_interface(link, pair):
    configure(link)
    index = wait_until_up(link)
    pair[0].ip("link", "add", "br0", "type", "bridge")
    pair[0].ip("link", "set", "eth1", "master", "br0")
    pair[0].ip("link", "set", "eth1", "nomaster")
    pair[0].ip("link", "set", "eth1", "down")
    assert link.wait("Interface") == {"present": True, "ifindex": index, "up": False}


def test_datagrams_bytes_and_senders_are_counted(link, pair):
    configure(link)
    wait_until_up(link)
    assert link.report()["last_heard_us"] == 0
    pair[1].ip("address", "add", "10.77.0.3/24", "dev", "eth0")
    send(pair[1], [36, 1400, 0])
    send(pair[1], [64] * 100, source="10.77.0.3")
    report = link.wait_report(lambda report: report["datagrams"] == 103)
    assert report["bytes"] == 36 + 1400 + 6400
    assert report["senders"] == ["10.77.0.2", "10.77.0.3"]
    assert report["last_heard_us"] > 0


def test_an_ipv6_group_is_heard_too(link, pair):
    configure(link, group="ff02::51")
    wait_until_up(link)
    pair[1].ip("address", "add", "fe80::2/64", "dev", "eth0", "nodad")

    def heard(report):
        # An interface that has just come up takes a moment until IPv6 sends on it.
        send(pair[1], [100], group="ff02::51")
        return report["datagrams"] > 0

    report = link.wait_report(heard)
    assert report["bytes"] == 100 * report["datagrams"]


def test_other_interfaces_groups_and_ports_are_not_heard(link, pair):
    here, there = pair
    here.ip("link", "add", "eth2", "type", "veth", "peer", "name", "eth2", "netns", there.name)
    for namespace, address in ((here, "10.79.0.1/24"), (there, "10.79.0.2/24")):
        namespace.ip("address", "add", address, "dev", "eth2")
        namespace.ip("link", "set", "eth2", "up")
    with here.entered():
        eavesdropper = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for group, address in ((GROUP, "10.79.0.1"), ("224.0.0.82", "10.77.0.1")):
            eavesdropper.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                    socket.inet_aton(group) + socket.inet_aton(address))
    configure(link)
    wait_until_up(link)
    send(there, [1], interface="eth2", source="10.79.0.2")
    send(there, [2], group="224.0.0.82")
    send(there, [3], port=PORT + 1)
    send(there, [4])
    assert link.wait_report(lambda report: report["datagrams"] > 0)["bytes"] == 4
    eavesdropper.close()


def test_it_hears_beside_another_listener_of_the_group(link, pair):
    with pair[0].entered():
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((GROUP, PORT))
        other.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
            "4s4si", socket.inet_aton(GROUP), bytes(4), socket.if_nametoindex("eth1")))
        other.settimeout(20)
    configure(link)
    wait_until_up(link)
    send(pair[1], [77])
    link.wait_report(lambda report: report["datagrams"] == 1)
    assert len(other.recv(2000)) == 77
    other.close()


def test_switched_off_it_hears_and_tells_nothing(link, pair):
    configure(link)
    wait_until_up(link)
    send(pair[1], [1])
    link.wait_report(lambda report: report["datagrams"] == 1)
    assert link.configure(mode="off") == []
    assert link.report()["datagrams"] == 0
    pair[0].ip("link", "delete", "eth1")
    assert [f for f in link.collect(0.2) if f["method"] == "Interface"] == []


def test_a_configuration_that_makes_no_sense_is_refused_and_the_old_one_goes_on(link, pair):
    configure(link)
    wait_until_up(link)
    for wrong in ({"mode": "tunnel"}, {"interface": ""}, {"interface": "a" * 16},
                  {"group": "192.0.2.1"}, {"port": 0}):
        errors = link.configure(**{"mode": "kernel", "interface": "eth1", "group": GROUP,
                                   "port": PORT, "sync_id": 51, **wrong})
        assert len(errors) == 1
    send(pair[1], [1])
    link.wait_report(lambda report: report["datagrams"] == 1)


def test_the_link_holds_no_privilege(link):
    link.report()
    with open(f"/proc/{link.process.pid}/status", encoding="ascii") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    for key in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
        assert int(status[key], 16) == 0, key


def test_the_link_leaves_when_asked_and_when_the_director_is_gone(pair):
    asked, orphan = Helper("tandem-link", pair[0]), Helper("tandem-link", pair[0])
    asked.send("Shutdown")
    assert asked.exit_status() == 0
    orphan.socket.close()
    assert orphan.exit_status() == 0
