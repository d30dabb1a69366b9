"""Goal: what goes through a real proxy arrives, also when the proxy dies in the middle; who we are for
it is told to nobody else; what it objects to is said.
Method: tinyproxy, with and without BasicAuth, in front of Python's HTTP server, of nginx with TLS, and
of nats-server, which speaks first."""
import json
import os

import certificates
import harness
import nginx
import nats_peer
import tinyproxy
from harness import numbered, pipeline
from receivers import HttpPeer, TcpPeer
from status_test import ask
from tls_test import Server

TAIL = '''
type = "tail"
paths = ["FOLDER/in.log"]
poll_interval = "50ms"
checkpoint_interval = "50ms"
'''
JOURNAL = '''
type = "journal"
path = "FOLDER/main.journal"
size = "8MiB"
sync = "50ms"
'''
COMMON = '''
batch = { max_events = 100, linger = "20ms" }
retry = { first = "20ms", longest = "200ms" }
connect_timeout = "5s"
'''
NGINX = '''
server {
  listen 127.0.0.1:PORT ssl;
  server_name server.test;
  ssl_certificate FOLDER/ec_server.pem;
  ssl_certificate_key FOLDER/ec_leaf_key.pem;
  if ($ssl_server_name != "server.test") { return 421; }
  location / { proxy_pass http://127.0.0.1:UPSTREAM; }
}
'''


