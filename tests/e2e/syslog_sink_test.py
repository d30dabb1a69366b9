"""Goal: what the syslog sink sends is what rsyslog and syslog-ng understand, field by field, over UDP,
TCP and TLS; a receiver that ends in the middle costs at most what was under way to it.
Method: both daemons, started by hand on loopback, write what they parsed as JSON; a syslog source in
front of the sink, or a file that is tailed. What they wrote is compared with what was sent. They are
ended by SIGTERM and started again."""
import json
import os
import re
import shutil
import signal
import subprocess

import certificates
import harness
import peers
from clients import send_all
from harness import numbered, pipeline

SYSLOG = '''
type = "syslog"
listen = ["tcp://127.0.0.1:0"]
'''
TAIL = '''
type = "tail"
paths = ["FOLDER/in.log"]
poll_interval = "20ms"
'''
RETRY = '''
batch = { max_events = 200, linger = "20ms" }
retry = { first = "20ms", longest = "200ms" }
'''
FACILITIES = ('kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock '
              'local0 local1 local2 local3 local4 local5 local6 local7').split()
COUNT = 480


def sent(number):
    """The fields of a message. What stands in its structured data has all that must be escaped."""
    return {'facility': number % 24, 'severity': number % 8,
            'time': f'2026-11-22T23:59:{number % 60:02}.{number:06}',
            'host': f'host{number}.example', 'app': f'app{number % 7}', 'procid': str(number),
            'msgid': f'ID{number % 5}',
            'sd': f'[origin@32473 n="{number}" text="a\\]b\\"c\\\\d"]' if number % 3 else '',
            'body': f'{number:08} \u00e4 "quoted" [brackets] <1> % {{}} \\ end'}


def message(fields):
    head = '<{0}>1 {time}Z {host} {app} {procid} {msgid} {1} {body}'
    return head.format(fields['facility'] * 8 + fields['severity'], fields['sd'] or '-',
                       **fields).encode()


class Daemon:
    """A receiver that writes what it has understood into `output`, a JSON object a line."""

    def __init__(self, scenario, transport, port):
        self.scenario, self.transport, self.port = scenario, transport, port
        self.output = scenario.path('received.json')
        self.log = open(scenario.path('daemon.log'), 'ab')
        scenario.addCleanup(self.log.close)
        self.start()

    def start(self):
        command, environment = self.command()
        self.process = self.scenario.process(*command, env={**os.environ, **environment},
                                             stdout=self.log, stderr=self.log)
        harness.wait_until(self.listens, 'the receiver to listen')

    def listens(self):
        if self.process.poll() is not None:
            with open(self.scenario.path('daemon.log'), errors='replace') as log:
                raise AssertionError(f'the receiver ended: {log.read()[-2000:]}')
        kind, listening = ('udp', '07') if self.transport == 'udp' else ('tcp', '0A')
        with open(f'/proc/net/{kind}') as file:
            return any(line.split()[1].endswith(f':{self.port:04X}') and
                       line.split()[3] == listening for line in file.readlines()[1:])

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(harness.TIMEOUT)

    def messages(self):
        """What is there of whole lines."""
        try:
            with open(self.output, 'rb') as file:
                lines = file.read().split(b'\n')[:-1]
        except FileNotFoundError:
            return []
        return [json.loads(line.decode('utf-8', 'surrogateescape')) for line in lines]


class Rsyslog(Daemon):
    """The input is named by the transport: udp, imtcp, imptcp, tls."""
    INPUTS = {'udp': ('module(load="imudp")', 'imudp', 'rcvbufSize="4m"'),
              'imtcp': ('module(load="imtcp")', 'imtcp', ''),
              'imptcp': ('module(load="imptcp")', 'imptcp', ''),
              'tls': ('module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" '
                      'streamDriver.authMode="x509/certvalid")', 'imtcp', '')}

    def command(self):
        program = shutil.which('rsyslogd', path='/usr/sbin:/usr/bin')
        if not program:
            self.scenario.skipTest('rsyslog is not installed')
        if self.transport == 'tls' and not peers.is_installed('rsyslog-openssl'):
            self.scenario.skipTest('rsyslog-openssl is not installed')
        folder = self.scenario.folder
        module, kind, more = self.INPUTS[self.transport]
        tls = (f'defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{folder}/ec_root.pem" '
               f'defaultNetstreamDriverCertFile="{folder}/ec_server.pem" '
               f'defaultNetstreamDriverKeyFile="{folder}/ec_leaf_key.pem"')
        fields = ''.join(f'property(outname="{name}" name="{of}" format="jsonf" {options})'
                         'constant(value=", ")' for name, of, options in (
                             ('facility', 'syslogfacility', ''),
                             ('severity', 'syslogseverity', ''),
                             ('time', 'timereported', 'dateFormat="rfc3339"'),
                             ('host', 'hostname', ''), ('app', 'app-name', ''),
                             ('procid', 'procid', ''), ('msgid', 'msgid', ''),
                             ('sd', 'structured-data', '')))
        config = self.scenario.write('rsyslog.conf', f'''
global(workDirectory="{self.scenario.make_folder('work')}" net.enableDNS="off" maxMessageSize="64k"
       parser.escapeControlCharactersOnReceive="off" {tls if self.transport == 'tls' else ''})
{module}
template(name="fields" type="list") {{
  constant(value="{{") {fields} property(outname="body" name="msg" format="jsonf")
  constant(value="}}\\n") }}
input(type="{kind}" address="127.0.0.1" port="{self.port}" {more} ruleset="all")
ruleset(name="all") {{ action(type="omfile" file="{self.output}" template="fields") }}
''')
        return [program, '-n', '-f', config, '-i', self.scenario.path('rsyslog.pid')], {}

    def messages(self):
        return [{**each, 'facility': int(each['facility']), 'severity': int(each['severity']),
                 'sd': '' if each['sd'] == '-' else each['sd'],
                 'time': re.sub(r'(\+00:00|Z)$', '', each['time'])}
                for each in super().messages()]


