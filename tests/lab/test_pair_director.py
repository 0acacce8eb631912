"""What the two directors make of each other, with a played tandem-link between them (played_link.py): the
network is not the matter here. test_pair_link.py has the real one."""

import copy
import json
import os
import secrets
import time

import pytest

from director import Director, copy_libexec
from pair import ELECTION, PATIENT, VIP, election_config
from played_link import PlayedLinks
from process import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")

TROUBLE = {"resync-running": "its resync is not over", "config-differs": "its configuration is another one"}


@pytest.fixture(scope="module")
def built_lab(shared_lab):
    shared_lab.build({name: dict(plugs) for name, plugs in ELECTION.items()})
    shared_lab.share(("lb1", "lb2"), {})
    shared_lab.key_file = shared_lab.path("link.key")
    with open(shared_lab.key_file, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as file:
        file.write(secrets.token_hex(32) + "\n")
    shared_lab.helpers = copy_libexec(shared_lab, "helpers")
    yield shared_lab


@pytest.fixture
def lab(built_lab):
    if built_lab.directors:
        built_lab.clear()
    built_lab.played = PlayedLinks(built_lab)
    built_lab.played.install(built_lab.helpers)
    yield built_lab
    for director in built_lab.directors:
        director.check_sanitizers()
    built_lab.clear()


def config_of(lab, **top):
    config = election_config("100ms", down_intervals=PATIENT)
    config["nodes"] = {"lb1": {"link_address": "10.255.0.1"}, "lb2": {"link_address": "10.255.0.2"}}
    config["link"] = {"interface": "eth1", "key_file": lab.key_file, "split_brain": "vrrp"}
    config["ready_timeout"] = "60s"
    config["pools"] = {"web": {"servers": {"rs1": {"address": "192.0.2.11"}, "rs2": {"address": "192.0.2.12"}}}}
    config.update(top)
    return config


def director(lab, name, config=None):
    return Director(lab, name, config or config_of(lab), libexec_dir=lab.helpers)


def peer(d):
    return d.status()["peer"]


def wait_peer(d, seconds=30, **wanted):
    def look():
        p = peer(d)
        return all(p[k] == v for k, v in wanted.items()) and p
    return wait_until(look, seconds, f"{d.name} sees its peer {wanted}")


def start_both(lab, config=None):
    lb1, lb2 = (director(lab, name, config) for name in ("lb1", "lb2"))
    lb1.start()
    lb2.start()
    for d in (lb1, lb2):
        wait_peer(d, alive=True, trouble_here="none", trouble_there="none")
    lb1.wait_owner(VIP)
    return lb1, lb2


def test_each_sees_the_other(lab):
    lb1, lb2 = start_both(lab)
    for d, other in ((lb1, lb2), (lb2, lb1)):
        p = wait_until(lambda d=d: (p := peer(d))["resync"]["state"] == "done" and p["stream"] and
                       p["coverage"] and p["coverage"]["percent"] == 100.0 and p, 20, "resync, and what it made")
        assert p["name"] == other.name and p["since_us"] > 0
        assert not p["config_differs"] and p["config_path"] is None and not p["split_brain"]
        for token in ("peer-heard", "resync-done"):
            d.wait_event(token)
        assert len(d.events("peer-heard")) == 1 and len(d.events("resync-done")) == 1
    wait_until(lambda: peer(lb2)["state"]["routers"]["front"]["state"] == "active", 30, "lb1's role on lb2")
    text = lb2.ctl("status").stdout
    assert "peer lb1: heard for" in text and "resync of 7 connections done" in text
    assert "router front on lb1: active, priority 150" in text and "coverage 100.00 %, lag 1.5 ms" in text


def test_what_tandem_link_is_told(lab):
    config = config_of(lab)
    del config["virtual_routers"]["front"]["down_intervals"]  # three: how often the link beats follows from them
    lb1, _ = start_both(lab, config)
    told = lb1.status()["sync"]["configured"]
    assert told["mode"] == "tandem" and (told["node"], told["peer"]) == ("lb1", "lb2")
    assert (told["own_address"], told["peer_address"]) == ("10.255.0.1", "10.255.0.2")
    assert told["interfaces"] == ["eth1"] and told["group"] == "224.0.0.81" and told["port"] == 8848
    assert told["heartbeat_us"] == 50000 and len(told["digest"]) == 64
    assert lb1.status()["sync"]["n_keys"] == 1
    key = open(lab.key_file, encoding="utf-8").read().strip()
    assert key not in lb1.ctl("status", "--json").stdout and key not in lb1.log()


def test_the_device_is_given_reserved_and_outlives_tandem_link(lab):
    lb1, lb2 = start_both(lab)
    node = lb1.node
    index = node.run("ip", "-o", "link", "show", "tandem-sync").split(":")[0]
    fds = f"/proc/{lb1.helper_pid('link')}/fd"
    assert os.readlink(f"{fds}/4") == "/dev/net/tun" and "memfd:" in os.readlink(f"{fds}/5")
    with open(f"/proc/{lb1.helper_pid('elector')}/maps", encoding="utf-8") as file:
        assert "memfd:" in file.read()
    send = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
            "s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'tandem-sync'); "
            "s.sendto(b'x', ('224.0.0.81', 8848))")
    with pytest.raises(RuntimeError, match="Operation not permitted|PermissionError"):
        node.run("/usr/bin/python3", "-c", send)
    lb1.wait_helper_replaced("link", lb1.kill_helper("link"))
    wait_peer(lb1, alive=True, trouble_here="none")
    assert node.run("ip", "-o", "link", "show", "tandem-sync").split(":")[0] == index
    lb1.leave_for_successor()
    assert node.run("ip", "-o", "link", "show", "tandem-sync").split(":")[0] == index
    lb1.start()
    wait_peer(lb1, alive=True, trouble_here="none")
    assert node.run("ip", "-o", "link", "show", "tandem-sync").split(":")[0] == index
    lb1.stop()
    lb1.cleanup(everything=True)
    assert "tandem-sync" not in node.run("ip", "-o", "link")
    lb2.wait_event("peer-lost")


