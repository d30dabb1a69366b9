"""Plain clients of the program's listening sources, on loopback."""
import socket

import harness


def connect(port):
    return socket.create_connection(('127.0.0.1', port), timeout=harness.TIMEOUT)


def send_all(port, content):
    with connect(port) as client:
        client.sendall(content)


class Datagrams:
    def __init__(self, port):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to = ('127.0.0.1', port)

    def send(self, content):
        self._socket.sendto(content, self._to)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()
