"""Goal: a journal on a real disk outlasts a receiver that is away for long, takes no more memory and no
more flash for it than was said, and does not notice that its disk runs full.
Method: the receiver is a tmpfs that has no room while it is away; lines of a busy machine's log are
appended at a rate, and what is delivered in the end is compared byte for byte. Figures are printed;
time is never asserted.

RUNNEL_LONG=1: an outage of 60 s instead of 15 s, on both drivers, and a full journal of 1 GiB."""
import os
import subprocess
import time
import unittest

import harness
from harness import DATA, numbered, pipeline
from journals import exported
from mounts import Receiver, device_bytes_written, mount_loop, mount_tmpfs

LONG = os.environ.get('RUNNEL_LONG') == '1'
SANITIZED = os.environ.get('RUNNEL_SANITIZED') == '1'
OUTAGE_SECONDS = 60 if LONG else 15
SETTLED_SECONDS = 10  # from when on memory may grow no more
GROWTH_BYTES_MAX = 256 << 10
PAYLOAD_RATIO_MAX = 0.25
RATE = 20_000
UNAVAILABLE, IO = 69, 74

TAIL = '''
type = "tail"
paths = ["FOLDER/log/*.log"]
start_at = "beginning"
poll_interval = "50ms"
'''
JOURNAL = '''
type = "journal"
path = "FOLDER/main.journal"
size = "SIZE"
'''
SINK = '''
type = "file"
path = "FOLDER/out/data.log.zst"
compression = { codec = "zstd", level = 1 }
batch = { linger = "100ms" }
retry = { first = "50ms", longest = "200ms" }
'''


def journal(size, more=''):
    return JOURNAL.replace('SIZE', size) + more


def log_lines(count):
    """Lines of a busy machine's log, as tests/bench measures with."""
    maker = os.environ.get('RUNNEL_LOGLINES', '')
    if not os.access(maker, os.X_OK):
        raise unittest.SkipTest('RUNNEL_LOGLINES is not the program that makes log lines')
    with harness.tempfile.TemporaryDirectory(prefix='runnel-lines-') as folder:
        path = os.path.join(folder, 'lines')
        subprocess.run([maker, path, str(count * 200)], check=True, capture_output=True)
        with open(path, 'rb') as file:
            lines = file.read().splitlines(keepends=True)
    assert len(lines) >= count
    return lines[:count]


class Outage(harness.Scenario):
    """One agent whose receiver is away, in a folder of its own; several run side by side."""

    def begin(self, name, driver, rate, lines):
        one = Away(self, name, rate, lines)
        one.agent = self.start(self.configuration(name), '--driver', driver).ready()
        one.driver = driver
        return one

    def configuration(self, name):
        text = pipeline(TAIL, SINK, journal('64MiB')).replace('main.journal', 'disk/main.journal')
        return self.config(text.replace('FOLDER', self.path(name)), f'{name}.toml')

    def run_outage(self, drivers):
        lines = log_lines(RATE * (OUTAGE_SECONDS + 2))
        runs = []
        for driver in drivers:
            for rate in (RATE, 1):
                name = f'{driver}-{rate}'
                self.make_folder(name, 'log')
                runs.append(self.begin(name, driver, rate, lines))
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < OUTAGE_SECONDS:
            for each in runs:
                each.grow(passed)
                each.look(passed)
            time.sleep(0.02)
        for each in runs:
            each.come_back()
        for each in runs:
            each.check()

    def test_of_seconds(self):
        self.run_outage(('auto',) if not LONG else ('uring', 'asio'))


