"""What all lab tests have: a lab that cleans up, figures for the table at the end, the logs of what
failed. TANDEM_PREFIX names the installation under test, TANDEM_BUILDDIR the tree with the lab's tools
built; `tools/test lab` sets both."""

import os

import pytest

import guestrun
from observe import Stalls
from topology import Lab


def pytest_configure(config):
    config.addinivalue_line("markers", "ipvs: needs a kernel with IPVS")
    config.addinivalue_line("markers", "own_kernel: does to a kernel what no host's may bear: in a virtual machine")
    config.addinivalue_line("markers", "systemd: needs systemd as the first process")
    config.addinivalue_line("markers", "traffic: no request or connection may fail: needs an idle processor")
    guestrun.register(config)


def pytest_sessionstart():
    for name in ("TANDEM_PREFIX", "TANDEM_BUILDDIR"):
        if name not in os.environ:
            pytest.exit(f"{name} is not set: start the lab by tools/test lab", returncode=2)
    if os.geteuid() != 0:
        pytest.exit("the lab makes network namespaces: it needs root", returncode=2)


@pytest.fixture
def lab(request):
    yield from _open_lab(request.node)


@pytest.fixture(scope="module")
def shared_lab(request):
    """For the tests of a file that can do with one topology."""
    yield from _open_lab(request.node)


@pytest.fixture
def lent_lab(shared_lab):
    """The shared one, for a test that does with the directors' hosts what it likes."""
    if shared_lab.directors:
        shared_lab.clear()
    yield shared_lab
    shared_lab.clear()


def _open_lab(node):
    topology = Lab()
    node.lab = topology
    yield topology
    try:
        for director in topology.directors:
            director.check_sanitizers()
    finally:
        topology.close()


@pytest.fixture
def stalls():
    """When the machine stands still, for a test without a lab."""
    watch = Stalls()
    yield watch
    watch.process.kill()


@pytest.fixture
def figure(request):
    """figure(what, measured, bound): one line of the table at the end of the run."""
    def add(what, measured, bound=""):
        request.node.user_properties.append(("figure", [what, measured, bound]))
    return add


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and report.when != "teardown":
        # Its own, or the one it shares.
        labs = [node.lab for node in reversed(item.listchain()) if hasattr(node, "lab")]
        for topology in labs[:1]:
            report.sections += [(title, text) for title, text in topology.describe() if text]


def pytest_terminal_summary(terminalreporter):
    figures = [value for reports in terminalreporter.stats.values() for report in reports
               if getattr(report, "when", None) == "call"
               for name, value in report.user_properties if name == "figure"]
    if not figures:
        return
    terminalreporter.section("figures")
    width = max(len(what) for what, _, _ in figures)
    for what, measured, bound in figures:
        terminalreporter.write_line(
            f"{what:{width}}  {measured}" + (f"  (asked for: {bound})" if bound else ""))
