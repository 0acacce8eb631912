"""The check types dns, ping, smtp and udp against real servers: unbound, the kernel, Postfix and small
servers of UDP. For each: up, down, wrong, slow and recovering; the verdict, its reason, and how long
it takes."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from guestrun import in_guest
from played_director import Helper, Namespace, connect
from process import Process, wait_until

# In an emulated machine no sockets can be made but on a file system of its own.
TEMPORARY = "/tmp" if in_guest() else "/var/tmp"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")

SERVER, SERVER6 = "10.77.0.2", "fd00:77::2"
INTERVAL_US, TIMEOUT_US, FALL, RISE = 200000, 2000000, 3, 2
# What may be late on a machine that is busy or stands still, beyond what the rule allows.
BUSY_S = 5
QUICK = {"timeout_us": 100000}  # where no answer comes: an answer may be late


@pytest.fixture
def pair():
    here, there = Namespace("net"), Namespace("net")
    connect(here, there)
    for host, namespace in ((1, here), (2, there)):
        namespace.ip("address", "add", f"fd00:77::{host}/64", "dev", "eth0", "nodad")
    yield here, there
    here.delete()
    there.delete()


@pytest.fixture
def checker(pair):
    # As tandemd starts it when a ping is configured.
    helper = Helper("tandem-checker", pair[0], "setpriv", "--reuid=65534", "--regid=65534",
                    "--clear-groups", "--inh-caps=+net_raw", "--ambient-caps=+net_raw", "--")
    yield helper
    helper.stop()


def target(kind, port=0, name="a", address=SERVER, settings=None, **more):
    return {"id": name, "type": kind, "address": address, "port": port, "interval_us": INTERVAL_US,
            "timeout_us": TIMEOUT_US, "rise": RISE, "fall": FALL, "jitter_percent": 0,
            "state": "unknown", "settings": settings or {}, **more}


def expect(checker, state, reason, name="a", timeout=30):
    """Wait for a verdict, for this reason: of one before the server was there, say, there may be another."""
    end = time.monotonic() + timeout
    while True:
        verdict = checker.wait("Verdict", timeout=timeout, id=name, state=state)
        if verdict["reason"].startswith(reason):
            return verdict
        assert time.monotonic() < end, verdict


def detect(checker, change, state, reason, record_property, name="a", pace=None):
    """How long it takes until a change is a verdict: no longer than its rule says."""
    checker.report()
    checker.said.clear()  # what it said before
    started = time.monotonic()
    change()
    expect(checker, state, reason, name)
    took = time.monotonic() - started
    record_property(f"{state} {reason}", f"{took:.3f} s")
    print(f"{reason!r}: {state} after {took:.3f} s")
    count = RISE if state == "up" else FALL
    interval_us, timeout_us = pace or (INTERVAL_US, QUICK["timeout_us"])
    assert took <= (count * interval_us + timeout_us) / 1e6 + BUSY_S
    return took


@contextlib.contextmanager
def slow(namespace, delay="300ms"):
    run = ["ip", "netns", "exec", namespace.name, "tc", "qdisc"]
    subprocess.run([*run, "add", "dev", "eth0", "root", "netem", "delay", delay], check=True)
    yield
    subprocess.run([*run, "del", "dev", "eth0", "root"], check=True)


@contextlib.contextmanager
def daemon(namespace, *command):
    process = Process(["nsenter", f"--net=/run/netns/{namespace.name}", "--", *command])
    try:
        yield process
    finally:
        process.kill()


def why(checker, text, name="a"):
    """Wait for a reason, where the verdict stays."""
    def reason():
        return next(t["reason"] for t in checker.report()["targets"] if t["id"] == name)
    return wait_until(lambda: reason().startswith(text) and reason(), 30, f"{name}: {text}")


def answers(namespace, port, kind=socket.SOCK_STREAM):
    """Whether somebody is there, by the kernel's list of sockets."""
    listing = subprocess.run(
        ["ip", "netns", "exec", namespace.name, "ss", "-Hln", "-t" if kind == socket.SOCK_STREAM else "-u",
         f"sport = :{port}"], capture_output=True, text=True, check=True)
    return bool(listing.stdout.strip())


# --- dns ---

