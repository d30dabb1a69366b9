"""A server of the Fluentd Forward Protocol Specification v1, written from the specification.

  forward_receiver.py --port N | --unix PATH --out FILE [--shared-key KEY --hostname NAME [--user U --password P]
                      [--no-keepalive]] [--certificate FILE --key FILE] [--mistake KIND] [--pause S]

Every chunk becomes a line of JSON in FILE (tag, chunk, size, compressed, entries), which is synced
before the chunk is acknowledged: a SIGKILL takes nothing that was acknowledged. A line that was torn
by one is cut off at the next start. --mistake: what it does wrong with the third chunk of every
connection: `silent` (no acknowledgement), `wrong` (another chunk's), `close` (it reads half and
hangs up). Says `ready` on standard output when it listens."""
import argparse
import gzip
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
import time


class Malformed(Exception):
    pass


class Unpacker:
    """MessagePack: one value after the other, from `read(count)`."""
    SIZED = {0xc4: ('bin', '>B'), 0xc5: ('bin', '>H'), 0xc6: ('bin', '>I'),
             0xc7: ('ext', '>B'), 0xc8: ('ext', '>H'), 0xc9: ('ext', '>I'),
             0xd9: ('str', '>B'), 0xda: ('str', '>H'), 0xdb: ('str', '>I'),
             0xdc: ('array', '>H'), 0xdd: ('array', '>I'),
             0xde: ('map', '>H'), 0xdf: ('map', '>I')}
    NUMBERS = {0xca: '>f', 0xcb: '>d', 0xcc: '>B', 0xcd: '>H', 0xce: '>I', 0xcf: '>Q',
               0xd0: '>b', 0xd1: '>h', 0xd2: '>i', 0xd3: '>q'}
    CONSTANTS = {0xc0: None, 0xc2: False, 0xc3: True}

    def __init__(self, read):
        self._read = read

    def _field(self, form):
        return struct.unpack(form, self._read(struct.calcsize(form)))[0]

    def value(self):
        first = self._read(1)[0]
        if first <= 0x7f:
            return first
        if first >= 0xe0:
            return first - 256
        if first <= 0x8f:
            return self._sized('map', first & 15)
        if first <= 0x9f:
            return self._sized('array', first & 15)
        if first <= 0xbf:
            return self._sized('str', first & 31)
        if first in self.CONSTANTS:
            return self.CONSTANTS[first]
        if first in self.NUMBERS:
            return self._field(self.NUMBERS[first])
        if 0xd4 <= first <= 0xd8:
            return self._sized('ext', 1 << (first - 0xd4))
        if first in self.SIZED:
            kind, form = self.SIZED[first]
            return self._sized(kind, self._field(form))
        raise Malformed(f'byte {first:#x}')

    def _sized(self, kind, size):
        if kind == 'array':
            return [self.value() for _ in range(size)]
        if kind == 'map':
            return dict((self.value(), self.value()) for _ in range(size))
        if kind == 'bin':
            return self._read(size)
        if kind == 'str':
            return self._read(size).decode('utf-8', 'surrogateescape')
        return (self._field('>b'), self._read(size))


def packed(value):
    """Of what a server says: short texts, bytes, booleans, arrays and maps."""
    if isinstance(value, bool):
        return b'\xc3' if value else b'\xc2'
    if isinstance(value, str):
        text = value.encode('utf-8', 'surrogateescape')
        return (bytes([0xa0 | len(text)]) if len(text) < 32 else b'\xd9' + bytes([len(text)])) + text
    if isinstance(value, bytes):
        return b'\xc4' + bytes([len(value)]) + value
    if isinstance(value, list):
        return bytes([0x90 | len(value)]) + b''.join(map(packed, value))
    return bytes([0x80 | len(value)]) + b''.join(packed(k) + packed(v) for k, v in value.items())


def entries_of(blob, compressed):
    if compressed == 'gzip':
        blob = gzip.decompress(blob)
    elif compressed == 'zstd':
        blob = subprocess.run(['zstd', '-dcq'], input=blob, capture_output=True, check=True).stdout
    elif compressed is not None:
        raise Malformed(f'compressed by {compressed!r}')
    at = 0

    def read(count):
        nonlocal at
        if at + count > len(blob):
            raise Malformed('an entry ends too early')
        at += count
        return blob[at - count:at]

    unpacker = Unpacker(read)
    while at < len(blob):
        moment, record = unpacker.value()
        kind, data = moment
        if kind != 0 or len(data) != 8 or not isinstance(record, dict):
            raise Malformed('an entry is not [EventTime, map]')
        yield [*struct.unpack('>II', data), record]


