"""A configuration that is refused changes nothing, whatever is wrong with it."""

import glob
import os
import shutil
import subprocess

from director import installed
from observe import Capture
from pair import ELECTION, LB, VIP, election_config, start_pair
from process import wait_until

CONF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conf")


def malformed():
    """(configuration, what is said about it) of every golden file that the parser refuses."""
    for path in sorted(glob.glob(os.path.join(CONF, "bad*", "*.json"))):
        with open(path[:-len("json")] + "err", encoding="utf-8", errors="replace") as file:
            yield path, file.read().splitlines()


def test_a_reload_of_each_malformed_file_is_refused_at_the_right_place(lab, figure):
    lab.build(ELECTION)
    lb1, lb2 = start_pair(lab, election_config("100ms"))
    capture = Capture(lab)
    before = lb1.status()["config"]
    tried = 0
    for directory in glob.glob(os.path.join(CONF, "bad*")):  # with what they include
        shutil.copytree(directory, lab.workdir, dirs_exist_ok=True)
    for path, expected in malformed():
        shutil.copyfile(path, lb1.config_path)
        result = lb1.reload()
        assert result.returncode == 1, f"{path}: {result.stdout}"
        told = result.stderr.replace(lab.workdir + "/", "").replace(
            "lb1.json", os.path.basename(path))
        missing = [line for line in expected if line not in told]
        assert not missing, f"{path}: {missing} not in {told}"
        tried += 1
    after = lb1.status()["config"]
    assert (after["digest"], after["generation"]) == (before["digest"], before["generation"])
    assert after["error"]
    assert tried >= 20
    figure("malformed configurations refused at reload, old one running on", str(tried), ">= 20")
    sent = len(capture.adverts())
    wait_until(lambda: len(capture.adverts()) > sent + 3, 5, "adverts go on")
    assert {a.source for a in capture.adverts()} == {LB["lb1"]}
    assert lb1.owns(VIP) and not lb2.monitor.intervals(VIP)
    lb1.write_config(election_config("100ms"))
    assert lb1.reload().returncode == 0
    assert lb1.status()["config"]["error"] is None


def test_a_malformed_file_ends_a_start_with_its_errors_and_exit_1(lab):
    lab.build(ELECTION)
    path, expected = next(malformed())
    for arguments in (["--check", path], ["--config", path, "--runtime-dir", lab.workdir]):
        result = subprocess.run([installed("sbin/tandemd"), "--node", "lb1", *arguments],
                                capture_output=True, text=True, timeout=30, check=False)
        assert result.returncode == 1
        for line in expected:
            assert line in result.stderr


def test_a_missing_file_is_refused(lab):
    lab.build(ELECTION)
    lb1, _ = start_pair(lab, election_config("100ms"))
    os.unlink(lb1.config_path)
    result = lb1.reload()
    assert result.returncode == 1 and lb1.config_path in result.stderr
    assert lb1.owns(VIP)
