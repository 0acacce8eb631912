"""The elector asks the peer over the link before it takes over. Two electors on one LAN, whose directors are
played; what the link would write into the standby's page is written by the test."""

import fcntl
import mmap
import os
import struct
import threading
import time

import pytest

from played_director import Helper, Namespace, connect

ADVERT_CS = 20
DOWN_S = 3 * 0.2 + (256 - 100) / 256 * 0.2
LASTS_S = 1.0
BUSY_S = 0.25  # what a busy machine may be late, and less than the next rule would take
INITIALIZE, BACKUP, ACTIVE = range(3)
CUT_OFF = 1
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
PAGE_SIZE = 32 + 2 * (8 + 16 * 1024)
DEAD_UNTIL = 24
TABLE_0 = 32


def name_hash(name):
    """index_hash() of base/index.c."""
    value = 14695981039346656037
    for byte in name.encode():
        value = (value ^ byte) * 1099511628211 % (1 << 64)
    return value ^ value >> 32


class Page:
    """struct peer_page, and a thread that writes heartbeats into it."""

    def __init__(self):
        self.fd = os.memfd_create("test-peer", os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, PAGE_SIZE)
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, SEALS)
        self.memory = mmap.mmap(self.fd, PAGE_SIZE)
        struct.pack_into("@I", self.memory, 0, 2)
        self.beating = False
        self.last = 0
        threading.Thread(target=self._beat, daemon=True).start()

    def say(self, state, flags=0):
        struct.pack_into("@QII", self.memory, TABLE_0 + 8, name_hash("front"), state, flags)
        struct.pack_into("@I", self.memory, TABLE_0, 1)

    def _beat(self):
        while True:
            if self.beating:
                self.last = time.clock_gettime(time.CLOCK_BOOTTIME)
                for offset in (16, 8):
                    struct.pack_into("@Q", self.memory, offset, int(self.last * 1e6))
            time.sleep(0.05)


def router(priority, **more):
    return {"name": "front", "interface": "eth0", "vrid": 51, "priority": priority,
            "advert_interval_cs": ADVERT_CS, "preempt": True, "addresses": ["10.77.0.100/24"],
            "announce": {"repeat": 1, "interval_us": 0, "refresh_us": 0}, **more}


class Pair:
    """The first is Active, the second Backup and has a page."""

    def __init__(self, stalls):
        self.stalls = stalls
        self.spaces = [Namespace("tandem-opinion") for _ in range(2)]
        connect(*self.spaces)
        self.page = Page()
        self.electors = [Helper("tandem-elector", self.spaces[0]),
                         Helper("tandem-elector", self.spaces[1], descriptors={4: self.page.fd})]
        self.active, self.standby = self.electors
        assert self.active.configure(routers=[router(200)]) == []
        self.active.wait("Router", state="active")
        assert self.standby.configure(routers=[router(100)]) == []
        self.standby.wait_report(lambda r: r["routers"][0]["peer"] == "10.77.0.1")

    def cut(self):
        """The standby hears no adverts any more. Returns when that began."""
        self.spaces[1].nft("add table inet cut; add chain inet cut in { type filter hook input priority 0; };"
                           "add rule inet cut in meta l4proto 112 drop")
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def mend(self):
        self.spaces[1].nft("delete table inet cut")

    def state(self):
        return self.standby.report()["routers"][0]

    def wait_active(self, since, due_s):
        """How long after a moment the standby was Active, in seconds, without the time in which the machine itself
        stood still when that was due already."""
        became = self.standby.wait("Router", state="active")["since_us"] / 1e6
        epoch = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        return self.stalls.beyond(since + epoch, became + epoch, due_s)

    def close(self):
        self.page.beating = False
        for elector in self.electors:
            if elector.process.poll() is None:
                elector.stop()
        for space in self.spaces:
            space.delete()


@pytest.fixture
def pair(lab):
    pair = Pair(lab.stalls)
    yield pair
    pair.close()