ZONE = """
server:
  interface: 0.0.0.0
  interface: ::0
  access-control: 0.0.0.0/0 allow
  access-control: ::0/0 allow
  username: ""
  chroot: ""
  directory: "{dir}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"
  local-zone: "example.net." static
  local-zone: "refused.example." always_refuse
  local-data: "www.example.net. 60 IN A {address}"
  local-data: "www.example.net. 60 IN AAAA 2001:db8::1"
  local-data: "example.net. 60 IN MX 10 mx.example.net."
  local-data: "example.net. 60 IN SOA ns.example.net. admin.example.net. 1 2 3 4 5"
  local-data: '_s._tcp.example.net. 60 IN SRV 1 2 443 www.example.net.'
  local-data: 'text.example.net. 60 IN TXT "v=1 all"'
{long}
"""


@contextlib.contextmanager
def unbound(namespace, address="192.0.2.1"):
    long = "\n".join(f"  local-data: 'long.example.net. 60 IN TXT \"{i} {'x' * 100}\"'"
                     for i in range(20))
    with tempfile.TemporaryDirectory(prefix="tandem-unbound-", dir=TEMPORARY) as directory:
        path = os.path.join(directory, "unbound.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(ZONE.format(dir=directory, address=address, long=long))
        with daemon(namespace, "unbound", "-d", "-c", path) as process:
            wait_until(lambda: answers(namespace, 53, socket.SOCK_DGRAM) and answers(namespace, 53),
                       20, f"unbound serves ({process.noise()})")
            yield process


def dns(name="www.example.net", address=SERVER, ident=None, **settings):
    return target("dns", 53, name=ident or name, address=address, settings={"name": name, **settings})


def test_dns_answers_of_each_kind(checker, pair):
    cases = {
        "a": (dns(ident="a"), "up", "DNS: 192.0.2.1"),
        "value": (dns(ident="value", answer="192.0.2.1"), "up", "DNS: 192.0.2.1"),
        "other": (dns(ident="other", answer="192.0.2.7"), "down", "DNS: wanted 192.0.2.7, got 192.0.2.1"),
        "aaaa": (dns(ident="aaaa", record="AAAA", answer="2001:db8:0::1"), "up", "DNS: 2001:db8::1"),
        "six": (dns(ident="six", address=SERVER6), "up", "DNS: 192.0.2.1"),
        "mx": (dns("example.net", ident="mx", record="MX", answer="10 MX.example.net."), "up",
               "DNS: 10 mx.example.net"),
        "soa": (dns("example.net.", ident="soa", record="SOA",
                    answer="ns.example.net. admin.example.net. 1 2 3 4 5"), "up", "DNS: ns.example.net"),
        "srv": (dns("_s._tcp.example.net", ident="srv", record="SRV", answer="1 2 443 www.example.net"),
                "up", "DNS: 1 2 443 www.example.net"),
        "txt": (dns("text.example.net", ident="txt", record="TXT", answer="v=1 all"), "up", "DNS: v=1 all"),
        "none": (dns(ident="none", record="MX"), "down", "DNS: no record of type MX"),
        "nx": (dns("gone.example.net", ident="nx"), "down", "DNS: NXDOMAIN"),
        "nxgood": (dns("gone.example.net", ident="nxgood", rcode="NXDOMAIN"), "up", "DNS: NXDOMAIN"),
        "refused": (dns("refused.example", ident="refused"), "down", "DNS: REFUSED"),
        "wanted": (dns(ident="wanted", rcode="REFUSED"), "down", "DNS: wanted REFUSED, got NOERROR"),
        "tcp": (dns(ident="tcp", transport="tcp"), "up", "DNS: 192.0.2.1"),
        # Over two kilobytes: the datagram is truncated, and the stream has it all.
        "long": (dns("long.example.net", ident="long", record="TXT"), "up", "DNS: "),
        "last": (dns("long.example.net", ident="last", record="TXT", answer="19 " + "x" * 100), "up",
                 "DNS: 19 x"),
    }
    with unbound(pair[1]):
        assert checker.configure(targets=[case[0] for case in cases.values()]) == []
        for name, (_, state, reason) in cases.items():
            expect(checker, state, reason, name)


def test_dns_down_hung_wrong_and_back(checker, pair, record_property):
    pace = 600000, 500000  # a server that was stopped may need longer than others to answer
    checker.configure(targets=[dns(ident="a", answer="192.0.2.1") |
                               {"interval_us": pace[0], "timeout_us": pace[1]}])
    with unbound(pair[1]) as server:
        expect(checker, "up", "DNS: 192.0.2.1")
        detect(checker, lambda: os.kill(server.pid, signal.SIGSTOP), "down",
               "DNS answer: timed out after 500ms", record_property, pace=pace)
        detect(checker, lambda: os.kill(server.pid, signal.SIGCONT), "up", "DNS: 192.0.2.1",
               record_property, pace=pace)
        # Linux says only so often that a port is unreachable; the other failures are silence.
        detect(checker, server.kill, "down", "", record_property, pace=pace)
        why(checker, "udp: port unreachable in ")
    with unbound(pair[1], "192.0.2.7"):
        why(checker, "DNS: wanted 192.0.2.1, got 192.0.2.7")
    with unbound(pair[1]):
        expect(checker, "up", "DNS: 192.0.2.1")


class Datagrams:
    """A server of UDP that answers as it is told."""

    def __init__(self, namespace, port, answer, address=""):
        with namespace.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((address, port))
        self.answer = answer
        self.heard = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self.socket.recvfrom(65536)
                if peer is None:  # closed
                    return
                self.heard.append((data, peer))
                for reply in self.answer(data):
                    self.socket.sendto(reply, peer)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture
def datagrams(pair):
    opened = []

    def start(port, answer):
        opened.append(Datagrams(pair[1], port, answer))
        return opened[-1]

    yield start
    for server in opened:
        server.close()


def dns_answer(query, ident=None, address=b"\xc0\x00\x02\x01"):
    question = query[12:]
    return ((ident or query[:2]) + b"\x81\x80\0\1\0\1\0\0\0\0" + question +
            b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + address)


def test_dns_passes_over_what_does_not_answer_the_question(checker, datagrams):
    def answer(query):
        wrong_id = bytes([query[0] ^ 1, query[1]])
        return [b"", b"junk", dns_answer(query, wrong_id, b"\xc0\0\2\x66"),
                dns_answer(query.replace(b"www", b"wwx"), None, b"\xc0\0\2\x66"), query,
                dns_answer(query)]

    server = datagrams(53, answer)
    checker.configure(targets=[dns(ident="a", answer="192.0.2.1")])
    expect(checker, "up", "DNS: 192.0.2.1")
    checker.wait_report(lambda report: report["targets"][0]["checks"] >= 10)
    assert checker.report()["targets"][0]["failures"] == 0
    # Nobody who has not seen the question can guess what answers it.
    assert len({data[:2] for data, _ in server.heard}) >= 8
    assert len({peer[1] for _, peer in server.heard}) >= 8


def test_dns_names_what_came_when_nothing_better_did(checker, datagrams):
    datagrams(53, lambda query: [dns_answer(query, bytes([query[0] ^ 1, query[1]]))])
    checker.configure(targets=[dns(ident="a") | QUICK])
    expect(checker, "down", "the answer has another id: timed out after 100ms")


def test_dns_survives_what_a_hostile_server_sends(checker, datagrams, pair):
    """Records beyond the end, pointers in circles, and a stream that says a length and nothing more."""
    truncated = lambda query: query[:2] + b"\x83\x80" + query[4:]
    loop = lambda query: (query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:] +
                          b"\xc0" + bytes([len(query)]) + b"\0\1\0\1\0\0\0\x3c\0\4abcd")
    datagrams(53, lambda query: [truncated(query)])
    datagrams(54, lambda query: [loop(query)])
    with pair[1].entered():
        listener = socket.create_server(("", 53))
    held = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                held.append(listener.accept()[0])
                held[-1].sendall(b"\xff\xff" + b"x" * 100)

    threading.Thread(target=serve, daemon=True).start()
    checker.configure(targets=[dns(ident="a") | QUICK, dns(ident="b") | QUICK | {"port": 54}])
    expect(checker, "down", "DNS over TCP: answer: timed out after 100ms", "a")
    expect(checker, "down", "a name in the answer does not end: timed out", "b")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    why(checker, "DNS over TCP: connect: refused in ")
    for connection in held:
        connection.close()


