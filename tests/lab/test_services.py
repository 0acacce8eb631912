"""Every kind of service that the configuration can say, as the kernel has it then."""

import json
import re

import pytest

from director import Director
from pair import VIP, election_config
from process import wait_until

pytestmark = pytest.mark.ipvs

ALONE = {"lb1": {"eth0": ("front", "192.0.2.2/24")}}
VIP6 = "2001:db8::100"
# What Debian's kernel has; "twos" is in newer ones only.
SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf")

POOLS = {
    "four": {"servers": {"rs1": {"address": "192.0.2.11"}, "rs2": {"address": "192.0.2.12", "weight": 3}}},
    "six": {"servers": {"rs1": {"address": "2001:db8::11"}, "rs2": {"address": "2001:db8::12"}}},
    "limited": {"servers": {"rs1": {"address": "192.0.2.13", "upper_threshold": 100, "lower_threshold": 80}}},
    "mixed": {"servers": {
        "by-nat": {"address": "192.0.2.14", "port": 8080},
        "by-direct": {"address": "192.0.2.15", "forward": "direct"},
        "by-gue": {"address": "192.0.2.16", "forward": "tunnel", "encapsulation": "gue",
                   "encapsulation_port": 6080, "encapsulation_checksum": "remote"},
        "by-gre": {"address": "192.0.2.17", "forward": "tunnel", "encapsulation": "gre",
                   "encapsulation_checksum": "full"}}},
    "either": {"servers": {"rs4": {"address": "192.0.2.18"}, "rs6": {"address": "2001:db8::18"}}},
}


def thresholds(director, server):
    """What `ipvsadm -S` leaves out: the upper and the lower one."""
    lines = director.node.run("ipvsadm", "-Ln", "--thresholds").splitlines()
    return next(tuple(map(int, line.split()[2:4])) for line in lines if f"-> {server}" in line)


def config(services, pools=None, **top):
    base = election_config("1s")
    base["nodes"] = {"lb1": {}, "lb2": {}}
    base["pools"] = POOLS if pools is None else pools
    base["services"] = services
    base.update(top)
    return base


def saved(director):
    """ipvsadm -Sn, without the exclamation marks and blanks that vary."""
    return sorted(" ".join(line.split()) for line in director.node.run("ipvsadm", "-Sn").splitlines())


def start(lab, services, **top):
    lab.build(ALONE)
    lb1 = Director(lab, "lb1", config(services, **top))
    lb1.start()
    return lb1


def test_every_scheduler_of_the_kernel_by_name_and_with_its_flags(lab, figure):
    services = {name: {"listen": VIP, "port": 1000 + i, "scheduler": name, "forward": "nat", "pool": "four"}
                for i, name in enumerate(SCHEDULERS)}
    services["sh"]["scheduler_flags"] = ["sh-fallback", "sh-port"]
    services["mh"]["scheduler_flags"] = ["mh-port"]
    lb1 = start(lab, services)
    lines = saved(lb1)
    for i, name in enumerate(SCHEDULERS):
        flags = {"sh": " -b sh-fallback,sh-port", "mh": " -b mh-port"}.get(name, "")
        assert f"-A -t {VIP}:{1000 + i} -s {name}{flags}" in lines
    figure("schedulers programmed", f"{len(SCHEDULERS)}: {', '.join(SCHEDULERS)}")
    assert lb1.status()["ipvs"]["errors"] == []


def test_a_scheduler_that_the_kernel_has_not_is_named_and_the_rest_is_programmed(lab):
    services = {"good": {"listen": VIP, "port": 80, "forward": "nat", "pool": "four"},
                "bad": {"listen": VIP, "port": 81, "scheduler": "rrr", "forward": "nat", "pool": "four"}}
    lb1 = start(lab, services)
    wait_until(lambda: len(saved(lb1)) == 3, 40, "the good service is there")
    errors = lb1.status()["ipvs"]["errors"]
    assert [e for e in errors if f"tcp {VIP}:81" in e and '"rrr"' in e], errors
    services["bad"]["scheduler"] = "rr"
    assert lb1.reload(config(services)).returncode == 0
    assert len(saved(lb1)) == 6 and lb1.status()["ipvs"]["errors"] == []


def test_lists_and_ranges_of_addresses_and_ports(lab):
    lb1 = start(lab, {
        "many": {"listen": ["192.0.2.100-192.0.2.102", "192.0.2.110"], "port": [80, "8000-8001"],
                 "protocol": "udp", "forward": "nat", "pool": "four"},
        "six": {"listen": f"{VIP6}-2001:db8::101", "port": 80, "forward": "nat", "pool": "six"}})
    lines = saved(lb1)
    for host in (100, 101, 102, 110):
        for port in (80, 8000, 8001):
            assert f"-A -u 192.0.2.{host}:{port} -s wlc" in lines
            assert f"-a -u 192.0.2.{host}:{port} -r 192.0.2.11:{port} -m -w 1" in lines
    assert f"-A -t [{VIP6}]:80 -s wlc" in lines and "-A -t [2001:db8::101]:80 -s wlc" in lines
    assert "-a -t [2001:db8::101]:80 -r [2001:db8::12]:80 -m -w 1" in lines
    assert len(lines) == 4 * 3 * 3 + 2 * 3


