import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { MlsignError } from '../../src/core/index.ts';
import { BUNDLE_MEDIA_TYPE, type Bundle, MAX_BUNDLE_BYTES, PAYLOAD_TYPE, parseBundle, serializeBundle } from '../../src/formats/index.ts';
import { assertValid } from '../helpers/schemas.ts';
import { bundle, bytesOf, type Loose } from './oms-vectors.ts';

const FIXTURES = new URL('../../fixtures/interop/bundles/', import.meta.url);

function refusal(bytes: Uint8Array): MlsignError {
  try {
    parseBundle(bytes, 'a.sig');
  } catch (error) {
    assert.ok(error instanceof MlsignError, `not a refusal: ${error}`);
    assert.equal(error.outcome, 'refused');
    assert.equal(error.subject, 'a.sig');
    return error;
  }
  assert.fail('was parsed');
}

const der = fc.uint8Array({ minLength: 1, maxLength: 20 });
const material: fc.Arbitrary<Bundle['material']> = fc.oneof(
  fc.record({ kind: fc.constant('key' as const), hint: fc.stringMatching(/^[0-9a-f]{64}$/) }),
  fc.record({ kind: fc.constant('certificate' as const), chain: fc.array(der, { minLength: 1, maxLength: 4 }) }),
  fc.record({ kind: fc.constant('sigstore' as const), certificate: der }),
);
const anyBundle: fc.Arbitrary<Bundle> = fc.record({
  mediaType: fc.constant(BUNDLE_MEDIA_TYPE),
  material,
  tlogEntries: fc.array(fc.constant({ logIndex: '1' }), { maxLength: 2 }),
  timestamps: fc.array(der, { maxLength: 2 }),
  envelope: fc.record({ payloadType: fc.constant(PAYLOAD_TYPE), payload: der, signature: der }),
});

