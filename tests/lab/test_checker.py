"""tandem-checker against real sockets, with the test as its director."""

import json
import os
import signal
import time

import pytest

from played_director import Helper, Listener, Namespace, connect
from process import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")

SERVER = "10.77.0.2"
SANITIZED = "TANDEM_SANITIZED" in os.environ  # such a build filters no system calls


@pytest.fixture
def pair():
    here, there = Namespace("checker"), Namespace("checker")
    connect(here, there)
    yield here, there
    here.delete()
    there.delete()


@pytest.fixture
def checker(pair):
    helper = Helper("tandem-checker", pair[0])
    yield helper
    helper.stop()


@pytest.fixture
def listen(pair):
    opened = []

    def start(port=80, namespace=pair[1], address=""):
        opened.append(Listener(namespace, address, port))
        return opened[-1]

    yield start
    for listener in opened:
        listener.close()


def target(name="a", address=SERVER, port=80, **more):
    return {"id": name, "type": "tcp", "address": address, "port": port, "interval_us": 100000,
            "timeout_us": 3000000, "rise": 1, "fall": 1, "jitter_percent": 10, "state": "unknown",
            **more}


def silence(namespace):
    namespace.nft("add table inet t; add chain inet t i { type filter hook input priority 0; };"
                  "add rule inet t i tcp dport 80 counter drop")


def test_a_server_that_accepts_is_up_and_the_latency_is_told(checker, listen):
    listen()
    assert checker.configure(targets=[target()]) == []
    verdict = checker.wait("Verdict", id="a")
    assert (verdict["state"], verdict["reason"]) == ("up", "connected")
    assert 0 < verdict["latency_us"] < 3000000


def test_a_port_that_nobody_listens_on_is_refused(checker):
    checker.configure(targets=[target()])
    assert checker.wait("Verdict", id="a", state="down")["reason"].startswith("connect: refused in ")


def test_a_silent_server_times_out_after_the_whole_timeout(checker, pair, listen):
    listen()
    silence(pair[1])
    checker.configure(targets=[target(interval_us=1500000, timeout_us=1000000)])
    verdict = checker.wait("Verdict", id="a", state="down")
    assert verdict["reason"] == "connect: timed out after 1s"
    assert 1000000 <= verdict["latency_us"] < 2000000


def test_an_address_without_a_route_says_so(checker):
    checker.configure(targets=[target(address="203.0.113.9")])
    assert checker.wait("Verdict", id="a")["reason"].startswith(
        "connect: network is unreachable in ")


def test_an_address_that_nobody_has_says_no_route_to_host(checker, pair):
    with pair[0].entered(), open("/proc/sys/net/ipv4/neigh/eth0/retrans_time_ms", "w",
                                 encoding="ascii") as f:
        f.write("50\n")
    checker.configure(targets=[target(address="10.77.0.99", interval_us=6000000,
                                      timeout_us=5000000)])
    assert checker.wait("Verdict", id="a", timeout=10)["reason"].startswith(
        "connect: no route to host in ")


def test_a_recovered_server_is_up_after_rise_successes_in_a_row(checker, listen):
    checker.configure(targets=[target(rise=3)])
    checker.wait("Verdict", id="a", state="down")
    before = checker.report()["targets"][0]
    listen()
    checker.wait("Verdict", id="a", state="up")
    after = checker.report()["targets"][0]
    passed = (after["checks"] - after["failures"]) - (before["checks"] - before["failures"])
    assert passed >= 3


def test_a_failed_server_is_down_after_fall_failures_in_a_row(checker, listen):
    listener = listen()
    checker.configure(targets=[target(fall=3, down_interval_us=60000000)])  # no fourth before the report
    checker.wait("Verdict", id="a", state="up")
    listener.close()
    checker.wait("Verdict", id="a", state="down")
    assert checker.report()["targets"][0]["failures"] == 3


