"""The shipped units under systemd: notify, reload, sandbox, restart, watchdog, and what happens when no
restart comes. In a machine of its own, with the installed files at the places that systemd reads."""

import copy
import json
import os
import shutil
import signal
import subprocess
import urllib.request

import pytest

from director import installed
from process import wait_until

pytestmark = pytest.mark.systemd

VIP = "192.0.2.100"
SERVICE = "tandemd.service"
WEB = "tandem-web.service"
CONFIG = {
    "nodes": {"lb1": {}, "lb2": {}},
    "link": {"interface": "eth1"},
    "virtual_routers": {
        # The owner of the address is Active at once; adverts are slow, because a restart under
        # emulation is, and must come within three of them to go on as Active.
        "front": {"interface": "eth0", "vrid": 51, "priority": 255, "advert_interval": "10s",
                  "addresses": [VIP + "/24"]},
    },
    "pools": {"web": {"check": {"type": "tcp"}, "servers": {"rs1": {"address": "127.0.0.1"}}}},
    "services": {"web": {"listen": VIP, "port": 80, "forward": "nat", "pool": "web"}},
}


def run(*command, check=True):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not check or result.returncode == 0, f"{command}: {result.stderr}"
    return result.stdout.strip()


def show(name, unit=SERVICE):
    return run("systemctl", "show", "--value", "-p", name, unit)


def owns_vip():
    return VIP + "/" in run("ip", "-4", "addr", "show", "dev", "eth0")


def events(token):
    """The journal's entries of one event, each with its fields."""
    lines = run("journalctl", "-o", "json", "--no-pager", f"TANDEM_EVENT={token}", check=False)
    return [json.loads(line) for line in lines.splitlines()]


def status():
    return json.loads(run(installed("bin/tandemctl"), "status", "--json"))


def wait_active():
    wait_until(lambda: show("ActiveState") == "active" and owns_vip(), 60, "it serves", every=0.2)


