"""Goal: what the mqtt sink delivers is what a subscriber of a real broker gets: every event, its
content, on its topic; also when the broker is restarted under load, and over TLS. What a person has
to do is in the log. Method: mosquitto, read by its own mosquitto_sub."""
import subprocess

import certificates
import harness
import mqtt_peer
from harness import numbered, pipeline

TAIL = '''
type = "tail"
paths = ["FOLDER/in/*.log"]
'''

WINDOW = 100  # of the sink, when nothing is said


def sink(address, more=''):
    return (f'type = "mqtt"\naddress = "{address}"\ntopic = "edge/%{{source}}"\n'
            f'batch = {{ max_bytes = "64KiB", linger = "20ms" }}\n'
            f'retry = {{ first = "50ms", longest = "500ms" }}\nreply_timeout = "5s"\n{more}\n')


def payloads(messages):
    return [payload for _, payload in messages]


@harness.on_both_drivers
@harness.skip_without(mqtt_peer.MOSQUITTO)
@harness.skip_without(mqtt_peer.SUBSCRIBE)
class Broker(harness.Scenario):

    def delivers(self, count, more, reads=False):
        broker = mqtt_peer.Broker(self)
        reader = broker.reader() if reads else None
        self.write('in/a.log', numbered(0, count))
        agent = self.run_once(pipeline(TAIL, sink=sink(broker.address, more)))
        messages = broker.messages(reader)
        self.assertEqual({topic for topic, _ in messages}, {'edge/in'})
        self.assert_sequence(payloads(messages), count)
        self.assertEqual(agent.sent('out'), count)
        self.assertEqual(agent.summary()['sinks.out']['retries'], 0)

    def test_every_line_is_a_message(self):
        self.delivers(20000, '')

    def test_the_older_protocol(self):
        self.delivers(20000, 'protocol = "3.1.1"')

    def test_unacknowledged(self):
        self.delivers(5000, 'qos = 0', reads=True)

    def test_restarted_under_load(self):
        broker = mqtt_peer.Broker(self)
        config = pipeline(TAIL, sink=sink(broker.address))
        agent = self.start(config).ready()
        restarts, lines = 4, 10000
        for index in range(restarts):
            self.append('in/a.log', numbered(index * lines, lines))
            broker.stop()
            broker.start()
        self.stopped_well(agent)
        rest = self.run_once(config)
        count = restarts * lines
        self.assertEqual(agent.sent('out') + rest.sent('out'), count)
        self.assertGreater(agent.summary()['sinks.out']['connections'], 1)
        found = harness.check_sequence(payloads(broker.messages()), count)
        # What was on its way when the broker stopped may have come twice.
        self.assertEqual((found.lost, found.foreign), ([], []))
        self.assertLessEqual(found.duplicates, restarts * WINDOW)

    def test_what_is_too_large_is_refused_and_counted(self):
        broker = mqtt_peer.Broker(self, 'max_packet_size 2000')
        large = numbered(100, 1, filler=b'x' * 2000)
        self.write('in/a.log', numbered(0, 100) + large + numbered(100, 100))
        agent = self.run_once(pipeline(TAIL, sink=sink(broker.address)))
        self.assert_sequence(payloads(broker.messages()), 200)
        self.assertEqual(agent.summary()['sinks.out']['refused_events'], 1)
        self.assertIn('larger than the server', agent.log)

    def test_a_will_and_a_goodbye(self):
        broker = mqtt_peer.Broker(self)
        more = 'will = { topic = "edge/will", payload = "gone", qos = 1 }'
        config = pipeline(TAIL, sink=sink(broker.address, more))
        self.write('in/a.log', numbered(0, 100))
        self.run_once(config)
        agent = self.start(config).ready()
        self.append('in/a.log', numbered(100, 1))
        messages = broker.messages_to('edge/in', 101)
        self.assert_sequence(payloads(messages), 101)  # no will: it had said goodbye
        agent.kill()
        self.assertEqual(broker.messages_to('edge/will')[-1], ('edge/will', b'gone'))


@harness.on_both_drivers
@harness.skip_without(mqtt_peer.MOSQUITTO)
@harness.skip_without(mqtt_peer.SUBSCRIBE)
class Tls(harness.Scenario):

    def test_over_tls(self):
        certificates.write(self.folder, 'ec_root', 'ec_server', 'ec_leaf_key')
        port = harness.free_port()
        broker = mqtt_peer.Broker(self, more=(
            f'listener {port} 127.0.0.1\ncertfile {self.path("ec_server.pem")}\n'
            f'keyfile {self.path("ec_leaf_key.pem")}'))
        more = f'tls = {{ server_name = "server.test", ca_file = "{self.path("ec_root.pem")}" }}'
        self.write('in/a.log', numbered(0, 10000))
        agent = self.run_once(pipeline(TAIL, sink=sink(f'tls://127.0.0.1:{port}', more)))
        self.assert_sequence(payloads(broker.messages()), 10000)
        self.assertEqual(agent.sent('out'), 10000)


@harness.skip_without(mqtt_peer.MOSQUITTO)
@harness.skip_without(mqtt_peer.SUBSCRIBE)
class Login(harness.Scenario):

    def test_a_wrong_password_is_told_and_not_shown(self):
        accounts = self.path('accounts')
        subprocess.run(['mosquitto_passwd', '-b', '-c', accounts, 'edge', 'right'], check=True)
        broker = mqtt_peer.Broker(self, f'password_file {accounts}',
                                  who=('-u', 'edge', '-P', 'right'))
        self.write('in/a.log', numbered(0, 10))
        agent = self.start(pipeline(TAIL, sink=sink(
            broker.address, 'user = "edge"\npassword = "wrong-secret"')))
        agent.wait_log('the server refuses')
        self.assertNotIn('wrong-secret', agent.log)
        agent.kill()
        self.write('secret', 'right\n')
        self.run_once(pipeline(TAIL, sink=sink(
            broker.address, 'user = "edge"\npassword_file = "FOLDER/secret"')))
        self.assert_sequence(payloads(broker.messages()), 10)


if __name__ == '__main__':
    harness.main()
