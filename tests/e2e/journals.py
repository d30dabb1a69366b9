"""What a journal on disk holds, as `runnel journal` tells it."""
import collections
import os
import re
import subprocess

import harness

# `bodies` in their order; those from `acknowledged` on lie behind the sink's place, as far as the
# file knows it; `whole`: nothing in it is damaged.
Journal = collections.namedtuple('Journal', 'bodies acknowledged whole')
OK, DAMAGED = 0, 65


def ask(command, path, *arguments):
    done = subprocess.run([harness.program(), 'journal', command, *arguments, path],
                          capture_output=True, timeout=harness.TIMEOUT)
    if done.returncode not in (OK, DAMAGED):
        raise AssertionError(f'journal {command}: {done.returncode}: {done.stderr.decode()}')
    return done


def exported(path):
    """The bodies of all events, also while an agent writes it."""
    return ask('export', path, '--format', 'text').stdout.split(b'\n')[:-1]


def read_journal(path, sink='out'):
    """Of a file that nobody writes; a process that was killed very early has not made it yet."""
    if not os.path.exists(path):
        return Journal([], 0, True)
    inspected = ask('inspect', path, '--blocks').stdout.decode()
    export = ask('export', path, '--format', 'text')
    bodies = export.stdout.split(b'\n')[:-1]
    cursor = re.search(rf'^  {sink}: position (\d+)', inspected, re.M)
    position = int(cursor.group(1)) if cursor else 0
    total = acknowledged = 0
    for first, behind, end in re.findall(
            r'^  block .*: events (\d+) to (\d+), .* positions \d+ to (\d+),', inspected, re.M):
        total += int(behind) - int(first)
        # A block that is acknowledged in part comes again as a whole.
        if int(end) <= position:
            acknowledged = total
    if total != len(bodies):
        raise AssertionError(f'{total} events by inspect, {len(bodies)} by export')
    return Journal(bodies, acknowledged, export.returncode == OK)
