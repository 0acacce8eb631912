"""A thousand reloads and a hundred elections: nothing leaks, nothing is read that should not be. Meant for
an installation built with --enable-sanitizers, whose reports fail any lab test; true for others too."""

import os
import time

from pair import ELECTION, VIP, election_config, start_pair, wait_roles_settled

RELOADS = 1000
ELECTIONS = 100


def memory_kb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_a_thousand_reloads(lab, figure):
    lab.build(ELECTION)
    pools = {"web": {"check": {"type": "tcp", "interval": "10s", "port": 9},
                     "servers": {"rs1": {"address": "192.0.2.11"}}}}
    configs = [election_config("100ms"),
               election_config("100ms", addresses=[f"{VIP}/24", "192.0.2.101/24"])]
    for config in configs:
        config["pools"] = pools
    lb1, lb2 = start_pair(lab, configs[0])
    before_kb, started = None, time.monotonic()
    for i in range(RELOADS):
        result = lb1.reload(configs[(i + 1) % 2])
        assert result.returncode == 0, result.stderr
        if i == RELOADS // 10:
            before_kb = {pid: memory_kb(pid) for pid in lb1.pids()}
    took_s = time.monotonic() - started
    grown_kb = max(memory_kb(pid) - kb for pid, kb in before_kb.items())
    assert lb1.status()["config"]["generation"] >= RELOADS
    assert not lb2.monitor.intervals(VIP) and not lb1.events("helper-died")
    for director in (lb1, lb2):
        director.stop()
        director.check_sanitizers()
    if "TANDEM_SANITIZED" in os.environ:  # which keep what was freed, to see who uses it
        figure(f"{RELOADS} reloads under sanitizers", f"{took_s:.0f} s, no report")
    else:
        figure(f"{RELOADS} reloads", f"{took_s:.0f} s, memory grown by {grown_kb} kB")
        assert grown_kb < 1024


def test_a_hundred_elections(lab, figure):
    lab.build(ELECTION)
    lb1, lb2 = start_pair(lab, election_config("100ms"))
    for _ in range(ELECTIONS // 2):
        lb1.stop()
        lb2.wait_owner(VIP)
        lb1.check_sanitizers()
        lb1.start()
        wait_roles_settled(lb1, lb2)
    elections = len(lb1.events("router-active")) + len(lb2.events("router-active")) - 1
    assert elections >= ELECTIONS
    assert not lb1.events("helper-died") and not lb2.events("helper-died")
    for director in (lb1, lb2):
        director.stop()
        director.check_sanitizers()
    figure(f"{elections} elections", "no report")
