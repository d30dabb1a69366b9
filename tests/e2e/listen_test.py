"""Goal: what clients send over TCP and UDP arrives as it should, also when they misbehave,
when they are many, and when the channel is full.
Method: plain sockets against the program; output is a file, or a pipe that is read when the test
wants it to be (until then the channel is full)."""
import contextlib
import os
import select
import signal
import socket
import struct
import threading

import harness
from clients import Datagrams, connect, send_all
from harness import DATA, JSON_SINK, OBJECTS, numbered, pipeline

TCP = '''
type = "tcp"
listen = ["127.0.0.1:0"]
'''
UDP = '''
type = "udp"
listen = ["127.0.0.1:0"]
'''
CONSOLE = '''
type = "console"
batch = { max_bytes = "16KiB", linger = "5ms" }
'''
SMALL_RING = '''
type = "memory"
capacity = "128KiB"
'''


@harness.on_both_drivers
class Tcp(harness.Scenario):

    def test_newline(self):
        agent = self.start(pipeline(TCP, sink=JSON_SINK)).ready()
        send_all(agent.port('in'), b'one\r\n\n\ntwo\nbinary \0\xff\nthe last has no newline')
        self.wait_lines(OBJECTS, 4)
        self.stopped_well(agent)
        events = self.objects(OBJECTS)
        self.assertEqual([each['body'] for each in events],
                         ['one', 'two', 'binary \0\ufffd', 'the last has no newline'])
        self.assertEqual({each['headers']['peer'] for each in events}, {'127.0.0.1'})
        self.assertEqual({each['source'] for each in events}, {'in'})

    def test_length_prefix(self):
        agent = self.start(pipeline(TCP + 'framing = "length32"', sink=JSON_SINK)).ready()
        bodies = [b'a', b'with\nnewline', b'x' * 30000, b'']
        send_all(agent.port('in'), b''.join(struct.pack('>I', len(each)) + each
                                            for each in bodies))
        self.wait_lines(OBJECTS, 3)
        self.stopped_well(agent)
        self.assertEqual([each['body'].encode() for each in self.objects(OBJECTS)], bodies[:3])

    def test_octet_counted_in_small_pieces(self):
        agent = self.start(pipeline(TCP + 'framing = "octet_counted"', sink=JSON_SINK)).ready()
        with connect(agent.port('in')) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            content = b'5 hello11 two\nlines..1 x'
            for at in range(len(content)):
                client.sendall(content[at:at + 1])
        self.wait_lines(OBJECTS, 3)
        self.stopped_well(agent)
        self.assertEqual([each['body'] for each in self.objects(OBJECTS)],
                         ['hello', 'two\nlines..', 'x'])

    def test_absurd_lengths_end_only_their_own_connection(self):
        agent = self.start(pipeline(TCP + 'framing = "octet_counted"')).ready()
        port = agent.port('in')
        with connect(port) as good:
            good.sendall(b'5 hello')
            for nonsense in (b'99999999999999999999999 x', b'GET / HTTP/1.1\r\n\r\n',
                             b'00000000000000000000000000000000', b'-5 hello', b'4294967296 x'):
                with connect(port) as bad:
                    with contextlib.suppress(ConnectionError):
                        bad.sendall(nonsense)
                        while bad.recv(100):
                            pass
            good.sendall(b'7 goodbye')
        self.wait_lines(DATA, 2)
        self.stopped_well(agent)
        self.assertEqual(self.lines(DATA), [b'hello', b'goodbye'])
        self.assertEqual(agent.summary()['sources.in']['broken_connections'], 5)
        self.assertRegex(agent.log, r'WARN .*framing')

    def test_a_length_that_is_never_sent(self):
        agent = self.start(pipeline(TCP + 'framing = "length32"\nevent_bytes_max = "1KiB"',
                                    sink=JSON_SINK)).ready()
        with connect(agent.port('in')) as client:
            client.sendall(struct.pack('>I', 5_000_000) + b'x' * 5_000_000 +
                           struct.pack('>I', 900_000_000) + b'y' * 100)
        self.wait_lines(OBJECTS, 2)
        self.stopped_well(agent)
        events = self.objects(OBJECTS)
        self.assertEqual(len(events[0]['body']), 1024)
        self.assertEqual(int(events[0]['headers']['cut_bytes']), 5_000_000 - 1024)
        self.assertEqual(events[1]['body'], 'y' * 100)
        self.assertEqual(agent.summary()['sources.in']['cut_events'], 2)

    def test_a_line_without_end(self):
        agent = self.start(pipeline(TCP, sink=JSON_SINK)).ready()
        with connect(agent.port('in')) as client:
            for _ in range(20):
                client.sendall(b'x' * (1 << 20))
            client.sendall(b'\nafter\n')
        self.wait_lines(OBJECTS, 2)
        self.stopped_well(agent)
        events = self.objects(OBJECTS)
        self.assertEqual([len(each['body']) for each in events], [64 << 10, 5])
        self.assertEqual(int(events[0]['headers']['cut_bytes']), (20 << 20) - (64 << 10))

    def test_many_connections(self):
        count, each = 200, 300
        agent = self.start(pipeline(TCP + 'connections_max = 256')).ready()
        port = agent.port('in')
        clients = [connect(port) for _ in range(count)]
        # Half a line from everybody first: nobody's half may hold up the others.
        contents = [numbered(0, each, b'%d:' % number) for number in range(count)]
        for client, content in zip(clients, contents):
            client.sendall(content[:37])
        for client, content in zip(clients, contents):
            client.sendall(content[37:])
        for client in clients:
            client.close()
        lines = self.wait_lines(DATA, count * each)
        self.stopped_well(agent)
        by_client = {}
        for line in lines:
            by_client.setdefault(line.split(b':')[0], []).append(line)
        for number in range(count):
            self.assert_sequence(by_client[b'%d' % number], each, b'%d:' % number)
        self.assertEqual(agent.summary()['sources.in']['accepted_connections'], count)

    def test_the_connection_limit_makes_the_others_wait(self):
        agent = self.start(pipeline(TCP + 'connections_max = 4')).ready()
        port = agent.port('in')
        first = [connect(port) for _ in range(4)]
        for client in first:
            client.sendall(b'first\n')
        self.wait_lines(DATA, 4)
        later = [connect(port) for _ in range(8)]
        for client in later:
            client.sendall(b'later\n')
        agent.wait_log('connections_max')
        first[0].sendall(b'again\n')
        self.wait_lines(DATA, 5)
        self.assertNotIn(b'later', self.lines(DATA))
        for client in first:
            client.close()
        self.wait_lines(DATA, 9)
        for client in later[:4]:
            client.close()
        lines = self.wait_lines(DATA, 13)
        for client in later:
            client.close()
        self.stopped_well(agent)
        self.assertEqual(lines.count(b'later'), 8)

    def test_idle_timeout(self):
        agent = self.start(pipeline(TCP + 'idle_timeout = "100ms"')).ready()
        with connect(agent.port('in')) as client:
            client.sendall(b'whole\nhalf')
            self.assertEqual(client.recv(1), b'', 'closed in order')
        self.wait_lines(DATA, 2)
        self.stopped_well(agent)
        self.assertEqual(self.lines(DATA), [b'whole', b'half'])
        self.assertEqual(agent.summary()['sources.in']['broken_connections'], 0)

    def test_restart_on_the_same_port_right_after_a_kill(self):
        """Connections are open, and the kernel is still busy with those of the one killed."""
        agent = self.start(pipeline(TCP)).ready()
        port = agent.port('in')
        fixed = TCP.replace(':0"', f':{port}"')
        for _ in range(3):
            clients = [connect(port) for _ in range(8)]
            for client in clients:
                client.sendall(numbered(0, 100))
            agent.kill()
            agent = self.start(pipeline(fixed)).ready()
            for client in clients:
                client.close()
        send_all(port, b'after all\n')
        harness.wait_until(lambda: b'after all' in self.lines(DATA), 'the last line')
        self.stopped_well(agent)

    def test_stop_reads_what_has_arrived(self):
        agent = self.start(pipeline(TCP)).ready()
        with connect(agent.port('in')) as client:
            client.sendall(numbered(0, 1))
            self.wait_lines(DATA, 1)
            agent.send_signal(signal.SIGSTOP)
            client.sendall(numbered(1, 2000))  # lies in the kernel's buffers
            agent.send_signal(signal.SIGTERM)
            agent.send_signal(signal.SIGCONT)
            self.assertEqual(agent.wait(), 0, agent.log)
        self.assert_sequence(self.lines(DATA), 2001)

    def test_a_full_channel_stops_reading(self):
        """No reset, nothing lost, and it goes on by itself."""
        read_end, write_end = os.pipe()
        agent = self.start(pipeline(TCP + 'event_bytes_max = "4KiB"', sink=CONSOLE,
                                    channel=SMALL_RING, agent='drain_timeout = "60s"'),
                           stdout=write_end).ready()
        os.close(write_end)
        # More than all buffers of the kernel on the way can hold.
        count, each = 4, 150_000
        port = agent.port('in')
        clients = [connect(port) for _ in range(count)]
        rests = [memoryview(numbered(0, each, b'%d:' % number)) for number in range(count)]
        for client in clients:
            client.setblocking(False)

        def push(pause):
            """Sends until nobody takes anything for a while, or all is sent."""
            while any(rests):
                waiting = [client for client, rest in zip(clients, rests) if rest]
                _, writable, _ = select.select([], waiting, [], pause)
                if not writable:
                    return
                for number, client in enumerate(clients):
                    if client in writable:
                        rests[number] = rests[number][client.send(rests[number]):]

        push(0.5)
        self.assertGreater(sum(len(rest) for rest in rests), 0, 'it should have stopped reading')
        self.assertTrue(agent.alive())
        content = []

        def read_all():
            with os.fdopen(read_end, 'rb') as output:
                content.append(output.read())

        reader = threading.Thread(target=read_all)
        reader.start()
        push(harness.TIMEOUT)
        for client in clients:
            client.close()  # in order: a reset would have raised above
        # Everything is in the kernel's buffers at the latest now, so the stop reads it.
        self.wait_until_read(agent, count * each)
        code = agent.stop()
        reader.join()
        self.assertEqual(code, 0, agent.log)
        lines = content[0].splitlines()
        self.assertEqual(len(lines), count * each)
        for number in range(count):
            prefix = b'%d:' % number
            self.assert_sequence([line for line in lines if line.startswith(prefix)], each, prefix)
        self.assertEqual(agent.summary()['channels.main']['dropped_events'], 0)
        self.assertEqual(agent.summary()['sources.in']['broken_connections'], 0)

    def wait_until_read(self, agent, count):
        """Until no connection of the agent has bytes that it has not read."""
        inodes = set()
        for name in os.listdir(f'/proc/{agent.pid}/fd'):
            with contextlib.suppress(FileNotFoundError):
                target = os.readlink(f'/proc/{agent.pid}/fd/{name}')
                if target.startswith('socket:['):
                    inodes.add(target[8:-1])

        def read():
            with open('/proc/net/tcp') as file:
                rows = [line.split() for line in file.readlines()[1:]]
            queued = [int(row[4].split(':')[1], 16) for row in rows
                      if row[9] in inodes and row[3] != '0A']
            return not any(queued)

        harness.wait_until(read, f'the agent to have read {count} events')


