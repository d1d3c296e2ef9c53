import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { layoutOf } from '../../src/store/index.ts';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, StoredModels, TRUST } from '../helpers/stored-models.ts';

/** What a terminal would act on. */
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u;

describe('mlsign ls and mlsign releases', () => {
  const models = new StoredModels();
  const layout = layoutOf(models.location());

  before(async () => {
    for (let i = 0; i < 3; i++) await models.push();
    await models.push('bert', { 'model.bin': 'twelve bytes' });
    await models.promote(2);
    await models.promote(3, new Date(), 30, 'staging');
    mkdirSync(`${models.root}/empty/nothing`, { recursive: true });
  });
  after(() => models.remove());

  async function ls(place: string, ...flags: readonly string[]) {
    const run = await models.run('ls', place, '--json', ...flags);
    assert.equal(run.code, 0, run.stderr);
    const document = JSON.parse(run.stdout);
    assertValid('ls', document);
    return document;
  }

  async function releases(...flags: readonly string[]) {
    const run = await models.run('releases', models.url(), '--json', ...flags);
    assert.equal(run.code, 0, run.stderr);
    const document = JSON.parse(run.stdout);
    assertValid('releases', document);
    return document;
  }

  it('lists the models of a place: newest release, channels, sizes', async () => {
    const { verified, models: found } = await ls(`file:${models.root}`);
    assert.equal(verified, false);
    const [bert, llama, ...others] = found;
    assert.deepEqual(others, []);
    assert.deepEqual([bert.name, bert.releases, bert.newest.bytes, bert.newest.files, bert.channels], ['bert', 1, 12, 1, []]);
    assert.deepEqual([llama.name, llama.releases, llama.newest.number, llama.newest.state], ['llama', 3, 3, 'claimed']);
    assert.deepEqual(
      llama.channels.map(({ channel, pointer }: { channel: string; pointer: { release: { number: number } } }) => [
        channel,
        pointer.release.number,
      ]),
      [
        ['production', 2],
        ['staging', 3],
      ],
    );
    const text = await models.run('ls', `file:${models.root}`);
    assert.match(text.stdout, /\/bert {2}1 release\n.*not verified.*1 file, 12 B/);
    assert.match(text.stdout, /\nnothing was verified: /);
  });

  it('lists one model, with or without a slash', async () => {
    for (const slash of ['', '/']) {
      const { url, models: found } = await ls(`${models.url()}${slash}`);
      assert.equal(url, models.url());
      assert.deepEqual([found.length, found[0].name, found[0].releases], [1, 'llama', 3]);
    }
  });

  it('verifies where it is said whom to trust', async () => {
    const { verified, models: found } = await ls(`file:${models.root}`, ...TRUST);
    assert.equal(verified, true);
    assert.deepEqual([found[1].newest.state, found[1].channels[0].state], ['verified', 'verified']);
    const other = await ls(models.url(), '--trust-key', keyPath('ec-p384.pub'));
    assert.deepEqual([other.models[0].newest.state, other.models[0].channels[0].state], ['rejected', 'rejected']);
    assert.notEqual(other.models[0].newest.findings.length, 0);
  });

  it('lists every release with its signer, its size and the channels that point to it', async () => {
    const { releases: rows, verified } = await releases(...TRUST);
    assert.equal(verified, true);
    assert.deepEqual(
      rows.map(({ number, state, files, channels }: Record<string, unknown>) => [number, state, files, channels]),
      [
        [3, 'verified', 2, ['staging']],
        [2, 'verified', 2, ['production']],
        [1, 'verified', 2, []],
      ],
    );
    assert.match(rows[0].signer, /^Ed25519, key /);
    const text = await models.run('releases', models.url());
    assert.match(text.stdout, / {2}2 {2}not verified {2}[0-9a-f]{12}… {2}2 files, 11 B {2}\S+Z {2}by key [0-9a-f]{16} {2}@production\n/);
  });

  it('has a line for what cannot be read, is deleted or foreign, and escapes it', async () => {
    const other = new StoredModels();
    try {
      for (let i = 0; i < 4; i++) await other.push();
      await other.promote(4);
      const { release, channel } = layout;
      other.overwrite(release(2), 'junk \u001b[2J');
      other.delete(release(3));
      other.overwrite(release(17), '{"a": "\\u001b[31m"}');
      other.overwrite(channel('evil'), '{}');
      other.overwrite('llama/.mlsign/releases/not-a-number.json', 'x');
      other.overwrite('evil\u202e\u001b[31m/.mlsign/releases/1.json', 'x');
      const run = await models.run('releases', other.url(), '--json');
      assert.equal(run.code, 0, run.stderr);
      const document = JSON.parse(run.stdout);
      assertValid('releases', document);
      assert.deepEqual(
        document.releases.map(({ number, state }: Record<string, unknown>) => [number, state]),
        [
          [17, 'unreadable'],
          [4, 'claimed'],
          [3, 'deleted'],
          [2, 'unreadable'],
          [1, 'claimed'],
        ],
      );
      assert.equal(document.releases[2].files, 2, 'what it was is still told');
      assert.equal(document.channels.find(({ channel }: { channel: string }) => channel === 'evil').state, 'unreadable');
      for (const args of [
        ['releases', other.url()],
        ['releases', other.url(), ...TRUST],
        ['ls', `file:${other.root}`],
        ['ls', `file:${other.root}`, ...TRUST, '--json'],
      ]) {
        const text = await models.run(...args);
        assert.equal(text.code, 0, text.stderr);
        assert.doesNotMatch(text.stdout, UNSAFE);
        assert.doesNotMatch(text.stderr, UNSAFE);
      }
    } finally {
      other.remove();
    }
  });

  it('needs a place in a store', async () => {
    assert.equal((await models.run('ls', models.root)).code, 2);
    assert.equal((await models.run('ls', `${models.url()}@1`)).code, 2);
    assert.equal((await models.run('releases', `${models.url()}@1`)).code, 2);
    const nothing = await models.run('ls', `file:${models.sandbox.path('nowhere')}`);
    assert.equal(nothing.code, 0, nothing.stderr);
    assert.match(nothing.stdout, /no models here/);
  });
});
