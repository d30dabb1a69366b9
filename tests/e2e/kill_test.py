"""Goal: kill -9 at any instant between tail and file loses nothing; what comes twice is only what
was delivered since the last checkpoint, and the batches in flight.

Method: lines are appended while the agent is killed at random instants, from its very start on; the
log is rotated now and then, sometimes while nobody runs. After each kill the checkpoint on disk is
read: the agent has said by it that everything before its offset is delivered. So (1) every line
before it must be readable in the output at that moment, and (2) no line before it may ever come
again. After the last round everything is there.

RUNNEL_ROUNDS: how many kills on both drivers together (100 in CI, 1,000 in the long form)."""
import os
import shutil
import time

import harness
from harness import DATA, FILLER, pipeline

ROUNDS = int(os.environ.get('RUNNEL_ROUNDS', '100')) // 2
EPISODE = 50  # rounds with one log: every round looks at all that was written so far

TAIL = '''
type = "tail"
paths = ["FOLDER/log/*.log*"]
start_at = "beginning"
poll_interval = "20ms"
checkpoint_interval = "20ms"
files_max = 512
'''
SINK = '''
type = "file"
path = "FOLDER/out/data.log.zst"
compression = { codec = "zstd", level = 1 }
batch = { max_bytes = "16KiB", linger = "5ms" }
fsync = "SYNC"
roll = { max_bytes = "256KiB" }
'''
LINE_BYTES = len(harness.numbered(0, 1))


class Log:
    """The log that grows: where each line lies, by inode, through all rotations."""

    def __init__(self, scenario):
        self._scenario = scenario
        self.count = 0
        self._rotations = 0
        self._first = {}  # inode -> number of its first line
        self._open()

    def _open(self):
        self._file = open(self._scenario.path('log/app.log'), 'ab')
        self._first[os.fstat(self._file.fileno()).st_ino] = self.count

    def grow(self, lines):
        self._file.write(harness.numbered(self.count, lines))
        self._file.flush()
        self.count += lines

    def rotate(self):
        self._file.close()
        self._rotations += 1
        # The rotated name matches as well, so that an agent that was down finds it again.
        os.rename(self._scenario.path('log/app.log'),
                  self._scenario.path(f'log/app.log.{self._rotations}'))
        self._open()

    def close(self):
        self._file.close()

    def covered_by(self, checkpoint):
        """The ranges of lines that a checkpoint vouches for."""
        ranges = []
        for inode, offset in checkpoint.items():
            first = self._first[inode]
            ranges.append((first, first + offset // LINE_BYTES))
        return ranges


def read_checkpoint(scenario):
    """{inode: offset}; empty before the first was written."""
    names = [name for name in os.listdir(scenario.path('state')) if name.endswith('.checkpoint')]
    scenario.assertLessEqual(len(names), 1, names)
    if not names:
        return {}
    with open(scenario.path('state', names[0])) as file:
        lines = file.read().splitlines()
    scenario.assertEqual(lines[0], 'runnel tail checkpoint 1')
    scenario.assertRegex(lines[-1], r'^end \d+ \d+$', 'a checkpoint is never torn')
    return {int(line.split()[1]): int(line.split()[4]) for line in lines[1:-1]}


class Output:
    """What was written, read a piece at a time: finished files once, unfinished ones anew."""

    def __init__(self, scenario):
        self._scenario = scenario
        self._finished = {}

    def files(self):
        contents = []
        for path in self._scenario.output_files(DATA):
            if path in self._finished:
                contents.append((path, self._finished[path]))
                continue
            numbers = [int(line[:8]) for line in
                       harness.decompressed(path).split(b'\n') if len(line) == LINE_BYTES - 1]
            if not path.endswith('.tmp'):
                self._finished[path] = numbers
            contents.append((path, numbers))
        return contents


class Kill(harness.Scenario):
    __test__ = False

    def run_episodes(self, sync):
        chance = harness.seeded_random()
        whole = self.folder
        for first in range(0, ROUNDS, EPISODE):
            self.folder = os.path.join(whole, str(first))
            os.makedirs(self.folder)
            self.run_rounds(sync, chance, min(EPISODE, ROUNDS - first))
            shutil.rmtree(self.folder)
        self.folder = whole

    def run_rounds(self, sync, chance, rounds):
        self.make_folder('log')
        self.make_folder('state')
        config = self.config(pipeline(TAIL, sink=SINK.replace('SYNC', sync)))
        log, output = Log(self), Output(self)
        log.grow(1000)
        covered = []  # what the last checkpoint vouched for
        times = {}  # line number -> how often it was there at the last look
        most_at_once = 0
        unfinished_rounds = 0
        for number in range(rounds):
            agent = self.start(config)
            # Mostly in the middle of the work, now and then right at the start.
            until = time.monotonic() + chance.choice((0.004, 0.02, 0.15, 0.15, 0.25)) \
                * chance.random()
            while time.monotonic() < until:
                log.grow(chance.randint(1, 200))
                time.sleep(0.001)
            if chance.random() < 0.1:
                log.rotate()
            agent.kill()
            self.assertEqual(agent.log_lines(' ERROR '), [])
            unfinished_rounds += 0 if 'agent: ready' in agent.log else 1
            if chance.random() < 0.1:
                log.grow(chance.randint(1, 200))
                log.rotate()

            now = {}
            for _, numbers in output.files():
                for line in numbers:
                    now[line] = now.get(line, 0) + 1
            # (2) What the checkpoint before this run vouched for did not come again.
            for first, end in covered:
                again = [line for line in range(first, end) if now.get(line, 0) > times[line]]
                self.assertEqual(again, [], f'round {number}: delivered again from behind the '
                                            'checkpoint')
            most_at_once = max(most_at_once, sum(1 for line in now if now[line] >
                                                 max(1, times.get(line, 0))))
            # (1) What the checkpoint vouches for now is readable now.
            covered = log.covered_by(read_checkpoint(self))
            for first, end in covered:
                missing = [line for line in range(first, end) if line not in now]
                self.assertEqual(missing, [], f'round {number}: the checkpoint is ahead')
            times = now
        log.grow(100)
        log.close()
        self.run_once(config)
        numbers = [line for _, found in output.files() for line in found]
        lost = sorted(set(range(log.count)) - set(numbers))
        self.assertEqual(lost, [], 'lost lines')
        self.assertEqual(self.output_files('out/*.tmp'), [])
        self.assertEqual(set(FILLER.join(line.split(FILLER)[1:]) for line in self.lines(DATA)),
                         {b''}, 'lines that were torn')
        duplicates = len(numbers) - len(set(numbers))
        print(f'{self.id()}: {rounds} kills ({unfinished_rounds} before it was ready), '
              f'{log.count} lines, 0 lost, {duplicates} duplicates, '
              f'at most {most_at_once} of one kill', flush=True)


@harness.on_both_drivers
class KillSynced(Kill):
    def test_kill_at_random_instants(self):
        self.run_episodes('10ms')


if __name__ == '__main__':
    harness.main()
