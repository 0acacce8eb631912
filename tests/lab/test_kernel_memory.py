"""The kernel has no memory for a part of the table: real ENOMEM, of IPVS itself. A module of ours refuses it to
one function of IPVS (tests/lab/nomem.c), in a virtual machine's kernel and never in this host's."""

import copy
import os
import socket
import subprocess

import pytest

from director import Director
from observe import Holder
from pair import CHECK, SERVERS, VIP, balancing_config, build_balancing
from process import wait_until
from test_kernel_traps import ALONE, config, saved, web

pytestmark = [pytest.mark.ipvs, pytest.mark.own_kernel]

MODULE = os.path.join(os.environ["TANDEM_BUILDDIR"], "tests/lab/modules/nomem.ko")
PARAMETERS = "/sys/module/nomem/parameters"
PORTS = range(1000, 1004)
HELD = 20
WHY = "Cannot allocate memory"


class Memory:
    """What IPVS has of it."""

    def runs_out(self, caller, allocator, left=0):
        """So many calls of `allocator` by IPVS's function `caller` still get some; the others none."""
        self._set("left", -1)
        self._set("caller", caller)
        self._set("allocator", allocator)
        self._set("left", left)

    def is_back(self):
        self._set("left", -1)

    def refused(self):
        """How many calls got none."""
        with open(f"{PARAMETERS}/refused", encoding="ascii") as file:
            return int(file.read())

    def _set(self, name, value):
        with open(f"{PARAMETERS}/{name}", "w", encoding="ascii") as file:
            file.write(str(value))


@pytest.fixture
def memory():
    assert os.path.exists(MODULE), f"{MODULE} is not built: make lab-modules"
    subprocess.run(["insmod", MODULE], check=True)
    yield Memory()
    subprocess.run(["rmmod", "nomem"], check=True)


def listed(node):
    """The kernel's own list of services and of each one's servers, in its order, with whatever is in it twice."""
    lines = []
    for words in map(str.split, node.run("cat", "/proc/net/ip_vs").splitlines()[3:]):
        lines.append(words[1:3] if words[0] != "->" else ["->", words[1], words[3]])
    return lines