def test_persistence_with_its_netmask_and_engine_one_packet_and_every_port(lab):
    lb1 = start(lab, {
        "net": {"listen": VIP, "port": 80, "forward": "nat", "pool": "four", "persistence": "5m",
                "persistence_netmask": 24},
        "net6": {"listen": VIP6, "port": 80, "forward": "nat", "pool": "six", "persistence": "5m",
                 "persistence_netmask": 64},
        "sip": {"listen": VIP, "port": 5060, "protocol": "udp", "forward": "nat", "pool": "four",
                "persistence": "1m", "persistence_engine": "sip", "one_packet": True},
        "all": {"listen": VIP, "port": 0, "forward": "direct", "pool": "four", "persistence": "1h"}})
    lines = saved(lb1)
    assert f"-A -t {VIP}:80 -s wlc -p 300 -M 255.255.255.0" in lines
    assert f"-A -t [{VIP6}]:80 -s wlc -p 300 -M 64" in lines
    assert f"-A -u {VIP}:5060 -s wlc -p 60 --pe sip -o" in lines
    assert f"-A -t {VIP}:0 -s wlc -p 3600" in lines
    assert f"-a -t {VIP}:0 -r 192.0.2.11:0 -g -w 1" in lines


def test_sctp_firewall_marks_thresholds_and_each_servers_own_forwarding(lab):
    lb1 = start(lab, {
        "sctp": {"listen": VIP, "port": 2905, "protocol": "sctp", "forward": "nat", "pool": "four"},
        "mark": {"mark": 7, "forward": "direct", "pool": "limited"},
        "mark6": {"mark": 7, "family": "ipv6", "forward": "direct", "pool": "six"},
        "mixed": {"listen": VIP, "port": 80, "forward": "nat", "pool": "mixed"},
        "either": {"listen": VIP, "port": 81, "forward": "tunnel", "pool": "either"}})
    lines = saved(lb1)
    assert f"-A --sctp-service {VIP}:2905 -s wlc" in lines
    assert "-A -f 7 -s wlc" in lines and "-A -f 7 -6 -s wlc" in lines
    assert "-a -f 7 -r 192.0.2.13:0 -g -w 1" in lines
    assert thresholds(lb1, "192.0.2.13:0") == (100, 80)
    assert f"-a -t {VIP}:80 -r 192.0.2.14:8080 -m -w 1" in lines
    assert f"-a -t {VIP}:80 -r 192.0.2.15:80 -g -w 1" in lines
    gue, gre = ([line for line in lines if f"-r 192.0.2.{host}:80 -i" in line][0] for host in (16, 17))
    assert "--tun-type gue --tun-port 6080 --tun-remcsum" in gue
    assert "--tun-type gre --tun-csum" in gre
    assert [line for line in lines if line.startswith(f"-a -t {VIP}:81 -r [2001:db8::18]:81 -i")]
    applied = lb1.status()["ipvs"]["operations_total"]
    assert lb1.reload().returncode == 0
    assert lb1.status()["ipvs"]["operations_total"] == applied, "all of it is read back as it was written"


def test_a_changed_tunnel_and_threshold_are_written_and_the_rest_left_alone(lab):
    services = {"mixed": {"listen": VIP, "port": 80, "forward": "nat", "pool": "mixed"},
                "mark": {"mark": 7, "forward": "direct", "pool": "limited"}}
    lb1 = start(lab, services)
    applied = lb1.status()["ipvs"]["operations_total"]
    pools = {name: {"servers": {n: dict(s) for n, s in pool["servers"].items()}}
             for name, pool in POOLS.items()}
    pools["mixed"]["servers"]["by-gue"]["weight"] = 5
    pools["limited"]["servers"]["rs1"]["upper_threshold"] = 200
    assert lb1.reload(config(services, pools)).returncode == 0
    assert lb1.status()["ipvs"]["operations_total"] == applied + 2
    lines = saved(lb1)
    # The kernel forgets a tunnel that a change does not repeat.
    assert [line for line in lines if re.search(r"192.0.2.16:80 -i -w 5 --tun-type gue --tun-port 6080", line)]
    assert thresholds(lb1, "192.0.2.13:0") == (200, 80)


def web(count):
    return {f"web{i}": {"listen": VIP, "port": 80 + i, "forward": "nat", "pool": "four"} for i in range(count)}


def test_timeouts_are_set_mended_and_put_back(lab):
    def timeouts():
        return lb1.node.run("ipvsadm", "-L", "--timeout").split(":")[1].split()

    lb1 = start(lab, web(1), ipvs={"timeouts": {"tcp": "10m", "udp": "1m"}, "drift_interval": "1s"})
    assert timeouts() == ["600", "120", "60"]
    lb1.node.run("ipvsadm", "--set", "700", "121", "61")
    wait_until(lambda: timeouts() == ["600", "120", "60"], 40, "the timeouts are mended", every=0.2)
    assert lb1.reload(config(web(1))).returncode == 0
    assert timeouts() == ["900", "120", "300"]


