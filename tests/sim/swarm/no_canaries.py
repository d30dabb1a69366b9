#!/usr/bin/env python3
"""The product holds no canary and no mark: neither their code nor their names.

Goal: deliberate mistakes exist in builds with tests only.
Method: compiles a file that has both as the product does and as the tests do, and looks at the
symbols: the second must show them (so the look works), the first must not. A product binary that
lies in build/release is looked at too.
Usage: no_canaries.py COMPILER SOURCE_FOLDER EXPECTED_INCLUDE
"""
import pathlib
import subprocess
import sys
import tempfile

FILE = 'src/sinks/file/output_file.cpp'
WORDS = (b'canary_at_large', b'mark_counts', b'short_write_as_whole')


def words_in(binary):
    return [word.decode() for word in WORDS if word in binary]


def compiled(compiler, root, include, defines):
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder) / 'object.o'
        # The compiler's own folder must keep its place in the order.
        system = [] if include == '/usr/include' else ['-isystem', include]
        subprocess.run([compiler, '-std=c++20', '-O2', '-DNDEBUG', *defines, f'-I{root}/src', f'-I{root}',
                        *system, '-c', f'{root}/{FILE}', '-o', str(target)], check=True)
        return target.read_bytes()


def main():
    compiler, root, include = sys.argv[1:4]
    rehearsal = words_in(compiled(compiler, root, include, ['-DRUNNEL_CANARIES']))
    product = words_in(compiled(compiler, root, include, []))
    print(f'with tests: {rehearsal}; product: {product}')
    failed = bool(product) or 'canary_at_large' not in rehearsal or 'mark_counts' not in rehearsal
    binary = pathlib.Path(root) / 'build/release/platform/linux/runnel'
    if binary.exists():
        found = words_in(binary.read_bytes())
        print(f'{binary}: {found}')
        failed = failed or bool(found)
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
