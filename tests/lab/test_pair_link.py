"""Pairs with the real link between them, as a user would set them up: a key file and an interface."""

import contextlib
import hmac
import json
import os
import signal
import socket
import subprocess

import pytest

import test_link_daemon
from director import Director, installed
from observe import start_server
from pair import ELECTION, VIP, election_config
from process import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")

LINK_TABLE = {name: dict(plugs) | ({"eth1": ("sync", f"10.255.0.{name[-1]}/24")} if name.startswith("lb") else {})
              for name, plugs in ELECTION.items()}


def make_key(lab, *more):
    """As an operator makes it."""
    path = lab.path("link.key")
    result = subprocess.run([installed("bin/tandemctl"), "keygen", *more, path], capture_output=True, text=True,
                            check=False)
    assert result.returncode == 0, result.stderr
    return path


def config_of(lab, advert="100ms", **link):
    config = election_config(advert)
    config["nodes"] = {"lb1": {"link_address": "10.255.0.1"}, "lb2": {"link_address": "10.255.0.2"}}
    config["link"] = {"interface": "eth1", "key_file": lab.key_file, **link}
    config["ready_timeout"] = "60s"
    return config


def peer(d):
    return d.status()["peer"]


def wait_peer(d, seconds=30, **wanted):
    def look():
        p = peer(d)
        return all(p[k] == v for k, v in wanted.items()) and p
    return wait_until(look, seconds, f"{d.name} sees its peer {wanted}, not {peer(d)}")


def start_both(lab, config):
    lb1, lb2 = (Director(lab, name, config) for name in ("lb1", "lb2"))
    lb1.start()
    lb2.start()
    for d in (lb1, lb2):
        wait_peer(d, alive=True, stream=True, trouble_here="none", trouble_there="none")
    lb1.wait_owner(VIP)
    return lb1, lb2


@pytest.fixture
def pair_lab(lab):
    lab.build(LINK_TABLE)
    lab.key_file = make_key(lab)
    return lab


def test_a_pair_meets_and_says_so(pair_lab, figure):
    lb1, lb2 = start_both(pair_lab, config_of(pair_lab))
    for d, other in ((lb1, lb2), (lb2, lb1)):
        p = wait_until(lambda d=d: (p := peer(d))["resync"]["state"] == "done" and p, 40, "resync")
        assert p["name"] == other.name and not p["config_differs"]
        d.wait_event("peer-heard")
        assert len(d.events("peer-heard")) == 1
    wait_until(lambda: peer(lb2)["state"]["routers"]["front"]["state"] == "active", 20, "lb1's role on lb2")
    text = lb2.ctl("status").stdout
    assert "peer lb1: heard for" in text and "0 connections known" in text and "round trip" in text
    figure("memory of tandem-link of an idle pair",
           f"{rss_kib(lb1.helper_pid('link'))} KiB")


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def start_with_a_server(lab, advert="100ms", track=(), **pool):
    """Both directors check rs1 on the LAN of the virtual address."""
    table = {name: dict(plugs) for name, plugs in LINK_TABLE.items()}
    table["rs1"] = {"eth0": ("front", "192.0.2.11/24")}
    lab.build(table)
    lab.key_file = make_key(lab)
    server = start_server(lab["rs1"], "rs1", 80)
    config = config_of(lab, advert)
    config["virtual_routers"]["front"]["track"] = list(track)
    config["ready_timeout"] = "1s"  # there may be no IPVS, whose table a standby waits for
    config["pools"] = {"web": {"check": {"type": "tcp", "interval": "200ms", "timeout": "200ms", "fall": 2, "rise": 1},
                               "servers": {"rs1": {"address": "192.0.2.11"}}, **pool}}
    config["services"] = {"http": {"listen": VIP, "port": 80, "forward": "direct", "pool": "web"}}
    lb1, lb2 = (Director(lab, name, config).start() for name in ("lb1", "lb2"))
    for d in (lb1, lb2):  # ... where the kernel has no IPVS, too
        wait_peer(d, alive=True, stream=True)
    return lb1, lb2, server


def seen(d):
    """The server in the status."""
    return d.status()["services"][0]["servers"][0]


def wait_seen(d, seconds=30, **wanted):
    wait_until(lambda: all(seen(d)[k] == v for k, v in wanted.items()), seconds,
               f"{d.name} sees its server {wanted}, not {seen(d)}")


