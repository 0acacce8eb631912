"""tandem-link in mode "tandem": two of them in two namespaces, with the test as their directors and as
their kernels."""

import contextlib
import fcntl
import itertools
import os
import socket
import struct
import subprocess
import threading
import time

import pytest

from played_director import Helper, Namespace, connect
from played_kernel import GROUP, PORT, SYNC_ID, Kernel, message, record
from process import cpu_seconds, peak_mb, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")

KEY, OTHER_KEY = "11" * 16 + "22" * 16, "33" * 16 + "44" * 16
HEARTBEAT_US = 100000
ETH_P_ALL = 3


class Side:
    """One director's host."""

    def __init__(self, name, number):
        self.name, self.number = name, number
        self.namespace = Namespace(name)
        self.kernel = Kernel(self.namespace)
        self.link = None
        self.heartbeat_us = HEARTBEAT_US
        self.page = None  # a descriptor of a struct peer_page

    def start(self):
        descriptors = {4: self.kernel.tun} | ({5: self.page} if self.page else {})
        self.link = Helper("tandem-link", self.namespace, descriptors=descriptors)

    def configure(self, keys=(KEY,), interfaces=("eth0",), **more):
        peer = 3 - self.number
        parameters = {
            "mode": "tandem", "node": f"lb{self.number}", "peer": f"lb{peer}",
            "own_address": f"10.77.0.{self.number}", "peer_address": f"10.77.0.{peer}",
            "interfaces": list(interfaces), "group": GROUP, "port": PORT, "ttl": 1, "sync_id": SYNC_ID,
            "heartbeat_us": self.heartbeat_us, "keys": list(keys), "digest": "d"} | more
        return self.link.configure(**parameters)

    def counters(self):
        return self.link.report()["counters"]

    def kill(self):
        self.link.process.kill()
        self.link.process.wait()
        self.link.socket.close()
        self.link.runtime.cleanup()
        self.link = None

    def close(self):
        if self.link:
            self.link.stop()
        self.kernel.close()
        self.namespace.delete()


@pytest.fixture
def hosts():
    sides = Side("lb1", 1), Side("lb2", 2)
    connect(sides[0].namespace, sides[1].namespace)
    yield sides
    for side in sides:
        side.close()


def wait_alive(side, timeout=30):
    return side.link.wait("Peer", alive=True, stream=True, timeout=timeout)


@pytest.fixture
def pair(hosts, request):
    """Two that have agreed on a session, with their resync done."""
    for side in hosts:
        side.heartbeat_us = getattr(request, "param", HEARTBEAT_US)
        side.start()
        assert side.configure() == []
    for side in hosts:
        wait_alive(side)
        side.link.wait("Resync", state="done")
        side.link.report()
        side.link.said.clear()
    return hosts


def test_a_record_goes_from_one_kernel_to_the_other_both_ways(pair):
    lb1, lb2 = pair
    lb1.kernel.say(record(1), record(2))
    lb2.kernel.say(record(3))
    lb2.kernel.wait_for([1, 2])
    lb1.kernel.wait_for([3])
    assert 3 not in lb2.kernel.known and 1 not in lb1.kernel.known


def test_what_the_device_did_not_take_is_given_again(pair):
    """Nobody says those connections once more, and both tables know them."""
    lb1, lb2 = pair
    lb2.namespace.ip("link", "set", "tandem-sync", "down")
    lb1.kernel.say(record(1), record(2))
    wait_until(lambda: lb2.counters()["inject_failed"] > 0, 30, "the device takes nothing")
    lb2.namespace.ip("link", "set", "tandem-sync", "up")
    lb2.kernel.wait_for([1, 2])


def numbers_from(first, count=100):
    return range(first, first + count)


def say_each(kernel, numbers, pause=0.0):
    for number in numbers:
        kernel.say(record(number))
        if pause:
            time.sleep(pause)


# Where a stall of a busy host would look like a dead peer, and that is not what the test is about.
PATIENT_US = 1000000
patient = pytest.mark.parametrize("pair", [PATIENT_US], indirect=True)


# Who is let in


