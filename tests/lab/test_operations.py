"""What operators do to a running pair: restart, switchover, maintenance. Nobody is without the address."""

import json
import subprocess
import time

import pytest

from director import Director, installed
from observe import Capture, Probe
from pair import ELECTION, LB, PATIENT, VIP, election_config, start_pair, two_owners_ms, wait_roles_settled
from process import wait_until


@pytest.fixture
def start(lab):
    lab.build(ELECTION)

    def start_with(advert="1s", down_intervals=PATIENT, **router):
        return start_pair(lab, election_config(advert, down_intervals=down_intervals, **router))
    return start_with


def tandemctl(director, *arguments):
    return subprocess.run([installed("bin/tandemctl"), "--runtime-dir", director.runtime_dir, *arguments],
                          capture_output=True, text=True, check=False, timeout=200)


def wait_given(director):
    wait_until(lambda: director.router()["handover"] == "given", 30, "it stays behind the peer")


@pytest.mark.parametrize("advert, down_intervals", [("1s", 3), ("100ms", PATIENT)])
def test_a_switchover_leaves_nobody_without_the_address_and_stays(lab, start, figure, advert, down_intervals):
    lb1, lb2 = start(advert, down_intervals)
    probe = Probe(lab["client"], VIP)
    since = time.time()
    result = tandemctl(lb1, "switchover")
    assert (result.returncode, result.stdout) == (0, "front: not Active any more\n"), result.stderr
    wait_roles_settled(lb2, lb1)
    wait_given(lb1)
    gap = probe.finish()
    figure(f"switchover, adverts {advert}: longest gap", gap["text"], "< 20 ms")
    assert gap["longest_gap_ms"] < 20
    assert two_owners_ms(lb1, lb2, since) < 20
    # Its priority is higher, and it has had the time to preempt.
    captured = Capture(lab)
    wait_until(lambda: len(captured.adverts(51)) > 2 * down_intervals, 30, "adverts of almost two Active_Down_Intervals")
    assert {a.source for a in captured.adverts(51)} == {LB["lb2"]}
    # And back, by a word on the other side.
    assert tandemctl(lb2, "switchover", "front").returncode == 0
    wait_roles_settled(lb1, lb2)
    wait_until(lambda: lb1.router()["priority"] == 150, 30, "the place is wanted again")


def test_a_switchover_without_a_peer_changes_nothing(lab):
    lab.build(ELECTION)
    lb1 = Director(lab, "lb1", election_config("100ms"))
    lb1.start()
    lb1.wait_owner(VIP, 30)
    probe = Probe(lab["client"], VIP)
    result = tandemctl(lb1, "switchover")
    assert result.returncode == 1 and "still Active: no peer took over" in result.stderr
    assert probe.finish()["longest_gap_ms"] < 20
    lb1.wait_event("switchover-failed")
    lb1.wait_router(priority=150)


def test_without_preempt_the_place_is_given_up_for_the_peer(lab, start, figure):
    lb1, lb2 = start("1s", preempt=False)
    probe = Probe(lab["client"], VIP)
    assert tandemctl(lb1, "switchover").returncode == 0
    wait_roles_settled(lb2, lb1)
    gap = probe.finish()
    figure("switchover without preempt, adverts 1s: longest gap", gap["text"], "< 20 ms")
    assert gap["longest_gap_ms"] < 20


def test_what_cannot_be_switched_over_is_said(start):
    _, lb2 = start("100ms")
    assert "not Active there" in tandemctl(lb2, "switchover").stderr
    result = tandemctl(lb2, "switchover", "fromt")
    assert result.returncode == 1 and 'did you mean "front"?' in result.stderr


def test_a_humble_director_takes_over_when_its_peer_dies(start):
    lb1, lb2 = start("100ms")
    assert tandemctl(lb1, "switchover").returncode == 0
    wait_given(lb1)
    lb2.kill_all()
    lb1.wait_owner(VIP)
    wait_until(lambda: lb1.router()["priority"] == 150, 30, "it is wanted again")


def test_maintenance_hands_over_and_is_kept_over_a_restart(lab, start):
    lb1, lb2 = start("100ms")
    probe = Probe(lab["client"], VIP)
    assert tandemctl(lb1, "maintenance", "on").stdout == "maintenance: on\n"
    wait_roles_settled(lb2, lb1)
    assert probe.finish()["longest_gap_ms"] < 20
    lb1.stop()
    lb1.start()
    assert json.loads(tandemctl(lb1, "--json", "status").stdout)["maintenance"]["mode"] == "on"
    # Alone, and still not Active.
    captured = Capture(lab)
    lb2.stop()
    wait_until(lambda: any(a.priority == 0 for a in captured.adverts()), 30, "lb2 has resigned")
    lb1.wait_router(state="initialize")
    assert not lb1.owns(VIP)
    assert tandemctl(lb1, "maintenance", "off").returncode == 0
    lb1.wait_owner(VIP)


def test_standby_is_active_while_nobody_else_is(start):
    lb1, lb2 = start("100ms")
    assert tandemctl(lb1, "maintenance", "standby").returncode == 0
    wait_roles_settled(lb2, lb1)
    lb2.stop()
    lb1.wait_owner(VIP)
    lb2.start()
    wait_roles_settled(lb2, lb1)
    assert "MAINTENANCE: this director is Active only" in tandemctl(lb1, "status").stdout


@pytest.mark.parametrize("advert", ["1s", "100ms"])
def test_a_restart_is_no_failover(lab, start, figure, advert):
    lb1, lb2 = start(advert)
    captured = Capture(lab)
    probe = Probe(lab["client"], VIP)
    before = lb2.router()["counters"]["transitions"]
    since = time.time()
    lb1.leave_for_successor()
    lb1.start()
    took_s = time.time() - since
    wait_until(lambda: lb1.router()["reason"] == "adopted", 30, "it goes on")
    wait_until(lambda: len([a for a in captured.adverts(51) if a.time > since + took_s]) > 3, 10,
               "adverts go on")
    gap = probe.finish()
    figure(f"restart, adverts {advert}: longest gap; back after {took_s:.2f} s", gap["text"], "< 20 ms")
    assert gap["longest_gap_ms"] < 20
    assert {a.source for a in captured.caught_up().adverts(51)} == {LB["lb1"]}
    assert lb2.router()["counters"]["transitions"] == before
    # Patience is asked for in the last advert only.
    intervals = {a.interval_cs for a in captured.adverts(51) if a.time > since + took_s}
    assert intervals == {int(float(advert.replace("100ms", "0.1s")[:-1]) * 100)}


def test_a_restart_that_comes_too_late_joins_as_backup(start):
    lb1, lb2 = start("100ms")
    lb1.leave_for_successor()
    lb2.wait_owner(VIP)
    assert lb1.owns(VIP), "it was left for the successor"
    lb1.start()
    wait_until(lambda: lb1.events("leftover-removed"), 30, "what was left is removed")
    wait_until(lambda: lb1.router()["state"] in ("backup", "active"), 30, "it takes part again")
