"""Processes of the lab: started, listened to with deadlines, stopped by their own id."""

import contextlib
import ctypes
import json
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time


def wait_until(condition, seconds, what, every=0.02):
    """Wait for `condition` to return something true, and return that. The deadline is for a machine
    that is busy with other things: what is measured is measured elsewhere."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}; the last answer: {value!r}")
        time.sleep(every)


CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(netns):
    """This thread is in the network namespace while the block runs: sockets made there stay there."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{netns}", "rb") as there:
        libc.setns(there.fileno(), CLONE_NEWNET)
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


class Process:
    """A child with its standard output as lines, and standard error in a file."""

    def __init__(self, command, env=None, stdin=subprocess.DEVNULL):
        self.title = shlex.join(command[3:] if command[0] == "nsenter" else command)
        self.lines = []
        self._stderr = tempfile.TemporaryFile()
        self._popen = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE,
                                       stderr=self._stderr, env=env, text=True, bufsize=1)
        self.pid = self._popen.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._popen.stdout:
            self.lines.append(line.rstrip("\n"))

    def say(self, line):
        self._popen.stdin.write(line + "\n")
        self._popen.stdin.flush()

    def noise(self):
        """What it wrote to standard error so far."""
        return os.pread(self._stderr.fileno(), 1 << 20, 0).decode(errors="replace")

    def poll(self):
        return self._popen.poll()

    def wait_line(self, start, seconds=30, after=0):
        """Wait for a line that begins with `start`, among those from index `after` on."""
        return wait_until(
            lambda: next((l for l in self.lines[after:] if l.startswith(start)), None), seconds,
            f'a line "{start}..." from {self.title} ({self.noise().strip()})', every=0.005)

    def wait_error_line(self, text, seconds=30):
        wait_until(lambda: text in self.noise(), seconds, f'"{text}" from {self.title}', every=0.01)

    def signal(self, number):
        self._popen.send_signal(number)

    def wait(self, seconds=30):
        status = self._popen.wait(seconds)
        self._reader.join(30)
        return status

    def finish(self, seconds=30):
        """Ask it to end with SIGTERM; its last line, decoded."""
        self.signal(signal.SIGTERM)
        return self.result(seconds)

    def result(self, seconds=30):
        """Let it end by itself; its last line, decoded."""
        status = self.wait(seconds)
        assert status == 0 and self.lines, f"{self.title}: exit {status}: {self.noise()}"
        return json.loads(self.lines[-1])

    def kill(self):
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait()


def children(pid):
    """Name -> id of the processes whose parent is `pid`."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                name, rest = stat.read().split("(", 1)[1].rsplit(")", 1)
        except (OSError, IndexError):
            continue
        state, parent = rest.split()[:2]
        if int(parent) == pid and state != "Z":
            found[name] = int(entry)
    return found


def cpu_seconds(pid):
    """The processor time of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    """The most memory that it had."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024
