"""Servers that mean ill, all at once, beside a thousand good ones: they cost their own deadline and a
bounded buffer, and nobody else's time."""

import gzip
import os
import pathlib
import random
import time

import pytest

from http_servers import Authority, Nginx, Scripted, answer, read_request, reset, until_gone
from played_director import Helper, Namespace, connect

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")

SERVER = "10.77.0.2"
GOOD = 1000
GOOD_INTERVAL = 5.0
EACH = 8  # targets of each hostile server
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"
BOMB = gzip.compress(bytes(64 << 20))
NOISE = random.Random(1).randbytes(1 << 16)
HTTP2_SETTINGS = b"\0\0\0\4\0\0\0\0\0"
HTTP2_PING = b"\0\0\x08\6\0\0\0\0\0" + bytes(8)


def endless(head, piece, pause=0.0):
    def behave(connection):
        if read_request(connection):
            connection.sendall(head)
            until_gone(connection, piece, pause)
    return behave


def at_once(head, piece):
    """Does not wait for a request."""
    def behave(connection):
        connection.sendall(head)
        until_gone(connection, piece)
    return behave


def silent(connection):
    while read_request(connection):
        pass


def never_reads(connection):
    time.sleep(20)
    connection.recv(1)


def in_the_middle(connection):
    if read_request(connection):
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\nok")
        reset(connection)


# name: (what it does, kind, settings, the state that its targets have, the reason)
SERVERS = {
    "slow headers": (endless(HEAD, b"X", 0.05), "http", {}, "down", "HTTP headers: timed out"),
    "slow body": (endless(HEAD + b"\r\n", b"x", 0.05), "http", {}, "down", "HTTP body: timed out"),
    "endless headers": (endless(HEAD, b"X: y\r\n" * 100), "http", {}, "down",
                        "HTTP: more than 65536 bytes of headers"),
    "an endless header": (endless(HEAD + b"X: ", b"y" * 1000), "http", {}, "down", "HTTP headers: "),
    "endless body": (endless(HEAD + b"Content-Length: 10737418240\r\n\r\n", bytes(65536)), "http",
                     {"body_contains": "ok"}, "down", 'body: "ok" not found in the first'),
    "endless body for an expression": (endless(HEAD + b"\r\n", b"a" * 65536), "http",
                                       {"body_matches": "(a|aa)+[bc]", "body_max": 1048576}, "down",
                                       "body: /(a|aa)+[bc]/ takes too many steps"),
    "endless extensions": (endless(CHUNKED + b"\r\n1;", b"e" * 65536), "http", {}, "down", "HTTP "),
    "chunks of a byte": (endless(CHUNKED + b"\r\n", b"1\r\nx\r\n" * 1000), "http",
                         {"body_contains": "y"}, "down", 'body: "y" not found in the first'),
    "endless trailers": (endless(CHUNKED + b"\r\n0\r\n", b"T: u\r\n" * 1000), "http", {}, "down",
                         "HTTP: more than 65536 bytes of headers"),
    "endless hints": (endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100), "http", {}, "down",
                      "HTTP: more than 65536 bytes of headers"),
    "gzip bomb": (answer(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) +
                         BOMB), "http", {}, "up", "HTTP 200"),
    "bomb in transfer": (answer(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n%x\r\n" % len(BOMB) +
                                BOMB + b"\r\n0\r\n\r\n"), "http", {"body_contains": "ok"}, "down", ""),
    "reset at once": (reset, "http", {}, "down", ""),
    "reset in the middle": (in_the_middle, "http", {}, "down", ""),
    "silence": (silent, "http", {}, "down", "HTTP answer: timed out"),
    "no window": (never_reads, "http", {"method": "POST", "request_body": "x" * 60000}, "down", ""),
    "noise for TLS": (at_once(b"", NOISE), "https", {}, "down", "TLS handshake: "),
    "silence for TLS": (silent, "tls", {}, "down", "TLS handshake: timed out"),
    "a handshake without end": (at_once(b"\x16\3\3\x40\0\2\xff\xff\xff", NOISE), "tls", {}, "down",
                                "TLS handshake: "),
    "pings": (at_once(HTTP2_SETTINGS, HTTP2_PING * 1000), "http", {"http_version": "2"}, "down",
              "HTTP/2 answer: "),  # not what HTTP/2 allows, or the end of it, whichever is seen first
    "noise for HTTP/2": (at_once(b"", NOISE), "grpc", {}, "down", ""),
}


