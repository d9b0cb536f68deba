#!/usr/bin/env python3
"""Damaged and hostile captures: each is read to its end or refused in words, in bounded time and memory.

usage: hostile.py WIREWITNESS CAPTURES
CAPTURES holds files/ and hostile.txt, a capture a line before a tab.
"""
import json, os, resource, subprocess, sys

SECONDS, ADDRESS_SPACE = 60, 4 << 30


def main():
    exe, captures = os.path.abspath(sys.argv[1]), sys.argv[2]
    names = [line.split('\t')[0].rstrip('\n') for line in open(os.path.join(captures, 'hostile.txt')) if line.strip()]
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    bad = refused = 0
    for name in names:
        cmd = [exe, 'audit', '--json', '--no-progress', '--threads', '2', '-a', '10.0.0.0/8', '-a', '192.168.0.0/16', os.path.join(captures, 'files', name)]
        try:
            p = subprocess.run(cmd, capture_output=True, timeout=SECONDS, preexec_fn=limit)
        except subprocess.TimeoutExpired:
            bad += 1; print('hang:', name); continue
        if p.returncode not in (0, 1, 2, 3) or b'panicked' in p.stderr:
            bad += 1; print('crash:', name, p.returncode, p.stderr[-300:])
        elif p.returncode == 2:
            refused += 1
            if b': ' not in p.stderr:
                bad += 1; print('refused without a word:', name)
        else:
            document = json.loads(p.stdout)
            whole = all(i['complete'] for i in document['inputs'])
            if sum(document['coverage']['ledger'].values()) != document['coverage']['packets'] or not whole and document['verdict'] == 'pass':
                bad += 1; print('ledger or verdict:', name)
    print('%d captures, %d refused, %d wrong' % (len(names), refused, bad))
    sys.exit(1 if bad else 0)


main()