def test_a_lan_without_adverts_makes_no_second_active_router(pair, figure):
    pair.page.say(ACTIVE)
    pair.page.beating = True
    pair.cut()
    pair.standby.wait("Router", withheld=True)
    assert pair.standby.wait("Event", event="takeover-withheld")
    pair.standby.collect(0)
    said = pair.standby.collect(10 * DOWN_S)
    assert not [frame for frame in said if frame["method"] == "Router"], "it changed its mind"
    assert (pair.state()["state"], pair.state()["withheld"]) == ("backup", True)
    assert "10.77.0.100" not in pair.spaces[1].ip("address", "show")
    assert pair.state()["counters"]["withheld"] == 1
    pair.page.beating = False
    time.sleep(0.06)
    took = pair.wait_active(pair.page.last, LASTS_S)
    figure("VRRP cut, then the link: takeover after the last heartbeat", f"{took:.3f} s", f"<= {LASTS_S + 0.05:.2f} s")
    assert LASTS_S - 0.001 <= took <= LASTS_S + BUSY_S
    pair.mend()
    pair.standby.wait("Router", state="backup", reason="better-advert")
    assert "10.77.0.100" not in pair.spaces[1].ip("address", "show")


def test_adverts_that_come_back_end_it(pair):
    pair.page.say(ACTIVE)
    pair.page.beating = True
    pair.cut()
    pair.standby.wait("Router", withheld=True)
    pair.mend()
    pair.standby.wait("Router", withheld=False, state="backup")
    assert pair.standby.wait("Event", event="adverts-back")
    assert not pair.state()["withheld"]


@pytest.mark.parametrize("state, flags", [(BACKUP, 0), (INITIALIZE, 0), (ACTIVE, CUT_OFF)])
def test_a_peer_that_does_not_serve_is_succeeded(pair, state, flags):
    pair.page.say(state, flags)
    pair.page.beating = True
    began = pair.cut()
    assert pair.wait_active(began, DOWN_S) <= DOWN_S + BUSY_S
    assert pair.state()["counters"]["withheld"] == 0


def test_a_dead_peer_is_succeeded_as_soon_as_without_a_link(pair, figure):
    pair.page.say(ACTIVE)
    pair.page.beating = True
    time.sleep(0.5)
    pair.active.process.kill()
    pair.page.beating = False
    died = time.clock_gettime(time.CLOCK_BOOTTIME)
    pair.active.process.wait()
    took = pair.wait_active(died, DOWN_S)
    figure("dead host with a link: takeover", f"{took:.3f} s", f"<= {DOWN_S:.3f} s")
    assert took <= DOWN_S + BUSY_S
    assert pair.state()["counters"]["withheld"] == 0


def test_a_state_on_the_other_side_that_changes_is_believed(pair):
    pair.page.say(ACTIVE)
    pair.page.beating = True
    pair.cut()
    pair.standby.wait("Router", withheld=True)
    changed = time.clock_gettime(time.CLOCK_BOOTTIME)
    pair.page.say(BACKUP)
    assert pair.wait_active(changed, ADVERT_CS / 100) <= ADVERT_CS / 100 + BUSY_S


def test_without_the_rule_vrrp_decides(pair):
    assert pair.standby.configure(routers=[router(100)], second_opinion=False) == []
    pair.page.say(ACTIVE)
    pair.page.beating = True
    began = pair.cut()
    assert pair.wait_active(began, DOWN_S) <= DOWN_S + BUSY_S


def test_two_active_routers_know_of_each_other_by_the_link(pair):
    pair.page.say(BACKUP)
    pair.page.beating = True
    pair.cut()
    pair.standby.wait("Router", state="active")
    pair.page.say(ACTIVE)
    assert pair.standby.wait("Event", event="rival")
    assert pair.state()["counters"]["split"] > 0


def test_a_resignation_is_followed_at_once(pair):
    pair.page.say(ACTIVE)
    pair.page.beating = True
    left = time.clock_gettime(time.CLOCK_BOOTTIME)
    pair.active.stop()
    assert pair.wait_active(left, 0) <= BUSY_S


def test_memory_that_is_no_page_is_no_opinion(pair):
    pair.standby.stop()
    plain = os.memfd_create("test-plain")
    os.ftruncate(plain, PAGE_SIZE)
    pair.electors[1] = pair.standby = Helper("tandem-elector", pair.spaces[1], descriptors={4: plain})
    assert pair.standby.configure(routers=[router(100)]) == []
    began = pair.cut()
    assert pair.wait_active(began, DOWN_S) <= DOWN_S + BUSY_S
