"""Tracking and notification: what is watched moves a pair and brings it back, and programs are told."""

import os
import signal
import stat
import time

import pytest

from observe import start_server
from pair import ELECTION, LB, PATIENT, VIP, election_config, start_pair, wait_roles_settled
from process import Process, wait_until

GATEWAY = "192.0.2.254"
NETWORKS = {
    **{name: dict(plugs) for name, plugs in ELECTION.items()},
    "lb1": {"eth0": ("front", "192.0.2.2/24"), "eth2": ("back", "10.0.0.2/24")},
    "lb2": {"eth0": ("front", "192.0.2.3/24"), "eth2": ("back", "10.0.0.3/24")},
    "gateway": {"eth0": ("front", f"{GATEWAY}/24")},
}


class Scripts:
    """A directory that only root can write to, all the way from the root, as scripts must be in."""

    def __init__(self, lab):
        self.path = f"/usr/local/lib/tandem-lab-{os.path.basename(lab.workdir)}"
        os.makedirs(self.path, mode=0o755)

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text, mode=0o755):
        path = self.file(name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path + ".new", mode)
        os.replace(path + ".new", path)
        return path

    def program(self, name, *lines):
        return self.write(name, "\n".join(["#!/bin/sh", *lines, ""]))

    def read(self, name):
        try:
            with open(self.file(name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""


@pytest.fixture
def scripts(lab):
    made = Scripts(lab)
    yield made
    for root, dirs, files in os.walk(made.path, topdown=False):
        for name in files:
            os.unlink(os.path.join(root, name))
        for name in dirs:
            os.rmdir(os.path.join(root, name))
    os.rmdir(made.path)


def config_of(track, advert="100ms", **router):
    """Only lb1 watches: the file is the same on both, what it finds is not."""
    return election_config(advert, track=track, down_intervals=PATIENT, **router)


@pytest.fixture
def start(lab):
    lab.build(NETWORKS)
    for name in LB:
        lab[name].ip("route add 198.51.100.0/24 via 192.0.2.254")

    def start_with(*track, top=None, **router):
        config = config_of(list(track), **router)
        config.update(top or {})
        return start_pair(lab, config)
    return start_with


def score(director):
    return director.router()["score"]


def wait_score(director, text):
    wait_until(lambda: score(director) == text, 30, f"{director.name} has the score {text}")


def tracker(director, name):
    return next(t for t in director.status()["trackers"] if t["name"] == name)


def wait_state(director, name, state):
    wait_until(lambda: tracker(director, name)["state"] == state, 30, f"{name} is {state}")


def moves_and_returns(lb1, lb2, fail, mend, lost, base="base 150"):
    """A failure of lb1 moves the address to lb2; its end brings it back."""
    wait_score(lb1, base)
    fail()
    lb2.wait_owner(VIP)
    lb1.wait_not_owner(VIP)
    wait_score(lb1, lost)
    assert lb2.router()["score"] in ("base 100", lost.replace("150", "100").replace("= 90", "= 40"))
    mend()
    wait_roles_settled(lb1, lb2)
    wait_score(lb1, base)
    wait_until(lambda: base in lb1.events("priority-changed")[-1], 30, "the score is told")


def test_a_ping_moves_the_pair_and_brings_it_back_by_its_weight(lab, start, figure):
    lb1, lb2 = start({"ping": GATEWAY, "weight": -60, "interval": "300ms", "rise": 2, "fall": 3})
    wait_state(lb1, f"ping {GATEWAY}", "up")
    began = time.monotonic()

    def cut():
        # lb1 alone loses the way to the gateway; adverts still pass.
        lab["lb1"].ip(f"route add prohibit {GATEWAY}/32")
    moves_and_returns(lb1, lb2, cut, lambda: lab["lb1"].ip(f"route delete prohibit {GATEWAY}/32"),
                      f"base 150, -60 ping {GATEWAY} = 90")
    figure("a ping, 3 failures at 300ms, adverts 100ms: there and back",
           f"{time.monotonic() - began:.2f} s")
    assert lb1.events("track-failed") and lb1.events("track-passed")
    assert not lb2.events("track-failed")


def test_a_silent_gateway_fails_the_ping(lab, start):
    lb1, _ = start({"ping": GATEWAY, "weight": -10, "interval": "100ms", "interface": "eth0"})
    name = f"ping {GATEWAY} from eth0"
    wait_state(lb1, name, "up")
    lab.cut("gateway")
    wait_state(lb1, name, "down")
    assert tracker(lb1, name)["reason"] in ("did not answer", "No route to host")
    lab.mend("gateway", "front")
    wait_state(lb1, name, "up")
    assert "answered after" in tracker(lb1, name)["reason"]


def test_an_interface_is_a_fault_by_default_and_counts_carrier_and_admin(lab, start):
    lb1, lb2 = start({"interface": "eth2"})
    lost = "base 150, fault: interface eth2"
    moves_and_returns(lb1, lb2, lambda: lab.unplug("lb1", "eth2"), lambda: lab.replug("lb1", "eth2"),
                      lost)
    lab["lb1"].ip("link set eth2 down")
    lb2.wait_owner(VIP)
    wait_until(lambda: lb1.router()["reason"] == "fault", 30, "lb1 says why")
    lb1.wait_router(state="initialize")
    assert tracker(lb1, "interface eth2")["reason"] == "is set down"
    lab["lb1"].ip("link delete eth2")
    wait_until(lambda: tracker(lb1, "interface eth2")["reason"] == "does not exist", 30, "it is gone")


def test_a_route_moves_the_pair_even_when_the_kernel_removes_it_without_a_word(lab, start):
    lb1, lb2 = start({"route": "198.51.100.0/24", "weight": -60})
    lost = "base 150, -60 route 198.51.100.0/24 = 90"
    add = "route add 198.51.100.0/24 via 192.0.2.254"
    moves_and_returns(lb1, lb2, lambda: lab["lb1"].ip("route delete 198.51.100.0/24"),
                      lambda: lab["lb1"].ip(add), lost)
    lab["lb1"].ip("route delete 198.51.100.0/24", "route add 198.51.100.0/24 via 10.0.0.9")
    wait_score(lb1, "base 150")
    lab["lb1"].ip("link set eth2 down")
    wait_score(lb1, lost)


def test_a_script_moves_the_pair_and_its_last_line_is_in_the_status(lab, start, scripts):
    switch = scripts.file("full")
    program = scripts.program(
        "check", f"test -e {switch} || exit 0",
        "case $(ip -4 address show dev eth0) in *192.0.2.2/*) ;; *) exit 0;; esac",
        "echo first", "echo the disk is full", "exit 7")
    lb1, lb2 = start({"script": [program], "weight": -60, "interval": "1s", "rise": 1, "fall": 2})  # and its deadline
    moves_and_returns(lb1, lb2, lambda: scripts.write("full", ""), lambda: os.unlink(switch),
                      "base 150, -60 script check = 90")
    assert any("exited with status 7: the disk is full" in line for line in lb1.events("track-failed"))


def test_a_script_that_hangs_is_killed_with_its_children(lab, start, scripts):
    mark = f"1234{os.getpid()}"
    program = scripts.program("hang", f"sleep {mark} &", f"sleep {mark}")
    lb1, _ = start({"script": program, "weight": -10, "interval": "500ms", "fall": 1})
    wait_state(lb1, "script hang", "down")
    assert "took too long and was killed" in tracker(lb1, "script hang")["reason"]
    config = config_of([])
    for director in lab.directors:
        assert director.reload(config).returncode == 0
    wait_until(lambda: not processes(mark), 30, "nothing of it is left")


def processes(argument):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", encoding="utf-8", errors="replace") as file:
                if argument in file.read().split("\0"):
                    found.append(int(entry))
        except OSError:
            pass
    return found


def test_a_script_that_others_can_change_is_not_run_and_the_component_is_named(lab, start, scripts):
    os.mkdir(scripts.file("open"))
    os.chmod(scripts.file("open"), 0o777)
    ran = scripts.file("open/ran")
    scripts.program("open/check", f"touch {ran}")
    lb1, _ = start({"script": scripts.file("open/check"), "weight": -10, "user": "root"})
    line = lb1.wait_event("track-error")
    assert f"{scripts.file('open')} can be written by everybody" in line
    wait_state(lb1, "script check", "down")
    assert not os.path.exists(ran)
    os.chmod(scripts.file("open"), 0o755)
    wait_state(lb1, "script check", "up")


def test_a_script_has_no_shell_unless_it_is_asked_for_one(lab, start, scripts):
    lb1, _ = start(
        {"script": "exit 0; exit 1", "shell": True, "weight": -1, "user": "nobody"},
        {"script": ["test $(id -u) = $1", "65534"], "shell": True, "weight": -2, "user": "nobody"},
        {"script": ["/usr/bin/test", "$(true)", "=", "$(true)"], "weight": -4, "fall": 1})
    for name in ("script exit 0; exit 1", "script test $(id -u) = $1", "script test"):
        wait_state(lb1, name, "up")
    assert score(lb1) == "base 150"


def test_a_file_is_a_number_times_the_weight(lab, start, scripts):
    number = scripts.write("number", "0\n")
    lb1, lb2 = start({"file": number, "weight": -2})
    wait_state(lb1, f"file {number}", "up")
    text = f"file {number}"[:60]
    text = f"file {number}" if len(f"file {number}") < 64 else text + "..."
    # Both see the same file: they stay as they are, each with its sum.
    scripts.write("number", "10")
    wait_score(lb1, f"base 150, -20 {text} = 130")
    wait_score(lb2, f"base 100, -20 {text} = 80")
    scripts.write("number", "25\n")
    wait_score(lb1, f"base 150, -50 {text} = 100")
    scripts.write("number", "many")
    lb1.wait_event("track-error")
    assert score(lb1) == f"base 150, -50 {text} = 100"
    os.unlink(number)
    wait_score(lb1, "base 150")


def test_a_process_is_missed_at_once_and_found_within_an_interval(lab, start, scripts):
    # A process of its own name, which the process table shows wherever it runs.
    program = scripts.file("tandem-lab-nap")
    with open("/bin/sleep", "rb") as source, open(program, "wb") as target:
        target.write(source.read())
    os.chmod(program, 0o755)
    naps = [lab_process(lab, program) for _ in range(2)]
    lb1, lb2 = start({"process": "tandem-lab-nap", "count": 2, "weight": -60, "interval": "100ms"},
                     {"process": program, "weight": -5, "interval": "100ms"})
    wait_state(lb1, "process tandem-lab-nap", "up")
    wait_score(lb1, "base 150")
    naps[0].kill()
    wait_score(lb1, "base 150, -60 process tandem-lab-nap = 90")
    reason = tracker(lb1, "process tandem-lab-nap")["reason"]
    assert reason == "1 of 2 run"
    naps.append(lab_process(lab, program))
    wait_score(lb1, "base 150")
    for nap in naps:
        nap.kill()
    wait_until(lambda: "-60" in score(lb1) and "-5" in score(lb1), 30, "both fail")
    assert lb2.router()["state"] in ("backup", "active")


def lab_process(lab, program):
    process = Process([program, "1000"])
    lab.processes.append(process)
    return process


def test_inverse_and_groups(lab, start):
    lb1, _ = start(
        {"any": [{"interface": "eth2"}, {"route": "198.51.100.0/24"}], "weight": -60},
        {"all": [{"interface": "eth2"}, {"tracker": "net"}], "weight": -30},
        {"tracker": "net", "inverse": True, "weight": 7},
        top={"trackers": {"net": {"route": "198.51.100.0/24"}}})
    any_of = "any (interface eth2, route 198.51.100.0/24)"
    all_of = "all (interface eth2, net)"
    wait_score(lb1, "base 150, +7 net (inverse) = 157")
    lab["lb1"].ip("link set eth2 down")
    wait_score(lb1, f"base 150, -30 {all_of}, +7 net (inverse) = 127")
    lab["lb1"].ip("route delete 198.51.100.0/24")
    wait_score(lb1, f"base 150, -60 {any_of}, -30 {all_of} = 60")
    lab["lb1"].ip("link set eth2 up")
    wait_score(lb1, f"base 150, -30 {all_of} = 120")


def test_an_elector_that_restarts_goes_on_with_the_sum(lab, start):
    # A killed elector is waited for as long as one advert.
    lb1, lb2 = start({"route": "198.51.100.0/24", "weight": -20}, advert="1s")
    lab["lb1"].ip("route delete 198.51.100.0/24")
    wait_score(lb1, "base 150, -20 route 198.51.100.0/24 = 130")
    old = lb1.kill_helper("elector")
    lb1.wait_helper_replaced("elector", old)
    lb1.wait_router(state="active", priority=130)
    assert not lb2.monitor.intervals(VIP)


def test_a_reload_keeps_what_stays_and_forgets_what_goes(lab, start):
    lb1, lb2 = start({"route": "198.51.100.0/24", "weight": -20}, {"interface": "eth2", "weight": -5})
    wait_state(lb1, "route 198.51.100.0/24", "up")
    since = tracker(lb1, "route 198.51.100.0/24")["since_us"]
    config = config_of([{"route": "198.51.100.0/24", "weight": -25}])
    for director in (lb1, lb2):
        assert director.reload(config).returncode == 0
    assert [t["name"] for t in lb1.status()["trackers"]] == ["route 198.51.100.0/24"]
    assert tracker(lb1, "route 198.51.100.0/24")["since_us"] == since
    lab["lb1"].ip("route delete 198.51.100.0/24")
    wait_score(lb1, "base 150, -25 route 198.51.100.0/24 = 125")
    config = config_of([{"interface": "eth2", "weight": -5}, {"interface": "eth0", "weight": -6},
                        {"interface": "eth7", "weight": -7}])
    assert lb1.reload(config).returncode == 0
    wait_score(lb1, "base 150, -7 interface eth7 = 143")
    lab["lb1"].ip("link add eth7 type veth peer name eth7-peer", "link set eth7 up",
                  "link set eth7-peer up")
    wait_score(lb1, "base 150")


# Notification

def notify_to(scripts, name="log"):
    """A program that writes a line for each call, for both directors."""
    return scripts.program(
        name, f'echo "$TANDEM_NODE $TANDEM_INSTANCE $TANDEM_STATE_OLD>$TANDEM_STATE'
              f' $TANDEM_REASON $TANDEM_PRIORITY $*" >> {scripts.file("told")}')


def told(scripts, node):
    return [line.split(" ", 1)[1] for line in scripts.read("told").splitlines()
            if line.startswith(node + " ")]


def test_each_state_is_told_in_order_with_what_there_is_to_know(lab, start, scripts):
    program = notify_to(scripts)
    notify = {"active": [program, "own"], "backup": [program, "own"], "fault": [program, "own"],
              "stop": [program, "own"], "any": [program, "all"], "user": "root"}
    lb1, lb2 = start({"interface": "eth2"}, notify=notify)
    wait_until(lambda: len(told(scripts, "lb1")) == 4, 30, "lb1 told backup and active")
    lab.unplug("lb1", "eth2")
    wait_until(lambda: len(told(scripts, "lb1")) == 6, 30, "lb1 told the fault")
    lab.replug("lb1", "eth2")
    wait_roles_settled(lb1, lb2)
    wait_until(lambda: len(told(scripts, "lb1")) == 10, 30, "lb1 told that it is over")
    lb1.stop()
    assert told(scripts, "lb1") == [
        line for state, old, reason, own in (
            ("backup", "", "startup", "own"), ("active", "backup", "active-down", "own"),
            ("fault", "active", "fault", "own"), ("backup", "fault", "startup", "own"),
            ("active", "backup", "active-down", "own"), ("stop", "active", "shutdown", "own"))
        for line in (f"front {old}>{state} {reason} 150 {own}",
                     f"front {old}>{state} {reason} 150 all front {state} 150")]
    assert not lb1.events("notify-failed")


def test_the_last_state_wins_when_programs_are_behind(lab, start, scripts):
    gate = scripts.write("gate", "")
    program = notify_to(scripts)
    slow = scripts.program("slow", f"while test -e {gate}; do sleep 0.05; done", f"exec {program}")
    lb1, lb2 = start({"interface": "eth2"}, notify={"backup": slow, "active": program,
                                                    "fault": program, "user": "root"})
    for _ in range(2):
        lab.unplug("lb1", "eth2")
        lb1.wait_not_owner(VIP)
        lab.replug("lb1", "eth2")
        wait_roles_settled(lb1, lb2)
    wait_until(lambda: lb1.router()["notify"]["skipped"] >= 6, 30, "states are passed over")
    before = lb1.router()["notify"]
    assert (before["running"], before["waiting"], before["runs"]) == (True, True, 1)
    os.unlink(gate)
    wait_until(lambda: len(told(scripts, "lb1")) == 2, 30, "lb1 told two states")
    wait_until(lambda: not lb1.router()["notify"]["running"], 30, "the last program has ended")
    after = lb1.router()["notify"]
    assert [line.split()[1] for line in told(scripts, "lb1")] == [">backup", "backup>active"] or \
        [line.split()[1].split(">")[1] for line in told(scripts, "lb1")] == ["backup", "active"]
    assert after["skipped"] == before["skipped"] >= 6
    assert len(lb1.events("notify-skipped")) == after["skipped"]
    assert after["runs"] == 2


def test_a_program_that_takes_too_long_is_killed_and_the_next_one_runs(lab, start, scripts):
    program = notify_to(scripts)
    hang = scripts.program("hang", "echo waiting for a lock", "sleep 1000")
    lb1, _ = start(notify={"backup": hang, "active": program, "timeout": "1s", "user": "root"})
    line = lb1.wait_event("notify-failed", 20)
    assert 'the program for "backup" took too long and was killed: waiting for a lock' in line
    wait_until(lambda: told(scripts, "lb1"), 30, "lb1 told that it is active")


def test_a_hanging_program_holds_up_neither_the_election_nor_a_reload(lab, start, scripts):
    hang = scripts.program("hang", "sleep 1000")
    lb1, lb2 = start(notify={"any": hang, "user": "root"})
    lb1.stop()
    lb2.wait_owner(VIP)
    assert lb2.reload().returncode == 0
    assert lb2.router()["notify"]["running"]


def test_programs_are_not_root_unless_they_are_told_to_be(lab, start, scripts):
    out = scripts.write("who", "", 0o666)
    program = scripts.program("who-am-i", f"id -u >> {out}")
    start(notify={"any": program, "user": "nobody"})
    wait_until(lambda: scripts.read("who"), 30, "it said who it is")
    assert set(scripts.read("who").split()) == {"65534"}
    assert stat.S_IMODE(os.stat(out).st_mode) == 0o666


def test_a_takeover_waits_for_its_program(lab, start, scripts):
    told_addresses = f'if ip -o addr show | grep -q " {VIP}/"; then has=yes; else has=no; fi'
    line = f'echo "$TANDEM_NODE $0 $TANDEM_STATE_OLD>$TANDEM_STATE $TANDEM_REASON $has" >>'
    before = scripts.program("before", told_addresses, "sleep 0.2",
                             f"{line} {scripts.file('told')}", "exit 3")
    after = scripts.program("after", told_addresses, f"{line} {scripts.file('told')}")
    lb1, lb2 = start(notify={"before_active": {"command": before, "timeout": "5s"},
                             "active": after, "user": "root"})
    wait_until(lambda: len(told(scripts, "lb1")) == 2, 30, "lb1 told")
    assert told(scripts, "lb1") == [f"{before} backup>active active-down no",
                                    f"{after} backup>active active-down yes"]
    lb1.stop()
    wait_until(lambda: len(told(scripts, "lb2")) == 2, 30, "lb2 told")
    assert told(scripts, "lb2") == [f"{before} backup>active peer-resigned no",
                                    f"{after} backup>active peer-resigned yes"]
    hook = lb2.router()["notify"]["before_active"]
    assert (hook["runs"], hook["failures"], hook["running"]) == (1, 1, False)
    assert hook["last"].startswith("exited with status 3 after ")
    assert f'"before_active" {hook["last"]}' in lb2.wait_event("notify-failed")
    assert f'before_active: {hook["last"]}' in lb2.ctl("status").stdout


@pytest.mark.parametrize("hung", ["program", "director"])
def test_a_hung_program_or_director_costs_a_takeover_its_deadline_only(
        lab, start, scripts, figure, hung):
    wait = "sleep 1000" if hung == "program" else ":"
    before = scripts.program("before", f'test $TANDEM_NODE = lb1 || {{ {wait}; }}')
    lb1, lb2 = start(notify={"before_active": {"command": before, "timeout": "1s"},
                             "user": "root"})
    if hung == "director":
        os.kill(lb2.pid, signal.SIGSTOP)
    stalls = lab.stalls
    try:
        begun = time.time()
        lb1.stop()
        lb2.wait_owner(VIP)
    finally:
        os.kill(lb2.pid, signal.SIGCONT)
    taken = lb2.monitor.intervals(VIP)[-1][0]
    late_s = stalls.beyond(begun, taken, due_s=1) - 1
    figure(f"takeover with a hung {hung}", f"{(taken - begun) * 1000:.0f} ms", "deadline 1 s")
    assert taken - begun > 0.9 and late_s < 3
    if hung == "program":
        assert "took too long and was killed" in lb2.wait_event("notify-failed")


def test_a_takeover_that_waits_ends_when_the_other_director_is_heard(lab, start, scripts):
    begun = scripts.file("begun")
    before = scripts.program(
        "before", f"test $TANDEM_NODE = lb1 || {{ touch {begun}; sleep 1000; }}")
    lb1, lb2 = start(notify={"before_active": {"command": before, "timeout": "5s"},
                             "user": "root"})
    lab.unplug("lb1", "eth0")
    wait_until(lambda: os.path.exists(begun), 30, "lb2 prepares")
    lab.replug("lb1", "eth0")
    lb1.wait_owner(VIP)
    assert "took too long" in lb2.wait_event("notify-failed")  # past the deadline
    assert not lb2.events("router-active")
    assert lb2.router()["state"] == "backup"


def test_a_pool_and_a_service_below_quorum_count(lab, start):
    server = start_server(lab["gateway"], "rs1", 8080)
    top = {"pools": {"web": {"check": {"type": "tcp", "interval": "100ms", "rise": 1, "fall": 1},
                             "servers": {"rs1": {"address": GATEWAY, "port": 8080}}}},
           "services": {"http": {"listen": VIP, "port": 80, "forward": "nat", "pool": "web"}}}
    lb1, _ = start({"pool": "web", "weight": -60}, {"service": "http", "inverse": True, "weight": 5},
                   top=top)
    wait_score(lb1, "base 150, +5 service http (inverse) = 155")
    server.kill()
    wait_score(lb1, "base 150, -60 pool web = 90")
    start_server(lab["gateway"], "rs1", 8080)
    wait_score(lb1, "base 150, +5 service http (inverse) = 155")