@harness.on_both_drivers
@harness.skip_without(tinyproxy.COMMAND or '/usr/bin/tinyproxy')
class Proxied(harness.Scenario):

    def http_peer(self):
        peer = HttpPeer()
        self.addCleanup(peer.close)
        return peer

    @staticmethod
    def bodies(peer):
        lines = b''.join(peer.bodies()).splitlines()
        return [json.loads(line)['body'].encode() for line in lines]

    def wait_bodies(self, peer, count):
        harness.wait_until(lambda: len(set(self.bodies(peer))) >= count, f'{count} events')

    def test_http_with_a_password_that_nobody_is_told(self):
        peer = self.http_peer()
        proxy = tinyproxy.Tinyproxy(self, 'BasicAuth edge open-sesame')
        secret = self.write('secret', 'open-sesame\n')
        os.chmod(secret, 0o600)
        self.append('in.log', numbered(0, 1000))
        sink = f'''
type = "http"
url = "http://localhost:{peer.port}/in"
encoding = "json"
proxy = "http://edge:${{file:{secret}}}@127.0.0.1:{proxy.port}"
'''
        config = self.config(pipeline(TAIL, sink=sink + COMMON, agent='listen = "127.0.0.1:0"'))
        agent = self.start(config).ready()
        self.wait_bodies(peer, 1000)
        self.assert_sequence(self.bodies(peer), 1000)
        port = int(agent.wait_log(r'agent\.listen: listening on tcp://\S*:(\d+)').group(1))
        told = ''.join(ask(port, page)[2] for page in ('/metrics', '/api/v1/pipeline', '/'))
        self.stopped_well(agent)
        # The proxy looks the name up, and is the only one to hear who we are.
        self.assertEqual(set(proxy.asked()), {f'localhost:{peer.port}'})
        self.assertNotIn('Proxy-Authorization', peer.requests[0][0])
        told += ''.join(self.command('validate', '-c', config, '--memory'))
        for secret in ('sesame', 'ZWRnZT'):
            self.assertNotIn(secret, told + agent.log)
        self.assertRegex(told, r'proxy: request and answer')

    def test_who_we_are_is_wrong_and_is_put_right(self):
        peer = self.http_peer()
        proxy = tinyproxy.Tinyproxy(self, 'BasicAuth edge open-sesame')
        self.append('in.log', numbered(0, 100))
        for who, said in (('', 'wants a user and a password'),
                          ('edge:sesame-shut@', 'does not take our user and password')):
            agent = self.start(pipeline(TAIL, agent='drain_timeout = "100ms"', sink=f'''
type = "http"
url = "http://localhost:{peer.port}/in"
encoding = "json"
proxy = "http://{who}127.0.0.1:{proxy.port}"
''' + COMMON)).ready()
            agent.wait_log(rf'cannot deliver: permission denied: localhost:{peer.port}: the proxy '
                           rf'127\.0\.0\.1:{proxy.port} {said}; attempt')
            agent.stop()
            self.assertNotIn('sesame', agent.log)
        self.assertEqual(peer.requests, [])
        agent = self.start(pipeline(TAIL, sink=f'''
type = "http"
url = "http://localhost:{peer.port}/in"
encoding = "json"
proxy = "http://edge:open%2Dsesame@127.0.0.1:{proxy.port}"
''' + COMMON)).ready()
        self.wait_bodies(peer, 100)
        self.stopped_well(agent)

    def test_a_destination_that_the_proxy_cannot_or_may_not_reach(self):
        for more, said in (('', r'answers 50\d '), ('ConnectPort 443', r'answers 403 ')):
            proxy = tinyproxy.Tinyproxy(self, more)
            self.append('in.log', numbered(0, 1))
            agent = self.start(pipeline(TAIL, agent='drain_timeout = "100ms"', sink=f'''
type = "tcp"
address = "127.0.0.1:{harness.free_port()}"
proxy = "http://127.0.0.1:{proxy.port}"
''' + COMMON)).ready()
            agent.wait_log(rf'the proxy 127\.0\.0\.1:{proxy.port} {said}')
            agent.stop()

    @harness.skip_without('/usr/sbin/nginx')
    def test_https_and_a_proxy_that_is_killed(self):
        peer = self.http_peer()
        certificates.write(self.folder, 'ec_root', 'ec_server', 'ec_leaf_key')
        port = harness.free_port()
        Server(self, 'nginx', nginx.command(self, NGINX, port=port, upstream=peer.port),
               r'start worker|using the "epoll" event method')
        proxy = tinyproxy.Tinyproxy(self, 'BasicAuth edge open-sesame')
        agent = self.start(pipeline(TAIL, channel=JOURNAL, sink=f'''
type = "http"
url = "https://localhost:{port}/in"
encoding = "json"
proxy = "http://edge:open-sesame@127.0.0.1:{proxy.port}"
tls = {{ server_name = "server.test", ca_file = "{self.folder}/ec_root.pem" }}
''' + COMMON)).ready()
        for number in range(4):
            self.append('in.log', numbered(number * 1000, 500))
            if number < 3:
                harness.wait_until(lambda: len(self.bodies(peer)) > number * 1000, 'the first')
                proxy.kill()
            self.append('in.log', numbered(number * 1000 + 500, 500))
            if number < 3:
                agent.wait_log(rf'cannot reach the proxy 127\.0\.0\.1:{proxy.port}')
                proxy.start()
            self.wait_bodies(peer, (number + 1) * 1000)
        self.stopped_well(agent)
        found = harness.check_sequence(self.bodies(peer), 4000)
        self.assertEqual((found.lost, found.foreign), ([], []))
        self.assertEqual(agent.sent('out'), 4000)
        self.assertNotIn('sesame', agent.log)

    def test_a_certificate_is_looked_at_inside_of_the_tunnel(self):
        certificates.write(self.folder, 'ec_root', 'ec_other', 'ec_server', 'ec_leaf_key')
        port = harness.free_port()
        Server(self, 's_server', [
            '/usr/bin/openssl', 's_server', '-accept', f'127.0.0.1:{port}', '-tls1_2',
            '-cert', self.path('ec_server.pem'), '-key', self.path('ec_leaf_key.pem')], 'ACCEPT')
        proxy = tinyproxy.Tinyproxy(self)
        self.append('in.log', numbered(0, 1))
        agent = self.start(pipeline(TAIL, agent='drain_timeout = "100ms"', sink=f'''
type = "tcp"
address = "tls://localhost:{port}"
proxy = "http://127.0.0.1:{proxy.port}"
tls = {{ ca_file = "{self.folder}/ec_root.pem" }}
''' + COMMON)).ready()
        agent.wait_log(r"the certificate is not for 'localhost'")
        agent.stop()

    def test_tcp_and_nats(self):
        """A destination that never speaks, and one that speaks first."""
        peer = TcpPeer()
        self.addCleanup(peer.close)
        proxy = tinyproxy.Tinyproxy(self)
        server = nats_peer.Server(self, 'one', nats_peer.free_ports(1)[0])
        self.append('in.log', numbered(0, 5000))
        with nats_peer.Client(server.port) as client:
            client.make_stream('LOG', ['logs.>'])
            agent = self.start(pipeline(TAIL, sink=f'''
type = "tcp"
address = "127.0.0.1:{peer.port}"
proxy = "http://127.0.0.1:{proxy.port}"
{COMMON}
[sinks.nats]
channel = "main"
type = "nats"
servers = ["127.0.0.1:{server.port}"]
subject = "logs.all"
proxy = "http://127.0.0.1:{proxy.port}"
{COMMON}''')).ready()
            client.wait_messages('LOG', 5000)
            harness.wait_until(lambda: peer.received.count(b'\n') >= 5000, 'all lines')
            self.stopped_well(agent)
            messages = client.messages('LOG')
        self.assert_sequence([payload for _, _, payload in messages], 5000)
        self.assert_sequence(peer.received.splitlines(), 5000)
        self.assertEqual(set(proxy.asked()), {f'127.0.0.1:{peer.port}', f'127.0.0.1:{server.port}'})


if __name__ == '__main__':
    harness.main()
