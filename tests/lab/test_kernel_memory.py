"""The kernel has no memory for a part of the table: real ENOMEM, of IPVS itself. A module of ours refuses it to
one function of IPVS (tests/lab/nomem.c), in a virtual machine's kernel and never in this host's."""

import os
import re
import subprocess
import time

import pytest

from director import Director
from observe import Holder
from pair import SERVERS, VIP
from process import wait_until
from test_kernel_traps import ALONE, config, direct_config, no_errors, saved, start_balancing, web

pytestmark = [pytest.mark.ipvs, pytest.mark.own_kernel]

MODULE = os.path.join(os.environ["TANDEM_BUILDDIR"], "tests/lab/modules/nomem.ko")
PARAMETERS = "/sys/module/nomem/parameters"
OLD, NEW, GONE = range(1000, 1003), range(1003, 1006), 999
HELD = 20
TRIES = 4  # that get no memory, after those of the reload: each service has two


class Memory:
    """What IPVS has of it."""

    def runs_out(self, caller, allocator, left=0):
        """So many calls of `allocator` by IPVS's functions whose names begin with `caller` still get some."""
        self.is_back()
        self._set("caller", caller)
        self._set("allocator", allocator)
        self._set("left", left)

    def is_back(self):
        self._set("left", -1)

    def refused(self):
        """How many calls got none."""
        with open(f"{PARAMETERS}/refused", encoding="ascii") as file:
            return int(file.read())

    def _set(self, name, value):
        with open(f"{PARAMETERS}/{name}", "w", encoding="ascii") as file:
            file.write(str(value))


@pytest.fixture
def memory():
    assert os.path.exists(MODULE), f"{MODULE} is not built: make lab-modules"
    subprocess.run(["insmod", MODULE], check=True)
    yield Memory()
    subprocess.run(["rmmod", "nomem"], check=True)


def conf_of(services, *servers):
    """With servers rs1, rs2 and so on of these weights."""
    conf = config(services)
    conf["pools"]["four"]["servers"] = {f"rs{n}": {"address": f"192.0.2.{10 + n}", "weight": weight}
                                        for n, weight in enumerate(servers, 1)}
    return conf


def table_of(conf):
    """What saved() says when all of it is there."""
    servers = conf["pools"]["four"]["servers"].values()
    return sorted(line for s in conf["services"].values() for line in (
        f"-A -t {VIP}:{s['port']} -s {s['scheduler']}",
        *(f"-a -t {VIP}:{s['port']} -r {r['address']}:{s['port']} -m -w {r['weight']}" for r in servers)))


def named(director):
    """Port -> the server, or None for the service itself, that the status says there is no memory for."""
    found = {}
    for error in director.status()["ipvs"]["errors"]:
        match = re.fullmatch(
            rf"tcp {VIP}:(\d+)(?:, server ([\d.]+):\d+)?: (add|set)-(service|server): Cannot allocate memory", error)
        assert match, error
        assert match[1] not in found, f"{error}: the second one of that service"
        found[int(match[1])] = match[2]
    return found


def without(table, missing):
    """What is left of it: no servers are where the service is not."""
    return [line for line in table
            if not any(f" {VIP}:{port} " in line and (not server or f" -r {server}:" in line)
                       for port, server in missing.items())]


def listed(node):
    """The kernel's own list, /proc/net/ip_vs, as (service, server or None), in its order and all that is in it."""
    found, service = [], None
    for words in map(str.split, node.run("cat", "/proc/net/ip_vs").splitlines()[3:]):
        if words[0] != "->":
            service = words[1]
        found.append((service, words[1] if words[0] == "->" else None))
    return found


def goes_on(lb1, memory, missing_n, left_of):
    """So many services are named, left_of(named(lb1)) is there; they are tried again, and nothing changes.
    What is named."""
    wait_until(lambda: len(named(lb1)) == missing_n, 60, f"{missing_n} services are named", every=0.2)
    missing = named(lb1)
    wait_until(lambda: saved(lb1.node) == left_of(missing), 60, "all else is there", every=0.2)
    tries = memory.refused()
    assert tries >= missing_n
    wait_until(lambda: memory.refused() >= tries + TRIES, 90, "they are tried again", every=0.2)
    assert named(lb1) == missing
    assert saved(lb1.node) == left_of(missing)
    return missing


def goes_on_without(lb1, memory, missing_n, conf):
    """All else of it is there."""
    return goes_on(lb1, memory, missing_n, lambda missing: without(table_of(conf), missing))


def is_cured(lb1, conf):
    """How long that took, in seconds."""
    begin = time.monotonic()
    wait_until(lambda: no_errors(lb1), 90, "nobody complains any more", every=0.2)
    took = time.monotonic() - begin
    assert saved(lb1.node) == table_of(conf)
    assert len(listed(lb1.node)) == len(set(listed(lb1.node))) == len(table_of(conf)), "nothing is there twice"
    return took


@pytest.mark.parametrize("allocator", ["kmalloc_trace", "__alloc_percpu"])
def test_servers_that_get_no_memory_are_named_and_come_when_there_is_some(lab, memory, figure, allocator):
    lab.build(ALONE)
    lb1 = Director(lab, "lb1", conf_of(web([GONE, *OLD]), 1, 1)).start()
    conf = conf_of(web(OLD), 5, 1, 1)
    memory.runs_out("ip_vs_new_dest", allocator, left=1)
    lb1.reload(conf)
    missing = goes_on_without(lb1, memory, len(OLD) - 1, conf)
    assert set(missing.values()) == {"192.0.2.13"}
    memory.is_back()
    figure(f"no memory for servers ({allocator}), when there is some again: cured in", f"{is_cured(lb1, conf):.1f} s")


