#!/usr/bin/python3
"""tandemctl keygen: what it writes, and that it neither overwrites nor tells a key."""
import json
import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile

CTL = pathlib.Path(os.environ.get("TANDEM_BUILDDIR", "."), "tandemctl")
KEY = re.compile(r"^[0-9a-f]{64}$", re.MULTILINE)


def keygen(*arguments, fails=False):
    """Its standard output, or what it says when it fails."""
    run = subprocess.run([CTL, "keygen", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert run.returncode == (1 if fails else 0), (arguments, run)
    return run.stderr if fails else run.stdout


def keys(file):
    return KEY.findall(file.read_text())


def check_creation(file):
    """One key, for its owner alone, which is not printed; nothing is ever overwritten."""
    os.umask(0)
    told = keygen(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(keys(file)) == 1 and keys(file)[0] not in told
    assert re.fullmatch(rf"{file}: key [0-9a-f]{{16}}, active\n", told), told
    before = file.read_text()
    assert "is there already" in keygen(file, fails=True)
    link = file.with_name("link")
    link.symlink_to(file.with_name("nowhere"))
    assert "is there already" in keygen(link, fails=True)
    assert not file.with_name("nowhere").exists()
    assert file.read_text() == before
    assert "No such file" in keygen(file.with_name("no") / "link.key", fails=True)


def check_rotation(file):
    """Added last, made first, the others dropped; comments stay, and so do mode and ids."""
    file.write_text("# mine\n" + file.read_text())
    old, = keys(file)
    ids = [json.loads(keygen(file, "--list", "--json"))["keys"]]
    told = keygen("--add", file)
    assert keys(file)[0] == old and len(keys(file)) == 2 and len(told.splitlines()) == 2
    new = keys(file)[1]
    assert new not in told and old not in told
    keygen("--activate", file)
    assert keys(file) == [new, old]
    ids.append(json.loads(keygen(file, "--list", "--json"))["keys"])
    assert ids[1][1] == ids[0][0]
    keygen("--drop", file)
    assert keys(file) == [new]
    assert file.read_text().startswith("# mine\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [p.name for p in file.parent.iterdir() if p.name.startswith("link.key")] == ["link.key"]


def check_refusals(file):
    """What is no file of keys is not touched; nor is one that others could read."""
    assert "has one key" in keygen("--activate", file, fails=True)
    for _ in range(7):
        keygen("--add", file)
    assert "has 8 keys" in keygen("--add", file, fails=True)
    assert len(set(keys(file))) == 8
    file.chmod(0o640)
    assert "chmod 600" in keygen("--add", file, fails=True)
    file.chmod(0o600)
    file.write_text("no key\n")
    assert f"{file}:1: is neither" in keygen("--list", file, fails=True)
    assert file.read_text() == "no key\n"
    assert "one step" in keygen("--add", "--drop", file, fails=True)
    assert "standard output" in keygen("--add", "-", fails=True)


def check_output():
    """To standard output goes a whole file, another one each time."""
    first, second = keygen("-"), keygen("-")
    assert len(KEY.findall(first)) == 1 and KEY.findall(first) != KEY.findall(second)
    full = subprocess.run(f"'{CTL}' keygen - >/dev/full", shell=True, capture_output=True, text=True, check=False)
    assert full.returncode == 1 and "No space left" in full.stderr


def main():
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, "link.key")
        check_creation(file)
        check_rotation(file)
        check_refusals(file)
        check_output()
    print("keys are made and exchanged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
