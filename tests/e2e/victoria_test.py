"""Goal: what the sink `influx` writes to VictoriaMetrics is there, value by value, also when the server is
stopped in the middle; and VictoriaMetrics finds what the agent says of itself.
Method: the real server on loopback; lines that are numbers, each once, are read back by export. It is
stopped by SIGTERM: what it has acknowledged is in its memory, and a SIGKILL takes that with it."""
import base64
import json
import time
import urllib.parse

import harness
from databases_test import LIMITS, TAIL, Server, free_port, needs
from harness import numbered, pipeline

JOURNAL = '''
type = "journal"
path = "FOLDER/main.journal"
size = "4MiB"
sync = "50ms"
'''
SCRAPE = '''
global: {{ scrape_interval: 200ms, scrape_timeout: 200ms }}
scrape_configs:
  - job_name: runnel
    static_configs: [ {{ targets: ["127.0.0.1:{port}"] }} ]
'''


class VictoriaMetrics(Server):
    headers = {'Authorization': 'Basic ' + base64.b64encode(b'edge:open-sesame').decode()}

    def __init__(self, scenario, *more):
        port = free_port()
        super().__init__(scenario, [
            'victoria-metrics', f'-storageDataPath={scenario.path("victoria")}',
            f'-httpListenAddr=127.0.0.1:{port}', '-httpAuth.username=edge',
            '-httpAuth.password=open-sesame', '-search.latencyOffset=0s', *more], port)

    def stop(self):
        self.process.terminate()
        self.scenario.assertEqual(self.process.wait(harness.TIMEOUT), 0)

    def export(self, selector):
        """Of each series its labels and its (value, milliseconds) in the order of their times."""
        self.ask('/internal/force_flush')
        lines = self.ask('/api/v1/export', urllib.parse.urlencode({'match[]': selector}).encode())
        series = [json.loads(line) for line in lines.splitlines()]
        return [(each['metric'], list(zip(each['values'], each['timestamps']))) for each in series]

    def value(self, text):
        self.ask('/internal/force_flush')
        found = self.ask('/api/v1/query', urllib.parse.urlencode({'query': text}).encode())
        result = json.loads(found)['data']['result']
        return float(result[0]['value'][1]) if result else None


class Victoria(harness.Scenario):

    def sink(self, server, more):
        return f'type = "influx"\nurl = "http://127.0.0.1:{server.port}"\n{more}\n' + LIMITS

    @needs('victoria-metrics')
    def test_stopped_and_started_again(self):
        server = VictoriaMetrics(self)
        begun = time.time() * 1000
        agent = self.start(pipeline(TAIL, channel=JOURNAL, sink=self.sink(server, '''
database = "edge"
measurement = "readings"
tags = ["site=North, gate=1"]
user = "edge"
password = "${SECRET}"
compression = { codec = "gzip" }
''')), environment={'SECRET': 'open-sesame'}).ready()

        def samples():
            series = server.export('readings_message')
            return series[0][1] if series else []

        def count():
            return len({value for value, _ in samples()})

        def append(first, size):
            self.append('in.log', b''.join(b'%d.5\n' % number
                                           for number in range(first, first + size)))

        for number in range(4):
            append(number * 1000, 500)
            if number < 3:
                harness.wait_until(lambda: count() > number * 1000, 'the first values')
                server.stop()
            append(number * 1000 + 500, 500)
            if number < 3:
                agent.wait_log('cannot deliver')
                server.start()
            harness.wait_until(lambda: count() >= (number + 1) * 1000, f'round {number}')
        self.stopped_well(agent)
        self.assertNotIn('sesame', agent.log)
        self.assertEqual(agent.sent('out'), 4000)
        self.assertEqual(agent.summary()['sinks.out']['refused_events'], 0)

        series = server.export('{db="edge"}')
        self.assertEqual([labels for labels, _ in series],
                         [{'__name__': 'readings_message', 'db': 'edge', 'source': 'in',
                           'site': 'North, gate=1'}])
        times = {}
        for value, at in samples():
            times.setdefault(value, []).append(at)
        self.assertEqual(sorted(times), [number + 0.5 for number in range(4000)])
        # A repeated batch has the times that it had; one for each stop may be there twice.
        self.assertTrue(all(len(set(each)) == 1 for each in times.values()))
        self.assertLessEqual(sum(len(each) - 1 for each in times.values()), 3 * 200)
        in_order = [times[value][0] for value in sorted(times)]
        self.assertEqual(in_order, sorted(in_order))
        self.assertLessEqual(begun - 1000, in_order[0])
        self.assertLessEqual(in_order[-1], time.time() * 1000 + 1000)

    @needs('victoria-metrics')
    def test_path_of_influx_2_and_text_that_is_no_number(self):
        server = VictoriaMetrics(self)
        self.write('in.log', b'21.5\n-3\n1e3\nfar too hot\n')
        agent = self.run_once(pipeline(TAIL, sink=self.sink(server, '''
organization = "plant"
bucket = "edge"
user = "edge"
password = "open-sesame"
''')))
        self.assertEqual(agent.sent('out'), 4)
        harness.wait_until(lambda: server.export('logs_message'), 'the series')
        (labels, samples), = server.export('logs_message')
        self.assertEqual(labels, {'__name__': 'logs_message', 'source': 'in'})
        self.assertEqual(sorted(value for value, _ in samples), [-3, 0, 21.5, 1000])

    @needs('victoria-metrics')
    def test_it_scrapes_the_agent(self):
        self.write('in.log', numbered(0, 700))
        agent = self.start(pipeline(TAIL, agent='listen = "127.0.0.1:0"')).ready()
        port = agent.wait_log(r'agent\.listen: listening on tcp://\S*:(\d+)').group(1)
        server = VictoriaMetrics(
            self, '-promscrape.config=' + self.write('scrape.yml', SCRAPE.format(port=port)))
        sent = 'sum(runnel_component_sent_events_total{job="runnel", component="sinks.out"})'
        harness.wait_until(lambda: server.value(sent) == 700, 'what was sent')
        self.assertEqual(server.value('up{job="runnel"}'), 1)
        self.assertGreater(server.value('process_resident_memory_bytes'), 1 << 20)
        self.stopped_well(agent)


if __name__ == '__main__':
    harness.main()