def test_the_servers_that_serve_stay_while_none_of_the_new_ones_gets_memory(lab, memory, figure):
    lab.build(ALONE)
    before, conf = conf_of(web(OLD), 1, 1), conf_of(web(OLD), 1, 1, 1, 1)
    lb1 = Director(lab, "lb1", before).start()
    for name in ("rs1", "rs2"):
        del conf["pools"]["four"]["servers"][name]
    memory.runs_out("ip_vs_new_dest", "kmalloc_trace")
    lb1.reload(conf)
    goes_on(lb1, memory, len(OLD), lambda _: table_of(before))
    memory.is_back()
    figure("no memory for any of the servers that replace others, when there is some again: replaced in",
           f"{is_cured(lb1, conf):.1f} s")


@pytest.mark.parametrize("caller, allocator, scheduler", [
    ("ip_vs_add_service", "kmalloc_trace", "rr"), ("ip_vs_add_service", "__alloc_percpu", "rr"),
    ("ip_vs_sh_init_svc", "kmalloc_trace", "sh")])
def test_services_that_get_no_memory_are_named_and_come_when_there_is_some(lab, memory, figure, caller, allocator,
                                                                            scheduler):
    lab.build(ALONE)
    lb1 = Director(lab, "lb1", conf_of(web([GONE, *OLD]), 1, 1)).start()
    conf = conf_of({**web(OLD), **web(NEW, scheduler=scheduler)}, 5, 1)
    memory.runs_out(caller, allocator, left=1)
    lb1.reload(conf)
    missing = goes_on_without(lb1, memory, len(NEW) - 1, conf)
    assert set(missing) < set(NEW) and set(missing.values()) == {None}
    memory.is_back()
    figure(f"no memory for services ({caller}, {allocator}), when there is some again: cured in",
           f"{is_cured(lb1, conf):.1f} s")


def with_scheduler(table, ports, scheduler):
    return sorted(re.sub(" -s .*", f" -s {scheduler}", line) if any(f"-A -t {VIP}:{port} " in line for port in ports)
                  else line for line in table)


def test_services_whose_new_scheduler_gets_no_memory_keep_the_old_one(lab, memory):
    lab.build(ALONE)
    lb1 = Director(lab, "lb1", conf_of(web(OLD), 1, 1)).start()
    conf = conf_of(web(OLD, scheduler="sh"), 5, 1)
    memory.runs_out("ip_vs_sh_init_svc", "kmalloc_trace", left=1)
    lb1.reload(conf)
    goes_on(lb1, memory, len(OLD) - 1, lambda missing: with_scheduler(table_of(conf), missing, "rr"))
    # Nobody needs memory for that; the kernel is not taken to have what it refused.
    conf = conf_of(web(OLD), 5, 1)
    lb1.reload(conf)
    is_cured(lb1, conf)


def test_services_whose_old_scheduler_gets_no_memory_either_have_none_until_there_is_some(lab, memory, figure):
    lab.build(ALONE)
    lb1 = Director(lab, "lb1", conf_of(web(OLD, scheduler="sh"), 1, 1)).start()
    conf = conf_of(web(OLD, scheduler="wrr"), 5, 1)
    memory.runs_out("ip_vs_", "kmalloc_trace")
    lb1.reload(conf)
    goes_on(lb1, memory, len(OLD), lambda missing: with_scheduler(table_of(conf), missing, "none"))
    memory.is_back()
    figure("services without a scheduler for want of memory, when there is some again: cured in",
           f"{is_cured(lb1, conf):.1f} s")


def test_a_daemon_that_starts_without_memory_has_its_services_when_there_is_some(lab, memory, figure):
    lab.build(ALONE)
    conf = conf_of(web(OLD), 1, 1)
    memory.runs_out("ip_vs_", "kmalloc_trace")
    lb1 = Director(lab, "lb1", conf).start()
    goes_on_without(lb1, memory, len(OLD), conf)
    memory.is_back()
    figure("a start without memory, when there is some again: all is there in", f"{is_cured(lb1, conf):.1f} s")


def test_connections_live_and_new_ones_are_served_while_a_server_gets_no_memory(lab, memory, figure):
    conf, both = direct_config(), direct_config()
    del conf["pools"]["direct"]["servers"]["rs2"]
    lb1 = start_balancing(lab, conf)
    held = Holder(lab["client"], VIP, 80, HELD)
    assert held.survivors() == HELD
    memory.runs_out("ip_vs_new_dest", "kmalloc_trace")
    lb1.reload(both)
    wait_until(lambda: named(lb1) == {80: SERVERS["direct"]["rs2"]}, 60, "it is named", every=0.2)
    more = Holder(lab["client"], VIP, 80, HELD)
    assert more.survivors(30000) == HELD
    memory.is_back()
    wait_until(lambda: no_errors(lb1), 90, "nobody complains any more", every=0.2)
    assert f"-a -t {VIP}:80 -r {SERVERS['direct']['rs2']}:80 -g -w 1" in saved(lb1.node)
    alive = held.survivors(30000) + more.survivors(30000)
    figure("a server without memory, and with some again: connections to the other that live",
           f"{alive} of {2 * HELD}", 2 * HELD)
    assert alive == 2 * HELD