def test_a_plan_says_what_a_reload_then_does(lab):
    lb1 = start(lab, web(2))
    before, applied = saved(lb1), lb1.status()["ipvs"]["operations_total"]
    result = lb1.ctl("plan")
    assert (result.returncode, result.stdout) == (0, "nothing would change\n"), result.stderr
    services = dict(web(3), web0=dict(web(1)["web0"], scheduler="rr", persistence="1m"))
    del services["web1"]
    lb1.write_config(config(services, virtual_routers={"front": dict(
        election_config("1s")["virtual_routers"]["front"], addresses=[f"{VIP}/24", "192.0.2.101/24"])}))
    result = lb1.ctl("plan")
    assert result.returncode == 2, result.stderr
    for word in ("192.0.2.101/24", f"tcp {VIP}:80", f"tcp {VIP}:81", f"tcp {VIP}:82"):
        assert word in result.stdout
    plan = json.loads(lb1.ctl("--json", "plan").stdout)
    assert plan["changes"] and plan["counts"]["operations"] == 5, "set one, delete one, add one with two servers"
    assert saved(lb1) == before and lb1.status()["ipvs"]["operations_total"] == applied
    # Of a file that is not the director's own, and of one that is none.
    for text, status in ((json.dumps(config(web(2))), 0), ('{"nodes": {}}', 1)):
        path = lab.path("other.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        result = lb1.ctl("plan", path)
        assert result.returncode == status, result.stdout + result.stderr
        assert status == 0 or "other.json:1:" in result.stderr
    assert lb1.reload().returncode == 0
    assert lb1.status()["ipvs"]["operations_total"] == applied + 5
    assert lb1.ctl("plan").returncode == 0


def test_a_reload_that_deletes_too_much_needs_a_yes(lab):
    lb1 = start(lab, web(30))
    before = saved(lb1)
    lb1.write_config(config(web(5)))
    result = lb1.ctl("reload")
    assert result.returncode == 1 and "max_delete" in result.stderr, result.stderr
    assert saved(lb1) == before and lb1.status()["config"]["generation"] == 1
    assert "max_delete" in lb1.ctl("plan").stdout
    assert lb1.ctl("reload", "--yes").returncode == 0
    assert len(saved(lb1)) == 15


def test_the_whole_table_can_be_ours(lab):
    lb1 = start(lab, web(1), ipvs={"drift_interval": "1s"})
    lb1.node.run("ipvsadm", "-A", "-t", "192.0.2.200:99", "-s", "sh")
    assert lb1.ctl("repair").returncode == 0
    assert any("192.0.2.200:99" in line for line in saved(lb1)), "somebody else's"
    assert lb1.reload(config(web(1), ipvs={"owned": "table", "drift_interval": "1s"})).returncode == 0
    assert not any("192.0.2.200:99" in line for line in saved(lb1))
    lb1.node.run("ipvsadm", "-A", "-f", "9", "-s", "sh")
    wait_until(lambda: not any("-f 9" in line for line in saved(lb1)), 40, "a foreign mark is deleted")


def test_a_reload_is_followed_by_a_look(lab):
    """It sends what changes, from what it knows; what somebody else did meanwhile is mended right after."""
    rare = {"drift_interval": "1h"}
    lb1 = start(lab, web(3), ipvs=rare)
    lb1.node.run("ipvsadm", "-d", "-t", f"{VIP}:81", "-r", "192.0.2.12:81")
    # Somebody's, which the configuration is about to want: asked for by its name.
    lb1.node.run("ipvsadm", "-A", "-t", f"{VIP}:83", "-s", "sh")
    before = lb1.status()["ipvs"]["operations_total"]
    assert lb1.reload(config(web(4), ipvs=rare)).returncode == 0
    assert lb1.wait_event("ipvs-drift", 40)
    wait_until(lambda: lb1.status()["ipvs"]["drift_total"] == 1, 20, "the server is back")
    right = saved(lb1)
    assert len([line for line in right if line.startswith("-A")]) == 4
    assert len(right) == 4 + len(web(4)) * 2, right
    assert not any(f"{VIP}:83 -s sh" in line for line in right)
    assert lb1.status()["ipvs"]["operations_total"] == before + 3 + 1
    assert lb1.ctl("repair").stdout.split()[0] == "0"


def test_a_foreign_change_is_mended_on_demand(lab):
    lb1 = start(lab, web(3), ipvs={"drift_interval": "0"})
    right = saved(lb1)
    for damage in (["-e", "-t", f"{VIP}:80", "-r", "192.0.2.11:80", "-m", "-w", "9"],
                   ["-d", "-t", f"{VIP}:81", "-r", "192.0.2.12:81"], ["-C"]):
        lb1.node.run("ipvsadm", *damage)
        assert saved(lb1) != right
        result = lb1.ctl("repair")
        assert result.returncode == 0, result.stderr
        assert saved(lb1) == right
    assert lb1.status()["ipvs"]["drift_total"] == 1 + 1 + 9
