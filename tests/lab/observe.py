"""Instruments: what crossed a network, who owned an address and when, what a client noticed."""

import collections
import datetime
import ipaddress
import os
import re
import signal
import struct
import subprocess

from process import Process, wait_until

Advert = collections.namedtuple("Advert", "time source vrid priority interval_cs addresses")


def tool(name):
    """One of the lab's own programs."""
    return os.path.join(os.environ["TANDEM_BUILDDIR"], "tests/lab", name)


class Capture:
    """Everything VRRP, ARP and ICMPv6 that crosses a network, from now on."""

    _COUNTS = re.compile(r"(\d+) packets? captured,\s+(\d+) packets? received by filter,\s+(\d+) packets? dropped")

    def __init__(self, lab, network="front", expression="arp or proto 112 or icmp6"):
        self.network = network
        self._path = lab.path(f"{network}-{len(lab.captures)}.pcap")
        self._process = lab["switch"].spawn("tcpdump", "-i", network, "-n", "-U", "-p",
                                            "--immediate-mode", "-s", "256", "-w", self._path, expression)
        self._process.wait_error_line("listening on", 20)
        # What came before the filter was there is counted as if it had passed, and never written.
        self._before = self._missing()
        wait_until(self._has_settled, 10, f"tcpdump has read what it began with on {network}")
        lab.captures.append(self)

    @property
    def path(self):
        return self._path

    def caught_up(self):
        """When all that has crossed so far is in the file: tcpdump may not have run for a while."""
        wait_until(self._has_caught_up, 30, f"tcpdump has written what crossed {self.network}")
        return self

    def _has_caught_up(self):
        return self._missing() <= self._before

    def _has_settled(self):
        last, self._before = self._before, min(self._before, self._missing())
        return last == self._before

    def _missing(self):
        """How many have passed its filter, as the kernel counts, and are not in the file. What the kernel drops has passed."""
        before = len(self._process.noise())
        self._process.signal(signal.SIGUSR1)
        numbers = wait_until(lambda: self._COUNTS.search(self._process.noise()[before:]), 30, "tcpdump's counts")
        written, passed, dropped = map(int, numbers.groups())
        return passed - written - dropped

    def packets(self):
        """(time, bytes from the Ethernet header on) of each packet so far."""
        with open(self._path, "rb") as file:
            data = file.read()
        at = 24
        while at + 16 <= len(data):
            seconds, microseconds, length, _ = struct.unpack_from("<IIII", data, at)
            if at + 16 + length > len(data):
                break
            yield seconds + microseconds / 1e6, data[at + 16:at + 16 + length]
            at += 16 + length

    def adverts(self, vrid=None):
        """The VRRPv3 adverts so far, in their order."""
        found = []
        for time, packet in self.packets():
            if packet[12:14] != b"\x08\x00" or packet[23] != 112:
                continue
            vrrp = packet[14 + (packet[14] & 15) * 4:]
            kind, advert_vrid, priority, count, interval = struct.unpack_from("!BBBBH", vrrp)
            if kind != 0x31 or (vrid is not None and vrid != advert_vrid):
                continue
            source = ".".join(map(str, packet[26:30]))
            addresses = [".".join(map(str, vrrp[8 + i * 4:12 + i * 4])) for i in range(count)]
            found.append(Advert(time, source, advert_vrid, priority, interval & 0xfff, addresses))
        return found

    def announcements(self, address):
        """(time, MAC) of each gratuitous ARP or unsolicited neighbour advertisement for an address."""
        if ":" in address:
            return [(time, mac) for time, mac, _ in self.advertisements(address)]
        wanted = bytes(map(int, address.split(".")))
        return [(time, packet[22:28].hex(":")) for time, packet in self.packets()
                if packet[12:14] == b"\x08\x06" and packet[28:32] == packet[38:42] == wanted]

    def advertisements(self, address):
        """(time, MAC, flags) of each neighbour advertisement for an address to all nodes. The flags are
        "R" (router), "S" (solicited) and "O" (override)."""
        wanted = ipaddress.ip_address(address).packed
        everybody = ipaddress.ip_address("ff02::1").packed
        found = []
        for time, packet in self.packets():
            ipv6, icmp = packet[14:54], packet[54:]
            if packet[12:14] != b"\x86\xdd" or ipv6[6:8] != b"\x3a\xff" or icmp[0] != 136:
                continue
            if ipv6[24:40] == everybody and icmp[8:24] == wanted and icmp[24:26] == b"\x02\x01":
                flags = "".join(name for bit, name in ((128, "R"), (64, "S"), (32, "O"))
                                if icmp[4] & bit)
                found.append((time, icmp[26:32].hex(":"), flags))
        return found

    def flows(self):
        """Each (protocol, source, port, destination, port) of which there was a packet."""
        names = {6: "tcp", 17: "udp", 132: "sctp"}
        found = set()
        for _, packet in self.packets():
            if packet[12:14] == b"\x08\x00":
                protocol, source, destination = packet[23], packet[26:30], packet[30:34]
                ports = packet[14 + (packet[14] & 15) * 4:]
            elif packet[12:14] == b"\x86\xdd":
                protocol, source, destination, ports = packet[20], packet[22:38], packet[38:54], \
                    packet[54:]
            else:
                continue
            if protocol in names and len(ports) >= 4:
                source_port, destination_port = struct.unpack_from("!HH", ports)
                found.add((names[protocol], str(ipaddress.ip_address(source)), source_port,
                           str(ipaddress.ip_address(destination)), destination_port))
        return found

    def decoded_adverts(self):
        """The lines that tcpdump has to say about adverts, checksums included."""
        result = subprocess.run(["tcpdump", "-n", "-vvv", "-r", self._path,
                                 "proto 112"], capture_output=True, text=True, check=True)
        return [line for line in result.stdout.splitlines() if "VRRP" in line or "vrrp" in line]

    def text(self, last):
        result = subprocess.run(["tcpdump", "-n", "-tttt", "-r", self._path], capture_output=True,
                                text=True, check=False)
        return "\n".join(result.stdout.splitlines()[-last:])


