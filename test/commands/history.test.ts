import assert from 'node:assert/strict';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, StoredModels, TRUST } from '../helpers/stored-models.ts';

const DAY = 86_400_000;

describe('mlsign history', () => {
  let models: StoredModels;
  let place: string;

  beforeEach(async () => {
    models = new StoredModels();
    place = `${models.url()}@production`;
    await models.push();
    await models.promote(1);
    await models.promote(1);
  });
  afterEach(() => models.remove());

  async function versionsOf(...flags: readonly string[]) {
    const run = await models.run('history', place, '--json', ...flags);
    const document = JSON.parse(run.stdout);
    assertValid('history', document);
    return { code: run.code, ...document };
  }

  it('tells who promoted what, when and until when, and that nothing was verified', async () => {
    const run = await models.run('history', place);
    assert.equal(run.code, 0, run.stderr);
    const lines = run.stdout.split('\n');
    assert.match(lines[0] ?? '', /llama@production {2}2 versions of its pointer, the newest first$/);
    assert.match(lines[1] ?? '', /^ {2}\? 2 {2}promote of release 1 {2}\S+Z {2}until \S+Z {2}current$/);
    assert.match(lines[2] ?? '', /^ {6}by key [0-9a-f]{16} {2}as it says$/);
    assert.match(run.stdout, /\nnothing was verified: name whom you trust \(.*\)\n$/);
    const { verified, verdict, versions } = await versionsOf();
    assert.deepEqual([verified, verdict, versions[0].state, versions[1].state], [false, undefined, 'claimed', 'claimed']);
  });

  it('verifies every version under the role of the channel', async () => {
    for (const trust of [TRUST, TRUST.slice(2)]) {
      const { code, verdict, versions } = await versionsOf(...trust);
      assert.deepEqual([code, verdict], [0, 'verified']);
      assert.deepEqual(
        versions.map(({ state, current, pointer }: { state: string; current: boolean; pointer: { sequence: number } }) => [
          state,
          current,
          pointer.sequence,
        ]),
        [
          ['verified', true, 2],
          ['verified', false, 1],
        ],
      );
      assert.match(versions[0].signer, /^Ed25519, key /);
    }
  });

  it('rejects where nobody with the role has signed', async () => {
    const { code, verdict, versions, findings } = await versionsOf('--trust-key', keyPath('ec-p384.pub'));
    assert.deepEqual([code, verdict, versions[0].state], [1, 'rejected', 'rejected']);
    assert.notEqual(versions[0].problem, undefined);
    assert.equal(findings[0].code, 'channel-missing');
    assert.equal(findings[0].message, 'no pointer of this channel is verified, in all its history');
  });

  it('shows what is deleted, foreign, older or of another channel as what it is', async () => {
    const [, first] = await models.versions(models.pointerKey());
    await models.promote(1, new Date(), 30, 'staging');
    const [staging] = await models.versions(models.pointerKey('staging'));
    assert.ok(first && staging);
    await models.put(models.pointerKey(), 'junk \u001b[31m');
    await models.put(models.pointerKey(), staging);
    await models.put(models.pointerKey(), first);
    const older = await versionsOf(...TRUST);
    assert.deepEqual([older.code, older.findings[0].code], [1, 'channel-not-sound']);
    models.delete(models.pointerKey());
    const { code, versions, findings } = await versionsOf(...TRUST);
    assert.deepEqual(
      versions.map(({ state }: { state: string }) => state),
      ['deleted', 'verified', 'rejected', 'unreadable', 'verified', 'verified'],
    );
    assert.equal(versions[2].problem, 'this pointer was signed for another channel');
    assert.deepEqual([code, findings[0].code], [1, 'channel-not-sound']);
    assert.equal(findings[0].message, 'what readers of this channel get is not its newest signed pointer');
    const text = await models.run('history', place, ...TRUST);
    assert.match(text.stdout, /\n {2}- deleted {2}\S+Z {2}current\n/);
    assert.doesNotMatch(text.stdout, /\u001b/);
    const untrusting = await models.run('history', place);
    assert.equal(untrusting.code, 0);
  });

  it('tells of a pointer that has expired, and rejects it where it verifies', async () => {
    await models.push('old');
    await models.promote(1, new Date(Date.now() - 40 * DAY), 30, 'production', 'old');
    place = `${models.url('old')}@production`;
    const { code, findings } = await versionsOf(...TRUST);
    assert.deepEqual([code, findings[0].code, findings[0].message], [1, 'channel-expired', 'the newest pointer has expired']);
    assert.match((await models.run('history', place)).stdout, /expired \d{4}-/);
  });

  it('says where there is no such channel, and needs one', async () => {
    const run = await models.run('history', `${models.url()}@staging`);
    assert.equal(run.code, 3);
    assert.match(run.stderr, /there is no channel of this name, and never was.*\[channel-missing\]/s);
    assert.equal((await models.run('history', models.url())).code, 2);
    assert.equal((await models.run('history', `${models.url()}@1`)).code, 2);
  });
});
