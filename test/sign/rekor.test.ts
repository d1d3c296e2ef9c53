import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import type { JsonObject } from '../../src/core/index.ts';
import { type Bundle, PAYLOAD_TYPE, preAuthEncoding } from '../../src/formats/index.ts';
import { localKeySigner, readIdentityToken, rekorWitness, type Signer, seal, sigstoreSigner } from '../../src/sign/index.ts';
import type { Loose } from '../formats/oms-vectors.ts';
import { chainSigner } from '../helpers/bundles.ts';
import { makeChain } from '../helpers/certificates.ts';
import { fixtureSigner, known, mlsignError } from '../helpers/keys.ts';
import { quickServices, type Reply, type StrictServer, startSigstore, type TestSigstore } from '../helpers/sigstore/index.ts';

const PAYLOAD = Buffer.from('{}');

describe('rekorWitness', () => {
  let sigstore: TestSigstore;
  before(async () => {
    sigstore = await startSigstore();
  });
  after(() => sigstore.close());
  afterEach(async () => {
    await sigstore.rekorV1.server.heal();
    await sigstore.rekorV2.server.heal();
  });

  async function logged(majorVersion: 1 | 2, signer?: Signer, payload: Uint8Array = PAYLOAD): Promise<Bundle> {
    const url = majorVersion === 1 ? sigstore.urls.rekorV1 : sigstore.urls.rekorV2;
    const witnesses = [rekorWitness({ ...quickServices(), url: `${url}/`, majorVersion })];
    return seal(payload, signer ?? (await fixtureSigner('ec-p256')), { witnesses });
  }

  async function sigstoreIdentity(): Promise<Signer> {
    const identityToken = readIdentityToken(sigstore.mintToken('email'), 'the test', new Date());
    return sigstoreSigner({ ...quickServices(), identityToken, fulcioUrl: sigstore.urls.fulcio });
  }

  /** The right answer, with its JSON changed; for Rekor v1 the one entry in it. */
  async function answer(server: StrictServer, change: (entry: Loose) => void): Promise<void> {
    await server.heal();
    await server.fail({
      fault: {
        kind: 'change',
        change: (reply: Reply) => {
          const value: Loose = JSON.parse(String(reply.body));
          change('logIndex' in value ? value : Object.values(value)[0]);
          return { ...reply, body: JSON.stringify(value) };
        },
      },
    });
  }

  /** An entry about something else, in a tree that holds it. */
  function body(change: (body: Loose) => void): (entry: Loose) => void {
    return (entry) => {
      const name = 'body' in entry ? 'body' : 'canonicalizedBody';
      const value = JSON.parse(Buffer.from(entry[name], 'base64').toString());
      change(value);
      entry[name] = Buffer.from(JSON.stringify(value)).toString('base64');
    };
  }

  const OTHER = Buffer.from('other').toString('base64');

  describe('version 1', () => {
    async function refuses(change: (entry: Loose) => void, code: string, message: RegExp | string): Promise<void> {
      await answer(sigstore.rekorV1.server, change);
      await assert.rejects(logged(1), mlsignError(code, message, { outcome: 'refused' }));
    }

    it('adds an entry as bundles hold it, for each kind of key and signer that it takes', async () => {
      const signers = [
        await fixtureSigner('ec-p256'),
        await fixtureSigner('rsa-2048', 'pkcs1'),
        await fixtureSigner('ed25519'),
        await chainSigner(makeChain()),
        await sigstoreIdentity(),
      ];
      for (const signer of signers) {
        const { tlogEntries } = await logged(1, signer);
        const [entry] = tlogEntries;
        assert.equal(tlogEntries.length, 1);
        assert.deepEqual(entry?.kindVersion, { kind: 'dsse', version: '0.0.1' });
        assert.deepEqual(entry.logId, { keyId: sigstore.rekorV1.logId.toString('base64') });
        assert.match(String(entry.integratedTime), /^\d{10}$/);
        assert.ok(fieldOf(entry, 'inclusionPromise', 'signedEntryTimestamp'));
        // Its index in all shards is another than that in the tree.
        assert.equal(Number(entry.logIndex), Number(fieldOf(entry, 'inclusionProof', 'logIndex')) + 1000);
      }
    });

    it('refuses keys that the log cannot take before anything is signed', async () => {
      for (const name of known(['ec-p384', 'ec-p521', 'rsa-2048', 'rsa-pss-2048', 'ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'])) {
        const signer = { ...(await fixtureSigner(name)), sign: () => assert.fail('it was signed') };
        await assert.rejects(
          logged(1, signer),
          mlsignError('log-cannot-take-key', /^the transparency log 127\.0\.0\.1:\d+ \(Rekor v1\) takes no .* signatures$/, {
            outcome: 'refused',
            expected: 'ECDSA P-256, RSA PKCS#1 v1.5 or Ed25519',
          }),
        );
      }
    });

    it('gives the reason of a log that refuses', async () => {
      const reply = { status: 400, headers: { 'content-type': 'application/json' }, body: '{"code":400,"message":"too large"}' };
      await sigstore.rekorV1.server.fail({ fault: { kind: 'reply', reply } });
      await assert.rejects(logged(1), mlsignError('log-refused', /says no: status 400: too large$/, { outcome: 'refused' }));
    });

    it('fetches the entry that is there already', async () => {
      const signer = await fixtureSigner('ed25519');
      const [first, second] = [await logged(1, signer, Buffer.from('{"n":1}')), await logged(1, signer, Buffer.from('{"n":1}'))];
      assert.deepEqual(second, first);
      assert.equal(sigstore.rekorV1.server.requests.filter((request) => request.startsWith('GET ')).length, 1);
    });

    it('fetches the entry whose answer was lost', async () => {
      await sigstore.rekorV1.server.fail({ fault: { kind: 'lost' }, times: 1 });
      assert.equal((await logged(1)).tlogEntries.length, 1);
    });

    it('follows no other address than that of an entry', async () => {
      for (const location of ['http://127.0.0.1:1/api/v1/log/entries/xyz', '/api/v1/log/entries/', '/other', '']) {
        const headers = { 'content-type': 'application/json', location };
        await sigstore.rekorV1.server.fail({
          fault: { kind: 'reply', reply: { status: 409, headers, body: '{"message":"exists"}' } },
          times: 1,
        });
        await assert.rejects(logged(1), mlsignError('service-response-malformed', /does not say where the entry is$/));
      }
    });

    it('refuses an entry for another payload, envelope, signature or key', async () => {
      const wrong = (change: (body: Loose) => void, what: string) =>
        refuses(body(change), 'log-entry-wrong', `the transparency log gave an entry for another ${what}`);
      await wrong((b) => (b.spec.payloadHash.value = createHash('sha256').update('other').digest('hex')), 'payload');
      await wrong((b) => (b.spec.envelopeHash.value = createHash('sha256').update('other').digest('hex')), 'envelope');
      await wrong((b) => (b.spec.signatures[0].signature = OTHER), 'signature');
      await wrong((b) => (b.spec.signatures[0].verifier = OTHER), 'key');
      const { publicKey } = await fixtureSigner('ec-p384');
      const pem = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })).toString('base64');
      await wrong((b) => (b.spec.signatures[0].verifier = pem), 'key');
      await wrong((b) => {
        const own = Buffer.from(b.spec.signatures[0].verifier, 'base64').toString();
        b.spec.signatures[0].verifier = Buffer.from(own.replaceAll('PUBLIC KEY', 'CERTIFICATE')).toString('base64');
      }, 'key');
    });

    it('refuses an entry of another kind', async () => {
      const malformed = (change: (body: Loose) => void, message: RegExp) => refuses(body(change), 'log-entry-malformed', message);
      await malformed((b) => (b.kind = 'hashedrekord'), /body\.kind: expected "dsse", got "hashedrekord"/);
      await malformed((b) => (b.apiVersion = '0.0.2'), /body\.apiVersion: expected "0\.0\.1"/);
      await malformed((b) => b.spec.signatures.push(b.spec.signatures[0]), /body\.spec\.signatures: expected exactly 1 entry/);
      await malformed((b) => delete b.spec.payloadHash, /body\.spec\.payloadHash: expected an object/);
      await malformed((b) => (b.spec.payloadHash.algorithm = 'sha1'), /body\.spec\.payloadHash\.algorithm: expected "sha256"/);
      await refuses(
        (e) => (e.body = OTHER),
        'log-entry-malformed',
        /^the entry of the transparency log is malformed: its body is not JSON/,
      );
    });

    it('refuses an entry without a promise or a proof, or with a malformed one', async () => {
      const malformed = (change: (entry: Loose) => void, message: RegExp) => refuses(change, 'log-entry-malformed', message);
      await malformed((e) => delete e.verification.signedEntryTimestamp, /signedEntryTimestamp: expected a non-empty string, got nothing/);
      await malformed((e) => (e.verification.signedEntryTimestamp = '!'), /signedEntryTimestamp: expected bytes in base64/);
      await malformed((e) => delete e.verification.inclusionProof, /inclusionProof: expected an object, got nothing/);
      await malformed((e) => delete e.verification, /verification: expected an object, got nothing/);
      await malformed((e) => (e.verification.inclusionProof.rootHash = 'XY'), /rootHash: expected bytes in hex/);
      await malformed((e) => (e.verification.inclusionProof.hashes[0] = 'ab'), /hashes\[0\]: expected 32 bytes in hex/);
      await malformed((e) => (e.verification.inclusionProof.treeSize = -1), /treeSize: expected a count, got -1/);
      await malformed((e) => (e.logIndex = 1.5), /logIndex: expected a count, got 1\.5/);
      await malformed((e) => (e.logID = 'abcd'), /logID: expected 32 bytes in hex/);
      await malformed((e) => (e.integratedTime = 0), /integratedTime: expected a time, got 0/);
      await malformed((e) => (e.body = 1), /body: expected a non-empty string, got 1/);
    });

    it('refuses a proof that does not lead to its checkpoint', async () => {
      const message = 'the entry of the transparency log is malformed: the inclusion proof does not lead to the checkpoint';
      const proof = (change: (proof: Loose) => void) =>
        refuses((e) => change(e.verification.inclusionProof), 'log-entry-malformed', message);
      await proof((p) => (p.logIndex = p.logIndex - 1));
      await proof((p) => (p.treeSize = p.treeSize + 1));
      await proof((p) => p.hashes.push('00'.repeat(32)));
      await proof((p) => (p.hashes[0] = '00'.repeat(32)));
      await proof((p) => (p.rootHash = '00'.repeat(32)));
      await proof((p) => (p.checkpoint = p.checkpoint.replace(/\n\d+\n/, '\n1\n')));
      const otherRoot = Buffer.alloc(32).toString('base64');
      await proof((p) => (p.checkpoint = p.checkpoint.replace(/\n[A-Za-z0-9+/=]{44}\n/, `\n${otherRoot}\n`)));
      await proof((p) => (p.checkpoint = 'no checkpoint'));
    });

    it('refuses an answer with several entries, or none', async () => {
      const reply = (text: string) =>
        ({ kind: 'reply', reply: { status: 201, headers: { 'content-type': 'application/json' }, body: text } }) as const;
      await sigstore.rekorV1.server.fail({ fault: reply('{"a":{},"b":{}}'), times: 1 });
      await assert.rejects(logged(1), mlsignError('log-entry-malformed', /the answer holds several$/));
      for (const text of ['{}', '[]', '{"a":[]}']) {
        await sigstore.rekorV1.server.fail({ fault: reply(text), times: 1 });
        await assert.rejects(logged(1), mlsignError('log-entry-malformed', /^the entry of the transparency log is malformed: /));
      }
    });
  });

  describe('version 2', () => {
    async function refuses(change: (entry: Loose) => void, code: string, message: RegExp | string): Promise<void> {
      await answer(sigstore.rekorV2.server, change);
      await assert.rejects(logged(2), mlsignError(code, message, { outcome: 'refused' }));
    }

    it('adds an entry without a time, for each kind of key and signer that it takes', async () => {
      const signers = [
        await fixtureSigner('ec-p256'),
        await fixtureSigner('ec-p384'),
        await fixtureSigner('ec-p521'),
        await fixtureSigner('rsa-2048', 'pkcs1'),
        await chainSigner(makeChain()),
        await sigstoreIdentity(),
      ];
      for (const signer of signers) {
        const [entry] = (await logged(2, signer, Buffer.from('{"n":2}'))).tlogEntries;
        assert.deepEqual(entry?.kindVersion, { kind: 'hashedrekord', version: '0.0.2' });
        assert.deepEqual(entry.logId, { keyId: sigstore.rekorV2.logId.toString('base64') });
        assert.ok(!('integratedTime' in entry) && !('inclusionPromise' in entry));
      }
    });

    it('enters the digest of what was signed', async () => {
      const [entry] = (await logged(2)).tlogEntries;
      const body = JSON.parse(Buffer.from(String(entry?.canonicalizedBody), 'base64').toString());
      const digest = createHash('sha256').update(preAuthEncoding(PAYLOAD_TYPE, PAYLOAD)).digest('base64');
      assert.deepEqual(body.spec.hashedRekordV002.data, { algorithm: 'SHA2_256', digest });
    });

    it('refuses keys that the log cannot take before anything is signed', async () => {
      for (const name of known(['rsa-2048', 'rsa-pss-2048', 'ed25519', 'ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'])) {
        const signer = { ...(await fixtureSigner(name)), sign: () => assert.fail('it was signed') };
        await assert.rejects(
          logged(2, signer),
          mlsignError('log-cannot-take-key', /\(Rekor v2\) takes no .* signatures$/, {
            outcome: 'refused',
            expected: 'ECDSA, or RSA PKCS#1 v1.5 of 2048, 3072 or 4096 bits',
          }),
        );
      }
    });

    it('refuses RSA keys of a size that the log does not know', async () => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2304 });
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      const signer = await localKeySigner(pem, { where: 'odd.key', rsaPadding: 'pkcs1' });
      await assert.rejects(logged(2, signer), mlsignError('log-cannot-take-key', /takes no RSA PKCS#1 v1\.5/));
      assert.equal((await logged(1, signer)).tlogEntries.length, 1);
    });

    it('tells of the other padding where RSA-PSS is what stands in the way', async () => {
      const expected = ['sign with --rsa-padding pkcs1', 'leave the log out, and prove the time with --timestamp'];
      await assert.rejects(
        logged(2, await fixtureSigner('rsa-2048')),
        mlsignError('log-cannot-take-key', /takes no RSA-PSS/, { suggestions: expected }),
      );
    });

    it('takes an answer that leaves zeros out', async () => {
      await answer(sigstore.rekorV2.server, (entry) => {
        delete entry.integratedTime;
        delete entry.inclusionPromise;
        entry.inclusionProof.logIndex = Number(entry.inclusionProof.logIndex);
      });
      assert.equal((await logged(2)).tlogEntries.length, 1);
    });

    it('refuses an entry for another payload, signature or key', async () => {
      const wrong = (change: (record: Loose) => void, what: string) =>
        refuses(
          body((b) => change(b.spec.hashedRekordV002)),
          'log-entry-wrong',
          `the transparency log gave an entry for another ${what}`,
        );
      await wrong((r) => (r.data.digest = OTHER), 'payload');
      await wrong((r) => (r.signature.content = OTHER), 'signature');
      await wrong((r) => (r.signature.verifier.publicKey.rawBytes = OTHER), 'key');
      await wrong((r) => (r.signature.verifier.keyDetails = 'PKIX_ED25519'), 'key');
    });

    it('refuses an entry of another kind', async () => {
      const malformed = (change: (entry: Loose) => void, message: RegExp) => refuses(change, 'log-entry-malformed', message);
      await malformed((e) => (e.kindVersion.kind = 'dsse'), /kindVersion\.kind: expected "hashedrekord", got "dsse"/);
      await malformed((e) => (e.kindVersion.version = '0.0.1'), /kindVersion\.version: expected "0\.0\.2"/);
      await malformed(
        body((b) => (b.kind = 'dsse')),
        /body\.kind: expected "hashedrekord"/,
      );
      await malformed(
        body((b) => (b.apiVersion = '0.0.1')),
        /body\.apiVersion: expected "0\.0\.2"/,
      );
      await malformed(
        body((b) => (b.spec.hashedRekordV002.data.algorithm = 'SHA2_512')),
        /data\.algorithm: expected "SHA2_256"/,
      );
      await malformed(
        body((b) => (b.spec = {})),
        /body\.spec\.hashedRekordV002: expected an object/,
      );
      await malformed((e) => (e.canonicalizedBody = OTHER), /its body is not JSON/);
    });

    it('refuses an entry without a proof, or with one that does not lead to its checkpoint', async () => {
      const malformed = (change: (entry: Loose) => void, message: RegExp) => refuses(change, 'log-entry-malformed', message);
      const nowhere = /the inclusion proof does not lead to the checkpoint$/;
      await malformed((e) => delete e.inclusionProof, /inclusionProof: expected an object, got nothing/);
      await malformed((e) => delete e.inclusionProof.checkpoint, /inclusionProof\.checkpoint: expected an object, got nothing/);
      await malformed((e) => delete e.logId, /logId: expected an object, got nothing/);
      await malformed((e) => (e.inclusionProof.hashes[0] = 'AAAA'), /hashes\[0\]: expected 32 bytes in base64/);
      await malformed((e) => (e.inclusionProof.hashes = []), nowhere);
      await malformed((e) => (e.inclusionProof.rootHash = Buffer.alloc(32).toString('base64')), nowhere);
      await malformed((e) => (e.inclusionProof.treeSize = '1'), nowhere);
      await malformed((e) => (e.inclusionProof.checkpoint.envelope = ' '), nowhere);
    });
  });
});

function fieldOf(entry: JsonObject | undefined, name: string, field: string): unknown {
  return Reflect.get(Object(entry?.[name]), field);
}
