"""Goal: tail and tcp -> journal -> a receiver that goes away and comes back: kill -9 at any instant
loses nothing that the agent had custody of, and what comes twice is only what must.

Method: lines are appended to a log and sent over TCP while the agent is killed at random instants; now
and then the receiver (a tmpfs) has no room for some rounds, long enough to fill the journal. After
each kill three things are read: the journal, the tail's checkpoint and what was delivered. Then
(1) every line before the checkpoint is delivered or waits in the journal; (2) whatever the journal
counts as acknowledged is delivered; (3) what came again since the kill before was in the journal behind
its cursor then, or behind the checkpoint; (4) what was once in the journal or delivered is delivered in
the end, also of TCP, whose sender is never told what has become of its lines.

RUNNEL_ROUNDS: how many kills on both drivers together (100 in CI, 1,000 in the long form)."""
import collections
import hashlib
import os
import shutil
import socket
import time

import harness
from harness import DATA
from journals import read_journal
from mounts import Receiver

ROUNDS = int(os.environ.get('RUNNEL_ROUNDS', '100')) // 2
EPISODE = 17  # rounds with one log and one journal
KINDS = ('mode = "always"\nsync = "batch"', 'mode = "always"\nsync = "50ms"',
         'mode = "overflow"\nsync = "batch"')

# A journal that the receiver's absence fills, and that has gone round several times in the end.
CONFIGURATION = '''
[agent]
state_dir = "FOLDER/state"
[sources.log]
type = "tail"
paths = ["FOLDER/log/*.log"]
start_at = "beginning"
poll_interval = "20ms"
checkpoint_interval = "20ms"
event_bytes_max = "4KiB"
channels = ["main"]
[sources.net]
type = "tcp"
listen = ["127.0.0.1:0"]
event_bytes_max = "4KiB"
channels = ["main"]
[channels.main]
type = "journal"
path = "FOLDER/main.journal"
size = "1MiB"
memory = "256KiB"
block_bytes = "8KiB"
block_age = "10ms"
cursor_interval = "20ms"
KIND
[sinks.out]
channel = "main"
type = "file"
path = "FOLDER/out/data.log.zst"
compression = { codec = "zstd", level = 1 }
batch = { max_bytes = "16KiB", linger = "5ms" }
fsync = "10ms"
roll = { max_bytes = "256KiB" }
retry = { first = "5ms", longest = "20ms" }
'''


