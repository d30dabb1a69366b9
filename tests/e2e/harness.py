"""What every end-to-end test needs: the real program in a folder of its own.

A test describes a configuration, starts the program, waits for what the program says (never for
time to pass), and reads what it wrote. Ports are 0 in every configuration and read from the log.
Time-outs are bounds of failure only. Whatever a test starts dies with it, also when the test
itself is killed (setpriv --pdeathsig).

Environment: RUNNEL (path of the program), RUNNEL_EXPECT_URING=1 (io_uring must work here: a skip
becomes a failure), RUNNEL_SANITIZED=1 (memory is not compared with the ceiling), RUNNEL_SEED,
RUNNEL_TIMEOUT.
"""
import collections
import glob
import gzip
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

# Tests reach these through the harness.
from configurations import DATA, FILE_SINK, JSON_SINK, OBJECTS, pipeline  # noqa: F401
from sequences import FILLER, check_sequence, numbered, numbers_of  # noqa: F401

# Seconds until a test gives up: a bound of failure, nothing is expected to take this long.
TIMEOUT = float(os.environ.get('RUNNEL_TIMEOUT', '60'))
PAUSE = 0.004

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def program():
    path = os.environ.get('RUNNEL', '')
    if not os.access(path, os.X_OK):
        sys.exit('RUNNEL must be the path of the program to test')
    return os.path.abspath(path)


def wait_until(condition, what, timeout=TIMEOUT):
    """Returns the first value of condition() that is true."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'gave up waiting for {what}')
        time.sleep(PAUSE)


# --- drivers --------------------------------------------------------------------------------------

_uring_refusal = None


def uring_refusal():
    """Why io_uring cannot be used here; '' when it can."""
    global _uring_refusal
    if _uring_refusal is None:
        with tempfile.TemporaryDirectory(prefix='runnel-probe-') as folder:
            path = os.path.join(folder, 'probe.toml')
            with open(path, 'w') as file:
                file.write('[sources.s]\ntype = "generate"\nchannels = ["c"]\n'
                           '[channels.c]\ntype = "memory"\n'
                           '[sinks.n]\ntype = "null"\nchannel = "c"\n')
            done = subprocess.run([program(), 'validate', '-c', path, '--driver', 'uring'],
                                  capture_output=True, text=True, timeout=TIMEOUT)
            _uring_refusal = '' if done.returncode == 0 else (done.stderr.strip() or 'no reason')
    return _uring_refusal


def on_both_drivers(base):
    """Replaces a test class by two: NAME_uring and NAME_asio."""
    module = sys.modules[base.__module__]
    for driver in ('uring', 'asio'):
        name = f'{base.__name__}_{driver}'
        setattr(module, name, type(name, (base,), {'driver': driver, '__module__': module.__name__,
                                                   '__qualname__': name, '__test__': True}))
    return None


def skip_without(command):
    return unittest.skipUnless(os.access(command, os.X_OK), f'needs {command}')


def free_port():
    """For a server that must be told its port. Somebody else might take it before that."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def skip_without_root(function):
    return unittest.skipUnless(os.geteuid() == 0, 'needs root')(function)


# --- the program ----------------------------------------------------------------------------------

_UNITS = {'B': 1, 'KiB': 1 << 10, 'MiB': 1 << 20, 'GiB': 1 << 30}


def bytes_from_human(text):
    """The most that '9.8 MiB' can stand for, which was rounded to what it shows."""
    number, unit = re.fullmatch(r'([0-9.]+) (B|KiB|MiB|GiB)', text).groups()
    decimals = len(number.partition('.')[2])
    rounding = 0 if unit == 'B' else 10.0 ** -decimals
    return int((float(number) + rounding) * _UNITS[unit])