class Away:
    """What happens to one agent during the outage."""

    def __init__(self, scenario, name, rate, lines):
        self.scenario = scenario
        self.name = name
        self.rate = rate
        self._lines = lines
        self._disk = scenario.path(name, 'disk')
        mount_loop(scenario, f'{name}/disk', 128 << 20)
        self._on_disk = device_bytes_written(self._disk)
        self._receiver = Receiver(scenario, f'{name}/out')
        self._receiver.leave()
        self._log = open(scenario.path(name, 'log', 'app.log'), 'ab')
        scenario.addCleanup(self._log.close)
        self.sent = 0
        self.agent = None
        self.driver = ''
        self._settled = 0
        self._largest = 0

    def grow(self, passed):
        until = int(passed * self.rate) + 1
        self._log.write(b''.join(self._lines[self.sent:until]))
        self._log.flush()
        self.sent = max(self.sent, until)

    def look(self, passed):
        self.agent.sample_memory()
        if passed < SETTLED_SECONDS:
            return
        resident = self.agent.resident_bytes()
        self._settled = self._settled or resident
        self._largest = max(self._largest, resident)

    def come_back(self):
        self.agent.wait_log('cannot deliver')
        self._receiver.come_back()

    def check(self):
        scenario, agent = self.scenario, self.agent
        payload = b''.join(self._lines[:self.sent])
        pattern = f'{self.name}/{DATA}'

        def all_there():
            try:
                return sum(os.path.getsize(path) for path in scenario.output_files(pattern)) and \
                    scenario.output(pattern).count(b'\n') >= self.sent
            except FileNotFoundError:
                return False

        begun = time.monotonic()
        harness.wait_until(all_there, f'{self.sent} lines of {self.name}')
        drained = time.monotonic() - begun
        scenario.stopped_well(agent)
        os.sync()
        on_disk = device_bytes_written(self._disk) - self._on_disk
        scenario.assertTrue(scenario.output(pattern) == payload, f'{self.name}: not what was sent')
        summary = agent.summary()
        counted = summary['channels.main']
        written = counted['written_bytes']
        print(f'{scenario.id()}: {self.rate} events/s for {OUTAGE_SECONDS} s, {self.driver}: '
              f'{self.sent} events, {len(payload)} bytes; journal wrote {written} bytes in '
              f'{counted["syncs"]} syncs ({written / len(payload):.3f} of the payload; with the file '
              f'system\'s own, on a file never written before, the device took '
              f'{on_disk / len(payload):.3f}); resident {self._settled >> 10} KiB after {SETTLED_SECONDS} s, at '
              f'most {self._largest >> 10} KiB later, peak with the drain {agent.peak_bytes >> 10} '
              f'KiB, ceiling {agent.ceiling_bytes() >> 10} KiB; delivered {drained:.1f} s after the '
              'receiver had come back', flush=True)
        for part, name in (('sources.in', 'received_events'), ('channels.main', 'put_events'),
                           ('channels.main', 'stored_events'), ('sinks.out', 'sent_events')):
            scenario.assertEqual(summary[part][name], self.sent, f'{part} {name}')
        for name in ('dropped_events', 'damaged_events', 'errors'):
            scenario.assertEqual(counted[name], 0, name)
        if not SANITIZED:
            scenario.assertLessEqual(self._largest - self._settled, GROWTH_BYTES_MAX,
                                     f'{self.name}: memory grows')
        if self.rate > 1:
            scenario.assertLessEqual(written, PAYLOAD_RATIO_MAX * len(payload))


