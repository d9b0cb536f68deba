#!/usr/bin/env python3
"""What an audit costs as flows grow in number: packets a second and bytes a flow, drawn as an SVG.

usage: curve.py WIREWITNESS TRAFFIC OUT.svg [--most FLOWS] [--rounds N]
WIREWITNESS is a release build; TRAFFIC is that of `cargo build --release --example traffic`. Traffic goes through a pipe, so that no disk is
needed; each figure is the median of the rounds (3).
"""
import os, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = {'small': ('look-ups and short sessions', '#1f6f8b'), 'scan': ('unanswered SYNs', '#c8553d')}
WIDTH, HEIGHT, LEFT, TOP, PANEL = 720, 620, 80, 40, 220


def measure(exe, traffic, kind, flows):
    """Seconds of CPU, peak bytes, packets."""
    made = subprocess.Popen([traffic, kind, str(flows)], stdout=subprocess.PIPE)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(made.stdout.fileno(), 0)
        os.dup2(write, 1)
        policy = os.path.join(HERE, 'policy.toml')
        os.execv(exe, [exe, 'audit', '--json', '--no-progress', '--threads', '1', '--memory', '4G', '--policy', policy, '-'])
    os.close(write)
    made.stdout.close()
    packets = 0
    with os.fdopen(read) as document:
        for line in document:
            if packets == 0 and line.strip().startswith('"packets":'):
                packets = int(line.split(':')[1].strip().rstrip(','))
    _, status, used = os.wait4(pid, 0)
    made.wait()
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit('%s with %d flows: exit %d' % (kind, flows, os.waitstatus_to_exitcode(status)))
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, packets


def panel(top, title, series, steps, unit):
    """A panel of lines over flows, both axes in powers of ten."""
    values = [v for points in series.values() for v in points]
    low, high = 10 ** (len(str(int(min(values)))) - 1), 10 ** len(str(int(max(values))))
    span = lambda v: top + PANEL - PANEL * (len_of(v) - len_of(low)) / max(1e-9, len_of(high) - len_of(low))
    across = lambda n: LEFT + (WIDTH - LEFT - 160) * n / max(1, len(steps) - 1)
    out = ['<text x="%d" y="%d" class="title">%s</text>' % (LEFT, top - 10, title)]
    tick = low
    while tick <= high:
        y = span(tick)
        out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="grid"/>' % (LEFT, WIDTH - 160, y, y))
        out.append('<text x="%d" y="%.1f" class="tick" text-anchor="end">%s</text>' % (LEFT - 8, y + 4, short(tick) + unit))
        tick *= 10
    for n, flows in enumerate(steps):
        out.append('<text x="%.1f" y="%d" class="tick" text-anchor="middle">%s</text>' % (across(n), top + PANEL + 18, short(flows)))
    for kind, points in series.items():
        name, colour = KINDS[kind]
        line = ' '.join('%.1f,%.1f' % (across(n), span(v)) for n, v in enumerate(points))
        out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (line, colour))
        for n, v in enumerate(points):
            out.append('<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (across(n), span(v), colour))
        out.append('<text x="%.1f" y="%.1f" class="name" fill="%s">%s</text>' % (across(len(points) - 1) + 10, span(points[-1]) + 4, colour, name))
    return out


def len_of(value):
    import math
    return math.log10(max(value, 1e-9))


def short(n):
    for size, letter in ((1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if n >= size:
            return '%g%s' % (n / size, letter)
    return '%g' % n


def main():
    exe, traffic, out = map(os.path.abspath, sys.argv[1:4])
    options = dict(zip(sys.argv[4::2], sys.argv[5::2]))
    most, rounds = int(options.get('--most', 10_000_000)), int(options.get('--rounds', 3))
    steps = [n for n in (10_000, 100_000, 1_000_000, 10_000_000) if n <= most]
    speed, memory = {}, {}
    print('%-6s %10s %10s %12s %10s' % ('kind', 'flows', 'packets', 'packets/s', 'bytes/flow'))
    for kind in KINDS:
        _, least, _ = measure(exe, traffic, kind, 10)
        for flows in steps:
            found = [measure(exe, traffic, kind, flows) for _ in range(rounds)]
            cpu, peak = statistics.median(f[0] for f in found), statistics.median(f[1] for f in found)
            packets = found[0][2]
            speed.setdefault(kind, []).append(packets / cpu)
            memory.setdefault(kind, []).append(max(1, (peak - least) / flows))
            print('%-6s %10d %10d %12.0f %10.0f' % (kind, flows, packets, speed[kind][-1], memory[kind][-1]))
    style = '.title{font:600 15px sans-serif}.tick{font:12px sans-serif;fill:#555}.name{font:13px sans-serif}.grid{stroke:#ddd}'
    svg = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d">' % (WIDTH, HEIGHT), '<style>%s</style>' % style]
    svg += ['<rect width="%d" height="%d" fill="white"/>' % (WIDTH, HEIGHT)]
    svg += panel(TOP, 'packets a second of one processor', speed, steps, '')
    svg += panel(TOP + PANEL + 80, 'bytes of memory a flow, at the peak', memory, steps, ' B')
    svg += ['<text x="%d" y="%d" class="tick">flows in the capture</text>' % (LEFT, HEIGHT - 8), '</svg>']
    with open(out, 'w') as file:
        file.write('\n'.join(svg) + '\n')


main()
