#!/usr/bin/env python3
"""Instructions that an audit takes, counted by callgrind and held against those written down: a slowdown is seen on a noisy machine too.

usage: instructions.py WIREWITNESS TRAFFIC [--write]
WIREWITNESS is a release build; TRAFFIC is that of `cargo build --release --example traffic`. `--write` writes down what was counted.
"""
import json, os, re, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
WRITTEN = os.path.join(HERE, 'instructions.json')
# flows of each kind
SLICES = {'bulk': 20, 'mix': 4000, 'small': 10000, 'scan': 50000}
# what another compiler, allocator or C library may change, in parts of a hundred
MARGIN = 8


def count(exe, traffic, kind, flows, where):
    capture = os.path.join(where, kind + '.pcap')
    with open(capture, 'wb') as out:
        subprocess.run([traffic, kind, str(flows)], stdout=out, check=True)
    audit = [exe, 'audit', '--json', '--no-progress', '--threads', '1', '--policy', os.path.join(HERE, 'policy.toml'), capture]
    run = subprocess.run(['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', *audit], capture_output=True, text=True)
    found = re.search(r'Collected : (\d+)', run.stderr)
    if run.returncode not in (0, 1) or not found:
        sys.exit('%s: exit %d, %s' % (kind, run.returncode, run.stderr[-300:]))
    packets = json.loads(run.stdout)['coverage']['packets']
    return {'flows': flows, 'packets': packets, 'instructions': int(found.group(1))}


def main():
    arguments = [a for a in sys.argv[1:] if a != '--write']
    if len(arguments) != 2:
        sys.exit(__doc__)
    exe, traffic = map(os.path.abspath, arguments)
    known = json.load(open(WRITTEN)) if os.path.exists(WRITTEN) else {}
    counted, slower = {}, []
    with tempfile.TemporaryDirectory() as where:
        for kind, flows in SLICES.items():
            now = counted[kind] = count(exe, traffic, kind, flows, where)
            before = known.get(kind, {}).get('instructions')
            change = '' if before is None else ', %+.1f %%' % (100 * (now['instructions'] / before - 1))
            print('%-6s %9d packets %13d instructions: %7.0f a packet, %8.0f a flow%s' % (
                kind, now['packets'], now['instructions'], now['instructions'] / now['packets'], now['instructions'] / flows, change))
            if before is not None and now['instructions'] > before * (100 + MARGIN) / 100:
                slower.append(kind)
    if '--write' in sys.argv:
        with open(WRITTEN, 'w') as out:
            json.dump(counted, out, indent=2)
            out.write('\n')
    elif slower:
        sys.exit('%s: more than %d %% above what is written down; where that is meant, run again with --write' % (', '.join(slower), MARGIN))


main()
