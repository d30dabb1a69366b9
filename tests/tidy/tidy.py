#!/usr/bin/env python3
"""What can be checked by reading: the floors, no OS in src/, coroutine traps, the shape of files.

Goal: the rules of docs/ARCHITECTURE.md and STYLE hold in every file of src/ and platform/.
Method: includes and text patterns, line by line. Exit 1 and one line a finding; each check first
proves on a bad example of its own that it can fail.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A file includes only from its own floor or from one of these.
FLOORS = {
    'base': set(),
    'io': {'base'},
    'async': {'base', 'io'},
    'codec': {'base'},
    'net': {'base', 'io', 'async', 'codec'},
    'pipeline': {'base', 'io', 'async', 'codec', 'net'},
    'sources': {'base', 'io', 'async', 'codec', 'net', 'pipeline'},
    'channels': {'base', 'io', 'async', 'codec', 'net', 'pipeline'},
    'sinks': {'base', 'io', 'async', 'codec', 'net', 'pipeline'},
    'interceptors': {'base', 'io', 'async', 'codec', 'net', 'pipeline'},
    'agent': {'base', 'io', 'async', 'codec', 'net', 'pipeline', 'sources', 'channels', 'sinks',
              'interceptors'},
}
PLATFORM_MAY = {'base', 'io'}
# The program itself, which puts everything together.
PROGRAM = {'platform/linux/main.cpp', 'platform/linux/log_writer.cpp', 'platform/linux/log_writer.hpp',
           'platform/linux/drivers.cpp', 'platform/linux/drivers.hpp'}

LIBRARIES = {'zstd.h', 'zlib.h', 'tl/expected.hpp', 'toml++/toml.h', 'CLI/CLI.hpp', 'zstd_errors.h'}
# One folder a library: where each may be included.
LIBRARY_HOME = {'zstd.h': 'codec', 'zlib.h': 'codec', 'toml++/toml.h': 'agent', 'CLI/CLI.hpp': 'agent',
                'zstd_errors.h': 'codec'}
STANDARD = set('''algorithm array bit cassert cctype cerrno charconv chrono cinttypes climits cmath compare
concepts coroutine cstddef cstdint cstdlib cstring exception functional initializer_list iterator
limits map memory new numeric optional set span string string_view tuple type_traits unordered_map
utility variant vector cstdarg deque'''.split())
BANNED = {'iostream', 'thread', 'mutex', 'filesystem', 'fstream', 'sstream', 'regex', 'future'}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
HEAD = re.compile(r'\b(if|while|switch|for)\s*(?:constexpr\s*)?\(')
CO_AWAIT_AGGREGATE = re.compile(r'co_await[^;]*\w\s*\{[^}]')
CO_AWAIT_LAMBDA = re.compile(r'co_await[^;]*\[[&=\w][^\]]*\]\s*(\(|\{)')
CO_AWAIT_ASSERT = re.compile(r'RUNNEL_ASSERT\([^;]*co_await')
HOST_NAMES = re.compile(r'(deb\.debian\.org|security\.debian\.org|registry\.npmjs|/work/|snapshot\.debian)')
LINES_MAX = 400


def check_includes(path, line):
    match = INCLUDE.match(line)
    if not match:
        return None
    kind, name = match.groups()
    parts = path.split('/')
    if name in BANNED:
        return f'<{name}> is not used here'
    if parts[0] == 'src':
        floor = parts[1]
        if kind == '<':
            if name in STANDARD:
                return None
            if name in LIBRARIES:
                home = LIBRARY_HOME.get(name)
                return None if home in (None, floor) else f'<{name}> belongs to src/{home} alone'
            return f'<{name}>: no OS or foreign header in src/'
        target = name.split('/')[0]
        if target == floor or target in FLOORS.get(floor, ()):
            return None
        return f'"{name}": floor {floor} must not include from {target}'
    if parts[0] == 'platform' and kind == '"':
        if path in PROGRAM or name.startswith('platform/'):
            return None
        if name.split('/')[0] not in PLATFORM_MAY:
            return f'"{name}": platform/ includes only base, io and platform/'
    return None


def inside_parentheses(text, start):
    depth = 1
    for index in range(start, len(text)):
        depth += {'(': 1, ')': -1}.get(text[index], 0)
        if depth == 0:
            return text[start:index]
    return text[start:]


def check_coroutines(path, line):
    del path
    for head in HEAD.finditer(line):
        if 'co_await' in inside_parentheses(line, head.end()):
            return 'co_await in a condition (GCC 12 miscompiles it)'
    for pattern, what in ((CO_AWAIT_AGGREGATE, 'an aggregate inside a co_await expression'),
                          (CO_AWAIT_LAMBDA, 'a capturing lambda inside a co_await expression'),
                          (CO_AWAIT_ASSERT, 'co_await inside an assertion')):
        if pattern.search(line):
            return what + ' (GCC 12 miscompiles it)'
    return None


def check_names(path, line):
    del path
    return 'a host name or a path of a machine' if HOST_NAMES.search(line) else None


def without_comments(text):
    """Keeps line numbers; strings stay."""
    text = re.sub(r'/\*.*?\*/', lambda m: '\n' * m.group().count('\n'), text, flags=re.S)
    return [re.sub(r'//.*', '', line) for line in text.split('\n')]


def joined_statements(lines):
    """(first line number, statement): a statement may run over lines."""
    start, buffer = 1, ''
    for number, line in enumerate(lines, 1):
        if not buffer:
            start = number
        buffer += ' ' + line.strip()
        if re.search(r'[;{}]\s*$', line) or not line.strip():
            yield start, buffer
            buffer = ''


def check_file(path, text):
    findings = []
    lines = without_comments(text)
    raw = text.split('\n')
    for number, line in enumerate(raw, 1):
        for check in (check_includes, check_names):
            found = check(path, line)
            if found:
                findings.append(f'{path}:{number}: {found}')
        if len(line) > 100 and path.endswith(('.cpp', '.hpp')):
            findings.append(f'{path}:{number}: {len(line)} columns')
        if re.search(r'\b(TODO|FIXME|XXX|HACK)\b', line):
            findings.append(f'{path}:{number}: unfinished work belongs into an issue')
    for number, statement in joined_statements(lines):
        found = check_coroutines(path, statement)
        if found:
            findings.append(f'{path}:{number}: {found}')
    if len(raw) > LINES_MAX + 1:
        findings.append(f'{path}: {len(raw) - 1} lines: a second idea inside?')
    if path.endswith('.hpp') and '#pragma once' not in text:
        findings.append(f'{path}: no #pragma once')
    if path.startswith('src/') and path.endswith('.hpp') and not text.startswith('//'):
        findings.append(f'{path}:1: a header opens with its contract')
    return findings


def prove_checks_can_fail():
    bad = [('src/base/x.hpp', '#include <unistd.h>'), ('src/io/x.hpp', '#include "async/task.hpp"'),
           ('src/async/x.cpp', 'if (co_await x) y();'), ('src/async/x.cpp', 'while (!co_await x) {'),
           ('src/async/x.cpp', 'auto a = co_await f(Take{1, 2});'),
           ('src/async/x.cpp', 'co_await f([&x](int) { return x; });'),
           ('src/sources/a.cpp', '#include <zstd.h>'), ('platform/uring/x.cpp', '#include "agent/a.hpp"'),
           ('src/base/x.cpp', '#include <iostream>'), ('src/base/x.cpp', '// TODO later')]
    for path, text in bad:
        if not check_file(path, '//\n#pragma once\n' + text):
            sys.exit(f'tidy: its own bad example passes: {path}: {text}')


def main():
    prove_checks_can_fail()
    findings = []
    count = 0
    for folder in ('src', 'platform', 'tests'):
        for file in sorted((ROOT / folder).rglob('*')):
            if file.suffix not in ('.cpp', '.hpp', '.c', '.h') or not file.is_file():
                continue
            path = str(file.relative_to(ROOT))
            found = check_file(path, file.read_text())
            if folder == 'tests':  # tests may include anything; traps and names count there too
                found = [each for each in found if 'co_await' in each or 'host name' in each]
            findings += found
            count += 1
    print('\n'.join(findings))
    print(f'tidy: {count} files, {len(findings)} findings')
    sys.exit(1 if findings else 0)


if __name__ == '__main__':
    main()
