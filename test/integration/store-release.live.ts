import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DeleteObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { MINIO_KMS_KEY } from '../servers/minio.ts';
import { codesOf, ended, useBench } from './bench.ts';
import { Bucket } from './stores.ts';
import { filesBelow, pushed, Team } from './team.ts';

describe('a release on MinIO, over TLS', () => {
  const bench = useBench();
  let team: Team;
  before(async () => {
    team = await Team.gather(bench(), await Bucket.make('minio'));
  });

  /** A model that was pushed, and is in production where asked for. */
  async function released(name: string, options: { readonly big?: boolean; readonly promoted?: boolean } = {}) {
    const model = await team.model({ big: options.big ?? false });
    const push = await team.push(model, name);
    ended(0, push);
    const { modelId, number } = pushed(push);
    if (options.promoted ?? false) ended(0, await team.promote(`${name}@${number}`, '--init'));
    return { model, modelId, number };
  }

  it('is pushed, verified without a download, and pulled as it was, byte for byte', async () => {
    const { model, number } = await released('llm', { big: true });
    assert.equal(number, 1);
    const attested = await team.verify('llm@1', '--attested');
    ended(0, attested);
    const folder = bench().fresh('pulled');
    ended(0, await team.pull('llm@1', folder));
    assert.deepEqual(await filesBelow(folder), await filesBelow(model));
    ended(0, await team.run(['verify', folder, '--trust-key', team.trainer.publicKey]));
    ended(0, await team.verify('llm@1', '--full'));
  });

  it('is an archive, one object that is streamed, attested, pulled as it was, and restored', async () => {
    const archive = `${await team.model({ big: true })}.tar.gz`;
    ended(0, await team.run(['pack', archive.slice(0, -'.tar.gz'.length), archive, '--key', team.trainer.key]));
    const push = await team.push(archive, 'packed');
    ended(0, push);
    const { modelId } = pushed(push);
    const key = `packed/${modelId}/${basename(archive)}`;
    const evidence = async (...args: readonly string[]) => {
      const run = await team.verify('packed@1', ...args);
      ended(0, run);
      const { model, stored, read } = JSON.parse(run.stdout);
      return [model.kind, stored.files[0].evidence, read.files > 0];
    };
    assert.deepEqual(await evidence(), ['archive', 'bytes-hashed', true]);
    assert.deepEqual(await evidence('--attested'), ['archive', 's3-attested', false]);
    await team.bucket.client.send(new PutObjectCommand({ Bucket: team.bucket.name, Key: key, Body: 'junk' }));
    const rejected = await team.verify('packed@1');
    ended(1, rejected);
    assert.deepEqual(codesOf(rejected), ['object-not-pinned']);
    const folder = bench().fresh('pulled');
    ended(0, await team.pull('packed@1', folder));
    const pulled = join(folder, basename(archive));
    assert.deepEqual(await readFile(pulled), await readFile(archive));
    ended(0, await team.run(['verify', pulled, '--trust-key', team.trainer.publicKey]));
    ended(0, await team.run(['restore', team.bucket.url('packed@1'), '--policy', team.policy]));
    assert.deepEqual(await evidence('--full'), ['archive', 'bytes-hashed', true]);
  });

  it('is attested by MinIO only where somebody says that it is to be believed', async () => {
    await released('believed');
    const evidence = async (...args: readonly string[]): Promise<string> => {
      const run = await team.verify('believed@1', ...args);
      ended(0, run);
      return run.stdout;
    };
    assert.doesNotMatch(await evidence(), /s3-attested/);
    assert.match(await evidence('--attested'), /s3-attested/);
    assert.doesNotMatch(await evidence('--attested'), /bytes-hashed/);
    const trusting = await Team.gather(bench(), team.bucket, { 'attested-endpoints': [team.bucket.variables().AWS_ENDPOINT_URL_S3] });
    const model = await trusting.model();
    ended(0, await trusting.push(model, 'trusted'));
    const run = await trusting.verify('trusted@1');
    ended(0, run);
    assert.match(run.stdout, /s3-attested/);
  });

  it('is the newest already when it is pushed again, and no byte is sent', async () => {
    const { model } = await released('again', { big: true });
    const second = await team.push(model, 'again');
    ended(0, second);
    const { outcome, release, sent } = JSON.parse(second.stdout);
    assert.deepEqual({ outcome, number: release.number, sent }, { outcome: 'unchanged', number: 1, sent: { files: 0, bytes: 0 } });
  });

  it('is found by its channel, and an overwritten file is told of, restored, and accepted again', async () => {
    const { model, modelId } = await released('prod', { promoted: true });
    ended(0, await team.verify('prod@production'));
    const key = `prod/${modelId}/config.json`;
    await team.bucket.client.send(new PutObjectCommand({ Bucket: team.bucket.name, Key: key, Body: 'junk' }));
    const rejected = await team.verify('prod@production');
    ended(1, rejected);
    assert.deepEqual(codesOf(rejected), ['object-not-pinned']);
    assert.match(rejected.output, /mlsign restore/);
    // Pinned versions are read, whatever lies above them.
    const folder = bench().fresh('pulled');
    ended(0, await team.pull('prod@production', folder));
    assert.deepEqual(await filesBelow(folder), await filesBelow(model));

    ended(0, await team.run(['restore', team.bucket.url('prod@production'), '--policy', team.policy]));
    ended(0, await team.verify('prod@production'));
    const seen = await team.bucket.readAll(`prod/${modelId}/`);
    assert.deepEqual(seen.get('config.json'), await readFile(join(model, 'config.json')));
  });

  it('whose files are deleted comes back', async () => {
    const { model, modelId } = await released('deleted', { big: true, promoted: true });
    for (const file of ['config.json', 'empty.txt', 'model.safetensors']) {
      await team.bucket.client.send(new DeleteObjectCommand({ Bucket: team.bucket.name, Key: `deleted/${modelId}/${file}` }));
    }
    const rejected = await team.verify('deleted@production');
    ended(1, rejected);
    assert.match(rejected.output, /mlsign restore/);
    ended(0, await team.run(['restore', team.bucket.url('deleted@production'), '--policy', team.policy]));
    ended(0, await team.verify('deleted@production', '--full'));
    const { 'model.sig': _, ...own } = Object.fromEntries(await filesBelow(model));
    assert.deepEqual(Object.fromEntries(await team.bucket.readAll(`deleted/${modelId}/`)), own);
  });

  it('that was superseded is rolled back to in one command, also when the pointer was deleted', async () => {
    await released('turned', { promoted: true });
    ended(0, await team.push(await team.model(), 'turned'));
    ended(0, await team.promote('turned@2'));
    const back = await team.rollback('turned', '--reason', 'answers in Latin');
    ended(0, back);
    const number = async (): Promise<number> => {
      const run = await team.verify('turned@production');
      ended(0, run);
      return JSON.parse(run.stdout).stored.release.number;
    };
    assert.equal(await number(), 1);
    await team.bucket.client.send(new DeleteObjectCommand({ Bucket: team.bucket.name, Key: 'turned/.mlsign/channels/production.json' }));
    ended(1, await team.verify('turned@production'));
    ended(0, await team.rollback('turned', '--to', '2', '--reason', 'the pointer was deleted'));
    assert.equal(await number(), 2);
    const history = await team.run(['history', team.bucket.url('turned@production'), '--policy', team.policy]);
    ended(0, history);
    assert.match(history.stdout, /answers in Latin/);
  });

  it('is rejected where an older signed pointer is put back', async () => {
    await released('replayed', { promoted: true });
    const key = 'replayed/.mlsign/channels/production.json';
    const first = (await team.bucket.readAll(key)).get('');
    assert.ok(first);
    ended(0, await team.push(await team.model(), 'replayed'));
    ended(0, await team.promote('replayed@2'));
    await team.bucket.client.send(new PutObjectCommand({ Bucket: team.bucket.name, Key: key, Body: first }));
    // With what this client remembers, and without: the pointer's own history tells.
    for (const state of [[], ['--state', bench().fresh('no-state.json')]]) {
      const rejected = await team.verify('replayed@production', ...state);
      ended(1, rejected);
      assert.deepEqual(codesOf(rejected), ['channel-rolled-back']);
      assert.match(rejected.output, /mlsign rollback/);
    }
    ended(1, await team.pull('replayed@production', bench().fresh('pulled')));
  });

  it('has files that nobody signed beside it: rejected, still pulled as signed, and hidden where asked to', async () => {
    const { modelId } = await released('littered');
    await team.bucket.client.send(new PutObjectCommand({ Bucket: team.bucket.name, Key: `littered/${modelId}/evil.py`, Body: 'x' }));
    const rejected = await team.verify('littered@1');
    ended(1, rejected);
    assert.deepEqual(codesOf(rejected), ['object-extra']);
    ended(0, await team.pull('littered@1', bench().fresh('pulled')));
    ended(0, await team.run(['restore', team.bucket.url('littered@1'), '--policy', team.policy, '--prune']));
    ended(0, await team.verify('littered@1'));
  });

  it('is encrypted with the KMS key that was asked for, in one part and in several', async () => {
    const model = await team.model({ big: true });
    const push = await team.push(model, 'secret', '--sse-kms', MINIO_KMS_KEY);
    ended(0, push);
    const { modelId } = pushed(push);
    for (const file of ['config.json', 'model.safetensors']) {
      const head = await team.bucket.client.send(new HeadObjectCommand({ Bucket: team.bucket.name, Key: `secret/${modelId}/${file}` }));
      assert.equal(head.ServerSideEncryption, 'aws:kms');
      assert.ok(head.SSEKMSKeyId?.endsWith(MINIO_KMS_KEY), head.SSEKMSKeyId);
    }
    // MinIO tells the sizes of encrypted parts, which are others: those it cannot attest.
    const attested = await team.verify('secret@1', '--attested');
    ended(3, attested);
    assert.deepEqual(
      JSON.parse(attested.stdout).findings.map(({ subject }: { subject: string }) => subject),
      ['model.safetensors'],
    );
    ended(0, await team.verify('secret@1'));
    ended(0, await team.pull('secret@1', bench().fresh('pulled')));
    const unknown = await team.push(await team.model(), 'secret-2', '--sse-kms', 'no-such-key');
    ended(3, unknown);
  });

  it('never goes into a bucket that keeps no versions', async () => {
    const plain = await Team.gather(bench(), await Bucket.make('minio', { versioned: false }));
    const run = await plain.push(await plain.model(), 'llm');
    ended(1, run);
    assert.match(run.output, /put-bucket-versioning/);
    assert.equal((await plain.bucket.readAll('')).size, 0);
  });

  it('is not reached where the certificate of the server is not trusted', async () => {
    await released('tls');
    const run = await team.run(['verify', team.bucket.url('tls@1'), '--policy', team.policy, '--json'], { NODE_EXTRA_CA_CERTS: '' });
    ended(3, run);
    assert.match(run.output, /NODE_EXTRA_CA_CERTS/);
  });
});