def test_a_verdict_is_told_once_and_not_at_each_result(checker, listen):
    listen()
    checker.configure(targets=[target()])
    checker.wait("Verdict", id="a")
    checker.wait_report(lambda report: report["targets"][0]["checks"] >= 10)
    assert [frame for frame in checker.said if frame["method"] == "Verdict"] == []


def test_a_state_given_stays_until_results_contradict_it(checker, listen):
    listen(port=81)
    checker.configure(targets=[target("gone", state="up", fall=5),
                               target("back", port=81, state="down", rise=5),
                               target("same", port=81, state="up", fall=5)])
    # The one that agrees is told at once, for its reason; the others after five results.
    assert checker.wait("Verdict")["id"] == "same"
    assert checker.wait("Verdict", id="gone")["state"] == "down"
    assert checker.wait("Verdict", id="back")["state"] == "up"
    states = {t["id"]: t for t in checker.report()["targets"]}
    assert states["gone"]["failures"] >= 5 and states["back"]["checks"] >= 5


def test_a_reload_keeps_state_and_schedule_of_what_stays(checker, listen):
    listen()
    checker.configure(targets=[target("stays"), target("goes")])
    checker.wait("Verdict", id="stays", state="up")
    checker.wait("Verdict", id="goes", state="up")
    before = checker.wait_report(lambda report: report["targets"][1]["checks"] >= 5)
    assert checker.configure(targets=[target("comes"), target("stays")]) == []
    checker.wait("Verdict", id="comes", state="up")
    after = checker.report()["targets"]
    assert [t["id"] for t in after] == ["comes", "stays"]
    assert after[1]["checks"] >= before["targets"][0]["checks"]
    assert after[1]["since_us"] == before["targets"][0]["since_us"]
    assert [f for f in checker.said if f["method"] == "Verdict"] == []


def test_a_configuration_in_parts_is_taken_as_a_whole(checker, listen):
    listen()
    assert checker.configure(targets=[target("stays"), target("goes")]) == []
    checker.wait("Verdict", id="stays", state="up")
    checker.wait("Verdict", id="goes", state="up")
    before = checker.wait_report(lambda report: report["targets"][0]["checks"] >= 2)
    generation = checker.seq + 2  # a report is in between
    checker.send("Part", generation=generation, targets=[target("stays"), target("a")])
    checker.send("Part", generation=generation, targets=[target("b"), target("c", address="rs1")])
    for _ in range(2):
        checker.wait("Part", generation=generation)
    assert [t["id"] for t in checker.report()["targets"]] == ["stays", "goes"]
    errors = checker.configure(targets=[target("b"), target("d")])
    assert checker.seq == generation
    assert len(errors) == 2 and "target c" in errors[0] and "named twice" in errors[1]
    for name in ("a", "b", "d"):
        checker.wait("Verdict", id=name, state="up")
    after = checker.report()["targets"]
    assert [t["id"] for t in after] == ["stays", "a", "b", "d"]
    assert after[0]["since_us"] == before["targets"][0]["since_us"]


def idle(name, i):
    """One that is not checked while a test runs."""
    return target(f"{name}{i}", address=f"127.{i >> 16}.{i >> 8 & 255}.{i & 255}",
                  interval_us=3600000000)


def send_together(helper, *messages):
    """(method, parameters) of each, so that the helper reads them in one turn of its loop."""
    helper.socket.sendall(b"".join(
        json.dumps({"method": method, "parameters": parameters}).encode() + b"\0"
        for method, parameters in messages))


