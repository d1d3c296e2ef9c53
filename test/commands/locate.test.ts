import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, RELEASER, StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

const DAY = 86_400_000;

describe('mlsign locate', () => {
  let models: StoredModels;
  let state: string;
  let ids: string[];

  beforeEach(async () => {
    models = new StoredModels();
    state = models.sandbox.path('state.json');
    ids = [];
    for (let i = 0; i < 2; i++) ids.push((await models.push()).modelId);
    await models.promote(1);
    await models.promote(2);
  });
  afterEach(() => models.remove());

  function locate(reference: string, ...flags: readonly string[]) {
    return models.run('locate', `${models.url()}${reference}`, ...TRUST, '--state', state, ...flags);
  }

  it('prints the prefix, one line, quiet or not: exactly the files of the model', async () => {
    for (const [reference, id] of [
      ['@production', ids[1]],
      ['@1', ids[0]],
      [`@sha256:${ids[0]}`, ids[0]],
    ] as const) {
      for (const flags of [[], ['--quiet']]) {
        const run = await locate(reference, ...flags);
        assert.equal(run.code, 0, run.stderr);
        assert.equal(run.stdout, `${models.root}/llama/${id}/\n`);
        assert.equal(run.stderr, '');
      }
    }
    assert.deepEqual(readdirSync(`${models.root}/llama/${ids[0]}`).toSorted(), ['config.json', 'weights.bin']);
  });

  it('says as JSON what was verified, and that no file was looked at', async () => {
    const run = await locate('@production', '--json');
    const document = JSON.parse(run.stdout);
    assertValid('locate', document);
    assert.deepEqual([document.verdict, document.release.number, document.channel.sequence], ['verified', 2, 2]);
    assert.deepEqual(document.checks.at(-1), {
      name: 'model-content',
      status: 'skipped',
      detail: 'no file was looked at: mlsign verify does that',
    });
  });

  it('prints the one object of a single file', async () => {
    const file = models.sandbox.write('single', { 'llama.gguf': 'weights' });
    const ended = [
      await models.run('sign', `${file}/llama.gguf`, ...signingAs(TRAINER)),
      await models.run('push', `${file}/llama.gguf`, models.url('single'), ...TRUST, ...signingAs(RELEASER)),
    ];
    assert.deepEqual(
      ended.map(({ code }) => code),
      [0, 0],
      ended.at(-1)?.stderr,
    );
    const run = await models.run('locate', `${models.url('single')}@1`, ...TRUST, '--json');
    const document = JSON.parse(run.stdout);
    assertValid('locate', document);
    assert.equal(document.object, `${document.prefix}llama.gguf`);
    const text = await models.run('locate', `${models.url('single')}@1`, ...TRUST);
    assert.equal(text.stdout, `${document.object}\n`);
    assert.equal(readFileSync(text.stdout.trim(), 'utf8'), 'weights');
  });

  it('prints nothing where it is not verified', async () => {
    const trainer = ['--trust-key', keyPath(`${TRAINER}.pub`)];
    const run = await models.run('locate', `${models.url()}@production`, ...trainer, '--state', state);
    assert.equal(run.code, 1);
    assert.equal(run.stdout, '');
    assert.match(run.stderr, /^rejected: /);
    assert.equal(existsSync(state), false, 'what is not verified is not remembered');
    assert.equal((await models.run('locate', `${models.url()}@production`)).code, 2);
    assert.equal((await locate('')).code, 2);
    const other = await locate('@production', '--expect-model-id', ids[0] ?? '');
    assert.deepEqual([other.code, other.stdout], [1, '']);
    assert.match(other.stderr, /this is another model than the one that was asked for/);
  });

  it('honours and advances what this client has seen', async () => {
    assert.equal((await locate('@production')).code, 0);
    assert.equal(JSON.parse(readFileSync(state, 'utf8')).channels['llama@production'].sequence, 2);
    const other = new StoredModels();
    try {
      await other.push();
      await other.promote(1);
      const run = await models.run('locate', `${other.url()}@production`, ...TRUST, '--state', state);
      assert.equal(run.code, 1);
      assert.equal(run.stdout, '');
      assert.match(run.stderr, /this is an older pointer of the channel than the newest one/);
      const least = ['--state', models.sandbox.path('other.json'), '--min-sequence', '2'];
      assert.equal((await models.run('locate', `${other.url()}@production`, ...TRUST, ...least)).code, 1);
    } finally {
      other.remove();
    }
  });

  it('rejects a pointer that has expired, and warns of one that soon will', async () => {
    await models.promote(1, new Date(Date.now() - 31 * DAY), 30, 'past');
    const past = await locate('@past');
    assert.deepEqual([past.code, past.stdout], [1, '']);
    assert.match(past.stderr, /expired/);
    await models.promote(1, new Date(Date.now() - 25 * DAY), 30, 'soon');
    const soon = await locate('@soon');
    assert.equal(soon.code, 0);
    assert.match(soon.stderr, /^warning: .*mlsign renew \S+@soon/s);
    assert.equal((await locate('@soon', '--quiet')).stderr, '');
  });

  it('says where there is no such release or channel', async () => {
    for (const reference of ['@9', '@staging', `@sha256:${'0'.repeat(64)}`]) {
      const run = await locate(reference);
      assert.deepEqual([run.code, run.stdout], [3, ''], run.stderr);
      assert.match(run.stderr, /^undetermined: /);
    }
  });
});
