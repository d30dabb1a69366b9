"""Goal: sinks deliver over Unix sockets to programs that others wrote, to peers that are missing, die
and come back, and nothing counts as delivered that nobody has read.
Method: Python's sockets, a Forward server, mosquitto and nginx, all started by hand in the folder of
the test; and another agent, which is killed."""
import json
import os
import socket
import subprocess
import sys
import threading

import harness
import mqtt_peer
import nginx
from harness import DATA, numbered, pipeline
from receivers import HttpPeer
from sending_test import TAIL
from unix_test import Base, source

NGINX = '''
server {
  listen unix:FOLDER/x.sock;
  location / {
    proxy_pass http://127.0.0.1:UPSTREAM;
  }
}
'''


def tcp_sink(more=''):
    return (f'type = "tcp"\naddress = "unix:FOLDER/x.sock"\nbatch = {{ linger = "20ms" }}\n'
            f'retry = {{ first = "20ms", longest = "200ms" }}\n{more}\n')


@harness.on_both_drivers
class Sending(Base):

    def listen(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.socket_path)
        listener.listen()
        self.addCleanup(listener.close)
        return listener

    def test_a_peer_that_is_not_there_and_one_that_dies(self):
        self.append('in.log', numbered(0, 100))
        agent = self.start(pipeline(TAIL, sink=tcp_sink())).ready()
        agent.wait_log(r'cannot deliver: no such file or folder: unix:\S+/x\.sock: there is no such socket: is its program '
                       r'running\?')
        received = b''
        for round_number in range(4):
            listener = self.listen()
            connection, _ = listener.accept()
            want = numbered((round_number + 1) * 100 - 1, 1)
            while want not in received:
                piece = connection.recv(65536)
                self.assertTrue(piece)
                received += piece
            # A death leaves the file; some of them with bytes that nobody has read.
            listener.close()
            if round_number % 2 == 0:
                connection.close()
                self.append('in.log', numbered((round_number + 1) * 100, 100))
            else:
                self.append('in.log', numbered((round_number + 1) * 100, 100))
                harness.wait_until(lambda: connection.recv(1, socket.MSG_PEEK), 'more')
                connection.close()
            if round_number == 0:
                agent.wait_log('no program listens on it')
            os.unlink(self.socket_path)
        listener = self.listen()
        connection, _ = listener.accept()
        while numbered(499, 1) not in received:
            received += connection.recv(65536)
        self.stopped_well(agent)
        found = harness.check_sequence(received.splitlines(), 500)
        self.assertEqual((found.lost, found.foreign), ([], []))

    def test_nothing_counts_as_delivered_that_nobody_has_read(self):
        listener = self.listen()
        self.append('in.log', b'a line that lies in the kernel\n')
        agent = self.start(pipeline(TAIL, sink=tcp_sink('reply_timeout = "300ms"'))).ready()
        agent.wait_log('cannot deliver: timed out: .*x.sock')
        received = []

        def read_all():
            while True:
                connection, _ = listener.accept()
                with connection:
                    content = b''.join(iter(lambda: connection.recv(65536), b''))
                received.append(content)

        threading.Thread(target=read_all, daemon=True).start()
        self.stopped_well(agent)
        self.assertEqual(set(received), {b'a line that lies in the kernel\n'})
        self.assertEqual(agent.sent('out'), 1)

    def test_from_agent_to_agent_which_is_killed_in_between(self):
        count, rounds = 3000, 4
        receiver = self.start(pipeline(source())).ready()
        text = pipeline(TAIL, sink=tcp_sink()).replace('/state', '/other-state')
        sender = self.start(self.config(text, name='sender.toml')).ready()
        for round_number in range(rounds):
            self.append('in.log', numbered(round_number * count, count))
            wanted = b'%08d ' % (round_number * count)
            harness.wait_until(lambda: wanted in self.output(DATA), 'the round to begin')
            # What it has read and not yet written is lost: its channel is memory. So it has time
            # for what has come, and dies while it waits.
            last = b'%08d ' % ((round_number + 1) * count - 1)
            harness.wait_until(lambda: last in self.output(DATA), 'the round to end')
            receiver.kill()
            receiver = self.start(pipeline(source())).ready()
        self.append('in.log', numbered(rounds * count, 1))
        last = b'%08d ' % (rounds * count)
        harness.wait_until(lambda: last in self.output(DATA), 'the last line')
        self.stopped_well(sender)
        self.stopped_well(receiver)
        found = harness.check_sequence(self.lines(DATA), rounds * count + 1)
        self.assertEqual((found.lost, found.foreign), ([], []))

    @harness.skip_without(nginx.COMMAND)
    def test_http_to_nginx(self):
        peer = HttpPeer()
        self.addCleanup(peer.close)
        log = open(self.path('nginx.log'), 'wb')
        self.addCleanup(log.close)
        self.process(*nginx.command(self, NGINX, upstream=peer.port), stdout=log, stderr=log)
        harness.wait_until(lambda: os.path.exists(self.socket_path), 'nginx to listen')
        self.append('in.log', numbered(0, 1000))
        sink = '''
type = "http"
url = "http://unix:FOLDER/x.sock:/in?from=edge"
encoding = "json"
batch = { max_events = 100, linger = "20ms" }
retry = { first = "20ms" }
'''
        agent = self.start(pipeline(TAIL, sink=sink)).ready()

        def bodies():
            lines = b''.join(peer.bodies()).splitlines()
            return [json.loads(line)['body'].encode() for line in lines]

        harness.wait_until(lambda: len(bodies()) >= 1000, 'all events')
        self.assert_sequence(bodies(), 1000)
        self.stopped_well(agent)
        self.assertEqual(agent.sent('out'), 1000)
        self.assertEqual(agent.summary()['sinks.out']['connections'], 1)
        with open(self.path('access.log')) as file:
            self.assertIn('POST /in?from=edge HTTP/1.1', file.read())

    def test_forward(self):
        receiver = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'forward_receiver.py')
        process = self.process(sys.executable, '-B', receiver, '--unix', self.socket_path, '--out',
                               self.path('chunks'), '--shared-key', 'secret',
                               stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b'ready\n')
        self.append('in.log', numbered(0, 2000))
        sink = ('type = "forward"\naddress = "unix:FOLDER/x.sock"\nshared_key = "secret"\n'
                'batch = { linger = "20ms" }\n')
        agent = self.run_once(pipeline(TAIL, sink=sink))
        self.assertEqual(agent.sent('out'), 2000)
        with open(self.path('chunks'), 'rb') as file:
            chunks = [json.loads(line) for line in file]
        self.assert_sequence([record['message'].encode() for chunk in chunks
                              for _, _, record in chunk['entries']], 2000)

    @harness.skip_without(mqtt_peer.MOSQUITTO)
    @harness.skip_without(mqtt_peer.SUBSCRIBE)
    def test_mqtt_to_mosquitto(self):
        broker = mqtt_peer.Broker(self, more=f'listener 0 {self.socket_path}')
        self.append('in.log', numbered(0, 2000))
        sink = ('type = "mqtt"\naddress = "unix:FOLDER/x.sock"\ntopic = "edge/%{source}"\n'
                'batch = { linger = "20ms" }\n')
        agent = self.run_once(pipeline(TAIL, sink=sink))
        self.assert_sequence([payload for _, payload in broker.messages()], 2000)
        self.assertEqual(agent.sent('out'), 2000)


if __name__ == '__main__':
    harness.main()
