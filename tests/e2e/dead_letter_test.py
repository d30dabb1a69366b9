"""Goal: what a real server refuses for good is kept, listed, and sent again when the server has
learnt better; an agent that runs keeps its files to itself.
Method: Python's own HTTP server refuses what the test says; the program's own commands read the
files and send them."""
import http.server
import json
import os
import re
import stat
import threading

import harness
from harness import pipeline

TAIL = '''
type = "tail"
paths = ["FOLDER/in.log"]
poll_interval = "50ms"
checkpoint_interval = "50ms"
'''


class Peer:
    """Answers 422 to a body with a word that it does not want, and keeps the others."""

    def __init__(self):
        self.unwanted = b'bad'
        self.accepted = []
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                refused = peer.unwanted and peer.unwanted in body
                if not refused:
                    peer.accepted.append(body)
                answer = b'no such \x1b[31mfield\n' if refused else b''
                self.send_response(422 if refused else 200)
                self.send_header('Content-Length', str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self):
        return [json.loads(line) for body in self.accepted for line in body.splitlines()]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@harness.on_both_drivers
class DeadLetters(harness.Scenario):

    def test_kept_listed_and_sent_again(self):
        peer = Peer()
        self.addCleanup(peer.close)
        sink = f'''
type = "http"
url = "http://127.0.0.1:{peer.port}/in"
encoding = "json"
batch = {{ max_events = 1, linger = "20ms" }}
dead_letter = {{ dir = "FOLDER/dead", max_bytes = "256KiB" }}
'''
        config = self.config(pipeline(TAIL, sink=sink))
        self.append('in.log', 'good 1\nbad 2\ngood 3\nbad \x1b[31m4\n')
        agent = self.start(config).ready()
        agent.wait_log(r'refuses 1 events for good: .* answers 422 .*kept in .*/dead/out\.dead')
        harness.wait_until(lambda: len(peer.events()) == 2, 'what is good')
        letters = self.path('dead', 'out.dead')
        harness.wait_until(lambda: os.path.getsize(letters) > 250, 'two letters')
        mode = stat.S_IMODE(os.stat(letters).st_mode)
        folder = stat.S_IMODE(os.stat(self.path('dead')).st_mode)
        self.assertEqual((mode, folder), (0o600, 0o700))

        # Whoever looks may look; whoever sends waits for the agent's end.
        output, said = self.command('dead-letter', 'list', config)
        self.assertEqual(len(output.splitlines()), 2)
        self.assertRegex(output, r'^\d{4}-\S+Z out in \S+:main\.out:1:1 ".* 422 .*" "bad 2"\n')
        self.assertIn('"bad \\x1b[31m4"', output)
        self.assertNotIn('\x1b', output)
        self.assertIn('sinks.out: 2 dead letters', said)
        _, said = self.command('dead-letter', 'send', config, expect=69)
        self.assertRegex(said, r'in use by process \d+')
        self.stopped_well(agent)
        counters = agent.summary()['sinks.out']
        self.assertEqual((counters['refused_events'], counters['dead_letter_events']), (2, 2))
        self.assertEqual(self.command('dead-letter', 'list', letters)[0], output)

        # One of them is taken now; the other is refused again, once.
        peer.unwanted = b'bad 2'
        self.command('dead-letter', 'send', config)
        self.assertEqual([event['body'] for event in peer.events()][2:], ['bad \x1b[31m4'])
        self.assertEqual(peer.events()[2]['source'], 'in')
        output, _ = self.command('dead-letter', 'list', config)
        self.assertRegex(output, r'"bad 2"\n$')
        self.assertEqual(len(output.splitlines()), 1)

        peer.unwanted = None
        self.command('dead-letter', 'send', config, '--sink', 'out')
        self.assertEqual(peer.events()[3]['body'], 'bad 2')
        self.assertEqual(self.command('dead-letter', 'list', config)[0], '')
        _, said = self.command('dead-letter', 'send', config)
        self.assertIn('there are no dead letters', said)
        self.assertFalse([name for name in os.listdir(self.path('dead')) if 'sending' in name])

    def test_nobody_takes_them(self):
        """A call that cannot deliver leaves the letters, and the next one sends them."""
        peer = Peer()
        self.addCleanup(peer.close)
        sink = f'''
type = "http"
url = "http://127.0.0.1:{peer.port}/in"
encoding = "json"
batch = {{ linger = "20ms" }}
retry = {{ first = "20ms" }}
dead_letter = {{ dir = "FOLDER/dead" }}
'''
        text = pipeline(TAIL, sink=sink, agent='drain_timeout = "300ms"')
        config = self.config(text)
        self.append('in.log', 'bad\n')
        self.run_once(config)
        away = self.config(text.replace(f':{peer.port}/', ':1/'), 'away.toml')
        _, said = self.command('dead-letter', 'send', away, expect=69)
        self.assertRegex(said, r'their files stay')
        peer.unwanted = None
        self.command('dead-letter', 'send', config)
        self.assertEqual([event['body'] for event in peer.events()], ['bad'])

    def test_a_folder_that_cannot_be_made(self):
        self.write('file', 'x')
        self.append('in.log', 'line\n')
        sink = '''
type = "http"
url = "http://127.0.0.1:1/"
dead_letter = { dir = "FOLDER/file/dead" }
'''
        agent = self.run_once(pipeline(TAIL, sink=sink), expect=74)
        self.assertRegex(agent.log, r'dead_letter\.dir ".*/file/dead" cannot be made: ')
        self.assertTrue(re.search('name another folder', agent.log))


if __name__ == '__main__':
    harness.main()