def test_a_change_of_mode_starts_tandem_link_again_and_takes_the_device_along(lab):
    lb1, _ = start_both(lab)
    pid = lb1.helper_pid("link")
    config = config_of(lab)
    del config["link"]
    assert lb1.reload(config).returncode == 0
    assert lb1.status()["peer"] is None
    lb1.wait_helper_replaced("link", pid)
    assert not os.path.exists(f"/proc/{lb1.helper_pid('link')}/fd/4") or \
        os.readlink(f"/proc/{lb1.helper_pid('link')}/fd/4") != "/dev/net/tun"
    wait_until(lambda: "tandem-sync" not in lb1.node.run("ip", "-o", "link"), 30, "the device goes")
    assert lb1.reload(config_of(lab)).returncode == 0
    wait_peer(lb1, alive=True, trouble_here="none")
    assert "tandem-sync" in lb1.node.run("ip", "-o", "link")
    assert not lb1.events("helper-died")


def test_who_is_alone_is_ready_after_a_moment(lab):
    lb1 = director(lab, "lb1").start()
    wait_peer(lb1, trouble_here="none", alive=False)
    lb1.wait_owner(VIP)
    assert not lb1.events("not-ready")


def test_who_joins_does_not_preempt_before_its_resync_is_done(lab):
    lb2 = director(lab, "lb2").start()
    lb2.wait_owner(VIP)
    lab.played.say(resync="hold")
    lb1 = director(lab, "lb1").start()
    wait_peer(lb1, alive=True, trouble_here="resync-running")
    wait_peer(lb2, trouble_there="resync-running")
    # It would have preempted after half of them.
    until = lb1.router()["counters"]["adverts_received"] + 2 * PATIENT
    wait_until(lambda: lb1.router()["counters"]["adverts_received"] >= until, 30, "adverts of almost two Active_Down_Intervals")
    assert lb1.router()["state"] == "backup" and lb2.owns(VIP)
    lab.played.say(resync="done")
    lb1.wait_owner(VIP)
    lb2.wait_not_owner(VIP)


