"""The peers that the tests send with and to: rsyslog, syslog-ng, logrotate, logger.

rsyslog and syslog-ng cannot both be installed: syslog-ng's packages are unpacked into a folder of
their own (RUNNEL_PEERS, once). No service is started and no configuration of the system is read or
changed: each gets its own, in the folder of the test."""
import glob
import os
import shutil
import subprocess

import harness

CACHE = os.environ.get('RUNNEL_PEERS', os.path.join(harness.REPOSITORY, 'build', 'peers'))
SYSLOG_NG_PACKAGES = ('syslog-ng-core', 'libivykis0', 'libjson-c5', 'libnet1', 'libwrap0',
                      'libpcre3', 'libcap2', 'libglib2.0-0', 'libdbi1')


def is_installed(package):
    done = subprocess.run(['dpkg-query', '-W', '-f', '${db:Status-Status}', package],
                          capture_output=True, text=True)
    return done.stdout == 'installed'


def syslog_ng():
    """(command, environment), or a text that says why there is none."""
    installed = shutil.which('syslog-ng', path='/usr/sbin:/usr/bin')
    if installed:
        return [installed], {}
    root = os.path.join(CACHE, 'syslog-ng')
    if not os.path.exists(os.path.join(root, 'usr/sbin/syslog-ng')):
        problem = unpack(root)
        if problem:
            return problem
    folders = [os.path.dirname(path) for path in
               glob.glob(root + '/usr/lib/**/lib*.so*', recursive=True) +
               glob.glob(root + '/lib/**/lib*.so*', recursive=True)]
    modules = glob.glob(root + '/usr/lib/syslog-ng/*/libafsocket.so')
    return ([os.path.join(root, 'usr/sbin/syslog-ng'),
             '--module-path=' + os.path.dirname(modules[0])],
            {'LD_LIBRARY_PATH': ':'.join(sorted(set(folders)))})


def unpack(root):
    partial = f'{root}.{os.getpid()}'
    os.makedirs(partial)
    try:
        wanted = [name for name in SYSLOG_NG_PACKAGES if not is_installed(name)]
        for name in wanted:
            try:
                done = subprocess.run(['apt-get', 'download', name], cwd=partial,
                                      capture_output=True, text=True, timeout=300)
            except (OSError, subprocess.TimeoutExpired) as error:
                return f'apt-get download {name}: {error}'
            if done.returncode != 0 and name == 'syslog-ng-core':
                return f'apt-get download {name}: {done.stderr.strip()[-200:]}'
        for package in glob.glob(partial + '/*.deb'):
            subprocess.run(['dpkg', '-x', package, partial], check=True, capture_output=True)
            os.unlink(package)
        os.rename(partial, root)
        return None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
