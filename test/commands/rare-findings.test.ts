import assert from 'node:assert/strict';
import { layoutOf } from '../../src/store/index.ts';
import { StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

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
});
