"""Goal: what sinks send over a link together is never faster than its rate, and who has priority
goes first, over real connections.
Method: receivers that note when bytes arrived; the guarded program, so that no step of it allocates.
Only upper bounds are checked: a machine that is slow passes."""
import time
import urllib.request

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

CAPPED = '''
[agent]
state_dir = "FOLDER/state"
listen = "127.0.0.1:{status}"
[links.modem]
monthly_cap = "20kB"
{more}
[sources.log]
type = "tail"
channels = ["main"]
paths = ["FOLDER/in.log"]
poll_interval = "50ms"
[channels.main]
type = "journal"
path = "FOLDER/journal"
size = "4MiB"
[sinks.out]
type = "tcp"
channel = "main"
address = "127.0.0.1:{peer}"
batch = {{ max_bytes = "4KiB", linger = "10ms" }}
link = "modem"
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

    def test_monthly_cap(self):
        """What the month may carry goes out and no more, over a restart too; then it is only told."""
        peer = TcpPeer()
        self.addCleanup(peer.close)
        status = harness.free_port()
        config = CAPPED.format(peer=peer.port, more='', status=status)
        agent = self.start(config).ready()
        content = numbered(0, 5000)
        part = content[:17_000].rfind(b'\n') + 1
        self.append('in.log', content[:part])
        agent.wait_log(r'links\.modem: .* went out this month, 8\d % of the monthly_cap')
        self.append('in.log', content[part:])
        agent.wait_log(r'sinks\.out: its link has carried what it may in a month')
        agent.wait_log(r'links\.modem: .* is used up; events wait')
        carried = len(peer.received)
        self.assertGreaterEqual(carried, 20_000)
        self.assertLess(carried, 20_000 + 5_000)  # the batch that was under way
        with urllib.request.urlopen(f'http://127.0.0.1:{status}/metrics', timeout=10) as page:
            metrics = page.read().decode()
        self.assertIn(f'runnel_link_month_bytes{{link="links.modem"}} {carried}\n', metrics)
        self.assertIn('runnel_link_monthly_cap_bytes{link="links.modem"} 20000\n', metrics)
        self.stopped_well(agent)
        with open(self.path('state/link-modem')) as file:
            self.assertRegex(file.read(), rf'^runnel link 1\nmonth \d+\nbytes {carried}\nsum')

        agent = self.start(config).ready()
        agent.wait_log(r'sinks\.out: its link has carried what it may in a month')
        self.assertEqual(len(peer.received), carried)
        agent.kill()
        self.append('state/link-modem', b'?')
        agent = self.start(CAPPED.format(
            peer=peer.port, more='at_cap = "warn"', status=status)).ready()
        harness.wait_until(lambda: len(peer.received) >= len(content), 'all of it')
        self.assertRegex(agent.log, r'links\.modem: \S+/link-modem is damaged: what this month has '
                                    'carried is counted anew')
        self.stopped_well(agent)
        self.assertEqual(peer.received, content)


if __name__ == '__main__':
    harness.main()
