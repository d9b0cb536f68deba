#!/usr/bin/env python3
"""The same captures again and again, one behind the other in time, and what memory that takes: exits 1 if it is not flat.

usage: soak.py WIREWITNESS CAPTURE.pcap ... [--minutes 10] [--threads 1]
Each round of a capture is a section of one pcapng stream, whose interface has an offset that moves its packets behind those before. Memory is that
of the process, looked at four times a second: its peak in the last third may not be more than 5 % above that in the second.
"""
import contextlib, os, struct, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
PIECE = 1 << 20
MAGICS = {0xa1b2c3d4: ('<', 1000), 0xa1b23c4d: ('<', 1), 0xd4c3b2a1: ('>', 1000), 0x4d3cb2a1: ('>', 1)}


def blocks(capture, out):
    """Writes a capture's packets as blocks. Returns its link type, and the nanoseconds of its first and last packet."""
    with open(capture, 'rb', PIECE) as packets:
        header = packets.read(24)
        order, unit = MAGICS[struct.unpack('<I', header[:4])[0]]
        link = struct.unpack(order + 'I', header[20:])[0] & 0xffff
        first = last = None
        record, block = struct.Struct(order + 'IIII'), struct.Struct('<IIIIIII')
        while len(head := packets.read(16)) == 16:
            seconds, fraction, captured, wire = record.unpack(head)
            last = seconds * 10**9 + fraction * unit
            first = last if first is None else first
            length = 32 + (captured + 3 & ~3)
            out.write(block.pack(6, length, 0, last >> 32, last & 0xffffffff, captured, wire))
            out.write(packets.read(captured) + bytes(-captured & 3))
            out.write(struct.pack('<I', length))
    return link, first, last


def section(link, seconds):
    """A section with one interface, in nanoseconds, whose packets are later by so many seconds."""
    header = struct.pack('<IIIHHqI', 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0, -1, 28)
    options = struct.pack('<HHBxxx', 9, 1, 9) + struct.pack('<HHq', 14, 8, seconds) + struct.pack('<HH', 0, 0)
    length = 20 + len(options)
    return header + struct.pack('<IIHHI', 1, length, link, 0, 0) + options + struct.pack('<I', length)


def resident(pid):
    with open('/proc/%d/statm' % pid) as words:
        return int(words.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def main():
    words = sys.argv[1:]
    options = {'--minutes': 10.0, '--threads': 1}
    for name in options:
        if name in words:
            at = words.index(name)
            options[name] = type(options[name])(words[at + 1])
            del words[at:at + 2]
    exe, captures = os.path.abspath(words[0]), words[1:]
    with tempfile.TemporaryDirectory() as place:
        made = []
        for n, capture in enumerate(captures):
            body = os.path.join(place, str(n))
            with open(body, 'wb', PIECE) as out:
                made.append((body, *blocks(capture, out)))
        command = [exe, 'audit', '--json', '--no-progress', '--threads', str(options['--threads'])]
        audit = subprocess.Popen(command + ['--policy', os.path.join(HERE, 'policy.toml'), '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        document = []
        reading = threading.Thread(target=lambda: document.append(audit.stdout.read()), daemon=True)
        reading.start()
        samples, done = [], threading.Event()
        began = time.monotonic()

        def watch():
            while not done.wait(0.25):
                with contextlib.suppress(OSError):      # it may have ended
                    samples.append(resident(audit.pid))

        threading.Thread(target=watch, daemon=True).start()
        rounds, at = 0, made[0][2]
        while time.monotonic() - began < options['--minutes'] * 60:
            for body, link, first, last in made:
                later = (at - first) // 10**9 + 1
                audit.stdin.write(section(link, later))
                with open(body, 'rb') as packets:
                    while piece := packets.read(PIECE):
                        audit.stdin.write(piece)
                at = last + later * 10**9
            rounds += 1
        audit.stdin.close()
        done.set()
        status = audit.wait()
        reading.join()
    third = len(samples) // 3
    if status not in (0, 1) or rounds < 3 or third == 0:
        sys.exit('exit %d, %d rounds: no verdict, or too few rounds' % (status, rounds))
    peaks = [max(samples[n * third:(n + 1) * third]) for n in range(3)]
    packets = next(line for line in document[0].decode().splitlines() if '"packets":' in line)
    print('%d rounds,%s, exit %d, peaks by thirds of the time: %s MB' % (
        rounds, packets.rstrip().rstrip(','), status, ', '.join(str(peak >> 20) for peak in peaks)))
    if peaks[2] > peaks[1] * 1.05:
        sys.exit('memory grows')


main()