def test_ready_timeout_bounds_the_wait(lab):
    lb2 = director(lab, "lb2", config_of(lab, ready_timeout="2s")).start()
    lb2.wait_owner(VIP)
    lab.played.say(resync="hold")
    lb1 = director(lab, "lb1", config_of(lab, ready_timeout="2s")).start()
    lb1.wait_owner(VIP)
    lb1.wait_event("not-ready")


@pytest.mark.parametrize("order, trouble", [
    ({"resync": "failed"}, "resync-failed"), ({"coverage": 80.0}, "coverage-low")])
def test_switchover_to_a_peer_that_is_not_ready_is_refused_and_forced(lab, order, trouble):
    lab.played.say(**order)
    lb1, lb2 = (director(lab, name) for name in ("lb1", "lb2"))
    lb1.start()
    lb1.wait_owner(VIP)
    lb2.start()
    wait_peer(lb1, alive=True, trouble_there=trouble)
    result = lb1.ctl("switchover")
    assert result.returncode == 1 and "lb2 is not ready" in result.stderr and "--force" in result.stderr
    assert lb1.owns(VIP)
    assert f"lb2 is not ready to take over" in lb1.ctl("status").stdout
    result = lb1.ctl("switchover", "--force")
    assert result.returncode == 0, result.stderr
    lb2.wait_owner(VIP)
    if trouble == "coverage-low":
        lb1.wait_event("coverage-low")


def test_switchover_compares_the_tables_first(lab):
    lb1, lb2 = start_both(lab)
    lab.played.say(coverage=50.0)
    result = lb1.ctl("switchover")
    assert result.returncode == 1 and "does not know enough of the connections" in result.stderr
    lab.played.say(coverage=99.9)
    assert lb1.ctl("resync").returncode == 0
    wait_peer(lb1, trouble_there="none")
    result = lb1.ctl("switchover")
    assert result.returncode == 0, result.stderr
    lb2.wait_owner(VIP)


def test_switchover_to_nobody_is_refused(lab):
    lb1, _ = start_both(lab)
    lab.played.say(cut=True)
    wait_peer(lb1, alive=False)
    result = lb1.ctl("switchover")
    assert result.returncode == 1 and "it is not heard over the link" in result.stderr
    lb1.wait_event("peer-lost")


def test_switchover_to_a_host_in_maintenance_is_refused(lab):
    lb1, lb2 = start_both(lab)
    assert lb2.ctl("maintenance", "on").returncode == 0
    wait_peer(lb1, trouble_there="maintenance")
    assert "MAINTENANCE of lb2: on" in lb1.ctl("status").stdout
    result = lb1.ctl("switchover")
    assert result.returncode == 1 and "it is in maintenance" in result.stderr


def test_resync_is_asked_for_and_answered(lab):
    lb1, _ = start_both(lab)
    result = lb1.ctl("resync")
    assert (result.returncode, result.stdout) == (0, "resync: 7 connections in 0.001 s\n")
    lab.played.say(resync="failed")
    result = lb1.ctl("resync")
    assert result.returncode == 1 and "the resync failed: an order" in result.stderr
    lb1.wait_event("resync-failed")
    lab.played.say(cut=True)
    wait_peer(lb1, alive=False)
    assert "not heard" in lb1.ctl("resync").stderr


DIFFERENCES = [
    ("/virtual_routers/front/priority/lb2", lambda c: c["virtual_routers"]["front"]["priority"].update(lb2=90)),
    ("/pools/web/servers/rs3", lambda c: c["pools"]["web"]["servers"].update(rs3={"address": "192.0.2.13"})),
    ("/virtual_routers/front/addresses/1",
     lambda c: c["virtual_routers"]["front"]["addresses"].append("192.0.2.101/24")),
    ("/on_stop", lambda c: c.update(on_stop="remove")),
]


