"""Tests that need what is not here: IPVS, on a kernel without, or systemd as the first process, which is
never borrowed from this host. They run in one virtual machine for each file, and their reports are
handed on as if they had run here."""

import json
import os
import subprocess
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT_S = 1500


def in_guest():
    return "TANDEM_IN_GUEST" in os.environ


def has_ipvs():
    if not os.path.exists("/proc/net/ip_vs"):
        subprocess.run(["modprobe", "-q", "ip_vs"], check=False)
    return os.path.exists("/proc/net/ip_vs")


class Guest:
    """Plugin of the host's pytest: sends marked tests away."""

    def __init__(self, config):
        self._config = config
        self._reports = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        # Those that run here come first: they are over sooner.
        items.sort(key=_needs_guest)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        if not _needs_guest(item):
            return None
        if item.nodeid not in self._reports:
            self._run_file(item.session, item.path)
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._reports[item.nodeid] or [self._missing(item)]:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _run_file(self, session, path):
        items = [i for i in session.items if i.path == path and _needs_guest(i)]
        self._reports.update({i.nodeid: [] for i in items})
        with tempfile.NamedTemporaryFile(dir="/var/tmp", prefix="tandem-reports-") as file:
            self._boot([f"{path}::{i.nodeid.split('::', 1)[1]}" for i in items], file.name,
                       _needs_systemd(items[0]))
            for line in file:
                report = self._config.hook.pytest_report_from_serializable(
                    config=self._config, data=json.loads(line))
                name = report.nodeid.split("::", 1)[1]
                self._reports[f"{items[0].nodeid.split('::', 1)[0]}::{name}"].append(report)

    def _boot(self, tests, reports, systemd):
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        command = [os.path.join(HERE, "guest"), "--timeout", str(TIMEOUT_S),
                   *(["--systemd"] if systemd else []), sys.executable, "-m", "pytest", "-v",
                   "--color=no", "--no-header", "--no-summary", *tests]
        guest = subprocess.Popen(command, env=dict(os.environ, TANDEM_LAB_REPORTS=reports),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, errors="replace")
        terminal.write_line("")
        for line in guest.stdout:
            terminal.write_line("  guest: " + line.rstrip())
        guest.wait()

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


def _needs_systemd(item):
    return item.get_closest_marker("systemd") is not None


def _needs_guest(item):
    return _needs_systemd(item) or (item.get_closest_marker("ipvs") is not None and not has_ipvs())


def register(config):
    if not in_guest():
        config.pluginmanager.register(Guest(config))
    elif "TANDEM_LAB_REPORTS" in os.environ:
        config.pluginmanager.register(Recorder(config, os.environ["TANDEM_LAB_REPORTS"]))
