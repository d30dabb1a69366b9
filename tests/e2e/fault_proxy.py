"""A network that fails: a TCP relay on loopback whose behaviour a test changes while data flows.

latency      every piece waits
thin         32 kbit/s in each direction, all connections together
reset        what is open is reset; new ones are reset after a few bytes
half_open    nothing is passed on any more and nobody is told
black_hole   new connections are taken by the kernel and never served; open ones are half open
refused      nobody listens; what is open is reset
"""
import socket
import struct
import threading
import time

FAULTS = ('latency', 'thin', 'reset', 'half_open', 'black_hole', 'refused')
THIN_BYTES_PER_SECOND = 4000
LATENCY = 0.2
RESET_AFTER_BYTES = 200


class FaultProxy:
    def __init__(self, scenario, target):
        self._target = target
        self._fault = ''
        self._guard = threading.Lock()
        self._pairs = []
        self._listener = None
        self._port = 0
        self.connections = 0
        self._listen()
        scenario.addCleanup(self.close)

    @property
    def address(self):
        return f'127.0.0.1:{self._port}'

    def fail(self, fault):
        """Until the next call; '' is a network that works. What hangs goes on hanging."""
        was, self._fault = self._fault, fault
        if fault in ('reset', 'refused'):
            self._reset_all()
        if fault == 'refused':
            self._stop_listening()
        elif was == 'refused':
            self._listen()

    def close(self):
        self._stop_listening()
        self._reset_all()

    def _listen(self):
        self._listener = socket.create_server(('127.0.0.1', self._port))
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _stop_listening(self):
        if self._listener is None:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None

    def _reset_all(self):
        with self._guard:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for each in pair:
                reset(each)

    def _accept(self, listener):
        try:
            while True:
                client, _ = listener.accept()
                self.connections += 1
                try:
                    server = socket.create_connection(('127.0.0.1', self._target))
                except OSError:
                    reset(client)
                    continue
                pair = (client, server)
                with self._guard:
                    self._pairs.append(pair)
                dead = self._fault == 'black_hole'
                for source, drain in (pair, pair[::-1]):
                    threading.Thread(target=self._relay, args=(source, drain, pair, dead),
                                     daemon=True).start()
        except OSError:
            pass  # it was closed

    def _relay(self, source, drain, pair, dead):
        passed = 0
        try:
            while True:
                if dead or self._fault in ('half_open', 'black_hole'):
                    dead = True  # it stays so, also when the network works again
                    time.sleep(0.05)
                    if source.fileno() < 0:
                        return
                    continue
                source.settimeout(0.05)
                try:
                    piece = source.recv(400 if self._fault == 'thin' else 65536)
                except TimeoutError:
                    continue
                if self._fault in ('half_open', 'black_hole'):
                    continue  # what came in this moment is gone
                if not piece:
                    drain.shutdown(socket.SHUT_WR)
                    return
                if self._fault == 'latency':
                    time.sleep(LATENCY)
                if self._fault == 'thin':
                    time.sleep(len(piece) / THIN_BYTES_PER_SECOND)
                passed += len(piece)
                if self._fault == 'reset' and passed > RESET_AFTER_BYTES:
                    for each in pair:
                        reset(each)
                    return
                drain.settimeout(10)
                drain.sendall(piece)
        except OSError:
            for each in pair:
                reset(each)


def reset(connection):
    """RST instead of FIN."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        connection.close()
    except OSError:
        pass