class SyslogNg(Daemon):

    def command(self):
        peer = peers.syslog_ng()
        if isinstance(peer, str):
            self.scenario.skipTest(f'syslog-ng: {peer}')
        command, environment = peer
        folder = self.scenario.folder
        os.makedirs(f'{folder}/authorities', exist_ok=True)
        tls = (f'tls(key-file("{folder}/ec_leaf_key.pem") cert-file("{folder}/ec_server.pem") '
               f'ca-dir("{folder}/authorities") peer-verify(optional-untrusted))')
        fields = ' '.join(f'{name}="${{{macro}}}"' for name, macro in (
            ('facility', 'FACILITY_NUM'), ('severity', 'LEVEL_NUM'), ('time', 'ISODATE'),
            ('host', 'HOST'), ('app', 'PROGRAM'), ('procid', 'PID'), ('msgid', 'MSGID'),
            ('sd', 'SDATA'), ('body', 'MESSAGE')))
        config = self.scenario.write('syslog-ng.conf', f'''@version: 3.38
options {{ keep-hostname(yes); use-dns(no); stats-freq(0); frac-digits(6); time-zone("UTC"); }};
source s_in {{ syslog(ip("127.0.0.1") port({self.port}) transport("{self.transport}")
  {tls if self.transport == 'tls' else ''}
  {'so-rcvbuf(4194304)' if self.transport == 'udp' else ''}); }};
destination d_out {{ file("{self.output}" template("$(format-json --scope none {fields})\\n")); }};
log {{ source(s_in); destination(d_out); }};
'''.replace('"${', '\\"${').replace('}"', '}\\"'))
        return [*command, '-F', '--no-caps', '-f', config,
                '--persist-file=' + self.scenario.path('persist'),
                '--pidfile=' + self.scenario.path('pid'),
                '--control=' + self.scenario.path('control')], environment

    def messages(self):
        return [{**each, 'facility': int(each['facility']), 'severity': int(each['severity']),
                 'time': re.sub(r'(\+00:00|Z)$', '', each['time'])}
                for each in super().messages()]


class Receiving(harness.Scenario):
    __test__ = False

    def setUp(self):
        super().setUp()
        certificates.write(self.folder, 'ec_root', 'ec_server', 'ec_client', 'ec_leaf_key')

    def sink(self, scheme, port, more=''):
        text = f'type = "syslog"\naddress = "{scheme}://127.0.0.1:{port}"\n{RETRY}{more}\n'
        if scheme == 'tls':
            text += ('tls = { server_name = "server.test", ca_file = "FOLDER/ec_root.pem", '
                     'certificate_file = "FOLDER/ec_client.pem", '
                     'key_file = "FOLDER/ec_leaf_key.pem" }\n')
        return text

    def check_fields(self, kind, transport, scheme, more=''):
        """What came as syslog goes as it came."""
        daemon = kind(self, transport, harness.free_port())
        agent = self.start(pipeline(SYSLOG, sink=self.sink(
            scheme, daemon.port, 'structured_data = false\n' + more))).ready()
        expected = [sent(number) for number in range(COUNT)]
        send_all(agent.port('in'), b''.join(b'%d %s' % (len(each), each)
                                            for each in map(message, expected)))
        harness.wait_until(lambda: len(daemon.messages()) >= COUNT, 'all messages')
        self.stopped_well(agent)
        daemon.end()
        received = sorted(daemon.messages(), key=lambda each: each['body'])
        self.assertEqual(len(received), COUNT)
        for got, wanted in zip(received, expected):
            self.assertEqual(got, wanted)
        self.assertEqual(agent.summary()['sinks.out']['sent_events'], COUNT)

    def bodies(self, daemon):
        return [each['body'].encode('utf-8', 'surrogateescape') for each in daemon.messages()]

    def check_restarts(self, kind, transport, scheme):
        """What was under way when the receiver ended may be lost (the peer's kernel had it, its
        program had not) or come twice; nothing else is."""
        daemon = kind(self, transport, harness.free_port())
        self.append('in.log', b'')
        agent = self.start(pipeline(TAIL, sink=self.sink(scheme, daemon.port))).ready()
        count, under_way = 0, set()  # the latter: numbers that the receiver had not written

        def append(more):
            nonlocal count
            self.append('in.log', numbered(count, more))
            count += more

        def wait_for(first):
            wanted = set(range(first, count))
            harness.wait_until(lambda: wanted <= set(harness.numbers_of(self.bodies(daemon))),
                               f'messages {first} to {count}')

        for _ in range(4):
            first = count
            append(400)
            wait_for(first)
            size = os.path.getsize(daemon.output)
            append(8000)
            harness.wait_until(lambda: os.path.getsize(daemon.output) > size, 'some of them')
            under_way |= set(range(count)) - set(harness.numbers_of(self.bodies(daemon)))
            daemon.end()
            first = count
            append(400)
            daemon.start()
            wait_for(first)
        self.stopped_well(agent)
        daemon.end()
        numbers = list(harness.numbers_of(self.bodies(daemon)))
        lost = set(range(count)) - set(numbers)
        print(f'{len(lost)} of {len(under_way)} that were under way are lost, '
              f'{len(numbers) - len(set(numbers))} came twice', flush=True)
        self.assertLessEqual(lost, under_way)
        self.assertGreater(agent.summary()['sinks.out']['connections'], 4)