class Store:
    """One line a chunk; whole lines only, durable when `add` returns."""

    def __init__(self, path):
        self._file = open(path, 'a+b')
        self._file.seek(0)
        whole = self._file.read().rfind(b'\n') + 1
        self._file.truncate(whole)
        self._lock = threading.Lock()

    def add(self, chunk):
        line = json.dumps(chunk).encode() + b'\n'
        with self._lock:
            self._file.write(line)
            self._file.flush()
            os.fdatasync(self._file.fileno())


def digest_of(*parts):
    whole = hashlib.sha512()
    for part in parts:
        whole.update(part if isinstance(part, bytes) else part.encode('utf-8', 'surrogateescape'))
    return whole.hexdigest()


class Connection:
    def __init__(self, stream, options, store):
        self._stream = stream
        self._input = stream.makefile('rb')
        self._options = options
        self._store = store
        self._unpacker = Unpacker(self._read)

    def _read(self, count):
        data = self._input.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def serve(self):
        try:
            if self._options.shared_key is not None and not self._is_welcome():
                return
            count = 0
            while True:
                request = self._unpacker.value()
                count += 1
                if request is not None and not self._take(request, count):
                    return
        except (EOFError, OSError):
            pass
        finally:
            self._input.close()
            self._stream.close()

    def _is_welcome(self):
        options = self._options
        nonce, auth = os.urandom(16), os.urandom(16) if options.user is not None else b''
        self._stream.sendall(packed(['HELO', {'nonce': nonce, 'auth': auth,
                                              'keepalive': not options.no_keepalive}]))
        ping, hostname, salt, key_digest, user, password = self._unpacker.value()
        reason = ''
        if ping != 'PING':
            reason = 'not a PING'
        elif hostname == options.hostname:
            reason = 'same hostname'
        elif key_digest != digest_of(salt, hostname, nonce, options.shared_key):
            reason = 'shared_key mismatch'
        elif auth and (user != options.user
                       or password != digest_of(auth, options.user, options.password)):
            reason = 'username/password mismatch'
        if reason:
            self._stream.sendall(packed(['PONG', False, reason, '', '']))
            return False
        proof = digest_of(salt, options.hostname, nonce, options.shared_key)
        self._stream.sendall(packed(['PONG', True, '', options.hostname, proof]))
        return True

    def _take(self, request, count):
        """False: the connection ends."""
        tag, blob, option = request
        mistake = self._options.mistake if count == 3 else None
        if mistake == 'close':
            return False
        entries = list(entries_of(blob, option.get('compressed')))
        if len(entries) != option['size']:
            raise Malformed(f'{len(entries)} entries, said to be {option["size"]}')
        self._store.add({'tag': tag, 'chunk': option.get('chunk'), 'size': option['size'],
                         'compressed': option.get('compressed'), 'entries': entries})
        if mistake == 'silent':
            return True
        if 'chunk' in option:
            time.sleep(self._options.pause)
            chunk = 'AAAAAAAAAAAAAAAAAAAAAA==' if mistake == 'wrong' else option['chunk']
            self._stream.sendall(packed({'ack': chunk}))
        return not self._options.no_keepalive


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument('--port', type=int)
    where.add_argument('--unix')
    parser.add_argument('--out', required=True)
    parser.add_argument('--shared-key')
    parser.add_argument('--hostname', default='server.example')
    parser.add_argument('--user')
    parser.add_argument('--password')
    parser.add_argument('--no-keepalive', action='store_true')
    parser.add_argument('--certificate')
    parser.add_argument('--key')
    parser.add_argument('--mistake', choices=('silent', 'wrong', 'close'))
    parser.add_argument('--pause', type=float, default=0)
    return parser.parse_args()


def main():
    options = parse_arguments()
    store = Store(options.out)
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
    if options.unix:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(options.unix)
        listener.listen()
    else:
        listener = socket.create_server(('127.0.0.1', options.port))
    print('ready', flush=True)

    def serve(stream):
        try:
            if context is not None:
                stream = context.wrap_socket(stream, server_side=True)
        except OSError:
            stream.close()
            return
        Connection(stream, options, store).serve()

    while True:
        stream, _ = listener.accept()
        if not options.unix:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(stream,), daemon=True).start()


if __name__ == '__main__':
    main()
