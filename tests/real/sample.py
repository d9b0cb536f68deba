#!/usr/bin/env python3
"""A sample of real captures: no crash, no hang, the ledger closes, and names and initiators agree with the truth beside them.

usage: sample.py WIREWITNESS CAPTURES [EVERY]
CAPTURES holds files/, truth.jsonl and agree.py. Every EVERYth capture (default 4) is audited; agree.py runs over all of them.
"""
import json, os, subprocess, sys, tempfile

# what main reaches; raised with it, never lowered but for names that the truth does not have: one of DTLS, one of a version of QUIC that
# tshark does not open, and four of the TLS inside OpenVPN count as too many. What is missing: names in Google's QUIC before version 1;
# questions behind a length of IP that is none, in inverse queries, and names that tshark calls too long or looping. Flows that a reader
# splits in two at a reset (rfb), that go on by a routing header, or of which a fragment alone is there (bgp). CONNECT: five targets at all,
# two of them no place. Versions: what the responder alone shows (two), and two ServerHellos that are malformed; too many are three behind
# RDP's upgrade, two inside OpenVPN, and SSL 2.0.
THRESHOLDS = {'sni_tcp': (1.0, 0.98), 'sni_quic': (1.0, 0.951), 'dns_name': (0.98, 0.997), 'initiator': (0.992, 0.992), 'connect': (1.0, 0.6),
              'tls_version': (0.981, 0.972)}
# zeek's modbus/fuzz-72, a flow of random bytes without a handshake
REVERSED = 1


def main():
    exe, captures, every = os.path.abspath(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 4
    names = [json.loads(line)['capture'] for line in open(os.path.join(captures, 'truth.jsonl'))]
    bad = 0
    for name in names[::every]:
        path = os.path.join(captures, 'files', name)
        cmd = [exe, 'audit', '--json', '--no-progress', '--agent', '10.0.0.0/8', '--agent', '192.168.0.0/16', path]
        try:
            p = subprocess.run(cmd, capture_output=True, timeout=60)
        except subprocess.TimeoutExpired:
            bad += 1; print('hang:', name); continue
        if p.returncode not in (0, 1, 2, 3) or b'panicked' in p.stderr:
            bad += 1; print('crash:', name, p.returncode, p.stderr[-200:]); continue
        if p.returncode == 2:
            continue
        coverage = json.loads(p.stdout)['coverage']
        if sum(coverage['ledger'].values()) != coverage['packets']:
            bad += 1; print('ledger:', name, coverage)
    with tempfile.NamedTemporaryFile(suffix='.json') as out:
        agree = subprocess.run([sys.executable, os.path.join(captures, 'agree.py'), exe, '--misses', '0', '--json', out.name], stdout=subprocess.DEVNULL)
        bad += agree.returncode != 0
        result = json.load(open(out.name))
    for what, (recall, precision) in THRESHOLDS.items():
        total = result['results']['TOTAL/' + what]
        line = '%s: recall %.4f precision %.4f' % (what, total['recall'], total['precision'])
        if total['recall'] < recall or total['precision'] < precision:
            bad += 1; line += '  below %.3f %.3f' % (recall, precision)
        print(line)
    if result['reversed'] > REVERSED:
        bad += 1; print('initiators reversed:', result['reversed'])
    print('%d captures audited, %d wrong' % (len(names[::every]), bad))
    sys.exit(1 if bad else 0)


main()