def test_another_key_makes_no_session(hosts):
    lb1, lb2 = hosts
    lb1.start()
    lb2.start()
    assert lb1.configure() == []
    assert lb2.configure(keys=[OTHER_KEY]) == []
    # The first ones may have found nobody there yet.
    lb1.link.wait_report(lambda r: r["counters"]["stream_failed"] >= 3 and "handshake" in r["peer"]["last_failure"])
    lb1.kernel.say(record(1))
    report = lb2.link.wait_report(lambda r: r["counters"]["stream_failed"] >= 3)
    assert report["counters"]["sessions"] == report["counters"]["received"] == 0
    assert not report["peer"]["alive"] and not report["peer"]["stream"]
    assert lb2.kernel.known == {}


def test_a_node_of_another_name_is_refused(hosts):
    lb1, lb2 = hosts
    for side in hosts:
        side.start()
    assert lb1.configure(peer="lb3") == []
    assert lb2.configure() == []
    lb1.link.wait("Peer", reason="hello: it is not the node that it should be")
    assert lb1.counters()["sessions"] == 0


def test_a_wrong_configuration_is_named_and_tells_no_key(hosts):
    side = hosts[0]
    side.start()
    for wrong, what in (({"keys": ["zz"]}, "keys: not a key"), ({"group": "10.0.0.1"}, "group: "),
                        ({"heartbeat_us": 0}, "heartbeat_us: "), ({"peer": "lb1"}, "peer: ")):
        errors = side.configure(**wrong)
        assert len(errors) == 1 and errors[0].startswith(what), errors
        assert "zz" not in errors[0]


def sniff(namespace, interface="eth0"):
    """A socket that sees the datagrams of the link, and their sender's port."""
    with namespace.entered():
        s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        s.bind((interface, 0))
        s.settimeout(30)
    return s


def next_datagram(sniffer, sender, min_len=0):
    """The UDP payload of the next one that this host sent."""
    end = time.monotonic() + 30
    while True:
        assert time.monotonic() < end, "no such datagram"
        packet = sniffer.recv(1 << 16)
        head = (packet[0] & 15) * 4
        if packet[0] >> 4 == 4 and packet[9] == 17 and packet[12:16] == socket.inet_aton(sender) and \
                packet[16:20] == socket.inet_aton(GROUP) and len(packet) - head - 8 > min_len:
            return packet[head + 8:]


class Attacker:
    """Sends what it likes to the group, from a host's own namespace: as good as from the segment."""

    def __init__(self, namespace, interface="eth0"):
        with namespace.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack(
                "4s4si", socket.inet_aton(GROUP), bytes(4), socket.if_nametoindex(interface)))

    def send(self, data):
        self.socket.sendto(data, (GROUP, PORT))


def wait_counter(side, name, value, timeout=30):
    return side.link.wait_report(lambda r: r["counters"][name] >= value, timeout)["counters"]


def test_what_is_not_the_peers_is_counted_by_name_and_reaches_nobody(pair):
    lb1, lb2 = pair
    sniffer, attacker = sniff(lb2.namespace), Attacker(lb1.namespace)
    lb1.kernel.say(record(1), record(4))
    genuine = next_datagram(sniffer, "10.77.0.1", min_len=100)
    lb2.kernel.wait_for([1, 4])
    before, injected = lb2.counters(), lb2.kernel.messages
    forged = bytearray(genuine)
    forged[16:24] = struct.pack(">Q", struct.unpack(">Q", genuine[16:24])[0] + 1000)
    stranger = bytearray(genuine)
    stranger[8] ^= 1
    for data in (genuine, bytes(forged), bytes(stranger), genuine[:30], b"x" * 100, genuine + b"y"):
        attacker.send(data)
    counters = wait_counter(lb2, "not_ours", before["not_ours"] + 1)
    counters = wait_counter(lb2, "replayed", before["replayed"] + 2)
    for name, more in (("replayed", 2), ("forged", 1), ("unknown_session", 1), ("truncated", 1), ("not_ours", 1)):
        assert counters[name] - before[name] == more, name
    lb1.kernel.say(record(2))
    lb2.kernel.wait_for([2])
    assert lb2.kernel.messages == injected + 1  # nothing but that
    assert lb2.counters()["lost"] == 0
    # The kernel's own format in clear, as anybody could send it.
    attacker.send(message(record(3)))
    wait_counter(lb2, "not_ours", before["not_ours"] + 2)
    lb1.kernel.say(record(5))
    lb2.kernel.wait_for([5])
    assert 3 not in lb2.kernel.known


