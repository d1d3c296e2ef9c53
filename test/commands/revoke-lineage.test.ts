import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { writeGguf } from '../helpers/model-files.ts';
import { NOW } from '../helpers/releases.ts';
import { aList, anEntry, signedList } from '../helpers/revocations.ts';
import { keyPath, RELEASER, StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

interface Finding {
  readonly code: string;
  readonly message: string;
}

describe('what is revoked, over the lineage', () => {
  let models: StoredModels;
  let list: readonly string[];
  const asRevoker = signingAs('ec-p384');
  const trusting = ['--trust-key', keyPath(`${TRAINER}.pub`)];
  const path = (name: string): string => models.sandbox.path('disk', name);

  beforeEach(async () => {
    models = new StoredModels();
    list = ['--revocations', models.sandbox.path('team.json'), '--trust-revoker', keyPath('ec-p384.pub')];
    models.sandbox.write('disk/base', { 'weights.safetensors': 'base', 'config.json': '{}' });
    models.sandbox.write('disk/corpus', { 'train.jsonl': '{"text":"a"}' });
    models.sandbox.write('disk/chats', { 'chats.jsonl': '{"text":"b"}' });
    models.sandbox.write('disk/lora', { 'adapter_model.safetensors': 'lora' });
    models.sandbox.write('disk/merged', { 'weights.safetensors': 'merged' });
    mkdirSync(path('quantised'));
    writeFileSync(path('quantised/model.gguf'), writeGguf({}, []));
    for (const name of ['base', 'corpus', 'chats', 'lora', 'merged', 'quantised']) await run('sign', path(name), ...signingAs(TRAINER));
    await attest('base', '--dataset', path('corpus'));
    await attest('lora', '--base', path('base'), '--relation', 'adapter', '--dataset', path('chats'));
    await attest('merged', '--base', path('base'), '--base', path('lora'), '--relation', 'merge');
    await attest('quantised', '--base', path('merged'), '--relation', 'quantized');
    await run('revoke', '--init', ...list, ...asRevoker);
  });
  afterEach(() => models.remove());

  async function run(...args: readonly string[]) {
    const result = await models.run(...args);
    assert.equal(result.code, 0, result.stderr);
    return result;
  }

  const attest = (name: string, ...flags: readonly string[]) =>
    run('attest', path(name), ...flags, '--builder', 'https://ci.example/train', ...signingAs(TRAINER));

  /** Who of all is rejected for an ancestor, and by which way. */
  async function rejected(): Promise<Readonly<Record<string, string>>> {
    const found: Record<string, string> = {};
    for (const name of ['base', 'lora', 'merged', 'quantised', 'chats']) {
      const { code, stdout, stderr } = await models.run('verify', path(name), ...trusting, ...list, '--json');
      assert.ok(stdout !== '', stderr);
      const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] };
      const finding = findings.find(({ code }) => code.startsWith('revoked-'));
      assert.equal(code, finding === undefined ? 0 : 1, `${name}: ${stderr}`);
      if (finding !== undefined) found[name] = `${finding.code}: ${finding.message.replaceAll(/ \([0-9a-f]{6,}…\)/g, '')}`;
    }
    return found;
  }

  it('rejects every descendant of a revoked base, with the way that leads to it', async () => {
    assert.deepEqual(await rejected(), {});
    await run('revoke', path('base'), '--reason', 'backdoor', ...list, ...asRevoker);
    assert.deepEqual(await rejected(), {
      base: 'revoked-model: this model is revoked: backdoor',
      lora: 'revoked-ancestor: this model was made from what is revoked: lora ← base: backdoor',
      merged: 'revoked-ancestor: this model was made from what is revoked: merged ← base: backdoor',
      quantised: 'revoked-ancestor: this model was made from what is revoked: quantised ← merged ← base: backdoor',
    });
  });

  it('rejects every descendant of a revoked dataset, and nothing else', async () => {
    await run('revoke', path('chats'), '--reason', 'poisoned', ...list, ...asRevoker);
    const found = await rejected();
    assert.deepEqual(Object.keys(found), ['lora', 'merged', 'quantised', 'chats']);
    assert.match(found.quantised ?? '', /quantised ← merged ← lora ← chats: poisoned$/);
  });

  it('rejects a release in a store, whose attestations came with it', async () => {
    const url = models.url('quantised');
    for (const name of ['base', 'merged', 'quantised']) {
      await run('push', path(name), models.url(name), ...TRUST, ...signingAs(RELEASER));
    }
    const check = () => models.run('verify', `${url}@1`, ...TRUST, ...list, '--json');
    assert.equal((await check()).code, 0);
    await run('revoke', models.url('base').concat('@1'), '--reason', 'backdoor', ...list, ...asRevoker);
    const { code, stdout } = await check();
    const [finding] = (JSON.parse(stdout) as { findings: readonly Finding[] }).findings.filter((each) => each.code.startsWith('revoked-'));
    assert.deepEqual([code, finding?.code], [1, 'revoked-ancestor']);
    assert.match(finding?.message ?? '', /quantised.* ← merged.* ← base.*: backdoor$/);
  });

  it('rejects what was made from a model with a revoked file, whoever signed that', async () => {
    const stranger = path('foreign');
    models.sandbox.write('disk/foreign', { 'weights.safetensors': 'foreign', 'setup.py': 'import os' });
    await run('sign', stranger, ...signingAs('ec-p521'));
    models.sandbox.write('disk/child', { 'weights.safetensors': 'child' });
    await run('sign', path('child'), ...signingAs(TRAINER));
    await attest('child', '--base', stranger, '--relation', 'finetune');
    const check = () => models.run('verify', path('child'), ...trusting, ...list, '--json');
    assert.equal((await check()).code, 0);
    const { resources } = JSON.parse((await run('hash', stranger, '--json')).stdout);
    const { digest } = resources.find(({ name }: { name: string }) => name === 'setup.py');
    await run('revoke', `sha256:${digest}`, '--reason', 'malware', ...list, ...asRevoker);
    const { code, stdout } = await check();
    const [finding] = (JSON.parse(stdout) as { findings: readonly Finding[] }).findings.filter((each) => each.code.startsWith('revoked-'));
    assert.deepEqual([code, finding?.code], [1, 'revoked-ancestor']);
    assert.match(finding?.message ?? '', /child.* ← foreign.* ← setup\.py: malware$/);
  });

  it('says in the evidence where nobody says what a model was made from', async () => {
    await run('revoke', path('base'), '--reason', 'backdoor', ...list, ...asRevoker);
    rmSync(path('lora.mlsign'), { recursive: true });
    const { code, stdout } = await models.run('verify', path('lora'), ...trusting, ...list, '--json');
    const { checks } = JSON.parse(stdout) as { checks: readonly { name: string; status: string; detail: string }[] };
    const lineage = checks.find(({ name }) => name === 'lineage');
    assert.deepEqual([code, lineage?.status], [0, 'skipped']);
    assert.match(lineage?.detail ?? '', /^no believed provenance is there: whether it was made from what is revoked could not be judged/);
  });

  it('rejects descendants also by a list that has expired', async () => {
    const file = models.sandbox.path('team.json');
    const id = JSON.parse((await run('hash', path('base'), '--json')).stdout).model_id;
    const entries = [anEntry({ value: `sha256:${id}`, reason: 'backdoor' })];
    writeFileSync(file, await signedList(aList(9, { entries, issued: NOW, expires: new Date(NOW.getTime() + 1000) })));
    const { code, stdout } = await models.run('verify', path('quantised'), ...trusting, ...list, '--json');
    const codes = (JSON.parse(stdout) as { findings: readonly Finding[] }).findings.map((finding) => finding.code);
    assert.deepEqual([code, codes], [1, ['revocations-expired', 'revoked-ancestor']]);
  });

  it('rejects descendants on disk by the list of a store, also where somebody hid that', async () => {
    const inStore = ['--revocations', `file:${models.root}`, '--trust-revoker', keyPath('ec-p384.pub')];
    await run('push', path('base'), models.url('base'), ...TRUST, ...signingAs(RELEASER));
    await run('revoke', '--init', ...inStore, ...asRevoker);
    await run('revoke', path('base'), '--reason', 'backdoor', ...inStore, ...asRevoker);
    const check = async () => {
      const { code, stdout } = await models.run('verify', path('quantised'), ...trusting, ...inStore, '--json');
      return [code, (JSON.parse(stdout) as { findings: readonly Finding[] }).findings.map((finding) => finding.code)];
    };
    assert.deepEqual(await check(), [1, ['revoked-ancestor']]);
    rmSync(models.sandbox.path('store', '.mlsign', 'revocations.json'));
    assert.deepEqual(await check(), [1, ['revocations-missing', 'revoked-ancestor']]);
  });

  it('lets nobody sign where it lies what was made from it', async () => {
    for (const name of ['base', 'merged', 'quantised']) await run('push', path(name), models.url(name), ...TRUST, ...signingAs(RELEASER));
    await run('revoke', path('base'), '--reason', 'backdoor', ...list, ...asRevoker);
    const signed = await models.run('sign', `${models.url('quantised')}@1`, ...signingAs('ed25519'), ...TRUST, ...list, '--json');
    const codes = (JSON.parse(signed.stdout) as { findings: readonly Finding[] }).findings.map((finding) => finding.code);
    assert.deepEqual([signed.code, codes], [1, ['revoked-ancestor']]);
  });

  it('is not deceived by a copy of an ancestor that lacks its statements, beside it or in the store', async () => {
    cpSync(path('merged'), path('a-copy'), { recursive: true });
    const { code: unspoiled } = await models.run('verify', path('quantised'), ...trusting, ...list);
    assert.equal(unspoiled, 0);
    for (const name of ['base', 'merged', 'quantised', 'a-copy']) {
      await run('push', path(name), models.url(name), ...TRUST, ...signingAs(RELEASER));
    }
    await run('revoke', path('base'), '--reason', 'backdoor', ...list, ...asRevoker);
    assert.match((await rejected()).quantised ?? '', /^revoked-ancestor: .*quantised ← (merged|a-copy) ← base: backdoor$/);
    const { code, stdout } = await models.run('verify', `${models.url('quantised')}@1`, ...TRUST, ...list, '--json');
    const codes = (JSON.parse(stdout) as { findings: readonly Finding[] }).findings.map((finding) => finding.code);
    assert.deepEqual([code, codes.filter((each) => each.startsWith('revoked-'))], [1, ['revoked-ancestor']]);
  });
});