@pytest.mark.parametrize("path, change", DIFFERENCES, ids=[path for path, _ in DIFFERENCES])
def test_a_difference_of_configurations_is_named_by_its_path(lab, path, change):
    lb1, lb2 = start_both(lab)
    other = copy.deepcopy(config_of(lab))
    change(other)
    assert lb2.reload(other).returncode == 0
    for d in (lb1, lb2):
        wait_peer(d, config_differs=True, config_path=path)
        assert path in d.wait_event("config-differs")
    result = lb1.ctl("switchover")
    assert result.returncode == 1 and TROUBLE["config-differs"] in result.stderr
    assert f"PROBLEM: the configuration of lb2 is another one, from here on: {path}" in lb1.ctl("status").stdout
    assert lb1.reload(other).returncode == 0
    for d in (lb1, lb2):
        wait_peer(d, config_differs=False, config_path=None, trouble_there="none")
        d.wait_event("config-equal")


def test_comments_and_order_are_no_difference(lab):
    lb1, lb2 = start_both(lab)
    other = {"$comment": "of lb2", **dict(reversed(config_of(lab).items()))}
    assert lb2.reload(json.dumps(other, indent=7)).returncode == 0
    wait_until(lambda: peer(lb1)["state"]["config"]["generation"] == 2, 30, "lb1 hears of the reload")
    assert not peer(lb1)["config_differs"] and not lb1.events("config-differs")


def overrides(d):
    return {f"{o['pool']}/{o['server']}": o for o in d.status()["overrides"]}


def wait_override(d, server, **wanted):
    def look():
        o = overrides(d).get(server, {"decision": "none"})
        return all(o.get(k) == v for k, v in wanted.items()) and o
    return wait_until(look, 30, f"{d.name}: {server} {wanted}, not {overrides(d)}")


def test_decisions_hold_for_both_and_survive_restarts(lab):
    lb1, lb2 = start_both(lab)
    assert lb1.ctl("drain", "web/rs1", "--deadline", "1h").returncode == 0
    assert lb2.ctl("weight", "web/rs2", "7").returncode == 0
    wait_override(lb2, "web/rs1", decision="drain", drain="draining", by="lb1")
    wait_override(lb1, "web/rs2", set_weight=7, by="lb2")
    wait_until(lambda: any("web/rs1 is drained by lb1" in e for e in lb2.events("override")), 30, "told")
    lb2.stop()
    assert lb1.ctl("fail", "web/rs2").returncode == 0
    lb2.start()
    wait_override(lb2, "web/rs1", decision="drain", by="lb1")
    wait_override(lb2, "web/rs2", decision="fail", set_weight=7, by="lb1")
    assert lb2.ctl("ready", "web/rs1").returncode == 0
    wait_override(lb1, "web/rs1", decision="none")
    lb1.stop()
    lb1.start()
    wait_peer(lb1, alive=True, trouble_here="none")
    wait_override(lb1, "web/rs1", decision="none")
    wait_override(lb1, "web/rs2", decision="fail")
    assert not lb1.events("decision-conflict") and not lb2.events("decision-conflict")


def test_of_two_decisions_made_in_ignorance_the_newer_counts_and_both_say_so(lab):
    lb1, lb2 = start_both(lab)
    lab.played.say(cut=True)
    for d in (lb1, lb2):
        wait_peer(d, alive=False)
    assert lb1.ctl("fail", "web/rs1").returncode == 0
    assert lb2.ctl("weight", "web/rs1", "3").returncode == 0
    lab.played.say(cut=False)
    for d in (lb1, lb2):
        o = wait_override(d, "web/rs1", set_weight=3, decision="none", by="lb2")
        assert o["conflict"]["by"] == "lb1" and o["conflict"]["decision"] == "fail"
        d.wait_event("decision-conflict")
    assert "CONFLICT: lb1 decided at the same time: fail" in lb1.ctl("status").stdout
    assert lb1.ctl("ready", "web/rs1").returncode == 0
    wait_override(lb2, "web/rs1", decision="none", set_weight=None)
    assert not lb2.events("decision-conflict")[1:]