def test_datagrams_of_a_former_process_are_of_an_old_session(pair):
    lb1, lb2 = pair
    sniffer, attacker = sniff(lb2.namespace), Attacker(lb1.namespace)
    old = next_datagram(sniffer, "10.77.0.1")
    lb1.kill()
    lb2.link.wait("Peer", alive=False)
    lb1.start()
    lb1.configure()
    wait_alive(lb2)
    attacker.send(old)
    wait_counter(lb2, "old_session", 1)


@patient
def test_garbage_on_the_stream_is_closed_and_the_stream_stays(pair):
    lb1, lb2 = pair
    before = lb2.counters()["stream_failed"]
    with lb1.namespace.entered():
        strangers = [socket.create_connection(("10.77.0.2", PORT)) for _ in range(3)]
    for s in strangers:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
    wait_counter(lb2, "stream_failed", before + 3)
    for s in strangers:
        s.settimeout(30)
        with contextlib.suppress(ConnectionResetError):
            while s.recv(1000):  # an alert, and the end
                pass
        s.close()
    assert lb2.link.report()["peer"]["stream"]


@patient
def test_who_says_nothing_is_closed_after_three_seconds(pair):
    lb1, lb2 = pair
    with lb1.namespace.entered():
        s = socket.create_connection(("10.77.0.2", PORT))
    s.settimeout(30)
    begin = time.monotonic()
    assert s.recv(1) == b""
    assert 2.5 < time.monotonic() - begin < 15  # and not when TCP gives up
    s.close()
    assert lb2.link.report()["peer"]["stream"]


def test_the_link_holds_no_privilege(pair):
    for side in pair:
        with open(f"/proc/{side.link.process.pid}/status", encoding="ascii") as f:
            status = dict(line.rstrip().split(":\t", 1) for line in f if line.startswith(("Cap", "NoNew", "VmLck", "Seccomp:")))
        assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert int(status["VmLck"].split()[0]) >= 4


# What is lost


def drop(namespace, match):
    """Datagrams of the link that arrive are dropped."""
    namespace.nft("add table inet t; add chain inet t i { type filter hook input priority 0; };"
                  f"add rule inet t i {match} counter drop")


def mend(namespace):
    namespace.nft("delete table inet t")


def test_lost_datagrams_are_repaired(pair):
    lb1, lb2 = pair
    drop(lb2.namespace, "iifname eth0 udp dport 8848 numgen random mod 100 < 30")
    numbers = numbers_from(0, 500)
    say_each(lb1.kernel, numbers, pause=0.006)  # a datagram each: what comes within 4 ms is gathered
    lb2.kernel.wait_for(numbers)
    counters = lb2.counters()
    assert counters["repaired"] > 100
    assert counters["lost"] == 0
    mend(lb2.namespace)


def test_reordered_and_doubled_datagrams_are_taken_once(pair):
    """A host in between that sends each datagram twice, the later ones first."""
    lb1, lb2 = pair
    sniffer, attacker = sniff(lb1.namespace), Attacker(lb1.namespace)
    drop(lb2.namespace, "iifname eth0 udp dport 8848 udp sport 8848")
    caught = []
    for number in range(10):
        lb1.kernel.say(record(number), record(100 + number))
        caught.append(next_datagram(sniffer, "10.77.0.1", min_len=100))
    before = lb2.counters()
    for datagram in reversed(caught):
        attacker.send(datagram)
        attacker.send(datagram)
    lb2.kernel.wait_for([*range(10), *range(100, 110)])
    mend(lb2.namespace)
    counters = lb2.counters()
    assert counters["replayed"] - before["replayed"] >= 10
    assert counters["lost"] == 0


