import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import * as sdk from '@aws-sdk/client-s3';
import { openStore, type PartedObject, type Store, type VersionId } from '../../src/store/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { S3Bench } from '../helpers/s3.ts';
import { fileToUpload, SHARD, sha256, storeIn } from '../helpers/s3-files.ts';
import { Sandbox } from '../helpers/sandbox.ts';

describe('attestation by the checksums of S3', () => {
  const sandbox = new Sandbox();
  const data = randomBytes(2 * SHARD + 100);
  let bench: S3Bench;
  let store: Store;
  let client: sdk.S3Client;
  let small: PartedObject;
  let large: PartedObject;

  before(async () => {
    bench = await S3Bench.start({ minPartSize: 5 });
    store = await storeIn(bench);
    client = new sdk.S3Client({ endpoint: bench.server.endpoint, region: bench.server.region, forcePathStyle: true });
    const [first, second] = await store.upload(
      [fileToUpload(sandbox, 'attest/small', Buffer.from('small')), fileToUpload(sandbox, 'attest/large', data, SHARD)],
      {},
    );
    assert.ok(first && second);
    [small, large] = [first, second];
  });
  afterEach(() => bench.server.heal());
  after(async () => {
    client.destroy();
    await store.close();
    sandbox.remove();
    await bench.stop();
  });

  const unproven = async (object: PartedObject, reason: RegExp | string) => {
    const attestation = await store.attest(object);
    assert.equal(attestation.kind, 'unproven', JSON.stringify(attestation));
    if (attestation.kind === 'unproven') assert.match(attestation.reason, reason instanceof RegExp ? reason : new RegExp(`^${reason}$`));
  };
  /** Uploads in parts as any client may, without mlsign. */
  const upload = async (
    Key: string,
    bodies: readonly Uint8Array[],
    more: Partial<sdk.CreateMultipartUploadCommandInput> = { ChecksumAlgorithm: 'SHA256' },
  ) => {
    const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand({ Bucket: 'models', Key, ...more }));
    const Parts = [];
    for (const [index, Body] of bodies.entries()) {
      const { ETag, ChecksumSHA256, ChecksumCRC32 } = await client.send(
        new sdk.UploadPartCommand({ Bucket: 'models', Key, UploadId, PartNumber: index + 1, Body, ...more }),
      );
      Parts.push({ PartNumber: index + 1, ETag, ChecksumSHA256, ChecksumCRC32 });
    }
    const { VersionId } = await client.send(
      new sdk.CompleteMultipartUploadCommand({ Bucket: 'models', Key, UploadId, MultipartUpload: { Parts } }),
    );
    const [first = Buffer.of()] = bodies;
    const size = bodies.reduce((sum, body) => sum + body.length, 0);
    return { key: Key, version: VersionId as VersionId, size, partSize: first.length, parts: bodies.map(sha256) };
  };
  /** An answer of GetObjectAttributes that some server may give. */
  const answer = (content: string) =>
    bench.server.fail('GetObjectAttributes', {
      kind: 'raw',
      status: 200,
      contentType: 'application/xml',
      body: `<?xml version="1.0"?><GetObjectAttributesResponse>${content}</GetObjectAttributesResponse>`,
    });

  it('proves objects of one part and of several', async () => {
    assert.deepEqual(await store.attest(small), { kind: 'attested' });
    assert.deepEqual(await store.attest(large), { kind: 'attested' });
    const [empty] = await store.upload([fileToUpload(sandbox, 'attest/empty', Buffer.of())], {});
    assert.ok(empty);
    assert.deepEqual(await store.attest(empty), { kind: 'attested' });
  });

  it('reads nothing but checksums, one page for a thousand parts', async () => {
    const parts = Array.from({ length: 1003 }, (_, i) => Buffer.from(`part ${String(i).padStart(4, '0')}`));
    const object = await upload('attest/paged', parts);
    bench.server.takeSeen();
    assert.deepEqual(await store.attest(object), { kind: 'attested' });
    assert.deepEqual(bench.server.takeSeen(), ['GetObjectAttributes', 'GetObjectAttributes']);
    const last = [...object.parts.slice(0, -1), sha256(Buffer.from('other'))];
    const attestation = await store.attest({ ...object, parts: last });
    assert.deepEqual(attestation, { kind: 'differs', expected: last.at(-1), got: object.parts.at(-1) });
  });

  it('tells other bytes and another size', async () => {
    const wrong = sha256(Buffer.from('other'));
    assert.deepEqual(await store.attest({ ...small, parts: [wrong] }), { kind: 'differs', expected: wrong, got: small.parts[0] });
    const [first = '', , last = ''] = large.parts;
    const parts = [first, wrong, last];
    assert.deepEqual(await store.attest({ ...large, parts }), { kind: 'differs', expected: wrong, got: large.parts[1] });
    assert.deepEqual(await store.attest({ ...large, size: large.size + 1 }), {
      kind: 'differs',
      expected: `${large.size + 1} bytes`,
      got: `${large.size} bytes`,
    });
  });

  it('is about the pinned version, whatever lies on top', async () => {
    bench.behind.overwrite('attest/small', 'other');
    assert.deepEqual(await store.attest(small), { kind: 'attested' });
    const current = await store.current('attest/small');
    assert.ok(current);
    assert.equal((await store.attest({ ...small, ...current })).kind, 'differs');
    bench.behind.deleteMarker('attest/small');
    assert.deepEqual(await store.attest(small), { kind: 'attested' });
    await store.remove(small);
    await assert.rejects(store.attest(small), mlsignError('object-missing', 'there is no such object in the store'));
  });

  it('never takes a checksum over checksums for one of bytes', async () => {
    // One part: its composite is the SHA-256 of the SHA-256.
    const body = Buffer.from('the only part');
    const object = await upload('attest/composite', [body]);
    const composite = createHash('sha256').update(createHash('sha256').update(body).digest()).digest('hex');
    assert.deepEqual(await store.attest(object), { kind: 'attested' }, 'by its part');
    assert.deepEqual(await store.attest({ ...object, parts: [composite] }), { kind: 'differs', expected: composite, got: sha256(body) });

    const base64 = Buffer.from(composite, 'hex').toString('base64');
    const pinned = { ...object, parts: [composite] };
    answer(`<ObjectSize>${body.length}</ObjectSize><Checksum><ChecksumSHA256>${base64}-1</ChecksumSHA256></Checksum>`);
    await unproven(pinned, /another version|not one of the whole object/);
  });

  it('proves nothing by a digest that somebody wrote beside the object, or by its tag', async () => {
    const Body = Buffer.from('forged');
    const Metadata = { sha256: sha256(Buffer.from('signed')) };
    const put = await client.send(
      new sdk.PutObjectCommand({ Bucket: 'models', Key: 'attest/forged', Body, Metadata, ChecksumAlgorithm: 'CRC32' }),
    );
    const object = { key: 'attest/forged', version: put.VersionId as VersionId, size: 6, partSize: 6, parts: [Metadata.sha256] };
    await unproven(object, 'the store keeps no SHA-256 of the object');
    const md5 = createHash('md5').update(Body).digest('hex');
    await unproven({ ...object, parts: [`${md5}${md5}`] }, 'the store keeps no SHA-256 of the object');
  });

  it('proves nothing where parts have no SHA-256, or are others than recorded', async () => {
    const bodies = [Buffer.from('part one'), Buffer.from('part two')];
    await unproven(await upload('attest/crc', bodies, { ChecksumAlgorithm: 'CRC32' }), 'the store keeps no SHA-256 of each part');
    const object = await upload('attest/cut', bodies);
    const all = Buffer.concat(bodies);
    await unproven({ ...object, partSize: 16, parts: [sha256(all)] }, 'the object lies there in 2 parts, and the record has 1');
    await unproven(
      { ...object, partSize: 9, parts: [sha256(all.subarray(0, 9)), sha256(all.subarray(9))] },
      'the object was cut into other parts than the record has',
    );
    await unproven({ ...object, parts: [...object.parts, sha256(all)] }, 'the record does not have one digest for each part');
    const { version } = bench.behind.overwrite('attest/cut', all) && { version: bench.behind.history('attest/cut')[0]?.id as VersionId };
    await unproven({ ...object, version }, 'the object was put whole, and its parts have no checksums of their own');
  });

  it('proves nothing of an object without a version of its own', async () => {
    await unproven({ ...small, version: 'null' as VersionId }, 'the object has no version of its own, and what it holds may change');
  });

  it('proves nothing where the store does not know the question', async () => {
    bench.server.fail('GetObjectAttributes', { kind: 'error', status: 501, code: 'NotImplemented' });
    await unproven(large, /^the store does not tell checksums/);
  });

  describe('whose answers are not of AWS', () => {
    it('is that of an endpoint, and who that is', async () => {
      const { port } = bench.server;
      assert.deepEqual(await store.attestationTrust(), { kind: 'endpoint', endpoint: `http://127.0.0.1:${port}/` });
      const fromEnvironment = await openStore({ kind: 's3', bucket: 'models' }, { region: 'eu-central-1' });
      assert.deepEqual(await fromEnvironment.attestationTrust(), { kind: 'endpoint', endpoint: `http://127.0.0.1:${port}/` });
      await fromEnvironment.close();
    });

    it('is that of AWS only where nobody configured an endpoint', async () => {
      const configured = process.env.AWS_ENDPOINT_URL_S3;
      delete process.env.AWS_ENDPOINT_URL_S3;
      try {
        for (const [bucket, connection, expected] of [
          ['models', {}, 'sound'],
          ['models', { pathStyle: true }, 'sound'],
          ['models', { region: 'cn-north-1' }, 'sound'],
          ['models', { endpoint: 'https://s3.eu-central-1.amazonaws.com' }, 'endpoint'],
          ['models', { endpoint: 'http://s3.eu-central-1.amazonaws.com' }, 'endpoint'],
          ['models-1234abcd--ol-s3', {}, 'none'],
        ] as const) {
          const aws = await openStore({ kind: 's3', bucket }, { region: 'eu-central-1', ...connection });
          assert.equal((await aws.attestationTrust()).kind, expected, JSON.stringify(connection));
          await aws.close();
        }
      } finally {
        process.env.AWS_ENDPOINT_URL_S3 = configured;
      }
    });
  });
});