# --- udp ---

def udp(port=99, ident="a", **settings):
    encoded = {key: value.encode().hex() if key in ("send", "reply_contains", "reply_is") else value
               for key, value in settings.items()}
    return target("udp", port, name=ident, settings=encoded)


def test_udp_replies_of_each_kind(checker, datagrams):
    server = datagrams(99, lambda data: [b"ok 42 " + data] if data != b"silent" else [])
    cases = {
        "any": (udp(ident="any", send="a"), "up", "udp: answered in "),
        "has": (udp(ident="has", send="a", reply_contains="42"), "up", "udp: answered"),
        "lacks": (udp(ident="lacks", send="a", reply_contains="43"), "down",
                  'udp: another reply than wanted: "ok 42 a"'),
        "is": (udp(ident="is", send="a\r\n", reply_is="ok 42 a\r\n"), "up", "udp: answered"),
        "isnot": (udp(ident="isnot", send="a", reply_is="ok 42 "), "down", "udp: another reply"),
        "like": (udp(ident="like", send="a", reply_matches="^ok [0-9]+ .$"), "up", "udp: the reply matches"),
        "unlike": (udp(ident="unlike", send="a", reply_matches="^ok$"), "down",
                   'udp: the reply does not match: "ok 42 a"'),
        "costly": (udp(ident="costly", send="a" * 60, reply_matches="(a+)+[0-9]$"), "down",
                   "udp: matching the reply costs too much"),
        "silent": (udp(ident="silent", send="silent"), "up", "udp: not refused"),
        "wants": (udp(ident="wants", send="silent", reply_contains="a") | QUICK, "down",
                  "udp reply: timed out after 100ms"),
        "nobody": (udp(98, ident="nobody", send="a"), "down", "udp: port unreachable in "),
        "empty": (udp(ident="empty"), "up", "udp: answered"),
    }
    for case in cases.values():
        case[0]["settings"]["wait_us"] = QUICK["timeout_us"] // 2
    assert checker.configure(targets=[case[0] for case in cases.values()]) == []
    for name, (_, state, reason) in cases.items():
        expect(checker, state, reason, name)
    assert b"" in {data for data, _ in server.heard}


