"""tandem-link in mode "tandem": two of them in two namespaces, with the test as their directors and as
their kernels."""

import os
import time

import pytest

from played_director import Helper, Namespace, connect
from played_kernel import GROUP, PORT, SYNC_ID, Kernel, record

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")

KEY, OTHER_KEY = "11" * 16 + "22" * 16, "33" * 16 + "44" * 16
HEARTBEAT_US = 100000


class Side:
    """One director's host."""

    def __init__(self, name, number):
        self.name, self.number = name, number
        self.namespace = Namespace(name)
        self.kernel = Kernel(self.namespace)
        self.link = None

    def start(self):
        self.link = Helper("tandem-link", self.namespace, more={4: self.kernel.tun})

    def configure(self, keys=(KEY,), interfaces=("eth0",), heartbeat_us=HEARTBEAT_US, **more):
        peer = 3 - self.number
        parameters = {
            "mode": "tandem", "node": f"lb{self.number}", "peer": f"lb{peer}",
            "own_address": f"10.77.0.{self.number}", "peer_address": f"10.77.0.{peer}",
            "interfaces": list(interfaces), "group": GROUP, "port": PORT, "ttl": 1, "sync_id": SYNC_ID,
            "heartbeat_us": heartbeat_us, "keys": list(keys), "digest": "d"} | more
        return self.link.configure(**parameters)

    def counters(self):
        return self.link.report()["counters"]

    def kill(self):
        self.link.process.kill()
        self.link.process.wait()
        self.link.socket.close()
        self.link.runtime.cleanup()
        self.link = None

    def close(self):
        if self.link:
            self.link.stop()
        self.kernel.close()
        self.namespace.delete()


@pytest.fixture
def hosts():
    sides = Side("lb1", 1), Side("lb2", 2)
    connect(sides[0].namespace, sides[1].namespace)
    yield sides
    for side in sides:
        side.close()


def wait_alive(side, timeout=5):
    return side.link.wait("Peer", alive=True, stream=True, timeout=timeout)


@pytest.fixture
def pair(hosts):
    """Two that have agreed on a session, with their resync done."""
    for side in hosts:
        side.start()
        assert side.configure() == []
    for side in hosts:
        wait_alive(side)
        side.link.wait("Resync", state="done", timeout=10)
    return hosts


def test_a_record_goes_from_one_kernel_to_the_other_both_ways(pair):
    lb1, lb2 = pair
    lb1.kernel.say(record(1), record(2))
    lb2.kernel.say(record(3))
    lb2.kernel.wait_for([1, 2])
    lb1.kernel.wait_for([3])
    assert 3 not in lb2.kernel.known and 1 not in lb1.kernel.known
