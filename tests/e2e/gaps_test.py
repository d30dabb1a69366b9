"""Goal: what a channel drops is counted to the last event, and the receiver is told of it.
Method: more numbered events than fit while the sink stands still (its output is a pipe that nobody
reads), then everything is read: events that arrived + events in gap objects = events sent."""
import json
import os
import socket

import harness
from harness import numbered, pipeline

TCP = '''
type = "tcp"
listen = ["127.0.0.1:0"]
event_bytes_max = "4KiB"
'''
CONSOLE = '''
type = "console"
encoding = "json"
batch = { max_bytes = "4KiB", linger = "5ms" }
'''
COUNT = 20000


@harness.on_both_drivers
class Gaps(harness.Scenario):

    def send_through(self, when_full):
        """Returns the agent after its end and what it wrote: events and gaps, in order."""
        read_end, write_end = os.pipe()
        agent = self.start(pipeline(TCP, sink=CONSOLE, agent='drain_timeout = "60s"', channel=f'''
type = "memory"
capacity = "64KiB"
when_full = "{when_full}"
'''), stdout=write_end).ready()
        os.close(write_end)
        with os.fdopen(read_end, 'rb') as output:
            with socket.create_connection(('127.0.0.1', agent.port('in'))) as client:
                # Never blocks for long: the channel drops instead of pushing back.
                client.sendall(numbered(0, COUNT))
            agent.send_signal(15)
            objects = [json.loads(line) for line in output]
        self.assertEqual(agent.wait(), 0, agent.log)
        return agent, objects

    def check(self, agent, objects):
        bodies = [each['body'].encode() for each in objects if 'body' in each]
        gaps = [each['gap'] for each in objects if 'gap' in each]
        dropped = sum(gap['events'] for gap in gaps)
        self.assertGreater(dropped, 0, 'the test wants a full channel')
        self.assertEqual(len(bodies) + dropped, COUNT)
        found = harness.check_sequence(bodies, COUNT)
        self.assertEqual((len(found.lost), found.duplicates, found.unordered, found.foreign),
                         (dropped, 0, 0, []))
        line_bytes = len(harness.numbered(0, 1)) - 1
        self.assertEqual(sum(gap['bytes'] for gap in gaps), dropped * line_bytes)
        for gap in gaps:
            self.assertLessEqual(gap['from'], gap['to'])
        summary = agent.summary()
        self.assertEqual(summary['channels.main']['dropped_events'], dropped)
        self.assertEqual(summary['channels.main']['dropped_bytes'], dropped * line_bytes)
        self.assertEqual(summary['sinks.out']['gap_events'], dropped)
        self.assertEqual(summary['sinks.out']['sent_events'], len(bodies))
        # drop_oldest takes back what was put.
        self.assertIn(summary['channels.main']['put_events'], (len(bodies), COUNT))
        self.assertRegex(agent.log, r'(WARN|ERROR) .*drop')
        # A gap stands exactly where the events are missing.
        expected = 0
        for each in objects:
            if 'gap' in each:
                expected += each['gap']['events']
            else:
                self.assertEqual(int(each['body'][:8]), expected)
                expected += 1
        self.assertEqual(expected, COUNT)
        return bodies

    def test_drop_newest(self):
        agent, objects = self.send_through('drop_newest')
        bodies = self.check(agent, objects)
        self.assertTrue(bodies[0].startswith(b'00000000 '))

    def test_drop_oldest(self):
        agent, objects = self.send_through('drop_oldest')
        bodies = self.check(agent, objects)
        self.assertTrue(bodies[-1].startswith(b'%08d ' % (COUNT - 1)), 'the newest are kept')

    def test_text_with_gaps(self):
        read_end, write_end = os.pipe()
        agent = self.start(pipeline(TCP, sink='''
type = "console"
gaps = true
batch = { max_bytes = "4KiB", linger = "5ms" }
''', agent='drain_timeout = "60s"', channel='''
type = "memory"
capacity = "64KiB"
when_full = "drop_newest"
'''), stdout=write_end).ready()
        os.close(write_end)
        with os.fdopen(read_end, 'rb') as output:
            with socket.create_connection(('127.0.0.1', agent.port('in'))) as client:
                client.sendall(numbered(0, COUNT))
            agent.send_signal(15)
            lines = output.read().splitlines()
        self.assertEqual(agent.wait(), 0, agent.log)
        marks = [line for line in lines if line.startswith(b'[runnel: ')]
        self.assertGreater(len(marks), 0)
        self.assertEqual(len(lines) - len(marks) + sum(int(mark.split()[1]) for mark in marks),
                         COUNT)


if __name__ == '__main__':
    harness.main()
