"""Where sinks of the benchmark send to: bench_count, a TLS peer behind a relay that counts, and peers
that are not there."""
import pathlib
import socket
import ssl
import subprocess
import sys
import threading

from measuring import CORE_OF_FEEDERS, Failed

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / 'tests/e2e'))
import certificates  # noqa: E402

RECEIVE_BYTES = 256 << 10
RECEIVE_SECONDS_MAX = 10


class Count:
    """bench_count on the feeders' core; what it counted is known when it has ended."""

    def __init__(self, tools, mode, *file):
        self.process = subprocess.Popen(
            ['taskset', '-c', str(CORE_OF_FEEDERS), tools.tool('count'), mode, *map(str, file)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.units = self.events = self.bytes = 0

    def __enter__(self):
        return self

    def end(self):
        self.process.terminate()
        self.units, self.events, self.bytes = map(int, self.process.stdout.readline().split())

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class TlsPeer:
    """Takes one TLS connection after the other, through a relay that counts what passes towards it."""

    def __init__(self, folder):
        certificates.write(str(folder), 'ec_root', 'ec_server', 'ec_leaf_key')
        self.ca_file = folder / 'ec_root.pem'
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / 'ec_server.pem', folder / 'ec_leaf_key.pem')
        self.context = context
        self.listeners = [socket.create_server(('127.0.0.1', 0)) for _ in range(2)]
        self.port = self.listeners[0].getsockname()[1]
        self.ended = threading.Event()  # the first connection has
        self.bytes = self.events = 0

    @staticmethod
    def tls(ca_file, ca_memory='0'):
        """Options of a sink that believes it."""
        return (f'tls = {{ server_name = "server.test", ca_file = "{ca_file}", '
                f'ca_memory = "{ca_memory}" }}')

    def __enter__(self):
        for work in (self.relay, self.take):
            threading.Thread(target=work, daemon=True).start()
        return self

    def end(self):
        """Until what has been sent was read."""
        self.ended.wait(RECEIVE_SECONDS_MAX)

    def __exit__(self, *_):
        for listener in self.listeners:
            listener.close()

    def relay(self):
        while client := self.accepted(self.listeners[0]):
            server = socket.create_connection(self.listeners[1].getsockname())
            back = threading.Thread(target=self.pump, args=(server, client, False), daemon=True)
            back.start()
            self.pump(client, server, True)

    def pump(self, source, target, counted):
        with source:
            try:
                while data := source.recv(RECEIVE_BYTES):
                    self.bytes += len(data) if counted else 0
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)
            except OSError:  # the other side is gone
                pass

    def take(self):
        while client := self.accepted(self.listeners[1]):
            with self.context.wrap_socket(client, server_side=True) as stream:
                try:
                    while data := stream.recv(RECEIVE_BYTES):
                        self.events += data.count(b'\n')
                except OSError:
                    pass
            self.ended.set()

    @staticmethod
    def accepted(listener):
        try:
            return listener.accept()[0]
        except OSError:  # closed
            return None


class Refusing:
    """A port where nobody listens, kept from others."""

    def __init__(self):
        self.kept = socket.socket()
        self.kept.bind(('127.0.0.1', 0))
        self.port = self.kept.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kept.close()


class BlackHole(Refusing):
    """Its queue is full, so the kernel drops every further attempt to connect without a word."""

    def __init__(self):
        super().__init__()
        self.kept.listen(0)
        self.waiting = []
        for _ in range(8):
            one = socket.socket()
            one.settimeout(0.05)
            self.waiting.append(one)
            try:
                one.connect(('127.0.0.1', self.port))
            except TimeoutError:
                return
        raise Failed('the queue of a listener does not fill')

    def __exit__(self, *_):
        for one in self.waiting:
            one.close()
        super().__exit__()


class Silent(Refusing):
    """Connects, by its kernel, and reads nothing."""

    def __init__(self):
        super().__init__()
        self.kept.listen(8)
