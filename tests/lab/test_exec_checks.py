"""Checks that say more than up and down, through the installed programs and a file that a user would write: programs,
files, and several checks of one server."""

import os

import pytest

from director import Director
from pair import ELECTION, VIP, election_config
from process import wait_until
from test_track import scripts  # noqa: F401, a fixture

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")

OFTEN = {"interval": "1s", "timeout": "900ms", "rise": 1, "fall": 1}


def start(lab, check):
    """One director, one server: no kernel with IPVS is needed for what its checks find."""
    lab.build({"lb1": ELECTION["lb1"]})
    config = election_config("100ms")
    config["pools"] = {"web": {"check": check, "servers": {"rs1": {"address": "192.0.2.11", "port": 80}}}}
    config["services"] = {"http": {"listen": VIP, "port": 80, "forward": "nat", "pool": "web"}}
    return Director(lab, "lb1", config).start()


def server(director):
    return director.status()["services"][0]["servers"][0]


def wait_state(director, state):
    wait_until(lambda: server(director)["state"] == state, 30, f"rs1 is {state}, not {server(director)['state']}")


def shown(director):
    return director.ctl("server", "web/rs1").stdout


def running(*command):
    """Whether somebody runs just this."""
    wanted = b"\0".join(word.encode() for word in command) + b"\0"

    def is_it(pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                return file.read() == wanted
        except OSError:
            return False
    return any(is_it(pid) for pid in os.listdir("/proc") if pid.isdigit())


def test_a_program_that_hangs_is_killed_with_all_that_it_started(lab, scripts):  # noqa: F811
    child = "sleep", f"1000.{os.getpid()}"  # nobody else's
    program = scripts.program("check", f"test ! -e {scripts.file('hang')} || {{ {' '.join(child)} & wait; }}")
    lb1 = start(lab, {"type": "exec", "command": program, **OFTEN})
    wait_state(lb1, "up")
    scripts.write("hang", "")
    wait_until(lambda: running(*child), 10, "it hangs", every=0.01)
    wait_state(lb1, "down")
    assert "timed out" in shown(lb1) or "killed" in shown(lb1), shown(lb1)
    os.unlink(scripts.file("hang"))
    wait_state(lb1, "up")
    wait_until(lambda: not running(*child), 20, "what hung is gone")


def test_what_a_program_prints_without_end_costs_its_own_deadline(lab, scripts):  # noqa: F811
    program = scripts.program("check", f"test ! -e {scripts.file('flood')} || exec yes")
    lb1 = start(lab, {"type": "exec", "command": program, **OFTEN})
    wait_state(lb1, "up")
    checker = lb1.helper_pid("checker")
    scripts.write("flood", "")
    wait_state(lb1, "down")
    os.unlink(scripts.file("flood"))
    wait_state(lb1, "up")
    assert lb1.helper_pid("checker") == checker


@pytest.mark.parametrize("how, one, both", [("all", "down", "down"), ("any", "up", "down")])
def test_several_checks_of_a_server(lab, scripts, how, one, both):  # noqa: F811
    files = [scripts.write(name, "up\n") for name in ("first", "second")]
    lb1 = start(lab, {how: [{"type": "file", "file": file} for file in files], **OFTEN})
    wait_state(lb1, "up")
    scripts.write("first", "down # for a test\n")
    wait_until(lambda: "for a test" in shown(lb1), 10, "the member's reason is shown")
    wait_state(lb1, one)
    scripts.write("second", "down\n")
    wait_state(lb1, both)
    scripts.write("first", "up\n")
    scripts.write("second", "up\n")
    wait_state(lb1, "up")
