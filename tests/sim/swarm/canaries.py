#!/usr/bin/env python3
"""Lets each deliberate mistake loose in the swarm and expects that it is caught.

Goal: the checker and the world are able to find what they are there for.
Method: `runnel_swarm --canary NAME` for every name it knows; prints at which seed and as what.
Usage: canaries.py RUNNEL_SWARM SEEDS
"""
import re
import subprocess
import sys


def main():
    swarm, seeds = sys.argv[1], sys.argv[2]
    names = subprocess.run([swarm, '--canaries'], capture_output=True, text=True, check=True).stdout.split()
    missed = []
    for name in names:
        run = subprocess.run([swarm, '--canary', name, '--count', seeds, '--no-shrink'],
                             capture_output=True, text=True, errors='replace', check=False)
        found = re.search(r'FAILED seed (\d+): (.*)', run.stdout)
        if run.returncode != 0 or not found:
            missed.append(name)
            print(f'{name}: NOT CAUGHT within {seeds} seeds')
        else:
            print(f'{name}: seed {found[1]}: {found[2][:120]}')
    print(f'{len(names) - len(missed)} of {len(names)} canaries caught')
    sys.exit(1 if missed or len(names) < 4 else 0)


if __name__ == '__main__':
    main()
