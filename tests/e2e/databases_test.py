"""Goal: what the sinks `clickhouse` and `influx` send is what the real servers have: count and content.
Method: ClickHouse and InfluxDB 1.x, started by hand on loopback in the folder of the test; lines with
everything that needs an escape; the server is killed (SIGKILL: both keep what they have acknowledged
over that) and started again in the middle."""
import json
import shutil
import socket
import unittest
import urllib.error
import urllib.parse
import urllib.request

import harness
from harness import pipeline

TAIL = '''
type = "tail"
paths = ["FOLDER/in.log"]
poll_interval = "50ms"
checkpoint_interval = "50ms"
'''
LIMITS = '''
batch = { max_events = 200, linger = "20ms" }
retry = { first = "20ms", longest = "200ms" }
connect_timeout = "2s"
reply_timeout = "20s"
'''
# Each is a line's end; what is not UTF-8 arrives as U+FFFD.
ENDS = [b'plain', b'"quoted", a=b', b'back\\slash', b'ends in \\', b'\\"', b'tab\there', b'=,= ',
        'Umlaut ä, 漢字, 😀'.encode(), b'bad \xff\xc3 bytes', b'{"json":[1,2]}', b'#comment', b"it's",
        b'null\x00byte', b'\\n \\u0041']


def lines(first, count):
    return [b'%08d %s' % (number, ENDS[number % len(ENDS)]) for number in range(first, first + count)]


