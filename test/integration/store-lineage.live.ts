import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { writeGguf, writeSafetensors } from '../helpers/model-files.ts';
import { assertValid } from '../helpers/schemas.ts';
import { writeModel } from '../interop/models.ts';
import { codesOf, ended, useBench } from './bench.ts';
import type { Ended } from './clients.ts';
import { Bucket } from './stores.ts';
import { pushed, Team } from './team.ts';

const BUILDER = 'https://ci.example/train';
const LIST = 'team/.mlsign/revocations.json';
const weights = (name: string): Uint8Array => writeSafetensors([{ name, shape: [4, 4] }]);

/** Two datasets, and the models that were made from them, each after those that it was made from. */
const MODELS: Readonly<Record<string, { readonly by: 'lab' | 'data' | 'trainer'; readonly files: Readonly<Record<string, Uint8Array>> }>> =
  {
    corpus: { by: 'data', files: { 'train.jsonl': Buffer.from('{"text":"corpus"}\n') } },
    chats: { by: 'data', files: { 'chats.jsonl': Buffer.from('{"text":"chat"}\n') } },
    base: { by: 'lab', files: { 'config.json': Buffer.from('{"model_type":"llama"}'), 'model.safetensors': weights('base') } },
    lora: {
      by: 'trainer',
      files: {
        'adapter_config.json': Buffer.from('{"peft_type":"LORA","base_model_name_or_path":"team/base"}'),
        'adapter_model.safetensors': weights('lora_A.weight'),
      },
    },
    merged: { by: 'trainer', files: { 'config.json': Buffer.from('{"model_type":"llama"}'), 'model.safetensors': weights('merged') } },
    quantised: {
      by: 'trainer',
      files: {
        'model.gguf': writeGguf({ 'general.architecture': { type: 'string', value: 'llama' } }, [{ name: 'a.weight', dimensions: [4] }]),
      },
    },
  };
const DESCENDANTS = ['lora', 'merged', 'quantised'];