@pytest.fixture
def pair():
    here, there = Namespace("hostile"), Namespace("hostile")
    connect(here, there)
    there.ip("route", "add", "local", "10.78.0.0/16", "dev", "lo")
    here.ip("route", "add", "10.78.0.0/16", "via", SERVER)
    yield here, there
    here.delete()
    there.delete()


def target(name, address, port, kind="http", settings=None, interval=1.0, timeout=0.5):
    return {"id": name, "type": kind, "address": address, "port": port, "state": "unknown",
            "interval_us": int(interval * 1e6), "timeout_us": int(timeout * 1e6), "rise": 1, "fall": 1,
            "jitter_percent": 0, "settings": settings or {}}


def good_targets():
    return [target(f"good {i}", f"10.78.{i // 250}.{1 + i % 250}", 80, "http",
                   {"path": "/healthz", "body_contains": "ok"}, GOOD_INTERVAL, 2.5)
            for i in range(GOOD)]


def punctual(*processes):
    """These are measured, not what else this machine has to do: only its standing still can hold them up."""
    for process in processes:
        os.sched_setscheduler(process.pid, os.SCHED_FIFO, os.sched_param(10))


def lateness(log, stalls):
    """By how much each request to a good server was off its place, in seconds, without the time in which the machine
    stood still. A server's places are one interval apart, beginning at its earliest."""
    times = {}
    for line in pathlib.Path(log).read_text(encoding="ascii").splitlines():
        address, when = line.split()
        times.setdefault(address, []).append(float(when))
    assert len(times) == GOOD
    for list_of_one in times.values():
        # The first check may come before its place: they are spread over two seconds.
        places = [when % GOOD_INTERVAL for when in list_of_one[1:]]
        first = min(places, key=lambda p: sum((q - p) % GOOD_INTERVAL for q in places))
        for when in list_of_one[1:]:
            yield stalls.beyond(when - (when - first) % GOOD_INTERVAL, when)


def status(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    raise KeyError(key)


def cpu_seconds(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def wait_for_checks(checker, n, timeout):
    """Whether all targets have been checked so often in time."""
    end = time.monotonic() + timeout
    while any(t["checks"] < n for t in checker.report()["targets"]):
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


def check_hostile(report):
    found = {t["id"]: t for t in report["targets"]}
    for name, (_, _, _, state, reason) in SERVERS.items():
        for i in range(EACH):
            t = found[f"{name} {i}"]
            if i == 0:
                print(f"{name:<31} {t['state']:<5} {t['reason']}")
            assert (t["state"], t["reason"].startswith(reason)) == (state, True), (name, t)
    assert all(t["state"] == "up" for name, t in found.items() if name.startswith("good"))


def test_hostile_servers_cost_nobody_else_his_place(pair, tmp_path, stalls):
    tmp_path.chmod(0o755)
    authority = Authority(tmp_path)
    log = tmp_path / "requests.log"
    nginx = Nginx(pair[1], tmp_path, authority.issue("good.pem"), authority.path, log)
    hostile = [Scripted(pair[1], 9000 + i, behave, receive_window=1)
               for i, (behave, *_) in enumerate(SERVERS.values())]
    checker = Helper("tandem-checker", pair[0])
    punctual(checker.process, nginx.process)
    try:
        targets = good_targets() + [
            target(f"{name} {k}", SERVER, 9000 + i, kind, settings)
            for i, (name, (_, kind, settings, _, _)) in enumerate(SERVERS.items())
            for k in range(EACH)]
        for i, t in enumerate(targets):
            t["settings"] = dict(t["settings"])
        assert checker.configure(targets=targets) == []
        assert wait_for_checks(checker, 1, 60)
        begun, cpu = time.monotonic(), cpu_seconds(checker.process.pid)
        assert wait_for_checks(checker, 5, 120)
        share = (cpu_seconds(checker.process.pid) - cpu) / (time.monotonic() - begun)
        report = checker.report()
        late = sorted(lateness(log, stalls))
        peak = status(checker.process.pid, "VmHWM")
        print(f"{GOOD} good targets every {GOOD_INTERVAL} s beside {len(SERVERS) * EACH} hostile ones "
              f"every second: late p50 {1000 * late[len(late) // 2]:.1f} ms, "
              f"p99 {1000 * late[len(late) * 99 // 100]:.1f} ms, max {1000 * late[-1]:.1f} ms; "
              f"{100 * share:.1f} % of a core, {peak / 1024:.1f} MB at most")
        check_hostile(report)
        assert late[-1] < GOOD_INTERVAL / 10
        if "TANDEM_SANITIZED" not in os.environ:
            assert peak < 64 * 1024
        assert report["postponed"] == 0
    finally:
        checker.stop()
        for server in hostile:
            server.close()
        nginx.close()
