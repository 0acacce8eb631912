"""A director: the installed tandemd and its helpers, in a node of the lab."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading

from observe import AddressMonitor
from process import children, wait_until

HELPERS = {"elector": "tandem-elector", "checker": "tandem-checker", "link": "tandem-link"}
READY_S = 90
SANITIZER_MARKS = ("AddressSanitizer", "LeakSanitizer", "runtime error:")


def installed(program):
    """A program of the installation under test."""
    return os.path.join(os.environ["TANDEM_PREFIX"], program)


class Director:
    def __init__(self, lab, node, config, libexec_dir=None):
        self.lab = lab
        self.node = lab[node]
        self.name = node
        self.libexec_dir = libexec_dir
        self.runtime_dir = lab.path(f"{node}.run")
        self.state_dir = lab.path(f"{node}.state")
        self.config_path = lab.path(f"{node}.json")
        self._log_path = lab.path(f"{node}.log")
        self._notify_path = lab.path(f"{node}.notify")
        self._process = None
        self._notified = []
        self.monitor = AddressMonitor(self.node)
        self.write_config(config)
        os.makedirs(self.runtime_dir, exist_ok=True)
        os.makedirs(self.state_dir, exist_ok=True)
        lab.directors.append(self)

    def write_config(self, config):
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        with open(self.config_path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(self.config_path + ".new", self.config_path)

    def command(self, *more):
        command = [installed("sbin/tandemd"), "--config", self.config_path, "--node", self.name,
                   "--runtime-dir", self.runtime_dir, "--state-dir", self.state_dir,
                   "--log", "stderr"]
        if self.libexec_dir:
            command += ["--libexec-dir", self.libexec_dir]
        return command + list(more)

    # Life and death

    def start(self, wait=True):
        """Start tandemd, and wait until it tells the service manager that it is ready."""
        self._listen_to_notifications()
        env = dict(os.environ, NOTIFY_SOCKET=self._notify_path)
        self._process = subprocess.Popen(self.node.command(*self.command()), env=env,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=open(self._log_path, "ab"))
        self.lab.processes.append(self)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        wait_until(self._is_ready, READY_S, f"{self.name} is ready")

    def _is_ready(self):
        assert self._process.poll() is None, \
            f"{self.name} ended with {self._process.returncode}:\n{self.log()}"
        return "READY=1" in self.notified()

    def _listen_to_notifications(self):
        """Read what it tells the service manager as it comes: a full socket would block it."""
        if os.path.exists(self._notify_path):
            os.unlink(self._notify_path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(self._notify_path)
        notified = self._notified = []

        def read():
            while True:
                notified.append(listener.recv(4096).decode())
        threading.Thread(target=read, daemon=True).start()

    def notified(self):
        """All that it told the service manager."""
        return "\n".join(self._notified)

    @property
    def pid(self):
        return self._process.pid

    def helper_pid(self, name):
        """The id of "elector", "checker" or "link", or None."""
        return children(self.pid).get(HELPERS[name])

    def pids(self):
        """Every process of this director, helpers first."""
        return list(children(self.pid).values()) + [self.pid]

    def stop(self):
        """SIGTERM: leave in order."""
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(30)
        assert status == 0, f"{self.name} ended with {status}:\n{self.log()}"

    def wait_end(self, seconds=30):
        """Its exit status, when it ends by itself."""
        return self._process.wait(seconds)

    def leave_for_successor(self):
        """SIGUSR1: everything stays for the next start()."""
        self._process.send_signal(signal.SIGUSR1)
        status = self._process.wait(30)
        assert status == 0, f"{self.name} ended with {status}:\n{self.log()}"

    def kill_all(self):
        """kill -9 of every process of this director, which is stopped first: nobody notices the others' death,
        and no helper is started meanwhile."""
        self._process.send_signal(signal.SIGSTOP)
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self._process.wait(30)

    def kill_helper(self, name, number=signal.SIGKILL):
        pid = self.helper_pid(name)
        assert pid, f"{self.name} has no {name}"
        os.kill(pid, number)
        return pid

    def kill_director(self):
        """kill -9 of tandemd alone."""
        helpers = list(children(self.pid).values())
        self._process.kill()
        self._process.wait(30)
        return helpers

    def wait_helper_replaced(self, name, old_pid, seconds=30):
        return wait_until(
            lambda: (pid := self.helper_pid(name)) and pid != old_pid and pid, seconds,
            f"{self.name} restarts its {name}")

    # For Lab.close()

    title = "tandemd"

    def kill(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)
            pids = self.pids()
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self._process.wait()

    def noise(self):
        return ""

    # What operators do

    def ctl(self, *arguments):
        return subprocess.run([installed("bin/tandemctl"), "--runtime-dir", self.runtime_dir,
                               *arguments], capture_output=True, text=True, timeout=180, check=False)

    def status(self):
        result = self.ctl("status", "--json")
        assert result.returncode == 0, f"tandemctl status: {result.stderr}"
        return json.loads(result.stdout)

    def reload(self, config=None):
        if config is not None:
            self.write_config(config)
        return self.ctl("reload")

    def cleanup(self, everything=False):
        return self.node.run(*self.command("--cleanup=all" if everything else "--cleanup"))

    def router(self, name="front"):
        return next(r for r in self.status()["routers"] if r["name"] == name)

    def wait_router(self, name="front", seconds=30, **wanted):
        """Wait until the status says this of a virtual router: it hears of it after the kernel's table does."""
        wait_until(lambda: (r := self.router(name)) and {key: r[key] for key in wanted} == wanted, seconds,
                   f"{self.name} says of {name}: {wanted}")

    def wait_counter(self, counter, value, name="front", seconds=30):
        """Wait until a virtual router has counted so much."""
        wait_until(lambda: self.router(name)["counters"][counter] >= value, seconds,
                   f"{self.name} has counted {value} {counter} of {name}")

    def server_states(self, service):
        """Name -> (weight, state) of a service's servers."""
        found = next(s for s in self.status()["services"] if s["name"] == service)
        return {s["name"]: (s["weight"], s["state"]) for s in found["servers"]}

    # What others see

    def log(self):
        if not os.path.exists(self._log_path):
            return ""
        with open(self._log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def events(self, token):
        """The log's lines of one event."""
        return [line for line in self.log().splitlines()
                if len(line.split()) > 1 and line.split()[1] == token]

    def wait_event(self, token, seconds=30, after=0):
        """The first line of an event, from the `after`-th on."""
        return wait_until(lambda: self.events(token)[after:], seconds,
                          f"{self.name} reports {token}")[0]

    def owns(self, address):
        return self.node.has_address(address)

    def wait_owner(self, address, seconds=30):
        wait_until(lambda: self.owns(address), seconds, f"{self.name} owns {address}")

    def wait_not_owner(self, address, seconds=30):
        wait_until(lambda: not self.owns(address), seconds, f"{self.name} gives up {address}")

    def check_sanitizers(self):
        lines = [line for line in self.log().splitlines()
                 if any(mark in line for mark in SANITIZER_MARKS)]
        assert not lines, f"sanitizer reports of {self.name}:\n" + "\n".join(lines)


def copy_libexec(lab, name):
    """A copy of the helpers that a test may damage."""
    target = lab.path(name)
    shutil.copytree(installed("libexec/tandem"), target)
    return target
