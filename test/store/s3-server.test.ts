import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import * as sdk from '@aws-sdk/client-s3';
import { S3Bench } from '../helpers/s3.ts';
import { base64Sha256, refusedBy, S3Caller } from '../helpers/s3-caller.ts';

describe('the S3 server of the tests', () => {
  const Bucket = 'models';
  let bench: S3Bench;
  let caller: S3Caller;
  let s3: sdk.S3Client;

  before(async () => {
    bench = await S3Bench.start({ minPartSize: 5, objectLock: true });
    bench.server.addBucket('plain', { versioning: 'Off' });
    bench.server.addBucket('suspended', { versioning: 'Suspended' });
    caller = new S3Caller(Bucket, { endpoint: bench.server.endpoint, region: bench.server.region });
    s3 = caller.s3;
  });
  afterEach(() => bench.server.heal());
  after(async () => {
    caller.close();
    await bench.stop();
  });

  describe('versions', () => {
    it('keeps every version, and lists them newest first among the delete markers', async () => {
      const first = await caller.put('v/a', 'one');
      const second = await caller.put('v/a', 'two');
      const deleted = await caller.delete('v/a');
      assert.equal(deleted.DeleteMarker, true);
      await refusedBy(caller.text('v/a'), 'NoSuchKey', 404);
      await refusedBy(s3.send(new sdk.HeadObjectCommand({ Bucket, Key: 'v/a' })), 'NotFound', 404);
      assert.equal(await caller.text('v/a', { VersionId: first.VersionId }), 'one');
      await refusedBy(caller.text('v/a', { VersionId: deleted.VersionId }), 'MethodNotAllowed', 405);
      await refusedBy(caller.text('v/a', { VersionId: 'a'.repeat(32) }), 'NoSuchVersion', 404);
      await refusedBy(caller.text('v/a', { VersionId: 'no id' }), 'InvalidArgument', 400);
      const listed = await s3.send(new sdk.ListObjectVersionsCommand({ Bucket, Prefix: 'v/a' }));
      assert.deepEqual(
        listed.Versions?.map(({ VersionId, IsLatest, Size }) => [VersionId, IsLatest, Size]),
        [
          [second.VersionId, false, 3],
          [first.VersionId, false, 3],
        ],
      );
      assert.deepEqual(
        listed.DeleteMarkers?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest]),
        [[deleted.VersionId, true]],
      );
      await caller.delete('v/a', { VersionId: deleted.VersionId });
      assert.equal(await caller.text('v/a'), 'two');
      await caller.delete('v/a', { VersionId: second.VersionId });
      assert.equal(await caller.text('v/a'), 'one');
    });

    it('gives no version where there are none, and null where they are suspended', async () => {
      assert.equal((await caller.put('k', '1', { Bucket: 'plain' })).VersionId, undefined);
      assert.equal((await caller.put('k', '1', { Bucket: 'suspended' })).VersionId, 'null');
      await caller.put('k', '22', { Bucket: 'suspended' });
      const { Versions } = await s3.send(new sdk.ListObjectVersionsCommand({ Bucket: 'suspended' }));
      assert.deepEqual(
        Versions?.map(({ VersionId, Size }) => [VersionId, Size]),
        [['null', 2]],
      );
      const status = async (name: string) => (await s3.send(new sdk.GetBucketVersioningCommand({ Bucket: name }))).Status;
      assert.deepEqual([await status('plain'), await status('suspended'), await status(Bucket)], [undefined, 'Suspended', 'Enabled']);
    });

    it('lists in pages, in the order of UTF-8, with common prefixes, names encoded where that is asked for', async () => {
      const keys = ['l/a b+c', 'l/d/1', 'l/d/2', 'l/e', 'l/\u{1f600}', 'l/\uff5e'];
      for (const key of keys) {
        await caller.put(key, '1');
        await caller.put(key, '2');
      }
      const versions: string[] = [];
      const prefixes: string[] = [];
      let pages = 0;
      let next: Partial<sdk.ListObjectVersionsCommandInput> | undefined = {};
      while (next !== undefined) {
        const input: sdk.ListObjectVersionsCommandInput = {
          Bucket,
          Prefix: 'l/',
          Delimiter: '/',
          MaxKeys: 2,
          EncodingType: 'url',
          ...next,
        };
        const page: sdk.ListObjectVersionsCommandOutput = await s3.send(new sdk.ListObjectVersionsCommand(input));
        versions.push(...(page.Versions ?? []).map(({ Key = '' }) => Key));
        prefixes.push(...(page.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix));
        const KeyMarker = decodeURIComponent((page.NextKeyMarker ?? '').replaceAll('+', ' '));
        next = page.IsTruncated === true ? { KeyMarker, VersionIdMarker: page.NextVersionIdMarker } : undefined;
        pages++;
      }
      assert.deepEqual(versions.slice(0, 2), ['l/a+b%2Bc', 'l/a+b%2Bc']);
      assert.deepEqual(versions.slice(2).map(decodeURIComponent), ['l/e', 'l/e', 'l/\uff5e', 'l/\uff5e', 'l/\u{1f600}', 'l/\u{1f600}']);
      assert.deepEqual([prefixes, pages], [['l/d/'], 5]);
    });

    it('pages through current objects', async () => {
      for (const key of ['p/1', 'p/2', 'p/3/x', 'p/3/y', 'p/4']) await caller.put(key, key);
      await caller.delete('p/2');
      const found: string[] = [];
      for await (const { Contents, CommonPrefixes } of sdk.paginateListObjectsV2(
        { client: s3, pageSize: 1 },
        { Bucket, Prefix: 'p/', Delimiter: '/' },
      )) {
        found.push(...(Contents ?? []).map(({ Key }) => String(Key)), ...(CommonPrefixes ?? []).map(({ Prefix }) => String(Prefix)));
      }
      assert.deepEqual(found, ['p/1', 'p/3/', 'p/4']);
    });
  });

  describe('conditions', () => {
    it('writes only where nothing is, also over a delete marker', async () => {
      await caller.put('c/a', '1', { IfNoneMatch: '*' });
      await refusedBy(caller.put('c/a', '2', { IfNoneMatch: '*' }), 'PreconditionFailed', 412);
      await caller.delete('c/a');
      await caller.put('c/a', '3', { IfNoneMatch: '*' });
      assert.equal(await caller.text('c/a'), '3');
    });

    it('writes only over what was seen', async () => {
      const { ETag } = await caller.put('c/b', '1');
      await caller.put('c/b', '2', { IfMatch: ETag });
      await refusedBy(caller.put('c/b', '3', { IfMatch: ETag }), 'PreconditionFailed', 412);
      await refusedBy(caller.put('c/none', '3', { IfMatch: ETag }), 'NoSuchKey', 404);
      assert.equal(await caller.text('c/b'), '2');
    });

    it('lets one of many writers win, whatever way they write', async () => {
      const body = 'x'.repeat(100_000);
      const uploads = await Promise.all([1, 2].map((number) => caller.upload('c/race', [`part${number}`])));
      const results = await Promise.allSettled([
        ...Array.from({ length: 8 }, (_, number) => caller.put('c/race', `${number}${body}`, { IfNoneMatch: '*' })),
        ...uploads.map((input) => s3.send(new sdk.CompleteMultipartUploadCommand({ ...input, IfNoneMatch: '*' }))),
      ]);
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
      assert.equal(bench.behind.history('c/race').length, 1);
    });

    it('deletes and reads only what was seen', async () => {
      const { ETag } = await caller.put('c/d', '1');
      await refusedBy(caller.delete('c/d', { IfMatch: '"0"' }), 'PreconditionFailed', 412);
      await refusedBy(caller.text('c/d', { IfMatch: '"0"' }), 'PreconditionFailed', 412);
      assert.equal(await caller.text('c/d', { IfMatch: ETag }), '1');
      await caller.delete('c/d', { IfMatch: ETag });
      await refusedBy(caller.text('c/d'), 'NoSuchKey', 404);
    });
  });

  describe('checksums', () => {
    it('takes no bytes that are not those of their checksum', async () => {
      const error = await refusedBy(caller.put('s/wrong', 'bytes', { ChecksumSHA256: base64Sha256('others') }), 'BadDigest', 400);
      assert.match(error.message, /SHA256/);
      await refusedBy(caller.put('s/wrong', 'bytes', { ChecksumSHA256: 'AAAA' }), 'InvalidRequest', 400);
      await refusedBy(caller.put('s/wrong', 'bytes', { ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' }), 'BadDigest', 400);
      assert.equal(bench.behind.history('s/wrong').length, 0);
    });

    it('keeps the checksum that came, or makes its own', async () => {
      await caller.put('s/a', 'bytes');
      const { endpoint, region } = bench.server;
      const plain = new sdk.S3Client({ endpoint, region, requestChecksumCalculation: 'WHEN_REQUIRED' });
      await plain.send(new sdk.PutObjectCommand({ Bucket, Key: 's/b', Body: '123456789' }));
      plain.destroy();
      const head = (Key: string, ChecksumMode?: 'ENABLED') => caller.head(Key, { ChecksumMode });
      const known = await head('s/a', 'ENABLED');
      assert.deepEqual([known.ChecksumSHA256, known.ChecksumType], [base64Sha256('bytes'), 'FULL_OBJECT']);
      assert.equal((await head('s/a')).ChecksumSHA256, undefined);
      assert.deepEqual(
        [(await head('s/b', 'ENABLED')).ChecksumCRC64NVME, (await head('s/b', 'ENABLED')).ChecksumSHA256],
        ['rosUhgp5mIg=', undefined],
      );
    });

    it('takes no unsigned body over http', async () => {
      const Body = Readable.from([Buffer.from('streamed')]);
      await refusedBy(s3.send(new sdk.PutObjectCommand({ Bucket, Key: 's/open', Body, ContentLength: 8 })), 'TestServerViolation', 400);
      assert.match(bench.server.takeViolations().join(), /nothing protects/);
    });
  });

  describe('objects in parts', () => {
    it('have a checksum of checksums, and one for each part, in pages', async () => {
      const bodies = ['aaaaa', 'bbbbbb', 'c'];
      const input = await caller.upload('m/a', bodies);
      const listed = await s3.send(new sdk.ListPartsCommand({ Bucket, Key: 'm/a', UploadId: input.UploadId, MaxParts: 2 }));
      assert.deepEqual([listed.Parts?.length, listed.IsTruncated, listed.NextPartNumberMarker], [2, true, '2']);
      assert.equal(listed.Parts?.[1]?.ChecksumSHA256, base64Sha256('bbbbbb'));
      const composite = base64Sha256(Buffer.concat(bodies.map((body) => Buffer.from(base64Sha256(body), 'base64'))));
      const done = await s3.send(new sdk.CompleteMultipartUploadCommand({ ...input, ChecksumSHA256: composite }));
      assert.deepEqual([done.ChecksumSHA256, done.ChecksumType], [`${composite}-3`, 'COMPOSITE']);
      assert.match(done.ETag ?? '', /-3"$/);
      assert.equal(await caller.text('m/a'), bodies.join(''));
      assert.equal(await caller.text('m/a', { Range: 'bytes=3-7' }), 'aabbb');
      assert.equal(await caller.text('m/a', { Range: 'bytes=-3' }), 'bbc');
      assert.equal(await caller.text('m/a', { PartNumber: 2 }), 'bbbbbb');
      const part = await s3.send(new sdk.HeadObjectCommand({ Bucket, Key: 'm/a', PartNumber: 2, ChecksumMode: 'ENABLED' }));
      assert.deepEqual([part.ChecksumSHA256, part.PartsCount, part.ContentLength], [base64Sha256('bbbbbb'), 3, 6]);
      const attributes = (more: Partial<sdk.GetObjectAttributesCommandInput>) =>
        s3.send(
          new sdk.GetObjectAttributesCommand({
            Bucket,
            Key: 'm/a',
            VersionId: done.VersionId,
            ObjectAttributes: ['Checksum', 'ObjectParts', 'ObjectSize'],
            ...more,
          }),
        );
      const first = await attributes({ MaxParts: 2 });
      assert.deepEqual(first.Checksum, { ChecksumSHA256: composite, ChecksumType: 'COMPOSITE' });
      assert.deepEqual([first.ObjectSize, first.ObjectParts?.TotalPartsCount, first.ObjectParts?.IsTruncated], [12, 3, true]);
      const second = await attributes({ PartNumberMarker: first.ObjectParts?.NextPartNumberMarker });
      assert.deepEqual(second.ObjectParts?.Parts, [{ PartNumber: 3, Size: 1, ChecksumSHA256: base64Sha256('c') }]);
      await refusedBy(s3.send(new sdk.CompleteMultipartUploadCommand(input)), 'NoSuchUpload', 404);
      await refusedBy(caller.text('m/a', { Range: 'bytes=12-' }), 'InvalidRange', 416);
    });

    it('are made only of the parts that were uploaded', async () => {
      const input = await caller.upload('m/b', ['aaaaa', 'bbbbb']);
      const complete = (Parts: readonly sdk.CompletedPart[], more: Partial<sdk.CompleteMultipartUploadCommandInput> = {}) =>
        s3.send(new sdk.CompleteMultipartUploadCommand({ ...input, MultipartUpload: { Parts: [...Parts] }, ...more }));
      const [first = {}, second = {}] = input.MultipartUpload.Parts;
      await refusedBy(complete([first, { ...second, ETag: first.ETag }]), 'InvalidPart', 400);
      await refusedBy(complete([first, { ...second, ChecksumSHA256: base64Sha256('others') }]), 'InvalidPart', 400);
      await refusedBy(complete([first, { ...second, ChecksumSHA256: undefined }]), 'InvalidRequest', 400);
      await refusedBy(complete([second]), 'InvalidRequest', 400);
      await refusedBy(complete([first, second], { ChecksumSHA256: base64Sha256('others') }), 'BadDigest', 400);
      await refusedBy(complete([first, second], { MpuObjectSize: 11 }), 'InvalidRequest', 400);
      await refusedBy(
        s3.send(
          new sdk.UploadPartCommand({ Bucket, Key: 'm/b', UploadId: input.UploadId, PartNumber: 3, Body: 'x', ChecksumCRC32: 'jNwWgw==' }),
        ),
        'InvalidRequest',
        400,
      );
      await s3.send(new sdk.AbortMultipartUploadCommand(input));
      await refusedBy(complete([first, second]), 'NoSuchUpload', 404);
      const small = await caller.upload('m/small', ['aaaa', 'bbbbb']);
      await refusedBy(s3.send(new sdk.CompleteMultipartUploadCommand(small)), 'EntityTooSmall', 400);
      await s3.send(new sdk.AbortMultipartUploadCommand(small));
      await refusedBy(
        s3.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key: 'x', ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' })),
        'InvalidRequest',
        400,
      );
    });

    it('are listed until they are whole', async () => {
      const inputs = [await caller.upload('m/u/1', ['a']), await caller.upload('m/u/1', ['a']), await caller.upload('m/u/2', ['a'])];
      const page = await s3.send(new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: 'm/u/', MaxUploads: 1 }));
      assert.deepEqual([page.Uploads?.[0]?.UploadId, page.IsTruncated], [inputs[0]?.UploadId, true]);
      const rest = await s3.send(
        new sdk.ListMultipartUploadsCommand({
          Bucket,
          Prefix: 'm/u/',
          KeyMarker: page.NextKeyMarker,
          UploadIdMarker: page.NextUploadIdMarker,
        }),
      );
      assert.deepEqual(
        rest.Uploads?.map(({ Key }) => Key),
        ['m/u/1', 'm/u/2'],
      );
      for (const input of inputs) await s3.send(new sdk.AbortMultipartUploadCommand(input));
    });

    it('can be copied whole, or range by range with the same parts', async () => {
      const done = await s3.send(new sdk.CompleteMultipartUploadCommand(await caller.upload('m/src +%', ['aaaaa', 'bbb'])));
      await caller.put('m/src +%', 'newer');
      const CopySource = `${Bucket}/${encodeURIComponent('m/src +%')}?versionId=${done.VersionId}`;
      const copy = await s3.send(new sdk.CopyObjectCommand({ Bucket, Key: 'm/copy', CopySource }));
      assert.deepEqual([copy.CopySourceVersionId, copy.CopyObjectResult?.ChecksumSHA256], [done.VersionId, base64Sha256('aaaaabbb')]);
      const { UploadId } = await s3.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key: 'm/parts', ChecksumAlgorithm: 'SHA256' }));
      const Parts: sdk.CompletedPart[] = [];
      for (const [index, CopySourceRange] of ['bytes=0-4', 'bytes=5-7'].entries()) {
        const part = { PartNumber: index + 1, UploadId, CopySource, CopySourceRange };
        const { CopyPartResult } = await s3.send(new sdk.UploadPartCopyCommand({ Bucket, Key: 'm/parts', ...part }));
        Parts.push({ PartNumber: index + 1, ETag: CopyPartResult?.ETag, ChecksumSHA256: CopyPartResult?.ChecksumSHA256 });
      }
      assert.equal(Parts[1]?.ChecksumSHA256, base64Sha256('bbb'));
      const again = await s3.send(new sdk.CompleteMultipartUploadCommand({ Bucket, Key: 'm/parts', UploadId, MultipartUpload: { Parts } }));
      assert.equal(again.ChecksumSHA256, done.ChecksumSHA256);
      assert.equal(await caller.text('m/parts'), 'aaaaabbb');
    });
  });
});
