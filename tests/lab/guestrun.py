"""Tests that need what is not here: IPVS, on a kernel without, or what is never borrowed from this host: a
kernel to be tampered with (own_kernel), systemd as the first process. They run in one virtual machine for each file, several machines at a time,
and their reports are handed on as if they had run here. A machine that goes down, or falls silent, fails
the test that ran in it; those that had not begun get another machine."""

import concurrent.futures
import json
import os
import queue
import select
import subprocess
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
GUEST = os.environ.get("TANDEM_GUEST", os.path.join(HERE, "guest"))
TIMEOUT_S = 1500
# A test says its name when it begins and nothing until it ends: this is twice what the longest takes.
SILENT_S = float(os.environ.get("TANDEM_GUEST_SILENT_S", "600"))
# Statuses of GUEST; any other is the command's own.
WENT_DOWN, OUT_OF_TIME, NONE_CAME_UP = 123, 124, 125
NO_MACHINE = "no virtual machine came up"
LOSSES = {WENT_DOWN: "the virtual machine went down", OUT_OF_TIME: "the virtual machine ran out of time",
          NONE_CAME_UP: NO_MACHINE}
NO_REPORT = "the virtual machine ended without a report of this test"
KERNEL_LINES = 80  # a crash of it takes sixty
LOSSES_MAX = 3  # machines of one file; what has not begun then has failed
# A machine waits more than it computes, and each is as slow as its processor is busy with the others.
GUESTS_MAX = 4
GUEST_MEMORY = 2 << 30
MEMORY_MIB = os.environ.get("TANDEM_GUEST_MEMORY", "1500")  # what a machine has of it, as its kernel sees it
# The files that take longest, these first: a machine that begins with one of them at the end keeps all others waiting.
LONGEST = ("test_link_survival", "test_realserver", "test_fullnat", "test_paths", "test_pair_sync", "test_pools",
           "test_link_scale", "test_balancing", "test_kernel_traps", "test_link_loss", "test_sync", "test_services",
           "test_kernel_memory")


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


def read_records(file):
    """What a Recorder has written; the last one may be cut short."""
    records = []
    for line in file:
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def progress(keys, records):
    """Of the tests with these keys (their names within their file): the one that has begun and not ended, or
    None, and those that have not begun."""
    begun = {_key(r["begun"]) for r in records if "begun" in r}
    ended = {_key(r["nodeid"]) for r in records if r.get("when") == "teardown"}
    running = [key for key in keys if key in begun - ended]
    return (running or [None])[-1], [key for key in keys if key not in begun | ended]


