"""Goal: what is sent over TLS arrives at programs that others wrote, and what is wrong with a
certificate is said. Method: nginx in front of Python's HTTP server, OpenSSL's s_server as a TCP
peer; nginx asks for certificates, limits requests, and is restarted in the middle."""
import json
import re
import subprocess

import certificates
import harness
import nginx
from harness import numbered, pipeline
from sending_test import TAIL, HttpPeer

NGINX = '''
limit_req_zone $server_name zone=all:32k rate=20r/s;
limit_req_status 429;
server {
  listen 127.0.0.1:PORT ssl;
  ssl_certificate FOLDER/SERVER.pem;
  ssl_certificate_key FOLDER/ec_leaf_key.pem;
  ssl_client_certificate FOLDER/ec_root.pem;
  ssl_verify_client on;
  client_max_body_size 1k;
  limit_req zone=all burst=2 nodelay;
  location / {
    proxy_pass http://127.0.0.1:UPSTREAM;
  }
}
'''


class Server:
    """A program that listens, and says so in its log."""

    def __init__(self, scenario, name, command, ready):
        self.log_path = scenario.path(name + '.log')
        self.log_file = open(self.log_path, 'wb')
        self.process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL'] + command,
                                        stdin=subprocess.PIPE, stdout=self.log_file,
                                        stderr=subprocess.STDOUT, cwd=scenario.folder)
        scenario.addCleanup(self.kill)
        harness.wait_until(lambda: re.search(ready, self.output()) or self.process.poll(),
                           f'{name} to listen')
        assert self.process.poll() is None, self.output()

    def output(self):
        with open(self.log_path, errors='replace') as file:
            return file.read()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.log_file.close()


@harness.on_both_drivers
class Tls(harness.Scenario):

    def nginx(self, port, upstream, server='ec_server'):
        command = nginx.command(self, NGINX, port=port, upstream=upstream, server=server)
        return Server(self, 'nginx', command, r'start worker|using the "epoll" event method')

    @harness.skip_without('/usr/sbin/nginx')
    def test_nginx_that_limits_asks_for_certificates_and_restarts(self):
        peer = HttpPeer()
        self.addCleanup(peer.close)
        certificates.write(self.folder, 'ec_root', 'ec_server', 'ec_client', 'ec_leaf_key')
        port = harness.free_port()
        nginx = self.nginx(port, peer.port)
        sink = f'''
type = "http"
url = "https://localhost:{port}/in"
encoding = "json"
batch = {{ max_events = 100, linger = "20ms" }}
retry = {{ first = "20ms", longest = "200ms" }}

[sinks.out.tls]
server_name = "server.test"
ca_file = "{self.folder}/ec_root.pem"
certificate_file = "{self.folder}/ec_client.pem"
key_file = "{self.folder}/ec_leaf_key.pem"
'''
        agent = self.start(pipeline(TAIL, sink=sink)).ready()

        def bodies():
            lines = b''.join(peer.bodies()).splitlines()
            return [json.loads(line)['body'].encode() for line in lines]

        for round_number in range(3):
            self.append('in.log', numbered(round_number * 400, 400))
            harness.wait_until(lambda: len(set(bodies())) >= (round_number + 1) * 400,
                               f'round {round_number}')
            if round_number < 2:
                nginx.kill()
                nginx = self.nginx(port, peer.port)
        self.stopped_well(agent)
        found = harness.check_sequence(bodies(), 1200)
        self.assertEqual((found.lost, found.foreign), ([], []))
        # 413: nginx takes no more than a KiB; 429: nor more than 20 requests a second.
        self.assertLessEqual(max(len(body) for body in peer.bodies()), 1024)
        self.assertRegex(agent.log, r'localhost:\d+ answers (429|503)')

    @harness.skip_without('/usr/sbin/nginx')
    def test_what_is_wrong_is_said(self):
        peer = HttpPeer()
        self.addCleanup(peer.close)
        certificates.write(self.folder, 'ec_root', 'ec_other', 'ec_server', 'ec_expired',
                           'ec_leaf_key')
        cases = (
            ('ec_server', 'ec_other', 'server.test', r"unknown authority 'CN=Runnel test root EC'"),
            ('ec_expired', 'ec_root', 'server.test', r'the certificate expired on 2021-02-03'),
            ('ec_server', 'ec_root', '', r"the certificate is not for 'localhost'"),
            # It wants one of ours.
            ('ec_server', 'ec_root', 'server.test', r'answers 400 Bad Request'))
        for server, authority, name, said in cases:
            with self.subTest(said):
                port = harness.free_port()
                nginx = self.nginx(port, peer.port, server)
                self.append('in.log', numbered(0, 1))
                sink = f'''
type = "http"
url = "https://localhost:{port}/in"
retry = {{ first = "20ms", longest = "100ms" }}
tls = {{ server_name = "{name}", ca_file = "{self.folder}/{authority}.pem" }}
'''
                agent = self.start(pipeline(TAIL, sink=sink,
                                            agent='drain_timeout = "100ms"')).ready()
                agent.wait_log(said)
                agent.stop()
                nginx.kill()

    def test_files_that_are_missing(self):
        sink = f'''
type = "tcp"
address = "tls://127.0.0.1:1"
tls = {{ ca_file = "{self.folder}/nowhere.pem" }}
'''
        agent = self.start(pipeline(TAIL, sink=sink))
        self.assertNotEqual(agent.wait(), 0)
        self.assertRegex(agent.log, r'sinks\.out: \S+/nowhere\.pem: no such file')

    @harness.skip_without('/usr/bin/openssl')
    def test_tcp_to_openssl(self):
        certificates.write(self.folder, 'ec_root', 'ec_server', 'ec_leaf_key')
        port = harness.free_port()
        server = Server(self, 's_server', [
            '/usr/bin/openssl', 's_server', '-accept', f'127.0.0.1:{port}', '-tls1_2',
            '-cert', self.path('ec_server.pem'), '-key', self.path('ec_leaf_key.pem')], 'ACCEPT')
        sink = f'''
type = "tcp"
address = "tls://127.0.0.1:{port}"
batch = {{ linger = "20ms" }}
tls = {{ server_name = "server.test", ca_file = "{self.folder}/ec_root.pem" }}
'''
        self.append('in.log', numbered(0, 5000))
        agent = self.start(pipeline(TAIL, sink=sink)).ready()

        def lines():
            return [line.encode() for line in re.findall(r'^\d{8} .*$', server.output(), re.M)]

        harness.wait_until(lambda: len(lines()) >= 5000, 'all lines')
        self.assert_sequence(lines(), 5000)
        self.stopped_well(agent)
        self.assertRegex(server.output(), r'ECDHE-\S+GCM|CHACHA20')


if __name__ == '__main__':
    harness.main()