def test_two_active_directors_that_hear_each_other_on_the_link_are_told(lab):
    lb1, lb2 = start_both(lab)
    lab.cut("lb2", "eth0")
    lb2.wait_owner(VIP)
    for d in (lb1, lb2):
        assert "front" in d.wait_event("split-brain")
        wait_peer(d, split_brain=True)
    assert "split brain, both directors are Active" in lb1.ctl("status").stdout
    lab.mend("lb2", "front", "eth0")
    for d in (lb1, lb2):
        d.wait_event("split-brain-over")
        wait_peer(d, split_brain=False)


# tandemctl push

def pushed(lab):
    config = config_of(lab)
    config["pools"]["web"]["servers"]["rs3"] = {"address": "192.0.2.13"}
    return config


def running(d):
    with open(d.config_path, encoding="utf-8") as file:
        return json.load(file)


def test_a_pushed_configuration_is_in_force_on_both_the_standby_first(lab):
    lb1, lb2 = start_both(lab)
    before = running(lb2)
    os.chmod(lb2.config_path, 0o640)
    lb1.write_config(pushed(lab))
    result = lb1.ctl("push")
    assert (result.returncode, result.stdout) == (0, "lb2: in force\nlb1: in force\n"), result.stderr
    for d in (lb1, lb2):
        assert running(d) == pushed(lab) and d.status()["config"]["generation"] == 2
    assert os.stat(lb2.config_path).st_mode & 0o777 == 0o640
    with open(lb2.config_path + ".previous", encoding="utf-8") as file:
        assert json.load(file) == before
    wait_peer(lb1, config_differs=False, trouble_there="none")
    lb1.wait_event("pushed")


def test_what_this_node_refuses_is_not_pushed(lab):
    lb1, lb2 = start_both(lab)
    config = config_of(lab)
    config["virtual_routers"]["front"]["vrid"] = 0
    lb1.write_config(config)
    result = lb1.ctl("push")
    assert result.returncode == 1 and f"{lb1.config_path}:" in result.stderr and "/vrid" in result.stderr
    assert running(lb2) == config_of(lab)


def test_what_the_peer_refuses_changes_nothing_anywhere(lab):
    lb1, lb2 = start_both(lab)
    config = config_of(lab)
    config["nodes"]["lb3"] = config["nodes"].pop("lb2")
    config["virtual_routers"]["front"]["priority"]["lb3"] = config["virtual_routers"]["front"]["priority"].pop("lb2")
    lb1.write_config(config)
    result = lb1.ctl("push")
    assert result.returncode == 1
    assert f"lb2: {lb1.config_path}" in result.stderr and "/nodes" in result.stderr, result.stderr
    assert "lb2 does not take the configuration" in result.stderr
    assert lb1.status()["config"]["generation"] == 1 and lb2.status()["config"]["generation"] == 1
    assert running(lb2) == config_of(lab) and not os.path.exists(lb2.config_path + ".previous")
    lb1.wait_event("push-failed")


@pytest.mark.parametrize("complains", ["lb1", "lb2"])
def test_what_one_cannot_carry_out_is_taken_back_on_the_peer(lab, complains):
    lb1, lb2 = start_both(lab)
    lb1.write_config(pushed(lab))
    lab.played.say(complains=complains)
    result = lb1.ctl("push")
    assert result.returncode == 1 and f"{complains}: tandem-link of {complains} complains" in result.stderr
    assert running(lb2) == config_of(lab)
    assert lb2.status()["config"]["generation"] == 3
    assert lb1.status()["config"]["generation"] == (2 if complains == "lb1" else 1)
    lab.played.say(complains=None)
    result = lb1.ctl("push")
    assert result.returncode == 0, result.stderr
    assert running(lb2) == pushed(lab)
    wait_peer(lb1, config_differs=False)


