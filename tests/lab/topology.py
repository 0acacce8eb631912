"""Networks of namespaces: nodes with interfaces, joined by bridges, gone without a trace afterwards.

A topology is a table, node -> interface -> (network, addresses...):

    lab.build({
        "client": {"eth0": ("front", "192.0.2.10/24")},
        "lb1": {"eth0": ("front", "192.0.2.2/24"), "eth1": ("sync", "10.255.0.1/24")},
    })

Everything lives in namespaces named after this process, the bridges too: nothing of it shows on the
host, and deleting the namespaces deletes it all.
"""

import itertools
import os
import shlex
import shutil
import signal
import subprocess
import tempfile

from observe import Stalls
from process import Process, inside

_numbers = itertools.count(1)

# Of every node, before its interfaces come up: no reverse path filter (the virtual address may arrive
# where the route back does not point), no redirects from directors to their neighbours.
NODE_SYSCTLS = {
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
}

# IPv4 alone, or IPv6 whose addresses are there at once.
IPV6_OFF = {
    "net.ipv6.conf.all.disable_ipv6": 1,
    "net.ipv6.conf.default.disable_ipv6": 1,
}
IPV6_ON = {
    "net.ipv6.conf.all.accept_dad": 0,
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.default.accept_ra": 0,
}


def _run(*command, **kwargs):
    result = subprocess.run(command, capture_output=True, text=True, **kwargs)
    if result.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}: {result.returncode}: {result.stderr.strip()}"
                           f"\n{kwargs.get('input', '')}")
    return result.stdout


def _last(text, lines=200):
    return "\n".join(text.splitlines()[-lines:])


