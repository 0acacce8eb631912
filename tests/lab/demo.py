"""The main job, told as it happens: two directors pair up, elect, balance, lose a real server, lose the
active director, and the client goes on. Ends with 0 only if all of it held. `tools/demo` starts it."""

import os
import platform
import re
import subprocess
import sys
import time

from observe import Holder, Load, Probe, start_server
from pair import (NAT_GATEWAY, PORTS, SERVERS, VIP, active_down_s, balancing_config,
                  build_balancing, start_pair)
from process import wait_until
from topology import Lab

METHODS = {"direct": "DR", "nat": "NAT", "tunnel": "TUN"}
BLOCKS, BLOCK = 750, b"".join(b"%c" % (97 + i % 26) for i in range(999)) + b"\n"
ADVERT = "1s"


class Story:
    """What is said, when it happened, and whether it held."""

    def __init__(self):
        self._started = time.monotonic()
        self._failed = 0

    def tell(self, text):
        print(f"{time.monotonic() - self._started:6.1f} s  {text}", flush=True)

    def detail(self, text):
        print(f"{'':10}{text}", flush=True)

    def check(self, held, text):
        self._failed += not held
        self.tell(("" if held else "DID NOT HOLD: ") + text)

    def end(self):
        print()
        print("All of it held." if not self._failed else f"{self._failed} did not hold.", flush=True)
        return 1 if self._failed else 0


def fetch(lab, method):
    """What 20 requests of the client through a service came to."""
    return Load(lab["client"], VIP, PORTS[method], 20, 1).result(60)


def by_server(result):
    return ", ".join(f"{n} from {name}" for name, n in sorted(result["servers"].items()))


def weights(director, method):
    return {name: weight for name, (weight, _) in director.server_states(method).items()}


def pair_up(story, lab):
    story.tell("lb1 and lb2 start, with the same file: "
               "2 virtual routers, 3 services, 6 real servers checked by TCP")
    lb1, lb2 = start_pair(lab, balancing_config(tuple(METHODS), advert=ADVERT))
    roles = {d.name: (d.router()["state"], d.router()["priority"]) for d in (lb1, lb2)}
    story.check(roles == {"lb1": ("active", 150), "lb2": ("backup", 100)},
                f"elected: lb1 is {roles['lb1'][0]} with priority {roles['lb1'][1]}, lb2 "
                f"{roles['lb2'][0]} with {roles['lb2'][1]}; {VIP} and {NAT_GATEWAY} are on lb1")
    return lb1, lb2


def program(story, lb1, lb2):
    for director in (lb1, lb2):
        for method in METHODS:
            wait_until(lambda d=director, m=method: set(weights(d, m).values()) == {1}, 60,
                       f"{director.name} has every server of {method} up", every=0.2)
    # Which connections there are differs, the table must not.
    tables = [d.node.run("ipvsadm", "-Sn") for d in (lb1, lb2)]
    story.check(tables[0] == tables[1] and tables[0].count("-A ") == 3 and tables[0].count("-a ") == 6,
                "IPVS is programmed on both, from the same plan:")
    for line in tables[0].splitlines():
        service = re.match(r"-A -t (\S+) -s (\S+)", line)
        server = re.match(r"-a -t \S+ -r (\S+) -(\S) -w (\d+)", line)
        if service:
            story.detail(f"tcp {service[1]} by {service[2]}")
        elif server:
            method = {"g": "DR", "m": "NAT", "i": "TUN"}[server[2]]
            story.detail(f"    {server[1]} by {method}, weight {server[3]}")
    sync = [d.status()["sync"] for d in (lb1, lb2)]
    story.check(all(s["master"] and s["backup"] for s in sync),
                "connection sync runs both ways over eth1")


def serve(story, lab):
    for method, name in METHODS.items():
        result = fetch(lab, method)
        story.check(not result["failures"] and set(result["servers"]) == set(SERVERS[method]),
                    f"the client asks http://{VIP}:{PORTS[method]}/ 20 times, by {name}: "
                    + by_server(result))