@harness.on_both_drivers
class ToRsyslog(Receiving):

    def test_udp(self):
        self.check_fields(Rsyslog, 'udp', 'udp')

    def test_imtcp(self):
        self.check_fields(Rsyslog, 'imtcp', 'tcp')

    def test_imptcp(self):
        self.check_fields(Rsyslog, 'imptcp', 'tcp')

    def test_imtcp_with_newlines(self):
        self.check_fields(Rsyslog, 'imtcp', 'tcp', 'framing = "newline"')

    def test_tls_with_certificates_of_both(self):
        self.check_fields(Rsyslog, 'tls', 'tls')

    def test_restarts(self):
        self.check_restarts(Rsyslog, 'imtcp', 'tcp')

    def test_restarts_with_tls(self):
        self.check_restarts(Rsyslog, 'tls', 'tls')

    def test_what_a_tailed_file_becomes(self):
        daemon = Rsyslog(self, 'imtcp', harness.free_port())
        self.append('in.log', b'one\n\xff two\n')
        agent = self.start(pipeline(TAIL, sink=self.sink(
            'tcp', daemon.port, 'facility = "local3"\nmsgid = "%{source}"'))).ready()
        harness.wait_until(lambda: len(daemon.messages()) >= 2, 'two messages')
        self.stopped_well(agent)
        first, second = daemon.messages()
        self.assertEqual((first['facility'], first['severity'], first['app'], first['msgid']),
                         (FACILITIES.index('local3'), 5, 'in', 'in'))
        self.assertEqual(first['host'], os.uname().nodename)
        self.assertEqual(first['sd'], f'[runnel@32473 file="{self.path("in.log")}"]')
        self.assertEqual(first['body'], 'one')
        # A body that is not UTF-8 goes as it is.
        self.assertEqual(second['body'], '\udcff two')

    def test_udp_to_a_name(self):
        """The receiver listens at one of its addresses, maybe not at the first."""
        daemon = Rsyslog(self, 'udp', harness.free_port())
        self.append('in.log', numbered(0, 200))
        sink = self.sink('udp', daemon.port).replace('127.0.0.1', 'localhost')
        agent = self.start(pipeline(TAIL, sink=sink)).ready()
        harness.wait_until(lambda: len(set(self.bodies(daemon))) >= 200, 'all messages')
        self.stopped_well(agent)
        found = harness.check_sequence(self.bodies(daemon), 200)
        self.assertEqual((found.lost, found.foreign), ([], []))

    def test_udp_that_is_refused_waits(self):
        """On loopback a refusal comes at once: nothing is lost."""
        daemon = Rsyslog(self, 'udp', harness.free_port())
        self.append('in.log', numbered(0, 200))
        agent = self.start(pipeline(TAIL, sink=self.sink('udp', daemon.port))).ready()
        harness.wait_until(lambda: len(daemon.messages()) >= 200, 'what was sent at first')
        daemon.end()
        self.append('in.log', numbered(200, 200))
        agent.wait_log('cannot deliver: connection refused')
        daemon.start()
        harness.wait_until(lambda: len(set(self.bodies(daemon))) >= 400, 'the rest')
        self.stopped_well(agent)
        found = harness.check_sequence(self.bodies(daemon), 400)
        self.assertEqual((found.lost, found.foreign), ([], []))


@harness.on_both_drivers
class ToSyslogNg(Receiving):

    def test_udp(self):
        self.check_fields(SyslogNg, 'udp', 'udp')

    def test_tcp(self):
        self.check_fields(SyslogNg, 'tcp', 'tcp')

    def test_tls(self):
        self.check_fields(SyslogNg, 'tls', 'tls')

    def test_restarts(self):
        self.check_restarts(SyslogNg, 'tcp', 'tcp')


if __name__ == '__main__':
    harness.main()
