"""The workloads: who takes part, what one run of each is, and which ratio is asked for.

A run returns a dict of figures; its counts are checked in the run itself, so that a fast program
that loses lines is a failure and not a winner.
"""
import pathlib
import re
import socket
import sys
import time

from contenders import (UDP_BUFFER_BYTES, Minimal, Rsyslog, Runnel, SyslogNg, stripped_size)
from measuring import Failed, bytes_in, free_port, lines_in
from slow_disk import ThrottledDisk

DRIVERS = ('uring', 'asio')
UNITS = {'ns': 0.001, 'us': 1, 'ms': 1000, 's': 1_000_000, 'min': 60_000_000}


def microseconds(text):
    number, unit = text.split()
    return float(number) * UNITS[unit]


def loop_figures(log):
    """How long turns of the loop lasted, from the summary."""
    turns, longest, usual = re.search(
        r'loop: (\d+) turns, the longest (.*?), 99\.9 % at most (.*)', log).groups()
    return {'turns': int(turns), 'longest_us': microseconds(longest), 'turn_us': microseconds(usual)}


def figures(usage, **more):
    return {'wall': usage.wall, 'cpu': usage.cpu, 'peak_kib': usage.peak_kib, **more}


class Workload:
    """`contenders` gives (name, run) pairs; the first one is what the others are compared with."""
    name = ''
    # What is compared, and whether a large ratio is good: speed of theirs / ours, or CPU ours /
    # theirs.
    ratio = 'speed'
    columns = ()

    def __init__(self, tools, options):
        self.tools = tools
        self.options = options

    def runnels(self):
        return [Runnel(self.tools, driver) for driver in DRIVERS]


# --- files --------------------------------------------------------------------------------------


class Tail(Workload):
    """A file read once to its end. The whole life of the process is measured."""
    ratio = 'speed'
    columns = ('wall', 'mb_per_second', 'cpu', 'peak_mib', 'ceiling_mib', 'ratio',
               'cpu_ratio')
    yardstick = ()       # command; {input} and {output} are replaced
    compression = 'none'
    fsyncs = ('never',)
    ending = '.log'

    def contenders(self):
        yield ' '.join(self.yardstick[:3]).replace(' {input}', ''), self.run_yardstick
        for runnel in self.runnels():
            for fsync in self.fsyncs:
                name = f'{runnel.name} fsync={fsync}' if len(self.fsyncs) > 1 else runnel.name
                yield name, lambda one=runnel, policy=fsync: self.run_runnel(one, policy)

    def run_yardstick(self):
        path, _ = self.tools.lines_file(self.options.size)
        output = self.tools.out / f'yardstick{self.ending}'
        command = [part.format(input=path, output=output) for part in self.yardstick]
        usage = self.tools.measured(command).wait()
        return self.done(usage, path, output_bytes=bytes_in(self.tools.out))

    def sink(self, runnel, fsync):
        return runnel.file_sink(self.compression, fsync)

    def run_runnel(self, runnel, fsync):
        path, lines = self.tools.lines_file(self.options.size)
        source = f'type = "tail"\npaths = ["{path}"]\nstart_at = "beginning"'
        measured = self.tools.measured(self.command(runnel, source, fsync))
        usage = measured.wait()
        log = measured.log.read_text(errors='replace')
        self.check(lines, log)
        return self.done(usage, path, ceiling_kib=runnel.ceiling_kib(log),
                         output_bytes=self.output_bytes(log), **loop_figures(log))

    def command(self, runnel, source, fsync):
        return runnel.command(source, self.sink(runnel, fsync), '--once')

    def output_bytes(self, log):
        data = self.tools.out / 'data'
        return bytes_in(data) if data.exists() else 0

    def done(self, usage, path, **more):
        return figures(usage, mb_per_second=path.stat().st_size / 1e6 / usage.wall, **more)

    def check(self, lines, log):
        got = lines_in(self.tools.out / 'data')
        if got != lines:
            raise Failed(f'{self.name}: {got} lines of {lines} arrived: {log[-1000:]}')


class TailNull(Tail):
    name = 'tail -> null'
    yardstick = ('wc', '-l', '{input}')

    def sink(self, runnel, fsync):
        return 'type = "null"'

    def check(self, lines, log):
        if f'sent_events {lines}' not in log.replace('_total', ''):
            raise Failed(f'{self.name}: not {lines} events: {log[-1000:]}')


class TailText(Tail):
    name = 'tail -> text file'
    yardstick = ('cp', '--reflink=never', '{input}', '{output}')


class TailZstd(Tail):
    name = 'tail -> zstd file'
    yardstick = ('zstd', '-1', '--single-thread', '-q', '{input}', '-o', '{output}')
    compression = 'zstd'
    fsyncs = ('never', '1s')
    ending = '.zst'
    columns = Tail.columns[:-2] + ('output_mib', 'ratio', 'cpu_ratio')


