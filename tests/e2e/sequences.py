"""Numbered lines: made by a test, and recognised again in what came out of the program."""
import collections

Sequence = collections.namedtuple('Sequence', 'lost duplicates unordered foreign regressions')
FILLER = b'the quick brown fox jumps over the lazy dog and runs along the channel'


def numbered(first, count, prefix=b'', filler=FILLER):
    return b''.join(b'%s%08d %s\n' % (prefix, number, filler)
                    for number in range(first, first + count))


def numbers_of(lines, prefix=b''):
    for line in lines:
        if line.startswith(prefix) and line[len(prefix):len(prefix) + 8].isdigit():
            yield int(line[len(prefix):len(prefix) + 8])


def check_sequence(lines, count, prefix=b'', filler=FILLER):
    """What of the lines 0 to count - 1 is missing, there twice, behind a later one, or not ours.
    `regressions`: how far the sequence jumped back, each time that it did."""
    seen = bytearray(count)
    duplicates = unordered = 0
    foreign, regressions = [], []
    last = -1
    size = len(prefix)
    for line in lines:
        digits = line[size:size + 8]
        if not line.startswith(prefix) or not digits.isdigit() or line[size + 9:] != filler \
                or int(digits) >= count:
            foreign.append(line[:120])
            continue
        number = int(digits)
        if seen[number]:
            duplicates += 1
        if number <= last:
            unordered += 1
            regressions.append(last - number + 1)
        seen[number] = 1
        last = number
    lost = [number for number in range(count) if not seen[number]]
    return Sequence(lost, duplicates, unordered, foreign, regressions)
