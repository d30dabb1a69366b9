"""Goal: what the agent serves on `[agent] listen` is what Prometheus, promtool and a script can use,
while events flow, without an allocation, and gone when it is not asked for.
Method: the program with events coming in; pages are read with a plain client, checked by promtool,
and scraped by a real Prometheus, whose answers are compared with what was sent."""
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import urllib.parse

import harness
from clients import send_all
from harness import JSON_SINK, OBJECTS, numbered, pipeline

TCP = '''
type = "tcp"
listen = ["127.0.0.1:0"]
'''
LISTEN = 'listen = "127.0.0.1:0"'
COUNT = 2000
PROMETHEUS = '''
global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
scrape_configs:
  - job_name: runnel
    static_configs:
      - targets: ["127.0.0.1:{port}"]
'''


def found(name):
    return shutil.which(name, path=os.environ.get('PATH', '') + ':/usr/sbin:/usr/bin')


def ask(port, path, method='GET'):
    """(status, headers, body); http.client knows no proxies."""
    client = http.client.HTTPConnection('127.0.0.1', port, timeout=harness.TIMEOUT)
    try:
        client.request(method, path)
        answer = client.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        client.close()


class Status(harness.Scenario):
    """An agent that serves its status."""
    __test__ = False

    def begin(self, more='', **options):
        self.agent = self.start(pipeline(TCP, sink=JSON_SINK, agent=f'{LISTEN}\n{more}'),
                                **options).ready()
        listening = self.agent.wait_log(r'agent\.listen: listening on tcp://\S*:(\d+)')
        self.status_port = int(listening.group(1))

    def send_events(self):
        send_all(self.agent.port('in'), numbered(0, COUNT))
        self.wait_lines(OBJECTS, COUNT)

    def metric(self, name, **labels):
        body = ask(self.status_port, '/metrics')[2]
        for sample, given, value in re.findall(r'^(\w+)\{(.*)\} (\S+)$', body, re.M):
            pairs = dict(re.findall(r'(\w+)="([^"]*)"', given))
            if sample == name and all(pairs.get(key) == labels[key] for key in labels):
                return float(value)
        raise AssertionError(f'{name} {labels} is not in\n{body}')


