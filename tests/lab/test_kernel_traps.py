"""Where the kernel's IPVS misleads who trusts it, a test for each trap. What takes a moment that no daemon can
be made to hit is in tests/bench/ipvs_kernel_check.c, on the same kernel; the rest is the whole daemon.

Elsewhere: what the kernel has no memory for (test_kernel_memory.py); nothing is flushed by a start, a stop or
a reload (test_balancing.py); a mark of 0 is refused in the configuration (tests/conf/bad/bad-mark.json); each
property of a tunnel survives a reload that changes another (test_services.py)."""

import copy
import socket

import pytest

from director import Director
from observe import Capture, Holder
from pair import CHECK, VIP, balancing_config, build_balancing, election_config
from process import wait_until
from test_bench import built

pytestmark = pytest.mark.ipvs

HELD = 20
ALONE = {"lb1": {"eth0": ("front", "192.0.2.2/24"), "eth1": ("sync", "10.255.0.1/24")}}
POOL = {"four": {"servers": {"rs1": {"address": "192.0.2.11"}, "rs2": {"address": "192.0.2.12"}}}}


def config(services, **top):
    base = election_config("1s")
    base.update(pools=copy.deepcopy(POOL), services=services, **top)
    return base


def web(ports, **more):
    return {f"web{port}": {"listen": VIP, "port": port, "forward": "nat", "pool": "four", "scheduler": "rr",
                           **more} for port in ports}


def saved(node):
    """ipvsadm -Sn, without the blanks that vary."""
    return sorted(" ".join(line.split()) for line in node.run("ipvsadm", "-Sn").splitlines())


def expected(ports):
    return sorted([f"-A -t {VIP}:{port} -s rr" for port in ports] +
                  [f"-a -t {VIP}:{port} -r {server}:{port} -m -w 1" for port in ports
                   for server in ("192.0.2.11", "192.0.2.12")])


def reload(director, conf):
    director.write_config(conf)
    result = director.ctl("reload", "--yes")
    assert result.returncode == 0, result.stderr


def no_errors(director):
    return director.status()["ipvs"]["errors"] == []


# The module, where the moment matters

@pytest.mark.parametrize("trap", [
    "refusals_have_their_reason",
    "each_refusal_is_told",
    "sync_daemons_start_and_stop",
    "a_stop_at_once_is_noticed",
    "a_dump_torn_by_somebody_else_misses_services_and_does_no_harm",
    "a_service_deleted_while_it_is_dumped_is_not_taken_for_an_empty_one",
    "a_service_deleted_between_dump_and_apply_is_told_and_comes_back",
    "mark_0_is_told_as_what_the_kernel_made_of_it",
    "servers_are_refused_where_no_interface_is_up",
    "a_server_deleted_and_added_again_has_its_connections",
    "another_weight_leaves_the_tunnel_as_it_is",
])
def test_the_module(lab, trap):
    lab.build({"lb1": {}})
    lab["lb1"].run(built("ipvs_kernel_check"), trap)


def test_500_random_steps_come_true_and_touch_nothing_else(lab, figure):
    lab.build({"lb1": {}})
    figure("random tables on this kernel", lab["lb1"].run(built("ipvs_random_check")).strip(), "all held")


# Dumps that others tear

CHURNED = 600
FOREIGN = ["-A -t 203.0.113.9:99 -s sh", "-a -t 203.0.113.9:99 -r 192.0.2.99:99 -g -w 7"]


def add_foreign(node):
    for line in FOREIGN:
        node.run("ipvsadm", *line.split())


def test_a_table_that_others_change_all_the_time_comes_out_right(lab, figure):
    ports = range(1000, 1100)
    lab.build(ALONE)
    lb1 = Director(lab, "lb1", config(web(ports), ipvs={"drift_interval": "1s"})).start()
    add_foreign(lb1.node)
    wait_until(lambda: saved(lb1.node) == sorted(expected(ports) + FOREIGN), 20, "the table is there")
    churn = lb1.node.spawn(built("ipvs_churn"), CHURNED)
    churn.wait_line("churning", 20)
    # While nobody can see the table whole: services go, come, and go.
    for kept in (ports[:50], ports[:80], ports[:30]):
        lb1.write_config(config(web(kept), ipvs={"drift_interval": "1s"}))
        lb1.ctl("reload", "--yes")
    rounds = churn.finish()["rounds"]
    right = sorted(expected(ports[:30]) + FOREIGN)
    wait_until(lambda: saved(lb1.node) == right, 40, "the table is right", every=0.5)
    wait_until(lambda: no_errors(lb1), 60, "and nobody complains any more", every=0.5)
    figure(f"3 reloads of 100 services while somebody else adds and deletes {CHURNED}",
           f"{rounds} rounds of his; all right in the end", "all right in the end")
    assert rounds > 10
    # All of it goes by a torn picture too.
    churn = lb1.node.spawn(built("ipvs_churn"), CHURNED)
    churn.wait_line("churning", 20)
    lb1.stop()
    lb1.cleanup(everything=True)
    churn.finish()
    assert saved(lb1.node) == sorted(FOREIGN)


