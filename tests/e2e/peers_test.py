"""Goal: what real senders send is what arrives, and logrotate under tail loses nothing.
Method: logger, rsyslogd and syslog-ng, started by hand on loopback, send numbered messages over UDP
and TCP; logrotate rotates in all its ways. Count and content of what arrived = what was sent."""
import os
import re
import shutil
import subprocess

import harness
import peers
from harness import DATA, JSON_SINK, OBJECTS, numbered, pipeline

SYSLOG = '''
type = "syslog"
listen = ["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]
receive_buffer = "4MiB"
'''
COUNT = 500
# What rsyslog and syslog-ng are told to say of every message.
FROM_SENDER = {'facility': 'local3', 'severity': 'warning', 'app': 'testing',
               'host': 'sender.example'}


def messages():
    return [b'%08d ' % number + harness.FILLER for number in range(COUNT)]


class Receiver(harness.Scenario):
    """An agent that listens for syslog, and what is to be seen of it."""
    __test__ = False

    def setUp(self):
        super().setUp()
        self.agent = self.start(pipeline(SYSLOG, sink=JSON_SINK)).ready()

    def port(self, transport):
        return self.agent.port('in', transport)

    def messages_file(self):
        """For senders that take the messages from a file, a line each."""
        return self.write('messages', b''.join(line + b'\n' for line in messages()))

    def wait_for(self, count, transport):
        """UDP may lose some; then the kernel counted them."""
        if transport == 'tcp':
            self.wait_lines(OBJECTS, count)
        else:
            harness.wait_until(lambda: len(self.lines(OBJECTS)) >= count or self.kernel_drops(),
                               f'{count} datagrams')
        self.stopped_well(self.agent)
        events = self.objects(OBJECTS)
        counters = self.agent.summary()['sources.in']
        self.assertEqual(counters['malformed_events'], 0)
        self.assertEqual(len(events) + counters['kernel_dropped_events'], count)
        if transport == 'tcp':
            self.assertEqual(counters['kernel_dropped_events'], 0)
        return events

    def kernel_drops(self):
        with open('/proc/net/udp') as file:
            port = f':{self.port("udp"):04X}'
            return any(int(line.split()[-1]) for line in file.readlines()[1:]
                       if line.split()[1].endswith(port))

    def check_events(self, transport, **fields):
        """Everything has arrived, and each event has these headers. Returns the events."""
        events = self.wait_for(COUNT, transport)
        bodies = [each['body'].encode() for each in events]
        if transport == 'tcp':
            self.assertEqual(bodies, messages())
        else:
            found = harness.check_sequence(bodies, COUNT)
            self.assertEqual((found.duplicates, found.foreign), (0, []))
        for each in events:
            self.assertEqual(each['severity'], 'warning')
            self.assertLessEqual(fields.items(), each['headers'].items())
        return events


@harness.on_both_drivers
class Logger(Receiver):

    def send(self, transport, *options):
        subprocess.run(['logger', '--server', '127.0.0.1', '--port', str(self.port(transport)),
                        '--' + transport, '-p', 'local3.warning', '-t', 'testing', '--id=4711',
                        *options, '-f', self.messages_file()], check=True, timeout=harness.TIMEOUT)
        events = self.check_events(transport, facility='local3', app='testing', procid='4711')
        for each in events:
            self.assertTrue(each['headers']['host'])
        return events

    def test_udp_rfc3164(self):
        self.send('udp', '--rfc3164')

    def test_udp_rfc5424(self):
        self.send('udp', '--rfc5424')

    def test_tcp_rfc3164(self):
        self.send('tcp', '--rfc3164')

    def test_tcp_rfc5424(self):
        self.send('tcp', '--rfc5424')

    def test_tcp_rfc5424_octet_count(self):
        self.send('tcp', '--rfc5424', '--octet-count')

    def test_structured_data(self):
        events = self.send('tcp', '--rfc5424', '--msgid', 'ID47', '--sd-id', 'zoo@123',
                           '--sd-param', 'tiger="hungry"')
        self.assertEqual({each['headers']['msgid'] for each in events}, {'ID47'})
        for each in events:
            self.assertIn('[zoo@123 tiger="hungry"]', each['headers']['structured_data'])


