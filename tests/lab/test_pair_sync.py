"""Connections over the real link, on a kernel with IPVS: what one director knows the other knows, however
late it came and whatever happened to its table."""

import json

import pytest

import test_fullnat
from director import Director
from observe import Holder
from pair import (PORTS, SERVERS, VIP, balancing_config, build_balancing, start_pair)
from process import wait_until
from test_balancing import all_up
from test_pair_link import make_key, wait_peer
from test_sync import daemons, synced

pytestmark = pytest.mark.ipvs

HELD = 50
METHODS = ("direct", "nat")


def tandem_config(lab, **top):
    config = balancing_config(METHODS, **top)
    config["link"] = {"interface": "eth1", "key_file": lab.key_file}
    config["ready_timeout"] = "60s"
    return config


@pytest.fixture
def pair(lab):
    build_balancing(lab, METHODS)
    lab.key_file = make_key(lab)
    lb1, lb2 = start_pair(lab, tandem_config(lab))
    for director in (lb1, lb2):
        all_up(director, METHODS)
        wait_peer(director, 30, alive=True, stream=True, trouble_here="none", trouble_there="none")
    return lb1, lb2


def hold(lab):
    holders = {m: Holder(lab["client"], VIP, PORTS[m], HELD) for m in METHODS}
    for holder in holders.values():
        assert holder.survivors() == HELD
    return holders


def wait_synced(director):
    for method in METHODS:
        wait_until(lambda port=PORTS[method]: synced(director, port) >= HELD, 30,
                   f"{HELD} connections of {method} on {director.name}", every=0.2)


def check(holders, figure, how):
    for method, holder in holders.items():
        alive = holder.survivors(30000)
        figure(f"{method}: established connections that survive ({how})", f"{alive} of {HELD}", f"{HELD} of {HELD}")
        assert alive == HELD


def take_over(lab, lb1, lb2):
    for interface in ("eth0", "eth1", "eth2"):
        lab.cut("lb1", interface)
    lb1.kill_all()
    lb2.wait_owner(VIP)
    wait_until(lambda: lb2.router("back")["state"] == "active", 40, "lb2 has the gateway too")


def test_the_daemons_speak_behind_the_device_and_nothing_else_is_on_the_wire(lab, pair):
    for director in pair:
        assert daemons(director) == {"master": "tandem-sync", "backup": "tandem-sync"}
        sync = director.status()["sync"]
        assert (sync["mode"], sync["interface"], sync["master"], sync["backup"]) == \
            ("tandem", "tandem-sync", True, True)
        assert director.node.read_sysctl("net.ipv4.vs.sync_threshold") == "0\t0"
        assert director.node.read_sysctl("net.ipv4.vs.sync_sock_size") == "16777216"


@pytest.mark.traffic
def test_connections_survive_a_dead_director_and_the_way_back(lab, pair, figure):
    lb1, lb2 = pair
    holders = hold(lab)
    wait_synced(lb2)
    take_over(lab, lb1, lb2)
    check(holders, figure, "dead host")
    # The first director is rebooted: its kernel knows nothing.
    lb1.node.run("ipvsadm", "-C")
    for interface, network in (("eth0", "front"), ("eth1", "sync"), ("eth2", "back")):
        lab.mend("lb1", network, interface)
    lb1.cleanup(everything=True)
    lb1.start()
    wait_peer(lb1, 60, alive=True, stream=True, trouble_here="none", trouble_there="none")
    lb1.wait_owner(VIP, 30)
    wait_until(lambda: lb1.router("back")["state"] == "active", 20, "lb1 has the gateway too")
    check(holders, figure, "and back")


@pytest.mark.traffic
def test_a_director_that_joins_late_knows_every_connection(lab, figure):
    build_balancing(lab, METHODS)
    lab.key_file = make_key(lab)
    lb1 = start_pair_first(lab)
    holders = hold(lab)
    # The kernel says it when its buffer is full, or after two seconds.
    wait_until(lambda: lb1.status()["sync"]["shadow"]["entries"] >= HELD * len(METHODS), 30,
               "lb1's link has heard of all")
    lb2 = Director(lab, "lb2", tandem_config(lab)).start()
    wait_peer(lb2, 60, alive=True, stream=True, trouble_here="none")
    resync = lb2.status()["peer"]["resync"]
    figure("bulk resync", f"{resync['records']} records in {resync['took_us'] / 1e6:.3f} s")
    assert resync["records"] >= HELD * len(METHODS)
    wait_synced(lb2)
    take_over(lab, lb1, lb2)
    check(holders, figure, "joined late")