class Node:
    """A host of the lab: a network namespace, and the processes started in it."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.netns = f"{lab.prefix}-{name}"

    def command(self, *command):
        # Not by ip(8), which makes a mount namespace too: in an emulated machine that takes its time.
        return ["nsenter", f"--net=/run/netns/{self.netns}", "--", *map(str, command)]

    def run(self, *command):
        """Run to the end; its output. Failing is an error."""
        return _run(*self.command(*command))

    def ip(self, *lines):
        """Carry out lines of ip(8) in one go."""
        _run("ip", "-n", self.netns, "-batch", "-", input="\n".join(lines) + "\n")

    def sysctl(self, settings):
        script = "".join(f"echo {value} >/proc/sys/{name.replace('.', '/')}\n"
                         for name, value in settings.items())
        self.run("sh", "-ec", script)

    def read_sysctl(self, name):
        return self.run("cat", "/proc/sys/" + name.replace(".", "/")).strip()

    def entered(self):
        """For a block whose sockets are to be here."""
        return inside(self.netns)

    def spawn(self, *command, **kwargs):
        """Start a process here. It is killed with the lab if it still runs then."""
        process = Process(self.command(*command), **kwargs)
        self.lab.processes.append(process)
        return process

    def remove(self):
        # What is left in a namespace of ours was started by us: a stopped helper, say.
        for pid in _run("ip", "netns", "pids", self.netns).split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        subprocess.run(["ip", "netns", "delete", self.netns], check=False)

    def addresses(self):
        """All addresses with their prefix lengths."""
        words = _run("ip", "-n", self.netns, "-o", "address").split()
        return [words[i + 1] for i, word in enumerate(words) if word in ("inet", "inet6")]

    def has_address(self, address):
        return any(a.split("/")[0] == address.split("/")[0] for a in self.addresses())


class Lab:
    def __init__(self):
        self.prefix = f"tandem-{os.getpid()}-{next(_numbers)}"
        self.workdir = tempfile.mkdtemp(prefix=self.prefix + "-")
        os.chmod(self.workdir, 0o755)
        self.nodes = {}
        self._table = {}
        self._ipv6 = False
        self._renewed, self._starts, self._n_kept = [], {}, 0
        self._prepare = None
        self.servers = {}
        self.networks = []
        self.processes = []
        self.directors = []
        self.captures = []
        self._stalls = None

    def __getitem__(self, name):
        return self.nodes[name]

    @property
    def stalls(self):
        """When the machine stood still, since this was first asked for: before what is to be measured."""
        if self._stalls is None or not self._stalls.watching():
            self._stalls = Stalls(self)
        return self._stalls

    def build(self, table, ipv6=False):
        self._table, self._ipv6 = table, ipv6
        self.networks = sorted({plug[0] for plugs in table.values() for plug in plugs.values()})
        switch = self._add_node("switch")
        switch.ip("link set lo up", *itertools.chain.from_iterable(
            (f"link add {n} type bridge mcast_snooping 0 forward_delay 0", f"link set {n} up")
            for n in self.networks))
        for name, plugs in table.items():
            self.plug(self._add_node(name, ipv6), plugs)

    def _add_node(self, name, ipv6=False):
        node = Node(self, name)
        _run("ip", "netns", "add", node.netns)
        self.nodes[name] = node
        node.sysctl(NODE_SYSCTLS | (IPV6_ON if ipv6 else IPV6_OFF))
        return node

    def add_bare(self, name):
        """A node with nothing but an interface lo that is down."""
        return self._add_node(name)

    def share(self, directors, servers, prepare=lambda lab: None):
        """From here on the lab is for one test after another. Servers: name -> what starts its process;
        prepare(lab): what the directors' hosts have besides what build() gives them."""
        self._renewed = directors
        self._prepare = prepare
        self._starts = servers
        self.servers = {name: start() for name, start in servers.items()}
        self._n_kept = len(self.processes)

    def clear(self):
        """Between two tests that share it: what was started ends, and the directors' hosts are made anew,
        since a kernel's table has a memory. The real servers run and are plugged in."""
        try:
            for director in self.directors:
                director.check_sanitizers()
        finally:
            for process in reversed(self.processes[self._n_kept:]):
                process.kill()
            del self.processes[self._n_kept:], self.captures[:], self.directors[:]
            for name in self._renewed:
                self._renew(name)
            self._prepare(self)
            self["switch"].ip(*(f"link set {name}-{interface} master {plug[0]} up"
                                for name in self._starts for interface, plug in self._table[name].items()))
            for name, start in self._starts.items():
                if self.servers[name].poll() is not None:
                    self.servers[name] = start()
            self._n_kept = len(self.processes)

    def _renew(self, name):
        # A cable of a host that is gone stays for a while; one that a test has taken away is not there.
        for interface in self._table[name]:
            subprocess.run(self["switch"].command("ip", "link", "delete", f"{name}-{interface}"),
                           capture_output=True, check=False)
        self.nodes[name].remove()
        for entry in os.scandir(self.workdir):
            if entry.name.startswith(name + "."):
                (shutil.rmtree if entry.is_dir() else os.unlink)(entry.path)
        self.plug(self._add_node(name, self._ipv6), self._table[name])

    def reboot(self, name):
        """A host that comes back with its cables and a kernel that knows nothing of before; whoever ran
        there is gone, and so are the files that are named after it."""
        self.directors = [director for director in self.directors if director.name != name]
        self._renew(name)

    def plug(self, node, plugs):
        switch = self.nodes["switch"]
        switch.ip(*itertools.chain.from_iterable(
            (f"link add {node.name}-{interface} type veth peer name {interface} netns {node.netns}",
             f"link set {node.name}-{interface} master {plug[0]} up")
            for interface, plug in plugs.items()))
        node.ip("link set lo up", *itertools.chain.from_iterable(
            (f"link set {interface} up",
             *(f"address add {address} dev {interface}" for address in plug[1:]))
            for interface, plug in plugs.items()))

    def unplug(self, name, interface="eth0"):
        """Pull the cable: both ends see the carrier go."""
        self["switch"].ip(f"link set {name}-{interface} down")

    def replug(self, name, interface="eth0"):
        self["switch"].ip(f"link set {name}-{interface} up")

    def cut(self, name, interface="eth0"):
        """Lose every packet on the way, with the carrier still there."""
        self["switch"].ip(f"link set {name}-{interface} nomaster")

    def mend(self, name, network, interface="eth0"):
        self["switch"].ip(f"link set {name}-{interface} master {network}")

    def path(self, name):
        return os.path.join(self.workdir, name)

    def close(self):
        for process in reversed(self.processes):
            process.kill()
        for node in self.nodes.values():
            node.remove()
        shutil.rmtree(self.workdir, ignore_errors=True)

    def describe(self):
        """What one wants to see after a failure, as (title, text) pairs."""
        for director in self.directors:
            yield f"log of {director.name}", _last(director.log())
            yield f"addresses of {director.name}", "\n".join(director.node.addresses())
            ipvs = subprocess.run(director.node.command("ipvsadm", "-Ln"), capture_output=True,
                                  text=True, check=False) if os.path.exists("/proc/net/ip_vs") else None
            if ipvs is not None:
                yield f"IPVS of {director.name}", _last(ipvs.stdout + ipvs.stderr)
        for capture in self.captures:
            yield f"packets on {capture.network}", capture.text(last=30)
        for process in self.processes:
            if process.noise() and not process.title.startswith("tcpdump"):
                yield f"errors of {process.title}", process.noise()
