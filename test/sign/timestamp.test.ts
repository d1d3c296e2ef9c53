import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Bundle } from '../../src/formats/index.ts';
import { localKeySigner, type Signer, seal, timestampWitness } from '../../src/sign/index.ts';
import { readTimestamp, timestampRequest } from '../../src/sign/timestamp-token.ts';
import { chainSigner } from '../helpers/bundles.ts';
import { makeChain } from '../helpers/certificates.ts';
import { context, integer, octets, oid, sequence, set } from '../helpers/der.ts';
import { fixtureSigner, keyFile, known, mlsignError } from '../helpers/keys.ts';
import { type Fault, quickServices, TimestampAuthority, type TimestampQuirks } from '../helpers/sigstore/index.ts';

const PAYLOAD = Buffer.from('{}');

describe('timestampWitness', () => {
  let tsa: TimestampAuthority;
  before(async () => {
    tsa = await TimestampAuthority.start();
  });
  after(() => tsa.server.close());
  afterEach(async () => {
    tsa.quirks = {};
    await tsa.server.heal();
  });

  async function stamped(signer?: Signer): Promise<Bundle> {
    const witnesses = [timestampWitness({ ...quickServices(), url: tsa.url })];
    return seal(PAYLOAD, signer ?? (await fixtureSigner('ec-p256')), { witnesses });
  }

  async function rejects(quirks: TimestampQuirks, code: string, message: RegExp | string): Promise<void> {
    tsa.quirks = quirks;
    await assert.rejects(stamped(), mlsignError(code, message, { outcome: 'refused', subject: tsa.url }));
  }

  it('adds a timestamp over the signature, whatever the key', async () => {
    for (const name of known(['ec-p256', 'ec-p521', 'rsa-2048', 'ed25519', 'ml-dsa-65'])) {
      const signer = await fixtureSigner(name);
      const { timestamps, envelope } = await stamped(signer);
      assert.equal(timestamps.length, 1);
      const imprint = createHash('sha256').update(envelope.signature).digest();
      assert.ok(Buffer.from(timestamps[0] ?? assert.fail()).includes(imprint), name);
    }
  });

  it('takes any signer, and is named after its host', () => {
    const witness = timestampWitness({ ...quickServices(), url: 'https://tsa.example/stamp?x=1' });
    assert.equal(witness.name, 'the timestamp authority tsa.example');
  });

  it('adds one of each of two authorities', async () => {
    const other = await TimestampAuthority.start('other tsa');
    const witnesses = [tsa, other].map(({ url }) => timestampWitness({ ...quickServices(), url }));
    assert.equal((await seal(PAYLOAD, await fixtureSigner('ec-p256'), { witnesses })).timestamps.length, 2);
    await other.server.close();
  });

  it('takes fractions of a second', async () => {
    tsa.quirks = { fraction: '.125' };
    assert.equal((await stamped()).timestamps.length, 1);
  });

  it('refuses a timestamp over something else', async () => {
    await rejects({ imprint: createHash('sha256').update('other').digest() }, 'timestamp-wrong', 'the timestamp is for another signature');
    await rejects({ algorithm: '2.16.840.1.101.3.4.2.2' }, 'timestamp-wrong', 'the timestamp is for another signature');
  });

  it('refuses the answer to another request', async () => {
    const message = 'the timestamp is for another request';
    await rejects({ nonce: Buffer.from('4011111111111111', 'hex') }, 'timestamp-wrong', message);
    await rejects({ nonce: null }, 'timestamp-wrong', message);
  });

  it('gives the reason of an authority that gives none', async () => {
    tsa.quirks = { status: 2 };
    await assert.rejects(
      stamped(),
      mlsignError('timestamp-refused', 'the timestamp authority gives no timestamp', { outcome: 'refused', got: 'status 2: no' }),
    );
    await tsa.server.fail({
      fault: { kind: 'reply', reply: { status: 400, headers: { 'content-type': 'text/plain' }, body: 'bad policy' } },
    });
    await assert.rejects(stamped(), mlsignError('timestamp-refused', /says no: status 400: bad policy$/, { outcome: 'refused' }));
  });

  it('takes one that is granted with modifications', async () => {
    tsa.quirks = { status: 1 };
    assert.equal((await stamped()).timestamps.length, 1);
  });

  it('refuses what is no timestamp', async () => {
    const malformed = (quirks: TimestampQuirks, detail: string) =>
      rejects(quirks, 'timestamp-malformed', `the timestamp is malformed: ${detail}`);
    await malformed({ withoutToken: true }, 'something is missing');
    await malformed({ contentType: '1.2.840.113549.1.7.1' }, 'the signed data is not a timestamp');
    await malformed({ version: 2 }, 'the version is not 1');
    await malformed({ certificates: [] }, 'the token has no certificate');
    await malformed({ fraction: '.10' }, 'a time is not one');
  });

  it('refuses an answer that is damaged anywhere, or makes a timestamp of it that is the same', async () => {
    const data = Buffer.from('signature');
    const response = tsa.timestamp(data, { nonce: Buffer.from('4011111111111111', 'hex') });
    const question = { imprint: createHash('sha256').update(data).digest(), nonce: Buffer.from('4011111111111111', 'hex'), where: 'tsa' };
    assert.ok(readTimestamp(response, question) instanceof Date);
    for (let length = 0; length < response.length; length++) {
      assert.throws(
        () => readTimestamp(response.subarray(0, length), question),
        mlsignError('timestamp-malformed', /malformed/),
        `${length}`,
      );
    }
    for (let at = 0; at < response.length; at++) {
      const damaged = Buffer.from(response);
      damaged[at] = (damaged[at] ?? 0) ^ 0x20;
      try {
        readTimestamp(damaged, question);
      } catch (error) {
        assert.match(String(Reflect.get(Object(error), 'code')), /^timestamp-(malformed|wrong|refused)$/, `${at}`);
      }
    }
  });

  it('refuses two signers, and a token that is not signed data', () => {
    const data = Buffer.from('signature');
    const question = { imprint: createHash('sha256').update(data).digest(), nonce: Buffer.alloc(8, 0x11), where: 'tsa' };
    const token = (type: string, signers: number): Buffer =>
      sequence(
        sequence(integer(0)),
        sequence(
          oid(type),
          context(
            0,
            sequence(
              integer(3),
              set(),
              sequence(oid('1.2.840.113549.1.9.16.1.4'), context(0, octets(sequence()))),
              context(0, sequence()),
              set(...Array(signers).fill(sequence())),
            ),
          ),
        ),
      );
    const malformed = (detail: string) => mlsignError('timestamp-malformed', `the timestamp is malformed: ${detail}`);
    assert.throws(() => readTimestamp(token('1.2.840.113549.1.7.2', 2), question), malformed('the token has not exactly one signer'));
    assert.throws(() => readTimestamp(token('1.2.840.113549.1.7.2', 0), question), malformed('the token has not exactly one signer'));
    assert.throws(() => readTimestamp(token('1.2.840.113549.1.7.1', 1), question), malformed('the token is not signed data'));
  });

  it('refuses a time outside the validity of the certificate that signed', async () => {
    const signer = await chainSigner(makeChain({ leaf: { notBefore: new Date('2026-01-01T00:00:00Z') } }));
    assert.equal((await stamped(signer)).timestamps.length, 1);
    tsa.quirks = { time: new Date('2025-12-31T23:59:59Z') };
    await assert.rejects(
      stamped(signer),
      mlsignError('timestamp-outside-certificate', 'the timestamp lies outside the validity of the signer’s certificate', {
        got: '2025-12-31T23:59:59.000Z',
      }),
    );
    assert.equal((await stamped(await localKeySigner(keyFile('ec-p256.key'), { where: 'key' }))).timestamps.length, 1);
  });

  it('asks with a request that says what RFC 3161 wants, and another nonce each time', async () => {
    const imprint = Buffer.alloc(32, 1);
    const nonce = Buffer.from('4011111111111111', 'hex');
    const sha256 = sequence(oid('2.16.840.1.101.3.4.2.1'), Buffer.of(5, 0));
    const expected = sequence(integer(1), sequence(sha256, octets(imprint)), integer(0x4011111111111111n), Buffer.of(1, 1, 0xff));
    assert.deepEqual(Buffer.from(timestampRequest(imprint, nonce)), expected);
    const bodies = new Set<string>();
    const recording: typeof fetch = (input, init) => {
      bodies.add(Buffer.from(init?.body instanceof Uint8Array ? init.body : []).toString('hex'));
      return fetch(input, init);
    };
    const signer = await fixtureSigner('ed25519');
    const witness = timestampWitness({ ...quickServices(), fetch: recording, url: tsa.url });
    for (let i = 0; i < 3; i++) await seal(PAYLOAD, signer, { witnesses: [witness] });
    assert.equal(bodies.size, 3);
  });

  it('takes no answer of another kind for a timestamp', async () => {
    const body = tsa.timestamp(Buffer.from('x'));
    const fault: Fault = { kind: 'reply', reply: { status: 200, headers: { 'content-type': 'application/octet-stream' }, body } };
    await tsa.server.fail({ fault });
    await assert.rejects(
      stamped(),
      mlsignError('service-response-malformed', /answered with something that is not application\/timestamp-reply$/),
    );
  });
});
