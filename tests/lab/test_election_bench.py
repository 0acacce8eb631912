"""What a client notices of each way to lose or move the Active director, beside Debian's keepalived with
the same priorities and intervals in the same run. TANDEM_BENCH_TIMES=15 for figures to be quoted; a few
rounds are enough to see that nothing has become slow."""

import os
import signal
import statistics
import subprocess
import time

import pytest

from director import Director, installed
from observe import Probe, overlaps
from pair import ELECTION, VIP, active_down_s, election_config
from peers import Keepalived
from process import children

ROUNDS = {"1s": 2, "100ms": 5, "10ms": 9}
SECONDS = {"1s": "1", "100ms": "0.1", "10ms": "0.01"}


def rounds(advert):
    return int(os.environ.get("TANDEM_BENCH_TIMES", ROUNDS[advert]))


class Tandem:
    def __init__(self, lab, advert):
        self.lab = lab
        self.interval_s = float(SECONDS[advert])
        self.high, self.low = (Director(lab, name, election_config(advert)) for name in ("lb1", "lb2"))

    def kill_election(self):
        self.high.kill_helper("elector")

    def switch_over(self):
        subprocess.run([installed("bin/tandemctl"), "--runtime-dir", self.high.runtime_dir, "switchover"],
                       check=True, capture_output=True)

    def switch_back(self):
        subprocess.run([installed("bin/tandemctl"), "--runtime-dir", self.low.runtime_dir, "switchover"],
                       check=True, capture_output=True)


class Theirs:
    def __init__(self, lab, advert):
        self.lab = lab
        self.interval_s = float(SECONDS[advert])
        self.high, self.low = (
            Keepalived(lab, name, [("front", "eth0", 51, priority, f"{VIP}/24")], advert=SECONDS[advert])
            for name, priority in (("lb1", 150), ("lb2", 100)))

    def kill_election(self):
        (process,) = self.high._processes
        os.kill(children(process.pid)["keepalived"], signal.SIGKILL)


def start(pair):
    """Both, lb1 Active, and lb2 has heard of it."""
    pair.high.start()
    pair.high.wait_owner(VIP, 30)
    pair.low.start()
    time.sleep(0.3 + 2 * pair.interval_s)


def settle(pair):
    pair.high.wait_owner(VIP, 30)
    pair.low.wait_not_owner(VIP, 30)


def measure(pair, advert, lose, bring_back, due_s=0.0):
    """Gaps that a client saw, which are due to last so long, and times that both had the address, in milliseconds, of
    each round."""
    gaps, both = [], []
    for i in range(rounds(advert)):
        if i > 0:
            bring_back(pair)
        settle(pair)
        time.sleep(0.01)  # the address has just moved: not at the edge of the next second
        probe = Probe(pair.lab["client"], VIP)
        since = time.time()
        lose(pair)
        gaps.append(probe_until_served(pair, probe, due_s))
        later = [[i for i in d.monitor.intervals(VIP) if not i[1] or i[1] > since]
                 for d in (pair.high, pair.low)]
        both.append(pair.lab.stalls.longest(overlaps(*later, until=time.time()))[0] * 1000)
    bring_back(pair)
    return gaps, both


def probe_until_served(pair, probe, due_s):
    pair.low.wait_owner(VIP, 30)
    return probe.finish(due_s)["longest_gap_ms"]


def stop(pair):
    pair.high.stop()


def start_again(pair):
    pair.high.start()


def die(pair):
    pair.lab.cut("lb1")
    pair.high.kill_all()


def resurrect(pair):
    if VIP in " ".join(pair.high.node.addresses()):
        pair.high.node.ip(f"address delete {VIP}/24 dev eth0")
    pair.lab.mend("lb1", "front")
    pair.high.start()


def both_pairs(lab, advert, lose, bring_back, due_s=0.0):
    results = []
    for kind in (Tandem, Theirs):
        pair = kind(lab, advert)
        start(pair)
        results.append(measure(pair, advert, lose, bring_back, due_s))
        pair.high.kill_all()
        pair.low.kill_all()
        for director in (pair.high, pair.low):
            if director.node.has_address(VIP):
                director.node.ip(f"address delete {VIP}/24 dev eth0")
    return results


def describe(values):
    return f"median {statistics.median(values):.1f}, worst {max(values):.1f} ms"


@pytest.fixture
def network(lab):
    lab.build(ELECTION)
    return lab


@pytest.mark.parametrize("advert", list(ROUNDS))
def test_a_graceful_stop(network, figure, advert):
    (gaps, both), (their_gaps, their_both) = both_pairs(network, advert, stop, start_again)
    figure(f"graceful stop, adverts {advert}: client's gap of {len(gaps)}",
           f"{describe(gaps)}; keepalived {describe(their_gaps)}", "<= 5 ms")
    figure(f"graceful stop, adverts {advert}: both own the address",
           f"worst {max(both):.1f} ms; keepalived {max(their_both):.1f} ms", "<= 2 ms")
    assert statistics.median(gaps) <= 20


@pytest.mark.parametrize("advert", list(ROUNDS))
def test_a_dead_host(network, figure, advert):
    (gaps, _), (their_gaps, _) = both_pairs(network, advert, die, resurrect, due_s=active_down_s(advert))
    # The client's gap begins up to an interval after the last advert.
    down_ms = active_down_s(advert) * 1000
    figure(f"dead host, adverts {advert}: client's gap of {len(gaps)}",
           f"{describe(gaps)}; keepalived {describe(their_gaps)}", f"<= {down_ms + 5:.0f} ms")
    assert statistics.median(gaps) <= down_ms + 100


@pytest.mark.parametrize("advert", list(ROUNDS))
def test_a_planned_switchover(network, figure, advert):
    pair = Tandem(network, advert)
    start(pair)
    gaps, both = measure(pair, advert, Tandem.switch_over, Tandem.switch_back)
    figure(f"switchover, adverts {advert}: client's gap of {len(gaps)}", describe(gaps), "<= 5 ms")
    figure(f"switchover, adverts {advert}: both own the address", describe(both), "<= 2 ms")
    assert statistics.median(gaps) <= 20


def gap_of_a_killed_election(network, kind, advert):
    """In milliseconds, of a pair that has just begun: who is killed again and again is kept down for longer."""
    pair = kind(network, advert)
    start(pair)
    settle(pair)
    probe = Probe(network["client"], VIP)
    pair.kill_election()
    time.sleep(4 * float(SECONDS[advert]))  # as long as a failover would take to show
    gap_ms = probe.finish()["longest_gap_ms"]
    pair.high.kill_all()
    pair.low.kill_all()
    for director in (pair.high, pair.low):
        if director.node.has_address(VIP):
            director.node.ip(f"address delete {VIP}/24 dev eth0")
    return gap_ms


@pytest.mark.parametrize("advert", list(ROUNDS))
def test_the_election_process_alone_is_killed(network, figure, advert):
    """No failover: the address stays, or is away for the time of a restart."""
    times = int(os.environ.get("TANDEM_BENCH_TIMES", 1))
    results = [[gap_of_a_killed_election(network, kind, advert) for _ in range(times)] for kind in (Tandem, Theirs)]
    figure(f"election process killed, adverts {advert}: client's gap of {len(results[0])}",
           f"{describe(results[0])}; keepalived {describe(results[1])}", "<= 30 ms")
    assert statistics.median(results[0]) <= 100
