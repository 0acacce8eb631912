"""Servers to check by HTTP, TLS and gRPC: real ones, and hostile ones. Each runs in a namespace."""

import contextlib
import datetime
import ipaddress
import os
import pathlib
import signal
import socket
import struct
import subprocess
import textwrap
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


class Authority:
    """Issues certificates into a directory; what it returns are paths."""

    def __init__(self, directory, name="authority"):
        self.directory = pathlib.Path(directory)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.path = self.directory / f"{name}.pem"
        certificate = self._sign(self.name, self.key, -DAY, 365 * DAY, [
            (x509.BasicConstraints(ca=True, path_length=None), True)])
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject, key, since, until, extensions):
        now = datetime.datetime.utcnow()
        builder = x509.CertificateBuilder(
            issuer_name=self.name, subject_name=subject, public_key=key.public_key(),
            serial_number=x509.random_serial_number(), not_valid_before=now + since,
            not_valid_after=now + until)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, file, names=("www.example.test",), since=-10 * DAY, until=100 * DAY):
        """A PEM with certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = []
        for name in names:
            try:
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alternatives.append(x509.DNSName(name))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(subject, key, since, until, [
            (x509.SubjectAlternativeName(alternatives), False)])
        path = self.directory / file
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        path.chmod(0o644)
        return path


def wait_until_listening(namespace, port, process=None, timeout=60):
    end = time.monotonic() + timeout
    while True:
        with namespace.entered(), contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        assert process is None or process.poll() is None, "the server ended"
        assert time.monotonic() < end, f"nobody listens on port {port}"
        time.sleep(0.02)


class Program:
    """A server that is a program of its own."""

    def __init__(self, namespace, port, *words, **more):
        with namespace.entered():
            self.process = subprocess.Popen(
                [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, **more)
        wait_until_listening(namespace, port, self.process)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()


class Nginx(Program):
    """http on 80, h2c on 81, https with HTTP/2 on 443, and with a client's certificate on 444.
    Requests for /healthz are logged as address and time, if that is asked for; /live/status is the
    file of that name in the directory."""

    def __init__(self, namespace, directory, pem, authority, log=None):
        self.directory = pathlib.Path(directory) / "nginx"
        self.directory.mkdir(exist_ok=True)
        (self.directory / "live").mkdir(exist_ok=True)
        self.live = self.directory / "live" / "status"
        self.config = self.directory / "nginx.conf"
        self.config.write_text(textwrap.dedent(f"""
            daemon off; master_process off; worker_processes 1; user root;
            pid {self.directory}/pid; error_log {self.directory}/error.log info;
            events {{ worker_connections 20000; }}
            worker_rlimit_nofile 60000;
            http {{
              log_format when "$server_addr $msec"; access_log off; client_body_temp_path {self.directory}/body;
              proxy_temp_path {self.directory}/proxy; fastcgi_temp_path {self.directory}/fastcgi;
              uwsgi_temp_path {self.directory}/uwsgi; scgi_temp_path {self.directory}/scgi;
              ssl_certificate {pem}; ssl_certificate_key {pem};
              server {{
                listen 80 backlog=60000; listen [::]:80; listen 81 http2;
                listen 443 ssl http2; server_name _;
                location = /healthz {{
                  access_log {f"{log} when" if log else "off"};
                  return 200 "status: ok\\n";
                }}
                location /live/ {{ root {self.directory}; }}
                location = /from {{ return 200 "$remote_addr"; }}
                location = /host {{ return 200 "$host $server_name"; }}
                location = /head {{ return 200 "$request_method $http_x_probe $http_user_agent"; }}
                location = /sick {{ return 503 "no\\n"; }}
                location = /moved {{ return 301 http://other.example.test/; }}
                location = /empty {{ return 204; }}
              }}
              server {{
                listen 80; listen 443 ssl http2; server_name www.example.test;
                location /live/ {{ root {self.directory}; }}
                location = /healthz {{ return 200 "status: ok\\n"; }}
                location / {{ return 200 "host: www\\n"; }}
              }}
              server {{
                listen 444 ssl; ssl_client_certificate {authority}; ssl_verify_client on;
                location / {{ return 200 "$ssl_client_s_dn"; }}
              }}
            }}
            """))
        super().__init__(namespace, 80, "/usr/sbin/nginx", "-c", self.config, "-p", self.directory)


class Nghttpd(Program):
    """HTTP/2 alone, in clear text."""

    def __init__(self, namespace, directory, port=82):
        root = pathlib.Path(directory) / "nghttpd"
        root.mkdir(exist_ok=True)
        (root / "healthz").write_text("status: ok\n")
        super().__init__(namespace, port, "/usr/sbin/nghttpd", "--no-tls", "-d", root, port)


class SServer(Program):
    """openssl s_server, whose page is its own status."""

    def __init__(self, namespace, port, pem, *more):
        super().__init__(namespace, port, "/usr/bin/openssl", "s_server", "-accept", port, "-cert",
                         pem, "-key", pem, "-www", "-quiet", *more)


class GrpcServer(Program):
    """grpcio with a health service, whose answer is the last line on its standard input:
    a number of HealthCheckResponse, or the name of a code of gRPC."""

    SOURCE = """
import concurrent.futures, sys, grpc
says = ["1"]
def check(request, context):
    if says[0].isdigit():
        return bytes([8, int(says[0])]) if says[0] != "0" else b""
    context.abort(getattr(grpc.StatusCode, says[0]), "no")
handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
server.add_generic_rpc_handlers(
    (grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),))
if len(sys.argv) > 2:
    pem = open(sys.argv[2], "rb").read()
    server.add_secure_port("0.0.0.0:" + sys.argv[1], grpc.ssl_server_credentials([(pem, pem)]))
else:
    server.add_insecure_port("0.0.0.0:" + sys.argv[1])
server.start()
for line in sys.stdin:
    says[0] = line.strip()
"""

    def __init__(self, namespace, port, *pem):
        super().__init__(namespace, port, "/usr/bin/python3", "-c", self.SOURCE, port, *pem,
                         env={**os.environ, "GRPC_ENABLE_FORK_SUPPORT": "0"})

    def say(self, word):
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()


class Scripted:
    """A TCP server whose connections are all served by one function of the socket, each in a thread.
    The function may be replaced at any time."""

    def __init__(self, namespace, port, behave, address="", receive_window=None):
        with namespace.entered():
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if receive_window:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_window)
            self.socket.bind((address, port))
            self.socket.listen(4096)
        self.behave = behave
        self.requests = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.socket.accept()[0]
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            self.behave(connection)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def read_request(connection):
    """Up to the empty line; b"" when the client went away."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    return data


def answer(text, before=None):
    """A behaviour: read a request, send this, close."""
    def behave(connection):
        if read_request(connection):
            if before:
                before()
            connection.sendall(text)
    return behave


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def until_gone(connection, piece, pause=0.0):
    while True:
        connection.sendall(piece)
        if pause:
            time.sleep(pause)