def test_the_standby_that_pushes_applies_it_first(lab):
    lb1, lb2 = start_both(lab)
    wait_until(lambda: peer(lb2)["state"]["routers"]["front"]["state"] == "active", 30, "lb1's role on lb2")
    lb2.write_config(pushed(lab))
    result = lb2.ctl("push")
    assert (result.returncode, result.stdout) == (0, "lb2: in force\nlb1: in force\n"), result.stderr
    assert running(lb1) == pushed(lab)


def test_push_to_nobody_is_refused(lab):
    lb1, _ = start_both(lab)
    lab.played.say(cut=True)
    wait_peer(lb1, alive=False)
    result = lb1.ctl("push")
    assert result.returncode == 1 and "it is not heard over the link" in result.stderr


def write_part(d, name, content):
    path = os.path.join(os.path.dirname(d.config_path), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))
    return path


def parts(d):
    """{name: text} of what is below the directory of the configuration in conf.d."""
    found = {}
    base = os.path.dirname(d.config_path)
    for where, _, names in os.walk(os.path.join(base, "conf.d")):
        for name in names:
            with open(os.path.join(where, name), encoding="utf-8") as file:
                found[os.path.relpath(os.path.join(where, name), base)] = file.read()
    return found


@pytest.fixture
def with_parts(lab):
    """Both have their configuration in a directory of their own, with what it includes."""
    config = config_of(lab, include=["conf.d/*.json", "./conf.d/more/one.json"])
    del config["pools"]
    pools = {name: {"pools": {name: {"servers": {"rs": {"address": f"192.0.2.{n}"}}}}} for n, name in
             enumerate(("a", "b", "one"), 11)}
    both = []
    for name in ("lb1", "lb2"):
        d = director(lab, name, config)
        os.makedirs(os.path.join(os.path.dirname(d.config_path), f"{name}.d"))
        d.config_path = os.path.join(os.path.dirname(d.config_path), f"{name}.d", "tandem.json")
        d.write_config(config)
        write_part(d, "conf.d/a.json", pools["a"])
        write_part(d, "conf.d/b.json", pools["b"])
        write_part(d, "conf.d/more/one.json", pools["one"])
        both.append(d)
    for d in both:
        d.start()
    for d in both:
        wait_peer(d, alive=True, stream=True, trouble_here="none", trouble_there="none")
    both[0].wait_owner(VIP)
    return both


def test_a_configuration_is_pushed_with_what_it_includes(lab, with_parts):
    lb1, lb2 = with_parts
    old = parts(lb2)
    base = os.path.dirname(lb1.config_path)
    write_part(lb1, "conf.d/c.json", {"pools": {"c": {"servers": {"rs": {"address": "192.0.2.21"}}}}})
    write_part(lb1, "conf.d/more/one.json", {"pools": {"one": {"servers": {"rs": {"address": "192.0.2.22"}}}}})
    os.unlink(os.path.join(base, "conf.d/a.json"))
    new = parts(lb1)
    result = lb1.ctl("push")
    assert (result.returncode, result.stdout) == (0, "lb2: in force\nlb1: in force\n"), result.stderr
    assert {name: text.strip() for name, text in parts(lb2).items()} == {n: t.strip() for n, t in new.items()}
    assert running(lb1) == running(lb2)
    wait_peer(lb1, config_differs=False, trouble_there="none")
    with open(lb2.config_path + ".previous-set", encoding="utf-8") as file:
        kept = json.load(file)
    assert kept["conf.d/a.json"] == old["conf.d/a.json"] and kept["conf.d/c.json"] is None
    # As one it is taken back: what is new goes, what went comes back.
    write_part(lb1, "conf.d/d/x.json", "{}")
    write_part(lb1, "conf.d/e.json", {"include": "d/x.json"})
    os.unlink(os.path.join(base, "conf.d/b.json"))
    lab.played.say(complains="lb2")
    result = lb1.ctl("push")
    assert result.returncode == 1 and "lb2: tandem-link of lb2 complains" in result.stderr, result.stderr
    assert {name: text.strip() for name, text in parts(lb2).items()} == {n: t.strip() for n, t in new.items()}
    lab.played.say(complains=None)
    assert lb1.ctl("push").returncode == 0
    assert sorted(parts(lb2)) == ["conf.d/c.json", "conf.d/d/x.json", "conf.d/e.json", "conf.d/more/one.json"]


