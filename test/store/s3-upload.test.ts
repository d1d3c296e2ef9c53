import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import * as sdk from '@aws-sdk/client-s3';
import type { FileUpload, Store } from '../../src/store/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { S3Bench } from '../helpers/s3.ts';
import { fileToUpload, SHARD, sha256, shardsOf, storeIn } from '../helpers/s3-files.ts';
import { Sandbox } from '../helpers/sandbox.ts';

describe('an upload to S3', () => {
  const sandbox = new Sandbox();
  /** Two whole parts and a rest. */
  const data = randomBytes(2 * SHARD + 100);
  const parts = shardsOf(data, SHARD).map(sha256);
  let bench: S3Bench;
  let store: Store;
  let client: sdk.S3Client;
  let tests = 0;
  let key: string;
  let resume: string;

  before(async () => {
    bench = await S3Bench.start();
    store = await storeIn(bench, { timeoutMs: 1000 });
    client = new sdk.S3Client({ endpoint: bench.server.endpoint, region: bench.server.region, forcePathStyle: true });
  });
  beforeEach(() => {
    key = `upload-${++tests}/model.safetensors`;
    resume = sandbox.path(`resume-${tests}.json`);
    bench.server.takeSeen();
  });
  afterEach(() => bench.server.heal());
  after(async () => {
    client.destroy();
    await store.close();
    sandbox.remove();
    await bench.stop();
  });

  const large = (): FileUpload => fileToUpload(sandbox, key, data, SHARD);
  const uploads = () => [...(bench.server.buckets.get('models')?.uploads.values() ?? [])];
  const sent = () => bench.server.seen.filter(({ operation, status }) => operation === 'UploadPart' && status === 200).length;
  const isWhole = async () => {
    assert.equal(sha256(await bench.behind.read(key)), sha256(data));
    assert.equal(bench.behind.history(key).length, 1);
    assert.deepEqual(uploads(), [], 'nothing is left over');
  };
  /** Uploads until the second part is refused. */
  const interrupt = async (file: FileUpload, options: { readonly resume?: string } = { resume }) => {
    bench.server.fail(({ operation, url }) => operation === 'UploadPart' && url.includes('partNumber=2'), { kind: 'reset' });
    await assert.rejects(store.upload([file], options), mlsignError('aws-unreachable', /^AWS cannot be reached for s3:PutObject/));
    bench.server.heal();
  };

  it('has the signed shards as parts, each refused by S3 where it is not that', async () => {
    const [object] = await store.upload([large()], {});
    assert.deepEqual(object?.parts, parts);
    assert.equal(object.partSize, SHARD);
    await isWhole();
    for (const { headers, operation } of bench.server.seen) {
      if (operation !== 'UploadPart') continue;
      const given = Buffer.from(String(headers['x-amz-checksum-sha256']), 'base64').toString('hex');
      assert.ok(parts.includes(given));
      assert.equal(headers['x-amz-content-sha256'], given, 'the bytes are signed, too');
    }
  });

  it('has parts of 16 MiB where the whole is signed, in whatever algorithm', async () => {
    const whole = randomBytes(16 * 2 ** 20 + 1);
    const file = fileToUpload(sandbox, key, whole);
    const digest = createHash('blake2b512').update(whole).digest('hex');
    const [object] = await store.upload([{ ...file, signed: { algorithm: 'blake2b', digests: [digest] } }], {});
    assert.deepEqual(object?.parts, shardsOf(whole, 16 * 2 ** 20).map(sha256));
  });

  it('of other bytes than the signed ones is never completed', async () => {
    const file = large();
    const wrong = { ...file, signed: { ...file.signed, digests: [...parts.slice(0, 2), sha256(Buffer.of(1))] } };
    await assert.rejects(
      store.upload([wrong], { resume }),
      mlsignError('file-changed', 'the file is not what was signed', { outcome: 'refused', subject: file.path }),
    );
    assert.deepEqual(bench.behind.history(key), []);
    assert.deepEqual(uploads(), [], 'what was sent is given up');
    assert.ok(!existsSync(resume));
  });

  it('of a file that changes meanwhile is never completed', async () => {
    const file = large();
    bench.server.fail('UploadPart', { kind: 'pass', onFault: () => writeFileSync(file.path, data) }, { times: 1 });
    await assert.rejects(store.upload([file], {}), mlsignError('file-changed', 'the file is not what was signed'));
    assert.deepEqual(bench.behind.history(key), []);
    assert.deepEqual(uploads(), []);
  });

  describe('that was interrupted', () => {
    it('goes on with the parts that S3 has, and hashes every byte again', async () => {
      await interrupt(large());
      const remembered = JSON.parse(readFileSync(resume, 'utf8'));
      assert.deepEqual(
        remembered.uploads.map((own: { object: string; partSize: number }) => [own.object, own.partSize]),
        [[`s3://models/${key}`, SHARD]],
      );
      bench.server.takeSeen();
      const [object] = await store.upload([large()], { resume });
      assert.equal(sent(), 1);
      assert.equal(bench.server.seen.filter(({ operation }) => operation === 'CreateMultipartUpload').length, 0);
      assert.deepEqual(object?.parts, parts);
      assert.equal(object.isReused, false);
      await isWhole();
      assert.ok(!existsSync(resume), 'nothing is left to remember');
    });

    it('sends a part again that is another one by now', async () => {
      await interrupt(large());
      const [upload] = uploads();
      const [first, second] = [randomBytes(SHARD), data.subarray(SHARD, 2 * SHARD)];
      for (const [index, Body] of [first, second].entries()) {
        const ChecksumSHA256 = createHash('sha256').update(Body).digest('base64');
        await client.send(
          new sdk.UploadPartCommand({ Bucket: 'models', Key: key, UploadId: upload?.id, PartNumber: index + 1, Body, ChecksumSHA256 }),
        );
      }
      bench.server.takeSeen();
      await store.upload([large()], { resume });
      assert.equal(sent(), 1, 'the second and the third part are right');
      await isWhole();
    });

    it('of a file that was changed and signed anew holds nothing of the old one', async () => {
      await interrupt(large());
      const changed = Buffer.concat([data.subarray(0, SHARD), randomBytes(SHARD + 100)]);
      const [object] = await store.upload([fileToUpload(sandbox, key, changed, SHARD)], { resume });
      assert.deepEqual(object?.parts, shardsOf(changed, SHARD).map(sha256));
      assert.equal(sha256(await bench.behind.read(key)), sha256(changed));
    });

    it('begins anew where the upload was aborted meanwhile', async () => {
      await interrupt(large());
      const [begun] = await store.abandonedUploads(key);
      assert.ok(begun);
      await store.abandon(begun);
      await store.upload([large()], { resume });
      await isWhole();
    });

    it('begins anew where objects are to be stored in another way', async () => {
      await interrupt(large());
      const [object] = await store.upload([large()], { resume, attributes: { tags: { team: 'a' } } });
      assert.equal(bench.behind.history(key)[0]?.content?.settings.tags.get('team'), 'a');
      assert.deepEqual(object?.parts, parts);
      const [left] = await store.abandonedUploads(key);
      assert.ok(left, 'the other one is listed, to be cleaned up');
      await store.abandon(left);
    });

    it('leaves nothing where it is not remembered', async () => {
      await interrupt(large(), {});
      assert.deepEqual(uploads(), []);
    });

    it('stops at once, and goes on later', async () => {
      const stop = new AbortController();
      bench.server.fail(({ url }) => url.includes('partNumber=2'), { kind: 'stall', onFault: () => stop.abort() });
      await assert.rejects(store.upload([large()], { resume, signal: stop.signal }), mlsignError('interrupted', 'interrupted'));
      bench.server.heal();
      assert.deepEqual(bench.behind.history(key), []);
      await store.upload([large()], { resume });
      await isWhole();
    });

    it('is refused where the list of uploads is none', async () => {
      writeFileSync(resume, '{"version":1,"uploads":[{"object":"s3://models/a"}]}');
      await assert.rejects(
        store.upload([large()], { resume }),
        mlsignError('resume-file-malformed', /^the list of unfinished uploads is malformed/),
      );
    });
  });

  it("never goes on with somebody else's upload", async () => {
    const Bucket = 'models';
    const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key: key, ChecksumAlgorithm: 'SHA256' }));
    const Body = randomBytes(SHARD);
    const ChecksumSHA256 = createHash('sha256').update(Body).digest('base64');
    await client.send(new sdk.UploadPartCommand({ Bucket, Key: key, UploadId, PartNumber: 1, Body, ChecksumSHA256 }));
    await store.upload([large()], { resume });
    assert.equal(sha256(await bench.behind.read(key)), sha256(data));
    const [left] = await store.abandonedUploads(key);
    assert.equal(left?.id, UploadId, 'it is told of');
    await client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key: key, UploadId }));
  });

  describe('whose answer is lost', () => {
    for (const operation of ['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'] as const) {
      for (const kind of ['reset-after', 'stall-after'] as const) {
        // S3 has minutes to complete.
        if (operation === 'CompleteMultipartUpload' && kind === 'stall-after') continue;
        it(`is whole and there once: ${operation}, ${kind}`, async () => {
          bench.server.fail(operation, { kind }, { times: 1 });
          const [object] = await store.upload([large()], { resume });
          assert.deepEqual(object?.parts, parts);
          assert.equal(object.isReused, false);
          assert.equal(object.version, bench.behind.history(key)[0]?.id);
          assert.equal(sha256(await bench.behind.read(key)), sha256(data));
          assert.equal(bench.behind.history(key).length, 1);
          for (const left of await store.abandonedUploads(key)) await store.abandon(left);
        });
      }
    }

    it('is found in the next run, where this one ended', async () => {
      bench.server.fail('CompleteMultipartUpload', { kind: 'reset-after' });
      bench.server.fail('HeadObject', { kind: 'reset' }, { after: 1 });
      await assert.rejects(store.upload([large()], { resume }), mlsignError('aws-unreachable', /^AWS cannot be reached/));
      bench.server.heal();
      const [object] = await store.upload([large()], { resume });
      assert.equal(object?.version, bench.behind.history(key)[0]?.id);
      await isWhole();
    });

    it('is found for a file of one part', async () => {
      for (const size of [10, 2 ** 20 + 1]) {
        const one = fileToUpload(sandbox, `${key}-${size}`, randomBytes(size));
        bench.server.fail('PutObject', { kind: 'reset-after' }, { times: 1 });
        const [object] = await store.upload([one], {});
        assert.equal(object?.isReused, false);
        assert.equal(bench.behind.history(one.key).length, 1);
      }
    });
  });

  describe('to a key that somebody else takes meanwhile', () => {
    it('is told, and replaces nothing', async () => {
      bench.server.fail('CompleteMultipartUpload', { kind: 'pass', onFault: () => bench.behind.overwrite(key, 'theirs') }, { times: 1 });
      await assert.rejects(
        store.upload([large()], { resume }),
        mlsignError('object-exists', 'other bytes lie under this key', { subject: `s3://models/${key}` }),
      );
      assert.equal((await bench.behind.read(key)).toString(), 'theirs');
      assert.deepEqual(uploads(), []);
      assert.ok(!existsSync(resume));
    });

    it('takes the same bytes for its own', async () => {
      bench.server.fail('CompleteMultipartUpload', { kind: 'pass', onFault: () => bench.behind.overwrite(key, data) }, { times: 1 });
      const [object] = await store.upload([large()], { resume });
      assert.equal(object?.isReused, true);
      await isWhole();
    });
  });

  it('reads what lies there where S3 keeps no checksum that tells', async () => {
    const file = large();
    bench.behind.overwrite(key, data);
    const [object] = await store.upload([file], {});
    assert.equal(object?.isReused, true);
    assert.ok(bench.server.takeSeen().includes('GetObject'), 'its bytes were read: an object put whole has no parts');
    const other = Buffer.from(data);
    other.writeUInt8(other.readUInt8(5) ^ 1, 5);
    bench.behind.overwrite(key, other);
    await assert.rejects(store.upload([file], {}), mlsignError('object-exists', 'other bytes lie under this key'));
  });

  it('survives requests that are refused, cut and answered with nonsense', async () => {
    for (const kind of ['reset', 'reset-midway', 'corrupt-request'] as const) bench.server.fail('UploadPart', { kind }, { times: 1 });
    bench.server.fail('UploadPart', { kind: 'error', status: 503, code: 'SlowDown' }, { times: 2 });
    bench.server.fail('CreateMultipartUpload', { kind: 'error', status: 500, code: 'InternalError' }, { times: 2 });
    bench.server.fail('CompleteMultipartUpload', { kind: 'raw', status: 502, contentType: 'text/html', body: '<html>' }, { times: 2 });
    await store.upload([large()], { resume });
    await isWhole();
  });

  it('of bytes that never arrive as they were sent is told of', async () => {
    bench.server.fail('UploadPart', { kind: 'corrupt-request' });
    await assert.rejects(
      store.upload([large()], {}),
      mlsignError('bytes-refused', /^the store refused the bytes/, { outcome: 'unavailable' }),
    );
    assert.deepEqual(bench.behind.history(key), []);
  });
});