def test_a_server_that_one_director_alone_sees_down_is_shown_as_such(lab):
    lb1, lb2, _ = start_with_a_server(lab)

    def verdicts(d):
        return seen(d)["verdicts"]

    def wait_verdicts(here, there):
        wait_until(lambda: (verdicts(lb1), verdicts(lb2)) == (here, there), 40,
                   f"{here} and {there}, not {verdicts(lb1)} and {verdicts(lb2)}")
    wait_verdicts("up", "up")
    lab["rs1"].ip("route add blackhole 192.0.2.3/32")
    wait_verdicts("down at the peer only", "down here only")
    assert "(down here only)" in lb2.ctl("status").stdout
    lab["rs1"].ip("route add blackhole 192.0.2.2/32")
    wait_verdicts("down", "down")
    lab["rs1"].ip("route del blackhole 192.0.2.3/32", "route del blackhole 192.0.2.2/32")
    wait_verdicts("up", "up")


def test_a_server_that_one_director_alone_sees_down_is_kept_and_the_other_takes_over(lab):
    """Two opinions: not the server suffers, but the director that does not see it."""
    lb1, lb2, server = start_with_a_server(lab, track=[{"pool": "web", "down_here": True, "weight": -60}],
                                           opinions="both")
    lb1.wait_owner(VIP)
    wait_seen(lb1, verdicts="up")
    lab["rs1"].ip("route add blackhole 192.0.2.2/32")
    wait_seen(lb1, verdicts="down here only", state="down", reason="down-here-only", effective_weight=1)
    assert "kept: the peer sees it up" in lb1.ctl("status").stdout
    assert "the peer sees it up" in lb1.ctl("server", "web/rs1").stdout
    lb2.wait_owner(VIP)
    wait_until(lambda: lb1.router()["score"] == "base 150, -60 pool web, down here = 90", 40, "the score of lb1")
    assert seen(lb1)["reason"] == "down-here-only" and not lb1.events("quorum-lost")
    wait_until(lambda: any("1 of its servers down here only" in line for line in lb1.events("track-failed")), 20,
               "what it tracks is told")
    server.kill()  # both see it down
    for d in (lb1, lb2):
        wait_seen(d, verdicts="down", reason="down", effective_weight=0)
    lb1.wait_owner(VIP)


def test_a_switchover_needs_no_force_where_the_peer_does_no_worse(lab):
    """Where no kernel has IPVS nobody is served by either, and the reason is named; where both have, both are ready."""
    lb1, lb2, _ = start_with_a_server(lab)
    lb1.wait_owner(VIP)
    trouble = "none" if lb1.status()["ipvs"]["available"] else "no-ipvs"
    wait_peer(lb1, trouble_there=trouble)
    said = "lb2 is not ready to take over: its kernel has no IPVS, so that it cannot balance"
    assert (said in lb1.ctl("status").stdout) == (trouble == "no-ipvs")
    if trouble != "none":
        lb2.wait_event("not-ready")  # until then it takes no place while somebody has it
    result = lb1.ctl("switchover")
    assert result.returncode == 0, result.stderr
    lb2.wait_owner(VIP)
    lb1.wait_not_owner(VIP)


def test_without_the_link_a_director_goes_by_its_own_verdict(lab):
    lb1, lb2, _ = start_with_a_server(lab, opinions="both")
    wait_seen(lb2, verdicts="up")
    lab["rs1"].ip("route add blackhole 192.0.2.3/32")
    wait_seen(lb2, reason="down-here-only")
    lab.cut("lb1", "eth1")
    wait_seen(lb2, verdicts="down", reason="down", effective_weight=0)
    lab.mend("lb1", "sync", "eth1")
    wait_seen(lb2, 30, reason="down-here-only", effective_weight=1)
    lb1.kill_all()
    wait_seen(lb2, reason="down", effective_weight=0)


def test_a_death_that_both_see_moves_no_address(lab):
    """They do not see it at the same moment, which is no reason to take over."""
    lb1, lb2, server = start_with_a_server(lab, track=[{"pool": "web", "down_here": True, "weight": -60}],
                                           opinions="both")
    lb1.wait_owner(VIP)
    for _ in range(3):
        server.kill()
        for d in (lb1, lb2):
            wait_seen(d, verdicts="down", reason="down")
        server = start_server(lab["rs1"], "rs1", 80)
        for d in (lb1, lb2):
            wait_seen(d, verdicts="up", reason="none")
    assert not lb1.events("track-failed") and not lb2.events("track-failed")
    assert lb1.owns(VIP) and not lb2.owns(VIP)


