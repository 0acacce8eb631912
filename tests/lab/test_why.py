"""tandemctl why: after each way to lose the place, both directors say what it was, and still know after a restart."""

import json
import os
import re

import pytest

from pair import ELECTION, LB, PATIENT, VIP, election_config, start_pair, wait_roles_settled
from process import wait_until


NETWORKS = {
    **ELECTION,
    "lb1": {"eth0": ("front", f"{LB['lb1']}/24"), "eth2": ("back", "10.0.0.2/24")},
    "lb2": {"eth0": ("front", f"{LB['lb2']}/24"), "eth2": ("back", "10.0.0.3/24")},
}


@pytest.fixture
def start(lab):
    lab.build(NETWORKS)

    def start_with(**router):
        return start_pair(lab, election_config("100ms", down_intervals=PATIENT, **router))
    return start_with


def transitions(director, *arguments):
    """Of the only router, the newest first."""
    result = director.ctl("--json", "why", *arguments)
    assert result.returncode == 0, result.stderr
    routers = json.loads(result.stdout)["routers"]
    assert [r["name"] for r in routers] == ["front"]
    return routers[0]["transitions"]


def in_words(director, *arguments):
    result = director.ctl("why", *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def wait_why(director, state, reason):
    """The last transition, when it is this one."""
    def last():
        found = transitions(director)
        return found and (found[0]["state"], found[0]["reason"]) == (state, reason) and found[0]
    return wait_until(last, 30, f"{director.name} says {state}, {reason}")


def test_a_dead_peer_and_a_restart(start):
    lb1, lb2 = start()
    wait_until(lambda: lb2.router()["peer"] == LB["lb1"], 30, "lb2 hears lb1")
    lb1.kill_all()
    lb2.wait_owner(VIP)
    why = wait_why(lb2, "active", "active-down")
    assert (why["old_state"], why["peer"], why["peer_priority"], why["score"]) == ("backup", LB["lb1"], 150, "base 100")
    assert PATIENT * 100_000 <= why["silence_us"] < 5_000_000
    text = in_words(lb2, "front", "--last", "1")
    assert text.startswith("router front: active\n")
    assert "backup to active: no advert was heard for as long as" in text and "(active-down)" in text
    assert re.search(rf"peer {LB['lb1']}, priority 150, last heard [1-4]\.\d+ s before", text)
    # What was known is known to its successor, after what the stop was.
    lb2.stop()
    lb2.start()
    lb2.wait_owner(VIP)
    known = transitions(lb2, "--last", "10")
    states = [(t["state"], t["reason"]) for t in reversed(known)]
    assert states == [("backup", "startup"), ("active", "active-down"), ("initialize", "shutdown"), ("backup", "startup"),
                      ("active", "active-down")]
    assert [b["event"] for b in known[2]["before"]] == ["stopping"]
    assert [t["at_unix_us"] for t in known] == sorted((t["at_unix_us"] for t in known), reverse=True)
    assert len(transitions(lb2)) == 3 and len(transitions(lb2, "--last", "1")) == 1


def test_what_was_tracked_and_who_took_over(lab, start):
    lb1, lb2 = start(track=[{"interface": "eth2", "weight": -60}])
    lab["lb1"].ip("link set eth2 down")
    wait_roles_settled(lb2, lb1)
    lost = wait_why(lb1, "backup", "better-advert")
    assert (lost["peer"], lost["peer_priority"]) == (LB["lb2"], 100)
    assert lost["score"] == "base 150, -60 interface eth2 = 90"
    assert "track-failed" in [b["event"] for b in lost["before"]]
    assert "interface eth2" in in_words(lb1)
    won = wait_why(lb2, "active", "active-down")
    assert won["peer"] == LB["lb1"]


def test_what_operators_did(start):
    lb1, lb2 = start()
    assert lb1.ctl("switchover").returncode == 0
    wait_roles_settled(lb2, lb1)
    given = transitions(lb1)[0]
    assert given["state"] == "backup" and "switchover" in [b["event"] for b in given["before"]]
    assert lb2.ctl("maintenance", "on").returncode == 0
    wait_roles_settled(lb1, lb2)
    assert "maintenance" in [b["event"] for b in wait_until(
        lambda: lb2.router()["state"] == "initialize" and transitions(lb2), 10, "it is out")[0]["before"]] + \
        [b["event"] for b in transitions(lb2)[1]["before"]]


def test_what_cannot_be_answered_is_said(start):
    lb1, _ = start()
    result = lb1.ctl("why", "fromt")
    assert result.returncode == 1 and 'did you mean "front"?' in result.stderr
    for last in ("0", "x", "4097", ""):
        result = lb1.ctl("why", "--last", last)
        assert result.returncode == 1 and "1 to 4096" in result.stderr
    assert lb1.ctl("why", "front", "back").returncode == 1


@pytest.mark.parametrize("content", ["", "[", "{}", "[1]", '[{"event": "no-such", "at_unix_us": 1, "message": ""}]'])
def test_a_file_that_is_broken_is_told_of_and_replaced(start, content):
    lb1, lb2 = start()
    lb1.stop()
    path = os.path.join(lb1.state_dir, "transitions.json")
    with open(path, encoding="utf-8") as file:
        assert json.load(file)[-1]["reason"] == "shutdown"
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    lb1.start()
    wait_roles_settled(lb1, lb2)
    assert any("what happened before is forgotten" in line for line in lb1.events("error"))
    assert {t["reason"] for t in transitions(lb1)} <= {"startup", "active-down", "better-advert"}
    lb1.stop()
    with open(path, encoding="utf-8") as file:
        assert json.load(file)[-1]["reason"] == "shutdown"


def test_a_file_that_cannot_be_written_is_told_of_once(lab, start):
    lb1, lb2 = start()
    lb1.stop()
    path = os.path.join(lb1.state_dir, "transitions.json")
    os.unlink(path)
    os.mkdir(path)
    lb1.start()
    wait_roles_settled(lb1, lb2)
    wait_until(lambda: any("cannot write" in line for line in lb1.events("error")), 30, "it says so")
    assert transitions(lb1)[0]["state"] == "active"
    lb1.stop()
    assert len([line for line in lb1.events("error") if "cannot write" in line]) == 1
    os.rmdir(path)