class Agent:
    """One process of the program, started by Scenario.start()."""

    def __init__(self, scenario, command, log_path, environment, stdout):
        self._scenario = scenario
        self._log_path = log_path
        self.peak_bytes = 0
        self._log_file = open(log_path, 'wb')
        self._process = subprocess.Popen(
            ['setpriv', '--pdeathsig', 'KILL'] + command, stdin=subprocess.DEVNULL,
            stdout=stdout if stdout is not None else subprocess.DEVNULL, stderr=self._log_file,
            env={**os.environ, **environment}, cwd=scenario.folder)
        self._log_file.close()

    @property
    def pid(self):
        return self._process.pid

    @property
    def log(self):
        with open(self._log_path, 'rb') as file:
            return file.read().decode('utf-8', 'replace')

    def log_lines(self, pattern):
        return [line for line in self.log.splitlines() if re.search(pattern, line)]

    def alive(self):
        return self._process.poll() is None

    def sample_memory(self):
        """VmHWM only grows, so the last sample before the end is the peak."""
        try:
            with open(f'/proc/{self.pid}/status') as file:
                text = file.read()
        except (FileNotFoundError, ProcessLookupError):
            return
        name = re.search(r'^Name:\s*(\S+)', text, re.M)
        found = re.search(r'^VmHWM:\s*(\d+) kB', text, re.M)
        if found and name and name.group(1) != 'setpriv':
            self.peak_bytes = max(self.peak_bytes, int(found.group(1)) * 1024)

    def resident_bytes(self):
        with open(f'/proc/{self.pid}/status') as file:
            return int(re.search(r'^VmRSS:\s*(\d+) kB', file.read(), re.M).group(1)) * 1024

    def wait_log(self, pattern, count=1, timeout=TIMEOUT):
        """Waits for the `count`-th place in the log where `pattern` matches; returns that match."""
        compiled = re.compile(pattern, re.M)

        def found():
            ended = not self.alive()
            matches = list(compiled.finditer(self.log))
            if len(matches) >= count:
                return matches[count - 1]
            if ended:
                raise AssertionError(f'the program ended ({self._process.returncode}) without '
                                     f'saying {pattern!r}; it said:\n{self.log[-4000:]}')
            self.sample_memory()
            return None

        try:
            return wait_until(found, f'{pattern!r} in the log', timeout)
        except AssertionError as error:
            raise AssertionError(f'{error}\n--- log ---\n{self.log[-4000:]}') from None

    def ready(self):
        self.wait_log(r'agent: ready$')
        return self

    def port(self, component, transport='tcp', nth=1):
        """The port that the kernel chose for the nth address of this transport."""
        found = self.wait_log(
            rf'sources\.{component}: listening on {transport}://\S*:(\d+)', count=nth)
        return int(found.group(1))

    def send_signal(self, number):
        self._process.send_signal(number)

    def wait(self, timeout=TIMEOUT):
        """Waits until it has ended by itself; returns the exit code."""

        def ended():
            self.sample_memory()
            return not self.alive()

        try:
            wait_until(ended, 'the end of the program', timeout)
        except AssertionError as error:
            raise AssertionError(f'{error}\n--- log ---\n{self.log[-4000:]}') from None
        self._scenario.check_memory(self)
        return self._process.returncode

    def stop(self, number=signal.SIGTERM):
        self.sample_memory()
        self.send_signal(number)
        return self.wait()

    def kill(self):
        self.sample_memory()
        if self.alive():
            self._process.kill()
        self._process.wait(TIMEOUT)
        self._scenario.check_memory(self)

    def end_quietly(self):
        """For clean-up: also a process that was stopped by SIGSTOP dies."""
        if self.alive():
            self._process.kill()
            self._process.wait(TIMEOUT)

    def ceiling_bytes(self):
        found = re.search(r'memory ceiling ([0-9.]+ [KMG]?i?B)', self.log)
        return bytes_from_human(found.group(1)) if found else None

    def summary(self):
        """{'sources.app': {'received_events': 12}, ...}; a counter that is not there is 0."""
        parts = {}
        text = self.log
        at = text.rfind('summary: ')
        if at < 0:
            raise AssertionError(f'there is no summary in:\n{text[-4000:]}')
        for line in text[at:].splitlines()[1:]:
            found = re.fullmatch(r'  ((?:sources|channels|sinks)\.\S+): (.*)', line)
            if found:
                counters = collections.Counter()
                for name, value in re.findall(r'(\w+) (\d+)', found.group(2)):
                    counters[name] = int(value)
                parts[found.group(1)] = counters
        return parts

    def received(self, source):
        return self.summary()[f'sources.{source}']['received_events']

    def sent(self, sink):
        return self.summary()[f'sinks.{sink}']['sent_events']


# --- what a test is made of -----------------------------------------------------------------------

