"""The programs that are measured, each configured as well as it can be for the work at hand."""
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

from measuring import Failed

UDP_BUFFER_BYTES = 8 << 20
SIZE_UNITS = {'B': 1, 'KiB': 1 << 10, 'MiB': 1 << 20, 'GiB': 1 << 30}


class Runnel:
    """The program under test. What it is told is a TOML file made here."""

    def __init__(self, tools, driver):
        self.tools = tools
        self.driver = driver
        self.name = f'runnel ({driver})'
        self.drain_timeout = '10s'

    def configure(self, source, sink, channel):
        text = f'''[agent]
name = "bench"
state_dir = "{self.tools.out}/state"
drain_timeout = "{self.drain_timeout}"

[sources.in]
{source}
channels = ["main"]

[channels.main]
{channel}

[sinks.out]
channel = "main"
{sink}
'''
        path = self.tools.work / 'runnel.toml'
        path.write_text(text)
        return path

    def command(self, source, sink, *flags, channel='type = "memory"\ncapacity = "4MiB"'):
        config = self.configure(source, sink, channel)
        return [self.tools.runnel, 'run', '-c', config, '--driver', self.driver, *flags]

    def file_sink(self, compression='none', fsync='never', name=None):
        """One file, no rolling: what cp and zstd write."""
        ending = '.log.zst' if compression == 'zstd' else '.log'
        level = ', level = 1' if compression == 'zstd' else ''
        return f'''type = "file"
path = "{self.tools.out}/data/{name or "out"}{ending}"
encoding = "text"
compression = {{ codec = "{compression}"{level} }}
fsync = "{fsync}"
batch = {{ linger = "{int(self.tools.linger_seconds * 1000)}ms" }}
roll = {{ max_bytes = "0", max_age = "0s" }}'''

    def journal(self):
        """Everything is written and made durable; zstd as the command it is compared with."""
        return (f'type = "journal"\npath = "{self.tools.out}/main.journal"\nsize = "64MiB"\n'
                'memory = "4MiB"\nmode = "always"\nsync = "batch"\nlevel = 1')

    @staticmethod
    def ceiling_kib(log):
        """The ceiling that it printed at its start."""
        found = re.search(r'memory ceiling ([\d.]+) ?(B|KiB|MiB|GiB)', log)
        if not found:
            raise Failed(f'no memory ceiling in: {log}')
        return float(found.group(1)) * SIZE_UNITS[found.group(2)] / 1024


class Rsyslog:
    """Its lightest TCP input, a queue in memory with large batches, no flush per message."""
    name = 'rsyslog'

    def __init__(self, tools):
        self.tools = tools

    @staticmethod
    def is_there():
        return shutil.which('rsyslogd', path=os.environ['PATH'] + ':/usr/sbin') is not None

    def command(self, transport, port):
        out = self.tools.out
        module, ports = {
            'tcp': ('module(load="imptcp" threads="1")', f'type="imptcp" port="{port}"'),
            'udp': ('module(load="imudp" threads="1" batchSize="128" timeRequery="8")',
                    f'type="imudp" port="{port}" rcvbufSize="{UDP_BUFFER_BYTES}"'),
        }[transport]
        config = self.tools.work / 'rsyslog.conf'
        config.write_text(f'''global(workDirectory="{out}" net.enableDNS="off" maxMessageSize="8k")
{module}
template(name="body" type="string" string="%msg%\\n")
ruleset(name="in" queue.type="FixedArray" queue.size="200000" queue.dequeueBatchSize="2048"
        queue.workerThreads="1" queue.timeoutShutdown="60000") {{
  action(type="omfile" file="{out}/data/out.log" template="body" ioBufferSize="256k"
         flushOnTXEnd="off" asyncWriting="off")
}}
input({ports} address="127.0.0.1" ruleset="in")
''')
        (out / 'data').mkdir()
        return [shutil.which('rsyslogd', path=os.environ['PATH'] + ':/usr/sbin'), '-n', '-f',
                config, '-i', out / 'pid']

    def environment(self):
        return {}


class SyslogNg:
    """Unpacked from its packages, because they conflict with rsyslog's; never installed."""
    name = 'syslog-ng'
    packages = ('syslog-ng-core', 'libivykis0', 'libesmtp6', 'libnet1')

    def __init__(self, tools):
        self.tools = tools
        self.root = tools.peers / 'syslog-ng'

    def is_there(self):
        """Unpacks it if that has not been done; False when it is not to be had."""
        if not (self.tools.smoke or (self.root / 'usr/sbin/syslog-ng').exists()):
            self.root.mkdir(parents=True, exist_ok=True)
            subprocess.run(['apt-get', 'download', '-q', *self.packages], cwd=self.tools.peers,
                           capture_output=True)
            for package in self.tools.peers.glob('*.deb'):
                subprocess.run(['dpkg', '-x', str(package), str(self.root)], check=True)
        return (self.root / 'usr/sbin/syslog-ng').exists()

    def modules(self):
        return next(path.parent for path in (self.root / 'usr/lib/syslog-ng').rglob('libaffile.so'))

    def environment(self):
        folders = [str(path) for path in (self.root / 'usr/lib').iterdir() if path.is_dir()]
        return {'LD_LIBRARY_PATH': ':'.join(folders)}

    def version(self):
        found = re.search(r'\d+\.\d+', self.modules().name)
        return found.group() if found else '3.38'

    def command(self, transport, port):
        out = self.tools.out
        extra = (f'so-rcvbuf({UDP_BUFFER_BYTES})' if transport == 'udp' else
                 'max-connections(64) log-iw-size(64000)')
        config = self.tools.work / 'syslog-ng.conf'
        config.write_text(f'''@version: {self.version()}
options {{ threaded(yes); use-dns(no); dns-cache(no); keep-hostname(yes); chain-hostnames(no);
  stats-freq(0); create-dirs(no); log-fifo-size(200000); }};
source in {{ network(ip("127.0.0.1") port({port}) transport("{transport}") log-fetch-limit(1000)
  {extra}); }};
destination out {{ file("{out}/data/out.log" template("$MSG\\n") flush-lines(10000)); }};
log {{ source(in); destination(out); flags({"flow-control" if transport == "tcp" else ""}); }};
''')
        (out / 'data').mkdir()
        return [self.root / 'usr/sbin/syslog-ng', '-F', '-f', config, '--no-caps',
                f'--module-path={self.modules()}', '-R', out / 'persist', '-c', out / 'control',
                '-p', out / 'pid']


@dataclasses.dataclass
class Minimal:
    """tests/bench/minimal.c with one size of buffer."""
    tools: object
    buffer_bytes: int

    @property
    def name(self):
        return f'minimal C ({self.buffer_bytes >> 10} KiB)'

    def command(self, port, connections):
        (self.tools.out / 'data').mkdir()
        return [self.tools.tool('minimal'), port, self.tools.out / 'data/out.log',
                self.buffer_bytes, connections]


def stripped_size(path, work):
    """Bytes of the program without symbols."""
    copy = pathlib.Path(work) / 'stripped'
    subprocess.run(['strip', '-o', str(copy), str(path)], check=True)
    return copy.stat().st_size
