"""Goal: the sinks of a group share what comes, over real connections: the second receiver has what
the first cannot take, the first has it again when it is back, and with both away nothing is lost.
Method: receivers that are closed and started again under a stream of numbered lines; the guarded
program, so that no step of it allocates."""
import json
import time

import harness
from harness import numbered
from receivers import TcpPeer
from status_test import ask

CONFIG = '''
[agent]
state_dir = "FOLDER/state"
listen = "127.0.0.1:0"
[sources.log]
type = "tail"
channels = ["main"]
paths = ["FOLDER/in.log"]
poll_interval = "50ms"
checkpoint_interval = "50ms"
[channels.main]
type = "{channel}"
{folder}
[sinks.first]
type = "tcp"
channel = "main"
address = "127.0.0.1:{first}"
batch = {{ max_events = 50, linger = "10ms" }}
retry = {{ first = "20ms", longest = "200ms" }}
[sinks.second]
type = "tcp"
channel = "main"
address = "127.0.0.1:{second}"
batch = {{ max_events = 50, linger = "10ms" }}
retry = {{ first = "20ms", longest = "200ms" }}
[groups.both]
sinks = ["first", "second"]
policy = "{policy}"
[sinks.alone]
type = "null"
channel = "main"
'''


@harness.on_both_drivers
class Groups(harness.Scenario):

    def begin(self, policy, channel='memory'):
        self.first, self.second = TcpPeer(), TcpPeer()
        self.ports = self.first.port, self.second.port
        self.gone = []  # what receivers had when they were closed
        self.addCleanup(lambda: self.first.close())
        self.addCleanup(lambda: self.second.close())
        folder = 'path = "FOLDER/journal"\nsize = "4MiB"' if channel == 'journal' else ''
        config = CONFIG.format(policy=policy, channel=channel, first=self.ports[0],
                               second=self.ports[1], folder=folder)
        self.put = 0
        return self.start(config).ready()

    def more(self, count):
        self.append('in.log', numbered(self.put, count))
        self.put += count

    def seen(self):
        """The different lines that arrived somewhere."""
        pieces = self.gone + [self.first.received, self.second.received]
        return {line for piece in pieces for line in piece.splitlines()}

    def all_here(self):
        harness.wait_until(lambda: self.seen() >= set(numbered(0, self.put).splitlines()),
                           f'{self.put} lines')

    def close_first(self):
        self.first.close()
        self.gone.append(self.first.received)
        self.first.received = b''

    def close_second(self):
        self.second.close()
        self.gone.append(self.second.received)
        self.second.received = b''

    def test_failover(self):
        agent = self.begin('failover')
        self.more(300)
        self.all_here()
        self.assertEqual(self.second.received, b'')
        self.close_first()
        self.more(300)
        agent.wait_log('takes over from the sinks of its group that fail')
        harness.wait_until(lambda: len(self.second.received.splitlines()) >= 200, 'the second')

        self.first = TcpPeer(self.ports[0])
        for _ in range(200):
            self.more(1)
            if self.first.received:
                break
            time.sleep(0.05)
        agent.wait_log('sinks.first: delivers again')
        time.sleep(0.3)
        by_second = len(self.second.received)
        self.more(300)
        harness.wait_until(lambda: len(self.first.received.splitlines()) >= 300, 'the first')
        self.assertEqual(len(self.second.received), by_second)
        self.stopped_well(agent)

    def test_the_status_says_who_is_in_it(self):
        agent = self.begin('failover')
        self.more(100)
        self.all_here()
        port = int(agent.wait_log(r'agent\.listen: listening on tcp://\S*:(\d+)').group(1))
        sinks = {each['name']: each for each in json.loads(ask(port, '/api/v1/pipeline')[2])['sinks']}
        self.assertEqual({name: sink.get('group') for name, sink in sinks.items()},
                         {'first': 'both', 'second': 'both', 'alone': None})
        # One subscription: what the first has sent, the second has nothing to do with.
        self.assertEqual(sinks['first']['acknowledged_position'],
                         sinks['second']['acknowledged_position'])
        self.stopped_well(agent)

    def test_both_away(self):
        """The journal keeps what nobody takes, over kill -9 too."""
        agent = self.begin('load_balance', 'journal')
        self.more(500)
        self.all_here()
        self.close_first()
        self.close_second()
        self.more(500)
        agent.wait_log('sinks.first: cannot deliver')
        agent.wait_log('sinks.second: cannot deliver')
        agent.kill()
        self.second = TcpPeer(self.ports[1])
        agent = self.start(self.path('runnel.toml')).ready()
        self.more(500)
        self.all_here()
        self.stopped_well(agent)


if __name__ == '__main__':
    harness.main()
