"""Goal: every sink gets over a network that is slow, thin, resets, hangs, swallows or refuses, without
help, without a storm of connections, and within its memory; what a destination acknowledges is
neither lost nor made up.
Method: a relay between the sink and its server that fails in one way after the other while lines are
written; after each, all lines have to arrive. The guarded program, so that no step of it allocates."""
import http.server
import os
import subprocess
import sys
import threading
import time

import fault_proxy
import harness
import mqtt_peer
import nats_peer
from harness import numbered, pipeline
from receivers import ManyTcpPeer

TAIL = '''
type = "tail"
paths = ["FOLDER/in/*.log"]
poll_interval = "20ms"
'''
COMMON = '''
batch = { max_bytes = "4KiB", linger = "10ms" }
retry = { first = "20ms", longest = "200ms" }
connect_timeout = "500ms"
reply_timeout = "1s"
'''
RECEIVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'forward_receiver.py')
LINES = 60  # a fault: about 5 KB, so that the thin line needs more than a second
FAULT_SECONDS = 1.2


class Faults(harness.Scenario):
    __test__ = False

    def goes_through_all(self, port, sink, has, faults=fault_proxy.FAULTS):
        """`has()`: the lines that arrived. Returns the agent, stopped."""
        proxy = fault_proxy.FaultProxy(self, port)
        self.make_folder('in')
        agent = self.start(pipeline(TAIL, sink=sink.replace('ADDRESS', proxy.address) + COMMON))
        agent.ready()
        written = 0
        for fault in ('',) + faults:
            proxy.fail(fault)
            self.append('in/a.log', numbered(written, LINES))
            time.sleep(FAULT_SECONDS if fault else 0)
            proxy.fail('')
            # One more, for destinations that keep nothing while the network is down.
            self.append('in/a.log', numbered(written + LINES, 1))
            last = numbered(written + LINES, 1).strip()
            harness.wait_until(lambda: last in has(), f'what was written behind "{fault}"')
            written += LINES + 1
        self.written = written
        self.stopped_well(agent)
        # Each attempt that fails waits longer than the one before, up to 200 ms.
        most = 20 * len(fault_proxy.FAULTS) * FAULT_SECONDS
        self.assertLess(proxy.connections, most)
        return agent

    def assert_all(self, has):
        expected = set(numbered(0, self.written).splitlines())
        self.assertEqual(set(has()), expected)


@harness.on_both_drivers
class Http(Faults):
    __test__ = True

    def test_http(self):
        bodies = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                bodies.append(body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # resets are what this is about
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

        def has():
            return {line for body in list(bodies) for line in body.splitlines()}

        self.goes_through_all(server.server_address[1], 'type = "http"\nurl = "http://ADDRESS/"',
                              has)
        self.assert_all(has)


@harness.on_both_drivers
class Tcp(Faults):
    __test__ = True

    def test_tcp(self):
        """The relay's kernel acknowledges what never gets further: only recovery is promised, and
        only where there is something to be noticed."""
        peer = ManyTcpPeer()
        self.addCleanup(peer.close)
        self.goes_through_all(peer.port, 'type = "tcp"\naddress = "ADDRESS"', peer.lines,
                              ('latency', 'thin', 'reset', 'refused'))


class Forward(Faults):
    __test__ = True

    def test_forward(self):
        port = harness.free_port()
        process = self.process(sys.executable, '-B', RECEIVER, '--port', str(port), '--out',
                               self.path('chunks'), stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b'ready\n')

        def has():
            with open(self.path('chunks'), 'rb') as file:
                text = file.read()
            return {line for line in numbered(0, 1000).splitlines() if line in text}

        self.goes_through_all(port, 'type = "forward"\naddress = "ADDRESS"', has)
        self.assert_all(has)


@harness.skip_without(mqtt_peer.MOSQUITTO)
@harness.skip_without(mqtt_peer.SUBSCRIBE)
class Mqtt(Faults):
    __test__ = True

    def test_mqtt(self):
        broker = mqtt_peer.Broker(self)
        reader = broker.reader()
        seen = set()

        def keep():
            for line in reader.stdout:
                seen.add(line.rstrip(b'\n').split(b' ', 1)[1])

        threading.Thread(target=keep, daemon=True).start()
        self.goes_through_all(broker.port, 'type = "mqtt"\naddress = "ADDRESS"\ntopic = "edge/in"',
                              lambda: seen)
        self.assert_all(lambda: seen)


class Nats(Faults):
    __test__ = True

    def test_nats(self):
        server = nats_peer.Server(self, 'one', nats_peer.free_ports(1)[0])
        with nats_peer.Client(server.port) as client:
            client.make_stream('LOG', ['logs.>'])

        def has():
            with nats_peer.Client(server.port) as client:
                state = client.stream_state('LOG')
                if state is None or state['messages'] == 0:
                    return []
                return [payload for _, _, payload in client.messages('LOG')]

        self.goes_through_all(server.port,
                              'type = "nats"\nservers = ["ADDRESS"]\nsubject = "logs.in"', has)
        self.assert_all(has)
        self.assertEqual(len(has()), self.written)  # nothing twice: the stream knows their names


if __name__ == '__main__':
    harness.main()
