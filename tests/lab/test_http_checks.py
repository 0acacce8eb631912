"""Checks by HTTP, TLS and gRPC against real and scripted servers, with the test as the director."""

import hashlib
import os
import pathlib
import time

import pytest

from http_servers import (DAY, Authority, GrpcServer, Nghttpd, Nginx, Scripted, SServer, answer,
                          read_request, reset, until_gone)
from played_director import Helper, Namespace, connect

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")

SERVER = "10.77.0.2"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def pair():
    here, there = Namespace("http"), Namespace("http")
    connect(here, there)
    yield here, there
    here.delete()
    there.delete()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    directory.chmod(0o755)
    authority = Authority(directory)
    return {
        "directory": directory,
        "authority": authority.path,
        "stranger": Authority(directory, "stranger").path,
        "good": authority.issue("good.pem", ["www.example.test", SERVER]),
        "expired": authority.issue("expired.pem", until=-3 * DAY),
        "soon": authority.issue("soon.pem", until=5 * DAY + DAY / 2),
        "later": authority.issue("later.pem", since=3 * DAY),
    }


@pytest.fixture(scope="module")
def nginx(pair, certificates):
    server = Nginx(pair[1], certificates["directory"], certificates["good"],
                   certificates["authority"])
    yield server
    server.close()


@pytest.fixture
def checker(pair):
    helper = Helper("tandem-checker", pair[0])
    yield helper
    helper.stop()


@pytest.fixture
def serve(pair):
    opened = []

    def start(kind, *arguments, **more):
        opened.append(kind(pair[1], *arguments, **more))
        return opened[-1]

    yield start
    for server in opened:
        server.close()


def target(name="a", kind="http", port=80, settings=None, address=SERVER, **more):
    return {"id": name, "type": kind, "address": address, "port": port, "interval_us": 200000,
            "timeout_us": 1000000, "rise": 1, "fall": 1, "jitter_percent": 10, "state": "unknown",
            "settings": settings or {}, **more}


def verdict(checker, *arguments, **more):
    """The first verdict on a single target: its state, and the reason without the latency."""
    assert checker.configure(targets=[target(*arguments, **more)]) == []
    told = checker.wait("Verdict", id="a")
    return told["state"], told["reason"].rsplit(" in ", 1)[0] if told["reason"].endswith(
        (" ms", " us", " s")) else told["reason"]


# --- http against nginx ---

@pytest.mark.parametrize("settings, state, reason", [
    ({"path": "/healthz"}, "up", "HTTP 200"),
    ({"path": "/sick"}, "down", "HTTP 503, wanted 200-299"),
    ({"path": "/sick", "status": [[200, 299], [503, 503]]}, "up", "HTTP 503"),
    ({"path": "/sick", "status": [[200, 204], [301, 301]]}, "down",
     "HTTP 503, wanted 200-204, 301"),
    ({"path": "/moved"}, "down", "HTTP 301, wanted 200-299"),
    ({"path": "/moved", "status": [[300, 399]]}, "up", "HTTP 301"),
    ({"path": "/empty"}, "up", "HTTP 204"),
    ({"path": "/healthz", "method": "HEAD"}, "up", "HTTP 200"),
    ({"path": "/healthz", "method": "OPTIONS"}, "up", "HTTP 200"),
    ({"path": "/healthz", "method": "POST", "request_body": "a=b"}, "up", "HTTP 200"),
    ({"path": "/healthz", "body_contains": "ok"}, "up", "HTTP 200"),
    ({"path": "/healthz", "body_contains": "fine"}, "down", 'body: "fine" not found in 11 bytes'),
    ({"path": "/healthz", "body_matches": "^status: (ok|warn)\\n$"}, "up", "HTTP 200"),
    ({"path": "/healthz", "body_matches": "^ok"}, "down", "body: /^ok/ does not match in 11 bytes"),
    ({"path": "/healthz", "body_sha256": hashlib.sha256(b"status: ok\n").hexdigest()}, "up",
     "HTTP 200"),
    ({"path": "/healthz", "body_sha256": "00" * 32}, "down",
     "body: SHA-256 of 11 bytes is " + hashlib.sha256(b"status: ok\n").hexdigest()[:8] +
     "..., wanted 00000000..."),
    ({"path": "/host", "host": "shop.example.test", "body_matches": "^shop.example.test _$"}, "up",
     "HTTP 200"),
    ({"path": "/host", "body_matches": f"^{SERVER} _$"}, "up", "HTTP 200"),
    ({"host": "www.example.test", "body_contains": "host: www"}, "up", "HTTP 200"),
    ({"path": "/head", "headers": {"X-Probe": "yes", "User-Agent": "me"},
      "body_matches": "^GET yes me$"}, "up", "HTTP 200"),
    ({"path": "/head", "body_matches": "^GET  tandem-checker/"}, "up", "HTTP 200"),
])
def test_http_against_nginx(checker, nginx, settings, state, reason):
    assert verdict(checker, settings=settings) == (state, reason)


