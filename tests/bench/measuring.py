"""Running one program and knowing what it cost.

The program under test is pinned to core 0, everything that feeds it to core 1. CPU time and peak
memory come from the kernel's account of that one process (bench_measure), never from a timer here.
"""
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import time

CORE_UNDER_TEST = 0
CORE_OF_FEEDERS = 1
START_SECONDS_MAX = 15
END_SECONDS_MAX = 120
TICKS_PER_SECOND = os.sysconf('SC_CLK_TCK')


class Failed(Exception):
    """A run whose figures mean nothing: a count is wrong, a program did not start or end well."""


class Skipped(Exception):
    """This machine cannot do what the workload needs."""


@dataclasses.dataclass
class Usage:
    wall: float
    user: float
    system: float
    peak_kib: int
    voluntary: int
    involuntary: int
    status: int

    @property
    def cpu(self):
        return self.user + self.system


@dataclasses.dataclass
class Tools:
    """Where things are, and how a run begins."""
    runnel: pathlib.Path
    folder: pathlib.Path  # of bench_blast and the others
    work: pathlib.Path    # inputs, outputs, configurations: gigabytes
    peers: pathlib.Path   # what was unpacked from packages
    smoke: bool = False   # only counts are looked at: wait for less, fetch nothing

    def tool(self, name):
        return str(self.folder / f'bench_{name}')

    @property
    def out(self):
        return self.work / 'out'

    def fresh(self):
        """An empty folder for outputs, and no dirty pages of the run before."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)
        os.sync()

    @property
    def linger_seconds(self):
        return 0.05 if self.smoke else 1

    def measured(self, command, port=0, environment=None):
        return Measured(self, [str(part) for part in command], port, environment)

    def lines_file(self, size):
        """A file of log lines, made once; (path, lines)."""
        path = self.work / f'lines-{size}.log'
        count = path.with_suffix('.count')
        if not count.exists() or not path.exists():
            made = subprocess.run([self.tool('loglines'), str(path), str(size)], check=True,
                                  capture_output=True, text=True)
            count.write_text(made.stdout)
        with path.open('rb') as file:  # into the page cache
            while file.read(1 << 20):
                pass
        return path, int(count.read_text().split()[0])

    def blast(self, transport, form, port, connections, messages, rate=0):
        """Seconds until the kernel had taken everything."""
        command = ['taskset', '-c', str(CORE_OF_FEEDERS), self.tool('blast'), transport, form,
                   str(port), str(connections), str(messages)] + ([str(rate)] if rate else [])
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return float(done.stdout.split()[2])


class Awake:
    """Two programs that spin on what nobody else wants of the two cores. A halted virtual core takes a
    tenth of a millisecond to wake, which would be most of what waiting for an answer costs."""

    def __enter__(self):
        spin = 'echo 19 > /proc/$$/autogroup; while :; do :; done'
        self.spinners = [
            subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', 'taskset', '-c', str(core), 'chrt',
                              '-i', '0', 'sh', '-c', spin], stderr=subprocess.DEVNULL,
                             start_new_session=True)
            for core in (CORE_UNDER_TEST, CORE_OF_FEEDERS)]
        return self

    def __exit__(self, *_):
        for spinner in self.spinners:
            spinner.kill()
            spinner.wait()


class Measured:
    """A running program."""

    def __init__(self, tools, command, port, environment):
        self.report = tools.work / 'report'
        self.report.unlink(missing_ok=True)
        self.log = tools.work / 'log'
        self.command = command
        self.pid = 0
        with self.log.open('wb') as log:
            self.process = subprocess.Popen(
                ['taskset', '-c', str(CORE_OF_FEEDERS), tools.tool('measure'), str(self.report),
                 str(CORE_UNDER_TEST), str(port)] + command,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(environment or {})})
        self.pid = int(self.wait_for(lambda: self.line_of_report(0)))

    def line_of_report(self, index):
        """Empty until that line is whole. A short run has all of them at once."""
        lines = (self.report.read_text() if self.report.exists() else '').split('\n')
        return lines[index] if len(lines) > index + 1 else ''

    def seconds_until_listening(self):
        """From its start until its port took a connection."""
        return float(self.wait_for(lambda: self.line_of_report(1)))

    def wait_for(self, look, seconds=START_SECONDS_MAX):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := look():
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.002)
        if found := look():
            return found
        self.kill()
        raise Failed(f'{self.command[0]}: not as expected within {seconds} s: {self.tail()}')

    def wait_for_port(self, port):
        """Until something listens (a line of /proc/net/tcp*, so that no connection is made)."""
        wanted = re.compile(rf':{port:04X} \S+ 0A ')
        self.wait_for(lambda: any(wanted.search(pathlib.Path(f'/proc/net/{name}').read_text())
                                  for name in ('tcp', 'tcp6')))

    def wait_for_udp_port(self, port):
        wanted = re.compile(rf':{port:04X} ')
        self.wait_for(lambda: wanted.search(pathlib.Path('/proc/net/udp').read_text()))

    def tail(self):
        return self.log.read_text(errors='replace')[-2000:]

    def ticks(self):
        fields = pathlib.Path(f'/proc/{self.pid}/stat').read_text().rpartition(')')[2].split()
        return int(fields[11]) + int(fields[12])

    def busy_seconds(self):
        """Time on a processor, of all its threads, finer than ticks."""
        tasks = pathlib.Path(f'/proc/{self.pid}/task').iterdir()
        return sum(int((task / 'schedstat').read_text().split()[0]) for task in tasks) / 1e9

    def status(self, name):
        text = pathlib.Path(f'/proc/{self.pid}/status').read_text()
        return int(re.search(rf'^{name}:\s+(\d+)', text, re.M).group(1))

    def settle(self, look, quiet_seconds=0.4, seconds=120):
        """Until `look` says True, or neither its output nor its CPU time moves any more."""
        deadline = time.monotonic() + seconds
        last, since = None, time.monotonic()
        while time.monotonic() < deadline:
            done, size = look()
            now = (size, self.ticks())
            if now != last:
                last, since = now, time.monotonic()
            elif done and time.monotonic() - since > quiet_seconds:
                return
            elif time.monotonic() - since > quiet_seconds + 2:
                return
            time.sleep(0.05)
        self.kill()
        raise Failed(f'{self.command[0]}: still busy after {seconds} s')

    def kill(self):
        """After something went wrong: nothing of a run may be left to disturb the next one."""
        if self.pid and self.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, expected=0):
        self.process.send_signal(signal.SIGTERM)
        return self.wait(expected)

    def wait(self, expected=0, seconds=END_SECONDS_MAX):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f'{self.command[0]}: did not end within {seconds} s: {self.tail()}')
        lines = self.report.read_text().splitlines()
        if len(lines) != 3:
            raise Failed(f'{self.command[0]}: ended without a report: {self.tail()}')
        wall, user, system, peak, voluntary, involuntary, status = lines[2].split()
        usage = Usage(float(wall), float(user), float(system), int(peak), int(voluntary),
                      int(involuntary), int(status))
        if usage.status != expected << 8:
            raise Failed(f'{self.command[0]}: wait status {usage.status}: {self.tail()}')
        return usage


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def files_in(folder):
    return sorted(path for path in folder.rglob('*') if path.is_file())


def bytes_in(folder):
    total = 0
    for path in files_in(folder):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # renamed meanwhile
            pass
    return total


def lines_in(folder):
    """Newlines in all files; compressed ones are read by their own tools."""
    total = 0
    for path in files_in(folder):
        if path.suffix == '.zst':
            with subprocess.Popen(['zstd', '-dcq', str(path)], stdout=subprocess.PIPE) as reader:
                total += count_newlines(reader.stdout)
            if reader.returncode != 0:
                raise Failed(f'{path} is not whole')
        else:
            with path.open('rb') as file:
                total += count_newlines(file)
    return total


def count_newlines(file):
    total = 0
    while block := file.read(1 << 20):
        total += block.count(b'\n')
    return total


def median(values):
    return statistics.median(values) if values else float('nan')