class Scenario(unittest.TestCase):
    """A test with a folder of its own and the processes that it starts."""
    driver = 'auto'
    maxDiff = 2000

    def setUp(self):
        if self.driver == 'uring' and uring_refusal():
            if os.environ.get('RUNNEL_EXPECT_URING') == '1':
                self.fail(f'io_uring is expected here, but: {uring_refusal()}')
            self.skipTest(f'io_uring is refused: {uring_refusal()}')
        self.folder = tempfile.mkdtemp(prefix='runnel-e2e-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self._runs = 0

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def make_folder(self, *parts):
        os.makedirs(self.path(*parts), exist_ok=True)
        return self.path(*parts)

    def write(self, name, content, mode='wb'):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(content, str):
            content = content.encode()
        with open(path, mode) as file:
            file.write(content)
        return path

    def append(self, name, content):
        return self.write(name, content, 'ab')

    def config(self, text, name='runnel.toml'):
        """Writes a configuration; FOLDER in it stands for the folder of this test."""
        return self.write(name, text.replace('FOLDER', self.folder))

    def start(self, config, *arguments, once=False, environment=None, stdout=None, user=None,
              command='run'):
        """`config` is the text of a configuration, or the path of one."""
        if '\n' in config:
            config = self.config(config)
        self._runs += 1
        words = [program(), command, '-c', config]
        if '--driver' not in arguments:
            words += ['--driver', self.driver]
        words += (['--once'] if once else []) + list(arguments)
        if user is not None:
            words = ['setpriv', '--reuid', user, '--clear-groups', '--inh-caps=-all',
                     '--bounding-set=-all'] + words
        agent = Agent(self, words, self.path(f'log-{self._runs}'), environment or {}, stdout)
        self.addCleanup(agent.end_quietly)
        return agent

    def run_once(self, config, *arguments, expect=0, **options):
        agent = self.start(config, *arguments, once=True, **options)
        code = agent.wait()
        self.assertEqual(code, expect, f'exit code; the log:\n{agent.log[-4000:]}')
        return agent

    def stopped_well(self, agent):
        code = agent.stop()
        self.assertEqual(code, 0, f'exit code; the log:\n{agent.log[-4000:]}')
        return agent

    def command(self, *words, expect=0, environment=None):
        """Runs a command of the program that ends by itself; returns (output, errors)."""
        done = subprocess.run([program(), *words], capture_output=True, timeout=TIMEOUT,
                              cwd=self.folder, env={**os.environ, **(environment or {})})
        output, errors = (part.decode('utf-8', 'replace') for part in (done.stdout, done.stderr))
        self.assertEqual(done.returncode, expect, f'of {words}: {output}{errors}')
        return output, errors

    def process(self, *words, **options):
        """Another program, which ends with the test at the latest."""
        options.setdefault('stdin', subprocess.DEVNULL)
        process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', *words], **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait(TIMEOUT)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

        self.addCleanup(end)
        return process

    def check_memory(self, agent):
        ceiling = agent.ceiling_bytes()
        if ceiling is None or os.environ.get('RUNNEL_SANITIZED') == '1':
            return
        self.assertLessEqual(agent.peak_bytes, ceiling, 'peak RSS (VmHWM) against the ceiling')

    # --- reading what was written ---

    def output_files(self, pattern):
        """In the order in which they were written: by their last change, unfinished ones last."""

        def order(path):
            number = re.search(r'-(\d+)\.', os.path.basename(path))
            try:
                changed = os.stat(path).st_mtime_ns
            except FileNotFoundError:  # renamed meanwhile
                changed = 0
            return (path.endswith('.tmp'), changed, int(number.group(1)) if number else 0)

        return sorted(glob.glob(self.path(pattern)), key=order)

    def output(self, pattern):
        """The content of all files that match, each decompressed by what its name says."""
        return b''.join(decompressed(path) for path in self.output_files(pattern))

    def lines(self, pattern):
        content = self.output(pattern)
        return content.split(b'\n')[:-1] if content else []

    def objects(self, pattern):
        return [json.loads(line) for line in self.lines(pattern)]

    def wait_lines(self, pattern, count, timeout=TIMEOUT):
        """Until at least so many lines can be read, in finished and unfinished files."""

        def enough():
            try:
                lines = self.lines(pattern)
            except FileNotFoundError:  # renamed between listing and reading
                return None
            return lines if len(lines) >= count else None

        try:
            return wait_until(enough, f'{count} lines in {pattern}', timeout)
        except AssertionError as error:
            raise AssertionError(f'{error}; there are {len(self.lines(pattern))}') from None

    def assert_sequence(self, lines, count, prefix=b'', what='lines'):
        """Lines made by `numbered`: all there, once, in order."""
        found = check_sequence(lines, count, prefix)
        self.assertEqual((found.lost, found.duplicates, found.unordered, found.foreign),
                         ([], 0, 0, []), f'{what} (lost, duplicates, out of order, foreign)')


def decompressed(path):
    """An unfinished file may end inside a frame: what is whole before that is what it holds."""
    name = path.removesuffix('.tmp')
    unfinished = name != path
    if name.endswith('.zst'):
        with open(path, 'rb') as file:
            done = subprocess.run(['zstd', '-dcq'], stdin=file, capture_output=True,
                                  timeout=TIMEOUT)
        if done.returncode != 0 and not unfinished:
            raise AssertionError(f'{path}: {done.stderr.decode()}')
        return done.stdout
    with open(path, 'rb') as file:
        content = file.read()
    if not name.endswith('.gz'):
        return content
    if not unfinished:
        return gzip.decompress(content)
    done = subprocess.run(['gzip', '-dc'], input=content, capture_output=True, timeout=TIMEOUT)
    return done.stdout


# --- running --------------------------------------------------------------------------------------

def seeded_random():
    seed = int(os.environ.get('RUNNEL_SEED', 0)) or int.from_bytes(os.urandom(4), 'little')
    print(f'seed {seed} (RUNNEL_SEED={seed} repeats it)', flush=True)
    return random.Random(seed)


class _Result(unittest.TextTestResult):
    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f'SKIPPED: {test.id()}: {reason}', flush=True)


def main():
    """Runs the tests of the calling file; skipped ones are named and counted."""
    program()
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=_Result)
    ended = unittest.main(module='__main__', testRunner=runner, exit=False)
    result = ended.result
    print(f'{result.testsRun} tests, {len(result.skipped)} SKIPPED', flush=True)
    sys.exit(0 if result.wasSuccessful() else 1)
