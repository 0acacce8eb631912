"""The director's part, played by a test: starts one helper program in a network namespace with its
channel on descriptor 3, sends it frames, and waits for what it says."""

import contextlib
import fcntl
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time

from process import inside

PREFIX = os.environ["TANDEM_PREFIX"]
numbers = itertools.count()
PATIENCE_S = 30  # for a machine that is busy with other things


def run(*words):
    """Run a command; what it printed is in the exception when it fails."""
    done = subprocess.run(words, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Namespace:
    """A network namespace with a name of its own, and sockets opened inside it."""

    def __init__(self, prefix):
        self.name = f"{prefix}-{os.getpid()}-{next(numbers)}"
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words):
        return run("ip", "-n", self.name, *words)

    def nft(self, *words):
        return run("ip", "netns", "exec", self.name, "nft", *words)

    @contextlib.contextmanager
    def entered(self):
        with inside(self.name):
            yield self

    def delete(self):
        run("ip", "netns", "delete", self.name)


def connect(left, right, prefix="10.77.0."):
    """A link between two namespaces: eth0 on both sides, .1 on the left and .2 on the right."""
    left.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", right.name)
    for host, namespace in ((1, left), (2, right)):
        namespace.ip("address", "add", f"{prefix}{host}/24", "dev", "eth0")
        namespace.ip("link", "set", "eth0", "up")


class Listener:
    """A TCP server that accepts and forgets."""

    def __init__(self, namespace, address, port):
        with namespace.entered():
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((address, port))
            self.socket.listen(4096)
        self.accepted = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                self.socket.accept()[0].close()
                self.accepted += 1

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Helper:
    """A helper program, seen from the director."""

    def __init__(self, program, namespace, *prefix, descriptors=None):
        """`descriptors`: what to hand over, by the number that it has there."""
        ours, theirs = socket.socketpair()
        self.runtime = tempfile.TemporaryDirectory(prefix="tandem-")
        self.socket = ours
        self.buffer = b""
        self.said = []
        self.seq = 0
        # Far from the numbers that they get, so that none is overwritten before it was copied.
        given = {number: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100)
                 for number, fd in ({3: theirs.fileno()} | (descriptors or {})).items()}

        # All others close by themselves. Popen's pass_fds= wants these numbers to be open here, and
        # one may be what a thread in accept() waits to fill.
        def hand_over():
            for number, fd in given.items():
                os.dup2(fd, number)

        with namespace.entered():
            self.process = subprocess.Popen(
                [*prefix, os.path.join(PREFIX, "libexec/tandem", program), "--runtime-dir", self.runtime.name],
                close_fds=False, preexec_fn=hand_over)
        theirs.close()
        for fd in given.values():
            os.close(fd)

    def send(self, method, **parameters):
        frame = {"method": method, "parameters": parameters}
        self.socket.sendall(json.dumps(frame).encode() + b"\0")

    def _read(self, timeout):
        poll = select.poll()  # not select(), which takes no descriptor above 1023
        poll.register(self.socket, select.POLLIN)
        data = self.socket.recv(1 << 20) if poll.poll(max(timeout, 0) * 1000) else b""
        *frames, self.buffer = (self.buffer + data).split(b"\0")
        self.said += [json.loads(frame) for frame in frames]

    def wait(self, method, timeout=PATIENCE_S, **wanted):
        """The parameters of the next message of that kind with these members; those before stay."""
        end = time.monotonic() + timeout
        while True:
            for i, frame in enumerate(self.said):
                parameters = frame["parameters"]
                if frame["method"] == method and all(
                        parameters.get(k) == v for k, v in wanted.items()):
                    del self.said[i]
                    return parameters
            if time.monotonic() > end:
                raise AssertionError(f"no {method} {wanted} within {timeout} s: {self.said}")
            self._read(end - time.monotonic())

    def collect(self, seconds):
        """All that is said within that time, and what was not waited for before."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(end - time.monotonic())
        said, self.said = self.said, []
        return said

    def configure(self, **parameters):
        self.seq += 1
        self.send("Configure", generation=self.seq, **parameters)
        return self.wait("Configured", generation=self.seq)["errors"]

    def report(self):
        self.seq += 1
        self.send("Report", seq=self.seq)
        parts = [self.wait("Report", seq=self.seq)]
        while parts[-1].get("more"):
            parts.append(self.wait("Report", seq=self.seq))
        if len(parts) > 1:
            parts[-1]["targets"] = [target for part in parts for target in part["targets"]]
        return parts[-1]

    def wait_report(self, condition, timeout=PATIENCE_S):
        """The first report for which the condition holds."""
        end = time.monotonic() + timeout
        while True:
            report = self.report()
            if condition(report):
                return report
            assert time.monotonic() < end, f"not within {timeout} s: {report}"
            time.sleep(0.02)

    def exit_status(self, timeout=PATIENCE_S):
        return self.process.wait(timeout)

    def stop(self):
        """The director goes away; the helper must end by itself, and well."""
        self.socket.close()
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            raise
        finally:
            self.runtime.cleanup()
        assert status == 0, f"ended with {status}"
