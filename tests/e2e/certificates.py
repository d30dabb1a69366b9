"""The certificates of tests/support/tls_certificates.hpp as files: one set of names, one place."""
import os
import re

import harness

SOURCE = os.path.join(harness.REPOSITORY, 'tests/support/tls_certificates.hpp')


def write(folder, *names):
    """Each as FOLDER/NAME.pem."""
    with open(SOURCE) as file:
        known = dict(re.findall(r'constexpr char (\w+)\[\] = R"\((.*?)\)"', file.read(), re.DOTALL))
    for name in names:
        path = os.path.join(folder, name + '.pem')
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
            file.write(known[name])
