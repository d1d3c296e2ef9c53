import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isWithin, parseTrustedRoot } from '../../src/formats/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import type { Loose } from './oms-vectors.ts';

const PUBLIC_GOOD = read('public-good');
const STAGING = read('staging');

function read(instance: string): Buffer {
  return readFileSync(new URL(`../../fixtures/sigstore/${instance}.trusted-root.json`, import.meta.url));
}

function changed(change: (root: Loose) => void): string {
  const root: Loose = JSON.parse(PUBLIC_GOOD.toString());
  change(root);
  return JSON.stringify(root);
}

function malformed(change: (root: Loose) => void, message: RegExp): void {
  assert.throws(
    () => parseTrustedRoot(changed(change), 'root.json'),
    mlsignError('trusted-root-malformed', message, { subject: 'root.json' }),
  );
}

describe('parseTrustedRoot', () => {
  it('reads the root of the public-good instance', () => {
    const root = parseTrustedRoot(PUBLIC_GOOD, 'root.json');
    const [v1, v2] = root.tlogs;
    assert.equal(root.tlogs.length, 2);
    assert.equal(v1?.baseUrl, 'https://rekor.sigstore.dev');
    assert.equal(v1.keyDetails, 'PKIX_ECDSA_P256_SHA_256');
    assert.equal(v1.key.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.equal(Buffer.from(v1.logId).toString('hex').slice(0, 8), 'c0d23d6a');
    assert.deepEqual(v1.validFor, { start: new Date('2021-01-12T11:53:27Z'), end: undefined });
    assert.equal(v2?.key.asymmetricKeyType, 'ed25519');
    assert.deepEqual(
      root.certificateAuthorities.map(({ uri, chain }) => [uri, chain.length]),
      [
        ['https://fulcio.sigstore.dev', 1],
        ['https://fulcio.sigstore.dev', 2],
      ],
    );
    assert.deepEqual(root.certificateAuthorities[0]?.validFor.end, new Date('2022-12-31T23:59:59.999Z'));
    assert.equal(root.ctlogs.length, 2);
    assert.equal(root.timestampAuthorities[0]?.uri, 'https://timestamp.sigstore.dev/api/v1/timestamp');
    assert.deepEqual(structuredClone(root.document), JSON.parse(PUBLIC_GOOD.toString()));
  });

  it('reads the root of the staging instance, which has a log with a PKCS#1 key', () => {
    const root = parseTrustedRoot(STAGING, 'root.json');
    assert.deepEqual(
      root.ctlogs.map(({ key }) => key.asymmetricKeyType),
      ['rsa', 'ec', 'ec', 'ec'],
    );
  });

  it('reads what version 0.2 adds, and a root without logs', () => {
    const root = parseTrustedRoot(
      changed((r) => {
        r.mediaType = 'application/vnd.dev.sigstore.trustedroot.v0.2+json';
        r.tlogs[0].checkpointKeyId = { keyId: 'wNI9ag==' };
        r.tlogs[0].operator = 'sigstore.dev';
        delete r.tlogs[0].publicKey.validFor;
        r.timestampAuthorities[0].operator = 'sigstore.dev';
        delete r.timestampAuthorities[0].subject;
        delete r.ctlogs;
      }),
      'root.json',
    );
    assert.deepEqual(root.tlogs[0]?.checkpointKeyId, Buffer.from('c0d23d6a', 'hex'));
    assert.equal(root.tlogs[0]?.operator, 'sigstore.dev');
    assert.deepEqual(root.tlogs[0]?.validFor, { start: undefined, end: undefined });
    assert.deepEqual(root.ctlogs, []);
  });

  it('refuses wrong and unknown fields, naming each', () => {
    malformed((r) => delete r.mediaType, /mediaType: expected "application\/vnd\.dev\.sigstore\.trustedroot\+json;version=0\.1" or /);
    malformed(
      (r) => (r.mediaType = 'application/vnd.dev.sigstore.trustedroot+json;version=0.9'),
      /^the trusted root is malformed: mediaType: /,
    );
    malformed((r) => (r.usage = 1), /usage: expected no such field, got 1/);
    malformed((r) => (r.tlogs = {}), /tlogs: expected an array, got an object/);
    malformed((r) => (r.tlogs[1] = 1), /tlogs\[1\]: expected an object, got 1/);
    malformed((r) => (r.tlogs = Array(257).fill(r.tlogs[0])), /tlogs: expected 0 to 256 entries/);
    malformed((r) => delete r.tlogs[0].baseUrl, /tlogs\[0\]\.baseUrl: expected a non-empty string, got nothing/);
    malformed((r) => (r.tlogs[0].hashAlgorithm = 'SHA1'), /tlogs\[0\]\.hashAlgorithm: expected "SHA2_256", got "SHA1"/);
    malformed((r) => (r.tlogs[0].only = 'x'), /tlogs\[0\]\.only: expected no such field/);
    malformed((r) => (r.tlogs[0].publicKey.x = 'x'), /tlogs\[0\]\.publicKey\.x: expected no such field/);
    malformed((r) => (r.tlogs[0].logId = {}), /tlogs\[0\]\.logId\.keyId: expected a non-empty string, got nothing/);
    malformed((r) => (r.tlogs[0].logId.keyId = 'AAAA'), /tlogs\[0\]\.logId\.keyId: expected at least four bytes/);
    malformed((r) => (r.tlogs[0].logId.keyId += 'A'), /tlogs\[0\]\.logId\.keyId: expected canonical base64/);
    malformed((r) => delete r.tlogs[0].publicKey, /tlogs\[0\]\.publicKey: expected an object, got nothing/);
    malformed((r) => (r.tlogs[0].publicKey.keyDetails = 'PKIX_DSA'), /keyDetails: expected PKIX_ECDSA_P256_SHA_256, .*, got "PKIX_DSA"/);
    malformed((r) => (r.tlogs[0].publicKey.keyDetails = 'toString'), /keyDetails: expected PKIX_ECDSA_P256_SHA_256, /);
    malformed(
      (r) => (r.tlogs[0].publicKey.keyDetails = 'PKIX_ED25519'),
      /rawBytes: expected a public key of the kind PKIX_ED25519, got "prime256v1"/,
    );
    malformed((r) => (r.ctlogs[0].publicKey.rawBytes = 'AAAA'), /ctlogs\[0\]\.publicKey\.rawBytes: expected a public key of the kind/);
    malformed((r) => (r.certificateAuthorities[0].certChain.certificates = []), /certificates: expected 1 to 16 entries/);
    malformed(
      (r) => (r.certificateAuthorities[1].certChain.certificates[1].rawBytes = 'AAAA'),
      /certificateAuthorities\[1\]\.certChain\.certificates\[1\]\.rawBytes: expected a certificate/,
    );
    malformed((r) => (r.certificateAuthorities[0].subject.country = 'x'), /subject\.country: expected no such field/);
    malformed((r) => (r.certificateAuthorities[0].subject.commonName = 1), /subject\.commonName: expected a non-empty string, got 1/);
    malformed((r) => (r.timestampAuthorities[0].uri = 1), /timestampAuthorities\[0\]\.uri: expected a non-empty string, got 1/);
  });

  it('refuses what is not a period', () => {
    const period = (validFor: unknown) => (r: Loose) => (r.certificateAuthorities[0].validFor = validFor);
    malformed(period({ start: '2021-03-07' }), /validFor\.start: expected a time such as 2026-01-31T12:00:00Z, got "2021-03-07"/);
    malformed(period({ start: 1 }), /validFor\.start: expected a time/);
    malformed(period({ start: '2021-13-07T00:00:00Z' }), /validFor\.start: expected a time/);
    malformed(period({ start: '2021-01-01T00:00:00Z', end: '2020-01-01T00:00:00Z' }), /validFor\.end: expected a time after the start/);
    malformed(period({ until: '2021-01-01T00:00:00Z' }), /validFor\.until: expected no such field/);
    malformed(period([]), /validFor: expected an object, got an array of 0/);
  });

  it('refuses a root that is cut off anywhere, is no JSON, or is too large', () => {
    for (let length = 0; length < PUBLIC_GOOD.length; length += length < 2000 ? 1 : 97) {
      const cut = PUBLIC_GOOD.subarray(0, length);
      if (cut.toString().trimEnd() !== PUBLIC_GOOD.toString().trimEnd()) {
        assert.throws(() => parseTrustedRoot(cut, 'root.json'), mlsignError('json-invalid', /not JSON/), `${length} bytes`);
      }
    }
    assert.throws(() => parseTrustedRoot('[]', 'root.json'), mlsignError('trusted-root-malformed', /the document: expected an object/));
    assert.throws(() => parseTrustedRoot(Buffer.alloc(5 * 1024 * 1024, 0x20), 'root.json'), mlsignError('json-too-large', /larger/));
  });
});

describe('isWithin', () => {
  const start = new Date('2026-01-01T00:00:00Z');
  const end = new Date('2026-02-01T00:00:00Z');

  it('takes both ends in', () => {
    assert.ok(isWithin({ start, end }, start));
    assert.ok(isWithin({ start, end }, end));
    assert.ok(!isWithin({ start, end }, new Date(start.getTime() - 1)));
    assert.ok(!isWithin({ start, end }, new Date(end.getTime() + 1)));
  });

  it('takes an end that is left out for open', () => {
    assert.ok(isWithin({ start: undefined, end }, new Date(0)));
    assert.ok(isWithin({ start, end: undefined }, new Date('9999-01-01T00:00:00Z')));
  });
});
