#!/usr/bin/env python3
"""Whether a program was built as cmake/hardening.cmake says: reads it with readelf.

  tests/hardening/check.py [--readelf NAME] [--bytes-max N] PROGRAM...

Of a stripped program fortified calls cannot be seen: that one check is skipped then, by name.
"""
import argparse
import pathlib
import re
import subprocess
import sys


def read(readelf, program, *flags):
    return subprocess.run([readelf, '--wide', *flags, program], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def segments(text):
    """Type and flags of each program header."""
    return re.findall(r'^\s+([A-Z_]+)\s+0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+ ([RWE ]{3})',
                      text, re.MULTILINE)


def faults_of(readelf, program, bytes_max, also):
    headers = read(readelf, program, '-h', '-l')
    dynamic = read(readelf, program, '-d')
    symbols = read(readelf, program, '-s')
    found = segments(headers)
    # A static program at a fixed address binds nothing later, so it can have nothing bound at start.
    fixed = re.search(r'Type:\s+EXEC', headers) and re.search(r'Machine:\s+ARM', headers) \
        and not any(kind == 'INTERP' for kind, _ in found)
    if fixed:
        print(f'{program}: SKIPPED position independence: glibc has no static one for 32-bit ARM')
    elif not re.search(r'Type:\s+DYN', headers) or not re.search(r'FLAGS_1.*PIE', dynamic):
        yield 'is not position independent (PIE)'
    if not any(kind == 'GNU_RELRO' for kind, _ in found):
        yield 'has no read-only relocations (RELRO)'
    if not fixed and not re.search(r'BIND_NOW|FLAGS_1.*NOW', dynamic):
        yield 'is not bound at start (BIND_NOW), so RELRO is only partial'
    stack = [flags for kind, flags in found if kind == 'GNU_STACK']
    if not stack or 'E' in stack[0]:
        yield 'has an executable stack'
    if any(kind == 'LOAD' and 'W' in flags and 'E' in flags for kind, flags in found):
        yield 'has a segment that is writable and executable'
    if re.search(r'\((RPATH|RUNPATH)\)', dynamic):
        yield 'looks for libraries in a path of its own (RPATH)'
    libraries = re.findall(r'\(NEEDED\).*\[(.*?)\]', dynamic)
    for library in libraries:
        if not re.match(rf'(libc|ld-linux.*|libm{"".join("|" + each for each in also)})\.so', library):
            yield f'needs {library}; only libc is there everywhere'
    # Names of functions are in a program until it is stripped; of a dynamic one the imported stay.
    if '__stack_chk_fail' not in symbols:
        if re.search(r'\.symtab', symbols) or libraries:
            yield 'has no stack protector'
        else:
            print(f'{program}: SKIPPED stack protector: it is stripped')
    if libraries and not re.search(r'__(memcpy|memmove|read|snprintf|vsnprintf|fprintf|memset)_chk', symbols):
        print(f'{program}: SKIPPED fortified calls: none was left to check at run time')
    size = pathlib.Path(program).stat().st_size
    if bytes_max and size > bytes_max:
        yield f'has {size} bytes, {size - bytes_max} more than the floor'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--readelf', default='readelf')
    parser.add_argument('--bytes-max', type=int, default=0, help='of the file; give it a stripped one')
    parser.add_argument('--also', action='append', default=[], metavar='LIBRARY',
                        help='a shared library that this build needs besides libc: librdkafka')
    parser.add_argument('programs', nargs='+', metavar='PROGRAM')
    options = parser.parse_args()
    good = True
    for program in options.programs:
        faults = list(faults_of(options.readelf, program, options.bytes_max, options.also))
        for fault in faults:
            print(f'{program}: {fault}', file=sys.stderr)
        if not faults:
            print(f'{program}: good')
        good = good and not faults
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
