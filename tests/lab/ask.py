"""ask.py QUESTIONS: ask the lab's servers, from a node of the lab, whom a request came from.

QUESTIONS is JSON: [[protocol, address, port], ...]. For each a line of JSON is printed: what the server
said, as [name, source, port, destination, port], and our own [address, port]; or the error's text. All
are asked at once: where a packet got lost, one waits for the others."""

import concurrent.futures
import json
import socket
import sys

TIMEOUT_S = 10
# An association is told of every address of an unbound socket, and may then use any of them.
LOCAL = {socket.AF_INET: "192.0.2.10", socket.AF_INET6: "2001:db8:1::10"}


def open_socket(protocol, family):
    if protocol == "udp":
        return socket.socket(family, socket.SOCK_DGRAM)
    if protocol == "tcp":
        return socket.socket(family, socket.SOCK_STREAM)
    s = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
    s.bind((LOCAL[family], 0))
    return s


def read_all(s):
    data = b""
    while more := s.recv(4096):
        data += more
    return data.decode()


def ask(question):
    protocol, address, port = question
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with open_socket(protocol, family) as s:
        s.settimeout(TIMEOUT_S)
        try:
            s.connect((address, port))
            if protocol == "udp":
                s.send(b"who")
                words = s.recv(1000).decode().split()
            else:
                s.sendall(b"GET /who HTTP/1.0\r\n\r\n")
                words = read_all(s).split("\r\n\r\n", 1)[1].split()
            return [words[0], words[1], int(words[2]), words[3], int(words[4])], \
                list(s.getsockname()[:2])
        except (OSError, IndexError) as error:
            return repr(error)


with concurrent.futures.ThreadPoolExecutor(64) as pool:
    for answer in pool.map(ask, json.loads(sys.argv[1])):
        print(json.dumps(answer))
