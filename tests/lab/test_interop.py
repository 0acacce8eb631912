"""A pair of two implementations: tandem beside Debian's keepalived, and beside FRR's vrrpd. Whoever is
started first and whoever has the higher priority: one Active each time, and the address changes hands
when the Active one stops, dies, or loses its link."""

import subprocess

import pytest

from director import Director
from observe import Capture
from pair import VIP, election_config
from peers import Frr, Keepalived, have_frr
from process import wait_until

VIP6 = "2001:db8::100"
LL = "fe80::100"
NETS = {
    "client": {"eth0": ("front", "192.0.2.10/24", "2001:db8::10/64")},
    "lb1": {"eth0": ("front", "192.0.2.2/24", "2001:db8::2/64")},
    "lb2": {"eth0": ("front", "192.0.2.3/24", "2001:db8::3/64")},
}

class Case:
    """How one kind of virtual router is written for each implementation."""

    def __init__(self, router, address, version, keepalived=None, frr=None):
        self.router, self.address, self.version = router, address, version
        self.keepalived, self.frr = keepalived, frr

    def tandem(self, lab, priority):
        settings = {"priority": {"lb1": priority, "lb2": priority}, **self.router}
        return Director(lab, "lb1", election_config("1s", **settings))

    def peer(self, lab, which, priority):
        if which == "frr":
            return Frr(lab, "lb2", 51, priority, self.owner, self.version, **(self.frr or {}))
        addresses = self.router.get("addresses", [f"{VIP}/24"])
        return Keepalived(lab, "lb2", [("front", "eth0", 51, priority, *addresses)],
                          version=self.version, **(self.keepalived or {}))

    @property
    def owner(self):
        return self.address


# Neither of the two, as Debian has them, knows the checksum of RFC 9568 for IPv4.
CASES = {
    "v3": Case({"checksum": "pseudo_header"}, VIP, 3, {}, {}),
    "v2": Case({"version": 2}, VIP, 2, {}, {}),
    "v3-ipv6": Case({"addresses": [f"{LL}/64", f"{VIP6}/64"]}, VIP6, 3, {}, {}),
    "v3-unicast": Case(
        {"checksum": "pseudo_header", "unicast": {"lb1": "192.0.2.2", "lb2": "192.0.2.3"}}, VIP, 3,
        {"instance": ["unicast_src_ip 192.0.2.3", "unicast_peer {", "192.0.2.2", "}"]}, None),
}


@pytest.fixture
def network(lab):
    lab.build(NETS, ipv6=True)
    return lab


def pairings():
    for name, case in CASES.items():
        for which, options in (("keepalived", case.keepalived), ("frr", case.frr)):
            if options is not None:
                yield pytest.param(name, which, id=f"{name}-{which}")


def one_owner(case, ours, theirs):
    return ours.owns(case.owner) != theirs.owns(case.owner)


def wait_settled(case, active, backup):
    active.wait_owner(case.owner, 30)
    backup.wait_not_owner(case.owner, 30)


def decoded_without_complaint(capture):
    """By tshark: every advert of either side has a good checksum and nothing malformed."""
    result = subprocess.run(
        ["tshark", "-r", capture.path, "-Y", "vrrp", "-o", "vrrp.v3_checksum_as_in_v2:TRUE", "-T", "fields",
         "-e", "vrrp.version", "-e", "_ws.malformed"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines and not any("alformed" in line for line in lines), result.stdout


def rejected(director):
    return {name: count for name, count in director.router()["counters"].items()
            if name.startswith("rejected_") and count}


@pytest.mark.parametrize("name, which", pairings())
@pytest.mark.parametrize("ours_is_higher", [True, False], ids=["higher", "lower"])
def test_one_is_active_whatever_happens(network, name, which, ours_is_higher):
    lab, case = network, CASES[name]
    if which == "frr" and not have_frr():
        pytest.fail("FRR is not installed")
    capture = Capture(lab, "lb1-eth0")  # a bridge shows nobody else what is unicast
    ours = case.tandem(lab, 150 if ours_is_higher else 90)
    theirs = case.peer(lab, which, 100)
    high, low = (ours, theirs) if ours_is_higher else (theirs, ours)

    # The lower one first, then the higher one preempts; then the other way around.
    low.start()
    low.wait_owner(case.owner, 30)
    high.start()
    wait_settled(case, high, low)

    # A graceful stop, and the return.
    high.stop()
    low.wait_owner(case.owner, 20)
    high.start()
    wait_settled(case, high, low)

    # The host dies, and comes back.
    lab.cut(high.name)
    high.kill_all()
    low.wait_owner(case.owner, 30)
    forget_addresses(high, case)
    lab.mend(high.name, "front")
    high.start()
    wait_settled(case, high, low)

    # The cable of the Active one.
    lab.unplug(high.name)
    low.wait_owner(case.owner, 30)
    lab.replug(high.name)
    wait_settled(case, high, low)

    # The lower one comes and goes, and nothing changes.
    low.stop()
    low.start()
    wait_until(lambda: took_part(low), 20, "the lower one takes part again")
    wait_settled(case, high, low)

    assert rejected(ours) == {}
    decoded_without_complaint(capture)


def took_part(participant):
    return not isinstance(participant, Director) or participant.router()["state"] == "backup"


def forget_addresses(participant, case):
    """What a dead host would have forgotten."""
    if isinstance(participant, Frr):
        return
    for address in participant.node.addresses():
        if address.split("/")[0] in (case.address, LL):
            participant.node.ip(f"address delete {address} dev eth0")