def test_a_heartbeat_does_not_wait_for_a_large_configuration(checker):
    """What the last part says is put in force some targets in a turn, and what came is heard."""
    n, at_once = 10000, 512
    for generation, name in ((1001, "a"), (1002, "b")):
        targets = [idle(name, i) for i in range(n)]
        for i in range(0, n, at_once):
            checker.send("Part", generation=generation, targets=targets[i:i + at_once])
            checker.wait("Part", generation=generation)
        send_together(checker, ("Configure", {"generation": generation, "targets": []}),
                      ("Heartbeat", {"seq": generation}))
        assert checker.wait("Configured", generation=generation)["errors"] == []
        # Said before that; both were read in one turn.
        assert {"method": "Heartbeat", "parameters": {"seq": generation}} in checker.said
    report = checker.report()
    assert [t["id"] for t in report["targets"]] == [f"b{i}" for i in range(n)]
    assert report["change_turns"] >= n // at_once


def test_a_configuration_in_the_middle_of_another_one_comes_after_it(checker):
    """One that waits when the next one comes is nobody's wish any more."""
    n = 5000
    old = [idle("old", i) for i in range(n)]
    assert checker.configure(targets=old) == []
    kept = [dict(t, rise=2) for t in old[::2]]
    send_together(
        checker, *[("Configure", {"generation": generation, "targets": targets})
                   for generation, targets in ((1001, kept + [idle("first", i) for i in range(n)]),
                                               (1002, [idle("second", i) for i in range(n)]),
                                               (1003, kept[::2] + [idle("third", 1)]))])
    assert checker.wait("Configured", generation=1001)["errors"] == []
    assert checker.wait("Configured", generation=1003)["errors"] == []
    assert not [f for f in checker.said if f["method"] == "Configured"]
    assert [t["id"] for t in checker.report()["targets"]] == [
        *[t["id"] for t in kept[::2]], "third1"]


def test_a_checker_leaves_in_the_middle_of_a_configuration(checker):
    for generation, name in ((1001, "a"), (1002, "b"), (1003, "c")):
        checker.send("Configure", generation=generation, targets=[idle(name, i) for i in range(5000)])
    send_together(checker, ("Configure", {"generation": 1004, "targets": []}), ("Shutdown", {}))
    assert checker.exit_status() == 0


def test_parts_of_a_configuration_that_never_came_are_forgotten(checker, listen):
    listen()
    checker.send("Part", generation=checker.seq + 100, targets=[target("a")])
    checker.send("Part", generation=checker.seq + 1, targets={})
    errors = checker.configure(targets=[target("b")])
    assert len(errors) == 1 and "not an array" in errors[0]
    assert checker.report()["targets"] == []
    assert checker.configure(targets=[target("b")]) == []
    checker.wait("Verdict", id="b", state="up")
    assert [t["id"] for t in checker.report()["targets"]] == ["b"]


def test_a_target_with_another_address_starts_from_what_the_director_believes(checker, listen):
    listen()
    checker.configure(targets=[target()])
    checker.wait("Verdict", id="a", state="up")
    checker.configure(targets=[target(port=81, state="up", fall=2)])
    assert checker.wait("Verdict", id="a", state="down")["reason"].startswith("connect: refused in ")


def test_what_cannot_be_checked_is_named_and_the_rest_is_checked(checker, listen):
    listen()
    errors = checker.configure(targets=[
        target("a"), target("a"), target("b", type="smoke"), target("c", address="rs1"),
        target("d", interval_us=0), target("e", state="sideways")])
    assert len(errors) == 5 and "named twice" in errors[0]
    assert checker.wait("Verdict", id="a")["state"] == "up"


def test_a_thousand_targets_are_decided_within_two_seconds_and_the_timeout(checker, pair, listen, figure):
    here, there = pair
    there.ip("route", "add", "local", "10.78.0.0/16", "dev", "lo")
    here.ip("route", "add", "10.78.0.0/16", "via", SERVER)
    listen()
    targets = [target(f"t{i}", address=f"10.78.{i // 250}.{1 + i % 250}", port=80 + i % 2,
                      interval_us=60000000, timeout_us=1000000) for i in range(1000)]
    start = time.monotonic()
    checker.configure(targets=targets)
    states = [checker.wait("Verdict")["state"] for _ in targets]
    took = time.monotonic() - start
    figure("1,000 targets: decided after", f"{took:.2f} s", "< 3 s")
    assert took < 20  # on a busy machine; spread over their interval they would take sixty
    assert states.count("up") == states.count("down") == 500