class Lines:
    """Lines of one source, which compress by half: as many as were made, each known by its number."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.made = []

    def make(self, count):
        fresh = []
        for number in range(len(self.made), len(self.made) + count):
            head = b'%s%08d ' % (self.prefix, number)
            fresh.append(head + hashlib.sha256(head).hexdigest().encode())
        self.made += fresh
        return fresh


class Sender:
    """A client that never waits: what the agent does not take at the moment stays with it, and what
    it has begun to send over a connection that breaks is gone."""

    def __init__(self, lines):
        self._lines = lines
        self._socket = None
        self._rest = b''

    def connect(self, port):
        self._socket = socket.create_connection(('127.0.0.1', port))
        self._socket.setblocking(False)
        self._rest = b''

    def send(self, count):
        if self._socket is None:
            return
        if not self._rest:
            self._rest = b''.join(line + b'\n' for line in self._lines.make(count))
        try:
            self._rest = self._rest[self._socket.send(self._rest):]
        except OSError:
            pass  # no room at the moment, or the agent is gone

    def close(self):
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def idle(self):
        return not self._rest


class Delivered:
    """What the receiver has: how often each line, and that it is one that was made."""

    def __init__(self, scenario, sources):
        self._scenario = scenario
        self._sources = {lines.prefix: lines for lines in sources}
        self._finished = {}  # path -> lines of a file that does not change any more

    def lines(self):
        """In the order in which they were delivered."""
        found = []
        for path in self._scenario.output_files(DATA):
            if path not in self._finished:
                content = harness.decompressed(path).split(b'\n')[:-1]
                self.check(content)
                if path.endswith('.tmp'):
                    found += content
                    continue
                self._finished[path] = content
            found += self._finished[path]
        return found

    def check(self, content):
        for line in content:
            made = self._sources[line[:1]].made
            if int(line[1:9]) >= len(made) or made[int(line[1:9])] != line:
                raise AssertionError(f'nobody has sent {line!r}')


Totals = collections.namedtuple('Totals', 'lines sent untaken duplicates most_again early full')


class JournalKill(harness.Scenario):
    __test__ = False

    def run_episodes(self):
        chance = harness.seeded_random()
        whole = self.folder
        totals = []
        for number, first in enumerate(range(0, ROUNDS, EPISODE)):
            self.folder = os.path.join(whole, str(first))
            os.makedirs(self.folder)
            kind = KINDS[number % len(KINDS)]
            totals.append(self.run_rounds(kind, chance, min(EPISODE, ROUNDS - first)))
            self.doCleanups()  # of this episode, and of the whole test
            self.addCleanup(shutil.rmtree, whole, ignore_errors=True)
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder = whole
        sums = Totals(*map(sum, zip(*totals)))
        most_again = max(each.most_again for each in totals)
        print(f'{self.id()}: {ROUNDS} kills ({sums.early} before it was ready, {sums.full} with a '
              f'full journal), {sums.lines} lines in the log and {sums.sent} over TCP, 0 lost '
              f'({sums.untaken} over TCP never came into custody), {sums.duplicates} duplicates, at '
              f'most {most_again} of one kill', flush=True)
        self.assertGreater(sums.full, 0, 'no receiver was away long enough to fill the journal')

    def checkpoint_lines(self, line_bytes):
        """How many lines the tail's checkpoint vouches for."""
        path = self.path('state/tail-log.checkpoint')
        if not os.path.exists(path):
            return 0
        with open(path) as file:
            entries = file.read().splitlines()
        self.assertEqual(entries[0], 'runnel tail checkpoint 1')
        self.assertLessEqual(len(entries), 3)
        return sum(int(entry.split()[4]) for entry in entries[1:-1]) // line_bytes

    def play(self, chance, agent, log, tail, sender, receiver):
        """Grows the log, sends, and has the receiver go and come until the time of the kill."""
        until = time.monotonic() + chance.choice((0.01, 0.04, 0.2, 0.25, 0.35)) * chance.random()
        if chance.random() < (0.2 if receiver.away else 0.4):
            receiver.come_back() if receiver.away else receiver.leave()
        connected = False
        while time.monotonic() < until:
            log.write(b''.join(line + b'\n' for line in tail.make(chance.randint(1, 100))))
            log.flush()
            if not connected and 'agent: ready' in agent.log:
                sender.connect(agent.port('net'))
                connected = True
            sender.send(chance.randint(1, 100))
            if chance.random() < 0.002:
                receiver.come_back() if receiver.away else receiver.leave()
            time.sleep(0.001)

    def run_rounds(self, kind, chance, rounds):
        self.make_folder('log')
        config = self.config(CONFIGURATION.replace('KIND', kind))
        receiver = Receiver(self)
        tail, net = Lines(b'a'), Lines(b'b')
        log = open(self.path('log/app.log'), 'ab')
        self.addCleanup(log.close)
        sender = Sender(net)
        self.addCleanup(sender.close)
        delivered = Delivered(self, (tail, net))
        line_bytes = len(tail.make(1)[0]) + 1
        log.write(tail.made[0] + b'\n')
        before = collections.Counter()
        may_come_again = set()
        custody = set()
        early = full = most_again = 0
        for number in range(rounds):
            agent = self.start(config)
            self.play(chance, agent, log, tail, sender, receiver)
            agent.kill()
            sender.close()
            early += 0 if 'agent: ready' in agent.log else 1
            full += 1 if agent.log_lines('main.journal is full') else 0
            self.assertEqual([line for line in agent.log_lines(' ERROR ')
                              if 'sinks.out' not in line], [], 'errors of others than the receiver')
            journal = read_journal(self.path('main.journal'))
            waiting = journal.bodies[journal.acknowledged:]
            vouched = self.checkpoint_lines(line_bytes)
            now = collections.Counter(delivered.lines())
            where = f'round {number} of {kind!r}'
            self.assertTrue(journal.whole, f'{where}: damaged')
            known = set(waiting) | now.keys()
            missing = [line for line in tail.made[:vouched] if line not in known]
            self.assertEqual(missing[:5], [], f'{where}: the checkpoint is ahead of custody')
            missing = [line for line in journal.bodies[:journal.acknowledged] if line not in now]
            self.assertEqual(missing[:5], [], f'{where}: acknowledged but not delivered')
            again = [line for line in before if now[line] > before[line]]
            self.assertEqual([line for line in again if line not in may_come_again][:5], [],
                             f'{where}: came again though it had been acknowledged')
            most_again = max(most_again, len(again))
            may_come_again = set(waiting) | set(tail.made[vouched:])
            custody |= {line for line in known if line.startswith(net.prefix)}
            before = now
        return self.finish(config, agent, receiver, sender, log, delivered, tail, net, custody,
                           (most_again, early, full))

    def finish(self, config, agent, receiver, sender, log, delivered, tail, net, custody, counted):
        """The receiver is back, and one run in peace brings all that is left."""
        receiver.come_back()
        sent = len(net.made)
        log.write(b''.join(line + b'\n' for line in tail.make(100)))
        log.flush()
        agent = self.start(config).ready()
        sender.connect(agent.port('net'))
        sender.send(100)
        sender.close()
        last = {tail.made[-1], net.made[-1]}

        def have_come():
            try:
                return last <= set(delivered.lines())
            except FileNotFoundError:  # renamed between listing and reading
                return False

        harness.wait_until(have_come, 'the last lines')
        self.stopped_well(agent)
        journal = read_journal(self.path('main.journal'))
        self.assertEqual(journal.acknowledged, len(journal.bodies), 'nothing is left')
        lines = delivered.lines()
        now = collections.Counter(lines)
        self.assertEqual([line for line in tail.made if line not in now][:5], [], 'lost lines')
        self.assertEqual([line for line in custody if line not in now][:5], [],
                         'lost, of TCP, that it had custody of')
        self.assertEqual([line for line in net.made[sent:] if line not in now][:5], [],
                         'lost, of TCP, though nobody was killed')
        for each in (tail, net):
            # What comes for the first time comes in order.
            numbers = [int(line[1:9]) for line in dict.fromkeys(lines)
                       if line.startswith(each.prefix)]
            self.assertEqual(numbers, sorted(numbers), f'out of order: {each.prefix}')
        untaken = sum(1 for line in net.made if line not in now)
        most_again, early, full = counted
        return Totals(len(tail.made), len(net.made), untaken, len(lines) - len(now), most_again,
                      early, full)


@harness.on_both_drivers
class JournalKilled(JournalKill):
    def test_kill_at_random_instants(self):
        self.run_episodes()


if __name__ == '__main__':
    harness.main()
