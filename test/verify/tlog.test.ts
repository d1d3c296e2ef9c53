import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import type { JsonObject } from '../../src/core/index.ts';
import type { Bundle } from '../../src/formats/index.ts';
import { type Signer, seal } from '../../src/sign/index.ts';
import { EvidenceError } from '../../src/verify/evidence.ts';
import { verifyLogEntry } from '../../src/verify/tlog.ts';
import { chainSigner, STATEMENT } from '../helpers/bundles.ts';
import { makeCertificate, makeChain } from '../helpers/certificates.ts';
import { ForgedFulcio } from '../helpers/forged-fulcio.ts';
import { BODIES, bodyOf, ForgedLog, hashedRecord, type Logged, logged, SIGNED_AT, secondsLater, withField } from '../helpers/forged-log.ts';
import { fixtureSigner, KEY_NAMES } from '../helpers/keys.ts';

interface Case {
  readonly bundle: Bundle;
  readonly signer: Signer;
  readonly about: Logged;
}

async function caseOf(signer: Signer): Promise<Case> {
  const bundle = await seal(STATEMENT, signer);
  return { bundle, signer, about: logged(bundle, signer.publicKey) };
}

function verify({ bundle, signer, about }: Case, entry: JsonObject, logs: readonly ForgedLog[], at: Date = SIGNED_AT) {
  const subject = { envelope: bundle.envelope, key: signer.publicKey, certificate: about.certificate };
  return verifyLogEntry(
    entry,
    subject,
    logs.map(({ trust }) => trust),
    [at],
  );
}

function rejects(run: () => unknown, code: string, message: RegExp | string): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof Error && 'code' in error, String(error));
    assert.equal(error.code, code, error.message);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
}

const v1 = new ForgedLog(1);
const v2 = new ForgedLog(2);

describe('log entry: what is accepted', () => {
  for (const name of KEY_NAMES) {
    it(`${name}: every kind of entry, over the bare key`, async () => {
      const made = await caseOf(await fixtureSigner(name));
      for (const body of Object.values(BODIES)) {
        for (const log of [v1, v2]) {
          const { record, time } = verify(made, log.entry(body(made.about)), [v1, v2]);
          assert.equal(record?.log, log.trust.baseUrl);
          assert.deepEqual(time?.time, log === v1 ? SIGNED_AT : undefined);
        }
      }
    });
  }

  it('every kind of entry, over the certificate of a chain or of an identity', async () => {
    for (const signer of [await chainSigner(makeChain({ leaf: { key: 'ec-p384' } })), new ForgedFulcio().signer()]) {
      const made = await caseOf(signer);
      assert.ok(made.about.certificate);
      for (const body of Object.values(BODIES)) assert.ok(verify(made, v2.entry(body(made.about)), [v2]).record);
      // Rekor v2 takes bare keys of signers with a certificate too.
      const publicKey = signer.publicKey.export({ type: 'spki', format: 'der' });
      const { payload, signature } = made.about;
      assert.ok(verify(made, v2.entry(hashedRecord({ payload, signature, publicKey }, 'sha256')), [v2]).record);
    }
  });

  it('a log at a port and under a path, which is named by its host alone', async () => {
    const made = await caseOf(await fixtureSigner('ec-p256'));
    const subject = { envelope: made.bundle.envelope, key: made.signer.publicKey };
    const trust = { ...v2.trust, baseUrl: `http://${v2.host}:3000/log/` };
    assert.ok(verifyLogEntry(v2.entry(hashedRecord(made.about, 'sha256')), subject, [trust], [SIGNED_AT]).record);
  });

  it('a record over SHA-384 and SHA-512', async () => {
    const made = await caseOf(await fixtureSigner('ec-p384'));
    for (const hash of ['sha384', 'sha512'] as const) assert.ok(verify(made, v2.entry(hashedRecord(made.about, hash)), [v2]).record);
  });

  it('numbers as JSON numbers, and what protobuf writes as null', async () => {
    const made = await caseOf(await fixtureSigner('ec-p256'));
    let entry = v2.entry(hashedRecord(made.about, 'sha256'));
    for (const name of ['integratedTime', 'inclusionPromise']) entry = withField(entry, name, null);
    entry = withField(entry, 'logIndex', Number(entry.logIndex));
    assert.equal(verify(made, entry, [v2]).record?.index, String(entry.logIndex));
  });

  it('a promise without a proof proves a time and no place', async () => {
    const made = await caseOf(await fixtureSigner('ec-p256'));
    const entry = v1.entry(BODIES['dsse 0.0.1']?.(made.about) ?? {}, { withoutProof: true });
    const { record, time } = verify(made, entry, [v1]);
    assert.equal(record, undefined);
    assert.deepEqual([time?.time, time?.by, time?.authority], [SIGNED_AT, 'transparency-log', 'https://rekor-v1.example']);
  });
});