def test_a_link_of_ipv6_addresses_and_an_ipv6_group(lab):
    table = {name: dict(plugs) for name, plugs in LINK_TABLE.items()}
    for name in ("lb1", "lb2"):
        table[name]["eth1"] = ("sync", f"fd00:10::{name[-1]}/64")
    lab.build(table, ipv6=True)
    lab.key_file = make_key(lab)
    config = config_of(lab, group="ff02::81")
    config["nodes"] = {name: {"link_address": f"fd00:10::{name[-1]}"} for name in ("lb1", "lb2")}
    lb1, lb2 = start_both(lab, config)
    for d in (lb1, lb2):
        wait_until(lambda d=d: peer(d)["resync"]["state"] == "done", 40, "resync")
    lab.cut("lb1", "eth1")
    wait_peer(lb2, alive=False)
    lab.mend("lb1", "sync", "eth1")
    wait_peer(lb2, alive=True, stream=True)


def test_decisions_and_a_pushed_configuration_cross_the_link(pair_lab):
    config = config_of(pair_lab)
    config["pools"] = {"web": {"servers": {"rs1": {"address": "192.0.2.11"}}}}
    lb1, lb2 = start_both(pair_lab, config)
    assert lb1.ctl("drain", "web/rs1").returncode == 0
    wait_until(lambda: any(o["decision"] == "drain" and o["by"] == "lb1" for o in lb2.status()["overrides"]), 20,
               "the drain on lb2")
    config["pools"]["web"]["servers"]["rs2"] = {"address": "192.0.2.12"}
    lb1.write_config(config)
    result = lb1.ctl("push")
    assert result.returncode == 0, result.stderr
    wait_peer(lb1, config_differs=False, trouble_there="none")
    config["pools"]["web"]["servers"]["rs2"]["weight"] = 5
    assert lb2.reload(config).returncode == 0
    for d in (lb1, lb2):
        wait_peer(d, config_differs=True, config_path="/pools/web/servers/rs2/weight")


def test_a_large_state_crosses_the_link(pair_lab):
    """Thousands of decisions are one message."""
    config = config_of(pair_lab)
    config["pools"] = {"web": {"servers": {f"rs{i}": {"address": f"10.{i // 250}.0.{i % 250 + 1}"}
                                           for i in range(4000)}}}
    lb1, lb2 = start_both(pair_lab, config)
    config["pools"]["web"]["servers"]["rs3999"]["weight"] = 7
    lb1.write_config(config)
    result = lb1.ctl("push")
    assert result.returncode == 0, result.stderr
    wait_peer(lb2, config_differs=False, trouble_here="none")


def test_a_stranger_with_another_key_is_not_heard(pair_lab):
    lb1 = Director(pair_lab, "lb1", config_of(pair_lab)).start()
    pair_lab.key_file = pair_lab.path("other.key")
    subprocess.run([installed("bin/tandemctl"), "keygen", pair_lab.key_file], check=True, capture_output=True)
    lb2 = Director(pair_lab, "lb2", config_of(pair_lab)).start()
    for d in (lb1, lb2):
        wait_until(lambda d=d: peer(d)["reason"] or d.status()["sync"]["peer"]["last_failure"], 40,
                   f"{d.name} says why")
        assert not peer(d)["alive"] and not peer(d)["stream"] and not d.events("peer-heard")


def test_the_end_of_the_link_is_told_and_it_comes_back_by_itself(pair_lab):
    lb1, lb2 = start_both(pair_lab, config_of(pair_lab))
    pair_lab.cut("lb2", "eth1")
    for d in (lb1, lb2):
        d.wait_event("peer-lost")
    assert lb1.ctl("switchover").returncode == 1
    pair_lab.mend("lb2", "sync", "eth1")
    for d in (lb1, lb2):
        wait_peer(d, 30, alive=True, stream=True, trouble_here="none", trouble_there="none")
    assert lb1.ctl("switchover").returncode == 0
    lb2.wait_owner(VIP)


def test_a_restarted_director_is_heard_again(pair_lab):
    lb1, lb2 = start_both(pair_lab, config_of(pair_lab))
    lb2.kill_all()
    lb1.wait_event("peer-lost")
    lb2.start()
    for d in (lb1, lb2):
        wait_peer(d, 30, alive=True, stream=True, trouble_here="none", trouble_there="none")
    lb1.wait_helper_replaced("link", lb1.kill_helper("link"))
    for d in (lb1, lb2):
        wait_peer(d, 30, alive=True, stream=True, trouble_here="none", trouble_there="none")