describe('a lineage on MinIO, over TLS', () => {
  const bench = useBench();
  const keys: Record<string, { readonly key: string; readonly publicKey: string }> = {};
  const ids: Record<string, string> = {};
  let team: Team;
  let policy: string;

  const keyOf = (name: string): readonly string[] => ['--key', keys[name]?.key ?? ''];
  const place = (name: string): string => team.bucket.url(`team/${name}`);
  const release = (name: string): string => `${place(name)}@1`;
  const trusting = (...args: readonly string[]): Promise<Ended> => team.run([...args, '--policy', policy]);
  /** Without what this client remembers of lists. */
  const forgetful = (): readonly string[] => ['--state', bench().fresh('state.json')];

  async function done(run: Promise<Ended>): Promise<Ended> {
    const result = await run;
    ended(0, result);
    return result;
  }

  before(async function () {
    this.timeout(300_000);
    team = await Team.gather(bench(), await Bucket.make('minio'));
    Object.assign(keys, { trainer: team.trainer, releaser: team.releaser });
    for (const name of ['lab', 'data', 'security']) keys[name] = await bench().keyPair('ec-p256');
    const released = { 'released-by': 'releaser', channels: { production: { 'signed-by': 'releaser' } } };
    policy = await bench().json('policy.yaml', {
      version: 1,
      principals: Object.fromEntries(Object.entries(keys).map(([name, { publicKey }]) => [name, { key: publicKey }])),
      revocations: { 'signed-by': 'security', store: team.bucket.url('team') },
      rules: [
        {
          model: '**',
          'signed-by': 'trainer',
          ...released,
          lineage: {
            model: { builders: [BUILDER] },
            'base-model': { 'signed-by': '1 of [lab, trainer]', from: [`${team.bucket.url('team')}/**`], minimum: 1 },
            adapter: { 'signed-by': 'trainer' },
            dataset: { 'signed-by': 'data' },
          },
        },
        { model: '**/base', 'signed-by': 'lab', ...released },
        ...['corpus', 'chats'].map((name) => ({ model: `**/${name}`, 'signed-by': 'data', ...released })),
      ],
    });
    await done(trusting('revoke', '--init', '--expires', '30d', ...keyOf('security')));
    const folder = bench().fresh('models');
    const origins: Readonly<Record<string, readonly string[]>> = {
      base: ['--dataset', release('corpus')],
      lora: ['--base', release('base'), '--relation', 'adapter', '--dataset', release('chats')],
      merged: ['--base', release('base'), '--base', release('lora'), '--relation', 'merge'],
      quantised: ['--base', release('merged'), '--relation', 'quantized'],
    };
    for (const [name, { by, files }] of Object.entries(MODELS)) {
      const path = join(folder, name, name);
      await writeModel(path, new Map(Object.entries(files)));
      await done(team.run(['sign', path, ...keyOf(by)]));
      const origin = origins[name];
      if (origin !== undefined) await done(team.run(['attest', path, ...origin, '--builder', BUILDER, ...keyOf(by)]));
      ids[name] = pushed(await done(trusting('push', path, place(name), ...keyOf('releaser'), '--json'))).modelId;
    }
    const promoted = ['--channel', 'production', '--init', '--expires', '30d'];
    await done(trusting('promote', release('quantised'), ...promoted, ...keyOf('releaser')));
  });

  /** What of it is rejected or left open, and why: the message of what is revoked, without digests. */
  async function judged(name: string, ...args: readonly string[]): Promise<readonly [number | null, readonly string[], string?]> {
    const run = await trusting('verify', release(name), ...args, '--json');
    assert.ok(run.stdout !== '', run.output);
    assertValid('verification', JSON.parse(run.stdout));
    const { findings } = JSON.parse(run.stdout) as { findings: readonly { readonly code: string; readonly message: string }[] };
    const revoked = findings.find(({ code }) => code.startsWith('revoked-'));
    const codes = codesOf(run);
    if (revoked === undefined) return [run.code, codes];
    return [run.code, codes, revoked.message.replaceAll(/ \([0-9a-f]{6,}…\)/g, '')];
  }

  it('is shown to the roots, each verified, with nothing near but the store', async () => {
    const { stdout } = await done(trusting('lineage', `${place('quantised')}@production`, '--format', 'json'));
    const document = JSON.parse(stdout);
    assertValid('lineage', document);
    assert.equal(document.verdict, 'verified');
    const nodes = document.nodes as readonly { readonly model_id: string; readonly depth: number; readonly verdict: string }[];
    const named = nodes.map(({ model_id: id, depth, verdict }) => [Object.keys(ids).find((name) => ids[name] === id), depth, verdict]);
    assert.deepEqual(named, [
      ['quantised', 0, 'verified'],
      ['merged', 1, 'verified'],
      ['base', 2, 'verified'],
      ['lora', 2, 'verified'],
      ['corpus', 3, 'verified'],
      ['chats', 3, 'verified'],
    ]);
    const tree = (await done(trusting('lineage', release('quantised')))).stdout;
    assert.match(tree, /^verified {2}/);
    assert.match(
      tree,
      /\n└─ base-model \(quantized\) {2}merged .*\n {3}├─ base-model \(merge\) {2}base .*\n {3}│ {2}└─ dataset {2}corpus /,
    );
    assert.match(tree, /\n {3}└─ adapter {2}lora .*\n {6}├─ base-model \(adapter\) {2}base .*\n {6}└─ dataset {2}chats /);
    const untrusting = (await done(team.run(['lineage', release('quantised')]))).stdout;
    assert.match(untrusting, /nothing was verified/);
  });

  it('is shown the other way', async () => {
    const descendants = ['--descendants', team.bucket.url('team'), '--format', 'json'];
    const document = JSON.parse((await done(team.run(['lineage', release('base'), ...descendants]))).stdout);
    assertValid('lineage', document);
    assert.deepEqual(
      document.nodes.map(({ name, depth }: { name: string; depth: number }) => `${depth} ${name}`),
      ['0 base', '1 lora', '1 merged', '2 quantised'],
    );
  });

  it('tells of each release and channel that descends from a dataset, proven', async () => {
    const document = JSON.parse((await done(trusting('affected', release('chats'), team.bucket.url('team'), '--json'))).stdout);
    assertValid('affected', document);
    assert.ok(document.complete);
    const { models } = document as {
      models: readonly {
        readonly name: string;
        readonly releases: readonly { readonly proven: boolean; readonly way: readonly string[] }[];
        readonly channels: readonly { readonly channel: string; readonly release: number }[];
      }[];
    };
    assert.deepEqual(
      models.map(({ name, releases }) => [name, releases.map(({ proven }) => proven)]),
      ['chats', ...DESCENDANTS].map((name) => [name, [true]]),
    );
    const quantised = models.at(-1);
    assert.deepEqual(quantised?.channels, [{ channel: 'production', release: 1 }]);
    const [only] = quantised.releases;
    assert.deepEqual(
      only?.way.map((step) => step.replace(/ \(.*/, '')),
      ['chats', ...DESCENDANTS],
    );
  });

  it('is verified under a policy, and asks the list of the store', async () => {
    for (const name of Object.keys(MODELS)) assert.deepEqual(await judged(name), [0, []], name);
    const { stdout } = await done(trusting('verify', `${place('quantised')}@production`, '--json'));
    const { revocations, lineage } = JSON.parse(stdout);
    assert.deepEqual([revocations[0].name, revocations[0].sequence, revocations[0].entries], ['team', 1, 0]);
    assert.equal(lineage.nodes.length, Object.keys(MODELS).length);
  });

  describe('whose base is revoked', () => {
    const whatIsRevoked: Readonly<Record<string, readonly [number, readonly string[], string]>> = {
      base: [1, ['revoked-model'], 'this model is revoked: backdoor'],
      lora: [1, ['revoked-ancestor'], 'this model was made from what is revoked: lora ← base: backdoor'],
      merged: [1, ['revoked-ancestor'], 'this model was made from what is revoked: merged ← base: backdoor'],
      quantised: [1, ['revoked-ancestor'], 'this model was made from what is revoked: quantised ← merged ← base: backdoor'],
    };

    before(async () => {
      const revoked = await trusting('revoke', release('base'), '--reason', 'backdoor', ...keyOf('security'), '--json');
      ended(0, revoked);
      assertValid('revoke', JSON.parse(revoked.stdout));
    });

    it('is rejected from there on, with the path that leads to it, and its datasets are not', async () => {
      for (const [name, verdict] of Object.entries(whatIsRevoked)) {
        assert.deepEqual(await judged(name), verdict, name);
        assert.deepEqual(await judged(name, ...forgetful()), verdict, name);
      }
      for (const name of ['corpus', 'chats']) assert.deepEqual(await judged(name), [0, []], name);
    });

    it('is not pulled, nor put into a channel', async () => {
      const folder = bench().fresh('pulled');
      const pull = await trusting('pull', `${place('quantised')}@production`, folder);
      ended(1, pull);
      assert.match(pull.output, /quantised .*← merged .*← base .*: backdoor .*\[revoked-ancestor\]/);
      const promote = ['--channel', 'production', '--init', '--expires', '30d', ...keyOf('releaser')];
      const promoted = await trusting('promote', release('lora'), ...promote);
      ended(1, promoted);
      assert.match(promoted.output, /revoked-ancestor/);
    });

    it('is left open where a delete marker hides the list, and what was revoked stays rejected', async () => {
      const at = { Bucket: team.bucket.name, Key: LIST };
      const { VersionId } = await team.bucket.client.send(new DeleteObjectCommand(at));
      assert.ok(VersionId);
      for (const state of [[], forgetful()]) {
        for (const name of ['corpus', 'chats']) assert.deepEqual(await judged(name, ...state), [3, ['revocations-missing']], name);
        for (const [name, [code, codes, message]] of Object.entries(whatIsRevoked)) {
          assert.deepEqual(await judged(name, ...state), [code, ['revocations-missing', ...codes], message], name);
        }
      }
      await team.bucket.client.send(new DeleteObjectCommand({ ...at, VersionId }));
      assert.deepEqual(await judged('corpus'), [0, []]);
    });
  });
});