def test_a_check_leaves_no_time_wait_behind(checker, pair, listen):
    listen()
    checker.configure(targets=[target()])
    checker.wait_report(lambda report: report["targets"][0]["checks"] >= 5)
    for namespace in pair:
        with namespace.entered(), open("/proc/thread-self/net/sockstat", encoding="ascii") as f:
            assert " tw 0 " in f.read()


def open_files(helper):
    return len(os.listdir(f"/proc/{helper.process.pid}/fd"))


def test_reloads_in_the_middle_of_checks_leave_nothing_open(checker, pair, figure):
    pair[1].nft("add table inet t; add chain inet t i { type filter hook input priority 0; policy drop; }")
    settings = {"dns": {"name": "www.example.net"}, "udp": {"reply_is": "00"}, "tcp": {}, "agent": {}, "smtp": {},
                "http": {}, "https": {}, "tls": {}, "grpc": {}}

    def targets(port):
        return [target(f"{kind}{i}", port=port + i, type=kind, settings=settings[kind], interval_us=1000,
                       timeout_us=30000000) for kind in settings for i in range(5)]
    idle = open_files(checker)
    assert checker.configure(targets=targets(1000)) == []
    wait_until(lambda: open_files(checker) >= idle + len(targets(0)), 20, "all checks under way")
    assert checker.configure(targets=[]) == []
    before = open_files(checker)
    most = reloads = 0
    while reloads < 1000 or (most == before and reloads < 20000):
        assert checker.configure(targets=targets(2000 + reloads % 2 * 10)) == []
        most = max(most, open_files(checker))
        reloads += 1
    assert checker.configure(targets=[]) == []
    assert open_files(checker) == before
    assert most > before  # some were under way when the next reload came
    figure("reloads in the middle of checks", f"{reloads}: {most} files open at the most, {before} before and after")


def test_a_connection_that_meets_itself_is_no_server(checker, pair):
    with pair[0].entered(), open("/proc/sys/net/ipv4/ip_local_port_range", "w",
                                 encoding="ascii") as f:
        f.write("40001 40001\n")
    checker.configure(targets=[target(address="127.0.0.1", port=40001)])
    assert checker.wait("Verdict", id="a")["state"] == "down"


def test_a_lack_of_descriptors_puts_checks_off_and_fails_nobody(pair, listen):
    listen()
    silence(pair[1])
    checker = Helper("tandem-checker", pair[0], "prlimit", "--nofile=96:96", "--")
    try:
        checker.configure(targets=[target(f"t{i}", interval_us=3000000, timeout_us=2000000)
                                   for i in range(300)])
        event = checker.wait("Event")
        assert event["event"] == "error" and "wait for a place" in event["message"]
        starts = checker.report()["starts"]
        assert starts["waiting"] > 0 and starts["waited"] > 0
        pair[1].nft("delete table inet t")
        for _ in range(300):
            assert checker.wait("Verdict", timeout=30)
        assert checker.wait_report(lambda r: all(t["state"] == "up" for t in r["targets"]), 30)
        assert checker.wait_report(lambda r: r["starts"]["waiting"] == 0)["postponed"] == 0
    finally:
        checker.stop()


def test_a_process_that_did_not_run_blames_nobody(checker, pair, listen):
    listen()
    checker.configure(targets=[target(interval_us=2000000, timeout_us=1000000)])
    checker.wait("Verdict", id="a", state="up")
    silence(pair[1])
    # An attempt is under way once its packet was dropped.
    end = time.monotonic() + 30
    while "packets 0 " in pair[1].nft("list table inet t"):
        assert time.monotonic() < end
    os.kill(checker.process.pid, signal.SIGSTOP)
    time.sleep(3)  # this is the lateness itself: three timeouts
    os.kill(checker.process.pid, signal.SIGCONT)
    report = checker.wait_report(lambda r: r["postponed"] > 0)
    assert report["targets"][0]["failures"] == 0


