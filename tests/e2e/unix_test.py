"""Goal: Unix sockets that the program listens on take what clients send, and their files are handled
with care: also after kill -9, and when two agents want one path.
Method: Python's sockets, logger, and rsyslog (imptcp and omuxsock), which is between two agents."""
import os
import re
import shutil
import socket
import stat
import subprocess
import threading

import harness
from harness import DATA, FILLER, JSON_SINK, OBJECTS, numbered, pipeline
from sending_test import TAIL

def source(kind='tcp', listen='unix:FOLDER/x.sock', more=''):
    return f'type = "{kind}"\nlisten = ["{listen}"]\n{more}\n'


class Base(harness.Scenario):
    __test__ = False

    @property
    def socket_path(self):
        return self.path('x.sock')

    def connect(self, kind=socket.SOCK_STREAM):
        client = socket.socket(socket.AF_UNIX, kind)
        client.connect(self.socket_path)
        return client

    def send(self, content, kind=socket.SOCK_STREAM):
        with self.connect(kind) as client:
            client.sendall(content)

    def mode(self):
        info = os.lstat(self.socket_path)
        self.assertTrue(stat.S_ISSOCK(info.st_mode))
        return stat.S_IMODE(info.st_mode)


@harness.on_both_drivers
class Listening(Base):

    def test_lines(self):
        agent = self.start(pipeline(source(), sink=JSON_SINK)).ready()
        agent.wait_log(rf'sources\.in: listening on unix:{re.escape(self.socket_path)}$')
        self.assertEqual(self.mode(), 0o660)
        self.send(b'one\r\n\ntwo\n' + b'x' * 300_000 + b'\nthe last has no newline')
        self.wait_lines(OBJECTS, 4)
        self.stopped_well(agent)
        events = self.objects(OBJECTS)
        self.assertEqual([each['body'] for each in events],
                         ['one', 'two', 'x' * 65536, 'the last has no newline'])
        self.assertEqual({each['headers']['peer'] for each in events}, {'unix'})
        self.assertFalse(os.path.exists(self.socket_path))
        self.assertEqual(agent.summary()['sources.in']['broken_connections'], 0)

    def test_the_mode_is_what_is_configured_whatever_the_umask(self):
        before = os.umask(0o077)
        try:
            agent = self.start(pipeline(source(more='socket_mode = "0666"'))).ready()
        finally:
            os.umask(before)
        self.assertEqual(self.mode(), 0o666)
        self.stopped_well(agent)

    def test_many_clients_and_much(self):
        count, each = 20, 2000
        agent = self.start(pipeline(source())).ready()
        threads = [threading.Thread(target=self.send, args=(numbered(0, each, b'%d:' % number),))
                   for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lines = self.wait_lines(DATA, count * each)
        self.stopped_well(agent)
        for number in range(count):
            prefix = b'%d:' % number
            self.assert_sequence([line for line in lines if line.startswith(prefix)], each, prefix)

    def test_killed_and_started_again(self):
        for round_number in range(5):
            agent = self.start(pipeline(source())).ready()
            clients = [self.connect() for _ in range(8)]
            for client in clients:
                client.sendall(b'round %d\n' % round_number)
            self.wait_lines(DATA, 8 * (round_number + 1))
            agent.kill()
            self.assertTrue(stat.S_ISSOCK(os.lstat(self.socket_path).st_mode), 'it was left')
            for client in clients:
                client.close()
        agent = self.start(pipeline(source())).ready()
        self.send(b'after all\n')
        harness.wait_until(lambda: b'after all' in self.lines(DATA), 'the last line')
        self.stopped_well(agent)
        self.assertFalse(os.path.exists(self.socket_path))

    def test_two_agents_on_one_path(self):
        for kind, listen in (('tcp', 'unix:FOLDER/x.sock'), ('udp', 'unixgram:FOLDER/x.sock')):
            agent = self.start(pipeline(source(kind, listen))).ready()
            second = self.config(pipeline(source(kind, listen)).replace('/state', '/other-state'),
                                 name='second.toml')
            other = self.start(second)
            self.assertEqual(other.wait(), 69)
            self.assertRegex(other.log, r'cannot listen on unix(gram)?:\S+: another process '
                                        r'listens there; stop it, or choose another path')
            # The first one did not notice, and its file is still there.
            self.send(b'still here\n', socket.SOCK_STREAM if kind == 'tcp' else socket.SOCK_DGRAM)
            harness.wait_until(lambda: b'still here' in self.output(DATA), 'a line')
            self.stopped_well(agent)
            counters = agent.summary()['sources.in']
            self.assertEqual(counters['accepted_connections'], 1 if kind == 'tcp' else 0)
            shutil.rmtree(self.path('out'))

    def test_many_that_start_at_once_at_a_stale_path(self):
        """One gets it, whoever that is, and keeps it."""
        left = socket.socket(socket.AF_UNIX)
        left.bind(self.socket_path)
        left.close()
        agents = []
        for number in range(4):
            text = pipeline(source()).replace('/state', f'/state-{number}')
            agents.append(self.start(self.config(text, name=f'{number}.toml')))
        harness.wait_until(lambda: sum(agent.alive() for agent in agents) == 1, 'one to be left')
        [winner] = [agent for agent in agents if agent.alive()]
        winner.ready()
        self.send(b'hello\n')
        harness.wait_until(lambda: self.lines(DATA) == [b'hello'], 'the line')
        self.stopped_well(winner)

    def test_what_is_there_already_is_not_touched(self):
        for make, reason in ((lambda: self.write('x.sock', 'precious'), 'a file that is no socket'),
                             (lambda: self.make_folder('x.sock'), 'a file that is no socket'),
                             (lambda: os.symlink('nowhere', self.socket_path),
                              'a file that is no socket')):
            make()
            agent = self.start(pipeline(source()))
            self.assertEqual(agent.wait(), 69)
            self.assertIn(reason, agent.log)
            self.assertTrue(os.path.lexists(self.socket_path))
            if os.path.isdir(self.socket_path):
                os.rmdir(self.socket_path)
            else:
                os.unlink(self.socket_path)

    def test_mistakes_are_explained(self):
        for listen, code, words in (
                ('unix:FOLDER/missing/x.sock', 69, 'its folder is not there; make it'),
                ('unix:x.sock', 78, r'"x\.sock" is not an absolute path'),
                ('unix:/run/a\\u0000b', 78, 'has a zero byte in it'),
                ('unix:/run/a\\u0007b', 78, 'has a control character'),
                ('unix:', 78, 'without a path'),
                ('unix:/' + 'p' * 107, 78, 'has 108 bytes; at most 107 are possible'),
                ('FOLDER/x.sock', 78, r'is a path: write "unix:/')):
            agent = self.start(pipeline(source(listen=listen)))
            self.assertEqual(agent.wait(), code, agent.log)
            self.assertRegex(agent.log, words)

    @harness.skip_without_root
    def test_a_folder_of_somebody_else(self):
        os.chmod(self.folder, 0o755)
        os.chmod(self.make_folder('state'), 0o777)
        agent = self.start(pipeline(source(), sink='type = "null"'), user='65534')
        self.assertEqual(agent.wait(), 69, agent.log)
        self.assertIn('this user may not make a file there', agent.log)

    def test_a_stop_leaves_the_file_of_whoever_came_after(self):
        agent = self.start(pipeline(source())).ready()
        os.unlink(self.socket_path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(self.socket_path)
            self.stopped_well(agent)
            self.assertTrue(os.path.exists(self.socket_path))

    def test_a_sender_of_datagrams_that_has_a_name(self):
        """As some clients of /dev/log do, to get an answer; names of all lengths."""
        agent = self.start(pipeline(source('udp', 'unixgram:FOLDER/x.sock'),
                                    sink=JSON_SINK)).ready()
        for name in ('s', 'sender' * 10):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
                client.bind(self.path(name))
                client.sendto(name.encode(), self.socket_path)
        self.wait_lines(OBJECTS, 2)
        self.stopped_well(agent)
        events = self.objects(OBJECTS)
        self.assertEqual([each['body'] for each in events], ['s', 'sender' * 10])
        self.assertEqual({each['headers']['peer'] for each in events}, {'unix'})

    def test_a_full_channel_makes_senders_of_datagrams_wait(self):
        read_end, write_end = os.pipe()
        sink = 'type = "console"\nbatch = { max_bytes = "16KiB", linger = "5ms" }\n'
        agent = self.start(pipeline(source('udp', 'unixgram:FOLDER/x.sock'), sink=sink,
                                    channel='type = "memory"\ncapacity = "128KiB"'),
                           stdout=write_end).ready()
        os.close(write_end)
        count, sent = 20_000, 0
        with self.connect(socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            try:
                while sent < count:
                    client.send(b'%08d ' % sent + FILLER)
                    sent += 1
            except TimeoutError:
                pass
            self.assertLess(sent, count, 'it should have had to wait')
            content = []

            def read_all():
                with os.fdopen(read_end, 'rb') as output:
                    content.append(output.read())

            reader = threading.Thread(target=read_all)
            reader.start()
            client.settimeout(harness.TIMEOUT)
            for number in range(sent, count):
                client.send(b'%08d ' % number + FILLER)
        self.assertEqual(agent.stop(), 0, agent.log)
        reader.join()
        self.assert_sequence(content[0].splitlines(), count)
        self.assertEqual(agent.summary()['sources.in']['kernel_dropped_events'], 0)


@harness.on_both_drivers
class Syslog(Base):

    def start_agent(self, listen):
        self.agent = self.start(pipeline(source('syslog', listen), sink=JSON_SINK)).ready()

    def test_logger_writes_as_to_dev_log(self):
        for listen, option in (('unixgram:FOLDER/x.sock', '--udp'),
                               ('unix:FOLDER/x.sock', '--tcp')):
            self.start_agent(listen)
            count = 200
            lines = self.write('messages', ''.join(f'{number:08} of logger\n'
                                                   for number in range(count)))
            subprocess.run(['logger', '-u', self.socket_path, option, '--socket-errors=on', '-p',
                            'local3.warning', '-t', 'testing', '--id=4711', '-f', lines],
                           check=True, timeout=harness.TIMEOUT)
            self.wait_lines(OBJECTS, count)
            self.stopped_well(self.agent)
            events = self.objects(OBJECTS)
            self.assertEqual([each['body'] for each in events],
                             [f'{number:08} of logger' for number in range(count)])
            for each in events:
                self.assertEqual(each['severity'], 'warning')
                self.assertLessEqual({'facility': 'local3', 'app': 'testing', 'procid': '4711',
                                      'peer': 'unix'}.items(), each['headers'].items())
            shutil.rmtree(self.path('out'))

    def test_syslog_of_the_c_library(self):
        """Python's handler writes what syslog(3) does: a datagram, with a zero at its end."""
        self.start_agent('unixgram:FOLDER/x.sock')
        self.send(b'<28>Nov 22 23:59:00 app[7]: hello\0', socket.SOCK_DGRAM)
        self.wait_lines(OBJECTS, 1)
        self.stopped_well(self.agent)
        [event] = self.objects(OBJECTS)
        self.assertEqual((event['body'], event['severity']), ('hello', 'warning'))
        self.assertEqual((event['headers']['app'], event['headers']['procid']), ('app', '7'))
        self.assertNotIn('host', event['headers'])

    def test_through_rsyslog_and_back(self):
        """Our sink to its imptcp on one socket, its omuxsock to our source on another."""
        rsyslogd = shutil.which('rsyslogd', path='/usr/sbin:/usr/bin')
        if not rsyslogd:
            self.skipTest('rsyslog is not installed')
        self.start_agent('unixgram:FOLDER/x.sock')
        config = self.write('rsyslog.conf', f'''
global(workDirectory="{self.make_folder('rsyslog')}")
module(load="imptcp")
module(load="omuxsock")
input(type="imptcp" path="{self.path('rsyslog.sock')}")
$OMUxSockSocket {self.socket_path}
*.* :omuxsock:;RSYSLOG_SyslogProtocol23Format
''')
        log = open(self.path('rsyslog.log'), 'wb')
        self.addCleanup(log.close)
        self.process(rsyslogd, '-n', '-f', config, '-i', self.path('rsyslog.pid'), stdout=log,
                     stderr=log)
        count = 2000
        self.write('in.log', numbered(0, count))
        sink = ('type = "syslog"\naddress = "unix:FOLDER/rsyslog.sock"\napp_name = "testing"\n'
                'facility = "local3"\nretry = { first = "50ms", longest = "200ms" }\n')
        text = pipeline(TAIL, sink=sink).replace('/state', '/other-state')
        sender = self.start(self.config(text, name='sender.toml')).ready()
        self.wait_lines(OBJECTS, count)
        self.stopped_well(sender)
        self.assertEqual(sender.sent('out'), count)
        self.stopped_well(self.agent)
        # rsyslog says something of itself, too.
        events = [each for each in self.objects(OBJECTS)
                  if each['headers'].get('app') == 'testing']
        self.assert_sequence([each['body'].encode() for each in events], count)
        self.assertEqual({each['headers']['facility'] for each in events}, {'local3'})


if __name__ == '__main__':
    harness.main()
