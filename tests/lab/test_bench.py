"""How fast: a large table from nothing, beside Debian's keepalived in the same boot. And the IPVS module
against the kernel itself, where no other program is between."""

import datetime
import os
import subprocess
import sys
import time

import pytest

from director import Director

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "bench"))
import ipvs_bench  # noqa: E402

SERVICES, SERVERS = ipvs_bench.SERVICES, ipvs_bench.SERVERS
RATIO = 20
# A round trip is what keepalived waits for. Where it costs little and the kernel's own work, nearly all
# of ours, is emulated, there is less to win.
RATIO_EMULATED = 5


def built(program):
    return os.path.join(os.environ["TANDEM_BUILDDIR"], "tests/bench", program)


def large_config(services=SERVICES, servers=SERVERS):
    """The same table as keepalived is given."""
    return {
        "nodes": {"lb1": {}},
        "pools": {f"p{i}": {"servers": {f"s{j}": {"address": ipvs_bench.server(i, j)}
                                        for j in range(servers)}} for i in range(services)},
        "services": {f"v{i}": {"listen": ipvs_bench.vip(i), "port": 80, "scheduler": "wlc",
                               "forward": "nat", "pool": f"p{i}"} for i in range(services)},
        "ipvs": {"drift_interval": "1h"},
    }


def log_time(line):
    return datetime.datetime.fromisoformat(line.split()[0].replace("Z", "+00:00")).timestamp()


@pytest.mark.ipvs
def test_the_module_does_what_it_says_on_this_kernel(lab):
    lab.build({"lb1": {}})
    lab["lb1"].run(built("ipvs_kernel_check"))


def beside_keepalived(figure, where, ratio, launcher=()):
    """The module beside keepalived, each in a namespace of its own; keepalived's best time."""
    result = subprocess.run([*launcher, sys.executable, ipvs_bench.__file__, "--ratio", str(ratio),
                             "--bench", built("ipvs_bench")],
                            capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode in (0, 1), result.stdout + result.stderr
    figure(where, result.stdout.splitlines()[-1], f">= {ratio} times")
    assert result.returncode == 0, result.stdout
    return min(float(line.split()[1]) for line in result.stdout.splitlines()
               if line.startswith("keepalived"))


def test_a_large_table_is_loaded_twenty_times_as_fast_as_by_keepalived(figure):
    beside_keepalived(figure, "in User-Mode Linux", RATIO, [os.path.join(HERE, "uml")])


@pytest.mark.ipvs
def test_the_daemon_loads_a_large_configuration_in_seconds(lab, figure):
    theirs_s = beside_keepalived(figure, "on the lab's kernel", RATIO_EMULATED)
    lab.build({"lb1": {}})
    lb1 = Director(lab, "lb1", large_config())
    started = time.monotonic()
    lb1.start(wait=False)
    whole_s = ipvs_bench.seconds_until_table(SERVICES, SERVICES * SERVERS, lb1.node.netns, started,
                                             interval=0.2)
    lb1.wait_ready()
    apply_s = log_time(lb1.wait_event("ipvs-applied")) - log_time(lb1.events("helper-started")[-1])
    size = f"{SERVICES} services x {SERVERS} servers from a file"
    figure(f"{size}: tandemd from its start",
           f"{whole_s:.2f} s, {theirs_s / whole_s:.1f} times as fast as keepalived", "seconds")
    assert whole_s < 60
    figure(f"{size}: its helpers started to table complete", f"{apply_s:.2f} s")
    status = lb1.status()["ipvs"]
    assert status["operations_total"] == SERVICES * (SERVERS + 1) and status["errors"] == []
    assert lb1.reload().returncode == 0
    assert lb1.status()["ipvs"]["operations_total"] == status["operations_total"]


def cost(pid):
    """Processor seconds so far, and resident MiB, of a process."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        ticks = sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return ticks / os.sysconf("SC_CLK_TCK"), kib / 1024


class Stopwatch:
    """What one thing that the director is asked costs it: time, processor time, operations."""

    def __init__(self, director, figure):
        self._director, self._figure = director, figure
        self._operations = 0

    def time(self, what, action):
        cpu, _ = cost(self._director.pid)
        begun = time.monotonic()
        action()
        seconds = time.monotonic() - begun
        after, mib = cost(self._director.pid)
        ipvs = self._director.status()["ipvs"]
        operations = ipvs["operations_total"] - self._operations
        self._operations = ipvs["operations_total"]
        assert ipvs["errors"] == []
        self._figure(f"10000 services x 5 servers: {what}",
                     f"{seconds:.2f} s, {after - cpu:.2f} s of processor, {mib:.0f} MiB, "
                     f"{operations} operations, longest step so far {ipvs['longest_step_us'] / 1000:.0f} ms")
        return seconds, operations


@pytest.mark.ipvs
def test_ten_thousand_services_of_five_servers(lab, figure):
    services, servers = 10000, 5
    reloaded = []
    theirs_s = ipvs_bench.time_keepalived(services, servers, reloaded)
    lab.build({"lb1": {}})
    config = large_config(services, servers)
    lb1 = Director(lab, "lb1", config)
    started = time.monotonic()
    lb1.start(wait=False)
    whole_s = ipvs_bench.seconds_until_table(services, services * servers, lb1.node.netns, started,
                                             interval=0.2)
    lb1.wait_ready()
    figure("10000 services x 5 servers: from nothing, process and file included",
           f"{whole_s:.2f} s; keepalived {theirs_s:.2f} s, {theirs_s / whole_s:.1f} times", "seconds")
    watch = Stopwatch(lb1, figure)
    _, operations = watch.time("started", lambda: None)
    assert operations == services * (servers + 1)
    _, operations = watch.time("a reload of the unchanged file", lambda: lb1.reload().check_returncode())
    assert operations == 0
    config["pools"]["p0"]["servers"]["s0"]["weight"] = 7
    seconds, operations = watch.time("one weight changed", lambda: lb1.reload(config).check_returncode())
    assert operations == 1
    figure("10000 services x 5 servers: one weight changed, keepalived",
           f"{reloaded[0]:.2f} s, {reloaded[0] / seconds:.1f} times as long")
    del config["services"]["v1"], config["pools"]["p1"]
    _, operations = watch.time("one service removed", lambda: lb1.reload(config).check_returncode())
    assert operations == 1