def test_udp_settings_that_make_no_sense_are_refused(checker):
    errors = checker.configure(targets=[udp(ident="a", reply_matches="("),
                                        target("udp", 99, "b", settings={"send": "0"})])
    assert sorted(errors) == ["target a: the check was refused", "target b: the check was refused"]


def test_udp_down_and_back(checker, datagrams, record_property):
    server = datagrams(99, lambda data: [data])
    checker.configure(targets=[udp(send="ping", reply_is="ping") | QUICK])
    expect(checker, "up", "udp: answered")
    # Linux says only once a second that a port is unreachable; the others are silence.
    detect(checker, server.close, "down", "udp", record_property)
    detect(checker, lambda: datagrams(99, lambda data: [data]), "up", "udp: answered", record_property)


def test_udp_without_a_neighbour_says_so(checker, pair):
    with pair[0].entered(), open("/proc/sys/net/ipv4/neigh/eth0/retrans_time_ms", "w",
                                 encoding="ascii") as f:
        f.write("20\n")
    checker.configure(targets=[{**udp(), "address": "10.77.0.99"}])
    expect(checker, "down", "udp: no route to host in ")


# --- ping ---

def test_ping_of_both_families_and_sizes(checker):
    cases = {
        "four": target("ping", name="four"),
        "six": target("ping", name="six", address=SERVER6),
        "small": target("ping", name="small", settings={"size": 8}),
        "large": target("ping", name="large", settings={"size": 30000}),
        "large6": target("ping", name="large6", address=SERVER6, settings={"size": 30000}),
        "way": target("ping", name="way", source="10.77.0.1", interface="eth0", mark=7),
        "way6": target("ping", name="way6", address=SERVER6, source="fd00:77::1", mark=7),
    }
    assert checker.configure(targets=[case for case in cases.values()]) == []
    for name in cases:
        expect(checker, "up", "ping: answered in ", name)
    checker.wait_report(lambda report: all(t["checks"] >= 10 for t in report["targets"]))
    assert [t["failures"] for t in checker.report()["targets"]] == [0] * len(cases)


def test_ping_by_ping_sockets_needs_no_privilege(pair):
    with pair[0].entered(), open("/proc/sys/net/ipv4/ping_group_range", "w", encoding="ascii") as f:
        f.write("65534 65534\n")
    checker = Helper("tandem-checker", pair[0], "setpriv", "--reuid=65534", "--regid=65534",
                     "--clear-groups", "--")
    try:
        checker.configure(targets=[target("ping"), target("ping", name="six", address=SERVER6),
                                   target("ping", name="none", address="203.0.113.9")])
        expect(checker, "up", "ping: answered in ")
        expect(checker, "up", "ping: answered in ", "six")
        expect(checker, "down", "ping: network is unreachable", "none")
    finally:
        checker.stop()


