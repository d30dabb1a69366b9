"""tinyproxy (Debian), a proxy that nobody here wrote. It gets its own port, and dies with the test."""
import re
import shutil
import socket

import harness

COMMAND = shutil.which('tinyproxy', path='/usr/sbin:/usr/bin')


class Tinyproxy:
    def __init__(self, scenario, more='', name='tinyproxy'):
        self.scenario, self.name, self.port = scenario, name, harness.free_port()
        self.config = scenario.write(f'{name}.conf', f'Port {self.port}\nListen 127.0.0.1\n'
                                     f'Timeout 600\nMaxClients 50\nLogLevel Info\n{more}\n')
        self.start()

    def start(self):
        with open(self.scenario.path(f'{self.name}.log'), 'ab') as log:
            self.process = self.scenario.process(COMMAND, '-d', '-c', self.config,
                                                 stdout=log, stderr=log)
        harness.wait_until(self.listens, 'tinyproxy to listen')

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError(self.log()[-3000:])
        try:
            socket.create_connection(('127.0.0.1', self.port)).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait(harness.TIMEOUT)

    def log(self):
        with open(self.scenario.path(f'{self.name}.log'), errors='replace') as file:
            return file.read()

    def asked(self):
        """The destinations of all requests."""
        return re.findall(r'Request \(file descriptor \d+\): CONNECT (\S+) HTTP/1\.1', self.log())
