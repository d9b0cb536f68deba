#!/usr/bin/env python3
"""The laws over real captures: the same document on 1, 2, 3 and 8 threads, from a file and from a pipe that gives it in pieces of any size.

usage: laws.py WIREWITNESS CAPTURES [COUNT]
CAPTURES holds files/ and truth.jsonl; COUNT of them (200) are taken, evenly over its lines.
"""
import json, os, random, subprocess, sys

SECONDS = 120
MOST = 4 << 20
AGENTS = ['-a', '10.0.0.0/8', '-a', '192.168.0.0/16', '-a', '172.16.0.0/12', '-a', 'fe80::/10']


def audit(exe, capture, threads, pieces=None):
    cmd = [exe, 'audit', '--json', '--no-progress', '--threads', str(threads), *AGENTS]
    if pieces is None:
        run = subprocess.run([*cmd, capture], capture_output=True, timeout=SECONDS)
        return run.returncode, run.stdout
    process = subprocess.Popen([*cmd, '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with open(capture, 'rb') as data:
        try:
            while piece := data.read(pieces()):
                process.stdin.write(piece)
                process.stdin.flush()
            process.stdin.close()
        except BrokenPipeError:
            pass
    out = process.stdout.read()
    return process.wait(SECONDS), out


def without_names(out):
    """The document without what tells a file from a pipe."""
    document = json.loads(out)
    for given in document['inputs']:
        given['path'] = given['format'] = None
    return document


def main():
    exe, captures = os.path.abspath(sys.argv[1]), os.path.join(sys.argv[2], 'files')
    known = [json.loads(line)['capture'] for line in open(os.path.join(sys.argv[2], 'truth.jsonl'))]
    most = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    names = [name for name in known if os.path.getsize(os.path.join(captures, name)) <= MOST]
    names = names[:: max(1, len(names) // most)][:most]
    wrong = 0
    for n, name in enumerate(names):
        capture = os.path.join(captures, name)
        one = audit(exe, capture, 1)
        for threads in (2, 3, 8):
            if audit(exe, capture, threads) != one:
                wrong += 1
                print('%s: another document on %d threads' % (name, threads))
        size = random.Random(n)
        code, piped = audit(exe, capture, 1 + n % 3, lambda: size.randint(1, 4096))
        if code != one[0] or code != 2 and without_names(piped) != without_names(one[1]):
            wrong += 1
            print('%s: another document from a pipe' % name)
    print('%d captures, %d wrong' % (len(names), wrong))
    sys.exit(1 if wrong else 0)


main()