def lose_server(story, lab, lb1, servers):
    load = Load(lab["client"], VIP, PORTS["direct"], 50, 600)
    killed = time.time()
    servers["rs1"].kill()
    story.tell("real server rs1 is killed, while the client asks 50 times a second by DR")
    wait_until(lambda: weights(lb1, "direct") == {"rs1": 0, "rs2": 1}, 60, "rs1 is out", every=0.05)
    noticed = time.time()
    reason = lb1.events("server-down")[-1].split(" is down: ")[1].split(" TANDEM_")[0]
    wait_until(lambda: time.time() > noticed + 2, 5, "two more seconds of requests")
    result = load.finish()
    late = [f for f in result["failures"] if result["started_us"] / 1e6 + f[0] / 1e6 > noticed]
    story.check(not late and len(result["failures"]) <= 50 * (noticed - killed) / 2 + 5,
                f"out after {noticed - killed:.1f} s (\"{reason}\"): {len(result['failures'])} of "
                f"{result['sent']} requests were lost with it, none after that")
    servers["rs1"] = start_server(lab["rs1"], "rs1", PORTS["direct"])
    wait_until(lambda: weights(lb1, "direct") == {"rs1": 1, "rs2": 1}, 60, "rs1 is back", every=0.05)
    story.tell("rs1 is started again, and is back in the table")


def open_ports(client):
    """The client's own ports of the connections that it has to the virtual address."""
    lines = client.run("ss", "-Htn", "state", "established", "dst", VIP).splitlines()
    return {line.split()[2].rsplit(":", 1)[1] for line in lines}


def synced_ports(director):
    """The clients' ports of the connections that a director holds as established."""
    lines = director.node.run("ipvsadm", "-Lnc").splitlines()
    return {line.split()[3].rsplit(":", 1)[1] for line in lines if " ESTABLISHED " in line}


def lose_director(story, lab, lb1, lb2):
    idle = Holder(lab["client"], VIP, PORTS["direct"], 1)
    idle.survivors()
    path = lab.path("download")
    download = lab["client"].spawn("curl", "-s", "-S", "-o", path, "--max-time", "120",
                                   f"http://{VIP}:{PORTS['nat']}/slow/{BLOCKS}")
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 20, "the download began")
    story.tell("the client opens a connection by DR and leaves it idle, "
               f"and starts a download of {BLOCKS} kB by NAT")
    ports = open_ports(lab["client"])
    story.check(len(ports) == 2, f"{len(ports)} connections are established")
    wait_until(lambda: ports <= synced_ports(lb2), 30, "lb2 knows both connections", every=0.2)
    story.tell("lb2 has heard of both connections")
    probe = Probe(lab["client"], VIP)
    before = os.path.getsize(path)
    for interface in ("eth0", "eth1", "eth2"):
        lab.cut("lb1", interface)
    lb1.kill_all()
    story.tell(f"lb1 dies: its cables are cut, all its processes killed; {before // 1000} kB are there")
    lb2.wait_owner(VIP, 30)
    lb2.wait_owner(NAT_GATEWAY, 30)
    story.tell("lb2 has both addresses")
    story.check(download.wait(120) == 0 and content(path) == BLOCK * BLOCKS,
                f"the download went on and ended: {os.path.getsize(path) // 1000} kB, every byte right")
    story.check(idle.survivors() == 1, "the idle connection still carries data both ways")
    gap_s = probe.finish()["longest_gap_us"] / 1e6
    bound_s = active_down_s(ADVERT) + 0.1
    story.check(0 < gap_s <= bound_s + in_emulation(),
                f"the client, asking each millisecond, saw {VIP} silent for {gap_s:.2f} s; "
                f"the RFC's own bound at {ADVERT} adverts is {active_down_s(ADVERT):.2f} s")
    why = [line for line in lb2.events("router-active") if " front " in line]
    story.check(bool(why), "why, in lb2's log:")
    for line in why[-1:]:
        story.detail(line.split(" TANDEM_")[0])


def in_emulation():
    """An emulated processor is given its time late: what that may add to a gap, in seconds."""
    return 0.5 if "TANDEM_IN_GUEST" in os.environ else 0.0


def content(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    story = Story()
    lab = Lab()
    try:
        where = "a virtual machine" if "TANDEM_IN_GUEST" in os.environ else "this machine"
        print(f"tandem on Linux {platform.release()}, in network namespaces of {where}\n")
        servers = build_balancing(lab, tuple(METHODS))
        story.tell("the networks are up: a client, two directors, a router, and two real servers "
                   "each for DR, NAT and TUN")
        lb1, lb2 = pair_up(story, lab)
        program(story, lb1, lb2)
        serve(story, lab)
        lose_server(story, lab, lb1, servers)
        lose_director(story, lab, lb1, lb2)
        for method in METHODS:
            wait_until(lambda m=method: set(weights(lb2, m).values()) == {1}, 30,
                       f"lb2 has every server of {method} up", every=0.2)
        serve(story, lab)
        return story.end()
    except (AssertionError, RuntimeError, subprocess.SubprocessError) as error:
        print(f"\nIt did not go on: {error}")
        for title, text in lab.describe():
            print(f"--- {title}\n{text}")
        return 1
    finally:
        lab.close()


if __name__ == "__main__":
    sys.exit(main())
