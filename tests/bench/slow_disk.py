"""A disk that is slow for one process: an ext4 on a loop device, throttled by the group of processes."""
import os
import pathlib
import shutil
import subprocess

from measuring import Skipped

GROUPS = pathlib.Path('/sys/fs/cgroup/blkio')
IMAGE_BYTES = 256 << 20


class ThrottledDisk:
    def __init__(self, work, bytes_per_second):
        self.folder = work / 'slow'
        self.image = work / 'slow.image'
        self.group = GROUPS / f'runnel-bench-{os.getpid()}'
        self.bytes_per_second = bytes_per_second

    def __enter__(self):
        if os.geteuid() != 0 or not GROUPS.exists():
            raise Skipped('needs root and the blkio controller of cgroup version 1')
        self.folder.mkdir(exist_ok=True)
        with self.image.open('wb') as file:
            file.truncate(IMAGE_BYTES)
        subprocess.run(['mkfs.ext4', '-q', '-F', '-m', '0', self.image], check=True)
        subprocess.run(['mount', '-o', 'loop', self.image, self.folder], check=True)
        self.group.mkdir(exist_ok=True)
        device = os.stat(self.folder).st_dev
        (self.group / 'blkio.throttle.write_bps_device').write_text(
            f'{os.major(device)}:{os.minor(device)} {self.bytes_per_second}')
        return self

    def inside(self, command):
        """The command, as a member of the group."""
        return ['sh', '-c', f'echo $$ > {self.group}/cgroup.procs && exec "$@"', 'sh', *command]

    def __exit__(self, *_):
        subprocess.run(['umount', '-l', self.folder], check=False)
        self.image.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.group.rmdir()
        except OSError:  # somebody is still in it
            pass
