"""Tests that need what is not here: IPVS, on a kernel without, or systemd as the first process, which is
never borrowed from this host. They run in one virtual machine for each file, several machines at a time,
and their reports are handed on as if they had run here."""

import concurrent.futures
import json
import os
import queue
import subprocess
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT_S = 1500
# A machine waits more than it computes, and each is as slow as its processor is busy with the others.
GUESTS_MAX = 4
GUEST_MEMORY = 2 << 30
MEMORY_MIB = os.environ.get("TANDEM_GUEST_MEMORY", "1500")  # what a machine has of it, as its kernel sees it
# The files that take longest, these first: a machine that begins with one of them at the end keeps all others waiting.
LONGEST = ("test_link_survival", "test_realserver", "test_fullnat", "test_paths", "test_pair_sync", "test_pools",
           "test_link_scale", "test_balancing", "test_kernel_traps", "test_link_loss", "test_sync", "test_services")


def in_guest():
    return "TANDEM_IN_GUEST" in os.environ


def has_ipvs():
    if not os.path.exists("/proc/net/ip_vs"):
        subprocess.run(["modprobe", "-q", "ip_vs"], check=False)
    return os.path.exists("/proc/net/ip_vs")


def guests_at_a_time():
    """One for each processor, as far as the memory goes; or TANDEM_GUESTS."""
    if "TANDEM_GUESTS" in os.environ:
        return max(1, int(os.environ["TANDEM_GUESTS"]))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(GUESTS_MAX, len(os.sched_getaffinity(0)), memory // GUEST_MEMORY))


class Batch:
    """The tests of one file, in a machine of their own."""

    def __init__(self, path, items):
        self.path = path
        self._items = items
        self._process = None
        self._is_over = False
        self.reports = []  # as JSON

    def run(self, say):
        """Boot, run, read the reports; what the machine says goes line by line to say()."""
        if self._is_over:
            return
        with tempfile.NamedTemporaryFile(dir="/var/tmp", prefix="tandem-reports-") as file:
            tests = [f"{self.path}::{i.nodeid.split('::', 1)[1]}" for i in self._items]
            systemd = _needs_systemd(self._items[0])
            command = [os.path.join(HERE, "guest"), "--timeout", str(TIMEOUT_S), "--memory", MEMORY_MIB,
                       *(["--systemd"] if systemd else []), sys.executable, "-m", "pytest", "-v",
                       "--color=no", "--no-header", "--no-summary", *tests]
            self._process = subprocess.Popen(command, env=dict(os.environ, TANDEM_LAB_REPORTS=file.name),
                                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                             stderr=subprocess.STDOUT, text=True, errors="replace")
            for line in self._process.stdout:
                say(line.rstrip())
            self._process.wait()
            self.reports = [json.loads(line) for line in file]

    def end(self):
        """Now, if it goes on; never, if it has not begun."""
        self._is_over = True
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


class Guest:
    """Plugin of the host's pytest: sends marked tests away."""

    def __init__(self, config):
        self._config = config
        self._batches = {}
        self._reports = {}
        self._lines = queue.SimpleQueue()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        # Those that run here come first: they are over sooner.
        items.sort(key=_needs_guest)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        if not _needs_guest(item):
            return None
        if not self._batches:
            self._start(item.session)
        if item.path not in self._reports:
            self._finish(item)
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._reports[item.path].get(item.nodeid) or [self._missing(item)]:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _start(self, session):
        items = {}
        for item in filter(_needs_guest, session.items):
            items.setdefault(item.path, []).append(item)
        pool = concurrent.futures.ThreadPoolExecutor(guests_at_a_time())
        for path, of_path in sorted(items.items(), key=_rank):
            batch = Batch(path, of_path)
            self._batches[path] = batch, pool.submit(batch.run, self._lines.put)
        pool.shutdown(wait=False)

    def _finish(self, item):
        """Wait for the machine of a test's file, and show what all of them say meanwhile."""
        batch, future = self._batches[item.path]
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        terminal.write_line("")
        future.add_done_callback(lambda _: self._lines.put(None))
        while (line := self._lines.get()) is not None or not future.done():
            if line is not None:
                terminal.write_line("  guest: " + line)
        future.result()
        found = self._reports[item.path] = {}
        for data in batch.reports:
            report = self._config.hook.pytest_report_from_serializable(config=self._config, data=data)
            nodeid = f"{item.nodeid.split('::', 1)[0]}::{report.nodeid.split('::', 1)[1]}"
            found.setdefault(nodeid, []).append(report)

    def pytest_sessionfinish(self):
        for batch, _ in self._batches.values():
            batch.end()

    @staticmethod
    def _missing(item):
        return pytest.TestReport(item.nodeid, item.location, {}, "failed",
                                 "the virtual machine ended without a report of this test", "call")


class Recorder:
    """Plugin of the guest's pytest: writes each report down for the host's."""

    def __init__(self, config, path):
        self._config = config
        self._file = open(path, "w", encoding="utf-8")

    def pytest_runtest_logreport(self, report):
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._file.write(json.dumps(data) + "\n")
        self._file.flush()


def _rank(path_and_items):
    """Where a file comes among those that get a machine."""
    name = path_and_items[0].stem
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def _needs_systemd(item):
    return item.get_closest_marker("systemd") is not None


def _needs_guest(item):
    return _needs_systemd(item) or (item.get_closest_marker("ipvs") is not None and not has_ipvs())


def register(config):
    if not in_guest():
        config.pluginmanager.register(Guest(config))
    elif "TANDEM_LAB_REPORTS" in os.environ:
        config.pluginmanager.register(Recorder(config, os.environ["TANDEM_LAB_REPORTS"]))