def test_a_link_cut_for_ten_seconds_comes_back_with_all(pair, figure):
    lb1, lb2 = pair
    lb2.namespace.ip("link", "set", "eth0", "down")
    begin = time.monotonic()
    reason = lb1.link.wait("Peer", alive=False)["reason"]
    took = time.monotonic() - begin
    assert reason == "no heartbeat for 350 ms"
    figure("a cut link is seen after", f"{took * 1000:.0f} ms", "350 ms of silence, and up to one heartbeat before")
    numbers = numbers_from(0, 2000)
    say_each(lb1.kernel, numbers, pause=0.005)
    assert not lb2.kernel.known
    lb2.namespace.ip("link", "set", "eth0", "up")
    begin = time.monotonic()
    lb2.kernel.wait_for(numbers)
    figure("all of 2,000 connections there after a cut of 10 s", f"{(time.monotonic() - begin) * 1000:.0f} ms", "5 s")
    wait_alive(lb1)
    assert lb1.counters()["sessions"] == 1


def test_after_a_cut_the_stream_is_there_as_soon_as_the_peer_is_heard(pair, figure):
    """An attempt that was begun during the cut may wait for seconds until TCP tries it again."""
    lb1, lb2 = pair
    since = time.monotonic()
    for side in pair:
        drop(side.namespace, "iifname eth0")
    for side in pair:
        side.link.wait("Peer", alive=False, stream=False)
    lb1.link.collect(3.3)  # an attempt is under way, and TCP has given up being quick
    for side in pair:
        mend(side.namespace)
    heard = lb2.link.wait("Peer", timeout=20, alive=True)
    begin = time.monotonic()
    if not heard["stream"]:
        lb2.link.wait("Peer", timeout=20, stream=True)
    took = time.monotonic() - begin
    figure(f"the stream, after a cut of {begin - since:.0f} s, once the peer is heard", f"{took * 1000:.0f} ms")
    assert took < 2.5  # TCP would wait longer


def test_more_than_can_be_repaired_comes_by_a_resync(pair):
    lb1, lb2 = pair
    drop(lb2.namespace, "iifname eth0 udp dport 8848")
    lb2.link.wait("Peer", alive=False)
    for number in range(6000):
        lb1.kernel.say(record(number))
        if number % 20 == 0:  # so that it takes more datagrams than are kept
            time.sleep(0.002)
    lb1.link.wait_report(lambda r: r["counters"]["kernel_records"] >= 6000)
    mend(lb2.namespace)
    lb2.kernel.wait_for(numbers_from(0, 6000))


def test_a_killed_link_has_a_new_session_and_is_resynced(pair):
    lb1, lb2 = pair
    say_each(lb1.kernel, numbers_from(0, 500))
    lb2.kernel.wait_for(numbers_from(0, 500))
    say_each(lb2.kernel, numbers_from(1000, 500))
    lb1.kernel.wait_for(numbers_from(1000, 500))
    lb1.kernel.forget()
    lb1.kill()
    lb2.link.wait("Peer", alive=False)
    lb1.start()
    lb1.configure()
    wait_alive(lb1)
    wait_alive(lb2)
    done = lb1.link.wait("Resync", state="done")
    assert done["records"] >= 1000
    # The kernel was not killed, but who reads what it has to say was: all is given to it.
    lb1.kernel.wait_for([*numbers_from(0, 500), *numbers_from(1000, 500)])
    assert lb2.counters()["sessions"] == 2


@pytest.fixture
def twofold():
    """Two hosts with two links between them."""
    sides = Side("lb1", 1), Side("lb2", 2)
    connect(sides[0].namespace, sides[1].namespace)
    here, there = (side.namespace for side in sides)
    here.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", there.name)
    for side in sides:
        side.namespace.ip("address", "add", f"10.78.0.{side.number}/24", "dev", "eth1")
        side.namespace.ip("link", "set", "eth1", "up")
        side.heartbeat_us = PATIENT_US
        side.start()
        assert side.configure(interfaces=["eth0", "eth1"]) == []
    for side in sides:
        wait_alive(side)
        side.link.said.clear()
    yield sides
    for side in sides:
        side.close()


