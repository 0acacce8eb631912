"""What this kernel's sync master sends is read as it is meant, and written again byte by byte."""

import json
import os
import struct
import subprocess
import sys

import pytest

from observe import tool
from process import wait_until

pytestmark = pytest.mark.ipvs

VIP, MARKED, VIP6 = "192.0.2.100", "192.0.2.101", "2001:db8:1::100"
SERVER, SERVER6 = "10.0.0.11", "fd00:a::11"
CLIENT, CLIENT6 = "192.0.2.10", "2001:db8:1::10"
TOPOLOGY = {
    "client": {"eth0": ("front", f"{CLIENT}/24", f"{CLIENT6}/64")},
    "lb1": {"eth0": ("front", "192.0.2.2/24", "2001:db8:1::2/64"), "eth1": ("sync", "10.255.0.1/24"),
            "eth2": ("back", "10.0.0.1/24", "fd00:a::1/64")},
    "rs1": {"eth0": ("back", f"{SERVER}/24", f"{SERVER6}/64")},
}
TCP, UDP, SCTP = 6, 17, 132
NAT, TEMPLATE, INACTIVE = 0, 0x1000, 0x100
ESTABLISHED = 1
PE_NAME, PE_DATA = 3, 2

# Answers on every socket that it is told of, until it is killed.
ECHO = """
import socket, sys, threading
def serve(s):
    while True:
        c, _ = s.accept()
        threading.Thread(target=lambda: [c.sendall(d) for d in iter(lambda: c.recv(99), b"")]).start()
for family in (socket.AF_INET, socket.AF_INET6):
    for protocol in (6, 132):
        s = socket.socket(family, socket.SOCK_STREAM, protocol)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(("", 80)); s.listen(9)
        threading.Thread(target=serve, args=(s,)).start()
print("serving", flush=True)
"""
# A connection that says something, and is closed; or datagrams.
TALK = """
import socket, sys
protocol, address, port, text = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4].encode()
family = socket.AF_INET6 if ":" in address else socket.AF_INET
if protocol == 17:
    s = socket.socket(family, socket.SOCK_DGRAM)
    for _ in range(4):
        s.sendto(text, (address, port))
else:
    s = socket.socket(family, socket.SOCK_STREAM, protocol)
    s.settimeout(20)
    s.connect((address, port))
    for _ in range(4):
        s.sendall(text)
        assert s.recv(99) == text
    s.close()
"""
SIP = "INVITE sip:b@192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10\r\nCall-ID: 4711@192.0.2.10\r\n\r\n"


class Sync:
    """The payload of every sync datagram that leaves a director."""

    def __init__(self, lab, node):
        self._path = lab.path("sync.pcap")
        self._process = node.spawn("tcpdump", "-i", "eth1", "-n", "-U", "-p", "--immediate-mode", "-s", "0",
                                   "-w", self._path, "udp port 8848")
        self._process.wait_error_line("listening on", 20)

    def messages(self):
        with open(self._path, "rb") as file:
            data = file.read()
        at = 24
        while at + 16 <= len(data):
            length, = struct.unpack_from("<I", data, at + 8)
            frame = data[at + 16:at + 16 + length]
            if len(frame) < length:
                break
            yield frame[14 + (frame[14] & 15) * 4 + 8:]
            at += 16 + length

    def records(self):
        """As the program reads them; it fails where it should not."""
        text = b"".join(struct.pack("!H", len(m)) + m for m in self.messages())
        run = subprocess.run([tool("sync_read")], input=text, capture_output=True, check=False)
        assert run.returncode == 0, run.stderr
        return [json.loads(line) for line in run.stdout.splitlines()]


