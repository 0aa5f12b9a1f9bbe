#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks a Counterfoil evidence pack: python3 verify.py FOLDER POLICY. Written from docs/format.md alone; needs openssl for Ed25519."""
import base64, datetime, hashlib, json, os, re, subprocess, sys, tempfile

pack, policy = sys.argv[1:3]
sha, b64 = lambda b: hashlib.sha256(b).digest(), base64.b64decode
read = lambda name: open(os.path.join(pack, name), 'rb').read()
lines = lambda name: read(name).split(b'\n')[:-1]
def check(ok, what): ok or sys.exit('NOT VALID: ' + what)
def signed(key, msg, sig):  # Ed25519, RFC 8032
    with tempfile.TemporaryDirectory() as d:
        for n, b in ('k', bytes.fromhex('302a300506032b6570032100') + key), ('m', msg), ('s', sig): open(d + '/' + n, 'wb').write(b)
        return not subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', d + '/k', '-rawin', '-in', d + '/m', '-sigfile', d + '/s'], capture_output=True).returncode
jcs = lambda v: json.dumps(v, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()

# 1. Files. 2. Signature.
have = {os.path.relpath(os.path.join(d, f), pack) for d, _, fs in os.walk(pack) for f in fs}
sums = {m: dict(reversed(l.decode().split('  ')) for l in lines(m)) for m in ('manifest-sha256.txt', 'manifest-sha512.txt', 'tagmanifest-sha256.txt')}
for m, s in sums.items():
    for f in s: check(f in have and hashlib.new(m.split('-')[1][:6], read(f)).hexdigest() == s[f], f + ' was changed or removed')
check(set(sums['manifest-sha256.txt']) == set(sums['manifest-sha512.txt']) == {f for f in have if f.startswith('data/')}, 'a file was added')
check({f for f in have if not f.startswith('data/')} - set(sums['tagmanifest-sha256.txt']) <= {'tagmanifest-sha256.txt', 'pack.dsse.json', 'pack.tsr'}, 'a file was added')
logs = {l.split()[1] for l in open(policy) if l.startswith('log ')}
keys = {'+'.join(k.split('+')[:2]): b64(k.split('+', 2)[2])[1:] for k in logs}
env = json.loads(read('pack.dsse.json')); body = b64(env['payload']); sig = env['signatures'][0]
check(sig['keyid'] in keys and signed(keys[sig['keyid']], b'DSSEv1 28 application/vnd.in-toto+json %d ' % len(body) + body, b64(sig['sig'])), 'no log of the policy signed the manifest')
st = json.loads(body); claim = st['predicate']
check(st['subject'][0]['digest']['sha256'] == sha(read('tagmanifest-sha256.txt')).hex(), 'the manifest is not the one that was signed')

# 3. Checkpoint (cosignatures of witnesses: counterfoil-verify looks at them). 4. Leaves.
note = read('data/checkpoints/checkpoint'); text, tail = note.split(b'\n\n', 1); text += b'\n'
origin, size, root = text.decode().split('\n')[:3]
ok = [signed(keys[k], text, b64(s)[4:]) for l in tail.decode().splitlines() for n, s in [l[2:].split(' ')] for k in keys if k == n + '+' + b64(s)[:4].hex()]
check(any(ok) and all(ok) and (origin, int(size), root) == (claim['origin'], claim['size'], claim['root']), 'the checkpoint is not the one of the claim, or not signed')
leaves, stack = lines('data/leaves.jsonl'), []
for i, l in enumerate(leaves):
    stack.append(sha(b'\0' + l)); i += 1
    while i % 2 == 0: r = stack.pop(); stack[-1] = sha(b'\1' + stack[-1] + r); i //= 2
while len(stack) > 1: r = stack.pop(); stack[-1] = sha(b'\1' + stack[-1] + r)
check(len(leaves) == int(size) and stack[0] == b64(root), 'the leaves do not give the root of the checkpoint')

# 5. Selection.
docs = [json.loads(l) for l in leaves]
def at(v, p): return [v] if not p else [x for e in v for x in at(e, p[1:])] if p[0] == '*' and isinstance(v, list) else at(v[p[0]], p[1:]) if isinstance(v, dict) and p[0] in v else []
def texts(d, p):
    if p[0] == '@':
        cs = [(c.get(n), c.get('result')) for l, n in (('governed/controls/*', 'control'), ('controls/*', 'id')) for c in at(d, l.split('/'))]
        return [t for n, r in cs if n and r and (p == '@control' or r in ('fail', 'error')) for m in {n, n.split('@')[0]} for t in ((m, m + '=' + r) if p == '@control' else (m,))]
    return [json.dumps(v) if isinstance(v, (bool, int, float)) else v for v in at(d, p[1:].split('/')) if isinstance(v, (str, bool, int, float))]
one = lambda d, p: (texts(d, p) or [''])[0]
cmp = lambda op, a, b: {'=': a == b, '<': a < b, '<=': a <= b, '>': a > b, '>=': a >= b}[op]
second = lambda t: int(datetime.datetime.fromisoformat(re.sub(r'\.\d+', '', t).replace('Z', '+00:00')).timestamp())
def sel(s, d):
    if 'any' in s: return any(sel(p, d) for p in s['any'])
    if 'not' in s: return not sel(s['not'], d)
    if 'followed' in s: return any(one(f, '/about') == d['id'] and sel(s['followed'], f) for f in docs)
    if 'at' not in s: return all(sel(p, d) for p in s.get('all', []))
    ts = [t for p in s['at'] for t in texts(d, p)]
    if 'op' in s: return any(cmp(s['op'], *((second(t), s['second']) if 'second' in s else (float(t), s['number']))) for t in ts)
    return any(t in s.get('is', []) or any(t.startswith(b) for b in s.get('begins', [])) for t in ts)
selection = json.loads(read('data/selection.json'))
chosen = {i for i, d in enumerate(docs) if sel(selection, d)}; before = None
custody = {i for i, d in enumerate(docs) if one(d, '/access/target') == claim['request']} - chosen
while before != chosen:
    before = set(chosen); ids = {docs[i]['id'] for i in chosen}; months = {}
    for i in sorted(chosen, reverse=True): months[docs[i].get('retention', 'default'), docs[i]['recorded'][:7]] = i
    chosen |= {i for i, d in enumerate(docs) if i not in custody and (claim['related'] and one(d, '/about') in ids or ids & set(texts(d, '/erasure/targets/*/id')) or months.get((one(d, '/erasure/class'), one(d, '/erasure/month')), i) < i)}
records = lines('data/records.jsonl')
check(records == [b'{"index":%d,"statement":%s}' % (i, leaves[i]) for i in sorted(chosen | custody)], 'records.jsonl is not what the selection selects')

# 6. Proofs and values. 7. Tombstones. 8. Numbers.
u32 = lambda b: len(b).to_bytes(4, 'big') + b
def path(i, n, leaf, p):  # RFC 9162 §2.1.3.2
    f, s, r = i, n - 1, leaf
    for h in p:
        if f & 1 or f == s:
            r = sha(b'\1' + h + r)
            while not f & 1 and f: f >>= 1; s >>= 1
        else: r = sha(b'\1' + r + h)
        f >>= 1; s >>= 1
    return s == 0 and r
seals, proofs = {}, set()
def find(v, p, i):
    if isinstance(v, dict) and set(v) == {'seal'}: seals[i, p] = v['seal']
    elif isinstance(v, (dict, list)):
        for k, x in v.items() if isinstance(v, dict) else enumerate(v): find(x, '%s/%s' % (p, str(k).replace('~', '~0').replace('/', '~1')), i)
for i in sorted(chosen | custody):
    f = 'data/proofs/%d.tlog-proof' % i; proofs.add(f); head, cp = read(f).split(b'\n\n', 1)
    check(cp == note and head.split(b'\n')[:2] == [b'c2sp.org/tlog-proof@v1', b'index %d' % i] and path(i, int(size), sha(b'\0' + leaves[i]), [b64(h) for h in head.split(b'\n')[2:]]) == b64(root), f + ' does not prove it')
    find(docs[i], '', i)
check(proofs == {f for f in have if f.startswith('data/proofs/')}, 'there is a proof of no record')
opened, gone, n = [json.loads(l) for l in lines('data/disclosures.jsonl')], [json.loads(l) for l in lines('data/tombstones.jsonl')], len(seals)
for d, l in zip(opened, lines('data/disclosures.jsonl')):
    value = l[l.index(b',"value":') + 9:-1]; salt = base64.urlsafe_b64decode(d['salt'] + '==')
    seal = sha(b'counterfoil/seal/v1\0' + salt + u32(d['id'].encode()) + u32(d['pointer'].encode()) + u32(value))
    check(docs[d['index']]['id'] == d['id'] and seals.pop((d['index'], d['pointer']), 0) == base64.urlsafe_b64encode(seal).decode().rstrip('='), 'the value at %s of %s does not open its seal' % (d['pointer'], d['id']))
tombs = {docs[i]['id']: docs[i]['erasure'] for i in chosen if 'erasure' in docs[i]}
for t in gone:
    e = tombs.get(t['tombstone'], {})
    named = 'month' in e or any(x['id'] == t['id'] and t['pointer'] in x.get('pointers', [t['pointer']]) for x in e.get('targets', []))
    check(named and docs[t['index']]['id'] == t['id'] and seals.pop((t['index'], t['pointer']), 0), 'no tombstone says that %s of %s is gone' % (t['pointer'], t['id']))
check([json.loads(l) for l in lines('data/custody.jsonl')] == [{'act': docs[i]['access']['act'], 'actor': docs[i]['access']['actor'], 'index': i, 'recorded': docs[i]['recorded']} for i in sorted(chosen | custody) if one(docs[i], '/access/target') == claim['request']], 'custody.jsonl is not what the records say')
check((len(records), len(opened), len(seals), len(gone)) == (claim['records'], claim['disclosed'], claim['withheld'], claim['erased']), 'the numbers of the claim are wrong')
print('VALID: %d records of %s at size %s; %d values disclosed, %d withheld, %d erased' % (len(records), origin, size, len(opened), len(seals), len(gone)))
