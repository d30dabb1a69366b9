"""Goal: what is appended to the files arrives once and in order, whatever happens to the files.
Method: append, rename, truncate, delete, make new ones, stop and start; read what was written."""
import os
import shutil

import harness
from harness import DATA, OBJECTS, numbered, pipeline

TAIL = '''
type = "tail"
paths = ["FOLDER/log/*.log*"]
poll_interval = "50ms"
checkpoint_interval = "50ms"
'''


@harness.on_both_drivers
class Tail(harness.Scenario):

    def setUp(self):
        super().setUp()
        self.make_folder('log')

    def test_append_and_new_files(self):
        self.append('log/a.log', numbered(0, 10, b'a'))
        agent = self.start(pipeline(TAIL)).ready()
        self.wait_lines(DATA, 10)
        self.append('log/a.log', numbered(10, 10, b'a'))
        self.wait_lines(DATA, 20)
        self.append('log/b.log', numbered(0, 30, b'b'))
        lines = self.wait_lines(DATA, 50)
        self.stopped_well(agent)
        self.assert_sequence([line for line in lines if line[:1] == b'a'], 20, b'a')
        self.assert_sequence([line for line in lines if line[:1] == b'b'], 30, b'b')
        self.assertEqual(agent.received('in'), 50)
        self.assertEqual(agent.sent('out'), 50)

    def test_start_at_end(self):
        self.append('log/a.log', b'old\nhalf of')
        agent = self.start(pipeline(TAIL + 'start_at = "end"')).ready()
        # What is new after the start is read from its beginning.
        self.append('log/b.log', numbered(0, 5, b'b'))
        self.wait_lines(DATA, 5)
        self.append('log/a.log', b' a line\nnew\n')
        lines = self.wait_lines(DATA, 6)
        self.stopped_well(agent)
        self.assertIn(b'new', lines)
        self.assertNotIn(b'old', lines)

    def test_rotation_by_rename(self):
        self.append('log/a.log', numbered(0, 100))
        agent = self.start(pipeline(TAIL)).ready()
        self.wait_lines(DATA, 100)
        written = 100
        for round_number in range(1, 6):
            self.append('log/a.log', numbered(written, 50))
            os.rename(self.path('log/a.log'), self.path(f'log/a.log.{round_number}'))
            # The writer still has the old file open for a while.
            self.append(f'log/a.log.{round_number}', numbered(written + 50, 50))
            self.append('log/a.log', numbered(written + 100, 50))
            written += 150
            self.wait_lines(DATA, written)
        self.stopped_well(agent)
        self.assert_sequence(self.lines(DATA), written)

    def test_rotation_out_of_sight(self):
        """The new name does not match: the file is read to its end all the same."""
        self.append('log/a.log', numbered(0, 100))
        agent = self.start(pipeline(TAIL)).ready()
        self.wait_lines(DATA, 100)
        self.make_folder('old')
        self.append('log/a.log', numbered(100, 100))
        os.rename(self.path('log/a.log'), self.path('log/x-a'))
        self.append('log/x-a', numbered(200, 100))
        self.append('log/a.log', numbered(300, 100))
        self.wait_lines(DATA, 400)
        self.stopped_well(agent)
        found = harness.check_sequence(self.lines(DATA), 400)
        self.assertEqual((found.lost, found.duplicates, found.foreign), ([], 0, []))

    def test_copytruncate(self):
        self.append('log/a.log', numbered(0, 100))
        agent = self.start(pipeline(TAIL)).ready()
        self.wait_lines(DATA, 100)
        self.make_folder('old')
        for round_number in range(1, 5):
            # copytruncate loses by its nature what is written between the copy and the truncation;
            # here nobody writes then.
            shutil.copyfile(self.path('log/a.log'), self.path(f'old/a.{round_number}'))
            os.truncate(self.path('log/a.log'), 0)
            self.append('log/a.log', numbered(round_number * 100, 100))
            self.wait_lines(DATA, (round_number + 1) * 100)
        self.stopped_well(agent)
        self.assert_sequence(self.lines(DATA), 500)

    def test_truncated_and_grown_beyond_the_old_size_while_down(self):
        self.append('log/a.log', numbered(0, 100))
        self.run_once(pipeline(TAIL))
        os.truncate(self.path('log/a.log'), 0)
        self.append('log/a.log', numbered(100, 300))
        self.run_once(pipeline(TAIL))
        self.assert_sequence(self.lines(DATA), 400)

    def test_deletion(self):
        self.append('log/a.log', numbered(0, 100))
        agent = self.start(pipeline(TAIL)).ready()
        self.wait_lines(DATA, 100)
        os.unlink(self.path('log/a.log'))
        self.append('log/a.log', numbered(100, 100))
        self.wait_lines(DATA, 200)
        os.unlink(self.path('log/a.log'))
        self.append('log/b.log', numbered(200, 1))
        self.wait_lines(DATA, 201)
        self.stopped_well(agent)
        self.assert_sequence(self.lines(DATA), 201)

    def test_folder_that_appears_and_goes(self):
        agent = self.start(pipeline(TAIL.replace('log/*.log*', 'apps/*/*.log'))).ready()
        self.append('apps/one/a.log', numbered(0, 10, b'1'))
        self.wait_lines(DATA, 10)
        self.append('apps/two/a.log', numbered(0, 10, b'2'))
        self.wait_lines(DATA, 20)
        shutil.rmtree(self.path('apps/one'))
        self.append('apps/one/a.log', numbered(10, 10, b'1'))
        lines = self.wait_lines(DATA, 30)
        self.stopped_well(agent)
        self.assert_sequence([line for line in lines if line[:1] == b'1'], 20, b'1')

    def test_partial_last_line_waits_for_its_newline(self):
        self.append('log/a.log', b'whole\nfirst half,')
        agent = self.start(pipeline(TAIL)).ready()
        self.wait_lines(DATA, 1)
        self.append('log/b.log', b'other\n')
        self.wait_lines(DATA, 2)
        self.assertEqual(self.lines(DATA), [b'whole', b'other'])
        self.append('log/a.log', b' second half\n')
        lines = self.wait_lines(DATA, 3)
        self.stopped_well(agent)
        self.assertEqual(lines, [b'whole', b'other', b'first half, second half'])

    def test_partial_last_line_is_flushed_after_a_while(self):
        self.append('log/a.log', b'no newline')
        agent = self.start(pipeline(TAIL + 'flush_partial_after = "50ms"')).ready()
        self.wait_lines(DATA, 1)
        self.append('log/a.log', b' and more\n')
        lines = self.wait_lines(DATA, 2)
        self.stopped_well(agent)
        self.assertEqual(lines, [b'no newline', b' and more'])

    def test_binary_bytes(self):
        every = bytes(byte for byte in range(256) if byte != 10)
        content = every + b'\n\0\0\0\n' + b'\xff\xfe\n' + b'carriage\r\n\n' + b'end\n'
        self.append('log/a.log', content)
        self.run_once(pipeline(TAIL))
        self.assertEqual(self.output(DATA), content)
        # The same in JSON: text stays text, what is not UTF-8 is replaced and counted.
        agent = self.run_once(pipeline(TAIL, sink=harness.JSON_SINK)
                              .replace('FOLDER/state', 'FOLDER/state2'))
        bodies = [each['body'] for each in self.objects(OBJECTS)]
        self.assertEqual(bodies[1], '\0\0\0')
        self.assertEqual(bodies[2], '\ufffd\ufffd')
        self.assertEqual(bodies[0][:128], every[:127].decode() + bodies[0][127])
        self.assertGreater(agent.summary()['sinks.out']['replaced_characters'], 2)
        headers = self.objects(OBJECTS)[0]['headers']
        self.assertEqual(headers['file'], self.path('log/a.log'))

    def test_a_line_of_100_MB(self):
        size = 100 << 20
        with open(self.path('log/a.log'), 'wb') as file:
            file.write(b'before\n')
            for _ in range(size >> 20):
                file.write(b'x' * (1 << 20))
            file.write(b'\nafter\n')
        agent = self.run_once(pipeline(TAIL + 'event_bytes_max = "64KiB"', sink=harness.JSON_SINK))
        events = self.objects(OBJECTS)
        self.assertEqual([len(each['body']) for each in events], [6, 64 << 10, 5])
        self.assertEqual(int(events[1]['headers']['cut_bytes']), size - (64 << 10))
        self.assertEqual(events[2]['body'], 'after')
        self.assertEqual(agent.summary()['sources.in']['cut_events'], 1)

    def test_100_MB_without_any_newline(self):
        with open(self.path('log/a.log'), 'wb') as file:
            file.truncate(100 << 20)  # zeros, and no room on the disk
        agent = self.run_once(pipeline(TAIL))
        self.assertEqual(agent.summary()['sources.in']['cut_events'], 1)
        self.assertEqual([len(line) for line in self.lines(DATA)], [64 << 10])
        again = self.run_once(pipeline(TAIL))
        self.assertEqual(again.received('in'), 0)

    def test_a_thousand_files(self):
        count, each = 1000, 50
        for number in range(count):
            self.append(f'log/{number}.log', numbered(0, each, b'%d:' % number))
        agent = self.start(pipeline(TAIL + 'files_max = 1024')).ready()
        self.wait_lines(DATA, count * each)
        for number in range(0, count, 10):
            self.append(f'log/{number}.log', numbered(each, 5, b'%d:' % number))
        total = count * each + count // 10 * 5
        lines = self.wait_lines(DATA, total)
        self.stopped_well(agent)
        self.assertEqual(len(lines), total)
        by_file = {}
        for line in lines:
            by_file.setdefault(line.split(b':')[0], []).append(line)
        for number in range(count):
            self.assert_sequence(by_file[b'%d' % number], each + (5 if number % 10 == 0 else 0),
                                 b'%d:' % number)

    def test_more_files_than_files_max(self):
        for number in range(40):
            self.append(f'log/{number:02}.log', numbered(number * 10, 10))
        agent = self.run_once(pipeline(TAIL + 'files_max = 8'))
        lines = self.lines(DATA)
        # Either they get their turn, or it is said that they do not: never silently.
        if len(lines) < 400:
            self.assertRegex(agent.log, r'files_max')
        self.assertEqual(harness.check_sequence(lines, 400).duplicates, 0)

    def test_restart_goes_on_where_it_was(self):
        self.append('log/a.log', numbered(0, 1000))
        for number in range(4):
            agent = self.start(pipeline(TAIL)).ready()
            self.append('log/a.log', numbered(1000 + number * 200, 100))
            self.wait_lines(DATA, 1000 + number * 200 + 100)
            self.stopped_well(agent)
            self.append('log/a.log', numbered(1100 + number * 200, 100))
        self.run_once(pipeline(TAIL))
        self.assert_sequence(self.lines(DATA), 1800)

    def test_rotation_while_down(self):
        self.append('log/a.log', numbered(0, 100))
        self.run_once(pipeline(TAIL))
        self.append('log/a.log', numbered(100, 100))
        os.rename(self.path('log/a.log'), self.path('log/a.log.1'))
        self.append('log/a.log', numbered(200, 100))
        self.run_once(pipeline(TAIL))
        found = harness.check_sequence(self.lines(DATA), 300)
        self.assertEqual((found.lost, found.duplicates, found.foreign), ([], 0, []))

    def test_rotation_while_down_out_of_sight(self):
        """The rotated file is still there, under a name that does not match."""
        self.append('log/a.log', numbered(0, 100))
        self.run_once(pipeline(TAIL))
        self.append('log/a.log', numbered(100, 100))
        os.rename(self.path('log/a.log'), self.path('log/a.old'))
        self.append('log/a.log', numbered(200, 100))
        self.run_once(pipeline(TAIL))
        found = harness.check_sequence(self.lines(DATA), 300)
        self.assertEqual((found.lost, found.duplicates, found.foreign), ([], 0, []))

    def test_its_own_output_is_refused(self):
        path = self.config(pipeline(TAIL.replace('log/*.log*', 'out/*')))
        _, errors = self.command('validate', '-c', path, expect=78)
        self.assertRegex(errors, r'sinks\.out: .*data\.log\.zst.*sources\.in')
        self.assertIn('own output', errors)

    def test_its_own_output_is_skipped(self):
        """Through a symbolic link the paths do not show that they are the same."""
        self.make_folder('out')
        os.symlink(self.path('out'), self.path('seen'))
        self.append('out/other.txt', numbered(0, 10))
        agent = self.start(pipeline(TAIL.replace('log/*.log*', 'seen/*'))).ready()
        self.wait_lines(DATA, 10)
        self.append('out/other.txt', numbered(10, 10))
        lines = self.wait_lines(DATA, 20)
        self.stopped_well(agent)
        self.assert_sequence(lines, 20)

    def test_a_damaged_checkpoint_is_not_silently_used(self):
        self.append('log/a.log', numbered(0, 100))
        self.run_once(pipeline(TAIL))
        checkpoint = [name for name in os.listdir(self.path('state')) if name.startswith('tail-')]
        self.assertEqual(len(checkpoint), 1, checkpoint)
        path = self.path('state', checkpoint[0])
        with open(path, 'rb') as file:
            content = file.read()
        self.write(path, content[:-10])
        agent = self.run_once(pipeline(TAIL))
        self.assertRegex(agent.log, r'(WARN|ERROR).*checkpoint')
        # A later version is neither read nor overwritten.
        later = content.replace(b'checkpoint 1', b'checkpoint 9')
        self.write(path, later)
        agent = self.start(pipeline(TAIL), once=True)
        self.assertNotEqual(agent.wait(), 0)
        self.assertRegex(agent.log, r'later Runnel')
        with open(path, 'rb') as file:
            self.assertEqual(file.read(), later)


if __name__ == '__main__':
    harness.main()