@harness.on_both_drivers
class Pages(Status):

    def test_pages(self):
        self.begin()
        self.send_events()
        self.assertEqual(ask(self.status_port, '/livez')[0], 200)
        self.assertEqual(ask(self.status_port, '/readyz')[2], 'ready\n')
        status, headers, body = ask(self.status_port, '/metrics')
        self.assertEqual(status, 200)
        self.assertEqual(headers['Content-Type'], 'text/plain; version=0.0.4; charset=utf-8')
        self.assertIn('runnel_component_received_events_total'
                      f'{{component="sources.in",type="tcp"}} {COUNT}\n', body)
        self.assertEqual(self.metric('runnel_component_sent_events_total', component='sinks.out'),
                         COUNT)
        status, headers, body = ask(self.status_port, '/api/v1/pipeline')
        self.assertEqual(headers['Content-Type'], 'application/json')
        page = json.loads(body)
        self.assertEqual(page['agent']['state'], 'ready')
        self.assertEqual(page['sources'][0]['counters']['received_events'], COUNT)
        self.assertEqual(page['sources'][0]['channels'], ['main'])
        self.assertEqual(page['sinks'][0]['channel'], 'main')
        self.assertIsNone(page['sinks'][0]['failing'])
        self.assertEqual(ask(self.status_port, '/nothing')[0], 404)
        self.assertEqual(ask(self.status_port, '/metrics', 'DELETE')[0], 405)
        self.stopped_well(self.agent)

    def test_one_connection_is_asked_again_and_again(self):
        self.begin()
        client = http.client.HTTPConnection('127.0.0.1', self.status_port, timeout=harness.TIMEOUT)
        self.addCleanup(client.close)
        for _ in range(200):
            client.request('GET', '/metrics')
            answer = client.getresponse()
            self.assertEqual(answer.status, 200)
            self.assertTrue(answer.read().endswith(b'\n'))
        self.stopped_well(self.agent)

    def test_strangers_do_no_harm(self):
        """Connections that say nothing, nonsense, or too much."""
        self.begin()
        strangers = [socket.create_connection(('127.0.0.1', self.status_port)) for _ in range(3)]
        strangers[0].sendall(b'\x16\x03\x01\x02\x00\x01')
        strangers[1].sendall(b'GET / HTTP/1.1\r\nA: ' + b'a' * 20000)
        self.assertTrue(strangers[0].recv(4096).startswith(b'HTTP/1.1 400 '))
        self.assertTrue(strangers[1].recv(4096).startswith(b'HTTP/1.1 431 '))
        self.send_events()
        self.assertEqual(ask(self.status_port, '/livez')[0], 200)
        for stranger in strangers:
            stranger.close()
        self.stopped_well(self.agent)

    def test_an_address_that_is_in_use(self):
        with socket.create_server(('127.0.0.1', 0)) as server:
            port = server.getsockname()[1]
            agent = self.start(pipeline(TCP, agent=f'listen = "127.0.0.1:{port}"'))
            self.assertEqual(agent.wait(), 69)
            self.assertIn(f'agent.listen: cannot listen on tcp://127.0.0.1:{port}: another process',
                          agent.log)

    def test_an_address_of_the_network_is_warned_of(self):
        config = self.config(pipeline(TCP, agent='listen = "0.0.0.0:0"'))
        errors = self.command('validate', '-c', config)[1]
        self.assertIn('warning: agent.listen is 0.0.0.0:0: whoever reaches', errors)
        output, errors = self.command('validate', '--memory', '-c',
                                      self.config(pipeline(TCP, agent=LISTEN)))
        self.assertNotIn('warning', errors)
        self.assertRegex(output, r'(?m)^agent\.listen ')


class Prometheus(Status):

    def test_promtool_finds_nothing_to_complain_of(self):
        promtool = found('promtool')
        if promtool is None:
            self.skipTest('promtool is not installed (package prometheus)')
        self.begin()
        self.send_events()
        body = ask(self.status_port, '/metrics')[2]
        done = subprocess.run([promtool, 'check', 'metrics'], input=body, capture_output=True,
                              text=True, timeout=harness.TIMEOUT)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '', ''))
        self.stopped_well(self.agent)

    def test_prometheus_scrapes(self):
        prometheus = found('prometheus')
        if prometheus is None:
            self.skipTest('prometheus is not installed')
        self.begin()
        port = harness.free_port()
        config = self.write('prometheus.yml', PROMETHEUS.format(port=self.status_port))
        self.process(prometheus, f'--config.file={config}',
                     f'--storage.tsdb.path={self.path("tsdb")}',
                     f'--web.listen-address=127.0.0.1:{port}',
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def query(text):
            try:
                status, _, body = ask(port, '/api/v1/query?query=' + urllib.parse.quote(text))
            except OSError:
                return None
            if status != 200:
                return None
            result = json.loads(body)['data']['result']
            return float(result[0]['value'][1]) if result else None

        harness.wait_until(lambda: query('up{job="runnel"}') == 1, 'a scrape')
        self.send_events()
        harness.wait_until(
            lambda: query('sum(runnel_component_sent_events_total{component="sinks.out"})') == COUNT,
            'what was sent')
        self.assertEqual(query('runnel_component_put_events_total'), COUNT)
        self.assertGreater(query('process_resident_memory_bytes'), 1 << 20)
        self.assertLess(query('time() - process_start_time_seconds'), harness.TIMEOUT)
        self.assertLessEqual(query('process_resident_memory_bytes / runnel_memory_ceiling_bytes'), 1)
        self.stopped_well(self.agent)


if __name__ == '__main__':
    harness.main()