describe('log entry: what it must be about', () => {
  let own: Case;
  let other: Case;
  before(async () => {
    own = await caseOf(new ForgedFulcio().signer());
    other = await caseOf(new ForgedFulcio().signer());
  });

  for (const [kind, body] of Object.entries(BODIES)) {
    it(`${kind}: another signature, digest, key or certificate`, () => {
      const { about } = own;
      const differing: readonly (readonly [string, Logged])[] = [
        ['signature', { ...about, signature: other.about.signature }],
        ['digest', { ...about, payload: Buffer.from('another payload') }],
        ['key', { ...about, certificate: other.about.certificate ?? new Uint8Array() }],
        [
          'key',
          { payload: about.payload, signature: about.signature, publicKey: other.signer.publicKey.export({ type: 'spki', format: 'der' }) },
        ],
      ];
      for (const [what, wrong] of differing) {
        rejects(() => verify(own, v2.entry(body(wrong)), [v2]), 'log-entry-mismatch', `the log entry is about another ${what}`);
      }
    });
  }

  it('another certificate of the same key', async () => {
    const leaf = new ForgedFulcio().issue();
    const made = await caseOf(new ForgedFulcio().signer(leaf));
    const twin = makeCertificate({ subject: 'someone else', key: leaf });
    assert.ok(new X509Certificate(twin.der).publicKey.equals(leaf.publicKey));
    const entry = v2.entry(hashedRecord({ ...made.about, certificate: twin.der }, 'sha256'));
    rejects(() => verify(made, entry, [v2]), 'log-entry-mismatch', 'the log entry is about another key');
  });

  it('a body of another kind than the bundle says, or of an unknown one', () => {
    const entry = v2.entry(hashedRecord(own.about, 'sha256'), { kind: 'dsse' });
    rejects(() => verify(own, entry, [v2]), 'log-entry-mismatch', 'the log entry is of another kind than the bundle says');
    const versioned = v2.entry(hashedRecord(own.about, 'sha256'), { version: '0.0.1' });
    rejects(() => verify(own, versioned, [v2]), 'log-entry-mismatch', 'the log entry is of another kind than the bundle says');
    const unknown = v2.entry({ apiVersion: '0.0.1', kind: 'rfc3161', spec: {} });
    rejects(() => verify(own, unknown, [v2]), 'log-entry-unknown', 'log entries of kind rfc3161 0.0.1 are not known');
    const inherited = v2.entry({ apiVersion: '', kind: 'toString', spec: {} }, { version: '1' });
    assert.throws(() => verify(own, inherited, [v2]), EvidenceError);
  });

  it('two signatures, a weak or unknown digest, no verifier, a private or unreadable one', () => {
    const dsse = v2.entry(BODIES['dsse 0.0.1']?.(own.about) ?? {});
    const [signature] = [bodyOf(dsse).spec]
      .flatMap((spec) => Object.values(spec ?? {}))
      .filter(Array.isArray)
      .flat();
    const changed = (path: string, value: JsonObject[string]) => v2.entry(withField(bodyOf(dsse), path, value));
    rejects(() => verify(own, changed('spec.signatures', [signature, signature]), [v2]), 'log-entry-mismatch', /another signature/);
    rejects(() => verify(own, changed('spec.payloadHash.algorithm', 'md5'), [v2]), 'log-entry-mismatch', /another digest/);
    rejects(() => verify(own, changed('spec.payloadHash.algorithm', 'constructor'), [v2]), 'log-entry-mismatch', /another digest/);
    rejects(() => verify(own, changed('spec.payloadHash.value', ''), [v2]), 'log-entry-mismatch', /another digest/);
    const record = bodyOf(v2.entry(hashedRecord(own.about, 'sha256')));
    for (const verifier of [
      {},
      { publicKey: { rawBytes: 'MAA=' } },
      { x509Certificate: { rawBytes: 'MAA=' }, publicKey: { rawBytes: 'MAA=' } },
    ]) {
      const entry = v2.entry(withField(record, 'spec.hashedRekordV002.signature.verifier', verifier));
      rejects(() => verify(own, entry, [v2]), 'log-entry-mismatch', 'the log entry is about another key');
    }
    rejects(() => verify(own, v2.entry(Buffer.from('{"a":1,"a":1}')), [v2]), 'json-duplicate-key', /stands twice/);
  });
});