class Batch:
    """The tests of one file, in a machine of their own, or in several if one is lost."""

    def __init__(self, path, items):
        self.path = path
        self._left = {_key(i.nodeid): i for i in items}
        self._systemd = _needs_systemd(items[0])
        self._process = None
        self._is_over = False
        self.reports = []  # as JSON
        self.failures = {}  # of tests that have no report, or not all: why, and the last words of the kernel
        self.losses = []  # lines about machines that were lost

    def run(self, say):
        """Boot, run, read the reports; what the machine says goes line by line to say()."""
        def listen(line):
            say(line)
            if line.startswith("guest: "):
                self.losses.append(f"{self.path.name}: {line.removeprefix('guest: ')}")

        lost = 0
        while self._left and not self._is_over:
            loss, running, kernel = self._run_machine(listen)
            if running:
                self.failures[running] = f"{loss} while this test ran", kernel
            lost += bool(loss)
            is_last = loss in (None, NO_MACHINE) or lost == LOSSES_MAX
            if loss:
                what_next = "have not run" if is_last else "go on in another machine"
                listen(f"guest: {loss}{f', in {running}' if running else ''}; {len(self._left)} tests {what_next}")
            if is_last:
                self.failures.update((key, (loss or NO_REPORT, kernel if loss else "")) for key in self._left)
                break

    def _run_machine(self, say):
        """How the machine was lost, or None, in which test, and what its kernel said last."""
        with tempfile.NamedTemporaryFile(dir="/var/tmp", prefix="tandem-reports-") as reports, \
                tempfile.NamedTemporaryFile(dir="/var/tmp", prefix="tandem-kernel-") as kernel:
            command = [GUEST, "--timeout", str(TIMEOUT_S), "--memory", MEMORY_MIB, "--kernel-log", kernel.name,
                       *(["--systemd"] if self._systemd else []), sys.executable, "-m", "pytest", "-v",
                       "--color=no", "--no-header", "--no-summary", *(f"{self.path}::{k}" for k in self._left)]
            # To import a plugin that nobody uses takes seconds there.
            env = dict(os.environ, TANDEM_LAB_REPORTS=reports.name, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
            self._process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            is_silent = not self._hear(say)
            if is_silent:
                self._end_machine()
            status = self._process.wait()
            self._process.stdout.close()
            records = read_records(reports)
            self.reports += [record for record in records if "begun" not in record]
            running, left = progress(list(self._left), records)
            self._left = {key: self._left[key] for key in left}
            said = kernel.read().decode(errors="replace").splitlines()
        if is_silent:
            loss = f"the virtual machine said nothing for {SILENT_S:.0f} s"
        else:
            loss = LOSSES.get(status)
        return loss, running, "\n".join(said[-KERNEL_LINES:])

    def _hear(self, say):
        """All the machine says; False if it said nothing for too long."""
        output, rest = self._process.stdout.fileno(), b""
        while select.select([output], [], [], SILENT_S)[0]:
            data = os.read(output, 1 << 16)
            *lines, rest = (rest + data).split(b"\n")
            if not data and rest:
                lines = [rest]
            for line in lines:
                say(line.decode(errors="replace").rstrip())
            if not data:
                return True
        return False

    def end(self):
        """Now, if it goes on; never, if it has not begun."""
        self._is_over = True
        if self._process and self._process.poll() is None:
            self._end_machine()

    def _end_machine(self):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()


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
        for report in self._reports_of(item):
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
            nodeid = f"{item.nodeid.split('::', 1)[0]}::{_key(report.nodeid)}"
            found.setdefault(nodeid, []).append(report)

    def _reports_of(self, item):
        batch, _ = self._batches[item.path]
        reports = self._reports[item.path].get(item.nodeid, [])
        if _key(item.nodeid) in batch.failures or not reports:
            why, kernel = batch.failures.get(_key(item.nodeid), (NO_REPORT, ""))
            when = "teardown" if any(r.when == "call" for r in reports) else "call"
            sections = [("Kernel of the virtual machine", kernel)] if kernel else []
            reports = reports + [pytest.TestReport(item.nodeid, item.location, {}, "failed", why, when, sections)]
        return reports

    def pytest_terminal_summary(self, terminalreporter):
        losses = [line for batch, _ in self._batches.values() for line in batch.losses]
        if losses:
            terminalreporter.section("virtual machines that were lost")
            for line in losses:
                terminalreporter.write_line(line)

    def pytest_sessionfinish(self):
        for batch, _ in self._batches.values():
            batch.end()


class Recorder:
    """Plugin of the guest's pytest: writes down for the host's which test begins, and each report. They are
    on the host's disk before anything goes on: a guest keeps what it writes for half a minute otherwise."""

    def __init__(self, config, path):
        self._config = config
        self._file = open(path, "w", encoding="utf-8")

    def pytest_runtest_logstart(self, nodeid):
        self._write({"begun": nodeid})

    def pytest_runtest_logreport(self, report):
        self._write(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    def _write(self, record):
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def _key(nodeid):
    """A test's name within its file."""
    return nodeid.split("::", 1)[1]


def _rank(path_and_items):
    """Where a file comes among those that get a machine."""
    name = path_and_items[0].stem
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def _needs_systemd(item):
    return item.get_closest_marker("systemd") is not None


def _needs_guest(item):
    return (_needs_systemd(item) or item.get_closest_marker("own_kernel") is not None or
            (item.get_closest_marker("ipvs") is not None and not has_ipvs()))


def register(config):
    if not in_guest():
        config.pluginmanager.register(Guest(config))
    elif "TANDEM_LAB_REPORTS" in os.environ:
        config.pluginmanager.register(Recorder(config, os.environ["TANDEM_LAB_REPORTS"]))
