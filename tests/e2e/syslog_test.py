"""Goal: syslog as the RFCs show it arrives with its meaning, over UDP and TCP, and what does not
parse arrives whole.
Method: plain sockets against the program; the events in a file of JSON are compared with the
samples."""
import contextlib

import harness
from clients import Datagrams, connect, send_all
from harness import DATA, FILE_SINK, JSON_SINK, OBJECTS, pipeline

SYSLOG = '''
type = "syslog"
listen = ["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]
'''


@harness.on_both_drivers
class Syslog(harness.Scenario):
    BOM = b'\xef\xbb\xbf'
    # The examples of RFC 5424 section 6.5 and of RFC 3164 section 5.4, and what they mean.
    SAMPLES = (
        (b'<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - ' + BOM +
         b"'su root' failed for lonvick on /dev/pts/8",
         {'facility': 'auth', 'severity': 'crit', 'host': 'mymachine.example.com', 'app': 'su',
          'msgid': 'ID47', 'timestamp': '2003-10-11T22:14:15.003000Z'},
         "'su root' failed for lonvick on /dev/pts/8"),
        (b'<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - '
         b"%% It's time to make the do-nuts.",
         {'facility': 'local4', 'severity': 'notice', 'host': '192.0.2.1', 'app': 'myproc',
          'procid': '8710', 'timestamp': '2003-08-24T12:14:15.000003Z'},
         "%% It's time to make the do-nuts."),
        (b'<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 '
         b'[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"]'
         b'[examplePriority@32473 class="high"]',
         {'structured_data': '[exampleSDID@32473 iut="3" eventSource="Application" '
                             'eventID="1011"][examplePriority@32473 class="high"]',
          'msgid': 'ID47'},
         ''),
        (b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
         {'facility': 'auth', 'severity': 'crit', 'host': 'mymachine', 'app': 'su'},
         "'su root' failed for lonvick on /dev/pts/8"),
        (b'<13>Feb  5 17:32:18 10.0.0.99 myapp[17]: Use the BFG!',
         {'facility': 'user', 'severity': 'notice', 'host': '10.0.0.99', 'app': 'myapp',
          'procid': '17'},
         'Use the BFG!'),
    )

    def start_agent(self, more='', sink=JSON_SINK):
        self.agent = self.start(pipeline(SYSLOG + more, sink=sink)).ready()

    def send_datagrams(self, messages):
        with Datagrams(self.agent.port('in', 'udp')) as to:
            for message in messages:
                to.send(message)

    def send_stream(self, content):
        send_all(self.agent.port('in', 'tcp'), content)

    def events(self, count):
        """What has arrived when the program has stopped, at least so many."""
        self.wait_lines(OBJECTS, count)
        self.stopped_well(self.agent)
        return self.objects(OBJECTS)

    def check_samples(self):
        events = self.events(len(self.SAMPLES))
        self.assertEqual(len(events), len(self.SAMPLES))
        for event, (_, headers, body) in zip(events, self.SAMPLES):
            self.assertEqual(event['body'], body)
            self.assertLessEqual(headers.items(), event['headers'].items())
            if 'severity' in headers:
                self.assertEqual(event['severity'], headers['severity'])

    def test_samples_in_datagrams(self):
        self.start_agent()
        self.send_datagrams(message for message, _, _ in self.SAMPLES)
        self.check_samples()

    def test_both_framings_in_one_stream(self):
        self.start_agent()
        stream = b''
        for number, (message, _, _) in enumerate(self.SAMPLES):
            stream += message + b'\n' if number % 2 else b'%d %s' % (len(message), message)
        self.send_stream(stream)
        self.check_samples()

    def test_a_counted_frame_may_have_newlines(self):
        self.start_agent()
        message = b'<13>Feb  5 17:32:18 host app: one\ntwo'
        self.send_stream(b'%d %s' % (len(message), message))
        self.assertEqual([each['body'] for each in self.events(1)], ['one\ntwo'])

    def test_what_does_not_parse_is_kept_whole(self):
        self.start_agent()
        nonsense = [b'no priority at all', b'<999>1 - - - - - - too high', b'<', b'<13',
                    b'<13>1 yesterday - - - - - x', b'\0\1\2 binary', b'<13>1 - - - - - [broken x']
        self.send_datagrams(nonsense)
        events = self.events(len(nonsense))
        self.assertEqual([each['body'].encode() for each in events], nonsense)
        self.assertEqual([each['headers'].get('malformed') for each in events],
                         ['true'] * len(nonsense))
        self.assertEqual(self.agent.summary()['sources.in']['malformed_events'], len(nonsense))

    def test_absurd_lengths(self):
        self.start_agent()
        with connect(self.agent.port('in', 'tcp')) as bad:
            with contextlib.suppress(ConnectionError):
                bad.sendall(b'99999999999999999 <13>x')
                while bad.recv(100):
                    pass
        message = b'<13>Feb  5 17:32:18 host app: ' + b'x' * 300_000
        self.send_stream(b'%d %s' % (len(message), message) + b'<13>Feb  5 17:32:18 host app: y\n')
        events = self.events(2)
        self.assertEqual(events[-1]['body'], 'y')
        self.assertEqual(int(events[-2]['headers']['cut_bytes']), len(message) - (8 << 10))
        counters = self.agent.summary()['sources.in']
        self.assertEqual((counters['broken_connections'], counters['cut_events']), (1, 1))

    def test_raw_body(self):
        self.start_agent('body = "raw"', sink=FILE_SINK)
        self.send_stream(b''.join(each[0] + b'\n' for each in self.SAMPLES))
        self.wait_lines(DATA, len(self.SAMPLES))
        self.stopped_well(self.agent)
        self.assertEqual(self.lines(DATA), [each[0] for each in self.SAMPLES])


if __name__ == '__main__':
    harness.main()
