"""Pools whose servers are checked by HTTP, TLS and gRPC, from the file that an operator writes to the
kernel's table, with nginx and grpcio as the real servers."""

import copy
import os
import pathlib
import signal

import pytest

from director import Director
from http_servers import Authority, GrpcServer, Nginx
from pair import CONFIG, ELECTION, VIP
from played_director import Namespace
from process import wait_until

pytestmark = pytest.mark.ipvs

SERVERS = {"rs1": "192.0.2.11", "rs2": "192.0.2.12"}
PACE = {"interval": "1s", "timeout": "1s", "rise": 1, "fall": 2}


class Host(Namespace):
    """A node of the lab, as the servers' classes want it."""

    def __init__(self, node):  # pylint: disable=super-init-not-called
        self.name = node.netns


@pytest.fixture
def world(lab):
    lab.build({**{name: dict(plugs) for name, plugs in ELECTION.items() if name != "lb2"},
               **{name: {"eth0": ("front", f"{address}/24")} for name, address in SERVERS.items()}})
    os.chmod(lab.workdir, 0o755)
    directory = pathlib.Path(lab.path("pki"))
    directory.mkdir(mode=0o755)
    authority = Authority(directory)
    pem = authority.issue("good.pem", ["www.example.test"])
    servers = {}
    for name in SERVERS:
        lab[name].sysctl({"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2})
        lab[name].ip(f"address add {VIP}/32 dev lo")
        own = pathlib.Path(lab.path(f"www-{name}"))
        own.mkdir(mode=0o755)
        servers[name] = Nginx(Host(lab[name]), own, pem, authority.path)
        servers[name].live.write_text("status: ok\n")
    grpc = GrpcServer(Host(lab["rs1"]), 50051)
    yield lab, servers, grpc, authority
    for server in (*servers.values(), grpc):
        server.close()


def config(authority):
    result = copy.deepcopy(CONFIG)
    servers = {name: {"address": address} for name, address in SERVERS.items()}
    web = {"type": "http", "path": "/live/status", "host": "www.example.test",
           "headers": {"X-Probe": "tandem"}, "status": ["200-299", 304],
           "body_matches": "^status: (ok|warn)$", **PACE}
    secure = {"type": "https", "path": "/healthz", "host": "www.example.test", "http_version": "2",
              "body_contains": "ok", "tls": {"ca_file": str(authority.path), "expires_within": "7d"},
              **PACE}
    result["pools"] = {
        "web": {"check": web, "servers": servers},
        "secure": {"check": secure, "servers": servers},
        "orders": {"check": {"type": "grpc", "service": "shop.Orders", **PACE},
                   "servers": {"rs1": {"address": SERVERS["rs1"]}}},
        "both": {"check": {"all": [{"type": "tls", "port": 443}, {"type": "tcp", "port": 80}], **PACE},
                 "servers": servers},
    }
    ports = {"web": 80, "secure": 443, "orders": 50051, "both": 8443}
    result["services"] = {
        name: {"listen": VIP, "port": port, "scheduler": "rr", "forward": "direct", "pool": name}
        for name, port in ports.items()}
    return result


def weights(director, service):
    found = next(s for s in director.status()["services"] if s["name"] == service)
    return {s["name"]: s["weight"] for s in found["servers"]}


def wait_weights(director, service, **want):
    wait_until(lambda: weights(director, service) == want, 40, f"weights {want} of {service}", 0.1)


def wait_said(director, text):
    wait_until(lambda: text in director.log(), 40, f"the log says: {text}", 0.1)


def test_what_servers_answer_decides_about_their_weights(world):
    lab, servers, grpc, authority = world
    lb1 = Director(lab, "lb1", config(authority))
    lb1.start()
    lb1.wait_owner(VIP, 30)
    for service in ("web", "secure", "both"):
        wait_weights(lb1, service, rs1=1, rs2=1)
    wait_weights(lb1, "orders", rs1=1)
    wait_said(lb1, "server web/rs1 is up: HTTP 200 in ")
    # A wrong answer, no such page, and no answer at all.
    servers["rs2"].live.write_text("status: bad\n")
    wait_weights(lb1, "web", rs1=1, rs2=0)
    wait_said(lb1, "server web/rs2 is down: body: /^status: (ok|warn)$/ does not match in 12 bytes")
    servers["rs1"].live.rename(servers["rs1"].live.with_name("away"))
    servers["rs2"].live.write_text("status: warn\n")
    wait_weights(lb1, "web", rs1=0, rs2=1)
    wait_said(lb1, "server web/rs1 is down: HTTP 404, wanted 200-299, 304")
    assert weights(lb1, "secure") == {"rs1": 1, "rs2": 1}
    servers["rs2"].process.send_signal(signal.SIGSTOP)
    for service in ("secure", "both"):
        wait_weights(lb1, service, rs1=1, rs2=0)
    wait_said(lb1, "server web/rs2 is down: HTTP answer: timed out after 1s")
    wait_said(lb1, "server secure/rs2 is down: TLS handshake: timed out after 1s")
    servers["rs2"].process.send_signal(signal.SIGCONT)
    wait_weights(lb1, "secure", rs1=1, rs2=1)
    # The service behind the server.
    grpc.say("2")
    wait_weights(lb1, "orders", rs1=0)
    wait_said(lb1, "server orders/rs1 is down: gRPC: NOT_SERVING")
    grpc.say("1")
    wait_weights(lb1, "orders", rs1=1)
    # Another name is wanted of the certificate: told, and taken back by a reload.
    other = config(authority)
    other["pools"]["secure"]["check"]["tls"]["verify_name"] = "mail.example.test"
    assert lb1.reload(other).returncode == 0
    wait_weights(lb1, "secure", rs1=0, rs2=0)
    wait_said(lb1, "TLS: name mismatch: wanted mail.example.test, it is for www.example.test")
    assert lb1.reload(config(authority)).returncode == 0
    wait_weights(lb1, "secure", rs1=1, rs2=1)
    # An expression that is none keeps the file out.
    other["pools"]["web"]["check"]["body_matches"] = "("
    refused = lb1.reload(other)
    assert refused.returncode != 0 and "is no regular expression" in refused.stdout + refused.stderr