class TailJournal(TailNull):
    """Through a journal on disk that makes every block durable; its output is what it has written."""
    name = 'tail -> journal -> null'
    yardstick = TailZstd.yardstick
    ending = '.zst'
    columns = TailZstd.columns

    def command(self, runnel, source, fsync):
        return runnel.command(source, self.sink(runnel, fsync), '--once', channel=runnel.journal())

    def output_bytes(self, log):
        return int(re.search(r'written_bytes (\d+)', log).group(1))


class SlowDisk(Workload):
    """Lines at a steady rate into a journal whose disk takes 200 kB a second: how long the loop's turns
    last while its syncs take seconds. A loop device, throttled for this process's group: needs root."""
    name = 'journal on a slow disk'
    ratio = None
    columns = ('sync_ms', 'turns', 'turn_us', 'longest_us', 'peak_mib', 'ceiling_mib')
    bytes_per_second = 200_000

    def contenders(self):
        for runnel in self.runnels():
            yield runnel.name, lambda one=runnel: self.run_runnel(one)

    def run_runnel(self, runnel):
        with ThrottledDisk(self.tools.work, self.bytes_per_second) as disk:
            source = f'type = "generate"\nrate = 20000\ncount = {self.options.slow_events}'
            channel = runnel.journal().replace(str(self.tools.out), str(disk.folder))
            measured = self.tools.measured(disk.inside(
                runnel.command(source, 'type = "null"', '--once', channel=channel)))
            usage = measured.wait()
        log = measured.log.read_text(errors='replace')
        if f'sent_events {self.options.slow_events}' not in log:
            raise Failed(f'{self.name}: not {self.options.slow_events} events: {log[-1000:]}')
        syncs = int(re.search(r'channels\.\S+:.* syncs (\d+)', log).group(1))
        return figures(usage, ceiling_kib=runnel.ceiling_kib(log), **loop_figures(log),
                       sync_ms=1000 * usage.wall / syncs)


# --- streams ------------------------------------------------------------------------------------


class Stream(Workload):
    """Senders on the other core until everything is in the file. CPU time of the receiver."""
    ratio = 'cpu'
    columns = ('events_per_second', 'cpu_per_million', 'peak_mib', 'ceiling_mib', 'ratio')
    transport = 'tcp'
    form = 'plain'
    connections = 1
    rate = 0
    quiet_seconds = 0.4

    def messages(self):
        return self.options.messages

    def source(self, port):
        return f'type = "tcp"\nlisten = ["127.0.0.1:{port}"]'

    def contenders(self):
        for runnel in self.runnels():
            yield runnel.name, lambda one=runnel: self.run_runnel(one)

    def run_runnel(self, runnel):
        port = self.free_port()
        measured = self.tools.measured(runnel.command(self.source(port), runnel.file_sink()))
        measured.wait_for(lambda: 'ready' in measured.tail())
        # A batch lingers before a file grows.
        seconds = self.send(measured, port, self.quiet_seconds + self.tools.linger_seconds)
        usage = measured.stop()
        log = measured.log.read_text(errors='replace')
        return self.done(usage, seconds, ceiling_kib=runnel.ceiling_kib(log))

    def run_daemon(self, daemon):
        port = self.free_port()
        measured = self.tools.measured(daemon.command(self.transport, port),
                                       environment=daemon.environment())
        wait = measured.wait_for_port if self.transport == 'tcp' else measured.wait_for_udp_port
        wait(port)
        seconds = self.send(measured, port, self.quiet_seconds)
        return self.done(measured.stop(), seconds)

    def free_port(self):
        return free_port(socket.SOCK_STREAM if self.transport == 'tcp' else socket.SOCK_DGRAM)

    def send(self, measured, port, quiet_seconds):
        seconds = self.tools.blast(self.transport, self.form, port, self.connections,
                                   self.messages(), self.rate)
        measured.settle(lambda: ((size := bytes_in(self.tools.out / 'data')) > 0, size),
                        quiet_seconds)
        return seconds

    def done(self, usage, seconds, **more):
        got = lines_in(self.tools.out / 'data')
        lost = self.messages() - got
        if lost and not self.rate:
            raise Failed(f'{self.name}: {got} of {self.messages()} events arrived')
        return figures(usage, events_per_second=self.messages() / seconds,
                       cpu_per_million=usage.cpu / self.messages() * 1e6, lost=lost, **more)