@harness.on_both_drivers
class Rsyslog(Receiver):

    def send(self, transport, template, options=''):
        rsyslogd = shutil.which('rsyslogd', path='/usr/sbin:/usr/bin')
        if not rsyslogd:
            self.skipTest('rsyslog is not installed')
        source = self.messages_file()
        work = self.make_folder('rsyslog')
        config = self.write('rsyslog.conf', f'''
global(workDirectory="{work}" localHostname="sender.example")
module(load="imfile" mode="inotify")
input(type="imfile" file="{source}" tag="testing:" facility="local3" severity="warning")
action(type="omfwd" target="127.0.0.1" port="{self.port(transport)}" protocol="{transport}"
       template="{template}" {options})
''')
        self.process(rsyslogd, '-n', '-f', config, '-i', self.path('rsyslog.pid'),
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for each in self.check_events(transport, **FROM_SENDER):
            self.assertIn('timestamp', each['headers'])

    def test_udp_traditional(self):
        self.send('udp', 'RSYSLOG_TraditionalForwardFormat')

    def test_udp_rfc5424(self):
        self.send('udp', 'RSYSLOG_SyslogProtocol23Format')

    def test_tcp_traditional(self):
        self.send('tcp', 'RSYSLOG_TraditionalForwardFormat')

    def test_tcp_with_iso_time(self):
        self.send('tcp', 'RSYSLOG_ForwardFormat')

    def test_tcp_rfc5424_octet_counted(self):
        self.send('tcp', 'RSYSLOG_SyslogProtocol23Format', 'TCP_Framing="octet-counted"')


@harness.on_both_drivers
class SyslogNg(Receiver):

    def send(self, transport, destination):
        peer = peers.syslog_ng()
        if isinstance(peer, str):
            self.skipTest(f'syslog-ng: {peer}')
        command, environment = peer
        config = self.write('syslog-ng.conf', f'''@version: 3.35
options {{ keep-hostname(yes); use-dns(no); stats-freq(0); time-reopen(1); }};
source s_file {{ file("{self.messages_file()}" flags(no-parse) default-facility(local3)
                      default-priority(warning) program-override("testing")
                      host-override("sender.example") follow-freq(0.1)); }};
destination d_runnel {{ {destination}; }};
log {{ source(s_file); destination(d_runnel); }};
''')
        self.process(*command, '-F', '--no-caps', '-f', config,
                     '--persist-file=' + self.path('persist'), '--pidfile=' + self.path('pid'),
                     '--control=' + self.path('control'),
                     env={**os.environ, **environment},
                     stdout=subprocess.DEVNULL, stderr=open(self.path('syslog-ng.log'), 'wb'))
        self.check_events(transport, **FROM_SENDER)

    def test_udp_rfc3164(self):
        self.send('udp', f'network("127.0.0.1" transport("udp") port({self.port("udp")}))')

    def test_tcp_rfc3164(self):
        self.send('tcp', f'network("127.0.0.1" transport("tcp") port({self.port("tcp")}))')

    def test_tcp_rfc5424(self):
        self.send('tcp', f'syslog("127.0.0.1" transport("tcp") port({self.port("tcp")}))')

    def test_udp_rfc5424(self):
        self.send('udp', f'syslog("127.0.0.1" transport("udp") port({self.port("udp")}))')


@harness.on_both_drivers
class Logrotate(harness.Scenario):
    TAIL = '''
type = "tail"
paths = ["FOLDER/log/*.log"]
poll_interval = "50ms"
'''

    def setUp(self):
        super().setUp()
        self.logrotate = shutil.which('logrotate', path='/usr/sbin:/usr/bin')
        if not self.logrotate:
            self.skipTest('logrotate is not installed')
        self.make_folder('log')
        self.count = 0

    def rotate(self, directives):
        config = self.write('logrotate.conf', f'{self.path("log")}/*.log {{\n'
                            f'rotate 100\nmissingok\n{directives}\n}}\n')
        os.chmod(config, 0o644)
        done = subprocess.run([self.logrotate, '--force', '--state', self.path('state-of-rotation'),
                               config], capture_output=True, text=True, timeout=harness.TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)

    def grow(self, count=200):
        self.append('log/app.log', numbered(self.count, count))
        self.count += count

    def run_under(self, directives, wait_before):
        self.grow()
        agent = self.start(pipeline(self.TAIL)).ready()
        self.wait_lines(DATA, self.count)
        for _ in range(6):
            self.grow()
            if wait_before:
                self.wait_lines(DATA, self.count)
            self.rotate(directives)
            self.grow()
            self.wait_lines(DATA, self.count)
        self.stopped_well(agent)
        names = sorted(os.listdir(self.path('log')))
        self.assertGreater(len(names), 6, names)
        found = harness.check_sequence(self.lines(DATA), self.count)
        self.assertEqual((found.lost, found.duplicates, found.foreign), ([], 0, []))
        return names

    def test_create(self):
        self.run_under('create', wait_before=False)

    def test_create_and_compress(self):
        names = self.run_under('create\ncompress', wait_before=False)
        self.assertTrue(any(re.search(r'\.gz$', name) for name in names), names)

    def test_create_and_compress_later(self):
        self.run_under('create\ncompress\ndelaycompress', wait_before=False)

    def test_copytruncate(self):
        # What a copytruncate cuts off unread is gone for every reader: so it waits for the reader.
        self.run_under('copytruncate', wait_before=True)

    def test_copytruncate_and_compress(self):
        self.run_under('copytruncate\ncompress', wait_before=True)


if __name__ == '__main__':
    harness.main()