def test_a_device_that_somebody_deleted_is_made_again(pair_lab):
    lb1, lb2 = start_both(pair_lab, config_of(pair_lab))
    pid = lb1.helper_pid("link")
    pair_lab["lb1"].ip("link del tandem-sync")
    lb1.wait_helper_replaced("link", pid)
    wait_until(lambda: "tandem-sync: <" in (shown := pair_lab["lb1"].run("ip", "link")) and
               "UP" in shown.split("tandem-sync: <")[1].split(">")[0].split(","), 20, "the device is up")
    for d in (lb1, lb2):
        wait_peer(d, 30, alive=True, stream=True, trouble_here="none", trouble_there="none")


def test_split_brain_drill(pair_lab):
    """The network of the adverts cut, the link up: nobody takes over. Both cut: takeover. Healed: one Active."""
    lb1, lb2 = start_both(pair_lab, config_of(pair_lab))
    pair_lab.cut("lb2", "eth0")
    wait_until(lambda: lb2.router()["withheld"], 40, "lb2 stays, and says so")
    assert not lb2.owns(VIP) and lb1.owns(VIP)
    pair_lab.cut("lb2", "eth1")
    lb2.wait_owner(VIP)
    pair_lab.mend("lb2", "sync", "eth1")
    for d in (lb1, lb2):
        d.wait_event("split-brain", 30)
    pair_lab.mend("lb2", "front", "eth0")
    lb2.wait_not_owner(VIP)
    assert lb1.owns(VIP)
    for d in (lb1, lb2):
        d.wait_event("split-brain-over")


def test_a_key_is_exchanged_without_losing_the_peer(pair_lab):
    lb1, lb2 = start_both(pair_lab, config_of(pair_lab))
    for step in ("--add", "--activate", "--drop"):
        make_key(pair_lab, step)
        listed = subprocess.run([installed("bin/tandemctl"), "--json", "keygen", "--list", pair_lab.key_file],
                                capture_output=True, text=True, check=True).stdout
        active = json.loads(listed)["keys"][0]
        for d in (lb1, lb2):
            assert d.reload().returncode == 0
        for d in (lb1, lb2):
            wait_peer(d, alive=True, stream=True)
            wait_until(lambda d=d, key=active: d.status()["sync"]["peer"]["key"] == key, 20,
                       f"{d.name} uses key {active}")
    # A machine that stands still may lose a peer for a moment: not its session, and not for a key.
    for d in (lb1, lb2):
        counters = d.status()["sync"]["counters"]
        assert counters["sessions"] == 1
        assert {counters[name] for name in ("forged", "unknown_session", "old_session")} == {0}
        assert not [line for line in d.events("peer-lost") if "no heartbeat" not in line]


LABEL_ADVERTS, LABEL_STREAM = b"tandem vrrp adverts 1", b"tandem stream 1"


def hkdf(key, label):
    """tandem-link(7): the first block of HKDF with SHA-256."""
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, label + b"\x01", "sha256")


def file_keys(lab):
    with open(lab.key_file, encoding="ascii") as file:
        return [bytes.fromhex(line) for line in file if not line.startswith("#") and line.strip()]


