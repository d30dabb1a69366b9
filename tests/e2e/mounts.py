"""File systems of a few pages that a test can fill: a receiver that has no room is away. Where mounting
is not allowed, the test is skipped."""
import os
import subprocess

PAGE = 4096


def mounted(scenario, folder, *arguments):
    if os.geteuid() != 0:
        scenario.skipTest('mounting needs root')
    done = subprocess.run(['mount', *arguments, folder], capture_output=True, text=True)
    if done.returncode != 0:
        scenario.skipTest(f'cannot mount {" ".join(arguments)}: {done.stderr.strip()}')
    scenario.addCleanup(subprocess.run, ['umount', '-l', folder], capture_output=True)


def mount_tmpfs(scenario, name, size, options=''):
    mounted(scenario, scenario.make_folder(name), '-t', 'tmpfs', '-o', f'size={size}{options}',
            'runnel-test')


def mount_loop(scenario, name, size):
    """An ext4 of `size` bytes in a file, on a loop device that goes with its mount."""
    image = scenario.path(f'{name}.image')
    with open(image, 'wb') as file:
        file.truncate(size)
    made = subprocess.run(['mkfs.ext4', '-q', '-F', '-m', '0', image], capture_output=True,
                          text=True)
    if made.returncode != 0:
        scenario.skipTest(f'cannot make a file system: {made.stderr.strip()}')
    mounted(scenario, scenario.make_folder(name), '-t', 'ext4', '-o', 'loop', image)


def device_bytes_written(folder):
    """What the device of a loop mount has taken so far, file system's own writes and all."""
    found = os.stat(folder).st_dev
    with open(f'/sys/dev/block/{os.major(found)}:{os.minor(found)}/stat') as file:
        return int(file.read().split()[6]) * 512


class Receiver:
    """What the file sink writes to: a tmpfs that has no room while the receiver is away."""

    def __init__(self, scenario, name='out', size=512 << 20):
        self._folder = scenario.path(name)
        self._size = size
        self.away = False
        mount_tmpfs(scenario, name, size)
        # While it is away there is nothing, not even the rest of a page.
        scenario.write(f'{name}/.taken', bytes(PAGE))

    def _resize(self, size):
        done = subprocess.run(['mount', '-o', f'remount,size={size}', self._folder],
                              capture_output=True)
        return done.returncode == 0

    def leave(self):
        """Not below what is in it, which may grow meanwhile."""
        self.away = True
        for _ in range(100):
            now = os.statvfs(self._folder)
            if self._resize((now.f_blocks - now.f_bfree) * now.f_bsize):
                return
        raise AssertionError(f'{self._folder} cannot be made smaller')

    def come_back(self):
        self.away = False
        assert self._resize(self._size), f'{self._folder} cannot be made larger'