def test_http_over_ipv6(checker, pair, nginx):
    for host, namespace in enumerate(pair, 1):
        namespace.ip("address", "replace", f"2001:db8::{host}/64", "dev", "eth0", "nodad")
    assert verdict(checker, address="2001:db8::2", settings={"path": "/healthz"}) == (
        "up", "HTTP 200")
    settings = {"path": "/host", "host": "shop.example.test", "body_contains": "shop.example.test _"}
    assert verdict(checker, address="2001:db8::2", settings=settings) == ("up", "HTTP 200")


def test_the_way_is_the_targets(checker, pair, nginx):
    pair[0].ip("address", "replace", "10.77.0.9/24", "dev", "eth0")
    settings = {"path": "/from", "body_contains": "10.77.0.9"}
    assert verdict(checker, settings=settings)[0] == "down"
    assert verdict(checker, settings=settings, source="10.77.0.9") == ("up", "HTTP 200")
    state, reason = verdict(checker, settings=settings, interface="none0")
    assert (state, reason) == ("down", "connect: no such interface")


def test_http_latency_is_told(checker, nginx):
    checker.configure(targets=[target(settings={"path": "/healthz"})])
    told = checker.wait("Verdict", id="a")
    assert told["reason"].startswith("HTTP 200 in ") and 0 < told["latency_us"] < 1000000  # the timeout


# --- HTTP/2 ---

@pytest.mark.parametrize("kind, port", [("http", 81), ("https", 443)])
def test_http2_against_nginx(checker, nginx, kind, port):
    settings = {"path": "/healthz", "http_version": "2", "body_contains": "ok"}
    assert verdict(checker, kind=kind, port=port, settings=settings) == ("up", "HTTP 200")


def test_http2_against_nghttpd(checker, serve, certificates):
    serve(Nghttpd, certificates["directory"])
    settings = {"path": "/healthz", "http_version": "2", "body_contains": "ok"}
    assert verdict(checker, port=82, settings=settings) == ("up", "HTTP 200")
    assert verdict(checker, port=82, settings={"path": "/none", "http_version": "2"}) == (
        "down", "HTTP 404, wanted 200-299")


def test_a_server_that_knows_no_http2_is_told(checker, nginx):
    assert verdict(checker, port=80, settings={"http_version": "2"}) == (
        "down", "HTTP/2 answer: closed by the server")
    assert verdict(checker, kind="https", port=444, settings={"http_version": "2"}) == (
        "down", "HTTP/2: the server does not speak it")


# --- TLS ---

def tls(**settings):
    return {"tls": {"server_name": "www.example.test", **settings}}


@pytest.mark.parametrize("kind", ["https", "tls"])
@pytest.mark.parametrize("pem, settings, state, reason", [
    ("good", {}, "up", ""),
    ("good", {"ca_file": "authority"}, "up", ""),
    ("good", {"ca_file": "authority", "verify_name": SERVER}, "up", ""),
    ("good", {"ca_file": "authority", "verify_name": "mail.example.test"}, "down",
     "TLS: name mismatch: wanted mail.example.test, it is for www.example.test"),
    ("good", {"verify_name": "mail.example.test"}, "down",
     "TLS: name mismatch: wanted mail.example.test, it is for www.example.test"),
    ("good", {"ca_file": "stranger"}, "down", "TLS: unable to get local issuer certificate"),
    ("expired", {}, "up", ", certificate expired 3 days ago"),
    ("expired", {"expires_within_us": 0}, "down", "TLS: certificate expired 3 days ago"),
    ("expired", {"ca_file": "authority"}, "down", "TLS: certificate expired 3 days ago"),
    ("later", {"ca_file": "authority"}, "down", "TLS: certificate is not yet valid"),
    ("soon", {}, "up", ", certificate expires in 5 days"),
    ("soon", {"warn_within_us": 86400000000}, "up", ""),
    ("soon", {"expires_within_us": 7 * 86400000000}, "down", "TLS: certificate expires in 5 days"),
    ("soon", {"expires_within_us": 4 * 86400000000, "ca_file": "authority"}, "up",
     ", certificate expires in 5 days"),
])
def test_certificates(checker, serve, certificates, kind, pem, settings, state, reason):
    serve(SServer, 4430, certificates[pem])
    settings = dict(settings)
    if "ca_file" in settings:
        settings["ca_file"] = str(certificates[settings["ca_file"]])
    if state == "up":
        reason = ("HTTP 200" if kind == "https" else "TLS handshake") + reason
    assert verdict(checker, kind=kind, port=4430, settings=tls(**settings)) == (state, reason)


