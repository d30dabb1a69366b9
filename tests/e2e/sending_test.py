"""Goal: what the network sinks send is what real servers get, with no allocation after start.
Method: Python's own HTTP server and sockets as peers; the peer is closed and started again in the
middle, and everything put is found in what it got."""
import gzip
import json
import os
import socket
import subprocess

import harness
from harness import numbered, pipeline
from receivers import HttpPeer, TcpPeer

TAIL = '''
type = "tail"
paths = ["FOLDER/in.log"]
poll_interval = "50ms"
checkpoint_interval = "50ms"
'''


@harness.on_both_drivers
class Sending(harness.Scenario):

    def test_http(self):
        peer = HttpPeer()
        self.addCleanup(peer.close)
        self.append('in.log', numbered(0, 1000))
        sink = f'''
type = "http"
url = "http://127.0.0.1:{peer.port}/in"
encoding = "json"
compression = {{ codec = "gzip" }}
token = "${{SECRET}}"
batch = {{ max_events = 100, linger = "20ms" }}
retry = {{ first = "20ms" }}
'''
        agent = self.start(pipeline(TAIL, sink=sink), environment={'SECRET': 'open-sesame'}).ready()

        def bodies():
            lines = b''.join(gzip.decompress(body) for body in peer.bodies()).splitlines()
            return [json.loads(line)['body'].encode() for line in lines]

        harness.wait_until(lambda: len(bodies()) >= 1000, 'all events')
        self.assert_sequence(bodies(), 1000)
        headers, first = peer.requests[0]
        self.assertEqual(headers['Authorization'], 'Bearer open-sesame')
        self.assertEqual(headers['Content-Type'], 'application/x-ndjson')
        again, second = peer.requests[1]
        self.assertEqual(again['X-Runnel-Batch'], headers['X-Runnel-Batch'])
        self.assertEqual(first, second)
        self.stopped_well(agent)
        self.assertNotIn('open-sesame', agent.log)
        self.assertRegex(agent.log, r'cannot deliver: .*127\.0\.0\.1:\d+ answers 503')
        self.assertEqual(agent.sent('out'), 1000)

    def test_batches_at_once(self):
        """Three connections: the peer answers only when three requests are under way. What one
        connection has sent before is not sent again by three: they read as the same sink."""
        journal = 'type = "journal"\npath = "FOLDER/journal"\nsize = "4MiB"'
        received = []
        for connections, events in (1, 100), (3, 900):
            peer = HttpPeer(together=connections)
            self.addCleanup(peer.close)
            self.append('in.log', numbered(len(received), events))
            sink = f'''
type = "http"
url = "http://127.0.0.1:{peer.port}/in"
connections = {connections}
batch = {{ max_events = 100, linger = "20ms" }}
retry = {{ first = "20ms" }}
'''
            agent = self.start(pipeline(TAIL, sink, journal)).ready()
            lines = lambda: b''.join(peer.bodies()).splitlines()
            harness.wait_until(lambda: len(lines()) >= events, 'all events')
            self.stopped_well(agent)
            self.assertFalse(peer.together.broken, 'not at once')
            received += lines()
        self.assertEqual(sorted(received), sorted(numbered(0, 1000).splitlines()))
        self.assertIn('; its other connections try', agent.log)
        sent = [agent.sent(name) for name in ('out', 'out.2', 'out.3')]
        self.assertEqual(sum(sent), 900)

    def test_a_secret_in_a_file(self):
        peer = HttpPeer()
        self.addCleanup(peer.close)
        self.append('in.log', numbered(0, 10))
        secret = self.write('token', 'open-sesame\n')
        os.chmod(secret, 0o600)
        sink = f'''
type = "http"
url = "http://127.0.0.1:{peer.port}/in"
token = "${{file:{secret}}}"
batch = {{ linger = "20ms" }}
retry = {{ first = "20ms" }}
'''
        config = self.config(pipeline(TAIL, sink=sink))
        agent = self.start(config).ready()
        harness.wait_until(lambda: peer.bodies(), 'a batch')
        self.stopped_well(agent)
        self.assertEqual(peer.requests[0][0]['Authorization'], 'Bearer open-sesame')
        self.assertNotIn('warning', agent.log)

        os.chmod(secret, 0o644)
        output, errors = self.command('validate', '-c', config, '--memory')
        self.assertRegex(errors, r'warning: \S+/token can be read by everybody')
        self.assertNotIn('open-sesame', output + errors)
        wrong = self.config(pipeline(TAIL, sink=sink).replace('"20ms"', f'"${{file:{secret}}}"'))
        _, errors = self.command('validate', '-c', wrong, expect=78)
        self.assertRegex(errors, r'batch\.linger is \*\*\* \(what')
        self.assertNotIn('open-sesame', errors)
        os.unlink(secret)
        _, errors = self.command('validate', '-c', config, expect=78)
        self.assertRegex(errors, r'sinks\.out\.token names the file \S+/token: no such file')

    def test_tcp_peer_comes_and_goes(self):
        peer = TcpPeer()
        port = peer.port
        sink = f'''
type = "tcp"
address = "127.0.0.1:{port}"
compression = {{ codec = "zstd" }}
batch = {{ max_events = 50, linger = "20ms" }}
retry = {{ first = "20ms", longest = "100ms" }}
'''
        agent = self.start(pipeline(TAIL, sink=sink)).ready()
        received = []
        for round_number in range(4):
            self.append('in.log', numbered(round_number * 200, 200))

            def arrived():
                done = subprocess.run(['zstd', '-dc'], input=peer.received, capture_output=True)
                lines = done.stdout.splitlines()
                return lines if len(set(received + lines)) >= (round_number + 1) * 200 else None

            received += harness.wait_until(arrived, f'round {round_number}')
            if round_number < 3:
                peer.close()
                peer = TcpPeer(port)
        self.addCleanup(peer.close)
        self.stopped_well(agent)
        found = harness.check_sequence(received, 800)
        self.assertEqual((found.lost, found.foreign), ([], []))

    def test_nobody_there(self):
        """A stop with events that nobody takes says so, and what was read is read again."""
        with socket.socket() as closed:
            closed.bind(('127.0.0.1', 0))
            port = closed.getsockname()[1]
        self.append('in.log', numbered(0, 10))
        sink = f'type = "http"\nurl = "http://127.0.0.1:{port}/"\nretry = {{ first = "20ms" }}'
        agent = self.start(pipeline(TAIL, sink=sink, agent='drain_timeout = "200ms"')).ready()
        agent.wait_log(r'cannot deliver: connection refused')
        self.assertEqual(agent.stop(), 69)
        self.assertRegex(agent.log, r'not drained within 200 ms')


if __name__ == '__main__':
    harness.main()
