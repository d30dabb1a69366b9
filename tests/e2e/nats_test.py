"""Goal: what the nats sink delivers is in the stream of a real server, once, also when a server of
a cluster is killed under load, and the log says what a person has to do.
Method: nats-server, one or three in a JetStream cluster; the messages of the stream are read back
and compared with the lines that were written."""
import signal

import certificates
import harness
import nats_peer
from harness import numbered, pipeline

TAIL = '''
type = "tail"
paths = ["FOLDER/in/*.log"]
'''


def sink(servers, more=''):
    addresses = ', '.join(f'"{server.url}"' for server in servers)
    return (f'type = "nats"\nservers = [{addresses}]\nsubject = "logs.%{{source}}"\n'
            f'batch = {{ max_bytes = "64KiB", linger = "20ms" }}\n'
            f'retry = {{ first = "50ms", longest = "500ms" }}\nreply_timeout = "5s"\n{more}\n')


@harness.on_both_drivers
class OneServer(harness.Scenario):

    def setUp(self):
        super().setUp()
        self.server = nats_peer.Server(self, 'one', nats_peer.free_ports(1)[0])

    def test_every_line_is_a_message(self):
        self.write('in/a.log', numbered(0, 20000))
        agent = self.start(pipeline(TAIL, sink=sink([self.server]))).ready()
        agent.wait_log('no stream takes subject logs.in')
        with nats_peer.Client(self.server.port) as client:
            client.make_stream('LOG', ['logs.>'])
            client.wait_messages('LOG', 20000)
            self.stopped_well(agent)
            messages = client.messages('LOG')
        self.assertEqual({subject for subject, _, _ in messages}, {'logs.in'})
        self.assert_sequence([payload for _, _, payload in messages], 20000)
        self.assertEqual(agent.sent('out'), 20000)

    def test_killed_and_started_again(self):
        with nats_peer.Client(self.server.port) as client:
            client.make_stream('LOG', ['logs.>'])
        agent = self.start(pipeline(TAIL, sink=sink([self.server]))).ready()
        for first in range(0, 20000, 5000):
            self.append('in/a.log', numbered(first, 5000))
            self.server.kill(signal.SIGTERM)
            self.server.start()
        with nats_peer.Client(self.server.port) as client:
            client.wait_messages('LOG', 20000)
            self.stopped_well(agent)
            messages = client.messages('LOG')
        found = harness.check_sequence([payload for _, _, payload in messages], 20000)
        self.assertEqual((found.lost, found.duplicates, found.foreign), ([], 0, []))

    def test_without_jetstream(self):
        with nats_peer.Client(self.server.port) as client:
            client.make_stream('LOG', ['logs.>'])  # listens as any subscriber would
            agent = self.start(pipeline(TAIL, sink=sink([self.server], 'jetstream = false')))
            agent.ready()
            self.write('in/a.log', numbered(0, 5000))
            client.wait_messages('LOG', 5000)
            self.stopped_well(agent)
            messages = client.messages('LOG')
        self.assert_sequence([payload for _, _, payload in messages], 5000)


class Tls(harness.Scenario):

    def test_tls_begins_behind_info(self):
        certificates.write(self.folder, 'ec_root', 'ec_server', 'ec_leaf_key')
        port = nats_peer.free_ports(1)[0]
        server = nats_peer.Server(self, 'one', port, 'tls { cert_file: "%s", key_file: "%s" }' % (
            self.path('ec_server.pem'), self.path('ec_leaf_key.pem')))
        self.write('in/a.log', numbered(0, 5000))
        more = f'tls = {{ server_name = "server.test", ca_file = "{self.path("ec_root.pem")}" }}'
        text = sink([server], more).replace('"127.0.0.1', '"tls://127.0.0.1')
        agent = self.start(pipeline(TAIL, sink=text + 'jetstream = false\n'), once=True)
        self.assertEqual(agent.wait(), 0, agent.log)
        self.assertEqual(agent.sent('out'), 5000)


class Authorization(harness.Scenario):

    def test_a_wrong_password_is_told_and_not_shown(self):
        server = nats_peer.Server(self, 'one', nats_peer.free_ports(1)[0],
                                  'authorization { user: "edge", password: "right" }')
        self.write('in/a.log', numbered(0, 10))
        agent = self.start(pipeline(TAIL, sink=sink(
            [server], 'user = "edge"\npassword = "wrong-secret"')))
        agent.wait_log('Authorization Violation')
        self.assertNotIn('wrong-secret', agent.log)
        agent.stop()
        with nats_peer.Client(server.port, user='edge', **{'pass': 'right'}) as client:
            client.make_stream('LOG', ['logs.>'])
            agent = self.start(pipeline(TAIL, sink=sink(
                [server], 'user = "edge"\npassword = "right"'))).ready()
            client.wait_messages('LOG', 10)
        self.stopped_well(agent)


@harness.on_both_drivers
class Cluster(harness.Scenario):

    def test_one_of_three_is_killed_under_load(self):
        servers = nats_peer.cluster(self)
        with nats_peer.Client(servers[0].port) as client:
            client.make_stream('LOG', ['logs.>'], num_replicas=3)
        # The first one is the only one that the program knows at first.
        agent = self.start(pipeline(TAIL, sink=sink(servers[:1]))).ready()
        count = 60000
        for first in range(0, count, 5000):
            self.append('in/a.log', numbered(first, 5000))
            if first == 20000:
                with nats_peer.Client(servers[1].port) as client:
                    client.wait_messages('LOG', 10000)
                servers[0].kill()
        with nats_peer.Client(servers[2].port) as client:
            client.wait_messages('LOG', count)
            self.stopped_well(agent)
            messages = client.messages('LOG')
        found = harness.check_sequence([payload for _, _, payload in messages], count)
        self.assertEqual((found.lost, found.duplicates, found.foreign), ([], 0, []))


if __name__ == '__main__':
    harness.main()