@pytest.mark.parametrize("kind", ["https", "tls"])
def test_versions_of_tls(checker, serve, certificates, kind):
    serve(SServer, 4430, certificates["good"], "-tls1_2")
    assert verdict(checker, kind=kind, port=4430)[0] == "up"
    state, reason = verdict(checker, kind=kind, port=4430, settings=tls(min_version="1.3"))
    assert state == "down" and reason.startswith("TLS handshake: ") and "protocol version" in reason


def test_alpn_of_a_handshake(checker, serve, certificates):
    serve(SServer, 4430, certificates["good"], "-alpn", "imap")
    assert verdict(checker, kind="tls", port=4430, settings=tls(alpn="imap"))[0] == "up"
    assert verdict(checker, kind="tls", port=4430)[0] == "up"


def test_the_name_that_is_greeted_is_the_hosts_without_its_port(checker, nginx, certificates):
    settings = {"host": "www.example.test:443", "body_contains": "host: www",
                "tls": {"ca_file": str(certificates["authority"])}}
    assert verdict(checker, kind="https", port=443, settings=settings) == ("up", "HTTP 200")


def test_a_client_certificate(checker, nginx, certificates):
    assert verdict(checker, kind="https", port=444) == ("down", "HTTP 400, wanted 200-299")
    settings = tls(certificate_file=str(certificates["good"]))
    settings["body_contains"] = "CN=www.example.test"
    assert verdict(checker, kind="https", port=444, settings=settings) == ("up", "HTTP 200")


@pytest.mark.parametrize("kind", ["https", "tls"])
def test_a_port_without_tls(checker, nginx, kind):
    assert verdict(checker, kind=kind, port=80) == ("down", "TLS handshake: wrong version number")


def test_files_that_are_not_there_put_checks_off_until_they_are(checker, serve, certificates):
    serve(SServer, 4430, certificates["good"])
    late = pathlib.Path(certificates["directory"]) / "late.pem"
    checker.configure(targets=[target(kind="https", port=4430, settings=tls(ca_file=str(late)))])
    assert "late.pem: No such file" in checker.wait("Event")["message"]
    assert checker.report()["targets"][0]["checks"] == 0
    late.write_bytes(certificates["authority"].read_bytes())
    assert checker.wait("Verdict", id="a")["state"] == "up"


# --- gRPC ---

@pytest.mark.parametrize("secure", [False, True])
def test_grpc_health(checker, serve, certificates, secure):
    server = serve(GrpcServer, 50051, *([certificates["good"]] if secure else []))
    settings = {"service": "shop.Orders"}
    if secure:
        settings["tls"] = {"ca_file": str(certificates["authority"]),
                           "server_name": "www.example.test"}
    checker.configure(targets=[target(kind="grpc", port=50051, settings=settings)])

    def reason_of(state):
        return checker.wait("Verdict", id="a", state=state)["reason"].split(" in ")[0]

    assert reason_of("up") == "gRPC: SERVING"
    for word, reason in (("2", "gRPC: NOT_SERVING"), ("3", "gRPC: SERVICE_UNKNOWN"),
                         ("0", "gRPC: UNKNOWN"), ("NOT_FOUND", "gRPC: NOT_FOUND"),
                         ("UNIMPLEMENTED", "gRPC: UNIMPLEMENTED")):
        server.say(word)
        assert reason_of("down") == reason
        server.say("1")
        assert reason_of("up") == "gRPC: SERVING"


def test_grpc_against_servers_of_http(checker, nginx, serve, certificates):
    assert verdict(checker, kind="grpc", port=81) == ("down", "HTTP 404, wanted 200")
    assert verdict(checker, kind="grpc", port=80) == (
        "down", "HTTP/2 answer: closed by the server")


# --- down, slow and recovering ---

def detect(checker, server, behave, **wanted):
    """After how many checks (or more, on a busy machine) the verdict came, once the server had changed, and why."""
    before = checker.report()["targets"][0]["checks"]
    server.behave = behave
    start = time.monotonic()
    told = checker.wait("Verdict", id="a", **wanted)
    print(f"{wanted['state']} after {time.monotonic() - start:.3f} s: {told['reason']}")
    return checker.report()["targets"][0]["checks"] - before, told["reason"]


