"""The workloads of sinks that send over a network. The far end is a program on the other core that only
counts and answers; what it counted, events and bytes, must be what Runnel says it has sent."""
import pathlib
import re
import subprocess
import time

from far_end import BlackHole, Count, Refusing, Silent, TlsPeer
from measuring import Awake, Failed, count_newlines, free_port
from workloads import Tail, TailNull, TailZstd, Workload, figures, loop_figures


def counter(log, name):
    """Of all connections of the sink, from the summary; one that counted nothing is not there."""
    sinks = re.findall(r'^  sinks\.out[.\d]*:(.*)', log, re.M)
    found = [re.search(rf' {name} (\d+)', sink) for sink in sinks]
    return sum(int(each.group(1)) for each in found if each)


def check_wire(name, log, received):
    said = counter(log, 'wire_bytes')
    if said != received:
        raise Failed(f'{name}: wire_bytes is {said}, but {received} bytes arrived')


def network_sink(kind, port, linger_ms=1000, more=''):
    """`kind`: tcp, tls, http or forward."""
    address = {'tcp': f'type = "tcp"\naddress = "127.0.0.1:{port}"',
               'tls': f'type = "tcp"\naddress = "tls://127.0.0.1:{port}"',
               'http': f'type = "http"\nurl = "http://127.0.0.1:{port}/"\nencoding = "json"\n'
                       'compression = { codec = "zstd", level = 1 }',
               'forward': f'type = "forward"\naddress = "127.0.0.1:{port}"'}[kind]
    return f'{address}\nbatch = {{ linger = "{linger_ms}ms" }}\n{more}'


class Sent(Tail):
    """A file read once to its end and sent. The whole life of the process is measured."""
    kind = more = ''
    yardstick = TailNull.yardstick
    columns = Tail.columns[:-2] + ('output_mib', 'turn_us', 'longest_us', 'ratio', 'cpu_ratio')

    def run_runnel(self, runnel, fsync):
        with Awake(), Count(self.tools, self.kind, *self.keeps()) as self.far_end:
            return super().run_runnel(runnel, fsync)

    def keeps(self):
        """Files that the far end writes."""
        return ()

    def sink(self, runnel, fsync):
        return network_sink(self.kind, self.far_end.port, more=self.more)

    def check(self, lines, log):
        self.far_end.end()
        got = self.events_received()
        if got != lines or counter(log, 'sent_events') != lines:
            raise Failed(f'{self.name}: {got} lines of {lines} arrived: {log[-1000:]}')
        check_wire(self.name, log, self.far_end.bytes)

    def events_received(self):
        return self.far_end.events

    def output_bytes(self, log):
        return self.far_end.bytes


class TailTcp(Sent):
    name = 'tail -> tcp, text'
    kind = 'tcp'


class TailForward(Sent):
    name = 'tail -> forward, every chunk acknowledged'
    kind = 'forward'


class TailHttp(Sent):
    name = 'tail -> http, NDJSON, zstd'
    kind = 'http'
    yardstick = TailZstd.yardstick
    ending = '.zst'

    def keeps(self):
        return (self.tools.out / 'bodies.zst',)

    def events_received(self):
        """Bodies lie one behind the other, and so do their zstd frames."""
        with subprocess.Popen(['zstd', '-dcq', *self.keeps()], stdout=subprocess.PIPE) as reader:
            return count_newlines(reader.stdout)


class TailForward3(TailForward):
    name = 'tail -> forward, three connections'
    more = 'connections = 3'


class TailHttp3(TailHttp):
    name = 'tail -> http, NDJSON, zstd, three connections'
    more = 'connections = 3'


class Steady(Workload):
    """A thousand events a second to each kind of sink, a batch every 50 ms: how long turns last."""
    name = '1,000 events a second'
    ratio = None
    columns = ('core_percent', 'turns', 'turn_us', 'longest_us', 'peak_mib', 'ceiling_mib')
    rate = 1000

    def contenders(self):
        for runnel in self.runnels():
            for kind in ('tcp', 'http', 'forward', 'tls'):
                yield f'{kind}, {runnel.driver}', lambda one=runnel, what=kind: self.run(one, what)

    def run(self, runnel, kind):
        events = int(self.rate * self.options.idle_seconds)
        source = f'type = "generate"\nrate = {self.rate}\ncount = {events}'
        tls = kind == 'tls'
        with TlsPeer(self.tools.out) if tls else Count(self.tools, kind) as far_end:
            more = far_end.tls(far_end.ca_file) if tls else ''
            sink = network_sink(kind, far_end.port, 50, more)
            measured = self.tools.measured(runnel.command(source, sink, '--once'))
            usage = measured.wait()
            far_end.end()
        log = measured.log.read_text(errors='replace')
        got = events if kind == 'http' else far_end.events
        if got != events or counter(log, 'sent_events') != events:
            raise Failed(f'{self.name}: {kind}: {got} events of {events} arrived: {log[-1000:]}')
        check_wire(f'{self.name}: {kind}', log, far_end.bytes)
        return figures(usage, ceiling_kib=runnel.ceiling_kib(log), **loop_figures(log),
                       core_percent=100 * usage.cpu / usage.wall)


