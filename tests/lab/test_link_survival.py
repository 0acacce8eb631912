"""A thousand connections, idle and busy, over a director that joins late, one that dies, and one that comes back
with an empty kernel; in IPv4 and in IPv6, and the same with Debian's keepalived."""

import collections

import pytest

from director import Director
from observe import Holder
from pair import NAT_GATEWAY, NAT_SERVER_PORT, PORTS, SERVERS, VIP, balancing_config, build_balancing
from pair6 import FAR6, NAT_GATEWAY6, SERVERS6, VIP6, balancing_config6, build_balancing6
from peers import Keepalived
from process import wait_until
from test_balancing import all_up
from test_pair_link import make_key, wait_peer
from test_sync import synced

pytestmark = [pytest.mark.ipvs, pytest.mark.traffic]

METHODS = ("direct", "nat", "tunnel")
HELD = 167  # idle, and as many busy, by each method
TOTAL = 2 * HELD * len(METHODS)
ANSWER_MS = 40000
KINDS = {"direct": "-g", "nat": "-m", "tunnel": "-i"}

# `far`: the directors' route to the servers of the tunnels; the rest is pair.py's, or pair6.py's.
Site = collections.namedtuple("Site", "name vip servers far build config")
IPV4 = Site("IPv4", VIP, SERVERS, "route add 198.51.100.0/24 via 192.0.2.254", build_balancing, balancing_config)
IPV6 = Site("IPv6", VIP6, SERVERS6, FAR6, build_balancing6, balancing_config6)
SITES = pytest.mark.parametrize("site", [IPV4, IPV6], ids=lambda site: site.name)


class Connections:
    """Those that say nothing unless they are counted, and those that speak while directors change."""

    def __init__(self, lab, site=IPV4):
        self._lab, self._vip = lab, site.vip
        self._idle, self._busy, self._speaking = [], [], []

    def _open(self):
        holders = [Holder(self._lab["client"], self._vip, PORTS[m], HELD) for m in METHODS]
        assert all(holder.survivors(ANSWER_MS) == HELD for holder in holders)
        return holders

    def open_idle(self):
        self._idle = self._open()

    def open_busy(self):
        self._busy = self._open()

    def speak(self):
        self._speaking = [holder.exchange(ANSWER_MS) for holder in self._busy]

    def alive(self):
        for answered in self._speaking:
            answered()
        self._speaking = []
        return sum(answered() for answered in [h.exchange(ANSWER_MS) for h in self._idle + self._busy])


def config(lab, site):
    ours = site.config(METHODS)
    ours["link"] = {"interface": "eth1", "key_file": lab.key_file}
    if site is IPV6:
        ours["link"]["group"] = "ff02::81"
    ours["ready_timeout"] = "120s"
    return ours


def start(lab, site, name):
    director = Director(lab, name, config(lab, site)).start()
    all_up(director, METHODS)
    return director


def is_active(director):
    return all(director.router(name)["state"] == "active" for name in ("front", "back"))


def wait_active(director):
    wait_until(lambda: is_active(director), 60, f"{director.name} is Active in both")


def wait_complete(director):
    """What it says of itself and of the peer: nothing is missing."""
    wait_peer(director, 90, alive=True, stream=True, trouble_here="none", trouble_there="none")


def wait_synced(director, site):
    for method in METHODS:
        wait_until(lambda port=PORTS[method]: synced(director, port, site.vip) >= 2 * HELD, 60,
                   f"the connections of {method} on {director.name}", every=0.3)


def lose(lab, director):
    """The host is gone, with every cable."""
    for interface in ("eth0", "eth1", "eth2"):
        lab.cut(director.name, interface)
    director.kill_all()


def reboot(lab, site, name):
    lab.reboot(name)
    lab[name].ip(site.far)


def check(connections, figure, how):
    alive = connections.alive()
    figure(f"{how}: connections that live, {HELD} idle and {HELD} busy by each of {', '.join(METHODS)}",
           f"{alive} of {TOTAL}", f"{TOTAL}")
    assert alive == TOTAL


@SITES
def test_a_thousand_connections_there_and_back(lab, site, figure):
    site.build(lab, METHODS)
    lab.key_file = make_key(lab)
    lb1 = start(lab, site, "lb1")
    wait_active(lb1)
    connections = Connections(lab, site)
    connections.open_idle()
    lb2 = start(lab, site, "lb2")  # joins late: these it has in bulk, without a word of the clients
    wait_complete(lb2)
    connections.open_busy()  # and these as they come
    wait_synced(lb2, site)
    connections.speak()
    lose(lab, lb1)
    wait_active(lb2)
    check(connections, figure, f"{site.name}, joined late, then a dead host")
    reboot(lab, site, "lb1")
    lb1 = start(lab, site, "lb1")  # takes its role back when it knows all that there is
    connections.speak()
    wait_active(lb1)
    check(connections, figure, f"{site.name}, back after a reboot")


