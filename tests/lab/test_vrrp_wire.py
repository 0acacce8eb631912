"""Adverts on the wire: both families, both versions, unicast; and what others make of them."""

import json
import os

import pytest

from director import Director
from observe import Capture
from pair import ELECTION, LB, PATIENT, VIP, election_config, start_pair, wait_roles_settled
from process import wait_until

VIP6 = "2001:db8::100"
ADVERT = "100ms"


def build(lab):
    lab.build(ELECTION, ipv6=True)
    for number, name in enumerate(("lb1", "lb2"), 2):
        lab[name].ip(f"address add 2001:db8::{number}/64 dev eth0 nodad")
    for name in ("lb1", "lb2"):
        wait_until(lambda name=name: link_local(lab[name]), 30, f"{name} has a link-local address")


def link_local(node):
    shown = node.run("ip", "-6", "-o", "address", "show", "dev", "eth0", "scope", "link", "-tentative")
    return next((word.split("/")[0] for word in shown.split() if word.startswith("fe80:")), None)


def config(advert=ADVERT, **router):
    if advert == ADVERT:
        router["down_intervals"] = PATIENT
    return election_config(advert, **router)


UNICAST6 = {"lb1": "2001:db8::2", "lb2": "2001:db8::3"}
KINDS = {
    "v3": ({}, VIP),
    "v3-pseudo-header": ({"checksum": "pseudo_header"}, VIP),
    "v2": ({"version": 2, "advert": "1s"}, VIP),
    "v3-ipv6": ({"addresses": [f"{VIP6}/64"]}, VIP6),
    "unicast": ({"unicast": LB}, VIP),
    "unicast-ipv6": ({"addresses": [f"{VIP6}/64"], "unicast": UNICAST6}, VIP6),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_elects_hands_over_and_preempts(lab, kind):
    router, vip = KINDS[kind]
    build(lab)
    capture = Capture(lab, network="lb2-eth0")  # a bridge sees no unicast of others
    lb1, lb2 = start_pair(lab, config(**dict(router)), vip)
    wait_until(lambda: lb2.router()["peer"], 30, "lb2 hears lb1")
    lb1.stop()
    lb2.wait_owner(vip)
    lb1.start()
    wait_roles_settled(lb1, lb2, vip=vip)
    rejected = {k: v for d in (lb1, lb2) for k, v in d.router()["counters"].items()
                if k.startswith("rejected") and v}
    assert not rejected
    text = capture.caught_up().decoded_adverts()
    assert len(text) > 3
    # This tcpdump has RFC 5798's form of the checksum alone, for version 3 on IPv4.
    bad = [line for line in text if "bad vrrp cksum" in line or "|vrrp" in line or "incorrect" in line]
    assert not bad or (kind in ("v3", "unicast") and all("bad vrrp cksum" in line for line in bad))
    if "unicast" in kind:
        assert not [line for line in text if "224.0.0.18" in line or "ff02::12" in line]


@pytest.mark.parametrize("one, other, reason", [
    ({"checksum": "pseudo_header"}, {}, "checksum_form"),
    ({"version": 2, "advert": "1s"}, {"advert": "1s"}, "version"),
    ({"version": 2, "advert": "1s"}, {"version": 2, "advert": "2s"}, "interval_mismatch"),
    ({"unicast": LB}, {}, "destination"),
])
def test_ends_that_differ_say_in_what(lab, one, other, reason):
    build(lab)
    ends = [Director(lab, name, config(**dict(router)))
            for name, router in (("lb1", one), ("lb2", other))]
    for end in ends:
        end.start()
    name = "rejected_" + reason.replace("_", "-")
    for end in ends:
        wait_until(lambda end=end: end.router()["counters"][name] > 0, 30, f"{end.name} rejects")
        wait_until(lambda end=end: reason.replace("_", "-") in end.log(), 30, "it says so")


def key_file(lab, name, text, mode=0o600):
    path = lab.path(name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text + "\n")
    os.chmod(path, mode)
    return path


def hmac(active, **files):
    return {"type": "hmac", "active_key": active,
            "keys": {name[1:]: {"file": path} for name, path in files.items()}}


def rejected(director, reason):
    return director.router()["counters"]["rejected_" + reason]


def reload_with(director, **router):
    director.write_config(config(**router))
    director.reload()


def test_a_key_is_rotated_while_the_pair_stays_as_it_is(lab):
    build(lab)
    one = key_file(lab, "one", "hex:" + "a5" * 32)
    two = key_file(lab, "two", "a text that is long enough to be a key")
    lb1, lb2 = start_pair(lab, config(auth=hmac(1, k1=one)))
    wait_until(lambda: lb2.router()["peer"], 30, "lb2 hears lb1")
    for auth in (hmac(1, k1=one, k2=two), hmac(2, k1=one, k2=two), hmac(2, k2=two)):
        for director in (lb1, lb2):
            reload_with(director, auth=auth)
        heard = lb2.router()["counters"]["adverts_received"]
        wait_until(lambda before=heard: lb2.router()["counters"]["adverts_received"] > before + 5,
                   10, "lb2 hears lb1")
    assert (lb1.router()["state"], lb2.router()["state"]) == ("active", "backup")
    assert lb1.router()["counters"]["transitions"] == 2  # of its start
    for reason in ("key", "hmac", "unsigned", "stale", "replay", "trailer"):
        assert rejected(lb2, reason) == 0


def test_another_key_and_none_are_not_believed(lab):
    build(lab)
    one, two = (key_file(lab, name, "hex:" + name * 32) for name in ("a1", "b2"))
    lb1 = Director(lab, "lb1", config(auth=hmac(1, k1=one)))
    lb2 = Director(lab, "lb2", config(auth=hmac(1, k1=two)))
    for director in (lb1, lb2):
        director.start()
    wait_until(lambda: rejected(lb1, "hmac") and rejected(lb2, "hmac"), 30, "neither believes")
    reload_with(lb2)
    wait_until(lambda: rejected(lb1, "unsigned") and rejected(lb2, "signed"), 30, "lb2 has no key")
    reload_with(lb2, auth=hmac(1, k1=one))
    wait_roles_settled(lb1, lb2)


def test_a_dead_elector_is_resigned_for_with_its_last_signature(lab):
    build(lab)
    one = key_file(lab, "one", "hex:" + "a5" * 32)
    lb1, lb2 = start_pair(lab, config(advert="5s", auth=hmac(1, k1=one)))
    wait_until(lambda: lb2.router()["peer"], 30, "lb2 hears lb1")
    lb1.kill_all()
    lb1.cleanup()
    lb2.wait_owner(VIP)
    lb2.wait_router(reason="peer-resigned")  # sooner than Active_Down_Interval, which is 18 s


# With a key of the link

FORGE = r"""
import socket, struct, sys
head = struct.pack("!BBBBHH4s", 0x31, 51, 254, 1, 10, 0, socket.inet_aton("192.0.2.100"))
total = sum(struct.unpack("!6H", head))
total = (total & 0xffff) + (total >> 16)
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.0.2.10"))
for _ in range(int(sys.argv[1])):
    s.sendto(head[:6] + struct.pack("!H", ~total & 0xffff) + head[8:], ("224.0.0.18", 0))
"""
OLD, NEW = "fedcba9876543210" * 4, "0123456789abcdef" * 4


def linked(path, **router):
    """A pair with a key file, and for the link what the kernel has: this host need not have it."""
    whole = config(**router)
    whole["link"] = {"mode": "kernel", "interface": "eth0", "key_file": path}
    return whole


def trailers(capture, source):
    """The bytes behind each advert so far: what the IP header counts beyond the addresses."""
    return [packet[14 + 20 + 12:14 + int.from_bytes(packet[16:18], "big")]
            for _, packet in capture.packets()
            if packet[12:14] == b"\x08\x00" and packet[23] == 112
            and ".".join(map(str, packet[26:30])) == source]


def write_keys(path, *keys):
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write("# of the pair\n" + "\n".join(keys) + "\n")
    os.chmod(path + ".new", 0o600)
    os.replace(path + ".new", path)


def test_a_pair_with_a_link_key_signs_and_believes_no_forger(lab):
    build(lab)
    path = lab.path("link.key")
    write_keys(path, OLD)
    capture = Capture(lab)
    lb1, lb2 = start_pair(lab, linked(path))
    wait_until(lambda: lb2.router()["peer"] == LB["lb1"], 30, "lb2 hears lb1")
    wait_until(lambda: len(trailers(capture, LB["lb1"])) > 3, 30, "adverts")
    found = trailers(capture, LB["lb1"])
    assert {len(trailer) for trailer in found} == {28}
    assert {trailer[0] for trailer in found} == {1}, "HMAC-SHA-256-128"
    assert lb1.router()["auth"] == {"type": "link", "mode": "enforce"}
    lab["client"].run("/usr/bin/python3", "-c", FORGE, "20")
    for director in (lb1, lb2):
        wait_until(lambda d=director: rejected(d, "unsigned") >= 20, 30, f"{director.name} counts them")
        wait_until(lambda d=director: "unsigned" in d.log(), 30, f"{director.name} says so")
    assert (lb1.router()["state"], lb2.router()["state"]) == ("active", "backup")
    assert lb1.router()["counters"]["transitions"] == 2  # of its start
    assert OLD not in lb1.log() + json.dumps(lb1.status())


def test_the_key_of_the_link_is_rotated_while_the_pair_stays_as_it_is(lab):
    build(lab)
    paths = {name: lab.path(f"{name}.key") for name in LB}
    lb1, lb2 = (Director(lab, name, linked(paths[name])) for name in LB)
    capture = Capture(lab)

    def install(*keys):
        for director in (lb1, lb2):
            write_keys(paths[director.name], *keys)
            if director.log():
                director.reload()
                heard = lb2.router()["counters"]["adverts_received"]
                wait_until(lambda before=heard: lb2.router()["counters"]["adverts_received"] > before + 5,
                           10, "lb2 hears lb1")
    install(OLD)
    lb1.start()
    lb1.wait_owner(VIP)
    lb2.start()
    wait_until(lambda: lb2.router()["peer"] == LB["lb1"], 30, "lb2 hears lb1")
    for keys in ((OLD, NEW), (NEW, OLD), (NEW,)):
        install(*keys)
    assert (lb1.router()["state"], lb2.router()["state"]) == ("active", "backup")
    assert lb1.router()["counters"]["transitions"] == 2  # of its start
    for reason in ("key", "hmac", "unsigned", "stale", "replay", "trailer"):
        assert rejected(lb2, reason) == 0
    assert len({trailer[1] for trailer in trailers(capture.caught_up(), LB["lb1"])}) == 2, "two keys were used"


def test_a_router_may_be_left_unsigned(lab):
    build(lab)
    path = lab.path("link.key")
    write_keys(path, OLD)
    capture = Capture(lab)
    lb1, lb2 = start_pair(lab, linked(path, auth={"type": "none"}))
    wait_until(lambda: lb2.router()["peer"] == LB["lb1"], 30, "lb2 hears lb1")
    assert {len(trailer) for trailer in trailers(capture.caught_up(), LB["lb1"])} == {0}


def test_a_pair_gets_its_key_while_it_runs(lab):
    build(lab)
    path = lab.path("link.key")
    write_keys(path, OLD)
    lb1, lb2 = start_pair(lab, config())
    wait_until(lambda: lb2.router()["peer"] == LB["lb1"], 30, "lb2 hears lb1")
    for mode in ("receive_only", "permissive", "enforce"):
        for director in (lb1, lb2):
            director.write_config(linked(path, auth={"mode": mode}))
            director.reload()
            assert director.router()["auth"] == {"type": "link", "mode": mode}
            heard = lb2.router()["counters"]["adverts_received"]
            wait_until(lambda before=heard: lb2.router()["counters"]["adverts_received"] > before + 5,
                       10, "lb2 hears lb1")
    assert (lb1.router()["state"], lb2.router()["state"]) == ("active", "backup")
    assert lb1.router()["counters"]["transitions"] == 2  # of its start


def test_a_password_is_wanted(lab):
    build(lab)
    word, other = key_file(lab, "word", "secret"), key_file(lab, "other", "geheim")

    def password(file):
        return {"version": 2, "advert": "1s", "auth": {"type": "password", "password_file": file}}
    lb1, lb2 = (Director(lab, name, config(**password(file)))
                for name, file in (("lb1", word), ("lb2", other)))
    for director in (lb1, lb2):
        director.start()
    wait_until(lambda: rejected(lb1, "password") and rejected(lb2, "password"), 30, "they differ")
    reload_with(lb2, **password(word))
    wait_roles_settled(lb1, lb2)


def test_a_key_that_others_can_read_is_refused(lab):
    build(lab)
    path = key_file(lab, "open", "hex:" + "a5" * 32, 0o640)
    director = Director(lab, "lb1", config(auth=hmac(1, k1=path)))
    director.start(wait=False)
    wait_until(lambda: f"{path}: can be read by others" in director.log().replace("::", ":"), 10,
               "it names the file")
