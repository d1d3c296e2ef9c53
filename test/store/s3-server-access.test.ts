import assert from 'node:assert/strict';
import { Agent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import * as sdk from '@aws-sdk/client-s3';
import { loopbackTls } from '../helpers/loopback-tls.ts';
import { S3Bench } from '../helpers/s3.ts';
import { base64Sha256, refusedBy, S3Caller } from '../helpers/s3-caller.ts';
import { S3_ADMIN, S3Server } from '../helpers/s3-server.ts';
import type { AwsPrincipal } from '../helpers/sigv4.ts';

describe('the S3 server of the tests, to those who ask', () => {
  let bench: S3Bench;
  let admin: S3Caller;
  let now = new Date();
  const callers: S3Caller[] = [];
  const caller = (principal: AwsPrincipal, config: sdk.S3ClientConfig = {}, bucket = 'models'): S3Caller => {
    const { endpoint, region } = bench.server;
    const made = new S3Caller(bucket, { endpoint, region, ...config }, principal);
    callers.push(made);
    return made;
  };
  const allowed = (...actions: readonly string[]): S3Caller => caller(bench.server.addPrincipal(`p${callers.length}`, actions));

  before(async () => {
    bench = await S3Bench.start({ minPartSize: 5, objectLock: true, clock: () => now });
    bench.server.addBucket('elsewhere', { region: 'us-west-2' });
    admin = caller(S3_ADMIN);
  });
  after(async () => {
    for (const each of callers) each.close();
    await bench.stop();
  });

  it('refuses another secret, another key, another token, another region and an old request', async () => {
    await refusedBy(caller({ ...S3_ADMIN, secretAccessKey: 'wrong' }).get('a'), 'SignatureDoesNotMatch', 403);
    await refusedBy(caller({ ...S3_ADMIN, accessKeyId: 'AKIANOBODY' }).get('a'), 'InvalidAccessKeyId', 403);
    await refusedBy(caller({ ...S3_ADMIN, sessionToken: 'stale' }).get('a'), 'InvalidToken', 400);
    const region = await refusedBy(caller(S3_ADMIN, { region: 'us-east-1' }).get('a'), 'AuthorizationHeaderMalformed', 400);
    assert.match(region.message, /expecting 'eu-central-1'/);
    const redirected = await refusedBy(caller(S3_ADMIN, {}, 'elsewhere').get('a'), 'PermanentRedirect', 301);
    assert.equal(redirected.$response?.headers['x-amz-bucket-region'], 'us-west-2');
    await refusedBy(caller(S3_ADMIN, {}, 'nowhere').get('a'), 'NoSuchBucket', 404);
    await refusedBy(caller(S3_ADMIN, { systemClockOffset: -600_000 }).get('a'), 'RequestTimeTooSkewed', 403);
    const session = bench.server.addPrincipal('session', ['*'], { sessionToken: 'of now' });
    await refusedBy(caller(session).get('a'), 'NoSuchKey', 404);
  });

  it('allows what a principal may do, and no more', async () => {
    const { VersionId } = await admin.put('team/a', 'bytes');
    const reader = allowed('s3:GetObject');
    assert.equal(await reader.text('team/a'), 'bytes');
    const error = await refusedBy(reader.get('team/a', { VersionId }), 'AccessDenied', 403);
    assert.match(error.message, /user\/p\d+ is not authorized to perform: s3:GetObjectVersion on resource: "arn:aws:s3:::models\/team\/a"/);
    await refusedBy(reader.put('team/a', 'other'), 'AccessDenied', 403);
    await refusedBy(reader.get('team/none'), 'AccessDenied', 403);
    await refusedBy(reader.head('team/none'), 'Unknown', 403);
    await refusedBy(allowed('s3:GetObject', 's3:ListBucket').get('team/none'), 'NoSuchKey', 404);
    const pinned = allowed('s3:GetObjectVersion');
    assert.equal(await pinned.text('team/a', { VersionId }), 'bytes');
    await refusedBy(pinned.get('team/a', { VersionId: 'x'.repeat(32) }), 'AccessDenied', 403);
    const attributes = { Bucket: 'models', Key: 'team/a', VersionId, ObjectAttributes: ['ETag' as const] };
    await refusedBy(pinned.s3.send(new sdk.GetObjectAttributesCommand(attributes)), 'AccessDenied', 403);
    const both = allowed('s3:GetObjectVersion', 's3:GetObjectVersionAttributes');
    assert.ok((await both.s3.send(new sdk.GetObjectAttributesCommand(attributes))).ETag);
    const writer = allowed('s3:PutObject models/team/*');
    await writer.put('team/b', 'bytes');
    await refusedBy(writer.put('other/b', 'bytes'), 'AccessDenied', 403);
    await refusedBy(writer.put('team/b', 'bytes', { Tagging: 'a=1' }), 'AccessDenied', 403);
    await refusedBy(writer.put('team/b', 'bytes', { IfMatch: '"x"' }), 'AccessDenied', 403);
    await refusedBy(writer.delete('team/b'), 'AccessDenied', 403);
    await refusedBy(writer.s3.send(new sdk.ListObjectVersionsCommand({ Bucket: 'models' })), 'AccessDenied', 403);
    await refusedBy(allowed('s3:DeleteObject').delete('team/a', { VersionId }), 'AccessDenied', 403);
  });

  it('serves no other account than the one that is expected', async () => {
    await admin.put('owned', 'bytes');
    assert.equal(await admin.text('owned', { ExpectedBucketOwner: '111122223333' }), 'bytes');
    await refusedBy(admin.get('owned', { ExpectedBucketOwner: '999999999999' }), 'AccessDenied', 403);
  });

  it('encrypts with the keys that there are, for those who may use them; the tag is then no digest', async () => {
    const { id, arn } = bench.server.addKmsKey('models');
    const encrypted = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: id } as const;
    const put = await admin.put('secret', 'bytes', encrypted);
    assert.equal(put.SSEKMSKeyId, arn);
    assert.notEqual(put.ETag, (await admin.put('open', 'bytes')).ETag);
    assert.equal((await admin.head('secret')).SSEKMSKeyId, arn);
    await refusedBy(admin.put('secret', 'bytes', { ...encrypted, SSEKMSKeyId: 'alias/none' }), 'KMS.NotFoundException', 400);
    await refusedBy(allowed('s3:*').get('secret'), 'AccessDenied', 403);
    await refusedBy(allowed('s3:*').put('secret', 'bytes', encrypted), 'AccessDenied', 403);
    assert.equal(await allowed('s3:*', `kms:Decrypt ${arn}`).text('secret'), 'bytes');
  });

  it('keeps what is locked until its time is over', async () => {
    const until = new Date(now.getTime() + 3_600_000);
    const governed = await admin.put('lock/g', 'bytes', { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: until });
    const strict = await admin.s3.send(
      new sdk.CompleteMultipartUploadCommand(
        await admin.upload('lock/c', ['bytes'], { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: until }),
      ),
    );
    const held = await admin.put('lock/h', 'bytes', { ObjectLockLegalHoldStatus: 'ON' });
    assert.equal((await admin.head('lock/c')).ObjectLockMode, 'COMPLIANCE');
    assert.equal((await admin.head('lock/h')).ObjectLockLegalHoldStatus, 'ON');
    const remove = (Key: string, VersionId: string | undefined, BypassGovernanceRetention = false) =>
      admin.delete(Key, { VersionId, BypassGovernanceRetention });
    const error = await refusedBy(remove('lock/g', governed.VersionId), 'AccessDenied', 403);
    assert.match(error.message, /object protected by object lock/);
    await refusedBy(remove('lock/c', strict.VersionId, true), 'AccessDenied', 403);
    await refusedBy(remove('lock/h', held.VersionId, true), 'AccessDenied', 403);
    await remove('lock/g', governed.VersionId, true);
    await admin.delete('lock/c');
    assert.equal(bench.behind.history('lock/c').length, 2);
    await refusedBy(admin.put('lock/p', 'x', { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: now }), 'InvalidArgument', 400);
    const earlier = now;
    now = new Date(until.getTime() + 1000);
    try {
      await caller(S3_ADMIN, { systemClockOffset: 3_601_000 }).delete('lock/c', { VersionId: strict.VersionId });
    } finally {
      now = earlier;
    }
    bench.server.addBucket('unlocked');
    await refusedBy(admin.put('x', 'x', { Bucket: 'unlocked', ObjectLockLegalHoldStatus: 'ON' }), 'InvalidRequest', 400);
  });

  it('keeps tags, storage classes and metadata', async () => {
    await admin.put('kept', 'bytes', { Tagging: 'team=a%20b&x=', StorageClass: 'STANDARD_IA', Metadata: { note: 'n' } });
    const { TagSet } = await admin.s3.send(new sdk.GetObjectTaggingCommand({ Bucket: 'models', Key: 'kept' }));
    assert.deepEqual(TagSet, [
      { Key: 'team', Value: 'a b' },
      { Key: 'x', Value: '' },
    ]);
    const head = await admin.head('kept');
    assert.deepEqual([head.StorageClass, head.Metadata, head.TagCount], ['STANDARD_IA', { note: 'n' }, 2]);
    await admin.put('cold', 'bytes', { StorageClass: 'DEEP_ARCHIVE' });
    await refusedBy(admin.get('cold'), 'InvalidObjectState', 403);
    await refusedBy(admin.put('x', 'x', { StorageClass: 'COLDEST' as 'GLACIER' }), 'InvalidStorageClass', 400);
    await refusedBy(admin.put('x', 'x', { Tagging: 'a=1&a=2' }), 'InvalidTag', 400);
    await refusedBy(admin.put('x'.repeat(1025), 'x'), 'KeyTooLongError', 400);
  });

  it('counts what S3 does not know as a violation, and what is not signed as refused', async () => {
    await refusedBy(admin.s3.send(new sdk.GetObjectAclCommand({ Bucket: 'models', Key: 'kept' })), 'TestServerViolation', 400);
    await refusedBy(admin.put('x', 'x', { CacheControl: 'no-store' }), 'TestServerViolation', 400);
    assert.deepEqual(bench.server.takeViolations(), ['GetObject with the parameters acl,', 'PutObject with the headers cache-control']);
    const body = await (
      await fetch(`${bench.server.endpoint}/models/kept`, { headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } })
    ).text();
    assert.match(body, /<Code>TestServerViolation/);
    bench.server.takeViolations();
    const strict = await S3Server.start();
    strict.addBucket('models');
    const sent = new S3Caller('models', { endpoint: strict.endpoint, region: strict.region }, S3_ADMIN);
    await refusedBy(sent.put('x', 'x', { CacheControl: 'no-store' }), 'TestServerViolation', 400);
    sent.close();
    await assert.rejects(strict.stop(), /the S3 server saw: PutObject with the headers cache-control/);
  });

  it('takes bodies that only TLS protects over https, their checksum behind them, at the host of the bucket', async () => {
    const { leafPem, leafKeyPem, rootPem } = loopbackTls('*.s3.localhost');
    const server = await S3Server.start({ tls: { key: leafKeyPem, cert: leafPem } });
    server.addBucket('models');
    const lookup: LookupFunction = (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]);
    const endpoint = `https://s3.localhost:${server.port}`;
    const requestHandler = { httpsAgent: new Agent({ ca: rootPem, lookup }) };
    const secure = new S3Caller('models', { endpoint, region: server.region, forcePathStyle: false, requestHandler }, S3_ADMIN);
    const stream = (...chunks: readonly string[]) => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
    const Body = stream('stre', '', 'amed');
    const input = { Bucket: 'models', Key: 'a b', ContentLength: 8 };
    await secure.s3.send(new sdk.PutObjectCommand({ ...input, Body, ChecksumAlgorithm: 'SHA256' }));
    assert.equal(await secure.text('a b'), 'streamed');
    assert.equal((await secure.head('a b', { ChecksumMode: 'ENABLED' })).ChecksumSHA256, base64Sha256('streamed'));
    const [first] = server.seen;
    assert.deepEqual(
      [first?.headers.host, first?.headers['x-amz-content-sha256'], first?.headers['x-amz-trailer'], first?.bytesIn !== 8],
      [`models.s3.localhost:${server.port}`, 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-checksum-sha256', true],
    );
    const given = { ...input, Body: stream('streamed'), ChecksumSHA256: base64Sha256('streamed') };
    await secure.s3.send(new sdk.PutObjectCommand(given));
    assert.equal(server.seen.at(-1)?.headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD');
    await refusedBy(secure.s3.send(new sdk.PutObjectCommand({ ...given, Body: stream('STREAMED') })), 'BadDigest', 400);
    secure.close();
    await server.stop();
  });

  it('gives leave to send a body only to those who may', async () => {
    const asked = async (principal: AwsPrincipal): Promise<readonly string[]> => {
      const events: string[] = [];
      const to = caller(principal, { expectContinueHeader: true });
      to.s3.middlewareStack.add(
        (next) => async (args) => {
          try {
            return await next(args);
          } finally {
            events.push(String(bench.server.seen.at(-1)?.headers.expect), String(bench.server.seen.at(-1)?.bytesIn));
          }
        },
        { step: 'finalizeRequest', name: 'watch' },
      );
      await to.put('continue', 'x'.repeat(100_000)).catch(() => undefined);
      return events;
    };
    assert.deepEqual(await asked(S3_ADMIN), ['100-continue', '100000']);
    assert.deepEqual(await asked(bench.server.addPrincipal('nobody', [])), ['100-continue', '0']);
  });
});