describe('log entry: the log must hold it', () => {
  let own: Case;
  const entryOf = (log: ForgedLog, options = {}) => log.entry(hashedRecord(own.about, 'sha256'), options);
  before(async () => {
    own = await caseOf(await fixtureSigner('ec-p256'));
  });

  it('a log that is not trusted, or not at that time', () => {
    const foreign = new ForgedLog(2, { host: 'foreign.example' });
    rejects(() => verify(own, entryOf(foreign), [v1, v2]), 'log-untrusted', /^the log [0-9a-f]{16} is not trusted$/);
    const trust = { ...v2.trust, validFor: { start: undefined, end: secondsLater(-1) } };
    const subject = { envelope: own.bundle.envelope, key: own.signer.publicKey };
    rejects(
      () => verifyLogEntry(entryOf(v2), subject, [trust], [SIGNED_AT]),
      'log-key-expired',
      'the log was not trusted at the time of the entry',
    );
    assert.ok(verifyLogEntry(entryOf(v2), subject, [trust], [SIGNED_AT, secondsLater(-2)]).record);
    // A promise has a time of its own, and other times do not stand in for it.
    const old = { ...v1.trust, validFor: { start: undefined, end: secondsLater(-1) } };
    rejects(() => verifyLogEntry(entryOf(v1), subject, [old], [secondsLater(-2)]), 'log-key-expired', /not trusted at the time/);
  });

  it('a trusted log that is only named: its id over the proof of another', () => {
    const foreign = new ForgedLog(2, { host: 'foreign.example' });
    const entry = withField(entryOf(foreign), 'logId.keyId', v2.logId.toString('base64'));
    rejects(() => verify(own, entry, [v2, foreign]), 'log-checkpoint-invalid', 'the checkpoint is not signed by the log');
  });

  it('no inclusion proof, and nothing else', () => {
    rejects(() => verify(own, entryOf(v2, { withoutProof: true }), [v2]), 'log-proof-missing', 'the log entry has no inclusion proof');
    const bare = entryOf(v1, { withoutProof: true, withoutPromise: true });
    rejects(() => verify(own, bare, [v1]), 'log-proof-missing', 'the log entry has no inclusion proof');
  });

  it('a time without a promise, or with another promise', () => {
    const { time, record } = verify(own, entryOf(v1, { withoutPromise: true }), [v1]);
    assert.ok(record);
    assert.equal(time, undefined);
    const moved = withField(entryOf(v1), 'integratedTime', String(secondsLater(-3600).getTime() / 1000));
    rejects(() => verify(own, moved, [v1]), 'log-promise-invalid', 'the promise of the log does not verify');
    const renumbered = withField(entryOf(v1), 'logIndex', '7');
    rejects(() => verify(own, renumbered, [v1]), 'log-promise-invalid', 'the promise of the log does not verify');
    const { inclusionPromise } = entryOf(v1);
    rejects(() => verify(own, withField(entryOf(v1), 'inclusionPromise', inclusionPromise), [v1]), 'log-promise-invalid', /promise/);
    // Without its time, a promise covers nothing.
    rejects(() => verify(own, withField(entryOf(v1), 'integratedTime', undefined), [v1]), 'log-promise-invalid', /promise/);
  });

  it('a promise that holds beside a proof that does not', () => {
    const entry = withField(entryOf(v1), 'inclusionProof.hashes', []);
    rejects(() => verify(own, entry, [v1]), 'log-proof-invalid', /does not lead/);
  });

  it('a proof for another place, tree or entry', () => {
    const entry = entryOf(v2);
    const proof = (path: string, value: JsonObject[string]) => withField(entry, `inclusionProof.${path}`, value);
    const leads = 'the inclusion proof does not lead from the entry to the tree of the log';
    rejects(() => verify(own, proof('logIndex', '0'), [v2]), 'log-proof-invalid', leads);
    rejects(() => verify(own, proof('hashes', []), [v2]), 'log-proof-invalid', leads);
    const another = 'the inclusion proof is for another tree than its checkpoint';
    rejects(() => verify(own, proof('treeSize', '5'), [v2]), 'log-proof-invalid', another);
    rejects(() => verify(own, proof('rootHash', Buffer.alloc(32).toString('base64')), [v2]), 'log-proof-invalid', another);
    const body = withField(entry, 'canonicalizedBody', entryOf(v1).canonicalizedBody);
    assert.equal(body.canonicalizedBody, entry.canonicalizedBody);
    const spaced = Buffer.from(`${Buffer.from(String(entry.canonicalizedBody), 'base64')} `).toString('base64');
    rejects(() => verify(own, withField(entry, 'canonicalizedBody', spaced), [v2]), 'log-proof-invalid', leads);
  });

  it('a checkpoint that is forged, of another tree, or of another origin with the same key', () => {
    const entry = entryOf(v2);
    const proof = entry.inclusionProof;
    assert.ok(typeof proof === 'object' && proof !== null && 'rootHash' in proof);
    const size = Number(proof.treeSize);
    const root = Buffer.from(String(proof.rootHash), 'base64');
    const withCheckpoint = (envelope: string) => withField(entry, 'inclusionProof.checkpoint.envelope', envelope);
    const unsigned = 'the checkpoint is not signed by the log';
    const twin = new ForgedLog(2, { host: 'twin.example', keys: v2.keys });
    const stranger = new ForgedLog(2, { host: v2.host });
    for (const forged of [
      stranger.checkpoint(size, root),
      v2.checkpoint(size, root, { origin: 'twin.example' }),
      v2.checkpoint(size, root, { name: 'twin.example' }),
      v2.checkpoint(size, root, { origin: 'twin.example', name: 'twin.example' }),
      withKeyHint(v2.checkpoint(size, root), v1.logId),
      v2.checkpoint(size, root, { origin: `${v2.host} - 7` }),
      // The same key signs for another log: its checkpoint, with our key id written over its own.
      twin.checkpoint(size, root).replace('twin.example ', `${v2.host} `),
      twin.checkpoint(size, root),
      v2.checkpoint(size, root).replace(`\n${size}\n`, `\n${size + 1}\n`),
    ]) {
      rejects(() => verify(own, withCheckpoint(forged), [v2]), 'log-checkpoint-invalid', unsigned);
    }
    rejects(() => verify(own, withCheckpoint(v2.checkpoint(size + 1, root)), [v2]), 'log-proof-invalid', /another tree/);
    rejects(() => verify(own, withCheckpoint('junk'), [v2]), 'log-checkpoint-invalid', 'the checkpoint of the log is malformed');
    // A cosignature of a witness beside the log's own changes nothing.
    const cosigned = `${v2.checkpoint(size, root)}— witness.example ${Buffer.alloc(68, 1).toString('base64')}\n`;
    assert.ok(verify(own, withCheckpoint(cosigned), [v2]).record);
  });

  it('one log under two names counts once', () => {
    const twin = new ForgedLog(2, { host: 'twin.example', keys: v2.keys });
    const ids = [v2, twin].map((log) => verify(own, entryOf(log), [v2, twin]).record?.id);
    assert.equal(ids[0], ids[1]);
    assert.notEqual(ids[0], verify(own, entryOf(v1), [v1]).record?.id);
  });
});

