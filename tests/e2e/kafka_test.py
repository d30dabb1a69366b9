"""Goal: what the kafka sink says is delivered is in Kafka, whatever happens to brokers, to what they
answer, and to the program.
Method: librdkafka's mock cluster in a process of its own, with a consumer that writes down what
arrives; the program is the guarded one, which ends at the first allocation of our own."""
import unittest

import kafka_peer
import harness
from harness import numbered, pipeline

TAIL = '''
type = "tail"
paths = ["FOLDER/in/*.log"]
poll_interval = "20ms"
checkpoint_interval = "50ms"
'''
JOURNAL = '''
type = "journal"
path = "FOLDER/main.journal"
size = "64MiB"
'''
# Codes of the protocol.
MSG_SIZE_TOO_LARGE, TOPIC_EXCEPTION, NOT_ENOUGH_REPLICAS = 10, 17, 19
CLUSTER_AUTHORIZATION_FAILED = 31


@unittest.skipUnless(kafka_peer.PROGRAM, 'this build has no kafka')
class Kafka(harness.Scenario):

    def assert_whole(self, values, count, duplicates=None):
        found = harness.check_sequence(values, count)
        self.assertEqual((found.lost, found.foreign), ([], []))
        if duplicates is not None:
            self.assertEqual(found.duplicates, duplicates)
        return found


@harness.on_both_drivers
class Delivery(Kafka):

    def test_everything_arrives_once(self):
        cluster = kafka_peer.Cluster(self, 'logs:4')
        self.write('in/a.log', numbered(0, 30000))
        agent = self.run_once(pipeline(TAIL, sink=cluster.config(compression='"zstd"')))
        self.assert_whole(cluster.wait_values(30000), 30000, duplicates=0)
        self.assertEqual(agent.sent('out'), 30000)

    def test_topics_keys_headers_and_json(self):
        cluster = kafka_peer.Cluster(self, 'in-edge:4', 'other:1')
        self.write('in/a.log', numbered(0, 1000))
        agent = self.run_once(pipeline(TAIL, sink=cluster.config(
            topic='"%{source}-edge"', key='"%{file}"', headers='true', encoding='"json"')))
        cluster.wait_values(1000)
        self.assertEqual(agent.sent('out'), 1000)
        messages = cluster.messages()
        self.assertEqual({message.topic for message in messages}, {'in-edge'})
        self.assertEqual(len({message.partition for message in messages}), 1)  # one key
        path = self.path('in/a.log').encode()
        self.assertEqual({message.key for message in messages}, {path})
        self.assertTrue(all(b'file=' + path in message.headers for message in messages))
        self.assertTrue(messages[0].value.startswith(b'{"time":"20'), messages[0].value)
        self.assertGreater(messages[0].milliseconds, 1_700_000_000_000)
        # One partition keeps the order.
        bodies = [message.value.split(b'"body":"')[1].split(b'"')[0] for message in messages]
        self.assertEqual(harness.check_sequence(bodies, 1000), ([], 0, 0, [], []))

    def test_each_codec_and_acknowledgement(self):
        cluster = kafka_peer.Cluster(self, 'logs:2')
        ways = [{'compression': '"gzip"', 'acks': '"1"'}, {'compression': '"lz4"', 'window': '1'},
                {'acks': '"0"'}]
        for number, way in enumerate(ways):
            self.write('in/a.log', numbered(number * 500, 500), 'ab')
            agent = self.run_once(pipeline(TAIL, sink=cluster.config(**way)))
            self.assertEqual(agent.sent('out'), 500)
        self.assert_whole(cluster.wait_values(1500), 1500, duplicates=0)

    def test_a_broker_goes_and_comes_back(self):
        cluster = kafka_peer.Cluster(self, 'logs:6')
        agent = self.start(pipeline(TAIL, sink=cluster.config(), channel=JOURNAL)).ready()
        for round_number in range(6):
            self.append('in/a.log', numbered(round_number * 2000, 2000))
            if round_number == 1:
                cluster.wait_values(2500)
                cluster.down(1)
            if round_number == 2:
                cluster.down(-1)  # whatever partition is chosen: nobody is there
            if round_number == 4:
                # Long enough for messages to be given up and tried again.
                agent.wait_log('sinks.out: .*Message timed out')
                cluster.up(-1)
        self.assert_whole(cluster.wait_values(12000), 12000)
        self.stopped_well(agent)
        self.assertEqual(agent.sent('out'), 12000)


