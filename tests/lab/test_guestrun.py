"""A virtual machine that does not come up, goes down or falls silent costs one test at most: the one that
ran in it. Machines and emulators are played here by programs that run the command on this host."""

import io
import json
import os
import subprocess
import sys

import pytest

from guestrun import GUEST, HERE, progress, read_records

KEYS = ["test_a", "test_b[x::y]", "test_c"]

# A machine: runs its command, and goes down with it if that is killed.
MACHINE = """#!/usr/bin/python3
import os, signal, subprocess, sys
log = sys.argv[sys.argv.index("--kernel-log") + 1]
with open(os.environ["PLAY_DIR"] + "/machines", "a") as file:
    file.write("machine\\n")
with open(log, "w") as file:
    file.write("[    1.000000] this kernel is played\\n")
if os.environ["PLAY"] == "none":
    sys.exit(125)
command = sys.argv[sys.argv.index("-m") - 1:]
child = subprocess.Popen(command, env=dict(os.environ, TANDEM_IN_GUEST="1"))
signal.signal(signal.SIGTERM, lambda *_: (child.kill(), os._exit(125)))
status = child.wait()
sys.exit(status if status >= 0 else 123)
"""

CONFTEST = """
import guestrun

def pytest_configure(config):
    for marker in ("systemd", "own_kernel"):
        config.addinivalue_line("markers", f"{marker}: in a machine")
    guestrun.register(config)
"""

# Once, in the test and in the way that PLAY says.
TESTS = """
import os, signal
import pytest

pytestmark = getattr(pytest.mark, os.environ["PLAY_MARKER"])

def play(name):
    once = os.environ["PLAY_DIR"] + "/once"
    play, _, when = os.environ["PLAY"].partition(" ")
    if when not in (name, "all") or when == name and os.path.exists(once):
        return
    open(once, "w").close()
    if play == "silent":
        signal.pause()
    os.kill(os.getpid(), signal.SIGKILL)

@pytest.fixture
def ends():
    yield
    play("end")

def test_one():
    play("one")

def test_two(ends):
    play("two")

def test_three():
    play("three")

def test_four():
    play("four")
"""

# An emulator: the machine of its first boots hangs, that of a later one runs the command.
EMULATOR = """#!/bin/bash
log=$(sed -n 's/.*-serial file:\\([^ ]*\\).*/\\1/p' <<<"$*")
work=$(sed -n 's/.*tandem.work=\\([^ ]*\\).*/\\1/p' <<<"$*")
echo boot >>"$PLAY_DIR/boots"
boot=$(wc -l <"$PLAY_DIR/boots")
echo "[    1.000000] this is boot $boot" >"$log"
[[ $boot -gt $PLAY_HANGS ]] || exec sleep 1000
for ((i = 0; i < ${PLAY_SLOW:-0}; i++)); do
	echo "[    2.000000] this takes its time" >>"$log"
	sleep 1
done
touch "$work/up"
[[ -z ${PLAY_DIES-} ]] || exit 1
bash "$work/command"
echo $? >"$work/status"
"""


def record(key, when):
    return {"begun": f"test_x.py::{key}"} if when == "begun" else {"nodeid": f"test_x.py::{key}", "when": when}


def test_what_is_left_of_a_file_is_what_has_not_begun():
    first = [record("test_a", when) for when in ("begun", "setup", "call", "teardown")]
    second = [record("test_b[x::y]", when) for when in ("begun", "setup", "call", "teardown")]
    assert progress(KEYS, []) == (None, KEYS)
    assert progress(KEYS, first) == (None, KEYS[1:])
    for n in (1, 2, 3):
        assert progress(KEYS, first + second[:n]) == ("test_b[x::y]", ["test_c"])
    assert progress(KEYS, first + second) == (None, ["test_c"])
    assert progress(KEYS, first + [record("test_c", "begun")]) == ("test_c", ["test_b[x::y]"])


def test_a_record_that_was_cut_short_is_not_read():
    lines = [json.dumps(record("test_a", when)).encode() for when in ("begun", "setup")]
    file = io.BytesIO(lines[0] + b"\n" + lines[1] + b"\n" + lines[1][:9])
    assert read_records(file) == [record("test_a", "begun"), record("test_a", "setup")]


