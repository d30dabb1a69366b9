"""Goal: the forward sink and a Forward server that is another program: what was put is what the
server has, whatever compression, key or tag, and a server that is killed takes nothing with it that
it had acknowledged.

Method: forward_receiver.py, written from the specification, syncs every chunk before it acknowledges
it. SIGKILL at random instants, then a new one at the same port; in the end every line is there, in
order at its first arrival, and a chunk that came twice is the same both times."""
import json
import os
import subprocess
import sys
import time

import harness
from harness import numbered, pipeline

RECEIVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'forward_receiver.py')
TAIL = '''
type = "tail"
paths = ["FOLDER/log/*.log"]
start_at = "beginning"
poll_interval = "20ms"
'''
JOURNAL = '''
type = "journal"
path = "FOLDER/main.journal"
size = "8MiB"
sync = "50ms"
'''


class Forwarding(harness.Scenario):
    __test__ = False

    def setUp(self):
        super().setUp()
        self.make_folder('log')
        self.port = harness.free_port()
        self._found = {}  # chunks, by name
        self._read_bytes = 0

    def receiver(self, *arguments):
        """The server, when it listens."""
        process = self.process(sys.executable, '-B', RECEIVER, '--port', str(self.port),
                               '--out', self.path('chunks'), *arguments, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b'ready\n')
        return process

    def sink(self, more=''):
        return f'''
type = "forward"
address = "127.0.0.1:{self.port}"
batch = {{ max_bytes = "16KiB", linger = "10ms" }}
retry = {{ first = "10ms", longest = "50ms" }}
{more}
'''

    def chunks(self):
        """What the server has, each chunk once; a chunk that came again must be what it was."""
        try:
            with open(self.path('chunks'), 'rb') as file:
                file.seek(self._read_bytes)
                lines = file.read()
        except FileNotFoundError:
            return []
        lines = lines[:lines.rfind(b'\n') + 1]
        self._read_bytes += len(lines)
        for chunk in map(json.loads, lines.splitlines()):
            known = self._found.setdefault(chunk['chunk'], chunk)
            # Not to the nanosecond: a restart finds out anew when the machine was started.
            self.assertEqual([record for _, _, record in known['entries']],
                             [record for _, _, record in chunk['entries']],
                             'a chunk that came again')
        return list(self._found.values())

    def bodies(self, key='message'):
        return [record[key].encode() for chunk in self.chunks()
                for _, _, record in chunk['entries']]

    def wait_bodies(self, count):
        harness.wait_until(lambda: len(self.bodies()) >= count, f'{count} events')

    def run_plain(self, more, arguments=(), count=2000):
        before = time.time()
        self.append('log/app.log', numbered(0, count))
        self.receiver(*arguments)
        agent = self.start(pipeline(TAIL, sink=self.sink(more))).ready()
        self.wait_bodies(count)
        self.stopped_well(agent)
        self.assert_sequence(self.bodies(), count)
        counters = agent.summary()['sinks.out']
        self.assertEqual((counters['sent_events'], counters['retries']), (count, 0))
        for chunk in self.chunks():
            for seconds, nanoseconds, record in chunk['entries']:
                self.assertTrue(before - 1 <= seconds <= time.time() and nanoseconds < 10 ** 9)
                self.assertEqual(record['source'], 'in')
        return agent


@harness.on_both_drivers
class Forward(Forwarding):

    def test_plain(self):
        self.run_plain('')
        self.assertEqual({chunk['tag'] for chunk in self.chunks()}, {'runnel.in'})
        self.assertEqual({chunk['compressed'] for chunk in self.chunks()}, {None})

    def test_gzip(self):
        self.run_plain('compression = { codec = "gzip" }\ntag = "plain"')
        self.assertEqual({(chunk['tag'], chunk['compressed']) for chunk in self.chunks()},
                         {('plain', 'gzip')})

    def test_zstd(self):
        self.run_plain('compression = { codec = "zstd" }')
        self.assertEqual({chunk['compressed'] for chunk in self.chunks()}, {'zstd'})

    def test_shared_key_and_user(self):
        self.run_plain('shared_key = "s3cret"\nuser = "me"\npassword = "word"',
                       ('--shared-key', 's3cret', '--user', 'me', '--password', 'word'))

    def test_a_connection_for_every_message(self):
        agent = self.run_plain('shared_key = "s3cret"',
                               ('--shared-key', 's3cret', '--no-keepalive'))
        counters = agent.summary()['sinks.out']
        self.assertGreaterEqual(counters['connections'], counters['sent_batches'])

    def test_wrong_key(self):
        self.append('log/app.log', numbered(0, 10))
        self.receiver('--shared-key', 'another')
        agent = self.start(pipeline(TAIL, sink=self.sink('shared_key = "s3cret"'))).ready()
        agent.wait_log('refuses us: shared_key mismatch')
        self.assertEqual(self.chunks(), [])
        agent.kill()

    def test_mistakes_of_the_server(self):
        for mistake in ('silent', 'wrong', 'close'):
            with self.subTest(mistake):
                self.doCleanups()
                self.setUp()
                self.append('log/app.log', numbered(0, 2000))
                self.receiver('--mistake', mistake)
                agent = self.start(pipeline(
                    TAIL, sink=self.sink('reply_timeout = "200ms"'))).ready()
                self.wait_bodies(2000)
                self.stopped_well(agent)
                self.assert_sequence(self.bodies(), 2000)
                self.assertGreater(agent.summary()['sinks.out']['retries'], 2)


@harness.on_both_drivers
class ForwardKilled(Forwarding):
    ROUNDS = 12

    def test_server_killed_in_the_middle(self):
        chance = harness.seeded_random()
        agent = self.start(pipeline(TAIL, sink=self.sink(), channel=JOURNAL)).ready()
        count = 0
        for _ in range(self.ROUNDS):
            receiver = self.receiver('--pause', '0.002')
            until = time.monotonic() + 0.05 + chance.random() * 0.25
            while time.monotonic() < until:
                self.append('log/app.log', numbered(count, 100))
                count += 100
                time.sleep(0.001)
            receiver.kill()
            receiver.wait(harness.TIMEOUT)
        self.receiver()
        self.wait_bodies(count)
        self.stopped_well(agent)
        self.assert_sequence(self.bodies(), count)
        print(f'{self.id()}: {self.ROUNDS} kills, {count} events, '
              f'{agent.summary()["sinks.out"]["retries"]} retries', flush=True)

    def test_agent_killed_in_the_middle(self):
        """With a journal a chunk keeps its name over a restart of ours, too."""
        chance = harness.seeded_random()
        config = self.config(pipeline(TAIL, sink=self.sink(), channel=JOURNAL))
        self.receiver('--pause', '0.002')
        count = 0
        for _ in range(self.ROUNDS):
            agent = self.start(config).ready()
            until = time.monotonic() + 0.05 + chance.random() * 0.25
            while time.monotonic() < until:
                self.append('log/app.log', numbered(count, 100))
                count += 100
                time.sleep(0.004)
            agent.kill()
        agent = self.start(config).ready()
        harness.wait_until(lambda: len(set(self.bodies())) >= count, f'{count} events')
        self.stopped_well(agent)
        found = harness.check_sequence(self.bodies(), count)
        self.assertEqual((found.lost, found.foreign), ([], []))


if __name__ == '__main__':
    harness.main()