@harness.on_both_drivers
class Udp(harness.Scenario):

    def test_datagrams(self):
        agent = self.start(pipeline(UDP, sink=JSON_SINK)).ready()
        with Datagrams(agent.port('in', 'udp')) as to:
            for content in (b'one', b'two\nlines', b'', b'binary \0', b'x' * 8064):
                to.send(content)
        self.wait_lines(OBJECTS, 4)
        self.stopped_well(agent)
        events = self.objects(OBJECTS)
        self.assertEqual([each['body'] for each in events],
                         ['one', 'two\nlines', 'binary \0', 'x' * 8064])
        self.assertEqual(events[0]['headers']['peer'], '127.0.0.1')

    def test_lines_in_datagrams(self):
        agent = self.start(pipeline(UDP + 'framing = "newline"')).ready()
        with Datagrams(agent.port('in', 'udp')) as to:
            to.send(b'one\ntwo\r\n\nthree')
        self.wait_lines(DATA, 3)
        self.stopped_well(agent)
        self.assertEqual(self.lines(DATA), [b'one', b'two', b'three'])

    def test_a_datagram_that_is_too_long_is_cut_and_counted(self):
        agent = self.start(pipeline(UDP + 'datagram_bytes_max = 100', sink=JSON_SINK)).ready()
        with Datagrams(agent.port('in', 'udp')) as to:
            to.send(b'x' * 60000)
            to.send(b'y')
        self.wait_lines(OBJECTS, 2)
        self.stopped_well(agent)
        events = self.objects(OBJECTS)
        self.assertEqual([each['body'] for each in events], ['x' * 100, 'y'])
        self.assertTrue({'cut_bytes', 'truncated'} & set(events[0]['headers']), events[0])
        self.assertEqual(agent.summary()['sources.in']['cut_events'], 1)

    def test_every_datagram_is_accounted_for(self):
        """What the kernel drops while nobody reads is counted."""
        agent = self.start(pipeline(UDP + 'receive_buffer = "8KiB"')).ready()
        with Datagrams(agent.port('in', 'udp')) as to:
            agent.send_signal(signal.SIGSTOP)
            for number in range(3000):
                to.send(numbered(number, 1)[:-1])
            agent.send_signal(signal.SIGCONT)
            self.wait_lines(DATA, 1)
        self.stopped_well(agent)
        counters = agent.summary()['sources.in']
        self.assertGreater(counters['kernel_dropped_events'], 0)
        self.assertEqual(counters['received_events'] + counters['kernel_dropped_events'], 3000)
        self.assertEqual(len(self.lines(DATA)), counters['received_events'])
        self.assertRegex(agent.log, r'ERROR .*lost')

    def test_stop_reads_what_has_arrived(self):
        agent = self.start(pipeline(UDP)).ready()
        with Datagrams(agent.port('in', 'udp')) as to:
            agent.send_signal(signal.SIGSTOP)
            for number in range(300):
                to.send(numbered(number, 1)[:-1])
            agent.send_signal(signal.SIGTERM)
            agent.send_signal(signal.SIGCONT)
            self.assertEqual(agent.wait(), 0, agent.log)
        counters = agent.summary()['sources.in']
        self.assertEqual(counters['received_events'] + counters['kernel_dropped_events'], 300)
        self.assertEqual(len(self.lines(DATA)), counters['received_events'])


if __name__ == '__main__':
    harness.main()