@harness.on_both_drivers
class JournalDisk(harness.Scenario):

    def fill(self, folder):
        with open(os.path.join(folder, 'ballast'), 'wb', buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def run_full(self):
        """The journal and the sink's files share a disk, which the latter fill."""
        sink = SINK.replace('compression = { codec = "zstd", level = 1 }', 'fsync = "20ms"') \
            .replace('.zst', '') + 'roll = { max_bytes = "256KiB" }\n'
        config = pipeline(TAIL, sink, journal('2MiB', 'memory = "1MiB"\nblock_age = "20ms"\n')) \
            .replace('FOLDER/main.journal', 'FOLDER/disk/main.journal') \
            .replace('FOLDER/out/', 'FOLDER/disk/out/')
        first, more = 80_000, 20_000
        self.write('log/a.log', numbered(0, first))
        agent = self.start(config).ready()
        agent.wait_log(r'ERROR sinks\.out: .*no space left')
        agent.wait_log('cannot deliver')
        # To the last byte: also a journal that would grow by a page does not find one.
        self.fill(self.path('disk'))
        self.append('log/a.log', numbered(first, more))
        last = b'%08d ' % (first + more - 1)
        harness.wait_until(
            lambda: any(line.startswith(last)
                        for line in exported(self.path('disk/main.journal'))[-2000:]),
            'the last line in the journal')
        self.assertEqual(agent.log_lines('ERROR channels'), [], 'the journal has its room')
        kept = []

        def carry_away():
            for path in self.output_files('disk/out/data*.log'):
                with open(path, 'rb') as file:
                    kept.append(file.read())
                os.unlink(path)
            self.assertTrue(agent.alive(), agent.log)
            finished = sum(content.count(b'\n') for content in kept)
            try:
                return finished + len(self.lines('disk/out/data*.log.tmp')) >= first + more
            except FileNotFoundError:  # renamed between listing and reading
                return False

        os.unlink(self.path('disk/ballast'))
        harness.wait_until(carry_away, 'all lines')
        self.stopped_well(agent)
        content = b''.join(kept) + self.output('disk/out/data*.log*')
        self.assert_sequence(content.split(b'\n')[:-1], first + more)
        self.assertEqual(agent.summary()['channels.main']['errors'], 0)

    def test_a_loop_device_runs_full(self):
        mount_loop(self, 'disk', 8 << 20)
        self.run_full()

    def test_a_tmpfs_runs_full(self):
        mount_tmpfs(self, 'disk', '6m')
        self.run_full()

    def test_too_little_room_for_a_new_journal(self):
        mount_loop(self, 'disk', 8 << 20)
        config = pipeline(TAIL, SINK, journal('64MiB')) \
            .replace('FOLDER/main.journal', 'FOLDER/disk/main.journal')
        agent = self.start(config)
        self.assertEqual(agent.wait(), IO, agent.log)
        self.assertEqual(len(agent.log_lines(' ERROR ')), 1, agent.log)
        self.assertRegex(agent.log, r'ERROR channels\.main: path ".*/disk/main\.journal" cannot be '
                                    r'made: no space left on the device')
        self.assertEqual([name for name in os.listdir(self.path('disk'))
                          if name not in ('lost+found', 'main.journal.lock')], [])
        # What fits is made where that could not be.
        self.stopped_well(self.start(config.replace('64MiB', '2MiB')).ready())

    def test_a_disk_that_only_reads(self):
        mount_tmpfs(self, 'disk', '8m')
        config = pipeline(TAIL, SINK, journal('1MiB', 'block_bytes = "16KiB"\n')) \
            .replace('FOLDER/main.journal', 'FOLDER/disk/main.journal') \
            .replace('type = "tail"', 'type = "tail"\nevent_bytes_max = "8KiB"')
        self.stopped_well(self.start(config).ready())
        subprocess.run(['mount', '-o', 'remount,ro', self.path('disk')], check=True)
        agent = self.start(config)
        self.assertEqual(agent.wait(), IO, agent.log)
        self.assertEqual(len(agent.log_lines(' ERROR ')), 1, agent.log)
        self.assertRegex(agent.log, r'ERROR channels\.main: path ".*" cannot be .*[Rr]ead-only')


@harness.on_both_drivers
class JournalStart(harness.Scenario):
    """A full journal starts as an empty one does: the same memory, and at once."""

    def started(self, config):
        """(agent, seconds until it was ready, bytes of peak memory then)"""
        begun = time.monotonic()
        agent = self.start(config).ready()
        seconds = time.monotonic() - begun
        agent.sample_memory()
        return agent, seconds, agent.peak_bytes

    def waiting(self, config):
        """The same of one with events that the sink tries to deliver: (seconds, bytes)"""
        agent, seconds, _ = self.started(config)
        agent.wait_log('cannot deliver')
        agent.sample_memory()
        self.stopped_well(agent)
        self.assertIn('events are waiting', agent.log)
        self.assertEqual(agent.log_lines(' ERROR channels'), [])
        return seconds, agent.peak_bytes

    def test_start_of_a_full_one(self):
        size = '1GiB' if LONG else '64MiB'
        self.make_folder('log')
        Receiver(self).leave()
        config = pipeline(TAIL, SINK, journal(size), 'drain_timeout = "100ms"')

        def filling(source):
            return pipeline(source, SINK, journal(size, 'sync = "never"\nblock_age = "10ms"\n'),
                            'drain_timeout = "100ms"')

        agent, _, empty_bytes = self.started(config)
        self.stopped_well(agent)
        self.run_once(filling('type = "generate"\ncount = 5000\n'))
        _, few_bytes = self.waiting(config)
        agent = self.start(filling('type = "generate"\n'))
        agent.wait_log('main.journal is full', timeout=10 * harness.TIMEOUT)
        # What is behind that in memory can go nowhere, and that is said.
        self.assertEqual(agent.stop(), UNAVAILABLE, agent.log)
        self.assertRegex(agent.log, r'ERROR channels\.main: .*: [0-9.]+ \w+ of records could not be '
                                    r'written \(it is full\); what its source does not read again')
        held = agent.summary()['channels.main']['stored_events']
        seconds, full_bytes = self.waiting(config)
        print(f'{self.id()}: {size} with {held} events: ready after {1000 * seconds:.0f} ms, peak '
              f'{full_bytes >> 10} KiB; with 5,000 {few_bytes >> 10} KiB, empty '
              f'{empty_bytes >> 10} KiB', flush=True)
        if not SANITIZED:
            # What a process has is counted per processor, in batches of pages.
            self.assertLessEqual(full_bytes - few_bytes, 2 * GROWTH_BYTES_MAX)


if __name__ == '__main__':
    harness.main()
