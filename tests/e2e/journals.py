"""What a journal on disk holds, as `runnel journal` tells it."""
import collections
import os
import re
import subprocess

import harness

# `bodies` in their order; those from `acknowledged` on have not been acknowledged, as far as the
# file knows; `whole`: nothing in it is damaged.
Journal = collections.namedtuple('Journal', 'bodies acknowledged whole')
OK, DAMAGED = 0, 65


def ask(command, path, *arguments):
    done = subprocess.run([harness.program(), 'journal', command, *arguments, path],
                          capture_output=True, timeout=harness.TIMEOUT)
    if done.returncode not in (OK, DAMAGED):
        raise AssertionError(f'journal {command}: {done.returncode}: {done.stderr.decode()}')
    return done


def read_journal(path, sink='out'):
    """Of a file that nobody writes; a process that was killed very early has not made it yet."""
    if not os.path.exists(path):
        return Journal([], 0, True)
    inspected = ask('inspect', path).stdout.decode()
    exported = ask('export', path, '--format', 'text')
    bodies = exported.stdout.split(b'\n')[:-1]
    total = int(re.search(r'^total: .* blocks?, (\d+) events', inspected, re.M).group(1))
    if total != len(bodies):
        raise AssertionError(f'{total} events by inspect, {len(bodies)} by export')
    cursor = re.search(rf'^  {sink}: (?:.*at most (\d+) events to go|(.*has acknowledged all))',
                       inspected, re.M)
    to_go = len(bodies) if cursor is None else int(cursor.group(1) or 0)
    return Journal(bodies, len(bodies) - min(to_go, len(bodies)), exported.returncode == OK)
