"""What a kernel loses between its table of connections and the link, on either side, without a word: it is seen by
what the kernel counts, told, and mended."""

import time

import pytest

from observe import Flows
from pair import VIP, build_balancing
from process import wait_until
from test_link_loss import BETWEEN, CUT, LOSSY, known, start
from test_pair_link import make_key, wait_peer

pytestmark = pytest.mark.ipvs

MANY = 20000
WITHOUT_PAUSE = 100000


@pytest.fixture
def pair(lab):
    lab.key_file = make_key(lab)
    directors = start(lab, {"interface": "eth1", "key_file": lab.key_file})
    for director in directors:
        wait_peer(director, 30, alive=True, stream=True, trouble_here="none", trouble_there="none")
    return directors


def table(director):
    return director.status()["sync"]["kernel_table"]


def nft(director, command):
    director.node.run("nft", command)


def make(lab, port, count):
    """As fast as the machine can."""
    return Flows(lab["client"], VIP, port, 0, count).result(120)


def wait_equal(lb1, lb2, port, count, seconds=180):
    assert known(lb1)[port] == count
    wait_until(lambda: known(lb2)[port] == count, seconds, f"{count} connections to {port} on the standby", every=0.5)


def test_what_the_senders_queue_has_no_room_for_is_read_from_its_table(lab, pair, figure):
    lb1, lb2 = pair
    lb1.node.run("sysctl", "-w", "net.ipv4.vs.sync_qlen_max=4")
    make(lab, LOSSY, MANY)
    wait_until(lambda: table(lb1)["missing"] > 0, 60, "the loss is seen", every=0.2)
    missing = table(lb1)["missing"]
    wait_equal(lb1, lb2, LOSSY, MANY)
    wait_until(lambda: table(lb1)["missing"] == 0, 60, "nothing is missing any more", every=0.5)
    assert lb1.events("table-differs") and lb1.events("table-read")
    figure(f"of {MANY} connections lost by a queue of 4 messages, and mended", f"{missing}")


def test_a_hundred_thousand_without_pause_all_reach_the_standby(lab, pair, figure):
    lb1, lb2 = pair
    flows = make(lab, BETWEEN, WITHOUT_PAUSE)
    begin = time.monotonic()
    wait_equal(lb1, lb2, BETWEEN, WITHOUT_PAUSE, 240)
    said = table(lb1)
    figure(f"{WITHOUT_PAUSE} connections at {flows['per_s']:.0f}/s without a pause: all are on the standby after",
           f"{time.monotonic() - begin:.1f} s; table read {said['reads']} times, {said['dropped_out']} messages dropped")


def test_what_the_receivers_kernel_lost_is_given_to_it_again(lab, pair, figure):
    """Between the device and the kernel's daemon, where nothing counts that the link could see."""
    lb1, lb2 = pair
    many = MANY // 4
    nft(lb2, "add table inet losing")
    nft(lb2, "add chain inet losing in { type filter hook input priority 0; }")
    nft(lb2, 'add rule inet losing in iifname "tandem-sync" drop')
    make(lab, CUT, many)
    wait_until(lambda: lb2.status()["sync"]["shadow"]["entries"] >= many, 60, "the link has them", every=0.2)
    assert known(lb2)[CUT] == 0
    nft(lb2, "delete table inet losing")
    wait_until(lambda: table(lb2)["surplus"] > 0, 60, "the loss is seen", every=0.2)
    wait_equal(lb1, lb2, CUT, many)
    assert lb2.events("table-differs") and table(lb2)["feeds"] > 0
    figure(f"{many} connections lost by the receiving kernel: given again in so many rounds", table(lb2)["feeds"])
