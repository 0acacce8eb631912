"""A virtual router with a MAC address of its own, which goes with its addresses from host to host. The
networks of the lab are bridges that learn ports, as switches do."""

import json
import signal

import pytest

from director import Director
from observe import Capture
from pair import CLIENT, VIP, election_config, start_pair
from process import wait_until
from test_addresses import address_of, neighbour, reach

NETWORKS = {
    "client": {"eth0": ("front", f"{CLIENT}/24", "2001:db8::10/64")},
    "lb1": {"eth0": ("front", "192.0.2.2/24", "2001:db8::2/64")},
    "lb2": {"eth0": ("front", "192.0.2.3/24", "2001:db8::3/64")},
}
MAC = "00:00:5e:00:01:33"
MAC6 = "00:00:5e:00:02:33"
DEVICE = "vrrp.51"
DEVICE6 = "vrrp6.51"
VIP6 = "2001:db8::100"


def config(advert="1s", **router):
    return election_config(advert, **{"virtual_mac": True, **router})


def config6(advert="1s"):
    return config(advert, addresses=["fe80::100/64", f"{VIP6}/64"])


def has_device(node, device=DEVICE):
    return any(link["ifname"] == device for link in json.loads(node.run("ip", "-j", "link", "show")))


def device_is_up(node, device=DEVICE):
    return "UP" in json.loads(node.run("ip", "-j", "link", "show", device))[0]["flags"]


def arp_settings(node):
    return [node.run("sysctl", "-n", f"net.ipv4.conf.eth0.{name}").strip()
            for name in ("arp_ignore", "arp_announce")]


@pytest.fixture
def front(lab):
    lab.build(NETWORKS, ipv6=True)
    return Capture(lab)


def test_first(lab, front):
    lb1, lb2 = start_pair(lab, config("100ms"))
    print(lab["lb1"].run("ip", "-d", "a"))
    print(lb1.ctl("status", "--json"))
    reach(lab["client"], VIP)
    assert neighbour(lab["client"], VIP) == MAC
    print(lab["lb1"].run("ip", "-d", "a"))
    print(lb1.status()["virtual_routers"] if hasattr(lb1, "status") else "")
    lb1.stop()
    lb2.wait_owner(VIP)
    reach(lab["client"], VIP)
    assert neighbour(lab["client"], VIP) == MAC