def test_services_that_others_delete_under_a_reload_are_there_in_the_end(lab):
    ports = range(1000, 1100)
    lab.build(ALONE)
    lb1 = Director(lab, "lb1", config(web(ports), ipvs={"drift_interval": "1s"})).start()
    clear = lb1.node.spawn("sh", "-c", "echo clearing; while :; do ipvsadm -C; done")
    clear.wait_line("clearing")
    conf = config(web(ports), ipvs={"drift_interval": "1s"})
    for weight in range(2, 7):
        conf["pools"]["four"]["servers"]["rs1"]["weight"] = weight
        lb1.reload(conf)
    clear.kill()
    right = sorted(line[:-1] + "6" if "-r 192.0.2.11:" in line else line for line in expected(ports))
    wait_until(lambda: saved(lb1.node) == right, 40, "the table is right", every=0.5)
    wait_until(lambda: no_errors(lb1), 60, "and nobody complains any more", every=0.5)


# What is not acknowledged

def daemons(node):
    return sorted(line.split()[0] for line in node.run("ipvsadm", "-L", "--daemon").splitlines() if line)


def test_sync_daemons_that_go_as_soon_as_they_came_are_no_error(lab):
    lab.build(ALONE)
    without = config(web([80]))
    without["nodes"] = {"lb1": {"link_address": "10.255.0.1"}, "lb2": {"link_address": "10.255.0.2"}}
    linked = dict(without, link={"mode": "kernel", "interface": "eth1", "sync_id": 51})
    lb1 = Director(lab, "lb1", without).start()
    for _ in range(5):
        for conf, wanted in ((linked, ["backup", "master"]), (without, [])):
            assert lb1.reload(conf).returncode == 0
            assert no_errors(lb1)
            wait_until(lambda w=wanted: daemons(lb1.node) == w, 40, f"daemons: {wanted}")
    assert no_errors(lb1)


# What the kernel takes and should not

def test_what_somebody_made_of_mark_0_is_left_to_him(lab):
    lab.build(ALONE)
    # That is what it becomes; ipvsadm wants a reason for port 0.
    lab["lb1"].run("ipvsadm", "-A", "-t", "0.0.0.0:0", "-s", "rr", "-p", "300")
    services = {"mark": {"mark": 1, "forward": "nat", "pool": "four", "scheduler": "rr"}}
    lb1 = Director(lab, "lb1", config(services)).start()
    foreign = "-A -t 0.0.0.0:0 -s rr -p 300"
    assert foreign in saved(lb1.node) and "-A -f 1 -s rr" in saved(lb1.node)
    services["mark"]["mark"] = 0
    result = lb1.reload(config(services))
    assert result.returncode == 1 and "/services/mark/mark: must be 1..4294967295" in result.stderr
    services = web([80])
    assert lb1.reload(config(services)).returncode == 0
    assert saved(lb1.node) == sorted([foreign] + expected([80]))


