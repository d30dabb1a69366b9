#!/usr/bin/env python3
"""Writes the option tables of docs/*.md anew: docs/option_tables.py PATH_TO_RUNNEL

Between the lines `<!-- options NAME -->` and `<!-- /options -->` stands what
`runnel list --markdown NAME` prints. The unit test "documentation: option tables and examples"
fails when a page is out of date. What this build was made without (kafka) stays as it is.
"""
import pathlib
import re
import subprocess
import sys

TABLE = re.compile(r"<!-- options (\S+) -->\n.*?<!-- /options -->", re.DOTALL)


BUILD_OPTIONS = ("sink/kafka",)


def table_of(runnel, name):
    command = [runnel, "list", "--markdown", name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 and name in BUILD_OPTIONS:
        return None
    done.check_returncode()
    return f"<!-- options {name} -->\n{done.stdout}<!-- /options -->"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for page in sorted(pathlib.Path(__file__).resolve().parent.glob("*.md")):
        before = page.read_text()
        after = TABLE.sub(lambda match: table_of(sys.argv[1], match.group(1)) or match.group(), before)
        if after != before:
            page.write_text(after)
            print(page.name)


main()
