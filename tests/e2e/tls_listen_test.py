"""Goal: clients that others wrote send over TLS, and what they send arrives; who comes to no TLS is
told of and keeps nobody else. Method: Python's ssl, openssl s_client, rsyslog (RFC 5425) and
Runnel's own sink against tls:// addresses; plain text, wrong authorities, half a handshake, full
slots."""
import glob
import os
import shutil
import signal
import ssl
import subprocess
import threading
import unittest

import certificates
import harness
from clients import connect
from harness import DATA, JSON_SINK, OBJECTS, numbered, pipeline
from sending_test import TAIL

TLS = '''
tls = { certificate_file = "FOLDER/ec_server.pem", key_file = "FOLDER/ec_leaf_key.pem"MORE }
'''
CA = ', ca_file = "FOLDER/ec_root.pem"'


def listening(kind, more='', listen='"tls://127.0.0.1:0"'):
    return f'type = "{kind}"\nlisten = [{listen}]\n' + TLS.replace('MORE', more)


@harness.on_both_drivers
class TlsListen(harness.Scenario):

    def setUp(self):
        super().setUp()
        certificates.write(self.folder, 'ec_root', 'ec_other', 'ec_server', 'ec_client',
                           'ec_leaf_key', 'rsa_client', 'rsa_leaf_key')

    def client_context(self, certificate=None, key='ec_leaf_key'):
        context = ssl.create_default_context(cafile=self.path('ec_root.pem'))
        if certificate:
            context.load_cert_chain(self.path(certificate + '.pem'), self.path(key + '.pem'))
        return context

    def secure(self, port, context=None):
        """A connection that has shaken hands."""
        return (context or self.client_context()).wrap_socket(connect(port),
                                                              server_hostname='server.test')

    def deliver(self, port, content, context=None):
        with self.secure(port, context) as client:
            client.sendall(content)
            client.unwrap().close()

    def port(self, agent, nth=1):
        return agent.port('in', 'tls', nth)

    def test_many_clients_at_once(self):
        count, each = 24, 3000
        agent = self.start(pipeline(listening('tcp'))).ready()
        port = self.port(agent)
        contents = [numbered(0, each, b'%d:' % number) for number in range(count)]
        senders = [threading.Thread(target=self.deliver, args=(port, content))
                   for content in contents]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        lines = self.wait_lines(DATA, count * each)
        self.stopped_well(agent)
        for number in range(count):
            prefix = b'%d:' % number
            self.assert_sequence([line for line in lines if line.startswith(prefix)], each, prefix)
        counters = agent.summary()['sources.in']
        self.assertEqual(counters['accepted_connections'], count)
        self.assertEqual(counters['failed_handshakes'] + counters['broken_connections'], 0)

    @harness.skip_without('/usr/bin/openssl')
    def test_openssl(self):
        agent = self.start(pipeline(listening('tcp', CA), sink=JSON_SINK)).ready()
        source = self.write('lines', numbered(0, 5000))
        with open(source, 'rb') as lines:
            done = subprocess.run(
                ['/usr/bin/openssl', 's_client', '-connect', f'127.0.0.1:{self.port(agent)}',
                 '-CAfile', self.path('ec_root.pem'), '-verify_return_error',
                 '-verify_hostname', 'server.test', '-cert', self.path('ec_client.pem'),
                 '-key', self.path('ec_leaf_key.pem'), '-quiet', '-no_ign_eof'],
                stdin=lines, capture_output=True, timeout=harness.TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_lines(OBJECTS, 5000)
        self.stopped_well(agent)
        events = self.objects(OBJECTS)
        self.assert_sequence([each['body'].encode() for each in events], 5000)
        self.assertEqual({each['headers']['tls_peer'] for each in events}, {'client.test'})

    def rsyslog(self, port, name, messages):
        """Sends a line each over TLS with octet counting; shows a certificate."""
        rsyslogd = shutil.which('rsyslogd', path='/usr/sbin:/usr/bin')
        source = self.write(name + '.messages', messages)
        work = self.make_folder(name)
        config = self.write(name + '.conf', f'''
global(workDirectory="{work}" localHostname="{name}.example"
       defaultNetstreamDriver="ossl"
       defaultNetstreamDriverCAFile="{self.path('ec_root.pem')}"
       defaultNetstreamDriverCertFile="{self.path('ec_client.pem')}"
       defaultNetstreamDriverKeyFile="{self.path('ec_leaf_key.pem')}")
module(load="imfile" mode="inotify")
input(type="imfile" file="{source}" tag="testing:" facility="local3" severity="warning")
action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" tcp_framing="octet-counted"
       template="RSYSLOG_SyslogProtocol23Format" streamDriver="ossl" streamDriverMode="1"
       streamDriverAuthMode="x509/name" streamDriverPermittedPeers="server.test")
''')
        self.process(rsyslogd, '-n', '-f', config, '-i', self.path(name + '.pid'),
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @unittest.skipUnless(glob.glob('/usr/lib/*/rsyslog/lmnsd_ossl.so'), 'needs rsyslog-openssl')
    def test_rsyslog(self):
        agent = self.start(pipeline(listening('syslog', CA), sink=JSON_SINK)).ready()
        for name in ('one', 'two'):
            self.rsyslog(self.port(agent), name, numbered(0, 2000))
        self.wait_lines(OBJECTS, 4000)
        self.stopped_well(agent)
        events = self.objects(OBJECTS)
        for name in ('one.example', 'two.example'):
            mine = [each for each in events if each['headers']['host'] == name]
            self.assert_sequence([each['body'].encode() for each in mine], 2000)
            expected = {'facility': 'local3', 'app': 'testing', 'tls_peer': 'client.test',
                        'peer': '127.0.0.1'}
            for each in mine:
                self.assertLessEqual(expected.items(), each['headers'].items())
        self.assertEqual(agent.summary()['sources.in']['malformed_events'], 0)

    def test_runnel_to_runnel(self):
        receiver = self.start(pipeline(listening('tcp', CA))).ready()
        sink = f'''
type = "tcp"
address = "tls://127.0.0.1:{self.port(receiver)}"
batch = {{ linger = "20ms" }}

[sinks.out.tls]
server_name = "server.test"
ca_file = "{self.folder}/ec_root.pem"
certificate_file = "{self.folder}/ec_client.pem"
key_file = "{self.folder}/ec_leaf_key.pem"
'''
        self.append('in.log', numbered(0, 20_000))
        sender = pipeline(TAIL, sink=sink).replace('FOLDER/state', 'FOLDER/sending')
        sender = self.start(self.config(sender, 'sending.toml')).ready()
        self.wait_lines(DATA, 20_000)
        self.stopped_well(sender)
        self.stopped_well(receiver)
        self.assert_sequence(self.lines(DATA), 20_000)
        self.assertEqual(receiver.summary()['sources.in']['broken_connections'], 0)

    def test_what_is_no_tls_is_closed_and_told_of(self):
        agent = self.start(pipeline(listening('tcp', ', handshake_timeout = "300ms"'))).ready()
        port = self.port(agent)
        with self.secure(port) as good:
            good.sendall(b'before\n')
            for content in (b'<13>1 - - - - - - plain text\n',
                            b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', b''):
                with connect(port) as bad:
                    bad.sendall(content)
                    while bad.recv(100):
                        pass
            good.sendall(b'after\n')
            good.unwrap().close()
        self.wait_lines(DATA, 2)
        self.stopped_well(agent)
        self.assertEqual(self.lines(DATA), [b'before', b'after'])
        counters = agent.summary()['sources.in']
        self.assertEqual((counters['failed_handshakes'], counters['broken_connections']), (3, 0))
        # The others come within ten seconds.
        complaints = agent.log_lines(r'WARN .*TLS handshake: what the peer sends is no hello')
        self.assertEqual(len(complaints), 1)

    def test_certificates_of_clients(self):
        agent = self.start(pipeline(listening('tcp', CA), sink=JSON_SINK)).ready()
        port = self.port(agent)
        for context in (self.client_context(), self.client_context('rsa_client', 'rsa_leaf_key')):
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                with self.secure(port, context) as client:
                    client.sendall(b'stranger\n')
                    client.recv(1)
        self.deliver(port, b'welcome\n', self.client_context('ec_client'))
        self.wait_lines(OBJECTS, 1)
        self.stopped_well(agent)
        self.assertEqual([each['body'] for each in self.objects(OBJECTS)], ['welcome'])
        self.assertEqual(agent.summary()['sources.in']['failed_handshakes'], 2)

    def test_clients_that_do_not_believe_us(self):
        agent = self.start(pipeline(listening('tcp'))).ready()
        context = ssl.create_default_context(cafile=self.path('ec_other.pem'))
        with self.assertRaises(ssl.SSLError):
            self.secure(self.port(agent), context)
        # Its reset may overtake its alert.
        agent.wait_log(r'during its TLS handshake: the peer '
                       r'(refuses: unknown authority|ended the connection)')
        self.stopped_well(agent)

    def test_the_limit_makes_the_others_wait(self):
        agent = self.start(pipeline(listening('tcp', ', connections_max = 2'))).ready()
        port = self.port(agent)
        first = [self.secure(port) for _ in range(2)]
        later = connect(port)
        agent.wait_log(r'all 2 connections \(tls\.connections_max\) are in use')
        for client in first:
            client.sendall(b'first\n')
        self.wait_lines(DATA, 2)
        first[0].unwrap().close()
        with self.client_context().wrap_socket(later, server_hostname='server.test') as client:
            client.sendall(b'later\n')
            self.wait_lines(DATA, 3)
        first[1].close()
        self.stopped_well(agent)
        self.assertEqual(agent.summary()['sources.in']['broken_connections'], 2)

    def test_plain_and_secure_of_one_source(self):
        agent = self.start(pipeline(listening(
            'tcp', listen='"tcp://127.0.0.1:0", "tls://127.0.0.1:0"'))).ready()
        with connect(agent.port('in')) as client:
            client.sendall(numbered(0, 1000))
        self.wait_lines(DATA, 1000)
        self.deliver(self.port(agent), numbered(1000, 1000))
        self.wait_lines(DATA, 2000)
        self.stopped_well(agent)
        self.assert_sequence(self.lines(DATA), 2000)

    def test_a_session_is_taken_up_again(self):
        agent = self.start(pipeline(listening('tcp', CA), sink=JSON_SINK)).ready()
        context = self.client_context('ec_client')
        with self.secure(self.port(agent), context) as first:
            first.sendall(b'first\n')
            session = first.session
            first.unwrap().close()
        with context.wrap_socket(connect(self.port(agent)), server_hostname='server.test',
                                 session=session) as second:
            self.assertTrue(second.session_reused)
            second.sendall(b'second\n')
            second.unwrap().close()
        self.wait_lines(OBJECTS, 2)
        self.stopped_well(agent)
        self.assertEqual([each['headers']['tls_peer'] for each in self.objects(OBJECTS)],
                         ['client.test'] * 2)

    def test_stop_reads_what_has_arrived_and_says_goodbye(self):
        agent = self.start(pipeline(listening('tcp'))).ready()
        with self.secure(self.port(agent)) as client, connect(self.port(agent)):
            client.sendall(numbered(0, 1))
            self.wait_lines(DATA, 1)
            agent.send_signal(signal.SIGSTOP)
            client.sendall(numbered(1, 1000))
            agent.send_signal(signal.SIGTERM)
            agent.send_signal(signal.SIGCONT)
            self.assertEqual(client.recv(1), b'', 'close_notify')
            self.assertEqual(agent.wait(), 0, agent.log)
        self.assert_sequence(self.lines(DATA), 1001)

    def test_a_full_channel_stops_reading(self):
        read_end, write_end = os.pipe()
        console = 'type = "console"\nbatch = { max_bytes = "16KiB", linger = "5ms" }'
        agent = self.start(pipeline(listening('tcp') + 'event_bytes_max = "4KiB"', sink=console,
                                    channel='type = "memory"\ncapacity = "128KiB"',
                                    agent='drain_timeout = "60s"'), stdout=write_end).ready()
        os.close(write_end)
        with self.secure(self.port(agent)) as client:
            client.settimeout(0.5)
            content, sent = numbered(0, 400_000), 0
            with self.assertRaises(TimeoutError):  # it has stopped reading
                while sent < len(content):
                    sent += client.send(content[sent:sent + 8192])
            self.assertTrue(agent.alive())
            received = []

            def read_all():
                with os.fdopen(read_end, 'rb') as output:
                    received.append(output.read())

            reader = threading.Thread(target=read_all)
            reader.start()
            client.settimeout(harness.TIMEOUT)
            # What a send has not said it took must be given to it again.
            while sent < len(content):
                sent += client.send(content[sent:sent + 8192])
            client.unwrap().close()
        self.assertEqual(agent.stop(), 0, agent.log)
        reader.join()
        self.assert_sequence(received[0].splitlines(), 400_000)
        self.assertEqual(agent.summary()['sources.in']['broken_connections'], 0)

    def test_the_plan_shows_what_the_clients_take(self):
        config = self.config(pipeline(listening('tcp', ', connections_max = 20')))
        output, _ = self.command('validate', '-c', config, '--memory')
        self.assertRegex(output, r'TLS: sessions +1\.0 MiB')

    def test_mistakes(self):
        cases = (('listen = ["tls://127.0.0.1:0"]', r'a TLS server needs a certificate'),
                 ('listen = ["127.0.0.1:0"]\n' + TLS.replace('MORE', ''),
                  r'nothing in listen begins with tls://'),
                 ('listen = ["tls://127.0.0.1:5170", "127.0.0.1:5170"]\n' + TLS.replace('MORE', ''),
                  r'has tls://127.0.0.1:5170 and tcp://127.0.0.1:5170'))
        for text, said in cases:
            config = self.config(pipeline('type = "tcp"\n' + text))
            _, errors = self.command('validate', '-c', config, expect=78)
            self.assertRegex(errors, said)
        missing = listening('tcp').replace('ec_server', 'nowhere')
        agent = self.start(pipeline(missing))
        self.assertNotEqual(agent.wait(), 0)
        self.assertRegex(agent.log, r'sources\.in: \S+/nowhere\.pem: no such file')


if __name__ == '__main__':
    harness.main()
