"""mosquitto (Debian) with a port and a folder of its own, and a subscriber whose session the broker
keeps, so that it gets what was published while it was away. Both are programs that others wrote."""
import os
import signal
import subprocess

import harness

MOSQUITTO = '/usr/sbin/mosquitto'
SUBSCRIBE, PUBLISH = '/usr/bin/mosquitto_sub', '/usr/bin/mosquitto_pub'
END = 'edge/end'


class Broker:
    """`settings` stand before its first listener, `more` at the end."""

    def __init__(self, scenario, settings='', more='', who=()):
        self.port = harness.free_port()
        self.address = f'127.0.0.1:{self.port}'
        self._scenario = scenario
        self._who = list(who)
        self._log = scenario.path('mosquitto.log')
        # Nothing is dropped for a subscriber that is away; root stays root in a folder of root.
        self._config = scenario.write(
            'mosquitto.conf',
            f'user root\nlog_dest file {self._log}\npersistence true\n'
            f'persistence_location {scenario.make_folder("mosquitto")}/\n'
            f'max_queued_messages 0\nmax_queued_bytes 0\n'
            f'allow_anonymous {"false" if who else "true"}\n{settings}\n'
            f'listener {self.port} 127.0.0.1\n{more}\n')
        self._process = None
        self._starts = 0
        self.start()
        self._client(SUBSCRIBE, '-i', 'reader', '-c', '-q', '1', '-t', 'edge/#', '-E')

    def start(self):
        self._process = self._scenario.process(MOSQUITTO, '-c', self._config)
        self._starts += 1

        def runs():
            if self._process.poll() is not None:
                raise AssertionError(f'mosquitto ended:\n{self.log()[-2000:]}')
            return self.log().count(' running\n') >= self._starts

        harness.wait_until(runs, 'mosquitto')

    def stop(self, number=signal.SIGTERM):
        self._process.send_signal(number)
        self._process.wait(harness.TIMEOUT)

    def log(self):
        if not os.path.exists(self._log):
            return ''
        with open(self._log) as file:
            return file.read()

    def _command(self, program, *words):
        return [program, '-h', '127.0.0.1', '-p', str(self.port), *self._who, *words]

    def _client(self, *words):
        done = subprocess.run(self._command(*words), capture_output=True, text=True,
                              timeout=harness.TIMEOUT)
        if done.returncode != 0:
            raise AssertionError(f'{words}: {done.stdout}{done.stderr}')

    def messages(self, reader=None):
        """[(topic, payload)] of all that was published below edge/ before now, in order."""
        self._client(PUBLISH, '-q', '1', '-t', END, '-m', 'end')
        return self.read(reader or self.reader(), END)[:-1]

    def messages_to(self, last, count=1):
        """Up to the first one to the topic `last`, or the count-th."""
        return self.read(self.reader(), last, count)

    def reader(self):
        """Is connected: what is published from now on comes without a queue."""
        before = self._readers()
        reader = self._scenario.process(
            *self._command(SUBSCRIBE, '-i', 'reader', '-c', '-q', '1', '-t', 'edge/#', '-F',
                           '%t %p', '-W', str(int(harness.TIMEOUT))), stdout=subprocess.PIPE)
        harness.wait_until(lambda: self._readers() > before, 'the reader')
        return reader

    def _readers(self):
        return self.log().count(' as reader ')

    def read(self, reader, last, count=1):
        found = []
        for line in reader.stdout:
            topic, payload = line.rstrip(b'\n').split(b' ', 1)
            found.append((topic.decode(), payload))
            count -= found[-1][0] == last
            if count == 0:
                break
        else:
            raise AssertionError(f'{len(found)} messages and none to {last}')
        # What it has not acknowledged yet comes again to the next reader.
        reader.kill()
        reader.wait(harness.TIMEOUT)
        return found
