"""Goal: the sample configuration of the manual does what it says.
Method: validate it word for word; run it with its paths and ports moved into the test's folder:
to the end, once more with nothing new, and as a user who may not read everything."""
import os
import socket

import harness

SAMPLE = '''\
[agent]
name = "gateway-17"
state_dir = "/var/lib/runnel"
memory_limit = "16MiB"
drain_timeout = "10s"

[sources.applog]
type = "tail"
paths = ["/var/log/*.log"]
start_at = "beginning"
channels = ["main"]

[sources.syslog]
type = "syslog"
listen = ["udp://127.0.0.1:5514", "tcp://127.0.0.1:5514"]
channels = ["main"]

[channels.main]
type = "memory"
capacity = "4MiB"
when_full = "block"

[sinks.archive]
type = "file"
channel = "main"
path = "/data/logs/%Y-%m-%d.log.zst"
encoding = "text"
compression = { codec = "zstd", level = 1 }
batch = { max_bytes = "256KiB", max_events = 10000, linger = "1s" }
roll = { max_bytes = "64MiB", max_age = "1h" }
'''


@harness.on_both_drivers
class Sample(harness.Scenario):

    def moved(self):
        return (SAMPLE.replace('/var/lib/', 'FOLDER/lib/').replace('/var/log/', 'FOLDER/log/')
                .replace('/data/', 'FOLDER/data/').replace(':5514', ':0'))

    def test_validates_word_for_word(self):
        path = self.config(SAMPLE)
        output, errors = self.command('validate', '-c', path, '--driver', self.driver)
        self.assertIn('good', output)
        self.assertEqual(errors, '')
        self.assertFalse(os.path.exists(self.path('data')), 'validate makes nothing')
        output, _ = self.command('validate', '-c', path, '--memory', '--driver', self.driver)
        for part in ('sources.applog', 'sources.syslog', 'channels.main', 'sinks.archive',
                     'coroutine frames', 'ceiling'):
            self.assertIn(part, output)

    def test_once_and_then_nothing_new(self):
        self.write('log/a.log', harness.numbered(0, 20000, b'a'))
        self.write('log/b.log', harness.numbered(0, 500, b'b') + b'b00000500 ' + harness.FILLER)
        self.write('log/c.txt', b'not a log\n')
        agent = self.run_once(self.moved())
        self.assertEqual(agent.received('applog'), 20501)
        lines = self.lines('data/logs/*.log.zst')
        self.assert_sequence([line for line in lines if line[:1] == b'a'], 20000, b'a')
        self.assert_sequence([line for line in lines if line[:1] == b'b'], 501, b'b')
        self.assertEqual(len(lines), 20501)
        self.assertEqual(self.output_files('data/logs/*.tmp'), [])

        again = self.run_once(self.moved())
        self.assertEqual(again.received('applog'), 0)
        self.assertEqual(again.sent('archive'), 0)
        self.assertRegex(again.log, r'summary: 0 events')
        self.assertEqual(len(self.lines('data/logs/*')), 20501)

        self.append('log/a.log', harness.numbered(20000, 10, b'a'))
        third = self.run_once(self.moved())
        self.assertEqual(third.received('applog'), 10)
        lines = self.lines('data/logs/*')
        self.assert_sequence([line for line in lines if line[:1] == b'a'], 20010, b'a')

    def test_both_sources_at_work(self):
        self.write('log/a.log', harness.numbered(0, 100, b'a'))
        agent = self.start(self.moved()).ready()
        with socket.create_connection(('127.0.0.1', agent.port('syslog', 'tcp'))) as stream:
            stream.sendall(b'<13>Nov 22 10:00:00 host app: over a stream\n')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(b'<13>Nov 22 10:00:00 host app: in a datagram',
                             ('127.0.0.1', agent.port('syslog', 'udp')))
        lines = self.wait_lines('data/logs/*', 102)
        self.stopped_well(agent)
        self.assertIn(b'over a stream', lines)
        self.assertIn(b'in a datagram', lines)
        self.assertIn('ring', agent.log)

    @harness.skip_without_root
    def test_a_user_who_may_not_read_everything(self):
        self.write('log/open.log', harness.numbered(0, 100, b'a'))
        secret = self.write('log/secret.log', b'secret\n')
        os.chmod(secret, 0o600)
        for folder in ('lib', 'data'):
            os.chmod(self.make_folder(folder), 0o777)
        os.chmod(self.folder, 0o755)
        agent = self.start(self.moved(), user='nobody', once=True)
        self.assertEqual(agent.wait(), 0, agent.log)
        self.assertEqual(len(agent.log_lines(r'secret\.log')), 1, agent.log)
        self.assertRegex(agent.log, r'secret\.log.*[Pp]ermission|permi.*secret\.log')
        self.assert_sequence(self.lines('data/logs/*'), 100, b'a')


if __name__ == '__main__':
    harness.main()