def test_of_two_links_one_may_be_cut(twofold):
    lb1, lb2 = twofold
    say_each(lb1.kernel, numbers_from(0, 200), pause=0.001)
    lb2.kernel.wait_for(numbers_from(0, 200))
    counters = lb2.counters()
    assert counters["replayed"] == 0 and counters["duplicate"] > 0
    for i, interface in enumerate(("eth1", "eth0")):
        first = 1000 * (i + 1)
        half = numbers_from(first, 100)
        say_each(lb1.kernel, half, pause=0.001)
        drop(lb2.namespace, f'iifname "{interface}"')
        say_each(lb1.kernel, numbers_from(first + 100, 300), pause=0.003)
        lb2.kernel.wait_for(numbers_from(first, 400))  # without a repair, see below
        mend(lb2.namespace)
    counters = lb2.counters()
    assert counters["lost"] == counters["repaired"] == 0
    assert not [f for f in lb2.link.said if f["method"] == "Peer" and not f["parameters"]["alive"]]


# Keys


@patient
def test_a_key_is_changed_under_load_and_nothing_is_lost(pair):
    lb1, lb2 = pair
    stop, said = threading.Event(), []

    def talk():
        for number in itertools.count():
            if stop.is_set():
                return
            lb1.kernel.say(record(number))
            said.append(number)
            time.sleep(0.001)

    talker = threading.Thread(target=talk)
    talker.start()
    for keys in ([KEY, OTHER_KEY], [OTHER_KEY, KEY], [OTHER_KEY]):
        for side in pair:
            assert side.configure(keys=keys) == []
        for side in pair:
            side.link.wait_report(lambda r: r["peer"]["stream"] and r["peer"]["alive"])
        if keys[0] == OTHER_KEY:
            for side in pair:
                side.link.wait_report(lambda r: r["counters"]["stream_opened"] == 2)
            wait_until(lambda: len({side.link.report()["peer"]["key"] for side in pair}) == 1, 30, "both use one key")
    stop.set()
    talker.join()
    lb2.kernel.wait_for(said)
    for side in pair:
        counters = side.counters()
        assert counters["sessions"] == 1
        for name in ("lost", "repaired", "forged", "unknown_session", "old_session"):
            assert counters[name] == 0, name


@patient
def test_a_key_dropped_between_the_hellos_of_a_new_stream_costs_one_stream(pair):
    """The director that connects has sent its hello, which is on its way, when the key of its session goes."""
    lb1, lb2 = pair
    for side in pair:
        assert side.configure(keys=[KEY, OTHER_KEY]) == []
    # TLS once it is encrypted, behind a TCP header with a time stamp: TCP sends it again until it arrives.
    drop(lb2.namespace, f"tcp dport {PORT} @th,256,8 {{ 0x14, 0x17 }}")
    for side in (lb2, lb1):
        assert side.configure(keys=[OTHER_KEY, KEY]) == []
    lb1.link.wait_report(lambda r: r["counters"]["stream_opened"] == 2)
    assert lb1.configure(keys=[OTHER_KEY]) == []
    assert not lb1.link.report()["peer"]["stream"], "no hello has come"
    mend(lb2.namespace)
    for side in pair:
        side.link.wait_report(lambda r: r["counters"]["stream_opened"] == 3 and r["peer"]["stream"]
                              and r["peer"]["alive"])
    counters = [side.counters() for side in pair]
    assert sum(c["no_common_key"] for c in counters) in (1, 2) and all(c["bad_message"] == 0 for c in counters)
    for side, its in zip(pair, counters):
        told = side.link.report()["peer"]["last_failure"]
        assert not its["no_common_key"] or told == "agreed: no common key, one was dropped meanwhile"
    say_each(lb1.kernel, numbers_from(0, 50), pause=0.001)
    lb2.kernel.wait_for(numbers_from(0, 50))


# Floods


