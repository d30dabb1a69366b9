"""Receivers for the network sinks that keep what they get."""
import http.server
import socket
import threading


class HttpPeer:
    """Answers 503 to its first request, then takes everything. It answers none of the first `together`
    before it has all of them: they are under way at once."""

    def __init__(self, port=0, together=1):
        self.requests = []
        self.together = threading.Barrier(together)
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                peer.requests.append((self.headers, body))
                first = body is peer.requests[0][1]
                if len(peer.requests) <= together:
                    peer.together.wait(60)
                self.send_response(503 if first else 204)
                if first:
                    self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def bodies(self):
        """Of what was answered with 204."""
        return [body for _, body in self.requests[1:]]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class TcpPeer:
    """Keeps what comes, of one connection after the other."""

    def __init__(self, port=0):
        self.received = b''
        self.connection = None
        self.listener = socket.create_server(('127.0.0.1', port), reuse_port=False)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            while True:
                self.connection, _ = self.listener.accept()
                while piece := self.connection.recv(65536):
                    self.received += piece
        except OSError:
            pass  # closed by the test

    def close(self):
        if self.listener.fileno() < 0:
            return
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.connection is not None:
            self.connection.shutdown(socket.SHUT_RDWR)  # wakes who reads, and ends the connection


class ManyTcpPeer:
    """Keeps what comes, of many connections at once, each by itself."""

    def __init__(self):
        self._received = []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                received = bytearray()
                self._received.append(received)
                threading.Thread(target=self._serve, args=(connection, received),
                                 daemon=True).start()
        except OSError:
            pass  # closed by the test

    @staticmethod
    def _serve(connection, received):
        try:
            while piece := connection.recv(65536):
                received += piece
        except OSError:
            pass  # reset
        connection.close()

    def lines(self):
        return {line for each in list(self._received) for line in bytes(each).splitlines()}

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
