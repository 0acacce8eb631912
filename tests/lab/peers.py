"""Other implementations as the peer of a director: Debian's keepalived, and FRR's vrrpd."""

import os
import shutil
import signal
import subprocess

from observe import AddressMonitor
from process import wait_until

FRR = "/usr/lib/frr"


class Peer:
    """What a test needs of whoever takes part in the election: the same as of a Director."""

    title = "peer"

    def __init__(self, lab, node):
        self.lab = lab
        self.node = lab[node]
        self.name = node
        self.monitor = AddressMonitor(self.node)
        self._processes = []

    def start(self):
        raise NotImplementedError

    def owns(self, address):
        return self.node.has_address(address)

    def wait_owner(self, address, seconds=30):
        wait_until(lambda: self.owns(address), seconds, f"{self.name} ({self.title}) owns {address}")

    def wait_not_owner(self, address, seconds=30):
        wait_until(lambda: not self.owns(address), seconds,
                   f"{self.name} ({self.title}) does not own {address}")

    def _spawn(self, *command, **kwargs):
        process = self.node.spawn(*command, **kwargs)
        self._processes.append(process)
        return process

    def stop(self):
        """Leave in order."""
        for process in reversed(self._processes):
            process.signal(signal.SIGTERM)
            process.wait(20)
        self._processes = []

    def kill_all(self):
        """Every process at once, and the addresses go, as with the host."""
        for process in self._processes:
            for pid in _family(process.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        for process in self._processes:
            process.wait(20)
        self._processes = []


def _family(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = [int(child) for child in file.read().split()]
    return [pid] + [descendant for child in children for descendant in _family(child)]


class Keepalived(Peer):
    """keepalived with one instance for each (name, interface, vrid, priority, addresses...)."""

    title = "keepalived"

    def __init__(self, lab, node, instances, advert="1", version=3, group=False, **options):
        super().__init__(lab, node)
        self._path = lab.path(f"{node}.keepalived.conf")
        with open(self._path, "w", encoding="ascii") as file:
            file.write(_keepalived_config(node, instances, advert, version, group, options))
        os.chmod(self._path, 0o600)

    def start(self):
        directory = self.lab.path(f"{self.name}.keepalived")
        os.makedirs(directory, exist_ok=True)
        for name in os.listdir(directory):  # of a run before: its number may be somebody else's now
            os.unlink(os.path.join(directory, name))
        pids = [f"--{flag}={directory}/{flag}.pid" for flag in ("pid", "vrrp_pid", "checkers_pid")]
        self._spawn("keepalived", "--dont-fork", "--vrrp", "--log-console", "--log-detail",
                    f"--use-file={self._path}", *pids)
        return self

    def log(self):
        return "\n".join(process.noise() for process in self._processes)


def _keepalived_config(node, instances, advert, version, group, options):
    lines = ["global_defs {", f"router_id {node}", f"vrrp_version {version}", "vrrp_garp_master_delay 1"]
    lines += options.pop("globals", [])
    lines.append("}")
    for name, interface, vrid, priority, *addresses in instances:
        lines += [f"vrrp_instance {name} {{", "state BACKUP", f"interface {interface}",
                  f"virtual_router_id {vrid}", f"priority {priority}", f"advert_int {advert}"]
        lines += options.get("instance", [])
        lines += ["virtual_ipaddress {", *addresses, "}", "}"]
    if group:
        lines += ["vrrp_sync_group all {", "group {", *(name for name, *_ in instances), "}", "}"]
    return "\n".join(lines) + "\n"


class Frr(Peer):
    """FRR's zebra and vrrpd, with one virtual router. The addresses are on a macvlan whose link is up
    while the router is Active: whoever owns them is told by that."""

    title = "FRR vrrpd"

    def __init__(self, lab, node, vrid, priority, address, version=3, advert_ms=1000, commands=()):
        super().__init__(lab, node)
        self._vrid, self._priority, self._address = vrid, priority, address
        self._version, self._advert_ms, self._commands = version, advert_ms, commands
        self._ipv6 = ":" in address
        self._device = f"vrrp{'6' if self._ipv6 else '4'}-{vrid}"
        self._directory = lab.path(f"{node}.frr")

    def _make_device(self):
        family = "02" if self._ipv6 else "01"
        length = 64 if self._ipv6 else 24
        self.node.ip(f"link add {self._device} link eth0 type macvlan mode bridge",
                     f"link set {self._device} address 00:00:5e:00:{family}:{self._vrid:02x}",
                     f"link set {self._device} addrgenmode none",
                     f"address add {self._address}/{length} dev {self._device}"
                     + (" nodad" if self._ipv6 else ""),
                     f"link set {self._device} up")
        if self._ipv6:
            self.node.ip(f"address add fe80::5e:{self._vrid}/64 dev {self._device} nodad")

    def _write_config(self):
        kind = "ipv6" if self._ipv6 else "ip"
        lines = ["interface eth0", f" vrrp {self._vrid} version {self._version}",
                 f" vrrp {self._vrid} priority {self._priority}",
                 f" vrrp {self._vrid} advertisement-interval {self._advert_ms}",
                 *self._commands, f" vrrp {self._vrid} {kind} {self._address}", "exit"]
        with open(f"{self._directory}/vrrpd.conf", "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        with open(f"{self._directory}/zebra.conf", "w", encoding="ascii") as file:
            file.write("\n")

    def _daemon(self, name):
        directory = self._directory
        return self._spawn(f"{FRR}/{name}", "-f", f"{directory}/{name}.conf", "-i", f"{directory}/{name}.pid",
                           "--vty_socket", directory, "-z", f"{directory}/zserv.api", "-P", "0", "--log", "stdout")

    def start(self):
        os.makedirs(self._directory, exist_ok=True)
        shutil.chown(self._directory, "frr", "frr")
        if self._device not in self.node.run("ip", "-o", "link"):
            self._make_device()
        self._write_config()
        self._daemon("zebra")
        wait_until(lambda: os.path.exists(f"{self._directory}/zserv.api"), 20, "zebra listens")
        self._daemon("vrrpd")
        return self

    def state(self):
        """ "Master", "Backup", "Initialize", or "" while it cannot be asked."""
        result = subprocess.run(
            self.node.command("vtysh", "--vty_socket", self._directory, "-c", "show vrrp"),
            capture_output=True, text=True, check=False)
        wanted = "Status (v6)" if self._ipv6 else "Status (v4)"
        for line in result.stdout.splitlines():
            if wanted in line:
                return line.split()[-1]
        return ""

    def owns(self, address):
        return bool(self._processes) and self.state() == "Master"


def have_frr():
    return os.path.exists(f"{FRR}/vrrpd") and shutil.which("vtysh")