def test_the_checker_holds_no_privilege(checker):
    checker.report()
    with open(f"/proc/{checker.process.pid}/status", encoding="ascii") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    for key in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
        assert int(status[key], 16) == 0, key
    assert status["NoNewPrivs"] == "1"
    if not SANITIZED:
        assert status["Seccomp"] == "2"


def pace(checker, count):
    """Seconds for so many checks at least."""
    start = time.monotonic()
    first = checker.report()["targets"][0]["checks"]
    checker.wait_report(lambda report: report["targets"][0]["checks"] >= first + count, timeout=20)
    return time.monotonic() - start


def test_the_interval_depends_on_state_and_role(checker, listen):
    paced = target(interval_us=400000, fail_interval_us=50000, down_interval_us=800000,
                   standby_interval_us=1600000, fall=60, timeout_us=300000, jitter_percent=0)
    listener = listen()
    checker.configure(targets=[paced])
    checker.wait("Verdict", id="a", state="up")
    # On a busy machine it may be late, but not as late as by another of the intervals.
    assert 1.4 < pace(checker, 5) < 7
    checker.send("Standby", standby=True)
    assert 3 < pace(checker, 3) < 12
    checker.send("Standby", standby=False)
    listener.close()
    checker.wait_report(lambda report: report["targets"][0]["failures"] >= 1)
    assert pace(checker, 10) < 3.4
    checker.wait("Verdict", id="a", state="down")
    assert 1.4 < pace(checker, 3) < 4.6


def test_marks_interfaces_and_sources_are_on_the_packets(pair, listen):
    here, there = pair
    here.ip("address", "add", "10.77.0.7/24", "dev", "eth0")
    listen()
    there.nft("add table inet t; add chain inet t i { type filter hook input priority 0; };"
              "add rule inet t i ip saddr 10.77.0.7 tcp dport 80 counter")
    here.nft("add table inet t; add chain inet t o { type filter hook output priority 0; };"
             "add rule inet t o meta mark 7 tcp dport 80 counter")
    checker = Helper("tandem-checker", here, "setpriv", "--reuid=65534", "--regid=65534",
                     "--clear-groups", "--inh-caps=+net_raw", "--ambient-caps=+net_raw", "--")
    try:
        assert checker.configure(targets=[
            target("a", source="10.77.0.7", mark=7, interface="eth0")]) == []
        assert checker.wait("Verdict", id="a")["state"] == "up"
        for namespace in pair:
            assert "packets 0 " not in namespace.nft("list table inet t")
        checker.configure(targets=[target("b", interface="eth9"), target("c", source="10.77.0.8")])
        assert checker.wait("Verdict", id="b")["reason"].startswith("connect: no such interface")
        assert "no local address" in checker.wait("Verdict", id="c")["reason"]
        with open(f"/proc/{checker.process.pid}/status", encoding="ascii") as f:
            status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
        assert int(status["CapEff"], 16) == 1 << 13 and int(status["CapInh"], 16) == 0
    finally:
        checker.stop()


def test_the_checker_works_as_an_ordinary_user(pair, listen):
    listen()
    checker = Helper("tandem-checker", pair[0], "setpriv", "--reuid=65534", "--regid=65534",
                     "--clear-groups", "--")
    try:
        checker.configure(targets=[target()])
        checker.wait("Verdict", id="a", state="up")
    finally:
        checker.stop()


def test_the_checker_leaves_when_asked_and_when_the_director_is_gone(pair):
    asked, orphan = Helper("tandem-checker", pair[0]), Helper("tandem-checker", pair[0])
    asked.send("Shutdown")
    assert asked.exit_status() == 0
    orphan.socket.close()
    assert orphan.exit_status() == 0
