"""The types of checks that say more than up or down, against real agents, files and programs, with
the test as the checker's director."""

import contextlib
import os
import socket
import threading

import pytest

from played_director import Helper, Namespace, connect

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")

SERVER = "10.77.0.2"
NOBODY = 65534


@pytest.fixture
def pair():
    here, there = Namespace("types"), Namespace("types")
    connect(here, there)
    yield here, there
    here.delete()
    there.delete()


@pytest.fixture
def checker(pair):
    helper = Helper("tandem-checker", pair[0], "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                    "--clear-groups", "--")
    yield helper
    helper.stop()


class Agent:
    """Answers each connection with its text, which a test may change; None: never."""

    def __init__(self, namespace, text, port=5555, greeting=0, stays=False):
        self.text, self.heard, self.stays = text, [], stays  # until the other side ends the connection
        with namespace.entered():
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(("", port))
            self.socket.listen(64)
        self.greeting = greeting
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        held = []
        with contextlib.suppress(OSError):
            while True:
                peer = self.socket.accept()[0]
                if self.greeting:
                    self.heard.append(peer.recv(self.greeting))
                if self.text is None:
                    held.append(peer)
                    continue
                with contextlib.suppress(OSError):
                    for piece in self.text if isinstance(self.text, list) else [self.text]:
                        peer.sendall(piece)
                    if self.stays:
                        peer.recv(1)
                peer.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture
def agent(pair):
    made = []

    def make(text, **more):
        made.append(Agent(pair[1], text, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def target(kind="agent", name="a", port=5555, **more):
    return {"id": name, "type": kind, "address": SERVER, "port": port, "interval_us": 100000,
            "timeout_us": 1000000, "rise": 1, "fall": 1, "jitter_percent": 10, "state": "unknown",
            **more}


def test_an_agent_says_weight_drain_and_down_and_what_it_does_not_say_stays(checker, agent):
    one = agent(b"up 75%\n")
    assert checker.configure(targets=[target()]) == []
    verdict = checker.wait("Verdict")
    assert (verdict["state"], verdict["weight_percent"]) == ("up", 75)
    assert "wish" not in verdict
    one.text = b"drain #backup\r\n"
    verdict = checker.wait("Verdict")
    assert (verdict["state"], verdict["weight_percent"], verdict["wish"]) == ("up", 75, "drain")
    assert verdict["reason"] == "up: backup"
    one.text = b"50%\n"
    verdict = checker.wait("Verdict")
    assert (verdict["weight_percent"], verdict["wish"]) == (50, "drain")
    one.text = b"ready,100%\n"
    assert checker.wait("Verdict")["wish"] == "serve"
    one.text = b"stopped#gone for lunch\n"
    verdict = checker.wait("Verdict", state="down")
    assert verdict["reason"] == "down: gone for lunch"
    one.text = b"100%\n"  # still stopped
    before = checker.report()["targets"][0]["failures"]
    checker.wait_report(lambda r: r["targets"][0]["failures"] >= before + 3)
    one.text = b"up\n"
    checker.wait("Verdict", state="up")


@pytest.mark.parametrize("stays", [False, True])
def test_an_agent_leaves_no_time_wait_behind(checker, pair, agent, stays):
    agent(b"up\n", stays=stays)
    checker.configure(targets=[target()])
    checker.wait_report(lambda report: report["targets"][0]["checks"] >= 10)
    with pair[0].entered(), open("/proc/thread-self/net/sockstat", encoding="ascii") as f:
        assert " tw 0 " in f.read()


def test_wishes_survive_a_checker(pair, agent):
    agent(b"up\n")
    checker = Helper("tandem-checker", pair[0])
    try:
        checker.configure(targets=[target(state="up", weight_percent=30, wish="maint")])
        verdict = checker.wait("Verdict")
        assert (verdict["weight_percent"], verdict["wish"]) == (30, "maint")
    finally:
        checker.stop()


@pytest.mark.parametrize("text, reason", [
    (b"SSH-2.0-OpenSSH_9.2\r\n", "agent: an unknown word in the reply"),
    (b"", "agent: an empty reply"),
    (b"up " * 100000, "agent: too long a reply"),
    (b"x%\n", "agent: a weight that is no number"),
    (None, "reply: timed out after 1s"),
], ids=["word", "empty", "long", "number", "silence"])
def test_nonsense_and_silence_of_an_agent_fail(checker, agent, text, reason):
    agent(text)
    checker.configure(targets=[target()])
    verdict = checker.wait("Verdict")
    assert (verdict["state"], verdict["reason"]) == ("down", reason)


def test_an_agent_is_told_what_it_wants_to_hear(checker, agent):
    one = agent([b"u", b"p", b"\n"], greeting=4)
    checker.configure(targets=[target(settings={"send": "how?"}), target(name="dead", port=9)])
    assert checker.wait("Verdict", id="a")["state"] == "up"
    assert one.heard[0] == b"how?"
    assert checker.wait("Verdict", id="dead")["reason"].startswith("connect: refused in ")


def test_a_file_says_how_a_server_is(checker, tmp_path):
    for directory in (tmp_path, *tmp_path.parents[:-1]):
        if directory.owner() == "root" and directory != directory.parent:
            os.chmod(directory, directory.stat().st_mode | 0o055)
    file = tmp_path / "rs1"

    def write(text):
        (tmp_path / "new").write_text(text, encoding="utf-8")
        os.chmod(tmp_path / "new", 0o644)
        os.rename(tmp_path / "new", file)

    os.mkfifo(tmp_path / "fifo", 0o666)
    checker.configure(targets=[
        target("file", port=0, settings={"file": str(file)}),
        target("file", "fifo", port=0, settings={"file": str(tmp_path / "fifo")})])
    assert checker.wait("Verdict", id="a")["reason"] == "file: No such file or directory"
    assert checker.wait("Verdict", id="fifo")["reason"] == "file: is no regular file"
    write("40\n")
    verdict = checker.wait("Verdict", id="a")
    assert (verdict["state"], verdict["weight_percent"]) == ("up", 40)
    write("down # by hand\n")
    assert checker.wait("Verdict", id="a")["reason"] == "down: by hand"
    write("up drain\n")
    verdict = checker.wait("Verdict", id="a")
    assert (verdict["state"], verdict["wish"]) == ("up", "drain")
    os.unlink(file)
    assert checker.wait("Verdict", id="a")["state"] == "down"


def test_a_program_is_run_by_the_director_and_its_status_is_understood(checker):
    exec_target = target("exec", settings={"exit_weight": True}, timeout_us=3000000)
    checker.configure(targets=[exec_target])
    run = checker.wait("Run", id="a")["run"]
    checker.send("Ran", run=run, status=0, reason="exited with status 0", lacking=False)
    verdict = checker.wait("Verdict")
    assert (verdict["state"], verdict["weight_percent"]) == ("up", 100)
    run = checker.wait("Run")["run"]
    checker.send("Ran", run=run - 1, status=1, reason="of another run", lacking=False)
    checker.send("Ran", run=run, status=52, reason="exited with status 52: busy", lacking=False)
    verdict = checker.wait("Verdict")
    assert (verdict["state"], verdict["weight_percent"]) == ("up", 50)
    checker.send("Ran", run=checker.wait("Run")["run"], reason="cannot run", lacking=True)
    assert checker.wait_report(lambda r: r["postponed"] == 1)["targets"][0]["state"] == "up"
    checker.send("Ran", run=checker.wait("Run")["run"], status=1, reason="exited with status 1",
                 lacking=False)
    assert checker.wait("Verdict")["state"] == "down"
    run = checker.wait("Run")["run"]
    assert checker.wait("Cancel")["run"] == run  # it took too long
    history = checker.wait_report(lambda r: r["targets"][0]["failures"] >= 2)["targets"][0]["history"]
    assert history[0]["reason"] == "program: timed out after 3s"


def test_no_more_programs_run_at_once_than_may(checker):
    checker.configure(targets=[target("exec", f"t{i}", interval_us=30000000, timeout_us=20000000)
                               for i in range(100)])
    runs = [checker.wait("Run") for _ in range(32)]
    assert not [f for f in checker.collect(0.3) if f["method"] == "Run"]
    for run in runs:
        checker.send("Ran", run=run["run"], status=0, reason="", lacking=False)
    rest = [checker.wait("Run") for _ in range(32)]
    assert not {r["id"] for r in runs} & {r["id"] for r in rest}, "who waits has his turn"