class Answers(Kafka):

    def setUp(self):
        super().setUp()
        self.cluster = kafka_peer.Cluster(self, 'logs:1')

    def start_with(self, **options):
        return self.start(pipeline(TAIL, sink=self.cluster.config(
            'dead_letter = { dir = "FOLDER/dead" }\n', **options))).ready()

    def test_not_enough_replicas_is_waited_for(self):
        self.cluster.refuse(5, NOT_ENOUGH_REPLICAS)
        agent = self.start_with()
        self.write('in/a.log', numbered(0, 100))
        self.assert_whole(self.cluster.wait_values(100), 100, duplicates=0)
        self.stopped_well(agent)
        self.assertEqual((agent.sent('out'), agent.summary()['sinks.out']['refused_events']),
                         (100, 0))

    def test_a_message_that_is_too_large_alone_becomes_a_dead_letter(self):
        # The batch, and then the one of its messages that goes first alone.
        self.cluster.refuse(2, MSG_SIZE_TOO_LARGE)
        self.write('in/a.log', numbered(0, 20))
        agent = self.start_with()
        values = self.cluster.wait_values(19)
        self.stopped_well(agent)
        self.assertEqual(harness.check_sequence(values, 20).lost, [0])
        counters = agent.summary()['sinks.out']
        self.assertEqual((counters['sent_events'], counters['refused_events'],
                          counters['dead_letter_events']), (19, 1, 1))
        listed, _ = self.command('dead-letter', 'list', self.path('dead/out.dead'))
        self.assertIn('topic logs: Broker: Message size too large', listed)
        # They can be sent again.
        self.command('dead-letter', 'send', self.path('runnel.toml'))
        self.assert_whole(self.cluster.wait_values(20), 20, duplicates=0)

    def test_what_is_over_our_own_limit_is_refused_at_once(self):
        self.write('in/a.log', numbered(0, 5) + b'x' * 5000 + b'\n' + numbered(5, 5))
        agent = self.start_with(message_max_bytes='"2KiB"')
        self.assert_whole(self.cluster.wait_values(10), 10, duplicates=0)
        self.stopped_well(agent)
        self.assertEqual(agent.summary()['sinks.out']['dead_letter_events'], 1)

    def test_an_invalid_topic_is_refused(self):
        self.cluster.refuse(1, TOPIC_EXCEPTION)
        self.write('in/a.log', numbered(0, 5))
        agent = self.start_with()
        agent.wait_log('refuses 5 events for good.*topic logs: Broker: Invalid topic')
        self.append('in/a.log', numbered(5, 5))
        self.cluster.wait_values(5)
        self.stopped_well(agent)
        self.assertEqual(agent.summary()['sinks.out']['dead_letter_events'], 5)


class Life(Kafka):

    def test_a_producer_that_can_go_no_further_is_replaced(self):
        cluster = kafka_peer.Cluster(self, 'logs:2')
        # Without a number of its own an idempotent producer is at its end.
        cluster.refuse(1, CLUSTER_AUTHORIZATION_FAILED, kafka_peer.INIT_PRODUCER_ID)
        self.write('in/a.log', numbered(0, 1000))
        agent = self.start(pipeline(TAIL, sink=cluster.config())).ready()
        agent.wait_log('sinks.out: the producer is replaced: .*Cluster authorization failed')
        self.assert_whole(cluster.wait_values(1000), 1000)
        self.stopped_well(agent)
        self.assertEqual(agent.sent('out'), 1000)

    def test_killed_and_started_again(self):
        cluster = kafka_peer.Cluster(self, 'logs:3')
        config = pipeline(TAIL, sink=cluster.config(), channel=JOURNAL)
        agent = self.start(config).ready()
        for round_number in range(5):
            self.append('in/a.log', numbered(round_number * 4000, 4000))
            cluster.wait_values(round_number * 4000 + 500)
            agent.kill()
            agent = self.start(config).ready()
        self.assert_whole(cluster.wait_values(20000), 20000)
        self.stopped_well(agent)

    def test_a_stop_without_brokers_does_not_wait(self):
        cluster = kafka_peer.Cluster(self, 'logs:1')
        cluster.down(-1)
        self.write('in/a.log', numbered(0, 100))
        config = pipeline(TAIL, sink=cluster.config(), channel=JOURNAL,
                          agent='drain_timeout = "1s"')
        agent = self.start(config).ready()
        agent.wait_log('sinks.out: .*(timed out|onnect)')
        self.assertIn(agent.stop(), (0, 75), agent.log)
        cluster.up(-1)
        agent = self.start(config).ready()
        self.assert_whole(cluster.wait_values(100), 100)
        self.stopped_well(agent)

    def test_a_file_that_is_not_there_is_told_at_the_start(self):
        config = pipeline(TAIL, sink='type = "kafka"\nbrokers = ["tls://127.0.0.1:1"]\n'
                          'topic = "logs"\ntls = { ca_file = "FOLDER/none.pem" }\n'
                          'sasl = "plain"\nuser = "edge"\npassword = "very-secret"\n')
        agent = self.start(config)
        self.assertNotEqual(agent.wait(), 0)
        self.assertIn('sinks.out: librdkafka does not start', agent.log)
        self.assertNotIn('very-secret', agent.log)


if __name__ == '__main__':
    harness.main()
