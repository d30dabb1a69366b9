"""Goal: a disk that is full, missing, read-only or forbidden stops the delivery, never the agent;
nothing is lost, and it goes on by itself.
Method: real mounts (a tmpfs of a few hundred KB) where that is allowed, real permissions."""
import os
import shutil
import subprocess

import harness
from harness import DATA, FILE_SINK, numbered, pipeline

TAIL = '''
type = "tail"
paths = ["FOLDER/log/*.log"]
'''
# Not compressed, so that it is the disk that ends, and soon.
SINK = '''
type = "file"
path = "FOLDER/out/data.log"
batch = { max_bytes = "32KiB", linger = "10ms" }
fsync = "20ms"
retry = { first = "10ms", longest = "50ms" }
roll = { max_bytes = "100KiB" }
'''
PLAIN = 'out/data*.log*'
OK, UNAVAILABLE, IO = 0, 69, 74


@harness.on_both_drivers
class Disk(harness.Scenario):

    def mount(self, size, options=''):
        if os.geteuid() != 0:
            self.skipTest('mounting needs root')
        folder = self.make_folder('out')
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}{options}', 'runnel-test',
                               folder], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f'tmpfs cannot be mounted: {done.stderr.strip()}')
        self.addCleanup(subprocess.run, ['umount', '-l', folder], capture_output=True)

    def test_a_full_disk(self):
        self.mount('400k')
        ballast = self.write('out/ballast', bytes(150 << 10))
        self.write('log/a.log', numbered(0, 10000))  # 800 KB, and the disk has 250 KB
        agent = self.start(pipeline(TAIL, sink=SINK)).ready()
        agent.wait_log(r'ERROR .*sinks\.out: .*[Nn]o (space|room)|ERROR .*sinks\.out: .*full')
        agent.wait_log('cannot deliver')
        self.assertTrue(agent.alive())
        # Room, but not enough: on it goes and stops again.
        os.unlink(ballast)
        agent.wait_log('room again')
        agent.wait_log(r'ERROR .*sinks\.out', count=2)
        # Somebody carries finished files away: in the end all of it has come.
        kept = []

        def carry_away():
            for path in self.output_files(PLAIN):
                if not path.endswith('.tmp'):
                    with open(path, 'rb') as file:
                        kept.append(file.read())
                    os.unlink(path)
            delivered = sum(content.count(b'\n') for content in kept) + len(self.lines(PLAIN))
            return delivered >= 10000

        harness.wait_until(carry_away, 'all lines')
        self.assertEqual(agent.stop(), OK, agent.log)
        content = b''.join(kept) + self.output(PLAIN)
        self.assert_sequence(content.split(b'\n')[:-1], 10000)
        self.assertGreater(agent.summary()['sinks.out']['retries'], 0)
        self.assertLess(len(agent.log_lines('ERROR')), 50, 'a state is not said again and again')

    def test_a_full_disk_at_stop_and_the_start_after_it(self):
        self.mount('200k')
        self.write('log/a.log', numbered(0, 10000))
        config = pipeline(TAIL, sink=SINK, agent='drain_timeout = "100ms"')
        agent = self.start(config).ready()
        agent.wait_log('cannot deliver')
        self.assertEqual(agent.stop(), UNAVAILABLE, agent.log)
        self.assertRegex(agent.log, r'sinks\.out: not drained')
        # The disk is still full at the next start, and then grows.
        agent = self.start(config).ready()
        agent.wait_log('cannot deliver')
        subprocess.run(['mount', '-o', 'remount,size=4m', self.path('out')], check=True)
        self.wait_lines(PLAIN, 10000)
        self.assertEqual(agent.stop(), OK, agent.log)
        found = harness.check_sequence(self.lines(PLAIN), 10000)
        self.assertEqual((found.lost, found.foreign), ([], []))

    def test_a_full_disk_for_the_checkpoint(self):
        """state_dir is on the full disk: the data goes on, and is repeated rather than lost."""
        self.mount('64k')
        self.write('log/a.log', numbered(0, 1000))
        config = pipeline(TAIL + 'checkpoint_interval = "20ms"', sink=FILE_SINK.replace(
            'FOLDER/out/', 'FOLDER/data/')).replace('FOLDER/state', 'FOLDER/out/state')
        agent = self.start(config).ready()
        self.wait_lines('data/*.zst*', 1000)
        with open(self.path('out/ballast'), 'wb', buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        self.append('log/a.log', numbered(1000, 1000))
        self.wait_lines('data/*.zst*', 2000)
        agent.wait_log(r'(WARN|ERROR) .*checkpoint')
        os.unlink(self.path('out/ballast'))
        self.append('log/a.log', numbered(2000, 1000))
        self.wait_lines('data/*.zst*', 3000)
        self.assertEqual(agent.stop(), OK, agent.log)
        again = self.run_once(config)
        self.assertEqual(again.received('in'), 0)
        self.assert_sequence(self.lines('data/*.zst*'), 3000)

    def test_a_read_only_file_system(self):
        self.mount('200k', ',ro')
        agent = self.start(pipeline(TAIL, sink=SINK))
        self.assertEqual(agent.wait(), IO, agent.log)
        self.assertRegex(agent.log, r'sinks\.out.*out.*[Rr]ead-only')

    def test_a_folder_where_the_file_should_be(self):
        self.make_folder('out/data.log')
        agent = self.start(pipeline(TAIL, sink=SINK))
        self.assertEqual(agent.wait(), IO, agent.log)
        self.assertRegex(agent.log, r'sinks\.out.*data\.log.*folder')

    def test_a_file_where_the_folder_should_be(self):
        self.write('out', b'not a folder')
        agent = self.start(pipeline(TAIL, sink=SINK))
        self.assertEqual(agent.wait(), IO, agent.log)
        self.assertRegex(agent.log, r'sinks\.out.*out')
        with open(self.path('out'), 'rb') as file:
            self.assertEqual(file.read(), b'not a folder')

    def test_a_folder_among_the_tailed_files(self):
        self.make_folder('log/folder.log')
        self.write('log/a.log', numbered(0, 10))
        self.run_once(pipeline(TAIL, sink=SINK))
        self.assert_sequence(self.lines(PLAIN), 10)

    @harness.skip_without_root
    def test_permission_denied(self):
        os.chmod(self.folder, 0o755)
        os.chmod(self.make_folder('state'), 0o777)
        os.chmod(self.make_folder('out'), 0o755)
        agent = self.start(pipeline(TAIL, sink=SINK), user='nobody')
        self.assertEqual(agent.wait(), IO, agent.log)
        self.assertRegex(agent.log, r'sinks\.out.*out.*[Pp]ermi')

    @harness.skip_without_root
    def test_state_dir_permission_denied(self):
        os.chmod(self.folder, 0o755)
        os.chmod(self.make_folder('out'), 0o777)
        agent = self.start(pipeline(TAIL, sink=SINK), user='nobody')
        self.assertEqual(agent.wait(), IO, agent.log)
        self.assertRegex(agent.log, r'state_dir.*[Pp]ermi')

    def test_the_output_folder_goes_while_running(self):
        """What was in it is gone with it; what comes later is delivered."""
        self.write('log/a.log', numbered(0, 1000))
        config = pipeline(TAIL, sink=SINK)
        agent = self.start(config).ready()
        self.wait_lines(PLAIN, 1000)
        shutil.rmtree(self.path('out'))
        self.append('log/a.log', numbered(1000, 8000))  # rolls several times
        self.wait_lines(PLAIN, 4000)
        self.append('log/a.log', numbered(9000, 1000))
        self.assertEqual(agent.stop(), OK, agent.log)
        self.run_once(config)
        numbers = list(harness.numbers_of(self.lines(PLAIN)))
        self.assertEqual(numbers[-1], 9999)
        missing = set(range(10000)) - set(numbers)
        # Only what lay in the removed folder's open file: less than one roll behind the 1000.
        self.assertLess(max(missing, default=0), 1000 + 2 * (100 << 10) // 80)

    def test_leftovers_of_others_are_left_alone(self):
        """An unfinished file that ends inside a frame is cut; foreign files stay as they are."""
        self.write('out/other.txt', b'mine')
        self.write('out/data.log.zst.tmp', b'this is no zstd frame')
        self.write('log/a.log', numbered(0, 100))
        agent = self.run_once(pipeline(TAIL))
        with open(self.path('out/other.txt'), 'rb') as file:
            self.assertEqual(file.read(), b'mine')
        self.assertRegex(agent.log, r'data\.log\.zst\.tmp')
        survivors = [name for name in os.listdir(self.path('out')) if 'broken' in name]
        self.assertEqual(len(survivors), 1, os.listdir(self.path('out')))
        self.assert_sequence(
            [line for path in self.output_files(DATA) if 'broken' not in path
             for line in harness.decompressed(path).splitlines()], 100)


if __name__ == '__main__':
    harness.main()
