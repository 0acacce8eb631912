"""A configuration that is refused changes nothing, whatever is wrong with it."""

import glob
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

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



POOLS, SERVERS = 2000, 5
TARGETS_AT_ONCE, SERVERS_AT_ONCE = 4096, 8192  # in a turn of the loop


class ManyChecks:
    """Of servers where nobody listens, with intervals of so many minutes; and a server that is as
    a file says. All checks of two configurations differ."""

    def __init__(self, lab):
        self.live = lab.path("live")
        self.say("up")
        lab.build({"lb1": {}})
        self.director = Director(lab, "lb1", self.config(49))
        self.director.start(wait=False)
        wait_until(lambda: self.director.ctl("status").returncode == 0, 60, "it answers")
        self.wait_state("up")
        self.wait_checked(49)

    def config(self, minutes):
        check = {"type": "tcp", "interval": f"{minutes}m"}
        pools = {f"p{i}": {"check": check, "servers": {
            f"s{j}": {"address": f"127.{16 + j}.{i >> 8}.{i & 255}"} for j in range(SERVERS)}}
            for i in range(POOLS)}
        pools["live"] = {"check": {"type": "file", "file": self.live, "rise": 1, "fall": 1,
                                   "interval": f"{200 + minutes}ms", "timeout": "200ms"},
                         "servers": {"live": {"address": "127.9.9.9"}}}
        return {"nodes": {"lb1": {}}, "pools": pools,
                "services": {name: {"listen": f"10.0.{i >> 8}.{i & 255}", "port": 80,
                                    "forward": "nat", "pool": name}
                             for i, name in enumerate(pools)}}

    def say(self, word):
        with open(self.live + ".new", "w", encoding="utf-8") as file:
            file.write(word + "\n")
        os.rename(self.live + ".new", self.live)

    def state(self):
        return next(s for s in self.director.status()["services"]
                    if s["name"] == "live")["servers"][0]["state"]

    def wait_state(self, state):
        wait_until(lambda: self.state() == state, 60, f"the server is {state}")

    def is_checked(self, minutes):
        checks = [c["id"] for c in self.director.status()["checks"] or []]
        return (len(checks) == len(set(checks)) == POOLS * SERVERS + 1 and
                sum(f" every {minutes}m " in c for c in checks) == POOLS * SERVERS)

    def wait_checked(self, minutes):
        wait_until(lambda: self.is_checked(minutes), 60, "the checker has these targets, and no others")


def test_a_reload_of_many_checks_is_taken_in_turns_of_the_loop(lab, figure):
    many = ManyChecks(lab)
    many.director.reload(many.config(51))  # whether this kernel has IPVS or not
    turns = many.director.status()["loop"]["reload_turns"]
    many.wait_checked(51)
    assert turns >= POOLS * SERVERS // TARGETS_AT_ONCE + POOLS * SERVERS // SERVERS_AT_ONCE + 2
    figure(f"a reload of {POOLS * SERVERS} checks, all of them others, is made ready",
           f"in {turns} turns of the loop", f"at most {TARGETS_AT_ONCE} targets in each")


def test_a_verdict_in_the_middle_of_a_reload_is_not_lost(lab):
    """Whenever it comes: before the candidate took the verdicts over, or after."""
    many = ManyChecks(lab)
    for i in range(6):
        many.director.write_config(many.config(51 + i))
        with ThreadPoolExecutor(1) as aside:
            reload = aside.submit(many.director.reload)
            word = "down" if i % 2 == 0 else "up"
            many.say(word)
            many.wait_state(word)
            assert "has not taken the configuration" not in reload.result().stderr
        assert many.state() == word
        many.wait_checked(51 + i)


def test_reloads_in_the_middle_of_reloads_end_with_the_last_file(lab):
    many = ManyChecks(lab)
    with ThreadPoolExecutor(4) as aside:
        reloads = []
        for i in range(4):
            many.director.write_config(many.config(51 + i))
            reloads.append(aside.submit(many.director.reload))
        for reload in reloads:  # one waits for the one under way, and a third is told so
            assert "has not taken the configuration" not in reload.result().stderr
    many.director.reload()
    many.wait_checked(54)
    assert many.state() == "up"


def test_a_checker_that_dies_in_the_middle_of_a_reload_is_told_everything(lab):
    many = ManyChecks(lab)
    before = many.director.helper_pid("checker")
    many.director.write_config(many.config(51))
    with ThreadPoolExecutor(1) as aside:
        reload = aside.submit(many.director.reload)
        many.director.kill_helper("checker")
        reload.result()
    many.wait_checked(51)
    assert many.director.helper_pid("checker") not in (before, None)
    many.say("down")
    many.wait_state("down")
    many.director.stop()


def test_a_director_leaves_in_the_middle_of_a_reload(lab):
    many = ManyChecks(lab)
    many.director.write_config(many.config(51))
    with ThreadPoolExecutor(1) as aside:
        reload = aside.submit(many.director.reload)
        wait_until(lambda: "RELOADING=1" in many.director.notified(), 30, "it begins")
        many.director.stop()
        reload.result()
