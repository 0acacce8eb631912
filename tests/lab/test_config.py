"""A configuration that is refused changes nothing, whatever is wrong with it."""

import glob
import os
import shutil
import subprocess

from director import Director, installed
from observe import Capture
from pair import ELECTION, LB, PATIENT, VIP, election_config, start_pair
from process import wait_until

CONF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conf")


def malformed():
    """(configuration, what is said about it) of every golden file that the parser refuses."""
    for path in sorted(glob.glob(os.path.join(CONF, "bad*", "*.json"))):
        with open(path[:-len("json")] + "err", encoding="utf-8", errors="replace") as file:
            yield path, file.read().splitlines()


def test_a_reload_of_each_malformed_file_is_refused_at_the_right_place(lab, figure):
    lab.build(ELECTION)
    lb1, lb2 = start_pair(lab, election_config("100ms", down_intervals=PATIENT))
    capture = Capture(lab)
    before = lb1.status()["config"]
    tried = 0
    for directory in glob.glob(os.path.join(CONF, "bad*")):  # with what they include
        shutil.copytree(directory, lab.workdir, dirs_exist_ok=True)
    for path, expected in malformed():
        shutil.copyfile(path, lb1.config_path)
        result = lb1.reload()
        assert result.returncode == 1, f"{path}: {result.stdout}"
        told = result.stderr.replace(lab.workdir + "/", "").replace(
            "lb1.json", os.path.basename(path))
        missing = [line for line in expected if line not in told]
        assert not missing, f"{path}: {missing} not in {told}"
        tried += 1
    after = lb1.status()["config"]
    assert (after["digest"], after["generation"]) == (before["digest"], before["generation"])
    assert after["error"]
    assert tried >= 20
    figure("malformed configurations refused at reload, old one running on", str(tried), ">= 20")
    sent = len(capture.adverts())
    wait_until(lambda: len(capture.adverts()) > sent + 3, 20, "adverts go on")
    assert {a.source for a in capture.adverts()} == {LB["lb1"]}
    assert lb1.owns(VIP) and not lb2.monitor.intervals(VIP)
    lb1.write_config(election_config("100ms", down_intervals=PATIENT))
    assert lb1.reload().returncode == 0
    assert lb1.status()["config"]["error"] is None


def test_a_malformed_file_ends_a_start_with_its_errors_and_exit_1(lab):
    lab.build(ELECTION)
    path, expected = next(malformed())
    for arguments in (["--check", path], ["--config", path, "--runtime-dir", lab.workdir]):
        result = subprocess.run([installed("sbin/tandemd"), "--node", "lb1", *arguments],
                                capture_output=True, text=True, timeout=30, check=False)
        assert result.returncode == 1
        for line in expected:
            assert line in result.stderr


def test_a_missing_file_is_refused(lab):
    lab.build(ELECTION)
    lb1, _ = start_pair(lab, election_config("100ms", down_intervals=PATIENT))
    os.unlink(lb1.config_path)
    result = lb1.reload()
    assert result.returncode == 1 and lb1.config_path in result.stderr
    assert lb1.owns(VIP)


def test_a_check_warns_of_what_need_not_be_wrong(lab):
    path = os.path.join(CONF, "good", "scheduler-of-others.json")
    result = subprocess.run([installed("sbin/tandemd"), "--node", "lb1", "--check", path],
                            capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0 and ": ok: " in result.stdout
    first, second = result.stderr.splitlines()
    assert first.startswith(f"warning: {path}:7:20: /services/slip/scheduler: ")
    assert first.endswith('module ip_vs_wlcc; did you mean "wlc"?') and "ip_vs_hedgehog" in second


def test_a_large_file_and_a_large_status_hold_nobody_up(lab, figure):
    """Read beside the loop, and written so much in a turn of it."""
    services, servers, at_once = 4000, 5, 512
    lab.build({"lb1": {}})
    config = {
        "nodes": {"lb1": {}},
        "pools": {f"p{i}": {"servers": {f"s{j}": {"address": f"10.{16 + j}.{i >> 8}.{i & 255}"}
                                        for j in range(servers)}} for i in range(services)},
        "services": {f"v{i}": {"listen": f"10.0.{i >> 8}.{i & 255}", "port": 80, "forward": "nat",
                             "pool": f"p{i}"}
                     for i in range(services)}}
    lb1 = Director(lab, "lb1", config)
    lb1.start(wait=False)
    wait_until(lambda: lb1.ctl("status").returncode == 0, 30, "it answers")
    lb1.reload()  # whether this kernel has IPVS or not
    assert len(lb1.status()["services"]) == services
    loop = lb1.status()["loop"]
    entries = services * (1 + servers)
    assert loop["status_turns"] >= entries // (at_once + servers)
    figure(f"a status of {services} services x {servers} servers is written",
           f"in {loop['status_turns']} turns of the loop", f"at most {at_once} entries in each")
    figure("the longest turn, a reload included", f"{loop['longest_us'] / 1000:.1f} ms",
           "20 ms where nothing else runs")


def test_more_targets_than_a_message_has_are_all_checked(lab):
    """They are told to the checker in parts, and none is forgotten or told twice."""
    pools, servers = 400, 5
    lab.build({"lb1": {}})
    check = {"type": "tcp", "interval": "60s", "rise": 1, "fall": 1}
    config = {
        "nodes": {"lb1": {}},
        "pools": {f"p{i}": {"check": check, "servers": {
            f"s{j}": {"address": f"127.{16 + j}.{i >> 8}.{i & 255}"} for j in range(servers)}}
            for i in range(pools)},
        "services": {f"v{i}": {"listen": f"10.0.{i >> 8}.{i & 255}", "port": 80, "forward": "nat",
                               "pool": f"p{i}"} for i in range(pools)}}
    lb1 = Director(lab, "lb1", config)
    lb1.start(wait=False)
    wait_until(lambda: lb1.ctl("status").returncode == 0, 30, "it answers")

    def states():
        services = lb1.status()["services"]
        return [server["state"] for service in services for server in service["servers"]]

    # Nobody listens there.
    wait_until(lambda: states() == ["down"] * pools * servers, 60, "all are decided")
    for pool in config["pools"].values():
        pool["check"] = dict(check, interval="61s")
    reply = lb1.reload(config)
    assert "has not taken the configuration" not in reply.stdout + reply.stderr
    assert states() == ["down"] * pools * servers