def write_config(config):
    path = installed("etc/tandem/tandem.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(config if isinstance(config, str) else json.dumps(config))


@pytest.fixture(scope="module", autouse=True)
def unit():
    run("hostname", "lb1")
    for name in ("eth0", "eth1"):
        run("ip", "link", "add", name, "type", "veth", "peer", "name", name + "-peer")
        run("ip", "link", "set", name + "-peer", "up")
        run("ip", "link", "set", name, "up")
    run("ip", "addr", "add", "192.0.2.1/24", "dev", "eth0")
    run("ip", "addr", "add", "10.255.0.1/24", "dev", "eth1")
    run("systemd-sysusers", installed("lib/sysusers.d/tandem.conf"))
    run("systemd-tmpfiles", "--create", installed("lib/tmpfiles.d/tandem.conf"))
    for name in (SERVICE, WEB, "tandem-cleanup.service"):
        shutil.copy(installed("lib/systemd/system/" + name), "/etc/systemd/system/" + name)
        # The installation under test may be below /var/tmp, which PrivateTmp= hides.
        drop_in = f"/etc/systemd/system/{name}.d"
        os.makedirs(drop_in)
        with open(drop_in + "/lab.conf", "w", encoding="utf-8") as file:
            file.write(f"[Service]\nBindReadOnlyPaths={installed('')}\n")
            if name == SERVICE:  # an emulated machine does not start it twenty times in a minute
                file.write("[Unit]\nStartLimitBurst=5\n")
    run("systemctl", "daemon-reload")
    write_config(CONFIG)
    run("systemctl", "start", SERVICE)
    wait_active()
    yield


def pid_of(helper):
    return next(h["pid"] for h in status()["helpers"] if h["name"] == helper)


def test_it_is_ready_when_it_serves_and_nothing_is_missing_in_the_sandbox():
    now = status()
    assert now["ipvs"]["errors"] == []
    assert now["services"][0]["programmed"]
    assert now["sync"]["master"] and now["sync"]["backup"]
    assert [h["state"] for h in now["helpers"]] == ["up"] * 3
    assert events("error") == [] and events("sysctl-failed") == []


def test_the_elector_has_real_time_priority_and_locked_memory():
    pid = pid_of("elector")
    assert "SCHED_FIFO" in run("chrt", "-p", str(pid))
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        locked = next(line for line in file if line.startswith("VmLck:"))
    assert int(locked.split()[1]) > 0


def test_the_checker_runs_as_its_own_user_without_a_capability():
    with open(f"/proc/{pid_of('checker')}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    assert fields["Uid"].split()[0] == run("id", "-u", "tandem")
    assert int(fields["CapPrm"], 16) == int(fields["CapEff"], 16) == 0
    assert fields["Seccomp"].strip() == "2" and fields["NoNewPrivs"].strip() == "1"


def test_the_status_is_served_by_the_same_user_in_a_sandbox_of_its_own():
    run("systemctl", "start", WEB)
    with urllib.request.urlopen("http://127.0.0.1:9112/metrics", timeout=30) as answer:
        text = answer.read().decode()
    assert 'tandem_router_state{router="front",state="active"} 1\n' in text and "\ntandem_up 1\n" in text
    with open(f"/proc/{show('MainPID', WEB)}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    assert fields["Uid"].split()[0] == run("id", "-u", "tandem")
    assert int(fields["CapPrm"], 16) == int(fields["CapEff"], 16) == 0 and fields["Seccomp"].strip() == "2"
    run("systemctl", "stop", WEB)
    assert show("Result", WEB) == "success"


def test_the_journal_has_the_fields_of_a_transition():
    entry = events("router-active")[0]
    assert entry["TANDEM_INSTANCE"] == "front" and entry["TANDEM_VRID"] == "51"
    assert entry["TANDEM_STATE_OLD"] == "initialize" and entry["TANDEM_STATE_NEW"] == "active"
    assert entry["TANDEM_REASON"] == "owner" and entry["INTERFACE"] == "eth0"
    assert len(entry["MESSAGE_ID"]) == 32 and entry["PRIORITY"] == "5"


def test_a_reload_of_a_bad_file_fails_and_what_ran_goes_on():
    pid = show("MainPID")
    write_config("{ \"nodes\": ")
    assert subprocess.run(["systemctl", "reload", SERVICE], capture_output=True,
                          check=False).returncode != 0
    assert show("ActiveState") == "active" and show("MainPID") == pid and owns_vip()
    write_config(CONFIG)
    run("systemctl", "reload", SERVICE)
    assert status()["config"]["error"] is None


def tracked():
    return {t["name"]: t for t in status()["trackers"]}


def test_what_is_tracked_is_watched_from_within_the_sandbox():
    config = copy.deepcopy(CONFIG)
    config["virtual_routers"]["front"]["track"] = [
        {"script": "test $(id -un) = tandem && echo $(id -u)", "shell": True, "weight": -1,
         "interval": "30s"},
        {"script": ["/usr/bin/test", "-w", "/run/tandem"], "user": "root", "weight": -1,
         "interval": "30s"},
        {"ping": "192.0.2.1", "weight": -1},
        {"interface": "eth1", "weight": -1},
        {"process": "systemd", "weight": -1},
    ]
    write_config(config)
    run("systemctl", "reload", SERVICE)
    names = ["script test $(id -un) = tandem && echo $(id -u)", "script test", "ping 192.0.2.1",
             "interface eth1", "process systemd"]
    wait_until(lambda: all(tracked()[n]["state"] != "unknown" for n in names), 60, "all were watched",
               every=0.2)
    assert {n: tracked()[n]["state"] for n in names} == dict.fromkeys(names, "up"), tracked()
    assert run("id", "-u", "tandem") in tracked()[names[0]]["reason"]
    write_config(CONFIG)
    run("systemctl", "reload", SERVICE)
    assert status()["trackers"] == []


def assert_goes_on_after(*command):
    """The address is never away, and the director that comes back adopts it."""
    monitor = subprocess.Popen(["ip", "-4", "monitor", "address"], stdout=subprocess.PIPE, text=True)
    before = len(events("router-adopted"))
    pid = show("MainPID")
    run(*command)
    wait_until(lambda: show("MainPID") not in (pid, "0") and len(events("router-adopted")) > before,
               90, "the restarted director adopts its address", every=0.2)
    monitor.terminate()
    changes = monitor.communicate()[0]
    assert "Deleted" not in changes, changes
    wait_active()


def test_everything_killed_is_restarted_and_goes_on_with_the_address():
    assert_goes_on_after("systemctl", "kill", "--signal=KILL", SERVICE)


def test_a_restart_goes_on_with_the_address():
    assert_goes_on_after("systemctl", "restart", SERVICE)
    assert not os.path.exists("/run/tandem/restarting")
    assert "asked to restart" in events("stopping")[-1]["MESSAGE"]


def test_a_director_that_hangs_is_restarted_by_the_watchdog():
    pid = show("MainPID")
    os.kill(int(pid), signal.SIGSTOP)
    wait_until(lambda: show("MainPID") not in (pid, "0"), 60, "the watchdog restarts it", every=0.5)
    wait_active()


def test_a_stop_takes_the_address_away_and_keeps_the_table():
    run("systemctl", "stop", SERVICE)
    assert not owns_vip()
    with open("/proc/net/ip_vs", encoding="ascii") as file:
        assert "C0000264:0050" in file.read()
    run("systemctl", "start", SERVICE)
    assert status()["ipvs"]["operations_total"] == 0
    wait_active()


def test_an_address_does_not_stay_when_no_restart_comes():
    write_config("no configuration")
    run("systemctl", "kill", "--signal=KILL", SERVICE)
    wait_until(lambda: show("ActiveState") == "failed", 120, "systemd gives up", every=0.2)
    wait_until(lambda: not owns_vip(), 20, "the address is removed", every=0.2)
    write_config(CONFIG)
    run("systemctl", "reset-failed", SERVICE)
    run("systemctl", "start", SERVICE)
    wait_active()
