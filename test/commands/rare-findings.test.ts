import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseBundle } from '../../src/formats/index.ts';
import { channelPayload, parseChannelPointer } from '../../src/release/index.ts';
import { layoutOf } from '../../src/store/index.ts';
import { signedBytes } from '../helpers/releases.ts';
import { RELEASER, StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

interface Told {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
  readonly subject: string;
}

describe('what is seldom found', () => {
  let models: StoredModels;

  beforeEach(() => {
    models = new StoredModels();
  });
  afterEach(() => models.remove());

  /** The findings of a code, of a run that ends so. */
  async function told(exitCode: number, code: string, ...args: readonly string[]): Promise<readonly Told[]> {
    const run = await models.run(...args, '--json');
    assert.equal(run.code, exitCode, run.stderr);
    const { findings }: { findings: readonly Told[] } = JSON.parse(run.stdout);
    return findings.filter((finding) => finding.code === code);
  }

  it('a dataset that nobody has signed', async () => {
    const model = models.sandbox.write('model', { 'a.bin': 'a' });
    const data = models.sandbox.write('data', { 'a.csv': '1' });
    assert.equal((await models.run('sign', model, ...signingAs(TRAINER))).code, 0);
    const [finding] = await told(0, 'material-unsigned', 'attest', model, '--dataset', data, ...signingAs(TRAINER));
    assert.deepEqual([finding?.severity, finding?.subject], ['note', 'data']);
    assert.equal(finding?.message, 'nobody has signed this dataset: it is bound by its bytes alone');
  });

  it('a memory of channels that cannot be written', async () => {
    await models.push();
    await models.promote(1);
    // The temporary file beside it would have a longer name than there may be.
    const state = models.sandbox.path('s'.repeat(250));
    const [finding] = await told(0, 'state-not-written', 'verify', `${models.url()}@production`, ...TRUST, '--state', state);
    assert.deepEqual([finding?.severity, finding?.subject], ['warning', state]);
    assert.match(finding?.message ?? '', /^this client could not remember the sequence: cannot write /);
  });

  it('the record of another release', async () => {
    await models.push();
    const { release } = layoutOf(models.location());
    const [record] = await models.versions(release(1));
    models.overwrite(release(2), record ?? '');
    const model = models.sandbox.write('model', { 'a.bin': 'a' });
    const base = ['--base', `${models.url()}@2`, '--relation', 'finetune'];
    const run = await models.run('attest', model, ...base, ...signingAs(TRAINER), '--json');
    const error = JSON.parse(run.stdout);
    assert.deepEqual([run.code, error.code, error.expected, error.got], [1, 'release-name-wrong', 'llama@2', 'llama@1']);
    assert.equal(error.message, 'the record that lies here is that of another release');
  });

  it('a pointer that was deleted', async () => {
    await models.push();
    await models.promote(1);
    models.delete(models.pointerKey());
    const run = await models.run('releases', models.url(), '--json');
    assert.equal(run.code, 0, run.stderr);
    const [channel] = JSON.parse(run.stdout).channels;
    assert.deepEqual(
      channel.findings.map(({ code, severity, message }: Told) => [code, severity, message]),
      [['record-deleted', 'warning', 'readers find nothing here: it was deleted']],
    );
  });

  it('a channel whose numbers somebody has used up', async () => {
    await models.push();
    await models.promote(1);
    const [bytes = Buffer.alloc(0)] = await models.versions(models.pointerKey());
    const pointer = parseChannelPointer(parseBundle(bytes, 'pointer').envelope.payload, 'pointer');
    const last = await signedBytes(channelPayload({ ...pointer, sequence: Number.MAX_SAFE_INTEGER }), RELEASER);
    models.overwrite(models.pointerKey(), last);
    const to = ['--channel', 'production', '--expires', '30d', ...signingAs(RELEASER), ...TRUST];
    const run = await models.run('promote', `${models.url()}@1`, '--init', ...to, '--json');
    const error = JSON.parse(run.stdout);
    assert.deepEqual([run.code, error.code, error.got], [1, 'channel-exhausted', '9007199254740992'], error.message);
    assert.equal(error.message, 'somebody who may move this channel has used up its sequence numbers');
  });

  it('a signature of another model beside this one', async () => {
    const [one, other] = ['one', 'other'].map((name) => models.sandbox.write(name, { 'a.bin': name }));
    for (const path of [one, other]) assert.equal((await models.run('sign', path ?? '', ...signingAs(TRAINER))).code, 0);
    models.sandbox.write('one.mlsign', { 'copied.sig': readFileSync(models.sandbox.path('other', 'model.sig')) });
    const [finding] = await told(0, 'signature-other-model', 'lineage', one ?? '');
    assert.deepEqual([finding?.severity, finding?.subject], ['warning', models.sandbox.path('one.mlsign', 'copied.sig')]);
    assert.equal(finding?.message, 'this signature is over another model, and does not count here');
  });

  it('a file whose name is that of the signature in other letters', async () => {
    await models.push('llama', { 'MODEL.SIG': 'not one', 'weights.bin': 'w' });
    const run = await models.run('pull', `${models.url()}@1`, models.sandbox.path('pulled'), ...TRUST, '--json');
    const error = JSON.parse(run.stdout);
    assert.deepEqual([run.code, error.code, error.subject], [1, 'signature-name-taken', 'MODEL.SIG']);
    assert.equal(error.message, 'the model has a file where its signature belongs');
    assert.ok(!existsSync(models.sandbox.path('pulled')));
  });

  it('an upload that a process left when it died', async () => {
    const { modelId } = await models.push();
    const owner = new URL('../../src/store/local-owner.ts', import.meta.url).href;
    const script = `import { ownedName } from ${JSON.stringify(owner)}; process.stdout.write(ownedName('part'))`;
    const left = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    writeFileSync(join(models.root, '.mlsign', 'versions', 'llama', modelId, 'weights.bin.v', left), 'half');
    const path = models.sandbox.write('next', { 'weights.bin': 'next' });
    assert.equal((await models.run('sign', path, ...signingAs(TRAINER))).code, 0);
    const [finding] = await told(0, 'upload-abandoned', 'push', path, models.url(), ...TRUST, ...signingAs(RELEASER));
    assert.equal(finding?.severity, 'warning');
    assert.match(finding?.message ?? '', /^1 upload was begun here and never completed/);
  });
});