def start_pair_first(lab):
    lb1 = Director(lab, "lb1", tandem_config(lab)).start()
    lb1.wait_owner(VIP, 30)
    all_up(lb1, METHODS)
    return lb1


def test_a_standby_whose_table_was_wiped_gets_it_again(lab, pair, figure):
    lb1, lb2 = pair
    holders = hold(lab)
    wait_synced(lb2)
    lb2.kill_all()
    lb2.node.run("ipvsadm", "-C")
    lb2.cleanup(everything=True)
    lb2.start()
    all_up(lb2, METHODS)
    wait_peer(lb2, 60, alive=True, stream=True, trouble_here="none")
    wait_synced(lb2)
    take_over(lab, lb1, lb2)
    check(holders, figure, "table wiped")


def test_connections_by_firewall_mark_have_their_mark_after_a_cold_start(lab, figure):
    """The kernel's list of connections, all that a new process has, does not say it; without it the standby's kernel
    finds no server for them."""
    build_balancing(lab, ("direct",))
    lab.key_file = make_key(lab)
    config = balancing_config(("direct",))
    config["link"] = {"interface": "eth1", "key_file": lab.key_file}
    config["ready_timeout"] = "60s"
    config["services"]["direct"]["mark"] = "auto"
    lb1 = Director(lab, "lb1", config).start()
    all_up(lb1, ("direct",))
    lb1.wait_owner(VIP, 30)
    holder = Holder(lab["client"], VIP, PORTS["direct"], HELD)
    assert holder.survivors() == HELD
    lb1.kill_all()
    lb1.start()
    all_up(lb1, ("direct",))
    lb1.wait_owner(VIP, 30)
    lb2 = Director(lab, "lb2", config).start()
    all_up(lb2, ("direct",))
    wait_peer(lb2, 60, alive=True, stream=True, trouble_here="none", trouble_there="none")
    for interface in ("eth0", "eth1"):
        lab.cut("lb1", interface)
    lb1.kill_all()
    lb2.wait_owner(VIP, 30)
    alive = holder.survivors(30000)
    figure("by firewall mark, known from the kernel's list alone: connections that survive", f"{alive} of {HELD}",
           f"{HELD} of {HELD}")
    assert alive == HELD


def test_coverage_is_told_and_a_switchover_compares_first(lab, pair):
    lb1, lb2 = pair
    hold(lab)
    wait_synced(lb2)
    result = lb1.ctl("switchover")
    assert result.returncode == 0, result.stderr
    coverage = lb1.status()["peer"]["coverage"]
    assert coverage["percent"] == 100 and coverage["own"] >= HELD * len(METHODS)
    assert "coverage 100.00 %" in lb1.ctl("status").stdout
    lb2.wait_owner(VIP)


def test_a_drain_shows_and_waits_for_the_connections_of_both(lab, pair):
    lb1, lb2 = pair
    for director in pair:
        director.node.run("ipvsadm", "--set", "900", "2", "300")
    holder = Holder(lab["client"], VIP, PORTS["direct"], HELD)
    wait_until(lambda: synced(lb2, PORTS["direct"]) >= HELD, 30, "lb2 has copies", every=0.2)
    server = next(iter(SERVERS["direct"]))

    def shown(director):
        return json.loads(director.ctl("server", f"direct/{server}", "--json").stdout)
    assert lb2.ctl("drain", f"direct/{server}").returncode == 0  # on the one that serves nobody
    for director, other in ((lb1, lb2), (lb2, lb1)):
        wait_until(lambda d=director: shown(d).get("peer"), 40, "the other one has counted", every=0.3)
        said = shown(director)
        assert said["drain"] == "draining" and said["active"] + said["inactive"] > 0
        assert said["peer"]["name"] == other.name
        wait_until(lambda d=director: (s := shown(d))["peer"]["active"] + s["peer"]["inactive"] ==
                   s["active"] + s["inactive"], 15, "both count the same, once", every=0.3)
        assert f"({other.name}: " in director.ctl("server", f"direct/{server}").stdout
    holder.close()
    for director in pair:
        wait_until(lambda d=director: shown(d)["drain"] == "drained", 90, "drained", every=0.5)
        assert shown(director)["active"] + shown(director)["inactive"] == 0


def translations(director):
    """{client and its port: all that the kernel tracks of the connection}, of established ones."""
    found = {}
    for line in test_fullnat.tracked(director, VIP, test_fullnat.VIP6):
        words = [w for w in line.split() if "=" in w]
        if "ESTABLISHED" in line and not line.startswith("unknown"):
            tuples = tuple(w for w in words if w.split("=")[0] in ("src", "dst", "sport", "dport"))
            found[tuples[0], tuples[2]] = tuples
    return found