def test_errors_in_what_is_included_are_named_by_file_and_line(with_parts):
    lb1, lb2 = with_parts
    before = parts(lb2)
    config = running(lb1)
    config["nodes"]["lb3"] = config["nodes"].pop("lb2")  # lb2 alone refuses it
    config["virtual_routers"]["front"]["priority"]["lb3"] = config["virtual_routers"]["front"]["priority"].pop("lb2")
    del config["nodes"]
    lb1.write_config(config)
    path = write_part(lb1, "conf.d/nodes.json", "{\n\"nodes\": {\"lb1\": {\"link_address\": \"10.255.0.1\"},"
                      " \"lb3\": {\"link_address\": \"10.255.0.2\"}}}")
    result = lb1.ctl("push")
    assert result.returncode == 1 and f"lb2: {path}:2:" in result.stderr, result.stderr
    assert parts(lb2) == before


@pytest.mark.parametrize("damage, said", [("link", "its directory is no directory"),
                                          ("writable", "its directory can be written by others"),
                                          ("file", "it is no regular file")])
def test_no_file_is_written_elsewhere(lab, with_parts, damage, said):
    lb1, lb2 = with_parts
    base = os.path.dirname(lb2.config_path)
    elsewhere = lab.path("elsewhere")
    os.makedirs(elsewhere, exist_ok=True)
    write_part(lb1, "conf.d/a.json", {"include": "new/x.json"})
    write_part(lb1, "conf.d/new/x.json", "{}")
    where = os.path.join(base, "conf.d/new")
    if damage == "link":
        os.symlink(elsewhere, where)
    else:
        os.mkdir(where)
    if damage == "writable":
        os.chmod(where, 0o777)
    if damage == "file":
        os.symlink(os.path.join(elsewhere, "x.json"), os.path.join(where, "x.json"))
    before = running(lb2)
    result = lb1.ctl("push")
    assert result.returncode == 1 and f"conf.d/new/x.json: {said}" in result.stderr, result.stderr
    assert os.listdir(elsewhere) == [] and running(lb2) == before


def test_what_is_included_from_elsewhere_is_not_pushed(lab, with_parts):
    lb1, _ = with_parts
    path = lab.path("outside.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write("{}")
    write_part(lb1, "conf.d/a.json", {"include": path})
    result = lb1.ctl("push")
    assert result.returncode == 1
    assert f"lb1: {path}: it is not below the directory of the configuration" in result.stderr, result.stderr


def test_a_configuration_of_megabytes_is_pushed(lab, figure):
    lb1, lb2 = start_both(lab)
    config = config_of(lab)
    config["pools"] = {f"pool-{n}": {"servers": {f"server-{n}-{i}": {
        "address": f"10.{n // 250}.{n % 250}.{i + 1}", "$comment": "ä" * 5} for i in range(5)}} for n in range(10000)}
    lb1.write_config(config)
    began = time.monotonic()
    result = lb1.ctl("push")
    assert result.returncode == 0, result.stderr
    figure(f"push of {os.path.getsize(lb1.config_path) / 1e6:.1f} MB, 10,000 pools of 5 servers",
           f"{time.monotonic() - began:.1f} s")
    assert running(lb2) == config
    wait_peer(lb1, config_differs=False)