describe('log entry: its form', () => {
  let own: Case;
  before(async () => {
    own = await caseOf(await fixtureSigner('ec-p256'));
  });

  const WRONG: readonly (readonly [string, JsonObject[string] | undefined, RegExp])[] = [
    ['logIndex', '-1', /logIndex: expected an integer from 0/],
    ['logIndex', '01', /logIndex: expected an integer/],
    ['logIndex', '9223372036854775808', /logIndex: expected an integer/],
    ['logIndex', 1.5, /logIndex: expected an integer/],
    ['logId', undefined, /logId: expected an object, got nothing/],
    ['logId.keyId', 'a', /logId.keyId: expected canonical base64/],
    ['kindVersion.kind', undefined, /kindVersion.kind: expected a non-empty string/],
    ['kindVersion.version', 1, /kindVersion.version: expected a non-empty string, got 1/],
    ['integratedTime', '999999999999', /integratedTime: expected an integer/],
    ['inclusionPromise', {}, /inclusionPromise.signedEntryTimestamp: expected a non-empty string/],
    ['inclusionProof', [], /inclusionProof: expected an object/],
    ['inclusionProof.rootHash', 'AAAA', /rootHash: expected a SHA-256 digest in base64/],
    ['inclusionProof.hashes', ['AAAA'], /hashes\[0\]: expected a SHA-256 digest/],
    ['inclusionProof.hashes', new Array(65).fill('A'.repeat(43)), /hashes: expected 0 to 64 entries/],
    ['inclusionProof.checkpoint', undefined, /checkpoint: expected an object/],
    ['canonicalizedBody', undefined, /canonicalizedBody: expected a non-empty string/],
    ['canonicalizedBody', 'e30', /canonicalizedBody: expected canonical base64/],
  ];
  for (const [path, value, message] of WRONG) {
    it(`${path}: ${value === undefined ? 'missing' : JSON.stringify(value).slice(0, 40)}`, () => {
      const entry = withField(v2.entry(hashedRecord(own.about, 'sha256')), path, value);
      rejects(() => verify(own, entry, [v2]), 'log-entry-malformed', message);
    });
  }
});

/** A checkpoint whose signature is said to be of another key. */
function withKeyHint(checkpoint: string, id: Uint8Array): string {
  return checkpoint.replace(/ ([A-Za-z0-9+/=]+)\n$/, (_, encoded: string) => {
    const bytes = Buffer.from(encoded, 'base64');
    Buffer.from(id.subarray(0, 4)).copy(bytes);
    return ` ${bytes.toString('base64')}\n`;
  });
}
