"""What an operator finds out afterwards, by tandemctl alone: why did the address move?"""

import json
import os
import subprocess

import pytest

from director import Director, copy_libexec, installed
from pair import ELECTION, VIP, election_config, start_pair, wait_roles_settled
from process import wait_until


@pytest.fixture
def pair(lab):
    lab.build(ELECTION)
    return start_pair(lab, election_config())  # a killed elector is waited for as long as one advert


def told(director, *router):
    """(event, message) of all that is kept."""
    result = director.ctl("events", *router, "--json")
    assert result.returncode == 0, result.stderr
    events = json.loads(result.stdout)["events"]
    assert [e["number"] for e in events] == sorted(e["number"] for e in events)
    return [(e["event"], e["message"]) for e in events]


def test_a_failover_is_explained_after_the_place_was_given_back(lab, pair):
    lb1, lb2 = pair
    lab.unplug("lb1")
    wait_roles_settled(lb2, lb1)
    assert lb1.router()["reason"] == "link-down"
    lab.replug("lb1")
    wait_roles_settled(lb1, lb2)
    killed = lb1.kill_helper("elector")
    lb1.wait_helper_replaced("elector", killed)
    lb1.wait_event("router-adopted")
    events = told(lb1, "front")
    down = events.index(("router-initialize", "front on eth0: active to initialize, because of link-down"))
    back = events.index(("router-active", "front on eth0: backup to active, because of active-down"), down)
    assert ("helper-died", "tandem-elector was killed by SIGKILL") in events[back:]
    assert ("router-active", "front on eth0: backup to active, because of active-down") in told(lb2, "front")
    assert ("router-backup", "front on eth0: active to backup, because of better-advert") in told(lb2, "front")
    text = lb1.ctl("events", "front").stdout
    assert len(text.splitlines()) == len(events) and text.count("because of link-down") == 1
    wrong = lb1.ctl("events", "frnt")
    assert wrong.returncode == 1 and 'did you mean "front"?' in wrong.stderr


def test_a_state_names_the_one_before_and_what_keeps_it_out(lab, pair):
    lb1, lb2 = pair
    wait_roles_settled(lb1, lb2)
    assert lb1.router()["old_state"] == "backup"
    assert lb1.ctl("maintenance", "on").returncode == 0
    wait_roles_settled(lb2, lb1)
    lb1.wait_event("router-initialize")
    assert (lb1.router()["state"], lb1.router()["reason"]) == ("initialize", "maintenance")
    assert ("router-initialize", "front on eth0: backup to initialize, because of maintenance") in told(lb1)


def test_a_router_whose_interface_is_missing_says_so(lab):
    lab.build(ELECTION)
    lb1 = Director(lab, "lb1", election_config("100ms", interface="eth9")).start(wait=False)
    lb1.wait_event("started")
    assert (lb1.router()["state"], lb1.router()["reason"]) == ("initialize", "link-down")


def test_one_reload_too_many_is_not_called_a_refused_file(lab):
    lab.build(ELECTION)
    lb1 = Director(lab, "lb1", election_config("100ms")).start()

    def storm():
        callers = [subprocess.Popen([installed("bin/tandemctl"), "--runtime-dir", lb1.runtime_dir, "reload"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                   for _ in range(20)]
        said = [(caller.communicate(timeout=60)[1], caller.returncode) for caller in callers]
        assert any(status == 0 for _, status in said)
        return [text for text, status in said if status]
    complaints = wait_until(storm, 60, "three reloads at once")
    assert all("another reload is waiting already" in text and "was refused;" not in text for text in complaints)
    assert lb1.status()["config"]["error"] is None


def test_a_process_that_cannot_run_is_a_problem_and_says_why(lab):
    lab.build(ELECTION)
    helpers = copy_libexec(lab, "libexec")
    lb1 = Director(lab, "lb1", election_config("100ms"), libexec_dir=helpers).start()
    program = os.path.join(helpers, "tandem-elector")
    os.unlink(program)
    lb1.kill_helper("elector")
    problem = f"PROBLEM: tandem-elector does not run: it could not be started: {program}: No such file"
    wait_until(lambda: problem in lb1.ctl("status").stdout, 30, "the status names it")
    assert ("helper-died", f"tandem-elector could not be started: {program}: No such file or directory") \
        in told(lb1)
    os.symlink(installed("libexec/tandem/tandem-elector"), program)
    lb1.wait_owner(VIP, 30)
    wait_until(lambda: "PROBLEM: tandem-elector" not in lb1.ctl("status").stdout, 30, "the problem is over")


@pytest.mark.parametrize("helper", ["tandem-elector", "tandem-checker", "tandem-link"])
@pytest.mark.parametrize("how", ["missing", "no program"])
def test_a_director_does_not_start_without_a_helper_that_it_needs(lab, helper, how):
    """A director of an election alone needs no other helper than the elector."""
    lab.build(ELECTION)
    helpers = copy_libexec(lab, "libexec")
    program = os.path.join(helpers, helper)
    os.unlink(program)
    if how == "no program":
        os.mkdir(program)
    lb1 = Director(lab, "lb1", election_config("100ms"), libexec_dir=helpers).start(wait=False)
    if helper != "tandem-elector":
        lb1.wait_owner(VIP)
        return
    assert lb1.wait_end() == 1
    said = lb1.wait_event("error")
    reason = "No such file or directory" if how == "missing" else "Permission denied"
    assert f"the configuration needs {program}, which cannot be run: {reason}" in said
    assert not lb1.events("helper-started") and not lb1.owns(VIP)
    assert not os.path.exists(os.path.join(lb1.runtime_dir, "tandem.sock"))


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_an_answer_that_cannot_be_written_is_no_success(lab, form):
    lab.build(ELECTION)
    lb1 = Director(lab, "lb1", election_config("100ms")).start()
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run([installed("bin/tandemctl"), "--runtime-dir", lb1.runtime_dir, "status", *form],
                                stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert result.returncode == 1 and "cannot write the answer: No space left on device" in result.stderr
