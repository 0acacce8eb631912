#!/usr/bin/python3
"""tandem-link, played: it carries the directors' states through files, so that what the directors make of
them is tested apart from the network. Run as a helper, on descriptor 3. What it is to say stands in a
file that the test writes, PlayedLinks.orders:

    {"cut": bool, "resync": "done" | "hold" | "failed", "coverage": percent, "complains": node or null}

Started with the module's path as a program in a directory of helpers; imported by tests.
"""

import json
import os
import socket
import sys
import time

POLL_S = 0.02
SILENCE_S = 2


class PlayedLinks:
    """What the tests say to those of one lab."""

    def __init__(self, lab):
        self.path = lab.path("played-orders.json")
        self.orders = {"cut": False, "resync": "done", "coverage": 100.0, "complains": None}
        for node in ("lb1", "lb2"):
            if os.path.exists(lab.path(f"played-{node}.json")):
                os.unlink(lab.path(f"played-{node}.json"))
        self.say()

    def say(self, **orders):
        self.orders.update(orders)
        _replace(self.path, self.orders)

    def install(self, libexec_dir):
        """In the place of the real one."""
        target = os.path.join(libexec_dir, "tandem-link")
        if os.path.exists(target):
            os.unlink(target)
        with open(__file__, encoding="utf-8") as source, open(target, "w", encoding="utf-8") as copy:
            copy.write(source.read())
        os.chmod(target, 0o755)


def _replace(path, value):
    with open(f"{path}.{os.getpid()}", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.rename(f"{path}.{os.getpid()}", path)


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


class Link:
    def __init__(self, workdir):
        self.workdir = workdir
        self.socket = socket.socket(fileno=3)
        self.buffer = b""
        self.boot = time.time_ns()
        self.node = self.peer = None
        self.state = None
        self.beat = 0
        self.heard = (None, 0.0)
        self.said = None
        self.session = None
        self.resynced = None

    def send(self, method, **parameters):
        self.socket.sendall(json.dumps({"method": method, "parameters": parameters}).encode() + b"\0")

    def path(self, name):
        return os.path.join(self.workdir, f"played-{name}.json")

    def orders(self):
        return _read(self.path("orders"))

    def handle(self, method, parameters):
        if method == "Heartbeat":
            self.send("Heartbeat", **parameters)
        elif method == "Configure":
            self.node, self.peer = parameters.get("node"), parameters.get("peer")
            self.configured = parameters
            complains = self.node and self.orders()["complains"] == self.node
            self.send("Configured", generation=parameters["generation"],
                      errors=[f"tandem-link of {self.node} complains"] if complains else [])
        elif method == "Report":
            self.send("Report", seq=parameters["seq"], configured={
                k: v for k, v in self.configured.items() if k != "keys"},
                n_keys=len(self.configured.get("keys", [])))
        elif method == "State":
            self.state = parameters["state"]
        elif method == "Resync":
            self.resync()
        elif method == "Coverage":
            self.coverage()
        elif method == "Shutdown":
            sys.exit(0)

    def resync(self):
        self.send("Resync", state="running", records=0, took_us=0, reason="")
        self.resynced = None

    def coverage(self):
        percent = self.orders()["coverage"]
        self.send("Coverage", own=1000, peer=1000, matching=int(percent * 10), percent=percent, lag_us=1500,
                  services=[])

    def read(self):
        self.socket.settimeout(POLL_S)
        try:
            data = self.socket.recv(1 << 20)
        except (socket.timeout, TimeoutError):
            return
        if not data:
            sys.exit(0)
        *frames, self.buffer = (self.buffer + data).split(b"\0")
        for frame in frames:
            message = json.loads(frame)
            self.handle(message["method"], message.get("parameters", {}))

    def exchange(self):
        orders = self.orders()
        self.beat += 1
        _replace(self.path(self.node), {"boot": self.boot, "beat": self.beat, "state": self.state})
        theirs = {} if orders["cut"] else _read(self.path(self.peer))
        if theirs and theirs["beat"] != self.heard[0]:
            self.heard = (theirs["beat"], time.monotonic())
        alive = time.monotonic() - self.heard[1] < SILENCE_S and self.heard[0] is not None
        news = {"alive": alive, "stream": alive, "state": theirs.get("state") if alive else None,
                "reason": "" if alive else "no heartbeat"}
        if news != self.said:
            self.send("Peer", **news)
            self.said = news
        session = theirs.get("boot") if alive else None
        if session != self.session:
            self.session = session
            if session:  # each asks the other on a new stream
                self.resync()
        self.finish_resync(orders, alive)

    def finish_resync(self, orders, alive):
        if not alive or self.resynced == self.session or orders["resync"] == "hold":
            return
        self.resynced = self.session
        self.send("Resync", state=orders["resync"], records=7, took_us=1234,
                  reason="an order" if orders["resync"] == "failed" else "")
        self.coverage()

    def run(self):
        while True:
            self.read()
            if self.node:
                self.exchange()


if __name__ == "__main__":
    Link(os.path.dirname(sys.argv[sys.argv.index("--runtime-dir") + 1])).run()
