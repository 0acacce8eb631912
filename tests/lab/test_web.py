"""tandem-web and `tandemctl metrics`, as Prometheus, a browser and somebody who is slow see them."""

import contextlib
import http.client
import json
import os
import resource
import socket
import subprocess
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from director import Director, installed
from pair import ELECTION, VIP
from process import wait_until
from test_pair_link import LINK_TABLE, config_of, make_key, start_both

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces"),
              pytest.mark.skipif(not os.path.exists(installed("sbin/tandem-web")), reason="built without tandem-web")]

PORT = 9112
NOBODY = "65534"


class Web:
    """An installed tandem-web in a director's node, by default as a user who may nothing."""

    def __init__(self, director, *options, address="127.0.0.1", user=NOBODY):
        self.node, self.address = director.node, address
        os.chmod(director.lab.workdir, 0o755)
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        self.process = self.node.spawn(*become, installed("sbin/tandem-web"), "--runtime-dir", director.runtime_dir,
                                       *options)
        wait_until(self.is_there, 30, "tandem-web listens")

    def connect(self, timeout=20):
        with self.node.entered():
            return socket.create_connection((self.address, PORT), timeout=timeout)

    def is_there(self):
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def ask(self, path, method="GET", body=None):
        connection = http.client.HTTPConnection(self.address, PORT, timeout=20)
        connection.sock = self.connect()
        connection.request(method, path, body)
        answer = connection.getresponse()
        with contextlib.closing(connection):
            return answer.status, dict(answer.getheaders()), answer.read().decode()

    def code(self, path):
        return self.ask(path)[0]


def samples(text):
    """(name, labels) -> value; each once, with HELP and TYPE."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation and family.type in ("counter", "gauge"), family
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) > 40
    return found


def value(found, name, **labels):
    return found[name, tuple(sorted(labels.items()))]


def agrees(found, status):
    """Whether they say the same of what stands still."""
    router, sync, peer = status["routers"][0], status["sync"], status["peer"]
    assert value(found, "tandem_build_info", node=status["node"], version=status["version"]) == 1
    assert value(found, "tandem_config_info", digest=status["config"]["digest"]) == 1
    for state in ("initialize", "backup", "active"):
        assert value(found, "tandem_router_state", router="front", state=state) == (state == router["state"])
    assert value(found, "tandem_router_priority", router="front") == router["priority"]
    counters = router["counters"]
    for name in counters:
        kind, _, reason = name.partition("_")
        if kind in ("rejected", "transitions") and reason:
            assert value(found, f"tandem_router_{kind}_total", router="front", reason=reason) == counters[name], name
    assert sum(n for name, n in counters.items() if name.startswith("transitions_")) == counters["transitions"] > 0
    for helper in status["helpers"]:
        assert value(found, "tandem_helper_restarts_total", helper=helper["name"]) == helper["restarts"]
        assert value(found, "tandem_helper_state", helper=helper["name"], state="up") == 1
    for name in sync["counters"]:
        assert ("tandem_link_events_total", (("event", name),)) in found, name
    for name in ("forged", "replayed", "lost", "repaired"):
        assert value(found, "tandem_link_events_total", event=name) == sync["counters"][name]
    assert value(found, "tandem_peer_up") == peer["alive"] == 1
    assert value(found, "tandem_ready") == value(found, "tandem_peer_ready") == 1
    assert value(found, "tandem_link_coverage_ratio") == pytest.approx(peer["coverage"]["percent"] / 100)
    assert 0 <= value(found, "tandem_link_lag_seconds") < 10
    assert value(found, "tandem_link_resyncs_total", result="done") == peer["resyncs"]["done"] >= 1


def is_unused(pid):
    """What it may: nothing."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":\t", 1) for line in file.read().splitlines())
    return int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0 and fields["NoNewPrivs"] == "1" and \
        (fields["Seccomp"] == "2" or "TANDEM_SANITIZED" in os.environ)


@pytest.fixture
def pair(lab):
    lab.build(LINK_TABLE)
    lab.key_file = make_key(lab)
    return start_both(lab, config_of(lab))


@pytest.fixture
def alone(lab):
    lab.build(ELECTION)
    return Director(lab, "lb1", json.dumps({
        "nodes": {"lb1": {}},
        "virtual_routers": {"front": {"interface": "eth0", "vrid": 51, "advert_interval": "100ms",
                                      "priority": {"lb1": 150}, "addresses": [VIP + "/24"]}}})).start()