class Quiet(Workload):
    """Nothing arrives any more: what a sink costs meanwhile, exactly, as the scheduler counts it."""
    ratio = None
    columns = ('rss_kib', 'wakeups', 'busy_ms', 'busy_percent', 'ceiling_mib')
    end_status = 0

    def source(self, port):
        return f'type = "tcp"\nlisten = ["127.0.0.1:{port}"]'

    def started(self, runnel, sink, messages):
        """The agent with this sink, when `messages` have come in."""
        port = free_port()
        measured = self.tools.measured(runnel.command(self.source(port), sink))
        measured.wait_for(lambda: 'ready' in measured.tail())
        self.tools.blast('tcp', 'plain', port, 1, messages)
        return measured

    def watch(self, runnel, measured):
        time.sleep(0.1 if self.tools.smoke else 1)
        before = (measured.status('voluntary_ctxt_switches'), measured.busy_seconds())
        time.sleep(self.options.idle_seconds)
        wakeups = measured.status('voluntary_ctxt_switches') - before[0]
        busy = measured.busy_seconds() - before[1]
        rss = measured.status('VmRSS')
        usage = measured.stop(self.end_status)
        log = measured.log.read_text(errors='replace')
        return figures(usage, rss_kib=rss, wakeups=wakeups, busy_ms=1000 * busy,
                       busy_percent=100 * busy / self.options.idle_seconds,
                       ceiling_kib=runnel.ceiling_kib(log))


class IdleTls(Quiet):
    """A tcp source and a tcp sink that is connected with TLS: one event has gone through."""
    name = 'idle, a TLS sink connected'
    authorities = pathlib.Path('/etc/ssl/certs/ca-certificates.crt')

    def contenders(self):
        for runnel in self.runnels():
            yield runnel.name, lambda one=runnel: self.run(one, False)
            if self.authorities.exists() and not self.tools.smoke:
                yield (f"{runnel.name}, the system's authorities too",
                       lambda one=runnel: self.run(one, True))

    def run(self, runnel, with_system):
        with TlsPeer(self.tools.out) as far_end:
            believed, memory = far_end.ca_file, '0'
            if with_system:
                believed, memory = self.tools.out / 'all.pem', '640KiB'
                believed.write_text(self.authorities.read_text() + far_end.ca_file.read_text())
            sink = network_sink('tls', far_end.port, 10, far_end.tls(believed, memory))
            measured = self.started(runnel, sink, 1)
            measured.wait_for(lambda: far_end.events == 1)
            return self.watch(runnel, measured)


class Outage(Quiet):
    """Events wait for a destination that is away, and no more come."""
    name = 'outage'
    peers = {'refuses': (Refusing, 'http'), 'drops every packet': (BlackHole, 'http'),
             'reads nothing': (Silent, 'tcp')}
    end_status = 69  # data remains undelivered

    def contenders(self):
        for runnel in self.runnels():
            for peer in list(self.peers)[:1 if self.tools.smoke else None]:
                yield f'{peer}, {runnel.driver}', lambda one=runnel, what=peer: self.run(one, what)

    def run(self, runnel, peer):
        make, kind = self.peers[peer]
        runnel.drain_timeout = '100ms'
        with make() as far_end:
            measured = self.started(runnel, network_sink(kind, far_end.port), 15_000)
            return self.watch(runnel, measured)


ALL = {
    'tail-http': TailHttp,
    'tail-forward': TailForward,
    'tail-http-3': TailHttp3,
    'tail-forward-3': TailForward3,
    'tail-tcp': TailTcp,
    'steady': Steady,
    'idle-tls': IdleTls,
    'outage': Outage,
}