def test_down_after_fall_checks_and_up_after_rise(checker, serve):
    server = serve(Scripted, 8080, answer(OK))
    checker.configure(targets=[target(port=8080, fall=3, rise=2)])
    checker.wait("Verdict", id="a", state="up")
    for behave, reason in (
            (answer(OK, lambda: time.sleep(3)), "HTTP answer: timed out after 1s"),
            (answer(b"HTTP/1.1 500 Oh\r\n\r\n"), "HTTP 500, wanted 200-299"),
            (lambda c: read_request(c) and reset(c), "HTTP answer: reset"),
            (answer(b""), "HTTP answer: closed by the server"),
            (answer(b"220 mail.example.test ESMTP\r\n"), "HTTP: what came is no answer")):
        checks, told = detect(checker, server, behave, state="down")
        assert told.split(" in ")[0] == reason
        assert checks >= 3
        checks, told = detect(checker, server, answer(OK), state="up")
        assert checks >= 2


@pytest.mark.parametrize("behave, reason", [
    (answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), "body: ended early, after 2 bytes"),
    (answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), None),
    (answer(b"HTTP/1.1 abc\r\n\r\n"), "HTTP: what came is no answer"),
    (answer(b"\0\1\2\3" * 100), "HTTP: what came is no answer"),
    (answer(b"HTTP/1.1 200 OK\r\nX: "), "HTTP headers: closed by the server"),
    (answer(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000), "HTTP: more than 65536 bytes of headers"),
    (answer(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200000), "HTTP headers: too long a line, or no memory"),
])
def test_broken_answers(checker, serve, behave, reason):
    serve(Scripted, 8080, behave)
    state, told = verdict(checker, port=8080)
    print(told)
    assert state == "down" and reason in (None, told)


def test_nothing_is_refused_in_the_phase_it_is(checker):
    assert verdict(checker, port=9)[1] == "connect: refused"
    assert verdict(checker, kind="tls", port=9)[1] == "connect: refused"
    assert verdict(checker, kind="grpc", address="203.0.113.9", port=9)[1] == (
        "connect: network is unreachable")


def test_answers_before_the_answer(checker, serve):
    serve(Scripted, 8080, answer(b"HTTP/1.1 100 Continue\r\n\r\n"
                                 b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK))
    assert verdict(checker, port=8080) == ("up", "HTTP 200")


def test_a_body_without_end_is_enough_at_its_maximum(checker, serve):
    def endless(connection):
        if read_request(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            until_gone(connection, b"ok " * 1000)
    serve(Scripted, 8080, endless)
    assert verdict(checker, port=8080, settings={"body_contains": "ok"}) == ("up", "HTTP 200")
    assert verdict(checker, port=8080, settings={"body_contains": "no"}) == (
        "down", 'body: "no" not found in the first 65536 bytes')
    assert verdict(checker, port=8080, settings={"body_sha256": "00" * 32, "body_max": 1000}) == (
        "down", "body: longer than 1000 bytes")


def test_settings_that_make_no_sense_are_refused_and_the_rest_is_checked(checker, nginx):
    bad = ({"method": "BREW"}, {"path": "x"}, {"path": "/a b"}, {"headers": {"A\r\nB": "c"}},
           {"headers": {"A": "c\r\nd"}}, {"status": [[99, 200]]}, {"body_max": 0},
           {"body_matches": "("}, {"http_version": "3"}, {"request_body": "x"},
           {"tls": {"min_version": "0.9"}})
    errors = checker.configure(targets=[target(settings={"path": "/healthz"})] + [
        target(f"b{i}", settings=settings) for i, settings in enumerate(bad)])
    assert len(errors) == len(bad)
    assert checker.wait("Verdict", id="a")["state"] == "up"


# --- costs ---

def test_no_time_wait_and_no_thread_is_left(checker, pair, serve):
    serve(Scripted, 8080, answer(OK))
    checker.configure(targets=[target(port=8080, settings={"host": "www.example.test"}),
                               target("b", kind="https", port=9, settings=tls())])
    checker.wait_report(lambda report: report["targets"][0]["checks"] >= 5)
    threads = os.listdir(f"/proc/{checker.process.pid}/task")
    assert len(threads) == 1
    with pair[0].entered(), open("/proc/thread-self/net/sockstat", encoding="ascii") as f:
        assert " tw 0 " in f.read()