def test_metrics_of_a_pair_say_what_the_status_says(pair):
    for director in pair:
        wait_until(lambda d=director: d.status()["peer"]["coverage"], 60, "the two have compared")
        web = Web(director)
        code, headers, text = web.ask("/metrics")
        assert (code, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        code, headers, body = web.ask("/status.json")
        assert (code, headers["Content-Type"]) == (200, "application/json")
        status = json.loads(body)
        agrees(samples(text), status)
        command = director.ctl("metrics")
        assert command.returncode == 0 and command.stderr == ""
        agrees(samples(command.stdout), status)
        assert [n for n, _ in samples(command.stdout)] == [n for n, _ in samples(text)]
        assert is_unused(web.process.pid)
    lb1 = pair[0]
    lb1.kill_helper("checker")
    wait_until(lambda: value(samples(lb1.ctl("metrics").stdout), "tandem_helper_restarts_total", helper="checker") == 1,
               30, "a restart is counted")


def test_a_page_is_plain_and_the_rest_is_refused(alone):
    web = Web(alone)
    code, headers, text = web.ask("/")
    assert code == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"] == "default-src 'none'" and headers["Connection"] == "close"
    assert "router front: " in text and "<script" not in text and "<title>tandem: lb1</title>" in text
    assert web.ask("/", "HEAD")[0::2] == (200, "")
    assert web.ask("/metrics", body="x" * 100000)[0] == 200
    for path in ("/nothing", "/metrics/", "//", "/../etc/passwd", "/status", "/" + "a" * 5000):
        assert web.code(path) == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
        code, headers, _ = web.ask("/metrics", method, body="x" * 100000 if method == "POST" else None)
        assert code == 405 and headers["Allow"] == "GET, HEAD", method
    assert web.code("/" + "a" * 100000) in (414, 431)
    for junk in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + bytes(500), b"\r\n\r\n", b"GET\r\n\r\n", bytes(100000)):
        with web.connect() as s, contextlib.suppress(ConnectionError):
            s.sendall(junk)
            while s.recv(65536):
                pass
    assert web.code("/metrics") == 200


def test_a_director_that_is_gone_or_hangs_is_told_until_it_is_back(alone):
    web = Web(alone)
    assert value(samples(web.ask("/metrics")[2]), "tandem_up") == 1
    alone.kill_all()
    # What was answered within the last second is still told.
    wait_until(lambda: web.code("/") == 503, 30, "the page says that no director answers")
    code, _, text = web.ask("/status.json")
    assert code == 503 and "no director answers at" in json.loads(text)["error"]
    assert "no director answers at" in web.ask("/")[2]
    code, _, text = web.ask("/metrics")
    assert code == 200 and [line for line in text.splitlines() if line[0] != "#"] == ["tandem_up 0"]
    command = alone.ctl("metrics")
    assert command.returncode == 1 and "no director answers" in command.stderr and command.stdout == text
    alone.start()
    wait_until(lambda: web.code("/") == 200, 30, "the page is back")
    assert value(samples(web.ask("/metrics")[2]), "tandem_up") == 1
    os.kill(alone.pid, 19)
    try:
        wait_until(lambda: web.code("/status.json") == 503, 30, "a director that hangs is told")
        assert "in time" in json.loads(web.ask("/status.json")[2])["error"]
    finally:
        os.kill(alone.pid, 18)
    wait_until(lambda: web.code("/") == 200, 30, "it goes on")


def test_who_is_slow_keeps_nobody_waiting_and_is_sent_away(alone):
    web = Web(alone)
    slow = [web.connect(40) for _ in range(12)]
    for number, s in enumerate(slow):
        # Some say nothing, some not all, some do not read; one goes on and on.
        s.sendall((b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")[number % 3])
    drip = slow[1]
    began = time.monotonic()
    for _ in range(20):
        asked = time.monotonic()
        assert web.code("/metrics") == 200
        assert time.monotonic() - asked < 5
    ended = None
    while not ended and time.monotonic() - began < 60:
        try:
            drip.sendall(b"i")
            drip.settimeout(1)
            ended = drip.recv(100) == b"" and time.monotonic()
        except TimeoutError:
            continue
        except ConnectionError:
            ended = time.monotonic()
    assert ended and 25 < ended - began < 50, ended
    for s in slow[0::3]:
        assert s.recv(100) == b""
    # More than there is room for from one address: the others wait or are refused, and then it serves again.
    many = [web.connect() for _ in range(40)]
    for s in slow + many:
        s.close()

    def serves():
        try:
            return web.code("/metrics") == 200
        except ConnectionError:  # it is still one of too many
            return False
    wait_until(serves, 30, "it serves again")


def test_a_flood_of_requests_is_few_calls_to_the_director(alone):
    web = Web(alone)
    turns = alone.status()["loop"]
    began, n = time.monotonic(), 0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    texts = set()
    while time.monotonic() - began < 3:
        texts.add(web.ask("/status.json")[2])
        n += 1
    assert n > len(texts) and len(texts) <= (time.monotonic() - began) + 2, (n, len(texts), turns, used)


def test_it_listens_where_it_is_told(alone):
    web = Web(alone, "--listen", f"192.0.2.2:{PORT}", address="192.0.2.2", user=None)
    with alone.lab["client"].entered():
        socket.create_connection(("192.0.2.2", PORT), timeout=10).close()
    assert web.code("/metrics") == 200 and is_unused(web.process.pid)
    for wrong in ("9112", "localhost:80", "::1:80", "[127.0.0.1]:80", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:",
                  "[::1]", "127.0.0.1:+80"):
        result = subprocess.run([installed("sbin/tandem-web"), "--listen", wrong], capture_output=True, text=True,
                                timeout=10, check=False)
        assert result.returncode == 1 and "--listen wants" in result.stderr, wrong
    result = subprocess.run(alone.node.command(installed("sbin/tandem-web"), "--listen", f"192.0.2.2:{PORT}"),
                            capture_output=True, text=True, timeout=10, check=False)
    assert result.returncode == 1 and "Address already in use" in result.stderr
