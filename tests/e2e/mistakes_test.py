"""Goal: whatever is wrong, the program says so in a line that helps, and ends with the right code.
Method: make the mistake, read the exit code and the words. (Mistakes inside the configuration file
have a table of their own.)"""
import json
import os
import signal
import socket

import harness
from harness import DATA, numbered, pipeline

TAIL = '''
type = "tail"
paths = ["FOLDER/log/*.log"]
'''
SYSLOG = '''
type = "syslog"
listen = ["tcp://127.0.0.1:PORT", "udp://127.0.0.1:0"]
'''
NULL = 'type = "null"'
JOURNAL = 'type = "journal"\npath = "FOLDER/main.journal"\n'
OK, USAGE, UNAVAILABLE, IO, CONFIGURATION = 0, 64, 69, 74, 78


class CommandLine(harness.Scenario):

    def refused(self, *words):
        output, errors = self.command(*words, expect=USAGE)
        self.assertEqual(output, '')
        self.assertEqual(errors.count('\n'), 1, f'one line: {errors}')
        return errors

    def test_wrong_usage(self):
        self.assertIn('"run"', self.refused('rum'))
        self.assertIn('command is missing', self.refused())
        self.assertIn('-c FILE', self.refused('run'))
        self.assertIn('-c FILE', self.refused('validate'))
        self.assertIn('--once', self.refused('run', '-c', 'x', '--onec'))
        self.assertIn('auto, uring, asio', self.refused('run', '-c', 'x', '--driver', 'epoll'))
        self.assertIn('tail', self.refused('list', 'tial'))
        self.assertIn('extra', self.refused('version', 'extra'))
        self.assertIn('text, json', self.refused('run', '-c', 'x', '--log-format', 'xml'))

    def test_help_version_list(self):
        output, errors = self.command('--help')
        self.assertIn('78', output)
        self.assertEqual(errors, '')
        self.assertRegex(self.command('version')[0], r'^runnel \d+\.\d+\.\d+\n$')
        output, _ = self.command('list')
        for name, activity in (('tail', 'active'), ('generate', 'active'), ('tcp', 'passive'),
                               ('udp', 'passive'), ('syslog', 'passive')):
            self.assertRegex(output, rf'{name}\s+{activity}\s+\S')
        for name in ('memory', 'file', 'console', 'null'):
            self.assertRegex(output, rf'\n  {name}\s+\S')
        output, _ = self.command('list', 'tail')
        self.assertRegex(output, r'start_at\s+text\s+"beginning"\s+beginning\|end\s+\S')

    def test_configuration_file(self):
        missing = self.path('missing.toml')
        for command in ('run', 'validate'):
            _, errors = self.command(command, '-c', missing, expect=CONFIGURATION)
            self.assertIn(missing, errors)
            self.assertRegex(errors, r'[Nn]o such|not there|does not exist')
            _, errors = self.command(command, '-c', self.folder, expect=CONFIGURATION)
            self.assertIn(self.folder, errors)
            self.assertIn('folder', errors)
        _, errors = self.command('run', '-c', self.config('[agent\n'), expect=CONFIGURATION)
        self.assertRegex(errors, r'runnel\.toml:1:\d+: ')
        _, errors = self.command('validate', '-c', self.config(
            pipeline(TAIL.replace('paths', 'path'), sink=NULL)), expect=CONFIGURATION)
        self.assertRegex(errors, r'runnel\.toml:\d+:\d+: .*"?path"?.*did you mean "paths"')

    @harness.skip_without_root
    def test_unreadable_configuration(self):
        path = self.config(pipeline(TAIL, sink=NULL))
        os.chmod(path, 0o600)
        os.chmod(self.folder, 0o755)
        agent = self.start(path, user='nobody')
        self.assertEqual(agent.wait(), CONFIGURATION)
        self.assertIn(path, agent.log)
        self.assertRegex(agent.log, r'[Pp]ermi')

    def test_memory_limit(self):
        config = self.config(pipeline(TAIL, sink=NULL, agent='memory_limit = "3MiB"',
                                      channel='type = "memory"\ncapacity = "8MiB"'))
        for command in ('run', 'validate'):
            _, errors = self.command(command, '-c', config, expect=CONFIGURATION)
            self.assertIn('memory_limit is 3.0 MiB', errors)
            self.assertRegex(errors, r'largest.*channels\.main 8\.0 MiB')

    def test_two_sources_on_one_address(self):
        """Told before anything starts, so with ports that nobody needs to have free."""
        other = '[sources.other]\ntype = "tcp"\nlisten = ["0.0.0.0:5514"]\nchannels = ["main"]\n'
        config = self.config(pipeline(SYSLOG.replace('PORT', '5514'), sink=NULL) + other)
        for command in ('run', 'validate'):
            _, errors = self.command(command, '-c', config, expect=CONFIGURATION)
            self.assertRegex(errors, r'sources\.other: it would listen on tcp://0\.0\.0\.0:5514, '
                                     r'and sources\.in listens on tcp://127\.0\.0\.1:5514; give')
        config = self.config(pipeline(SYSLOG.replace('PORT', '5515'), sink=NULL) + other)
        self.command('validate', '-c', config)

    def test_journal_options(self):
        def mistake(source, channel):
            config = self.config(pipeline(source, sink=NULL, channel=channel))
            for command in ('run', 'validate'):
                _, errors = self.command(command, '-c', config, expect=CONFIGURATION)
            self.assertEqual(errors.count('\n'), 1, errors)
            return errors

        self.assertRegex(mistake(TAIL, JOURNAL.replace('FOLDER/', '')),
                         r'runnel\.toml:\d+:\d+: channels\.main: path is not an absolute path')
        self.assertRegex(mistake(TAIL, 'type = "journal"'),
                         r'channels\.main: path is missing .*; add path = ')
        self.assertRegex(mistake(TAIL, JOURNAL + 'size = "64KiB"'),
                         r'channels\.main: size is below its minimum of 1MiB')
        self.assertRegex(mistake(TAIL, JOURNAL + 'size = "1MiB"\nmemory = "4MiB"\n'
                                                 'block_bytes = "1MiB"'),
                         r'channels\.main: size has no room for four blocks of block_bytes')
        self.assertRegex(mistake(TAIL, JOURNAL + 'memory = "256KiB"'),
                         r'channels\.main: memory is less than four times block_bytes')
        for sync in ('fast', '1ms', '2d'):
            self.assertRegex(mistake(TAIL, JOURNAL + f'sync = "{sync}"'),
                             r'channels\.main: sync is none of batch, never and a duration of '
                             r'10ms to 24h')
        self.assertRegex(mistake(TAIL, JOURNAL + 'block_bytes = "16KiB"'),
                         r'sources\.in: an event can take 65\.0 KiB, more than a block of '
                         r'channels\.main \(16\.0 KiB\); lower event_bytes_max or raise block_bytes')
        self.assertEqual([name for name in os.listdir(self.folder) if 'journal' in name], [])

    def test_once_without_a_source_that_ends(self):
        agent = self.start(pipeline(SYSLOG.replace('PORT', '0'), sink=NULL), once=True)
        self.assertEqual(agent.wait(), CONFIGURATION, agent.log)
        self.assertIn('--once', agent.log)

    def test_generate_ends(self):
        agent = self.run_once(pipeline('type = "generate"\ncount = 1000', sink=NULL))
        self.assertEqual(agent.sent('out'), 1000)


