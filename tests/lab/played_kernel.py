"""The kernel's part in connection sync, played by a test: a TUN device, a master that multicasts sync
messages into it, and a backup that listens there. Messages are of version 1."""

import contextlib
import fcntl
import os
import socket
import struct
import threading
import time

TUNSETIFF = 0x400454ca
IFF_TUN, IFF_NO_PI = 1, 0x1000
IP_MULTICAST_ALL = 49
DEVICE = "tandem-sync"
GROUP, PORT = "224.0.0.81", 8848
SYNC_ID = 51
ESTABLISHED, FIN_WAIT, CLOSE = 1, 4, 6


def address(text):
    return socket.inet_aton(text)


def record(number, state=ESTABLISHED, timeout=900, service="192.0.2.100", server="10.9.0.1", flags=0x83):
    """The record of a TCP connection that is told from others by its number."""
    client = struct.pack(">I", 0x0a000000 + (number >> 14))
    ports = 1024 + (number & 0x3fff), 80, 80
    return struct.pack(">BBHIHHHHII", 0, socket.IPPROTO_TCP, 36, flags, state, *ports, 0, timeout) + \
        client + address(service) + address(server)


def message(*records, sync_id=SYNC_ID):
    body = b"".join(records)
    return struct.pack(">BBHBbH", 0, sync_id, 8 + len(body), len(records), 1, 0) + body


def read(datagram):
    """(number, state) of each record of a message from record()."""
    _, sync_id, size, n, version, _ = struct.unpack_from(">BBHBbH", datagram)
    assert (sync_id, size, version) == (SYNC_ID, len(datagram), 1), datagram
    found, at = [], 8
    for _ in range(n):
        kind, _, length, _, state, port = struct.unpack_from(">BBHIHH", datagram, at)
        assert (kind, length) == (0, 36), datagram
        client, = struct.unpack_from(">I", datagram, at + 24)
        found.append((((client - 0x0a000000) << 14) + port - 1024, state))
        at += length
    assert at == size
    return found


class Kernel:
    """Of one namespace. `tun` is the descriptor that tandem-link inherits."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.known = {}  # number -> state
        self.messages = 0
        with namespace.entered():
            self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
        namespace.ip("link", "set", DEVICE, "up", "mtu", "9216", "txqueuelen", "10000")
        with namespace.entered():
            membership = struct.pack("=4s4si", address(GROUP), bytes(4), socket.if_nametoindex(DEVICE))
            self.master = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.master.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, membership)
            self.master.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            self.backup = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.backup.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.backup.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, DEVICE.encode() + b"\0")
            self.backup.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
            self.backup.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.backup.bind((GROUP, PORT))
            self.backup.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self._listen, daemon=True)
        self.reader.start()

    def say(self, *records):
        """The master's word about connections."""
        self.master.sendto(message(*records), (GROUP, PORT))

    def say_bytes(self, data):
        self.master.sendto(data, (GROUP, PORT))

    def _listen(self):
        """The backup daemon reads all the time, as the kernel's does."""
        while True:
            datagram = self.backup.recv(1 << 16)
            if not datagram:
                return
            with self.news:
                self.messages += 1
                self.known.update(read(datagram))
                self.news.notify_all()

    def forget(self):
        with self.news:
            self.known.clear()

    def wait(self, condition, timeout=30):
        """Until what the backup knows fulfils the condition; how long that took."""
        begin = time.monotonic()
        with self.news:
            if not self.news.wait_for(lambda: condition(self.known), timeout):
                raise AssertionError(f"not within {timeout} s: {len(self.known)} connections known")
        return time.monotonic() - begin

    def wait_for(self, numbers, timeout=30):
        numbers = set(numbers)
        try:
            return self.wait(lambda known: numbers <= known.keys(), timeout)
        except AssertionError as error:
            missing = sorted(numbers - self.known.keys())
            raise AssertionError(f"{error}; {len(missing)} missing: {missing[:20]}") from None

    def close(self):
        with contextlib.suppress(OSError):  # wakes the reader, with nothing
            self.backup.shutdown(socket.SHUT_RDWR)
        self.reader.join()
        self.master.close()
        self.backup.close()
        os.close(self.tun)
