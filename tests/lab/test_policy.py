"""When a director takes over, and when it had better wait: what operators configure beyond priorities."""

import time

from director import Director
from observe import Capture
from pair import ELECTION, LB, PATIENT, VIP, election_config
from process import wait_until

BACK = "10.0.0.100"


def settled_pair(lab, config):
    """lb2 is Active before lb1, which would preempt it, comes."""
    lb1, lb2 = (Director(lab, name, config) for name in ("lb1", "lb2"))
    lb2.start()
    lb2.wait_owner(VIP, 30)
    return lb1, lb2


def test_preempt_delay_keeps_the_lesser_director_active_for_as_long(lab):
    lab.build(ELECTION)
    lb1, lb2 = settled_pair(lab, election_config("100ms", preempt_delay="3s", down_intervals=PATIENT))
    begun = time.time()
    lb1.start()
    lb1.wait_owner(VIP, 30)
    assert lb1.monitor.intervals(VIP)[-1][0] - begun >= 3
    lb2.wait_not_owner(VIP)


def test_a_dead_director_is_succeeded_within_preempt_delay(lab):
    lab.build(ELECTION)
    lb1, lb2 = settled_pair(lab, election_config("100ms", preempt_delay="10m", down_intervals=PATIENT))
    lb1.start()
    wait_until(lambda: lb1.router()["peer"] == LB["lb2"], 30, "lb1 hears lb2")
    lb2.stop()
    lb1.wait_owner(VIP)


def test_silence_is_not_believed_before_the_link_has_settled(lab):
    lab.build(ELECTION)
    lb1 = Director(lab, "lb1", election_config("100ms", settle="3s"))
    begun = time.time()
    lb1.start()
    lb1.wait_owner(VIP, 30)
    assert lb1.monitor.intervals(VIP)[-1][0] - begun >= 3


def test_a_director_that_is_not_ready_waits_for_ready_timeout(lab):
    lab.build(ELECTION)
    config = election_config("100ms", down_intervals=PATIENT)
    lb1, lb2 = settled_pair(lab, config)
    # Nobody has the server's address: it is unknown for as long as the neighbour is looked for.
    config["pools"] = {"web": {"check": {"type": "tcp", "interval": "60s", "timeout": "60s"},
                               "servers": {"rs1": {"address": "192.0.2.77"}}}}
    config["services"] = {"web": {"listen": VIP, "port": 80, "forward": "nat", "pool": "web"}}
    config["ready_timeout"] = "2s"
    lb1.write_config(config)
    begun = time.time()
    lb1.start(wait=False)
    lb1.wait_owner(VIP, 30)
    assert lb1.monitor.intervals(VIP)[-1][0] - begun >= 2
    lb1.wait_event("not-ready")
    lb2.wait_not_owner(VIP)


def test_down_intervals_are_how_many_adverts_may_be_missing(lab):
    lab.build(ELECTION)
    lb1, lb2 = settled_pair(lab, election_config("100ms", down_intervals=20))
    capture = Capture(lab)
    lb1.start()
    lb1.wait_owner(VIP, 30)
    wait_until(lambda: [a for a in capture.adverts() if a.source == LB["lb1"]], 30, "an advert")
    lb2.wait_not_owner(VIP)
    lab.cut("lb1")
    lb2.wait_owner(VIP, 30)
    last = [a.time for a in capture.caught_up().adverts() if a.source == LB["lb1"]][-1]
    assert lb2.monitor.intervals(VIP)[-1][0] - last >= 2


def two_lans(lab):
    table = {name: dict(plugs) for name, plugs in ELECTION.items()}
    for number, name in enumerate(LB, 2):
        table[name]["eth1"] = ("back", f"10.0.0.{number}/24")
    lab.build(table)
    config = election_config("100ms", down_intervals=PATIENT)
    config["virtual_routers"]["back"] = {
        "interface": "eth1", "vrid": 52, "advert_interval": "100ms", "down_intervals": PATIENT,
        "priority": {"lb1": 150, "lb2": 100}, "addresses": [f"{BACK}/24"]}
    config["sync_groups"] = {"edge": {"members": ["front", "back"]}}
    lb1, lb2 = settled_pair(lab, config)
    lb1.start()
    for address in VIP, BACK:
        lb1.wait_owner(address, 30)
        lb2.wait_not_owner(address, 30)
    for name in ("front", "back"):  # what is counted of it is counted
        lb1.wait_router(name, state="active")
        lb2.wait_router(name, state="backup")
    return lb1, lb2


def test_a_link_lost_on_one_lan_moves_the_group(lab, figure):
    lb1, lb2 = two_lans(lab)
    lab.unplug("lb1", "eth1")
    for address in VIP, BACK:
        lb2.wait_owner(address)
        lb1.wait_not_owner(address)
    released = lb1.monitor.intervals(VIP)[-1][1]
    claimed = lb2.monitor.intervals(VIP)[-1][0]
    figure("a link lost on one LAN: the other LAN without an owner",
           f"{(claimed - released) * 1000:.1f} ms")
    lb1.wait_router("front", reason="group")
    lb1.wait_router("back", reason="link-down", group="edge")
    lab.replug("lb1", "eth1")
    for address in VIP, BACK:
        lb1.wait_owner(address)
        lb2.wait_not_owner(address)


def test_a_lan_that_is_cut_between_the_directors_moves_nothing(lab):
    lb1, lb2 = two_lans(lab)
    transitions = lb1.router()["counters"]["transitions"], lb2.router()["counters"]["transitions"]
    capture = Capture(lab)
    lab.cut("lb1", "eth1")
    wait_until(lambda: len(capture.adverts(51)) > 2 * PATIENT, 30, "adverts of almost two Active_Down_Intervals")
    assert lb1.owns(VIP) and lb1.owns(BACK)
    assert not lb2.owns(VIP) and not lb2.owns(BACK)
    assert transitions == (lb1.router()["counters"]["transitions"],
                           lb2.router()["counters"]["transitions"])