def build(lab):
    lab.build(TOPOLOGY, ipv6=True)
    lb1, rs1 = lab["lb1"], lab["rs1"]
    rs1.ip("route add default via 10.0.0.1", "route add default via fd00:a::1")
    lb1.ip(f"address add {VIP}/24 dev eth0", f"address add {MARKED}/24 dev eth0",
           f"address add {VIP6}/64 dev eth0 nodad")
    lb1.sysctl({"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1,
                "net.ipv4.vs.sync_threshold": "1 2", "net.ipv4.vs.sync_refresh_period": 0})
    for module in "ip_vs_rr", "ip_vs_pe_sip", "sctp":
        lb1.run("modprobe", module)
    lb1.run("nft", "table ip marks { chain in { type filter hook prerouting priority mangle; "
            f"ip daddr {MARKED} meta mark set 9; }}; }}")
    for service, server in ((f"-t {VIP}:80", f"{SERVER}:80"), (f"-t [{VIP6}]:80", f"[{SERVER6}]:80"),
                            (f"-u {VIP}:53", f"{SERVER}:53"), (f"--sctp-service {VIP}:80", f"{SERVER}:80"),
                            ("-f 9 -p 60", SERVER), (f"-u {VIP}:5060 -p 60 --pe sip", f"{SERVER}:5060")):
        lb1.run("ipvsadm", "-A", *service.split(), "-s", "rr")
        lb1.run("ipvsadm", "-a", *service.split()[:2], "-r", server, "-m")
    lb1.run("ipvsadm", "--start-daemon", "master", "--mcast-interface", "eth1", "--syncid", "7")
    rs1.spawn(sys.executable, "-c", ECHO).wait_line("serving", 30)
    return Sync(lab, lb1)


def talk(lab, protocol, address, port, text="tandem"):
    lab["client"].run(sys.executable, "-c", TALK, protocol, address, port, text)


def find(records, **wanted):
    """Those whose members are so; flags are a mask and what it leaves."""
    mask, flags = wanted.pop("flags", (0, 0))
    return [r for r in records if r["flags"] & mask == flags
            and all(r[name] == value for name, value in wanted.items())]


def check_options(record):
    """The engine's data, with its name."""
    options, at = {}, bytes.fromhex(record["options"])
    while at:
        options[at[0]], at = at[2:2 + at[1]], at[2 + at[1]:]
    assert options[PE_NAME].startswith(b"sip")
    assert options[PE_DATA] == b"4711@192.0.2.10"


def test_each_kind_of_record_that_the_kernel_sends_is_read_and_written_again(lab, figure):
    sync = build(lab)
    talk(lab, TCP, VIP, 80)
    talk(lab, TCP, VIP6, 80)
    talk(lab, TCP, MARKED, 80)
    talk(lab, SCTP, VIP, 80)
    talk(lab, UDP, VIP, 53)
    talk(lab, UDP, VIP, 5060, SIP)
    kinds = {
        "TCP": {"protocol": TCP, "state": ESTABLISHED, "service": [VIP, 80], "server": [SERVER, 80], "timeout": 900},
        "TCP, closing": {"protocol": TCP, "service": [VIP, 80], "flags": (INACTIVE, INACTIVE)},
        "IPv6": {"protocol": TCP, "state": ESTABLISHED, "service": [VIP6, 80], "server": [SERVER6, 80]},
        "SCTP": {"protocol": SCTP, "service": [VIP, 80], "server": [SERVER, 80]},
        "UDP": {"protocol": UDP, "state": 0, "service": [VIP, 53], "server": [SERVER, 53]},
        "marked": {"protocol": TCP, "mark": 9, "service": [MARKED, 80], "flags": (TEMPLATE, 0)},
        "template of a mark": {"flags": (TEMPLATE, TEMPLATE), "service": ["0.0.0.9", 0], "protocol": 0},
        "template of an engine": {"flags": (TEMPLATE, TEMPLATE), "protocol": UDP, "service": [VIP, 5060]},
    }

    def missing():
        records = sync.records()
        return [name for name, kind in kinds.items() if not find(records, **kind)]

    try:
        wait_until(lambda: not missing(), 30, "records of each kind", every=0.5)
    except AssertionError as error:
        raise AssertionError(f"no {missing()} in {sync.records()}") from error
    records = sync.records()
    check_options(find(records, **kinds["template of an engine"])[0])
    assert {r["client"][0] for r in records} <= {CLIENT, CLIENT6}
    figure("records of this kernel, read and written again byte by byte", str(len(records)),
           f"{len(kinds)} kinds")
    if "TANDEM_SYNC_CORPUS" in os.environ:  # to renew tests/fuzz/corpus/sync_message
        for number, message in enumerate(sync.messages()):
            with open(os.path.join(os.environ["TANDEM_SYNC_CORPUS"], f"linux-{number}"), "wb") as file:
                file.write(message)
