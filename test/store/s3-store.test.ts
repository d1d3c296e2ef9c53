import assert from 'node:assert/strict';
import { openStore } from '../../src/store/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { S3Bench } from '../helpers/s3.ts';
import { fileToUpload, storeIn } from '../helpers/s3-files.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { describeStore } from '../helpers/store-suite.ts';

describeStore('a bucket of S3', async () => {
  const bench = await S3Bench.start();
  return {
    open: () => openStore({ kind: 's3', bucket: bench.bucket }, bench.connection()),
    prefix: 'team/',
    partSize: 16 * 2 ** 20,
    overwrite: async (key, data) => void bench.behind.overwrite(key, data),
    delete: async (key) => void bench.behind.deleteMarker(key),
    close: () => bench.stop(),
  };
});

describe('a bucket of S3, as only S3 has it', () => {
  const sandbox = new Sandbox();
  const DAY = 86_400_000;
  let bench: S3Bench;

  before(async () => {
    bench = await S3Bench.start({ objectLock: true });
    bench.server.addBucket('plain', { versioning: 'Off' });
    bench.server.addBucket('suspended', { versioning: 'Suspended' });
    bench.server.addBucket('elsewhere', { region: 'us-west-2' });
    bench.server.addBucket('stranger', { owner: '999999999999' });
  });
  afterEach(() => bench.server.heal());
  after(async () => {
    sandbox.remove();
    await bench.stop();
  });

  for (const bucket of ['plain', 'suspended']) {
    describe(`without versions: ${bucket}`, () => {
      const refusal = mlsignError('bucket-unversioned', 'the bucket keeps no versions: what is overwritten there is lost', {
        outcome: 'refused',
        subject: `s3://${bucket}`,
        suggestions: [`aws s3api put-bucket-versioning --bucket ${bucket} --versioning-configuration Status=Enabled`],
      });

      it('refuses what comes back without a version, and leaves nothing', async () => {
        const store = await storeIn(bench, {}, bucket);
        await assert.rejects(store.write('a', Buffer.from('x'), 'absent'), refusal);
        await assert.rejects(store.upload([fileToUpload(sandbox, `${bucket}/b`, Buffer.from('x'))], {}), refusal);
        assert.deepEqual(bench.server.behind(bucket).keys(), []);
        assert.equal(await store.current('a'), undefined);
        await store.close();
      });

      it('takes no object that is there for one that stays', async () => {
        const store = await storeIn(bench, {}, bucket);
        bench.server.behind(bucket).overwrite(`${bucket}/there`, 'x');
        await assert.rejects(store.upload([fileToUpload(sandbox, `${bucket}/there`, Buffer.from('x'))], {}), refusal);
        assert.deepEqual(bench.server.behind(bucket).keys(), [`${bucket}/there`], 'it is not ours to remove');
        assert.equal((await store.current(`${bucket}/there`))?.version, 'null');
        await store.close();
      });
    });
  }

  describe('attributes', () => {
    it('are those of what is written, uploaded and restored', async () => {
      const store = await storeIn(bench);
      const { arn } = bench.server.addKmsKey('models');
      const until = new Date(Date.now() + DAY);
      const attributes = {
        sseKmsKey: 'alias/models',
        storageClass: 'STANDARD_IA',
        tags: { team: 'vision models', 'a/b': 'c=d' },
        retention: { mode: 'GOVERNANCE', until },
        legalHold: true,
      } as const;
      const written = await store.write('attributes/a', Buffer.from('x'), 'absent', attributes);
      const file = fileToUpload(sandbox, 'attributes/b', Buffer.from('y'));
      const [uploaded] = await store.upload([file], { attributes });
      const large = fileToUpload(sandbox, 'attributes/c', Buffer.alloc(8 * 2 ** 20 + 1), 8 * 2 ** 20);
      const [parted] = await store.upload([large], { attributes });
      assert.ok(written && uploaded && parted);
      for (const { key } of [uploaded, parted]) bench.behind.overwrite(key, 'by somebody');
      const restored = [await store.restore(uploaded, attributes), await store.restore(parted, attributes)];
      for (const { key, version } of [written, uploaded, parted, ...restored]) {
        const settings = bench.behind.history(key).find(({ id }) => id === version)?.content?.settings;
        assert.ok(settings, key);
        assert.deepEqual([settings.encryption.algorithm, settings.encryption.key], ['aws:kms', arn]);
        assert.equal(settings.storageClass, 'STANDARD_IA');
        assert.deepEqual(Object.fromEntries(settings.tags), attributes.tags);
        assert.equal(settings.retention?.mode, 'GOVERNANCE');
        assert.equal(Math.floor(Number(settings.retention?.until) / 1000), Math.floor(until.getTime() / 1000));
        assert.equal(settings.legalHold, true);
      }
      await assert.rejects(
        store.remove(uploaded),
        mlsignError('object-locked', 'the object is under a retention or a legal hold', {
          outcome: 'refused',
          subject: 's3://models/attributes/b',
        }),
      );
      await store.close();
    });

    it('that the store does not know are refused', async () => {
      const store = await storeIn(bench);
      await assert.rejects(
        store.write('attributes/no-key', Buffer.from('x'), 'absent', { sseKmsKey: 'alias/none' }),
        mlsignError('kms-key-not-found', 'there is no such KMS key', { subject: 's3://models/attributes/no-key' }),
      );
      await assert.rejects(
        store.write('attributes/no-class', Buffer.from('x'), 'absent', { storageClass: 'COLD' }),
        mlsignError('storage-class-unknown', 'the store has no such storage class', { outcome: 'refused' }),
      );
      const plain = await storeIn(bench, {}, 'plain');
      await assert.rejects(
        plain.write('a', Buffer.from('x'), 'absent', { legalHold: true }),
        mlsignError('object-lock-missing', 'the bucket has no Object Lock', { outcome: 'refused' }),
      );
      assert.deepEqual(bench.behind.keys('attributes/no'), []);
      await Promise.all([store.close(), plain.close()]);
    });
  });

  describe('who asks, and whom', () => {
    it('tells a bucket of another region, of nobody and of another account', async () => {
      const elsewhere = await storeIn(bench, {}, 'elsewhere');
      await assert.rejects(
        elsewhere.current('a'),
        mlsignError('aws-region-wrong', 'the bucket is in another region', {
          expected: 'us-west-2',
          suggestions: ['--region us-west-2, or AWS_REGION'],
        }),
      );
      const nobodys = await storeIn(bench, {}, 'nobodys');
      for (const work of [nobodys.current('a'), nobodys.write('a', Buffer.from('x'), 'absent'), nobodys.folders('')]) {
        await assert.rejects(work, mlsignError('bucket-missing', 'there is no such bucket', { outcome: 'unavailable' }));
      }
      await Promise.all([elsewhere.close(), nobodys.close()]);
    });

    it('says with every request whose bucket it must be', async () => {
      const ours = await storeIn(bench, { expectedBucketOwner: '111122223333' });
      const written = await ours.write('owner/a', Buffer.from('x'), 'absent');
      assert.ok(written);
      const [object] = await ours.upload([fileToUpload(sandbox, 'owner/b', Buffer.alloc(8 * 2 ** 20 + 1), 8 * 2 ** 20)], {});
      assert.ok(object);
      await ours.read(written, 10);
      await ours.attest(object);
      await ours.fetch([{ object, algorithm: 'sha256' }], {});
      await ours.restore(object);
      await ours.folders('owner/');
      await ours.abandonedUploads('owner/');
      await ours.remove(written);
      assert.ok(bench.server.seen.length > 10);
      for (const { headers, operation } of bench.server.seen.slice(-12)) {
        assert.equal(headers['x-amz-expected-bucket-owner'], '111122223333', operation);
      }
      await ours.close();

      const theirs = await storeIn(bench, { expectedBucketOwner: '111122223333' }, 'stranger');
      for (const work of [theirs.write('a', Buffer.from('x'), 'absent'), theirs.current('a'), theirs.folders('')]) {
        await assert.rejects(work, mlsignError('object-forbidden', /^absent or forbidden: s3:/, { outcome: 'unavailable' }));
      }
      assert.deepEqual(bench.server.behind('stranger').keys(), []);
      await theirs.close();
    });

    it('does not take forbidden for absent, and names the action', async () => {
      const reader = bench.server.addPrincipal('reader', ['s3:GetObjectVersion models/forbidden/*']);
      const admin = await storeIn(bench);
      const written = await admin.write('forbidden/a', Buffer.from('x'), 'absent');
      assert.ok(written);
      await bench.as(reader, async () => {
        const store = await storeIn(bench);
        assert.equal(Buffer.from(await store.read(written, 10)).toString(), 'x');
        for (const [work, action] of [
          [store.current('forbidden/a'), 's3:GetObject'],
          [store.current('forbidden/none'), 's3:GetObject'],
          [store.read({ ...written, key: 'other' }, 10), 's3:GetObjectVersion'],
          [store.write('forbidden/b', Buffer.from('x'), 'absent'), 's3:PutObject'],
          [store.folders('forbidden/'), 's3:ListBucketVersions'],
          [store.remove(written), 's3:DeleteObjectVersion'],
        ] as const) {
          await assert.rejects(
            work,
            mlsignError('object-forbidden', `absent or forbidden: ${action}`, { outcome: 'unavailable', expected: action }),
          );
        }
        const attestation = await store.attest({ ...written, partSize: 1, parts: ['0'.repeat(64)] });
        assert.deepEqual(attestation, { kind: 'unproven', reason: 'absent or forbidden: s3:GetObjectVersionAttributes' });
        await store.close();
      });
      await admin.close();
    });

    it('shows no credentials that a hostile endpoint repeats', async () => {
      const store = await storeIn(bench);
      const secret = process.env.AWS_SECRET_ACCESS_KEY ?? '';
      bench.server.fail('PutObject', { kind: 'error', status: 400, code: 'InvalidRequest', message: `you sent ${secret}` });
      await assert.rejects(store.write('a', Buffer.from('x'), 'absent'), (error: Error) => {
        assert.ok(secret !== '' && !JSON.stringify({ ...error, message: error.message, stack: error.stack }).includes(secret));
        return mlsignError('aws-error', 'AWS refused s3:PutObject', { got: 'InvalidRequest: you sent …' })(error);
      });
      await store.close();
    });
  });

  describe('writes whose answer is lost', () => {
    for (const kind of ['reset-after', 'stall-after', 'reset-midway'] as const) {
      it(`are found again: ${kind}`, async () => {
        const store = await storeIn(bench, { timeoutMs: 500 });
        const key = `lost/${kind}`;
        bench.server.fail('PutObject', { kind }, { times: 1 });
        const first = await store.write(key, Buffer.from('first'), 'absent');
        assert.ok(first);
        assert.equal(bench.behind.history(key).length, 1);
        bench.server.fail('PutObject', { kind }, { times: 1 });
        const second = await store.write(key, Buffer.from('second'), { tag: first.tag });
        assert.deepEqual(second, await store.current(key));
        assert.equal(bench.behind.history(key).length, 2);
        await store.close();
      });
    }

    it('are not taken for others of the same size', async () => {
      const store = await storeIn(bench);
      const key = 'lost/other';
      // The request is lost, and before the next one somebody else writes.
      bench.server.fail('PutObject', { kind: 'pass', onFault: () => bench.behind.overwrite(key, 'other') }, { times: 1 });
      assert.equal(await store.write(key, Buffer.from('ours!'), 'absent'), undefined);
      assert.equal((await bench.behind.read(key)).toString(), 'other');
      await store.close();
    });
  });
});