def expected(count):
    return [line.decode('utf-8', 'replace') for line in lines(0, count)]


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Server:
    """A process that answers on a port, and can be killed and started again."""
    headers = {}

    def __init__(self, scenario, command, port):
        self.scenario, self.command, self.port = scenario, command, port
        self.start()

    def start(self):
        with open(self.scenario.path('server.log'), 'ab') as log:
            self.process = self.scenario.process(*self.command, stdout=log, stderr=log)
        harness.wait_until(self.answers, f'an answer of {self.command[0]}')

    def answers(self):
        if self.process.poll() is not None:
            with open(self.scenario.path('server.log'), 'rb') as log:
                raise AssertionError(log.read()[-3000:].decode('utf-8', 'replace'))
        try:
            self.ask('/ping')
            return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ask(self, target, body=None):
        request = urllib.request.Request(f'http://127.0.0.1:{self.port}{target}', data=body,
                                         headers=self.headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return answer.read()


class ClickHouse(Server):
    def __init__(self, scenario):
        port = free_port()
        folder = scenario.make_folder('clickhouse')
        users = scenario.write('clickhouse/users.xml', '''<yandex>
<profiles><default/></profiles><quotas><default/></quotas>
<users><default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
<quota>default</quota></default>
<edge><password>open-sesame</password><networks><ip>127.0.0.1</ip></networks>
<profile>default</profile><quota>default</quota></edge></users></yandex>''')
        config = scenario.write('clickhouse/config.xml', f'''<yandex>
<logger><level>warning</level><console>1</console></logger>
<http_port>{port}</http_port><tcp_port>{free_port()}</tcp_port><listen_host>127.0.0.1</listen_host>
<path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><users_config>{users}</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>67108864</mark_cache_size></yandex>''')
        super().__init__(scenario, [shutil.which('clickhouse-server', path='/usr/sbin:/usr/bin'),
                                    f'--config-file={config}'], port)

    def query(self, text):
        return self.ask('/', text.encode())

    def rows(self, text):
        return [json.loads(line) for line in self.query(text + ' FORMAT JSONEachRow').splitlines()]


class Influx(Server):
    def __init__(self, scenario):
        port = free_port()
        folder = scenario.make_folder('influx')
        config = scenario.write('influx/influxdb.conf', f'''reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
[http]
bind-address = "127.0.0.1:{port}"
[monitor]
store-enabled = false
''')
        super().__init__(scenario, ['influxd', 'run', '-config', config], port)

    def query(self, text, database='logs'):
        asked = urllib.parse.urlencode({'db': database, 'q': text, 'epoch': 'ns'})
        result = json.loads(self.ask('/query', asked.encode()))['results'][0]
        self.scenario.assertNotIn('error', result)
        return result.get('series', [])


def needs(command):
    found = shutil.which(command, path='/usr/sbin:/usr/bin')
    return unittest.skipUnless(found, f'{command} is not installed')


class Databases(harness.Scenario):

    def send_with_kills(self, sink, server, count_of):
        """Four rounds; the server is killed and started again in each but the last."""
        agent = self.start(pipeline(TAIL, sink=sink + LIMITS),
                           environment={'SECRET': 'open-sesame'}).ready()
        for number in range(4):
            self.append('in.log', b''.join(line + b'\n' for line in lines(number * 1000, 500)))
            if number < 3:
                harness.wait_until(lambda: count_of() > number * 1000, 'the first events')
                server.kill()
            self.append('in.log', b''.join(line + b'\n' for line in lines(number * 1000 + 500, 500)))
            if number < 3:
                agent.wait_log('cannot deliver')
                server.start()
            harness.wait_until(lambda: count_of() >= (number + 1) * 1000, f'round {number}')
        self.stopped_well(agent)
        self.assertNotIn('open-sesame', agent.log)
        self.assertEqual(agent.sent('out'), 4000)
        self.assertEqual(agent.summary()['sinks.out']['refused_events'], 0)
        return agent

    @needs('clickhouse-server')
    def test_clickhouse(self):
        server = ClickHouse(self)
        server.query('CREATE TABLE logs (time DateTime, source String, body String) '
                     'ENGINE = MergeTree ORDER BY time')
        sink = f'''
type = "clickhouse"
url = "http://127.0.0.1:{server.port}"
table = "default.logs"
user = "edge"
password = "${{SECRET}}"
deduplicate = false
compression = {{ codec = "gzip" }}
'''
        self.send_with_kills(
            sink, server, lambda: server.rows('SELECT toUInt32(uniqExact(body)) AS n FROM logs')[0]['n'])
        rows = server.rows('SELECT source, body, count() AS n, toUInt32(min(time)) AS time FROM logs '
                           'GROUP BY source, body ORDER BY body')
        self.assertEqual([row['body'] for row in rows], expected(4000))
        self.assertEqual({row['source'] for row in rows}, {'in'})
        self.assertTrue(all(row['time'] > 1_600_000_000 for row in rows))
        # A batch whose answer was lost with the server may be there twice: one for each kill.
        again = sum(int(row['n']) - 1 for row in rows)
        self.assertLessEqual(again, 3 * 200)

    @needs('clickhouse-server')
    def test_clickhouse_rows_that_it_refuses(self):
        """Bodies as rows; one that does not fit its column is found and refused, the others arrive."""
        server = ClickHouse(self)
        server.query('CREATE TABLE readings (sensor String, value Float64) ENGINE = MergeTree '
                     'ORDER BY sensor')
        made = [b'{"sensor":"s%04d","value":%s,"more":{"a":[1]}}\n' %
                (number, b'"far too hot"' if number in (17, 423) else b'%d.5' % number)
                for number in range(500)]
        self.write('in.log', b''.join(made))
        agent = self.run_once(pipeline(TAIL, sink=f'''
type = "clickhouse"
url = "http://127.0.0.1:{server.port}/"
table = "readings"
rows = "bodies"
deduplicate = false
'''))
        rows = server.rows('SELECT sensor, value FROM readings ORDER BY sensor')
        self.assertEqual([(row['sensor'], row['value']) for row in rows],
                         [(f's{number:04}', number + 0.5) for number in range(500)
                          if number not in (17, 423)])
        self.assertEqual(agent.summary()['sinks.out']['refused_events'], 2)
        self.assertRegex(agent.log, r'refuses 1 events for good: .* answers [45]00 .*Code: \d+')

    @needs('influxd')
    def test_influx(self):
        server = Influx(self)
        server.ask('/query', b'q=CREATE+DATABASE+logs')
        sink = f'''
type = "influx"
url = "http://127.0.0.1:{server.port}"
database = "logs"
measurement = "the logs, all"
tags = ["site=North, gate=1", "owner=a b"]
compression = {{ codec = "gzip" }}
'''

        def count():
            series = server.query('SELECT count(message) FROM "the logs, all"')
            return series[0]['values'][0][1] if series else 0

        self.send_with_kills(sink, server, count)
        series = server.query('SELECT message, site, owner, source FROM "the logs, all"')
        points = series[0]['values']
        self.assertEqual(sorted(point[1] for point in points), expected(4000))
        self.assertEqual({tuple(point[2:]) for point in points},
                         {('North, gate=1', 'a b', 'in')})
        self.assertTrue(all(point[0] > 1_600_000_000 * 10**9 for point in points))

    @needs('influxd')
    def test_influx_partial_write(self):
        """The field is a number already: points are refused, and the sink says so."""
        server = Influx(self)
        server.ask('/query', b'q=CREATE+DATABASE+logs')
        server.ask('/write?db=logs', b'logs,source=in message=1.5')
        self.write('in.log', b''.join(line + b'\n' for line in lines(0, 100)))
        agent = self.run_once(pipeline(TAIL, sink=f'''
type = "influx"
url = "http://127.0.0.1:{server.port}"
database = "logs"
'''))
        self.assertEqual(agent.summary()['sinks.out']['refused_events'], 100)
        self.assertRegex(agent.log, 'refuses 100 events for good: .*partial write')


if __name__ == '__main__':
    harness.main()