def find_in_memory(pid, needles):
    """{name: [whether its pages are locked, of each place]} of a process."""
    found = {name: [] for name in needles}
    area = None
    with open(f"/proc/{pid}/smaps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                area = (*(int(n, 16) for n in words[0].split("-")), words[1])
            elif words[0] == "VmFlags:" and area[2].startswith("r") and "io" not in words:
                memory.seek(area[0])
                try:
                    content = memory.read(area[1] - area[0])
                except OSError:  # [vvar]
                    continue
                for name, needle in needles.items():
                    found[name] += ["lo" in words] * content.count(needle)
    return found


def test_keys_are_in_memory_only_where_they_must_be(pair_lab):
    """After a start, reloads with another key, and a helper that died: whatever was on the way is cleansed.
    The pair's key is with tandem-link, in locked pages; whom it was derived for has it hashed into its state."""
    lab = pair_lab
    lb1, lb2 = start_both(lab, config_of(lab))
    first = file_keys(lab)[0]
    for step in ("--add", "--activate", "--drop"):
        make_key(lab, step)
        for d in (lb1, lb2):
            assert d.ctl("reload").returncode == 0
    second, = file_keys(lab)
    assert first != second
    for d in (lb1, lb2):
        wait_peer(d, alive=True, stream=True, trouble_here="none")
    lb2.wait_helper_replaced("link", lb2.kill_helper("link"))
    for d in (lb1, lb2):
        wait_peer(d, alive=True, stream=True, trouble_here="none")
    needles = {}
    for n, key in enumerate((first, second), 1):
        needles |= {f"key {n}": key, f"hex {n}": key.hex().encode(), f"adverts {n}": hkdf(key, LABEL_ADVERTS),
                    f"adverts hex {n}": hkdf(key, LABEL_ADVERTS).hex().encode(), f"stream {n}": hkdf(key, LABEL_STREAM)}
    for d in (lb1, lb2):
        for name in ("elector", "checker", "link", None):
            pid = d.helper_pid(name) if name else d.pid
            found = {k: v for k, v in find_in_memory(pid, needles).items() if v}
            expected = {"key 2": [True]} if name == "link" else {}
            assert found == expected, f"{name or 'tandemd'} of {d.name}"


def tls_to(node, address, *options):
    """What openssl says of a handshake with the stream's port, from that host."""
    process = node.spawn("openssl", "s_client", "-connect", f"{address}:8848", "-tls1_3", *options,
                         stdin=subprocess.DEVNULL)
    process.wait(20)


def test_each_attack_is_counted_by_name_in_the_status(pair_lab, figure):
    """From the peer's own host and address, which is as near as anybody can come."""
    lab = pair_lab
    lb1, lb2 = start_both(lab, config_of(lab))
    node = lb1.node

    def counters():
        return lb2.status()["sync"]["counters"]
    sniffer = test_link_daemon.sniff(node, "eth1")
    attacker = test_link_daemon.Attacker(node, "eth1")
    genuine = test_link_daemon.next_datagram(sniffer, "10.255.0.1", 60)
    before = counters()
    new_number = bytearray(genuine)
    new_number[16:24] = (int.from_bytes(genuine[16:24], "big") + 100000).to_bytes(8, "big")
    other_key = bytearray(genuine)
    other_key[8:16] = os.urandom(8)  # the session that another key makes
    sent = {"replayed": genuine, "forged": bytes(new_number), "unknown_session": bytes(other_key),
            "truncated": genuine[:30], "not_ours": b"junk" * 25}
    for data in sent.values():
        attacker.send(data)
    wrong_key = ("-psk", "11" * 32, "-psk_identity", "stranger", "-ciphersuites", "TLS_AES_256_GCM_SHA384")
    tls_to(node, "10.255.0.2", *wrong_key)
    tls_to(node, "10.255.0.2")  # no key at all
    with node.entered(), socket.create_connection(("10.255.0.2", 8848)) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        s.settimeout(30)
        with contextlib.suppress(ConnectionResetError):
            while s.recv(1000):
                pass
    node.ip("address add 10.255.0.77/24 dev eth1")
    with node.entered(), socket.create_connection(("10.255.0.2", 8848), source_address=("10.255.0.77", 0)) as s:
        s.settimeout(30)
        with contextlib.suppress(ConnectionResetError):
            s.recv(1000)
    with node.entered(), socket.create_connection(("10.255.0.2", 8848)) as s:
        wait_until(lambda: counters()["stream_slow"] == before["stream_slow"] + 1, 40, "who says nothing is closed")
    expected = dict.fromkeys(sent, 1) | {"stream_wrong_key": 1, "stream_junk": 2, "stream_stranger": 1,
                                         "stream_slow": 1, "stream_failed": 5}
    found = {name: counters()[name] - before[name] for name in expected}
    assert found == expected
    # A datagram of a process that is no more.
    os.kill(lb1.helper_pid("link"), signal.SIGKILL)
    wait_until(lambda: counters()["sessions"] == before["sessions"] + 1, 40, "a session with another process")
    wait_peer(lb2, alive=True, stream=True)
    attacker.send(genuine)
    wait_until(lambda: counters()["old_session"] == before["old_session"] + 1, 20, "counted as of an old session")
    figure("attacks counted by name", ", ".join(expected | {"old_session": 1}))
    assert counters()["bad_message"] == before["bad_message"]
    assert (lb1.router()["state"], lb2.router()["state"]) == ("active", "backup")