@patient
def test_a_flood_of_junk_starves_nobody(pair, figure):
    lb1, lb2 = pair
    with lb1.namespace.entered():
        flood = subprocess.Popen([os.path.join(os.environ["TANDEM_BUILDDIR"], "tests/lab/flood"),
                                  "eth0", GROUP, str(PORT), "100000", "5"])
    begin, cpu = time.monotonic(), cpu_seconds(lb2.link.process.pid)
    latencies = []
    number = 0
    while flood.poll() is None:
        lb1.kernel.say(record(number))
        latencies.append(lb2.kernel.wait_for([number]))
        number += 1
        time.sleep(0.01)
    took = time.monotonic() - begin
    cpu = cpu_seconds(lb2.link.process.pid) - cpu
    assert flood.returncode == 0
    counters = lb2.counters()
    junk = counters["not_ours"]
    assert not [f for f in lb2.link.said if f["method"] == "Peer" and not f["parameters"]["alive"]]
    assert counters["lost"] == 0
    latencies.sort()
    figure("junk datagrams a second that were looked at", f"{junk / took:.0f}")
    figure("processor share of tandem-link meanwhile", f"{cpu / took * 100:.0f} %")
    figure("latency of sync meanwhile, p50 / p99",
           f"{latencies[len(latencies) // 2] * 1000:.1f} / {latencies[len(latencies) * 99 // 100] * 1000:.1f} ms")


# What the directors say


def test_states_are_exchanged_on_change_and_after_a_restart(pair):
    lb1, lb2 = pair
    lb1.link.send("State", state={"routers": {"front": {"state": "active"}}, "text": "ä"})
    assert lb2.link.wait("Peer", state={"routers": {"front": {"state": "active"}}, "text": "ä"})["alive"]
    lb1.link.send("State", state={"routers": {}})
    lb2.link.wait("Peer", state={"routers": {}})
    lb2.kill()
    lb2.start()
    lb2.configure()
    lb2.link.wait("Peer", state={"routers": {}})


def tracked(n):
    """Entries of connection tracking as the director writes them: hexadecimal."""
    entry = struct.pack(">BBBxIIHHHH4s4s4s4s", 2, 6, 3, 900, 0, 1024, 80, 80, 2048, *(
        socket.inet_aton(a) for a in ("10.0.0.1", "192.0.2.100", "10.9.0.1", "10.9.0.200")))
    return (struct.pack(">BBHIQQ", 2, 0, n, 0, 7, 1) + entry * n).hex()


@patient
@pytest.mark.parametrize("n", [1, 38, 39, 1024])
def test_tracked_entries_are_passed_on(pair, n):
    lb1, lb2 = pair
    lb1.link.send("Tracked", entries=tracked(n))
    assert lb2.link.wait("Tracked")["entries"] == tracked(n)
    lb1.link.send("Tracked", entries="00ff")
    wait_counter(lb2, "bad_message", 1)
    assert lb2.counters()["stream_opened"] == 1


def test_a_resync_can_be_asked_for(pair):
    lb1, lb2 = pair
    say_each(lb1.kernel, numbers_from(0, 300))
    lb2.kernel.wait_for(numbers_from(0, 300))
    lb2.kernel.forget()
    lb2.link.send("Resync")
    assert lb2.link.wait("Resync", state="done")["records"] >= 300
    lb2.kernel.wait_for(numbers_from(0, 300))


def test_coverage_is_told_when_asked(pair):
    lb1, lb2 = pair
    say_each(lb1.kernel, numbers_from(0, 300))
    lb2.kernel.wait_for(numbers_from(0, 300))
    lb1.link.said.clear()
    lb1.link.send("Coverage")
    coverage = lb1.link.wait("Coverage")
    assert coverage["percent"] == 100.0 and coverage["own"] == 300
    assert coverage["services"][0]["address"] == "192.0.2.100"


