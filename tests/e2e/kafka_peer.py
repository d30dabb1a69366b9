"""A Kafka cluster of librdkafka's mock brokers (kafka_cluster.c), which writes down what arrives."""
import collections
import os
import subprocess

import harness

# Kinds of requests.
PRODUCE, INIT_PRODUCER_ID = 0, 22

PROGRAM = os.environ.get('RUNNEL_KAFKA_CLUSTER', '')

Message = collections.namedtuple('Message', 'topic partition key headers milliseconds value')


class Cluster:
    def __init__(self, scenario, *topics, brokers=3):
        self._file = scenario.path('arrived')
        self._process = scenario.process(PROGRAM, str(brokers), self._file, *topics,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        words = self._process.stdout.readline().decode().split()
        if words[:1] != ['bootstrap']:
            raise AssertionError(f'kafka_cluster said {words}')
        self.brokers = words[1].split(',')

    def command(self, text):
        self._process.stdin.write(text.encode() + b'\n')
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if answer != b'ok\n':
            raise AssertionError(f'kafka_cluster answers {text!r} with {answer!r}')

    def down(self, broker):
        self.command(f'down {broker}')

    def up(self, broker):
        self.command(f'up {broker}')

    def refuse(self, count, code, api=PRODUCE):
        self.command(f'refuse {api} {count} {code}')

    def messages(self):
        with open(self._file, 'rb') as file:
            lines = file.read().split(b'\n')[:-1]
        return [Message(topic.decode(), int(partition), key, headers, int(time), value)
                for topic, partition, key, headers, time, value in
                (line.split(b'\t', 5) for line in lines)]

    def values(self):
        return [message.value for message in self.messages()]

    def wait_values(self, count):
        """Until so many different ones have arrived."""
        harness.wait_until(lambda: len(set(self.values())) >= count, f'{count} messages')
        return self.values()

    def config(self, more='', **options):
        names = ', '.join(f'"{broker}"' for broker in self.brokers)
        options = {'topic': '"logs"', 'batch': '{ linger = "20ms" }', 'reply_timeout': '"5s"',
                   'retry': '{ first = "50ms", longest = "500ms" }', **options}
        lines = ''.join(f'{name} = {value}\n' for name, value in options.items())
        return f'type = "kafka"\nbrokers = [{names}]\n{lines}{more}'