def run_file(tmp_path, play, silent_s=60, marker="systemd"):
    """What pytest says of a file of four tests in played machines, and how many of these there were."""
    for name, text in (("machine", MACHINE), ("conftest.py", CONFTEST), ("test_played.py", TESTS)):
        (tmp_path / name).write_text(text)
    (tmp_path / "machine").chmod(0o755)
    env = dict(os.environ, PLAY=play, PLAY_DIR=str(tmp_path), PLAY_MARKER=marker, PYTHONPATH=HERE, TANDEM_GUEST=str(tmp_path / "machine"),
               TANDEM_GUEST_SILENT_S=str(silent_s))
    done = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", "-v",
                           f"--rootdir={tmp_path}", str(tmp_path / "test_played.py")], env=env, cwd=tmp_path,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False)
    return done.stdout, (tmp_path / "machines").read_text().count("machine")


def summary(text):
    """Its last line, without the time it took."""
    return text.strip().splitlines()[-1].strip("= ").split(" in ")[0]


@pytest.mark.parametrize("marker", ["systemd", "own_kernel"])
def test_a_machine_that_lives_costs_nothing(tmp_path, marker):
    said, machines = run_file(tmp_path, "nothing", marker=marker)
    assert (summary(said), machines) == ("4 passed", 1), said
    assert "virtual machines that were lost" not in said


@pytest.mark.parametrize("test", ["one", "two", "four"])
def test_a_machine_that_goes_down_costs_the_test_that_ran(tmp_path, test):
    said, machines = run_file(tmp_path, f"down {test}")
    assert (summary(said), machines) == ("1 failed, 3 passed", 1 if test == "four" else 2), said
    assert f"the virtual machine went down, in test_{test}; " in said
    assert "the virtual machine went down while this test ran" in said
    assert "Kernel of the virtual machine" in said and "this kernel is played" in said


def test_a_machine_that_goes_down_behind_a_test_is_an_error_of_that(tmp_path):
    said, machines = run_file(tmp_path, "down end")
    assert (summary(said), machines) == ("4 passed, 1 error", 2), said


def test_a_machine_that_falls_silent_is_ended(tmp_path):
    said, machines = run_file(tmp_path, "silent two", silent_s=20)
    assert (summary(said), machines) == ("1 failed, 3 passed", 2), said
    assert "the virtual machine said nothing for 20 s while this test ran" in said


def test_a_file_that_loses_each_machine_gets_three(tmp_path):
    said, machines = run_file(tmp_path, "down all")
    assert (summary(said), machines) == ("4 failed", 3), said
    assert "1 tests have not run" in said


def test_where_no_machine_comes_up_each_test_has_failed(tmp_path):
    said, machines = run_file(tmp_path, "none")
    assert (summary(said), machines) == ("4 failed", 1), said
    assert "no virtual machine came up; 4 tests have not run" in said


def run_guest(tmp_path, hangs, boot_s=20, **env):
    (tmp_path / "qemu-system-x86_64").write_text(EMULATOR)
    (tmp_path / "qemu-system-x86_64").chmod(0o755)
    env = dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}", PLAY_DIR=str(tmp_path), PLAY_HANGS=str(hangs),
               TANDEM_GUEST_KVM="no", TANDEM_GUEST_BOOT_S=str(boot_s), **env)
    return subprocess.run([GUEST, "sh", "-c", "echo the command; exit 7"], env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("hangs, boot_s", [(0, 20), (1, 4), (2, 3)])
def test_a_machine_that_hangs_at_boot_is_booted_again(tmp_path, hangs, boot_s):
    done = run_guest(tmp_path, hangs, boot_s)
    assert (done.returncode, done.stdout) == (7, "the command\n"), done.stderr
    for boot in (1, 2, 3):
        said = f"did not come up (boot {boot} of 3); its kernel said last:\n[    1.000000] this is boot {boot}\n"
        assert (said in done.stderr) == (boot <= hangs), done.stderr


def test_a_machine_that_is_slow_is_waited_for_while_its_kernel_gets_on(tmp_path):
    done = run_guest(tmp_path, 0, boot_s=5, PLAY_SLOW="9")
    assert (done.returncode, done.stdout, done.stderr) == (7, "the command\n", "")


def test_after_three_boots_no_machine_came_up(tmp_path):
    done = run_guest(tmp_path, 3, boot_s=1)
    assert (done.returncode, done.stdout) == (125, ""), done.stderr
    assert done.stderr.endswith("guest: no machine came up\n")


def test_a_machine_that_goes_down_is_not_booted_again(tmp_path):
    done = run_guest(tmp_path, 0, PLAY_DIES="yes")
    assert (done.returncode, done.stdout) == (123, ""), done.stderr
    assert "went down before its command ended; its kernel said last:\n[    1.000000] this is boot 1" in done.stderr
