"""Goal: what sinks send over a link together is never faster than its rate, and who has priority
goes first, over real connections.
Method: receivers that note when bytes arrived; the guarded program, so that no step of it allocates.
Only upper bounds are checked: a machine that is slow passes."""
import time

import harness
from harness import numbered
from receivers import TcpPeer

RATE = 20_000

CONFIG = '''
[agent]
state_dir = "FOLDER/state"
[links.modem]
max_rate = "{rate}B"
[sources.bulk]
type = "tail"
channels = ["bulk"]
paths = ["FOLDER/bulk.log"]
poll_interval = "50ms"
[sources.alarms]
type = "tail"
channels = ["alarms"]
paths = ["FOLDER/alarms.log"]
poll_interval = "50ms"
[channels.bulk]
type = "memory"
[channels.alarms]
type = "memory"
[sinks.bulk]
type = "tcp"
channel = "bulk"
address = "127.0.0.1:{bulk}"
batch.linger = "10ms"
link = "modem"
[sinks.alarms]
type = "tcp"
channel = "alarms"
address = "127.0.0.1:{alarms}"
batch.linger = "10ms"
link = "modem"
priority = 9
'''


@harness.on_both_drivers
class Links(harness.Scenario):

    def test_rate_and_priority(self):
        bulk, alarms = TcpPeer(), TcpPeer()
        self.addCleanup(bulk.close)
        self.addCleanup(alarms.close)
        agent = self.start(CONFIG.format(rate=RATE, bulk=bulk.port, alarms=alarms.port)).ready()
        begun = time.monotonic()
        content = numbered(0, 1000)
        self.append('bulk.log', content)
        harness.wait_until(lambda: bulk.received, 'the first piece')
        self.append('alarms.log', b'fire\n')
        harness.wait_until(lambda: alarms.received == b'fire\n', 'the alarm')
        at_alarm = len(bulk.received)
        # The batch under way is far from its end when the alarm is there.
        self.assertLess(at_alarm, len(content))
        harness.wait_until(lambda: len(bulk.received) == len(content), 'all of it')
        took = time.monotonic() - begun
        self.assertEqual(bulk.received, content)
        # At once: one second's worth, and the piece behind it.
        self.assertGreaterEqual(took, (len(content) - 1.1 * RATE) / RATE)
        self.stopped_well(agent)


if __name__ == '__main__':
    harness.main()