def all_translations(director, count):
    """One reading of /proc misses some when others come and go meanwhile; together they have them all."""
    found = {}

    def look():
        found.update(translations(director))
        return len(found) >= count
    wait_until(look, 40, f"{count} are tracked on {director.name}, not {len(found)}", every=0.2)
    return found


@pytest.mark.traffic
def test_connections_by_fullnat_are_translated_alike_on_both(lab, figure):
    test_fullnat.build(lab)
    lab.key_file = make_key(lab)
    config = test_fullnat.config(link={"interface": "eth1", "key_file": lab.key_file}, ready_timeout="60s")
    lb1 = Director(lab, "lb1", config).start()
    lb1.wait_owner(VIP, 30)
    test_fullnat.wait_up(lb1)
    held = {f: Holder(lab["client"], test_fullnat.LISTEN[f], test_fullnat.PORT, HELD) for f in (4, 6)}
    assert all(holder.survivors(30000) == HELD for holder in held.values())
    lb2 = Director(lab, "lb2", config).start()  # joins late: everything in bulk
    test_fullnat.wait_up(lb2)
    wait_peer(lb2, 60, alive=True, stream=True, trouble_here="none")
    late = {f: Holder(lab["client"], test_fullnat.LISTEN[f], test_fullnat.PORT, HELD) for f in (4, 6)}
    assert all(holder.survivors(30000) == HELD for holder in late.values())
    assert all_translations(lb1, 4 * HELD) == all_translations(lb2, 4 * HELD)
    counts = lb2.status()["peer"]["tracked"]
    figure("fullnat: entries made on the standby", f"{counts['created']} made, {counts['renewed']} renewed, "
           f"{counts['refused']} refused")
    assert counts["refused"] == 0 and lb1.status()["peer"]["tracked"]["sent_again"] == 0
    assert lb1.status()["peer"]["tracked"]["sent"] >= 4 * HELD
    for f in (4, 6):
        wait_until(lambda f=f: test_fullnat.synced(lb2, test_fullnat.LISTEN[f]) >= 2 * HELD, 40, "and in IPVS", every=0.3)
    for interface in ("eth0", "eth1"):
        lab.cut("lb1", interface)
    lb1.kill_all()
    lb2.wait_owner(VIP)
    for kind, holders in (("bulk", held), ("live", late)):
        for f, holder in holders.items():
            alive = holder.survivors(30000)
            figure(f"fullnat, IPv{f}, {kind}: established connections that survive", f"{alive} of {HELD}")
            assert alive == HELD


def test_translations_agree_when_bulk_and_live_overtake_each_other(lab, figure):
    """A link that loses and reorders, and connections that come and go while everything is told again."""
    test_fullnat.build(lab)
    lab.key_file = make_key(lab)
    config = test_fullnat.config(link={"interface": "eth1", "key_file": lab.key_file}, ready_timeout="60s")
    lb1, lb2 = (Director(lab, name, config).start() for name in ("lb1", "lb2"))
    lb1.wait_owner(VIP, 30)
    for director in (lb1, lb2):
        test_fullnat.wait_up(director)
        wait_peer(director, 60, alive=True, stream=True, trouble_here="none")
    for director in (lb1, lb2):
        director.node.run("tc", "qdisc", "add", "dev", "eth1", "root", "netem", "delay", "20ms", "15ms", "loss", "5%")
    kept = []
    for _ in range(6):
        gone = Holder(lab["client"], test_fullnat.LISTEN[4], test_fullnat.PORT, HELD)
        assert lb2.ctl("resync").returncode == 0
        kept.append(Holder(lab["client"], test_fullnat.LISTEN[4], test_fullnat.PORT, HELD))
        gone.close()
    assert all(holder.survivors(30000) == HELD for holder in kept)
    both = all_translations(lb1, 6 * HELD)
    found = {}

    def same():  # one reading misses some
        found.update(translations(lb2))
        return {k: found.get(k) for k in both} == both
    wait_until(same, 60, "both track the same", every=0.3)
    counts = lb2.status()["peer"]["tracked"]
    figure("fullnat: entries that were overtaken on a link that reorders", f"{counts['stale']} of {counts['received']}")
    assert counts["refused"] == 0
    for interface in ("eth0", "eth1"):
        lab.cut("lb1", interface)
    lb1.kill_all()
    lb2.wait_owner(VIP)
    alive = sum(holder.survivors(30000) for holder in kept)
    figure("fullnat, link that reorders: established connections that survive", f"{alive} of {6 * HELD}")
    assert alive == 6 * HELD