def test_a_drain_and_a_weight_leave_the_tunnel_as_it_is(lab):
    lab.build(ALONE)
    conf = config(web([80]))
    conf["pools"]["four"]["servers"]["rs1"].update(
        forward="tunnel", encapsulation="gue", encapsulation_port=6080, encapsulation_checksum="remote")
    lb1 = Director(lab, "lb1", conf).start()

    def server(weight):
        return [f"-a -t {VIP}:80 -r 192.0.2.11:80 -i -w {weight} --tun-type gue --tun-port 6080 --tun-remcsum"]

    def is_so(weight):
        return [line for line in saved(lb1.node) if "-r 192.0.2.11:80" in line] == server(weight)
    assert is_so(1), saved(lb1.node)
    # With no connection the drain is over before somebody can look. The first packets are sent at once; nobody answers.
    with lb1.node.entered():
        attempts = [socket.socket() for _ in range(2)]
    for attempt in attempts:
        attempt.setblocking(False)
        attempt.connect_ex((VIP, 80))
    assert "192.0.2.11:80" in lb1.node.run("ipvsadm", "-Lnc")
    for command, weight in ((("weight", "four/rs1", "9"), 9), (("drain", "four/rs1"), 0),
                            (("ready", "four/rs1"), 1)):
        assert lb1.ctl(*command).returncode == 0
        wait_until(lambda w=weight: is_so(w), 30, f"{' '.join(command)}: {server(weight)}")


# Namespaces without an address

def test_servers_refused_where_no_interface_is_up_are_named_and_come_with_it(lab, monkeypatch):
    # The monitor of addresses adds one of its own, which is all that is missing here.
    monkeypatch.setattr("director.AddressMonitor", lambda node: None)
    node = lab.add_bare("lb1")
    conf = {"nodes": {"lb1": {}}, "pools": copy.deepcopy(POOL), "services": web([80])}
    lb1 = Director(lab, "lb1", conf).start()
    errors = lb1.status()["ipvs"]["errors"]
    assert len(errors) == 1 and f"tcp {VIP}:80, server 192.0.2.11:80: add-server: " in errors[0], errors
    assert "no interface" in errors[0] and "up" in errors[0], errors
    assert saved(node) == [f"-A -t {VIP}:80 -s rr"]
    node.ip("link set lo up")
    wait_until(lambda: saved(node) == expected([80]), 40, "the servers come", every=0.2)
    wait_until(lambda: no_errors(lb1), 40, "and nobody complains any more")


# What a deletion takes along

def start_balancing(lab, conf):
    build_balancing(lab)
    lb1 = Director(lab, "lb1", conf).start()
    lb1.wait_owner(VIP, 30)
    return lb1


def direct_config():
    """Connections outlive their server: else the kernel is told to end them with it (expire_nodest_conn)."""
    conf = balancing_config(sync=False, check=dict(CHECK, initial="up", port=80))
    conf["services"]["direct"]["dead_connections"] = "keep"
    conf["pools"]["direct"]["on_failure"] = "remove"
    return conf


def test_a_server_removed_and_added_again_keeps_its_connections(lab, figure):
    conf = direct_config()
    lb1 = start_balancing(lab, conf)
    held = Holder(lab["client"], VIP, 80, HELD)
    assert held.survivors() == HELD
    without = copy.deepcopy(conf)
    del without["pools"]["direct"]["servers"]["rs2"]
    for _ in range(3):
        for each in (without, conf):
            reload(lb1, each)
    alive = held.survivors(30000)
    figure("a server removed and added again, three times: connections that live", f"{alive} of {HELD}", HELD)
    assert alive == HELD


def test_the_last_service_of_a_family_replaced_by_another_resets_no_connection(lab, figure):
    conf = direct_config()
    other = copy.deepcopy(conf)
    other["services"] = {"other": dict(conf["services"]["direct"], port=8080)}
    lb1 = start_balancing(lab, conf)
    held = Holder(lab["client"], VIP, 80, HELD)
    assert held.survivors() == HELD
    said = Capture(lab, "lb1-eth0", "tcp dst port 80 and tcp[tcpflags] & tcp-push != 0")
    # What is said in between is lost, and said again: nobody answers that there is no such connection.
    for _ in range(3):
        reload(lb1, other)
        assert [line for line in saved(lb1.node) if line.startswith("-A")] == [f"-A -t {VIP}:8080 -s rr"]
        before = len(list(said.packets()))
        alive = held.exchange(30000)
        wait_until(lambda n=before: len(list(said.packets())) >= n + HELD, 40, "each has said something")
        reload(lb1, conf)
        assert alive() == HELD
    figure("every service replaced by another and back, three times: connections that live",
           f"{HELD} of {HELD}", HELD)
    # The trap is there: with the last one go the hooks, and the host itself answers.
    lb1.kill_all()
    lb1.node.run("ipvsadm", "-C")
    lb1.node.ip(f"address replace {VIP}/24 dev eth0")
    assert held.survivors(5000) == 0