class Tcp1(Stream):
    name = 'tcp newline, 1 connection -> text file'
    buffers = (64 << 10, 128 << 10, 256 << 10, 512 << 10)
    best_of_first = len(buffers)

    def contenders(self):
        for buffer_bytes in self.buffers:
            minimal = Minimal(self.tools, buffer_bytes)
            yield minimal.name, lambda one=minimal: self.run_minimal(one)
        yield from super().contenders()

    def run_minimal(self, minimal):
        port = self.free_port()
        measured = self.tools.measured(minimal.command(port, self.connections))
        measured.wait_for_port(port)
        seconds = self.tools.blast('tcp', self.form, port, self.connections, self.messages())
        return self.done(measured.wait(), seconds)


class Tcp16(Tcp1):
    name = 'tcp newline, 16 connections -> text file'
    connections = 16


class Syslog1(Stream):
    name = 'syslog TCP, 1 connection -> text file'
    form = '3164'

    def source(self, port):
        return f'type = "syslog"\nlisten = ["{self.transport}://127.0.0.1:{port}"]'

    def contenders(self):
        for daemon in (Rsyslog(self.tools), SyslogNg(self.tools)):
            if daemon.is_there():
                yield daemon.name, lambda one=daemon: self.run_daemon(one)
        yield from super().contenders()


class Syslog16(Syslog1):
    name = 'syslog TCP, 16 connections -> text file'
    connections = 16


class SyslogUdp(Syslog1):
    """At a fixed rate; loss is a figure. Needs net.core.rmem_max of 8 MiB: raised when root."""
    name = 'syslog UDP, paced -> text file'
    transport = 'udp'
    columns = ('events_per_second', 'lost', 'core_percent', 'cpu_per_million', 'peak_mib', 'ratio')
    limit = pathlib.Path('/proc/sys/net/core/rmem_max')

    def __init__(self, tools, options):
        super().__init__(tools, options)
        self.rate = options.udp_rate

    def messages(self):
        return int(self.rate * self.options.udp_seconds)

    def source(self, port):
        return super().source(port) + f'\nreceive_buffer = "{UDP_BUFFER_BYTES >> 20}MiB"'

    def done(self, usage, seconds, **more):
        result = super().done(usage, seconds, **more)
        if result['events_per_second'] < 0.95 * self.rate:
            print(f'{self.name}: the sender reached {result["events_per_second"]:.0f} a second, '
                  f'not {self.rate}: the machine is busy', file=sys.stderr)
        return {**result, 'core_percent': 100 * usage.cpu / seconds}

    def __enter__(self):
        self.before = self.limit.read_text()
        if int(self.before) < UDP_BUFFER_BYTES:
            try:
                self.limit.write_text(str(UDP_BUFFER_BYTES))
            except OSError:
                print('net.core.rmem_max stays as it is: not root, loss will show')
        return self

    def __exit__(self, *_):
        if self.limit.read_text() != self.before:
            self.limit.write_text(self.before)


# --- nothing to do ------------------------------------------------------------------------------


class Idle(Workload):
    """One tcp source, one file sink, a 4 MiB ring, no traffic."""
    name = 'idle'
    ratio = None
    columns = ('rss_kib', 'wakeups', 'ticks', 'start_ms', 'binary_kib', 'ceiling_mib')

    def contenders(self):
        for runnel in self.runnels():
            yield runnel.name, lambda one=runnel: self.run_idle(one)

    def run_idle(self, runnel):
        port = free_port()
        source = f'type = "tcp"\nlisten = ["127.0.0.1:{port}"]'
        # Without the connection that measures the start: a client is not idleness.
        measured = self.tools.measured(runnel.command(source, runnel.file_sink()))
        measured.wait_for(lambda: 'ready' in measured.tail())
        time.sleep(0.5)
        before = (measured.status('voluntary_ctxt_switches'), measured.ticks())
        time.sleep(self.options.idle_seconds)
        wakeups = measured.status('voluntary_ctxt_switches') - before[0]
        ticks = measured.ticks() - before[1]
        rss = measured.status('VmRSS')
        usage = measured.stop()
        log = measured.log.read_text(errors='replace')
        self.tools.fresh()
        timed = self.tools.measured(runnel.command(source, runnel.file_sink()), port=port)
        start = timed.seconds_until_listening()
        timed.wait_for(lambda: 'ready' in timed.tail())
        timed.stop()
        if start < 0:
            raise Failed('nothing listened')
        return figures(usage, rss_kib=rss, wakeups=wakeups, ticks=ticks, start_ms=start * 1000,
                       ceiling_kib=runnel.ceiling_kib(log),
                       binary_kib=stripped_size(self.tools.runnel, self.tools.work) / 1024)


ALL = {
    'tail-null': TailNull,
    'tail-text': TailText,
    'tail-zstd': TailZstd,
    'tail-journal': TailJournal,
    'slow-disk': SlowDisk,
    'tcp-1': Tcp1,
    'tcp-16': Tcp16,
    'syslog-tcp-1': Syslog1,
    'syslog-tcp-16': Syslog16,
    'syslog-udp': SyslogUdp,
    'idle': Idle,
}
