import assert from 'node:assert/strict';
import { type Retry, S3Client, type StoreConnection } from '../../src/aws/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { S3Bench } from '../helpers/s3.ts';
import { AT_ONCE } from '../helpers/s3-files.ts';

describe('a client of S3', () => {
  let bench: S3Bench;
  const clients: S3Client[] = [];
  const retries: Retry[] = [];
  const client = (more: StoreConnection = {}): S3Client => {
    const made = new S3Client(
      bench.connection({ timeoutMs: 1000, ...more, retries: { ...AT_ONCE, onRetry: (retry) => retries.push(retry) } }),
    );
    clients.push(made);
    return made;
  };
  const put = (s3: S3Client, signal?: AbortSignal) =>
    s3.call(
      { action: 's3:PutObject', subject: 's3://models/a' },
      async ({ client: sdkClient, sdk, abortSignal }) => {
        const command = new sdk.PutObjectCommand({ Bucket: 'models', Key: 'a', Body: Buffer.from('x'), ChecksumSHA256: SHA256_OF_X });
        return (await sdkClient.send(command, { abortSignal })).VersionId;
      },
      { signal },
    );

  before(async () => {
    bench = await S3Bench.start();
  });
  beforeEach(() => {
    retries.length = 0;
    bench.server.takeSeen();
  });
  afterEach(() => bench.server.heal());
  after(async () => {
    await Promise.all(clients.map((each) => each.close()));
    await bench.stop();
  });

  describe('tells', () => {
    for (const [status, name, code, message] of [
      [404, 'NoSuchBucket', 'bucket-missing', 'there is no such bucket'],
      [404, 'NoSuchKey', 'object-missing', 'there is no such object in the store'],
      [404, 'NoSuchUpload', 'upload-missing', /^the upload is not there any more/],
      [403, 'AccessDenied', 'object-forbidden', 'absent or forbidden: s3:PutObject'],
      [403, 'InvalidAccessKeyId', 'aws-credentials-refused', 'AWS does not accept the credentials'],
      [403, 'SignatureDoesNotMatch', 'aws-credentials-refused', 'AWS does not accept the credentials'],
      [400, 'ExpiredToken', 'aws-credentials-expired', 'the AWS credentials have expired'],
      [403, 'RequestTimeTooSkewed', 'clock-wrong', 'the clock of this machine is not that of the store'],
      [400, 'EntityTooLarge', 'object-too-large', 'the store does not take so large an object'],
      [507, 'XMinioStorageFull', 'store-full', 'the store has no space left'],
      [403, 'QuotaExceeded', 'store-full', 'the quota of the bucket is used up'],
      [400, 'KMS.DisabledException', 'kms-key-disabled', 'the KMS key is disabled'],
      [403, 'InvalidObjectState', 'object-archived', /^the object lies in an archive/],
      [503, 'SlowDown', 'aws-throttled', 'AWS asks to slow down: s3:PutObject was refused 5 times'],
      [500, 'InternalError', 'aws-service-error', 'AWS could not do s3:PutObject, tried 5 times'],
      [400, 'SomethingNew', 'aws-error', 'AWS refused s3:PutObject'],
    ] as const) {
      it(`${name} as ${code}`, async () => {
        bench.server.fail('PutObject', { kind: 'error', status, code: name });
        await assert.rejects(
          put(client()),
          mlsignError(code, message, { subject: code.startsWith('aws-cred') ? 's3:PutObject' : 's3://models/a' }),
        );
      });
    }

    it('which permission it is that lacks, also that of a key', async () => {
      const text = 'User: arn:aws:iam::1:user/a is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:x';
      bench.server.fail('PutObject', { kind: 'error', status: 403, code: 'AccessDenied', message: text });
      await assert.rejects(
        put(client()),
        mlsignError('object-forbidden', 'absent or forbidden: kms:GenerateDataKey', { expected: 'kms:GenerateDataKey' }),
      );
    });

    it('the region of a bucket that lies elsewhere', async () => {
      const message = "The authorization header is malformed; the region 'eu-central-1' is wrong; expecting 'eu-west-3'";
      bench.server.fail('PutObject', { kind: 'error', status: 400, code: 'AuthorizationHeaderMalformed', message });
      await assert.rejects(put(client()), mlsignError('aws-region-wrong', 'the bucket is in another region', { expected: 'eu-west-3' }));
    });

    it('nobody who answers', async () => {
      await assert.rejects(
        put(client({ endpoint: 'http://127.0.0.1:9' })),
        mlsignError('aws-unreachable', 'AWS cannot be reached for s3:PutObject, tried 5 times', { outcome: 'unavailable' }),
      );
    });
  });

  it('asks once where forbidden may be absent, and again where it may pass', async () => {
    for (const [status, code, attempts] of [
      [403, 'AccessDenied', 1],
      [404, 'NoSuchKey', 1],
      [409, 'ConditionalRequestConflict', 5],
      [409, 'OperationAborted', 5],
      [400, 'RequestTimeout', 5],
      [400, 'BadDigest', 5],
      [503, 'SlowDown', 5],
    ] as const) {
      bench.server.takeSeen();
      bench.server.fail('PutObject', { kind: 'error', status, code });
      await assert.rejects(put(client()));
      assert.equal(bench.server.takeSeen().length, attempts, code);
      bench.server.heal();
    }
  });

  it('has time as long as something moves, and no longer', async () => {
    bench.server.fail('PutObject', { kind: 'stall' }, { times: 1 });
    assert.ok(await put(client({ timeoutMs: 300 })));
    assert.deepEqual(
      retries.map(({ reason }) => reason),
      ['no answer in time'],
    );
    let beats = 0;
    const s3 = client({ timeoutMs: 300 });
    const alive = s3.call({ action: 's3:GetObject', subject: 's3://models/a' }, async ({ alive: beat }) => {
      const timer = setInterval(() => {
        beats++;
        beat();
      }, 50);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      clearInterval(timer);
      return 'done';
    });
    assert.equal(await alive, 'done');
    assert.ok(beats > 5);
  });

  it('stops at once when it is interrupted', async () => {
    const stop = new AbortController();
    bench.server.fail('PutObject', { kind: 'stall', onFault: () => stop.abort() });
    await assert.rejects(put(client(), stop.signal), mlsignError('interrupted', 'interrupted'));
  });

  const list = (more?: StoreConnection) =>
    client(more).call({ action: 's3:ListBucketVersions', subject: 's3://models' }, ({ client: sdkClient, sdk }) =>
      sdkClient.send(new sdk.ListObjectVersionsCommand({ Bucket: 'models' })),
    );
  const unreadable = mlsignError('aws-answer-malformed', /^the answer to s3:ListBucketVersions cannot be read/, {
    got: 'not the protocol of S3',
  });

  it('takes no answer without an end', async () => {
    const body = `<?xml version="1.0"?><ListVersionsResult>${'<Name>x</Name>'.repeat(1_300_000)}</ListVersionsResult>`;
    bench.server.fail('ListObjectVersions', { kind: 'raw', status: 200, contentType: 'application/xml', body });
    await assert.rejects(list({ timeoutMs: 20_000 }), unreadable);
  });

  it('takes no longer for a list whose entries are left open', async function () {
    this.timeout(60_000);
    const body = `<?xml version="1.0"?><ListVersionsResult>${'<Version><Key>'.repeat(60_000)}`;
    bench.server.fail('ListObjectVersions', { kind: 'raw', status: 200, contentType: 'application/xml', body });
    await assert.rejects(list(), unreadable);
  });
});

const SHA256_OF_X = 'LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=';