def test_the_elector_can_read_that_the_peer_lives_and_what_it_is(hosts):
    page = os.memfd_create("page", os.MFD_ALLOW_SEALING)
    size = 32 + 2 * (8 + 1024 * 16)
    os.ftruncate(page, size)
    os.pwrite(page, struct.pack("=I", 2), 0)
    fcntl.fcntl(page, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    lb1, lb2 = hosts
    lb1.page = page
    for side in hosts:
        side.start()
        side.configure()
    lb2.link.send("State", state={"routers": {"front": {"state": "active", "cut_off": True}}})
    lb1.link.wait("Peer", alive=True, stream=True, state={"routers": {"front": {"state": "active", "cut_off": True}}})

    def read_page():
        _, turn, heard, told, dead_until = struct.unpack("=IIQQQ", os.pread(page, 32, 0))
        at = 32 + (turn % 2) * (8 + 1024 * 16)
        n, = struct.unpack("=I", os.pread(page, 4, at))
        return heard, told, [struct.unpack("=QII", os.pread(page, 16, at + 8 + 16 * i)) for i in range(n)], dead_until

    heard, told, routers, dead_until = read_page()
    assert dead_until == 0
    now = time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6
    assert now - 1e6 < heard <= now and told > 0
    assert [router[1:] for router in routers] == [(2, 1)]
    lb1.link.wait_report(lambda r: read_page()[0] > heard)
    lb2.kill()
    lb1.link.wait("Peer", alive=False)
    wait_until(lambda: read_page()[3] > time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6, 30, "it counts as dead")
    assert read_page()[3] <= time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6 + 2e6
    lb1.link.collect(0)  # what was said of the process before
    lb2.start()
    lb2.configure()
    wait_alive(lb1)
    wait_until(lambda: read_page()[2:] == ([], 0), 30, "the page of another process")
    lb1.link.stop()
    lb1.link = None
    assert read_page()[0] == 0


# What it costs


def test_what_the_relay_costs(pair, figure):
    lb1, lb2 = pair
    n = 100000
    cpu = [cpu_seconds(side.link.process.pid) for side in pair]
    begin = time.monotonic()
    for number in range(n):
        lb1.kernel.say(record(number))
        if number % 1000 == 999:  # not more than the device's queue
            lb2.kernel.wait_for([number])
    lb2.kernel.wait_for(range(n))
    took = time.monotonic() - begin
    cpu = [cpu_seconds(side.link.process.pid) - before for side, before in zip(pair, cpu)]
    figure("relay: messages a second", f"{n / took:.0f}")
    figure("relay: processor time per 1,000 messages, sender / receiver",
           " / ".join(f"{c * 1e6 / n:.1f} ms" for c in cpu))
    latencies = []
    for number in range(n, n + 1000):
        lb1.kernel.say(record(number))
        latencies.append(lb2.kernel.wait_for([number]))
        time.sleep(0.001)
    latencies.sort()
    figure("relay: latency from kernel to kernel, p50 / p99",
           f"{latencies[500] * 1e6:.0f} / {latencies[990] * 1e6:.0f} us")
    counters = lb2.counters()
    assert counters["lost"] == 0


# TANDEM_BULK=1000000 for the figure of a large site.
BULK = int(os.environ.get("TANDEM_BULK", "50000"))


def test_who_joins_late_gets_all_in_bulk(hosts, figure):
    lb1, lb2 = hosts
    lb1.start()
    assert lb1.configure() == []
    for first in range(0, BULK, 200):
        lb1.kernel.say(*map(record, range(first, min(first + 200, BULK))))
        if first % 100000 == 0:
            lb1.link.wait_report(lambda r, first=first: r["shadow"]["entries"] > first, 30)
    lb1.link.wait_report(lambda r: r["shadow"]["entries"] == BULK, 30)
    cpu = cpu_seconds(lb1.link.process.pid)
    begin = time.monotonic()
    lb2.start()
    assert lb2.configure() == []
    lb2.kernel.wait(lambda known: len(known) == BULK, 30 + BULK / 5000)
    took = time.monotonic() - begin
    assert lb2.link.wait("Resync", state="done", timeout=20)["records"] >= BULK
    figure(f"{BULK} connections in bulk, process, agreement and kernel included", f"{took:.2f} s")
    figure("processor time, sender / receiver",
           f"{cpu_seconds(lb1.link.process.pid) - cpu:.2f} / {cpu_seconds(lb2.link.process.pid):.2f} s")
    figure("memory at most, sender / receiver", f"{peak_mb(lb1.link.process.pid):.0f} / {peak_mb(lb2.link.process.pid):.0f} MB")