@harness.on_both_drivers
class Running(harness.Scenario):

    def test_second_agent_on_the_state_dir(self):
        first = self.start(pipeline(TAIL, sink=NULL)).ready()
        second = self.start(pipeline(TAIL, sink=NULL))
        self.assertEqual(second.wait(), UNAVAILABLE)
        self.assertRegex(second.log, rf'\b{first.pid}\b.*state_dir')
        self.stopped_well(first)
        self.stopped_well(self.start(pipeline(TAIL, sink=NULL)).ready())

    def test_state_dir_that_cannot_be(self):
        self.write('file', b'')
        agent = self.start(pipeline(TAIL, sink=NULL).replace('FOLDER/state', 'FOLDER/file/state'))
        self.assertEqual(agent.wait(), IO)
        self.assertIn('state_dir', agent.log)

    def journal_refused(self, code, pattern, channel=JOURNAL, **options):
        """Told in one line; what was there is as it was."""
        agent = self.start(pipeline(TAIL, sink=NULL, channel=channel), **options)
        self.assertEqual(agent.wait(), code, agent.log)
        self.assertEqual(len(agent.log_lines(' ERROR ')), 1, agent.log)
        self.assertRegex(agent.log, r'ERROR channels\.main: path ".*' + pattern)
        self.assertFalse(os.path.exists(self.path('main.journal.new')))

    def test_journal_whose_folder_cannot_be(self):
        self.write('main.journal', b'')
        self.journal_refused(IO, r'/main\.journal/a" has a folder that cannot be made: a part of the '
                                 r'path is not a folder', JOURNAL.replace('.journal', '.journal/a'))

    def test_journal_that_is_none(self):
        for content in (b'', b'mine', bytes(100_000), os.urandom(2 << 20)):
            path = self.write('main.journal', content)
            self.journal_refused(CONFIGURATION, r'main\.journal" is not a journal; it is left '
                                                r'alone: name another path, or move it away')
            with open(path, 'rb') as file:
                self.assertEqual(file.read(), content)
        os.unlink(path)
        self.make_folder('main.journal')
        self.journal_refused(IO, r'main\.journal" cannot be opened: it is a folder')

    def test_journal_with_larger_blocks(self):
        self.stopped_well(self.start(pipeline(TAIL, sink=NULL, channel=JOURNAL)).ready())
        small = JOURNAL + 'block_bytes = "96KiB"'
        self.journal_refused(CONFIGURATION, r'main\.journal" was made with block_bytes = 131072; set '
                                            r'it to no less, or name another path', small)

    def test_journal_of_two_agents(self):
        first = self.start(pipeline(TAIL, sink=NULL, channel=JOURNAL)).ready()
        other = pipeline(TAIL, sink=NULL, channel=JOURNAL).replace('FOLDER/state', 'FOLDER/other')
        second = self.start(self.config(other, 'other.toml'))
        self.assertEqual(second.wait(), UNAVAILABLE, second.log)
        self.assertRegex(second.log, rf'ERROR channels\.main: path ".*main\.journal" is in use by '
                                     rf'process {first.pid}; a journal belongs to one channel')
        self.stopped_well(first)
        self.stopped_well(self.start(self.path('other.toml')).ready())

    @harness.skip_without_root
    def test_journal_that_may_not_be_written(self):
        self.stopped_well(self.start(pipeline(TAIL, sink=NULL, channel=JOURNAL)).ready())
        os.chmod(self.folder, 0o777)
        for name in ('state', 'main.journal.lock'):
            os.chmod(self.path(name), 0o777)
        for name in os.listdir(self.path('state')):
            os.chmod(self.path('state', name), 0o666)
        os.chmod(self.path('main.journal'), 0o444)
        self.journal_refused(IO, r'main\.journal" cannot be opened: .*[Pp]ermi', user='nobody')

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(('127.0.0.1', 0))
            taken.listen()
            port = taken.getsockname()[1]
            agent = self.start(pipeline(SYSLOG.replace('PORT', str(port)), sink=NULL))
            self.assertEqual(agent.wait(), UNAVAILABLE)
        self.assertRegex(agent.log, rf'sources\.in: .*127\.0\.0\.1:{port}.*another')

    def test_address_of_another_machine(self):
        agent = self.start(pipeline(SYSLOG.replace('127.0.0.1:PORT', '192.0.2.1:0'), sink=NULL))
        self.assertEqual(agent.wait(), UNAVAILABLE)
        self.assertRegex(agent.log, r'192\.0\.2\.1.*not on this machine')

    @harness.skip_without_root
    def test_port_that_needs_a_capability(self):
        with open('/proc/sys/net/ipv4/ip_unprivileged_port_start') as file:
            if int(file.read()) <= 514:
                self.skipTest('every user may listen on port 514 here')
        os.chmod(self.folder, 0o777)
        agent = self.start(pipeline(SYSLOG.replace('PORT', '514'), sink=NULL), user='nobody')
        self.assertEqual(agent.wait(), UNAVAILABLE, agent.log)
        self.assertRegex(agent.log, r':514.*(?i:cap_net_bind_service)')

    def test_drain_timeout_under_once(self):
        """The sink stands still: its output is a pipe that nobody reads."""
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)
        self.write('log/a.log', numbered(0, 20000))
        agent = self.start(pipeline(TAIL, sink='type = "console"', agent='drain_timeout = "200ms"'),
                           once=True, stdout=write_end)
        os.close(write_end)
        self.assertEqual(agent.wait(), UNAVAILABLE, agent.log)
        self.assertRegex(agent.log, r'sinks\.out: not drained within 200\S* ms: \S+ [KM]?i?B')
        self.assertIn('summary: ', agent.log)
        # Nothing is lost: what was not delivered is read again.
        again = self.run_once(pipeline(TAIL))
        self.assertLessEqual(20000, again.received('in') + 2000)  # a pipe's worth was delivered
        lost = harness.check_sequence(self.lines(DATA), 20000).lost
        with open(read_end, 'rb', closefd=False) as pipe:
            os.set_blocking(read_end, False)
            first = pipe.read().split(b'\n')[:-1]
        self.assertEqual(set(lost) - set(harness.numbers_of(first)), set())

    def test_sighup_does_not_kill(self):
        agent = self.start(pipeline(TAIL)).ready()
        agent.send_signal(signal.SIGHUP)
        agent.wait_log('SIGHUP')
        self.write('log/a.log', numbered(0, 100))
        self.wait_lines(DATA, 100)
        self.stopped_well(agent)

    def test_sigpipe_does_not_kill(self):
        """The reader of the console goes away."""
        read_end, write_end = os.pipe()
        self.write('log/a.log', numbered(0, 10))
        agent = self.start(pipeline(TAIL, sink='type = "console"\nbatch.linger = "1ms"',
                                    agent='drain_timeout = "100ms"'), stdout=write_end).ready()
        os.close(write_end)
        os.close(read_end)
        self.write('log/b.log', numbered(0, 10))
        agent.wait_log('cannot deliver')
        self.assertTrue(agent.alive())
        self.assertEqual(agent.stop(), UNAVAILABLE, agent.log)

    def test_sigint_drains(self):
        self.write('log/a.log', numbered(0, 5000))
        agent = self.start(pipeline(TAIL)).ready()
        self.wait_lines(DATA, 1)
        self.assertEqual(agent.stop(signal.SIGINT), OK)
        self.assert_sequence(self.lines(DATA), agent.received('in'))
        self.assertEqual(self.output_files('out/*.tmp'), [])

    def test_second_sigterm_stops_at_once(self):
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)
        self.write('log/a.log', numbered(0, 20000))
        agent = self.start(pipeline(TAIL, sink='type = "console"', agent='drain_timeout = "1h"'),
                           stdout=write_end).ready()
        os.close(write_end)
        agent.send_signal(signal.SIGTERM)
        agent.wait_log('agent: stopping')
        agent.send_signal(signal.SIGTERM)
        self.assertEqual(agent.wait(), UNAVAILABLE)
        self.assertIn('second stop signal', agent.log)

    def test_json_logs(self):
        agent = self.start(pipeline(TAIL, sink=NULL), '--log-format', 'json')
        agent.wait_log('"message":"ready"')
        self.assertEqual(agent.stop(), OK)
        lines = agent.log[:agent.log.index('summary: ')].splitlines()
        self.assertGreater(len(lines), 3)
        for line in lines:
            entry = json.loads(line)
            self.assertEqual(set(entry), {'time', 'level', 'component', 'message'})
            self.assertIn(entry['level'], ('debug', 'info', 'warn', 'error'))

    def test_what_runs_is_logged(self):
        agent = self.start(pipeline(TAIL, sink=NULL)).ready()
        self.assertRegex(agent.log, r'driver: .*' + ('uring' if self.driver == 'uring' else 'asio'))
        self.assertRegex(agent.log, r'memory ceiling \d')
        self.stopped_well(agent)


if __name__ == '__main__':
    harness.main()
