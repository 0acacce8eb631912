"""Adverts on the wire: both families, both versions, unicast; and what others make of them."""

import pytest

from director import Director
from observe import Capture
from pair import ELECTION, LB, VIP, election_config, start_pair, wait_roles_settled
from process import wait_until

VIP6 = "2001:db8::100"
ADVERT = "100ms"


def build(lab):
    lab.build(ELECTION, ipv6=True)
    for number, name in enumerate(("lb1", "lb2"), 2):
        lab[name].ip(f"address add 2001:db8::{number}/64 dev eth0 nodad")
    for name in ("lb1", "lb2"):
        wait_until(lambda name=name: link_local(lab[name]), 10, f"{name} has a link-local address")


def link_local(node):
    shown = node.run("ip", "-6", "-o", "address", "show", "dev", "eth0", "scope", "link", "-tentative")
    return next((word.split("/")[0] for word in shown.split() if word.startswith("fe80:")), None)


def config(**router):
    return election_config(router.pop("advert", ADVERT), **router)


UNICAST6 = {"lb1": "2001:db8::2", "lb2": "2001:db8::3"}
KINDS = {
    "v3": ({}, VIP),
    "v3-pseudo-header": ({"checksum": "pseudo_header"}, VIP),
    "v2": ({"version": 2, "advert": "1s"}, VIP),
    "v3-ipv6": ({"addresses": [f"{VIP6}/64"]}, VIP6),
    "unicast": ({"unicast": LB}, VIP),
    "unicast-ipv6": ({"addresses": [f"{VIP6}/64"], "unicast": UNICAST6}, VIP6),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_elects_hands_over_and_preempts(lab, kind):
    router, vip = KINDS[kind]
    build(lab)
    capture = Capture(lab)
    lb1, lb2 = start_pair(lab, config(**dict(router)), vip)
    wait_until(lambda: lb2.router()["peer"], 10, "lb2 hears lb1")
    lb1.stop()
    lb2.wait_owner(vip)
    lb1.start()
    wait_roles_settled(lb1, lb2, vip=vip)
    rejected = {k: v for d in (lb1, lb2) for k, v in d.router()["counters"].items()
                if k.startswith("rejected") and v}
    assert not rejected
    text = capture.decoded_adverts()
    assert len(text) > 3
    # This tcpdump has RFC 5798's form of the checksum alone, for version 3 on IPv4.
    bad = [line for line in text if "bad vrrp cksum" in line or "|vrrp" in line or "incorrect" in line]
    assert not bad or (kind in ("v3", "unicast") and all("bad vrrp cksum" in line for line in bad))
    if "unicast" in kind:
        assert not [line for line in text if "224.0.0.18" in line or "ff02::12" in line]


@pytest.mark.parametrize("one, other, reason", [
    ({"checksum": "pseudo_header"}, {}, "checksum_form"),
    ({"version": 2, "advert": "1s"}, {"advert": "1s"}, "version"),
    ({"version": 2, "advert": "1s"}, {"version": 2, "advert": "2s"}, "interval_mismatch"),
    ({"unicast": LB}, {}, "destination"),
])
def test_ends_that_differ_say_in_what(lab, one, other, reason):
    build(lab)
    ends = [Director(lab, name, config(**dict(router)))
            for name, router in (("lb1", one), ("lb2", other))]
    for end in ends:
        end.start()
    name = "rejected_" + reason.replace("_", "-")
    for end in ends:
        wait_until(lambda end=end: end.router()["counters"][name] > 0, 20, f"{end.name} rejects")
        wait_until(lambda end=end: reason.replace("_", "-") in end.log(), 10, "it says so")