@SITES
def test_idle_connections_are_found_by_a_link_that_never_heard_of_them(lab, site, figure):
    """Everything of the first director is new but its kernel, and the second one's host is new altogether: all that
    there is to learn from is the kernel's own list."""
    site.build(lab, METHODS)
    lab.key_file = make_key(lab)
    lb1 = start(lab, site, "lb1")
    wait_active(lb1)
    connections = Connections(lab, site)
    connections.open_idle()
    lb1.kill_all()
    lb1.start()
    all_up(lb1, METHODS)
    wait_active(lb1)
    lb2 = start(lab, site, "lb2")
    wait_complete(lb2)
    resync = lb2.status()["peer"]["resync"]
    figure(f"{site.name}: read from the kernel's list and sent in bulk", f"{resync['records']} records in "
           f"{resync['took_us'] / 1e6:.2f} s")
    lose(lab, lb1)
    wait_active(lb2)
    alive, total = connections.alive(), HELD * len(METHODS)
    figure(f"{site.name}, known from the kernel's list alone: idle connections that live", f"{alive} of {total}",
           f"{total}")
    assert alive == total


# What keepalived shall do at a site: the addresses of its two instances, and how its sync daemon speaks. One of /128 is
# deprecated: another would be the source of what goes through the tunnels, where the servers have it themselves.
KEEPALIVED = {"IPv4": ([f"{VIP}/24"], [f"{NAT_GATEWAY}/24"], ""),
              "IPv6": (["fe80::51/64", f"{VIP6}/128"], ["fe80::52/64", f"{NAT_GATEWAY6}/128"], " group ff02::81")}


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def program(node, site):
    """The same table, by ipvsadm."""
    rules = []
    for method in METHODS:
        service = f"-t {endpoint(site.vip, PORTS[method])}"
        rules.append(f"-A {service} -s rr")
        rules += [f"-a {service} -r {endpoint(address, NAT_SERVER_PORT if method == 'nat' else PORTS[method])} "
                  f"{KINDS[method]}" for address in site.servers[method].values()]
    node.run("sh", "-c", "printf '%s\\n' \"$0\" | ipvsadm -R", "\n".join(rules))
    node.sysctl({"net.ipv4.ip_forward": 1} if site is IPV4 else {"net.ipv6.conf.all.forwarding": 1})


def keepalived(lab, site, name, priority):
    program(lab[name], site)
    front, back, group = KEEPALIVED[site.name]
    return Keepalived(lab, name, [("front", "eth0", 51, priority, *front), ("back", "eth2", 52, priority, *back)],
                      group=True, globals=[f"lvs_sync_daemon eth1 front id 51{group}"]).start()


@SITES
def test_the_same_with_keepalived(lab, site, figure):
    """A figure to compare with; nothing is asked of it but that it fails over."""
    site.build(lab, METHODS)
    lb1 = keepalived(lab, site, "lb1", 150)
    lb1.wait_owner(site.vip, 30)
    lb2 = keepalived(lab, site, "lb2", 100)
    connections = Connections(lab, site)
    connections.open_idle()
    connections.open_busy()
    wait_until(lambda: sum(synced(lb2, PORTS[m], site.vip) for m in METHODS) >= TOTAL // 2, 60, "most are synced",
               every=0.3)
    connections.speak()
    lose(lab, lb1)
    lb2.wait_owner(site.vip, 30)
    figure(f"keepalived, {site.name}, dead host: connections that live", f"{connections.alive()} of {TOTAL}")
    reboot(lab, site, "lb1")
    connections.speak()
    lb1 = keepalived(lab, site, "lb1", 150)
    lb1.wait_owner(site.vip, 30)
    lb2.wait_not_owner(site.vip, 30)
    figure(f"keepalived, {site.name}, back after a reboot: connections that live", f"{connections.alive()} of {TOTAL}")


def test_a_pair_of_tandem_and_keepalived_syncs_by_the_kernels_daemons(lab, figure):
    """Mode "kernel": for a peer of another make. What was there before it came, it does not know: nobody tells it."""
    build_balancing(lab, METHODS)
    ours = balancing_config(METHODS)
    for router in ours["virtual_routers"].values():
        router["checksum"] = "pseudo_header"
    lb1 = Director(lab, "lb1", ours).start()
    all_up(lb1, METHODS)
    wait_active(lb1)
    lb2 = keepalived(lab, IPV4, "lb2", 100)
    wait_until(lambda: "backup" in lb2.node.run("ipvsadm", "-L", "--daemon"), 30, "keepalived listens")
    connections = Connections(lab)
    connections.open_idle()
    wait_until(lambda: all(synced(lb2, PORTS[m]) >= HELD for m in METHODS), 60, "all are synced", every=0.3)
    lose(lab, lb1)
    lb2.wait_owner(VIP, 30)
    alive, total = connections.alive(), HELD * len(METHODS)
    figure("mode kernel, keepalived takes over: idle connections that live", f"{alive} of {total}", f"{total}")
    assert alive == total