def test_ping_without_a_socket_says_nothing_about_the_target(pair):
    checker = Helper("tandem-checker", pair[0], "setpriv", "--reuid=65534", "--regid=65534",
                     "--clear-groups", "--")
    try:
        checker.configure(targets=[target("ping")])
        event = checker.wait("Event")
        assert "ping_group_range" in str(event), event
        assert checker.report()["targets"][0]["state"] == "unknown"
    finally:
        checker.stop()


def test_ping_down_and_back(checker, pair, record_property):
    checker.configure(targets=[target("ping") | QUICK, target("ping", name="six", address=SERVER6)])
    expect(checker, "up", "ping: answered")
    expect(checker, "up", "ping: answered", "six")
    silence = ("add table inet t; add chain inet t i { type filter hook input priority 0; };"
               "add rule inet t i icmp type echo-request drop")
    detect(checker, lambda: pair[1].nft(silence), "down", "ping: timed out after 100ms", record_property)
    pair[1].nft("flush ruleset; add table inet t;"
                "add chain inet t i { type filter hook input priority 0; };"
                "add rule inet t i icmp type echo-request reject with icmp type admin-prohibited")
    why(checker, "ping: no route to host in ")
    detect(checker, lambda: pair[1].nft("flush ruleset"), "up", "ping: answered", record_property)


def test_ping_of_many_hosts_through_one_socket(checker, pair):
    pair[1].ip("route", "add", "local", "10.78.0.0/16", "dev", "lo")
    pair[0].ip("route", "add", "10.78.0.0/16", "via", SERVER)
    names = [f"10.78.{i // 250}.{i % 250 + 1}" for i in range(2000)]
    targets = [{**target("ping", name=name, address=name), "interval_us": 1000000,
                "timeout_us": 900000} for name in names]
    assert checker.configure(targets=targets + [
        {**target("ping", name="gone", address="10.79.0.1"), "interval_us": 1000000}]) == []
    report = checker.wait_report(lambda r: all(t["checks"] >= 3 for t in r["targets"]))
    by_name = {t["id"]: t for t in report["targets"]}
    assert by_name.pop("gone")["state"] == "down"
    assert {t["state"] for t in by_name.values()} == {"up"}
    descriptors = os.listdir(f"/proc/{checker.process.pid}/fd")
    assert len(descriptors) < 30


# --- smtp ---

POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
mail_owner = postfix
myhostname = mx.example.net
mydestination =
inet_interfaces = all
inet_protocols = all
maillog_file = /var/log/tandem-lab-{pid}.log
smtpd_peername_lookup = no
smtpd_helo_restrictions = {helo}
smtpd_delay_reject = no
"""
POSTFIX_MASTER = """
smtp inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
proxymap unix - - n - - proxymap
"""


@contextlib.contextmanager
def postfix(namespace, helo=""):
    log = f"/var/log/tandem-lab-{os.getpid()}.log"
    with tempfile.TemporaryDirectory(prefix="tandem-postfix-", dir=TEMPORARY) as directory:
        os.chmod(directory, 0o755)
        for name, text in (("main.cf", POSTFIX_MAIN), ("master.cf", POSTFIX_MASTER)):
            with open(os.path.join(directory, name), "w", encoding="ascii") as f:
                f.write(text.format(dir=directory, pid=os.getpid(), helo=helo))
        os.mkdir(os.path.join(directory, "queue"))
        os.mkdir(os.path.join(directory, "data"))
        subprocess.run(["chown", "postfix", os.path.join(directory, "data")], check=True)
        inside = ["nsenter", f"--net=/run/netns/{namespace.name}", "--"]
        subprocess.run([*inside, "postfix", "-c", directory, "start"], check=True, capture_output=True)
        try:
            wait_until(lambda: answers(namespace, 25), 30, "Postfix serves")
            yield
        finally:
            subprocess.run([*inside, "postfix", "-c", directory, "abort"], check=False, capture_output=True)
            with contextlib.suppress(OSError):
                os.unlink(log)


def smtp(port=25, ident="a", address=SERVER, **settings):
    return target("smtp", port, name=ident, address=address, settings=settings)


def test_smtp_of_a_real_mail_server(checker, pair):
    with postfix(pair[1]):
        checker.configure(targets=[smtp(helo="lb.example.net"), smtp(ident="six", address=SERVER6)])
        expect(checker, "up", "SMTP 220 mx.example.net ESMTP Postfix")
        expect(checker, "up", "SMTP 220 mx.example.net ESMTP Postfix", "six")
    expect(checker, "down", "connect: refused in ")
    with postfix(pair[1], "check_helo_access inline:{lb.example.net=reject}"):
        expect(checker, "up", "SMTP 220 ", "six")
        why(checker, "SMTP EHLO: 554 5.7.1 <lb.example.net>")
    with postfix(pair[1]):
        expect(checker, "up", "SMTP 220 mx.example.net ESMTP Postfix")


class Script:
    """A server of TCP that says things whatever it hears."""

    def __init__(self, namespace, port, say):
        with namespace.entered():
            self.socket = socket.create_server(("", port))
        self.say = say
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self._speak, args=(connection,), daemon=True).start()

    def _speak(self, connection):
        with connection, contextlib.suppress(OSError):
            for i, chunk in enumerate(self.say):
                if i and isinstance(chunk, bytes):
                    connection.recv(1000)
                if callable(chunk):
                    chunk(connection)
                else:
                    connection.sendall(chunk)
            connection.recv(1000)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def flood(connection):
    while True:
        connection.sendall(b"250-x\r\n" * 10000)


def drip(connection):
    for byte in b"220 " + b"a" * 400:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)  # the point of a slow server


def test_smtp_of_servers_that_are_none(checker, pair):
    cases = {
        "busy": ([b"421 too busy\r\n"], "SMTP greeting: 421 too busy"),
        "helo": ([b"220 a\r\n", b"550-go\r\n550 away\r\n"], "SMTP EHLO: 550 go"),
        "quit": ([b"220 a\r\n", b"250 b\r\n", b"500 what\r\n"], "SMTP QUIT: 500 what"),
        "ssh": ([b"SSH-2.0-OpenSSH_9.2\r\n"], "SMTP greeting: not an SMTP reply"),
        "long": ([b"220 " + b"a" * 5000], "SMTP greeting: a reply line is too long"),
        "mixed": ([b"220-a\r\n221 b\r\n"], "SMTP greeting: a reply with two codes"),
        "flood": ([b"220 a\r\n", flood], "SMTP EHLO: "),
        "drip": ([drip], "SMTP greeting: timed out after 100ms"),
        "mute": ([b""], "SMTP greeting: timed out after 100ms"),
        "reset": ([lambda c: c.close()], "SMTP greeting: "),
    }
    servers = [Script(pair[1], 1000 + i, case[0]) for i, case in enumerate(cases.values())]
    checker.configure(targets=[smtp(1000 + i, name) | (QUICK if name in ("drip", "mute") else {}) for i, name in enumerate(cases)])
    try:
        for name, (_, reason) in cases.items():
            expect(checker, "down", reason, name)
    finally:
        checker.configure(targets=[])
        for server in servers:
            server.close()


# --- slow ---

@pytest.mark.ipvs  # for a kernel with netem
def test_slow_answers_are_no_answers(checker, pair, datagrams, record_property):
    datagrams(99, lambda data: [data])
    expected = {
        "dns": (dns(ident="dns"), "DNS: 192.0.2.1", "DNS answer: timed out after 500ms"),
        "udp": (udp(ident="udp", reply_is=""), "udp: answered", "udp reply: timed out after 500ms"),
        "ping": (target("ping", name="ping"), "ping: answered", "ping: timed out after 500ms"),
        "smtp": (smtp(ident="smtp"), "SMTP 220", ""),
    }
    targets = [case[0] | {"interval_us": 1000000, "timeout_us": 500000} for case in expected.values()]
    with unbound(pair[1]), postfix(pair[1]):
        checker.configure(targets=targets)
        for name, (_, up, _) in expected.items():
            expect(checker, "up", up, name)
        with slow(pair[1], "700ms"):
            started = time.monotonic()
            for name, (_, _, down) in expected.items():
                verdict = expect(checker, "down", down, name)
                assert verdict["reason"].endswith("timed out after 500ms"), verdict
            record_property("slow to down", f"{time.monotonic() - started:.3f} s")
            assert time.monotonic() - started <= FALL * 1 + 0.5 + 5 * BUSY_S
        for name, (_, up, _) in expected.items():
            expect(checker, "up", up, name)
