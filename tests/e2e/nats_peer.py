"""nats-server (Debian), one or three in a cluster, and a small client that makes streams and reads
them. Servers get their own ports and folders, and die with the test."""
import json
import os
import signal
import socket
import subprocess

import harness


def free_ports(count):
    """Ports that nobody has now. All are taken before any is given back."""
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Server:
    def __init__(self, scenario, name, port, settings=''):
        self.port = port
        self.name = name
        self._scenario = scenario
        self._log = scenario.path(f'{name}.log')
        self._config = scenario.write(
            f'{name}.conf', f'server_name: "{name}"\nlisten: "127.0.0.1:{port}"\n'
            f'jetstream {{ store_dir: "{scenario.path(name)}", max_mem: 64MB, max_file: 1GB }}\n'
            f'{settings}\n')
        self._process = None
        self.start()

    def start(self):
        self._process = self._scenario.process(
            'nats-server', '-c', self._config, '-l', self._log,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def listens():
            if self._process.poll() is not None:
                raise AssertionError(f'nats-server {self.name} ended:\n{self.log()[-2000:]}')
            try:
                socket.create_connection(('127.0.0.1', self.port)).close()
            except OSError:
                return False
            return True

        harness.wait_until(listens, f'nats-server {self.name}')

    def log(self):
        if not os.path.exists(self._log):
            return ''
        with open(self._log) as file:
            return file.read()

    def kill(self, number=signal.SIGKILL):
        self._process.send_signal(number)
        self._process.wait(harness.TIMEOUT)

    @property
    def url(self):
        return f'127.0.0.1:{self.port}'


def cluster(scenario, names=('n1', 'n2', 'n3')):
    ports = free_ports(2 * len(names))
    routes = ports[len(names):]
    addresses = ', '.join(f'"nats-route://127.0.0.1:{port}"' for port in routes)
    return [Server(scenario, name, port,
                   f'cluster {{ name: "edge", listen: "127.0.0.1:{route}", routes: [{addresses}] }}')
            for name, port, route in zip(names, ports, routes)]


class Silence(Exception):
    """Nobody answers: no responder, or none in time."""


class Client:
    """Speaks the protocol itself. Subscription 1 is where answers come, 2 what a stream delivers."""
    ANSWER_SECONDS = 2  # a cluster without a leader does not answer at all

    def __init__(self, port, **who):
        self._socket = socket.create_connection(('127.0.0.1', port), timeout=harness.TIMEOUT)
        self._unread = b''
        self._requests = 0
        self.info = json.loads(self._line().split(b' ', 1)[1])
        options = {'verbose': False, 'headers': True, 'no_responders': True, **who}
        self._send(f'CONNECT {json.dumps(options)}\r\nSUB _INBOX.test.* 1\r\nPING\r\n'.encode())
        self._until_pong()

    def _send(self, content):
        self._socket.sendall(content)

    def _receive(self):
        piece = self._socket.recv(1 << 16)
        if not piece:
            raise AssertionError('nats-server closed the connection')
        self._unread += piece

    def _line(self):
        while b'\r\n' not in self._unread:
            self._receive()
        line, self._unread = self._unread.split(b'\r\n', 1)
        if line.startswith(b'-ERR'):
            raise AssertionError(f'nats-server said {line!r}')
        if line.startswith(b'PING'):
            self._send(b'PONG\r\n')
        return line

    def _until_pong(self):
        while not self._line().startswith(b'PONG'):
            pass

    def _message(self):
        """(subject, headers, payload) of the next one."""
        while True:
            words = self._line().split()
            if words[0] in (b'MSG', b'HMSG'):
                break
        size = int(words[-1])
        while len(self._unread) < size + 2:
            self._receive()
        content, self._unread = self._unread[:size], self._unread[size + 2:]
        headers = int(words[-2]) if words[0] == b'HMSG' else 0
        return words[1].decode(), content[:headers], content[headers:]

    def request(self, subject, body=None):
        self._requests += 1
        reply = f'_INBOX.test.{self._requests}'
        payload = json.dumps(body).encode() if body is not None else b''
        self._send(f'PUB {subject} {reply} {len(payload)}\r\n'.encode() + payload + b'\r\n')
        self._socket.settimeout(self.ANSWER_SECONDS)
        try:
            while True:
                to, headers, answer = self._message()
                if to == reply:
                    break
        except TimeoutError:
            raise Silence(subject) from None
        finally:
            self._socket.settimeout(harness.TIMEOUT)
        if headers.startswith(b'NATS/1.0 503'):
            raise Silence(subject)
        return json.loads(answer)

    def make_stream(self, name, subjects, **options):
        """Waits for a cluster to have a leader who can."""
        config = {'name': name, 'subjects': subjects, 'storage': 'file', **options}

        def made():
            try:
                answer = self.request(f'$JS.API.STREAM.CREATE.{name}', config)
            except Silence:
                return False
            return 'error' not in answer

        harness.wait_until(made, f'stream {name}')

    def stream_state(self, name):
        """{'messages': 12, 'bytes': 3400, ...}, or None while nobody can say."""
        try:
            return self.request(f'$JS.API.STREAM.INFO.{name}').get('state')
        except Silence:
            return None

    def wait_messages(self, name, count):
        def enough():
            state = self.stream_state(name)
            return state and state['messages'] >= count

        harness.wait_until(enough, f'{count} messages in stream {name}')

    def messages(self, name):
        """All that the stream has, as (subject, headers, payload)."""
        count = harness.wait_until(lambda: self.stream_state(name), f'stream {name}')['messages']
        # A cluster that has just lost a server may not answer, or may forget what it was asked.
        return harness.wait_until(lambda: self._try_messages(name, count), f'messages of {name}')

    def _try_messages(self, name, count):
        self._requests += 1
        inbox = f'_INBOX.deliver.{self._requests}'
        made = f'_INBOX.made.{self._requests}'
        self._send(f'SUB {inbox} 2\r\nSUB {made} 3\r\n'.encode())
        config = {'deliver_subject': inbox, 'ack_policy': 'none', 'deliver_policy': 'all',
                  'num_replicas': 1, 'mem_storage': True}
        body = json.dumps({'stream_name': name, 'config': config})
        self._send(f'PUB $JS.API.CONSUMER.CREATE.{name} {made} {len(body)}\r\n'
                   f'{body}\r\n'.encode())
        found = []
        self._socket.settimeout(self.ANSWER_SECONDS)
        try:
            while len(found) < count:
                to, headers, payload = self._message()
                if to == made and b'"error"' in payload:
                    return None
                if not to.startswith('_INBOX.'):
                    found.append((to, headers, payload))
        except TimeoutError:
            return None
        finally:
            self._socket.settimeout(harness.TIMEOUT)
            self._send(b'UNSUB 2\r\nUNSUB 3\r\n')
        return found

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
