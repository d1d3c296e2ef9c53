import assert from 'node:assert/strict';
import { layoutOf } from '../../src/store/index.ts';
import { S3Bench } from '../helpers/s3.ts';
import { assertValid } from '../helpers/schemas.ts';
import { RELEASER, StoredModels, signingAs, TRUST } from '../helpers/stored-models.ts';

describe('channels and releases in a bucket', () => {
  let bench: S3Bench;
  let models: StoredModels;
  let ids: string[];
  const asReleaser = [...TRUST, ...signingAs(RELEASER)];
  const channel = ['--channel', 'production'];

  beforeEach(async () => {
    bench = await S3Bench.start({ objectLock: true });
    models = new StoredModels(bench);
    ids = [];
    for (let i = 0; i < 2; i++) ids.push((await models.push()).modelId);
    await models.promote(1);
    await models.promote(2);
  });
  afterEach(async () => {
    models.remove();
    await bench.stop();
  });

  const layout = () => layoutOf(models.location());
  const prefixOf = (id: string | undefined) => `s3://models/team/llama/${id}/`;

  it('are promoted, told of, rolled back and located', async () => {
    const promoted = await models.run('promote', `${models.url()}@1`, ...channel, '--expires', '30d', '--reason', 'why not', ...asReleaser);
    assert.equal(promoted.code, 0, promoted.stderr);
    const history = JSON.parse((await models.run('history', `${models.url()}@production`, ...TRUST, '--json')).stdout);
    assertValid('history', history);
    assert.deepEqual(
      history.versions.map(({ state, pointer }: { state: string; pointer: { release: { number: number } } }) => [
        state,
        pointer.release.number,
      ]),
      [
        ['verified', 1],
        ['verified', 2],
        ['verified', 1],
      ],
    );
    const back = await models.run('rollback', models.url(), ...channel, '--reason', 'that is why', ...asReleaser, '--json');
    assert.equal(back.code, 0, back.stderr);
    assert.equal(JSON.parse(back.stdout).prefix, prefixOf(ids[1]));
    const located = await models.run('locate', `${models.url()}@production`, ...TRUST);
    assert.equal(located.stdout, `${prefixOf(ids[1])}\n`, located.stderr);
  });

  it('are rolled back when pointer, record and files have delete markers, and found again', async () => {
    models.delete(models.pointerKey());
    models.delete(layout().release(1));
    models.delete(layout().file(ids[0] ?? '', 'weights.bin'));
    const located = await models.run('locate', `${models.url()}@production`, ...TRUST);
    assert.deepEqual([located.code, located.stdout], [1, '']);
    assert.match(located.stderr, /the pointer of this channel was deleted/);
    const back = await models.run('rollback', models.url(), ...channel, '--reason', 'deleted', ...asReleaser, '--json');
    assert.equal(back.code, 0, back.stderr);
    const { pointer, not_current, restore } = JSON.parse(back.stdout);
    assert.deepEqual([pointer.sequence, pointer.release.number], [3, 1]);
    assert.deepEqual([not_current, restore], [['weights.bin'], `mlsign restore ${models.url()}@1`]);
  });

  it('are listed, whatever lies there', async () => {
    bench.behind.overwrite('team/llama/.mlsign/releases/9.json', 'junk');
    bench.behind.overwrite('team/deep/er/file', 'no model');
    const run = await models.run('ls', 's3://models/team', '--json');
    assert.equal(run.code, 0, run.stderr);
    const listing = JSON.parse(run.stdout);
    assertValid('ls', listing);
    assert.deepEqual(
      [listing.models.length, listing.models[0].releases, listing.models[0].newest.state, listing.folders],
      [1, 3, 'unreadable', ['deep']],
    );
    const bucket = JSON.parse((await models.run('ls', 's3://models', '--json')).stdout);
    assert.deepEqual([bucket.models, bucket.folders], [[], ['team']]);
    const releases = JSON.parse((await models.run('releases', models.url(), ...TRUST, '--json')).stdout);
    assert.deepEqual(
      releases.releases.map(({ number, state, channels }: { number: number; state: string; channels: string[] }) => [
        number,
        state,
        channels,
      ]),
      [
        [9, 'rejected', []],
        [2, 'verified', ['production']],
        [1, 'verified', []],
      ],
    );
  });

  it('tell a promoter that somebody else was faster', async () => {
    const runs = await Promise.all(
      [1, 2, 1, 2].map((number) => models.run('promote', `${models.url()}@${number}`, ...channel, '--expires', '1d', ...asReleaser)),
    );
    const won = runs.filter(({ code }) => code === 0).length;
    assert.equal(bench.behind.history(models.pointerKey()).length, 2 + won);
    for (const run of runs.filter(({ code }) => code !== 0)) assert.match(run.stderr, /\[channel-moved\]/);
    const history = await models.run('history', `${models.url()}@production`, ...TRUST);
    assert.equal(history.code, 0, history.stdout);
  });

  it('need s3:PutObject to be moved, and s3:ListBucketVersions to be moved safely', async () => {
    const reader = bench.server.addPrincipal('reader', ['s3:GetObject', 's3:GetObjectVersion', 's3:ListBucket', 's3:ListBucketVersions']);
    const run = await models.runAs(reader, 'promote', `${models.url()}@1`, ...channel, '--expires', '1d', ...asReleaser);
    assert.equal(run.code, 3, run.stderr);
    assert.match(run.stderr, /absent or forbidden: s3:PutObject/);
    const blind = bench.server.addPrincipal('blind', ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject']);
    const second = await models.runAs(blind, 'promote', `${models.url()}@1`, ...channel, '--expires', '1d', ...asReleaser);
    assert.equal(second.code, 3, second.stderr);
    assert.match(second.stderr, /s3:ListBucketVersions/);
    const forgetful = bench.server.addPrincipal('forgetful', ['s3:GetObject', 's3:PutObject', 's3:ListBucket', 's3:ListBucketVersions']);
    const third = await models.runAs(forgetful, 'promote', `${models.url()}@1`, ...channel, '--expires', '1d', ...asReleaser);
    assert.equal(third.code, 3, third.stderr);
    assert.match(third.stderr, /what the channel pointed to before cannot be told: .*s3:GetObjectVersion.*\[channel-history-unread\]/s);
    assert.equal(bench.behind.history(models.pointerKey()).length, 2);
  });

  describe('mlsign gc', () => {
    const lost = 'e'.repeat(64);

    async function gc(...flags: readonly string[]) {
      const run = await models.run('gc', models.url(), '--min-age', '0s', '--json', ...flags);
      const document = JSON.parse(run.stdout);
      assertValid('gc', document);
      return { code: run.code, ...document };
    }

    it('deletes old versions, delete markers, extra files, and what was never released', async () => {
      const weights = layout().file(ids[0] ?? '', 'weights.bin');
      models.overwrite(weights, 'written over');
      models.delete(weights);
      models.overwrite(weights, 'and again');
      models.overwrite(layout().file(ids[0] ?? '', 'extra.bin'), 'extra');
      models.delete(layout().file(ids[0] ?? '', 'extra.bin'));
      models.overwrite(layout().file(lost, 'a.bin'), 'lost');
      const { code, deleted, items } = await gc('--yes');
      assert.deepEqual([code, deleted], [0, 5], JSON.stringify(items));
      assert.deepEqual(
        bench.behind.history(weights).map(({ content }) => content?.bytes.size),
        ['and again'.length, 'weights 1'.length],
      );
      assert.deepEqual(bench.behind.history(layout().file(ids[0] ?? '', 'extra.bin')), []);
      assert.deepEqual((await gc()).items, []);
    });

    it('ends uploads that nobody ended', async () => {
      const { CreateMultipartUploadCommand, ListMultipartUploadsCommand, S3Client } = await import('@aws-sdk/client-s3');
      const client = new S3Client({ region: bench.server.region, endpoint: bench.server.endpoint });
      try {
        const key = layout().file(ids[0] ?? '', 'weights.bin');
        await client.send(new CreateMultipartUploadCommand({ Bucket: 'models', Key: key, ChecksumAlgorithm: 'SHA256' }));
        const { items } = await gc();
        assert.deepEqual([items.length, items[0].kind, items[0].key], [1, 'upload', key]);
        assert.deepEqual([(await gc('--kind', 'version', '--yes')).deleted, (await gc('--kind', 'upload', '--yes')).deleted], [0, 1]);
        assert.equal((await client.send(new ListMultipartUploadsCommand({ Bucket: 'models' }))).Uploads, undefined);
      } finally {
        client.destroy();
      }
    });

    it('tells what a lock retains, which is no error', async () => {
      const key = layout().file(lost, 'a.bin');
      const until = new Date(Date.now() + 86_400_000);
      const store = await models.open();
      await store.write(key, Buffer.from('locked'), 'absent', { retention: { mode: 'COMPLIANCE', until } });
      await store.close();
      const { code, deleted, kept } = await gc('--yes');
      assert.deepEqual([code, deleted, kept.length, kept[0].item.key], [0, 0, 1, key]);
      assert.match(kept[0].reason, /under a retention or a legal hold/);
      assert.equal(bench.behind.history(key).length, 1);
    });

    it('needs s3:DeleteObjectVersion, and says so', async () => {
      models.overwrite(layout().file(lost, 'a.bin'), 'lost');
      const reader = bench.server.addPrincipal('lister', [
        ...['s3:GetObject', 's3:GetObjectVersion', 's3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads'],
      ]);
      const run = await models.runAs(reader, 'gc', models.url(), '--min-age', '0s', '--yes');
      assert.equal(run.code, 3, run.stdout);
      assert.match(run.stdout, /s3:DeleteObjectVersion/);
      assert.equal(bench.behind.history(layout().file(lost, 'a.bin')).length, 1);
    });
  });
});