class AddressMonitor:
    """When a node had which address, by the kernel's own notifications."""

    _LINE = re.compile(r"\[([^\]]+)\] (Deleted )?\d+: \S+\s+inet6? ([\da-f.:]+)")

    def __init__(self, node):
        # It writes its own clock's time: on a busy machine it must be the first to run.
        self._process = node.spawn("chrt", "-f", "50", "ip", "-ts", "-o", "monitor", "address")
        self._node = node
        # It says nothing when it is ready: show it something until it reacts.
        wait_until(lambda: self._nudge() or self._nudges(), 30, f"address monitor of {node.name}")

    def _nudge(self):
        self._node.ip("address add 127.0.0.9/32 dev lo", "address delete 127.0.0.9/32 dev lo")

    def _nudges(self):
        return sum("Deleted" in line and "127.0.0.9" in line for line in list(self._process.lines))

    def catch_up(self):
        """Wait until it has told all that has happened so far: news come in their order."""
        if self._process.poll() is not None:  # its host is gone
            return
        seen = self._nudges()
        self._nudge()
        wait_until(lambda: self._nudges() > seen, 30, f"news of the addresses of {self._node.name}", every=0.005)

    def intervals(self, address, caught_up=False):
        """[(from, to)] in which the node had the address; `to` is None while it has it. Of all that has
        happened so far, unless catch_up() was called just now."""
        if not caught_up:
            self.catch_up()
        found, since = [], None
        for line in list(self._process.lines):
            match = self._LINE.match(line)
            if not match or match.group(3) != address:
                continue
            time = datetime.datetime.fromisoformat(match.group(1)).timestamp()
            if not match.group(2) and since is None:
                since = time
            elif match.group(2) and since is not None:
                found.append((since, time))
                since = None
        return found + [(since, None)] * (since is not None)


def overlaps(a, b, until):
    """[(from, to)] that two lists of intervals have in common; one without an end lasts until then."""
    common = [(max(start_a, start_b), min(end_a or until, end_b or until))
              for start_a, end_a in a for start_b, end_b in b]
    return [(begin, end) for begin, end in common if begin < end]


def overlap(a, b, until):
    """The longest of them, in seconds."""
    return max([0.0] + [end - begin for begin, end in overlaps(a, b, until)])