/** Bytes as hex, and absent fields left out, so that only content is compared. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}

describe('parseBundle', () => {
  it('reads a bundle of the key method', () => {
    const parsed = parseBundle(bytesOf(bundle()), 'a.sig');
    assert.equal(parsed.mediaType, BUNDLE_MEDIA_TYPE);
    assert.equal(parsed.material.kind, 'key');
    assert.equal(parsed.envelope.payloadType, PAYLOAD_TYPE);
    assert.match(Buffer.from(parsed.envelope.payload).toString(), /^\{"_type":/);
    assert.equal(Buffer.from(parsed.envelope.signature).toString(), 'signature');
    assert.deepEqual(parsed.tlogEntries, []);
    assert.deepEqual(parsed.timestamps, []);
  });

  it('reads the bundles of every release of the reference implementation', () => {
    const names = globSync('**/*.sig', { cwd: FIXTURES });
    assert.ok(names.length > 40);
    for (const name of names) {
      const { material: kind } = parseBundle(readFileSync(new URL(name.replaceAll('\\', '/'), FIXTURES)), name);
      assert.equal(kind.kind, name.includes('certificate-') ? 'certificate' : 'key', name);
    }
  });

  it('gives the key that bundles before v1.1.0 embed, as what it is: bytes', () => {
    const { material: key } = parseBundle(readFileSync(new URL('1.0.1/key-p256.sig', FIXTURES)), 'old.sig');
    assert.ok(key.kind === 'key' && key.hint === undefined && key.embeddedKey !== undefined);
    assert.match(Buffer.from(key.embeddedKey).toString(), /^-----BEGIN PUBLIC KEY-----\n/);
  });

  it('accepts what OMS lets vary', () => {
    const variants: readonly ((document: Loose) => void)[] = [
      ({ verificationMaterial }) => delete verificationMaterial.tlogEntries,
      ({ dsseEnvelope }) => delete dsseEnvelope.signatures[0].keyid,
      ({ dsseEnvelope }) => (dsseEnvelope.signatures[0].keyid = null),
      ({ dsseEnvelope }) => (dsseEnvelope.signatures[0].keyid = 'any'),
      ({ verificationMaterial }) => (verificationMaterial.publicKey.keyDetails = 'PKIX_ECDSA_P256_SHA_256'),
      ({ verificationMaterial }) => (verificationMaterial.timestampVerificationData = {}),
      (document) => (document.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1'),
      (document) => (document.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2'),
      (document) => (document.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.3'),
    ];
    for (const change of variants) assert.ok(parseBundle(bytesOf(bundle(change)), 'a.sig'));
  });

  it('reads timestamps, log entries and the certificate of the sigstore method', () => {
    const parsed = parseBundle(
      bytesOf(
        bundle((document) => {
          document.verificationMaterial = {
            certificate: { rawBytes: 'AQI=' },
            tlogEntries: [{ logIndex: '7', inclusionProof: { hashes: ['a'] } }],
            timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: 'AwQ=' }] },
          };
        }),
      ),
      'a.sig',
    );
    assert.ok(parsed.material.kind === 'sigstore');
    assert.deepEqual([...parsed.material.certificate], [1, 2]);
    assert.deepEqual(
      parsed.timestamps.map((token) => [...token]),
      [[3, 4]],
    );
    assert.equal(JSON.stringify(parsed.tlogEntries), '[{"logIndex":"7","inclusionProof":{"hashes":["a"]}}]');
  });

  const wrong: readonly [what: string, change: (document: Loose) => void, message: RegExp][] = [
    [
      'another media type',
      (d) => (d.mediaType = 'application/json'),
      /mediaType: expected "application\/vnd\.dev\.sigstore\.bundle\.v0\.3\+json" or/,
    ],
    ['no media type', (d) => delete d.mediaType, /mediaType: expected .*, got nothing/],
    ['an unknown field', (d) => (d.extra = 1), /extra: expected no such field, got 1/],
    ['a message signature', (d) => (d.messageSignature = {}), /messageSignature: expected no such field/],
    ['no envelope', (d) => delete d.dsseEnvelope, /dsseEnvelope: expected an object, got nothing/],
    ['no verification material', (d) => delete d.verificationMaterial, /verificationMaterial: expected an object, got nothing/],
    [
      'empty verification material',
      (d) => (d.verificationMaterial = {}),
      /verificationMaterial: expected exactly one of publicKey, x509CertificateChain and certificate, got nothing/,
    ],
    [
      'two kinds of material',
      (d) => (d.verificationMaterial.certificate = { rawBytes: 'AA==' }),
      /expected exactly one of .*, got "publicKey and certificate"/,
    ],
    ['a key without hint or bytes', (d) => (d.verificationMaterial.publicKey = {}), /publicKey: expected a hint or rawBytes, got nothing/],
    ['an empty hint', (d) => (d.verificationMaterial.publicKey.hint = ''), /publicKey\.hint: expected a non-empty string, got ""/],
    [
      'an empty chain',
      (d) => (d.verificationMaterial = { x509CertificateChain: { certificates: [] } }),
      /certificates: expected 1 to 64 entries, got an array of 0/,
    ],
    [
      'a chain of a thousand',
      (d) => (d.verificationMaterial = { x509CertificateChain: { certificates: Array(1000).fill({ rawBytes: 'AA==' }) } }),
      /certificates: expected 1 to 64 entries, got an array of 1000/,
    ],
    [
      'a certificate that is no base64',
      (d) => (d.verificationMaterial = { x509CertificateChain: { certificates: [{ rawBytes: 'AA==' }, { rawBytes: '-----BEGIN' }] } }),
      /certificates\[1\]\.rawBytes: expected canonical base64, got "-----BEGIN"/,
    ],
    ['a log entry that is no object', (d) => (d.verificationMaterial.tlogEntries = ['x']), /tlogEntries\[0\]: expected an object, got "x"/],
    [
      'a timestamp that is no base64',
      (d) => (d.verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp: '*' }] }),
      /rfc3161Timestamps\[0\]\.signedTimestamp: expected canonical base64/,
    ],
    [
      'another payload type',
      (d) => (d.dsseEnvelope.payloadType = 'text/plain'),
      /payloadType: expected "application\/vnd\.in-toto\+json", got "text\/plain"/,
    ],
    ['an empty payload', (d) => (d.dsseEnvelope.payload = ''), /payload: expected a non-empty string, got ""/],
    ['a payload with junk', (d) => (d.dsseEnvelope.payload += '\n'), /payload: expected canonical base64/],
    ['a payload in the URL alphabet', (d) => (d.dsseEnvelope.payload = '_-8='), /payload: expected canonical base64, got "_-8="/],
    ['a payload without padding', (d) => (d.dsseEnvelope.payload = 'QQ'), /payload: expected canonical base64, got "QQ"/],
    ['no signature', (d) => (d.dsseEnvelope.signatures = []), /signatures: expected exactly 1 entry, got an array of 0/],
    [
      'two signatures',
      (d) => d.dsseEnvelope.signatures.push(d.dsseEnvelope.signatures[0]),
      /signatures: expected exactly 1 entry, got an array of 2/,
    ],
    ['an empty signature', (d) => (d.dsseEnvelope.signatures[0].sig = ''), /signatures\[0\]\.sig: expected a non-empty string/],
    ['a key id that is no text', (d) => (d.dsseEnvelope.signatures[0].keyid = 1), /signatures\[0\]\.keyid: expected a string, got 1/],
    ['an unknown field in the envelope', (d) => (d.dsseEnvelope.extra = 1), /dsseEnvelope\.extra: expected no such field/],
    [
      'an unknown field in the signature',
      (d) => (d.dsseEnvelope.signatures[0].cert = 'x'),
      /signatures\[0\]\.cert: expected no such field/,
    ],
  ];
  for (const [what, change, message] of wrong) {
    it(`refuses ${what}`, () => {
      const error = refusal(bytesOf(bundle(change)));
      assert.equal(error.code, 'bundle-malformed');
      assert.match(error.message, /^the bundle is malformed: /);
      assert.match(error.message, message);
    });
  }

  it('refuses what is no object, naming the document', () => {
    for (const text of ['[]', 'null', '"bundle"', '1']) {
      const error = refusal(Buffer.from(text));
      assert.equal(error.code, 'bundle-malformed');
      assert.match(error.message, /^the bundle is malformed: the document: expected an object, got /);
    }
  });

  it('refuses duplicate keys, deep nesting and too many bytes before it looks at a field', () => {
    assert.equal(refusal(Buffer.from('{"mediaType":"a","mediaType":"b"}')).code, 'json-duplicate-key');
    assert.equal(refusal(Buffer.from('{"a":'.repeat(100_000))).code, 'json-too-large');
    const error = refusal(Buffer.alloc(MAX_BUNDLE_BYTES + 1, 0x20));
    assert.equal(error.code, 'json-too-large');
    assert.equal(error.expected, `at most ${MAX_BUNDLE_BYTES} bytes`);
  });

  it('refuses a bundle that is cut off at any byte', () => {
    const bytes = bytesOf(bundle());
    for (let length = 0; length < bytes.length; length++) assert.equal(refusal(bytes.subarray(0, length)).code, 'json-invalid');
  });

  it('never throws anything but a refusal, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          assert.match(refusal(bytes).code, /^(json-(invalid|duplicate-key|too-large)|bundle-malformed)$/);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('reads a mutated real bundle as one or refuses it', () => {
    const original = readFileSync(new URL('1.1.1/certificate-p256.sig', FIXTURES));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }), (changes) => {
        const bytes = Buffer.from(original);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const parsed = parseBundle(bytes, 'a.sig');
          assert.ok(parsed.envelope.payload.length > 0 && parsed.envelope.signature.length > 0);
        } catch (error) {
          assert.ok(error instanceof MlsignError && error.outcome === 'refused', `${error}`);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('serializeBundle', () => {
  it('writes what it reads again, valid by the published schema', () => {
    fc.assert(
      fc.property(anyBundle, (value) => {
        const text = serializeBundle(value);
        assert.ok(text.endsWith('}\n') && text.indexOf('\n') === text.length - 1);
        assertValid('oms-bundle', JSON.parse(text));
        assert.deepEqual(plain(parseBundle(Buffer.from(text), 'a.sig')), plain(value));
      }),
      { numRuns: 200 },
    );
  });

  it('keeps the key that an older bundle embeds', () => {
    const old = parseBundle(readFileSync(new URL('1.0.1/key-p256.sig', FIXTURES)), 'old.sig');
    assert.deepEqual(plain(parseBundle(Buffer.from(serializeBundle(old)), 'a.sig')), plain(old));
  });

  it('refuses a bundle that could not be read again', () => {
    const parsed = parseBundle(bytesOf(bundle()), 'a.sig');
    const payload = new Uint8Array((MAX_BUNDLE_BYTES / 4) * 3);
    assert.throws(() => serializeBundle({ ...parsed, envelope: { ...parsed.envelope, payload } }), {
      outcome: 'refused',
      code: 'bundle-too-large',
      message: 'the model has more files or shards than a bundle may hold',
    });
  });
});