class Stalls:
    """When the processors of this machine stood still, from now on: no program can be in time then."""

    def __init__(self):
        # An emulated processor has no time to wake so often, and no test there asks for milliseconds.
        step_ms = 20 if "TANDEM_IN_GUEST" in os.environ else 1
        self.process = Process([tool("stalls"), str(step_ms)])
        self._n_read, self._stalls, self._seen = 0, [], {}
        self.process.wait_line("seen")

    def watching(self):
        return self.process.poll() is None

    def within(self, begin, end):
        """For how many seconds between two times any of them did: one is enough to hold up what ran on it."""
        wait_until(lambda: self._seen_until() >= end, 30, "the processors have been watched so far")
        total, at = 0.0, begin
        for since, until in sorted(self._stalls):
            total += max(0.0, min(until, end) - max(since, at))
            at = max(at, until)
        return total

    def beyond(self, begin, end, due_s=0.0):
        """What is left of that time without it, in seconds: what a program has to answer for. What is due only so much
        later is not held up by a stall before that."""
        return end - begin - self.within(begin + due_s, end)

    def longest(self, intervals, due_s=0.0):
        """(beyond, whole) of the one with the most that a program has to answer for, in seconds."""
        return max(((self.beyond(begin, end, due_s), end - begin) for begin, end in intervals), default=(0.0, 0.0))

    def _seen_until(self):
        """Up to when there is nothing more to be said of any processor."""
        lines = self.process.lines[self._n_read:]
        self._n_read += len(lines)
        for line in lines:
            kind, cpu, *times = line.split()
            self._seen[cpu] = float(times[-1])
            if kind == "stall":
                self._stalls.append(tuple(map(float, times)))
        return min(self._seen.values()) if len(self._seen) == len(os.sched_getaffinity(0)) else 0.0


class Probe:
    """An echo request each millisecond from a node to an address."""

    def __init__(self, node, address):
        self._stalls = node.lab.stalls
        self._process = node.spawn(tool("probe"), address)
        self._process.wait_line("answered", 30)

    def finish(self, due_s=0.0):
        """What it saw. "longest_gap_ms" is without the time in which the machine itself stood still, unless that was
        before its end was due, so long after its begin."""
        result = self._process.finish()
        started = result["started_us"] / 1e6
        gaps = [(started + at / 1e6, started + (at + gap) / 1e6) for at, gap in result["gaps"]]
        beyond, whole = self._stalls.longest(gaps, due_s)
        result["longest_gap_ms"] = beyond * 1000
        # A gap may hide between two requests that were sent late.
        result["text"] = f"{beyond * 1000:.1f} ms (±{result['longest_pause_us'] / 1000:.1f})" + \
            stood_still(whole - beyond)
        return result


def stood_still(seconds):
    """To be told beside a figure, unless it is nothing."""
    return f", and {seconds * 1000:.1f} ms in which the machine stood still" if seconds > 0 else ""


class Load:
    """Requests at a steady rate, each on its own connection."""

    def __init__(self, node, address, port, rate, seconds):
        self._process = node.spawn(tool("load"), address, port, rate, seconds)
        self._process.wait_line("answered", 30)

    def finish(self):
        return self._process.finish()

    def result(self, seconds):
        return self._process.result(seconds)


class Flows:
    """New connections by UDP at a steady rate, each of one datagram that nobody answers."""

    def __init__(self, node, address, port, rate, count, first=0):
        self._process = node.spawn(tool("flows"), address, port, rate, count, first)

    def kill(self):
        self._process.kill()

    def result(self, seconds):
        return self._process.result(seconds)


class Holder:
    """Connections that are kept open, and counted."""

    def __init__(self, node, address, port, count):
        self.count = count
        self._process = node.spawn(tool("hold"), address, port, count, stdin=subprocess.PIPE)
        opened = int(self._process.wait_line("opened", 60).split()[1])
        assert opened == count, f"{opened} of {count} connections opened"

    def exchange(self, milliseconds=10000):
        """Say something on each; a function that waits for how many bring it back within that time."""
        before = len(self._process.lines)
        self._process.say(f"exchange {milliseconds}")

        def alive():
            line = self._process.wait_line('{"alive"', milliseconds / 1000 + 10, after=before)
            return int(line.split()[1].rstrip(","))
        return alive

    def survivors(self, milliseconds=10000):
        """How many still carry data both ways, each within that time."""
        return self.exchange(milliseconds)()

    def close(self):
        """All of them."""
        self._process.kill()


def start_server(node, name, *ports):
    """The application of a real server; its process."""
    process = node.spawn(tool("server"), name, *ports)
    process.wait_line("listening", 20)
    return process
